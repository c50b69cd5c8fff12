//! Frames that are nobody's doing, each with the nearest that is somebody's: loops beside devices that
//! repeat themselves, and relays beside relays at work.

use super::{Expected, GADGET, NOTHING, PARTNER, Scenario, Script, mac, other};
use multicast_exporter::craft::discovery::ssdp_search;
use multicast_exporter::craft::mdns::{Query, Responder, address, response};
use multicast_exporter::craft::{Ethernet, Host, Ipv4, Udp};
use multicast_exporter::simulation::Member;
use std::net::Ipv4Addr;
use std::time::Duration;

/// For how long faults last, in seconds.
const LONG: u64 = 60;
/// Devices that all repeat one thing.
const MANY: u8 = 20;

/// The scenarios.
#[rustfmt::skip]
pub(super) const ALL: &[Scenario] = &[
    Scenario::new("l2_loop_arp", "Address requests of two hosts go round alone, in a ring of bridges.",
        Expected { storms: &[(PARTNER.mac, "storm", "l2_loop"), (GADGET.mac, "storm", "l2_loop")], segment: Some("l2_loop"), ..NOTHING }, l2_loop_arp),
    Scenario::new("l2_loop_arp_harmless", "Two hosts look for two gateways that are gone, as a host does.", NOTHING, l2_loop_arp_harmless),
    Scenario::new("l2_loop_decoys", "A device floods, and five that belong to it repeat a frame six times a second.",
        Expected { storms: &[(GADGET.mac, "storm", "query_flood")], ..NOTHING }, l2_loop_decoys)
        .having(&[(one_of(3).mac, "address_repeat"), (one_of(4).mac, "address_repeat")]),
    Scenario::new("l2_loop_many", "Twenty devices that have just come each ask one thing 60 times a second.",
        Expected { storms: MANY_STORMS, segment: Some("many_devices"), ..NOTHING }, l2_loop_many),
    Scenario::new("repeated_response_by_three", "Three printers of one kind lock up and repeat a response over IPv6 500 times a second each.",
        Expected {
            storms: &[
                (other(41).mac, "storm", "repeated_response"), (other(42).mac, "storm", "repeated_response"),
                (other(43).mac, "storm", "repeated_response"),
            ],
            segment: Some("many_devices"), ..NOTHING
        }, repeated_response_by_three),
    Scenario::new("reflection_relay", "A relay passes discovery by broadcasts back to where it came from, and who asked asks again.",
        Expected { storms: &[(PARTNER.mac, "chatty", "answering"), (GADGET.mac, "storm", "reflection")], ..NOTHING }, reflection_relay)
        .having(&[(GADGET.mac, "reflection")]),
    Scenario::new("reflection_of_a_flooder", "A device repeats its address 100 times a second, and a reflector passes each on.",
        Expected {
            storms: &[(GADGET.mac, "storm", "repeated_response"), (PARTNER.mac, "storm", "reflection")],
            broken: Some((GADGET.mac, "record_interval")), ..NOTHING
        }, reflection_of_a_flooder),
    Scenario::new("reflection_relay_harmless", "A relay passes each question on once.", NOTHING, reflection_relay_harmless),
];

/// One of [`MANY`].
const fn one_of(n: u8) -> Host {
    other(21 + n)
}

/// What each of them does by itself.
const MANY_STORMS: &[(multicast_exporter::mac::Mac, &str, &str)] = &{
    let mut storms = [(mac(Member::Printer), "storm", "query_flood"); MANY as usize];
    let mut n = 0;
    while n < MANY {
        let cause = if n % 2 == 0 { "query_flood" } else { "discovery_flood" };
        storms[n as usize] = (one_of(n).mac, "storm", cause);
        n += 1;
    }
    storms
};

fn l2_loop_arp(script: &mut Script) {
    // Two of three go round the shorter way.
    script.repeat(LONG, 1_500, |n| {
        let host = if n % 3 == 0 { PARTNER } else { GADGET };
        host.arp_request(Ipv4Addr::new(10, 0, 1, 222))
    });
}

fn l2_loop_arp_harmless(script: &mut Script) {
    script.repeat(LONG, 2, |n| {
        let host = if n % 2 == 0 { PARTNER } else { GADGET };
        host.arp_request(Ipv4Addr::new(10, 0, 1, 222))
    });
}

fn l2_loop_decoys(script: &mut Script) {
    script.repeat(LONG, 300, |_| GADGET.mdns4(Query::browse("_googlecast._tcp")));
    for n in 0..5 {
        let decoy = one_of(n);
        script.start += Duration::from_millis(3);
        script.repeat(LONG, 6, |_| {
            if n < 3 {
                decoy.mdns4(Responder::new(&format!("decoy{n}"), decoy).goodbye())
            } else {
                decoy.arp_request(Ipv4Addr::new(10, 0, 1, 222))
            }
        });
    }
}

fn l2_loop_many(script: &mut Script) {
    script.repeat(LONG, 60 * u64::from(MANY), |n| {
        let n = u8::try_from(n % u64::from(MANY)).expect("few");
        let host = one_of(n);
        if n % 2 == 0 {
            host.mdns4(Query::browse(&format!("_many{n}._tcp")))
        } else {
            host.ssdp4(ssdp_search("ssdp:all"))
        }
    });
}

fn repeated_response_by_three(script: &mut Script) {
    script.repeat(LONG, 1_500, |n| {
        let printer = other(41 + u8::try_from(n % 3).expect("few"));
        let name = format!("printer-{}", printer.v4.octets()[3]);
        printer.mdns6(Responder::new(&name, printer).address_response())
    });
}

/// A broadcast of `by` in the name of the partner.
fn passed_on(by: Host, ttl: u8, question: &[u8]) -> Vec<u8> {
    let udp = Udp::new(51_234, 9_003, question);
    let packet = Ipv4::new(PARTNER.v4, Ipv4Addr::BROADCAST).ttl(ttl).udp(&udp);
    Ethernet::from(by.mac).ipv4(&packet)
}

fn reflection_relay(script: &mut Script) {
    script.repeat(LONG, 90, |_| passed_on(PARTNER, 64, b"who is there"));
    script.start += Duration::from_millis(2);
    script.repeat(LONG, 90, |_| passed_on(GADGET, 63, b"who is there"));
}

fn reflection_of_a_flooder(script: &mut Script) {
    let message = response([address("gadget.local", GADGET.v4.into())]);
    let copy = message.clone();
    script.repeat(60, 100, |_| GADGET.mdns4(message.clone()));
    script.start += Duration::from_micros(700);
    script.repeat(60, 100, |_| PARTNER.mdns4(copy.clone()));
}

fn reflection_relay_harmless(script: &mut Script) {
    script.repeat(LONG, 2, |n| passed_on(PARTNER, 64, &n.to_be_bytes()));
    script.start += Duration::from_millis(2);
    script.repeat(LONG, 2, |n| passed_on(GADGET, 63, &n.to_be_bytes()));
}
