//! One frame as the detectors see it, and what they find.
//!
//! Every detector writes what it recognised into [`Findings`]. No detector sees another's state.

use super::cause::{Cause, CauseSet};
use super::condition::{About, ConditionLimits, Evidence, LoopDoubt};
use super::memory::questions::Questions;
use super::memory::sender::{SenderKey, SourceId};
use super::rule::Rule;
use crate::decode::mdns::{
    DataHash, Datagram, Digest, Kind, PayloadHash, RClass, RType, Record, address_data,
};
use crate::decode::{Cast, Message, Observation, Protocol, Sender, nd};
use crate::mac::Mac;
use crate::time::Time;
use ahash::RandomState;
use std::net::IpAddr;
use std::time::Duration;

/// What is known of the interface that a segment is heard on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vantage {
    /// Its own MAC; `None` in files.
    pub own: Option<Mac>,
    /// Wi-Fi delivers multicast in bunches, 102 to 307 ms apart.
    pub is_wireless: bool,
    /// Its own addresses with the length of their prefix; empty in files.
    pub subnets: Vec<(IpAddr, u8)>,
}

impl Vantage {
    /// By how much an interval may seem shorter than it was: 10 %, on Wi-Fi at least 350 ms.
    pub(crate) fn tolerance(&self, interval: Duration) -> Duration {
        let tenth = interval / 10;
        if self.is_wireless { tenth.max(Duration::from_millis(350)) } else { tenth }
    }
}

/// One frame that was counted.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// When.
    pub now: Time,
    /// What the frame says.
    pub observation: &'a Observation<'a>,
    /// What it was counted as.
    pub protocol: Protocol,
    /// Who sent it.
    pub sender: SenderKey,
    /// The sender with its source IP.
    pub source: SourceId,
    /// Its message, if it is mDNS, to a group or not.
    pub mdns: Option<Mdns<'a>>,
    /// What was asked in the last 2 s, by this message too.
    pub questions: &'a Questions,
    /// Whether silence proves nothing now.
    pub is_suspended: bool,
    /// The interface.
    pub vantage: &'a Vantage,
    /// From when on its sender has conditions.
    pub limits: &'a ConditionLimits,
    /// What hashes the names and data of its message.
    pub hasher: &'a RandomState,
}

/// An mDNS message.
#[derive(Clone, Copy)]
pub(crate) struct Mdns<'a> {
    /// The message as it came.
    pub datagram: &'a Datagram<'a>,
    /// What is in it.
    pub digest: &'a Digest,
    /// The payload.
    pub payload: PayloadHash,
    /// What it is.
    pub kind: Kind,
}

impl<'a> View<'a> {
    /// Whether it came over IPv6: what is said over both address families counts in each.
    pub(crate) fn is_v6(&self) -> bool {
        self.observation.ip.is_some_and(|ip| ip.source.is_ipv6())
    }

    /// The address that it was sent from, as the data of a record.
    pub(crate) fn own_address(&self) -> Option<DataHash> {
        self.observation.ip.map(|ip| address_data(ip.source, self.hasher))
    }

    /// Whether the message gives somebody the address that it was sent from, as only a host's own
    /// does; `None` if it gives none of that family.
    pub(crate) fn is_about_itself(&self, mdns: &Mdns<'_>) -> Option<bool> {
        let own = self.own_address()?;
        let rtype = if self.is_v6() { RType::AAAA } else { RType::A };
        let is_of_family = |record: &&Record| record.rtype == rtype && record.class == RClass::IN;
        let given = mdns.digest.records.iter().filter(is_of_family);
        given.map(|record| record.data == own).reduce(|one, other| one || other)
    }

    /// The address that an ARP request or a neighbour solicitation asks for.
    pub(crate) fn asked_address(&self) -> Option<IpAddr> {
        match &self.observation.message {
            Message::Arp(message) if message.is_request() || message.is_gratuitous() => {
                Some(message.target_ip.into())
            }
            Message::Nd(message) if message.kind == nd::Kind::NeighbourSolicitation => {
                message.target.map(IpAddr::from)
            }
            _ => None,
        }
    }

    /// The mDNS message, if it was sent to a group.
    pub(crate) fn multicast_mdns(&self) -> Option<Mdns<'a>> {
        let to_group = match self.observation.cast {
            Cast::Group | Cast::Converted => self.protocol == Protocol::Mdns,
            Cast::UnicastMdns | Cast::Unicast => false,
        };
        self.mdns.filter(|_| to_group)
    }
}

impl Mdns<'_> {
    /// Whether the QR bit says response.
    pub(crate) fn is_response(&self) -> bool {
        self.datagram.header.is_some_and(crate::decode::mdns::Header::is_response)
    }

    /// Whether it comes from port 5353.
    pub(crate) const fn is_from_mdns_port(&self) -> bool {
        self.datagram.source_port == 5353
    }
}

/// What an offence is about: a place in the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// In [`Digest::questions`].
    Question(u8),
    /// In [`Digest::records`].
    Record(u8),
}

/// A rule that a frame breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The rule that is broken.
    pub rule: Rule,
    /// By which question or record.
    pub subject: Option<Subject>,
    /// How long after the last one, where the rule is about intervals.
    pub gap: Option<Duration>,
}

/// What the detectors found in one frame. Reused, so that it allocates once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    signatures: CauseSet,
    is_copy: bool,
    missed: u16,
    offences: Vec<Offence>,
    hasty: Vec<u8>,
    doubt: Option<LoopDoubt>,
    evidence: Vec<Evidence>,
    provoked_by: Option<Sender>,
    provoked_as: CauseSet,
    abouts: Vec<(Cause, About)>,
}

impl Findings {
    /// Offences of one rule kept of a frame: each counts once a message anyway, but of a device
    /// that may be a relay those about its own records count at once.
    const MAX: usize = 8;

    /// Forgets the last frame.
    pub(crate) fn clear(&mut self) {
        self.signatures = CauseSet::default();
        self.is_copy = false;
        self.missed = 0;
        self.offences.clear();
        self.hasty.clear();
        self.doubt = None;
        self.evidence.clear();
        self.abouts.clear();
        self.provoked_by = None;
        self.provoked_as = CauseSet::default();
    }

    /// The frame has the signature of `cause`.
    pub(crate) fn matched(&mut self, cause: Cause) {
        self.signatures.insert(cause);
    }

    /// The frame has the signature of `cause`, and is about this.
    pub(crate) fn matched_about(&mut self, cause: Cause, about: About) {
        self.matched(cause);
        self.abouts.push((cause, about));
    }

    /// What the frame is about as one of `cause`, if its detector said so.
    pub(crate) fn about(&self, cause: Cause) -> Option<About> {
        self.abouts.iter().find(|(of, _)| *of == cause).map(|(_, about)| *about)
    }

    /// The question at this place of the digest was asked too fast, whether or not a rule applies to
    /// it.
    pub(crate) fn hasten(&mut self, question: u8) {
        self.hasty.push(question);
    }

    /// The questions that were asked too fast.
    pub(crate) fn hasty(&self) -> &[u8] {
        &self.hasty
    }

    /// The frame goes round in the switches, or several devices do wrong side by side.
    pub(crate) fn may_go_round(&mut self, doubt: LoopDoubt) {
        self.matched_about(Cause::L2Loop, About::Loop(doubt));
        self.doubt = Some(doubt);
    }

    /// What else the frame may be than one that goes round.
    pub(crate) const fn loop_doubt(&self) -> Option<LoopDoubt> {
        self.doubt
    }

    /// The frame is not its sender's doing, and no cause of a storm: it breaks no rule.
    pub(crate) const fn copy(&mut self) {
        self.is_copy = true;
    }

    /// So many of the same frame before it were not judged, because they could have been copies;
    /// they were none.
    pub(crate) const fn missed(&mut self, count: u16) {
        self.missed = count;
    }

    /// Frames before this one that break what it breaks and were not counted.
    pub(crate) fn unbooked(&self) -> u64 {
        u64::from(self.missed)
    }

    /// Whether the frame is a copy of another: of a mirror port, of a loop, or of a reflector.
    pub(crate) fn is_copy(&self) -> bool {
        self.is_copy
            || self.signatures.contains(Cause::L2Loop)
            || self.signatures.contains(Cause::Reflection)
    }

    /// The frame breaks a rule.
    pub(crate) fn offend(&mut self, offence: Offence) {
        let same = self.offences.iter().filter(|same| same.rule == offence.rule);
        if same.count() < Self::MAX {
            self.offences.push(offence);
        }
    }

    /// The frame completes the evidence of a condition of its sender, or is more of it. The first
    /// of a kind counts.
    pub(crate) fn show(&mut self, evidence: Evidence) {
        if self.evidence.iter().all(|there| there.condition != evidence.condition) {
            self.evidence.push(evidence);
        }
    }

    /// The frame answers what this device asks too fast.
    pub(crate) const fn provoke(&mut self, asker: Sender) {
        self.provoked_by = Some(asker);
    }

    /// The frame answers its sender's own message, which this device sent back.
    pub(crate) fn provoke_by_copy(&mut self, relay: Sender) {
        self.provoke(relay);
        self.matched(Cause::Answering);
        self.provoked_as.insert(Cause::Reflection);
    }

    /// The frame says again what this device withdraws again and again.
    pub(crate) fn provoke_by_withdrawal(&mut self, by: Sender) {
        self.provoke(by);
        self.matched(Cause::Answering);
        self.provoked_as.insert(Cause::RepeatedResponse);
    }

    /// What who provoked the frame does, if it does not ask.
    pub(crate) const fn provoked_as(&self) -> CauseSet {
        self.provoked_as
    }

    /// Who provoked the frame.
    pub(crate) const fn provoked_by(&self) -> Option<Sender> {
        self.provoked_by
    }

    /// Evidence of conditions, each at most once.
    pub(crate) fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The causes whose signature the frame has.
    pub(crate) const fn signatures(&self) -> CauseSet {
        self.signatures
    }

    /// The rules that it breaks; one may be there several times.
    pub(crate) fn offences(&self) -> &[Offence] {
        &self.offences
    }
}
