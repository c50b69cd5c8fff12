//! From a datagram to its [`Digest`], which owns all it holds. The order: the header, the counts
//! against the length, the walk, the strict parse.

use super::walk::Walk;
use super::{Datagram, Digest, HashKey, strict};
use crate::decode::Reason;

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
    // the strict parser finds nothing either (tests/core/decode/mdns.rs). The strict parser costs
    // more than all the rest, so it is only asked about types that the walk does not know.
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
