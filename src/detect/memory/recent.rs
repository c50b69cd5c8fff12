//! When something happened last, a fixed number of times back.

use crate::detect::steady::Steady;
use crate::time::Time;
use std::time::Duration;

/// The last `GAPS` + 1 events of one kind: the last one, and the gaps before it to a millisecond.
/// 12 bytes and four more a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent<const GAPS: usize> {
    last: Time,
    /// Milliseconds, the newest gap first; only those between known events.
    gaps: [u32; GAPS],
    events: u8,
}

impl<const GAPS: usize> Default for Recent<GAPS> {
    fn default() -> Self {
        Self { last: Time(0), gaps: [0; GAPS], events: 0 }
    }
}

impl<const GAPS: usize> Recent<GAPS> {
    /// One more event, not before the last.
    pub(crate) fn push(&mut self, at: Time) {
        if self.events > 0 {
            self.gaps.copy_within(..GAPS - 1, 1);
            let gap = at.since(self.last).as_millis();
            self.gaps[0] = u32::try_from(gap).unwrap_or(u32::MAX);
        }
        self.last = at;
        self.events = self.events.saturating_add(1).min(Self::MAX);
    }

    /// Events kept at most.
    #[allow(clippy::cast_possible_truncation, reason = "checked")]
    const MAX: u8 = {
        assert!(0 < GAPS && GAPS < 255);
        GAPS as u8 + 1
    };

    /// The event that is the `n`th last, counted from 1, if it is kept.
    pub(crate) fn nth_last(&self, n: u8) -> Option<Time> {
        if n == 0 || n > self.events {
            return None;
        }
        let before = self.gaps.iter().take(usize::from(n) - 1);
        Some(before.fold(self.last, |at, gap| at.minus(Duration::from_millis((*gap).into()))))
    }

    /// Whether the last `n` events lie within `span` up to `now`, its ends included.
    pub(crate) fn are_within(&self, n: u8, now: Time, span: Duration) -> bool {
        self.nth_last(n).is_some_and(|at| now.since(at) <= span)
    }

    /// The last `n` gaps, the newest first, if there are as many.
    pub(crate) fn last_gaps<const N: usize>(&self) -> Option<[Duration; N]> {
        let known = self.gaps.get(..usize::from(self.events.saturating_sub(1)))?;
        let gaps = known.first_chunk::<N>()?;
        Some(gaps.map(|gap| Duration::from_millis(gap.into())))
    }

    /// Until when [`Self::are_within`] stays what it is if nothing is added.
    pub(crate) fn steady(&self, n: u8, now: Time, span: Duration, steady: Steady) -> Steady {
        self.nth_last(n).map_or(steady, |at| steady.while_under(now, at, span))
    }

    /// Forgets all.
    pub(crate) const fn clear(&mut self) {
        self.events = 0;
    }

    /// Forgets what was not after `at`.
    pub(crate) fn forget_until(&mut self, at: Time) {
        while self.nth_last(self.events).is_some_and(|oldest| oldest <= at) {
            self.events -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec((0_u64..5_000, 0_u8..8), 1..60)) {
            let mut recent = Recent::<3>::default();
            let mut model: Vec<Time> = Vec::new();
            let mut now = Time(0);
            for (millis, what) in steps {
                now = now.plus(Duration::from_millis(millis));
                match what {
                    0 => {
                        recent.clear();
                        model.clear();
                    }
                    1 => {
                        let until = now.minus(Duration::from_secs(3));
                        recent.forget_until(until);
                        model.retain(|at| *at > until);
                    }
                    _ => {
                        recent.push(now);
                        model.push(now);
                    }
                }
                let skip = model.len().saturating_sub(4);
                model.drain(..skip);
                for n in 0..6_u8 {
                    let place = model.len().checked_sub(n.into()).filter(|_| n > 0);
                    let expected = place.map(|place| model[place]);
                    prop_assert_eq!(recent.nth_last(n), expected);
                    let is_within = expected.is_some_and(|at| now.since(at).as_secs() < 5);
                    let span = Duration::from_nanos(4_999_999_999);
                    prop_assert_eq!(recent.are_within(n, now, span), is_within);
                }
                let gap = model.len().checked_sub(2).map(|n| [model[n + 1].since(model[n])]);
                prop_assert_eq!(recent.last_gaps::<1>(), gap);
                prop_assert_eq!(recent.last_gaps::<3>().is_some(), model.len() == 4);
                prop_assert_eq!(recent.last_gaps::<4>(), None);
            }
        }
    }
}
