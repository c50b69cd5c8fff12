//! All that one process watches: its captures, each with its pipeline behind a lock. Capture
//! threads write here; scrapes and pages read.
