//! What is made by hand is right: checked against known octets, against the parser that is used
//! elsewhere, and, where it is installed, against tshark.

use super::address::{
    Dhcp, dhcpv6_solicit, neighbour_advertisement, neighbour_solicitation, router_advertisement,
    router_solicitation, solicited_node,
};
use super::host::{ALL_NODES, ALL_ROUTERS, MDNS_V4, MDNS_V6};
use super::membership::Change;
use super::*;
use crate::mac::Mac;
use crate::time::Stamp;
use simple_dns::{Packet, TYPE};
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

fn printer() -> (Host, Responder) {
    let host = Host::numbered(7);
    let ipp = Service::new("Canon MF620C. 2nd floor", "_ipp._tcp", 631).txt("ty=Canon MF620C");
    (host, Responder::new("canon", host).service(ipp).service(Service::new("c", "_x._udp", 9)))
}

/// One frame of each kind, and the protocol that tshark must see in it.
fn everything() -> Vec<(&'static str, Vec<u8>)> {
    let (host, responder) = printer();
    let peer = Host::numbered(8);
    let any = Ipv4Addr::UNSPECIFIED;
    let sources: &[Ipv4Addr] = &[peer.v4];
    let big = Query::new("a.local", TYPE::A).known(mdns::txt("b.local", &["x".repeat(255)]));
    let udp = Udp::new(5353, 5353, big.bytes());
    let v4 = Ipv4::new(host.v4, MDNS_V4).ttl(255).id(7).udp(&udp).fragments(128);
    let v6 = Ipv6::new(host.v6, MDNS_V6).hop_limit(255).udp(&udp).fragments(7, 128);
    let ethernet = Ethernet::from(host.mac).to_ip(MDNS_V4.into());
    let options = Ipv4::new(host.v4, MDNS_V4).options(&[1, 1, 1]).udp(&udp);
    let chain = Ipv6::new(host.v6, MDNS_V6).extension(60, &[1, 4, 0, 0, 0, 0]).udp(&udp);
    let tag = |tpid, tci| Tag { tpid, tci };
    let mut all = vec![
        ("mdns", host.mdns4(Query::browse("_ipp._tcp"))),
        ("mdns", host.mdns4(responder.probe())),
        ("mdns", host.mdns6(responder.announcement())),
        ("mdns", host.mdns4(responder.goodbye())),
        ("mdns", host.mdns_unicast4(peer, responder.response("_ipp._tcp"))),
        ("mdns", host.mdns4(responder.address_response())),
        ("mdns", host.mdns4(mdns::response([mdns::hinfo("canon.local", "ARM", "RTOS")]))),
        ("mdns", tagged(&host.mdns4(responder.probe()), tag(0x8100, 30))),
        ("mdns", tagged(&tagged(&host.mdns6(responder.probe()), tag(0x8100, 7)), tag(0x88a8, 30))),
        ("mdns", ethernet.ipv4(&options)),
        ("mdns", ethernet.to_ip(MDNS_V6.into()).ipv6(&chain)),
        ("ssdp", host.ssdp4(discovery::ssdp_search("ssdp:all"))),
        ("ssdp", host.ssdp6(discovery::ssdp_alive("nt", "usn", "http://10.0.0.1/", "x/1"))),
        ("ssdp", host.ssdp4(discovery::ssdp_byebye("nt", "usn"))),
        ("llmnr", host.llmnr4(discovery::llmnr_query("pc"))),
        ("llmnr", host.llmnr6(discovery::llmnr_response("pc", host.v4))),
        ("data", host.wsd4(discovery::wsd_hello("urn:uuid:1"))),
        ("data", host.wsd6(discovery::wsd_probe())),
        ("nbns", host.nbns(discovery::nbns_query("pc"))),
        ("nbns", padded(host.nbns(discovery::nbns_registration("pc", host.v4)))),
        ("nbdgm", host.nbdgm(discovery::nbdgm("pc", host.v4, &[]))),
        ("igmp", host.igmp(Ipv4Addr::new(224, 0, 0, 1), membership::igmp_query(any, 0))),
        ("igmp", host.igmp(Ipv4Addr::new(224, 0, 0, 1), membership::igmp_query(any, 100))),
        ("igmp", host.igmp(Ipv4Addr::new(224, 0, 0, 1), membership::igmp3_query(any, 100))),
        ("igmp", host.igmp(MDNS_V4, membership::igmp1_report(MDNS_V4))),
        ("igmp", host.igmp(MDNS_V4, membership::igmp2_report(MDNS_V4))),
        ("igmp", host.igmp(Ipv4Addr::new(224, 0, 0, 2), membership::igmp2_leave(MDNS_V4))),
        (
            "igmp",
            host.igmp(
                Ipv4Addr::new(224, 0, 0, 22),
                membership::igmp3_report(&[
                    (MDNS_V4, Change::ToExclude, &[]),
                    (MDNS_V4, Change::Allow, sources),
                ]),
            ),
        ),
        ("icmpv6", host.mld(ALL_NODES, membership::mld_query(Ipv6Addr::UNSPECIFIED, 1000))),
        ("icmpv6", host.mld(ALL_NODES, membership::mld2_query(Ipv6Addr::UNSPECIFIED, 1000))),
        ("icmpv6", host.mld(MDNS_V6, membership::mld_report(MDNS_V6))),
        ("icmpv6", host.mld(ALL_ROUTERS, membership::mld_done(MDNS_V6))),
        (
            "icmpv6",
            host.mld(
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16),
                membership::mld2_report(&[(MDNS_V6, Change::IsExclude, &[peer.v6])]),
            ),
        ),
        ("icmpv6", host.nd(solicited_node(peer.v6), neighbour_solicitation(peer.v6, host.mac))),
        ("icmpv6", host.nd(ALL_NODES, neighbour_advertisement(host.v6, host.mac))),
        ("icmpv6", host.nd(ALL_ROUTERS, router_solicitation(host.mac))),
        ("icmpv6", host.nd(ALL_NODES, router_advertisement(1800, peer.v6, host.mac))),
        ("arp", padded(host.arp_request(peer.v4))),
        ("arp", host.arp_reply(peer)),
        ("arp", host.arp_announcement()),
        ("dhcp", host.dhcp_client(Dhcp::client(1, host.mac).host_name("pc").bytes())),
        ("dhcp", peer.dhcp_server(Dhcp::server(2, host.mac, host.v4).bytes())),
        (
            "dhcpv6",
            host.udp6(
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2),
                1,
                &Udp::new(546, 547, dhcpv6_solicit(host.mac, Some("pc"))),
            ),
        ),
        ("stp", Ethernet::from(host.mac).to(STP).llc(0x42, 0x42, 3, &[0; 35])),
        ("data", host.unicast6(peer, &Udp::new(40_000, 40_001, *b"hello"))),
    ];
    // A fragmented packet is reassembled where tshark sees the last fragment.
    let count = v4.len();
    for (i, fragment) in v4.iter().enumerate() {
        let last = if i + 1 == count { "mdns" } else { "data" };
        all.push((last, ethernet.ipv4(fragment)));
    }
    for (i, fragment) in v6.iter().enumerate() {
        let last = if i + 1 == v6.len() { "mdns" } else { "data" };
        all.push((last, ethernet.to_ip(MDNS_V6.into()).ipv6(fragment)));
    }
    all
}

const STP: Mac = Mac([1, 0x80, 0xc2, 0, 0, 0]);

fn captured() -> Vec<Captured> {
    let stamp = |n: usize| Stamp::new(1_415_192_645, 123_456_789 + u32::try_from(n).unwrap());
    everything()
        .into_iter()
        .enumerate()
        .map(|(n, (_, frame))| Captured::new(stamp(n), frame))
        .collect()
}

/// What tshark prints for a file, a line for each frame.
fn tshark(file: &[u8], arguments: &[&str]) -> Vec<String> {
    let mut child = Command::new("tshark")
        .args(["-r", "-", "-n", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .args(["-T", "fields"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tshark is installed by make test");
    child.stdin.take().unwrap().write_all(file).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn checksum_is_that_of_rfc_1071() {
    assert_eq!(ip::checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
    assert_eq!(ip::checksum(&[&[0x00, 0x01], &[0xf2]]), !0xf201);
}

#[test]
fn a_sum_of_zero_is_sent_as_all_ones() {
    // The payload is chosen so that the sum over the rest comes to all ones.
    let (a, b) = (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into());
    let without = Udp::new(0, 0, [0, 0]).bytes(a, b);
    let sum = [without[6], without[7]];
    assert_eq!(Udp::new(0, 0, sum).bytes(a, b)[6..8], [0xff, 0xff]);
}

#[test]
fn group_addresses_lose_their_top_bits() {
    let mac = |ip: &str| group_mac(ip.parse().unwrap()).to_string();
    assert_eq!(mac("224.0.0.251"), "01:00:5e:00:00:fb");
    assert_eq!(mac("239.255.255.250"), "01:00:5e:7f:ff:fa");
    assert_eq!(mac("ff02::1:3"), "33:33:00:01:00:03");
    assert_eq!(mac("255.255.255.255"), "ff:ff:ff:ff:ff:ff");
}

#[test]
fn the_outer_tag_is_the_one_added_last() {
    let frame = Ethernet::from(Mac([2, 0, 0, 0, 0, 1])).frame(0x0800, &[0x45]);
    let inner = tagged(&frame, Tag { tpid: 0x8100, tci: 7 });
    let both = tagged(&inner, Tag { tpid: 0x88a8, tci: 30 });
    assert_eq!(both[12..], [0x88, 0xa8, 0, 30, 0x81, 0, 0, 7, 8, 0, 0x45]);
    assert_eq!(tagged(&[1, 2], Tag { tpid: 0x8100, tci: 7 }), [1, 2, 0x81, 0, 0, 7]);
}

#[test]
fn fragments_hold_the_whole_payload() {
    let payload: Vec<u8> = (0..100).collect();
    let packet = Ipv4::new(Ipv4Addr::LOCALHOST, MDNS_V4).payload(17, payload.clone());
    let fragments = packet.fragments(33);
    let bytes: Vec<Vec<u8>> = fragments.iter().map(Ipv4::bytes).collect();
    let flags: Vec<u16> = bytes.iter().map(|b| u16::from_be_bytes([b[6], b[7]])).collect();
    assert_eq!(flags, [0x2000, 0x2004, 0x2008, 12]);
    assert_eq!(bytes.iter().flat_map(|b| b[20..].to_vec()).collect::<Vec<_>>(), payload);
}

#[test]
fn messages_can_be_read_by_simple_dns() {
    let (_, responder) = printer();
    let announcement = responder.announcement();
    let packet = Packet::parse(&announcement).unwrap();
    // Two services of four records, and two addresses; an NSEC for each name.
    assert_eq!((packet.questions.len(), packet.answers.len()), (0, 10));
    assert_eq!(packet.additional_records.len(), 3);
    let probe = responder.probe();
    let packet = Packet::parse(&probe).unwrap();
    assert_eq!((packet.questions.len(), packet.name_servers.len()), (3, 4));
    assert!(packet.questions.iter().all(|q| q.unicast_response));
    let goodbye = responder.goodbye();
    let packet = Packet::parse(&goodbye).unwrap();
    assert!(packet.answers.iter().all(|a| a.ttl == 0));
    let response = responder.response("_ipp._tcp");
    let packet = Packet::parse(&response).unwrap();
    assert_eq!((packet.answers.len(), packet.additional_records.len()), (1, 4));
}

#[test]
fn broken_messages_are_refused_by_simple_dns() {
    assert!(Packet::parse(&mdns::pointer_loop()).is_err());
    assert!(Packet::parse(&mdns::claims_everything()).is_err());
    let forward = mdns::forward_pointer(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    assert!(Packet::parse(&forward).is_err());
    assert_eq!(&forward[12..14], [0xc0, 28]);
    assert_eq!(&forward[28..32], b"\x03box");
}

#[test]
fn the_same_input_makes_the_same_octets() {
    assert_eq!(everything(), everything());
}

#[test]
#[ignore = "tools: make test"]
fn tshark_agrees_with_every_frame() {
    let file = Pcap { resolution: Resolution::Nano, ..Pcap::default() }.write(&captured());
    let lines = tshark(
        &file,
        &["-e", "frame.protocols", "-e", "_ws.malformed", "-e", "_ws.expert.message"],
    );
    let expected = everything();
    assert_eq!(lines.len(), expected.len());
    for (n, (line, (protocol, _))) in lines.iter().zip(expected).enumerate() {
        let mut fields = line.split('\t');
        let protocols: Vec<&str> = fields.next().unwrap().split(':').collect();
        assert!(protocols.contains(&protocol), "frame {}: {protocol} not in {line}", n + 1);
        let expert = fields.collect::<String>();
        let wrong = ["checksum", "Malformed", "Bad", "illegal", "Invalid"];
        assert!(!wrong.iter().any(|w| expert.contains(w)), "frame {}: {line}", n + 1);
    }
}

#[test]
#[ignore = "tools: make test"]
fn tshark_reads_every_kind_of_file() {
    let frames = captured();
    let mut pcapng = PcapNg::new(ByteOrder::Big).interface(Some("eth0")).interface_with(
        Some("wlan0"),
        file::ETHERNET,
        9,
    );
    for (n, frame) in frames.iter().enumerate() {
        let interface = u32::from(n % 2 == 1);
        pcapng = pcapng.frame_with(interface, frame, &[(1, b"made by hand")]);
    }
    let pcapng = pcapng.section(ByteOrder::Little).interface(None).simple_frame(&frames[0]);
    let pcap = |order, resolution| Pcap { order, resolution, link: 1 }.write(&frames);
    let columns = ["-e", "frame.len", "-e", "frame.time_epoch", "-e", "frame.interface_name"];
    let line = |frame: &Captured, nanoseconds: bool, interface: &str| {
        let rest = frame.stamp.0 % 1_000_000_000;
        let rest = if nanoseconds { rest } else { rest / 1000 * 1000 };
        format!("{}\t1415192645.{rest:09}\t{interface}", frame.wire_len)
    };
    for (name, file, nanoseconds) in [
        ("little", pcap(ByteOrder::Little, Resolution::Micro), false),
        ("big", pcap(ByteOrder::Big, Resolution::Micro), false),
        ("little nano", pcap(ByteOrder::Little, Resolution::Nano), true),
        ("big nano", pcap(ByteOrder::Big, Resolution::Nano), true),
        ("snoop", snoop(&frames), false),
    ] {
        let expected: Vec<String> = frames.iter().map(|f| line(f, nanoseconds, "")).collect();
        assert_eq!(tshark(&file, &columns), expected, "{name}");
    }
    let lines = tshark(&pcapng.write(), &columns);
    assert_eq!(lines.len(), frames.len() + 1);
    for (n, (got, frame)) in lines.iter().zip(&frames).enumerate() {
        let expected =
            if n % 2 == 1 { line(frame, true, "wlan0") } else { line(frame, false, "eth0") };
        assert_eq!(*got, expected, "pcapng frame {}", n + 1);
    }
}
