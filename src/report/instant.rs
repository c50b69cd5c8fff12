//! Instants and durations as reports have them. In: stamps. Out: text in RFC 3339, and seconds.

use crate::time::Stamp;
use serde::Serialize;
use serde::ser::Serializer;

/// A stamp that prints as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(jiff::Timestamp);

impl Instant {
    /// `None` beyond the years that RFC 3339 can write.
    pub(crate) fn from_stamp(stamp: Stamp) -> Option<Self> {
        let earliest = jiff::Timestamp::from_nanosecond(-62_167_219_200 * 1_000_000_000).ok()?;
        let timestamp = jiff::Timestamp::from_nanosecond(stamp.0).ok()?;
        (timestamp >= earliest).then_some(Self(timestamp))
    }

    /// The second that it is in: enough for people.
    pub(crate) fn whole_seconds(self) -> Self {
        let second = self.0.as_nanosecond().div_euclid(1_000_000_000);
        Self::from_stamp(Stamp(second * 1_000_000_000)).unwrap_or(self)
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Seconds from `start` to `end`.
#[allow(clippy::cast_precision_loss, reason = "a duration for people: 53 bits are plenty")]
pub(super) fn seconds_between(start: Stamp, end: Stamp) -> f64 {
    end.0.saturating_sub(start.0) as f64 / 1e9
}
