//! One class of one device's frames: its rates at the end of each second, and their causes and
//! protocols.

use super::share::{self, Shares};
use super::what::What;
use super::window::Window;
use crate::decode::Protocol;
use crate::detect::CauseSet;

/// Windows of 60 s that a device is chatty in before it is called so.
const MINUTES: u64 = 5;
/// Seconds for which it is remembered whether the 60 s before them were busy: enough for the
/// oldest of the five windows, rounded up to a power of two.
const REMEMBERED: u64 = 256;

/// A class of a busy device. 1.5 KiB.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    window: Window,
    shares: Shares,
    sums: Sums,
    /// A bit a second: whether the 60 s up to its close were busy. Five windows side by side are
    /// five of these, 60 apart, so that no minute has to be kept.
    busy: [u64; (REMEMBERED / 64) as usize],
    /// The last second with its bit set.
    busy_until: Option<u64>,
}

/// Frames in the whole seconds up to the last that was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// In 10 s.
    pub ten: u64,
    /// In 30 s.
    pub thirty: u64,
    /// In 60 s.
    pub sixty: u64,
}

impl Pace {
    /// Nothing was heard before `second`.
    pub(super) fn new(second: u64) -> Self {
        Self {
            window: Window::new(second),
            shares: Shares::new(second),
            sums: Sums::default(),
            busy: [0; (REMEMBERED / 64) as usize],
            busy_until: None,
        }
    }

    /// Counts one frame of the second that runs.
    pub(super) fn count(&mut self, second: u64, what: What) {
        self.window.count(second);
        self.shares.count(second, what);
    }

    /// Counts one frame of a second that may have been closed before this was made; `now` is
    /// running.
    pub(super) fn count_past(&mut self, second: u64, what: What, now: u64) {
        self.count(second, what);
        let back = now - second;
        let sums = &mut self.sums;
        // As of the close of the second before this one.
        for (sum, length) in [(&mut sums.ten, 10), (&mut sums.thirty, 30), (&mut sums.sixty, 60)] {
            *sum += u64::from((1..=length).contains(&back));
        }
    }

    /// Closes a second, the one after that which was closed last. `chatty` is how many frames in
    /// 60 s are too many.
    pub(super) fn close(&mut self, second: u64, chatty: Option<u64>) {
        let new = u64::from(self.window.at(second));
        let sums = &mut self.sums;
        for (sum, length) in [(&mut sums.ten, 10), (&mut sums.thirty, 30), (&mut sums.sixty, 60)] {
            let old = second.checked_sub(length).map_or(0, |old| u64::from(self.window.at(old)));
            *sum = (*sum + new).saturating_sub(old);
        }
        let is_busy = chatty.is_some_and(|chatty| self.sums.sixty >= chatty);
        let (word, bit) = place(second);
        if is_busy {
            self.busy[word] |= bit;
            self.busy_until = Some(second);
        } else {
            self.busy[word] &= !bit;
        }
    }

    /// Frames up to the second closed last.
    pub(super) const fn sums(&self) -> Sums {
        self.sums
    }

    /// Frames in a second.
    pub(super) const fn at(&self, second: u64) -> u32 {
        self.window.at(second)
    }

    /// Frames in the busiest of the 10 s that end with `second`.
    pub(super) fn busiest(&self, second: u64) -> u32 {
        self.window.busiest(second, 10)
    }

    /// Whether each of the five windows of 60 s that end with `second`, closed last, was busy.
    pub(super) fn is_chatty(&self, second: u64) -> bool {
        (0..MINUTES).all(|minute| {
            second.checked_sub(minute * 60).is_some_and(|second| {
                let (word, bit) = place(second);
                self.busy[word] & bit != 0
            })
        })
    }

    /// Whether nothing is remembered that could still matter after `second`, closed last.
    pub(super) fn is_forgotten(&self, second: u64) -> bool {
        let is_chatty_over = self.busy_until.is_none_or(|last| second - last >= MINUTES * 60);
        self.sums.sixty == 0 && is_chatty_over
    }

    /// The causes that fit in the 10 s that end with `second`, closed last.
    pub(super) fn fitting(&self, second: u64) -> CauseSet {
        self.shares.fitting(second, self.sums.ten)
    }

    /// The protocol of most frames in the 10 s that end with `second`.
    pub(super) fn protocol(&self, second: u64) -> Option<Protocol> {
        self.shares.protocol(second)
    }
}

const fn place(second: u64) -> (usize, u64) {
    let at = second % REMEMBERED;
    #[allow(clippy::cast_possible_truncation, reason = "less than four")]
    let word = (at / 64) as usize;
    (word, 1 << (at % 64))
}

const _: () = assert!((MINUTES - 1) * 60 < REMEMBERED && share::SECONDS == 10);
