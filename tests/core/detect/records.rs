//! Rules about the records that a device sends, from the bytes of frames to its violations: each
//! rule broken once, and the nearest harmless behaviour. Signatures are tested beside the code.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::MDNS_V4;
use multicast_exporter::craft::mdns::{
    SERVICE_TYPES, address, message, nsec, ptr, record, reply, response, srv, txt,
};
use multicast_exporter::craft::{Host, Query, Responder, Service, Udp};
use multicast_exporter::decode::mdns::RType;
use multicast_exporter::detect::Rule;
use multicast_exporter::engine::{Converted, Event};
use proptest::prelude::*;
use simple_dns::rdata::{PTR, RData};
use simple_dns::{QTYPE, ResourceRecord, TYPE};
use std::time::Duration;

const PRINTER: Host = Host::numbered(7);
const PHONE: Host = Host::numbered(8);
const LAPTOP: Host = Host::numbered(9);
const SERVICE: &str = "Canon._ipp._tcp.local";

/// The rules of this file.
const RULES: [Rule; 6] = [
    Rule::RecordInterval,
    Rule::RecordIntervalSoft,
    Rule::RecordIntervalAsked,
    Rule::AnnouncementCount,
    Rule::UpdateRate,
    Rule::GoodbyeRate,
];

fn canon() -> Responder {
    Responder::new("canon", PRINTER).service(Service::new("Canon", "_ipp._tcp", 631))
}

fn a() -> ResourceRecord<'static> {
    address("canon.local", PRINTER.v4.into())
}

fn a_record() -> Vec<u8> {
    PRINTER.mdns4(response([a()]))
}

fn ask_a() -> Vec<u8> {
    PHONE.mdns4(Query::new("canon.local", TYPE::A))
}

fn of_host(segment: &Segment, host: Host) -> Vec<(Rule, u64)> {
    let counts = segment.device(host).and_then(|device| device.violations);
    let count = |rule: Rule| counts.as_ref().map_or(0, |counts| counts[rule]);
    RULES.into_iter().map(|rule| (rule, count(rule))).filter(|(_, n)| *n > 0).collect()
}

/// What is on the printer's account after these frames, each so many milliseconds after the last.
fn after(frames: &[(u64, Vec<u8>)]) -> Vec<(Rule, u64)> {
    let mut segment = Segment::new();
    for (millis, frame) in frames {
        segment.pass(*millis).hear(frame);
    }
    of_host(&segment, PRINTER)
}

const NONE: [(Rule, u64); 0] = [];
const HARD: [(Rule, u64); 1] = [(Rule::RecordInterval, 1)];
const LATE: [(Rule, u64); 1] = [(Rule::RecordIntervalSoft, 1)];
const SOFT: [(Rule, u64); 1] = [(Rule::RecordIntervalAsked, 1)];

#[test]
fn record_interval() {
    assert_eq!(after(&[(0, a_record()), (699, a_record())]), HARD);
    assert_eq!(after(&[(0, a_record()), (700, a_record())]), LATE);
    assert_eq!(after(&[(0, a_record()), (899, a_record())]), LATE);
    assert_eq!(after(&[(0, a_record()), (900, a_record())]), NONE);
    // Announced twice, a second apart, as everybody does; and thrice.
    let announce = || PRINTER.mdns4(canon().announcement());
    assert_eq!(after(&[(0, announce()), (1_000, announce()), (2_000, announce())]), NONE);
    // avahi: 810 ms from the host's announcement to that of its service.
    assert_eq!(after(&[(0, a_record()), (810, announce())]), LATE);
    // Over IPv6 it is the same.
    let v6 = || PRINTER.mdns6(response([a()]));
    assert_eq!(after(&[(0, v6()), (699, v6()), (700, v6()), (900, v6())]), [HARD[0], LATE[0]]);
    // Many records too soon are one violation of one message.
    assert_eq!(after(&[(0, announce()), (300, announce())]), HARD);
}

#[test]
fn record_interval_in_words() {
    let mut segment = Segment::new();
    segment.hear(&a_record()).pass(5).hear(&a_record());
    let offences = segment.device(PRINTER).expect("a row").offences;
    let offence = offences.iter().find(|o| o.rule == Rule::RecordInterval).expect("one");
    assert_eq!(offence.name.as_deref(), Some("canon.local"));
    assert_eq!((offence.rtype, offence.gap), (Some(RType::A), Some(Duration::from_millis(5))));
}

#[test]
fn record_interval_of_what_is_not_the_same_record() {
    let one = |record| PRINTER.mdns4(response([record]));
    let other_data = address("canon.local", [10, 53, 0, 70].into());
    let other_name = address("canon-2.local", PRINTER.v4.into());
    let other_type = address("canon.local", PRINTER.v6.into());
    for other in [other_data, other_name, other_type] {
        assert_eq!(after(&[(0, a_record()), (100, one(other.clone()))]), NONE, "{other:?}");
    }
    // Another TTL, case, or cache-flush bit does not make another record.
    let longer = record("canon.local", true, 4_500, a().rdata);
    let shouted = address("CANON.Local", PRINTER.v4.into());
    let shared = record("canon.local", false, 120, a().rdata);
    for same in [longer, shouted, shared] {
        assert_eq!(after(&[(0, a_record()), (100, one(same.clone()))]), HARD, "{same:?}");
    }
    // A goodbye is no repetition, nor is one said thrice.
    let bye = || one(record("canon.local", true, 0, a().rdata));
    assert_eq!(after(&[(0, a_record()), (100, bye())]), NONE);
    assert_eq!(after(&[(0, a_record()), (5_000, bye()), (100, a_record())]), NONE);
    assert_eq!(after(&[(0, bye()), (125, bye()), (125, bye())]), NONE);
}

#[test]
fn record_interval_by_source() {
    // The same message over IPv4 and IPv6.
    let both = |millis| {
        [
            (millis, PRINTER.mdns4(canon().announcement())),
            (1, PRINTER.mdns6(canon().announcement())),
        ]
    };
    assert_eq!(after(&[both(0), both(1_000)].concat()), NONE);
    // Two devices share a record that lists a type.
    let listed = |host: Host, more| {
        host.mdns4(response([ptr(SERVICE_TYPES, "_ipp._tcp.local"), address(more, host.v4.into())]))
    };
    let mut segment = Segment::new();
    segment.hear(&listed(PRINTER, "canon.local")).pass(100).hear(&listed(LAPTOP, "l.local"));
    assert_eq!(of_host(&segment, PRINTER), NONE);
    assert_eq!(of_host(&segment, LAPTOP), NONE);
}

#[test]
fn record_interval_is_about_multicast_responses_from_port_5353() {
    let answer = || canon().address_response();
    // Answers to questions with the QU bit go to one host.
    let unicast = || PRINTER.mdns_unicast4(PHONE, answer());
    assert_eq!(after(&[(0, unicast()), (100, unicast())]), NONE);
    assert_eq!(after(&[(0, PRINTER.mdns4(answer())), (100, unicast())]), NONE);
    let from_elsewhere = || PRINTER.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, answer()));
    assert_eq!(after(&[(0, from_elsewhere()), (100, from_elsewhere())]), NONE);
    // Known answers and proposed records are not sent as answers.
    let known = || PRINTER.mdns4(Query::new("canon.local", TYPE::A).known(a()));
    assert_eq!(after(&[(0, known()), (100, known())]), NONE);
    let probe = || PRINTER.mdns4(canon().probe());
    assert_eq!(after(&[(0, probe()), (250, probe()), (250, probe()), (250, a_record())]), NONE);
}

#[test]
fn record_interval_within_one_message() {
    let mut packet = reply();
    packet.answers.extend([a(), a()]);
    packet.additional_records.push(a());
    let thrice = PRINTER.mdns4(message(&packet));
    assert_eq!(after(&[(0, thrice.clone())]), NONE);
    assert_eq!(after(&[(0, thrice.clone()), (500, thrice)]), HARD);
    // Among the additional records it counts as well.
    let mut packet = reply();
    packet.answers.push(nsec("other.local", &[TYPE::A]));
    packet.additional_records.push(a());
    assert_eq!(after(&[(0, a_record()), (500, PRINTER.mdns4(message(&packet)))]), HARD);
}

#[test]
fn record_interval_while_silence_proves_nothing() {
    let mut segment = Segment::just_started(Converted::Live);
    for _ in 0..400 {
        segment.hear(&a_record()).pass(5);
    }
    assert_eq!(of_host(&segment, PRINTER), NONE);
    // What was heard by then is remembered.
    segment.hear(&a_record());
    assert_eq!(of_host(&segment, PRINTER), HARD);
    segment.pass(10_000).hear(&a_record());
    let now = segment.now();
    segment.engine.handle_event(now, Event::Dropped(1));
    segment.pass(5).hear(&a_record());
    assert_eq!(of_host(&segment, PRINTER), HARD);
}

#[test]
fn record_interval_of_the_stuck_printer() {
    let stuck = Host::numbered(1_008);
    let packet = stuck.mdns4(response([address("A1CA45000000.local", stuck.v4.into())]));
    let mut segment = Segment::new();
    segment.hear(&packet);
    for _ in 0..2_000 {
        segment.pass(5).hear(&packet);
    }
    let counts = of_host(&segment, stuck);
    assert_eq!(counts[0], (Rule::RecordInterval, 2_000), "each packet but the first");
    // Eight announcements are allowed.
    assert_eq!(counts[1..], [(Rule::AnnouncementCount, 2_001 - 8)]);
}

#[test]
fn record_interval_asked() {
    let answer_twice = |question: Vec<u8>| {
        after(&[(0, ask_a()), (20, a_record()), (490, question), (20, a_record())])
    };
    assert_eq!(answer_twice(ask_a()), SOFT);
    // By the printer itself, for anything, over IPv6, to one host, or from another port.
    let any = Query::new("CANON.local", TYPE::TXT).and("canon.local", QTYPE::ANY, true);
    let legacy = Query::new("canon.local", TYPE::A).id(7);
    for question in [
        PRINTER.mdns4(any.clone()),
        PHONE.mdns6(any.clone()),
        PHONE.mdns_unicast4(PRINTER, any),
        PHONE.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, legacy)),
    ] {
        assert_eq!(answer_twice(question), SOFT);
    }
    // For something else.
    for question in [
        PHONE.mdns4(Query::new("canon.local", TYPE::AAAA)),
        PHONE.mdns4(Query::new("other.local", TYPE::A)),
        PHONE.mdns4(response([address("phone.local", PHONE.v4.into())])),
    ] {
        assert_eq!(answer_twice(question), HARD);
    }
    assert_eq!(after(&[(0, ask_a()), (20, a_record()), (879, ask_a()), (20, a_record())]), SOFT);
    assert_eq!(after(&[(0, ask_a()), (20, a_record()), (880, ask_a()), (20, a_record())]), NONE);
}

#[test]
fn record_interval_asked_before_is_not_asked_in_between() {
    assert_eq!(after(&[(0, ask_a()), (20, a_record()), (481, a_record())]), HARD);
    // Whatever the clock's resolution: the order counts.
    assert_eq!(after(&[(0, ask_a()), (0, a_record()), (501, a_record())]), HARD);
    assert_eq!(after(&[(0, a_record()), (0, ask_a()), (501, a_record())]), SOFT);
    assert_eq!(after(&[(0, a_record()), (501, a_record()), (0, ask_a())]), HARD);
}

/// RFC 6762 section 15: several responders may be behind one MAC, and each answers.
#[test]
fn record_interval_asked_by_one_question_of_two_programs() {
    let answers = |ask: Vec<u8>, record: fn() -> Vec<u8>, gaps: &[u64]| {
        let mut frames = vec![(0, ask)];
        frames.extend(gaps.iter().map(|gap| (*gap, record())));
        after(&frames)
    };
    let v6 = || PRINTER.mdns6(response([a()]));
    for (ask, record) in [(ask_a(), a_record as fn() -> Vec<u8>), (ask_a(), v6)] {
        assert_eq!(answers(ask.clone(), record, &[20, 480]), SOFT);
        assert_eq!(answers(ask.clone(), record, &[20, 481]), HARD, "no longer within 500 ms");
        assert_eq!(answers(ask, record, &[20, 20, 20]), [HARD[0], SOFT[0]], "a third one");
    }
    // A question for something else in between changes nothing.
    let other = || PHONE.mdns4(Query::browse("_http._tcp"));
    let with_another = [(0, ask_a()), (20, a_record()), (10, other()), (20, a_record())];
    assert_eq!(after(&with_another), SOFT);
    // Nor does a unicast answer count as one.
    let unicast = || PRINTER.mdns_unicast4(PHONE, canon().address_response());
    let with_unicast = [(0, ask_a()), (20, unicast()), (20, a_record()), (20, a_record())];
    assert_eq!(after(&with_unicast), SOFT);
}

/// The list of all types is nobody's alone: each program of a host has its types in it.
#[test]
fn record_interval_of_the_list_of_types() {
    let listed = || ptr(SERVICE_TYPES, "_http._tcp.local");
    let program = |name: &str, host: Host| {
        let instance = format!("{name}._http._tcp.local");
        let own = [
            ptr("_http._tcp.local", &instance),
            srv(&instance, &format!("{name}.local"), 80),
            address(&format!("{name}.local"), host.v4.into()),
        ];
        response(own.into_iter().chain([listed()]))
    };
    let say = |name: &str| PRINTER.mdns4(program(name, PRINTER));
    assert_eq!(after(&[(0, say("one")), (10, say("two"))]), NONE);
    assert_eq!(after(&[(0, say("one")), (10, say("two")), (300, say("one"))]), HARD);
    // All five programs of a host answer a question for it.
    let alone = || PRINTER.mdns4(response([listed()]));
    let ask = || PHONE.mdns4(Query::new(SERVICE_TYPES, TYPE::PTR));
    let mut answers = vec![(0, ask())];
    answers.extend((0..5).map(|_| (40, alone())));
    assert_eq!(after(&answers), [(Rule::RecordIntervalAsked, 4)]);
    // Nobody asked, or too long ago: that is one program which repeats itself.
    assert_eq!(after(&[(0, alone()), (300, alone())]), HARD);
    assert_eq!(after(&[(0, ask()), (100, alone()), (401, alone())]), HARD);
    // One program leaves and the other stays, again and again.
    let bye = || {
        let mut bye = listed();
        bye.ttl = 0;
        PRINTER.mdns4(response([bye]))
    };
    let trips: Vec<_> = (0..8).flat_map(|_| [(3_000, alone()), (3_000, bye())]).collect();
    assert_eq!(after(&trips), NONE);
}

/// RFC 6762 section 6.6: what somebody else withdraws, or gives less than half of its life, its
/// owner must send again.
#[test]
fn record_interval_of_what_another_withdrew() {
    let listed = |ttl| {
        let mut record = ptr("_ipp._tcp.local", SERVICE);
        record.ttl = ttl;
        response([record])
    };
    let mine = || PRINTER.mdns4(listed(4_500));
    let with = |between: Vec<u8>| after(&[(0, mine()), (200, between), (100, mine())]);
    for (what, between, expected) in [
        ("nothing", PHONE.mdns4(Query::browse("_http._tcp")), HARD),
        ("a goodbye", LAPTOP.mdns4(listed(0)), SOFT),
        ("over IPv6", LAPTOP.mdns6(listed(0)), SOFT),
        ("less than half", LAPTOP.mdns4(listed(2_249)), SOFT),
        ("half", LAPTOP.mdns4(listed(2_250)), HARD),
        ("a goodbye of another program of the host", PRINTER.mdns6(listed(0)), SOFT),
        ("a short life, by another program", PRINTER.mdns6(listed(120)), SOFT),
        (
            "another record",
            LAPTOP.mdns4(response([ptr("_ipp._tcp.local", "x._ipp._tcp.local")])),
            HARD,
        ),
        ("to one host", LAPTOP.mdns_unicast4(PRINTER, listed(0)), HARD),
        ("a known answer", LAPTOP.mdns4(Query::browse("_http._tcp").known(a())), HARD),
    ] {
        assert_eq!(with(between), expected, "{what}");
    }
    // One goodbye, one answer; and it must come after it.
    let bye = || LAPTOP.mdns4(listed(0));
    let twice = [(0, mine()), (200, bye()), (100, mine()), (100, mine())];
    assert_eq!(after(&twice), [HARD[0], SOFT[0]]);
    assert_eq!(after(&[(0, bye()), (100, mine()), (100, mine())]), HARD);
    // The host's address with a tenth of its life; two minutes are what it should have.
    let short = |ttl| LAPTOP.mdns4(response([record("canon.local", true, ttl, a().rdata)]));
    assert_eq!(after(&[(0, a_record()), (200, short(12)), (100, a_record())]), SOFT);
    assert_eq!(after(&[(0, a_record()), (200, short(119)), (100, a_record())]), HARD);
}

/// An NSEC record that comes along with new data of its name says nothing of its own.
#[test]
fn record_interval_of_nsec_beside_new_data() {
    let renamed = |host: &str| {
        let mut packet = reply();
        let reverse = "7.0.53.10.in-addr.arpa";
        packet.answers.push(record(reverse, true, 120, ptr("x", host).rdata));
        packet.additional_records.push(nsec(reverse, &[TYPE::PTR]));
        PRINTER.mdns4(message(&packet))
    };
    let name = |n: u64| (if n == 0 { 0 } else { 200 }, renamed(&format!("canon-{n}.local")));
    assert_eq!(after(&[name(0), name(1), name(2)]), NONE);
    assert_eq!(after(&[name(0), (200, renamed("canon-0.local"))]), HARD);
    let alone = || PRINTER.mdns4(response([nsec("canon.local", &[TYPE::A])]));
    assert_eq!(after(&[(0, alone()), (200, alone())]), HARD);
}

#[test]
fn record_interval_asked_of_what_comes_along() {
    // The host's addresses are additional to the answers to two questions.
    let services = canon().service(Service::new("Canon", "_http._tcp", 80));
    let ask = |service| PHONE.mdns4(Query::browse(service));
    let answer = |service| PRINTER.mdns4(services.response(service));
    let answers = [
        (0, ask("_ipp._tcp")),
        (20, answer("_ipp._tcp")),
        (300, ask("_http._tcp")),
        (20, answer("_http._tcp")),
    ];
    assert_eq!(after(&answers), SOFT);
    let unasked = [answers[0].clone(), answers[1].clone(), (320, answer("_http._tcp"))];
    assert_eq!(after(&unasked), HARD);
}

#[test]
fn record_interval_after_a_probe() {
    let probe = |host: Host| host.mdns4(Responder::new("canon", host).probe());
    let defend = |millis| after(&[(0, a_record()), (0, probe(PHONE)), (millis, a_record())]);
    assert_eq!(defend(224), HARD);
    assert_eq!(defend(225), NONE);
    assert_eq!(defend(800), NONE);
    // Three probes 250 ms apart, each answered at once.
    let mut fight = vec![(0, a_record())];
    for _ in 0..3 {
        fight.extend([(245, probe(PHONE)), (5, a_record())]);
    }
    assert_eq!(after(&fight), NONE);
    // Its own probes are no questions, nor are those of others for other names.
    assert_eq!(after(&[(0, a_record()), (100, probe(PRINTER)), (400, a_record())]), HARD);
    let other = PHONE.mdns4(Responder::new("phone", PHONE).probe());
    assert_eq!(after(&[(0, a_record()), (100, other), (400, a_record())]), HARD);
    // A probe before is none in between.
    assert_eq!(after(&[(0, probe(PHONE)), (5, a_record()), (400, a_record())]), HARD);
    // It was asked for besides.
    let both = [(0, a_record()), (10, probe(PHONE)), (10, ask_a()), (10, a_record())];
    assert_eq!(after(&both), SOFT);
}

/// The printer's announcement of its address, so many milliseconds after the last each.
fn announced(gaps: impl IntoIterator<Item = u64>) -> Vec<(u64, Vec<u8>)> {
    gaps.into_iter().map(|millis| (millis, a_record())).collect()
}

const TOO_MANY: [(Rule, u64); 1] = [(Rule::AnnouncementCount, 1)];

#[test]
fn announcement_count() {
    // As RFC 6762 section 8.3 allows: eight, each gap twice the last.
    let doubling: Vec<u64> = (0..8).map(|n| if n == 0 { 0 } else { 1_000 << (n - 1) }).collect();
    assert_eq!(after(&announced(doubling.clone())), NONE);
    let ninth = |millis| announced(doubling.iter().copied().chain([millis]));
    assert_eq!(after(&ninth(128_000)), TOO_MANY);
    assert_eq!(after(&ninth(3_600_000 - 127_000)), TOO_MANY);
    assert_eq!(after(&ninth(3_600_000 - 126_999)), NONE);
    // Over IPv6 it is another history; answers are no announcements.
    let mut both = announced(doubling.clone());
    both.push((10_000, PRINTER.mdns6(response([a()]))));
    both.extend([(10_000, ask_a()), (20, a_record())]);
    assert_eq!(after(&both), NONE);
}

#[test]
fn announcement_count_at_regular_intervals() {
    assert_eq!(after(&announced([0, 60_000, 60_000, 60_000])), TOO_MANY);
    assert_eq!(after(&announced([0, 60_000, 55_000, 58_000])), TOO_MANY);
    assert_eq!(after(&announced([0, 3_600_000, 3_600_000, 3_600_000])), TOO_MANY);
    assert_eq!(after(&announced([0, 60_000, 60_000])), NONE);
    assert_eq!(after(&announced([0, 60_000, 53_000, 60_000])), NONE);
    assert_eq!(after(&announced([0, 9_900, 9_900, 9_900])), NONE);
    assert_eq!(after(&announced([0, 10_000, 20_000, 40_000])), NONE);
}

#[test]
fn announcement_count_starts_anew() {
    let anew = |between: Vec<u8>| {
        let mut frames = announced([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
        frames.push((60_000, between));
        frames.extend(announced([60_000, 1_000, 2_000, 4_000]));
        after(&frames)
    };
    let four = [(Rule::AnnouncementCount, 4)];
    assert_eq!(anew(PHONE.mdns4(Query::browse("_http._tcp"))), four);
    // A probe for the name, by the same device.
    let probe = |name, host: Host| host.mdns4(Responder::new(name, host).probe());
    assert_eq!(anew(probe("canon", PRINTER)), NONE);
    assert_eq!(anew(PRINTER.mdns6(Responder::new("CANON", PRINTER).probe())), NONE);
    assert_eq!(anew(probe("other", PRINTER)), four);
    assert_eq!(anew(probe("canon", LAPTOP)), four);
    // A goodbye of the record.
    let bye = |owner| PRINTER.mdns4(response([record(owner, true, 0, a().rdata)]));
    assert_eq!(anew(bye("canon.local")), NONE);
    assert_eq!(anew(bye("other.local")), four);
}

#[test]
fn announcement_count_starts_anew_with_new_data() {
    let text = |value: &str| PRINTER.mdns4(response([txt(SERVICE, &[value.to_owned()])]));
    let series = |values: &[&str]| {
        let gaps = [0, 11_000, 25_000, 50_000, 80_000, 120_000, 170_000, 230_000, 300_000, 400_000];
        after(&gaps.into_iter().zip(values.iter().map(|v| text(v))).collect::<Vec<_>>())
    };
    assert_eq!(series(&["a=1"; 9]), TOO_MANY);
    assert_eq!(
        series(&["a=1", "a=1", "a=2", "a=1", "a=1", "a=1", "a=1", "a=1", "a=1", "a=1"]),
        NONE
    );
}

#[test]
fn announcement_count_of_shared_records_starts_anew_with_any_probe() {
    let listed = || PRINTER.mdns4(response([ptr("_ipp._tcp.local", SERVICE)]));
    let probe = || PRINTER.mdns4(canon().probe());
    let mut frames = Vec::new();
    // It comes back eleven times in an hour, as on a bad cable.
    for _ in 0..11 {
        frames.extend([(300_000, probe()), (250, listed()), (1_000, listed())]);
    }
    assert_eq!(after(&frames), NONE);
    frames.retain(|(_, frame)| *frame != probe());
    assert!(!after(&frames).is_empty());
}

#[test]
fn announcement_count_of_what_nobody_probes_for() {
    // A reverse PTR record and what a Mac says of itself, as Apple's responder and HP's printers
    // announce them: with names that were probed for.
    let reverse = record("7.0.53.10.in-addr.arpa", true, 120, ptr("x", "canon.local").rdata);
    let about = txt("canon._device-info._tcp.local", &["model=J132AP".to_owned()]);
    let probe = || PRINTER.mdns4(Responder::new("canon", PRINTER).probe());
    let twelve_times = |records: &[ResourceRecord<'static>]| {
        let announce = || PRINTER.mdns4(response(records.iter().cloned()));
        let once = [(200_000, probe()), (250, announce()), (1_000, announce())];
        after(&vec![once; 12].concat())
    };
    assert_eq!(twelve_times(&[a(), about.clone()]), NONE);
    assert_eq!(twelve_times(&[reverse]), NONE);
    assert!(!twelve_times(&[about]).is_empty());
}

/// The printer's service on other ports, one a message.
fn moved(times: u16, millis: u64) -> Vec<(u64, Vec<u8>)> {
    let moved = |n| PRINTER.mdns4(response([srv(SERVICE, "canon.local", 600 + n)]));
    (0..=times).map(|n| (millis, moved(n))).collect()
}

#[test]
fn update_rate() {
    assert_eq!(after(&moved(10, 1_000)), NONE);
    assert_eq!(after(&moved(11, 1_000)), [(Rule::UpdateRate, 1)]);
    assert_eq!(after(&moved(11, 6_000)), [(Rule::UpdateRate, 1)], "11 in 60 s");
    assert_eq!(after(&moved(40, 6_001)), NONE);
    // Each new one announced twice is still one change.
    let twice =
        moved(10, 1_000).into_iter().flat_map(|(millis, m)| [(millis, m.clone()), (1_000, m)]);
    assert_eq!(after(&twice.collect::<Vec<_>>()), NONE);
}

/// What two programs of a computer say of it are not changes of one record.
#[test]
fn update_rate_of_txt_records_that_are_shared() {
    let alternating = |owner: &str, flush: bool| {
        let say = |n: u64| {
            let mut text = txt(owner, &[format!("by={}", n % 2)]);
            text.cache_flush = flush;
            (2_000, PRINTER.mdns4(response([text])))
        };
        after(&(0..15).map(say).collect::<Vec<_>>())
    };
    for owner in ["canon._device-info._tcp.local", "_kerberos.canon.local"] {
        assert_eq!(alternating(owner, false), NONE, "{owner}");
        assert_eq!(alternating(owner, true), [(Rule::UpdateRate, 4)], "{owner}");
    }
    assert_eq!(alternating(SERVICE, false), [(Rule::UpdateRate, 4)]);
}

#[test]
fn update_rate_of_many_names_and_of_shared_records() {
    // A hub renews the TXT records of 30 accessories.
    let renew = |n: u64, value: &str| {
        let records = (0..30).map(|m| txt(&format!("a{m}._hap._tcp.local"), &[value.to_owned()]));
        (n, PRINTER.mdns4(response(records)))
    };
    assert_eq!(after(&[renew(0, "c#=1"), renew(5_000, "c#=2"), renew(5_000, "c#=3")]), NONE);
    // Its list of instances differs in each message, cache-flush bit or not.
    for flush in [false, true] {
        let list = |n: u64| {
            let data = RData::PTR(PTR(multicast_exporter::craft::mdns::name(&format!(
                "p{n}._ipp._tcp.local"
            ))));
            (1_000, PRINTER.mdns4(response([record("_ipp._tcp.local", flush, 4_500, data)])))
        };
        assert_eq!(after(&(0..40).map(list).collect::<Vec<_>>()), NONE);
    }
    // By IPv4 another than by IPv6.
    let by = |n: u64| {
        let text = response([txt(SERVICE, &[format!("by={}", n % 2)])]);
        (1_500, if n.is_multiple_of(2) { PRINTER.mdns4(text) } else { PRINTER.mdns6(text) })
    };
    let both: Vec<_> = (0..8).map(by).collect();
    assert_eq!(after(&both), NONE);
}

#[test]
fn goodbye_rate() {
    let bye = || PRINTER.mdns4(canon().goodbye());
    let come = || PRINTER.mdns4(canon().announcement());
    let times = |n: usize, millis: u64| {
        let frames: Vec<_> = (0..n).flat_map(|_| [(millis, come()), (millis, bye())]).collect();
        after(&frames)
    };
    assert_eq!(times(4, 5_000), [(Rule::GoodbyeRate, 1)]);
    assert_eq!(times(5, 5_000), [(Rule::GoodbyeRate, 2)]);
    // It comes, goes, and comes again, and each is said twice.
    assert_eq!(times(3, 5_000), NONE);
    let twice = [
        (0, come()),
        (1_000, come()),
        (5_000, bye()),
        (1_000, bye()),
        (2_000, come()),
        (1_000, come()),
        (2_000, bye()),
        (2_000, come()),
    ];
    assert_eq!(after(&twice), NONE);
    assert_eq!(times(20, 15_000), NONE);
}

/// What can happen in a random history.
#[derive(Clone, Debug)]
enum Step {
    /// The printer sends these of three records, over IPv4 or IPv6, alive or not.
    Send { records: u8, v6: bool, alive: bool },
    /// Somebody asks for one.
    Ask(u8),
    /// The phone, or the printer, probes for one.
    Probe { record: u8, own: bool },
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        6 => (1_u8..8, prop::bool::weighted(0.2), prop::bool::weighted(0.8))
            .prop_map(|(records, v6, alive)| Step::Send { records, v6, alive }),
        2 => (0_u8..3).prop_map(Step::Ask),
        2 => (0_u8..3, any::<bool>()).prop_map(|(record, own)| Step::Probe { record, own }),
    ];
    // What comes again within 5 ms may be a mirror port's doing, and waits: `detect_copies`.
    prop::collection::vec((prop_oneof![5_u64..400, 5_u64..3_000], step), 1..120)
}

/// Of a history that ends with something that was sent: how often it was sent since the last
/// question of any kind, and how many questions for one record of the message waited when that
/// began: asked after it was sent before, and no more than 500 ms ago. No more than four are known.
/// Each asks for two answers.
fn waiting(
    history: &[(u64, Step)],
    now: u64,
    is_sending: impl Fn(&Step) -> bool,
    is_answered: impl Fn(u8) -> bool,
) -> (usize, usize) {
    let asks = |step: &Step| matches!(step, Step::Ask(_) | Step::Probe { .. });
    let last_question = history.iter().rposition(|(_, step)| asks(step)).map_or(0, |at| at + 1);
    let (earlier, since) = history.split_at(last_question);
    let answers = since.iter().filter(|(_, step)| is_sending(step)).count();
    let before = earlier.iter().rposition(|(_, step)| is_sending(step)).map_or(0, |at| at + 1);
    let mut waited = [0; 3];
    for (at, step) in &earlier[before..] {
        if let Step::Ask(n) = step
            && is_answered(*n)
            && now - at <= 500
        {
            waited[usize::from(*n)] += 1;
        }
    }
    (answers, waited.into_iter().map(|count: usize| count.min(4)).max().unwrap_or(0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Against a history that forgets nothing and looks at all of it.
    #[test]
    fn record_interval_agrees_with_a_naive_history(steps in steps()) {
        let names = ["a", "b", "c"];
        let owner = |n: u8| format!("{}.local", names[usize::from(n)]);
        let mut segment = Segment::new();
        let mut history: Vec<(u64, Step)> = Vec::new();
        let (mut hard, mut late, mut soft) = (0, 0, 0);
        let mut now = 0;
        for (millis, step) in steps {
            segment.pass(millis);
            now += millis;
            match step {
                Step::Send { records, v6, alive } => {
                    let sent = |n: &u8| records & (1 << n) != 0;
                    let mut breaks = [false; 3];
                    for n in (0..3).filter(sent) {
                        let before = history.iter().rposition(|(_, step)| {
                            matches!(step, Step::Send { records, v6: six, alive: live }
                                if records & (1 << n) != 0 && *six == v6 && *live == alive)
                        });
                        let Some(before) = before else { continue };
                        let gap = now - history[before].0;
                        let since = || history[before + 1..].iter().map(|(_, step)| step);
                        // Any of the message's records: the others come along.
                        let asked = since().any(|s| {
                            matches!(s, Step::Ask(m) if sent(m))
                                || matches!(s, Step::Send { records, alive: false, .. }
                                    if records & (1 << n) != 0)
                        });
                        let probed = since()
                            .any(|s| matches!(s, Step::Probe { record, own: false } if sent(record)));
                        let also = || {
                            let same = |record: u8| record & (1 << n) != 0;
                            let (answers, waited) = waiting(&history[..=before], now, |step| match step {
                                Step::Send { records, v6: six, alive: live } => {
                                    same(*records) && *six == v6 && *live == alive
                                }
                                _ => false,
                            }, |m| sent(&m));
                            2 * waited > answers
                        };
                        if alive && gap < if probed { 225 } else { 900 } {
                            let is_asked = asked || !probed && also();
                            let rule = if is_asked { 2 } else { usize::from(gap >= 700) };
                            breaks[rule] = true;
                        }
                    }
                    hard += u64::from(breaks[0]);
                    late += u64::from(breaks[1]);
                    soft += u64::from(breaks[2]);
                    let ttl = if alive { 120 } else { 0 };
                    let packet = response((0..3).filter(sent).map(|n| {
                        record(&owner(n), true, ttl, address("x", PRINTER.v4.into()).rdata)
                    }));
                    let frame = if v6 { PRINTER.mdns6(packet) } else { PRINTER.mdns4(packet) };
                    segment.hear(&frame);
                }
                Step::Ask(n) => {
                    segment.hear(&LAPTOP.mdns4(Query::new(&owner(n), TYPE::A)));
                }
                Step::Probe { record: n, own } => {
                    let host = if own { PRINTER } else { PHONE };
                    segment.hear(&host.mdns4(Responder::new(names[usize::from(n)], host).probe()));
                }
            }
            history.push((now, step));
        }
        let counts = segment.device(PRINTER).and_then(|device| device.violations);
        let count = |rule: Rule| counts.as_ref().map_or(0, |counts| counts[rule]);
        let counts = [Rule::RecordInterval, Rule::RecordIntervalSoft, Rule::RecordIntervalAsked];
        prop_assert_eq!(counts.map(count), [hard, late, soft]);
    }
}
