//! Tests of the tally, with frames made by hand.

use super::*;
use crate::craft::membership::{igmp_query, igmp3_query, mld2_query};
use crate::craft::{Host, Query, Responder, tagged};
use crate::decode::decode;
use crate::frame::{Direction, Frame, FrameMeta, LinkType, Tag};
use crate::interfaces::Vlan;
use crate::segment::Sharing;
use crate::time::Stamp;
use std::net::{Ipv4Addr, Ipv6Addr};

const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_NODES: Ipv6Addr = crate::craft::host::ALL_NODES;

fn tally(around: Surroundings) -> Tally {
    let own = Own { macs: vec![us().mac], addresses: vec![us().v4.into()] };
    Tally::new("eth0", around, &Labels::new(Sharing::Never, 128), own)
}

fn us() -> Host {
    Host::numbered(1)
}

fn hear_as(tally: &mut Tally, bytes: &[u8], link: LinkType, direction: Direction) {
    let wire_len = u32::try_from(bytes.len()).unwrap();
    let meta = FrameMeta {
        stamp: Stamp::default(),
        interface: 0,
        link,
        stripped_tag: None,
        direction,
        wire_len,
    };
    tally.handle(&decode(&Frame { meta, bytes }));
}

fn hear(tally: &mut Tally, bytes: &[u8]) {
    hear_as(tally, bytes, LinkType::Ethernet, Direction::Unknown);
}

fn browse() -> Vec<u8> {
    Query::browse("_ipp._tcp").bytes()
}

#[test]
fn nothing_is_complete_before_all_was_heard() {
    let mut tally = tally(Surroundings::default());
    let other = Host::numbered(7);
    let frames = [
        other.mdns4(browse()),
        other.mdns6(browse()),
        other.igmp(ALL_HOSTS, igmp3_query(Ipv4Addr::UNSPECIFIED, 100)),
        other.mld(ALL_NODES, mld2_query(Ipv6Addr::UNSPECIFIED, 10_000)),
    ];
    for frame in &frames {
        assert!(!tally.is_complete(true));
        hear(&mut tally, frame);
    }
    assert!(tally.is_complete(true));
    assert_eq!((tally.frames(), tally.devices(), tally.mdns()), (4, 1, (true, true)));
    let (igmp, mld) = (tally.igmp().unwrap(), tally.mld().unwrap());
    assert_eq!((igmp.address, igmp.version, igmp.own), (other.v4.into(), 3, false));
    assert_eq!((mld.address, mld.version, mld.own), (other.v6.into(), 2, false));
    assert_eq!(tally.protocols(), [(Protocol::Mdns, 2), (Protocol::Igmp, 1), (Protocol::Mld, 1)]);
}

#[test]
fn without_raw_frames_queriers_are_not_waited_for() {
    let mut tally = tally(Surroundings::default());
    hear(&mut tally, &Host::numbered(7).mdns4(browse()));
    hear(&mut tally, &Host::numbered(7).mdns6(browse()));
    assert!(tally.is_complete(false) && !tally.is_complete(true));
}

#[test]
fn our_own_frames_are_no_other_device() {
    let mut tally = tally(Surroundings::default());
    hear(&mut tally, &us().mdns4(browse()));
    // Sent for somebody else, as by a bridge or a virtual machine on it.
    let other = Host::numbered(9).mdns4(browse());
    hear_as(&mut tally, &other, LinkType::Ethernet, Direction::Outgoing);
    // No MAC: known by its address.
    hear_as(&mut tally, &us().mdns4(browse())[14..], LinkType::RawIp, Direction::Unknown);
    assert_eq!((tally.frames(), tally.devices(), tally.mdns()), (3, 0, (false, false)));
    assert_eq!(tally.protocols(), []);
    hear_as(&mut tally, &other[14..], LinkType::RawIp, Direction::Unknown);
    assert_eq!((tally.devices(), tally.mdns()), (1, (true, false)));
}

#[test]
fn our_own_query_gives_way_to_anothers() {
    let mut tally = tally(Surroundings::default());
    let query = || igmp_query(Ipv4Addr::UNSPECIFIED, 100);
    hear(&mut tally, &us().igmp(ALL_HOSTS, query()));
    assert!(tally.igmp().unwrap().own);
    hear(&mut tally, &Host::numbered(7).igmp(ALL_HOSTS, query()));
    hear(&mut tally, &us().igmp(ALL_HOSTS, query()));
    let querier = tally.igmp().unwrap();
    assert_eq!((querier.own, querier.version), (false, 2));
    assert_eq!(querier.interval, Duration::ZERO);
}

#[test]
fn a_question_about_one_group_is_no_querier() {
    let mut tally = tally(Surroundings::default());
    let group = Ipv4Addr::new(224, 0, 0, 251);
    hear(&mut tally, &Host::numbered(7).igmp(group, igmp_query(group, 10)));
    assert_eq!(tally.igmp(), None);
}

#[test]
fn vlans_are_those_without_a_device() {
    let device = Vlan { protocol: 0x8100, id: 30 };
    let mut tally = tally(Surroundings { devices: vec![device], ..Surroundings::default() });
    assert!(tally.take_new_segment(), "the untagged one");
    let frame = Host::numbered(7).mdns4(browse());
    for tci in [0, 30, 20, 10, 20] {
        hear(&mut tally, &tagged(&frame, Tag { tpid: 0x8100, tci }));
    }
    assert_eq!(tally.vlans(), ["eth0.20", "eth0.10"]);
    assert_eq!(tally.frames(), 4, "30 is counted on its own device");
    assert!(tally.take_new_segment() && !tally.take_new_segment());
}

#[test]
fn multicast_in_unicast_frames() {
    let mut tally = tally(Surroundings::default());
    let mut frame =
        Host::numbered(7).mdns4(Responder::new("canon", Host::numbered(7)).announcement());
    frame[..6].copy_from_slice(&us().mac.0);
    hear(&mut tally, &frame);
    assert_eq!((tally.converted(), tally.devices(), tally.mdns()), (1, 1, (true, false)));
}

#[test]
fn invented_addresses_are_bounded() {
    let mut tally = tally(Surroundings::default());
    for n in 0..5000 {
        hear(&mut tally, &Host::numbered(1000 + n).mdns4(browse()));
    }
    assert_eq!((tally.devices(), tally.frames()), (DEVICES_MAX, 5000));
}
