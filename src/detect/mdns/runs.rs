//! Probes of one source for one name, one after the other: whether they ever end.
//!
//! Times of probes come in, and of the announcements by which a name is taken. A device in set-up
//! sends 6 or 7 in 10 s, and gaps of 357 and 146 ms are a healthy phone's: only numbers make a
//! loop, or many hasty gaps.

use crate::detect::memory::recent::Recent;
use crate::time::Time;
use std::time::Duration;

/// More probes than nine of one name, never taken...
const LOOP: u8 = 10;
/// ... in this time are a loop.
const LOOP_WINDOW: Duration = Duration::from_secs(10);
/// Gaps shorter than this are hasty: five within [`LOOP_WINDOW`] are a loop too.
const HASTY: Duration = Duration::from_millis(200);
/// The same probe again within this time was heard twice, or said by two programs at once.
pub(super) const AT_ONCE: Duration = Duration::from_millis(5);
const HASTY_GAPS: u8 = 5;
/// More probes than 18 of one name, never taken...
const ENDLESS: u8 = 19;
/// ... in this time do not end, whatever their rate.
pub(super) const ENDLESS_WINDOW: Duration = Duration::from_mins(1);

/// The probes of one source for one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// Those since it was heard to have the name.
    untaken: Recent<{ ENDLESS as usize - 1 }>,
    /// Those that came hastily.
    hasty: Recent<{ HASTY_GAPS as usize - 1 }>,
    last: Option<Time>,
}

/// What a probe is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Of a loop, at a rate that may make a storm.
    pub is_loop: bool,
    /// Of a run that does not end, at any rate.
    pub is_endless: bool,
}

impl Run {
    /// Hears a probe.
    pub(super) fn probe(&mut self, now: Time, judges_gaps: bool) -> Part {
        let gap = self.last.map(|last| now.since(last));
        self.last = Some(now);
        self.untaken.push(now);
        if gap.is_some_and(|gap| (AT_ONCE..HASTY).contains(&gap)) {
            self.hasty.push(now);
        }
        let is_hasty = judges_gaps && self.hasty.are_within(HASTY_GAPS, now, LOOP_WINDOW);
        Part {
            is_loop: is_hasty || self.untaken.are_within(LOOP, now, LOOP_WINDOW),
            is_endless: self.untaken.are_within(ENDLESS, now, ENDLESS_WINDOW),
        }
    }

    /// The source has the name.
    pub(super) fn take(&mut self) {
        self.untaken = Recent::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_run_is_judged_by_the_probes_since_the_name_was_taken(
            steps in prop::collection::vec((200_u64..4_000, 0_u8..30), 1..120),
        ) {
            let mut run = Run::default();
            let mut untaken: Vec<Time> = Vec::new();
            let mut now = Time(0);
            for (millis, what) in steps {
                now = now.plus(Duration::from_millis(millis));
                if what == 0 {
                    run.take();
                    untaken.clear();
                    continue;
                }
                untaken.push(now);
                let lately = |span| untaken.iter().filter(|at| now.since(**at) <= span).count();
                prop_assert_eq!(run.probe(now, true), Part {
                    is_loop: lately(LOOP_WINDOW) > 9,
                    is_endless: lately(ENDLESS_WINDOW) > 18,
                });
            }
        }
    }

    #[test]
    fn five_hasty_gaps_in_ten_seconds_make_a_loop() {
        let mut run = Run::default();
        let times = [0, 199, 398, 597, 800, 999, 1_198, 1_199, 11_000];
        let is_loop = times.map(|millis| {
            run.take();
            run.probe(Time(millis * 1_000_000), true).is_loop
        });
        assert_eq!(is_loop, [false, false, false, false, false, false, true, true, false]);
        assert!(!Run::default().probe(Time(0), false).is_loop);
    }

    #[test]
    fn a_device_in_set_up_is_no_loop() {
        let mut run = Run::default();
        let parts: Vec<_> = (0..7).map(|n| run.probe(Time(n * 1_400_000_000), true)).collect();
        assert!(parts.iter().all(|part| *part == Part::default()));
    }
}
