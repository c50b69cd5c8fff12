//! The frames of the last second, by what is in them: whether one came before, when, and how often.
//!
//! Takes each frame with its time; says how it came. It knows neither who else sends nor what a
//! repetition means: `sources` knows whose frames come twice, `mirror` and `loops` judge.
//!
//! Two frames are the same if all their octets are. A copy of an IPv4 datagram may also differ in
//! its TTL and its padding: then the identification in its header, which a sender changes with each
//! datagram, tells that it is one. An identification of 0 tells nothing (RFC 6864 section 4.1).

use crate::decode::Observation;
use crate::decode::mdns::HashKey;
use crate::detect::memory::table::{Key, Table};
use crate::time::Time;
use ahash::RandomState;
use std::net::IpAddr;
use std::time::Duration;

/// Copies follow each other within this long in a loop.
pub(super) const LOOP_WINDOW: Duration = Duration::from_secs(1);
/// So many copies of one frame within [`LOOP_WINDOW`] make a loop of it.
const COPIES: usize = 3;
/// What the place of listening adds comes within this long: 16 to 34 us were measured.
pub(super) const PAIR_WINDOW: Duration = Duration::from_millis(1);
/// The frame after a pair is another, and no third copy, if it comes so many times later than the
/// second came after the first...
const APART: u32 = 5;
/// ... and not within this long: the clocks of captures are no finer.
const APART_MIN: Duration = Duration::from_micros(50);
/// Sets of frames of the last second: at most 2,048 frames, 144 KiB.
const FRAME_SETS: usize = 256;

/// Keyed hash of what makes a frame the same as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FrameId(u64);

impl Key for FrameId {
    fn keyed(&self, _: &RandomState) -> u64 {
        self.0
    }
}

/// How identical frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    /// The last came alone so far.
    Alone,
    /// The last was a second, this long after its first.
    Paired(Duration),
    /// A third followed within the time of a pair: the sender repeats itself.
    OwnDoing,
}

/// A frame of the last second.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecentFrame {
    /// When it came, the latest first, seconds of pairs left out.
    times: [Time; COPIES],
    /// How many of `times` are valid.
    count: u8,
    pairing: Pairing,
    /// When it came last, as a second or not.
    last: Time,
    /// Whether the last was received, as far as that is known.
    pub(super) was_received: bool,
    /// Which of its sender's frames the last first of a pair was.
    pub(super) ordinal: u32,
    /// Seconds that were not judged.
    pub(super) missed: u16,
}

/// How a frame follows its last copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// The last is another frame of its own, or none is remembered.
    Anew,
    /// It is the second within the time of a pair.
    Second,
    /// It is one more within that time: there was no pair.
    Third,
}

impl RecentFrame {
    const fn new(now: Time) -> Self {
        Self {
            times: [now; COPIES],
            count: 1,
            pairing: Pairing::Alone,
            last: now,
            was_received: false,
            ordinal: 0,
            missed: 0,
        }
    }

    /// Another copy, at `now`.
    pub(super) fn follow(&mut self, now: Time) -> Follows {
        let gap = now.since(self.last);
        self.last = now;
        let is_close = gap <= PAIR_WINDOW;
        let (pairing, follows) = match self.pairing {
            Pairing::Alone if is_close => (Pairing::Paired(gap), Follows::Second),
            Pairing::Paired(first) if is_close && gap < (first * APART).max(APART_MIN) => {
                (Pairing::OwnDoing, Follows::Third)
            }
            // Whoever says a thing twice within a millisecond says it once, unless it floods.
            Pairing::Paired(_) if now.since(self.times[0]) <= PAIR_WINDOW && !self.is_many(now) => {
                (Pairing::Alone, Follows::Second)
            }
            Pairing::OwnDoing => (Pairing::OwnDoing, Follows::Anew),
            Pairing::Alone | Pairing::Paired(_) => (Pairing::Alone, Follows::Anew),
        };
        self.pairing = pairing;
        follows
    }

    /// How long ago the last came.
    pub(super) fn age(&self, now: Time) -> Duration {
        now.since(self.last)
    }

    /// Whether three came within the last second.
    fn is_many(&self, now: Time) -> bool {
        let is_full = usize::from(self.count) == COPIES;
        is_full && now.since(self.times[COPIES - 1]) <= LOOP_WINDOW
    }

    /// Counts it as a frame of its own: whether it is the third copy within a second.
    pub(super) fn count(&mut self, now: Time) -> bool {
        let is_third = self.is_many(now);
        self.times.rotate_right(1);
        self.times[0] = now;
        self.count += u8::from(usize::from(self.count) < COPIES);
        is_third
    }
}

/// The frames of the last second. At most 144 KiB.
#[derive(Debug)]
pub(super) struct Frames {
    /// Hashes whole frames.
    state: RandomState,
    recent: Table<FrameId, RecentFrame, FRAME_SETS>,
}

impl Frames {
    pub(super) fn new(key: HashKey) -> Self {
        Self { state: key.state(), recent: Table::new(key, LOOP_WINDOW) }
    }

    /// What makes the frame the same as another.
    pub(super) fn id(&self, observation: &Observation<'_>) -> FrameId {
        let identified = observation.ip.filter(|ip| ip.id != 0 && !ip.fragment);
        let hash = match (identified, observation.udp) {
            (Some(ip), Some(udp)) => {
                let addresses = match (ip.source, ip.destination) {
                    (IpAddr::V4(source), IpAddr::V4(destination)) => {
                        u64::from(source.to_bits()) << 32 | u64::from(destination.to_bits())
                    }
                    (_, _) => 0,
                };
                let ports = (udp.source_port, udp.destination_port);
                let whose = (observation.source_mac, addresses, ip.id, ports);
                self.state.hash_one((whose, udp.payload))
            }
            (_, _) => self.state.hash_one((observation.frame, observation.wire_len)),
        };
        FrameId(hash)
    }

    /// Whether copies of a frame that was just heard are all its sender's own doing.
    pub(super) fn is_settled(&self, now: Time, id: FrameId) -> bool {
        self.recent.get(now, id).is_some_and(|frame| {
            frame.pairing == Pairing::OwnDoing
                && usize::from(frame.count) == COPIES
                && frame.missed == 0
        })
    }

    /// The frame with that identity, and whether it is the first within a second.
    pub(super) fn entry(&mut self, now: Time, id: FrameId) -> (&mut RecentFrame, bool) {
        let access = self.recent.entry(now, id, || RecentFrame::new(now));
        (access.value, access.is_new)
    }
}

/// An identity for tests.
#[cfg(test)]
pub(super) const fn id_of(n: u64) -> FrameId {
    FrameId(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Time {
        Time(micros * 1_000)
    }

    #[test]
    fn the_fourth_within_a_second_counts() {
        let mut seen = RecentFrame::new(at(0));
        assert!(!seen.count(at(500_000)) && !seen.count(at(900_000)));
        assert!(seen.count(at(1_000_000)));
        assert!(seen.count(at(1_500_000)), "1,500, 1,000, 900, 500");
        assert!(!seen.count(at(2_000_000)), "2,000, 1,500, 1,000, 900");
    }

    /// How copies follow each other at these times, in microseconds: S a second, T a third.
    fn follow(times: &[u64]) -> String {
        let mut seen = RecentFrame::new(at(times[0]));
        let letter = |time: &u64| {
            let follows = seen.follow(at(*time));
            let letter = match follows {
                Follows::Anew => '.',
                Follows::Second => return 'S',
                Follows::Third => 'T',
            };
            seen.count(at(*time));
            letter
        };
        times[1..].iter().map(letter).collect()
    }

    #[test]
    fn pairs_are_told_from_repetitions() {
        let cases: [(&str, &[u64], &str); 9] = [
            ("once", &[0, 5_000], "."),
            ("twice", &[0, 30], "S"),
            ("at the end of the window", &[0, 1_000, 3_000, 4_001], "S.."),
            ("again and again", &[0, 30, 2_000, 2_016, 4_000, 4_034], "S.S.S"),
            ("a burst, each doubled", &[0, 9, 410, 417, 1_500, 1_511], "SSS.S"),
            (
                "a flood, each doubled",
                &[0, 9, 500, 509, 1_001, 1_010, 2_002, 2_011, 2_500, 2_509, 3_001, 3_010],
                "SSS.S.S.S.S",
            ),
            ("a flood", &[0, 300, 600, 900, 1_200, 5_000, 5_030], "ST...."),
            ("a slower one", &[0, 2_000, 4_000, 6_000], "..."),
            ("stamps that are too coarse", &[0, 0, 0, 0], "ST."),
        ];
        for (what, times, expected) in cases {
            assert_eq!(follow(times), expected, "{what}");
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, RecentFrame)>>();
        assert!(FRAME_SETS * 8 * each <= 144 << 10, "{each}");
    }
}
