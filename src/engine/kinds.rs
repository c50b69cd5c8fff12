//! Which kind a multicast DNS message is: exactly one, in the order malformed, legacy query,
//! probe, query for queries, and malformed, goodbye, announcement, response for responses.
//!
//! Comes in: a datagram with its digest, and who sent it. Goes out: its kind. The questions heard
//! are remembered on the way, because the kind of an answer rests on them.

use super::questions::{Asker, Party, Questions};
use super::suspension::Suspension;
use crate::decode::mdns::{Datagram, Digest, HashKey, Kind, Section};
use crate::time::Time;

/// The port of multicast DNS (RFC 6762 section 2).
const PORT: u16 = 5353;

/// How a whole message is read. The one place where the engine calls the parser.
pub(super) type Parser = fn(&Datagram<'_>, &HashKey) -> Digest;

/// The parser of the program.
pub(super) const PARSER: Parser = crate::decode::mdns::digest;

/// What a message is as far as itself can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Malformed,
    LegacyQuery,
    Probe,
    Query,
    Goodbye,
    Answer,
}

/// The shape of a message; of one that was cut, by its header alone.
pub(super) fn shape_of(datagram: &Datagram<'_>, digest: &Digest) -> Shape {
    let Some(header) = datagram.header else { return Shape::Malformed };
    if digest.malformed.is_some() {
        return Shape::Malformed;
    }
    if header.is_response() {
        return if digest.zero_ttl { Shape::Goodbye } else { Shape::Answer };
    }
    if datagram.source_port != PORT {
        Shape::LegacyQuery
    } else if header.claimed[Section::Authority as usize] > 0 {
        Shape::Probe
    } else {
        Shape::Query
    }
}

/// The kind of a message from `sender`. Remembers its questions; what it could not remember
/// suspends what rests on silence.
pub(super) fn classify(
    now: Time,
    sender: Party,
    datagram: &Datagram<'_>,
    digest: &Digest,
    questions: &mut Questions,
    suspension: &mut Suspension,
) -> Kind {
    if datagram.header.is_some_and(|header| !header.is_response()) {
        hear(now, sender, datagram, digest, questions, suspension);
    }
    match shape_of(datagram, digest) {
        Shape::Malformed => Kind::Malformed,
        Shape::LegacyQuery => Kind::LegacyQuery,
        Shape::Probe => Kind::Probe,
        Shape::Query => Kind::Query,
        Shape::Goodbye => Kind::Goodbye,
        Shape::Answer => {
            let is_known = datagram.complete && has_all_answers(digest);
            if suspension.is_active(now) || !is_known || is_asked(now, sender, digest, questions) {
                Kind::Response
            } else {
                Kind::Announcement
            }
        }
    }
}

fn hear(
    now: Time,
    sender: Party,
    datagram: &Datagram<'_>,
    digest: &Digest,
    questions: &mut Questions,
    suspension: &mut Suspension,
) {
    let authority = datagram.header.map_or(0, |header| header.claimed[Section::Authority as usize]);
    let is_probe = datagram.source_port == PORT && authority > 0;
    let asker = if is_probe { Asker::Prober(sender) } else { Asker::Querier };
    // A question that was cut off, or is one too many to be kept, is as good as forgotten.
    let mut forgotten = !datagram.complete
        || digest.decoded[Section::Question as usize] as usize > digest.questions.len();
    for question in &digest.questions {
        forgotten |= !questions.hear(now, *question, asker);
    }
    if forgotten {
        suspension.begin(now);
    }
}

fn is_asked(now: Time, sender: Party, digest: &Digest, questions: &Questions) -> bool {
    let mut answers = digest.records.iter().filter(|record| record.section == Section::Answer);
    answers.any(|record| questions.asked_for(now, record, sender))
}

/// Whether every answer is among the records that were kept; else one more may have been asked
/// for.
fn has_all_answers(digest: &Digest) -> bool {
    let kept = digest.records.iter().filter(|record| record.section == Section::Answer).count();
    kept >= digest.decoded[Section::Answer as usize] as usize
}
