//! Frames that are not their sender's doing: copies of loops and of the place of listening, payloads
//! that come again from another device, and devices that speak for others.
//!
//! | file | reason |
//! |---|---|
//! | `arrival` | a frame before it is counted, and how it arrived |
//! | `frames` | the frames of the last second: how often one came |
//! | `sources` | who was heard, and whose frames come twice |
//! | `mirror` | whether frames come twice because of where we listen |
//! | `loops` | whether frames go round in the switches |
//! | `rounds` | whether ARP or ND frames do so alone |
//! | `claims` | which names a device says something of its own about |
//! | `reflection` | mDNS payloads that come again from another device |
//! | `forwarded` | discovery that a relay sends to and fro |
//! | `returns` | how often a device's copies went round |
//! | `relay` | devices that speak for others |
//!
//! A frame comes here twice: [`CopyDetectors::receive`] hears it before it is counted, and tells
//! whether it is a copy that must not be; [`CopyDetectors::handle`] hears what was counted.

pub(crate) mod arrival;
mod claims;
mod forwarded;
mod frames;
mod loops;
mod mirror;
mod reflection;
pub(crate) mod relay;
mod returns;
mod rounds;
mod sources;

use super::steady::Steady;
use super::view::{Findings, View};
use crate::decode::Class;
use crate::decode::mdns::HashKey;
use crate::frame::Direction;
use crate::time::Time;
use arrival::{Arrival, Came, Received};
use forwarded::Forwarded;
use frames::{Follows, Frames, RecentFrame};
use loops::Loops;
use mirror::Mirror;
use reflection::Reflection;
use sources::Sources;
use std::time::Duration;

/// What this machine sends out again of what it received comes within this long: an access point
/// may be busy.
const ECHO_WINDOW: Duration = Duration::from_millis(10);

/// What recognises copies. Asked first: a copy never counts as a violation.
#[derive(Debug)]
pub(crate) struct CopyDetectors {
    frames: Frames,
    sources: Sources,
    mirror: Mirror,
    copied: u64,
    loops: Loops,
    reflection: Reflection,
    forwarded: Forwarded,
}

impl CopyDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            frames: Frames::new(key),
            sources: Sources::new(key),
            mirror: Mirror::default(),
            copied: 0,
            loops: Loops::default(),
            reflection: Reflection::new(key),
            forwarded: Forwarded::new(key),
        }
    }

    /// Hears one frame before it is counted.
    pub(crate) fn receive(&mut self, received: &Received<'_>) -> Arrival {
        let Received { now, observation, protocol, sender, .. } = *received;
        let is_judged = match observation.class(protocol) {
            Class::Signalling | Class::Address => true,
            // Streams are thousands a second, and nobody's rules speak of them.
            Class::Other => self.mirror.is_on(now),
            Class::Uncounted => false,
        };
        if !is_judged || observation.sender.is_none() {
            return Arrival::Counts(Came::default());
        }
        let id = self.frames.id(observation);
        let (frame, is_new) = self.frames.entry(now, id);
        let came = Came { id: Some(id), is_repeated: !is_new, ..Came::default() };
        let is_echo = !is_new && is_echo(received, frame);
        frame.was_received = observation.direction == Direction::Incoming;
        if is_new {
            frame.ordinal = self.sources.count(now, sender);
            return Arrival::Counts(came);
        }
        let follows = frame.follow(now);
        if is_echo {
            self.mirror.confirm(now);
            self.copied += 1;
            return Arrival::Copy;
        }
        if follows == Follows::Second
            && let Some(source) = self.sources.get_mut(now, sender)
        {
            let (is_doubled, is_mostly) = (source.is_doubled(now), source.is_mostly_doubled(now));
            source.pair(frame.ordinal, protocol);
            if is_doubled && !self.loops.is_on(now) {
                self.mirror.hear_pair(now, sender, source.run());
            }
            if self.mirror.is_on(now) && is_mostly {
                self.mirror.confirm(now);
                self.copied += 1;
                return Arrival::Copy;
            }
            if is_doubled && !mirror::is_long(now, source.run()) {
                frame.missed = frame.missed.saturating_add(1);
                return Arrival::Counts(Came { is_doubtful: true, ..came });
            }
        }
        let missed = match follows {
            Follows::Third => {
                if let Some(source) = self.sources.get_mut(now, sender) {
                    source.part(frame.ordinal);
                }
                std::mem::take(&mut frame.missed)
            }
            Follows::Anew | Follows::Second => 0,
        };
        frame.ordinal = self.sources.count(now, sender);
        let is_third_copy = frame.count(now);
        Arrival::Counts(Came { is_third_copy, missed, ..came })
    }

    /// Hears one frame that was counted. [`Findings::is_copy`] is settled after this.
    pub(crate) fn handle(&mut self, view: &View<'_>, came: &Came, findings: &mut Findings) {
        if came.is_doubtful {
            findings.copy();
        }
        findings.missed(came.missed);
        self.loops.handle(view, came, &mut self.sources, findings);
        if !findings.is_copy() {
            self.reflection.handle(view, findings);
            self.forwarded.handle(view, findings);
        }
    }

    /// What is promised of copies of a frame that was just heard and is no copy of another's.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { frames, sources, mirror, copied: _, loops, reflection, forwarded } = self;
        if Loops::is_own(view) {
            return None;
        }
        let steady = match view.observation.class(view.protocol) {
            Class::Signalling | Class::Address => {
                let id = frames.id(view.observation);
                let is_settled = frames.is_settled(view.now, id);
                // Of a frame itself the last three are remembered.
                let steady = steady.remembering(4);
                let steady = sources.steady(view.now, view.sender, steady);
                loops.steady(view, steady.filter(|_| is_settled)?)?
            }
            Class::Other if mirror.is_on(view.now) => return None,
            Class::Other | Class::Uncounted => steady,
        };
        forwarded.steady(view, reflection.steady(view, steady)?)
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        match view.observation.class(view.protocol) {
            Class::Signalling | Class::Address => {
                let id = self.frames.id(view.observation);
                self.sources.skip(view.sender, copies);
                self.loops.skip(id, copies);
            }
            Class::Other | Class::Uncounted => {}
        }
    }

    /// mDNS payloads that came again from another device.
    pub(crate) const fn reflected(&self) -> u64 {
        self.reflection.reflected()
    }

    /// Whether such payloads go round, or did in the last 10 s.
    pub(crate) fn is_reflecting(&self, now: Time) -> bool {
        self.reflection.is_looping(now)
    }

    /// Frames that are there a second time because of where we listen.
    pub(crate) const fn copied(&self) -> u64 {
        self.copied
    }
}

/// Whether this machine sends out again what it has just received: somebody else's frame.
fn is_echo(received: &Received<'_>, last: &RecentFrame) -> bool {
    let Received { now, observation, vantage, .. } = *received;
    let is_sent = match observation.direction {
        Direction::Outgoing => true,
        Direction::Incoming | Direction::Unknown => false,
    };
    is_sent
        && last.was_received
        && last.age(now) <= ECHO_WINDOW
        && vantage.own.is_some()
        && observation.source_mac != vantage.own
}
