//! Frames made by hand, for the tests and the demo.
