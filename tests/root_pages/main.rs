//! What is paged and what is not, with real servers: sets of them, sites, cases that people met.
//!
//! Durations of the shipped files are divided by one factor. Most tests wait: two of them run at a
//! time, and within each what can run at the same time does.

#[path = "../e2e/mod.rs"]
mod e2e;

mod servers;

use std::time::Duration;

/// By what durations are divided.
const FACTOR: u32 = 10;
/// What else a busy machine may need, however much durations are shortened.
const SLACK: Duration = Duration::from_mins(2);
