//! The header of a message (RFC 6762 section 18), and what its counts say.

use super::{Mdns, Rule, Sort, Subject};
use crate::decode::mdns::Header;

const OPCODE: u16 = 0x7800;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RD: u16 = 0x0100;
const RA: u16 = 0x0080;
const Z: u16 = 0x0040;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;
const RCODE: u16 = 0x000f;

/// Judges the header of a message.
pub(super) fn judge(
    mdns: &Mdns<'_>,
    header: Header,
    sort: Sort,
    offences: &mut Vec<(Rule, Option<Subject>)>,
) {
    let has = |bits: u16| header.flags & bits != 0;
    let is_wrong = has(OPCODE | RCODE)
        || match sort {
            Sort::MulticastResponse => header.id != 0 || !has(AA) || has(TC | RA | Z | AD | CD),
            Sort::UnicastResponse => false,
            Sort::MulticastQuery | Sort::UnicastQuery => has(AA),
        };
    if is_wrong {
        offences.push((Rule::HeaderBits, None));
    }
    // RFC 6762 says something here only about multicast queries (sections 18.1 and 18.6).
    if sort == Sort::MulticastQuery && (header.id != 0 || has(RD)) {
        offences.push((Rule::HeaderBitsSoft, None));
    }
    if mdns.digest.malformed.is_some() {
        return;
    }
    let [questions, records @ ..] = mdns.digest.decoded;
    if sort == Sort::MulticastResponse && questions > 0 {
        offences.push((Rule::QuestionInResponse, Some(Subject::Question(0))));
    }
    // What was cut off was there if the header says so.
    let [_, claimed @ ..] = header.claimed;
    let is_empty = records == [0; 3] && (mdns.datagram.complete || claimed == [0; 3]);
    if sort.is_response() && is_empty {
        offences.push((Rule::EmptyResponse, None));
    }
}
