//! What is kept of a message, as types: its questions and records by hashes, what it says about
//! hosts and services, and what it probes for. Nothing borrowed. Knows no octets.

use super::Traits;
use super::types::{DataHash, NameHash, RClass, RType};
use crate::decode::Reason;
use crate::labelled::labelled;
use std::net::{Ipv4Addr, Ipv6Addr};

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
    /// What else is known of the name.
    pub traits: Traits,
    /// Where the name stands in the message: [`name_at`](super::name_at) reads it.
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
    /// Seconds; in an OPT record (type 41) neither this nor class and flush mean what they say.
    pub ttl: u32,
    /// The data; of a PTR record, the name that it points to.
    pub data: DataHash,
    /// What else is known of it.
    pub traits: Traits,
    /// Where the owner's name stands in the message: [`name_at`](super::name_at) reads it.
    pub at: u16,
}

impl Record {
    /// Whether it is one host's own, so that another with other data contests it (RFC 6762
    /// section 10.2). Its sender says so with the cache-flush bit; of SRV records, and of the TXT
    /// records of services, it is so though some responders never set the bit.
    pub(crate) fn is_unique(&self) -> bool {
        let is_by_type = match self.rtype {
            RType::SRV => true,
            RType::TXT => self.traits.is_service_instance() && !self.traits.is_device_info(),
            _ => false,
        };
        self.flush || is_by_type
    }
}

/// A name that a probe asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The name, as in questions and records.
    pub name: NameHash,
    /// The name without a trailing `-2`, ` (2)` or digits in its first label.
    pub stem: NameHash,
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
    /// A printer that is shared by a computer: the TXT record is one of CUPS, whose queues are under
    /// `printers/` and have a `printer-type`, which printers do not.
    SharedPrinter,
}
