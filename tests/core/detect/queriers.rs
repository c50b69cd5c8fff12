//! Queriers and groups, from the bytes of frames to the snapshot: one row a case.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::{ALL_NODES, ALL_ROUTERS};
use multicast_exporter::craft::membership::{
    Change, igmp_query, igmp1_report, igmp2_leave, igmp2_report, igmp3_query, igmp3_report,
    mld_done, mld_query, mld_report, mld2_query, mld2_report,
};
use multicast_exporter::craft::{Host, Tag, tagged};
use multicast_exporter::detect::{AddressFamily, Membership, Querier};
use multicast_exporter::engine::Converted;
use multicast_exporter::time::Stamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const ROUTER: Host = Host::numbered(1);
const SWITCH: Host = Host::numbered(2);
const PHONE: Host = Host::numbered(8);
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ANY4: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const ANY6: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const SSDP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const MDNS6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

fn igmp2(host: Host) -> Vec<u8> {
    host.igmp(ALL_SYSTEMS, igmp_query(ANY4, 100))
}

/// Robustness 2, interval 125 s, response interval 10 s.
fn igmp3(host: Host) -> Vec<u8> {
    host.igmp(ALL_SYSTEMS, igmp3_query(ANY4, 100))
}

fn of(segment: &Segment, family: AddressFamily) -> Membership {
    segment.snapshot().health.membership[family as usize]
}

/// Heard after 10 s: frames, each with the milliseconds before it.
fn heard(frames: &[(u64, Vec<u8>)]) -> Segment {
    let mut segment = Segment::new();
    for (before, frame) in frames {
        segment.pass(*before).hear(frame);
    }
    segment
}

const STAMP: Stamp = Stamp::new(10, 0);

/// By address family: whether a query counts, and how many queriers there are.
type Asked = [(bool, u64); 2];

#[test]
fn which_queries_count_and_as_what() {
    let unnumbered = Host { v4: ANY4, v6: ANY6, ..SWITCH };
    let global = Host { v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), ..ROUTER };
    let specific = ROUTER.igmp(SSDP, igmp_query(SSDP, 10));
    let mld = |(kind, body): (u8, Vec<u8>)| ROUTER.mld(ALL_NODES, (kind, body));
    let rows: [(&str, Vec<u8>, Asked); 9] = [
        ("IGMPv1", ROUTER.igmp(ALL_SYSTEMS, igmp_query(ANY4, 0)), [(true, 1), (false, 0)]),
        ("IGMPv2", igmp2(ROUTER), [(true, 1), (false, 0)]),
        ("IGMPv3", igmp3(ROUTER), [(true, 1), (false, 0)]),
        ("a Linux bridge, 0.0.0.0", igmp2(unnumbered), [(true, 0), (false, 0)]),
        ("about one group", specific, [(false, 0), (false, 0)]),
        ("MLDv1", mld(mld_query(ANY6, 10_000)), [(false, 0), (true, 1)]),
        ("MLDv2", mld(mld2_query(ANY6, 10_000)), [(false, 0), (true, 1)]),
        ("MLD from ::", unnumbered.mld(ALL_NODES, mld2_query(ANY6, 10_000)), [(false, 0); 2]),
        ("MLD from afar", global.mld(ALL_NODES, mld2_query(ANY6, 10_000)), [(false, 0); 2]),
    ];
    for (what, frame, expected) in rows {
        let segment = heard(&[(0, frame)]);
        for (family, (is_heard, queriers)) in AddressFamily::ALL.into_iter().zip(expected) {
            let known = of(&segment, family);
            assert_eq!(known.last_query, is_heard.then_some(STAMP), "{what}");
            assert_eq!(known.queriers, queriers, "{what}");
        }
    }
}

#[test]
fn a_querier_is_believed_in_for_as_long_as_its_query_says() {
    let brief = [&[0x11, 20, 0, 0, 0, 0, 0, 0, 3, 20, 0, 0][..]].concat();
    for (what, frame, seconds) in [
        ("version 2: 255 s", igmp2(ROUTER), 255),
        ("2 x 125 s + 10 s / 2", igmp3(ROUTER), 255),
        ("3 x 20 s + 2 s / 2", ROUTER.igmp(ALL_SYSTEMS, brief), 61),
    ] {
        let mut segment = heard(&[(0, frame)]);
        for (second, queriers) in [(seconds, 1), (seconds + 1, 0)] {
            let at = segment.now().0 / 1_000_000 - 10_000;
            segment.pass(second * 1_000 - at);
            segment.engine.handle_timeout(segment.now());
            let known = of(&segment, AddressFamily::Ipv4);
            assert_eq!((known.queriers, known.last_query), (queriers, Some(STAMP)), "{what}");
        }
    }
}

#[test]
fn a_takeover_shows_two_for_a_while_and_a_conflict_for_good() {
    let mut segment = Segment::new();
    segment.hear(&igmp3(SWITCH));
    for n in 1..=5 {
        segment.pass(125_000).hear(&igmp3(ROUTER));
        // The switch yields to the lower address and is believed in for 255 s more.
        assert_eq!(of(&segment, AddressFamily::Ipv4).queriers, if n <= 2 { 2 } else { 1 }, "{n}");
    }
    let mut segment = Segment::new();
    for _ in 0..10 {
        segment.hear(&igmp3(SWITCH)).pass(60_000).hear(&igmp3(ROUTER)).pass(65_000);
        assert_eq!(of(&segment, AddressFamily::Ipv4).queriers, 2);
    }
}

#[test]
fn the_interval_is_stated_or_measured() {
    let unnumbered = Host { v4: ANY4, ..SWITCH };
    let every = |host: Host, seconds: &[u64]| -> Vec<(u64, Vec<u8>)> {
        seconds.iter().map(|second| (second * 1_000, igmp2(host))).collect()
    };
    let mixed = vec![(0, igmp2(ROUTER)), (20_000, igmp2(unnumbered)), (20_000, igmp2(ROUTER))];
    let rows = [
        ("one that says nothing", every(ROUTER, &[0]), None),
        ("one that states it", vec![(0, igmp3(ROUTER))], Some(125)),
        ("one gap may be an outage", every(ROUTER, &[0, 600]), None),
        ("measured", every(unnumbered, &[0, 31, 31, 125, 125]), Some(125)),
        ("slow", every(ROUTER, &[0, 600, 600]), Some(600)),
        ("after an outage", every(ROUTER, &[0, 125, 125, 7_200]), Some(125)),
        ("the same twice", every(ROUTER, &[0, 125, 0, 125, 0]), Some(125)),
        ("of two addresses", mixed, None),
    ];
    for (what, frames, seconds) in rows {
        let interval = of(&heard(&frames), AddressFamily::Ipv4).interval;
        assert_eq!(interval, seconds.map(Duration::from_secs), "{what}");
    }
}

#[test]
fn invented_queriers_are_sixteen() {
    let mut segment = Segment::new();
    for n in 0..1_000 {
        let host = Host::numbered(100 + n);
        segment.hear(&igmp3(host)).hear(&host.mld(ALL_NODES, mld2_query(ANY6, 10_000)));
    }
    for family in AddressFamily::ALL {
        assert_eq!(of(&segment, family).queriers, 16);
    }
}

#[test]
fn a_group_is_what_a_member_reports() {
    let group6 = MDNS6;
    let v3 = |change, sources: &[Ipv4Addr]| {
        PHONE.igmp(Ipv4Addr::new(224, 0, 0, 22), igmp3_report(&[(SSDP, change, sources)]))
    };
    let v2 = |change, sources: &[Ipv6Addr]| {
        PHONE.mld(ALL_ROUTERS, mld2_report(&[(group6, change, sources)]))
    };
    let source4 = [ROUTER.v4];
    let source6 = [ROUTER.v6];
    let rows: [(&str, Vec<u8>, [u64; 2]); 17] = [
        ("IGMPv1", PHONE.igmp(SSDP, igmp1_report(SSDP)), [1, 0]),
        ("IGMPv2", PHONE.igmp(SSDP, igmp2_report(SSDP)), [1, 0]),
        ("a leave", PHONE.igmp(ALL_SYSTEMS, igmp2_leave(SSDP)), [0, 0]),
        ("no group", PHONE.igmp(SSDP, igmp2_report(Ipv4Addr::new(10, 0, 0, 1))), [0, 0]),
        ("exclude nothing", v3(Change::IsExclude, &[]), [1, 0]),
        ("join", v3(Change::ToExclude, &[]), [1, 0]),
        ("include one", v3(Change::IsInclude, &source4), [1, 0]),
        ("include nothing", v3(Change::IsInclude, &[]), [0, 0]),
        ("leave", v3(Change::ToInclude, &[]), [0, 0]),
        ("allow", v3(Change::Allow, &source4), [1, 0]),
        ("block", v3(Change::Block, &source4), [0, 0]),
        ("MLDv1", PHONE.mld(group6, mld_report(group6)), [0, 1]),
        ("done", PHONE.mld(ALL_ROUTERS, mld_done(group6)), [0, 0]),
        ("MLDv2 join", v2(Change::ToExclude, &[]), [0, 1]),
        ("MLDv2 leave", v2(Change::ToInclude, &[]), [0, 0]),
        ("MLDv2 allow", v2(Change::Allow, &source6), [0, 1]),
        ("a query", igmp3(ROUTER), [0, 0]),
    ];
    for (what, frame, expected) in rows {
        let segment = heard(&[(0, frame)]);
        assert_eq!(
            AddressFamily::ALL.map(|family| of(&segment, family).groups),
            expected,
            "{what}"
        );
    }
}

#[test]
fn a_group_ends_260_s_after_its_last_report_whoever_leaves() {
    let mut segment = Segment::new();
    let join = |host: Host| host.igmp(SSDP, igmp2_report(SSDP));
    segment.hear(&join(PHONE)).pass(100_000).hear(&join(ROUTER));
    segment.hear(&PHONE.igmp(ALL_SYSTEMS, igmp2_leave(SSDP)));
    for (millis, groups) in [(260_000, 1), (1, 0)] {
        segment.pass(millis);
        segment.engine.handle_timeout(segment.now());
        assert_eq!(of(&segment, AddressFamily::Ipv4).groups, groups, "{millis}");
    }
}

#[test]
fn a_vlan_tag_hides_nothing() {
    let mut segment = Segment::just_started(Converted::Files);
    segment.hear(&tagged(&igmp3(ROUTER), Tag { tpid: 0x8100, tci: 0 }));
    assert_eq!(of(&segment, AddressFamily::Ipv4).queriers, 1);
}

#[test]
fn queriers_are_told_with_address_version_queries_and_interval() {
    let frames =
        [(0, igmp2(ROUTER)), (60_000, igmp2(ROUTER)), (70_000, igmp2(ROUTER)), (0, igmp3(SWITCH))];
    let told = |segment: &Segment| -> Vec<_> {
        let interval = |q: &Querier| q.interval.or(q.measured).map(|interval| interval.as_secs());
        let queriers = segment.snapshot().health.queriers;
        queriers.iter().map(|q| (q.address, q.version, q.queries, interval(q))).collect()
    };
    let router = (IpAddr::from(ROUTER.v4), 2, 3, Some(60));
    let switch = (IpAddr::from(SWITCH.v4), 3, 1, Some(125));
    let mut live = heard(&frames);
    assert_eq!(told(&live), [router, switch]);
    live.pass(261_000).hear(&PHONE.arp_announcement());
    assert_eq!(told(&live), [], "silent for longer than they said");
    // Of a file it is told what was heard in it.
    let mut file = Segment::of_file();
    for (before, frame) in &frames {
        file.pass(*before).hear(frame);
    }
    file.hear(&PHONE.igmp(SSDP, igmp2_report(SSDP)));
    file.pass(999_000).hear(&PHONE.arp_announcement());
    assert_eq!(told(&file), [router, switch]);
    assert_eq!(of(&file, AddressFamily::Ipv4).groups, 1);
}
