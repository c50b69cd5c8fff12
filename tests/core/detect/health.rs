//! The health of discovery: how soon questions are answered, which of them nobody answers, and
//! which services there are.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::MDNS_V4;
use multicast_exporter::craft::mdns::{Query, Responder, Service, address, nsec, ptr, response};
use multicast_exporter::craft::{Host, Udp};
use multicast_exporter::detect::DELAY_BOUNDS;
use multicast_exporter::engine::Event;
use simple_dns::{QTYPE, ResourceRecord, TYPE};
use std::time::Duration;

const PRINTER: Host = Host::numbered(1);
const PHONE: Host = Host::numbered(2);
const LAPTOP: Host = Host::numbered(3);
const IPP: &str = "_ipp._tcp.local";

fn canon() -> Responder {
    Responder::new("canon", PRINTER).service(Service::new("Canon", "_ipp._tcp", 631))
}

fn canon_ptr(ttl: u32) -> ResourceRecord<'static> {
    let mut record = ptr(IPP, "Canon._ipp._tcp.local");
    record.ttl = ttl;
    record
}

fn browse() -> Query {
    Query::browse("_ipp._tcp")
}

fn answer() -> Vec<u8> {
    PRINTER.mdns4(canon().response("_ipp._tcp"))
}

/// A segment on which the printer's records are known for a minute.
fn known() -> Segment {
    let mut segment = Segment::new();
    segment.hear(&PRINTER.mdns4(canon().announcement())).pass(60_000);
    segment
}

/// Lets time pass with nothing heard, as a live capture does.
fn idle(segment: &mut Segment, seconds: u64) {
    for _ in 0..seconds {
        let now = segment.pass(1_000).now();
        segment.engine.handle_timeout(now);
    }
}

/// Delays observed with their sum in milliseconds, and questions that nobody answered, when
/// frames come after their milliseconds on a segment that knows the printer.
fn outcome(frames: &[(u64, Vec<u8>)]) -> (u64, u128, u64) {
    let mut segment = known();
    for (millis, frame) in frames {
        segment.pass(*millis).hear(frame);
    }
    idle(&mut segment, 5);
    let snapshot = segment.snapshot();
    let delays = snapshot.health.response_delays;
    (delays.counts.iter().sum(), delays.sum.as_millis(), snapshot.health.unanswered)
}

const SILENCE: (u64, u128, u64) = (0, 0, 1);
const NOTHING: (u64, u128, u64) = (0, 0, 0);

#[test]
fn an_answer_has_its_delay_and_silence_is_counted() {
    let ask = || (0, PHONE.mdns4(browse()));
    assert_eq!(outcome(&[ask(), (80, answer())]), (1, 80, 0));
    assert_eq!(outcome(&[ask()]), SILENCE);
    assert_eq!(outcome(&[(0, PHONE.mdns6(browse())), (80, answer())]), (1, 80, 0));
    let other = Query::new("_IPP._TCP.Local", TYPE::PTR);
    assert_eq!(outcome(&[(0, PHONE.mdns4(other)), (80, answer())]), (1, 80, 0), "without case");
    // From the first question on, no matter who asks again; the first answer counts.
    let again = (30, LAPTOP.mdns4(browse()));
    assert_eq!(outcome(&[ask(), again, (50, answer()), (9, answer())]), (1, 80, 0));
    // Up to 2 s it is a delay, up to 3 s an answer.
    assert_eq!(outcome(&[ask(), (2_000, answer())]), (1, 2_000, 0));
    assert_eq!(outcome(&[ask(), (2_001, answer())]), NOTHING);
    assert_eq!(outcome(&[ask(), (3_000, answer())]), NOTHING);
    assert_eq!(outcome(&[ask(), (3_001, answer())]), SILENCE);
    // Another record is no answer; a record among the additional ones was said.
    let of_host = PRINTER.mdns4(canon().address_response());
    assert_eq!(outcome(&[ask(), (80, of_host)]), SILENCE);
    let srv = Query::new("Canon._ipp._tcp.local", TYPE::SRV);
    assert_eq!(outcome(&[(0, PHONE.mdns4(srv)), (80, answer())]), NOTHING);
    // "There is none" is an answer too, and any record of the name is one to ANY.
    let gone = PRINTER.mdns4(response([nsec("canon.local", &[TYPE::AAAA])]));
    let a = Query::new("canon.local", TYPE::A);
    assert_eq!(outcome(&[(0, PHONE.mdns4(a)), (80, gone)]), (1, 80, 0));
    let any = Query::new("x.local", TYPE::A).and("canon.local", QTYPE::ANY, false);
    let a = PRINTER.mdns4(response([address("canon.local", PRINTER.v4.into())]));
    assert_eq!(outcome(&[(0, PHONE.mdns4(any)), (80, a)]), (1, 80, 0));
}

#[test]
fn questions_whose_silence_proves_nothing_are_left_out() {
    let ask = |query: Query| outcome(&[(0, PHONE.mdns4(query))]);
    assert_eq!(ask(browse()), SILENCE);
    assert_eq!(ask(Query::browse("_nobody._tcp")), NOTHING, "nobody has it");
    assert_eq!(ask(Query::new("canon.local", TYPE::SRV)), NOTHING, "not of that type");
    assert_eq!(ask(browse().known(canon_ptr(4_000))), NOTHING, "it is known");
    let qu = Query::new("x.local", TYPE::A).and(IPP, TYPE::PTR.into(), true);
    assert_eq!(ask(qu), NOTHING, "the answer goes to the phone alone");
    // Nor is it silence if somebody answers the phone alone though it did not ask for that.
    let alone = PRINTER.mdns_unicast4(PHONE, canon().response("_ipp._tcp"));
    assert_eq!(outcome(&[(0, PHONE.mdns4(browse())), (80, alone)]), NOTHING);
    let legacy = PHONE.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, browse()));
    assert_eq!(outcome(&[(0, legacy)]), NOTHING);
    assert_eq!(outcome(&[(0, PHONE.mdns_unicast4(PRINTER, browse()))]), NOTHING);
    let probe = Responder::with_addresses("canon", &[PHONE.v4.into()]).probe();
    assert_eq!(outcome(&[(0, PHONE.mdns4(probe))]), NOTHING);
    // Only the printer itself could answer.
    assert_eq!(outcome(&[(0, PRINTER.mdns4(browse()))]), NOTHING);
    // The printer said goodbye, or its TTL has run out.
    assert_eq!(
        outcome(&[(0, PRINTER.mdns4(canon().goodbye())), (9, PHONE.mdns4(browse()))]),
        NOTHING
    );
    let host = || PHONE.mdns4(Query::new("canon.local", TYPE::A));
    assert_eq!(outcome(&[(59_000, host())]), SILENCE, "the last second of 120");
    assert_eq!(outcome(&[(60_000, host())]), NOTHING);
    // What was multicast less than a second ago is not multicast again, but may be.
    let soon = [(0, answer()), (500, PHONE.mdns4(browse()))];
    assert_eq!(outcome(&soon), NOTHING);
    let [first, second] = soon;
    assert_eq!(outcome(&[first, second, (700, answer())]), (1, 700, 0));
}

#[test]
fn known_answers_may_come_in_a_second_message() {
    let mut first = browse().bytes();
    first[2] |= 0x02;
    let rest = || {
        let mut rest = response([canon_ptr(4500)]);
        rest[2] = 0;
        rest
    };
    let ask = || (0, PHONE.mdns4(first.clone()));
    assert_eq!(outcome(&[ask()]), SILENCE);
    assert_eq!(outcome(&[ask(), (450, answer())]), NOTHING, "its delay is the list's");
    assert_eq!(outcome(&[ask(), (3, PHONE.mdns4(rest()))]), NOTHING);
    assert_eq!(outcome(&[ask(), (3, LAPTOP.mdns4(rest()))]), SILENCE, "another's list");
}

#[test]
fn a_name_is_counted_once_a_minute() {
    let every = |seconds: u64, times: u64| {
        let mut segment = known();
        for _ in 0..times {
            segment.hear(&PHONE.mdns4(browse().and(
                "Canon._ipp._tcp.local",
                TYPE::TXT.into(),
                false,
            )));
            idle(&mut segment, seconds);
        }
        idle(&mut segment, 5);
        segment.snapshot().health.unanswered
    };
    // Two names.
    assert_eq!(every(10, 6), 2);
    assert_eq!(every(10, 7), 4);
    assert_eq!(every(60, 3), 6);
    assert_eq!(every(59, 3), 4);
}

#[test]
fn whoever_does_not_listen_hears_no_silence() {
    for (event, expected) in [(Event::Dropped(1), 0), (Event::Down, 0), (Event::ClockStep, 0)] {
        let mut segment = known();
        segment.hear(&PHONE.mdns4(browse()));
        idle(&mut segment, 2);
        let now = segment.now();
        segment.engine.handle_event(now, event);
        idle(&mut segment, 10);
        assert_eq!(segment.snapshot().health.unanswered, expected, "{event:?}");
    }
    // A response that was cut may have held the answer.
    let mut segment = known();
    segment.hear(&PHONE.mdns4(browse()));
    let cut = PRINTER.mdns4(canon().announcement());
    segment.pass(50).hear_of(&cut[..70], cut.len());
    idle(&mut segment, 10);
    assert_eq!(segment.snapshot().health.unanswered, 0);
    // While it is suspended, a question does not begin to wait.
    let mut segment = known();
    let now = segment.now();
    segment.engine.handle_event(now, Event::Dropped(1));
    segment.pass(1_999).hear(&PHONE.mdns4(browse()));
    idle(&mut segment, 10);
    assert_eq!(segment.snapshot().health.unanswered, 0);
}

#[test]
fn a_file_without_frames_for_hours_closes_what_waits() {
    let mut segment = known();
    segment.hear(&PHONE.mdns4(browse()));
    segment.pass(3 * 3_600_000).hear(&LAPTOP.mdns4(Query::new("x.local", TYPE::A)));
    assert_eq!(segment.snapshot().health.unanswered, 1);
}

#[test]
fn delays_are_in_the_buckets_of_the_contract() {
    assert_eq!(DELAY_BOUNDS, [20, 50, 120, 250, 500, 1_000, 2_000, 3_000]);
    let mut segment = known();
    for millis in [1, 20, 21, 120, 130, 1_500] {
        segment.hear(&PHONE.mdns4(browse())).pass(millis).hear(&answer()).pass(10_000);
    }
    let delays = segment.snapshot().health.response_delays;
    assert_eq!(delays.counts, [2, 1, 1, 1, 0, 0, 1, 0, 0]);
    assert_eq!(delays.sum, Duration::from_millis(1_792));
}

#[test]
fn questions_in_numbers_take_no_more_memory_and_are_still_answered() {
    let mut segment = Segment::new();
    let name = |n: u32| format!("host-{n}.local");
    let records = (0..1_000).map(|n| address(&name(n), PRINTER.v4.into())).collect::<Vec<_>>();
    for records in records.chunks(20) {
        segment.hear(&PRINTER.mdns4(response(records.iter().cloned())));
    }
    segment.pass(5_000);
    for n in 0..1_000 {
        segment.hear(&PHONE.mdns4(Query::new(&name(n), TYPE::A)));
    }
    // Those that were asked for last wait; more than there is space for is not counted.
    segment.pass(30).hear(&PRINTER.mdns4(response([address(&name(999), PRINTER.v4.into())])));
    idle(&mut segment, 5);
    let snapshot = segment.snapshot();
    assert_eq!(snapshot.health.response_delays.counts.iter().sum::<u64>(), 1);
    assert!((200..=255).contains(&snapshot.health.unanswered), "{}", snapshot.health.unanswered);
}

fn services(segment: &Segment) -> Vec<(String, u64)> {
    let services = segment.snapshot().health.services;
    services.into_iter().map(|(service, count)| (service.into(), count)).collect()
}

#[test]
fn instances_are_counted_by_type_until_their_ttl_or_goodbye() {
    let mut segment = Segment::new();
    let hp = Responder::new("hp", LAPTOP)
        .service(Service::new("HP", "_ipp._tcp", 631))
        .service(Service::new("HP", "_http._tcp", 80));
    segment.hear(&PRINTER.mdns4(canon().announcement()));
    segment.hear(&PRINTER.mdns6(canon().announcement()));
    segment.hear(&LAPTOP.mdns4(hp.announcement()));
    let both = [("_http._tcp".to_owned(), 1), ("_ipp._tcp".to_owned(), 2)];
    assert_eq!(services(&segment), both);
    // Another case is the same instance, a subtype names no other, nor do questions, or answers
    // to one host.
    let cased = ptr("_IPP._tcp.local", "CANON._ipp._TCP.local");
    let subtype = ptr("_universal._sub._ipp._tcp.local", "Canon._ipp._tcp.local");
    segment.hear(&PRINTER.mdns4(response([cased, subtype])));
    segment.hear(&PHONE.mdns4(browse().known(ptr(IPP, "Old._ipp._tcp.local"))));
    segment.hear(&PHONE.mdns_unicast4(LAPTOP, response([ptr(IPP, "Far._ipp._tcp.local")])));
    assert_eq!(services(&segment), both);
    segment.hear(&LAPTOP.mdns4(hp.goodbye()));
    assert_eq!(services(&segment), [("_ipp._tcp".to_owned(), 1)]);
    idle(&mut segment, 4_499);
    assert_eq!(services(&segment), [("_ipp._tcp".to_owned(), 1)]);
    idle(&mut segment, 1);
    assert_eq!(services(&segment), []);
}

#[test]
fn types_that_the_network_makes_up_share_one_label() {
    let mut segment = Segment::new();
    for n in 0..1_000 {
        let kind = format!("_made-up-{n}._tcp");
        let made = ptr(&format!("{kind}.local"), &format!("x.{kind}.local"));
        segment.hear(&PHONE.mdns4(response([made])));
    }
    segment.hear(&PRINTER.mdns4(canon().announcement()));
    let counted = services(&segment);
    assert_eq!(counted.len(), 65);
    assert_eq!(counted[64], ("other".to_owned(), 1_001 - 64));
    idle(&mut segment, 4_400);
    segment.hear(&PRINTER.mdns4(canon().announcement()));
    idle(&mut segment, 200);
    assert_eq!(services(&segment), [("other".to_owned(), 1)]);
    segment.hear(&PRINTER.mdns4(canon().announcement()));
    assert_eq!(services(&segment), [("_ipp._tcp".to_owned(), 1)]);
}

/// The types that are wanted, and by how many.
fn wanted(segment: &Segment) -> Vec<(String, u64)> {
    let wanted = segment.snapshot().health.wanted;
    wanted.into_iter().map(|(service, askers)| (service.into(), askers)).collect()
}

#[test]
fn a_service_is_wanted_if_nobody_here_has_one() {
    let raop = || Query::browse("_raop._tcp");
    let mut segment = known();
    segment.hear(&PHONE.mdns4(raop())).pass(1_000).hear(&PHONE.mdns4(raop()));
    segment.hear(&LAPTOP.mdns4(Query::new("_RAOP._tcp.Local", TYPE::PTR)));
    segment.hear(&LAPTOP.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, Query::browse("_x._udp"))));
    assert_eq!(wanted(&segment), [("_raop._tcp".to_owned(), 2), ("_x._udp".to_owned(), 1)]);
    // Somebody has one after all.
    let speaker = Responder::new("tv", PRINTER).service(Service::new("TV", "_raop._tcp", 1));
    segment.hear(&PRINTER.mdns4(speaker.announcement()));
    assert_eq!(wanted(&segment), [("_x._udp".to_owned(), 1)]);
    idle(&mut segment, 601);
    assert_eq!(wanted(&segment), [], "not in the last 10 min");
}

#[test]
fn questions_that_say_nothing_of_a_lack_want_nothing() {
    let asked = |query: Vec<u8>| {
        let mut segment = known();
        segment.hear(&query);
        wanted(&segment)
    };
    assert_eq!(asked(PHONE.mdns4(browse())), [], "the printer has it");
    let subtype = Query::new("_universal._sub._raop._tcp.local", TYPE::PTR);
    assert_eq!(asked(PHONE.mdns4(subtype)), []);
    assert_eq!(asked(PHONE.mdns4(Query::new("_services._dns-sd._udp.local", TYPE::PTR))), []);
    assert_eq!(asked(PHONE.mdns4(Query::new("_raop._tcp.local", TYPE::TXT))), []);
    let mut known = ptr("_raop._tcp.local", "TV._raop._tcp.local");
    known.ttl = 4_000;
    assert_eq!(asked(PHONE.mdns4(Query::browse("_raop._tcp").known(known))), [], "it knows one");
    assert_eq!(asked(PHONE.mdns_unicast4(PRINTER, Query::browse("_raop._tcp"))), []);
}

#[test]
fn a_name_that_nobody_answers_for_is_told_with_its_owner() {
    let mut segment = known();
    let host = || PHONE.mdns4(Query::new("CANON.local", TYPE::A));
    segment.hear(&host());
    idle(&mut segment, 5);
    segment.pass(30_000).hear(&host());
    idle(&mut segment, 5);
    // Answered: no case.
    segment.hear(&PHONE.mdns4(browse())).pass(50).hear(&answer());
    idle(&mut segment, 5);
    let names = segment.snapshot().health.unanswered_names;
    let told: Vec<_> = names.iter().map(|n| (&*n.name, n.device, n.count)).collect();
    let printer = multicast_exporter::decode::Sender::Mac(PRINTER.mac);
    assert_eq!(told, [("CANON.local", Some(printer), 1)]);
}
