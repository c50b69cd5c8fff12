//! Where tagged frames are counted.

use super::*;
use crate::interfaces::Vlan;
use crate::segment::Sharing;
use proptest::prelude::*;
use std::collections::HashSet;

const DOT1Q: u16 = 0x8100;
const DOT1AD: u16 = 0x88a8;

fn tags(ids: &[u16]) -> Tags {
    tagged(DOT1Q, ids)
}

fn tagged(tpid: u16, ids: &[u16]) -> Tags {
    // Priority bits set, so that they are seen to be left out.
    let tag = |&id: &u16| Tag { tpid, tci: id | 0xe000 };
    Tags { outer: ids.first().map(tag), inner: ids.get(1).map(tag) }
}

fn devices(vlans: &[(u16, u16)]) -> Surroundings {
    let devices = vlans.iter().map(|&(id, protocol)| Vlan { id, protocol }).collect();
    Surroundings { devices, ..Surroundings::default() }
}

fn live(limit: usize) -> Arc<Labels> {
    Labels::new(Sharing::Never, limit)
}

fn router(labels: &Arc<Labels>) -> Router {
    Router::new("eth0", Surroundings::default(), labels)
}

/// The label under which a frame with these tags is counted here.
fn label(router: &mut Router, tags: Tags) -> Option<String> {
    match router.route(tags) {
        Route::Segment(place) => Some(router.segment(place).unwrap().label().to_string()),
        Route::Elsewhere => None,
    }
}

fn labels_of(ended: &[Ended]) -> Vec<&str> {
    ended.iter().map(|ended| &*ended.label).collect()
}

#[test]
fn labels_and_vlans_of_untagged_tagged_and_doubly_tagged_frames() {
    let mut router = router(&live(9));
    let mut at = |ids: &[u16]| match router.route(tags(ids)) {
        Route::Segment(place) => {
            let segment = router.segment(place).unwrap();
            (segment.label().to_string(), segment.vlan().to_owned())
        }
        Route::Elsewhere => panic!("{ids:?}"),
    };
    let pair = |label: &str, vlan: &str| (label.to_owned(), vlan.to_owned());
    assert_eq!(at(&[]), pair("eth0", ""));
    assert_eq!(at(&[0]), pair("eth0", ""), "a priority tag names no VLAN");
    assert_eq!(at(&[30]), pair("eth0.30", "30"));
    assert_eq!(at(&[30, 7]), pair("eth0.30.7", "30.7"));
    assert_eq!(at(&[0, 7]), pair("eth0.7", "7"));
    assert_eq!(at(&[30, 0]), pair("eth0.30", "30"));
    assert_eq!(&**router.capture(), "eth0");
    let all: Vec<_> = router.segments().map(|(_, segment)| &**segment.label()).collect();
    assert_eq!(all, ["eth0", "eth0.30", "eth0.30.7", "eth0.7"]);
}

#[test]
fn a_kernel_device_takes_its_tag_and_protocol_only() {
    let labels = live(9);
    let mut router = Router::new("eth0", devices(&[(30, DOT1Q)]), &labels);
    assert_eq!(label(&mut router, tags(&[30])), None);
    assert_eq!(label(&mut router, tags(&[30, 7])), None, "whatever is inside");
    assert_eq!(label(&mut router, tags(&[31])).unwrap(), "eth0.31");
    let device = Router::new("eth0.30", Surroundings::default(), &labels);
    // No device is there for 802.1ad: the frame is counted, under a label of its own.
    assert_eq!(label(&mut router, tagged(DOT1AD, &[30])).unwrap(), "eth0.30~2");
    drop(device);
}

#[test]
fn a_kernel_device_that_comes_up_takes_over_segment_and_label() {
    let labels = live(9);
    let mut below = router(&labels);
    for ids in [&[30][..], &[31], &[30, 7]] {
        below.route(tags(ids));
    }
    let ended = below.set_surroundings(devices(&[(30, DOT1Q)]));
    assert_eq!(labels_of(&ended), ["eth0.30", "eth0.30.7"]);
    for ended in &ended {
        assert!(below.segment(ended.place).is_none());
    }
    assert_eq!(labels.synthetic(), 1);
    let own = Surroundings { own: vec![30], ..Surroundings::default() };
    let mut above = Router::new("eth0.30", own, &labels);
    assert_eq!(label(&mut above, tags(&[])).unwrap(), "eth0.30");
    assert_eq!(above.segment(Router::UNTAGGED).unwrap().vlan(), "30");
    assert_eq!(label(&mut above, tags(&[7])).unwrap(), "eth0.30.7");
    assert_eq!(above.segments().last().unwrap().1.vlan(), "30.7");
    assert_eq!(label(&mut below, tags(&[30])), None);

    // And back when it goes: the device's router first.
    drop(above);
    assert_eq!(below.set_surroundings(devices(&[])), []);
    assert_eq!(label(&mut below, tags(&[30])).unwrap(), "eth0.30");
}

#[test]
fn tags_on_a_port_belong_to_the_bridge_if_that_is_captured() {
    let mut router = router(&live(9));
    router.route(tags(&[30]));
    let captured = Surroundings { master_captured: true, ..Surroundings::default() };
    let ended = router.set_surroundings(captured);
    assert_eq!(labels_of(&ended), ["eth0.30"]);
    assert_eq!(label(&mut router, tags(&[30])), None);
    assert_eq!(label(&mut router, tags(&[])).unwrap(), "eth0", "what was asked for by name");
    router.set_surroundings(Surroundings::default());
    assert_eq!(label(&mut router, tags(&[30])).unwrap(), "eth0.30");
}

#[test]
fn all_invented_tags_stay_within_the_limit_of_the_process() {
    let labels = live(128);
    let mut one = router(&labels);
    let mut two = Router::new("eth1", Surroundings::default(), &labels);
    for id in 1..=4094 {
        one.route(tags(&[id]));
        two.route(tags(&[id]));
        two.route(tags(&[id, id]));
    }
    assert_eq!(labels.synthetic(), 128);
    // Each its own segment, and `other`, which is none of the 128.
    assert_eq!(one.segments().count() + two.segments().count(), 128 + 4);
    assert_eq!(label(&mut one, tags(&[4094])).unwrap(), "eth0.other");
    assert_eq!(one.segments().last().unwrap().1.vlan(), "other");
    assert_eq!(label(&mut two, tags(&[4094])).unwrap(), "eth1.other");
    assert_eq!(label(&mut one, tags(&[1])).unwrap(), "eth0.1", "those before stay");
    drop(one);
    assert!(labels.synthetic() < 128, "an interface that goes makes room");
}

#[test]
fn no_room_at_all_is_other() {
    let labels = live(0);
    let mut router = router(&labels);
    assert_eq!(label(&mut router, tags(&[5])).unwrap(), "eth0.other");
    let captured = Surroundings { master_captured: true, ..Surroundings::default() };
    assert_eq!(labels_of(&router.set_surroundings(captured)), ["eth0.other"]);
}

#[test]
fn a_rename_ends_everything_and_begins_it_again() {
    let labels = live(9);
    let mut router = router(&labels);
    router.route(tags(&[30]));
    let ended = router.rename("lan");
    assert_eq!(labels_of(&ended), ["eth0", "eth0.30"]);
    assert_eq!(label(&mut router, tags(&[])).unwrap(), "lan");
    assert_eq!(router.segment(Router::UNTAGGED).unwrap().label(), &Label::from("lan"));
    assert_eq!(label(&mut router, tags(&[30])).unwrap(), "lan.30");
    let other = Router::new("eth0", Surroundings::default(), &labels);
    assert_eq!(&**other.segment(0).unwrap().label(), "eth0", "the old label is free");
}

#[test]
fn equal_names_in_files_are_one_segment() {
    let labels = Labels::new(Sharing::Same, 1);
    let mut one = Router::new("capture", Surroundings::default(), &labels);
    let mut two = Router::new("capture", Surroundings::default(), &labels);
    assert_eq!(label(&mut one, tags(&[30])), label(&mut two, tags(&[30])));
    assert_eq!(label(&mut two, tags(&[30])).unwrap(), "capture.30");
    assert_eq!(label(&mut two, tags(&[31])).unwrap(), "capture.other");
    assert_eq!(label(&mut one, tags(&[31])).unwrap(), "capture.other");
}

#[test]
fn a_long_name_does_not_cost_its_vlans_their_ids() {
    let labels = Labels::new(Sharing::Same, 1);
    let name = "n".repeat(70);
    let mut router = Router::new(&name, Surroundings::default(), &labels);
    assert_eq!(label(&mut router, tags(&[])).unwrap(), name[..64]);
    assert_eq!(label(&mut router, tags(&[30])).unwrap(), format!("{}.30", &name[..64]));
    assert_eq!(label(&mut router, tags(&[31])).unwrap(), format!("{}.other", &name[..64]));
}

#[derive(Clone, Debug)]
enum Step {
    Frame(Tags),
    Around(Surroundings),
    Rename(bool),
}

fn any_tags() -> impl Strategy<Value = Tags> {
    let tag = (prop::sample::select(vec![DOT1Q, DOT1AD, 0x9100]), any::<u16>(), 0_u16..12)
        .prop_map(|(tpid, bits, id)| Tag { tpid, tci: (bits & 0xf000) | id });
    (prop::option::of(tag.clone()), prop::option::of(tag))
        .prop_map(|(outer, inner)| Tags { outer, inner: inner.filter(|_| outer.is_some()) })
}

fn any_step() -> impl Strategy<Value = Step> {
    let vlan = (prop::sample::select(vec![DOT1Q, DOT1AD]), 1_u16..12)
        .prop_map(|(protocol, id)| Vlan { id, protocol });
    let around = (prop::collection::vec(vlan, 0..3), prop::bool::weighted(0.2)).prop_map(
        |(devices, master_captured)| Surroundings { devices, master_captured, own: vec![] },
    );
    prop_oneof![
        20 => any_tags().prop_map(Step::Frame),
        2 => around.prop_map(Step::Around),
        1 => any::<bool>().prop_map(Step::Rename),
    ]
}

/// What must hold of a router and its labels at any time.
fn check(router: &Router, labels: &Labels, limit: usize) {
    assert!(labels.synthetic() <= limit);
    let all: Vec<_> = router.segments().map(|(_, segment)| segment.label().clone()).collect();
    assert!(all.len() <= limit + 2, "{all:?}");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "{all:?}");
    assert!(router.places.len() <= limit + 2, "places are used again");
}

proptest! {
    #[test]
    fn any_history_keeps_the_bounds(
        limit in 0_usize..8,
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let labels = live(limit);
        let mut router = router(&labels);
        // What a caller would hold: the label at each place.
        let mut held: BTreeMap<usize, Label> = router
            .segments()
            .map(|(place, segment)| (place, segment.label().clone()))
            .collect();
        for step in steps {
            let ended = match step {
                Step::Frame(tags) => {
                    if let Route::Segment(place) = router.route(tags) {
                        let label = router.segment(place).unwrap().label().clone();
                        let before = held.entry(place).or_insert_with(|| label.clone());
                        prop_assert_eq!(&*before, &label, "a place changed hands unreported");
                        prop_assert_eq!(router.route(tags), Route::Segment(place));
                    }
                    vec![]
                }
                Step::Around(around) => router.set_surroundings(around),
                Step::Rename(lan) => router.rename(if lan { "lan" } else { "eth0" }),
            };
            for ended in ended {
                prop_assert_eq!(held.remove(&ended.place), Some(ended.label));
            }
            let untagged = router.segment(Router::UNTAGGED).unwrap().label();
            held.entry(Router::UNTAGGED).or_insert_with(|| untagged.clone());
            check(&router, &labels, limit);
        }
        drop(router);
        prop_assert_eq!(labels.synthetic(), 0);
    }

    /// While nothing around changes, the same tags are the same segment, and other ids another,
    /// unless the limit is reached.
    #[test]
    fn same_tags_same_segment(frames in prop::collection::vec(any_tags(), 0..200)) {
        let mut router = router(&live(1000));
        let mut seen = BTreeMap::new();
        for tags in frames {
            let ids = named(tags).map_or((0, 0), |(outer, inner)| (outer.vid(), inner));
            let route = router.route(tags);
            prop_assert_eq!(*seen.entry(ids).or_insert(route), route);
        }
        let distinct: HashSet<_> = seen.values().map(|route| format!("{route:?}")).collect();
        prop_assert_eq!(distinct.len(), seen.len());
    }
}
