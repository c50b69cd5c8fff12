//! Tests of what is said of what was heard.

use super::super::summary::tests::{Ear, us};
use super::*;
use crate::commands::finding::{Level, flat, render};
use crate::craft::membership::{igmp_query, igmp3_query, mld2_query};
use crate::craft::{Host, Query, tagged};
use crate::frame::Tag;
use crate::interfaces::Surroundings;
use std::net::{Ipv4Addr, Ipv6Addr};

const SHORT: Duration = Duration::from_mins(1);
const LONG: Duration = Duration::from_secs(260);

fn heard(frames: &[Vec<u8>]) -> Summary {
    let mut ear = Ear::new(Surroundings::default());
    ear.hear_at(0, frames);
    ear.summary()
}

pub(in crate::commands::check) fn facts(listened: Duration) -> Facts<'static> {
    Facts {
        interface: "eth0",
        backend: Backend::Ring,
        listened,
        counted: listened,
        has_v6: true,
        dropped: Some(0),
        error: None,
    }
}

fn browse() -> Vec<u8> {
    Query::browse("_ipp._tcp").bytes()
}

fn text(facts: &Facts<'_>, frames: &[Vec<u8>]) -> String {
    flat(&findings(facts, &heard(frames)))
}

#[test]
fn a_lan_with_all_there_is() {
    let (a, b) = (Host::numbered(7), Host::numbered(8));
    let frames = [
        a.mdns4(browse()),
        b.mdns6(browse()),
        a.igmp(Ipv4Addr::new(224, 0, 0, 1), igmp3_query(Ipv4Addr::UNSPECIFIED, 100)),
        a.mld(crate::craft::host::ALL_NODES, mld2_query(Ipv6Addr::UNSPECIFIED, 10_000)),
        tagged(&a.mdns4(browse()), Tag { tpid: 0x8100, tci: 20 }),
    ];
    let found = findings(&facts(SHORT), &heard(&frames));
    assert!(found.iter().all(|finding| finding.level == Level::Ok), "{found:?}");
    assert_eq!(
        render(&found),
        "
Heard on eth0
  ok       2 other devices; frames: mdns 3, igmp 1, mld 1
  ok       mDNS over IPv4 and IPv6
  ok       IGMP querier: 10.53.0.7, version 3, every 125 s
  ok       MLD querier: fe80::200:5eff:fe00:7, version 2, every 125 s
  ok       tags of 1 VLAN without an interface here, counted as eth0.20
"
    );
}

#[test]
fn silence() {
    assert_eq!(
        render(&findings(&facts(SHORT), &heard(&[]))),
        "
Heard on eth0
  hint     nothing in 60 s, not even from this machine
           -> is the cable in, and the port in the right VLAN? A NAT (container,
              virtual machine), port isolation or Wi-Fi client isolation keeps
              other devices out
  hint     no IGMP or MLD query in 60 s; the usual interval is 125 s, so this is
           a hint, not proof
           -> to be sure, listen longer:
           $ multicast_exporter check --check.listen=260s
           -> without a querier, switches that snoop forget who is in which
              group, and multicast stops arriving after some minutes: enable the
              querier on the router or a switch
"
    );
}

#[test]
fn only_ourselves() {
    let found = findings(&facts(SHORT), &heard(&[us().mdns4(browse()), us().mdns6(browse())]));
    assert_eq!(found[0].level, Level::Hint);
    assert_eq!(found[0].text, "no other device in 60 s: 2 frames from this machine only");
    assert!(!flat(&found).contains("mDNS"), "our own mDNS says nothing about the LAN");
}

#[test]
fn mdns_of_one_family() {
    let other = Host::numbered(7);
    let found = findings(&facts(SHORT), &heard(&[other.mdns4(browse())]));
    assert_eq!((found[1].level, found[1].text.as_str()), (Level::Hint, "mDNS over IPv4 only"));
    assert!(flat(&found).contains("MLD snooping withholds"));
    let without = Facts { has_v6: false, ..facts(SHORT) };
    let found = findings(&without, &heard(&[other.mdns4(browse())]));
    assert!(flat(&found).contains("has no IPv6 address on eth0"));
    let found = findings(&facts(SHORT), &heard(&[other.mdns6(browse())]));
    assert_eq!((found[1].level, found[1].text.as_str()), (Level::Hint, "mDNS over IPv6 only"));
    let found = findings(&facts(SHORT), &heard(&[other.ssdp4("")]));
    assert_eq!(
        (found[1].level, found[1].text.as_str()),
        (Level::Hint, "no mDNS from others in 60 s")
    );
}

#[test]
fn no_querier_is_said_for_sure_after_twice_the_interval() {
    let other = Host::numbered(7);
    let query = igmp_query(Ipv4Addr::UNSPECIFIED, 100);
    let frames = [other.igmp(Ipv4Addr::new(224, 0, 0, 1), query)];
    let found = text(&facts(LONG), &frames);
    assert!(found.contains("IGMP querier: 10.53.0.7, version 2 hint"), "{found}");
    assert!(found.contains("no MLD query in 260 s, twice the usual interval"), "{found}");
    assert!(!found.contains("--check.listen"), "{found}");
    assert!(text(&facts(SHORT), &frames).contains("a hint, not proof"));
}

#[test]
fn queriers_of_our_own_and_without_an_address() {
    let query = || igmp_query(Ipv4Addr::UNSPECIFIED, 100);
    let all = Ipv4Addr::new(224, 0, 0, 1);
    let own = text(&facts(SHORT), &[us().igmp(all, query())]);
    assert!(own.contains("IGMP querier: this machine, version 2"), "{own}");
    let nobody = Host { v4: Ipv4Addr::UNSPECIFIED, ..Host::numbered(7) };
    let snooper = text(&facts(SHORT), &[nobody.igmp(all, query())]);
    assert!(snooper.contains("IGMP querier: a switch without an address"), "{snooper}");
}

#[test]
fn the_socket_backend_cannot_hear_queriers_or_tags() {
    let socket = Facts { backend: Backend::Socket, ..facts(SHORT) };
    let found = text(&socket, &[Host::numbered(7).mdns4(browse())]);
    assert!(!found.contains("query") && !found.contains("VLAN"), "{found}");
    assert!(text(&socket, &[]).contains("what the firewall lets through"));
}

#[test]
fn drops_conversions_and_a_capture_that_ended() {
    let mut converted = Host::numbered(7).mdns4(browse());
    converted[..6].copy_from_slice(&us().mac.0);
    let facts = Facts { dropped: Some(5), error: Some("interface eth0 is gone"), ..facts(SHORT) };
    let found = findings(&facts, &heard(&[converted]));
    assert_eq!(found[0].level, Level::Problem);
    let text = flat(&found);
    assert!(text.contains("PROBLEM the capture ended: interface eth0 is gone"), "{text}");
    assert!(text.contains("1 multicast frame came in unicast frames"), "{text}");
    assert!(text.contains("the kernel dropped 5 frames -> raise --capture.ring-size"));
}

#[test]
fn many_vlans_are_not_all_named() {
    let frame = Host::numbered(7).mdns4(browse());
    let frames: Vec<_> = (1..=20).map(|tci| tagged(&frame, Tag { tpid: 0x8100, tci })).collect();
    let found = text(&facts(SHORT), &frames);
    assert!(found.contains("tags of 20 VLANs"), "{found}");
    assert!(found.contains("eth0.16 and 4 more"), "{found}");
    assert!(!found.contains("eth0.17"), "{found}");
}
