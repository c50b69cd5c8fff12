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
//! | `digest` | what is kept of a message |
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
pub use digest::{Digest, Hint, Probed, Question, Record, Section};
pub use header::Header;
pub use hints::name_at;
pub use traits::Traits;
pub use types::{DataHash, HashKey, NameHash, PayloadHash, RClass, RType, SumHash};

use super::Reason;
use crate::labelled::labelled;
use walk::Walk;

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

impl Kind {
    /// The kind of a message by its header and the port that it comes from, where there was no time
    /// to read it: a probe by the records that it claims, and any answer is a response.
    pub(crate) const fn by_header(datagram: &Datagram<'_>) -> Self {
        let Some(header) = datagram.header else { return Self::Malformed };
        if header.is_response() {
            Self::Response
        } else if datagram.source_port != super::udp::MDNS {
            Self::LegacyQuery
        } else if header.claimed[Section::Authority as usize] > 0 {
            Self::Probe
        } else {
            Self::Query
        }
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

/// Reads a message to its end, or as far as it goes.
///
/// Of a message that was cut (`complete` is false) the digest holds what could be walked, and it
/// is never malformed: what is missing was on the wire.
pub fn digest(datagram: &Datagram<'_>, key: &HashKey) -> Digest {
    let Some(header) = datagram.header else {
        let malformed = datagram.complete.then_some(Reason::Truncated);
        return Digest { malformed, ..Digest::default() };
    };
    let state = key.state();
    let message = datagram.payload;
    let mut walk = Walk::new(message, header, &state);
    let walked = walk.run(header.claimed);
    let malformed = if !datagram.complete {
        None
    } else if header.least_len() > message.len() {
        Some(Reason::CountsExceedLength)
    } else {
        walked.err()
    };
    // The walk has checked all that the usual types of mDNS can get wrong. Where it found nothing
    // the strict parser finds nothing either (tests/core/decode/mdns.rs), and it costs more than all
    // the rest, so it is asked about the types that the walk does not know.
    let mut flaw = walk.flaw;
    if datagram.complete && malformed.is_none() && flaw.is_none() && !walk.checked {
        flaw = strict::objection(message);
    }
    Digest {
        decoded: walk.decoded,
        malformed,
        flaw,
        zero_ttl: walk.zero_ttl,
        questions: walk.questions.into_boxed_slice(),
        records: walk.records.into_boxed_slice(),
        hints: walk.hints.into_boxed(),
        probed: walk.probed.into_boxed_slice(),
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
