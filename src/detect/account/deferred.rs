//! Offences by frames that may be a mirror port's copies.
//!
//! Frames that came twice within milliseconds wait here. They count when the sender turns out to
//! repeat itself, or after 10 s without a mirror port; they are dropped if there is one.

use crate::decode::Sender;
use crate::detect::rule::Rule;
use crate::time::Time;
use std::time::Duration;

/// How long an offence waits: as long as evidence of a mirror port is collected.
const WAIT: Duration = Duration::from_secs(10);
/// At most this many senders and rules wait, in 4 KiB; any more count at once.
const MAX: usize = 64;

/// Offences of one sender against one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deferred {
    pub sender: Sender,
    pub rule: Rule,
    pub count: u64,
    since: Time,
}

/// Offences that wait. At most 4 KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deferrals(Vec<Deferred>);

impl Deferrals {
    /// Defers one offence. False if there is no space: then it counts.
    pub(crate) fn hold(&mut self, now: Time, sender: Sender, rule: Rule) -> bool {
        let same = |held: &&mut Deferred| (held.sender, held.rule) == (sender, rule);
        if let Some(held) = self.0.iter_mut().find(same) {
            held.count += 1;
            return true;
        }
        let has_room = self.0.len() < MAX;
        if has_room {
            self.0.push(Deferred { sender, rule, count: 1, since: now });
        }
        has_room
    }

    /// Takes out those of one sender.
    pub(crate) fn take_of(&mut self, sender: Sender) -> impl Iterator<Item = Deferred> {
        self.0.extract_if(.., move |held| held.sender == sender)
    }

    /// Takes out those that have waited for long enough.
    pub(crate) fn take_due(&mut self, now: Time) -> impl Iterator<Item = Deferred> {
        self.0.extract_if(.., move |held| now.since(held.since) >= WAIT)
    }

    /// Whether none wait.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops all: they were a mirror port's.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    #[test]
    fn what_waits_is_bounded_and_counts_in_the_end() {
        let mut deferrals = Deferrals::default();
        let sender = |n: u8| Sender::Mac(Mac([n; 6]));
        for n in 0..=u8::MAX {
            assert_eq!(deferrals.hold(Time(0), sender(n), Rule::RecordInterval), n < 64);
        }
        assert!(deferrals.hold(Time(1), sender(7), Rule::RecordInterval));
        assert!(!deferrals.hold(Time(1), sender(7), Rule::TtlValue), "no room");
        let of_seven: Vec<_> = deferrals.take_of(sender(7)).collect();
        assert_eq!(of_seven.iter().map(|held| held.count).collect::<Vec<_>>(), [2]);
        assert_eq!(
            deferrals.take_due(Time(0).plus(WAIT).minus(Duration::from_nanos(1))).count(),
            0
        );
        assert_eq!(deferrals.take_due(Time(0).plus(WAIT)).count(), 63);
        assert!(deferrals.is_empty());
    }
}
