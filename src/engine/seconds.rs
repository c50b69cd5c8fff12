//! One-second buckets: how many frames each whole second held, for a device and for a segment.
//!
//! Only signalling and address frames count. Gives the busiest second, and the segment's histogram.
//! Nothing here costs more after a silence of an hour than after one of a second.

use super::snapshot::{Histogram, SECOND_BOUNDS};
use crate::storm::Window;

/// Whole seconds that the peak looks back on.
const WINDOW: u64 = 60;

/// Whole seconds that say how busy a device is now.
const LATEST: u64 = 5;

/// The last minute of a device, by seconds.
#[derive(Clone, Debug)]
pub(super) struct DeviceSeconds {
    window: Window,
    peak_ever: u32,
}

impl DeviceSeconds {
    /// Silent until `second`.
    pub(super) const fn new(second: u64) -> Self {
        Self { window: Window::new(second), peak_ever: 0 }
    }

    /// Counts one frame. A late one is counted in the newest second.
    pub(super) fn count(&mut self, second: u64) {
        // The running second is part of the peak at once: it can only grow, and would be lost at
        // the end of a capture otherwise.
        self.peak_ever = self.peak_ever.max(self.window.count(second));
    }

    /// Counts so many frames of the newest second.
    pub(super) fn skip(&mut self, frames: u32) {
        self.peak_ever = self.peak_ever.max(self.window.add(0, frames));
    }

    /// The busiest of the last 60 whole seconds before `second`, which still runs.
    pub(super) fn peak_minute(&self, second: u64) -> u32 {
        second.checked_sub(1).map_or(0, |last| self.window.busiest(last, WINDOW))
    }

    /// Frames a second over the last five whole seconds before `second`, which still runs.
    pub(super) fn latest(&self, second: u64) -> u32 {
        let sum = second.checked_sub(1).map_or(0, |last| self.window.sum(last, LATEST));
        u32::try_from(sum / LATEST).unwrap_or(u32::MAX)
    }

    /// The busiest second ever, the running one included.
    pub(super) const fn peak_ever(&self) -> u32 {
        self.peak_ever
    }

    /// The seconds one by one.
    pub(super) const fn window(&self) -> &Window {
        &self.window
    }
}

/// The seconds of a segment: the running one, and a histogram of those that are closed.
///
/// A second in which nobody listened for a part counts as any other; one in which nobody listened
/// at all is not in the histogram: silent means heard to be silent.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentSeconds {
    state: Listening,
    closed: Histogram,
}

#[derive(Clone, Copy, Debug, Default)]
enum Listening {
    /// Before the first second.
    #[default]
    New,
    /// Somebody listens.
    Running { second: u64, count: u64 },
    /// Nobody listens any more, but somebody did earlier in this second.
    Pausing { second: u64, count: u64 },
    /// Nobody listens.
    Paused,
}

impl SegmentSeconds {
    /// Closes every second before `second` in which somebody listened, the silent ones too.
    pub(super) fn advance(&mut self, second: u64) {
        match self.state {
            Listening::New => self.state = Listening::Running { second, count: 0 },
            Listening::Running { second: running, count } if running < second => {
                observe(&mut self.closed, count, 1);
                observe(&mut self.closed, 0, second - running - 1);
                self.state = Listening::Running { second, count: 0 };
            }
            Listening::Pausing { second: running, count } if running < second => {
                observe(&mut self.closed, count, 1);
                self.state = Listening::Paused;
            }
            Listening::Running { .. } | Listening::Pausing { .. } | Listening::Paused => {}
        }
    }

    /// Counts one frame in the running second.
    pub(super) const fn count(&mut self) {
        match &mut self.state {
            Listening::Running { count, .. } | Listening::Pausing { count, .. } => *count += 1,
            Listening::New | Listening::Paused => {}
        }
    }

    /// Counts so many frames in the running second.
    pub(super) const fn skip(&mut self, frames: u64) {
        match &mut self.state {
            Listening::Running { count, .. } | Listening::Pausing { count, .. } => *count += frames,
            Listening::New | Listening::Paused => {}
        }
    }

    /// Nobody listens from now on: the running second is the last one.
    pub(super) const fn pause(&mut self) {
        match self.state {
            Listening::Running { second, count } => {
                self.state = Listening::Pausing { second, count }
            }
            Listening::New => self.state = Listening::Paused,
            Listening::Pausing { .. } | Listening::Paused => {}
        }
    }

    /// Somebody listens from `second` on, up to which the seconds are already closed.
    pub(super) const fn resume(&mut self, second: u64) {
        match self.state {
            // The same second still: it must not be in the histogram twice.
            Listening::Pausing { second, count } => {
                self.state = Listening::Running { second, count }
            }
            Listening::New | Listening::Paused => {
                self.state = Listening::Running { second, count: 0 }
            }
            Listening::Running { .. } => {}
        }
    }

    /// The closed seconds.
    pub(super) const fn closed(&self) -> &Histogram {
        &self.closed
    }
}

fn observe(histogram: &mut Histogram, value: u64, times: u64) {
    let bucket = SECOND_BOUNDS.partition_point(|bound| *bound < value);
    histogram.counts[bucket] += times;
    histogram.sum += value * times;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_peak_looks_back_on_sixty_whole_seconds() {
        let mut seconds = DeviceSeconds::new(100);
        for _ in 0..5 {
            seconds.count(100);
        }
        assert_eq!(seconds.peak_minute(100), 0, "the second still runs");
        assert_eq!(seconds.peak_minute(101), 5);
        assert_eq!(seconds.peak_minute(160), 5, "100 is the first of sixty");
        assert_eq!(seconds.peak_minute(161), 0);
        assert_eq!(seconds.peak_ever(), 5);
        assert_eq!((seconds.latest(100), seconds.latest(105), seconds.latest(106)), (0, 1, 0));
    }

    #[test]
    fn a_long_silence_is_one_addition() {
        let mut tally = SegmentSeconds::default();
        tally.advance(10);
        tally.count();
        tally.count();
        tally.advance(1_000_000_000_000);
        assert_eq!(tally.closed().counts[0], 1_000_000_000_000 - 11);
        assert_eq!(tally.closed().counts[2], 1);
        assert_eq!(tally.closed().sum, 2);
    }

    #[test]
    fn a_second_is_closed_once() {
        let mut tally = SegmentSeconds::default();
        tally.advance(10);
        for second in [11, 11, 9] {
            tally.advance(second);
            assert_eq!(tally.closed().counts[0], 1);
        }
    }

    #[test]
    fn seconds_in_which_nobody_listened_are_not_silent_ones() {
        let mut tally = SegmentSeconds::default();
        tally.advance(10);
        tally.count();
        tally.pause();
        tally.advance(1000);
        tally.resume(1000);
        tally.pause();
        tally.resume(1000);
        tally.advance(1002);
        assert_eq!(tally.closed().counts[..3], [2, 1, 0], "10 with a frame; 1000 and 1001 silent");
    }

    #[test]
    fn what_was_not_listened_to_at_first_is_not_counted() {
        let mut tally = SegmentSeconds::default();
        tally.pause();
        tally.advance(10);
        tally.advance(20);
        assert_eq!(tally.closed(), &Histogram::default());
        tally.resume(20);
        tally.advance(21);
        assert_eq!(tally.closed().counts[0], 1);
    }

    #[test]
    fn bounds_are_inclusive() {
        let mut histogram = Histogram::default();
        for value in [0, 1, 2, 5, 6, 1_000_000, 1_000_001] {
            observe(&mut histogram, value, 1);
        }
        assert_eq!(histogram.counts, [1, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0_u64..90, 1_u32..4), 1..120)) {
            let (mut seconds, mut tally) = (DeviceSeconds::new(0), SegmentSeconds::default());
            let mut model = BTreeMap::<u64, u32>::new();
            let mut now = 0;
            tally.advance(0);
            for (gap, frames) in steps {
                // Mostly short gaps, now and then one longer than the ring.
                now += if gap > 80 { gap * 2 } else { gap / 20 };
                tally.advance(now);
                for _ in 0..frames {
                    seconds.count(now);
                    tally.count();
                    *model.entry(now).or_default() += 1;
                }
                for read in [now, now + 1, now + 30, now + 61] {
                    let from = read.saturating_sub(WINDOW);
                    let expected = model.range(from..read).map(|(_, n)| *n).max().unwrap_or(0);
                    prop_assert_eq!(seconds.peak_minute(read), expected);
                }
            }
            tally.advance(now + 1);
            prop_assert_eq!(seconds.peak_ever(), model.values().copied().max().unwrap_or(0));
            let closed: u64 = tally.closed().counts.iter().sum();
            prop_assert_eq!(closed, now + 1);
            let frames: u64 = model.values().map(|n| u64::from(*n)).sum();
            prop_assert_eq!(tally.closed().sum, frames);
        }
    }
}
