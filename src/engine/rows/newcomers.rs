//! Which newcomer gives its row up: the one with the fewest frames in 60 s.
//!
//! It compares the frames of rows with those of the candidates for them, and knows rows by their
//! place only. Its cost is bounded whatever the network invents: a candidate is compared with at
//! most [`SCAN`] newcomers, behind a hand that goes round, so that each has its turn.

use crate::time::Time;

/// Newcomers that a candidate is compared with.
const SCAN: usize = 32;
/// Length of a window in seconds.
const WINDOW: u64 = 10;
/// Windows that make 60 s.
const WINDOWS: u32 = 6;

/// The number of the 10 s window that an instant lies in.
pub(in crate::engine) fn window(now: Time) -> u32 {
    // At most 2^64 ns / 10 s, which is under 2^31.
    u32::try_from(now.second() / WINDOW).unwrap_or(u32::MAX)
}

/// A row's frames in the last 60 s, by windows of 10 s. 16 bytes, so that many lie side by side.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Heat {
    newest: u32,
    counts: [u16; WINDOWS as usize],
}

impl Heat {
    /// Begins in `window` with `frames`.
    pub(in crate::engine) fn new(window: u32, frames: u32) -> Self {
        let mut heat = Self { newest: window, counts: [0; WINDOWS as usize] };
        heat.counts[(window % WINDOWS) as usize] = u16::try_from(frames).unwrap_or(u16::MAX);
        heat
    }

    /// Counts one frame in `window`, which is not before the newest.
    pub(in crate::engine) fn count(&mut self, window: u32) {
        let passed = window.saturating_sub(self.newest).min(WINDOWS);
        for step in 1..=passed {
            self.counts[((self.newest + step) % WINDOWS) as usize] = 0;
        }
        // A jump over the whole ring has emptied it all, whatever the bucket.
        self.newest = self.newest.max(window);
        let count = &mut self.counts[(self.newest % WINDOWS) as usize];
        *count = count.saturating_add(1);
    }

    /// Counts so many frames more in the newest window.
    pub(in crate::engine) fn skip(&mut self, frames: u64) {
        let count = &mut self.counts[(self.newest % WINDOWS) as usize];
        *count = count.saturating_add(u16::try_from(frames).unwrap_or(u16::MAX));
    }

    /// Frames in the 60 s that end with `window`.
    pub(in crate::engine) fn frames(&self, window: u32) -> u32 {
        if window == self.newest {
            return self.counts.iter().map(|&count| u32::from(count)).sum();
        }
        // Of the six windows before the newest, as many are out of sight as have passed since.
        let passed = window.saturating_sub(self.newest).min(WINDOWS);
        let newest = self.newest % WINDOWS + WINDOWS;
        (0..WINDOWS - passed)
            .map(|back| u32::from(self.counts[((newest - back) % WINDOWS) as usize]))
            .sum()
    }
}

/// The rows of newcomers, in no order, with a hand.
#[derive(Debug, Default)]
pub(in crate::engine) struct Newcomers {
    rows: Vec<u32>,
    hand: usize,
}

impl Newcomers {
    /// How many there are.
    pub(in crate::engine) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row; returns its slot here.
    pub(in crate::engine) fn push(&mut self, row: u32) -> u32 {
        self.rows.push(row);
        slot(self.rows.len() - 1)
    }

    /// Takes out what is in `slot`. Returns the row that now has this slot, if one was moved.
    pub(in crate::engine) fn remove(&mut self, slot: u32) -> Option<u32> {
        self.rows.swap_remove(slot as usize);
        self.rows.get(slot as usize).copied()
    }

    /// Notes that the row in `slot` has moved to the place `row`.
    pub(in crate::engine) fn moved(&mut self, slot: u32, row: u32) {
        self.rows[slot as usize] = row;
    }

    /// The row in `slot`.
    #[cfg(test)]
    pub(in crate::engine) fn row(&self, slot: u32) -> u32 {
        self.rows[slot as usize]
    }

    /// The row that a candidate with `frames` may have; `None` if those compared have more. Ties go
    /// to the newest, which is the candidate.
    pub(in crate::engine) fn give_up(
        &mut self,
        heat: &[Heat],
        window: u32,
        frames: u32,
    ) -> Option<u32> {
        let count = self.rows.len();
        let looked_at = SCAN.min(count);
        let mut fewest: Option<(u32, usize)> = None;
        for step in 0..looked_at {
            let slot = (self.hand + step) % count;
            let held = heat[self.rows[slot] as usize].frames(window);
            if fewest.is_none_or(|(least, _)| held < least) {
                fewest = Some((held, slot));
            }
            if held == 0 {
                break;
            }
        }
        let (held, slot) = fewest?;
        if held <= frames {
            self.hand = slot + 1;
            Some(self.rows[slot])
        } else {
            self.hand = (self.hand + looked_at) % count;
            None
        }
    }
}

fn slot(index: usize) -> u32 {
    u32::try_from(index).expect("a table has fewer than 2^32 rows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heat_looks_back_on_six_windows() {
        let mut heat = Heat::new(10, 1);
        heat.count(10);
        heat.count(15);
        assert_eq!(heat.frames(15), 3);
        assert_eq!(heat.frames(16), 1);
        assert_eq!(heat.frames(20), 1);
        assert_eq!(heat.frames(21), 0);
        heat.count(400);
        assert_eq!(heat.frames(400), 1);
    }

    #[test]
    fn the_one_with_the_fewest_frames_gives_up() {
        let heat = [Heat::new(0, 5), Heat::new(0, 2), Heat::new(0, 9)];
        let mut newcomers = Newcomers::default();
        for row in 0..3 {
            newcomers.push(row);
        }
        assert_eq!(newcomers.give_up(&heat, 0, 1), None);
        assert_eq!(newcomers.give_up(&heat, 0, 2), Some(1), "ties go to the newest");
        assert_eq!(Newcomers::default().give_up(&heat, 0, 100), None);
    }

    proptest! {
        #[test]
        fn heat_agrees_with_a_list(steps in prop::collection::vec(0_u32..9, 1..60)) {
            let mut heat = Heat::new(0, 0);
            let (mut now, mut model) = (0, Vec::new());
            for gap in steps {
                now += gap.saturating_sub(2);
                heat.count(now);
                model.push(now);
                for read in now..now + 9 {
                    let expected = model.iter().filter(|at| **at + WINDOWS > read).count();
                    prop_assert_eq!(heat.frames(read), u32::try_from(expected).expect("few"));
                }
            }
        }
    }
}
