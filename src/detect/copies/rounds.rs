//! ARP and Neighbour Discovery that go round alone: in a ring of bridges where nothing but the
//! address requests of a few hosts is left, there are too few sources and protocols for `loops`.
//!
//! Takes each ARP and ND frame that came before within a second; says whether it goes round. The
//! sign is that frames of two senders or more come at 50/s and above, each always with the same
//! octets, side by side for 5 s. One sender alone is a device that hangs. Two equal devices that
//! ask for a gateway which is gone look the same on the wire; that doubt is accepted, and told.

use super::frames::FrameId;
use crate::detect::condition::LoopDoubt;
use crate::detect::memory::sender::SenderKey;
use crate::time::Time;
use std::net::IpAddr;

/// Frames a second of one that goes round.
const RATE: u32 = 50;
/// Whole seconds of it.
const SECONDS: u64 = 5;
/// Senders of such frames.
const SENDERS: usize = 2;
/// Frames that are followed; more come only with more senders, of which two are enough.
const FRAMES: usize = 16;

/// One frame that comes again and again.
#[derive(Clone, Copy, Debug)]
struct Round {
    id: FrameId,
    sender: SenderKey,
    /// The address that it asks for.
    asked: Option<IpAddr>,
    /// The second that is counted, and how often it came in it.
    second: u64,
    count: u32,
    /// Since which second each held enough.
    since: u64,
}

impl Round {
    /// Once more, in `second`.
    fn again(&mut self, second: u64) {
        if second != self.second {
            let goes_on = second == self.second + 1 && self.count >= RATE;
            if !goes_on {
                self.since = second;
            }
            (self.second, self.count) = (second, 0);
        }
        self.count = self.count.saturating_add(1);
    }

    /// Whether it has gone on for long enough, up to the second before `second`.
    const fn is_on(&self, second: u64) -> bool {
        let is_recent = self.second == second || (self.second + 1 == second && self.count >= RATE);
        is_recent && second - self.since >= SECONDS
    }
}

/// Frames that go round. 1.1 KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds([Option<Round>; FRAMES]);

impl Rounds {
    /// An ARP or ND frame that came before within a second, and what address it asks for. If it is
    /// one of those that go round: what else they may be.
    pub(super) fn handle(
        &mut self,
        now: Time,
        id: FrameId,
        sender: SenderKey,
        asked: Option<IpAddr>,
    ) -> Option<LoopDoubt> {
        let second = now.second();
        let same = |round: &Option<Round>| round.is_some_and(|round| round.id == id);
        let place = self.0.iter().position(same).unwrap_or_else(|| {
            // In place of the one that stopped longest ago, or came least often.
            let use_of = |place: &usize| self.0[*place].map(|round| (round.second, round.count));
            (0..FRAMES).min_by_key(use_of).unwrap_or(0)
        });
        let round = match &mut self.0[place] {
            Some(round) if round.id == id => round,
            other => other.insert(Round { id, sender, asked, second, count: 0, since: second }),
        };
        round.again(second);
        let is_on = round.is_on(second) && self.has_another(second, sender);
        is_on.then(|| self.doubt(second))
    }

    /// So many copies more of a frame came in the second that is counted.
    pub(super) fn skip(&mut self, id: FrameId, copies: u64) {
        if let Some(round) = self.0.iter_mut().flatten().find(|round| round.id == id) {
            let copies = u32::try_from(copies).unwrap_or(u32::MAX);
            round.count = round.count.saturating_add(copies);
        }
    }

    /// What the frames that go round may be otherwise.
    fn doubt(&self, second: u64) -> LoopDoubt {
        let (mut senders, mut addresses) = ([None; FRAMES], [None; FRAMES]);
        let (mut devices, mut count) = (0, 0);
        for round in self.0.iter().flatten().filter(|round| round.is_on(second)) {
            if !senders.iter().flatten().any(|there: &SenderKey| there.may_be(round.sender)) {
                senders[devices] = Some(round.sender);
                devices += 1;
            }
            if round.asked.is_some() && !addresses.contains(&round.asked) {
                addresses[count] = round.asked;
                count += 1;
            }
        }
        LoopDoubt { devices, asked: [addresses[0], addresses[1]], addresses: count }
    }

    /// Whether frames of other senders go round beside those of `sender`.
    fn has_another(&self, second: u64, sender: SenderKey) -> bool {
        let others = self.0.iter().flatten().filter(|round| !round.sender.may_be(sender));
        others.filter(|round| round.is_on(second)).count() >= SENDERS - 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::id_of;
    use super::*;
    use std::time::Duration;

    /// How many frames go round when senders send one frame each at these rates, for `seconds`.
    fn marked(rates: &[u64], seconds: u64) -> usize {
        let mut frames: Vec<(Time, u64)> = (0..)
            .zip(rates)
            .flat_map(|(n, rate)| {
                let every = Duration::from_secs(1) / u32::try_from(*rate).expect("a rate");
                (0..rate * seconds)
                    .map(move |k| (Time(0).plus(every * u32::try_from(k).expect("few")), n))
            })
            .collect();
        frames.sort_unstable();
        let mut rounds = Rounds::default();
        let mut is_marked = |(now, n): &(Time, u64)| {
            rounds.handle(*now, id_of(*n), SenderKey::new(None, n << 2), None).is_some()
        };
        frames.iter().filter(|frame| is_marked(frame)).count()
    }

    #[test]
    fn two_senders_for_five_seconds_go_round() {
        assert_eq!(marked(&[1_200, 800], 5), 0, "not for longer than 5 s");
        // The very first waits for the other's.
        assert_eq!(marked(&[1_200, 800], 6), 2_000 - 1);
        assert_eq!(marked(&[1_200], 9), 0, "one sender");
        assert_eq!(marked(&[1_200, 40], 9), 0, "one that is slow");
        let marked = marked(&[51, 51, 51], 7);
        assert!((300..=306).contains(&marked), "two of seven seconds: {marked}");
    }

    #[test]
    fn a_pause_begins_it_anew() {
        let mut rounds = Rounds::default();
        let mut is_on = false;
        for second in 0..20_u64 {
            for n in 0..120_u64 {
                let now = Time(second * 1_000_000_000 + n * 8_000_000);
                if second % 5 != 4 {
                    let sender = SenderKey::new(None, (n % 2) << 2);
                    is_on |= rounds.handle(now, id_of(n % 2), sender, None).is_some();
                }
            }
        }
        assert!(!is_on);
    }

    #[test]
    fn the_doubt_names_the_devices_that_take_part_and_what_they_ask_for() {
        let told = |asked: &dyn Fn(u64) -> Option<IpAddr>| {
            let mut rounds = Rounds::default();
            let mut last = None;
            for n in 0..3_000_u64 {
                // Three senders, one of them slow, for seven seconds.
                let (now, k) = (Time(n * 2_400_000), if n % 40 == 0 { 2 } else { n % 2 });
                last =
                    rounds.handle(now, id_of(k), SenderKey::new(None, k << 2), asked(k)).or(last);
            }
            last.map(|doubt| doubt.in_words())
        };
        let gateway = || Some(IpAddr::from([10, 0, 0, 1]));
        let one = "a loop, or 2 devices asking for 10.0.0.1";
        assert_eq!(told(&|_| gateway()).as_deref(), Some(one));
        let two = told(&|k| Some(IpAddr::from([10, 0, 0, 1 + u8::try_from(k).expect("small")])));
        assert!(
            two.as_deref()
                .is_some_and(|two| two.ends_with("10.0.0.1") || two.ends_with("10.0.0.2"))
        );
        let none = "a loop, or 2 devices that send one frame again and again";
        assert_eq!(told(&|_| None).as_deref(), Some(none));
    }

    #[test]
    fn memory_has_a_bound() {
        assert!(size_of::<Rounds>() <= 1_152, "{}", size_of::<Rounds>());
    }
}
