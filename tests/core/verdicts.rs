//! Whole LANs with a known fault, from the bytes of their frames: which device has which cause, at
//! which level, and that no other device has any. Then a day on which all keep the rules.

use crate::engine_wire::Segment;
use crate::scenarios::{self, START, Scenario};
use multicast_exporter::decode::{Sender, decode};
use multicast_exporter::detect::{Hardness, Rule};
use multicast_exporter::engine::{Converted, Event, Snapshot};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::mac::Mac;
use multicast_exporter::simulation::{Options, Simulation, Stream};
use multicast_exporter::storm::{Limits, StormPolicy};
use multicast_exporter::time::{Stamp, Time};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Engine time when the LAN is switched on.
const ZERO: Time = Time(3_600_000_000_000);

/// A segment that hears frames by their own time.
struct Ear(Segment);

impl Ear {
    fn new() -> Self {
        let mut segment = Segment::just_started(Converted::Files);
        segment.engine.handle_event(ZERO, Event::Up);
        Self(segment)
    }

    fn hear(&mut self, at: Duration, bytes: &[u8]) {
        let stamp = Stamp(START.0 + i128::try_from(at.as_nanos()).expect("days"));
        let meta = FrameMeta {
            stamp,
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        self.0.engine.handle_frame(ZERO.plus(at), stamp, &decode(&Frame { meta, bytes }));
    }

    fn after(mut self, length: Duration) -> Snapshot {
        self.0.engine.handle_timeout(ZERO.plus(length));
        self.0.snapshot()
    }
}

fn heard(scenario: &Scenario) -> Snapshot {
    let mut ear = Ear::new();
    if scenario.other_limit.is_some() {
        let limits = Limits { other: scenario.other_limit, ..Limits::default() };
        let policy = StormPolicy { limits, ..StormPolicy::default() };
        ear.0.engine.handle_policy(&Arc::new(policy));
    }
    for frame in scenario.frames(1) {
        let since = frame.stamp.0 - START.0;
        ear.hear(Duration::from_nanos(since.try_into().expect("minutes")), &frame.bytes);
    }
    ear.after(scenario.length)
}

/// A device storm as a reader of the metrics sees it.
type Accusation = (Sender, &'static str, &'static str);

fn accused(snapshot: &Snapshot) -> BTreeSet<String> {
    let device = |storm: &multicast_exporter::storm::Storm| {
        let sender = storm.culprit.sender()?;
        Some(said((sender, storm.level.label(), storm.culprit.cause())))
    };
    snapshot.storms.iter().filter_map(device).collect()
}

/// Each device's conditions, those of `but` left out.
fn conditions(snapshot: &Snapshot, but: &BTreeSet<Mac>) -> BTreeSet<String> {
    let devices = snapshot.devices.iter();
    let innocent = devices.filter(|d| !matches!(&d.sender, Sender::Mac(mac) if but.contains(mac)));
    let all = innocent.flat_map(|device| device.conditions.iter().map(move |c| (device.sender, c)));
    all.map(|(sender, held)| format!("{sender} {}", held.condition.label())).collect()
}

fn said((sender, level, cause): Accusation) -> String {
    match sender {
        Sender::Mac(mac) => format!("{mac} {level} {cause}"),
        Sender::Ip(ip) => format!("{ip} {level} {cause}"),
    }
}

fn segments(snapshot: &Snapshot) -> BTreeSet<&'static str> {
    let storms = snapshot.storms.iter().filter(|storm| storm.culprit.sender().is_none());
    storms.map(|storm| storm.culprit.cause()).collect()
}

/// The rules of this hardness that a device broke.
fn broken(snapshot: &Snapshot, who: &Sender, hardness: Hardness) -> BTreeSet<&'static str> {
    let device = snapshot.devices.iter().find(|device| device.sender == *who);
    let Some(counts) = device.and_then(|device| device.violations.as_ref()) else {
        return BTreeSet::new();
    };
    let rules = Rule::ALL.iter().filter(|rule| counts[**rule] > 0);
    rules.filter(|rule| rule.hardness() == hardness).map(|rule| rule.id()).collect()
}

/// What is said of a scenario that should not be, or is not said that should be.
fn findings(scenario: &Scenario) -> Vec<String> {
    let Scenario { name, expected, .. } = scenario;
    let snapshot = heard(scenario);
    let mut findings = Vec::new();
    let mut find = |what: String| findings.push(format!("{name}: {what}"));
    let wanted: BTreeSet<String> = expected
        .storms
        .iter()
        .map(|(mac, level, cause)| said((Sender::Mac(*mac), level, cause)))
        .collect();
    let storms = accused(&snapshot);
    if storms != wanted {
        find(format!("storms {storms:?} instead of {wanted:?}"));
    }
    let wanted: BTreeSet<&str> = expected.segment.into_iter().collect();
    if segments(&snapshot) != wanted {
        find(format!("segment storms {:?} instead of {wanted:?}", segments(&snapshot)));
    }
    let culprits: BTreeSet<Mac> = expected.storms.iter().map(|(mac, ..)| *mac).collect();
    let wanted: BTreeSet<String> =
        expected.conditions.iter().map(|(mac, condition)| format!("{mac} {condition}")).collect();
    let but: BTreeSet<Mac> = culprits
        .iter()
        .filter(|c| expected.conditions.iter().all(|(m, _)| m != *c))
        .copied()
        .collect();
    let is = conditions(&snapshot, &but);
    if is != wanted {
        find(format!("conditions {is:?} instead of {wanted:?}"));
    }
    for device in &snapshot.devices {
        let is_culprit = matches!(&device.sender, Sender::Mac(mac) if culprits.contains(mac));
        let hard = broken(&snapshot, &device.sender, Hardness::Hard);
        let soft = broken(&snapshot, &device.sender, Hardness::Soft);
        match expected.broken {
            Some((mac, rule)) if device.sender == Sender::Mac(mac) => {
                if !hard.contains(rule) && !soft.contains(rule) {
                    find(format!("{rule} is not counted"));
                }
                if !is_culprit && hard.iter().any(|other| *other != rule) {
                    find(format!("{mac} is accused of {hard:?}"));
                }
            }
            Some(_) | None if is_culprit => {}
            Some(_) | None if hard.is_empty() => {}
            Some(_) | None => find(format!("{:?} is accused of {hard:?}", device.sender)),
        }
    }
    if let Some(kept) = expected.kept {
        let rule = Rule::ALL.iter().find(|rule| rule.id() == kept).expect("a rule");
        if snapshot.violations[*rule] > 0 {
            find(format!("{} times {kept}", snapshot.violations[*rule]));
        }
    }
    findings
}

/// Every scenario of which this holds says what it should.
fn hold(which: impl Fn(&Scenario) -> bool, at_least: usize) {
    let chosen: Vec<Scenario> = scenarios::all().into_iter().filter(|s| which(s)).collect();
    assert!(chosen.len() >= at_least, "{}", chosen.len());
    let findings: Vec<String> = chosen.iter().flat_map(findings).collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

fn has_storm(scenario: &Scenario) -> bool {
    !scenario.expected.storms.is_empty() || scenario.expected.segment.is_some()
}

#[test]
fn each_cause_is_found_and_nobody_else_is_accused() {
    hold(has_storm, 17);
}

#[test]
fn what_comes_close_to_a_storm_is_none() {
    let is_about_a_rule = |s: &Scenario| s.expected.broken.is_some() || s.expected.kept.is_some();
    hold(|scenario| !has_storm(scenario) && !is_about_a_rule(scenario), 15);
}

#[test]
fn each_condition_is_found_at_any_rate_and_nobody_else_has_it() {
    hold(|scenario| !scenario.expected.conditions.is_empty() && !has_storm(scenario), 5);
}

#[test]
fn each_rule_is_counted_against_who_breaks_it_alone() {
    hold(|scenario| scenario.expected.broken.is_some() && !has_storm(scenario), 29);
}

#[test]
fn what_comes_close_to_breaking_a_rule_does_not() {
    hold(|scenario| scenario.expected.kept.is_some(), 29);
}

#[test]
fn every_cause_and_every_rule_has_a_scenario() {
    let names: BTreeSet<&str> = scenarios::all().iter().map(|scenario| scenario.name).collect();
    let causes = multicast_exporter::detect::Cause::ALL.iter().map(|cause| cause.label());
    let rules = Rule::ALL.iter().map(|rule| rule.id());
    let missing: Vec<&str> = causes.chain(rules).filter(|id| !names.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_founding_story_is_told_from_its_first_seconds_to_its_last() {
    let scenario = scenarios::named("stuck_printer").expect("it is there");
    let snapshot = heard(&scenario);
    let [storm] = &snapshot.storms[..] else { panic!("{:?}", snapshot.storms) };
    let seconds = |stamp: Stamp| (stamp.0 - START.0) / 1_000_000_000;
    // 500 frames in whole seconds: the third second of 200 makes them.
    assert_eq!(seconds(storm.start), 603, "{storm:?}");
    // Fewer than 300 in 30 s: of the storm only its last second is left in them.
    let (end, _) = storm.end.expect("it is over");
    assert_eq!(seconds(end), 929, "{storm:?}");
    // From 603 s to 900 s.
    assert!((59_390..=59_410).contains(&storm.packets), "{storm:?}");
    assert!((200..=202).contains(&storm.peak), "{storm:?}");
    let device =
        snapshot.devices.iter().find(|device| storm.culprit.sender() == Some(device.sender));
    let name = device.and_then(|device| device.identity.name.as_deref());
    assert_eq!(name, Some("A1CA45000000.local"));
}

fn healthy(options: Options, length: Duration) -> Snapshot {
    let mut lan = Simulation::new(options);
    let mut ear = Ear::new();
    while let Some((at, bytes)) = lan.frame_until(length) {
        ear.hear(at, bytes);
    }
    ear.after(length)
}

fn offenders(snapshot: &Snapshot, hardness: Hardness) -> Vec<String> {
    let devices = snapshot.devices.iter();
    let rules = devices.map(|device| (device, broken(snapshot, &device.sender, hardness)));
    rules
        .filter(|(_, rules)| !rules.is_empty())
        .map(|(device, rules)| format!("{:?} {rules:?} {:?}", device.sender, device.offences))
        .collect()
}

/// 24 hours; the streamer plays for one of them: all day is 173 million frames.
fn a_day_is_healthy(seed: u64) {
    let start = Duration::from_hours(1);
    let stream = Stream::Between(start, 2 * start);
    let options = Options { seed, stream, ..Options::default() };
    let snapshot = healthy(options, Duration::from_hours(24));
    assert!(snapshot.frames > 7_250_000, "{}", snapshot.frames);
    assert!(snapshot.storms.is_empty(), "{:#?}", snapshot.storms);
    let wrong = conditions(&snapshot, &BTreeSet::new());
    assert!(wrong.is_empty(), "{wrong:?}");
    let hard = offenders(&snapshot, Hardness::Hard);
    assert!(hard.is_empty(), "{hard:#?}");
    assert!(snapshot.decode_errors.is_empty(), "{:?}", snapshot.decode_errors);
}

#[test]
fn a_day_of_a_healthy_lan_is_no_storm_and_breaks_no_hard_rule() {
    a_day_is_healthy(1);
}

#[test]
fn another_day_is_no_storm_and_breaks_no_hard_rule() {
    a_day_is_healthy(2);
}

#[test]
fn a_third_day_is_no_storm_and_breaks_no_hard_rule() {
    a_day_is_healthy(3);
}

#[test]
fn two_hours_of_a_healthy_lan_break_no_soft_rule_either() {
    for seed in 2..5 {
        let options = Options { seed, ..Options::default() };
        let snapshot = healthy(options, Duration::from_hours(2));
        assert!(snapshot.storms.is_empty(), "{:#?}", snapshot.storms);
        let soft = offenders(&snapshot, Hardness::Soft);
        assert!(soft.is_empty(), "seed {seed}: {soft:#?}");
    }
}
