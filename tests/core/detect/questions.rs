//! Questions that break the rules, and their nearest harmless neighbours: `query_interval`,
//! `query_interval_soft` and `known_answer`.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::MDNS_V4;
use multicast_exporter::craft::mdns::{Query, Responder, Service, address, ptr, response};
use multicast_exporter::craft::{Host, Udp};
use multicast_exporter::decode::mdns::RType;
use multicast_exporter::detect::Rule;
use simple_dns::{QTYPE, ResourceRecord, TYPE};

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

/// How often a host broke a rule.
fn count(segment: &Segment, host: Host, rule: Rule) -> u64 {
    let device = segment.device(host);
    device.and_then(|device| device.violations).map_or(0, |counts| counts[rule])
}

/// Each frame after its milliseconds.
fn hear(segment: &mut Segment, frames: impl IntoIterator<Item = (u64, Vec<u8>)>) {
    for (millis, frame) in frames {
        segment.pass(millis).hear(&frame);
    }
}

/// How often the phone broke `query_interval` and `query_interval_soft` with frames after these
/// gaps.
fn asked(gaps: &[u64], frame: impl Fn(usize) -> Vec<u8>) -> (u64, u64) {
    let mut segment = Segment::new();
    hear(&mut segment, gaps.iter().zip(0..).map(|(gap, n)| (*gap, frame(n))));
    let counts = (
        count(&segment, PHONE, Rule::QueryInterval),
        count(&segment, PHONE, Rule::QueryIntervalSoft),
    );
    let totals = segment.snapshot().violations;
    assert_eq!(totals[Rule::QueryInterval], counts.0, "nobody else is blamed");
    counts
}

#[test]
fn four_copies_within_three_seconds_break_the_hard_rule() {
    let same = |_| PHONE.mdns4(browse());
    assert_eq!(asked(&[0, 100, 100], same).0, 0);
    assert_eq!(asked(&[0, 100, 100, 100], same).0, 1);
    assert_eq!(asked(&[0, 899, 899, 899, 899, 899], same).0, 3);
    assert_eq!(asked(&[0, 900, 900, 900, 900, 900], same).0, 0);
    // The name's case and the QU bit make no other question, the type does.
    let cased = |n| {
        let owner = if n % 2 == 0 { "_IPP._tcp.local" } else { IPP };
        PHONE.mdns4(Query::new("x.local", TYPE::A).and(owner, TYPE::PTR.into(), n % 3 == 0))
    };
    assert_eq!(asked(&[0, 100, 100, 100], cased).0, 1);
    let types = [TYPE::A, TYPE::AAAA, TYPE::SRV, TYPE::TXT];
    assert_eq!(asked(&[0, 9, 9, 9], |n| PHONE.mdns4(Query::new("a.local", types[n]))), (0, 0));
}

#[test]
fn an_offence_says_which_question_and_the_gap() {
    let mut segment = Segment::new();
    let query = || PHONE.mdns4(Query::new("other.local", TYPE::A).and(IPP, TYPE::PTR.into(), true));
    segment.hear(&query());
    segment.pass(60_000);
    hear(&mut segment, (0..4).map(|_| (200, PHONE.mdns4(browse()))));
    let offences = segment.device(PHONE).expect("a row").offences;
    let hard = offences.iter().find(|offence| offence.rule == Rule::QueryInterval).expect("one");
    assert_eq!(hard.name.as_deref(), Some(IPP));
    assert_eq!((hard.rtype, hard.gap.map(|gap| gap.as_millis())), (Some(RType::PTR), Some(200)));
}

#[test]
fn what_is_well_behaved_breaks_nothing() {
    // Twice as long each time, as RFC 6762 asks for.
    let doubling = [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000];
    assert_eq!(asked(&doubling, |_| PHONE.mdns4(browse())), (0, 0));
    // Apple: first with the QU bit, then without, three times as long each time.
    let apple = |n| PHONE.mdns4(Query::new("x.local", TYPE::A).and(IPP, TYPE::PTR.into(), n == 0));
    assert_eq!(asked(&[0, 1000, 3000, 9000, 27_000], apple), (0, 0));
    // A hub asks for 30 names at once.
    let hub = |n| PHONE.mdns4(Query::new(&format!("lamp-{n}.local"), TYPE::SRV));
    assert_eq!(asked(&[2; 30], hub), (0, 0));
    // Both address families, and a message that asks for the same thing twice.
    let families = |n| {
        let query = browse().and(IPP, TYPE::PTR.into(), true);
        if n % 2 == 0 { PHONE.mdns4(query) } else { PHONE.mdns6(query) }
    };
    assert_eq!(asked(&[0, 1, 1000, 1, 2000, 1], families), (0, 0));
}

#[test]
fn two_browsers_on_one_mac_do_not_break_the_hard_rule() {
    let gaps = [0, 20, 980, 20, 1980, 20, 3980, 20];
    assert_eq!(asked(&gaps, |_| PHONE.mdns4(browse())).0, 0);
    // Nor three.
    let gaps = [0, 20, 20, 960, 20, 20, 1960, 20, 20];
    assert_eq!(asked(&gaps, |_| PHONE.mdns4(browse())).0, 0);
}

#[test]
fn probes_legacy_queries_and_queries_to_one_host_are_not_judged() {
    let gaps = [0, 50, 50, 50, 50, 50];
    assert_eq!(asked(&gaps, |_| PHONE.mdns4(Responder::new("me", PHONE).probe())), (0, 0));
    let legacy = |_| PHONE.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, browse()));
    assert_eq!(asked(&gaps, legacy), (0, 0));
    assert_eq!(asked(&gaps, |_| PHONE.mdns_unicast4(PRINTER, browse())), (0, 0));
    // A list of known answers that goes on has no question.
    let continued = |n| {
        let mut bytes = browse().known(canon_ptr(4000)).bytes();
        if n > 0 {
            let questions = canon().response("_ipp._tcp");
            bytes = [&[0; 12], &questions[12..]].concat();
            bytes[7] = 1;
        }
        PHONE.mdns4(bytes)
    };
    assert_eq!(asked(&gaps, continued), (0, 0));
}

/// The hard rule for a phone that asks at these seconds for a record that was heard at 0 with this
/// TTL.
fn refreshed(ttl: u32, seconds: &[f64]) -> (u64, u64) {
    let mut segment = Segment::new();
    segment.hear(&PRINTER.mdns4(response([canon_ptr(ttl)])));
    let mut before = 0;
    for second in seconds {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let millis = (second * 1e3) as u64;
        segment.pass(millis - before).hear(&PHONE.mdns4(browse()));
        before = millis;
    }
    (count(&segment, PHONE, Rule::QueryInterval), count(&segment, PHONE, Rule::QueryIntervalSoft))
}

#[test]
fn refreshes_are_no_copies() {
    // avahi asks at 80, 85, 90 and 95 % of the TTL.
    assert_eq!(refreshed(120, &[96.0, 102.0, 108.0, 114.0]), (0, 0));
    assert_eq!(refreshed(10, &[8.0, 8.5, 9.0, 9.5]), (0, 0));
    // With a question before, and a refresh that nobody answers at all.
    assert_eq!(refreshed(120, &[1.0, 97.5, 103.0, 109.0, 115.0, 130.0]), (0, 0));
    // The same earlier in its life are copies.
    assert_eq!(refreshed(10, &[5.0, 5.5, 6.0, 6.5]), (1, 3));
    // A flood is no refresh only because the record is old.
    let flood: Vec<f64> = (0..40).map(|n| 100.0 + f64::from(n) / 10.0).collect();
    assert!(refreshed(120, &flood).0 > 20);
}

#[test]
fn a_constant_interval_breaks_the_soft_rule_only() {
    assert_eq!(asked(&[10_000; 8], |_| PHONE.mdns4(browse())), (0, 6));
    assert_eq!(asked(&[0, 500], |_| PHONE.mdns4(browse())), (0, 1));
}

/// How often the printer broke `known_answer` when frames come after their milliseconds.
fn known(frames: impl IntoIterator<Item = (u64, Vec<u8>)>) -> u64 {
    let mut segment = Segment::new();
    hear(&mut segment, [(0, PRINTER.mdns4(canon().announcement()))]);
    segment.pass(60_000);
    hear(&mut segment, frames);
    count(&segment, PRINTER, Rule::KnownAnswer)
}

fn lists(ttl: u32) -> Vec<u8> {
    PHONE.mdns4(browse().known(canon_ptr(ttl)))
}

/// An answer to [`browse`], with nothing else in its answer section.
fn answer() -> (u64, Vec<u8>) {
    (40, PRINTER.mdns4(canon().response("_ipp._tcp")))
}

#[test]
fn an_answer_that_was_listed_breaks_the_rule() {
    assert_eq!(known([(0, lists(4500)), answer()]), 1);
    assert_eq!(known([(0, lists(2250)), answer()]), 1, "half of the TTL");
    assert_eq!(known([(0, lists(2249)), answer()]), 0, "less than half");
    assert_eq!(known([(0, PHONE.mdns4(browse())), answer()]), 0, "not listed");
    assert_eq!(known([(0, lists(4500)), (601, answer().1)]), 0, "too late for an answer");
    // Asked twice, by both families and by two hosts, and all of them list it.
    let v6 = PHONE.mdns6(browse().known(canon_ptr(4400)));
    let other = LAPTOP.mdns4(browse().known(canon_ptr(3000)));
    assert_eq!(known([(0, lists(4500)), (5, v6), (5, other), answer()]), 1);
    // Another record than the one listed.
    let hp = PHONE.mdns4(browse().known(ptr(IPP, "HP._ipp._tcp.local")));
    assert_eq!(known([(0, hp), answer()]), 0);
}

#[test]
fn an_answer_to_somebody_else_breaks_nothing() {
    let ask = |frame| known([(0, lists(4500)), (5, frame), answer()]);
    assert_eq!(ask(LAPTOP.mdns4(browse())), 0, "the laptop does not know it");
    assert_eq!(ask(LAPTOP.mdns6(browse())), 0);
    assert_eq!(ask(LAPTOP.mdns4(Query::new("x.local", TYPE::A).and(IPP, QTYPE::ANY, false))), 0);
    let legacy = LAPTOP.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, browse()));
    assert_eq!(ask(legacy), 0);
    assert_eq!(known([(0, LAPTOP.mdns4(browse())), (5, lists(4500)), answer()]), 0);
}

#[test]
fn announcements_and_defences_break_nothing() {
    let announcement = PRINTER.mdns4(canon().announcement());
    assert_eq!(known([(0, lists(4500)), (40, announcement)]), 0);
    let record = || address("canon.local", PRINTER.v4.into());
    let listed = PHONE.mdns4(Query::new("canon.local", TYPE::A).known(record()));
    let defence = || (40, PRINTER.mdns4(response([record()])));
    assert_eq!(known([(0, listed.clone()), defence()]), 1);
    let probe = LAPTOP.mdns4(Responder::with_addresses("canon", &[LAPTOP.v4.into()]).probe());
    assert_eq!(known([(0, listed), (40, probe), defence()]), 0);
}

#[test]
fn a_list_that_goes_on_in_a_second_message_excuses() {
    let mut first = browse().bytes();
    first[2] |= 0x02;
    let mut rest = response([canon_ptr(4500)]);
    rest[2] = 0;
    assert_eq!(known([(0, PHONE.mdns4(first)), (3, PHONE.mdns4(rest)), answer()]), 0);
}

#[test]
fn a_search_after_the_answer_has_expired_is_another() {
    for (ttl, seconds, expected) in [
        // A device that wants it for longer refreshes it.
        (120, [0, 1_648, 2_967, 1_000, 1_000], 0),
        (120, [0, 130, 130, 130, 130], 0),
        // The answer was still good.
        (4_500, [0, 130, 130, 130, 130], 3),
    ] {
        let mut segment = Segment::new();
        for gap in seconds {
            segment.pass(gap * 1_000).hear(&PHONE.mdns4(browse()));
            segment.pass(50).hear(&PRINTER.mdns4(response([canon_ptr(ttl)])));
        }
        let soft = count(&segment, PHONE, Rule::QueryIntervalSoft);
        assert_eq!(soft, expected, "{ttl} s, {seconds:?}");
    }
}

/// A reflector passes on the questions of the hosts behind it as its own: those of three phones
/// that look for one service are not its doing, though three are too few for a relay.
#[test]
fn who_names_another_host_may_pass_on_its_questions() {
    let others = |count: u16| (0..count).map(|n| Host::numbered(100 + n));
    let passes_on = |host: Host| {
        PHONE.mdns4(response([address(&format!("host-{}.local", host.v4), host.v4.into())]))
    };
    let four = || (0..4).map(|_| (300, PHONE.mdns4(browse())));
    let own = || PHONE.mdns4(response([address("phone.local", PHONE.v4.into())]));
    for named in [0, 1, 3, 4, 20] {
        let mut segment = Segment::new();
        segment.hear(&own()).pass(5_000);
        for host in others(named) {
            segment.hear(&passes_on(host)).pass(1_000);
        }
        hear(&mut segment, four());
        let hard = |segment: &Segment| count(segment, PHONE, Rule::QueryInterval);
        assert_eq!(hard(&segment), u64::from(named == 0), "{named}");
        // Ten minutes later it is known that it is no relay; whose questions they were is not.
        segment.pass(11 * 60_000).hear(&own());
        hear(&mut segment, four());
        segment.hear(&own());
        assert_eq!(hard(&segment), 2 * u64::from(named == 0), "{named}, later");
        assert_eq!(hard(&segment), segment.snapshot().violations[Rule::QueryInterval]);
    }
    // What seemed to be another's address turns out to be its own.
    let mut segment = Segment::new();
    let address =
        |host: Host, ip: std::net::IpAddr| host.mdns4(response([address("phone.local", ip)]));
    segment.hear(&address(PHONE, LAPTOP.v4.into()));
    hear(&mut segment, four());
    assert_eq!(count(&segment, PHONE, Rule::QueryInterval), 0);
    segment.hear(&address(PHONE, PHONE.v4.into()));
    assert_eq!(count(&segment, PHONE, Rule::QueryInterval), 1);
}

/// A host on which two programs have a name each: both look for the same service, half a second
/// apart, as RFC 6762 section 5.2 allows each of them.
#[test]
fn two_programs_with_a_host_name_each_may_both_ask() {
    let named = |name: &str| PHONE.mdns4(response([address(name, PHONE.v4.into())]));
    for (names, expected) in [(&["one.local"][..], 1), (&["one.local", "two.local"], 0)] {
        let mut segment = Segment::new();
        for name in names {
            segment.pass(2_000).hear(&named(name));
        }
        hear(
            &mut segment,
            [10_000, 500, 500, 500, 1_500, 500].map(|gap| (gap, PHONE.mdns4(browse()))),
        );
        assert_eq!(count(&segment, PHONE, Rule::QueryInterval), expected, "{names:?}");
        // A program that is stuck is found whatever else is there.
        hear(&mut segment, (0..100).map(|_| (200, PHONE.mdns4(browse()))));
        assert!(count(&segment, PHONE, Rule::QueryInterval) > 90, "{names:?}");
    }
}
