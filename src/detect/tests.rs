//! What the detectors make of copies, from the bytes of frames on: loops, mirror ports, reflectors
//! and name conflicts, each beside its nearest harmless neighbour.

mod forwarded;
mod lan;
mod loops;
mod mirror;

use super::*;
use crate::craft::mdns::{response, srv, txt};
use crate::craft::{Host, Responder};
use crate::frame::LinkType;
use lan::{Lan, MILLI, Says, Step, found, frame, heard, responder};
use std::time::Duration;

#[test]
fn reflection_is_told_from_what_two_may_say() {
    use Says::{Empty, Probe, Probe6, Question, Response, Response6, Service, Shared, Types};
    let cases: &[(&str, &[Step], &str)] = &[
        ("a response again from another", &[(0, 1, 1, Response), (250, 2, 1, Response)], ".R"),
        ("what several may say", &[(0, 1, 1, Shared), (5, 2, 1, Shared)], ".."),
        ("nothing at all", &[(0, 1, 1, Empty), (5, 2, 1, Empty)], ".."),
        ("a service alone", &[(0, 1, 1, Service), (5, 2, 1, Service)], ".R"),
        ("too late", &[(0, 1, 1, Response), (251, 2, 1, Response)], ".."),
        ("a probe", &[(0, 1, 1, Probe), (5, 2, 1, Probe)], ".R"),
        ("one question of two phones", &[(0, 1, 1, Question), (5, 2, 2, Question)], ".."),
        ("which types there are", &[(0, 1, 1, Types), (5, 2, 2, Types), (9, 1, 1, Types)], "..."),
        ("both families", &[(0, 1, 1, Response), (0, 1, 1, Response6)], ".."),
        (
            "both families, both copied",
            &[(0, 1, 1, Response), (1, 2, 1, Response), (2, 1, 1, Response6), (3, 2, 1, Response6)],
            ".R.R",
        ),
        ("both have one", &[(0, 1, 1, Response), (5, 2, 2, Response)], ".."),
        (
            "the next probe after a copy",
            &[
                (0, 1, 1, Probe),
                (9, 2, 1, Probe),
                (240, 1, 1, Probe),
                (249, 2, 1, Probe),
                (490, 1, 1, Probe),
            ],
            ".R.R.",
        ),
        (
            "copied, and sent again because of it",
            &[(0, 1, 1, Service), (5, 2, 1, Service), (9, 1, 1, Service), (14, 2, 1, Service)],
            ".R-R",
        ),
        (
            "copied, and said again by whose address it is",
            &[(0, 1, 1, Response), (5, 2, 1, Response), (9, 1, 1, Response), (14, 2, 1, Response)],
            ".R.R",
        ),
        (
            "the copy was heard first",
            &[(0, 2, 1, Response), (5, 1, 1, Response), (9, 2, 1, Response), (14, 1, 1, Response)],
            "..R.",
        ),
        (
            "a stuck printer that is copied",
            &[(0, 1, 1, Response), (5, 1, 1, Response), (6, 2, 1, Response), (10, 1, 1, Response)],
            "..R.",
        ),
        ("a third", &[(0, 1, 1, Probe6), (5, 2, 1, Probe6), (9, 3, 1, Probe6)], ".RR"),
    ];
    for (what, steps, expected) in cases {
        let mut lan = Lan::new();
        assert_eq!(found(&mut lan, steps), *expected, "{what}");
        let copies = expected.matches('R').count() as u64;
        assert_eq!(
            lan.detectors.health(lan.now(), &std::iter::empty()).reflected,
            copies,
            "{what}"
        );
        let loops = expected.contains('-') || *what == "a third";
        assert_eq!(
            lan.detectors.health(lan.now(), &std::iter::empty()).reflection_loop,
            loops,
            "{what}"
        );
        lan.pass(Duration::from_secs(11));
        assert!(!lan.detectors.health(lan.now(), &std::iter::empty()).reflection_loop, "{what}");
    }
}

#[test]
fn what_a_host_says_by_two_cards_is_no_reflection() {
    // Both announce the name with an address of their own, and then the same service.
    let both = |lan: &mut Lan, name: fn(u16) -> String| {
        let spared = [1, 2].map(|by| {
            let card = Host::numbered(by);
            let itself = Responder::new(&name(by), card).address_response();
            let service = response([
                srv("Laser._ipp._tcp.local", "laser.local", 631),
                txt("Laser._ipp._tcp.local", &[]),
            ]);
            lan.pass(5 * MILLI);
            lan.hear(&card.mdns4(itself));
            lan.hear(&card.mdns4(service)).is_spared
        });
        lan.pass(2_000 * MILLI);
        spared
    };
    let mut lan = Lan::new();
    both(&mut lan, |_| "laser".to_owned());
    assert_eq!(both(&mut lan, |_| "laser".to_owned()), [false, false]);
    // Two hosts: who sends the other's service repeats it.
    assert_eq!(both(&mut Lan::new(), |n| format!("host-{n}")), [false, true]);
    // Whoever says something else of the service has one of that name.
    let mut lan = Lan::new();
    lan.hear(&Host::numbered(2).mdns4(response([srv("Laser._ipp._tcp.local", "b.local", 80)])));
    let mut other = || {
        let text = response([srv("Laser._ipp._tcp.local", "laser.local", 631)]);
        [1, 2].map(|by| lan.hear(&Host::numbered(by).mdns4(text.clone())).is_spared)
    };
    assert_eq!(other(), [false, false]);
}

#[test]
fn a_loop_of_reflection_is_evidence_when_it_comes_back_five_times() {
    use Says::Response;
    let shown = |steps: &[Step]| {
        let found = heard(&mut Lan::new(), steps);
        found.iter().filter(|found| found.is_evidence).count()
    };
    // The first sends it again because of the copy, six times.
    let to_and_fro: Vec<Step> =
        (0..12).map(|n| (n * 50, 1 + u16::from(n % 2 == 1), 3, Response)).collect();
    assert_eq!(shown(&to_and_fro), 1, "the sixth copy is the fifth that came back");
    assert_eq!(found(&mut Lan::new(), &to_and_fro), format!(".{}", "R".repeat(11)), "both");
    // One that floods with its own address is no part of a loop.
    let flooder: Vec<Step> =
        (0..12).map(|n| (n * 50, 1 + u16::from(n % 2 == 1), 1, Response)).collect();
    assert_eq!(shown(&flooder), 0);
    // A reflector at work copies each message once.
    let once: Vec<Step> = (0..40)
        .map(|n| (n / 2 * 900 + n % 2 * 9, 1 + u16::from(n % 2 == 1), 1, Response))
        .collect();
    assert_eq!(shown(&once), 0);
    // A third goes on with it.
    let three: Vec<Step> = (0..15)
        .map(|n| (n / 3 * 900 + n % 3 * 9, 1 + u16::try_from(n % 3).unwrap_or(0), 1, Response))
        .collect();
    assert_eq!(shown(&three), 1);
}

#[test]
fn where_senders_are_known_by_their_addresses_a_device_is_two_of_them() {
    let raw = |bytes: Vec<u8>| bytes[14..].to_vec();
    let mut lan = Lan::new();
    lan.link_type = LinkType::RawIp;
    let mut spared = |says, by| lan.hear(&raw(frame(by, 1, says))).is_spared;
    assert!(!spared(Says::Response, 1) && !spared(Says::Response6, 1));
    assert!(spared(Says::Response, 2), "another IPv4 address");
}

#[test]
fn name_conflict_is_told_from_a_move() {
    // Both say that they are host-7.
    let claim = |by: u16| {
        Host::numbered(by).mdns4(Responder::new("host-7", Host::numbered(by)).announcement())
    };
    let mut lan = Lan::new();
    let mut signatures = |by| {
        lan.pass(1_000 * MILLI);
        lan.hear(&claim(by)).signatures
    };
    let conflict = vec![Cause::NameConflict];
    assert_eq!(
        [signatures(1), signatures(1), signatures(2), signatures(2)],
        [vec![], vec![], vec![], vec![]]
    );
    assert_eq!(
        [signatures(1), signatures(1), signatures(2)],
        [conflict.clone(), conflict.clone(), conflict]
    );
    let now = lan.now();
    assert!(lan.memory(Host::numbered(2)).is_contested(now));
    assert!(lan.memory(Host::numbered(1)).is_contested(now));
    // The other has not claimed it for more than 10 s.
    for _ in 0..11 {
        lan.pass(1_000 * MILLI);
        lan.hear(&claim(2));
    }
    assert!(lan.hear(&claim(2)).signatures.is_empty());
}

#[test]
fn a_relay_s_records_are_no_claims() {
    let mut lan = Lan::new();
    for n in 11..=14 {
        lan.hear(&Host::numbered(1).mdns4(responder(Host::numbered(n)).address_response()));
    }
    assert!(lan.memory(Host::numbered(1)).relay.is_relay());
    // What it still says of host-11 after that one has taken another address.
    let moved = Responder::new("host-11", Host::numbered(99));
    let mut signatures = Vec::new();
    for _ in 0..4 {
        lan.pass(1_000 * MILLI);
        signatures.extend(lan.hear(&Host::numbered(11).mdns4(moved.address_response())).signatures);
        lan.pass(1_000 * MILLI);
        let stale = responder(Host::numbered(11)).address_response();
        signatures.extend(lan.hear(&Host::numbered(1).mdns4(stale)).signatures);
    }
    assert_eq!(signatures, []);
}
