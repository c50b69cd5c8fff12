//! What caused a storm: the causes that fit now, in their order.

use super::pace::Pace;
use crate::detect::{Cause, CauseSet};

/// The main cause of the 10 s that end with `second`, closed last, and the others that fit.
pub(super) fn explain(pace: &Pace, second: u64) -> (Cause, CauseSet) {
    let mut fitting = pace.fitting(second);
    let Some(first) = fitting.iter().next() else {
        return (Cause::Unclassified, CauseSet::default());
    };
    // In a ping-pong with one asker the other side does nothing but answer. Where both ask, half of
    // each side's frames are questions.
    let only_answers = first == Cause::PingPong && pace.only_answers(second);
    let main = if only_answers { Cause::Answering } else { first };
    fitting.remove(main);
    (main, fitting)
}
