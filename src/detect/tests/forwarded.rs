//! Discovery that a relay sends to and fro, and what devices say for themselves.

use super::lan::{Lan, MILLI};
use crate::craft::{Ethernet, Host, Ipv4, Udp, discovery};
use crate::decode::Sender;
use crate::detect::Cause;
use std::net::Ipv4Addr;
use std::time::Duration;

const MICRO: Duration = Duration::from_micros(1);
const CORE: Host = Host::numbered(1);
const RELAY: Host = Host::numbered(2);

/// A broadcast of `by` in the name of `from`.
fn broadcast(by: Host, from: Host, ttl: u8, payload: &[u8]) -> Vec<u8> {
    let udp = Udp::new(51_234, 9_003, payload);
    let packet = Ipv4::new(from.v4, Ipv4Addr::BROADCAST).ttl(ttl).udp(&udp);
    Ethernet::from(by.mac).ipv4(&packet)
}

/// What was found in frames, each so long after the one before: `.` for nothing, `R` for a frame of a
/// relay, `p` for one that it provoked.
fn found(frames: impl IntoIterator<Item = (Duration, Vec<u8>)>) -> String {
    let mut lan = Lan::new();
    let letter = |(after, frame): (Duration, Vec<u8>)| {
        lan.pass(after);
        let found = lan.hear(&frame);
        match (found.signatures.first(), found.provoked_by) {
            (Some(Cause::Reflection), None) => 'R',
            (None, Some(Sender::Mac(mac))) => {
                assert_eq!(mac, RELAY.mac);
                'p'
            }
            (None, None) => '.',
            other => panic!("{other:?}"),
        }
    };
    frames.into_iter().map(letter).collect()
}

#[test]
fn a_relay_that_keeps_the_source_is_known_after_three_turns() {
    let round = |_: u32| {
        [
            (9 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (2 * MILLI, broadcast(RELAY, CORE, 63, b"who")),
        ]
    };
    assert_eq!(found((0..5).flat_map(round)), "...RpRpRpR");
    // Heard from the middle: the TTL says which it is.
    assert_eq!(found((0..5).flat_map(round).skip(1)), "...pRpRpR");
    // A core that sends twice each time.
    let twice = |_: u32| {
        [
            (9 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (2 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (2 * MILLI, broadcast(RELAY, CORE, 63, b"who")),
        ]
    };
    assert_eq!(found((0..4).flat_map(twice)), ".....RppRppR");
}

#[test]
fn a_relay_with_an_address_of_its_own_is_known_by_strict_turns() {
    let round = |_: u32| {
        [
            (9 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (2 * MILLI, broadcast(RELAY, RELAY, 64, b"who")),
        ]
    };
    assert_eq!(found((0..8).flat_map(round)), [".".repeat(10), "pRpRpR".to_owned()].concat());
    // Two that ask for themselves, one a little faster.
    let mut asks: Vec<(u64, Host)> = (0..200).map(|n| (n * 20, CORE)).collect();
    asks.extend((0..210).map(|n| (5 + n * 19, RELAY)));
    asks.sort_by_key(|ask| ask.0);
    let mut last = 0;
    let asks = asks.into_iter().map(|(at, by)| {
        let after = u32::try_from(at - last).expect("short") * MILLI;
        last = at;
        (after, broadcast(by, by, 64, b"who"))
    });
    assert_eq!(found(asks), ".".repeat(410));
    // The same, in step.
    let in_step = |_: u32| {
        [
            (10 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (10 * MILLI, broadcast(RELAY, RELAY, 64, b"who")),
        ]
    };
    assert_eq!(found((0..50).flat_map(in_step)), ".".repeat(100));
    // The two cards of one host.
    let cards = |_: u32| {
        [
            (20 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (20 * MICRO, broadcast(RELAY, RELAY, 64, b"who")),
        ]
    };
    assert_eq!(found((0..50).flat_map(cards)), ".".repeat(100));
}

#[test]
fn what_is_passed_on_once_is_no_loop() {
    // A relay at work: each question goes on, none comes back.
    let round = |n: u32| {
        let payload = n.to_be_bytes();
        [
            (9 * MILLI, broadcast(CORE, CORE, 64, &payload)),
            (2 * MILLI, broadcast(RELAY, CORE, 63, &payload)),
        ]
    };
    assert_eq!(found((0..50).flat_map(round)), ".".repeat(100));
    // The same question every 300 ms, passed on.
    let slow = |_: u32| {
        [
            (300 * MILLI, broadcast(CORE, CORE, 64, b"who")),
            (2 * MILLI, broadcast(RELAY, CORE, 63, b"who")),
        ]
    };
    assert_eq!(found((0..50).flat_map(slow)), ".".repeat(100));
    // Many that look for the same, as at a start after a power cut.
    let phones = (0..100_u16).map(|n| {
        let host = Host::numbered(n % 20 + 1);
        (3 * MILLI, host.ssdp4(discovery::ssdp_search("ssdp:all")))
    });
    assert_eq!(found(phones), ".".repeat(100));
}
