//! When a capture that failed is tried again: which have to wait, by interface. No IO and no clock.

use crate::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// The first wait before a capture that failed is tried again; doubled up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// A capture that ran for as long has nothing to do with the failures before.
const RECOVERED: Duration = Duration::from_mins(1);

/// The interfaces whose captures failed.
#[derive(Debug, Default)]
pub(crate) struct Failures(BTreeMap<String, Failure>);

#[derive(Debug)]
struct Failure {
    /// Of the interface: another one of the same name has not failed.
    index: u32,
    retry_at: Time,
    wait: Duration,
    /// The interface is gone, but the kernel has not announced it yet.
    is_gone: bool,
    /// Since when a capture runs in spite of it.
    running_since: Option<Time>,
}

impl Failures {
    /// A capture could not begin or did not last. `is_gone` means that there is no such interface:
    /// then the wait ends when something is announced about it. True if this is the first failure
    /// in a row.
    pub(crate) fn handle_failure(
        &mut self,
        name: &str,
        index: u32,
        is_gone: bool,
        now: Time,
    ) -> bool {
        let ran_long = |failure: &Failure| {
            failure.running_since.is_some_and(|since| now.since(since) >= RECOVERED)
        };
        let before = self.0.get(name).filter(|f| f.index == index && !ran_long(f));
        let wait = before.map_or(FIRST, |failure| failure.wait.saturating_mul(2).min(LONGEST));
        let is_first = before.is_none();
        let retry_at = now.plus(wait);
        let failure = Failure { index, retry_at, wait, is_gone, running_since: None };
        self.0.insert(name.to_owned(), failure);
        is_first
    }

    /// A capture began.
    pub(crate) fn handle_begin(&mut self, name: &str, now: Time) {
        if let Some(failure) = self.0.get_mut(name) {
            failure.running_since = Some(now);
        }
    }

    /// The kernel announced something about the interface.
    pub(crate) fn handle_change(&mut self, name: &str, now: Time) {
        if let Some(failure) = self.0.get_mut(name).filter(|failure| failure.is_gone) {
            failure.retry_at = now;
        }
    }

    /// Forgets the interfaces for which `is_wanted` does not hold.
    pub fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_wanted(name));
    }

    /// Whether a capture must not begin yet.
    pub(crate) fn is_waiting(&self, name: &str, index: u32, now: Time) -> bool {
        self.0.get(name).is_some_and(|failure| failure.index == index && failure.retry_at > now)
    }

    /// Whether a capture is to be tried again now.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.0.values().any(|failure| failure.running_since.is_none() && failure.retry_at <= now)
    }

    /// Whether none failed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[test]
    fn waits_grow_until_a_capture_has_run_for_a_minute() {
        let mut failures = Failures::default();
        assert!(failures.handle_failure("eth0", 2, false, at(0)));
        assert!(failures.is_waiting("eth0", 2, at(0)) && !failures.is_due(at(0)));
        assert!(!failures.is_waiting("eth0", 2, at(1)) && failures.is_due(at(1)));
        assert!(!failures.handle_failure("eth0", 2, false, at(1)));
        assert!(failures.is_waiting("eth0", 2, at(2)));
        failures.handle_begin("eth0", at(3));
        assert!(!failures.handle_failure("eth0", 2, false, at(62)), "it ran for 59 s");
        assert!(failures.is_waiting("eth0", 2, at(65)));
        failures.handle_begin("eth0", at(66));
        assert!(failures.handle_failure("eth0", 2, false, at(126)));
        assert!(!failures.is_waiting("eth0", 2, at(127)));
        for n in 0..20 {
            failures.handle_failure("eth0", 2, false, at(200 + n));
        }
        assert!(!failures.is_waiting("eth0", 2, at(219 + 60)));
    }

    #[test]
    fn what_runs_is_not_due() {
        let mut failures = Failures::default();
        failures.handle_failure("eth0", 2, false, at(0));
        failures.handle_begin("eth0", at(1));
        assert!(!failures.is_due(at(100)));
    }

    #[test]
    fn another_interface_of_the_same_name_does_not_wait() {
        let mut failures = Failures::default();
        failures.handle_failure("eth0", 2, false, at(0));
        failures.handle_failure("eth0", 2, false, at(0));
        assert!(!failures.is_waiting("eth0", 3, at(0)));
        assert!(failures.handle_failure("eth0", 3, false, at(0)));
        assert!(!failures.is_waiting("eth0", 3, at(1)), "nor does it inherit the wait");
    }

    #[test]
    fn what_is_gone_waits_for_news_of_it() {
        let mut failures = Failures::default();
        failures.handle_failure("eth0", 2, true, at(0));
        failures.handle_failure("eth1", 3, false, at(0));
        assert!(failures.is_waiting("eth0", 2, at(0)));
        failures.handle_change("eth0", at(0));
        failures.handle_change("eth1", at(0));
        assert!(!failures.is_waiting("eth0", 2, at(0)));
        assert!(failures.is_waiting("eth1", 3, at(0)), "it failed for another reason");
    }
}
