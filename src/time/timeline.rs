//! Maps time stamps to engine time. Pure: it is told what the clocks say.
