//! The rules of SSDP, LLMNR and WS-Discovery: messages in numbers that break exactly what their
//! row says, and their nearest harmless neighbours. A row is named after the rule it is about.

use crate::engine_wire::Segment;
use multicast_exporter::craft::discovery::{
    llmnr_query, llmnr_response, ssdp_alive, ssdp_byebye, ssdp_search, wsd_hello, wsd_probe,
};
use multicast_exporter::craft::host::LLMNR_V4;
use multicast_exporter::craft::{Ethernet, Host, Ipv4, Udp};
use multicast_exporter::detect::{Counts, Rule};

const HOST: Host = Host::numbered(7);
const PEER: Host = Host::numbered(8);
const RULES: [Rule; 5] =
    [Rule::SsdpBurst, Rule::SsdpRepeat, Rule::LlmnrRepeat, Rule::LlmnrAnswer, Rule::WsdRepeat];

/// Frames, each so many milliseconds after the one before.
type Frames = Vec<(u64, Vec<u8>)>;

/// How often [`HOST`] breaks each of [`RULES`] by these frames.
fn counts(frames: &Frames) -> [u64; 5] {
    let mut segment = Segment::new();
    for (gap, frame) in frames {
        segment.pass(*gap).hear(frame);
    }
    let all = segment.snapshot().violations;
    let own = segment.device(HOST).and_then(|device| device.violations);
    RULES.map(|rule| {
        let own = own.as_ref().map_or(0, |counts| counts[rule]);
        assert_eq!(own, all[rule], "{}", rule.id());
        own
    })
}

fn times(count: usize, gap: u64, frame: &[u8]) -> Frames {
    vec![(gap, frame.to_vec()); count]
}

/// `count` frames that differ.
fn each(count: usize, gap: u64, frame: impl Fn(usize) -> Vec<u8>) -> Frames {
    (0..count).map(|n| (gap, frame(n))).collect()
}

fn alive(n: usize) -> Vec<u8> {
    let kind = format!("urn:x:service:{n}:1");
    let usn = format!("uuid:7::{kind}");
    HOST.ssdp4(ssdp_alive(&kind, &usn, "http://10.53.0.7/d.xml", "x/1"))
}

fn search(n: usize) -> Vec<u8> {
    HOST.ssdp4(ssdp_search(&format!("urn:x:device:{n}:1")))
}

/// A set of ten notifications, sent so often, so many milliseconds apart.
fn sets(count: usize, pause: u64) -> Frames {
    let set = |n: usize| {
        let mut set = each(10, 5, alive);
        set[0].0 = if n == 0 { 0 } else { pause };
        set
    };
    (0..count).flat_map(set).collect()
}

fn llmnr(id: u16, host: &str) -> Vec<u8> {
    let mut query = llmnr_query(host);
    query[..2].copy_from_slice(&id.to_be_bytes());
    query
}

fn hello(id: usize) -> Vec<u8> {
    let text = String::from_utf8(wsd_hello("urn:uuid:7")).expect("text");
    text.replace("000000005353", &format!("{id:012}")).into_bytes()
}

fn rows() -> Vec<(&'static str, Frames, [u64; 5])> {
    let windows = || -> Frames {
        let both = [(0, HOST.llmnr4(llmnr(9, "wpad"))), (0, HOST.llmnr6(llmnr(9, "wpad")))];
        [both.clone(), both.map(|(_, frame)| (410, frame))].concat()
    };
    let response = llmnr_response("host", HOST.v4);
    let to_group = HOST.udp4(LLMNR_V4, 255, &Udp::new(5355, 5355, response.clone()));
    let udp = Udp::new(5355, 54_321, response);
    let to_one = Ethernet::from(HOST.mac).to(PEER.mac).ipv4(&Ipv4::new(HOST.v4, PEER.v4).udp(&udp));
    let byebye = HOST.ssdp4(ssdp_byebye("upnp:rootdevice", "uuid:7::upnp:rootdevice"));
    let located = |n| {
        let location = format!("http://10.53.0.{n}/d.xml");
        HOST.ssdp4(ssdp_alive("upnp:rootdevice", "uuid:7", &location, "x/1"))
    };
    let v6 = |n: usize| {
        let text = ssdp_search(&format!("urn:x:device:{}:1", n / 2));
        if n.is_multiple_of(2) { HOST.ssdp4(text) } else { HOST.ssdp6(text) }
    };
    vec![
        ("ssdp_burst: eleven alive", each(11, 5, alive), [1, 0, 0, 0, 0]),
        ("ssdp_burst: eleven searches", each(11, 5, search), [1, 0, 0, 0, 0]),
        ("ssdp_burst: thirty searches", each(30, 5, search), [20, 0, 0, 0, 0]),
        ("ssdp_burst: eleven in 190 ms", each(11, 19, search), [1, 0, 0, 0, 0]),
        ("ssdp_burst: eleven in 200 ms", each(11, 20, search), [0; 5]),
        ("ssdp_burst: ten at once", each(10, 0, alive), [0; 5]),
        ("ssdp_burst: ten of each", [each(10, 5, alive), each(10, 5, search)].concat(), [0; 5]),
        ("ssdp_burst: ten by each family", each(20, 5, v6), [0; 5]),
        (
            "ssdp_burst: a browser",
            [times(4, 20, &search(1)), times(4, 1_000, &search(1))].concat(),
            [0; 5],
        ),
        ("ssdp_burst: a boot, ten notifications thrice", sets(3, 300), [0; 5]),
        ("ssdp_repeat: four sets", sets(4, 300), [0, 10, 0, 0, 0]),
        ("ssdp_repeat: one of them", times(6, 1_000, &alive(0)), [0, 3, 0, 0, 0]),
        ("ssdp_repeat: a goodbye", times(4, 100, &byebye), [0, 1, 0, 0, 0]),
        ("ssdp_repeat: thrice", times(3, 1_000, &alive(0)), [0; 5]),
        (
            "ssdp_repeat: thrice, refreshed",
            [
                sets(3, 300),
                sets(3, 300)
                    .into_iter()
                    .enumerate()
                    .map(|(n, (gap, frame))| (if n == 0 { 25_000 } else { gap }, frame))
                    .collect(),
            ]
            .concat(),
            [0; 5],
        ),
        ("ssdp_repeat: a location each", each(6, 300, located), [0; 5]),
        ("ssdp_repeat: searches", times(20, 300, &search(0)), [0; 5]),
        ("llmnr_repeat: four", times(4, 100, &HOST.llmnr4(llmnr(9, "wpad"))), [0, 0, 1, 0, 0]),
        (
            "llmnr_repeat: four, a second apart",
            times(4, 1_000, &HOST.llmnr4(llmnr(9, "wpad"))),
            [0, 0, 1, 0, 0],
        ),
        (
            "llmnr_repeat: in any case",
            each(4, 100, |n| HOST.llmnr4(llmnr(9, if n < 2 { "WPAD" } else { "wpad" }))),
            [0, 0, 1, 0, 0],
        ),
        ("llmnr_repeat: three", times(3, 100, &HOST.llmnr4(llmnr(9, "wpad"))), [0; 5]),
        ("llmnr_repeat: Windows, twice by both families", windows(), [0; 5]),
        (
            "llmnr_repeat: four queries",
            each(4, 100, |n| HOST.llmnr4(llmnr(u16::try_from(n).expect("small"), "wpad"))),
            [0; 5],
        ),
        (
            "llmnr_repeat: four names",
            each(4, 100, |n| HOST.llmnr4(llmnr(9, &format!("host{n}")))),
            [0; 5],
        ),
        (
            "llmnr_repeat: the id comes back",
            times(8, 6_000, &HOST.llmnr4(llmnr(9, "wpad"))),
            [0; 5],
        ),
        ("llmnr_answer: to the group", vec![(0, to_group)], [0, 0, 0, 1, 0]),
        ("llmnr_answer: to one", vec![(0, HOST.llmnr4(llmnr(9, "wpad"))), (10, to_one)], [0; 5]),
        ("wsd_repeat: five copies", times(5, 250, &HOST.wsd4(hello(1))), [0, 0, 0, 0, 1]),
        ("wsd_repeat: seven, slowly", times(7, 10_000, &HOST.wsd4(wsd_probe())), [0, 0, 0, 0, 3]),
        ("wsd_repeat: four copies", times(4, 250, &HOST.wsd4(hello(1))), [0; 5]),
        ("wsd_repeat: an id each", each(20, 50, |n| HOST.wsd4(hello(n))), [0; 5]),
        (
            "wsd_repeat: four by each family",
            [times(4, 90, &HOST.wsd4(hello(1))), times(4, 90, &HOST.wsd6(hello(1)))].concat(),
            [0; 5],
        ),
        ("wsd_repeat: no id", times(9, 90, &HOST.wsd4(b"<a/>".to_vec())), [0; 5]),
    ]
}

#[test]
fn messages_break_what_their_row_says() {
    for (name, frames, expected) in rows() {
        assert_eq!(counts(&frames), expected, "{name}");
    }
}

#[test]
fn every_rule_of_another_protocol_is_broken_by_a_row_and_kept_by_another() {
    let rows = rows();
    for (place, rule) in RULES.iter().enumerate() {
        let about = format!("{}: ", rule.id());
        let mut own = rows.iter().filter(|(name, ..)| name.starts_with(&about));
        assert!(own.clone().any(|(.., counts)| counts[place] > 0), "{about}");
        assert!(own.any(|(.., counts)| counts[place] == 0), "{about}");
    }
    // Those of RFC 6762, RFC 6763 and of routers have files of their own.
    let elsewhere = |rule: &Rule| {
        ["RFC 6762", "RFC 6763", "RFC 4861"].iter().any(|rfc| rule.source().starts_with(rfc))
    };
    let others = Rule::ALL.iter().filter(|rule| !elsewhere(rule));
    assert_eq!(others.copied().collect::<Vec<_>>(), RULES);
}

#[test]
fn two_devices_are_two() {
    let mut segment = Segment::new();
    for n in 0..6 {
        let host = if n % 2 == 0 { HOST } else { PEER };
        segment.pass(100).hear(&host.wsd4(hello(1))).hear(&host.llmnr4(llmnr(9, "wpad")));
    }
    assert_eq!(segment.snapshot().violations, Counts::default());
}
