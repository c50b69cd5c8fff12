//! What a storm is about, beside its cause: frames of one device go in, its storm's detail comes
//! out.

use crate::engine_wire::Segment;
use multicast_exporter::craft::address::{Dhcp, neighbour_solicitation, solicited_node};
use multicast_exporter::craft::discovery::{llmnr_query, ssdp_search};
use multicast_exporter::craft::mdns::{Query, Responder, address, response};
use multicast_exporter::craft::{Host, Udp};
use multicast_exporter::mac::Mac;
use std::net::{Ipv4Addr, Ipv6Addr};

const HOST: Host = Host::numbered(7);

/// Hears so many frames a second, for so many seconds.
fn flood(segment: &mut Segment, rate: u64, seconds: u64, frame: impl Fn(u64) -> Vec<u8>) {
    for n in 0..rate * seconds {
        segment.hear(&frame(n)).pass_micros(1_000_000 / rate);
    }
    let now = segment.now();
    segment.engine.handle_timeout(now);
}

/// The cause of the host's storm and what it is about.
fn told(rate: u64, frame: impl Fn(u64) -> Vec<u8>) -> (&'static str, Option<String>) {
    let mut segment = Segment::new();
    flood(&mut segment, rate, 40, frame);
    let storm = segment.device(HOST).and_then(|device| device.storm).expect("a storm");
    assert_eq!(storm.detail.latest(), storm.detail.told());
    (storm.culprit.cause(), storm.detail.latest().map(str::to_owned))
}

#[test]
fn a_storm_says_which_name_address_or_destination_it_is_about() {
    let gone = Ipv4Addr::new(10, 53, 0, 222);
    let gone6 = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
    let solicitation = HOST.nd(solicited_node(gone6), neighbour_solicitation(gone6, HOST.mac));
    let record = response([address("printer.local", HOST.v4.into())]);
    let probe = Responder::with_addresses("box", &[HOST.v4.into()]).probe();
    let discover = HOST.dhcp_client(Dhcp::client(1, HOST.mac).bytes());
    let broadcast = HOST.udp4(Ipv4Addr::BROADCAST, 64, &Udp::new(9_003, 9_003, *b"x"));
    let query = Query::browse("_ipp._tcp").bytes();
    for (frame, rate, cause, detail) in [
        (HOST.arp_request(gone), 300, "address_repeat", Some("10.53.0.222")),
        (solicitation, 300, "address_repeat", Some("fe80::9")),
        (HOST.mdns4(record), 100, "repeated_response", Some("printer.local")),
        (HOST.mdns4(query), 100, "query_flood", Some("_ipp._tcp.local")),
        (HOST.mdns4(probe), 100, "probe_loop", Some("box.local")),
        (discover, 100, "dhcp_flood", Some("client 00:00:5e:00:00:07")),
        (HOST.ssdp4(ssdp_search("ssdp:all")), 100, "discovery_flood", Some("239.255.255.250:1900")),
        (HOST.llmnr4(llmnr_query("wpad")), 100, "discovery_flood", Some("224.0.0.252:5355")),
        (broadcast, 100, "unclassified", Some("255.255.255.255:9003")),
    ] {
        let is = told(rate, |_| frame.clone());
        assert_eq!(is, (cause, detail.map(str::to_owned)), "{cause}");
    }
    let scan = |n| HOST.arp_request(Ipv4Addr::from_bits(0x0a36_0000 + u32::try_from(n).unwrap()));
    assert_eq!(told(300, scan), ("address_scan", None), "each frame is about another");
}

#[test]
fn a_name_that_changes_is_the_latest_and_for_metrics_that_of_the_minute() {
    let mut segment = Segment::new();
    flood(&mut segment, 100, 60, |n| {
        let name = format!("homeassistant{}", 2_752 + n);
        HOST.mdns4(Responder::with_addresses(&name, &[HOST.v4.into()]).probe())
    });
    let storm = segment.device(HOST).and_then(|device| device.storm).expect("a storm");
    assert_eq!(storm.culprit.cause(), "rename_loop");
    let number = |name: Option<&str>| {
        let number = name?.strip_prefix("homeassistant")?.strip_suffix(".local")?;
        number.parse::<u64>().ok().map(|number| number - 2_752)
    };
    // Written with the first frame of a second.
    assert_eq!(number(storm.detail.latest()), Some(5_900));
    assert!(number(storm.detail.told()).is_some_and(|n| n < 2_000), "{:?}", storm.detail);
}

#[test]
fn a_flood_of_invented_senders_says_how_many() {
    let mut segment = Segment::new();
    segment.pass(30_000);
    flood(&mut segment, 1_250, 20, |n| {
        let [.., a, b, c] = n.to_be_bytes();
        Host::new(Mac([2, 0, 0, a, b, c]), HOST.v4).arp_request(Ipv4Addr::new(10, 53, 0, 1))
    });
    let storm = segment.snapshot().segment_storm.expect("a storm");
    assert_eq!(storm.culprit.cause(), "invented_senders");
    // There are rows for 2,000.
    let detail = storm.detail.latest().expect("numbers");
    assert_eq!(detail, "1250 new senders a second, 1250 evicted a second");
}
