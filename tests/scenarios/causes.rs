//! One scenario for each cause of storms, and the nearest that is harmless.

use super::{Expected, GADGET, NOTHING, PARTNER, Scenario, Script, gadget, mac, other};
use multicast_exporter::craft::address::{Dhcp, router_advertisement};
use multicast_exporter::craft::discovery::{llmnr_query, nbns_query, ssdp_alive, ssdp_search};
use multicast_exporter::craft::host::ALL_NODES;
use multicast_exporter::craft::mdns::{Query, Responder, Service, address, response};
use multicast_exporter::craft::membership::{Change, igmp3_report};
use multicast_exporter::craft::{Host, Udp};
use multicast_exporter::mac::Mac;
use multicast_exporter::simulation::Member;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// For how long faults last, in seconds.
const LONG: u64 = 60;
/// A storm of the gadget with this cause.
macro_rules! gadget_storms {
    ($cause:literal) => {
        Expected { storms: &[(GADGET.mac, "storm", $cause)], ..NOTHING }
    };
}
/// Of the gadget and its partner.
macro_rules! both_storm {
    ($cause:literal) => {
        Expected {
            storms: &[(PARTNER.mac, "storm", $cause), (GADGET.mac, "storm", $cause)],
            ..NOTHING
        }
    };
}

/// The scenarios.
#[rustfmt::skip]
pub(super) const ALL: &[Scenario] = &[
    Scenario::new("stuck_printer", "The founding story: after ten quiet minutes the printer locks up, repeats its A record 200 times a second for five, then is silent.",
        Expected { storms: &[(mac(Member::Printer), "storm", "repeated_response")], broken: Some((mac(Member::Printer), "record_interval")), ..NOTHING }, stuck_printer)
        .lasting(Duration::from_mins(18)),
    Scenario::new("l2_loop", "Three frames of three devices go round in the switches.",
        Expected {
            storms: &[(mac(Member::Printer), "storm", "l2_loop"), (mac(Member::Television), "storm", "l2_loop"), (mac(Member::Windows), "storm", "l2_loop")],
            segment: Some("l2_loop"), ..NOTHING
        }, l2_loop),
    Scenario::new("l2_loop_harmless", "Three devices send a frame twice within a second, as their protocols ask them to.", NOTHING, l2_loop_harmless),
    Scenario::new("reflection", "Two reflectors pass one response to and fro.", both_storm!("reflection"), reflection),
    Scenario::new("reflection_harmless", "Two devices ask the same question at the same time.", NOTHING, reflection_harmless),
    Scenario::new("name_conflict", "Two devices claim one host name and defend it against each other.", both_storm!("name_conflict"), name_conflict),
    Scenario::new("name_conflict_harmless", "A device gets another address and says so.", NOTHING, name_conflict_harmless),
    Scenario::new("rename_loop", "A device tries homeassistant2752, homeassistant2753 and so on.", gadget_storms!("rename_loop"), rename_loop),
    Scenario::new("rename_loop_harmless", "The hub restarts and probes the thirty names of its accessories.", NOTHING, |s| s.lan.plug_in(Member::Hub, s.start)),
    Scenario::new("probe_loop", "A device probes for one name for ever and never announces it.", gadget_storms!("probe_loop"), probe_loop),
    Scenario::new("probe_loop_chatty", "The same 20 times a second, for seven minutes.",
        Expected { storms: &[(GADGET.mac, "chatty", "probe_loop")], ..NOTHING }, probe_loop_chatty)
        .lasting(Duration::from_mins(11)),
    Scenario::new("probe_loop_harmless", "A device boots: three probes, two announcements.", NOTHING, |s| { s.start += Duration::from_mins(1); s.boot(GADGET, &gadget()); }),
    Scenario::new("ping_pong", "Two devices ask for each other without a pause, each as soon as it has an answer.", both_storm!("ping_pong"), ping_pong),
    Scenario::new("ping_pong_harmless", "A question is asked after 1, 2, 4 and 8 s and answered each time.", NOTHING, ping_pong_harmless),
    Scenario::new("answering", "A device asks again as soon as it has an answer; who answers is not to blame.",
        Expected { storms: &[(PARTNER.mac, "chatty", "answering"), (GADGET.mac, "storm", "ping_pong")], ..NOTHING }, answering),
    Scenario::new("answering_burst", "Six devices ask the same fourteen times every five seconds, another answers each time.",
        Expected {
            storms: &[
                (PARTNER.mac, "chatty", "answering"),
                (other(61).mac, "chatty", "query_flood"), (other(62).mac, "chatty", "query_flood"), (other(63).mac, "chatty", "query_flood"),
                (other(64).mac, "chatty", "query_flood"), (other(65).mac, "chatty", "query_flood"), (other(66).mac, "chatty", "query_flood"),
            ],
            ..NOTHING
        }, answering_burst)
        .lasting(Duration::from_mins(10)),
    Scenario::new("answering_legacy", "A program asks for a service 12 times a second from a port of its own; three boards multicast their answers.",
        Expected {
            storms: &[
                (other(61).mac, "chatty", "answering"), (other(62).mac, "chatty", "answering"), (other(63).mac, "chatty", "answering"),
                (GADGET.mac, "chatty", "query_flood"),
            ],
            ..NOTHING
        }, answering_legacy)
        .lasting(Duration::from_mins(10)),
    Scenario::new("answering_legacy_harmless", "A program asks for a service from a port of its own, with gaps that double.", NOTHING, answering_legacy_harmless),
    Scenario::new("answering_harmless", "Forty devices ask for a service, each with gaps that double, and are answered each time.", NOTHING, answering_harmless),
    Scenario::new("goodbye_flapping", "A record is withdrawn and announced in turns.", gadget_storms!("goodbye_flapping"), goodbye_flapping),
    Scenario::new("goodbye_flapping_harmless", "A device says goodbye and comes back, once.", NOTHING, goodbye_flapping_harmless),
    Scenario::new("record_churn", "A counter in a TXT record is announced at each step.", gadget_storms!("record_churn"), record_churn),
    Scenario::new("record_churn_harmless", "A TXT record changes five times in a minute.", NOTHING, record_churn_harmless),
    Scenario::new("repeated_response", "A device sends one response over and over, unasked.", gadget_storms!("repeated_response"), repeated_response),
    Scenario::new("repeated_response_harmless", "A device is asked by many and answers once in two seconds.", NOTHING, repeated_response_harmless),
    Scenario::new("query_flood", "A device asks one question over and over.", gadget_storms!("query_flood"), query_flood),
    Scenario::new("query_flood_harmless", "A question is asked with gaps that double.", NOTHING, query_flood_harmless),
    Scenario::new("discovery_flood", "A device searches over SSDP without a pause.", gadget_storms!("discovery_flood"), discovery_flood),
    Scenario::new("discovery_flood_harmless", "A device searches four times, a second apart, and notifies twice.", NOTHING, discovery_flood_harmless),
    Scenario::new("address_repeat", "A device asks for an address that is gone, 400 times a second.", gadget_storms!("address_repeat"), address_repeat),
    Scenario::new("address_repeat_harmless", "A device whose gateway is gone asks for it once a second.", NOTHING, address_repeat_harmless),
    Scenario::new("address_scan", "A device asks for all addresses of a /16, 400 a second.", gadget_storms!("address_scan"), address_scan),
    Scenario::new("address_scan_harmless", "A device asks for all addresses of a /24 in five seconds.", NOTHING, address_scan_harmless),
    Scenario::new("router_advertisements", "A router advertises itself 100 times a second.", gadget_storms!("router_advertisements"), |s| s.repeat(LONG, 100, |_| advertisement())),
    Scenario::new("router_advertisements_harmless", "A router answers solicitations, each 3 s.", NOTHING, router_advertisements_harmless),
    Scenario::new("dhcp_flood", "A device asks for an address without a pause.", gadget_storms!("dhcp_flood"), dhcp_flood),
    Scenario::new("dhcp_flood_harmless", "A device asks for an address four times, with gaps that double.", NOTHING, dhcp_flood_harmless),
    Scenario::new("membership_flood", "A device reports its groups without a pause.", gadget_storms!("membership_flood"), membership_flood),
    Scenario::new("membership_flood_harmless", "A device joins twenty groups at once, twice.", NOTHING, membership_flood_harmless),
    Scenario::new("stream", "A device streams 2,000 packets a second where 1,000 are allowed.", gadget_storms!("stream"), stream).allowing_other(1_000),
    Scenario::new("stream_harmless", "The same where no limit is set for streams, as by default.", NOTHING, stream),
    Scenario::new("unclassified", "A device broadcasts what no decoder knows.", gadget_storms!("unclassified"), unclassified),
    Scenario::new("unclassified_harmless", "The same once a second.", NOTHING, unclassified_harmless),
    Scenario::new("one_device", "One device asks 2,000 questions a second.",
        Expected { storms: &[(GADGET.mac, "storm", "query_flood")], segment: Some("one_device"), ..NOTHING }, |s| s.repeat(LONG / 3, 2_000, |_| question())),
    Scenario::new("invented_senders", "Each of 1,500 frames a second has a sender of its own.",
        Expected { segment: Some("invented_senders"), ..NOTHING }, |s| s.repeat(LONG, 1_500, |n| broadcast(invented(n)))),
    Scenario::new("many_devices", "Thirty devices broadcast 45 frames a second each: none floods, the segment does.",
        Expected { segment: Some("many_devices"), ..NOTHING }, |s| s.repeat(LONG, 1_350, |n| broadcast(other(60 + u8::try_from(n % 30).unwrap_or(0))))),
];

fn stuck_printer(script: &mut Script) {
    let from = Duration::from_mins(10);
    script.lan.lock_up(Member::Printer, from, from + Duration::from_mins(5), 200);
}

fn looping(n: u64) -> Vec<u8> {
    let (printer, tv, pc) =
        (Member::Printer.host(), Member::Television.host(), Member::Windows.host());
    match n % 3 {
        0 => printer.mdns4(response([address("A1CA45000000.local", printer.v4.into())])),
        1 => tv.ssdp4(ssdp_search("ssdp:all")),
        _ => pc.llmnr4(llmnr_query("wpad")),
    }
}

fn l2_loop(script: &mut Script) {
    script.repeat(LONG / 2, 1_500, looping);
}

fn l2_loop_harmless(script: &mut Script) {
    let (tv, pc, nas) = (Member::Television.host(), Member::Windows.host(), Member::Nas.host());
    for at in [0, 600] {
        script.send(at, tv.ssdp4(ssdp_search("ssdp:all")));
        script.send(at, pc.nbns(nbns_query("oldserver")));
        script.send(at, nas.llmnr4(llmnr_query("wpad")));
    }
}

fn reflection(script: &mut Script) {
    // The camera is far from announcing anything itself; one answer of it goes round.
    let camera = Member::Camera.host();
    let message = response([address("axis-00408c530032.local", camera.v4.into())]);
    script.send(0, camera.mdns4(message.clone()));
    script.start += Duration::from_millis(5);
    script.repeat(LONG, 200, |n| {
        let host = if n % 2 == 0 { GADGET } else { PARTNER };
        host.mdns4(message.clone())
    });
}

fn reflection_harmless(script: &mut Script) {
    for at in [0, 1_000, 3_000, 7_000] {
        for host in [GADGET, PARTNER] {
            script.send(at, host.mdns4(Query::browse("_ipp._tcp")));
        }
    }
}

fn name_conflict(script: &mut Script) {
    script.repeat(LONG, 200, |n| {
        let host = if n % 2 == 0 { GADGET } else { PARTNER };
        host.mdns4(response([address("box.local", host.v4.into())]))
    });
}

fn name_conflict_harmless(script: &mut Script) {
    script.boot(GADGET, &gadget());
    let moved = Host { v4: Ipv4Addr::new(10, 0, 1, 97), ..GADGET };
    script.send(0, moved.arp_announcement());
    for at in [500, 1_520] {
        let record = address("gadget.local", moved.v4.into());
        script.send(at, moved.mdns4(response([record])));
    }
}

fn rename_loop(script: &mut Script) {
    script.repeat(LONG, 100, |n| {
        let name = format!("homeassistant{}", 2_752 + n);
        GADGET.mdns4(Responder::with_addresses(&name, &[GADGET.v4.into()]).probe())
    });
}

fn probe() -> Vec<u8> {
    GADGET.mdns4(Responder::with_addresses("gadget", &[GADGET.v4.into()]).probe())
}

fn probe_loop(script: &mut Script) {
    script.repeat(LONG, 100, |_| probe());
}

fn probe_loop_chatty(script: &mut Script) {
    script.repeat(7 * 60, 20, |_| probe());
}

fn ping_pong(script: &mut Script) {
    let ask = |host: Host, name| host.mdns4(Query::new(name, simple_dns::TYPE::A));
    let answer = |host: Host, name| host.mdns4(response([address(name, host.v4.into())]));
    script.repeat(LONG, 200, |n| match n % 4 {
        0 => ask(GADGET, "partner.local"),
        1 => answer(PARTNER, "partner.local"),
        2 => ask(PARTNER, "gadget.local"),
        _ => answer(GADGET, "gadget.local"),
    });
}

fn answering(script: &mut Script) {
    let answer = response([address("partner.local", PARTNER.v4.into())]);
    script.repeat(LONG, 200, |n| match n % 2 {
        0 => GADGET.mdns4(Query::new("partner.local", simple_dns::TYPE::A)),
        _ => PARTNER.mdns4(answer.clone()),
    });
}

/// The answer to who browses for it.
fn partner() -> Vec<u8> {
    let service = Service::new("Partner", "_gadget._tcp", 80).txt("state=0");
    let partner = Responder::with_addresses("partner", &[PARTNER.v4.into()]).service(service);
    PARTNER.mdns4(partner.response("_gadget._tcp"))
}

fn answering_burst(script: &mut Script) {
    for burst in 0..90 {
        for (asker, delay) in (61..=66).zip((0..).step_by(310)) {
            for n in 0..14 {
                let at = burst * 5_000 + delay + n * 60;
                script.send(at, other(asker).mdns4(Query::browse("_gadget._tcp")));
                script.send(at + 4, partner());
            }
        }
    }
}

/// A question of the gadget from a port of its own (RFC 6762 section 6.7).
fn legacy_question() -> Vec<u8> {
    let query = Query::browse("_gadget._tcp").id(7).bytes();
    GADGET.udp4(Ipv4Addr::new(224, 0, 0, 251), 255, &Udp::new(41_000, 5_353, query))
}

/// The answer of one of three boards, which have a service each.
fn board(n: u8) -> Vec<u8> {
    let name = format!("board-{n}");
    let service = Service::new(&name, "_gadget._tcp", 80).txt("state=0");
    let board = Responder::with_addresses(&name, &[other(n).v4.into()]).service(service);
    other(n).mdns4(board.response("_gadget._tcp"))
}

fn answering_legacy(script: &mut Script) {
    for n in 0..7 * 60 * 12 {
        script.send(n * 83, legacy_question());
        for (board_number, delay) in (61..=63).zip(3..) {
            script.send(n * 83 + delay, board(board_number));
        }
    }
}

fn answering_legacy_harmless(script: &mut Script) {
    for at in [0, 1_000, 3_000, 7_000, 15_000] {
        script.send(at, legacy_question());
        for (board_number, delay) in (61..=63).zip((20..).step_by(15)) {
            script.send(at + delay, board(board_number));
        }
    }
}

fn answering_harmless(script: &mut Script) {
    for (asker, delay) in (10..50).zip((0..).step_by(73)) {
        for at in [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000] {
            script.send(delay + at, other(asker).mdns4(Query::browse("_gadget._tcp")));
            script.send(delay + at + 40, partner());
        }
    }
}

fn ping_pong_harmless(script: &mut Script) {
    let answer = response([address("partner.local", PARTNER.v4.into())]);
    for at in [0, 1_000, 3_000, 7_000, 15_000] {
        script.send(at, GADGET.mdns4(Query::new("partner.local", simple_dns::TYPE::A)));
        script.send(at + 10, PARTNER.mdns4(answer.clone()));
    }
}

fn goodbye_flapping(script: &mut Script) {
    script.repeat(LONG, 100, |n| {
        let responder = Responder::with_addresses("gadget", &[GADGET.v4.into()]);
        let message = if n % 2 == 0 { responder.goodbye() } else { responder.announcement() };
        GADGET.mdns4(message)
    });
}

fn goodbye_flapping_harmless(script: &mut Script) {
    script.boot(GADGET, &gadget());
    script.say(0, gadget().goodbye());
    script.start += Duration::from_secs(70);
    script.boot(GADGET, &gadget());
}

fn state(n: u64) -> Vec<u8> {
    let name = r"Gadget._gadget._tcp.local";
    GADGET.mdns4(response([multicast_exporter::craft::mdns::txt(name, &[format!("state={n}")])]))
}

fn record_churn(script: &mut Script) {
    script.repeat(LONG, 100, |n| state(n + 1));
}

fn record_churn_harmless(script: &mut Script) {
    script.boot(GADGET, &gadget());
    for n in 0..5 {
        script.send(n * 12_300, state(n + 1));
    }
}

fn repeated_response(script: &mut Script) {
    let frame = GADGET.mdns4(gadget().announcement());
    script.repeat(LONG, 100, |_| frame.clone());
}

fn repeated_response_harmless(script: &mut Script) {
    script.boot(GADGET, &gadget());
    for n in 0..10 {
        let asker = other(60 + u8::try_from(n).unwrap_or(0));
        script.send(n * 2_000, asker.mdns4(Query::browse("_gadget._tcp")));
        script.say(n * 2_000 + 60, gadget().response("_gadget._tcp"));
    }
}

fn question() -> Vec<u8> {
    GADGET.mdns4(Query::browse("_nobody._tcp"))
}

fn query_flood(script: &mut Script) {
    script.repeat(LONG, 100, |_| question());
}

fn query_flood_harmless(script: &mut Script) {
    for at in [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000] {
        script.send(at, question());
    }
}

fn search() -> Vec<u8> {
    GADGET.ssdp4(ssdp_search("ssdp:all"))
}

fn discovery_flood(script: &mut Script) {
    script.repeat(LONG, 100, |_| search());
}

fn discovery_flood_harmless(script: &mut Script) {
    for n in 0..4 {
        script.send(n * 1_000, search());
    }
    for n in 0..2 {
        let usn = "uuid:1::upnp:rootdevice";
        let alive = ssdp_alive("upnp:rootdevice", usn, "http://10.0.1.99/", "Gadget/1");
        script.send(10_000 + n * 300, GADGET.ssdp4(alive));
    }
}

fn address_repeat(script: &mut Script) {
    script.repeat(LONG, 400, |_| GADGET.arp_request(Ipv4Addr::new(10, 0, 1, 222)));
}

fn address_repeat_harmless(script: &mut Script) {
    script.repeat(LONG, 1, |_| GADGET.arp_request(Ipv4Addr::new(10, 0, 1, 222)));
}

fn advertisement() -> Vec<u8> {
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    GADGET.nd(ALL_NODES, router_advertisement(1_800, prefix, GADGET.mac))
}

fn router_advertisements_harmless(script: &mut Script) {
    for n in 0..20 {
        script.send(n * 3_000, advertisement());
    }
}

fn address_scan(script: &mut Script) {
    script.repeat(LONG, 400, |n| {
        let [.., a, b] = n.to_be_bytes();
        GADGET.arp_request(Ipv4Addr::new(10, 0, a, b))
    });
}

fn address_scan_harmless(script: &mut Script) {
    for last in 1..=254 {
        let frame = GADGET.arp_request(Ipv4Addr::new(10, 0, 1, last));
        script.send(u64::from(last) * 20, frame);
    }
}

fn discover() -> Vec<u8> {
    GADGET.dhcp_client(Dhcp::client(1, GADGET.mac).host_name("gadget").bytes())
}

fn dhcp_flood(script: &mut Script) {
    script.repeat(LONG, 100, |_| discover());
}

fn dhcp_flood_harmless(script: &mut Script) {
    for at in [0, 4_000, 12_000, 28_000] {
        script.send(at, discover());
    }
}

fn report(group: u8) -> Vec<u8> {
    let record = (Ipv4Addr::new(239, 10, 2, group), Change::ToExclude, &[][..]);
    GADGET.igmp(Ipv4Addr::new(224, 0, 0, 22), igmp3_report(&[record]))
}

fn membership_flood(script: &mut Script) {
    script.repeat(LONG, 100, |_| report(1));
}

fn membership_flood_harmless(script: &mut Script) {
    for n in 0..40 {
        script.send(n * 10, report(u8::try_from(n % 20).unwrap_or(0)));
    }
}

fn stream(script: &mut Script) {
    script.repeat(LONG, 2_000, |_| {
        GADGET.udp4(Ipv4Addr::new(239, 10, 1, 9), 4, &Udp::new(5004, 5004, vec![0x80; 200]))
    });
}

fn broadcast(host: Host) -> Vec<u8> {
    host.udp4(Ipv4Addr::BROADCAST, 64, &Udp::new(9_999, 9_999, *b"here I am"))
}

fn invented(n: u64) -> Host {
    let [.., a, b, c] = n.to_be_bytes();
    Host::new(Mac([2, 0, 0, a, b, c]), Ipv4Addr::new(10, a, b, c))
}

fn unclassified(script: &mut Script) {
    script.repeat(LONG, 100, |_| broadcast(GADGET));
}

fn unclassified_harmless(script: &mut Script) {
    script.repeat(LONG, 1, |_| broadcast(GADGET));
}
