//! Reads the clocks: the one module that may (`clippy.toml`, `disallowed-methods`).

use super::{Stamp, Time};

/// Both clocks, read one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The monotonic clock.
    pub monotonic: Time,
    /// The wall clock.
    pub wall: Stamp,
}

/// Reads the wall clock and the monotonic clock.
#[allow(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
pub fn now() -> Reading {
    use std::sync::OnceLock;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};
    /// Monotonic time starts well above zero, so that "two minutes ago" exists at start.
    const START: u64 = 3_600_000_000_000;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(Instant::now).elapsed();
    let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
    };
    Reading { monotonic: Time(START).plus(elapsed), wall: Stamp(wall) }
}
