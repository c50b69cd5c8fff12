//! What a frame proves about its sender, as [`Claim`]s. Only what cannot be another's counts:
//! frames are forwarded, reflected and answered for others all the time.

use super::category::{self, Evidence};
use super::profile::Claim;
use crate::decode::mdns::{Digest, Hint};
use crate::decode::{Ip, Message, Observation, arp, dhcp, nd, netbios, ssdp};
use crate::mac::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// DHCP messages that only servers send (RFC 2132 section 9.6): offer and acknowledgement.
const FROM_SERVERS: [u8; 2] = [2, 5];

/// SSDP, LLMNR and WS-Discovery are sent with a TTL of 1, 2 or 4, so that they do not come far.
const DISCOVERY_TTL: u8 = 4;
/// TTLs that packets are sent with. A router has lowered any other.
const SENT_WITH: [u8; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 255];

/// Passes the address that the headers of a frame prove to `hear`.
/// `subnets` are those of the interface, as far as they are known: what comes from there was not routed.
pub(in crate::engine) fn of_sender(
    observation: &Observation<'_>,
    subnets: &[(IpAddr, u8)],
    mut hear: impl FnMut(Claim<'_>),
) {
    if is_for_another(observation) {
        return;
    }
    if let Some(ip) = own_source(observation) {
        hear(Claim::Address(ip));
    } else if let Some(ip) = observation.ip.filter(|ip| is_usable(ip.source)) {
        let is_near = || ip.ttl <= DISCOVERY_TTL || is_on_link(ip.source, subnets);
        if is_of_discovery(observation) && is_near() {
            hear(Claim::LikelyAddress(ip.source));
        } else if ip.source.is_ipv4() && SENT_WITH.contains(&ip.ttl) {
            hear(Claim::Source(ip.source));
        }
    }
}

/// Passes every claim that a message makes to `hear`, except those of multicast DNS.
pub(in crate::engine) fn of_message(
    observation: &Observation<'_>,
    mut hear: impl FnMut(Claim<'_>),
) {
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
        // A switch that snoops and has no address queries from 0.0.0.0 or ::. That makes it no
        // querier, let alone a router (RFC 4541 section 2.1.1, RFC 3810 section 5.1.14).
        message @ (Message::Igmp(_) | Message::Mld(_)) => {
            if message.general_query().is_some() && has_source(observation) {
                hear(Claim::Evidence(Evidence::Queries));
            }
        }
        Message::Nd(message) => {
            if message.kind == nd::Kind::RouterAdvertisement && !is_for_another(observation) {
                hear(Claim::Evidence(Evidence::Advertises));
            }
        }
        Message::Ssdp(message) => of_ssdp(observation, message, hear),
        Message::Wsd(message) => {
            if let Some(evidence) = message.types.and_then(category::of_wsd)
                && let Some(ip) = observation.ip
            {
                hear(Claim::EvidenceOf(ip.source, evidence));
            }
        }
        Message::Netbios(message) => of_netbios(observation, message, hear),
        Message::None | Message::Mdns(_) | Message::Llmnr(_) => {}
    }
}

/// ARP proves an address only if its sender is the sender of the frame; 0.0.0.0 is a probe
/// (RFC 5227).
///
/// A host that asks, or announces itself, speaks of its own address. A reply to somebody's question
/// may be a proxy's, with its own MAC and another's address (RFC 1027): it proves nothing. A proxy
/// that asks for others, as Wi-Fi extenders do, becomes a repeater with the ninth address.
fn of_arp(mac: Option<Mac>, message: &arp::Message, mut hear: impl FnMut(Claim<'_>)) {
    let is_own_word = message.is_request() || message.is_gratuitous();
    if mac == Some(message.sender_mac) && is_own_word && is_host_v4(message.sender_ip) {
        hear(Claim::Address(message.sender_ip.into()));
    }
}

/// DHCP speaks of the client if the client itself sent it; a server's offer names the server.
/// The address that a client asks for (option 50) is a wish: often one of another network.
fn of_dhcp(mac: Option<Mac>, message: &dhcp::Message<'_>, mut hear: impl FnMut(Claim<'_>)) {
    if message.op == 2
        && message.kind.is_some_and(|kind| FROM_SERVERS.contains(&kind))
        && let Some(client) = message.client
    {
        hear(Claim::Leased(client));
    }
    if message.op != 1 || mac.is_none() || message.client != mac {
        return;
    }
    if is_host_v4(message.client_ip) {
        hear(Claim::Address(message.client_ip.into()));
    }
    // "MSFT 5.0": every Windows.
    if message.vendor_class.is_some_and(|class| class.starts_with(b"MSFT ")) {
        hear(Claim::Evidence(Evidence::Meets));
    }
    if let Some(name) = message.host_name.and_then(|name| std::str::from_utf8(name).ok()) {
        // Some clients end it with a zero (RFC 2132 section 2 forbids it).
        hear(Claim::LeaseName(name.trim_end_matches('\0')));
    }
}

/// SSDP is routed, so what it says counts with the address of its source. What a search looks for
/// (ST) says nothing about the searcher.
fn of_ssdp(
    observation: &Observation<'_>,
    message: &ssdp::Message<'_>,
    mut hear: impl FnMut(Claim<'_>),
) {
    let Some(ip) = observation.ip else { return };
    let mut found = |evidence: Option<Evidence>| {
        if let Some(evidence) = evidence {
            hear(Claim::EvidenceOf(ip.source, evidence));
        }
    };
    match message.kind {
        ssdp::Kind::Alive => {
            found(message.target.and_then(category::of_upnp));
            found(message.server.and_then(category::of_server));
        }
        ssdp::Kind::Search => found(message.server.and_then(category::of_agent)),
        ssdp::Kind::ByeBye
        | ssdp::Kind::Update
        | ssdp::Kind::Notify
        | ssdp::Kind::Response
        | ssdp::Kind::Other => {}
    }
}

/// NetBIOS names. Of the names that a host registers only that of its file service (0x20) is surely
/// its own: the workgroup is registered too, under 0x00. A datagram names its sender, if it comes
/// from the address that it states.
fn of_netbios(
    observation: &Observation<'_>,
    message: &netbios::Message,
    mut hear: impl FnMut(Claim<'_>),
) {
    use netbios::Operation::{Other, Query, Refresh, Registration, Release, Wait};
    let Some(ip) = observation.ip.map(|ip| ip.source) else { return };
    let name = match message {
        netbios::Message::Name { operation: Registration | Refresh, response: false, name } => {
            name.as_ref().filter(|name| name.suffix == 0x20)
        }
        netbios::Message::Name {
            operation: Query | Registration | Release | Wait | Refresh | Other(_),
            ..
        } => return,
        netbios::Message::Datagram { source_ip, source, .. } => {
            source.as_ref().filter(|name| ip == *source_ip && matches!(name.suffix, 0 | 0x20))
        }
    };
    let text = name.map(netbios::Name::text).filter(|text| text.iter().all(u8::is_ascii_graphic));
    if let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok()) {
        hear(Claim::NetbiosName(ip, text));
        hear(Claim::EvidenceOf(ip, Evidence::Meets));
    }
}

/// The first label of a client FQDN option: flags, then a name in DNS form (RFC 4704 section 4).
fn first_label(option: &[u8]) -> Option<&str> {
    let len = usize::from(*option.get(1)?);
    let label = option.get(2..2 + len)?;
    std::str::from_utf8(label).ok().filter(|label| !label.is_empty())
}

/// Passes every claim that an mDNS response makes to `hear`.
///
/// A host name counts if its address is the frame's own source, and then so does the rest. A
/// response that names addresses and none of them is the source's speaks for others (a reflector,
/// a sleep proxy): nothing in it counts. One that names none is likely its sender's, until the
/// sender is heard to speak for others.
pub(in crate::engine) fn of_response(
    observation: &Observation<'_>,
    digest: &Digest,
    mut hear: impl FnMut(Claim<'_>),
) {
    let source = own_source(observation);
    let (mut other, mut names_itself) = (None, false);
    for hint in &digest.hints {
        let (name, ip): (_, IpAddr) = match hint {
            Hint::A(name, ip) => (name, (*ip).into()),
            Hint::Aaaa(name, ip) => (name, (*ip).into()),
            Hint::Service(_) | Hint::Model(_) | Hint::SharedPrinter => continue,
        };
        if source == Some(ip) {
            names_itself = true;
            hear(Claim::HostName(name));
            host_addresses(digest, name, ip, &mut hear);
        } else {
            other = other.or(Some(Claim::Other(name, ip)));
        }
    }
    if let Some(other) = other.filter(|_| !names_itself) {
        hear(other);
        return;
    }
    for hint in &digest.hints {
        let claim = match hint {
            Hint::Service(service) => {
                let Some(evidence) = category::of_service(service) else { continue };
                if names_itself { Claim::Offer(evidence) } else { Claim::LikelyEvidence(evidence) }
            }
            Hint::Model(model) if names_itself => Claim::Model(model),
            Hint::Model(model) => Claim::LikelyModel(model),
            Hint::SharedPrinter if names_itself => Claim::Offer(Evidence::Shares),
            Hint::SharedPrinter => Claim::LikelyEvidence(Evidence::Shares),
            Hint::A(..) | Hint::Aaaa(..) => continue,
        };
        hear(claim);
    }
}

/// Passes the other addresses that a response gives the host `name`.
fn host_addresses(digest: &Digest, name: &str, own: IpAddr, hear: &mut impl FnMut(Claim<'_>)) {
    for hint in &digest.hints {
        let (owner, ip): (_, IpAddr) = match hint {
            Hint::A(owner, ip) => (owner, (*ip).into()),
            Hint::Aaaa(owner, ip) => (owner, (*ip).into()),
            Hint::Service(_) | Hint::Model(_) | Hint::SharedPrinter => continue,
        };
        if ip != own && owner.eq_ignore_ascii_case(name) {
            hear(Claim::HostAddress(ip));
        }
    }
}

/// Whether an address is of one of these subnets.
fn is_on_link(source: IpAddr, subnets: &[(IpAddr, u8)]) -> bool {
    let same = |a: u128, b: u128, width: u32, len: u8| {
        (a ^ b).checked_shr(width.saturating_sub(len.into())).unwrap_or(0) == 0
    };
    subnets.iter().any(|(own, len)| match (source, own) {
        (IpAddr::V4(source), IpAddr::V4(own)) => {
            same(source.to_bits().into(), own.to_bits().into(), 32, *len)
        }
        (IpAddr::V6(source), IpAddr::V6(own)) => same(source.to_bits(), own.to_bits(), 128, *len),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    })
}

/// Whether it is of one of the protocols of discovery that are sent with a small TTL.
fn is_of_discovery(observation: &Observation<'_>) -> bool {
    matches!(observation.message, Message::Ssdp(_) | Message::Llmnr(_) | Message::Wsd(_))
}

/// Whether it is a message of Neighbour Discovery whose source link-layer address is not the sender
/// of the frame: it was passed on for another (RFC 4389).
fn is_for_another(observation: &Observation<'_>) -> bool {
    let Message::Nd(message) = &observation.message else { return false };
    message.source_mac.is_some_and(|said| observation.source_mac.is_some_and(|mac| said != mac))
}

fn has_source(observation: &Observation<'_>) -> bool {
    observation.ip.is_some_and(|ip| !ip.source.is_unspecified())
}

/// The source address of a frame, if no router can have put the frame on this link: its
/// destination or its source is never forwarded, or its TTL is the highest, which one hop lowers.
fn own_source(observation: &Observation<'_>) -> Option<IpAddr> {
    let Ip { source, destination, ttl, .. } = observation.ip?;
    let stays_on_link = match destination {
        IpAddr::V4(ip) => ip.is_broadcast() || matches!(ip.octets(), [224, 0, 0, _]),
        // Scopes 1 and 2 (RFC 4291 section 2.7).
        IpAddr::V6(ip) => matches!(ip.segments()[0] & 0xff0f, 0xff01 | 0xff02),
    };
    // RFC 3927 section 2.7, RFC 4291 section 2.5.6.
    let is_link_local = match source {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let is_own = stays_on_link || is_link_local || ttl == 255;
    (is_usable(source) && is_own).then_some(source)
}

fn is_usable(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(ip) => is_host_v4(ip),
        IpAddr::V6(ip) => is_host_v6(ip),
    }
}

/// Whether an address can be a host's (not 0.0.0.0/8, loopback, multicast or broadcast).
fn is_host_v4(ip: Ipv4Addr) -> bool {
    ip.octets()[0] != 0 && !ip.is_loopback() && !ip.is_multicast() && !ip.is_broadcast()
}

const fn is_host_v6(ip: Ipv6Addr) -> bool {
    !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_what_its_prefix_says() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let subnets = [(ip("10.1.2.3"), 24), (ip("2001:db8::1"), 64)];
        for (source, expected) in [
            ("10.1.2.200", true),
            ("10.1.3.200", false),
            ("2001:db8::7:7", true),
            ("2001:db8:0:1::7", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(is_on_link(ip(source), &subnets), expected, "{source}");
        }
        assert!(is_on_link(ip("192.0.2.1"), &[(ip("10.0.0.1"), 0)]));
        assert!(!is_on_link(ip("10.0.0.2"), &[(ip("10.0.0.1"), 32)]));
        assert!(!is_on_link(ip("10.0.0.2"), &[]));
    }
}
