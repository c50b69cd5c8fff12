//! Tests of the summary, with frames made by hand that go through a pipeline.

use super::*;
use crate::commands::test_settings;
use crate::craft::membership::{igmp_query, igmp3_query, mld2_query};
use crate::craft::{Host, Query, Responder, tagged};
use crate::frame::{Batch, Direction, FrameMeta, LinkType, Slot, Tag};
use crate::interfaces::{Surroundings, Vlan};
use crate::pipeline::Pipeline;
use crate::time::clock::Reading;
use crate::time::{Stamp, Time};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_NODES: Ipv6Addr = crate::craft::host::ALL_NODES;

/// A second of the LAN.
const fn at(second: u64) -> Reading {
    let wall = Stamp((1_700_000_000 + second as i128) * 1_000_000_000);
    Reading { monotonic: Time(second * 1_000_000_000), wall }
}

/// One capture that listens.
pub(in crate::commands::check) struct Ear {
    pipeline: Pipeline,
    local: Local,
}

impl Ear {
    pub(in crate::commands::check) fn new(around: Surroundings) -> Self {
        let mut pipeline = Pipeline::live(test_settings(), "eth0", around, at(0));
        let local = Local { macs: vec![us().mac], addresses: vec![us().v4.into()] };
        pipeline.handle_local(&Arc::new(local.clone()));
        Self { pipeline, local }
    }

    pub(in crate::commands::check) fn hear_at(&mut self, second: u64, frames: &[Vec<u8>]) {
        for bytes in frames {
            self.hear_as(second, bytes, LinkType::Ethernet, Direction::Unknown);
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.hear_as(0, bytes, LinkType::Ethernet, Direction::Unknown);
    }

    fn hear_as(&mut self, second: u64, bytes: &[u8], link: LinkType, direction: Direction) {
        let reading = at(second);
        let wire_len = u32::try_from(bytes.len()).unwrap();
        let (stamp, stripped_tag) = (reading.wall, None);
        let meta = FrameMeta { stamp, interface: 0, link, stripped_tag, direction, wire_len };
        let slots = [Slot { meta, start: 0, len: bytes.len() }];
        self.pipeline.handle_live(&Batch::new(bytes, &slots, &[]), reading, Duration::ZERO);
    }

    pub(in crate::commands::check) fn views(&mut self) -> Vec<SegmentView> {
        self.pipeline.views()
    }

    pub(in crate::commands::check) fn summary(&mut self) -> Summary {
        Summary::new(&self.views(), &self.local)
    }
}

pub(in crate::commands::check) fn us() -> Host {
    Host::numbered(1)
}

fn browse() -> Vec<u8> {
    Query::browse("_ipp._tcp").bytes()
}

fn querier(summary: &Summary, family: AddressFamily) -> (Querier, bool) {
    let [asking] = summary.queriers(family)[..] else { panic!("{summary:?}") };
    (asking.querier, asking.own)
}

#[test]
fn nothing_is_complete_before_all_was_heard() {
    let mut ear = Ear::new(Surroundings::default());
    let other = Host::numbered(7);
    let frames = [
        other.mdns4(browse()),
        other.mdns6(browse()),
        other.igmp(ALL_HOSTS, igmp3_query(Ipv4Addr::UNSPECIFIED, 100)),
        other.mld(ALL_NODES, mld2_query(Ipv6Addr::UNSPECIFIED, 10_000)),
    ];
    for frame in &frames {
        assert!(!ear.summary().is_complete(true));
        ear.hear(frame);
    }
    let heard = ear.summary();
    assert!(heard.is_complete(true));
    assert_eq!((heard.frames, heard.devices, heard.is_least), (4, 1, false));
    assert_eq!(heard.mdns, [true, true]);
    let ((igmp, own4), (mld, own6)) =
        (querier(&heard, AddressFamily::Ipv4), querier(&heard, AddressFamily::Ipv6));
    assert_eq!((igmp.address, igmp.version, own4), (other.v4.into(), 3, false));
    assert_eq!((mld.address, mld.version, own6), (other.v6.into(), 2, false));
    assert_eq!(heard.protocols(), [(Protocol::Mdns, 2), (Protocol::Igmp, 1), (Protocol::Mld, 1)]);
}

#[test]
fn without_raw_frames_queriers_are_not_waited_for() {
    let mut ear = Ear::new(Surroundings::default());
    ear.hear(&Host::numbered(7).mdns4(browse()));
    ear.hear(&Host::numbered(7).mdns6(browse()));
    let heard = ear.summary();
    assert!(heard.is_complete(false) && !heard.is_complete(true));
}

#[test]
fn our_own_frames_are_no_other_device() {
    let mut ear = Ear::new(Surroundings::default());
    ear.hear(&us().mdns4(browse()));
    // Sent for another host, as by a bridge or a virtual machine on it.
    let other = Host::numbered(9).mdns4(browse());
    ear.hear_as(0, &other, LinkType::Ethernet, Direction::Outgoing);
    // No MAC: known by its address.
    ear.hear_as(0, &us().mdns4(browse())[14..], LinkType::RawIp, Direction::Unknown);
    let heard = ear.summary();
    assert_eq!((heard.frames, heard.devices, heard.mdns), (3, 0, [false, false]));
    assert_eq!(heard.protocols(), []);
    ear.hear_as(0, &other[14..], LinkType::RawIp, Direction::Unknown);
    let heard = ear.summary();
    assert_eq!((heard.devices, heard.mdns), (1, [true, false]));
}

#[test]
fn our_own_query_gives_way_to_anothers() {
    let mut ear = Ear::new(Surroundings::default());
    let query = || igmp_query(Ipv4Addr::UNSPECIFIED, 100);
    ear.hear(&us().igmp(ALL_HOSTS, query()));
    assert!(querier(&ear.summary(), AddressFamily::Ipv4).1);
    ear.hear(&Host::numbered(7).igmp(ALL_HOSTS, query()));
    ear.hear(&us().igmp(ALL_HOSTS, query()));
    let (querier, own) = querier(&ear.summary(), AddressFamily::Ipv4);
    assert_eq!((own, querier.version), (false, 2));
    assert_eq!(querier.interval, None);
}

#[test]
fn a_question_about_one_group_is_no_querier() {
    let mut ear = Ear::new(Surroundings::default());
    let group = Ipv4Addr::new(224, 0, 0, 251);
    ear.hear(&Host::numbered(7).igmp(group, igmp_query(group, 10)));
    assert_eq!(ear.summary().queriers(AddressFamily::Ipv4), Vec::<&Asking>::new());
}

#[test]
fn a_querier_of_a_vlan_is_told_with_it() {
    let mut ear = Ear::new(Surroundings::default());
    let query = Host::numbered(7).igmp(ALL_HOSTS, igmp_query(Ipv4Addr::UNSPECIFIED, 100));
    for tci in [20, 30] {
        ear.hear(&tagged(&query, Tag { tpid: 0x8100, tci }));
    }
    let heard = ear.summary();
    let [asking] = heard.queriers(AddressFamily::Ipv4)[..] else { panic!("once: {heard:?}") };
    assert_eq!(asking.vlan.as_deref(), Some("eth0.20"));
}

#[test]
fn vlans_are_those_without_a_device() {
    let device = Vlan { protocol: 0x8100, id: 30 };
    let mut ear = Ear::new(Surroundings { devices: vec![device], ..Surroundings::default() });
    assert_eq!(ear.views().len(), 1, "the untagged one");
    let frame = Host::numbered(7).mdns4(browse());
    for tci in [0, 30, 20, 10, 20] {
        ear.hear(&tagged(&frame, Tag { tpid: 0x8100, tci }));
    }
    let heard = ear.summary();
    assert_eq!(heard.vlans, ["eth0.20", "eth0.10"]);
    assert_eq!(heard.frames, 4, "30 is counted on its own device");
    assert_eq!(heard.devices, 1, "one device in three segments");
}

#[test]
fn multicast_in_unicast_frames() {
    let mut ear = Ear::new(Surroundings::default());
    let mut frame =
        Host::numbered(7).mdns4(Responder::new("canon", Host::numbered(7)).announcement());
    frame[..6].copy_from_slice(&us().mac.0);
    ear.hear(&frame);
    let heard = ear.summary();
    assert_eq!((heard.converted, heard.devices, heard.mdns), (1, 1, [true, false]));
}

#[test]
fn invented_addresses_are_bounded() {
    let mut ear = Ear::new(Surroundings::default());
    for n in 0..5000 {
        ear.hear(&Host::numbered(1000 + n).mdns4(browse()));
    }
    let heard = ear.summary();
    assert!((50..=100).contains(&heard.devices) && heard.is_least, "{}", heard.devices);
    assert_eq!((heard.frames, heard.protocols()), (5000, vec![(Protocol::Mdns, 5000)]));
}
