//! What comes back: how often a device's copies went round, for the condition `reflection`.

use crate::decode::Sender;
use crate::decode::mdns::HashKey;
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::recent::Recent;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::view::Findings;
use crate::time::Time;
use std::time::Duration;

/// So many rounds...
const ROUNDS: u8 = 5;
/// ... within this long are evidence.
const WINDOW: Duration = Duration::from_mins(1);
/// A loop is on for this long after it was last seen.
const LOOP_KEPT: Duration = Duration::from_secs(10);
/// Sets of devices: at most 128, 8 KiB.
const SENDER_SETS: usize = 16;

/// How often copies of each device came back. At most 8 KiB.
#[derive(Debug)]
pub(super) struct Returns {
    rounds: Table<SenderKey, Recent<4>, SENDER_SETS>,
    last: Option<Time>,
}

impl Returns {
    pub(super) fn new(key: HashKey) -> Self {
        Self { rounds: Table::new(key, WINDOW), last: None }
    }

    /// Copies went round, by whomever.
    pub(super) const fn note(&mut self, now: Time) {
        self.last = Some(now);
    }

    /// `sender` copies what `other` sent, and it goes round.
    pub(super) fn add(
        &mut self,
        now: Time,
        sender: SenderKey,
        about: Option<About>,
        other: Option<Sender>,
        findings: &mut Findings,
    ) {
        self.note(now);
        let rounds = self.rounds.entry(now, sender, Recent::default).value;
        rounds.push(now);
        if rounds.are_within(ROUNDS, now, WINDOW) {
            let condition = Condition::Reflection;
            findings.show(Evidence { condition, about, other, role: None });
        }
    }

    /// Whether copies go round, or did in the last 10 s.
    pub(super) fn is_on(&self, now: Time) -> bool {
        self.last.is_some_and(|at| now.since(at) <= LOOP_KEPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_within_a_minute_are_evidence() {
        let mut returns = Returns::new(HashKey([1, 2, 3, 4]));
        let shown = |returns: &mut Returns, seconds: u64| {
            let mut findings = Findings::default();
            let now = Time(0).plus(Duration::from_secs(seconds));
            returns.add(now, SenderKey::new(None, 4), None, None, &mut findings);
            !findings.evidence().is_empty()
        };
        let all: Vec<_> = [0, 15, 30, 45, 60, 76, 137].map(|at| shown(&mut returns, at)).into();
        assert_eq!(all, [false, false, false, false, true, false, false]);
        assert!(returns.is_on(Time(147_000_000_000)) && !returns.is_on(Time(147_000_000_001)));
    }

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, Recent<4>)>>();
        assert!(SENDER_SETS * 8 * each <= 8 << 10, "{each}");
    }
}
