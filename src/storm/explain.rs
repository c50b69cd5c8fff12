//! What caused a storm: the causes that fit at its begin, and whether another fits while it lasts.

use super::pace::Pace;
use crate::detect::{Cause, CauseSet};

/// For so many seconds a cause covers less than a quarter before it gives way.
pub(super) const PATIENCE: u64 = 60;

/// The main cause of the 10 s that end with `second`, closed last, and the others that fit.
pub(super) fn explain(pace: &Pace, second: u64) -> (Cause, CauseSet) {
    let mut fitting = pace.fitting(second);
    let Some(first) = fitting.iter().next() else {
        return (Cause::Unclassified, CauseSet::default());
    };
    // In a ping-pong with one asker the other side does nothing but answer. Where both ask, half of
    // each side's frames are questions.
    let only_answers = first == Cause::PingPong && pace.covers(second, Cause::Answering, 3, 4);
    let main = if only_answers { Cause::Answering } else { first };
    fitting.remove(main);
    (main, fitting)
}

/// How long ago the cause of an open storm covered enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight {
    /// The last second in which a quarter of the frames had it.
    covered: u64,
}

impl Weight {
    /// Of a cause that covers half in the 10 s that end with `second`.
    pub(super) const fn new(second: u64) -> Self {
        Self { covered: second }
    }

    /// Weighs the main cause `now` once more, when `second` was closed. Gives the one that it gives
    /// way to, with the others that fit.
    ///
    /// That something is not known is no cause: it gives way to any. A loop comes before all
    /// others, however much they cover: nobody must unplug a device for what the switches do.
    pub(super) fn weigh(
        &mut self,
        pace: &Pace,
        second: u64,
        now: Cause,
    ) -> Option<(Cause, CauseSet)> {
        if now != Cause::Unclassified && pace.covers(second, now, 1, 4) {
            self.covered = second;
        }
        let is_stale = second - self.covered >= PATIENCE;
        let is_loop = || now != Cause::L2Loop && pace.covers(second, Cause::L2Loop, 1, 2);
        if now != Cause::Unclassified && !is_stale && !is_loop() {
            return None;
        }
        let (cause, also) = explain(pace, second);
        if cause == Cause::Unclassified || cause == now {
            return None;
        }
        self.covered = second;
        Some((cause, also))
    }
}
