//! Whether frames are there a second time because of where we listen: behind a mirror port (SPAN),
//! or on an access point that sends each group frame of a station out again.
//!
//! Takes the runs of pairs of each source; says whether the second of a pair is such a copy. It
//! does not know what a frame says.
//!
//! One source is enough if all its group frames, of two protocols or more, come twice. A sender
//! that says everything twice by itself does so in one protocol. Several sources together are
//! enough as well, as long as they show that many frames of two protocols.

use super::sources::Run;
use crate::decode::Protocol;
use crate::detect::memory::sender::SenderKey;
use crate::set::Set;
use crate::time::Time;
use std::time::Duration;

/// So many pairs are evidence...
const PAIRS: u16 = 20;
/// ... over this long...
const OVER: Duration = Duration::from_secs(10);
/// ... of so many protocols.
const PROTOCOLS: usize = 2;
/// Sources that are evidence together...
const SOURCES: usize = 3;
/// ... each with so many pairs in a row...
const PAIRS_OF_EACH: u16 = 4;
/// ... the last of them within this long.
const TOGETHER: Duration = Duration::from_mins(1);
/// The place of listening is believed to make copies for this long after the last: some LANs are
/// silent for minutes.
const KEPT: Duration = Duration::from_mins(10);

/// The pairs of one source.
#[derive(Clone, Copy, Debug)]
struct Evidence {
    sender: SenderKey,
    last: Time,
    run: Run,
}

/// What is believed of the place of listening. 200 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mirror {
    until: Option<Time>,
    /// Of the last three sources with pairs in a row, the latest first.
    evidence: [Option<Evidence>; SOURCES],
}

impl Mirror {
    /// Whether seconds are copies now.
    pub(super) fn is_on(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now <= until)
    }

    /// A copy was recognised without any doubt.
    pub(super) fn confirm(&mut self, now: Time) {
        self.until = Some(now.plus(KEPT));
    }

    /// A source's frame came twice, as all of its last ones did.
    pub(super) fn hear_pair(&mut self, now: Time, sender: SenderKey, run: Run) {
        if run.pairs >= PAIRS_OF_EACH {
            let there = |evidence: &Option<Evidence>| evidence.is_some_and(|e| e.sender == sender);
            let place = self.evidence.iter().position(there).unwrap_or(SOURCES - 1);
            self.evidence[..=place].rotate_right(1);
            self.evidence[0] = Some(Evidence { sender, last: now, run });
        }
        if is_enough(now, run) || self.are_enough(now) {
            self.confirm(now);
        }
    }

    /// Whether the sources together are evidence.
    fn are_enough(&self, now: Time) -> bool {
        let mut all = Run { since: now, ..Run::default() };
        for evidence in self.evidence {
            let Some(Evidence { last, run, .. }) = evidence else { return false };
            if now.since(last) > TOGETHER {
                return false;
            }
            all.since = all.since.min(run.since);
            all.pairs = all.pairs.saturating_add(run.pairs);
            all.protocols = all.protocols.union(run.protocols);
        }
        is_enough(now, all)
    }
}

fn is_enough(now: Time, run: Run) -> bool {
    is_long(now, run) && count(run.protocols) >= PROTOCOLS
}

/// Whether so many pairs came that those of one protocol are the sender's doing.
pub(super) fn is_long(now: Time, run: Run) -> bool {
    run.pairs >= PAIRS && now.since(run.since) >= OVER
}

fn count(protocols: Set<Protocol>) -> usize {
    protocols.iter().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn sender(n: u64) -> SenderKey {
        SenderKey::new(None, n << 2)
    }

    fn run(pairs: u16, protocols: &[Protocol]) -> Run {
        let mut set = Set::default();
        for protocol in protocols {
            set.insert(*protocol);
        }
        Run { since: Time(0), pairs, protocols: set }
    }

    /// Whether pairs of these sources, heard one after the other at `now`, are believed.
    fn is_believed(now: Time, runs: &[Run]) -> bool {
        let mut mirror = Mirror::default();
        for (n, run) in (0..).zip(runs) {
            mirror.hear_pair(now, sender(n), *run);
        }
        mirror.is_on(now)
    }

    #[test]
    fn one_source_is_enough_with_two_protocols() {
        use Protocol::{Arp, Mdns};
        let at = Time(0).plus(10 * SECOND);
        assert!(is_believed(at, &[run(20, &[Mdns, Arp])]));
        assert!(!is_believed(at, &[run(20, &[Mdns])]), "one protocol");
        assert!(!is_believed(at, &[run(19, &[Mdns, Arp])]), "too few");
        let early = at.minus(Duration::from_nanos(1));
        assert!(!is_believed(early, &[run(20, &[Mdns, Arp])]), "too soon");
    }

    #[test]
    fn three_are_enough_together() {
        use Protocol::{Arp, Mdns, Ssdp};
        let at = Time(0).plus(10 * SECOND);
        assert!(is_believed(at, &[run(8, &[Mdns]), run(8, &[Ssdp]), run(4, &[Mdns])]));
        assert!(!is_believed(at, &[run(8, &[Mdns]), run(12, &[Ssdp])]), "two");
        assert!(!is_believed(at, &[run(9, &[Mdns]), run(9, &[Ssdp]), run(3, &[Arp])]), "too few");
        assert!(!is_believed(at, &[run(9, &[Mdns]); 3]), "one protocol");
    }

    #[test]
    fn it_is_believed_for_ten_minutes_after_the_last_copy() {
        let mut mirror = Mirror::default();
        mirror.confirm(Time(0));
        assert!(mirror.is_on(Time(0).plus(KEPT)));
        assert!(!mirror.is_on(Time(0).plus(KEPT + SECOND)));
    }
}
