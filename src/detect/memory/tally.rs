//! How often something happened lately: a count for each of the last sixty stretches of time.
//!
//! A limit over a minute, or over ten, is a sum of these; no single event is remembered.

use crate::time::Time;

/// Stretches that are kept, the running one included.
const KEPT: u32 = 60;
/// The same, as a length.
const LENGTH: usize = 60;

/// Counts of the last sixty stretches of `SECONDS` s each, the running one included: a total looks
/// back on at least 59 of them and on 60 at most. 64 bytes. A stretch counts up to 255, which is
/// above every limit on the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally<const SECONDS: u64> {
    counts: [u8; LENGTH],
    /// The number of the newest stretch that was counted in.
    newest: u32,
}

impl<const SECONDS: u64> Default for Tally<SECONDS> {
    fn default() -> Self {
        Self { counts: [0; LENGTH], newest: 0 }
    }
}

impl<const SECONDS: u64> Tally<SECONDS> {
    /// It happened once more. What comes late counts as of the newest stretch.
    pub(crate) fn count(&mut self, now: Time) {
        let newest = stretch::<SECONDS>(now).max(self.newest);
        for passed in (self.newest + 1..=newest).rev().take(LENGTH) {
            self.counts[place(passed)] = 0;
        }
        self.newest = newest;
        let count = &mut self.counts[place(newest)];
        *count = count.saturating_add(1);
    }

    /// It happened so many times more in the stretch that was counted in last.
    pub(crate) fn skip(&mut self, times: u64) {
        let count = &mut self.counts[place(self.newest)];
        *count = count.saturating_add(u8::try_from(times).unwrap_or(u8::MAX));
    }

    /// Whether no more can be counted in the stretch that was counted in last.
    pub(crate) fn is_full(&self) -> bool {
        self.counts[place(self.newest)] == u8::MAX
    }

    /// How often it happened in the stretches that are kept as of the last that was counted.
    pub(crate) fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    /// In how many of them it happened.
    pub(crate) fn busy(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }
}

/// The stretch that `now` is in.
fn stretch<const SECONDS: u64>(now: Time) -> u32 {
    u32::try_from(now.second() / SECONDS).unwrap_or(u32::MAX - 1)
}

const fn place(stretch: u32) -> usize {
    (stretch % KEPT) as usize
}

const _: () = assert!(KEPT as usize == LENGTH);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    proptest! {
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec(0_u64..9_000, 1..200)) {
            let (mut fine, mut coarse) = (Tally::<1>::default(), Tally::<10>::default());
            let mut seconds: Vec<u64> = Vec::new();
            let mut now = Time(0);
            for millis in steps {
                // Now and then a silence that is longer than what is kept.
                let gap = if millis > 8_950 { millis * 80 } else { millis };
                now = now.plus(Duration::from_millis(gap));
                fine.count(now);
                coarse.count(now);
                seconds.push(now.second());
                let of = |length: u64| {
                    let newest = now.second() / length;
                    let kept = seconds.iter().map(|second| second / length);
                    let mut kept: Vec<u64> = kept.filter(|one| newest - one < u64::from(KEPT)).collect();
                    let total = kept.len();
                    kept.dedup();
                    (u32::try_from(total).unwrap(), kept.len())
                };
                prop_assert_eq!((fine.total(), fine.busy()), of(1));
                prop_assert_eq!((coarse.total(), coarse.busy()), of(10));
            }
        }
    }

    #[test]
    fn a_flood_does_not_wrap() {
        let mut tally = Tally::<1>::default();
        for _ in 0..100_000 {
            tally.count(Time(0));
        }
        assert_eq!((tally.total(), tally.busy()), (255, 1));
        assert_eq!(size_of::<Tally<1>>(), 64);
    }
}
