//! How a message came: its port, its TTL, its size.

use super::{Findings, Mdns, PORT, Rule, Sort, UPDATE, View, plain};
use crate::decode::mdns::Header;
use std::net::IpAddr;

/// The longest IP packet that carries a message, in bytes (RFC 6762 section 17).
const SIZE_MAX: usize = 9000;
/// The TTL or hop limit of responses (RFC 6762 section 11).
const TTL: u8 = 255;
/// The port of DNS servers.
const DNS: u16 = 53;

/// Judges the frame of a message.
pub(super) fn judge(view: &View<'_>, mdns: &Mdns<'_>, sort: Sort, findings: &mut Findings) {
    if sort.is_response() && mdns.datagram.source_port != PORT {
        findings.offend(plain(Rule::SourcePort));
    }
    let Some(ip) = view.observation.ip else { return };
    if sort.is_response() && ip.ttl != TTL {
        findings.offend(plain(Rule::IpTtl));
    }
    if ip.fragment {
        findings.offend(plain(Rule::Fragmented));
    }
    // Only the first fragment has the ports: its UDP header gives the length of all together.
    let size = if ip.fragment {
        let header = match ip.source {
            IpAddr::V4(_) => 20,
            IpAddr::V6(_) => 40,
        };
        header + 8 + mdns.datagram.len
    } else {
        usize::try_from(ip.len).unwrap_or(usize::MAX)
    };
    if size > SIZE_MAX {
        findings.offend(plain(Rule::MessageSize));
    }
}

/// Judges a message to which no other rule applies: a response that came by unicast to port 5353
/// must come from there as well. Only its names show whether it is mDNS at all, because a resolver
/// may also have chosen port 5353 at random.
pub(super) fn judge_stranger(
    view: &View<'_>,
    mdns: &Mdns<'_>,
    header: Header,
    findings: &mut Findings,
) {
    let is_suspect = view.multicast_mdns().is_none()
        && header.is_response()
        && header.opcode() != UPDATE
        && mdns.datagram.destination_port == PORT
        && !matches!(mdns.datagram.source_port, PORT | DNS)
        && mdns.digest.malformed.is_none();
    if is_suspect && mdns.digest.records.iter().any(|record| record.traits.has_link_local_name()) {
        findings.offend(plain(Rule::SourcePort));
    }
}
