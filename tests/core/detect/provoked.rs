//! Whom answers are booked to: a device that asks too fast must answer for what others send, and
//! nobody else.

use crate::engine_wire::Segment;
use multicast_exporter::craft::mdns::{Query, Responder, Service};
use multicast_exporter::craft::{Host, Udp};
use multicast_exporter::decode::Sender;
use multicast_exporter::detect::{Cause, Rule};
use multicast_exporter::storm::{DevicePolicy, Level, Limits, ProtocolSet, Storm, StormPolicy};
use simple_dns::TYPE;
use std::net::Ipv4Addr;
use std::sync::Arc;

const BOARD: Host = Host::numbered(1);
const PC: Host = Host::numbered(2);
const PHONE: Host = Host::numbered(3);

fn browse(host: Host) -> Vec<u8> {
    host.mdns4(Query::browse("_arduino._tcp"))
}

fn answer(host: Host) -> Vec<u8> {
    let name = format!("board-{}", host.v4.octets()[3]);
    let board = Responder::new(&name, host).service(Service::new(&name, "_arduino._tcp", 8_266));
    host.mdns4(board.response("_arduino._tcp"))
}

fn provoked(segment: &Segment, host: Host) -> u64 {
    segment.device(host).map_or(0, |device| device.provoked)
}

fn storm(segment: &Segment, host: Host) -> Option<Storm> {
    segment.device(host).and_then(|device| device.storm)
}

/// `asker` asks so often, so many milliseconds apart, and each board answers each time.
fn ask(segment: &mut Segment, asker: Host, boards: &[Host], times: u32, millis: u64) {
    for _ in 0..times {
        segment.hear(&browse(asker)).pass(4);
        for board in boards {
            segment.hear(&answer(*board));
        }
        segment.pass(millis - 4);
    }
}

#[test]
fn from_the_fourth_copy_on_answers_are_provoked() {
    let mut segment = Segment::new();
    let boards = [BOARD, Host::numbered(4)];
    ask(&mut segment, PC, &boards, 10, 100);
    assert_eq!(provoked(&segment, PC), 7 * 2);
    // The asker is known for ten seconds after the last offence.
    segment.pass(9_000);
    ask(&mut segment, PC, &boards, 1, 900);
    assert_eq!(provoked(&segment, PC), 8 * 2);
    segment.pass(30_000);
    ask(&mut segment, PC, &boards, 1, 1_000);
    assert_eq!(provoked(&segment, PC), 8 * 2);
}

#[test]
fn a_question_provokes_one_answer_of_a_record_and_source() {
    let mut segment = Segment::new();
    ask(&mut segment, PC, &[], 10, 100);
    for _ in 0..3 {
        segment.hear(&answer(BOARD)).pass(10);
    }
    // Those three had seven questions to answer; five more answers have four.
    for _ in 0..5 {
        segment.hear(&answer(BOARD)).pass(10);
    }
    assert_eq!(provoked(&segment, PC), 7);
    segment.pass(5_000).hear(&answer(BOARD));
    assert_eq!(provoked(&segment, PC), 7, "more than 2 s after the last question");
}

#[test]
fn it_is_booked_to_the_last_who_asked_too_fast() {
    let mut segment = Segment::new();
    ask(&mut segment, PC, &[], 10, 100);
    // A healthy question in between has its answer too.
    segment.hear(&browse(PHONE)).pass(20).hear(&answer(BOARD));
    assert_eq!((provoked(&segment, PC), provoked(&segment, PHONE)), (0, 0));
    ask(&mut segment, PHONE, &[], 10, 20);
    segment.hear(&answer(BOARD));
    assert_eq!((provoked(&segment, PC), provoked(&segment, PHONE)), (0, 1));
    segment.hear(&browse(PC)).pass(20).hear(&answer(BOARD));
    assert_eq!((provoked(&segment, PC), provoked(&segment, PHONE)), (1, 1));
}

#[test]
fn what_nobody_asked_for_is_not_provoked() {
    let mut segment = Segment::new();
    for _ in 0..10 {
        segment.hear(&PC.mdns4(Query::new("nobody.local", TYPE::A))).pass(50);
        segment.hear(&answer(BOARD)).pass(50);
    }
    assert_eq!(provoked(&segment, PC), 0);
    // Nor what a device asks itself, nor what is asked slowly.
    ask(&mut segment, BOARD, &[BOARD], 10, 100);
    assert_eq!(provoked(&segment, BOARD), 0);
    ask(&mut segment, PHONE, &[BOARD], 20, 1_000);
    assert_eq!(provoked(&segment, PHONE), 0);
}

/// The question of a program that has no port of its own for mDNS (RFC 6762 section 6.7).
fn legacy(host: Host) -> Vec<u8> {
    let query = Query::browse("_arduino._tcp").id(7).bytes();
    host.udp4(Ipv4Addr::new(224, 0, 0, 251), 255, &Udp::new(41_000, 5_353, query))
}

#[test]
fn who_asks_too_fast_from_another_port_is_to_blame_as_well_and_breaks_no_rule() {
    let mut segment = Segment::new();
    let boards: Vec<Host> = (10..20).map(Host::numbered).collect();
    for _ in 0..330 {
        segment.hear(&legacy(PC)).pass(4);
        for board in &boards {
            segment.hear(&answer(*board));
        }
        segment.pass(86);
    }
    assert_eq!(provoked(&segment, PC), 327 * 10);
    let asks = storm(&segment, PC).expect("a storm");
    assert_eq!((asks.level, asks.culprit.cause()), (Level::Storm, "query_flood"));
    let rules = segment.device(PC).and_then(|device| device.violations);
    assert!(rules.is_none_or(|counts| counts[Rule::QueryInterval] == 0));
    for board in &boards {
        assert_eq!(storm(&segment, *board), None);
    }
    // By the rules, gaps that double, nobody is to blame.
    for gap in [1_000, 2_000, 4_000, 8_000, 16_000] {
        segment.hear(&legacy(PHONE)).pass(4).hear(&answer(boards[0])).pass(gap);
    }
    assert_eq!(provoked(&segment, PHONE), 0);
}

#[test]
fn forty_boards_that_ask_by_the_rules_provoke_nothing() {
    let mut segment = Segment::new();
    let boards: Vec<Host> = (10..50).map(Host::numbered).collect();
    for gap in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000] {
        for board in &boards {
            segment.hear(&browse(*board)).pass(5);
            segment.hear(&answer(boards[0])).hear(&answer(boards[1])).pass(5);
        }
        segment.pass(gap);
    }
    let snapshot = segment.snapshot();
    assert_eq!(snapshot.devices.iter().map(|device| device.provoked).sum::<u64>(), 0);
    assert!(snapshot.storms.is_empty());
}

#[test]
fn who_asks_floods_by_what_others_answer_and_who_answers_is_chatty() {
    let mut segment = Segment::new();
    let boards: Vec<Host> = (10..20).map(Host::numbered).collect();
    // 11 own frames a second, and 110 that they provoke.
    ask(&mut segment, PC, &boards, 330, 90);
    let asks = storm(&segment, PC).expect("a storm");
    assert_eq!((asks.level, asks.culprit.cause()), (Level::Storm, "query_flood"));
    assert_eq!(asks.provoked, asks.packets * 10);
    assert!(asks.peak <= 12, "{}", asks.peak);
    assert_eq!(asks.provoked_by, None);
    for board in &boards {
        assert_eq!(storm(&segment, *board), None, "11 a second for half a minute is no storm");
    }
    assert!(segment.snapshot().segment_storm.is_none(), "121 a second, each counted once");

    // Ten times as fast: the boards send as much as a flooder.
    ask(&mut segment, PC, &boards, 3_000, 9);
    for board in &boards {
        let answers = storm(&segment, *board).expect("a storm");
        assert_eq!((answers.level, answers.culprit.cause()), (Level::Chatty, "answering"));
        assert_eq!(answers.provoked_by.as_deref(), Some(&[Sender::Mac(PC.mac)][..]));
        assert_eq!(answers.provoked, 0);
    }
    segment.pass(40_000);
    segment.engine.handle_timeout(segment.now());
    let over = segment.snapshot().storms;
    assert!(over.iter().all(|storm| storm.end.is_some()), "{over:?}");
    let told = over.iter().find(|storm| storm.is_answering()).expect("one");
    assert_eq!(told.provoked_by.as_deref(), Some(&[Sender::Mac(PC.mac)][..]));
    let floods = over.iter().filter(|storm| storm.level == Level::Storm);
    let who: Vec<_> = floods.filter_map(|storm| storm.culprit.sender()).collect();
    assert_eq!(who, [Sender::Mac(PC.mac)]);
}

#[test]
fn who_answers_only_now_and_then_is_not_excused() {
    let mut segment = Segment::new();
    for _ in 0..30 {
        ask(&mut segment, PC, &[BOARD], 10, 10);
        for _ in 0..90 {
            segment.hear(&BOARD.ssdp4(b"NOTIFY * HTTP/1.1\r\n\r\n".to_vec())).pass(10);
        }
    }
    let told = storm(&segment, BOARD).expect("a storm");
    assert_eq!(told.level, Level::Storm);
    assert_ne!(told.culprit.cause(), Cause::Answering.label());
}

#[test]
fn what_is_ignored_of_a_device_is_not_held_against_it() {
    let mut segment = Segment::new();
    let mut ignored = ProtocolSet::default();
    ignored.insert(multicast_exporter::decode::Protocol::Mdns);
    let policy = DevicePolicy {
        alias: None,
        ignored,
        limits: Limits::default(),
        conditions: multicast_exporter::detect::ConditionLimits::USUAL,
    };
    let devices = [(Sender::Mac(PC.mac), policy)].into();
    segment.engine.handle_policy(&Arc::new(StormPolicy { devices, ..StormPolicy::default() }));
    let boards: Vec<Host> = (10..20).map(Host::numbered).collect();
    ask(&mut segment, PC, &boards, 330, 90);
    assert_eq!(storm(&segment, PC), None);
    assert_eq!(provoked(&segment, PC), 327 * 10, "it is counted all the same");
}
