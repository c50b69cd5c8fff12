//! A segment's detectors for tests, and what hosts say to them.

use crate::craft::mdns::{SERVICE_TYPES, ptr, response, srv, txt};
use crate::craft::{Host, Query, Responder, Service, discovery};
use crate::decode::mdns::{PayloadHash, digest};
use crate::decode::{Message, Sender, decode};
use crate::detect::*;
use crate::frame::{Direction, Frame, FrameMeta, LinkType};
use crate::mac::Mac;
use std::collections::HashMap;
use std::time::Duration;

pub(super) const KEY: HashKey = HashKey([1, 2, 3, 4]);

/// What was found in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) signatures: Vec<Cause>,
    /// Whether nothing counts against the sender.
    pub(super) is_spared: bool,
    /// Whether it is a copy that is not even counted.
    pub(super) is_copied: bool,
    /// Who provoked it.
    pub(super) provoked_by: Option<Sender>,
    /// Whether it completes the evidence of a loop of reflection.
    pub(super) is_evidence: bool,
}

/// The detectors of a segment, with what they remember of each sender.
pub(super) struct Lan {
    pub(super) detectors: Detectors,
    pub(super) memories: HashMap<Sender, DeviceMemory>,
    pub(super) vantage: Vantage,
    pub(super) direction: Direction,
    pub(super) link_type: LinkType,
    hasher: RandomState,
    /// Microseconds.
    now: u64,
}

impl Lan {
    pub(super) fn new() -> Self {
        Self {
            detectors: Detectors::new(KEY, Horizon::Now),
            memories: HashMap::new(),
            vantage: Vantage::default(),
            direction: Direction::Unknown,
            link_type: LinkType::Ethernet,
            hasher: RandomState::with_seeds(4, 1, 2, 3),
            now: 10_000_000,
        }
    }

    pub(super) fn now(&self) -> Time {
        Time(self.now * 1_000)
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += u64::try_from(time.as_micros()).expect("short");
    }

    pub(super) fn memory(&self, host: Host) -> &DeviceMemory {
        &self.memories[&Sender::Mac(host.mac)]
    }

    /// Frames that were copies because of where we listen.
    pub(super) fn copied(&self) -> u64 {
        self.detectors.copies.copied()
    }

    /// Hears one frame.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Found {
        let stamp = Stamp(self.now().0.into());
        let meta = FrameMeta {
            stamp,
            interface: 0,
            link: self.link_type,
            stripped_tag: None,
            direction: self.direction,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        let observation = decode(&Frame { meta, bytes });
        let protocol = observation.counted_as(true).expect("to a group");
        let digest = if let Message::Mdns(datagram) = &observation.message {
            Some((datagram, digest(datagram, &KEY)))
        } else {
            None
        };
        let mdns = digest.as_ref().map(|(datagram, digest)| {
            (*datagram, PayloadHash(self.hasher.hash_one(datagram.payload)), digest)
        });
        let (now, vantage) = (self.now(), &self.vantage);
        let sender = self.detectors.sender(observation.sender);
        let came = match self.detectors.receive(now, (&observation, sender), protocol, vantage) {
            Arrival::Counts(came) => came,
            Arrival::Copy => {
                return Found {
                    signatures: Vec::new(),
                    is_spared: true,
                    is_copied: true,
                    provoked_by: None,
                    is_evidence: false,
                };
            }
        };
        let observation = &observation;
        let frame = Counted {
            now,
            stamp,
            observation,
            protocol,
            sender,
            mdns,
            came,
            vantage,
            limits: &ConditionLimits::USUAL,
            wants: None,
        };
        let memory = observation.sender.map(|sender| self.memories.entry(sender).or_default());
        let signatures = self.detectors.handle(&frame, memory).signatures.iter();
        // Of the detectors that tests here are about.
        let of_copies = [Cause::L2Loop, Cause::Reflection, Cause::NameConflict];
        let signatures = signatures.filter(|cause| of_copies.contains(cause)).collect();
        let findings = &self.detectors.findings;
        let mut evidence = findings.evidence().iter();
        Found {
            signatures,
            is_spared: findings.is_copy(),
            is_copied: false,
            provoked_by: findings.provoked_by(),
            is_evidence: evidence.any(|shown| shown.condition == Condition::Reflection),
        }
    }
}

/// The vantage of this machine, `mac` being its own.
pub(super) fn vantage(mac: Mac) -> Vantage {
    Vantage { own: Some(mac), ..Vantage::default() }
}

pub(super) const MILLI: Duration = Duration::from_millis(1);

/// What a host says in these tests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    Response,
    Response6,
    Probe,
    Probe6,
    Question,
    Types,
    /// A record that several may have.
    Shared,
    /// A response without records.
    Empty,
    /// An instance of a service, without an address.
    Service,
    Ssdp,
    Arp,
}

pub(super) fn responder(of: Host) -> Responder {
    let name = format!("host-{}", of.v4.octets()[3]);
    Responder::new(&name, of).service(Service::new(&name, "_ipp._tcp", 631))
}

/// The bytes of what `of` says, sent by `by`.
pub(super) fn frame(by: u16, of: u16, says: Says) -> Vec<u8> {
    let (by, of) = (Host::numbered(by), Host::numbered(of));
    let said = responder(of);
    match says {
        Says::Response => by.mdns4(said.announcement()),
        Says::Response6 => by.mdns6(said.announcement()),
        Says::Probe => by.mdns4(said.probe()),
        Says::Probe6 => by.mdns6(said.probe()),
        Says::Question => by.mdns4(Query::browse("_ipp._tcp")),
        Says::Types => by.mdns4(response([ptr(SERVICE_TYPES, "_ipp._tcp.local")])),
        Says::Shared => by.mdns4(response([ptr("_ipp._tcp.local", "x._ipp._tcp.local")])),
        Says::Empty => by.mdns4(response([])),
        Says::Service => {
            let instance = format!("i{}._ipp._tcp.local", of.v4.octets()[3]);
            by.mdns4(response([srv(&instance, "somewhere.local", 631), txt(&instance, &[])]))
        }
        Says::Ssdp => {
            let usn = format!("uuid:{}::upnp:rootdevice", of.v4);
            by.ssdp4(discovery::ssdp_alive("upnp:rootdevice", &usn, "http://x/", "Linux"))
        }
        Says::Arp => by.arp_announcement(),
    }
}

/// When, in ms, who says it, whose message it is, and what.
pub(super) type Step = (u64, u16, u16, Says);

/// What was found in each frame. Steps must be in order.
pub(super) fn heard(lan: &mut Lan, steps: &[Step]) -> Vec<Found> {
    let mut now = 0;
    let hear = |&(at, by, of, says): &Step| {
        lan.pass(u32::try_from(at - now).expect("short") * MILLI);
        now = at;
        lan.hear(&frame(by, of, says))
    };
    steps.iter().map(hear).collect()
}

/// What was found in each: the letter of the cause, `.` for a frame that counts in full, `-` for
/// one that counts against nobody and shows no cause, and `=` for one that is no frame at all.
pub(super) fn found(lan: &mut Lan, steps: &[Step]) -> String {
    let letter = |found: Found| match (found.signatures.first(), found.is_spared) {
        (None, true) if found.is_copied => '=',
        (None, false) => '.',
        (None, true) => '-',
        (Some(Cause::L2Loop), true) => 'L',
        (Some(Cause::Reflection), true) => 'R',
        (Some(Cause::NameConflict), false) => 'N',
        other => panic!("{other:?}"),
    };
    heard(lan, steps).into_iter().map(letter).collect()
}

/// Steps in the order of their time.
pub(super) fn sorted(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut steps: Vec<Step> = steps.into_iter().collect();
    steps.sort_by_key(|step| step.0);
    steps
}
