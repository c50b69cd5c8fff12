//! Which frames are there twice because of where we listen, and which are their senders' doing.

use super::lan::{Lan, MILLI, Says, found, frame, sorted, vantage};
use crate::craft::Host;
use crate::frame::Direction;
use std::time::Duration;

const MICRO: Duration = Duration::from_micros(1);

/// A frame and what the place of listening adds, 30 us later: whether each is judged (`.`), held
/// against nobody (`-`) or no frame at all (`=`).
fn doubled(lan: &mut Lan, by: u16, says: Says) -> String {
    let mut letters = found(lan, &[(0, by, by, says)]);
    lan.pass(30 * MICRO);
    letters += &found(lan, &[(0, by, by, says)]);
    letters
}

#[test]
fn a_source_whose_frames_all_come_twice_is_enough() {
    use Says::{Arp, Response, Ssdp};
    let mut lan = Lan::new();
    // Ten seconds, twenty pairs: until then the copies are held against nobody, but counted.
    for n in 0..20 {
        let says = [Response, Ssdp, Arp][n % 3];
        assert_eq!(doubled(&mut lan, 1, says), ".-", "{n}");
        lan.pass(500 * MILLI);
    }
    assert_eq!(lan.copied(), 0);
    assert_eq!(doubled(&mut lan, 1, Response), ".=");
    // From now on the frames of others are doubled too.
    assert_eq!(doubled(&mut lan, 2, Response), ".=");
    // Nine minutes later still, twenty later no more.
    lan.pass(Duration::from_mins(9));
    assert_eq!(doubled(&mut lan, 1, Response), ".=");
    assert_eq!(lan.copied(), 3);
    lan.pass(Duration::from_mins(20));
    assert_eq!(doubled(&mut lan, 1, Response), ".-");
}

#[test]
fn a_device_that_says_everything_twice_is_judged() {
    let judged = |says: fn(usize) -> (Says, bool)| {
        let mut lan = Lan::new();
        let mut last = String::new();
        for n in 0..60 {
            let (says, is_doubled) = says(n);
            last = if is_doubled {
                doubled(&mut lan, 1, says)
            } else {
                found(&mut lan, &[(0, 1, 1, says)])
            };
            lan.pass(500 * MILLI);
        }
        last
    };
    // In one protocol.
    assert_eq!(judged(|_| (Says::Response, true)), "..");
    // In two, but not always.
    let sometimes = judged(|n| if n % 5 == 3 { (Says::Arp, false) } else { (Says::Ssdp, true) });
    assert_eq!(sometimes, "..");
    let always = judged(|n| if n % 5 == 3 { (Says::Arp, true) } else { (Says::Ssdp, true) });
    assert_eq!(always, ".=");
}

#[test]
fn what_an_access_point_sends_out_again_is_a_copy_at_once() {
    use Says::Response;
    let own = Host::numbered(9);
    let mut lan = Lan::new();
    lan.vantage = vantage(own.mac);
    let mut hear = |direction, by| {
        lan.pass(30 * MICRO);
        lan.direction = direction;
        found(&mut lan, &[(0, by, by, Response)])
    };
    assert_eq!(hear(Direction::Incoming, 1), ".");
    assert_eq!(hear(Direction::Outgoing, 1), "=");
    // What it says itself, and what it bridges from elsewhere, goes out once.
    assert_eq!(hear(Direction::Outgoing, 9), ".");
    assert_eq!(hear(Direction::Outgoing, 2), ".");
}

#[test]
fn a_lan_that_boots_behind_a_mirror_port_is_judged_once() {
    use Says::{Probe, Response, Ssdp};
    let twice = |at, by, says| [(at, by, by, says), (at + 1, by, by, says)];
    let boot = (1..30).flat_map(|n| {
        let again = move |says, times: u64, every: u64| {
            (0..times).flat_map(move |k| twice(10 * u64::from(n) + k * every, n, says))
        };
        again(Probe, 3, 250).chain(again(Ssdp, 3, 250)).chain(again(Response, 1, 1))
    });
    let boot = sorted(boot);
    let letters = found(&mut Lan::new(), &boot);
    assert_eq!(letters.matches('.').count(), boot.len() / 2, "{letters}");
    assert_eq!(letters.matches('-').count(), boot.len() / 2, "{letters}");
}

#[test]
fn a_stuck_printer_is_one_source_and_judged_in_full() {
    for gap in [100 * MICRO, MILLI, 2 * MILLI, 5 * MILLI, 250 * MILLI] {
        // Its second frame may be a copy, until its third.
        let at_most = usize::from(gap <= MILLI);
        let mut lan = Lan::new();
        let spared = (0..200).filter(|_| {
            lan.pass(gap);
            lan.hear(&frame(1, 1, Says::Response)).is_spared
        });
        assert_eq!(spared.count(), at_most, "{gap:?}");
    }
    // Nor is it spared behind a mirror port, where each of its frames comes twice.
    for gap in [500 * MICRO, 5 * MILLI] {
        let mut lan = Lan::new();
        let judged = (0..200).filter(|_| {
            lan.pass(gap);
            doubled(&mut lan, 1, Says::Response).starts_with('.')
        });
        assert!(judged.count() >= 196, "{gap:?}");
    }
}

#[test]
fn three_that_flood_are_no_mirror_port() {
    for gap in [300, 700, 2_000, 4_000] {
        let mut lan = Lan::new();
        let steps = |n: u64| (1..4).map(move |by| (n, by));
        let mut spared = 0;
        for (_, by) in (0..30_000 / 20).flat_map(steps) {
            lan.pass(gap / 3 * MICRO);
            spared += usize::from(lan.hear(&frame(by, by, Says::Response6)).is_spared);
        }
        assert!(spared <= 3, "each 30,000 us / 20 = 1,500 times, every {gap} us: {spared}");
        assert_eq!(lan.copied(), 0, "every {gap} us");
    }
}
