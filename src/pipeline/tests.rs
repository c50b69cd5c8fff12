//! What a pipeline makes of the interfaces that batches name.

mod runs;

use super::*;
use crate::craft::Host;
use crate::engine::{Config, Converted};
use crate::frame::{Direction, FrameMeta, LinkType, Slot};
use crate::segment::Sharing;
use crate::storm::EndReason;

fn files() -> Pipeline {
    let engine = Config { converted: Converted::Files, ..Config::for_tests(10_000) };
    let labels = Labels::new(Sharing::Same, 128);
    Pipeline::file(Settings {
        engine,
        key: HashKey([1, 2, 3, 4]),
        labels,
        lans: Arc::default(),
        policy: usual_policy(),
        evidence: None,
    })
}

fn name(name: impl Into<String>) -> InterfaceName {
    InterfaceName { name: Some(name.into()) }
}

/// An ARP announcement for each interface and second.
fn hear(pipeline: &mut Pipeline, names: &[InterfaceName], frames: &[(u32, i64)]) {
    let bytes = Host::numbered(7).arp_announcement();
    let slot = |&(interface, second): &(u32, i64)| Slot {
        meta: FrameMeta {
            stamp: Stamp::new(1_700_000_000 + second, 0),
            interface,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: 60,
        },
        start: 0,
        len: bytes.len(),
    };
    let slots: Vec<Slot> = frames.iter().map(slot).collect();
    pipeline.handle_file(&Batch::new(&bytes, &slots, names));
}

/// Labels with their frames.
fn frames(pipeline: &mut Pipeline) -> Vec<(String, u64)> {
    let views = pipeline.views();
    views.iter().map(|view| (view.label.to_string(), view.snapshot.frames)).collect()
}

#[test]
fn interfaces_of_files_have_segments_once_they_are_heard() {
    let mut pipeline = files();
    let names = [name("a"), name("b"), name("a"), InterfaceName { name: None }];
    hear(&mut pipeline, &names, &[]);
    assert_eq!(frames(&mut pipeline), []);
    hear(&mut pipeline, &names, &[(2, 0), (0, 0), (3, 0)]);
    assert_eq!(frames(&mut pipeline), [("a".into(), 2), ("capture".into(), 1)]);
}

#[test]
fn frames_of_an_interface_that_was_never_named_are_counted() {
    let mut pipeline = files();
    hear(&mut pipeline, &[name("a")], &[(0, 0), (9, 0), (u32::MAX, 0)]);
    assert_eq!(frames(&mut pipeline), [("a".into(), 1), ("capture".into(), 2)]);
}

#[test]
fn a_file_cannot_make_as_many_segments_as_it_names_interfaces() {
    let mut pipeline = files();
    let names: Vec<_> = (0..65_536).map(|number| name(format!("if{number}"))).collect();
    let heard: Vec<_> = (0..65_536).map(|interface| (interface, 0)).collect();
    hear(&mut pipeline, &names, &heard);
    hear(&mut pipeline, &names, &heard[..2000]);
    let frames = frames(&mut pipeline);
    assert_eq!(frames.len(), FILE_INTERFACES_MAX + 1);
    assert_eq!(frames[0], ("if0".into(), 2));
    let further = 65_536 + 2000 - 2 * FILE_INTERFACES_MAX as u64;
    assert_eq!(frames[FILE_INTERFACES_MAX], ("other".into(), further));
}

#[test]
fn a_silent_segment_of_a_file_closes_its_seconds_while_another_speaks() {
    let mut pipeline = files();
    let names = [name("a"), name("b")];
    hear(&mut pipeline, &names, &[(0, 0), (1, 0)]);
    hear(&mut pipeline, &names, &[(0, 30)]);
    let closed = |view: &SegmentView| view.snapshot.per_second.counts.iter().sum();
    assert_eq!(pipeline.views().iter().map(closed).collect::<Vec<u64>>(), [30, 30]);
}

/// As many ARP announcements in one second of each interface.
fn flood(pipeline: &mut Pipeline, names: &[InterfaceName], interfaces: &[u32], second: i64) {
    for interface in interfaces {
        hear(pipeline, names, &vec![(*interface, second); 6_000]);
    }
}

fn storms(pipeline: &mut Pipeline) -> impl Iterator<Item = StormNews> {
    std::iter::from_fn(|| pipeline.poll_output()).map(|output| match output {
        Output::Storm(news) => news,
        Output::Recording(_) => unreachable!("no evidence is kept"),
    })
}

fn news(pipeline: &mut Pipeline) -> Vec<(String, &'static str)> {
    storms(pipeline)
        .map(|news| {
            let what = match news.event {
                StormEvent::Began(_) => "began",
                StormEvent::Rose(_) => "rose",
                StormEvent::Explained(_) => "explained",
                StormEvent::Changed(_) => "changed",
                StormEvent::Ended(_) => "ended",
            };
            assert!(news.identity.is_some());
            (news.label.to_string(), what)
        })
        .collect()
}

#[test]
fn storms_are_told_once_by_segment_and_held_to_its_limits() {
    let mut pipeline = files();
    let calm = |pipeline: &mut Pipeline, label: &'static str| {
        let mut off = StormPolicy::default();
        off.limits.address = None;
        let off = Arc::new(off);
        let expecting: PolicyOf =
            Arc::new(
                move |of: &Label| {
                    if &**of == label { Arc::clone(&off) } else { Arc::default() }
                },
            );
        pipeline.handle_policy(&expecting);
    };
    calm(&mut pipeline, "b");
    let names = [name("a"), name("b"), name("c")];
    flood(&mut pipeline, &names, &[0, 1, 2], 0);
    hear(&mut pipeline, &names, &[(0, 1)]);
    assert_eq!(news(&mut pipeline), [("a".into(), "began"), ("c".into(), "began")]);
    assert_eq!(news(&mut pipeline), []);
    calm(&mut pipeline, "a");
    assert_eq!(news(&mut pipeline), [("a".into(), "ended")]);
    pipeline.end();
    let last: Vec<_> = storms(&mut pipeline).collect();
    let ends = last.iter().map(|news| (&*news.label, news.event.storm().end));
    let reasons: Vec<_> = ends.map(|(label, end)| (label, end.map(|end| end.1))).collect();
    assert_eq!(reasons, [("c", Some(EndReason::InterfaceGone))]);
}

#[test]
fn a_vlan_is_another_network_than_its_interface_s() {
    let vantage = Vantage {
        own: Some(Mac([2, 0, 0, 0, 0, 1])),
        is_wireless: true,
        subnets: vec![([192, 0, 2, 7].into(), 24)],
    };
    let vantage = Arc::new(vantage);
    assert_eq!(of_vlan(&vantage, ""), vantage);
    let vlan = of_vlan(&vantage, "30");
    assert_eq!((vlan.own, vlan.is_wireless, &*vlan.subnets), (vantage.own, true, &[][..]));
}

#[test]
fn a_segment_knows_its_lan_from_its_first_frame_on() {
    let rules = ["office".parse().unwrap(), "lab0=lab".parse().unwrap()];
    let lans = Arc::new(Lans::new(&rules).unwrap());
    let mut pipeline = Pipeline { settings: Settings { lans, ..files().settings }, ..files() };
    let plain = Host::numbered(7).arp_announcement();
    let tagged = crate::craft::tagged(&plain, crate::craft::Tag { tpid: 0x8100, tci: 20 });
    let slots = [(&plain, 0), (&tagged, 0), (&plain, 1), (&tagged, 1)];
    for (bytes, interface) in slots {
        let len = bytes.len();
        let meta = FrameMeta {
            stamp: Stamp::new(1_700_000_000, 0),
            interface,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: 60,
        };
        let slots = [Slot { meta, start: 0, len }];
        pipeline.handle_file(&Batch::new(bytes, &slots, &[name("eth0"), name("lab0")]));
    }
    let views = pipeline.views();
    let lans: Vec<_> =
        views.iter().map(|view| (&*view.label, view.lan.as_deref().unwrap())).collect();
    let wanted =
        [("eth0", "office"), ("eth0.20", "office.20"), ("lab0", "lab"), ("lab0.20", "lab.20")];
    assert_eq!(lans, wanted);
}
