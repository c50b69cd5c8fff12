//! The conditions `address_repeat`, `router_advertisements`, `dhcp_loop` and `wrong_group`, each
//! with its nearest harmless neighbours: frames go in with their times, conditions come out.

use crate::engine_wire::Segment;
use multicast_exporter::craft::address::{
    Dhcp, dhcpv6_solicit, neighbour_solicitation, router_advertisement, solicited_node,
};
use multicast_exporter::craft::{Ethernet, Host, Ipv4, Query, Udp};
use multicast_exporter::decode::{Protocol, Sender};
use multicast_exporter::detect::{Condition, ConditionLimits};
use multicast_exporter::storm::{DevicePolicy, Limits, ProtocolSet, StormPolicy};
use multicast_exporter::time::Stamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const HOST: Host = Host::numbered(7);
const GONE: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 222);

/// Each condition of a host that lasts, with its detail.
fn conditions(segment: &Segment, host: Host) -> Vec<(Condition, String)> {
    let conditions = segment.device(host).map(|device| device.conditions).unwrap_or_default();
    let lasts = conditions.into_iter().filter(|held| held.until.is_none());
    lasts.map(|held| (held.condition, held.latest.detail.to_string())).collect()
}

/// Hears the frames, so many milliseconds apart.
fn hear(segment: &mut Segment, gap: u64, frames: impl IntoIterator<Item = Vec<u8>>) {
    for frame in frames {
        segment.hear(&frame).pass(gap);
    }
}

/// The conditions of the host after these frames.
fn found(gap: u64, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<(Condition, String)> {
    let mut segment = Segment::new();
    hear(&mut segment, gap, frames);
    conditions(&segment, HOST)
}

fn asks(n: usize) -> Vec<Vec<u8>> {
    vec![HOST.arp_request(GONE); n]
}

fn solicits(host: Host, n: usize) -> Vec<Vec<u8>> {
    let target = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
    vec![host.nd(solicited_node(target), neighbour_solicitation(target, HOST.mac)); n]
}

/// What happens, the milliseconds between two frames, the frames, and what the condition is about.
type Case = (&'static str, u64, Vec<Vec<u8>>, Option<&'static str>);

#[test]
fn address_repeat() {
    let announces = |host: Host| vec![host.arp_announcement(); 600];
    let tests = Host { v4: Ipv4Addr::UNSPECIFIED, ..HOST };
    let detects = Host { v6: Ipv6Addr::UNSPECIFIED, ..HOST };
    let at = |last: u32| Ipv4Addr::from_bits(0x0a35_0100 + last);
    let of = |n: u32, count: u32| (0..count).map(|i| HOST.arp_request(at(i % n))).collect();
    let from_two = |count: u8| {
        let from = |n| Host { v4: Ipv4Addr::new(10, 53, 2, n % 2), ..HOST };
        (0..count).map(|n| from(n).arp_request(GONE)).collect()
    };
    let both = || asks(300).into_iter().zip(solicits(HOST, 300)).flat_map(|(a, b)| [a, b]);
    let cases: [Case; 18] = [
        ("in both families", 100, both().collect(), Some("10.53.0.222, fe80::9")),
        ("five a second for a minute", 200, asks(300), Some("10.53.0.222")),
        ("a little over two a second", 490, asks(300), Some("10.53.0.222")),
        ("by neighbour solicitation", 200, solicits(HOST, 300), Some("fe80::9")),
        ("for both of two, 150 a minute each", 200, of(2, 320), Some("10.53.1.1")),
        ("arping, once a second, for ten minutes", 1_000, asks(600), None),
        ("a Linux host with a dead gateway, 58 a minute", 1_034, asks(600), None),
        ("two a second and no more", 500, asks(600), None),
        ("for 49 s", 200, asks(245), None),
        ("a hundred a second for 40 s", 10, asks(4_000), None),
        ("VRRP, keepalived", 200, announces(HOST), None),
        ("an address is tested", 200, vec![tests.arp_request(GONE); 600], None),
        ("duplicate address detection", 200, solicits(detects, 600), None),
        ("half for one, half for another: 100 a minute each", 300, of(2, 600), None),
        ("a scanner", 10, of(10_000, 10_000), None),
        ("a scanner that begins again each 10 s", 40, of(254, 6_000), None),
        ("from two addresses of its own, 100 a minute each", 300, from_two(240), None),
        ("nothing", 200, vec![], None),
    ];
    for (what, gap, frames, expected) in cases {
        let detail = |address| format!("{address} (a bond's monitor asks so on purpose)");
        let expected = expected.map(|address| (Condition::AddressRepeat, detail(address)));
        assert_eq!(found(gap, frames), expected.into_iter().collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn a_condition_of_addresses_ends_ten_minutes_after_its_evidence() {
    let mut segment = Segment::new();
    hear(&mut segment, 200, asks(600));
    assert_eq!(conditions(&segment, HOST).len(), 1);
    let began = segment.snapshot().conditions_begun[Condition::AddressRepeat as usize];
    assert_eq!(began, 1);
    for (seconds, expected) in [(599, 1), (2, 0)] {
        segment.pass(seconds * 1_000);
        let now = segment.now();
        segment.engine.handle_timeout(now);
        assert_eq!(conditions(&segment, HOST).len(), expected, "{seconds}");
    }
}

fn advertises(router: Host, to: &str) -> Vec<u8> {
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    router.nd(to.parse().unwrap(), router_advertisement(1_800, prefix, router.mac))
}

#[test]
fn router_advertisements() {
    let advertised = vec![(Condition::RouterAdvertisements, HOST.v6.to_string())];
    let to_all = advertises(HOST, "ff02::1");
    let one = advertises(HOST, "fe80::5");
    let other = Host { v6: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x77), ..HOST };
    let two = [to_all.clone(), advertises(other, "ff02::1")];
    let cycle = |frames: &[Vec<u8>], n| frames.iter().cloned().cycle().take(n).collect::<Vec<_>>();
    for (what, gap, frames, expected) in [
        ("30 a second", 33, vec![to_all.clone(); 2_000], &advertised[..]),
        ("40 a minute", 1_500, vec![to_all.clone(); 60], &advertised),
        ("30 a minute", 2_000, vec![to_all.clone(); 120], &[]),
        ("each 3 s: answers to solicitations", 3_000, vec![to_all.clone(); 200], &[]),
        ("two routers behind one MAC, 20 a minute each", 1_500, cycle(&two, 200), &[]),
        ("solicitations are answered to one each", 100, vec![one; 600], &[]),
        ("a boot", 100, vec![to_all; 3], &[]),
    ] {
        assert_eq!(found(gap, frames), expected, "{what}");
    }
}

fn client(n: u8) -> Host {
    Host::numbered(u16::from(n) + 20)
}

fn message(kind: u8, host: Host) -> Dhcp {
    Dhcp::client(kind, host.mac)
}

fn discovers(host: Host) -> Vec<u8> {
    host.dhcp_client(message(1, host).bytes())
}

/// What a client says that was offered an address.
fn requests(host: Host) -> Vec<u8> {
    host.dhcp_client(message(3, host).option(54, &[10, 53, 0, 1]).bytes())
}

#[test]
fn dhcp_loop() {
    let looping = vec![(Condition::DhcpLoop, format!("client {}", HOST.mac))];
    let solicit = || {
        let to = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
        HOST.udp6(to, 1, &Udp::new(546, 547, dhcpv6_solicit(HOST.mac, None)))
    };
    let turns = |n| {
        let both = [discovers(HOST), requests(HOST)];
        both.into_iter().cycle().take(n).collect()
    };
    let relayed = |n: u8| {
        let mut bytes = message(1, client(n)).bytes();
        bytes[24..28].copy_from_slice(&[10, 53, 9, 1]);
        HOST.dhcp_client(bytes)
    };
    let extended = |n: u8| HOST.dhcp_client(message(1, client(n)).bytes());
    let repeats = |frame: Vec<u8>, n| vec![frame; n];
    for (what, gap, frames, expected) in [
        ("discover and request each second", 1_000, turns(100), &looping[..]),
        ("25 a minute", 2_400, repeats(discovers(HOST), 30), &looping),
        ("16 a minute for ten minutes", 3_700, repeats(discovers(HOST), 170), &looping),
        ("16 a minute for five", 3_700, repeats(discovers(HOST), 85), &[]),
        ("BOOTP", 1_000, repeats(HOST.dhcp_client(bootp()), 30), &looping),
        ("solicits each second", 1_000, repeats(solicit(), 30), &looping),
        ("Apple, BusyBox: each 8 s, for an hour", 8_000, repeats(discovers(HOST), 450), &[]),
        ("twenty in a minute", 3_000, repeats(discovers(HOST), 40), &[]),
        ("10 of each kind in a minute", 2_900, turns(40), &[]),
        ("a relay, of one client", 100, repeats(relayed(1), 300), &[]),
        ("a relay, of many", 100, (0..200).map(relayed).collect(), &[]),
        ("an extender, of one client", 100, repeats(extended(1), 300), &[]),
        ("an extender, of many", 100, (0..200).map(extended).collect(), &[]),
        ("a server", 100, repeats(answers(), 300), &[]),
    ] {
        assert_eq!(found(gap, frames), expected, "{what}");
    }
}

/// A BOOTP request: no options.
fn bootp() -> Vec<u8> {
    let mut bytes = message(1, HOST).bytes();
    bytes[236..].fill(0);
    bytes
}

/// An offer to all.
fn answers() -> Vec<u8> {
    let offer = Dhcp::server(2, client(1).mac, Ipv4Addr::new(10, 53, 0, 99));
    HOST.dhcp_server(offer.bytes())
}

#[test]
fn a_server_that_does_not_answer_is_no_fault_of_its_clients() {
    let server = Host::numbered(1);
    for (what, clients, gap, answered, expected) in [
        ("three, each 8 s", 3, 8_000 / 3, false, None),
        ("thirty, each 8 s", 30, 8_000 / 30, false, None),
        ("three, 16 a minute", 3, 1_250, false, None),
        ("three, 25 a minute", 3, 800, false, Some("no DHCP server answers")),
        ("thirty, 30 a minute", 30, 2_000 / 30, false, Some("no DHCP server answers")),
        ("two, 16 a minute", 2, 1_875, false, Some("client")),
        ("three, 25 a minute, answered", 3, 800, true, Some("client")),
        ("three, 16 a minute, answered", 3, 1_250, true, Some("client")),
    ] {
        let mut segment = Segment::new();
        // Twelve minutes.
        for n in 0..720_000 / gap {
            let host = client(u8::try_from(n % clients).unwrap());
            let is_to_be_answered = answered && n % 5 == 0;
            segment.hear(&discovers(host));
            if is_to_be_answered {
                let offer = Dhcp::server(2, host.mac, host.v4).bytes();
                segment.hear(&server.dhcp_server(offer));
            }
            segment.pass(gap);
        }
        for n in 0..clients {
            let host = client(u8::try_from(n).unwrap());
            let found = conditions(&segment, host);
            let expected = expected.map(|detail| match detail {
                "client" => format!("client {}", host.mac),
                _ => detail.to_owned(),
            });
            let expected: Vec<_> =
                expected.map(|detail| (Condition::DhcpLoop, detail)).into_iter().collect();
            assert_eq!(found, expected, "{what}");
        }
        assert_eq!(conditions(&segment, server), []);
    }
}

#[test]
fn wrong_group() {
    let to = |group: &str, port: u16| {
        let query = Query::browse("_ipp._tcp").bytes();
        let udp = Udp::new(port, port, query);
        match group.parse().unwrap() {
            IpAddr::V4(group) => HOST.udp4(group, 255, &udp),
            IpAddr::V6(group) => HOST.udp6(group, 255, &udp),
        }
    };
    for (what, frame, gap, n, expected) in [
        ("three in 60 s", to("ff02::1:fb", 5353), 29_500, 3, Some("[ff02::1:fb]:5353")),
        ("slower", to("ff02::1:fb", 5353), 30_100, 60, None),
        ("twice", to("ff02::1:fb", 5353), 100, 2, None),
        ("IPv4", to("224.0.0.250", 5353), 5_000, 5, Some("224.0.0.250:5353")),
        ("LLMNR to mDNS' group", to("224.0.0.251", 5355), 5_000, 5, Some("224.0.0.251:5355")),
        ("the right one", to("ff02::fb", 5353), 5_000, 60, None),
        ("the same of the site", to("ff05::fb", 5353), 5_000, 60, None),
        ("another protocol", to("239.1.2.3", 5004), 5, 600, None),
    ] {
        let expected: Vec<_> =
            expected.map(|detail| (Condition::WrongGroup, detail.to_owned())).into_iter().collect();
        assert_eq!(found(gap, vec![frame; n]), expected, "{what}");
    }
    // What is damaged on its way goes to another group each time.
    let damaged = (1..60).map(|n| to(&format!("ff02::{n}:fb"), 5353));
    assert_eq!(found(500, damaged), [], "damaged");
    let broadcast = Ethernet::from(HOST.mac).to_ip(Ipv4Addr::BROADCAST.into()).ipv4(
        &Ipv4::new(HOST.v4, Ipv4Addr::BROADCAST).udp(&Udp::new(
            5353,
            5353,
            Query::browse("_ipp._tcp").bytes(),
        )),
    );
    assert_eq!(found(5_000, vec![broadcast; 60]), [], "a broadcast is to no group");
}

/// What a configuration says of conditions, and of one device.
fn expecting(all: ConditionLimits, one: Option<DevicePolicy>) -> Arc<StormPolicy> {
    let one = one.map(|one| (Sender::Mac(HOST.mac), one));
    let devices = one.into_iter().collect();
    Arc::new(StormPolicy { conditions: all, devices, ..StormPolicy::default() })
}

fn repeats(limit: Option<u32>) -> ConditionLimits {
    let mut limits = ConditionLimits::USUAL;
    match limit {
        Some(limit) => limits.switch_on(Condition::AddressRepeat, Some(limit)),
        None => limits.switch_off(Condition::AddressRepeat),
    }
    limits
}

fn of_one(conditions: ConditionLimits, ignored: ProtocolSet) -> DevicePolicy {
    DevicePolicy { alias: None, ignored, limits: Limits::default(), conditions }
}

#[test]
fn what_a_configuration_switches_off_does_not_begin() {
    let none = ProtocolSet::default();
    let usual = ConditionLimits::USUAL;
    let arp: ProtocolSet = std::iter::once(Protocol::Arp).collect();
    for (what, policy, expected) in [
        ("the usual", Arc::default(), true),
        ("off for all", expecting(repeats(None), None), false),
        ("off for one", expecting(usual, Some(of_one(repeats(None), none))), false),
        ("off for all but one", expecting(repeats(None), Some(of_one(usual, none))), true),
        ("another is off", expecting(repeats(Some(120)), None), true),
        ("more is right", expecting(repeats(Some(300)), None), false),
        ("less is right", expecting(repeats(Some(299)), None), true),
        ("its protocol is ignored", expecting(usual, Some(of_one(usual, arp))), false),
    ] {
        let mut segment = Segment::new();
        segment.engine.handle_policy(&policy);
        hear(&mut segment, 200, asks(400));
        assert_eq!(conditions(&segment, HOST).len(), usize::from(expected), "{what}");
        let begun = segment.snapshot().conditions_begun[Condition::AddressRepeat as usize];
        assert_eq!(begun, u64::from(expected), "{what}");
    }
}

#[test]
fn what_a_configuration_switches_off_ends_and_may_begin_again() {
    let mut segment = Segment::new();
    hear(&mut segment, 200, asks(400));
    segment.engine.handle_policy(&expecting(repeats(None), None));
    let end = Stamp(segment.now().0.saturating_sub(200_000_000).into());
    let ends = |segment: &Segment| {
        let device = segment.device(HOST).expect("a row");
        device.conditions.into_iter().map(|held| held.until).collect::<Vec<_>>()
    };
    assert_eq!(ends(&segment), [Some(end)]);
    hear(&mut segment, 200, asks(400));
    assert_eq!(ends(&segment), [Some(end)], "it does not go on");
    segment.engine.handle_policy(&Arc::default());
    hear(&mut segment, 200, asks(1));
    assert_eq!(ends(&segment), [None]);
    let begun = segment.snapshot().conditions_begun[Condition::AddressRepeat as usize];
    assert_eq!(begun, 2);
}
