//! Which kind a multicast DNS message is: exactly one, in the order malformed, legacy query,
//! probe, query for queries, and malformed, goodbye, announcement, response for responses.
//!
//! Also remembers the questions heard, because the kind of an answer depends on them.

use crate::decode::mdns::{Datagram, Digest, Kind, Section, Shape};
use crate::detect::memory::questions::{Asker, Questions};
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::suspension::Suspension;
use crate::time::Time;

/// The kind of a message from `sender`. Remembers its questions; if it could not remember one, the
/// rules that rest on silence are suspended.
pub(crate) fn classify(
    now: Time,
    sender: SenderKey,
    datagram: &Datagram<'_>,
    digest: &Digest,
    questions: &mut Questions,
    suspension: &mut Suspension,
) -> Kind {
    let shape = Shape::of(datagram, digest);
    if datagram.header.is_some_and(|header| !header.is_response()) {
        let asker = if shape == Shape::Probe { Asker::Prober(sender) } else { Asker::Querier };
        hear(now, asker, datagram, digest, questions, suspension);
    }
    match shape {
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
    asker: Asker,
    datagram: &Datagram<'_>,
    digest: &Digest,
    questions: &mut Questions,
    suspension: &mut Suspension,
) {
    let claimed = datagram.header.map_or([0; 4], |header| header.claimed);
    // A question that was cut off, or is one too many to be kept, counts as forgotten. Of a whole
    // message only what was decoded counts: nobody answers what a header merely claims.
    let decoded = digest.decoded[Section::Question as usize];
    let sent = if datagram.complete { decoded } else { claimed[Section::Question as usize].into() };
    let mut forgotten = sent as usize > digest.questions.len();
    for question in &digest.questions {
        forgotten |= !questions.hear(now, *question, asker);
    }
    if forgotten {
        suspension.begin(now);
    }
}

fn is_asked(now: Time, sender: SenderKey, digest: &Digest, questions: &Questions) -> bool {
    let mut answers = digest.records.iter().filter(|record| record.section == Section::Answer);
    answers.any(|record| questions.asked_for(now, record, sender))
}

/// Whether every answer is among the records that were kept; if not, a dropped one may have been
/// asked for.
fn has_all_answers(digest: &Digest) -> bool {
    let kept = digest.records.iter().filter(|record| record.section == Section::Answer).count();
    kept >= digest.decoded[Section::Answer as usize] as usize
}
