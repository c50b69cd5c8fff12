//! Which frames have the signature of the protocols' causes, and of those that need a history of
//! messages that are not mDNS: frames of one host go in with their times, signatures come out.

use crate::craft::address::{
    Arp, Dhcp, neighbour_advertisement, neighbour_solicitation, router_advertisement,
    router_solicitation, solicited_node,
};
use crate::craft::discovery::{
    llmnr_query, nbns_query, ssdp_alive, ssdp_search, wsd, wsd_hello, wsd_probe,
};
use crate::craft::host::{ALL_NODES, ALL_ROUTERS};
use crate::craft::{Ethernet, Host, Ipv4, Query, Udp};
use crate::decode::decode;
use crate::decode::mdns::HashKey;
use crate::detect::{Came, Cause, Counted, Detectors, Horizon, Vantage};
use crate::frame::{Direction, Frame, FrameMeta, LinkType};
use crate::time::{Stamp, Time};
use std::net::{Ipv4Addr, Ipv6Addr};

const HOST: Host = Host::numbered(7);

/// How many of these frames, each at its millisecond, have the signature.
fn marked(cause: Cause, frames: impl IntoIterator<Item = (u64, Vec<u8>)>) -> usize {
    let mut detectors = Detectors::new(HashKey([1, 2, 3, 4]), Horizon::Now);
    let mut count = 0;
    for (millis, bytes) in frames {
        let meta = FrameMeta {
            stamp: Stamp(0),
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Incoming,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        let observation = decode(&Frame { meta, bytes: &bytes });
        let Some(protocol) = observation.counted_as(true) else { panic!("counted nowhere") };
        let frame = Counted {
            now: Time(millis * 1_000_000),
            stamp: Stamp(0),
            observation: &observation,
            protocol,
            mdns: None,
            sender: detectors.sender(observation.sender),
            came: Came::default(),
            vantage: &Vantage::default(),
            limits: &crate::detect::ConditionLimits::USUAL,
            wants: None,
        };
        count += usize::from(detectors.handle(&frame, None).signatures.contains(cause));
    }
    count
}

/// `count` frames, one every `step` milliseconds.
fn every(step: u64, count: u64, frame: impl Fn(u64) -> Vec<u8>) -> Vec<(u64, Vec<u8>)> {
    (0..count).map(|n| (n * step, frame(n))).collect()
}

fn search(n: u64) -> Vec<u8> {
    HOST.ssdp4(ssdp_search(&format!("urn:x:{n}")))
}

fn alive(n: u64) -> Vec<u8> {
    let usn = format!("uuid:{n}::upnp:rootdevice");
    HOST.ssdp4(ssdp_alive("upnp:rootdevice", &usn, "http://10.53.0.7/", "x/1"))
}

fn v4(n: u64) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a35_0100 + u32::try_from(n).expect("small"))
}

fn v6(n: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(n + 1))
}

fn solicitation(n: u64) -> Vec<u8> {
    HOST.nd(solicited_node(v6(n)), neighbour_solicitation(v6(n), HOST.mac))
}

#[test]
fn a_protocol_stands_for_a_cause() {
    let dhcp = HOST.dhcp_client(Dhcp::client(1, HOST.mac).bytes());
    let igmp = HOST.igmp("224.0.0.251".parse().expect("a group"), [0x16; 8]);
    let mld = HOST.mld("ff02::fb".parse().expect("a group"), (131, vec![0; 20]));
    let udp = Udp::new(5004, 5004, [0; 20]);
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let stream = HOST.udp4(group, 8, &udp);
    let broadcast = Ethernet::from(HOST.mac)
        .to_ip(Ipv4Addr::BROADCAST.into())
        .ipv4(&Ipv4::new(HOST.v4, Ipv4Addr::BROADCAST).udp(&udp));
    let query = HOST.mdns4(Query::browse("_ipp._tcp"));
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    let advertisement = HOST.nd(ALL_NODES, router_advertisement(1_800, prefix, HOST.mac));
    let router_wanted = HOST.nd(ALL_ROUTERS, router_solicitation(HOST.mac));
    let causes = [
        Cause::DhcpFlood,
        Cause::MembershipFlood,
        Cause::Stream,
        Cause::RouterAdvertisements,
        Cause::AddressRepeat,
    ];
    for (name, frame, expected) in [
        ("dhcp", dhcp, Some(Cause::DhcpFlood)),
        ("igmp", igmp, Some(Cause::MembershipFlood)),
        ("mld", mld, Some(Cause::MembershipFlood)),
        ("stream", stream, Some(Cause::Stream)),
        ("broadcast", broadcast, None),
        ("query", query, None),
        ("search", search(0), None),
        ("request", HOST.arp_request(v4(0)), None),
        ("router", advertisement, Some(Cause::RouterAdvertisements)),
        ("router wanted", router_wanted, None),
    ] {
        for cause in causes {
            let found = marked(cause, [(0, frame.clone())]) == 1;
            assert_eq!(found, Some(cause) == expected, "{name}: {cause:?}");
        }
    }
}

#[test]
fn discovery_flood() {
    let llmnr = |id: u64| {
        let mut query = llmnr_query("wpad");
        query[..2].copy_from_slice(&u16::try_from(id).expect("small").to_be_bytes());
        HOST.llmnr4(query)
    };
    let probe = |n: u64| {
        let text = String::from_utf8(wsd_probe()).expect("text");
        HOST.wsd4(text.replace("000000005353", &format!("{n:012}")))
    };
    for (name, frames, expected) in [
        ("ten searches at once", every(1, 10, search), 0),
        ("eleven", every(1, 11, search), 1),
        ("different searches at 55/s", every(18, 100, search), 90),
        ("different notifications at 55/s", every(18, 100, alive), 90),
        ("different searches at 40/s", every(25, 100, search), 0),
        ("the same search at 5/s", every(200, 100, |_| search(0)), 97),
        ("the same search at 2/s", every(500, 100, |_| search(0)), 0),
        ("a set of ten at 50/s", every(20, 100, |n| alive(n % 10)), 90),
        ("a set of ten at 40/s", every(25, 100, |n| alive(n % 10)), 70),
        ("llmnr thrice", every(100, 3, |_| llmnr(1)), 0),
        ("llmnr without end", every(100, 20, |_| llmnr(1)), 17),
        ("llmnr, an id each", every(100, 20, llmnr), 17),
        ("llmnr, as slow as a person", every(400, 20, llmnr), 0),
        ("wsd thrice", every(100, 3, |_| HOST.wsd4(wsd_hello("urn:uuid:7"))), 0),
        ("wsd again and again", every(100, 20, |_| HOST.wsd4(wsd_hello("urn:uuid:7"))), 17),
        ("wsd, an id each", every(30, 20, probe), 0),
        ("wsd, an id each at 60/s", every(16, 20, probe), 10),
        ("wsd without an id", every(100, 20, |_| HOST.wsd4(b"<a/>".to_vec())), 17),
        ("netbios", every(1_000, 5, |_| HOST.nbns(nbns_query("fileserver"))), 5),
        ("not text", every(10, 20, |_| HOST.ssdp4([0; 9])), 10),
        ("mdns", every(1, 100, |_| HOST.mdns4(Query::browse("_ipp._tcp"))), 0),
    ] {
        assert_eq!(marked(Cause::DiscoveryFlood, frames), expected, "{name}");
    }
    // Each family by itself.
    let both = every(30, 20, |n| {
        let hello = wsd("Hello", &format!("{}", n / 2));
        if n % 2 == 0 { HOST.wsd4(hello) } else { HOST.wsd6(hello) }
    });
    assert_eq!(marked(Cause::DiscoveryFlood, both.into_iter().take(6)), 0);
}

#[test]
fn address_repeat() {
    let tests = |n| Host { v4: Ipv4Addr::UNSPECIFIED, ..HOST }.arp_request(v4(n));
    let reply = |operation, target| {
        let arp = Arp { operation, sender: (HOST.mac, HOST.v4), target: (HOST.mac, target) };
        Ethernet::from(HOST.mac).frame(0x0806, &arp.bytes())
    };
    let owned = HOST.nd(ALL_NODES, neighbour_advertisement(HOST.v6, HOST.mac));
    let both = |n| if n % 2 == 0 { HOST.arp_request(v4(0)) } else { solicitation(0) };
    let half = |n| if n % 2 == 0 { HOST.arp_request(v4(0)) } else { HOST.arp_request(v4(n)) };
    for (name, frames, expected) in [
        ("one target", every(1, 500, |_| HOST.arp_request(v4(0))), 499),
        ("slowly", every(4_000, 50, |_| HOST.arp_request(v4(0))), 49),
        ("once in 10 s", every(10_000, 50, |_| HOST.arp_request(v4(0))), 0),
        ("solicitations", every(1, 500, |_| solicitation(0)), 499),
        ("both", every(1, 500, both), 498),
        ("announcements", every(1, 500, |_| HOST.arp_announcement()), 499),
        ("announced in replies", every(1, 500, |_| reply(2, HOST.v4)), 499),
        ("answers", every(1, 500, |_| reply(2, v4(0))), 0),
        ("advertisements", every(1, 500, |_| owned.clone()), 0),
        ("tests whether one is free", every(1, 500, |_| tests(0)), 499),
        ("a network", every(5, 254, |n| HOST.arp_request(v4(n))), 0),
        ("a network, each thrice", every(5, 254, |n| HOST.arp_request(v4(n / 3))), 6),
        ("a network, and a target that is gone", every(5, 254, half), 126),
    ] {
        assert_eq!(marked(Cause::AddressRepeat, frames), expected, "{name}");
    }
    // What is asked for again and again is no part of the scan.
    assert_eq!(marked(Cause::AddressScan, every(5, 254, half)), 113);
    // Many devices that ask for one address each have asked once each.
    let many = (0..200).map(|n| (u64::from(n), Host::numbered(n + 1).arp_request(v4(0))));
    assert_eq!(marked(Cause::AddressRepeat, many), 0);
}

#[test]
fn address_scan() {
    let probe = |n| Host { v4: Ipv4Addr::UNSPECIFIED, ..HOST }.arp_request(v4(n));
    let both = |n| if n % 2 == 0 { HOST.arp_request(v4(n)) } else { solicitation(n) };
    let reply = |n: u64| {
        let own = Host { v4: v4(n), ..HOST };
        own.arp_announcement()
    };
    for (name, frames, expected) in [
        ("fifteen", every(10, 15, |n| HOST.arp_request(v4(n))), 0),
        ("sixteen", every(10, 16, |n| HOST.arp_request(v4(n))), 1),
        ("a network", every(5, 254, |n| HOST.arp_request(v4(n))), 239),
        ("a router's fifteen", every(5, 300, |n| HOST.arp_request(v4(n % 15))), 0),
        ("sixteen in turn", every(5, 300, |n| HOST.arp_request(v4(n % 16))), 285),
        ("sixteen in 10 s", every(666, 16, |n| HOST.arp_request(v4(n))), 1),
        ("sixteen in 10.5 s", every(700, 16, |n| HOST.arp_request(v4(n))), 0),
        ("one a second", every(1_000, 254, |n| HOST.arp_request(v4(n))), 0),
        ("solicitations", every(10, 20, solicitation), 5),
        ("both", every(10, 20, both), 5),
        ("probes", every(10, 20, probe), 5),
        ("announcements", every(10, 40, reply), 0),
        ("one target without end", every(1, 500, |_| HOST.arp_request(v4(0))), 0),
    ] {
        assert_eq!(marked(Cause::AddressScan, frames), expected, "{name}");
    }
    // Sixteen devices that ask for one each scan nothing.
    let many = (0..16).map(|n| (u64::from(n), Host::numbered(n + 1).arp_request(v4(n.into()))));
    assert_eq!(marked(Cause::AddressScan, many), 0);
}
