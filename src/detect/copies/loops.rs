//! Recognises frames that go round in a switching loop, and copies that a mirror port makes. It
//! hears every frame with the hash of all its octets, and reports [`Cause::L2Loop`].
//!
//! Responders legitimately repeat themselves: a probe comes three times in a second, an
//! announcement of SSDP too, and a stuck printer sends one response for days. None of that is a
//! loop, because a loop repeats everything: the fourth of identical frames within a second counts,
//! and it takes three sources and two protocols at once. A mirror port (SPAN) hands over most
//! frames twice, a fraction of a millisecond apart, and never goes on: two or three identical
//! frames within 5 ms are one frame and its copies, once that was seen of three sources.

use crate::decode::mdns::HashKey;
use crate::decode::{Class, Protocol};
use crate::detect::cause::Cause;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::{Key, Table};
use crate::detect::view::{Delivery, Findings, View};
use crate::frame::Direction;
use crate::time::Time;
use ahash::RandomState;
use std::time::Duration;

/// Within this long copies follow each other in a loop.
const LOOP_WINDOW: Duration = Duration::from_secs(1);
/// How many copies of one frame make a loop of it.
const COPIES: usize = 3;
/// Sources whose frames go round.
const SOURCES: usize = 3;
/// Protocols of theirs.
const PROTOCOLS: usize = 2;
/// Copies of a mirror port come within less than this.
const MIRROR_WINDOW: Duration = Duration::from_millis(5);
/// A mirror port makes at most two copies: of a frame that comes in by a mirrored port and goes
/// out by another. More are a loop's, or a device's own doing.
const MIRRORED: u8 = 3;
/// A sender whose frame comes again within this time, but not within a mirror port's, repeats
/// itself: responders wait longer.
const DENSE: Duration = Duration::from_millis(100);
/// Within this long three sources are seen doubled.
const MIRROR_EVIDENCE: Duration = Duration::from_secs(10);
/// A mirror port is believed in for this long after the last frame that it doubled: some LANs are
/// silent for minutes.
const MIRROR_KEPT: Duration = Duration::from_mins(10);
/// Received frames with the interface's own MAC...
const OWN: usize = 10;
/// ... within this long.
const OWN_WINDOW: Duration = Duration::from_secs(10);
/// Sets of frames of the last second: at most 2,048 frames, 192 KiB.
const FRAME_SETS: usize = 256;

/// Keyed hash of all octets of a frame, and of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FrameHash(u64);

impl Key for FrameHash {
    fn keyed(&self, _: &RandomState) -> u64 {
        self.0
    }
}

/// One frame of the last second.
#[derive(Clone, Copy, Debug)]
struct RecentFrame {
    /// When it came, the latest first, without a mirror port's copies.
    times: [Time; COPIES],
    /// How many of `times` are valid.
    count: usize,
    /// When the burst of identical frames that it is in began, and how many they are.
    burst: Time,
    in_burst: u8,
    /// Whether more of it came in one burst than a mirror port makes.
    is_own_doing: bool,
    /// Whether the burst followed another within 100 ms.
    is_dense: bool,
}

impl RecentFrame {
    const fn new(now: Time) -> Self {
        Self {
            times: [now; COPIES],
            count: 1,
            burst: now,
            in_burst: 1,
            is_own_doing: false,
            is_dense: false,
        }
    }

    /// Another copy, at `now`: its place in the burst, counted from 1.
    fn burst(&mut self, now: Time) -> u8 {
        if now.since(self.burst) < MIRROR_WINDOW {
            self.in_burst = self.in_burst.saturating_add(1);
        } else {
            self.is_dense = now.since(self.burst) < DENSE;
            self.burst = now;
            self.in_burst = 1;
        }
        self.is_own_doing |= self.in_burst > MIRRORED;
        self.in_burst
    }

    /// Another copy, at `now`: whether it is the third copy within a second.
    fn again(&mut self, now: Time) -> bool {
        let is_third = self.count == COPIES && now.since(self.times[COPIES - 1]) <= LOOP_WINDOW;
        self.times.rotate_right(1);
        self.times[0] = now;
        self.count = COPIES.min(self.count + 1);
        is_third
    }
}

/// The last three different parties that something happened to, the latest first. Senders that
/// may be one device are one.
#[derive(Clone, Copy, Debug, Default)]
struct LastSenders([Option<(SenderKey, Time)>; SOURCES]);

impl LastSenders {
    fn add(&mut self, now: Time, sender: SenderKey) {
        let same = self.0.iter().position(|p| p.is_some_and(|(there, _)| there.may_be(sender)));
        let place = same.unwrap_or(SOURCES - 1);
        self.0[..=place].rotate_right(1);
        self.0[0] = Some((sender, now));
    }

    fn remove(&mut self, sender: SenderKey) {
        let same = self.0.iter().position(|p| p.is_some_and(|(there, _)| there.may_be(sender)));
        if let Some(place) = same {
            self.0[place..].rotate_left(1);
            self.0[SOURCES - 1] = None;
        }
    }

    /// Whether three had it happen within the last `window`.
    fn are_all_within(&self, now: Time, window: Duration) -> bool {
        self.0[SOURCES - 1].is_some_and(|(_, at)| now.since(at) <= window)
    }
}

/// Frames that go round in the switches, and copies that a mirror port makes. At most 192 KiB.
#[derive(Debug)]
pub(crate) struct Loops {
    /// Hashes whole frames.
    state: RandomState,
    frames: Table<FrameHash, RecentFrame, FRAME_SETS>,
    /// Whose frames came a fourth time within a second.
    looped: LastSenders,
    /// When one of each protocol did.
    protocols: [Option<Time>; Protocol::COUNT],
    /// Whose frames came twice within 5 ms, and not a fourth time.
    doubled: LastSenders,
    /// Until when a mirror port is believed in.
    mirrored_until: Option<Time>,
    /// When frames with the interface's own MAC were received: a ring.
    own: [Option<Time>; OWN],
    /// Where in it the oldest is.
    own_next: usize,
}

impl Loops {
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            state: key.state(),
            frames: Table::new(key, LOOP_WINDOW),
            looped: LastSenders::default(),
            protocols: [None; Protocol::COUNT],
            doubled: LastSenders::default(),
            mirrored_until: None,
            own: [None; OWN],
            own_next: 0,
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let (now, observation) = (view.now, view.observation);
        match observation.class(view.protocol) {
            Class::Signalling | Class::Address => {}
            Class::Other | Class::Uncounted => return,
        }
        if observation.sender.is_none() {
            return;
        }
        if self.is_own_again(view) {
            findings.matched(Cause::L2Loop);
        }
        let key = FrameHash(self.state.hash_one((observation.frame, observation.wire_len)));
        let place = self.frames.entry(now, key, || RecentFrame::new(now));
        if place.is_new {
            return;
        }
        let seen = place.value;
        let in_burst = seen.burst(now);
        if in_burst == 2 {
            self.doubled.add(now, view.sender);
        } else if in_burst > MIRRORED {
            self.doubled.remove(view.sender);
        }
        let is_mirrored = self.mirrored_until.is_some_and(|until| now <= until);
        let is_evident = in_burst == 2 && self.doubled.are_all_within(now, MIRROR_EVIDENCE);
        if is_evident || (is_mirrored && in_burst == 2) {
            self.mirrored_until = Some(now.plus(MIRROR_KEPT));
        }
        if (is_mirrored || is_evident) && in_burst >= 2 && !seen.is_own_doing {
            findings.copy();
            return self.mark_if_looping(now, findings);
        }
        if seen.is_own_doing || seen.is_dense {
            findings.deliver(Delivery::Repeated);
        } else if in_burst >= 2 {
            findings.deliver(Delivery::Doubtful);
        }
        if seen.again(now) {
            self.looped.add(now, view.sender);
            self.protocols[view.protocol.index()] = Some(now);
        }
        self.mark_if_looping(now, findings);
    }

    /// Whether a mirror port is believed in.
    pub(crate) fn is_mirrored(&self, now: Time) -> bool {
        self.mirrored_until.is_some_and(|until| now <= until)
    }

    fn mark_if_looping(&self, now: Time, findings: &mut Findings) {
        if self.is_looping(now) {
            findings.matched(Cause::L2Loop);
        }
    }

    /// Whether frames of three sources and of two protocols go round.
    fn is_looping(&self, now: Time) -> bool {
        let is_recent = |at: &Option<Time>| at.is_some_and(|at| now.since(at) <= LOOP_WINDOW);
        self.looped.are_all_within(now, LOOP_WINDOW)
            && self.protocols.iter().filter(|at| is_recent(at)).count() >= PROTOCOLS
    }

    /// Whether the frame was received with the interface's own MAC as source, as nine others were
    /// in the last 10 s.
    fn is_own_again(&mut self, view: &View<'_>) -> bool {
        let is_received = match view.observation.direction {
            Direction::Incoming => true,
            Direction::Outgoing | Direction::Unknown => false,
        };
        if !is_received
            || view.vantage.own.is_none()
            || view.observation.source_mac != view.vantage.own
        {
            return false;
        }
        self.own[self.own_next] = Some(view.now);
        self.own_next = (self.own_next + 1) % OWN;
        self.own[self.own_next].is_some_and(|oldest| view.now.since(oldest) <= OWN_WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sender(n: u64) -> SenderKey {
        SenderKey::new(None, n << 2)
    }

    proptest! {
        #[test]
        fn three_parties_as_a_list_has_them(
            steps in prop::collection::vec((1_u64..6, 0_u64..4, any::<bool>()), 1..60),
        ) {
            let mut parties = LastSenders::default();
            let mut list: Vec<(u64, Time)> = Vec::new();
            let mut now = Time(0);
            for (n, seconds, is_added) in steps {
                now = now.plus(Duration::from_secs(seconds));
                list.retain(|(there, _)| *there != n);
                if is_added {
                    parties.add(now, sender(n));
                    list.insert(0, (n, now));
                    // What was the fourth is forgotten: it is older than the three.
                    list.truncate(SOURCES);
                } else {
                    parties.remove(sender(n));
                }
                let within = list.iter().filter(|(_, at)| now.since(*at) <= MIRROR_EVIDENCE);
                prop_assert_eq!(
                    parties.are_all_within(now, MIRROR_EVIDENCE),
                    within.count() >= SOURCES,
                );
            }
        }
    }

    #[test]
    fn the_fourth_within_a_second_counts() {
        let at = |millis: u64| Time(millis * 1_000_000);
        let mut seen = RecentFrame::new(at(0));
        assert!(!seen.again(at(500)) && !seen.again(at(900)));
        assert!(seen.again(at(1_000)));
        assert!(seen.again(at(1_500)), "1,500, 1,000, 900, 500");
        assert!(!seen.again(at(2_000)), "2,000, 1,500, 1,000, 900");
    }

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, RecentFrame)>>();
        assert!(FRAME_SETS * 8 * each <= 192 << 10, "{each}");
    }
}
