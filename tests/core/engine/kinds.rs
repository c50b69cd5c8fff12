//! Each kind of multicast DNS message, from the bytes of a frame to the counter.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::MDNS_V4;
use multicast_exporter::craft::mdns::{
    address, claims_everything, header, nsec, pointer_loop, ptr, record, response,
};
use multicast_exporter::craft::{
    Ethernet, Host, Ipv4, Query, Responder, Service, Tag, Udp, tagged,
};
use multicast_exporter::decode::mdns::Kind;
use multicast_exporter::decode::{Issue, Protocol, Reason};
use multicast_exporter::engine::{Converted, DeviceCounters, Event};
use proptest::prelude::*;
use simple_dns::rdata::{CNAME, RData};
use simple_dns::{QTYPE, TYPE};

const PRINTER: Host = Host::numbered(7);
const PHONE: Host = Host::numbered(8);

fn canon() -> Responder {
    Responder::new("canon", PRINTER).service(Service::new("Canon", "_ipp._tcp", 631))
}

/// The kinds that were counted for the printer after it sent `message`, in a segment where
/// `before` was heard `millis` earlier.
fn after(before: &[u8], millis: u64, message: Vec<u8>) -> Vec<(Kind, u64)> {
    let mut segment = Segment::new();
    segment.hear(before).pass(millis).hear(&PRINTER.mdns4(message));
    segment.kinds(PRINTER)
}

#[test]
fn queries_probes_and_legacy_queries() {
    let mut segment = Segment::new();
    let query = Query::browse("_ipp._tcp");
    segment.hear(&PHONE.mdns4(query.clone())).hear(&PHONE.mdns6(query.clone()));
    segment.hear(&PHONE.mdns_unicast4(PRINTER, query.clone()));
    assert_eq!(segment.kinds(PHONE), [(Kind::Query, 3)]);
    segment.hear(&PRINTER.mdns4(canon().probe()));
    assert_eq!(segment.kinds(PRINTER), [(Kind::Probe, 1)]);
    let other = Host::numbered(9);
    segment.hear(&other.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, query.id(7))));
    segment.hear(&other.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, canon().probe())));
    assert_eq!(segment.kinds(other), [(Kind::LegacyQuery, 2)]);
}

#[test]
fn what_was_asked_for_is_a_response_for_two_seconds() {
    let question = PHONE.mdns4(Query::browse("_ipp._tcp"));
    let answer = || canon().response("_ipp._tcp");
    assert_eq!(after(&question, 0, answer()), [(Kind::Response, 1)]);
    assert_eq!(after(&question, 2_000, answer()), [(Kind::Response, 1)]);
    assert_eq!(after(&question, 2_001, answer()), [(Kind::Announcement, 1)]);
    assert_eq!(after(&question, 10, canon().address_response()), [(Kind::Announcement, 1)]);
}

#[test]
fn what_nobody_asked_for_is_an_announcement_and_taking_back_a_goodbye() {
    let mut segment = Segment::new();
    segment.hear(&PRINTER.mdns4(canon().announcement()));
    segment.hear(&PRINTER.mdns6(canon().announcement()));
    assert_eq!(segment.kinds(PRINTER), [(Kind::Announcement, 2)]);
    segment.hear(&PHONE.mdns4(Query::browse("_ipp._tcp")));
    segment.hear(&PRINTER.mdns4(canon().goodbye()));
    assert_eq!(segment.kinds(PRINTER), [(Kind::Announcement, 2), (Kind::Goodbye, 1)]);
}

#[test]
fn a_question_over_one_ip_is_answered_over_the_other() {
    let query = Query::browse("_ipp._tcp");
    assert_eq!(after(&PHONE.mdns6(query), 9, canon().response("_ipp._tcp")), [(Kind::Response, 1)]);
    let mut segment = Segment::new();
    segment.hear(&PHONE.mdns4(Query::browse("_ipp._tcp")));
    segment.hear(&PRINTER.mdns6(canon().response("_ipp._tcp")));
    assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 1)]);
}

#[test]
fn names_match_without_case_and_types_as_the_contract_says() {
    let ask =
        |kind: QTYPE| PHONE.mdns4(Query::new("x.local", TYPE::PTR).and("CANON.local", kind, false));
    let a = || response([address("canon.Local", PRINTER.v4.into())]);
    assert_eq!(after(&ask(TYPE::A.into()), 9, a()), [(Kind::Response, 1)]);
    assert_eq!(after(&ask(QTYPE::ANY), 9, a()), [(Kind::Response, 1)]);
    assert_eq!(after(&ask(TYPE::AAAA.into()), 9, a()), [(Kind::Announcement, 1)]);
    // "There is no such record" and "ask for that name instead" answer whatever was asked.
    let no = || response([nsec("canon.local", &[TYPE::A])]);
    assert_eq!(after(&ask(TYPE::AAAA.into()), 9, no()), [(Kind::Response, 1)]);
    let elsewhere = CNAME(simple_dns::Name::new_unchecked("other.local"));
    let instead = || response([record("canon.local", true, 120, RData::CNAME(elsewhere.clone()))]);
    assert_eq!(after(&ask(TYPE::AAAA.into()), 9, instead()), [(Kind::Response, 1)]);
    let of_another = response([nsec("hp.local", &[TYPE::A])]);
    assert_eq!(after(&ask(TYPE::AAAA.into()), 9, of_another), [(Kind::Announcement, 1)]);
}

#[test]
fn own_probes_are_no_questions_but_those_of_others_are() {
    let announce = || canon().announcement();
    assert_eq!(
        after(&PRINTER.mdns4(canon().probe()), 250, announce()),
        [(Kind::Probe, 1), (Kind::Announcement, 1)]
    );
    let rival = Responder::new("canon", PHONE);
    assert_eq!(after(&PHONE.mdns4(rival.probe()), 250, announce()), [(Kind::Response, 1)]);
    let own_query = PRINTER.mdns4(Query::new("canon.local", TYPE::A));
    assert_eq!(after(&own_query, 250, announce()), [(Kind::Query, 1), (Kind::Response, 1)]);
}

#[test]
fn what_cannot_be_walked_is_malformed_and_its_fault_is_counted() {
    let mut segment = Segment::new();
    segment.hear(&PRINTER.mdns4(claims_everything()));
    segment.hear(&PRINTER.mdns4(b"\0\0\x84".to_vec()));
    let cut_record = [header(0, 0x8400, [0, 1, 0, 0]), b"\x05canon".to_vec(), vec![0; 11]].concat();
    segment.hear(&PRINTER.mdns_unicast4(PHONE, cut_record[..22].to_vec()));
    // A name that never ends can be stepped over: a flaw.
    segment.hear(&PRINTER.mdns4(pointer_loop()));
    assert_eq!(segment.kinds(PRINTER), [(Kind::Announcement, 1), (Kind::Malformed, 3)]);
    let errors = segment.snapshot().decode_errors;
    let count = |protocol, reason| {
        let issue = Issue { protocol: Some(protocol), reason };
        errors.iter().find(|(there, _)| *there == issue).map(|(_, count)| *count)
    };
    assert_eq!(count(Protocol::Mdns, Reason::CountsExceedLength), Some(1));
    assert_eq!(count(Protocol::Mdns, Reason::Truncated), Some(1));
    assert_eq!(count(Protocol::MdnsUnicast, Reason::CountsExceedLength), Some(1), "{errors:?}");
    assert_eq!(errors.iter().map(|(_, count)| count).sum::<u64>(), 4, "{errors:?}");
}

#[test]
fn a_flaw_is_counted_under_the_protocol_and_hides_nothing() {
    // Bytes behind the message's end.
    let message = [canon().announcement(), vec![0; 3]].concat();
    for (converted, counted) in
        [(Converted::Live, Protocol::Mdns), (Converted::Files, Protocol::MdnsUnicast)]
    {
        let mut segment = Segment::just_started(converted);
        // The group's IP address in a frame to one station.
        let mut frame = PRINTER.mdns4(message.clone());
        frame[..6].copy_from_slice(&PHONE.mac.0);
        segment.hear(&frame);
        assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 1)], "just started");
        let snapshot = segment.snapshot();
        let flaw = Issue { protocol: Some(counted), reason: Reason::TrailingBytes };
        assert_eq!(snapshot.decode_errors, [(flaw, 1)]);
        assert_eq!(snapshot.packets[counted.index()], 1);
        assert!(snapshot.devices[0].counters.records[1] > 0);
    }
}

#[test]
fn while_suspended_nothing_is_announced() {
    let announce = PRINTER.mdns4(canon().announcement());
    let mut segment = Segment::just_started(Converted::Live);
    segment.hear(&announce).pass(1_999).hear(&announce);
    assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 2)]);
    segment.pass(1).hear(&announce);
    assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 2), (Kind::Announcement, 1)]);
    let now = segment.now();
    segment.engine.handle_event(now, Event::Dropped(1));
    segment.hear(&announce);
    assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 3), (Kind::Announcement, 1)]);
    assert_eq!(segment.snapshot().health.suspended, 2);
}

#[test]
fn what_was_cut_is_classed_by_its_header() {
    let mut segment = Segment::new();
    let goodbye = PRINTER.mdns4(canon().goodbye());
    segment.hear_of(&goodbye[..80], goodbye.len());
    assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 1)]);
    let probe = PRINTER.mdns6(canon().probe());
    segment.hear_of(&probe[..90], probe.len());
    assert_eq!(segment.kinds(PRINTER), [(Kind::Probe, 1), (Kind::Response, 1)]);
    let snapped = Issue { protocol: Some(Protocol::Mdns), reason: Reason::Snapped };
    assert_eq!(segment.snapshot().decode_errors, [(snapped, 2)]);
    assert_eq!(segment.snapshot().health.suspended, 2, "a question was not heard");
}

#[test]
fn later_fragments_are_apart() {
    let long = Responder::new("canon", PRINTER).service(
        Service::new("Canon", "_ipp._tcp", 631).txt(&"x".repeat(200)).txt(&"y".repeat(200)),
    );
    let udp = Udp::new(5353, 5353, long.announcement());
    let whole = Ipv4::new(PRINTER.v4, MDNS_V4).ttl(255).id(7).udp(&udp);
    let fragments = whole.fragments(200);
    assert!(fragments.len() > 2);
    let mut segment = Segment::new();
    for fragment in &fragments {
        segment.hear(&Ethernet::from(PRINTER.mac).to_ip(MDNS_V4.into()).ipv4(fragment));
    }
    let later = u64::try_from(fragments.len() - 1).expect("few");
    assert_eq!(segment.kinds(PRINTER), [(Kind::Response, 1)]);
    let counters = segment.device(PRINTER).expect("a row").counters;
    assert_eq!(counters.packets[Protocol::Mdns.index()], 1);
    assert_eq!(counters.packets[Protocol::OtherMulticast.index()], later);
}

/// Frames of every sort that this engine treats apart.
fn samples() -> Vec<Vec<u8>> {
    let query = Query::browse("_ipp._tcp");
    let udp = Udp::new(5353, 5353, canon().announcement());
    let fragments = Ipv4::new(PRINTER.v4, MDNS_V4).ttl(255).udp(&udp).fragments(64);
    let announcement = PRINTER.mdns4(canon().announcement());
    let mut frames = vec![
        PHONE.mdns4(query.clone()),
        PHONE.mdns6(query.clone()),
        PHONE.mdns_unicast4(PRINTER, query.clone()),
        PHONE.udp4(MDNS_V4, 255, &Udp::new(40_000, 5353, query)),
        PRINTER.mdns4(canon().probe()),
        PRINTER.mdns6(canon().response("_ipp._tcp")),
        PRINTER.mdns4(canon().goodbye()),
        PRINTER.mdns_unicast4(PHONE, canon().address_response()),
        PRINTER.mdns4(pointer_loop()),
        PRINTER.mdns4(claims_everything()),
        PRINTER.mdns4(response([ptr("_ipp._tcp.local", "x.local")])),
        tagged(&announcement, Tag { tpid: 0x8100, tci: 30 }),
        PRINTER.arp_announcement(),
        announcement,
    ];
    frames.extend(
        fragments.iter().map(|part| Ethernet::from(PRINTER.mac).to_ip(MDNS_V4.into()).ipv4(part)),
    );
    frames
}

fn mdns_packets(counters: &DeviceCounters) -> u64 {
    [Protocol::Mdns, Protocol::MdnsUnicast].iter().map(|p| counters.packets[p.index()]).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is sent and however it is broken or cut.
    #[test]
    fn the_kinds_of_a_device_add_up_to_its_messages(
        files in any::<bool>(),
        steps in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
                prop::option::of(any::<prop::sample::Index>()),
                any::<bool>(),
                0_u64..900,
            ),
            1..60,
        ),
    ) {
        let samples = samples();
        let mut segment =
            Segment::just_started(if files { Converted::Files } else { Converted::Live });
        let sent = u64::try_from(steps.len()).expect("few");
        for (which, changes, cut, snapped, millis) in steps {
            let mut frame = which.get(&samples).clone();
            let wire_len = frame.len();
            for (at, value) in changes {
                let at = at.index(frame.len());
                frame[at] = value;
            }
            if let Some(cut) = cut {
                frame.truncate(cut.index(frame.len()));
            }
            let wire_len = if snapped { wire_len } else { frame.len() };
            segment.pass(millis).hear_of(&frame, wire_len);
        }
        let snapshot = segment.snapshot();
        prop_assert_eq!(snapshot.frames, sent);
        let devices = snapshot.devices.iter().map(|device| &device.counters);
        let mut packets = [0; Protocol::COUNT];
        for counters in devices.chain(&snapshot.other) {
            prop_assert_eq!(counters.messages.iter().sum::<u64>(), mdns_packets(counters));
            for (sum, count) in packets.iter_mut().zip(counters.packets) {
                *sum += count;
            }
        }
        prop_assert_eq!(packets, snapshot.packets, "every frame is somebody's or other");
    }
}
