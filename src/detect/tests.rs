//! What the detectors make of frames, from their bytes on.

use super::*;
use crate::capture::{Direction, Frame, FrameMeta, LinkType};
use crate::craft::Host;
use crate::decode::mdns::{Datagram, digest};
use crate::decode::{Message, Sender, decode};
use crate::detect::questions::{Party, Questions};
use crate::mac::Mac;
use ahash::RandomState;
use std::collections::HashMap;

const KEY: HashKey = HashKey([1, 2, 3, 4]);

/// What was found in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub marks: Vec<Cause>,
    /// Whether nothing is held against the sender.
    pub is_spared: bool,
}

/// The detectors of a segment, with what they remember of each sender.
pub(super) struct Lan {
    pub detectors: Detectors,
    pub watches: HashMap<Sender, Watch>,
    pub link: Link,
    pub direction: Direction,
    pub link_type: LinkType,
    hasher: RandomState,
    /// Microseconds.
    now: u64,
}

impl Lan {
    pub(super) fn new() -> Self {
        Self {
            detectors: Detectors::new(KEY),
            watches: HashMap::new(),
            link: Link::default(),
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
    pub(super) fn pass(&mut self, time: std::time::Duration) {
        self.now += u64::try_from(time.as_micros()).expect("short");
    }

    pub(super) fn watch(&self, host: Host) -> &Watch {
        &self.watches[&Sender::Mac(host.mac)]
    }

    /// Hears one frame, which is an announcement if it is a response.
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
        let mdns = digest.as_ref().map(|(datagram, digest)| Mdns {
            datagram,
            digest,
            payload: self.hasher.hash_one(datagram.payload),
            kind: kind(datagram, digest),
        });
        let sender = observation.sender;
        let hash = sender.map_or(0, |sender| self.hasher.hash_one(sender));
        let heard = Heard {
            now: self.now(),
            observation: &observation,
            protocol,
            party: Party::new(sender, hash),
            source: self.hasher.hash_one((hash, observation.ip.map(|ip| ip.source))),
            mdns,
            questions: &Questions::default(),
            is_suspended: false,
            link: &self.link,
        };
        let watch = sender.map(|sender| self.watches.entry(sender).or_default());
        let marks = self.detectors.handle(&heard, stamp, watch).iter().collect();
        Found { marks, is_spared: self.detectors.findings.is_copy() }
    }
}

fn kind(
    datagram: &Datagram<'_>,
    digest: &crate::decode::mdns::Digest,
) -> crate::decode::mdns::Kind {
    use crate::decode::mdns::{Kind, Shape};
    match Shape::of(datagram, digest) {
        Shape::Malformed => Kind::Malformed,
        Shape::LegacyQuery => Kind::LegacyQuery,
        Shape::Probe => Kind::Probe,
        Shape::Query => Kind::Query,
        Shape::Goodbye => Kind::Goodbye,
        Shape::Answer => Kind::Announcement,
    }
}

/// The link of this machine, `mac` being its own.
pub(super) fn link(mac: Mac) -> Link {
    Link { own: Some(mac), ..Link::default() }
}

mod copies;
