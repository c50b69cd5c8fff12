//! What may have been missed: frames that were lost, and times in which nobody read any. A storm
//! that ends then was not seen to grow quiet.

use super::window::Window;

/// A storm ends by so many seconds.
const SECONDS: u64 = 30;

/// Frames of a segment that nobody heard. 40 bytes, and 264 from the first loss on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unseen {
    /// Lost frames by the second in which that was noticed.
    lost: Option<Box<Window>>,
    /// The last time in which nothing was read, its seconds included.
    unread: Option<(u64, u64)>,
}

impl Unseen {
    /// So many frames were lost; that was noticed in `second`.
    pub(crate) fn lose(&mut self, second: u64, frames: u64) {
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        self.lost.get_or_insert_with(|| Box::new(Window::new(second))).add(second, frames);
    }

    /// Nothing was read from `first` to `last`.
    pub(crate) fn miss(&mut self, first: u64, last: u64) {
        self.unread = Some((first, last));
    }

    /// How many frames may have been missed in the 30 s that end with `second`, at most.
    pub(crate) fn until(&self, second: u64) -> u64 {
        let from = (second + 1).saturating_sub(SECONDS);
        if self.unread.is_some_and(|(first, last)| first <= second && from <= last) {
            return u64::MAX;
        }
        let lost = |window: &Window| (from..=second).map(|at| u64::from(window.at(at))).sum();
        self.lost.as_deref().map_or(0, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_matters_for_thirty_seconds() {
        let mut unseen = Unseen::default();
        assert_eq!(unseen.until(5), 0);
        unseen.lose(100, 7);
        unseen.lose(110, 5_000_000_000);
        let until = [99, 100, 110, 129, 130, 139, 140].map(|second| unseen.until(second));
        let max = u64::from(u32::MAX);
        assert_eq!(until, [0, 7, 7 + max, 7 + max, max, max, 0]);
    }

    #[test]
    fn when_nothing_was_read_anything_may_have_been_missed() {
        let mut unseen = Unseen::default();
        unseen.miss(100, 120);
        let seen = [99, 100, 149, 150].map(|second| unseen.until(second) == 0);
        assert_eq!(seen, [true, false, false, true]);
    }
}
