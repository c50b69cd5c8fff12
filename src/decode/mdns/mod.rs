//! Multicast DNS (RFC 6762), UDP port 5353.
//!
//! [`Datagram`] is what the frame decoder finds: the header, read and checked first. [`digest()`]
//! reads the rest. The two are separate because a storm is one payload again and again, and its
//! digest can be kept.
//!
//! | file | does |
//! |---|---|
//! | `header` | the 12 octets |
//! | `walk` | the questions and records, leniently: what a strict parser would refuse is noted as a flaw |
//! | `names` | one name: its canonical form and where it ends, wherever its pointers lead |
//! | `types` | the numbers of types and classes, and hashes by what they are of |
//! | `data` | a record's data: its canonical form, and whether it has the form of its type |
//! | `hints` | what a response says about hosts and services |
//! | `traits` | what follows from a record's owner and data |
//! | `probed` | the names that a probe asks for |
//! | `strict` | the full parse by simple-dns: its verdict is the flaw that the walk did not see |
//! | `digest` | the order of these |
//!
//! Strictness decides conformance, never visibility: whatever can be walked is counted.

mod data;
mod digest;
mod header;
mod hints;
mod names;
mod probed;
mod strict;
mod traits;
mod types;
mod walk;

pub use data::address_at;
pub use data::address_data;
pub use digest::digest;
pub use header::Header;
pub use hints::name_at;
pub use probed::Probed;
pub use traits::Traits;
pub use types::{DataHash, NameHash, PayloadHash, RClass, RType, SumHash};

use super::Reason;
use crate::labelled::labelled;
use ahash::RandomState;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An mDNS message in its UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The UDP payload as far as it was captured.
    pub payload: &'a [u8],
    /// Length of the UDP payload in octets as its header says: more than `payload` has where that
    /// was cut, or is in the first of several fragments.
    pub len: usize,
    /// Whether `payload` is the whole payload: not cut by the snap length, not a first fragment.
    pub complete: bool,
    /// The DNS header; `None` where there are fewer than 12 octets.
    pub header: Option<Header>,
    /// UDP source port.
    pub source_port: u16,
    /// UDP destination port.
    pub destination_port: u16,
}

impl<'a> Datagram<'a> {
    /// A message of a UDP payload, with its ports, source first.
    pub fn new(payload: &'a [u8], complete: bool, ports: (u16, u16)) -> Self {
        let (source_port, destination_port) = ports;
        let (len, header) = (payload.len(), Header::read(payload));
        Self { payload, len, complete, header, source_port, destination_port }
    }
}

/// What can be said of a message's [`Kind`] from the message alone, in the order in which it is
/// tried. Only the questions heard before distinguish an announcement from a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// [`Kind::Malformed`].
    Malformed,
    /// [`Kind::LegacyQuery`].
    LegacyQuery,
    /// [`Kind::Probe`].
    Probe,
    /// [`Kind::Query`].
    Query,
    /// [`Kind::Goodbye`].
    Goodbye,
    /// [`Kind::Announcement`] or [`Kind::Response`].
    Answer,
}

impl Shape {
    /// The shape of a message. One that was cut is classed by its header: a probe by the records
    /// that it claims, and a response is an answer, because a goodbye cannot be recognised. Without
    /// a header it is always malformed.
    pub fn of(datagram: &Datagram<'_>, digest: &Digest) -> Self {
        let Some(header) = datagram.header else {
            return Self::Malformed;
        };
        let cut = !datagram.complete;
        let probe = digest.decoded[Section::Authority as usize] > 0
            || (cut && header.claimed[Section::Authority as usize] > 0);
        if digest.malformed.is_some() {
            Self::Malformed
        } else if header.is_response() {
            if digest.zero_ttl && !cut { Self::Goodbye } else { Self::Answer }
        } else if datagram.source_port != super::udp::MDNS {
            Self::LegacyQuery
        } else if probe {
            Self::Probe
        } else {
            Self::Query
        }
    }
}

labelled! {
    /// The kind of a message: exactly one each (`kind` label), in the order in which they are tried.
    pub enum Kind {
        /// A question from port 5353.
        Query = "query",
        /// A question with proposed records in the authority section (RFC 6762 section 8.1).
        Probe = "probe",
        /// A question from another port (RFC 6762 section 6.7).
        LegacyQuery = "legacy_query",
        /// An answer to a question that was heard.
        Response = "response",
        /// An answer that nobody asked for (RFC 6762 section 8.3).
        Announcement = "announcement",
        /// An answer with a record of TTL 0 (RFC 6762 section 10.1).
        Goodbye = "goodbye",
        /// The header could not be read or the message could not be walked to its end.
        Malformed = "malformed",
    }
}

labelled! {
    /// The four sections of a message, in its order.
    pub enum Section {
        /// What is asked.
        Question = "question",
        /// Answers, or in a query known answers.
        Answer = "answer",
        /// In a probe, the records that the prober wants.
        Authority = "authority",
        /// Records that may help.
        Additional = "additional",
    }
}

/// Two keys for the hashes of names and data: unknown to the network, so that nobody can make
/// two names collide on purpose.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u64; 4]);

impl HashKey {
    /// What hashes the names and data of a [`Digest`].
    pub fn state(&self) -> RandomState {
        let [a, b, c, d] = self.0;
        RandomState::with_seeds(a, b, c, d)
    }
}

/// What is kept of a message: everything that counting and detection need, nothing borrowed.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    /// Decoded entries by [`Section`]: what was there, not what the header claims.
    pub decoded: [u32; 4],
    /// Why the message could not be walked to its end.
    pub malformed: Option<Reason>,
    /// The first thing that the walk, or simple-dns, objected to in a message that could be walked.
    pub flaw: Option<Reason>,
    /// Whether a record other than OPT has TTL 0.
    pub zero_ttl: bool,
    /// The questions, at most [`Digest::MAX`].
    pub questions: Box<[Question]>,
    /// The records of the other three sections, at most [`Digest::MAX`].
    pub records: Box<[Record]>,
    /// What the message says about hosts and services, at most [`Digest::MAX`].
    pub hints: Box<[Hint]>,
    /// The names that a probe asks for, each once, at most [`Digest::PROBED_MAX`].
    pub probed: Box<[Probed]>,
}

impl Digest {
    /// Entries kept of each list; a message of 9000 bytes holds at most 817 records.
    pub const MAX: usize = 128;
    /// Names kept of a probe: a hub that probes for all its accessories at once asks for some 60.
    pub(crate) const PROBED_MAX: usize = 64;
}

/// A question, by the hash of its name in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: NameHash,
    /// Type asked for.
    pub rtype: RType,
    /// Class.
    pub class: RClass,
    /// The top bit of the class: unicast answer welcome (RFC 6762 section 5.4).
    pub unicast: bool,
    /// Where the name stands in the message: [`name_at`] reads it.
    pub at: u16,
}

/// A record, by hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub section: Section,
    /// The owner's name.
    pub name: NameHash,
    /// Type.
    pub rtype: RType,
    /// Class.
    pub class: RClass,
    /// The top bit of the class: cache flush (RFC 6762 section 10.2).
    pub flush: bool,
    /// In seconds. In an OPT record (type 41) this, the class and the flush bit mean something
    /// else.
    pub ttl: u32,
    /// The data; of a PTR record, the name that it points to.
    pub data: DataHash,
    /// What else is known of it.
    pub traits: Traits,
    /// Where the owner's name stands in the message: [`name_at`] reads it.
    pub at: u16,
}

/// What a response says about hosts and services, with the names: only for identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An A record: owner and address.
    A(Box<str>, Ipv4Addr),
    /// An AAAA record: owner and address.
    Aaaa(Box<str>, Ipv6Addr),
    /// An instance of a service type, such as `_ipp._tcp`.
    Service(Box<str>),
    /// A model, from a `_device-info` TXT record (`model=`) or a printer's (`ty=`).
    Model(Box<str>),
}
