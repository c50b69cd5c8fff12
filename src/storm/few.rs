//! The latest frames of a device that is not busy: a short list, so that it costs nothing each
//! second.

use super::what::What;
use crate::decode::Class;

/// Frames kept: fewer than the lowest limit, 1/s over 10 s, so that what could begin a storm is
/// more than these.
const FEW: usize = 8;
/// Seconds for which one of these frames matters.
const MATTERS: u64 = 60;

/// The latest frames of a device that is not busy, without those of classes that are. In the order
/// in which they came. 136 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentFrames {
    seconds: [u64; FEW],
    whats: [Option<What>; FEW],
    len: u8,
}

impl RecentFrames {
    /// Adds one if there is space; those that no longer matter are removed first.
    pub(super) fn push(&mut self, second: u64, what: What) -> bool {
        if usize::from(self.len) == FEW {
            let matters = |then: &u64| second.saturating_sub(*then) <= MATTERS;
            let old = self.seconds.iter().take_while(|then| !matters(then)).count();
            if old == 0 {
                return false;
            }
            self.seconds.rotate_left(old);
            self.whats.rotate_left(old);
            self.whats[FEW - old..].fill(None);
            #[allow(clippy::cast_possible_truncation, reason = "at most eight")]
            let left = (FEW - old) as u8;
            self.len = left;
        }
        let place = usize::from(self.len);
        self.seconds[place] = second;
        self.whats[place] = Some(what);
        self.len += 1;
        true
    }

    /// Takes all of them, each with its second; none are left.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u64, What)> + use<> {
        let Self { seconds, whats, .. } = std::mem::take(self);
        seconds.into_iter().zip(whats).filter_map(|(second, what)| Some((second, what?)))
    }

    /// Signalling and address frames in the 10 s that end with `second`.
    pub(super) fn in_rate(&self, second: u64) -> u64 {
        let frames = self.seconds.iter().zip(&self.whats);
        let counts = frames.filter(|(then, what)| {
            let is_recent = **then <= second && second - **then < 10;
            is_recent
                && what.is_some_and(|what| match what.class {
                    Class::Signalling | Class::Address => true,
                    Class::Other | Class::Uncounted => false,
                })
        });
        counts.count() as u64
    }
}
