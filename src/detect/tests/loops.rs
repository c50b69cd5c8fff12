//! Which frames go round in the switches, and which devices merely repeat themselves.

use super::lan::{Lan, MILLI, Says, Step, found, sorted, vantage};
use crate::craft::Host;
use crate::frame::Direction;
use std::time::Duration;

/// Hosts that have said something else.
fn introduced(hosts: impl IntoIterator<Item = u16>) -> Lan {
    let mut lan = Lan::new();
    for host in hosts {
        assert_eq!(found(&mut lan, &[(0, host, host, Says::Response)]), ".");
        lan.pass(10 * MILLI);
    }
    lan
}

/// What a host says every so many milliseconds, in 2 s.
fn again(by: u16, says: Says, every: u64) -> impl Iterator<Item = Step> {
    (0..2_000 / every).map(move |n| (n * every + u64::from(by), by, by, says))
}

/// How many frames of 2 s are copies of a loop, if these go round after 70 s of peace.
fn looping(mut lan: Lan, steps: impl IntoIterator<Item = Step>) -> usize {
    lan.pass(Duration::from_secs(70));
    found(&mut lan, &sorted(steps)).matches('L').count()
}

#[test]
fn l2_loop_is_told_from_devices_that_repeat_themselves() {
    use Says::{Arp, Probe, Ssdp};
    let loop_of = |senders: &[(u16, Says)], every| {
        let each = senders.iter().flat_map(move |(by, says)| again(*by, *says, every));
        each.collect::<Vec<Step>>()
    };
    let three = [(1, Probe), (2, Ssdp), (3, Ssdp)];
    // All but the frames before it is known: each must have gone round ten times.
    let all = looping(introduced(1..9), loop_of(&three, 20));
    assert!((250..=270).contains(&all), "{all}");
    assert_eq!(looping(introduced(1..9), loop_of(&[(1, Probe), (2, Ssdp)], 20)), 0, "two sources");
    let one_protocol = loop_of(&[(1, Ssdp), (2, Ssdp), (3, Ssdp)], 20);
    assert_eq!(looping(introduced(1..9), one_protocol), 0, "one protocol");
    assert_eq!(looping(introduced(1..9), loop_of(&three, 125)), 0, "eight a second are no loop");
    // One that floods, and five that say a thing six times a second.
    let decoys = [(2, Probe), (3, Probe), (4, Probe), (5, Arp), (6, Arp)];
    let flooder = (0..600_u32).map(|n| (u64::from(n) * 10 / 3, 1, 1, Ssdp));
    let all = flooder.clone().chain(loop_of(&decoys, 166));
    assert_eq!(looping(introduced(1..9), all), 0, "a flooder and decoys");
    // Nor if they hurry: most of it is the flooder's.
    let all = flooder.chain(loop_of(&decoys, 50));
    assert_eq!(looping(introduced(1..9), all), 0, "a flooder and decoys in a hurry");
}

#[test]
fn devices_that_begin_to_repeat_themselves_when_they_come_are_no_loop() {
    use Says::{Probe, Ssdp};
    let all = |hosts: std::ops::Range<u16>, every| {
        let says = |n: u16| if n.is_multiple_of(2) { Probe } else { Ssdp };
        hosts.flat_map(move |n| again(n, says(n), every)).collect::<Vec<Step>>()
    };
    // Twenty devices that are new, beside eight that are not.
    assert_eq!(looping(introduced(1..9), all(11..31, 50)), 0);
    // The same frames of those that were there.
    assert!(looping(introduced(11..31), all(11..31, 50)) > 300);
    // Of those that were there, more than half must take part, if some of the others are new.
    assert!(looping(introduced(11..21), all(11..31, 50)) > 300);
    assert_eq!(looping(introduced(1..21), all(11..31, 50)), 0);
    // Nobody was heard before: the loop is older, if it is fast, and if little else is heard.
    assert!(looping(Lan::new(), all(11..16, 5)) > 1_000);
    assert_eq!(looping(Lan::new(), all(11..31, 50)), 0);
    let others = (40..60).map(|n| (u64::from(n), n, n, Probe));
    assert_eq!(looping(Lan::new(), all(11..16, 5).into_iter().chain(others)), 0);
}

#[test]
fn a_boot_of_the_whole_lan_is_no_loop() {
    use Says::{Arp, Probe, Probe6, Response, Ssdp};
    let copies =
        |by, says, times: u64, every: u64| (0..times).map(move |n| (n * every, by, by, says));
    let boot = (1..60).flat_map(|n| {
        [
            copies(n, Probe, 3, 250),
            copies(n, Probe6, 3, 250),
            copies(n, Ssdp, 3, 100),
            copies(n, Arp, 2, 400),
        ]
        .into_iter()
        .flatten()
        .chain([(750, n, n, Response), (1_750, n, n, Response)])
    });
    let boot = sorted(boot);
    assert_eq!(found(&mut Lan::new(), &boot), ".".repeat(boot.len()));
}

#[test]
fn once_a_loop_is_recognised_every_copy_is_one_and_nothing_else() {
    use Says::{Probe, Response, Ssdp};
    let mut lan = introduced(1..4);
    lan.pass(Duration::from_secs(70));
    let round =
        |n: u64| (1..=3).map(move |by| (n * 20, by, by, if by == 1 { Probe } else { Ssdp }));
    let letters = found(&mut lan, &sorted((0..30).flat_map(round)));
    let before = letters.find('L').expect("a loop");
    assert_eq!(letters[before..], "L".repeat(90 - before));
    // What comes for the first time is no copy; what comes again is.
    let news = [(0, 9, 9, Response), (2, 1, 1, Probe), (4, 9, 9, Response)];
    assert_eq!(found(&mut lan, &news), ".LL");
    // A second later it is over.
    assert_eq!(found(&mut lan, &[(1_002, 1, 1, Ssdp), (1_005, 1, 1, Ssdp)]), "..");
}

#[test]
fn address_requests_of_two_hosts_go_round_alone() {
    // 200/s and 100/s of one frame each, for 8 s.
    let rounds = |hosts: &[(u16, u64)]| {
        let each = hosts.iter().flat_map(|(by, every)| {
            let (by, every) = (*by, *every);
            (0..8_000 / every).map(move |n| (n * every + u64::from(by), by, by, Says::Arp))
        });
        found(&mut Lan::new(), &sorted(each)).matches('L').count()
    };
    let marked = rounds(&[(1, 5), (2, 10)]);
    assert!((898..=900).contains(&marked), "all of the last 3 s: {marked}");
    assert_eq!(rounds(&[(1, 5)]), 0, "one host that hangs");
    assert_eq!(rounds(&[(1, 5), (2, 25)]), 0, "another that asks 40 times a second");
}

#[test]
fn own_frames_that_come_back_are_a_loop() {
    let own = Host::numbered(1);
    let steps: Vec<Step> = (0..12).map(|n| (n * 1_000, 1, 1, Says::Ssdp)).collect();
    let cases = [
        (Direction::Incoming, Some(own.mac), "..........LL"),
        (Direction::Outgoing, Some(own.mac), "............"),
        (Direction::Unknown, Some(own.mac), "............"),
        (Direction::Incoming, None, "............"),
        (Direction::Incoming, Some(Host::numbered(2).mac), "............"),
    ];
    for (direction, mac, expected) in cases {
        let mut lan = Lan::new();
        lan.direction = direction;
        lan.vantage = mac.map(vantage).unwrap_or_default();
        // Ten within 9 s, and so on.
        let expected = expected.replacen("..........LL", ".........LLL", 1);
        assert_eq!(found(&mut lan, &steps), expected, "{direction:?} {mac:?}");
    }
    let slow: Vec<Step> = (0..12).map(|n| (n * 1_112, 1, 1, Says::Ssdp)).collect();
    let mut lan = Lan::new();
    (lan.direction, lan.vantage) = (Direction::Incoming, vantage(own.mac));
    assert_eq!(found(&mut lan, &slow), "............", "ten in more than 10 s");
}
