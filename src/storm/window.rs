//! Frames by whole second, over the last minute: what every rate is read from.

/// Seconds kept: 60 whole ones and the one that runs, rounded up to a power of two.
const SECONDS: usize = 64;

/// Counts of the last 63 whole seconds and the one that runs. 264 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    counts: [u32; SECONDS],
    newest: u64,
}

impl Window {
    /// Silent until `second`.
    pub(crate) const fn new(second: u64) -> Self {
        Self { counts: [0; SECONDS], newest: second }
    }

    /// Counts one frame; returns how many its second holds now. A late one is counted in the newest
    /// second.
    pub(crate) fn count(&mut self, second: u64) -> u32 {
        self.add(second, 1)
    }

    /// Counts so many frames, as [`Self::count`] does one.
    pub(crate) fn add(&mut self, second: u64, frames: u32) -> u32 {
        if second > self.newest {
            if second - self.newest >= SECONDS as u64 {
                self.counts = [0; SECONDS];
            } else {
                for passed in self.newest + 1..=second {
                    self.counts[bucket(passed)] = 0;
                }
            }
            self.newest = second;
        }
        let count = &mut self.counts[bucket(self.newest)];
        *count = count.saturating_add(frames);
        *count
    }

    /// Frames in `second`; none if it lies too far back.
    pub(crate) const fn at(&self, second: u64) -> u32 {
        let is_kept = second <= self.newest && self.newest - second < SECONDS as u64;
        if is_kept { self.counts[bucket(second)] } else { 0 }
    }

    /// The busiest of the `length` seconds that end with `last`.
    pub(crate) fn busiest(&self, last: u64, length: u64) -> u32 {
        self.back_from(last, length).map(|second| self.at(second)).max().unwrap_or(0)
    }

    /// Frames in the `length` seconds that end with `last`.
    pub(crate) fn sum(&self, last: u64, length: u64) -> u64 {
        self.back_from(last, length).map(|second| u64::from(self.at(second))).sum()
    }

    /// The seconds of these that hold frames, if any.
    fn back_from(&self, last: u64, length: u64) -> std::ops::RangeInclusive<u64> {
        (last + 1).saturating_sub(length)..=last.min(self.newest)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the low bits are all that is wanted")]
const fn bucket(second: u64) -> usize {
    second as usize % SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_empties_the_ring() {
        let mut window = Window::new(1);
        window.count(1);
        window.count(u64::MAX / 2);
        assert_eq!(window.busiest(u64::MAX / 2, 60), 1);
        assert_eq!(window.counts.iter().sum::<u32>(), 1);
    }

    #[test]
    fn the_busiest_is_of_the_seconds_asked_for() {
        let mut window = Window::new(100);
        for (second, frames) in [(100, 7), (109, 5), (110, 3)] {
            for _ in 0..frames {
                window.count(second);
            }
        }
        assert_eq!((window.busiest(109, 10), window.busiest(110, 10)), (7, 5));
        assert_eq!((window.busiest(159, 60), window.busiest(160, 60)), (7, 5));
        assert_eq!((window.at(99), window.at(110), window.at(111)), (0, 3, 0));
        assert_eq!(window.busiest(5, 60), 0);
        assert_eq!((window.sum(110, 10), window.sum(110, 2), window.sum(200, 5)), (8, 8, 0));
    }
}
