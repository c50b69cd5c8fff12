//! Who fights over a name, and who only has several links.

use super::*;
use crate::decode::mdns::{DataHash, Traits};
use crate::mac::Mac;

const KEY: HashKey = HashKey([1, 2, 3, 4]);
const NAME: NameHash = NameHash(7);

/// One device does something with the name at a time in milliseconds.
#[derive(Clone, Copy)]
struct Step {
    millis: u64,
    device: u8,
    act: Act,
    address: u64,
    text: u64,
}

fn claims(address: u64, text: u64) -> Claims {
    let record = |rtype, data| Record {
        section: Section::Answer,
        name: NAME,
        rtype,
        class: crate::decode::mdns::RClass::IN,
        flush: true,
        ttl: 120,
        data: DataHash(data),
        traits: Traits::default(),
        at: 12,
    };
    let mut claims = Claims::default();
    if address > 0 {
        claims.add(&record(RType::A, address));
    }
    if text > 0 {
        claims.add(&record(RType::TXT, text));
    }
    claims
}

/// Who is in a fight, with whom, in what role, at which step.
fn fights(steps: &[Step]) -> Vec<(usize, u8, u8, Option<Role>)> {
    let mut contested = Contested::new(KEY);
    let sender = |n: u8| Sender::Mac(Mac([n; 6]));
    let hear = |(place, step): (usize, &Step)| {
        let party = (SenderKey::new(None, u64::from(step.device) << 2), sender(step.device));
        let now = Time(step.millis * 1_000_000);
        let claims = claims(step.address, step.text);
        let fight = contested.hear(now, NAME, party, step.act, &claims)?;
        let Sender::Mac(Mac([other, ..])) = fight.other else { panic!("by MAC") };
        Some((place, step.device, other, fight.role))
    };
    steps.iter().enumerate().filter_map(hear).collect()
}

const fn says(millis: u64, device: u8) -> Step {
    Step { millis, device, act: Act::Says, address: device as u64, text: 0 }
}

const fn probes(millis: u64, device: u8) -> Step {
    Step { act: Act::Probes, ..says(millis, device) }
}

#[test]
fn a_name_that_goes_there_and_back_twice_and_is_probed_for_is_fought_over() {
    // 1 has it, 2 probes for it every 20 s and is told that it is taken.
    let steps = [
        says(0, 1),
        probes(20_000, 2),
        says(20_100, 1),
        probes(40_000, 2),
        says(40_100, 1),
        probes(60_000, 2),
    ];
    let found = fights(&steps);
    assert_eq!(
        found,
        [(4, 1, 2, Some(Role::Defends)), (5, 2, 1, Some(Role::Probes))],
        "from the second return on, and both are named"
    );
}

#[test]
fn slow_turns_are_no_fight() {
    let steps: Vec<_> = (0..8).map(|n| probes(n * 250_000, 1 + (n % 2) as u8)).collect();
    assert_eq!(fights(&steps), []);
}

#[test]
fn a_host_on_several_links_is_one_host() {
    // It probes from both links when it starts, announces twice from each, and answers from each.
    let mut steps = Vec::new();
    for millis in [0, 250, 500] {
        steps.extend([probes(millis, 1), probes(millis + 5, 2)]);
    }
    for millis in [750, 1_750] {
        steps.extend([says(millis, 1), says(millis + 5, 2)]);
    }
    for minute in 1..9 {
        steps.extend([says(minute * 60_000, 1), says(minute * 60_000 + 3, 2)]);
    }
    assert_eq!(fights(&steps), []);
}

#[test]
fn devices_that_say_who_they_are_otherwise_need_not_probe() {
    let text = |n: u64| Step { text: 100 + n % 2, ..says(n * 20_000, 1 + (n % 2) as u8) };
    let found = fights(&(0..8).map(text).collect::<Vec<_>>());
    assert!(!found.is_empty() && found.iter().all(|(.., role)| role.is_none()), "{found:?}");
    // The same of one host: its addresses differ, the text does not.
    let same = |n: u64| Step { text: 100, ..says(n * 20_000, 1 + (n % 2) as u8) };
    assert_eq!(fights(&(0..8).map(same).collect::<Vec<_>>()), []);
    // What is damaged differs each time.
    let damaged = |n: u64| Step { text: 100 + n, ..says(n * 20_000, 1 + (n % 2) as u8) };
    assert_eq!(fights(&(0..8).map(damaged).collect::<Vec<_>>()), []);
}

#[test]
fn one_conflict_that_ends_is_no_fight() {
    // 2 probes three times before it is told, and takes another name.
    let steps = [
        says(0, 1),
        probes(60_000, 2),
        probes(60_250, 2),
        says(60_300, 1),
        probes(60_500, 2),
        says(60_600, 1),
        says(120_000, 1),
        says(180_000, 1),
    ];
    assert_eq!(fights(&steps), []);
}

#[test]
fn withdrawing_disputes_it_too() {
    let withdraws = |millis, device| Step { act: Act::Withdraws, ..says(millis, device) };
    let mut steps = Vec::new();
    for round in 0..4 {
        let at = round * 30_000;
        steps.extend([says(at, 1), says(at + 1_000, 2), withdraws(at + 1_500, 2)]);
    }
    let without: Vec<_> = steps.iter().copied().filter(|s| s.act != Act::Withdraws).collect();
    assert!(!fights(&steps).is_empty());
    assert_eq!(fights(&without), []);
}

#[test]
fn one_who_defends_against_three_is_told_apart() {
    let mut steps = vec![says(0, 1)];
    for round in 0..6 {
        for (nth, device) in [(0, 2), (1, 3), (2, 4)] {
            let at = 10_000 + round * 30_000 + nth * 8_000;
            steps.extend([probes(at, device), says(at + 100, 1)]);
        }
    }
    let found = fights(&steps);
    for (_, device, _, role) in &found {
        let is = if *device == 1 { Role::Defends } else { Role::Probes };
        assert_eq!(*role, Some(is));
    }
    for device in 1..=4 {
        assert!(found.iter().any(|(_, there, ..)| *there == device), "{device}");
    }
}

#[test]
fn pairs_have_places_of_their_own() {
    let mut places: Vec<_> =
        (0..PARTIES).flat_map(|one| (0..one).map(move |other| pair(one, other))).collect();
    places.sort_unstable();
    assert_eq!(places, (0..PAIRS).collect::<Vec<_>>());
    assert_eq!(pair(1, 3), pair(3, 1));
}

#[test]
fn memory_has_a_bound() {
    let names = Table::<NameHash, ClaimedName, NAME_SETS>::BYTES_MAX;
    let rivals = size_of::<Claimants>() * NAME_SETS * 8;
    assert!(names <= NAME_SETS * 8 * 208, "{names}");
    assert!(size_of::<Claimants>() <= 1 << 10, "{}", size_of::<Claimants>());
    assert!(names + rivals <= 1_300 << 10);
}
