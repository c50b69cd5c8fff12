//! What a frame proves about its sender. Only what cannot be another's counts: frames are
//! forwarded, reflected and answered for others all the time.
//!
//! Comes in: an observation, and the digest of its message. Goes out: [`Claim`]s.

use super::category::{self, Evidence};
use super::profile::Claim;
use crate::decode::mdns::{Digest, Hint};
use crate::decode::{Ip, Message, Observation, arp, dhcp, igmp, mld, nd, ssdp};
use crate::mac::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// DHCP messages that only servers send (RFC 2132 section 9.6): offer and acknowledgement.
const FROM_SERVERS: [u8; 2] = [2, 5];

/// Hands every claim that `observation` makes to `hear`, but those of an mDNS message.
pub(super) fn of_frame(observation: &Observation<'_>, mut hear: impl FnMut(Claim<'_>)) {
    if let Some(ip) = own_source(observation) {
        hear(Claim::Address(ip));
    }
    let mac = observation.source_mac;
    match &observation.message {
        Message::Arp(message) => of_arp(mac, message, hear),
        Message::Dhcp(message) => of_dhcp(mac, message, hear),
        Message::Dhcpv6(message) => {
            if mac.is_some()
                && message.client_mac() == mac
                && let Some(name) = message.fqdn.and_then(first_label)
            {
                hear(Claim::LeaseName(name));
            }
        }
        Message::Igmp(igmp::Message::Query(_)) | Message::Mld(mld::Message::Query(_)) => {
            hear(Claim::Evidence(Evidence::Queries));
        }
        Message::Nd(message) => {
            if message.kind == nd::Kind::RouterAdvertisement {
                hear(Claim::Evidence(Evidence::Advertises));
            }
        }
        Message::Ssdp(message) => {
            if message.kind == ssdp::Kind::Alive
                && let Some(evidence) = message.target.and_then(category::of_upnp)
                && let Some(ip) = observation.ip
            {
                hear(Claim::EvidenceOf(ip.source, evidence));
            }
        }
        Message::None
        | Message::Mdns(_)
        | Message::Llmnr(_)
        | Message::Wsd(_)
        | Message::Netbios(_)
        | Message::Igmp(
            igmp::Message::Report { .. }
            | igmp::Message::Leave { .. }
            | igmp::Message::ReportV3(_)
            | igmp::Message::Other(_),
        )
        | Message::Mld(
            mld::Message::Report { .. } | mld::Message::Done { .. } | mld::Message::ReportV2(_),
        ) => {}
    }
}

/// ARP proves an address only if its sender is the sender of the frame; 0.0.0.0 is a probe
/// (RFC 5227).
fn of_arp(mac: Option<Mac>, message: &arp::Message, mut hear: impl FnMut(Claim<'_>)) {
    if mac == Some(message.sender_mac) && is_host_v4(message.sender_ip) {
        hear(Claim::Address(message.sender_ip.into()));
    }
}

/// DHCP speaks of the client, if the client itself sent it; a server's offer says who serves.
fn of_dhcp(mac: Option<Mac>, message: &dhcp::Message<'_>, mut hear: impl FnMut(Claim<'_>)) {
    if message.op == 2 && message.kind.is_some_and(|kind| FROM_SERVERS.contains(&kind)) {
        hear(Claim::Evidence(Evidence::Routes));
    }
    if message.op != 1 || mac.is_none() || message.client != mac {
        return;
    }
    if is_host_v4(message.client_ip) {
        hear(Claim::Address(message.client_ip.into()));
    }
    if let Some(name) = message.host_name.and_then(|name| std::str::from_utf8(name).ok()) {
        // Some clients end it with a zero (RFC 2132 section 2 forbids it).
        hear(Claim::LeaseName(name.trim_end_matches('\0')));
    }
}

/// The first label of a client FQDN option: flags, then a name in DNS form (RFC 4704 section 4).
fn first_label(option: &[u8]) -> Option<&str> {
    let len = usize::from(*option.get(1)?);
    let label = option.get(2..2 + len)?;
    std::str::from_utf8(label).ok().filter(|label| !label.is_empty())
}

/// Hands every claim that an mDNS response makes to `hear`.
///
/// A host name counts if its address is the frame's own source. A response that names addresses
/// and none of them is the source's speaks for others (a reflector, a sleep proxy): nothing in it
/// counts.
pub(super) fn of_response(
    observation: &Observation<'_>,
    digest: &Digest,
    mut hear: impl FnMut(Claim<'_>),
) {
    let source = own_source(observation);
    let (mut names_hosts, mut names_itself) = (false, false);
    for hint in &digest.hints {
        let (name, ip): (_, IpAddr) = match hint {
            Hint::A(name, ip) => (name, (*ip).into()),
            Hint::Aaaa(name, ip) => (name, (*ip).into()),
            Hint::Service(_) | Hint::Model(_) => continue,
        };
        names_hosts = true;
        if source == Some(ip) {
            names_itself = true;
            hear(Claim::HostName(name));
        }
    }
    if names_hosts && !names_itself {
        return;
    }
    for hint in &digest.hints {
        match hint {
            Hint::Service(service) => {
                if let Some(evidence) = category::of_service(service) {
                    hear(Claim::Evidence(evidence));
                }
            }
            Hint::Model(model) => hear(Claim::Model(model)),
            Hint::A(..) | Hint::Aaaa(..) => {}
        }
    }
}

/// The source address of a frame, if no router can have put the frame on this link: its
/// destination is never forwarded, or its TTL is the highest, which one hop lowers.
fn own_source(observation: &Observation<'_>) -> Option<IpAddr> {
    let Ip { source, destination, ttl, .. } = observation.ip?;
    let stays_on_link = match destination {
        IpAddr::V4(ip) => ip.is_broadcast() || matches!(ip.octets(), [224, 0, 0, _]),
        // Scopes 1 and 2 (RFC 4291 section 2.7).
        IpAddr::V6(ip) => matches!(ip.segments()[0] & 0xff0f, 0xff01 | 0xff02),
    };
    let is_usable = match source {
        IpAddr::V4(ip) => is_host_v4(ip),
        IpAddr::V6(ip) => is_host_v6(ip),
    };
    (is_usable && (stays_on_link || ttl == 255)).then_some(source)
}

/// Whether an address can be a host's (not 0.0.0.0/8, loopback, multicast or broadcast).
fn is_host_v4(ip: Ipv4Addr) -> bool {
    ip.octets()[0] != 0 && !ip.is_loopback() && !ip.is_multicast() && !ip.is_broadcast()
}

const fn is_host_v6(ip: Ipv6Addr) -> bool {
    !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast()
}
