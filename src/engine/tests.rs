//! Whole engines, fed by hand. Messages are written in a small language that [`script`] reads in
//! place of the program's parser, so that these tests are about the engine only:
//! `q NAME TYPE`, `a NAME TYPE TTL` (answer), `x NAME TYPE TTL` (additional), `u NAME TYPE TTL`
//! (authority), `A NAME IP`, `S SERVICE`, `M MODEL`, `!` (malformed).

use super::*;
use crate::decode::mdns::{
    DataHash, Datagram, Digest, Hint, Kind, NameHash, Question, RClass, RType, Record, Section,
    Traits,
};
use crate::decode::{Ip, Issue, Issues, Reason, Tags, arp, dhcp};
use crate::frame::Direction;
use proptest::prelude::*;
use std::cell::Cell;

const KEY: HashKey = HashKey([3, 1, 4, 1]);

fn script(datagram: &Datagram<'_>, key: &HashKey) -> Digest {
    let [a, b, c, d] = key.0;
    let hash = |name: &str| NameHash(RandomState::with_seeds(a, b, c, d).hash_one(name));
    let (mut questions, mut records, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    let mut digest = Digest::default();
    let text = std::str::from_utf8(datagram.payload).expect("a script");
    if !datagram.complete {
        return digest;
    }
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["q", name, rtype] => {
                digest.decoded[0] += 1;
                let rtype = RType(rtype.parse().expect("a type"));
                questions.push(Question {
                    name: hash(name),
                    rtype,
                    class: RClass::IN,
                    unicast: false,
                    traits: Traits::default(),
                    at: 0,
                });
            }
            [section @ ("a" | "u" | "x"), name, rtype, ttl] => {
                let section = match section {
                    "a" => Section::Answer,
                    "u" => Section::Authority,
                    _ => Section::Additional,
                };
                digest.decoded[section as usize] += 1;
                let rtype = RType(rtype.parse().expect("a type"));
                let ttl = ttl.parse().expect("a TTL");
                digest.zero_ttl |= ttl == 0;
                let name = hash(name);
                records.push(Record {
                    section,
                    name,
                    rtype,
                    class: RClass::IN,
                    flush: true,
                    ttl,
                    data: DataHash(0),
                    traits: Traits::default(),
                    at: 0,
                });
            }
            ["A", name, ip] => hints.push(match ip.parse().expect("an address") {
                IpAddr::V4(ip) => Hint::A(name.into(), ip),
                IpAddr::V6(ip) => Hint::Aaaa(name.into(), ip),
            }),
            ["S", service] => hints.push(Hint::Service(service.into())),
            ["M", model] => hints.push(Hint::Model(model.into())),
            ["!"] => digest.malformed = Some(Reason::Truncated),
            _ => panic!("not in the language: {line}"),
        }
    }
    digest.questions = questions.into();
    digest.records = records.into();
    digest.hints = hints.into();
    digest
}

fn config(max: usize) -> Config {
    Config {
        expiry: Some(Duration::from_hours(4)),
        local: Arc::new(Local { macs: vec![mac(1)], ..Local::default() }),
        ..Config::for_tests(max)
    }
}

fn engine() -> Engine {
    Engine::with_parser(config(100), KEY, script)
}

fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}

fn at(millis: u64) -> Time {
    Time(millis * 1_000_000)
}

/// A frame of `n` at 10.0.0.n to the mDNS group.
fn frame(n: u8, protocol: Protocol, message: Message<'_>) -> Observation<'_> {
    Observation {
        tags: Tags::default(),
        cast: Cast::Group,
        sender: Some(Sender::Mac(mac(n))),
        source_mac: Some(mac(n)),
        ip: Some(Ip {
            source: [10, 0, 0, n].into(),
            destination: [224, 0, 0, 251].into(),
            ttl: 255,
            len: 60,
            fragment: false,
            id: 0,
        }),
        udp: None,
        protocol,
        wire_len: 74,
        frame: &[],
        place: None,
        direction: Direction::Unknown,
        message,
        issues: Issues::default(),
    }
}

/// A whole message: a response if it says so, a probe if it has authority records.
fn datagram(text: &str, is_response: bool) -> Datagram<'_> {
    let lines = |first| u16::from(text.lines().any(|line| line.starts_with(first)));
    let flags = if is_response { 0x8400 } else { 0 };
    Datagram {
        payload: text.as_bytes(),
        len: text.len(),
        complete: true,
        header: Some(Header { id: 0, flags, claimed: [lines('q'), 0, lines('u'), 0] }),
        source_port: 5353,
        destination_port: 5353,
    }
}

fn query(engine: &mut Engine, time: Time, n: u8, text: &str) -> Kind {
    hear(engine, time, n, datagram(text, false))
}

fn response(engine: &mut Engine, time: Time, n: u8, text: &str) -> Kind {
    hear(engine, time, n, datagram(text, true))
}

/// The kind that a message was counted as.
fn hear(engine: &mut Engine, time: Time, n: u8, datagram: Datagram<'_>) -> Kind {
    let kinds =
        |engine: &Engine| device(engine, n).map(|d| d.counters.messages).unwrap_or_default();
    let before = kinds(engine);
    let observation = frame(n, Protocol::Mdns, Message::Mdns(datagram));
    engine.handle_frame(time, Stamp(time.0.into()), &observation);
    let after = kinds(engine);
    let counted: Vec<Kind> =
        Kind::ALL.into_iter().filter(|k| after[*k as usize] > before[*k as usize]).collect();
    assert_eq!(counted.len(), 1, "exactly one kind each");
    assert_eq!(after.iter().sum::<u64>(), before.iter().sum::<u64>() + 1);
    counted[0]
}

fn device(engine: &Engine, n: u8) -> Option<DeviceSnapshot> {
    let sender = Sender::Mac(mac(n));
    engine.snapshot().devices.into_iter().find(|device| device.sender == sender)
}

/// An engine that is no longer suspended at `at(10_000)`.
fn awake() -> Engine {
    let mut engine = engine();
    engine.handle_timeout(at(1_000));
    engine
}

#[test]
fn kinds_in_their_order() {
    let mut e = awake();
    let mut hear_at = |datagram| hear(&mut e, at(10_000), 2, datagram);
    assert_eq!(hear_at(datagram("q a 1", false)), Kind::Query);
    assert_eq!(hear_at(datagram("q a 255\nu a 1 120", false)), Kind::Probe);
    let legacy = Datagram { source_port: 40_000, ..datagram("q a 1\nu a 1 120", false) };
    assert_eq!(hear_at(legacy), Kind::LegacyQuery);
    assert_eq!(hear_at(datagram("q a 1\n!", false)), Kind::Malformed);
    assert_eq!(hear_at(datagram("a a 1 0\n!", true)), Kind::Malformed);
    assert_eq!(hear_at(datagram("a b 1 120\nx c 1 0", true)), Kind::Goodbye);
    assert_eq!(hear_at(datagram("a b 1 120", true)), Kind::Announcement);
    assert_eq!(hear_at(datagram("a a 1 120", true)), Kind::Response);
    assert_eq!(hear_at(datagram("x a 1 120", true)), Kind::Announcement, "no answer matches");
    assert_eq!(hear_at(Datagram { header: None, ..datagram("", true) }), Kind::Malformed);
    let device = device(&e, 2).expect("a row");
    assert_eq!(device.counters.messages.iter().sum::<u64>(), 10);
    assert_eq!(device.counters.records, [4, 4, 2, 2]);
    let malformed = Issue { protocol: Some(Protocol::Mdns), reason: Reason::Truncated };
    assert_eq!(e.snapshot().decode_errors, [(malformed, 2)]);
}

#[test]
fn an_answer_within_two_seconds_of_a_question_is_a_response() {
    let mut e = awake();
    query(&mut e, at(10_000), 2, "q a 12");
    assert_eq!(response(&mut e, at(12_000), 3, "a b 12 120\na a 12 120"), Kind::Response);
    assert_eq!(response(&mut e, Time(at(12_000).0 + 1), 3, "a a 12 120"), Kind::Announcement);
}

#[test]
fn own_probes_do_not_ask_for_own_announcements() {
    let mut e = awake();
    query(&mut e, at(10_000), 2, "q host 255\nu host 1 120");
    assert_eq!(response(&mut e, at(10_250), 2, "a host 1 120"), Kind::Announcement);
    assert_eq!(response(&mut e, at(10_250), 3, "a host 1 120"), Kind::Response);
    query(&mut e, at(10_300), 2, "q host 1");
    assert_eq!(response(&mut e, at(10_400), 2, "a host 1 120"), Kind::Response);
}

#[test]
fn a_question_in_one_address_family_is_answered_in_the_other() {
    let mut e = awake();
    query(&mut e, at(10_000), 2, "q a 1");
    let mut observation = frame(3, Protocol::Mdns, Message::Mdns(datagram("a a 1 120", true)));
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    observation.ip = Some(Ip {
        source: ip("fe80::3"),
        destination: ip("ff02::fb"),
        ttl: 255,
        len: 60,
        fragment: false,
        id: 0,
    });
    e.handle_frame(at(10_100), Stamp(0), &observation);
    let counters = device(&e, 3).expect("a row").counters;
    assert_eq!(counters.messages[Kind::Response as usize], 1);
}

#[test]
fn while_suspended_nothing_is_an_announcement() {
    let mut e = engine();
    assert_eq!(response(&mut e, at(5_000), 2, "a a 1 120"), Kind::Response, "the start");
    assert_eq!(response(&mut e, at(6_999), 2, "a a 1 120"), Kind::Response);
    assert_eq!(response(&mut e, at(7_000), 2, "a a 1 120"), Kind::Announcement);
    let mut begun = 1;
    assert_eq!(e.snapshot().health.suspended, begun);
    for (n, event) in (1_u64..).zip([Event::Up, Event::Dropped(1), Event::ClockStep]) {
        e.handle_event(at(n * 10_000), event);
        begun += 1;
        assert_eq!(response(&mut e, at(n * 10_000 + 1_999), 2, "a a 1 120"), Kind::Response);
        assert_eq!(response(&mut e, at(n * 10_000 + 2_000), 2, "a a 1 120"), Kind::Announcement);
        assert_eq!(e.snapshot().health.suspended, begun);
    }
}

#[test]
fn forgetting_a_live_question_suspends() {
    let mut e = awake();
    let types =
        |from: u16| (from..from + 4).map(|t| format!("q a {t}")).collect::<Vec<_>>().join("\n");
    query(&mut e, at(10_000), 2, &types(1));
    query(&mut e, at(10_000), 2, &types(5));
    assert_eq!(response(&mut e, at(10_000), 2, "a z 1 120"), Kind::Announcement);
    // More types of one name than a set holds.
    query(&mut e, at(10_000), 2, &types(9));
    assert_eq!(response(&mut e, at(10_000), 2, "a z 1 120"), Kind::Response);
    assert_eq!(e.snapshot().health.suspended, 2);
}

#[test]
fn a_message_that_was_cut_is_classed_by_its_header() {
    let mut e = awake();
    let cut = |text, is_response| Datagram { complete: false, ..datagram(text, is_response) };
    // Only its header is there.
    assert_eq!(hear(&mut e, at(10_000), 2, cut("?", true)), Kind::Response);
    assert_eq!(e.snapshot().health.suspended, 1);
    assert_eq!(hear(&mut e, at(10_000), 2, cut("q ?\nu ?", false)), Kind::Probe);
    assert_eq!(e.snapshot().health.suspended, 2, "its questions were not heard");
    assert_eq!(response(&mut e, at(11_000), 2, "a a 1 120"), Kind::Response);
    assert_eq!(
        hear(&mut e, at(11_000), 2, Datagram { source_port: 9, ..cut("?", false) }),
        Kind::LegacyQuery
    );
}

#[test]
fn repeated_payloads_count_like_new_ones() {
    let mut e = awake();
    for n in 0..100 {
        response(&mut e, at(10_000 + n), 2, "a a 1 120\nx a 28 120\nA host.local 10.0.0.2");
    }
    let device = device(&e, 2).expect("a row");
    assert_eq!(device.counters.records, [0, 100, 0, 100]);
    assert_eq!(device.counters.messages[Kind::Announcement as usize], 100);
    assert_eq!(device.identity.name.as_deref(), Some("host.local"));
}

#[test]
fn time_never_goes_back_and_a_second_is_closed_once() {
    let mut e = engine();
    let mut igmp =
        |millis| e.handle_frame(at(millis), Stamp(0), &frame(2, Protocol::Igmp, Message::None));
    igmp(5_100);
    igmp(5_900);
    igmp(8_000);
    igmp(5_200);
    e.handle_timeout(at(9_000));
    e.handle_timeout(at(3_000));
    let snapshot = e.snapshot();
    assert_eq!(snapshot.time, at(9_000));
    let mut counts = [0; 13];
    (counts[0], counts[2]) = (2, 2);
    assert_eq!(snapshot.per_second, Histogram { counts, sum: 4 });
    assert_eq!((snapshot.devices[0].peak_minute, snapshot.devices[0].peak_ever), (2, 2));
    assert_eq!(snapshot.devices[0].last_active, at(8_000));
}

#[test]
fn only_signalling_and_address_frames_are_in_the_rate() {
    for protocol in Protocol::ALL {
        let mut e = engine();
        e.handle_frame(at(1_000), Stamp(0), &frame(2, protocol, Message::None));
        e.handle_timeout(at(2_000));
        let counts = match protocol {
            Protocol::MdnsUnicast | Protocol::OtherMulticast => 0,
            _ => 1,
        };
        let snapshot = e.snapshot();
        assert_eq!(snapshot.per_second.sum, u64::from(counts), "{protocol:?}");
        assert_eq!(snapshot.devices[0].peak_minute, counts, "{protocol:?}");
        assert_eq!(snapshot.devices[0].counters.packets[protocol.index()], 1);
    }
}

#[test]
fn unicast_is_counted_in_the_total_only() {
    let mut e = engine();
    let mut observation = frame(2, Protocol::OtherMulticast, Message::None);
    observation.cast = Cast::Unicast;
    e.handle_frame(at(0), Stamp(0), &observation);
    let snapshot = e.snapshot();
    assert_eq!((snapshot.frames, snapshot.tracked, snapshot.packets), (1, 0, [0; Protocol::COUNT]));
    assert!(snapshot.other.is_none());
}

#[test]
fn converted_frames_count_as_what_they_are_when_live() {
    for (converted, protocol, counted) in [
        (Converted::Live, Protocol::Ssdp, Some(Protocol::Ssdp)),
        (Converted::Live, Protocol::Mdns, Some(Protocol::Mdns)),
        (Converted::Files, Protocol::Ssdp, None),
        (Converted::Files, Protocol::Mdns, Some(Protocol::MdnsUnicast)),
    ] {
        let mut e = Engine::new(Config { converted, ..config(100) }, KEY);
        let observation =
            Observation { cast: Cast::Converted, ..frame(2, protocol, Message::None) };
        e.handle_frame(at(0), Stamp(0), &observation);
        let snapshot = e.snapshot();
        assert_eq!((snapshot.frames, snapshot.converted), (1, 1));
        let expected = Protocol::ALL.map(|p| u64::from(Some(p) == counted));
        assert_eq!(snapshot.packets, expected, "{converted:?} {protocol:?}");
        assert_eq!(snapshot.tracked, usize::from(counted.is_some()));
    }
}

#[test]
fn frames_without_a_sender_or_a_row_are_other() {
    let mut e = Engine::new(config(1), KEY);
    e.handle_frame(at(0), Stamp(0), &frame(2, Protocol::Arp, Message::None));
    e.handle_frame(
        at(0),
        Stamp(0),
        &Observation { sender: None, ..frame(3, Protocol::Arp, Message::None) },
    );
    for _ in 0..3 {
        e.handle_frame(at(1), Stamp(0), &frame(2, Protocol::Arp, Message::None));
    }
    e.handle_frame(at(2), Stamp(0), &frame(3, Protocol::Igmp, Message::None));
    let snapshot = e.snapshot();
    let other = snapshot.other.expect("frames without a row");
    assert_eq!(other.packets[Protocol::Arp.index()], 1);
    assert_eq!(other.packets[Protocol::Igmp.index()], 1, "the one that is there sent more");
    assert_eq!(other.bytes.iter().sum::<u64>(), 2 * 74);
    assert_eq!(snapshot.devices[0].counters.packets[Protocol::Arp.index()], 4);
}

#[test]
fn the_host_name_comes_from_an_address_that_is_the_source() {
    let mut e = awake();
    response(&mut e, at(10_000), 2, "a a 1 120\nA other.local 10.0.0.7\nS _ipp._tcp");
    let identity = device(&e, 2).expect("a row").identity;
    assert_eq!((identity.name.clone(), identity.category), (None, Category::Unknown));
    response(&mut e, at(10_000), 2, "a a 1 120\nA printer.local 10.0.0.2\nS _ipp._tcp\nM TS5300");
    let identity = device(&e, 2).expect("a row").identity;
    assert_eq!(identity.name.as_deref(), Some("printer.local"));
    assert_eq!(identity.model.as_deref(), Some("TS5300"));
    assert_eq!(identity.category, Category::Printer);
    assert_eq!(identity.address, Some(Address::Ip([10, 0, 0, 2].into())));
    assert!(!identity.local);
}

#[test]
fn a_forwarded_source_is_no_address_of_the_sender() {
    let mut e = awake();
    let group: IpAddr = [239, 255, 255, 250].into();
    for (source, destination, ttl, counts) in [
        ([10, 0, 0, 9].into(), group, 3, false),
        ([10, 0, 0, 9].into(), group, 255, true),
        ([0, 0, 0, 0].into(), [255; 4].into(), 255, false),
        ([10, 0, 0, 9].into(), [255; 4].into(), 64, true),
        ([224, 0, 0, 9].into(), [224, 0, 0, 1].into(), 255, false),
    ] {
        let mut observation = frame(1, Protocol::Ssdp, Message::None);
        observation.ip = Some(Ip { source, destination, ttl, len: 60, fragment: false, id: 0 });
        e.handle_frame(at(10_000), Stamp(0), &observation);
        let identity = device(&e, 1).expect("a row").identity;
        assert_eq!(identity.addresses.len(), usize::from(counts), "{source} {destination} {ttl}");
        assert!(identity.local);
        e.handle_timeout(at(10_000).plus(Duration::from_mins(250)));
        assert_eq!(e.snapshot().tracked, 0);
        e = awake();
    }
}

#[test]
fn arp_and_dhcp_count_only_for_their_sender() {
    let arp = |n| arp::Message {
        operation: 1,
        sender_mac: mac(n),
        sender_ip: [10, 0, 0, n].into(),
        target_mac: mac(0),
        target_ip: [10, 0, 0, 1].into(),
    };
    let dhcp = |n, op| dhcp::Message {
        op,
        transaction: 1,
        client: Some(mac(n)),
        client_ip: [0; 4].into(),
        your_ip: [0; 4].into(),
        relay: [0; 4].into(),
        kind: Some(if op == 2 { 5 } else { 1 }),
        requested: Some([10, 0, 0, 99].into()),
        server: None,
        host_name: Some(b"LAPTOP\0"),
        vendor_class: None,
    };
    let mut e = awake();
    let mut identity = |n, message| {
        let mut observation = frame(n, Protocol::Arp, message);
        observation.ip = None;
        e.handle_frame(at(10_000), Stamp(0), &observation);
        device(&e, n).expect("a row").identity
    };
    // All that is known of a device that has not spoken for itself is what its MAC says.
    let unknown = Identity { vendor: Some("randomized"), ..Identity::default() };
    assert_eq!(*identity(2, Message::Arp(arp(3))), unknown);
    assert_eq!(identity(2, Message::Arp(arp(2))).addresses, [IpAddr::from([10, 0, 0, 2])]);
    assert_eq!(*identity(4, Message::Dhcp(dhcp(5, 1))), unknown);
    let client = identity(4, Message::Dhcp(dhcp(4, 1)));
    assert_eq!((client.name.as_deref(), client.addresses.len()), (Some("LAPTOP"), 0));
    // Three clients: one alone may be setting it up.
    for (client, category) in [
        (4, Category::Unknown),
        (4, Category::Unknown),
        (7, Category::Unknown),
        (8, Category::Router),
    ] {
        let server = identity(6, Message::Dhcp(dhcp(client, 2)));
        assert_eq!((server.name.as_deref(), server.category), (None, category));
    }
}

#[test]
fn neighbours_tell_the_mac_of_a_device_named_by_its_address() {
    let mut e = awake();
    let ip: IpAddr = [10, 0, 0, 2].into();
    let observation =
        Observation { sender: Some(Sender::Ip(ip)), ..frame(2, Protocol::Ssdp, Message::None) };
    e.handle_frame(at(0), Stamp(0), &observation);
    e.handle_neighbours(&[(ip, mac(1)), ([10, 0, 0, 3].into(), mac(3))]);
    let snapshot = e.snapshot();
    assert_eq!(snapshot.devices.len(), 1);
    assert_eq!(snapshot.devices[0].identity.address, Some(Address::Mac(mac(1))));
    assert_eq!(snapshot.devices[0].identity.addresses, [ip]);
    assert!(snapshot.devices[0].identity.local);
}

#[test]
fn a_snapshot_is_bounded_and_changes_nothing() {
    let mut e = Engine::new(config(50), KEY);
    for n in 0..5_000_u32 {
        let [_, _, a, b] = n.to_be_bytes();
        let mut observation = frame(2, Protocol::Arp, Message::None);
        observation.sender = Some(Sender::Mac(Mac([2, 0, 0, 1, a, b])));
        e.handle_frame(at(u64::from(n)), Stamp(0), &observation);
    }
    let (one, two) = (e.snapshot(), e.snapshot());
    assert_eq!((one.devices.len(), one.devices.capacity(), one.tracked), (50, 50, 50));
    assert_eq!(format!("{one:?}"), format!("{two:?}"), "two readers see the same");
    assert_eq!(one.packets[Protocol::Arp.index()], 5_000, "totals are no sums over devices");
    assert_eq!(one.evicted_capacity, 4_950);
}

thread_local! {
    /// How often [`counting_script`] was called.
    static PARSED: Cell<u32> = const { Cell::new(0) };
}

fn counting_script(datagram: &Datagram<'_>, key: &HashKey) -> Digest {
    PARSED.set(PARSED.get() + 1);
    script(datagram, key)
}

#[test]
fn a_repeated_payload_costs_no_parse_whoever_sends_it_and_whatever_is_found() {
    let mut e = Engine::with_parser(config(100), KEY, counting_script);
    e.handle_timeout(at(1_000));
    let storm = "a printer 1 120\na printer 28 120\nx printer 47 120";
    // One device for 20 s, then reflected by two more; the question between is another payload.
    for n in 0..4_000 {
        response(&mut e, at(10_000 + n * 5), 2, storm);
    }
    for n in 0..100 {
        response(&mut e, at(30_000 + n * 30), 2 + u8::try_from(n % 3).expect("small"), storm);
        query(&mut e, at(30_001 + n * 30), 9, "q printer 1");
    }
    let snapshot = e.snapshot();
    let violations: u64 =
        crate::detect::Rule::ALL.iter().map(|&rule| snapshot.violations[rule]).sum();
    assert!(violations > 3_000 && !snapshot.storms.is_empty());
    assert_eq!(PARSED.get(), 4, "each of the two payloads twice: kept when it comes again");
    response(&mut e, at(34_000), 2, "a printer 1 121");
    assert_eq!(PARSED.get(), 5, "another payload is read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn totals_are_what_was_fed(
        max in 0_usize..12,
        steps in prop::collection::vec((0_u8..30, 0_usize..13, 0_u64..700, 0_u8..8), 1..300),
    ) {
        let mut e = Engine::with_parser(config(max), KEY, script);
        let mut now = 0;
        let (mut packets, mut unseen) = ([0_u64; Protocol::COUNT], 0);
        let total = steps.len() as u64;
        for (n, protocol, gap, odd) in steps {
            now += gap;
            let protocol = Protocol::ALL[protocol];
            let mut observation = frame(n, protocol, Message::None);
            let text = if odd == 1 { "q a 1" } else { "a a 1 120" };
            if protocol == Protocol::Mdns {
                observation.message = Message::Mdns(datagram(text, odd != 1));
            }
            match odd {
                7 => observation.cast = Cast::Unicast,
                6 => observation.sender = None,
                _ => {}
            }
            if odd == 7 { unseen += 1 } else { packets[protocol.index()] += 1 }
            e.handle_frame(at(now), Stamp(0), &observation);
        }
        e.handle_timeout(at(now + 1_000));
        let snapshot = e.snapshot();
        prop_assert_eq!(snapshot.packets, packets);
        prop_assert_eq!(snapshot.bytes, packets.map(|n| n * 74));
        prop_assert_eq!((snapshot.frames, packets.iter().sum::<u64>() + unseen), (total, total));
        prop_assert!(snapshot.devices.len() <= max);
        // What is in rows and in `other` was counted once; what removed rows had counted is in
        // neither.
        let mut counted = snapshot.other.clone().unwrap_or_default();
        for device in &snapshot.devices {
            for (sum, n) in counted.packets.iter_mut().zip(device.counters.packets) {
                *sum += n;
            }
            let counters = &device.counters;
            prop_assert_eq!(counters.messages.iter().sum::<u64>(), counters.packets[0]);
        }
        for (counted, fed) in counted.packets.iter().zip(packets) {
            prop_assert!(*counted <= fed);
            if snapshot.evicted_capacity == 0 {
                prop_assert_eq!(*counted, fed);
            }
        }
    }
}
