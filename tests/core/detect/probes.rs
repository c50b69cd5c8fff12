//! Causes `probe_loop`, `rename_loop` and `ping_pong`, rules `probe_interval` and `probe_backoff`, and what they do to a
//! device's name, from the bytes of frames on. Each case is beside its nearest harmless neighbours.

use crate::engine_wire::Segment;
use multicast_exporter::craft::mdns::{address, message, ptr, response, srv};
use multicast_exporter::craft::{Host, Query, Responder, Service};
use multicast_exporter::detect::{Cause, Rule, Vantage};
use simple_dns::{CLASS, Packet, QTYPE, Question, TYPE};
use std::sync::Arc;

const HUB: Host = Host::numbered(7);
const RIVAL: Host = Host::numbered(8);
const PHONE: Host = Host::numbered(9);
const SERVICE: &str = "_http._tcp.local";

/// A segment that keeps what was found in each frame.
struct Found {
    segment: Segment,
    marks: Vec<(Host, Vec<Cause>)>,
}

impl Found {
    fn new() -> Self {
        Self { segment: Segment::new(), marks: Vec::new() }
    }

    fn on_wifi() -> Self {
        let mut found = Self::new();
        let link = Vantage { is_wireless: true, ..Vantage::default() };
        found.segment.engine.handle_vantage(&Arc::new(link));
        found
    }

    fn pass(&mut self, millis: u64) -> &mut Self {
        self.segment.pass(millis);
        self
    }

    fn hear(&mut self, host: Host, frame: &[u8]) -> &mut Self {
        self.segment.hear(frame);
        self.marks.push((host, self.segment.engine.signatures().iter().collect()));
        self
    }

    fn v4(&mut self, host: Host, message: impl Into<Vec<u8>>) -> &mut Self {
        self.hear(host, &host.mdns4(message))
    }

    fn both(&mut self, host: Host, message: &[u8]) -> &mut Self {
        self.v4(host, message).hear(host, &host.mdns6(message))
    }

    /// How many of a host's frames have the signature.
    fn marked(&self, host: Host, cause: Cause) -> usize {
        self.marks.iter().filter(|(by, causes)| *by == host && causes.contains(&cause)).count()
    }

    fn violations(&self, host: Host, rule: Rule) -> u64 {
        let device = self.segment.device(host);
        let counts = device.and_then(|device| device.violations);
        counts.map_or(0, |counts| counts[rule])
    }
}

fn named(name: &str, host: Host) -> Responder {
    Responder::new(name, host)
}

fn probe(name: &str, host: Host) -> Vec<u8> {
    named(name, host).probe()
}

/// A probe as python-zeroconf sends it: it proposes the PTR record of its instance.
fn ptr_probe(instance: &str) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    let (kind, class) = (QTYPE::TYPE(TYPE::PTR), CLASS::IN.into());
    let service = multicast_exporter::craft::mdns::name(SERVICE);
    packet.questions.push(Question::new(service, kind, class, false));
    packet.name_servers.push(ptr(SERVICE, instance));
    message(&packet)
}

/// Probes of one name, each with the milliseconds before it.
fn probed(found: &mut Found, gaps: &[u64]) {
    for gap in gaps {
        found.pass(*gap).v4(HUB, probe("hub", HUB));
    }
}

#[test]
fn probe_loop_is_a_tenth_probe_in_ten_seconds_or_five_hasty_gaps() {
    let tenth = |gap| [&[0], &[1_000; 8][..], &[gap]].concat();
    let (early, late) = (tenth(2_000), tenth(2_001));
    for (what, gaps, expected) in [
        ("a start", &[0, 250, 250][..], 0),
        ("a start after a simultaneous probe", &[0, 1_000, 250, 250], 0),
        ("a camera that is set up", &[0, 250, 250, 3_000, 250, 250, 1_000], 0),
        ("endless at 1 s", &[1_000; 20], 11),
        ("the tenth at 10 s", &early, 1),
        ("the tenth later", &late, 0),
        ("endless at 4 s", &[4_000; 20], 0),
        ("python-zeroconf#1837: endless, 100 ms apart", &[100; 100], 95),
        ("five in haste", &[0, 100, 100, 100, 100], 0),
    ] {
        let mut found = Found::new();
        probed(&mut found, gaps);
        assert_eq!(found.marked(HUB, Cause::ProbeLoop), expected, "{what}");
    }
}

#[test]
fn probe_loop_ends_when_the_device_has_the_name() {
    let instance = format!("hub.{SERVICE}");
    let by_ptr = || response([ptr(SERVICE, &instance)]);
    let by_srv = || response([srv(&instance, "hub.local", 80)]);
    let other = || response([address("another.local", HUB.v4.into())]);
    for (what, taken, by, expected) in [
        ("never", None, HUB, 7),
        ("by the PTR record", Some(by_ptr()), HUB, 0),
        ("by the instance's own", Some(by_srv()), HUB, 0),
        ("another name", Some(other()), HUB, 7),
        ("another device", Some(by_srv()), RIVAL, 7),
    ] {
        let mut found = Found::new();
        for _ in 0..8 {
            found.v4(HUB, ptr_probe(&instance)).pass(250).v4(HUB, ptr_probe(&instance));
            if let Some(taken) = &taken {
                found.pass(250).v4(by, taken.clone());
            }
            found.pass(750);
        }
        assert_eq!(found.marked(HUB, Cause::ProbeLoop), expected, "{what}");
    }
}

#[test]
fn a_boot_is_nothing_over_both_families_and_with_many_names() {
    let mut hub = named("hub", HUB);
    for n in 0..30 {
        hub = hub.service(Service::new(&format!("Lamp {n}"), "_hap._tcp", 80));
    }
    let mut found = Found::new();
    for _ in 0..3 {
        found.both(HUB, &hub.probe()).pass(250);
    }
    found.both(HUB, &hub.announcement()).pass(1_000).both(HUB, &hub.announcement());
    // Names that differ in more than a number, one after the other.
    for name in ["kitchen", "hall", "bath", "cellar", "attic", "garden", "garage", "office"] {
        let lamp = named(name, HUB);
        for _ in 0..3 {
            found.both(HUB, &lamp.probe()).pass(250);
        }
        found.both(HUB, &lamp.announcement());
    }
    assert!(found.marks.iter().all(|(_, causes)| causes.is_empty()), "{:?}", found.marks);
    for rule in [Rule::ProbeInterval, Rule::ProbeBackoff] {
        assert_eq!(found.violations(HUB, rule), 0);
    }
}

#[test]
fn rename_loop_covers_probes_announcements_and_goodbyes_of_its_names() {
    let mut found = Found::new();
    for n in 2_752..2_852 {
        let own = named(&format!("homeassistant{n}"), HUB);
        found.both(HUB, &own.probe()).pass(10);
        found.both(HUB, &own.announcement()).pass(10).both(HUB, &own.goodbye()).pass(25);
    }
    // From the name on that comes half a second after the fifth, by IPv4 and IPv6.
    assert_eq!(found.marked(HUB, Cause::RenameLoop), 84 * 6);
    assert_eq!(found.marked(HUB, Cause::ProbeLoop), 0);
    // What else it says is not of the loop.
    found.v4(HUB, response([address("printer.local", HUB.v4.into())]));
    assert_eq!(found.marked(HUB, Cause::RenameLoop), 84 * 6);
}

#[test]
fn rename_loop_covers_instances_that_are_only_pointed_to() {
    let mut found = Found::new();
    for n in 2..22 {
        let instance = format!("hub-{n}.{SERVICE}");
        found.v4(HUB, ptr_probe(&instance)).pass(100);
        found.v4(HUB, response([ptr(SERVICE, &instance)])).pass(100);
    }
    assert_eq!(found.marked(HUB, Cause::RenameLoop), 13 * 2);
}

#[test]
fn lamps_that_are_probed_for_together_are_no_rename_loop_in_any_order() {
    let mut found = Found::new();
    for first in 0..12 {
        let mut hub = named("hub", HUB);
        for n in 0..12 {
            hub = hub.service(Service::new(&format!("Lamp {}", (first + n) % 12), "_hap._tcp", 80));
        }
        found.v4(HUB, hub.probe()).pass(5_000);
    }
    assert_eq!(found.marked(HUB, Cause::RenameLoop), 0);
}

#[test]
fn lamps_that_are_probed_for_one_by_one_are_no_rename_loop() {
    // So many milliseconds from one to the next: side by side, overlapping, one after the other.
    for later in [0, 15, 300, 1_000, 2_500] {
        let mut steps = Vec::new();
        for start in [0, 200_000] {
            for n in 0..12 {
                let lamp =
                    named("hub", HUB).service(Service::new(&format!("Lamp {n}"), "_hap._tcp", 80));
                let from = start + n * later;
                steps.extend([0, 250, 500].map(|at| (from + at, lamp.probe())));
                steps.extend([750, 1_770, 60_000].map(|at| (from + at, lamp.announcement())));
            }
        }
        steps.sort_by_key(|(at, _)| *at);
        let (mut found, mut now) = (Found::new(), 0);
        for (at, message) in steps {
            found.pass(at - now).both(HUB, &message);
            now = at;
        }
        assert_eq!(found.marked(HUB, Cause::RenameLoop), 0, "{later}");
    }
}

#[test]
fn a_reflector_at_work_renames_nothing() {
    let mut found = Found::new();
    for n in 0..20 {
        let host = Host::numbered(100 + n);
        let name = format!("plug-{n}");
        for _ in 0..3 {
            found.v4(host, probe(&name, host)).pass(2).v4(RIVAL, probe(&name, host)).pass(248);
        }
        found.pass(5_000);
    }
    assert_eq!(found.marked(RIVAL, Cause::RenameLoop), 0);
}

#[test]
fn rename_loop_needs_six_names_of_one_stem_by_one_source_in_ten_minutes() {
    type Names = fn(u64) -> String;
    let rows: [(&str, Names, u64, u64, bool); 9] = [
        ("digits", |n| format!("host{n}"), 6, 1_000, true),
        ("-N", |n| format!("host-{n}"), 6, 1_000, true),
        ("(N)", |n| format!("host ({n})"), 6, 1_000, true),
        ("five", |n| format!("host-{n}"), 5, 1_000, false),
        ("in ten minutes", |n| format!("host-{n}"), 6, 120_000, true),
        ("in more", |n| format!("host-{n}"), 20, 120_001, false),
        ("the same two", |n| format!("host-{}", n % 2), 20, 5_000, false),
        ("nothing but digits", |n| format!("{n}"), 20, 1_000, false),
        ("another stem", |n| format!("{n}-host"), 20, 1_000, false),
    ];
    for (what, name, names, gap, is_loop) in rows {
        let mut found = Found::new();
        for n in 0..names {
            found.v4(HUB, probe(&name(n + 2), HUB)).pass(gap);
        }
        assert_eq!(found.marked(HUB, Cause::RenameLoop) > 0, is_loop, "{what}");
    }
    let mut found = Found::new();
    for n in 0..20 {
        let host = Host::numbered(100 + n);
        found.v4(host, probe(&format!("plug-{n}"), host)).pass(10);
    }
    assert!(found.marks.iter().all(|(_, causes)| causes.is_empty()), "twenty plugs, one each");
}

#[test]
fn a_name_in_a_rename_loop_does_not_replace_the_one_shown() {
    let hour = 3_600_000;
    for (what, loops, expected) in
        [("a new name", 1, "host-1.local"), ("a loop", 40, "host-5.local")]
    {
        let mut found = Found::new();
        found.v4(HUB, named("host", HUB).announcement()).pass(hour - 60_000);
        for n in 1..=loops {
            let own = named(&format!("host-{n}"), HUB);
            // Five names are no loop yet: the fifth comes when the hour is over.
            found.pass(if n == 5 { 60_000 } else { 10 });
            found.v4(HUB, own.probe()).v4(HUB, own.announcement());
        }
        found.pass(if loops == 1 { hour } else { 9 * 60_000 });
        found.v4(HUB, named(&format!("host-{loops}"), HUB).announcement());
        let name = found.segment.identity(HUB).name;
        assert_eq!(name.as_deref(), Some(expected), "{what}");
    }
    // An hour and more in a loop: the name that it had stays.
    let mut found = Found::new();
    found.v4(HUB, named("host", HUB).announcement());
    for n in 0..100 {
        let own = named(&format!("host-{n}"), HUB);
        found.pass(60_000).v4(HUB, own.probe()).v4(HUB, own.announcement());
    }
    assert_eq!(found.segment.identity(HUB).name.as_deref(), Some("host.local"));
}

#[test]
fn probe_interval_is_500_ms_less_a_tenth_for_two_gaps() {
    for (what, gaps, expected) in [
        ("as it should be", &[0, 250, 250][..], 0),
        ("a tenth less", &[0, 225, 225], 0),
        ("less", &[0, 224, 225, 224], 2),
        ("the second was held up", &[0, 357, 146], 0),
        ("the first was held up", &[0, 100, 350], 0),
        ("python-zeroconf#1837", &[100; 100], 98),
        ("one probe", &[0], 0),
        ("two", &[0, 20], 0),
        ("each twice, as a mirror port has them", &[0, 0, 250, 0, 250, 0], 0),
        ("each again after 20 us and more", &[0, 4, 246, 4, 246, 4], 0),
        ("each again after more", &[0, 5, 245, 5], 2),
    ] {
        for is_v6 in [false, true] {
            let mut found = Found::new();
            for gap in gaps {
                let message = probe("hub", HUB);
                let frame = if is_v6 { HUB.mdns6(message) } else { HUB.mdns4(message) };
                found.pass(*gap).hear(HUB, &frame);
            }
            assert_eq!(found.violations(HUB, Rule::ProbeInterval), expected, "{what}");
        }
        let mut wifi = Found::on_wifi();
        probed(&mut wifi, gaps);
        assert_eq!(wifi.violations(HUB, Rule::ProbeInterval), 0, "{what}, on Wi-Fi");
    }
    // Bunches of Wi-Fi make no loop either.
    let mut wifi = Found::on_wifi();
    probed(&mut wifi, &[0, 0, 0]);
    assert_eq!(wifi.marked(HUB, Cause::ProbeLoop), 0);
}

#[test]
fn the_gap_that_is_told_is_the_shorter_of_the_two() {
    for gaps in [[100, 300], [300, 100]] {
        let mut found = Found::new();
        probed(&mut found, &[&[0], &gaps[..]].concat());
        let device = found.segment.device(HUB).expect("it has spoken");
        let last = device.offences.iter().find(|last| last.rule == Rule::ProbeInterval);
        let gap = last.and_then(|last| last.gap);
        assert_eq!(gap, Some(std::time::Duration::from_millis(100)), "{gaps:?}");
    }
}

#[test]
fn probe_interval_is_of_one_set_of_names_and_one_source() {
    let both = || {
        named("hub", HUB)
            .service(Service::new("a", "_x._tcp", 1))
            .service(Service::new("b", "_x._tcp", 1))
    };
    let turned = || {
        named("hub", HUB)
            .service(Service::new("b", "_x._tcp", 1))
            .service(Service::new("a", "_x._tcp", 1))
    };
    let elsewhere = Host { v4: [10, 53, 9, 9].into(), ..HUB };
    for (what, first, second, expected) in [
        ("the same", HUB.mdns4(both().probe()), HUB.mdns4(both().probe()), 2),
        ("in another order", HUB.mdns4(both().probe()), HUB.mdns4(turned().probe()), 2),
        ("fewer", HUB.mdns4(both().probe()), HUB.mdns4(probe("hub", HUB)), 0),
        ("IPv6", HUB.mdns4(both().probe()), HUB.mdns6(both().probe()), 0),
        ("another address", HUB.mdns4(both().probe()), elsewhere.mdns4(both().probe()), 0),
        ("another host", HUB.mdns4(probe("a", HUB)), RIVAL.mdns4(probe("a", HUB)), 0),
        ("a query", HUB.mdns4(probe("a", HUB)), HUB.mdns4(Query::new("a.local", TYPE::A)), 0),
    ] {
        let mut found = Found::new();
        for _ in 0..2 {
            found.hear(HUB, &first).pass(130).hear(HUB, &second).pass(130);
        }
        let of = |host| found.violations(host, Rule::ProbeInterval);
        assert_eq!(of(HUB) + of(RIVAL), expected, "{what}");
    }
}

/// Two programs that share a host's MAC and address and want one name, each for a port of its own.
#[test]
fn probe_interval_is_not_between_two_programs_of_one_host() {
    let wants = |port| {
        HUB.mdns4(named("hub", HUB).service(Service::new("Web", "_http._tcp", port)).probe())
    };
    for (gap, expected) in [(250, 0), (100, 4)] {
        let mut found = Found::new();
        for _ in 0..4 {
            found.hear(HUB, &wants(80)).pass(gap / 2).hear(HUB, &wants(8080)).pass(gap / 2);
        }
        // They cannot be told apart: nothing is said of either.
        assert_eq!(found.violations(HUB, Rule::ProbeInterval), 0, "{gap}");
        let mut found = Found::new();
        for _ in 0..6 {
            found.hear(HUB, &wants(80)).pass(gap);
        }
        assert_eq!(found.violations(HUB, Rule::ProbeInterval), expected, "{gap}");
    }
}

/// Attempts of three probes, each for a new name that the rival has; what `objection` answers.
fn attempts(count: u64, millis: u64, objection: fn(&str) -> Vec<u8>) -> Found {
    let mut found = Found::new();
    for n in 0..count {
        let name = format!("host-{n}");
        found.v4(HUB, probe(&name, HUB)).pass(1);
        found.hear(RIVAL, &RIVAL.mdns4(objection(&name))).pass(millis - 1);
    }
    found
}

#[test]
fn probe_backoff_is_five_seconds_after_fifteen_conflicts_in_ten() {
    let has_it = |name: &str| response([address(&format!("{name}.local"), RIVAL.v4.into())]);
    let wants_it = |name: &str| probe(name, RIVAL);
    let agrees = |name: &str| response([address(&format!("{name}.local"), HUB.v4.into())]);
    let has_another = |_: &str| response([address("rival.local", RIVAL.v4.into())]);
    let says_goodbye = |name: &str| named(name, RIVAL).goodbye();
    for (what, objection, count, millis, expected) in [
        ("another has it", has_it as fn(&str) -> Vec<u8>, 20, 500, 5),
        ("another wants it", wants_it, 20, 500, 5),
        ("fifteen are not after fifteen", has_it, 15, 500, 0),
        ("slower", has_it, 40, 720, 0),
        ("the same data", agrees, 40, 500, 0),
        ("another name", has_another, 40, 500, 0),
        ("a goodbye", says_goodbye, 40, 500, 0),
    ] {
        let found = attempts(count, millis, objection);
        assert_eq!(found.violations(HUB, Rule::ProbeBackoff), expected, "{what}");
        assert_eq!(
            found.violations(RIVAL, Rule::ProbeBackoff),
            if what == "another wants it" { 5 } else { 0 }
        );
    }
    // Who waits 5 s may send the three probes of an attempt 250 ms apart.
    for (wait, expected) in [(4_500, 0), (4_499, 1)] {
        let mut found = attempts(15, 500, has_it);
        found.pass(wait - 500);
        for _ in 0..3 {
            found.v4(HUB, probe("host-99", HUB)).pass(250);
        }
        assert_eq!(found.violations(HUB, Rule::ProbeBackoff), expected, "{wait}");
        assert_eq!(found.violations(HUB, Rule::ProbeInterval), 0, "{wait}");
    }
}

fn ask(kind: TYPE) -> Vec<u8> {
    Query::new("host.local", kind).bytes()
}

fn answer(host: Host) -> Vec<u8> {
    response([address("host.local", host.v4.into()), address("host.local", host.v6.into())])
}

#[test]
fn ping_pong_is_a_chain_of_two_devices() {
    let mut found = Found::new();
    for _ in 0..50 {
        found.v4(PHONE, ask(TYPE::A)).pass(5).v4(HUB, answer(HUB)).pass(50);
    }
    // The first link is the first answer, the third the second.
    assert_eq!(found.marked(PHONE, Cause::PingPong), 48);
    assert_eq!(found.marked(HUB, Cause::PingPong), 49);
    // For two types, in one message or in two.
    for one in [true, false] {
        let mut found = Found::new();
        for _ in 0..50 {
            if one {
                let any =
                    Query::new("host.local", TYPE::A).and("host.local", TYPE::AAAA.into(), false);
                found.v4(PHONE, any);
            } else {
                found.v4(PHONE, ask(TYPE::A)).v4(PHONE, ask(TYPE::AAAA));
            }
            found.pass(5).v4(HUB, answer(HUB)).pass(5);
        }
        assert!(found.marked(PHONE, Cause::PingPong) >= 47, "{one}");
        assert!(found.marked(HUB, Cause::PingPong) >= 47, "{one}");
    }
    // Both ask and both answer.
    let mut found = Found::new();
    for _ in 0..10 {
        found.v4(PHONE, ask(TYPE::A)).pass(5).v4(HUB, answer(HUB)).pass(5);
        found.v4(HUB, ask(TYPE::A)).pass(5).v4(PHONE, answer(PHONE)).pass(5);
    }
    assert!(found.marked(PHONE, Cause::PingPong) >= 18);
    assert!(found.marked(HUB, Cause::PingPong) >= 18);
}

/// What happens again and again.
type Turn<'a> = &'a dyn Fn(&mut Found);

#[test]
fn ping_pong_is_not_what_clients_do() {
    let third = Host::numbered(10);
    let rows: [(&str, Turn<'_>); 7] = [
        ("it floods, and is answered now and then", &|found| {
            for _ in 0..10 {
                found.v4(PHONE, ask(TYPE::A)).pass(10);
            }
            found.v4(HUB, answer(HUB)).pass(5);
        }),
        ("it asks again when 51 ms have passed", &|found| {
            found.v4(PHONE, ask(TYPE::A)).pass(5).v4(HUB, answer(HUB)).pass(51);
        }),
        ("the answer takes 51 ms", &|found| {
            found.v4(PHONE, ask(TYPE::A)).pass(51).v4(HUB, answer(HUB)).pass(5);
        }),
        ("A, then AAAA, then HTTPS", &|found| {
            for kind in [TYPE::A, TYPE::AAAA, TYPE::HTTPS] {
                found.v4(PHONE, ask(kind)).pass(5).v4(HUB, answer(HUB)).pass(5);
            }
            found.pass(1_000);
        }),
        ("one browses and three answer, over both families", &|found| {
            found.both(PHONE, &ask(TYPE::A)).pass(20);
            for host in [HUB, RIVAL, third] {
                found.both(host, &answer(host)).pass(5);
            }
            found.pass(1_000);
        }),
        ("it asks and answers itself", &|found| {
            found.v4(HUB, ask(TYPE::A)).pass(5).v4(HUB, answer(HUB)).pass(5);
        }),
        ("probes are defended against", &|found| {
            found.v4(PHONE, probe("host", PHONE)).pass(5).v4(HUB, answer(HUB)).pass(5);
        }),
    ];
    for (what, turn) in rows {
        let mut found = Found::new();
        for _ in 0..20 {
            turn(&mut found);
        }
        for host in [PHONE, HUB, RIVAL, third] {
            assert_eq!(found.marked(host, Cause::PingPong), 0, "{what}");
        }
    }
}
