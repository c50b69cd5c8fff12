//! Rules that one mDNS message keeps or breaks by itself: messages that break exactly what their
//! row says, and their nearest harmless neighbours. A row is named after the rule that it is about.

use crate::engine_wire::Segment;
use multicast_exporter::craft::host::{MDNS_V4, MDNS_V6, SSDP_V4};
use multicast_exporter::craft::mdns::{
    SERVICE_TYPES, address, header, message, nsec, ptr, record, reply, response, srv, txt,
};
use multicast_exporter::craft::{Ethernet, Host, Ipv4, Ipv6, Query, Responder, Service, Udp};
use multicast_exporter::detect::{Counts, Rule, Vantage};
use simple_dns::rdata::{NULL, OPT, PTR, RData};
use simple_dns::{QTYPE, ResourceRecord, TYPE};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const HOST: Host = Host::numbered(7);
const PEER: Host = Host::numbered(8);

/// Whether a rule is broken by one mDNS message alone.
const fn is_form(rule: Rule) -> bool {
    match rule {
        Rule::TtlValue
        | Rule::CacheFlushShared
        | Rule::CacheFlushUnique
        | Rule::CacheFlushAddress
        | Rule::SourcePort
        | Rule::IpTtl
        | Rule::MessageSize
        | Rule::Fragmented
        | Rule::HeaderBits
        | Rule::HeaderBitsSoft
        | Rule::QuestionInResponse
        | Rule::EmptyResponse
        | Rule::ForeignName
        | Rule::ForeignAddress
        | Rule::TxtSize
        | Rule::WrongGroup => true,
        Rule::RecordInterval
        | Rule::RecordIntervalSoft
        | Rule::RecordIntervalAsked
        | Rule::QueryInterval
        | Rule::QueryIntervalSoft
        | Rule::AnnouncementCount
        | Rule::UpdateRate
        | Rule::ProbeInterval
        | Rule::ProbeBackoff
        | Rule::KnownAnswer
        | Rule::GoodbyeRate
        | Rule::RaInterval
        | Rule::SsdpBurst
        | Rule::SsdpRepeat
        | Rule::LlmnrRepeat
        | Rule::LlmnrAnswer
        | Rule::WsdRepeat => false,
    }
}

/// The rules that a frame of [`HOST`] breaks where the interface is `link`.
/// What a frame breaks of a host that has said which name is its own: until then its records may be
/// those of another.
fn broken_on(link: &Vantage, frame: &[u8], wire_len: usize) -> Vec<&'static str> {
    let mut segment = Segment::new();
    segment.engine.handle_vantage(&Arc::new(link.clone()));
    segment.hear(&answer(own_address())).pass(2_000);
    segment.hear_of(frame, wire_len);
    broken_in(&segment)
}

fn broken_in(segment: &Segment) -> Vec<&'static str> {
    let device = segment.device(HOST).expect("a row");
    let counts = device.violations.map_or_else(Counts::default, |counts| *counts);
    let all = segment.snapshot().violations;
    let form = Rule::ALL.iter().filter(|rule| is_form(**rule));
    let broken = form.filter(|rule| {
        let count = counts[**rule];
        assert!(count <= 1, "once a message: {}", rule.id());
        assert_eq!(all[**rule], count, "{}", rule.id());
        count > 0
    });
    broken.map(|rule| rule.id()).collect()
}

fn laser() -> Responder {
    Responder::new("laser", HOST).service(Service::new("Laser", "_ipp._tcp", 631).txt("ty=Laser"))
}

fn browse() -> Query {
    Query::browse("_ipp._tcp")
}

/// A message with another id and other flags.
fn with(id: u16, flags: u16, message: impl Into<Vec<u8>>) -> Vec<u8> {
    let mut message = message.into();
    message[..2].copy_from_slice(&id.to_be_bytes());
    message[2..4].copy_from_slice(&flags.to_be_bytes());
    message
}

fn own_address() -> ResourceRecord<'static> {
    address("laser.local", HOST.v4.into())
}

/// An answer with the own address and this TTL.
fn with_ttl(ttl: u32) -> Vec<u8> {
    HOST.mdns4(response([ResourceRecord { ttl, ..own_address() }]))
}

fn flush(unique: bool, mut record: ResourceRecord<'static>) -> ResourceRecord<'static> {
    record.cache_flush = unique;
    record
}

fn answer(record: ResourceRecord<'static>) -> Vec<u8> {
    HOST.mdns4(response([record]))
}

/// A TXT record's answer with this many octets of data.
fn with_txt(octets: usize) -> Vec<u8> {
    let strings: Vec<String> = vec![255; octets / 256]
        .into_iter()
        .chain([octets % 256 - 1])
        .map(|n| "x".repeat(n))
        .collect();
    answer(txt("Laser._ipp._tcp.local", &strings))
}

/// An answer of this many octets, one record of a type that is not examined.
fn of_size(octets: usize) -> Vec<u8> {
    // Header, owner "a.local", type to length.
    let data = vec![7; octets - 12 - 9 - 10];
    let data = NULL::new(&data).expect("short").into_owned();
    response([record("a.local", true, 120, RData::NULL(999, data))])
}

fn v4(udp: &Udp) -> Ipv4 {
    Ipv4::new(HOST.v4, MDNS_V4).ttl(255).udp(udp)
}

fn v6(udp: &Udp) -> Ipv6 {
    Ipv6::new(HOST.v6, MDNS_V6).hop_limit(255).udp(udp)
}

fn frame4(packet: &Ipv4) -> Vec<u8> {
    Ethernet::from(HOST.mac).to_ip(MDNS_V4.into()).ipv4(packet)
}

fn frame6(packet: &Ipv6) -> Vec<u8> {
    Ethernet::from(HOST.mac).to_ip(MDNS_V6.into()).ipv6(packet)
}

fn from_port(port: u16, message: impl Into<Vec<u8>>) -> Vec<u8> {
    HOST.udp4(MDNS_V4, 255, &Udp::new(port, 5353, message))
}

/// An answer to one host from port to port, TTL 255.
fn to_one((from, to): (u16, u16), message: impl Into<Vec<u8>>) -> Vec<u8> {
    let packet = Ipv4::new(HOST.v4, PEER.v4).ttl(255).udp(&Udp::new(from, to, message));
    Ethernet::from(HOST.mac).to(PEER.mac).ipv4(&packet)
}

/// An answer that repeats its question.
fn with_question() -> Vec<u8> {
    let mut packet = reply();
    let query = Query::new("laser.local", TYPE::A).bytes();
    let question = simple_dns::Packet::parse(&query).expect("a query").questions.remove(0);
    packet.questions.push(question.into_owned());
    packet.answers.push(own_address());
    message(&packet)
}

fn reverse() -> ResourceRecord<'static> {
    let data = RData::PTR(PTR(multicast_exporter::craft::mdns::name("laser.local")));
    record("7.0.53.10.in-addr.arpa", true, 120, data)
}

fn opt() -> Vec<u8> {
    let mut packet = reply();
    packet.answers.push(own_address());
    *packet.opt_mut() = Some(OPT { opt_codes: vec![], udp_packet_size: 1440, version: 0 });
    message(&packet)
}

const SHARED: &[&str] = &["cache_flush_shared"];
const UNIQUE: &[&str] = &["cache_flush_unique"];
const WRONG: &[&str] = &["wrong_group"];
const BITS: &[&str] = &["header_bits"];
const SOFT: &[&str] = &["header_bits_soft"];
const KEPT: &[&str] = &[];

type Row = (&'static str, Vec<u8>, &'static [&'static str]);

fn records() -> Vec<Row> {
    let ipp = "_ipp._tcp.local";
    let laser = "Laser._ipp._tcp.local";
    let types = "_services._dns-sd._udp.local";
    let subtype = "color._sub._ipp._tcp.local";
    let query = |answer| HOST.mdns4(browse().known(answer));
    let info = || txt("Mac._device-info._tcp.local", &["model=Mac14,2".into()]);
    let host = |ip: IpAddr| address("laser.local", ip);
    vec![
        ("ttl_value: 59 s", with_ttl(59), &["ttl_value"]),
        ("ttl_value: 9001 s", with_ttl(9001), &["ttl_value"]),
        ("ttl_value: 60 s", with_ttl(60), KEPT),
        ("ttl_value: 9000 s", with_ttl(9000), KEPT),
        ("ttl_value: Apple's host name", with_ttl(4500), KEPT),
        ("ttl_value: goodbye", with_ttl(0), KEPT),
        ("ttl_value: OPT", HOST.mdns4(opt()), KEPT),
        (
            "ttl_value: a known answer's rest",
            query(ResourceRecord { ttl: 3, ..ptr(ipp, laser) }),
            KEPT,
        ),
        ("cache_flush_shared: PTR", answer(flush(true, ptr(ipp, laser))), SHARED),
        ("cache_flush_shared: types", answer(flush(true, ptr(SERVICE_TYPES, ipp))), SHARED),
        ("cache_flush_shared: subtype", answer(flush(true, ptr(subtype, laser))), SHARED),
        ("cache_flush_shared: known", query(flush(true, srv(laser, "laser.local", 1))), SHARED),
        (
            "cache_flush_shared: by unicast",
            to_one((5353, 5353), response([flush(true, ptr(ipp, laser))])),
            SHARED,
        ),
        ("cache_flush_shared: without", answer(ptr(types, ipp)), KEPT),
        ("cache_flush_shared: reverse PTR", answer(reverse()), KEPT),
        ("cache_flush_shared: known without", query(ptr(ipp, laser)), KEPT),
        ("cache_flush_unique: SRV", answer(flush(false, srv(laser, "laser.local", 1))), UNIQUE),
        ("cache_flush_unique: TXT", answer(flush(false, txt(laser, &["a=b".into()]))), UNIQUE),
        (
            "cache_flush_unique: TXT beside a host",
            answer(flush(false, txt("_kerberos.laser.local", &["EXAMPLE".into()]))),
            KEPT,
        ),
        (
            "cache_flush_unique: TXT of a host",
            answer(flush(false, txt("laser.local", &["a=b".into()]))),
            KEPT,
        ),
        ("cache_flush_unique: with", answer(srv(laser, "laser.local", 1)), KEPT),
        ("cache_flush_unique: Apple's device info", answer(flush(false, info())), KEPT),
        (
            "cache_flush_unique: goodbye",
            answer(ResourceRecord { ttl: 0, ..flush(false, srv(laser, "laser.local", 1)) }),
            KEPT,
        ),
        (
            "cache_flush_unique: by unicast",
            to_one((5353, 5353), response([flush(false, srv(laser, "laser.local", 1))])),
            KEPT,
        ),
        ("cache_flush_address: A", answer(flush(false, own_address())), &["cache_flush_address"]),
        (
            "cache_flush_address: AAAA",
            answer(flush(false, host(HOST.v6.into()))),
            &["cache_flush_address"],
        ),
        ("cache_flush_address: with", answer(own_address()), KEPT),
        ("cache_flush_address: NSEC", answer(flush(false, nsec("laser.local", &[TYPE::A]))), KEPT),
        (
            "foreign_name: a domain",
            answer(address("laser.example.com", HOST.v4.into())),
            &["foreign_name"],
        ),
        (
            "foreign_name: .localhost",
            answer(address("laser.localhost", HOST.v4.into())),
            &["foreign_name"],
        ),
        ("foreign_name: in any case", answer(address("Laser.LOCAL", HOST.v4.into())), KEPT),
        ("foreign_name: reverse", answer(reverse()), KEPT),
        ("foreign_name: asked for", HOST.mdns4(Query::new("laser.example.com", TYPE::A)), KEPT),
        ("txt_size: 1301", with_txt(1301), &["txt_size"]),
        ("txt_size: 1300", with_txt(1300), KEPT),
        (
            "foreign_address: loopback",
            answer(host(Ipv4Addr::LOCALHOST.into())),
            &["foreign_address"],
        ),
        ("foreign_address: own", answer(own_address()), KEPT),
    ]
}

fn headers() -> Vec<Row> {
    let answers = |flags| HOST.mdns4(with(0, flags, laser().announcement()));
    let asks = |id, flags| HOST.mdns4(with(id, flags, browse()));
    let qu = |flags| to_one((5353, 5353), with(9, flags, laser().address_response()));
    let direct = |flags| to_one((5353, 5353), with(9, flags, browse()));
    let legacy = with(7, 0x8580, laser().address_response());
    let malformed = [header(0, 0x8000, [0, 1, 0, 0]), vec![0xc0]].concat();
    vec![
        ("header_bits: id", HOST.mdns4(with(1, 0x8400, laser().announcement())), BITS),
        ("header_bits: no AA", answers(0x8000), BITS),
        ("header_bits: TC", answers(0x8600), BITS),
        ("header_bits: RA", answers(0x8480), BITS),
        ("header_bits: Z", answers(0x8440), BITS),
        ("header_bits: AD", answers(0x8420), BITS),
        ("header_bits: CD", answers(0x8410), BITS),
        ("header_bits: rcode", answers(0x8403), BITS),
        ("header_bits: opcode", answers(0xac00), BITS),
        ("header_bits: opcode of a query", asks(0, 0x2800), BITS),
        ("header_bits: rcode of a query", asks(0, 0x0001), BITS),
        ("header_bits: AA of a query", asks(0, 0x0400), BITS),
        ("header_bits: rcode by unicast", qu(0x8403), BITS),
        ("header_bits: AA of a query to one", direct(0x0400), BITS),
        (
            "header_bits: AA of a probe, as the Hue bridge",
            HOST.mdns4(with(0, 0x0400, laser().probe())),
            BITS,
        ),
        ("header_bits: malformed", HOST.mdns4(malformed), BITS),
        ("header_bits: RD of a response", answers(0x8500), KEPT),
        ("header_bits: id and no AA by unicast", qu(0x8000), KEPT),
        ("header_bits: TC of a query", asks(0, 0x0200), KEPT),
        ("header_bits: legacy query", from_port(40_000, with(7, 0x0520, browse())), KEPT),
        ("header_bits: legacy answer", to_one((5353, 40_000), legacy.clone()), KEPT),
        ("header_bits: update to a sleep proxy", direct(0x2800), KEPT),
        (
            "header_bits: a resolver on port 5353",
            to_one((53, 5353), with(7, 0x8183, laser().address_response())),
            KEPT,
        ),
        ("header_bits_soft: id", asks(1, 0), SOFT),
        ("header_bits_soft: RD", asks(0, 0x0100), SOFT),
        ("header_bits_soft: probe", HOST.mdns4(with(1, 0, laser().probe())), SOFT),
        ("header_bits_soft: neither", asks(0, 0), KEPT),
        ("header_bits_soft: legacy", from_port(40_000, with(7, 0x0100, browse())), KEPT),
        ("header_bits_soft: to one", direct(0x0100), KEPT),
        ("question_in_response: one", HOST.mdns4(with_question()), &["question_in_response"]),
        ("question_in_response: none", HOST.mdns4(laser().announcement()), KEPT),
        ("question_in_response: legacy", to_one((5353, 40_000), with_question()), KEPT),
        ("question_in_response: to one", to_one((5353, 5353), with_question()), KEPT),
        ("empty_response: multicast", HOST.mdns4(header(0, 0x8400, [0; 4])), &["empty_response"]),
        (
            "empty_response: to one",
            to_one((5353, 5353), header(0, 0x8400, [0; 4])),
            &["empty_response"],
        ),
        ("empty_response: NSEC alone", answer(nsec("laser.local", &[TYPE::A])), KEPT),
        ("empty_response: query", HOST.mdns4(header(0, 0, [0; 4])), KEPT),
    ]
}

fn packets() -> Vec<Row> {
    let udp = |message: Vec<u8>| Udp::new(5353, 5353, message);
    let long = udp(of_size(3000));
    let short = udp(laser().announcement());
    let fits = |octets| frame4(&v4(&udp(of_size(octets))));
    let first4 = |octets| frame4(&v4(&udp(of_size(octets))).fragments(1480)[0]);
    let first6 = |octets| frame6(&v6(&udp(of_size(octets))).fragments(1, 1448)[0]);
    let ttl = |ttl, message: Vec<u8>| HOST.udp4(MDNS_V4, ttl, &udp(message));
    let low = Ipv4::new(HOST.v4, PEER.v4).ttl(64).udp(&udp(laser().address_response()));
    let low = Ethernet::from(HOST.mac).to(PEER.mac).ipv4(&low);
    let both: &[&str] = &["message_size", "fragmented"];
    vec![
        ("source_port: any other", from_port(40_000, laser().announcement()), &["source_port"]),
        (
            "source_port: to one",
            to_one((40_000, 5353), laser().address_response()),
            &["source_port"],
        ),
        ("source_port: 5353", from_port(5353, laser().announcement()), KEPT),
        ("source_port: legacy query", from_port(40_000, browse()), KEPT),
        ("ip_ttl: 64", ttl(64, laser().announcement()), &["ip_ttl"]),
        ("ip_ttl: hop limit 1", HOST.udp6(MDNS_V6, 1, &udp(laser().announcement())), &["ip_ttl"]),
        ("ip_ttl: to one", low, &["ip_ttl"]),
        ("ip_ttl: 255", ttl(255, laser().announcement()), KEPT),
        ("ip_ttl: query", ttl(1, browse().into()), KEPT),
        ("message_size: 9001", fits(9001 - 28), &["message_size"]),
        ("message_size: 9000", fits(9000 - 28), KEPT),
        ("message_size: 9001 in fragments", first4(9001 - 28), both),
        ("message_size: 9001 in IPv6 fragments", first6(9001 - 48), both),
        ("message_size: 9000 in fragments", first4(9000 - 28), &["fragmented"]),
        ("message_size: 9000 in IPv6 fragments", first6(9000 - 48), &["fragmented"]),
        ("fragmented: IPv4", frame4(&v4(&long).fragments(1480)[0]), &["fragmented"]),
        ("fragmented: IPv6", frame6(&v6(&long).fragments(1, 1448)[0]), &["fragmented"]),
        ("fragmented: a jumbo frame", frame4(&v4(&long)), KEPT),
        ("wrong_group: IPv4", HOST.udp4(Ipv4Addr::new(224, 0, 0, 252), 255, &short), WRONG),
        ("wrong_group: IPv6", HOST.udp6("ff02::1:fb".parse().unwrap(), 255, &short), WRONG),
        ("wrong_group: a query", HOST.udp4(SSDP_V4, 255, &udp(browse().into())), WRONG),
        ("wrong_group: kept", HOST.udp6(MDNS_V6, 255, &short), KEPT),
        ("wrong_group: of a site", HOST.udp6("ff05::fb".parse().unwrap(), 255, &short), KEPT),
        ("wrong_group: broadcast", HOST.udp4(Ipv4Addr::BROADCAST, 255, &short), KEPT),
        ("fragmented: the rest of it", frame4(&v4(&long).fragments(1480)[1]), KEPT),
    ]
}

fn rows() -> Vec<Row> {
    [records(), headers(), packets()].concat()
}

#[test]
fn a_message_breaks_what_its_row_says() {
    for (name, frame, expected) in rows() {
        assert_eq!(broken_on(&Vantage::default(), &frame, frame.len()), expected, "{name}");
    }
}

#[test]
fn every_rule_of_form_is_broken_by_a_row_and_kept_by_another() {
    let rows = rows();
    for rule in Rule::ALL.iter().filter(|rule| is_form(**rule)) {
        let about = format!("{}: ", rule.id());
        let mut own = rows.iter().filter(|(name, ..)| name.starts_with(&about));
        assert!(own.clone().any(|(.., broken)| broken.contains(&rule.id())), "{about}");
        assert!(own.any(|(.., broken)| !broken.contains(&rule.id())), "{about}");
    }
}

#[test]
fn everyday_messages_break_nothing() {
    let laser = laser();
    for (name, frame) in [
        ("probe", HOST.mdns4(laser.probe())),
        ("announcement", HOST.mdns6(laser.announcement())),
        ("goodbye", HOST.mdns4(laser.goodbye())),
        ("response", HOST.mdns4(laser.response("_ipp._tcp"))),
        ("answer to QU", HOST.mdns_unicast4(PEER, laser.response("_ipp._tcp"))),
        ("QU", HOST.mdns4(browse().and("laser.local", QTYPE::ANY, true))),
    ] {
        assert_eq!(broken_on(&Vantage::default(), &frame, frame.len()), KEPT, "{name}");
    }
}

/// As often as it comes: what was judged once is not judged wrongly the next time.
#[test]
fn a_payload_is_judged_alike_each_time_by_its_sort_and_length() {
    let bad = with(0, 0x8403, laser().announcement());
    let mut segment = Segment::new();
    for n in 1..=20 {
        segment.pass(2_000).hear(&HOST.mdns4(bad.clone()));
        let count = |rule: Rule| segment.snapshot().violations[rule];
        assert_eq!(count(Rule::HeaderBits), n);
    }
    // A whole message that claims more than it has is malformed; one that was cut is judged as far
    // as it goes.
    let mut short = response([ResourceRecord { ttl: 5, ..own_address() }]);
    short[7] = 2;
    let whole = HOST.mdns4(short.clone());
    let longer = HOST.mdns4([short, vec![0; 30]].concat());
    let cut = &longer[..whole.len()];
    let mut segment = Segment::new();
    segment.hear(&whole).hear(&whole);
    // Not within milliseconds: that may be a mirror port's doing.
    segment.hear_of(cut, longer.len()).pass(2_000).hear_of(cut, longer.len()).hear(&whole);
    assert_eq!(segment.snapshot().violations[Rule::TtlValue], 2);
    // As an answer to one host the same octets need no AA.
    let answer = with(0, 0x8000, laser().address_response());
    let mut segment = Segment::new();
    for _ in 0..3 {
        segment.pass(2_000).hear(&HOST.mdns_unicast4(PEER, answer.clone()));
        segment.hear(&HOST.mdns4(answer.clone()));
    }
    assert_eq!(segment.snapshot().violations[Rule::HeaderBits], 3);
}

#[test]
fn of_what_was_cut_only_what_is_there_is_judged() {
    let bad =
        [ResourceRecord { ttl: 5, ..own_address() }, address("laser.example.com", HOST.v4.into())];
    let whole = HOST.mdns4(with(0, 0x8500 | 0x80, response(bad)));
    let all = broken_on(&Vantage::default(), &whole, whole.len());
    assert_eq!(all, ["ttl_value", "header_bits", "foreign_name"]);
    let cut = |len| broken_on(&Vantage::default(), &whole[..len], whole.len());
    assert_eq!(cut(whole.len() - 1), ["ttl_value", "header_bits"]);
    assert_eq!(cut(14 + 28 + 12), ["header_bits"]);
    assert_eq!(cut(14 + 28 + 11), KEPT);
    // Nothing was cut off of the records that the header does not claim.
    let question = with(0, 0x8400, browse());
    let frame = HOST.mdns4(question);
    let cut = broken_on(&Vantage::default(), &frame[..frame.len() - 1], frame.len());
    assert_eq!(cut, ["empty_response"]);
}

#[test]
fn addresses_belong_where_their_sender_is() {
    let live = |subnets: &[(&str, u8)]| Vantage {
        subnets: subnets.iter().map(|(ip, len)| (ip.parse().expect("an address"), *len)).collect(),
        ..Vantage::default()
    };
    let file = Vantage::default();
    let own = live(&[("10.53.0.1", 24), ("fe80::1", 64)]);
    let two = live(&[("10.53.0.1", 24), ("172.17.0.1", 16)]);
    let elsewhere = live(&[("192.168.1.1", 24)]);
    let only_v6 = live(&[("fe80::1", 64)]);
    for (link, what, ip, is_foreign) in [
        (&file, "Docker", "172.17.0.1", true),
        (&file, "a VPN", "100.64.3.2", true),
        (&file, "the same /16", "10.53.200.1", false),
        (&file, "link-local", "169.254.3.4", false),
        (&file, "unspecified", "0.0.0.0", true),
        (&file, "loopback", "127.0.1.1", true),
        (&file, "multicast", "224.0.0.251", true),
        (&file, "broadcast", "255.255.255.255", true),
        (&file, "IPv6 loopback", "::1", true),
        (&file, "IPv6 multicast", "ff02::fb", true),
        (&file, "IPv4 as IPv6", "::ffff:10.53.0.7", true),
        (&file, "a global prefix", "2001:db8::1", false),
        (&file, "a local prefix", "fd00::1", false),
        (&own, "Docker", "172.17.0.1", true),
        (&own, "another subnet of the /16", "10.53.7.1", true),
        (&own, "the own subnet", "10.53.0.200", false),
        (&own, "link-local", "169.254.3.4", false),
        (&own, "a second prefix", "2001:db8::1", false),
        (&two, "a subnet that is ours too", "172.17.0.9", false),
        (&elsewhere, "the sender's own, of a second subnet", "10.53.0.7", false),
        (&elsewhere, "beside the sender's own", "10.53.0.9", false),
        (&elsewhere, "our subnet", "192.168.1.7", false),
        (&elsewhere, "neither", "172.17.0.1", true),
        (&only_v6, "Docker", "172.17.0.1", true),
        (&only_v6, "the same /16", "10.53.200.1", false),
    ] {
        let ip: IpAddr = ip.parse().expect("an address");
        let frame = answer(address("laser.local", ip));
        let broken = broken_on(link, &frame, frame.len());
        let expected: &[&str] = if is_foreign { &["foreign_address"] } else { KEPT };
        assert_eq!(broken, expected, "{what}: {ip} in {:?}", link.subnets);
    }
}

#[test]
fn over_ipv6_addresses_are_judged_once_the_sender_spoke_over_ipv4() {
    let docker = HOST.mdns6(response([address("laser.local", "172.17.0.1".parse().expect("one"))]));
    let mut segment = Segment::new();
    segment.hear(&docker);
    assert_eq!(broken_in(&segment), KEPT);
    segment.pass(2_000).hear(&answer(own_address())).pass(2_000).hear(&docker);
    assert_eq!(broken_in(&segment), ["foreign_address"]);
    // A goodbye takes it back.
    let mut gone = address("laser.local", "172.17.0.1".parse().expect("one"));
    gone.ttl = 0;
    assert_eq!(broken_on(&Vantage::default(), &answer(gone.clone()), answer(gone).len()), KEPT);
}
