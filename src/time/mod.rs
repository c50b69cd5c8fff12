//! Two kinds of time. A [`Stamp`] is what a wall clock said; a [`Time`] is what the engine counts
//! with and never goes back. [`clock`] is the only module of the program that reads a clock;
//! [`timeline`] turns stamps into engine time, [`beat`] tells a thread that goes on from one that does not.

pub(crate) mod beat;
pub mod clock;
pub(crate) mod timeline;

use std::time::Duration;

/// Wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// 128 bits, because pcapng stamps reach far beyond what 64 bits of nanoseconds hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp(pub i128);

impl Stamp {
    /// From whole seconds and nanoseconds.
    pub const fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds as i128 * 1_000_000_000 + nanoseconds as i128)
    }

    /// This instant, later by `by`. Saturates.
    pub(crate) fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i128::try_from(by.as_nanos()).unwrap_or(i128::MAX)))
    }
}

/// Engine time: nanoseconds on a clock that never goes back and whose zero means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The number of the whole second that this instant lies in.
    pub const fn second(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// This instant, later by `by`. Saturates.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// This instant, earlier by `by`, not before zero.
    pub(crate) fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
