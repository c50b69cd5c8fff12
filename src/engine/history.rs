//! Frames by protocol over the whole of a file, for a time line: bins that double their width
//! whenever there would be too many.
//!
//! In: counted frames by second. Out: the bins. Bins begin at whole multiples of their width, a
//! power of two, so that those of several segments can be added up. Live nothing is kept.

use crate::decode::Protocol;

/// Bins kept: 10 KB.
const BINS: usize = 200;

/// How many frames of each protocol each bin held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Seconds of a bin; 0 before the first frame.
    width: u64,
    /// The first bin's second, in widths.
    first: u64,
    bins: Vec<[u32; Protocol::COUNT]>,
}

impl History {
    /// Counts so many frames. `second` never goes back.
    pub(super) fn count(&mut self, second: u64, protocol: Protocol, frames: u32) {
        if self.width == 0 {
            (self.width, self.first) = (1, second);
        }
        while place(second / self.width, self.first).is_none_or(|place| place >= BINS) {
            self.coarsen();
        }
        let place = place(second / self.width, self.first).unwrap_or(0);
        if place >= self.bins.len() {
            self.bins.resize(place + 1, [0; Protocol::COUNT]);
        }
        if let Some(bin) = self.bins.get_mut(place) {
            bin[protocol.index()] = bin[protocol.index()].saturating_add(frames);
        }
    }

    /// Adds what another segment of the same file had.
    pub(crate) fn add(&mut self, other: &Self) {
        if other.width == 0 {
            return;
        }
        if self.width == 0 {
            *self = other.clone();
            return;
        }
        let mut other = other.clone();
        let end = |history: &Self| history.first + history.bins.len() as u64;
        loop {
            while self.width < other.width {
                self.coarsen();
            }
            while other.width < self.width {
                other.coarsen();
            }
            let first = self.first.min(other.first);
            let len = end(self).max(end(&other)) - first;
            if let Ok(len) = usize::try_from(len)
                && len <= BINS
            {
                let mut bins = vec![[0; Protocol::COUNT]; len];
                for history in [&*self, &other] {
                    let from = place(history.first, first).unwrap_or(0);
                    for (sum, bin) in bins[from..].iter_mut().zip(&history.bins) {
                        add(sum, bin);
                    }
                }
                (self.first, self.bins) = (first, bins);
                return;
            }
            self.coarsen();
        }
    }

    /// At most `columns` bins: their width in seconds, and what each held.
    pub(crate) fn columns(&self, columns: usize) -> (u64, Vec<[u32; Protocol::COUNT]>) {
        let mut history = self.clone();
        while history.bins.len() > columns.max(1) {
            history.coarsen();
        }
        (history.width, history.bins)
    }

    /// Doubles the width.
    fn coarsen(&mut self) {
        let odd = self.first % 2 == 1;
        let mut bins = Vec::with_capacity(self.bins.len() / 2 + 1);
        let mut rest = &self.bins[..];
        if odd && let Some((first, others)) = rest.split_first() {
            bins.push(*first);
            rest = others;
        }
        for pair in rest.chunks(2) {
            let mut sum = pair[0];
            if let Some(second) = pair.get(1) {
                add(&mut sum, second);
            }
            bins.push(sum);
        }
        self.bins = bins;
        self.first /= 2;
        self.width = self.width.saturating_mul(2);
    }
}

fn add(sum: &mut [u32; Protocol::COUNT], bin: &[u32; Protocol::COUNT]) {
    for (sum, count) in sum.iter_mut().zip(bin) {
        *sum = sum.saturating_add(*count);
    }
}

/// Where a bin is; `None` if it is before the first or too far.
fn place(bin: u64, first: u64) -> Option<usize> {
    usize::try_from(bin.checked_sub(first)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(bins: &[[u32; Protocol::COUNT]]) -> u64 {
        bins.iter().flatten().map(|count| u64::from(*count)).sum()
    }

    fn history(seconds: &[u64]) -> History {
        let mut history = History::default();
        for second in seconds {
            history.count(*second, Protocol::Mdns, 1);
        }
        history
    }

    #[test]
    fn each_second_has_its_bin_until_there_are_too_many() {
        let (width, bins) = history(&[7, 7, 9]).columns(100);
        let mdns: Vec<u32> = bins.iter().map(|bin| bin[Protocol::Mdns.index()]).collect();
        assert_eq!((width, mdns), (1, vec![2, 0, 1]));
        // From the odd second 7 on, the first bin of two seconds holds one of them.
        let (width, bins) = history(&[7, 7, 8, 9]).columns(2);
        let mdns: Vec<u32> = bins.iter().map(|bin| bin[Protocol::Mdns.index()]).collect();
        assert_eq!((width, mdns), (2, vec![2, 2]));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_memory_has_a_bound(
            gaps in prop::collection::vec(0_u64..10_000, 0..300),
            others in prop::collection::vec(0_u64..100, 0..300),
            columns in 1_usize..120,
        ) {
            let seconds = |gaps: &[u64]| {
                gaps.iter().scan(5, |at, gap| { *at += gap; Some(*at) }).collect::<Vec<u64>>()
            };
            let mut sum = history(&seconds(&gaps));
            prop_assert!(sum.bins.len() <= BINS);
            sum.add(&history(&seconds(&others)));
            prop_assert!(sum.bins.len() <= BINS && (sum.width.is_power_of_two() || sum.width == 0));
            let (_, bins) = sum.columns(columns);
            prop_assert!(bins.len() <= columns);
            prop_assert_eq!(total(&bins), (gaps.len() + others.len()) as u64);
        }
    }
}
