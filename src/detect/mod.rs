//! relays and loops, the rules of
//! RFC 6762 and its relatives, and how well discovery works. No IO and no clock; memory is fixed.
//!
//! It hears each observation once, with its time. It gives the kind of a message, the causes whose
//! signature a frame has, violations, and the health of discovery.
//!
//! Each detector is a file with its own state, and none reads another's; what several need (the
//! questions of the last 2 s, the cache) is handed to them. Copies are recognised first and never
//! count as violations; then the rules are checked.
//!
//! | file | reason |
//! |---|---|
//! | `cause`, `condition`, `rule` | the tables: causes in their order, conditions, rules by id |
//! | `view` | one frame as detectors see it, and what they find |
//! | `steady` | what is promised of copies of a frame |
//! | `memory` | what they remember with; questions, kinds of messages, when silence proves nothing |
//! | `cache` | what a cache on this segment would hold |
//! | `health` | queriers, groups, answers, services |
//! | `copies` | loops and mirror ports, reflected payloads, who speaks for others |
//! | `mdns` | the rules and causes of mDNS |
//! | `others` | those of the other protocols |
//! | `account` | violations and conditions by device and segment |

mod account;
mod cache;
mod cause;
mod condition;
mod copies;
mod health;
mod mdns;
mod memory;
mod others;
mod rule;
pub(crate) mod steady;
mod view;

pub(crate) use account::booking::Booked;
pub use account::conditions::{DeviceCondition, Particulars};
pub(crate) use account::device::DeviceMemory;
pub use account::violations::{Counts, LastOffence};
pub use cause::{Cause, CauseSet, SegmentCause};
pub use condition::{Condition, ConditionLimits, LoopDoubt, Role};
pub use health::Health;
pub use health::answers::{DELAY_BOUNDS, Delays};
pub use health::horizon::Horizon;
pub use health::queriers::{AddressFamily, Membership, Querier};
pub use health::services::{OTHER_SERVICES, SERVICE_TYPES_MAX};
pub use health::unanswered::{UNANSWERED_NAMES_MAX, Unanswered};
pub use health::wanted::{OTHER_WANTED, WANTED_TYPES_MAX};
pub(crate) use memory::sender::SenderKey;
pub(crate) use memory::table::Table;
pub use rule::{Hardness, Rule};
pub use view::Vantage;

use crate::decode::mdns::{Datagram, Digest, HashKey, Kind, PayloadHash};
use crate::decode::{Observation, Protocol, Sender};
use crate::time::{Stamp, Time};
use account::booking::Account;
use account::detail;
use ahash::RandomState;
use cache::Cache;
use copies::CopyDetectors;
use copies::arrival::Received;
pub(crate) use copies::arrival::{Arrival, Came};
use health::HealthDetectors;
use mdns::MdnsDetectors;
use memory::Memory;
use memory::sender::SourceId;
use others::OtherDetectors;
use steady::{Copies, Steady};
use view::{Findings, Mdns, View};

/// One frame that was counted, as the engine hands it down.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'a> {
    /// When, by the engine's time.
    pub now: Time,
    /// When, by the wall clock.
    pub stamp: Stamp,
    /// What the frame says.
    pub observation: &'a Observation<'a>,
    /// What it was counted as.
    pub protocol: Protocol,
    /// Who sent it: [`Detectors::sender`].
    pub sender: SenderKey,
    /// Its mDNS message, if it has one, to a group or not.
    pub mdns: Option<(&'a Datagram<'a>, PayloadHash, &'a Digest)>,
    /// How it came.
    pub came: Came,
    /// The interface.
    pub vantage: &'a Vantage,
    /// From when on its sender has conditions, as far as this frame is evidence.
    pub limits: &'a ConditionLimits,
    /// The cause of its sender's storm, if what that is about should be told anew.
    pub wants: Option<Cause>,
}

/// What one frame was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The kind of its mDNS message.
    pub kind: Option<Kind>,
    /// The causes whose signature it has.
    pub signatures: CauseSet,
    /// The device that provoked it: it answers what that device asks too fast.
    pub provoked_by: Option<Sender>,
    /// What that one does, if it does not ask.
    pub provoked_as: CauseSet,
    /// What else it may be than a frame that goes round, if it may.
    pub loop_doubt: Option<LoopDoubt>,
    /// What its sender's storm is about, if that was wanted and the frame says it.
    pub detail: Option<Box<str>>,
}

/// The detectors of one segment.
#[derive(Debug)]
pub(crate) struct Detectors {
    /// Hashes senders, and what digests hash.
    state: RandomState,
    memory: Memory,
    cache: Cache,
    health: HealthDetectors,
    copies: CopyDetectors,
    mdns: MdnsDetectors,
    others: OtherDetectors,
    account: Account,
    findings: Findings,
}

impl Detectors {
    /// Detectors that have heard nothing. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey, horizon: Horizon) -> Self {
        Self {
            state: key.state(),
            memory: Memory::default(),
            cache: Cache::new(key),
            health: HealthDetectors::new(key, horizon),
            copies: CopyDetectors::new(key),
            mdns: MdnsDetectors::new(key),
            others: OtherDetectors::new(key),
            account: Account::new(),
            findings: Findings::default(),
        }
    }

    /// What senders are known by here: hashed once a frame.
    pub(crate) fn sender(&self, sender: Option<Sender>) -> SenderKey {
        SenderKey::new(sender, sender.map_or(0, |sender| self.state.hash_one(sender)))
    }

    /// Hears one frame before it is counted. A copy that is there because of where we listen must
    /// not be, nor be handed to [`Self::handle`].
    pub(crate) fn receive(
        &mut self,
        now: Time,
        (observation, sender): (&Observation<'_>, SenderKey),
        protocol: Protocol,
        vantage: &Vantage,
    ) -> Arrival {
        self.copies.receive(&Received { now, observation, protocol, sender, vantage })
    }

    /// Hears one frame of a device that was counted; `memory` is what is remembered of it, if it has a row.
    pub(crate) fn handle(
        &mut self,
        frame: &Counted<'_>,
        mut memory: Option<&mut DeviceMemory>,
    ) -> Verdict {
        let Counted { now, stamp, sender, came, .. } = *frame;
        let kind = frame
            .mdns
            .map(|(datagram, _, digest)| self.memory.classify(now, sender, datagram, digest));
        let view = view(frame, kind, &self.state, &self.memory);
        let findings = &mut self.findings;
        findings.clear();
        self.health.handle(&view, stamp, &mut self.cache);
        self.mdns.handle_any(&view);
        self.copies.handle(&view, &came, findings);
        if !findings.is_copy() {
            self.mdns.handle(&view, &self.cache, memory.as_deref_mut(), findings);
            self.others.handle(&view, findings);
        }
        self.account.book(&view, stamp, findings, memory);
        Verdict {
            kind,
            signatures: self.findings.signatures(),
            provoked_by: self.findings.provoked_by(),
            provoked_as: self.findings.provoked_as(),
            loop_doubt: self.findings.loop_doubt(),
            detail: frame.wants.and_then(|cause| detail::of_frame(&view, &self.findings, cause)),
        }
    }

    /// What is promised of copies of the frame that was just handled, of the given kind. Every
    /// detector is asked.
    pub(crate) fn steady(
        &self,
        frame: &Counted<'_>,
        kind: Option<Kind>,
        memory: &DeviceMemory,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { state, memory: heard, cache, health, copies, mdns, others, account, findings } =
            self;
        if findings.is_copy() || findings.unbooked() > 0 {
            return None;
        }
        let view = view(frame, kind, state, heard);
        let steady = match frame.mdns {
            Some((datagram, _, digest)) => heard.steady(frame.now, datagram, digest, steady)?,
            None => heard.suspension.steady(frame.now, steady),
        };
        let steady = health.steady(&view, cache, steady)?;
        let steady = copies.steady(&view, steady)?;
        let steady = mdns.steady(&view, cache, memory, findings, steady)?;
        let steady = others.steady(&view, findings, steady)?;
        account.steady(&view, findings, memory, steady)
    }

    /// Counts so many copies more of a frame that was handled, of the given kind, and booked so. The
    /// last of them must be handled.
    pub(crate) fn skip(
        &mut self,
        frame: &Counted<'_>,
        (kind, booked): (Option<Kind>, Booked),
        memory: &mut DeviceMemory,
        copies: Copies,
    ) {
        let Self {
            state,
            memory: heard,
            cache: _,
            health: _,
            copies: of_frames,
            mdns,
            others,
            account,
            findings: _,
        } = self;
        if let Some((datagram, _, digest)) = frame.mdns {
            heard.skip(datagram, digest, copies.count);
        }
        let view = view(frame, kind, state, heard);
        of_frames.skip(&view, copies.count);
        mdns.skip(&view, copies);
        others.skip(&view, copies.count);
        account.skip(booked, memory, copies.count);
    }

    /// Whether a message is a response to the group that caches believe, or none at all; `None` if
    /// it is one that they do not believe.
    pub(crate) fn responds(&self, frame: &Counted<'_>, kind: Option<Kind>) -> Option<bool> {
        let view = view(frame, kind, &self.state, &self.memory);
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else {
            return Some(false);
        };
        cache::teaches(&mdns).then_some(true)
    }

    /// A copy of a frame was the last response of all, and is not to be handled.
    pub(crate) fn remember(&mut self, frame: &Counted<'_>, kind: Option<Kind>, at: Time) {
        let Self { state, memory: heard, cache, mdns, .. } = self;
        let view = view(frame, kind, state, heard);
        cache.remember(&view, at);
        mdns.remember(&view, at);
    }

    /// What the last frame was found to break.
    pub(crate) const fn booked(&self) -> Booked {
        self.account.last()
    }

    /// Closes what has waited long enough, and drops what has expired. Called when a whole second
    /// has passed, or more.
    pub(crate) fn handle_second(&mut self, now: Time) {
        self.health.handle_second(now);
    }

    /// Frames were lost, and a device that seems silent may have spoken. Suspends the rules that
    /// rest on silence for 2 s.
    pub(crate) fn handle_gap(&mut self, now: Time) {
        self.health.handle_gap();
        self.memory.suspension.begin(now);
    }

    /// Nobody listens from now on.
    pub(crate) fn handle_down(&mut self) {
        self.health.handle_gap();
    }

    /// How well discovery works. `senders` are those that have a row.
    pub(crate) fn health(
        &self,
        now: Time,
        senders: &(impl Iterator<Item = Sender> + Clone),
    ) -> Health {
        let find = |wanted| senders.clone().find(|sender| self.sender(Some(*sender)) == wanted);
        Health {
            copied: self.copies.copied(),
            reflected: self.copies.reflected(),
            reflection_loop: self.copies.is_reflecting(now),
            suspended: self.memory.suspension.begun(),
            ..self.health.snapshot(now, find)
        }
    }

    /// Violations of all devices.
    pub(crate) const fn violations(&self) -> &Counts {
        self.account.violations()
    }

    /// Conditions of all devices that have begun.
    pub(crate) const fn conditions_begun(&self) -> &[u64; Condition::COUNT] {
        self.account.conditions_begun()
    }

    /// The causes whose signature the last frame has.
    pub(crate) const fn signatures(&self) -> CauseSet {
        self.findings.signatures()
    }
}

/// A frame as detectors see it.
fn view<'a>(
    frame: &Counted<'a>,
    kind: Option<Kind>,
    state: &'a RandomState,
    memory: &'a Memory,
) -> View<'a> {
    let Counted { now, observation, protocol, sender, vantage, limits, .. } = *frame;
    let source = state.hash_one((sender, observation.ip.map(|ip| ip.source)));
    let mdns = frame.mdns.zip(kind);
    let mdns =
        mdns.map(|((datagram, payload, digest), kind)| Mdns { datagram, digest, payload, kind });
    View {
        now,
        observation,
        protocol,
        sender,
        source: SourceId(source),
        mdns,
        questions: &memory.questions,
        is_suspended: memory.suspension.is_active(now),
        vantage,
        limits,
        hasher: state,
    }
}

#[cfg(test)]
mod tests;
