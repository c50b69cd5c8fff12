//! The seeds of the corpus: frames, messages and files made by hand come out, under the target and
//! the file name that they are kept by. `cargo run --example fuzz_corpus` writes them;
//! `tests/core/fuzz_corpus.rs` sees to it that they are written.

use multicast_exporter::craft::address::{
    Dhcp, dhcpv6_solicit, neighbour_solicitation, router_advertisement,
};
use multicast_exporter::craft::discovery::{
    llmnr_query, nbdgm, nbns_registration, ssdp_alive, wsd_hello,
};
use multicast_exporter::craft::file::ETHERNET;
use multicast_exporter::craft::host::{ALL_NODES, MDNS_V4, MDNS_V6};
use multicast_exporter::craft::mdns::{
    claims_everything, forward_pointer, hinfo, pointer_loop, response,
};
use multicast_exporter::craft::membership::{Change, igmp_query, igmp3_report, mld2_report};
use multicast_exporter::craft::{
    ByteOrder, Captured, Ethernet, Host, Ipv4, Ipv6, Pcap, PcapNg, Query, Resolution, Responder,
    Service, Udp, snoop, tagged,
};
use multicast_exporter::frame::Tag;
use multicast_exporter::time::Stamp;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One file of the corpus.
pub struct Seed {
    pub target: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
}

const HOST: Host = Host::numbered(7);

fn canon() -> Responder {
    Responder::new("canon", HOST)
        .service(Service::new("Canon", "_ipp._tcp", 631).txt("ty=Canon MF620C"))
}

/// All seeds.
pub fn seeds() -> Vec<Seed> {
    let seed = |target| move |(name, bytes): (String, Vec<u8>)| Seed { target, name, bytes };
    let mut seeds: Vec<Seed> = frames().into_iter().map(seed("frame")).collect();
    seeds.extend(messages().into_iter().map(seed("mdns")));
    seeds.extend(captures().into_iter().map(seed("capture")));
    seeds.extend(netlink().into_iter().map(seed("netlink")));
    seeds
}

fn named<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Vec<(String, Vec<u8>)> {
    seeds.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

/// Ethernet frames of each protocol, and one frame on each other link.
fn ethernet() -> Vec<(String, Vec<u8>)> {
    let gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let none: &[Ipv4Addr] = &[];
    let none6: &[Ipv6Addr] = &[];
    let v4 =
        Ipv4::new(HOST.v4, MDNS_V4).ttl(255).udp(&Udp::new(5353, 5353, canon().announcement()));
    let v6 = Ipv6::new(HOST.v6, MDNS_V6).hop_limit(255).udp(&Udp::new(
        5353,
        5353,
        canon().announcement(),
    ));
    let ether4 = Ethernet::from(HOST.mac).to_ip(MDNS_V4.into());
    let ether6 = Ethernet::from(HOST.mac).to_ip(MDNS_V6.into());
    let announcement = HOST.mdns4(canon().announcement());
    named([
        ("mdns4", announcement.clone()),
        ("mdns6", HOST.mdns6(canon().probe())),
        ("mdns_unicast", HOST.mdns_unicast4(Host::numbered(8), canon().response("_ipp._tcp"))),
        ("ssdp", HOST.ssdp4(ssdp_alive(gateway, "uuid:1", "http://10.53.0.7/", "Linux UPnP/1.0"))),
        ("llmnr", HOST.llmnr6(llmnr_query("canon"))),
        ("wsd", HOST.wsd4(wsd_hello("urn:uuid:1"))),
        ("igmp3", HOST.igmp(MDNS_V4, igmp3_report(&[(MDNS_V4, Change::ToExclude, none)]))),
        ("igmp_query", HOST.igmp(MDNS_V4, igmp_query(Ipv4Addr::UNSPECIFIED, 100))),
        ("mld2", HOST.mld(ALL_NODES, mld2_report(&[(MDNS_V6, Change::ToExclude, none6)]))),
        ("nd", HOST.nd(ALL_NODES, neighbour_solicitation(HOST.v6, HOST.mac))),
        ("ra", HOST.nd(ALL_NODES, router_advertisement(1800, HOST.v6, HOST.mac))),
        ("arp", HOST.arp_announcement()),
        ("dhcp", HOST.dhcp_client(Dhcp::client(1, HOST.mac).host_name("pc").bytes())),
        (
            "dhcpv6",
            HOST.udp6(ALL_NODES, 1, &Udp::new(546, 547, dhcpv6_solicit(HOST.mac, Some("pc")))),
        ),
        ("nbns", HOST.nbns(nbns_registration("PC", HOST.v4))),
        ("nbdgm", HOST.nbdgm(nbdgm("PC", HOST.v4, b"x"))),
        ("tagged", tagged(&announcement, Tag { tpid: 0x88a8, tci: 0x2007 })),
        ("fragment4", ether4.ipv4(&v4.fragments(64)[0])),
        ("fragment6", ether6.ipv6(&v6.fragments(9, 64)[1])),
        (
            "llc",
            Ethernet::from(HOST.mac).llc(0xaa, 0xaa, 3, &[&[0; 3], &announcement[12..]].concat()),
        ),
    ])
}

/// Input of target `frame`: link type, what else is known, and the frame.
fn frames() -> Vec<(String, Vec<u8>)> {
    let input = |link: u8, how: u8, bytes: &[u8]| [&[link, how], bytes].concat();
    let mut seeds: Vec<_> =
        ethernet().into_iter().map(|(name, frame)| (name, input(0, 0, &frame))).collect();
    let packet = &HOST.mdns4(canon().announcement())[14..];
    let mac = HOST.mac.0;
    let cooked = [&[0, 2, 0, 1, 0, 6], &mac[..], &[0, 0, 8, 0], packet].concat();
    let cooked2 = [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 2, 6], &mac[..], &[0, 0], packet].concat();
    // From an access point: data to a group, then LLC and SNAP.
    let wifi = [
        &[0x08, 0x02, 0, 0, 0x01, 0, 0x5e, 0, 0, 0xfb, 2, 0, 0, 0, 0, 1],
        &mac[..],
        &[0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
        packet,
    ]
    .concat();
    let radiotap = [&[0, 0, 9, 0, 2, 0, 0, 0, 0][..], &wifi].concat();
    seeds.extend(named([
        ("cooked", input(1, 0, &cooked)),
        ("cooked2", input(2, 0, &cooked2)),
        ("wifi", input(3, 0, &wifi)),
        ("radiotap", input(4, 0, &radiotap)),
        ("raw_ip", input(5, 0, packet)),
        ("bsd_loopback", input(6, 0, &[&[2, 0, 0, 0], packet].concat())),
        ("openbsd_loopback", input(7, 0, &[&[0, 0, 0, 2], packet].concat())),
        ("other_link", input(8, 0, packet)),
        ("snapped", input(0, 1, &HOST.mdns4(canon().announcement())[..90])),
        ("stripped_tag", input(0, 2, &HOST.mdns6(canon().goodbye()))),
    ]));
    seeds
}

/// Input of target `mdns`: whether it was cut, and the message.
fn messages() -> Vec<(String, Vec<u8>)> {
    let input = |how: u8, bytes: &[u8]| [&[how], bytes].concat();
    let announcement = canon().announcement();
    named([
        ("announcement", input(0, &announcement)),
        ("cut", input(1, &announcement[..announcement.len() / 2])),
        ("probe", input(0, &canon().probe())),
        ("query", input(0, &Query::browse("_ipp._tcp").bytes())),
        ("hinfo", input(0, &response([hinfo("canon.local", "ARM", "LINUX")]))),
        ("pointer_loop", input(0, &pointer_loop())),
        ("forward_pointer", input(0, &forward_pointer(HOST.v4, HOST.v6))),
        ("claims_everything", input(0, &claims_everything())),
    ])
}

fn captures() -> Vec<(String, Vec<u8>)> {
    let frames: Vec<Captured> = [HOST.arp_announcement(), HOST.mdns4(canon().probe())]
        .into_iter()
        .map(|bytes| Captured::new(Stamp(1_400_000_000_000_000_000), bytes))
        .collect();
    let mut seeds = Vec::new();
    for (name, order) in [("little", ByteOrder::Little), ("big", ByteOrder::Big)] {
        let pcap = Pcap { order, resolution: Resolution::Nano, ..Pcap::default() };
        seeds.push((format!("pcap_{name}"), pcap.write(&frames)));
        let ng = PcapNg::new(order).interface(Some("eth0")).interface_with(None, ETHERNET, 9);
        let ng = ng.frame(0, &frames[0]).frame(1, &frames[1]).simple_frame(&frames[0]);
        seeds.push((format!("pcapng_{name}"), ng.section(order).interface(None).write()));
    }
    seeds.push(("snoop".into(), snoop(&frames)));
    seeds
}

/// Recorded messages: what the kernel sends is not ours to make.
fn netlink() -> Vec<(String, Vec<u8>)> {
    let recordings = [
        ("bridge_port", include_str!("../tests/netlink/bridge_port.hex")),
        ("neighbours", include_str!("../tests/netlink/neighbours.hex")),
        ("note_link_gone", include_str!("../tests/netlink/note_link_gone.hex")),
        ("address_v6", include_str!("../tests/netlink/address_v6.hex")),
        ("veth", include_str!("../tests/netlink/veth.hex")),
        ("vlan", include_str!("../tests/netlink/vlan.hex")),
    ];
    recordings.map(|(name, text)| (name.to_owned(), octets(text))).into()
}

fn octets(text: &str) -> Vec<u8> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or(line))
        .flat_map(str::split_whitespace)
        .map(|octet| u8::from_str_radix(octet, 16).expect("a recording is in hex"))
        .collect()
}
