//! The records of a message, each by itself.

use super::{Mdns, Rule, Sort, Subject};
use crate::decode::mdns::{RClass, RType, Record, Section};
use std::ops::RangeInclusive;

/// What a TTL may be in seconds: RFC 6762 section 10 recommends 120 for what names a host and 4500
/// for the rest; Apple's responder has used 4500 for both since 2024.
const TTLS: RangeInclusive<u32> = 60..=9000;

/// Offences of one rule that are kept of a message. One is not always enough: one that is about
/// another host's record may not count. See [`crate::detect::copies::relay`].
const SAME_MAX: usize = 8;

/// Judges the records of a message. Returns the places of those whose address is to be looked at.
pub(super) fn judge(
    mdns: &Mdns<'_>,
    sort: Sort,
    offences: &mut Vec<(Rule, Option<Subject>)>,
) -> u128 {
    if mdns.digest.malformed.is_some() {
        return 0;
    }
    let first = offences.len();
    let mut addresses = 0;
    for (place, record) in (0_u8..).zip(&mdns.digest.records) {
        // An OPT record is not a real record: its class and TTL mean something else.
        if record.rtype == RType::OPT {
            continue;
        }
        for rule in broken(record, sort).into_iter().flatten() {
            let same = offences[first..].iter().filter(|(other, _)| *other == rule).count();
            if same < if rule.spares_relays() { SAME_MAX } else { 1 } {
                offences.push((rule, Some(Subject::Record(place))));
            }
        }
        let has_address = record.rtype.is_address()
            && record.class == RClass::IN
            && record.ttl != 0
            && sort == Sort::MulticastResponse
            && place < 128;
        if has_address {
            addresses |= 1 << place;
        }
    }
    addresses
}

/// The rules that a record breaks.
fn broken(record: &Record, sort: Sort) -> [Option<Rule>; 4] {
    let is_multicast = sort == Sort::MulticastResponse;
    let ttl = is_multicast && record.ttl != 0 && !TTLS.contains(&record.ttl);
    let name =
        is_multicast && record.section == Section::Answer && !record.traits.has_link_local_name();
    // What a query lists belongs to others.
    let txt = sort.is_response() && record.traits.is_long_txt();
    [
        ttl.then_some(Rule::TtlValue),
        name.then_some(Rule::ForeignName),
        txt.then_some(Rule::TxtSize),
        cache_flush(record, sort),
    ]
}

/// The cache-flush bit (RFC 6762 section 10.2): never on what several hosts share, nor on what a
/// query lists as known; always on what is one host's own.
fn cache_flush(record: &Record, sort: Sort) -> Option<Rule> {
    if record.flush {
        let is_shared = record.rtype == RType::PTR && record.traits.is_service_type();
        let is_known = !sort.is_response() && record.section == Section::Answer;
        return (is_shared || is_known).then_some(Rule::CacheFlushShared);
    }
    // A goodbye replaces nothing: Apple's responder, for one, sends it without the bit. The
    // authority section of a response does not matter.
    let is_judged = sort == Sort::MulticastResponse
        && record.ttl != 0
        && matches!(record.section, Section::Answer | Section::Additional);
    match record.rtype {
        // Every Apple computer announces one, as shared.
        RType::TXT if record.traits.is_device_info() => None,
        // Of other names nobody says that they are one host's: `_kerberos.host.local` may be shared.
        RType::TXT if !record.traits.is_service_instance() => None,
        RType::SRV | RType::TXT if is_judged => Some(Rule::CacheFlushUnique),
        RType::A | RType::AAAA if is_judged => Some(Rule::CacheFlushAddress),
        _ => None,
    }
}
