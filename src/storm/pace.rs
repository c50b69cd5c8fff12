//! One class of one device's frames: its rates at the end of each second, and their causes and
//! protocols.

use super::share::{self, Shares};
use super::since::Since;
use super::storm::Level;
use super::what::What;
use super::window::Window;
use crate::decode::Protocol;
use crate::detect::{Cause, CauseSet};

/// Windows of 60 s that a device is chatty in before it is called so.
const MINUTES: u64 = 5;
/// Seconds for which it is remembered whether the 60 s before them were busy: enough for the
/// oldest of the five windows, rounded up to a power of two.
const REMEMBERED: u64 = 256;

/// A class of a busy device. 1.7 KiB, 264 bytes more once it provoked others, and as much once
/// there was no time to judge its frames.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    window: Window,
    shares: Shares,
    sums: Sums,
    /// Frames of others that its questions provoked; made with the first.
    provoked: Option<Box<Window>>,
    /// Of these, in the 10 s up to the last second that was closed.
    provoked_ten: u64,
    /// Its frames that were not judged; made with the first.
    unjudged: Option<Box<Window>>,
    /// Of these, in the 10 s up to the last second that was closed.
    unjudged_ten: u64,
    /// Since when it has been going on, by the limit of each level.
    since: [Since; Level::COUNT],
    /// A bit a second: whether the 60 s up to its close were busy. Five windows side by side are
    /// five of these, 60 apart, so that no minute has to be kept.
    busy: [u64; (REMEMBERED / 64) as usize],
    /// The last second with its bit set.
    busy_until: Option<u64>,
}

/// Frames in the whole seconds up to the last that was closed, those that it provoked among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// In 10 s.
    pub ten: u64,
    /// In 30 s.
    pub thirty: u64,
    /// In 60 s.
    pub sixty: u64,
}

impl Sums {
    /// Each with the seconds that it is over.
    const fn each(&mut self) -> [(&mut u64, u64); 3] {
        [(&mut self.ten, 10), (&mut self.thirty, 30), (&mut self.sixty, 60)]
    }
}

impl Pace {
    /// Nothing was heard before `second`.
    pub(super) fn new(second: u64) -> Self {
        Self {
            window: Window::new(second),
            shares: Shares::new(second),
            sums: Sums::default(),
            provoked: None,
            provoked_ten: 0,
            unjudged: None,
            unjudged_ten: 0,
            since: [Since::default(); Level::COUNT],
            busy: [0; (REMEMBERED / 64) as usize],
            busy_until: None,
        }
    }

    /// Counts one frame of the second that runs.
    pub(super) fn count(&mut self, second: u64, what: What) {
        self.window.count(second);
        self.shares.count(second, what);
        if !what.is_judged {
            self.unjudged.get_or_insert_with(|| Box::new(Window::new(second))).count(second);
        }
    }

    /// Counts so many frames of the second that was counted last.
    pub(super) fn skip(&mut self, what: What, frames: u32) {
        self.window.add(0, frames);
        self.shares.skip(what, frames);
    }

    /// Counts one frame of another device, of the second that runs: it answers a question that
    /// comes too fast. That makes it a frame of a query flood, and of a ping-pong if it is one; if it
    /// answers what was sent back, one of a reflection, and if what was withdrawn, a repeated one.
    pub(super) fn count_provoked(&mut self, second: u64, signatures: CauseSet) {
        self.provoked.get_or_insert_with(|| Box::new(Window::new(second))).count(second);
        let is_ping_pong = signatures.contains(Cause::PingPong).then_some(Cause::PingPong);
        let others = [Cause::Reflection, Cause::RepeatedResponse];
        let other = others.into_iter().find(|cause| signatures.contains(*cause));
        let cause = other.unwrap_or(Cause::QueryFlood);
        let marks = is_ping_pong.into_iter().chain([cause]).collect();
        self.shares.count_provoked(second, marks);
    }

    /// Counts one frame of a second that may have been closed before this was made; `now` is
    /// running.
    pub(super) fn count_past(&mut self, second: u64, what: What, now: u64) {
        self.count(second, what);
        let back = now - second;
        // As of the close of the second before this one.
        for (sum, length) in self.sums.each() {
            *sum += u64::from((1..=length).contains(&back));
        }
        self.unjudged_ten += u64::from(!what.is_judged && (1..=10).contains(&back));
    }

    /// Closes a second, the one after that which was closed last. `rates` are how many frames a
    /// second are too many, by level.
    pub(super) fn close(&mut self, second: u64, rates: [Option<u64>; Level::COUNT]) {
        let sums = &mut self.sums;
        slide(&self.window, second, sums.each());
        if let Some(provoked) = &self.provoked {
            slide(provoked, second, sums.each());
            slide(provoked, second, [(&mut self.provoked_ten, 10)]);
        }
        if let Some(unjudged) = &self.unjudged {
            slide(unjudged, second, [(&mut self.unjudged_ten, 10)]);
        }
        let (window, provoked) = (&self.window, self.provoked.as_deref());
        let at = |second| {
            u64::from(window.at(second)) + provoked.map_or(0, |window| u64::from(window.at(second)))
        };
        for (since, rate) in self.since.iter_mut().zip(rates) {
            since.close(second, self.sums.ten, rate, at);
        }
        let chatty = rates[Level::Chatty as usize];
        let is_busy = chatty.is_some_and(|rate| self.sums.sixty >= rate * 60);
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

    /// Its own frames in the 10 s up to the second closed last.
    pub(super) const fn own_ten(&self) -> u64 {
        self.sums.ten.saturating_sub(self.provoked_ten)
    }

    /// Frames in a second that it provoked.
    pub(super) fn provoked_at(&self, second: u64) -> u32 {
        self.provoked.as_ref().map_or(0, |provoked| provoked.at(second))
    }

    /// Its own frames in a second.
    pub(super) const fn at(&self, second: u64) -> u32 {
        self.window.at(second)
    }

    /// The first second since which it has been going on, up to the second closed last, by the limit
    /// of a level: no 10 s held fewer than a fifth.
    pub(super) const fn since(&self, level: Level) -> Option<u64> {
        self.since[level as usize].second()
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

    /// The causes that fit in the 10 s that end with `second`, closed last: what at least half of
    /// the frames that were judged had the signature of, those that it provoked among them. Whether
    /// it answers is asked of its own frames alone.
    pub(super) fn fitting(&self, second: u64) -> CauseSet {
        Cause::ALL.into_iter().filter(|cause| self.covers(second, *cause, 1, 2)).collect()
    }

    /// Whether at least `part` of `whole` judged frames of these 10 s had the signature of `cause`.
    pub(super) fn covers(&self, second: u64, cause: Cause, part: u64, whole: u64) -> bool {
        let marked = self.shares.marked(second, cause);
        let frames = if cause == Cause::Answering { self.own_ten() } else { self.sums.ten };
        let judged = frames.saturating_sub(self.unjudged_ten);
        marked > 0 && marked * whole >= judged * part
    }

    /// The protocol of most frames in the 10 s that end with `second`.
    pub(super) fn protocol(&self, second: u64) -> Option<Protocol> {
        self.shares.protocol(second)
    }
}

/// Moves sums over so many seconds on to those that end with `second`, closed now.
fn slide<const N: usize>(window: &Window, second: u64, sums: [(&mut u64, u64); N]) {
    let new = u64::from(window.at(second));
    for (sum, length) in sums {
        let old = second.checked_sub(length).map_or(0, |old| u64::from(window.at(old)));
        *sum = (*sum + new).saturating_sub(old);
    }
}

const fn place(second: u64) -> (usize, u64) {
    let at = second % REMEMBERED;
    #[allow(clippy::cast_possible_truncation, reason = "less than four")]
    let word = (at / 64) as usize;
    (word, 1 << (at % 64))
}

const _: () = assert!((MINUTES - 1) * 60 < REMEMBERED && share::SECONDS == 10);

#[cfg(test)]
mod tests {
    use super::*;

    /// The causes that fit 10 s with so many frames of this cause, so many others, and so many that
    /// they provoked.
    fn fitting(cause: Cause, marked: usize, others: usize, provoked: u64) -> Vec<Cause> {
        let mut pace = Pace::new(5);
        let frames = std::iter::repeat_n(CauseSet::from_iter([cause]), marked)
            .chain(std::iter::repeat_n(CauseSet::default(), others));
        for signatures in frames {
            pace.count(5, What::of(Protocol::Mdns, signatures));
        }
        for _ in 0..provoked {
            pace.count_provoked(5, CauseSet::default());
        }
        pace.close(5, [None; 2]);
        pace.fitting(5).iter().collect()
    }

    #[test]
    fn half_of_the_frames_is_enough_and_one_less_is_not() {
        assert_eq!(fitting(Cause::ProbeLoop, 5, 5, 0), [Cause::ProbeLoop]);
        assert_eq!(fitting(Cause::ProbeLoop, 5, 6, 0), []);
        assert_eq!(fitting(Cause::ProbeLoop, 0, 0, 0), [], "silence has no cause");
    }

    #[test]
    fn what_it_provoked_is_a_query_flood() {
        assert_eq!(fitting(Cause::QueryFlood, 1, 5, 4), [Cause::QueryFlood]);
        assert_eq!(fitting(Cause::QueryFlood, 1, 6, 4), []);
        assert_eq!(fitting(Cause::ProbeLoop, 5, 0, 5), [Cause::ProbeLoop, Cause::QueryFlood]);
        assert_eq!(fitting(Cause::Answering, 5, 5, 40), [Cause::Answering, Cause::QueryFlood]);
        assert_eq!(fitting(Cause::Answering, 5, 6, 4), []);
    }

    #[test]
    fn what_was_not_judged_counts_in_the_rate_and_not_against_a_cause() {
        let mut pace = Pace::new(100);
        let probe = What::of(Protocol::Mdns, CauseSet::from_iter([Cause::ProbeLoop]));
        let other = What::of(Protocol::Mdns, CauseSet::default());
        let unjudged = What { is_judged: false, ..other };
        for second in 100..115 {
            for what in [probe, other, unjudged, unjudged] {
                pace.count(second, what);
            }
            pace.close(second, [None; 2]);
        }
        assert_eq!(pace.sums().ten, 40);
        assert!(pace.covers(114, Cause::ProbeLoop, 1, 2), "half of what was judged");
        pace.count(115, unjudged);
        pace.count(115, other);
        pace.close(115, [None; 2]);
        assert!(!pace.covers(115, Cause::ProbeLoop, 1, 2), "9 of 19");
        for second in 116..126 {
            pace.count(second, unjudged);
            pace.close(second, [None; 2]);
        }
        assert_eq!((pace.sums().ten, pace.fitting(125).iter().next()), (10, None));
    }

    #[test]
    fn rates_are_of_its_frames_and_of_those_that_it_provoked() {
        let mut pace = Pace::new(100);
        for second in 100..200 {
            pace.count(second, What::of(Protocol::Mdns, CauseSet::default()));
            for _ in 0..3 {
                pace.count_provoked(second, CauseSet::default());
            }
            pace.close(second, [None; 2]);
        }
        assert_eq!(pace.sums(), Sums { ten: 40, thirty: 120, sixty: 240 });
        assert_eq!((pace.own_ten(), pace.at(199), pace.provoked_at(199)), (10, 1, 3));
        for second in 200..260 {
            assert!(!pace.is_forgotten(second - 1));
            pace.close(second, [None; 2]);
        }
        assert_eq!(pace.sums(), Sums::default());
        assert!(pace.is_forgotten(259));
    }
}
