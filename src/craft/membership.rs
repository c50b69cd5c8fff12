//! Group membership: IGMP v1 (RFC 1112), v2 (RFC 2236), v3 (RFC 3376); MLD v1 (RFC 2710) and v2
//! (RFC 3810). IGMP functions return the IP payload; MLD functions the type and what follows the
//! checksum, for [`Host::mld`](super::Host::mld).

use super::ip::checksum;
use super::length::len16;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a version 3 (MLD: version 2) group record says; the numbers are the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Change {
    /// Current state: only these sources.
    IsInclude = 1,
    /// Current state: all but these sources.
    IsExclude = 2,
    /// Now only these sources; with none, a leave.
    ToInclude = 3,
    /// Now all but these sources; with none, a join.
    ToExclude = 4,
    /// These sources too.
    Allow = 5,
    /// These sources no longer.
    Block = 6,
}

/// IGMP membership query. `max_response` is in tenths of a second; 0 makes it a version 1 query.
/// An unspecified `group` makes it a general one.
pub fn igmp_query(group: Ipv4Addr, max_response: u8) -> Vec<u8> {
    igmp(0x11, max_response, &group.octets())
}

/// IGMP version 3 membership query with robustness 2, interval 125 s and no sources.
pub fn igmp3_query(group: Ipv4Addr, max_response: u8) -> Vec<u8> {
    igmp(0x11, max_response, &[&group.octets()[..], &[2, 125, 0, 0]].concat())
}

/// IGMP version 1 report.
pub fn igmp1_report(group: Ipv4Addr) -> Vec<u8> {
    igmp(0x12, 0, &group.octets())
}

/// IGMP version 2 report.
pub fn igmp2_report(group: Ipv4Addr) -> Vec<u8> {
    igmp(0x16, 0, &group.octets())
}

/// IGMP version 2 leave.
pub fn igmp2_leave(group: Ipv4Addr) -> Vec<u8> {
    igmp(0x17, 0, &group.octets())
}

/// IGMP version 3 report: records of a group, what changed, and sources.
pub fn igmp3_report(records: &[(Ipv4Addr, Change, &[Ipv4Addr])]) -> Vec<u8> {
    let mut body = vec![0, 0];
    body.extend(len16(records.len()).to_be_bytes());
    for (group, change, sources) in records {
        body.extend([*change as u8, 0]);
        body.extend(len16(sources.len()).to_be_bytes());
        body.extend(group.octets());
        body.extend(sources.iter().flat_map(Ipv4Addr::octets));
    }
    igmp(0x22, 0, &body)
}

fn igmp(kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0], body].concat();
    let sum = checksum(&[&message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// MLD version 1 query. `max_response` is in milliseconds.
pub fn mld_query(group: Ipv6Addr, max_response: u16) -> (u8, Vec<u8>) {
    (130, mld1_body(group, max_response))
}

/// MLD version 2 query with robustness 2, interval 125 s and no sources.
pub fn mld2_query(group: Ipv6Addr, max_response: u16) -> (u8, Vec<u8>) {
    (130, [mld1_body(group, max_response), vec![2, 125, 0, 0]].concat())
}

/// MLD version 1 report.
pub fn mld_report(group: Ipv6Addr) -> (u8, Vec<u8>) {
    (131, mld1_body(group, 0))
}

/// MLD version 1 done.
pub fn mld_done(group: Ipv6Addr) -> (u8, Vec<u8>) {
    (132, mld1_body(group, 0))
}

/// MLD version 2 report: records of a group, what changed, and sources.
pub fn mld2_report(records: &[(Ipv6Addr, Change, &[Ipv6Addr])]) -> (u8, Vec<u8>) {
    let mut body = vec![0, 0];
    body.extend(len16(records.len()).to_be_bytes());
    for (group, change, sources) in records {
        body.extend([*change as u8, 0]);
        body.extend(len16(sources.len()).to_be_bytes());
        body.extend(group.octets());
        body.extend(sources.iter().flat_map(Ipv6Addr::octets));
    }
    (143, body)
}

fn mld1_body(group: Ipv6Addr, max_response: u16) -> Vec<u8> {
    [&max_response.to_be_bytes()[..], &[0, 0], &group.octets()].concat()
}
