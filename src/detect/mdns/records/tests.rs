//! Signatures, and what the engine's counters do not show, from the bytes of frames. Rules are in
//! `tests/core/detect/records.rs`.

use super::*;
use crate::craft::mdns::{address, ptr, response, txt};
use crate::craft::{Host, Query, Responder, Service};
use crate::decode::mdns::{self, PayloadHash, Shape};
use crate::decode::{Message as Decoded, Protocol, decode};
use crate::detect::memory::questions::{Asker, Questions};
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::sender::SourceId;
use crate::detect::view::Vantage;
use crate::frame::{Direction, Frame, FrameMeta, LinkType};
use crate::time::Stamp;
use proptest::prelude::*;

const KEY: HashKey = HashKey([1, 2, 3, 4]);
const PRINTER: Host = Host::numbered(7);
const PHONE: Host = Host::numbered(8);

/// A detector with its surroundings; time in milliseconds.
struct Bench {
    records: Records,
    questions: Questions,
    vantage: Vantage,
    is_suspended: bool,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            records: Records::new(KEY),
            questions: Questions::default(),
            vantage: Vantage::default(),
            is_suspended: false,
            now: 0,
        }
    }

    /// What is found in a frame that comes `millis` after the last.
    fn after(&mut self, millis: u64, bytes: &[u8]) -> Findings {
        self.now += millis;
        let now = Time(self.now * 1_000_000);
        let meta = FrameMeta {
            stamp: Stamp(now.0.into()),
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Incoming,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        let observation = decode(&Frame { meta, bytes });
        let Decoded::Mdns(datagram) = &observation.message else { panic!("no mDNS") };
        let digest = mdns::digest(datagram, &KEY);
        let hasher = KEY.state();
        let hash = hasher.hash_one(observation.sender);
        let sender = SenderKey::new(observation.sender, hash);
        let shape = Shape::of(datagram, &digest);
        let kind = match shape {
            Shape::Query => Kind::Query,
            Shape::Probe => Kind::Probe,
            Shape::Goodbye => Kind::Goodbye,
            Shape::Answer if self.is_suspended => Kind::Response,
            Shape::Answer => Kind::Announcement,
            Shape::LegacyQuery | Shape::Malformed => panic!("{shape:?}"),
        };
        for question in &digest.questions {
            let asker = if kind == Kind::Probe { Asker::Prober(sender) } else { Asker::Querier };
            self.questions.hear(now, *question, asker);
        }
        let view = View {
            now,
            observation: &observation,
            protocol: Protocol::Mdns,
            sender,
            source: SourceId(hasher.hash_one((hash, observation.ip.map(|ip| ip.source)))),
            mdns: Some(Mdns { datagram, digest: &digest, payload: PayloadHash(0), kind }),
            questions: &self.questions,
            is_suspended: self.is_suspended,
            vantage: &self.vantage,
            limits: &crate::detect::ConditionLimits::USUAL,
            hasher: &hasher,
        };
        let mut findings = Findings::default();
        self.records.handle(&view, &mut findings);
        findings
    }

    fn signatures(&mut self, millis: u64, bytes: &[u8]) -> Vec<Cause> {
        self.after(millis, bytes).signatures().iter().collect()
    }
}

fn rules(findings: &Findings) -> Vec<Rule> {
    findings.offences().iter().map(|offence| offence.rule).collect()
}

fn host() -> Vec<u8> {
    PRINTER.mdns4(response([address("A1CA45000000.local", PRINTER.v4.into())]))
}

fn counter(n: u64) -> Vec<u8> {
    PRINTER.mdns4(response([txt("Canon._ipp._tcp.local", &[format!("uptime={n}")])]))
}

#[test]
fn a_repeated_response_is_marked_from_its_second_packet_on_and_during_suspension() {
    let mut bench = Bench::new();
    bench.is_suspended = true;
    assert_eq!(bench.signatures(0, &host()), []);
    for _ in 0..400 {
        let findings = bench.after(5, &host());
        assert_eq!(findings.signatures().iter().collect::<Vec<_>>(), [Cause::RepeatedResponse]);
        assert_eq!(rules(&findings), []);
    }
    bench.is_suspended = false;
    for _ in 0..4 {
        let findings = bench.after(5, &host());
        assert_eq!(findings.signatures().iter().collect::<Vec<_>>(), [Cause::RepeatedResponse]);
        let [offence] = findings.offences() else { panic!("{findings:?}") };
        assert_eq!(offence.rule, Rule::RecordInterval);
        assert_eq!(offence.subject, Some(Subject::Record(0)));
        assert_eq!(offence.gap, Some(Duration::from_millis(5)));
    }
}

#[test]
fn what_is_asked_for_or_a_second_old_is_not_marked() {
    let mut bench = Bench::new();
    let query = PHONE.mdns4(Query::new("a1ca45000000.local", simple_dns::TYPE::A));
    let probe = PHONE.mdns4(Responder::new("A1CA45000000", PHONE).probe());
    for (asked, millis, expected) in [
        (None, 0, &[][..]),
        (None, 1_000, &[]),
        (None, 999, &[Cause::RepeatedResponse]),
        (Some(&query), 5, &[]),
        (Some(&probe), 5, &[]),
        (None, 5, &[Cause::RepeatedResponse]),
    ] {
        if let Some(asked) = asked {
            bench.after(0, asked);
        }
        assert_eq!(bench.signatures(millis, &host()), expected);
    }
}

/// systemd-resolved answers each of two questions that came within a millisecond, and two programs
/// may answer each.
#[test]
fn twice_as_many_answers_as_questions_were_asked_for() {
    let query = PHONE.mdns4(Query::new("a1ca45000000.local", simple_dns::TYPE::A));
    // The bench takes answers for announcements, of which there are too many.
    let intervals = |findings: &Findings| {
        let mut rules = rules(findings);
        rules.retain(|rule| *rule != Rule::AnnouncementCount);
        rules
    };
    for questions in 1..=4 {
        let mut bench = Bench::new();
        bench.after(0, &query);
        assert_eq!(bench.signatures(100, &host()), []);
        for _ in 0..questions {
            bench.after(10, &query);
        }
        for answer in 0..2 * questions {
            let findings = bench.after(1, &host());
            assert!(findings.signatures().is_empty(), "{questions}, {answer}");
            assert_eq!(intervals(&findings), [Rule::RecordIntervalAsked], "{questions}, {answer}");
        }
        for _ in 0..3 {
            let findings = bench.after(1, &host());
            assert_eq!(findings.signatures().iter().collect::<Vec<_>>(), [Cause::RepeatedResponse]);
            assert_eq!(intervals(&findings), [Rule::RecordInterval], "{questions}");
        }
    }
}

#[test]
fn what_goes_and_comes_back_three_times_in_a_minute_flaps_in_both_directions() {
    let printer = Responder::new("canon", PRINTER);
    let (come, go) = (printer.announcement(), printer.goodbye());
    let (come, go) = (PRINTER.mdns4(come), PRINTER.mdns4(go));
    let mut bench = Bench::new();
    assert_eq!(bench.signatures(0, &come), []);
    for _ in 0..2 {
        assert_eq!(bench.signatures(10_000, &go), []);
        // A goodbye is often said several times.
        assert_eq!(bench.signatures(1_000, &go), []);
        let back = bench.after(10_000, &come);
        assert!(back.signatures().is_empty() && !rules(&back).contains(&Rule::GoodbyeRate));
        assert_eq!(bench.signatures(1_000, &come), []);
    }
    assert_eq!(bench.signatures(8_000, &go), []);
    // The first goodbye was said 53 s ago.
    let third = bench.after(10_000, &come);
    assert!(third.signatures().contains(Cause::GoodbyeFlapping));
    assert!(rules(&third).contains(&Rule::GoodbyeRate));
    let again = bench.after(1_000, &come);
    assert!(again.signatures().contains(Cause::GoodbyeFlapping));
    assert!(!rules(&again).contains(&Rule::GoodbyeRate), "it came back once");
    assert!(bench.signatures(1_000, &go).contains(&Cause::GoodbyeFlapping));
    assert!(!bench.signatures(60_000, &go).contains(&Cause::GoodbyeFlapping));
}

#[test]
fn a_record_that_goes_three_times_in_more_than_a_minute_does_not_flap() {
    let printer = Responder::new("canon", PRINTER);
    let (come, go) = (PRINTER.mdns4(printer.announcement()), PRINTER.mdns4(printer.goodbye()));
    let mut bench = Bench::new();
    for _ in 0..10 {
        assert_eq!(bench.signatures(15_000, &go), []);
        let back = bench.after(15_001, &come);
        assert!(back.signatures().is_empty() && !rules(&back).contains(&Rule::GoodbyeRate));
    }
}

#[test]
fn txt_data_that_changes_more_than_ten_times_a_minute_churns() {
    let mut bench = Bench::new();
    // The first is no change, ten are.
    for n in 0..11 {
        let findings = bench.after(5_000, &counter(n));
        assert!(findings.signatures().is_empty() && findings.offences().is_empty(), "{n}");
    }
    let eleventh = bench.after(5_000, &counter(11));
    assert!(eleventh.signatures().contains(Cause::RecordChurn));
    assert_eq!(rules(&eleventh), [Rule::UpdateRate]);
    // The same again is in a churn, but breaks nothing by itself.
    let same = bench.after(2_000, &counter(11));
    assert!(same.signatures().contains(Cause::RecordChurn) && same.offences().is_empty());
    assert_eq!(bench.signatures(2_000, &host()), []);
    assert_eq!(bench.signatures(15_000, &counter(12)), []);
}

#[test]
fn other_records_that_change_break_the_rule_without_a_churn() {
    let mut bench = Bench::new();
    let move_to = |n: u16| {
        let host = crate::craft::mdns::srv("Canon._ipp._tcp.local", "canon.local", n);
        PRINTER.mdns4(response([host]))
    };
    for n in 0..11 {
        assert_eq!(rules(&bench.after(1_000, &move_to(n))), [], "{n}");
    }
    let findings = bench.after(1_000, &move_to(11));
    assert_eq!(rules(&findings), [Rule::UpdateRate]);
    assert!(findings.signatures().is_empty());
}

#[test]
fn some_addresses_of_many_and_shared_records_are_no_changes() {
    let mut bench = Bench::new();
    let v6 = |n: u16| std::net::Ipv6Addr::from([0xfe80, 0, 0, 0, 0, 0, 0, n]);
    let some = |numbers: &[u16]| {
        let records = numbers.iter().map(|n| address("canon.local", v6(*n).into()));
        PRINTER.mdns4(response(records))
    };
    let service = |n: u16| {
        PRINTER.mdns4(response([ptr("_ipp._tcp.local", &format!("p{n}._ipp._tcp.local"))]))
    };
    for n in 0..100 {
        let findings = bench.after(1_000, &some([&[1, 2][..], &[2], &[2, 1], &[1]][n % 4]));
        assert!(!rules(&findings).contains(&Rule::UpdateRate));
        let shared = bench.after(0, &service(u16::try_from(n).expect("small")));
        assert!(!rules(&shared).contains(&Rule::UpdateRate));
    }
    // Two new ones in one message are one change.
    for n in 0..10 {
        assert_eq!(rules(&bench.after(1_000, &some(&[2 * n + 10, 2 * n + 11]))), [], "{n}");
    }
    assert_eq!(rules(&bench.after(1_000, &some(&[100]))), [Rule::UpdateRate]);
}

#[test]
fn a_record_in_both_sections_is_no_change_and_no_repetition() {
    let mut bench = Bench::new();
    let text = || txt("Canon._ipp._tcp.local", &["a=b".to_owned()]);
    let mut packet = crate::craft::mdns::reply();
    packet.answers.push(text());
    let once = PRINTER.mdns4(crate::craft::mdns::message(&packet));
    packet.additional_records.push(text());
    let twice = PRINTER.mdns4(crate::craft::mdns::message(&packet));
    for _ in 0..30 {
        for message in [&once, &twice] {
            let findings = bench.after(1_000, message);
            assert!(findings.signatures().is_empty(), "{findings:?}");
            assert!(rules(&findings).iter().all(|rule| *rule == Rule::AnnouncementCount));
        }
    }
}

#[test]
fn wireless_links_are_given_350_milliseconds() {
    let probe = PHONE.mdns4(Responder::new("A1CA45000000", PHONE).probe());
    for (is_wireless, after_another, after_a_probe) in [
        (false, [(899, 1), (900, 0)], [(224, 1), (225, 0)]),
        (true, [(649, 1), (650, 0)], [(1, 0), (0, 0)]),
    ] {
        let offences = |millis: u64, is_probed: bool| {
            let mut bench = Bench::new();
            bench.vantage.is_wireless = is_wireless;
            bench.after(0, &host());
            if is_probed {
                bench.after(0, &probe);
            }
            let findings = bench.after(millis, &host());
            let is_early =
                |rule: &Rule| matches!(rule, Rule::RecordInterval | Rule::RecordIntervalSoft);
            rules(&findings).iter().filter(|rule| is_early(rule)).count()
        };
        for (millis, expected) in after_another {
            assert_eq!(offences(millis, false), expected, "{millis} ms");
        }
        for (millis, expected) in after_a_probe {
            assert_eq!(offences(millis, true), expected, "{millis} ms after a probe");
        }
    }
}

#[test]
fn memory_has_a_bound_and_beyond_it_nobody_is_accused() {
    let mut bench = Bench::new();
    let invented = |n: u32| {
        let list =
            (0..100).map(|m| ptr("_x._tcp.local", &format!("{}._x._tcp.local", 100 * n + m)));
        PHONE.mdns4(response(list))
    };
    let flood: Vec<Vec<u8>> = (0..300).map(invented).collect();
    // Between two sendings of the printer's address it is forgotten.
    for n in 0..12 {
        let printer = bench.after(3_000, &host());
        assert!(printer.offences().is_empty() && printer.signatures().is_empty(), "{n}");
        for frame in &flood {
            bench.after(0, frame);
        }
    }
    assert_eq!(bench.records.sent.capacity(), 16_384);
    assert!(bench.records.forgot.is_some());
}

/// What can happen to the printer's TXT record.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It is announced with this data.
    Come(u64),
    /// Its goodbye is said with this data.
    Go(u64),
    /// The printer probes for its name.
    Probe,
}

proptest! {
    /// Against a history that forgets nothing and looks at all of it.
    #[test]
    fn agrees_with_a_naive_history(
        steps in prop::collection::vec(
            (
                prop::sample::select(vec![10, 1_000, 3_000, 5_000, 10_000, 30_000, 600_000]),
                prop_oneof![
                    6 => (0_u64..2).prop_map(Step::Come),
                    3 => (0_u64..2).prop_map(Step::Go),
                    1 => Just(Step::Probe),
                ],
            ),
            1..80,
        ),
    ) {
        let canon = Responder::new("canon", PRINTER).service(Service::new("Canon", "_ipp._tcp", 1));
        let mut bench = Bench::new();
        let mut now = 0;
        let mut current = None;
        let mut changes: Vec<u64> = Vec::new();
        // By data: announcements since counting started anew, trips, the last goodbye.
        let mut announced = [Vec::new(), Vec::new()];
        let mut trips: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
        let mut gone = [None, None];
        for (millis, step) in steps {
            now += millis;
            let (bytes, is_back, is_changed, place) = match step {
                Step::Come(n) => {
                    let place = usize::try_from(n).expect("small");
                    let is_changed = current.is_some_and(|current| current != n);
                    current = Some(n);
                    if is_changed {
                        changes.push(now);
                        announced[place].clear();
                    }
                    announced[place].push(now);
                    let went: Option<u64> = gone[place].take();
                    trips[place].extend(went);
                    (counter(n), went.is_some(), is_changed, place)
                }
                Step::Go(n) => {
                    let place = usize::try_from(n).expect("small");
                    announced[place].clear();
                    gone[place] = Some(now);
                    let mut bye = txt("Canon._ipp._tcp.local", &[format!("uptime={n}")]);
                    bye.ttl = 0;
                    (PRINTER.mdns4(response([bye])), false, false, place)
                }
                Step::Probe => {
                    announced = [Vec::new(), Vec::new()];
                    bench.after(millis, &PRINTER.mdns4(canon.probe()));
                    continue;
                }
            };
            let findings = bench.after(millis, &bytes);
            let within = |times: &[u64], span: u64| times.iter().filter(|t| now - **t <= span).count();
            let is_alive = matches!(step, Step::Come(_));
            let flaps = within(&trips[place], 60_000) >= 3;
            let churns = within(&changes, 60_000) > 10;
            let times = &announced[place];
            let gaps: Vec<u64> = times.windows(2).rev().take(3).map(|w| w[1] - w[0]).collect();
            let least = gaps.iter().min().copied().unwrap_or_default();
            let most = gaps.iter().max().copied().unwrap_or_default();
            let is_regular = gaps.len() == 3 && least >= 10_000 && (most - least) * 10 <= most;
            let too_many = is_alive && (within(times, 3_600_000) > 8 || is_regular);
            for (rule, expected) in [
                (Rule::AnnouncementCount, too_many),
                (Rule::UpdateRate, is_changed && churns),
                (Rule::GoodbyeRate, is_back && flaps),
            ] {
                prop_assert_eq!(rules(&findings).contains(&rule), expected, "{:?}", rule);
            }
            prop_assert_eq!(findings.signatures().contains(Cause::GoodbyeFlapping), flaps);
            prop_assert_eq!(findings.signatures().contains(Cause::RecordChurn), is_alive && churns);
        }
    }
}

#[test]
fn entries_are_as_large_as_is_said() {
    assert_eq!(size_of::<SentRecord>(), 120);
    assert_eq!(size_of::<Announced>(), 48);
    assert_eq!(size_of::<Withdrawn>(), 32);
    assert_eq!(size_of::<Sending>(), 16);
}
