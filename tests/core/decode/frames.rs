//! Frames of every link type, cut at every octet, broken in every way: what they are counted as,
//! for which device, and which faults are found.

use multicast_exporter::decode::{
    Cast, Message, Observation, Protocol, Reason, Sender, Tags, decode, mdns,
};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType, Tag};
use multicast_exporter::mac::Mac;
use multicast_exporter::time::Stamp;
use proptest::prelude::*;
use std::net::IpAddr;

const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const GROUP: [u8; 6] = [1, 0, 0x5e, 0, 0, 0xfb];
const HOST: [u8; 6] = [2, 0, 0, 0, 0, 9];
const MDNS_GROUP: [u8; 4] = [224, 0, 0, 251];
const QUERY: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_ipp\x04_tcp\x05local\0\0\x0c\0\x01";

const LINKS: [LinkType; 9] = [
    LinkType::Ethernet,
    LinkType::LinuxCooked,
    LinkType::LinuxCooked2,
    LinkType::Ieee80211,
    LinkType::Radiotap,
    LinkType::RawIp,
    LinkType::BsdLoopback,
    LinkType::OpenBsdLoopback,
    LinkType::Other(195),
];

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = source.to_be_bytes().to_vec();
    bytes.extend(destination.to_be_bytes());
    bytes.extend(u16::try_from(payload.len() + 8).expect("short").to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// `fragment` is the field of flags and offset.
fn ipv4(destination: [u8; 4], protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend(u16::try_from(payload.len() + 20).expect("short").to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([255, protocol, 0, 0, 10, 0, 0, 1]);
    bytes.extend(destination);
    bytes.extend(payload);
    bytes
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(u16::try_from(payload.len()).expect("short").to_be_bytes());
    bytes.extend([next, 255]);
    bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb]);
    bytes.extend(payload);
    bytes
}

fn ethernet(destination: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = destination.to_vec();
    bytes.extend(SOURCE);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn mdns_v4() -> Vec<u8> {
    ipv4(MDNS_GROUP, 17, 0, &udp(5353, 5353, QUERY))
}

fn mdns_v6() -> Vec<u8> {
    ipv6(17, &udp(5353, 5353, QUERY))
}

fn meta(link: LinkType, wire_len: usize) -> FrameMeta {
    FrameMeta {
        stamp: Stamp::default(),
        interface: 0,
        link,
        stripped_tag: None,
        direction: Direction::Unknown,
        wire_len: u32::try_from(wire_len).expect("short"),
    }
}

fn whole(link: LinkType, bytes: &[u8]) -> Observation<'_> {
    decode(&Frame { meta: meta(link, bytes.len()), bytes })
}

fn eth(bytes: &[u8]) -> Observation<'_> {
    whole(LinkType::Ethernet, bytes)
}

fn reasons(observation: &Observation<'_>) -> Vec<Reason> {
    observation.issues.iter().map(|issue| issue.reason).collect()
}

fn tag(tpid: u16, tci: u16) -> Tag {
    Tag { tpid, tci }
}

/// An 802.11 data frame, by its two octets of frame control.
fn wifi(control: u8, flags: u8, extra: &[u8]) -> Vec<u8> {
    let mut bytes = vec![control, flags, 0, 0];
    let (one, two, three) = match flags & 3 {
        0 => (GROUP, SOURCE, HOST),
        1 => (HOST, SOURCE, GROUP),
        2 => (GROUP, HOST, SOURCE),
        _ => (HOST, HOST, GROUP),
    };
    for address in [one, two, three] {
        bytes.extend(address);
    }
    bytes.extend([0, 0]);
    if flags & 3 == 3 {
        bytes.extend(SOURCE);
    }
    bytes.extend(extra);
    bytes
}

fn snap() -> Vec<u8> {
    let mut bytes = vec![0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    bytes.extend(mdns_v4());
    bytes
}

/// One mDNS query on each link type.
fn on_every_link() -> Vec<(LinkType, Vec<u8>)> {
    let mut cooked = vec![0, 2, 0, 1, 0, 6];
    cooked.extend(SOURCE);
    cooked.extend([0, 0, 8, 0]);
    cooked.extend(mdns_v4());
    let mut cooked2 = vec![0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 2, 6];
    cooked2.extend(SOURCE);
    cooked2.extend([0, 0]);
    cooked2.extend(mdns_v6());
    // Version, padding, length, presence: TSFT and Flags, and another word; the FCS is there.
    let mut radiotap = vec![0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0];
    radiotap.extend([0; 4]);
    radiotap.extend([0; 8]);
    radiotap.push(0x10);
    radiotap.extend(wifi(0x08, 2, &snap()));
    radiotap.extend([9; 4]);
    let loopback = |family: [u8; 4], packet: Vec<u8>| [&family[..], &packet].concat();
    vec![
        (LinkType::Ethernet, ethernet(GROUP, 0x0800, &mdns_v4())),
        (LinkType::Ethernet, ethernet(GROUP, 0x86dd, &mdns_v6())),
        (LinkType::Ethernet, ethernet(GROUP, u16::try_from(snap().len()).expect("short"), &snap())),
        (LinkType::LinuxCooked, cooked),
        (LinkType::LinuxCooked2, cooked2),
        (LinkType::Ieee80211, wifi(0x08, 0, &snap())),
        (LinkType::Ieee80211, wifi(0x08, 1, &snap())),
        (LinkType::Ieee80211, wifi(0x08, 2, &snap())),
        (LinkType::Ieee80211, wifi(0x08, 3, &snap())),
        (LinkType::Ieee80211, wifi(0x88, 2, &[&[0, 0][..], &snap()].concat())),
        (LinkType::Ieee80211, wifi(0x88, 0x82, &[&[0, 0, 0, 0, 0, 0][..], &snap()].concat())),
        (LinkType::Radiotap, radiotap),
        (LinkType::RawIp, mdns_v4()),
        (LinkType::RawIp, mdns_v6()),
        (LinkType::BsdLoopback, loopback([2, 0, 0, 0], mdns_v4())),
        (LinkType::BsdLoopback, loopback([0, 0, 0, 2], mdns_v4())),
        (LinkType::BsdLoopback, loopback([30, 0, 0, 0], mdns_v6())),
        (LinkType::OpenBsdLoopback, loopback([0, 0, 0, 24], mdns_v6())),
    ]
}

fn has_mac(link: LinkType) -> bool {
    !matches!(link, LinkType::RawIp | LinkType::BsdLoopback | LinkType::OpenBsdLoopback)
}

#[test]
fn a_query_is_the_same_on_every_link() {
    for (link, bytes) in on_every_link() {
        let observation = whole(link, &bytes);
        assert_eq!(observation.protocol, Protocol::Mdns, "{link:?}");
        assert_eq!(observation.cast, Cast::Group, "{link:?}");
        assert_eq!(reasons(&observation), [], "{link:?}");
        let Message::Mdns(datagram) = observation.message else { panic!("{link:?}") };
        assert_eq!((datagram.payload, datagram.complete), (QUERY, true), "{link:?}");
        let sender = if has_mac(link) {
            Sender::Mac(Mac(SOURCE))
        } else {
            Sender::Ip(observation.ip.expect("IP").source)
        };
        assert_eq!(observation.sender, Some(sender), "{link:?}");
    }
}

#[test]
fn a_cut_frame_is_classed_by_what_is_there() {
    for (link, bytes) in on_every_link() {
        let mut known = Protocol::OtherMulticast;
        let mut sender = None;
        for len in 0..=bytes.len() {
            let frame = Frame { meta: meta(link, bytes.len()), bytes: &bytes[..len] };
            let observation = decode(&frame);
            if len == bytes.len() {
                assert_eq!(reasons(&observation), []);
            } else if !(link == LinkType::Radiotap && len >= bytes.len() - 4) {
                assert_eq!(reasons(&observation), [Reason::Snapped], "{link:?} {len}");
            }
            // Once it is known, it stays known.
            if known == Protocol::Mdns {
                assert_eq!(observation.protocol, known, "{link:?} {len}");
                assert!(matches!(observation.message, Message::Mdns(_)), "{link:?} {len}");
            }
            if sender.is_some() {
                assert_eq!(observation.sender, sender, "{link:?} {len}");
            }
            known = observation.protocol;
            sender = observation.sender;
            // The same bytes as a whole frame: nothing is missing by the capture's doing.
            let short = reasons(&whole(link, &bytes[..len]));
            assert!(!short.contains(&Reason::Snapped), "{link:?} {len}");
        }
        assert_eq!(known, Protocol::Mdns, "{link:?}");
    }
}

#[test]
fn tags_are_kept_outermost_first() {
    let untagged = ethernet(GROUP, 0x0800, &mdns_v4());
    let tagged = |tags: &[Tag]| {
        let mut bytes = untagged[..12].to_vec();
        for tag in tags {
            bytes.extend(tag.tpid.to_be_bytes());
            bytes.extend(tag.tci.to_be_bytes());
        }
        bytes.extend(&untagged[12..]);
        bytes
    };
    let (service, client) = (tag(0x88a8, 0x2064), tag(0x8100, 7));
    let pair = Tags { outer: Some(service), inner: Some(client) };
    assert_eq!(eth(&tagged(&[])).tags, Tags::default());
    assert_eq!(eth(&tagged(&[service, client])).tags, pair);
    let bytes = tagged(&[client]);
    let stripped =
        FrameMeta { stripped_tag: Some(service), ..meta(LinkType::Ethernet, bytes.len()) };
    assert_eq!(decode(&Frame { meta: stripped, bytes: &bytes }).tags, pair);
    // A priority tag names no VLAN.
    let only = Tags { outer: Some(client), inner: None };
    let bytes = tagged(&[tag(0x8100, 0xe000), client]);
    assert_eq!((eth(&bytes).tags, eth(&bytes).protocol), (only, Protocol::Mdns));
    for tpid in [0x9100, 0x9200] {
        assert_eq!(eth(&tagged(&[tag(tpid, 5)])).protocol, Protocol::Mdns);
    }
    let bytes = tagged(&[service, client, client]);
    let observation = eth(&bytes);
    assert_eq!((observation.tags, observation.protocol), (pair, Protocol::Mdns));
    assert_eq!(reasons(&observation), [Reason::TooManyTags]);
    let bytes = tagged(&[client; 12]);
    assert_eq!(eth(&bytes).protocol, Protocol::OtherMulticast);
    let bytes = tagged(&[client; 2]);
    assert_eq!(reasons(&eth(&bytes[..17])), [Reason::Truncated]);
}

#[test]
fn whom_it_was_sent_to() {
    let to = |mac, ip, port| ethernet(mac, 0x0800, &ipv4(ip, 17, 0, &udp(port, port, QUERY)));
    let seen = |bytes: &[u8]| {
        let observation = eth(bytes);
        (observation.cast, observation.counted_as(true), observation.counted_as(false))
    };
    let (mdns, unicast) = (Some(Protocol::Mdns), Some(Protocol::MdnsUnicast));
    let ssdp = Some(Protocol::Ssdp);
    assert_eq!(seen(&to(GROUP, MDNS_GROUP, 5353)), (Cast::Group, mdns, mdns));
    assert_eq!(seen(&to(GROUP, [10, 0, 0, 9], 5353)), (Cast::Group, mdns, mdns));
    assert_eq!(seen(&to(HOST, MDNS_GROUP, 5353)), (Cast::Converted, mdns, unicast));
    assert_eq!(seen(&to(HOST, [239, 255, 255, 250], 1900)), (Cast::Converted, ssdp, None));
    assert_eq!(seen(&to(HOST, [10, 0, 0, 9], 5353)), (Cast::UnicastMdns, unicast, unicast));
    assert_eq!(seen(&to(HOST, [10, 0, 0, 9], 1900)), (Cast::Unicast, None, None));
    let other = Some(Protocol::OtherBroadcast);
    assert_eq!(seen(&to(HOST, [255; 4], 9)), (Cast::Converted, other, None));
    assert_eq!(seen(&to([255; 6], [255; 4], 9)), (Cast::Group, other, other));
    // Nothing is read that is not counted.
    let bytes = to(HOST, [10, 0, 0, 9], 1900);
    assert!(matches!(eth(&bytes).message, Message::None));
    // A cooked header says whether it was broadcast, and who sent it.
    let mut cooked = vec![0, 1, 0, 1, 0, 6];
    cooked.extend(SOURCE);
    cooked.extend([0, 0, 8, 6, 0, 1]);
    let observation = whole(LinkType::LinuxCooked, &cooked);
    assert_eq!((observation.cast, observation.protocol), (Cast::Group, Protocol::Arp));
    assert_eq!(observation.direction, Direction::Incoming);
    cooked[1] = 4;
    let observation = whole(LinkType::LinuxCooked, &cooked);
    assert_eq!((observation.cast, observation.direction), (Cast::Unicast, Direction::Outgoing));
}

#[test]
fn ports_and_types_tell_the_protocol() {
    let by_port = |source, destination| {
        let bytes =
            ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, 17, 0, &udp(source, destination, b"")));
        eth(&bytes).protocol
    };
    for (port, protocol) in [
        (5353, Protocol::Mdns),
        (1900, Protocol::Ssdp),
        (5355, Protocol::Llmnr),
        (3702, Protocol::Wsd),
        (137, Protocol::Netbios),
        (138, Protocol::Netbios),
        (67, Protocol::Dhcp),
        (68, Protocol::Dhcp),
        (546, Protocol::Dhcp),
        (547, Protocol::Dhcp),
        (9, Protocol::OtherMulticast),
    ] {
        assert_eq!(by_port(40_000, port), protocol);
        assert_eq!(by_port(port, 40_000), protocol);
        assert_eq!(by_port(5353, port), if port == 9 { Protocol::Mdns } else { protocol });
    }
    for (kind, protocol) in [
        (128, Protocol::OtherMulticast),
        (130, Protocol::Mld),
        (131, Protocol::Mld),
        (132, Protocol::Mld),
        (133, Protocol::Nd),
        (137, Protocol::Nd),
        (138, Protocol::OtherMulticast),
        (143, Protocol::Mld),
    ] {
        let bytes = ethernet(GROUP, 0x86dd, &ipv6(58, &[kind; 48]));
        assert_eq!(eth(&bytes).protocol, protocol, "{kind}");
    }
    let protocol = |bytes: &[u8]| eth(bytes).protocol;
    assert_eq!(
        protocol(&ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, 2, 0, &[0x16; 8]))),
        Protocol::Igmp
    );
    // IGMP over IPv6 and ICMPv6 over IPv4 are neither.
    assert_eq!(protocol(&ethernet(GROUP, 0x86dd, &ipv6(2, &[0x16; 8]))), Protocol::OtherMulticast);
    let icmp = ipv4(MDNS_GROUP, 58, 0, &[130; 24]);
    assert_eq!(protocol(&ethernet(GROUP, 0x0800, &icmp)), Protocol::OtherMulticast);
    // A tunnel is counted by its outer header.
    let tunnel = ipv4(MDNS_GROUP, 4, 0, &mdns_v4());
    assert_eq!(protocol(&ethernet(GROUP, 0x0800, &tunnel)), Protocol::OtherMulticast);
    // RARP is not ARP; spanning tree has no protocol here.
    assert_eq!(protocol(&ethernet([255; 6], 0x0806, &[0; 28])), Protocol::Arp);
    assert_eq!(protocol(&ethernet([255; 6], 0x8035, &[0; 28])), Protocol::OtherBroadcast);
    assert_eq!(protocol(&ethernet(GROUP, 4, &[0x42, 0x42, 3, 0])), Protocol::OtherMulticast);
}

#[test]
fn fragments() {
    let datagram = udp(5353, 5353, QUERY);
    let of_v4 = |fragment, payload: &[u8]| {
        ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, 17, fragment, payload))
    };
    let first = of_v4(0x2000, &datagram[..24]);
    let observation = eth(&first);
    assert_eq!(observation.protocol, Protocol::Mdns);
    assert_eq!(reasons(&observation), [Reason::FirstFragment]);
    assert!(observation.ip.is_some_and(|ip| ip.fragment));
    let Message::Mdns(message) = observation.message else { panic!("not mDNS") };
    assert!(!message.complete && message.header.is_some());
    let later = of_v4(0x0003, &datagram[24..]);
    assert_eq!(eth(&later).protocol, Protocol::OtherMulticast);
    assert_eq!(reasons(&eth(&later)), [Reason::LaterFragment]);
    let short = of_v4(0x2000, &datagram[..2]);
    assert_eq!(reasons(&eth(&short)), [Reason::FirstFragment]);

    let of_v6 = |offset: u16, payload: &[u8]| {
        let mut bytes = vec![17, 0];
        bytes.extend(offset.to_be_bytes());
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(payload);
        ethernet(GROUP, 0x86dd, &ipv6(44, &bytes))
    };
    let first = of_v6(1, &datagram[..24]);
    assert_eq!(eth(&first).protocol, Protocol::Mdns);
    assert_eq!(reasons(&eth(&first)), [Reason::FirstFragment]);
    let later = of_v6(3 << 3, &datagram[24..]);
    assert_eq!(reasons(&eth(&later)), [Reason::LaterFragment]);
    // An atomic fragment is whole.
    let atomic = of_v6(0, &datagram);
    assert_eq!(reasons(&eth(&atomic)), []);
    assert!(eth(&atomic).ip.is_some_and(|ip| !ip.fragment));
}

#[test]
fn extension_headers_are_stepped_over() {
    let mut chain = vec![60, 0, 5, 2, 0, 0, 0, 0];
    chain.extend([43, 0, 0, 0, 0, 0, 0, 0]);
    chain.extend([51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    chain.extend([17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    chain.extend(udp(5353, 5353, QUERY));
    let bytes = ethernet(GROUP, 0x86dd, &ipv6(0, &chain));
    assert_eq!((eth(&bytes).protocol, reasons(&eth(&bytes))), (Protocol::Mdns, vec![]));
    // However many there are.
    let mut many = [60, 0, 1, 4, 0, 0, 0, 0].repeat(99);
    many.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    many.extend(udp(5353, 5353, QUERY));
    let bytes = ethernet(GROUP, 0x86dd, &ipv6(60, &many));
    assert_eq!((eth(&bytes).protocol, reasons(&eth(&bytes))), (Protocol::Mdns, vec![]));
    let endless = ethernet(GROUP, 0x86dd, &ipv6(0, &[0; 80]));
    assert_eq!(reasons(&eth(&endless)), [Reason::BadHeaderLength]);
    let outside = ethernet(GROUP, 0x86dd, &ipv6(0, &[17, 9, 0, 0, 0, 0, 0, 0]));
    assert_eq!(reasons(&eth(&outside)), [Reason::BadHeaderLength]);
}

#[test]
fn lengths_that_cannot_be() {
    let edit = |at: usize, octet: u8| {
        let mut bytes = ethernet(GROUP, 0x0800, &mdns_v4());
        bytes[at] = octet;
        bytes
    };
    let seen = |bytes: &[u8]| (eth(bytes).protocol, reasons(&eth(bytes)));
    let (mdns, other) = (Protocol::Mdns, Protocol::OtherMulticast);
    assert_eq!(seen(&edit(14, 0x65)), (other, vec![Reason::BadVersion]));
    assert_eq!(seen(&edit(14, 0x44)), (other, vec![Reason::BadHeaderLength]));
    assert_eq!(seen(&edit(14, 0x4f)), (other, vec![Reason::BadLength]), "options take it all");
    assert_eq!(seen(&edit(17, 19)), (other, vec![Reason::BadLength]));
    assert_eq!(seen(&edit(16, 9)), (mdns, vec![Reason::BadLength]), "IP longer than the frame");
    assert_eq!(seen(&edit(39, 7)), (mdns, vec![Reason::BadLength]), "UDP shorter than its header");
    assert_eq!(seen(&edit(38, 9)), (mdns, vec![Reason::BadLength]), "UDP longer than IP");
    // Padding is no part of the packet.
    let mut padded = ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, 17, 0, &udp(5353, 5353, b"")));
    padded.extend([0xff; 18]);
    let Message::Mdns(message) = eth(&padded).message else { panic!("not mDNS") };
    assert_eq!(message.payload, b"");
    // Offload leaves 0: the packet is as long as the frame.
    let mut offloaded = edit(16, 0);
    offloaded[17] = 0;
    assert_eq!(seen(&offloaded), (mdns, vec![]));
}

#[test]
fn what_a_link_can_get_wrong() {
    let seen = |link, bytes: &[u8]| {
        let observation = whole(link, bytes);
        let issue = observation.issues.iter().next().expect("an issue");
        assert_eq!(issue.protocol, None, "of the link");
        issue.reason
    };
    assert_eq!(seen(LinkType::Other(195), b"x"), Reason::UnknownLinkType);
    assert_eq!(seen(LinkType::BsdLoopback, &[7, 0, 0, 0, 0x45]), Reason::UnknownFamily);
    assert_eq!(seen(LinkType::Ieee80211, &wifi(0x08, 0x42, &[0; 16])), Reason::Encrypted);
    assert_eq!(seen(LinkType::Radiotap, &[0, 0, 4, 0, 0, 0, 0, 0]), Reason::BadLength);
    assert_eq!(seen(LinkType::Ethernet, &GROUP), Reason::Truncated);
    assert_eq!(seen(LinkType::RawIp, &[]), Reason::Truncated);
    let bad = whole(LinkType::RawIp, &[0x50; 40]);
    assert_eq!((reasons(&bad), bad.cast), (vec![Reason::BadVersion], Cast::Unicast));
    // An encrypted broadcast still has a sender.
    let bytes = wifi(0x08, 0x42, &[0; 16]);
    let observation = whole(LinkType::Ieee80211, &bytes);
    assert_eq!(observation.sender, Some(Sender::Mac(Mac(SOURCE))));
    assert_eq!((observation.cast, observation.protocol), (Cast::Group, Protocol::OtherMulticast));
    // Null frames and later fragments carry nothing to read, a beacon is a broadcast.
    assert_eq!(reasons(&whole(LinkType::Ieee80211, &wifi(0x48, 2, &[]))), []);
    let beacon = [&[0x80, 0, 0, 0][..], &[255; 6], &SOURCE, &SOURCE, &[0; 14]].concat();
    let observation = whole(LinkType::Ieee80211, &beacon);
    assert_eq!((observation.cast, observation.protocol), (Cast::Group, Protocol::OtherBroadcast));
}

#[test]
fn an_aggregate_is_its_first_subframe() {
    let mut subframe = GROUP.to_vec();
    subframe.extend(SOURCE);
    subframe.extend(u16::try_from(snap().len()).expect("short").to_be_bytes());
    subframe.extend(snap());
    let mut bytes = wifi(0x88, 1, &[0x80, 0]);
    bytes[16..22].copy_from_slice(&HOST);
    bytes.extend(subframe);
    let observation = whole(LinkType::Ieee80211, &bytes);
    assert_eq!((observation.cast, observation.protocol), (Cast::Group, Protocol::Mdns));
}

#[test]
fn faults_of_a_message_are_said_of_its_protocol_and_only_if_it_is_whole() {
    let arp = ethernet([255; 6], 0x0806, &[0, 32, 8, 0, 20, 4, 0, 1]);
    let issue = eth(&arp).issues.iter().next().expect("an issue");
    assert_eq!((issue.protocol, issue.reason), (Some(Protocol::Arp), Reason::BadAddress));
    let ssdp = ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, 17, 0, &udp(1, 1900, b"\xff\xff\r\n")));
    assert_eq!(reasons(&eth(&ssdp)), [Reason::BadText]);
    let frame = Frame { meta: meta(LinkType::Ethernet, ssdp.len()), bytes: &ssdp[..44] };
    assert_eq!(reasons(&decode(&frame)), [Reason::Snapped]);
    // Nothing is missing from what is not read.
    let stream = ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, 17, 0, &udp(1, 9, &[0; 900])));
    let frame = Frame { meta: meta(LinkType::Ethernet, stream.len()), bytes: &stream[..128] };
    assert_eq!(reasons(&decode(&frame)), []);
}

/// What must hold of any bytes.
fn check(link: LinkType, bytes: &[u8], wire_len: usize) {
    let observation = decode(&Frame { meta: meta(link, wire_len), bytes });
    for issue in observation.issues.iter() {
        assert!(Reason::PAIRS.contains(&(issue.protocol, issue.reason)), "{issue:?}");
    }
    if observation.cast == Cast::Unicast {
        assert!(matches!(observation.message, Message::None));
        assert_eq!(observation.counted_as(true), None);
        assert!(observation.issues.iter().all(|issue| issue.protocol.is_none()));
    }
    if let Some(Sender::Ip(ip)) = observation.sender {
        assert!(observation.source_mac.is_none());
        assert_eq!(observation.ip.map(|header| header.source), Some(ip));
        let _: IpAddr = ip;
    }
    if let Message::Mdns(datagram) = observation.message {
        let digest = mdns::digest(&datagram, &mdns::HashKey([1, 2, 3, 4]));
        for reason in digest.malformed.into_iter().chain(digest.flaw) {
            assert!(Reason::PAIRS.contains(&(Some(observation.protocol), reason)));
        }
        let _ = mdns::Shape::of(&datagram, &digest);
    }
    if let Message::Igmp(message) | Message::Mld(message) = observation.message {
        drop(format!("{message:?}"));
    }
}

/// A frame with a message of any protocol in it, all of it random.
fn random_message() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..120);
    let port = prop::sample::select(vec![5353, 1900, 5355, 3702, 137, 138, 67, 547, 9]);
    let icmp = prop::sample::select(vec![130, 131, 132, 133, 134, 135, 136, 137, 143]);
    prop_oneof![
        (port, payload.clone())
            .prop_map(|(port, payload)| mdns_like(&udp(port, port, &payload), 17)),
        payload.clone().prop_map(|payload| mdns_like(&payload, 2)),
        (icmp, payload.clone()).prop_map(|(kind, mut payload)| {
            payload.insert(0, kind);
            ethernet(GROUP, 0x86dd, &ipv6(58, &payload))
        }),
        payload.prop_map(|payload| ethernet([255; 6], 0x0806, &payload)),
    ]
}

fn mdns_like(payload: &[u8], protocol: u8) -> Vec<u8> {
    ethernet(GROUP, 0x0800, &ipv4(MDNS_GROUP, protocol, 0, payload))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_on_any_link(
        link in prop::sample::select(LINKS.to_vec()),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        missing in 0_usize..3,
    ) {
        check(link, &bytes, bytes.len() + missing);
    }

    #[test]
    fn any_edit_of_a_good_frame(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        missing in 0_usize..2,
    ) {
        let all = on_every_link();
        let (link, mut bytes) = all[which.index(all.len())].clone();
        for (at, octet) in edits {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        check(link, &bytes, bytes.len());
        bytes.truncate(cut.index(bytes.len() + 1));
        check(link, &bytes, bytes.len() + missing);
    }

    #[test]
    fn any_message_of_any_protocol(bytes in random_message(), missing in 0_usize..2) {
        check(LinkType::Ethernet, &bytes, bytes.len() + missing);
    }
}

#[test]
fn a_group_or_zero_sends_nothing() {
    let from = |mac: [u8; 6]| {
        let mut bytes = ethernet(GROUP, 0x0800, &mdns_v4());
        bytes[6..12].copy_from_slice(&mac);
        let seen = eth(&bytes);
        (seen.sender, seen.source_mac, seen.protocol)
    };
    let host = [0, 0, 0, 0, 0, 1];
    for mac in [[0x01, 0, 0x5e, 0, 0, 0xfb], [0xff; 6], [0; 6]] {
        assert_eq!(from(mac), (None, Some(Mac(mac)), Protocol::Mdns), "counted, but nobody's");
    }
    assert_eq!(from(host).0, Some(Sender::Mac(Mac(host))));
}
