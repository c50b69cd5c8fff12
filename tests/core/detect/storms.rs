//! Storms of a device and of a segment: what begins one, what does not, when it is over.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::{ALL_NODES, MDNS_V4};
use multicast_exporter::craft::{Host, Query, Responder, Service, Udp, address};
use multicast_exporter::decode::{Protocol, Sender};
use multicast_exporter::detect::{Cause, SegmentCause};
use multicast_exporter::engine::Event;
use multicast_exporter::storm::{
    Culprit, DevicePolicy, EndReason, Level, Limits, ProtocolSet, Storm, StormEvent, StormPolicy,
};
use multicast_exporter::time::{Stamp, Time};
use std::sync::Arc;

const PRINTER: u16 = 7;

fn host() -> Host {
    Host::numbered(PRINTER)
}

fn announcement(host: Host) -> Vec<u8> {
    let printer = Responder::new("printer", host)
        .service(Service::new("Canon", "_ipp._tcp", 631).txt("ty=Canon"));
    host.mdns4(printer.announcement())
}

fn ssdp(host: Host) -> Vec<u8> {
    host.ssdp4(multicast_exporter::craft::discovery::ssdp_search("ssdp:all"))
}

/// `rate` frames in each of `seconds` seconds, evenly.
fn flood(segment: &mut Segment, frame: &[u8], rate: u64, seconds: u64) {
    for n in 0..rate * seconds {
        segment.hear(frame);
        // The last of a second stays in it.
        segment.pass((n + 1) * 1_000 / rate - n * 1_000 / rate);
    }
}

fn silence(segment: &mut Segment, seconds: u64) {
    segment.pass(seconds * 1_000);
    let now = segment.now();
    segment.engine.handle_timeout(now);
}

fn seconds(stamp: Stamp) -> i128 {
    assert_eq!(stamp.0 % 1_000_000_000, 0, "the close of a second");
    stamp.0 / 1_000_000_000
}

/// Level, start, end with its reason, and frames of the device's storms.
type Told = (Level, i128, Option<(i128, EndReason)>, u64);

fn storms(segment: &Segment) -> Vec<Told> {
    let told = |storm: &Storm| {
        let end = storm.end.map(|(end, reason)| (seconds(end), reason));
        (storm.level, seconds(storm.start), end, storm.packets)
    };
    let snapshot = segment.snapshot();
    snapshot.storms.iter().filter(|storm| storm.culprit.sender().is_some()).map(told).collect()
}

fn events(segment: &mut Segment) -> Vec<(&'static str, u64)> {
    std::iter::from_fn(|| segment.engine.poll_storm_event())
        .map(|event| {
            let what = match event {
                StormEvent::Began(_) => "began",
                StormEvent::Rose(_) => "rose",
                StormEvent::Explained(_) => "explained",
                StormEvent::Changed(_) => "changed",
                StormEvent::Ended(_) => "ended",
            };
            (what, event.storm().number)
        })
        .collect()
}

type Act = (fn(Host) -> Vec<u8>, u64, u64);

/// What a device does from second 10 on, and the storms that it makes.
struct Case {
    name: &'static str,
    /// A frame, how many of it a second, for how many seconds.
    acts: &'static [Act],
    storms: &'static [Told],
}

fn nothing(_: Host) -> Vec<u8> {
    Vec::new()
}

fn arp(host: Host) -> Vec<u8> {
    host.arp_announcement()
}

fn router_advertisement(host: Host) -> Vec<u8> {
    host.nd(ALL_NODES, address::router_advertisement(1_800, host.v6, host.mac))
}

fn neighbour_advertisement(host: Host) -> Vec<u8> {
    host.nd(ALL_NODES, address::neighbour_advertisement(host.v6, host.mac))
}

const QUIET: EndReason = EndReason::Quiet;
use Level::{Chatty, Storm as Flooding};

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn storms_begin_and_end_where_they_should() {
    let cases = [
        Case {
            name: "100/s for 30 s, then silence",
            acts: &[(announcement, 100, 30), (nothing, 0, 60)],
            // 500 after 5 s; fewer than 300 in 30 s once 2 s of it are left.
            storms: &[(Flooding, 15, Some((68, QUIET)), 2_500)],
        },
        Case {
            name: "a boot burst",
            acts: &[(announcement, 15, 2), (nothing, 0, 60)],
            storms: &[],
        },
        Case {
            name: "49/s is no flood",
            acts: &[(announcement, 49, 200), (nothing, 0, 60)],
            storms: &[],
        },
        Case {
            name: "49/s is chatty once the first of five windows holds 300",
            acts: &[(announcement, 49, 299), (nothing, 0, 60)],
            storms: &[(Chatty, 257, Some((339, QUIET)), 2_548)],
        },
        Case {
            name: "50/s, at the limit",
            acts: &[(announcement, 50, 10), (nothing, 0, 60)],
            storms: &[(Flooding, 20, Some((45, QUIET)), 0)],
        },
        Case {
            name: "100,000 in 5 s",
            acts: &[(announcement, 20_000, 5), (nothing, 0, 60)],
            storms: &[(Flooding, 11, Some((45, QUIET)), 80_000)],
        },
        Case {
            name: "address frames, 200/s for 40 s",
            acts: &[(arp, 200, 40), (nothing, 0, 60)],
            storms: &[(Flooding, 40, Some((75, QUIET)), 2_000)],
        },
        Case {
            name: "router advertisements are signalling",
            acts: &[(router_advertisement, 50, 12), (nothing, 0, 60)],
            storms: &[(Flooding, 20, Some((47, QUIET)), 100)],
        },
        Case {
            name: "what else resolves addresses is not",
            acts: &[(neighbour_advertisement, 50, 12), (nothing, 0, 60)],
            storms: &[],
        },
        Case { name: "a scanner at 199/s", acts: &[(arp, 199, 60), (nothing, 0, 60)], storms: &[] },
        Case {
            name: "an hour of silence closes the very second",
            acts: &[(announcement, 100, 30), (nothing, 0, 3_600), (announcement, 1, 1)],
            storms: &[(Flooding, 15, Some((68, QUIET)), 2_500)],
        },
        Case {
            name: "the tail of a storm begins none",
            acts: &[(announcement, 100, 30), (announcement, 9, 200), (nothing, 0, 60)],
            storms: &[(Flooding, 15, Some((70, QUIET)), 2_500 + 270)],
        },
        Case {
            name: "a flood that goes on is one storm, and another one is another",
            acts: &[
                (announcement, 60, 100),
                (announcement, 11, 100),
                (nothing, 0, 40),
                (announcement, 60, 10),
                (nothing, 0, 60),
            ],
            storms: &[
                (Flooding, 19, Some((213, QUIET)), 91 * 60 + 1_100),
                (Flooding, 259, Some((286, QUIET)), 60),
            ],
        },
        Case {
            name: "chatty",
            acts: &[(announcement, 5, 360), (nothing, 0, 60)],
            storms: &[(Chatty, 310, Some((395, QUIET)), 300)],
        },
        Case { name: "4/s is not chatty", acts: &[(announcement, 4, 600)], storms: &[] },
        Case {
            name: "chatty that rises keeps its start",
            acts: &[(announcement, 5, 360), (announcement, 60, 20), (nothing, 0, 60)],
            storms: &[(Flooding, 310, Some((416, QUIET)), 300 + 1_200)],
        },
        Case {
            name: "address frames are not chatty",
            acts: &[(arp, 20, 600), (nothing, 0, 60)],
            storms: &[],
        },
        Case {
            name: "open at the end",
            acts: &[(announcement, 100, 20)],
            storms: &[(Flooding, 15, None, 1_500)],
        },
    ];
    for case in cases {
        let mut segment = Segment::new();
        for &(frame, rate, seconds) in case.acts {
            if rate == 0 {
                silence(&mut segment, seconds);
            } else {
                flood(&mut segment, &frame(host()), rate, seconds);
            }
        }
        assert_eq!(storms(&segment), case.storms, "{}", case.name);
    }
}

#[test]
fn first_frame_says_since_when_it_has_been_going_on() {
    // What the device does from second 10 on, the level of its storm, and since when it goes on.
    let cases: [(&[Act], Level, i128); 5] = [
        (&[(announcement, 100, 30)], Flooding, 10),
        (&[(announcement, 1, 20), (announcement, 60, 30)], Flooding, 30),
        (&[(announcement, 5, 360)], Chatty, 10),
        // Quiet for a quarter of a minute before it went on.
        (&[(announcement, 20, 60), (nothing, 0, 15), (announcement, 20, 360)], Chatty, 85),
        (&[(announcement, 5, 360), (announcement, 60, 20)], Flooding, 10),
    ];
    for (acts, level, first) in cases {
        let mut segment = Segment::new();
        for &(frame, rate, seconds) in acts {
            if rate == 0 {
                silence(&mut segment, seconds);
            } else {
                flood(&mut segment, &frame(host()), rate, seconds);
            }
        }
        let storm = segment.device(host()).and_then(|device| device.storm).expect("a storm");
        assert_eq!((storm.level, seconds(storm.first_frame)), (level, first));
        assert!(storm.first_frame < storm.start);
    }
}

#[test]
fn bursts_are_none() {
    let mut segment = Segment::new();
    for _ in 0..20 {
        flood(&mut segment, &announcement(host()), 100, 1);
        silence(&mut segment, 29);
    }
    assert_eq!(storms(&segment), []);
}

#[test]
fn a_hub_that_answers_for_thirty_accessories_is_none() {
    let mut segment = Segment::new();
    for _ in 0..10 {
        flood(&mut segment, &announcement(host()), 90, 1);
        silence(&mut segment, 19);
    }
    assert_eq!(storms(&segment), []);
}

#[test]
fn one_frame_less_than_the_limit_is_none() {
    for (frames, begins) in [(499, false), (500, true)] {
        let mut segment = Segment::new();
        flood(&mut segment, &announcement(host()), frames, 1);
        silence(&mut segment, 1);
        assert_eq!(storms(&segment).len(), usize::from(begins), "{frames}");
    }
    // The storm goes on while 30 s hold 300 frames.
    for (frames, goes_on) in [(299, false), (300, true)] {
        let mut segment = Segment::new();
        flood(&mut segment, &announcement(host()), 500, 1);
        silence(&mut segment, 9);
        flood(&mut segment, &announcement(host()), frames, 1);
        // The second of the 500 goes out of sight.
        silence(&mut segment, 20);
        let end = (!goes_on).then_some((41, QUIET));
        assert_eq!(storms(&segment), [(Flooding, 11, end, frames)]);
    }
}

#[test]
fn a_rise_is_told_and_counted_at_both_levels() {
    let mut segment = Segment::new();
    flood(&mut segment, &announcement(host()), 5, 360);
    let device = segment.device(host()).expect("a row");
    assert_eq!(device.storm.map(|storm| storm.level), Some(Chatty));
    assert_eq!(device.storms_begun, [1, 0]);
    flood(&mut segment, &announcement(host()), 60, 20);
    let device = segment.device(host()).expect("a row");
    assert_eq!(device.storm.map(|storm| (storm.level, storm.peak)), Some((Flooding, 60)));
    assert_eq!(device.storms_begun, [1, 1]);
    silence(&mut segment, 60);
    assert_eq!(segment.device(host()).expect("a row").storm, None);
    let snapshot = segment.snapshot();
    assert_eq!(snapshot.storms_ended[Flooding as usize].iter().sum::<u64>(), 1);
    assert_eq!(snapshot.storms_ended[Chatty as usize].iter().sum::<u64>(), 0);
    let mut told = events(&mut segment);
    told.retain(|(what, _)| *what != "explained");
    assert_eq!(told, [("began", 0), ("rose", 0), ("ended", 0)]);
    assert_eq!(events(&mut segment), []);
}

#[test]
fn how_long_a_storm_was_of_each_level_is_told_for_five_minutes_after_it() {
    let mut segment = Segment::new();
    flood(&mut segment, &announcement(host()), 5, 360);
    flood(&mut segment, &announcement(host()), 60, 20);
    silence(&mut segment, 60);
    let device = segment.device(host()).expect("a row");
    assert_eq!(device.storm, None);
    let past = device.past_storm.expect("it has just ended");
    let (end, _) = past.end.expect("it is over");
    let whole = seconds(end) - seconds(past.start);
    // Chatty from the close of second 300 on; 500 in 10 s from that of second 368 on, until five seconds hold what ends it.
    assert_eq!((past.lasted, whole), ([69, 37], 106));
    silence(&mut segment, 200);
    assert!(segment.device(host()).expect("a row").past_storm.is_some());
    silence(&mut segment, 100);
    assert_eq!(segment.device(host()).expect("a row").past_storm, None);
}

#[test]
fn the_protocol_is_that_of_most_frames_and_the_peak_is_of_all() {
    let mut segment = Segment::new();
    for _ in 0..10 {
        flood(&mut segment, &announcement(host()), 40, 1);
        flood(&mut segment, &ssdp(host()), 60, 1);
    }
    flood(&mut segment, &arp(host()), 150, 1);
    let storm = segment.device(host()).and_then(|device| device.storm).expect("a storm");
    assert_eq!((storm.protocol, storm.peak, storm.packets), (Protocol::Ssdp, 150, 500));
}

#[test]
fn the_interface_goes() {
    let mut segment = Segment::new();
    flood(&mut segment, &announcement(host()), 2_000, 20);
    segment.pass(500);
    let now = segment.now();
    segment.engine.handle_event(now, Event::Down);
    let snapshot = segment.snapshot();
    let ends: Vec<_> = snapshot.storms.iter().map(|storm| storm.end).collect();
    let gone = Some((Stamp(i128::from(now.0)), EndReason::InterfaceGone));
    assert_eq!(ends, [gone, gone], "the device's and the segment's");
    assert_eq!((&snapshot.segment_storm, &snapshot.devices[0].storm), (&None, &None));
    let storms = snapshot.storms_ended.iter().flatten().sum::<u64>();
    assert_eq!(storms, 1, "of devices");
    silence(&mut segment, 5);
    let now = segment.now();
    segment.engine.handle_event(now, Event::Up);
    flood(&mut segment, &announcement(host()), 1, 20);
    assert_eq!(segment.snapshot().storms.len(), 2);
}

/// Why the storm ended of a device that flooded until this happened and was silent from then on.
fn end_after(happen: impl Fn(&mut Segment)) -> Vec<EndReason> {
    let mut segment = Segment::new();
    flood(&mut segment, &announcement(host()), 100, 20);
    happen(&mut segment);
    silence(&mut segment, 60);
    let snapshot = segment.snapshot();
    snapshot.storms.iter().map(|storm| storm.end.expect("an end").1).collect()
}

#[test]
fn the_exporter_stops() {
    let stopped = end_after(|segment| {
        let now = segment.now();
        segment.engine.handle_event(now, Event::Stopping);
        segment.engine.handle_event(now, Event::Down);
    });
    assert_eq!(stopped, [EndReason::Shutdown]);
}

#[test]
fn what_was_not_heard_may_have_gone_on() {
    let tell = |event| {
        move |segment: &mut Segment| {
            let now = segment.now();
            segment.engine.handle_event(now, event);
        }
    };
    assert_eq!(end_after(|_| {}), [EndReason::Quiet]);
    // It takes 300 frames in 30 s to go on; 200 are left of it 28 s later.
    assert_eq!(end_after(tell(Event::Dropped(99))), [EndReason::Quiet]);
    assert_eq!(end_after(tell(Event::Dropped(5_000))), [EndReason::Unobserved]);
    let later = |seconds| {
        move |segment: &mut Segment| {
            silence(segment, seconds);
            tell(Event::Dropped(5_000))(segment);
        }
    };
    assert_eq!(end_after(later(10)), [EndReason::Unobserved]);
    assert_eq!(end_after(later(40)), [EndReason::Quiet], "it was over by then");
    // Nobody read for 40 s; what the kernel kept is heard as if it came in time.
    let unread = |segment: &mut Segment| {
        let now = segment.now();
        let until = now.plus(std::time::Duration::from_secs(40));
        segment.engine.handle_event(now, Event::Unread { until });
        flood(segment, &announcement(host()), 100, 5);
    };
    assert_eq!(end_after(unread), [EndReason::Unobserved]);
    let long_ago = |segment: &mut Segment| {
        unread(segment);
        flood(segment, &announcement(host()), 100, 80);
    };
    assert_eq!(end_after(long_ago), [EndReason::Quiet]);
}

#[test]
fn a_device_that_loses_its_row_loses_its_storm() {
    let mut segment = Segment::with_expiry(20);
    flood(&mut segment, &announcement(host()), 100, 10);
    silence(&mut segment, 20);
    let end = Some((Stamp(i128::from(segment.now().0)), EndReason::Evicted));
    let snapshot = segment.snapshot();
    assert_eq!(snapshot.storms.iter().map(|storm| storm.end).collect::<Vec<_>>(), [end]);
    assert_eq!(snapshot.tracked, 0);
    assert_eq!(events(&mut segment).last(), Some(&("ended", 0)));
}

#[test]
fn a_segment_is_flooded_by_one_device_or_by_many() {
    for (devices, cause) in [(1, SegmentCause::OneDevice), (100, SegmentCause::ManyDevices)] {
        let mut segment = Segment::new();
        let frames: Vec<_> = (0..devices).map(|n| arp(Host::numbered(n + 1))).collect();
        for n in 0..12_000 {
            segment.hear(&frames[n % frames.len()]);
            segment.pass(u64::from(n % 10 == 9) * 10);
        }
        let storm = segment.snapshot().segment_storm.expect("a storm");
        assert_eq!(storm.culprit, Culprit::Segment { cause });
        assert_eq!((seconds(storm.start), storm.protocol), (20, Protocol::Arp));
        assert_eq!((storm.packets, storm.peak, storm.end), (2_000, 1_000, None));
        silence(&mut segment, 40);
        let snapshot = segment.snapshot();
        assert_eq!(snapshot.segment_storm, None);
        let storms = snapshot.storms.iter().filter(|storm| storm.culprit.sender().is_none());
        // From the close of second 46 on, 5 s of it are in sight.
        let ends: Vec<_> = storms.filter_map(|storm| storm.end).collect();
        assert_eq!(ends, [(Stamp::new(47, 0), QUIET)]);
        let past = snapshot.past_segment_storm.expect("it has just ended");
        assert_eq!(past.lasted, [0, 27]);
    }
}

#[test]
fn stamps_follow_the_wall_clock_whatever_came_late() {
    let mut segment = Segment::new();
    let stamp = |millis: u64| Stamp(1_700_000_000_000_000_000 + i128::from(millis) * 1_000_000);
    for n in 0..1_000_u64 {
        let at = 10_000 + n * 10;
        segment.hear_at(Time(at * 1_000_000), stamp(at), &announcement(host()));
        // The same instant for the engine; the stamp is from before.
        segment.hear_at(Time(at * 1_000_000), stamp(at - 900), &arp(host()));
    }
    segment.engine.handle_timeout(Time(60_000_000_000));
    let storm = &segment.snapshot().storms[0];
    assert_eq!((storm.start, storm.end), (stamp(15_000), Some((stamp(48_000), QUIET))));
}

/// What a configuration can say.
fn expecting(change: impl FnOnce(&mut StormPolicy, Sender)) -> Arc<StormPolicy> {
    let mut policy = StormPolicy::default();
    change(&mut policy, Sender::Mac(host().mac));
    Arc::new(policy)
}

fn expected(limits: Limits) -> DevicePolicy {
    DevicePolicy {
        alias: None,
        ignored: ProtocolSet::default(),
        limits,
        conditions: multicast_exporter::detect::ConditionLimits::USUAL,
    }
}

#[test]
fn limits_are_of_all_or_of_one() {
    let off = Limits { signalling: None, address: None, other: None, chatty: None };
    let cases: [(&str, Arc<StormPolicy>, usize); 6] = [
        ("the usual", Arc::default(), 1),
        ("off for all", expecting(|all, _| all.limits = off), 0),
        (
            "off for one",
            expecting(|all, it| {
                all.devices.insert(it, expected(off));
            }),
            0,
        ),
        (
            "off for all but one",
            expecting(|all, it| {
                all.limits = off;
                all.devices.insert(it, expected(Limits::default()));
            }),
            1,
        ),
        (
            "ignored for all",
            expecting(|all, _| {
                all.ignored.insert(Protocol::Mdns);
            }),
            0,
        ),
        (
            "another is ignored",
            expecting(|all, it| {
                let mut ignored = ProtocolSet::default();
                ignored.insert(Protocol::Ssdp);
                all.devices.insert(it, DevicePolicy { ignored, ..expected(all.limits) });
            }),
            1,
        ),
    ];
    for (name, policy, count) in cases {
        let mut segment = Segment::new();
        segment.engine.handle_policy(&policy);
        flood(&mut segment, &announcement(host()), 100, 20);
        assert_eq!(storms(&segment).len(), count, "{name}");
        assert_eq!(segment.device(host()).map(|d| d.peak_ever), Some(100), "{name}");
        // The same from a reload on, in the midst of it.
        let mut segment = Segment::new();
        flood(&mut segment, &announcement(host()), 100, 20);
        segment.engine.handle_policy(&policy);
        flood(&mut segment, &announcement(host()), 100, 20);
        let reason = (count == 0).then_some(EndReason::Reconfigured);
        let snapshot = segment.snapshot();
        let ends: Vec<_> = snapshot.storms.iter().map(|s| s.end.map(|end| end.1)).collect();
        assert_eq!(ends, [reason], "{name}");
    }
}

#[test]
fn what_is_ignored_is_no_storm_of_the_segment_either() {
    let mut segment = Segment::new();
    segment.engine.handle_policy(&expecting(|all, it| {
        let mut ignored = ProtocolSet::default();
        ignored.insert(Protocol::Mdns);
        all.devices.insert(it, DevicePolicy { ignored, ..expected(all.limits) });
    }));
    flood(&mut segment, &announcement(host()), 2_000, 20);
    assert_eq!(segment.snapshot().storms, []);
    assert_eq!(segment.snapshot().packets[Protocol::Mdns.index()], 40_000);
}

#[test]
fn an_alias_is_the_name_from_the_reload_on() {
    let named = |alias: &str| {
        let alias = Some(alias.into());
        expecting(|all, it| {
            all.devices.insert(it, DevicePolicy { alias, ..expected(all.limits) });
        })
    };
    let name = |segment: &Segment| segment.identity(host()).name;
    let mut segment = Segment::new();
    segment.engine.handle_policy(&named("the printer"));
    segment.hear(&announcement(host()));
    assert_eq!(name(&segment).as_deref(), Some("the printer"));
    segment.engine.handle_policy(&named("the other printer"));
    assert_eq!(name(&segment).as_deref(), Some("the other printer"));
    segment.engine.handle_policy(&Arc::default());
    assert_eq!(name(&segment).as_deref(), Some("printer.local"));
}

/// The main cause of each device's latest storm, by source MAC.
fn causes(segment: &Segment, host: Host) -> Vec<Cause> {
    let of_host = |storm: &Storm| match storm.culprit {
        Culprit::Device { sender, cause, .. } if sender == Sender::Mac(host.mac) => Some(cause),
        Culprit::Device { .. } | Culprit::Segment { .. } => None,
    };
    segment.snapshot().storms.iter().filter_map(of_host).collect()
}

#[test]
fn the_same_legacy_query_again_and_again_is_a_flood_of_queries() {
    let mut segment = Segment::new();
    let query = Query::browse("_ipp._tcp").bytes();
    let frame = host().udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, query));
    flood(&mut segment, &frame, 100, 20);
    silence(&mut segment, 60);
    assert_eq!(causes(&segment, host()), [Cause::QueryFlood]);
    assert!(segment.device(host()).expect("a row").violations.is_none(), "no rule is held to it");
}

#[test]
fn a_stuck_device_that_takes_another_mac_does_not_reflect_itself() {
    let mut segment = Segment::new();
    let message = Responder::new("printer", host()).announcement();
    let later = Host::numbered(PRINTER + 1);
    for mac in [host(), later] {
        flood(&mut segment, &mac.mdns4(message.clone()), 60, 60);
    }
    silence(&mut segment, 60);
    for mac in [host(), later] {
        assert_eq!(causes(&segment, mac), [Cause::RepeatedResponse], "{mac:?}");
    }
}
