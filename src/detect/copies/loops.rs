//! Recognises frames that go round in a switching loop, and reports [`Cause::L2Loop`].
//!
//! Responders legitimately repeat themselves: a probe comes three times in a second, an
//! announcement of SSDP too, and a stuck printer sends one response for days. None of that is a
//! loop, because a loop repeats what everybody says: the fourth of identical frames within a second
//! counts, and it takes three sources and two protocols at once, none of which sends most of it. A
//! flooder beside a few senders that repeat themselves slowly is no loop, nor are devices that were
//! not there before they began to: who joins a loop was heard before it, or the loop is older than
//! what we have heard, and then nearly all that is heard goes round.

use super::arrival::Came;
use super::frames::{FrameId, LOOP_WINDOW};
use super::rounds::Rounds;
use super::sources::Sources;
use crate::decode::Protocol;
use crate::detect::cause::Cause;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use crate::frame::Direction;
use crate::time::Time;
use std::time::Duration;

/// Sources whose frames go round.
const SOURCES: usize = 3;
/// Protocols of theirs.
const PROTOCOLS: usize = 2;
/// How often each goes round in a second, on average. Devices that repeat themselves because they
/// are wrong do so less often, unless they flood; switches forward within milliseconds.
const ROUNDS: u32 = 10;
/// The same, where nobody was heard before.
const ROUNDS_AT_START: u32 = 100;
/// The largest part of the repetitions that one source may have, in percent.
const SHARE_MAX: u64 = 60;
/// Who was heard so long before its frames went round was not made up for it.
const KNOWN: Duration = Duration::from_mins(1);
/// What was found is not looked for again for this long.
const SETTLED: Duration = Duration::from_millis(20);
/// Received frames with the interface's own MAC...
const OWN: usize = 10;
/// ... within this long.
const OWN_WINDOW: Duration = Duration::from_secs(10);

/// What was found out of the sources that were heard before a loop began.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// When it began.
    began: Time,
    /// How many were heard before.
    sources: usize,
}

/// All whose frames come again and again, as one.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    sources: usize,
    /// A second, of all, and of the one with most.
    repetitions: u32,
    most: u32,
    /// When the first began.
    began: Time,
    /// How many were heard long before they began.
    known: usize,
}

/// Frames that go round in the switches. 1.7 KiB.
#[derive(Debug, Default)]
pub(super) struct Loops {
    /// When a frame of each protocol came a fourth time within a second.
    protocols: [Option<Time>; Protocol::COUNT],
    /// When it was last looked, and what was found.
    looked: Option<(Time, bool)>,
    before: Option<Before>,
    rounds: Rounds,
    /// When frames with the interface's own MAC were received: a ring.
    own: [Option<Time>; OWN],
    /// Where in it the oldest is.
    own_next: usize,
}

impl Loops {
    /// Hears one frame that was counted.
    pub(super) fn handle(
        &mut self,
        view: &View<'_>,
        came: &Came,
        sources: &mut Sources,
        findings: &mut Findings,
    ) {
        let now = view.now;
        if self.is_own_again(view) {
            findings.matched(Cause::L2Loop);
        }
        let Some(id) = came.id.filter(|_| came.is_repeated) else { return };
        if came.is_third_copy {
            sources.repeat(now, view.sender);
            self.protocols[view.protocol.index()] = Some(now);
            self.look(now, sources);
        }
        let doubt = match view.protocol {
            Protocol::Arp | Protocol::Nd => {
                self.rounds.handle(now, id, view.sender, view.asked_address())
            }
            _ => None,
        };
        if self.is_on(now) {
            findings.matched(Cause::L2Loop);
        } else if let Some(doubt) = doubt {
            findings.may_go_round(doubt);
        }
    }

    /// What is promised of copies of a frame that comes again and again, and is none that goes
    /// round: until it is looked again.
    pub(super) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { protocols: _, looked, before: _, rounds: _, own: _, own_next: _ } = self;
        let (at, _) = (*looked)?;
        let steady = steady.while_under(view.now, at, LOOP_WINDOW);
        Some(steady.while_under(view.now, at, SETTLED))
    }

    /// Whether a frame was received with the interface's own MAC as source.
    pub(super) fn is_own(view: &View<'_>) -> bool {
        let is_received = match view.observation.direction {
            Direction::Incoming => true,
            Direction::Outgoing | Direction::Unknown => false,
        };
        is_received && view.vantage.own.is_some() && view.observation.source_mac == view.vantage.own
    }

    /// So many copies more of a frame came.
    pub(super) fn skip(&mut self, id: FrameId, copies: u64) {
        self.rounds.skip(id, copies);
    }

    /// Whether frames of several sources and protocols go round.
    pub(super) fn is_on(&self, now: Time) -> bool {
        self.looked.is_some_and(|(at, is_found)| is_found && now.since(at) <= LOOP_WINDOW)
    }

    /// Looks whether there is a loop, unless that was done just now.
    fn look(&mut self, now: Time, sources: &Sources) {
        if self.looked.is_none_or(|(at, _)| now.since(at) >= SETTLED) {
            let is_found = self.is_evident(now, sources);
            self.looked = Some((now, is_found));
        }
    }

    fn is_evident(&mut self, now: Time, sources: &Sources) -> bool {
        let is_recent = |at: Time| now.since(at) <= LOOP_WINDOW;
        let protocols = self.protocols.iter().flatten().filter(|at| is_recent(**at)).count();
        if protocols < PROTOCOLS {
            return false;
        }
        let mut all = Summary { began: now, ..Summary::default() };
        for repeater in sources.repeaters(now) {
            all.sources += 1;
            all.repetitions = all.repetitions.saturating_add(repeater.rate);
            all.most = all.most.max(repeater.rate);
            all.began = all.began.min(repeater.since);
            all.known += usize::from(repeater.since.since(repeater.first) > KNOWN);
        }
        let each = all.repetitions / u32::try_from(all.sources.max(1)).unwrap_or(u32::MAX);
        let has_one = u64::from(all.most) * 100 > u64::from(all.repetitions) * SHARE_MAX;
        if all.sources < SOURCES || has_one || each < ROUNDS {
            return false;
        }
        if all.known == all.sources {
            return true;
        }
        // Some are new here. Those that are not must be most of those that were heard before.
        let began = all.began;
        let until = began.minus(LOOP_WINDOW);
        let known = sources.repeaters(now).filter(|repeater| repeater.first < until).count();
        let before = match self.before.filter(|before| before.began == began) {
            Some(before) => before.sources,
            None => sources.heard_before(now, until),
        };
        let is_at_start = before < SOURCES;
        let is_found = if is_at_start {
            each >= ROUNDS_AT_START && all.sources * 2 > sources.heard_before(now, now)
        } else {
            known >= SOURCES && known * 2 > before
        };
        self.before = Some(Before { began, sources: before });
        is_found
    }

    /// Whether the frame was received with the interface's own MAC as source, as nine others were
    /// in the last 10 s.
    fn is_own_again(&mut self, view: &View<'_>) -> bool {
        if !Self::is_own(view) {
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

    #[test]
    fn memory_has_a_bound() {
        assert!(size_of::<Loops>() <= 1_728, "{}", size_of::<Loops>());
    }
}
