//! Tests of what is said of each interface.

use super::*;
use crate::commands::finding::{Level, render};
use crate::interfaces::MasterKind;

fn chosen(name: &str, choice: Choice) -> Chosen {
    Chosen { index: 1, name: name.into(), choice }
}

fn skipped(name: &str, reason: Reason) -> Chosen {
    chosen(name, Choice::Skipped(reason))
}

fn ring() -> Running {
    Running {
        backend: Backend::Ring,
        fallbacks: Vec::new(),
        ring_bytes: Some(4 << 20),
        groups: Groups::Asked { joined: 7, failed: Vec::new() },
    }
}

fn socket() -> Running {
    let missing = "capture on eth0: no permission".to_owned();
    Running {
        backend: Backend::Socket,
        fallbacks: vec![(Backend::Ring, missing)],
        ring_bytes: None,
        groups: Groups::Asked { joined: 9, failed: Vec::new() },
    }
}

fn tried(outcome: Result<Running, String>) -> Vec<Finding> {
    attempt(&Attempt {
        interface: "eth0".into(),
        carrier: true,
        has_v6: true,
        unprivileged: false,
        outcome,
    })
}

fn tried_without_privilege(outcome: Result<Running, String>) -> Vec<Finding> {
    attempt(&Attempt {
        interface: "eth0".into(),
        carrier: true,
        has_v6: true,
        unprivileged: true,
        outcome,
    })
}

#[test]
fn a_ring() {
    assert_eq!(
        render(&tried(Ok(ring()))),
        "
Interfaces
  ok       eth0 is captured by ring, with 4 MiB of memory
  ok       eth0: all 7 discovery groups joined
"
    );
}

#[test]
fn sockets_for_lack_of_privilege() {
    assert_eq!(
        render(&tried_without_privilege(Ok(socket()))),
        "
Interfaces
  hint     eth0 is captured by socket, which hears mDNS, SSDP, LLMNR and
           WS-Discovery only and sees no MAC addresses, VLAN tags or queriers
           -> for more, see Privileges
  ok       eth0: all 9 discovery groups joined
"
    );
}

#[test]
fn another_reason_for_a_fallback_is_said() {
    let found = tried(Ok(socket()));
    assert_eq!(found[0].level, Level::Hint);
    assert!(render(&found).contains("-> not by ring: capture on eth0: no permission"));
    let by_name = Running { fallbacks: Vec::new(), ..socket() };
    assert_eq!(tried(Ok(by_name))[0].level, Level::Ok);
}

#[test]
fn what_cannot_be_opened_is_a_problem() {
    let found = tried(Err("no multicast group could be joined on eth0".into()));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].level, Level::Problem);
    let found = tried_without_privilege(Err("capture on eth0: no permission".into()));
    let text = "eth0 cannot be captured: see Privileges";
    assert_eq!(found, [Finding::problem(Area::Interfaces, text)]);
}

#[test]
fn several_rings_have_a_sum() {
    assert_eq!(memory(&[4 << 20]), None);
    let sum = memory(&[4 << 20, 4 << 20]).unwrap();
    assert_eq!(sum, Finding::ok(Area::Kernel, "2 rings have 8 MiB of memory"));
}

#[test]
fn an_interface_without_a_cable() {
    let attempt_ = Attempt {
        interface: "eth0".into(),
        carrier: false,
        has_v6: true,
        unprivileged: false,
        outcome: Ok(ring()),
    };
    let found = attempt(&attempt_);
    assert_eq!(found[2].level, Level::Hint);
    assert_eq!(found[2].text, "eth0 is up but has no carrier: is the cable in?");
}

#[test]
fn groups_that_could_not_be_joined_by_reason() {
    let failed =
        ["ff02::fb", "ff02::c"].map(|group| (group.to_owned(), "No such device".to_owned()));
    let groups = Groups::Asked { joined: 5, failed: failed.to_vec() };
    assert_eq!(
        render(&tried(Ok(Running { groups, ..ring() }))[1..]),
        "
Interfaces
  hint     eth0: 5 of 7 discovery groups joined
           -> not ff02::fb, ff02::c: No such device
"
    );
    let none = tried(Ok(Running { groups: Groups::NotAsked, ..ring() }));
    assert_eq!(none[1].level, Level::Hint);
    assert!(none[1].text.contains("--no-capture.join"));
}

#[test]
fn the_same_reasons_are_one_line() {
    let port = || Reason::Port { of: "br0".into(), kind: MasterKind::Bridge };
    let all = [
        skipped("lo", Reason::Loopback),
        skipped("a0", port()),
        chosen("br0", Choice::Captured),
        skipped("b0", port()),
        skipped("eth1", Reason::Down),
    ];
    assert_eq!(
        render(&passed_over(&all)),
        "
Interfaces
  ok       lo is the loopback device: not captured
  ok       a0, b0: each is a port of the bridge br0, where its frames are
           counted: not captured
  hint     eth1 is down: not captured
           $ sudo ip link set eth1 up
"
    );
}

#[test]
fn nothing_to_capture_says_what_could_be() {
    let all = [skipped("lo", Reason::Loopback), skipped("veth0", Reason::Veth)];
    let text = render(&[nothing(&all)]);
    assert!(text.contains("PROBLEM  no interface is captured"), "{text}");
    assert!(text.contains("$ multicast_exporter --capture.interface=veth0"), "{text}");
    let only_lo = nothing(&all[..1]);
    assert_eq!(only_lo.level, Level::Problem);
    assert!(!render(&[only_lo]).contains('$'));
}

#[test]
fn a_pattern_without_a_match_names_what_there_is() {
    let found = unmatched(&["nope0"], &["lo", "eth0"]);
    assert_eq!(
        found,
        [Finding::problem(Area::Interfaces, "--capture.interface=nope0 matches no interface")
            .say("available: lo, eth0")]
    );
    assert_eq!(unmatched(&[], &["lo"]), []);
}

#[test]
fn sizes() {
    for (bytes, text) in [(4 << 20, "4 MiB"), (64 << 10, "64 KiB"), (5, "5 bytes"), (0, "0 bytes")]
    {
        assert_eq!(size(bytes), text);
    }
}

#[test]
fn an_interface_without_ipv6() {
    let attempted = |outcome| Attempt {
        interface: "eth0".into(),
        carrier: true,
        has_v6: false,
        unprivileged: false,
        outcome,
    };
    let found = attempt(&attempted(Ok(ring())));
    assert_eq!(
        render(&found[2..]),
        "
Interfaces
  hint     eth0 has no IPv6 address: switches with MLD snooping may send it no
           discovery over IPv6
           -> a link-local address is enough; it needs an MTU of 1280 or more,
              and IPv6 enabled:
           $ sudo sysctl -w net/ipv6/conf/eth0/disable_ipv6=0
"
    );
    let not_joined = Running { groups: Groups::NotAsked, ..ring() };
    assert_eq!(attempt(&attempted(Ok(not_joined))).len(), 2, "it is no listener anyway");
}

#[test]
fn the_lans_of_interfaces_are_told_and_names_that_nobody_is_called_by() {
    let named = |rules: &[&str]| {
        let rules: Vec<_> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let captured = [("eth0", String::new()), ("guests", "20".to_owned())];
        lans(&Lans::new(&rules).unwrap(), &captured)
    };
    assert_eq!(named(&[]), []);
    assert_eq!(
        render(&named(&["office", "eth0.30=lab", "eth1=home"])),
        "
Interfaces
  ok       eth0 is on the LAN office
  ok       guests is on the LAN office.20
  hint     --lan names eth1, which is not captured
"
    );
    let shared = render(&named(&["eth0=office", "guests=office"]));
    assert!(
        shared.contains("ok       eth0, guests are one LAN, office: alerts take them for one"),
        "{shared}"
    );
    let one = render(&named(&["office", "eth0=", "docker0="]));
    assert_eq!((one.matches("on the LAN").count(), one.matches("--lan").count()), (1, 0), "{one}");
}
