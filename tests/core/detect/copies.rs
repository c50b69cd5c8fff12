//! Copies and relays, from the bytes of frames to the snapshot: relays beside the devices that only
//! look like one, and payloads that come again from another device.

use crate::engine_wire::Segment;
use multicast_exporter::craft::mdns::{address, response, srv, txt};
use multicast_exporter::craft::{Host, Query, Responder, Service};
use multicast_exporter::decode::Protocol;
use multicast_exporter::detect::{Counts, Rule};
use multicast_exporter::engine::Category;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const SOURCE: Host = Host::numbered(1);
const MINUTE: u64 = 60_000;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The service of a sleeping or reflected host, with its address.
fn foreign(n: u16) -> Vec<u8> {
    let host = Host::numbered(n);
    Responder::new(&format!("host-{n}"), host)
        .service(Service::new(&format!("Printer {n}"), "_ipp._tcp", 631).txt("ty=Laser 9"))
        .announcement()
}

/// The category of a source after these messages, a second apart.
fn after(messages: impl IntoIterator<Item = Vec<u8>>) -> Category {
    let mut segment = Segment::new();
    for frame in messages {
        segment.pass(1_000).hear(&frame);
    }
    segment.identity(SOURCE).category
}

#[test]
fn relay_is_who_names_four_hosts_that_are_others() {
    let itself = || Responder::new("proxy", SOURCE).service(Service::new("p", "_airplay._tcp", 7));
    let four = |by: fn(Vec<u8>) -> Vec<u8>| (11..15).map(move |n| by(foreign(n)));
    // A reflector, over either family; over IPv6 alone the sources' own address is known as well.
    assert_eq!(after(four(|message| SOURCE.mdns4(message))), Category::Relay);
    assert_eq!(after(four(|message| SOURCE.mdns6(message))), Category::Relay);
    // A sleep proxy that is also a host of its own.
    let proxy = [SOURCE.mdns4(itself().announcement())].into_iter();
    let proxy = proxy.chain(four(|message| SOURCE.mdns4(message)));
    assert_eq!(after(proxy), Category::Relay);
    // Three are not four, and one again is none more.
    let three = [11, 12, 13, 11, 12, 13].map(|n| SOURCE.mdns4(foreign(n)));
    assert_ne!(after(three), Category::Relay);
    // All in one message.
    let hosts = (11..15).map(|n| address(&format!("h{n}.local"), Host::numbered(n).v4.into()));
    assert_eq!(after([SOURCE.mdns4(response(hosts))]), Category::Relay);
}

#[test]
fn who_names_itself_is_no_relay() {
    let own: IpAddr = SOURCE.v4.into();
    let hub = (0..30).fold(Responder::new("hub", SOURCE), |hub, n| {
        hub.service(Service::new(&format!("Lamp {n}"), "_hap._tcp", 9_000 + n))
    });
    let hub = [SOURCE.mdns4(hub.announcement()), SOURCE.mdns6(hub.announcement())];
    assert_eq!(after(hub), Category::Hub);
    // Aliases that avahi-publish makes: names of the host's own address.
    let aliases = (0..9).map(|n| SOURCE.mdns4(response([address(&format!("a{n}.local"), own)])));
    assert_ne!(after(aliases), Category::Relay);
    // Containers, VPNs and other cards, under one name, that of its own address among them or not.
    let further = ["172.17.0.1", "172.18.0.1", "10.8.0.2", "fd00::5", "192.168.9.4"].map(ip);
    let all =
        further.map(|further| response([address("nas.local", further), address("nas.local", own)]));
    assert_ne!(after(all.map(|message| SOURCE.mdns4(message))), Category::Relay);
    let alone = further.map(|further| SOURCE.mdns4(response([address("nas.local", further)])));
    assert_ne!(after(alone), Category::Relay);
    // Five aliases with their IPv6 addresses over IPv4: nothing is known of its IPv6 addresses.
    let v6 = (0..5).map(|n| address(&format!("a{n}.local"), ip("2001:db8::5")));
    assert_ne!(after([SOURCE.mdns4(response(v6))]), Category::Relay);
    // Questions, known answers and goodbyes name nobody.
    let asks = (11..16).map(|n| {
        let known = address(&format!("h{n}.local"), Host::numbered(n).v4.into());
        SOURCE.mdns4(Query::browse("_ipp._tcp").known(known))
    });
    let gone = (11..16)
        .map(|n| SOURCE.mdns4(Responder::new(&format!("h{n}"), Host::numbered(n)).goodbye()));
    assert_ne!(after(asks.chain(gone)), Category::Relay);
    // Services of others without an address.
    let services = (11..16).map(|n| {
        let (owner, host) = (format!("p{n}._ipp._tcp.local"), format!("h{n}.local"));
        SOURCE.mdns4(response([srv(&owner, &host, 631), txt(&owner, &[])]))
    });
    assert_ne!(after(services), Category::Relay);
}

#[test]
fn four_count_within_ten_minutes_and_for_an_hour() {
    let category = |gaps: [u64; 4], silence: u64| {
        let mut segment = Segment::new();
        for (n, gap) in (11..15).zip(gaps) {
            segment.pass(gap).hear(&SOURCE.mdns4(foreign(n)));
        }
        segment.pass(silence).hear(&SOURCE.arp_announcement());
        segment.identity(SOURCE).category
    };
    assert_eq!(category([0, 3 * MINUTE, 3 * MINUTE, 4 * MINUTE], 0), Category::Relay);
    assert_ne!(category([0, 3 * MINUTE, 3 * MINUTE, 4 * MINUTE + 1], 0), Category::Relay);
    assert_eq!(category([0, 1, 1, 1], 60 * MINUTE), Category::Relay);
    assert_ne!(category([0, 1, 1, 1], 60 * MINUTE + 1), Category::Relay);
}

#[test]
fn a_relay_s_identity_never_comes_from_its_mdns() {
    let mut segment = Segment::new();
    let apple_tv = Responder::new("wohnzimmer", SOURCE)
        .service(Service::new("Wohnzimmer", "_airplay._tcp", 7_000))
        .service(Service::new("Wohnzimmer", "_device-info._tcp", 0).txt("model=AppleTV6,2"));
    let announce = SOURCE.mdns4(apple_tv.announcement());
    segment.hear(&announce);
    let before = segment.identity(SOURCE);
    assert_eq!(
        (before.name.as_deref(), before.category),
        (Some("wohnzimmer.local"), Category::Media)
    );
    for n in 11..15 {
        segment.pass(1_000).hear(&SOURCE.mdns4(foreign(n)));
    }
    segment.pass(1_000).hear(&announce);
    let relay = segment.identity(SOURCE);
    assert_eq!((&relay.name, &relay.model), (&None, &None));
    assert_eq!(relay.category, Category::Relay);
    assert_eq!(relay.addresses, [IpAddr::from(SOURCE.v4)]);
    // Nobody whom it speaks for is a relay, nor changed.
    segment.hear(&Host::numbered(11).mdns4(foreign(11)));
    let printer = segment.identity(Host::numbered(11));
    assert_eq!(
        (printer.name.as_deref(), printer.category),
        (Some("host-11.local"), Category::Printer)
    );
    // An hour without others later it speaks for itself again.
    segment.pass(61 * MINUTE).hear(&announce);
    assert_eq!(segment.identity(SOURCE).name.as_deref(), Some("wohnzimmer.local"));
}

#[test]
fn a_sender_that_takes_a_host_s_mac_does_not_make_it_a_relay() {
    // Somebody with the MAC of a host says who it is, from another address.
    let spoofer = Host { v4: Ipv4Addr::new(10, 53, 9, 9), ..SOURCE };
    let itself = Responder::new("innocent", SOURCE);
    let mut segment = Segment::new();
    for _ in 0..10 {
        segment.pass(1_000).hear(&spoofer.mdns4(itself.announcement()));
        segment.pass(1_000).hear(&SOURCE.mdns4(itself.announcement()));
    }
    let identity = segment.identity(SOURCE);
    assert_eq!(
        (identity.name.as_deref(), identity.category),
        (Some("innocent.local"), Category::Unknown)
    );
}

#[test]
fn reflected_payloads_are_counted_and_a_loop_is_told() {
    let shown = |segment: &Segment| {
        let snapshot = segment.snapshot();
        (snapshot.health.reflected, snapshot.health.reflection_loop)
    };
    let phones = [8, 9].map(Host::numbered);
    let mut segment = Segment::new();
    for phone in phones {
        segment.pass(10).hear(&phone.mdns4(Query::browse("_ipp._tcp")));
    }
    assert_eq!(shown(&segment), (0, false));
    segment.pass(1_000).hear(&SOURCE.mdns4(foreign(1)));
    segment.pass(10).hear(&phones[0].mdns4(foreign(1)));
    assert_eq!(shown(&segment), (1, false));
    segment.pass(10).hear(&phones[1].mdns4(foreign(1)));
    assert_eq!(shown(&segment), (2, true));
    let later = segment.now().plus(Duration::from_millis(10_001));
    segment.engine.handle_timeout(later);
    assert_eq!(shown(&segment), (2, false));
}

/// `record_interval` violations of a host.
fn record_interval(segment: &Segment, host: Host) -> u64 {
    let counts = segment.device(host).and_then(|device| device.violations);
    counts.map_or(0, |counts| counts[Rule::RecordInterval])
}

#[test]
fn a_stuck_printer_is_judged_for_every_packet_behind_a_mirror_port_too() {
    let message = SOURCE.mdns4(foreign(1));
    for micros in [100, 5_000, 100_000] {
        let mut segment = Segment::new();
        for _ in 0..200 {
            segment.pass_micros(micros).hear(&message);
        }
        assert_eq!(record_interval(&segment, SOURCE), 199, "every {micros} us");
    }
    // Twice within a millisecond and never again may be a copy: held against nobody.
    let mut segment = Segment::new();
    segment.hear(&message).pass(1).hear(&message);
    segment.pass(11_000);
    segment.engine.handle_timeout(segment.now());
    assert_eq!(record_interval(&segment, SOURCE), 0);
    // What came once before does not come twice because of where we listen.
    let mut segment = Segment::new();
    segment.hear(&SOURCE.arp_announcement()).pass(1_000);
    segment.hear(&message).pass(1).hear(&message);
    assert_eq!(record_interval(&segment, SOURCE), 1);
    assert_eq!(segment.snapshot().violations[Rule::RecordInterval], 1);
}

#[test]
fn a_mirror_port_makes_no_violations_from_the_first_frame_on() {
    let mut segment = Segment::new();
    let hear = |segment: &mut Segment, frame: &[u8]| {
        segment.hear(frame).pass_micros(20).hear(frame);
    };
    for n in [11, 12, 13, 14, 11, 12, 13, 14] {
        hear(segment.pass(3_000), &Host::numbered(n).mdns4(foreign(n)));
        hear(segment.pass(500), &Host::numbered(n).arp_announcement());
    }
    segment.pass(11_000);
    segment.engine.handle_timeout(segment.now());
    assert_eq!(segment.snapshot().violations, Counts::default());
    // What a device does itself counts against it there too, once for each packet.
    let host = Host::numbered(14);
    for _ in 0..20 {
        hear(segment.pass(100), &host.mdns4(foreign(14)));
    }
    assert_eq!(record_interval(&segment, host), 19);
    // By now it is known that they are copies: they are counted as such and as nothing else.
    let before = segment.snapshot();
    hear(segment.pass(100), &host.mdns4(foreign(14)));
    let after = segment.snapshot();
    assert_eq!(after.frames, before.frames + 2);
    assert_eq!(after.health.copied, before.health.copied + 1);
    assert_eq!(after.packets[Protocol::Mdns.index()], before.packets[Protocol::Mdns.index()] + 1);
}

#[test]
fn copies_in_a_loop_are_held_against_nobody_once_it_is_recognised() {
    let mut segment = Segment::new();
    let printers = [11, 12, 13].map(Host::numbered);
    let frames = [
        printers[0].mdns4(foreign(11)),
        printers[1].mdns4(foreign(12)),
        printers[2].arp_announcement(),
    ];
    let round = |segment: &mut Segment| {
        for frame in &frames {
            segment.pass(2).hear(frame);
        }
    };
    // A second, in which each goes round more than a hundred times: nobody was heard before.
    for _ in 0..170 {
        round(&mut segment);
    }
    let before = segment.snapshot().violations;
    for _ in 0..200 {
        round(&mut segment);
    }
    assert_eq!(segment.snapshot().violations, before);
}

#[test]
fn a_relay_is_not_blamed_for_what_it_passes_on() {
    let mut segment = Segment::new();
    for n in 11..15 {
        // Twice within a second: of a host this would be a violation.
        segment.pass(500).hear(&SOURCE.mdns4(foreign(n)));
        segment.pass(500).hear(&SOURCE.mdns4(foreign(n)));
    }
    assert_eq!(segment.identity(SOURCE).category, Category::Relay);
    assert_eq!(record_interval(&segment, SOURCE), 0);
    // Three do not make a relay: what was held back counts after 10 min.
    let mut segment = Segment::new();
    for n in 11..14 {
        segment.pass(500).hear(&SOURCE.mdns4(foreign(n)));
        segment.pass(500).hear(&SOURCE.mdns4(foreign(n)));
    }
    assert_eq!(record_interval(&segment, SOURCE), 0);
    segment.pass(10 * MINUTE).hear(&SOURCE.arp_announcement());
    // The second message of each; the list of types, which is the same in all, is nobody's alone.
    assert_eq!(record_interval(&segment, SOURCE), 3);
}

#[test]
fn a_device_that_is_copied_is_not_blamed_for_the_copies() {
    let mut segment = Segment::new();
    let (printer, reflector) = (Host::numbered(11), Host::numbered(2));
    for _ in 0..10 {
        segment.pass(3).hear(&printer.mdns4(foreign(12)));
        segment.pass(3).hear(&reflector.mdns4(foreign(12)));
    }
    assert_eq!(segment.snapshot().violations, Counts::default());
    // What says its own address is its own.
    let mut segment = Segment::new();
    for _ in 0..10 {
        segment.pass(3).hear(&printer.mdns4(foreign(11)));
        segment.pass(3).hear(&reflector.mdns4(foreign(11)));
    }
    assert_eq!((record_interval(&segment, printer), record_interval(&segment, reflector)), (9, 0));
}

/// Invented hosts, whose names and messages all differ, cost a bounded time and memory: see the
/// bounds beside the code. They count against no device.
#[test]
fn a_flood_of_invented_names_ends() {
    let mut segment = Segment::new();
    for n in 0..20_000_u16 {
        let by = Host::numbered(n % 3_000);
        let message = Responder::new(&format!("x{n}"), Host::numbered(n)).address_response();
        segment.pass(u64::from(n % 50 == 0)).hear(&by.mdns4(message));
    }
    let snapshot = segment.snapshot();
    assert_eq!((snapshot.health.reflected, snapshot.health.reflection_loop), (0, false));
}
