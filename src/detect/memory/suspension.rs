//! When silence proves nothing: for 2 s after start, interface up, a kernel drop, a clock step, or
//! a live question that had to be forgotten.

use crate::detect::steady::Steady;
use crate::time::Time;
use std::time::Duration;

/// How long rules that rest on silence are suspended.
const LENGTH: Duration = Duration::from_secs(2);

/// Whether rules that rest on silence are suspended, and how often they were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suspension {
    until: Option<Time>,
    begun: u64,
}

impl Suspension {
    /// Suspends for 2 s from `now`. A suspension that is extended is counted once.
    pub(crate) fn begin(&mut self, now: Time) {
        if !self.is_active(now) {
            self.begun += 1;
        }
        self.until = Some(now.plus(LENGTH));
    }

    /// Whether `now` is within one; its end is not.
    pub(crate) fn is_active(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Until when it stays as it is.
    pub(crate) fn steady(&self, now: Time, steady: Steady) -> Steady {
        self.until.filter(|until| now < *until).map_or(steady, |until| steady.until(until))
    }

    /// How many began.
    pub(crate) const fn begun(&self) -> u64 {
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lasts_two_seconds_and_is_counted_when_it_begins() {
        let mut suspension = Suspension::default();
        let at = |millis: u64| Time(millis * 1_000_000);
        assert!(!suspension.is_active(at(0)));
        suspension.begin(at(0));
        assert!(suspension.is_active(at(1_999)));
        suspension.begin(at(1_000));
        assert!(suspension.is_active(at(2_999)));
        assert!(!suspension.is_active(at(3_000)));
        assert_eq!(suspension.begun(), 1);
        suspension.begin(at(3_000));
        assert_eq!(suspension.begun(), 2);
    }
}
