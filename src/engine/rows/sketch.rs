//! How often senders without a row came lately: a count-min sketch that forgets.
//!
//! Senders are keyed hashes. Memory is fixed whatever the network invents. The estimate is never
//! under the truth since counts were last halved, and over it only by what collides in all four
//! lines at once; a keyed hash keeps the network from choosing that.
//!
//! Every count is halved after as many events as a line has cells, and after 10 s: under
//! a flood of 100,000 invented senders a second the memory is about 0.2 s long, in which a sender
//! of 50 frames a second comes eight times and an invented one once.

use crate::time::Time;
use std::time::Duration;

/// Cells of a line; a power of two.
const WIDTH: usize = 16_384;
/// Lines, each with its own hash.
const LINES: usize = 4;
/// Time after which counts are halved when few senders come.
const HALF_LIFE: Duration = Duration::from_secs(10);

/// A count-min sketch with conservative update and ageing: 64 KiB.
#[derive(Debug)]
pub(in crate::engine) struct Sketch {
    cells: Box<[u8]>,
    /// Events since the last halving.
    events: usize,
    /// Time of the last halving.
    aged: Time,
}

impl Sketch {
    /// An empty sketch.
    pub(in crate::engine) fn new(now: Time) -> Self {
        Self { cells: vec![0; WIDTH * LINES].into_boxed_slice(), events: 0, aged: now }
    }

    /// Counts one event of `hash` and returns how many there were, this one included. At most 256.
    pub(in crate::engine) fn add(&mut self, now: Time, hash: u64) -> u32 {
        self.age(now);
        let places = places(hash);
        let least = places.iter().map(|&place| self.cells[place]).min().unwrap_or(0);
        for place in places {
            // Conservative update: only the cells that hold the estimate up.
            let cell = &mut self.cells[place];
            if *cell == least {
                *cell = cell.saturating_add(1);
            }
        }
        self.events += 1;
        u32::from(least) + 1
    }

    fn age(&mut self, now: Time) {
        let idle = now.since(self.aged).as_secs() / HALF_LIFE.as_secs();
        let mut shift = u32::try_from(idle).unwrap_or(u32::MAX);
        if self.events >= WIDTH {
            shift = shift.saturating_add(1);
        }
        if shift == 0 {
            return;
        }
        for cell in &mut self.cells {
            *cell = cell.checked_shr(shift).unwrap_or(0);
        }
        self.events = 0;
        self.aged = now;
    }
}

/// One cell of each line.
fn places(hash: u64) -> [usize; LINES] {
    std::array::from_fn(|line| {
        // Four times 14 bits of the 64.
        #[allow(clippy::cast_possible_truncation, reason = "the low bits are all that is wanted")]
        let bits = (hash >> (line * 16)) as usize;
        line * WIDTH + (bits & (WIDTH - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> u64 {
        ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(n)
    }

    fn millis(n: u64) -> Time {
        Time(n * 1_000_000)
    }

    #[test]
    fn counts_exactly_while_nothing_collides() {
        let mut sketch = Sketch::new(Time(0));
        for n in 1..=200 {
            assert_eq!(sketch.add(millis(n), hash(7)), u32::try_from(n).expect("small"));
        }
    }

    #[test]
    fn saturates() {
        let mut sketch = Sketch::new(Time(0));
        let most = (0..1_000).map(|_| sketch.add(Time(0), hash(7))).max();
        assert_eq!(most, Some(256));
    }

    #[test]
    fn forgets_with_time() {
        let mut sketch = Sketch::new(Time(0));
        for _ in 0..100 {
            sketch.add(Time(0), hash(7));
        }
        assert_eq!(sketch.add(millis(10_000), hash(7)), 51);
        assert_eq!(sketch.add(millis(1_000_000), hash(7)), 1);
    }

    #[test]
    fn tells_a_repeated_sender_from_invented_ones() {
        // 100,000 invented senders a second, and one that comes every 20 ms.
        let mut sketch = Sketch::new(Time(0));
        let (mut flooder, mut mistaken) = (0, 0);
        for n in 0..200_000_u64 {
            let now = Time(n * 10_000);
            if n % 2_000 == 0 {
                flooder = sketch.add(now, hash(u64::MAX));
            }
            mistaken += u32::from(sketch.add(now, hash(n)) >= 4);
        }
        assert!(flooder >= 6, "{flooder}");
        assert!(mistaken <= 20, "{mistaken} of 200,000 taken for repeated senders");
    }
}
