//! `ra_interval`: router advertisements that come too fast, and their nearest harmless neighbours.

use crate::engine_wire::Segment;
use multicast_exporter::craft::Host;
use multicast_exporter::craft::address::router_advertisement;
use multicast_exporter::detect::{Rule, Vantage};
use std::net::Ipv6Addr;
use std::sync::Arc;

const ROUTER: Host = Host::numbered(1);
const SECOND: Host = Host::numbered(2);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

fn advertise(router: Host, to: Ipv6Addr) -> Vec<u8> {
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    router.nd(to, router_advertisement(1_800, prefix, router.mac))
}

/// How often the rule was broken by frames that come so many milliseconds after the last each.
fn broken(link: Vantage, frames: impl IntoIterator<Item = (u64, Vec<u8>)>) -> u64 {
    let mut segment = Segment::new();
    segment.engine.handle_vantage(&Arc::new(link));
    for (gap, frame) in frames {
        segment.pass(gap).hear(&frame);
    }
    segment.snapshot().violations[Rule::RaInterval]
}

fn every(gap: u64, count: usize) -> Vec<(u64, Vec<u8>)> {
    vec![(gap, advertise(ROUTER, ALL_NODES)); count]
}

#[test]
fn ra_interval_is_three_seconds_less_a_tenth() {
    for (gap, expected) in [(33, 9), (2_000, 9), (2_699, 9), (2_700, 0), (3_000, 0), (16_000, 0)] {
        assert_eq!(broken(Vantage::default(), every(gap, 10)), expected, "{gap}");
    }
    let wireless = || Vantage { is_wireless: true, ..Vantage::default() };
    assert_eq!(broken(wireless(), every(2_650, 10)), 0);
    assert_eq!(broken(wireless(), every(2_649, 10)), 9);
}

#[test]
fn ra_interval_is_of_one_router_and_of_its_advertisements_to_a_group() {
    // Two routers behind one MAC, each with an address of its own, as of two VRRP groups.
    let other = Host { v6: SECOND.v6, ..ROUTER };
    for (what, second, expected) in [
        ("the same", advertise(ROUTER, ALL_NODES), 19),
        ("another router", advertise(SECOND, ALL_NODES), 0),
        ("another address", advertise(other, ALL_NODES), 0),
        ("a solicitation is answered to one", advertise(ROUTER, SECOND.v6), 0),
        ("it asks for a neighbour", ROUTER.nd(ALL_NODES, (135, vec![0; 20])), 0),
    ] {
        let frames =
            (0..10).flat_map(|_| [(1_500, advertise(ROUTER, ALL_NODES)), (1_500, second.clone())]);
        assert_eq!(broken(Vantage::default(), frames), expected, "{what}");
    }
}
