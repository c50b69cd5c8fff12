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

/// A laptop on two links wakes every 90 s: each link probes, the second so much later, and
/// announces; a question in between is answered on both. With `gives_up`, the second link is told
/// that the name is taken, and keeps away.
fn wakes(later: u64, gives_up: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for wake in 0..6 {
        for (device, from) in [(1, wake * 90_000), (2, wake * 90_000 + later)] {
            steps.extend([0, 250, 500].map(|probe| probes(from + probe, device)));
            if !(gives_up && device == 2) {
                steps.extend([750, 1_750].map(|announcement| says(from + announcement, device)));
            }
        }
        for device in [1, 2].into_iter().filter(|device| !gives_up || *device == 1) {
            steps.push(says(wake * 90_000 + later + 600 + u64::from(device), device));
            steps.push(says(wake * 90_000 + 60_000 + u64::from(device), device));
        }
    }
    steps.sort_by_key(|step| step.millis);
    steps
}

#[test]
fn a_host_on_several_links_that_sleeps_and_wakes_is_one_host() {
    for later in [0, 5, 300, 600, 900, 1_500, 8_000, 20_000] {
        let found = fights(&wakes(later, false));
        assert_eq!(found, [], "{later} ms later");
        let found = fights(&wakes(later, true));
        for device in [1, 2] {
            assert!(found.iter().any(|(_, who, ..)| *who == device), "{later} ms later: {found:?}");
        }
    }
}

#[test]
fn a_host_that_leaves_a_link_for_another_is_one_host() {
    // In its dock it takes the name on the cable and leaves the radio, and so back.
    let mut steps = Vec::new();
    for change in 0..8 {
        let (at, comes) = (change * 60_000, 1 + u8::try_from(change % 2).expect("small"));
        steps.extend([0, 250, 500].map(|probe| probes(at + probe, comes)));
        steps.extend([750, 1_750].map(|announcement| says(at + announcement, comes)));
        steps.push(Step { act: Act::Withdraws, ..says(at + 2_000, 3 - comes) });
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

/// The role of one that probes and says so often, beside one that does so as often as given.
fn role_of(own: (u32, u32), others: (u32, u32)) -> Option<Role> {
    let party = |(probes, says)| Party {
        key: SenderKey::new(None, 0),
        sender: Sender::Mac(Mac([0; 6])),
        claims: Claims::default(),
        said: Time(0),
        attempt: None,
        is_taken: false,
        probes,
        says,
    };
    role(&party(own), &party(others))
}

#[test]
fn who_defends_probes_clearly_less_than_the_other() {
    assert_eq!(role_of((0, 9), (0, 9)), None);
    assert_eq!(role_of((0, 9), (9, 0)), Some(Role::Defends));
    assert_eq!(role_of((9, 0), (0, 9)), Some(Role::Probes));
    // It probed when it started, and has the name since.
    assert_eq!(role_of((3, 20), (20, 0)), Some(Role::Defends));
    assert_eq!(role_of((20, 0), (3, 20)), Some(Role::Probes));
    // Both want it and say so: says alone make nobody a defender.
    for (own, others) in [((10, 20), (10, 20)), ((10, 20), (10, 11)), ((10, 11), (10, 20))] {
        assert_eq!(role_of(own, others), Some(Role::Probes), "{own:?} {others:?}");
    }
    assert_eq!(role_of((3, 1), (0, 0)), Some(Role::Probes));
}

#[test]
fn of_several_the_one_that_has_the_name_is_named() {
    // 1 has it; 2, 3 and 4 want it at the same times.
    let mut steps = vec![says(0, 1)];
    for round in 0..8 {
        let at = 10_000 + round * 30_000;
        steps.extend([(0, 2), (30, 3), (60, 4)].map(|(later, device)| probes(at + later, device)));
        steps.push(says(at + 100, 1));
    }
    let found = fights(&steps);
    for device in 2..=4 {
        let of_one = found.iter().filter(|(_, who, ..)| *who == device);
        let others: Vec<u8> = of_one.map(|(_, _, other, _)| *other).collect();
        assert!(!others.is_empty() && others.iter().all(|other| *other == 1), "{others:?}");
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
    assert!(size_of::<Claimants>() <= 1_136, "{}", size_of::<Claimants>());
    assert!(names + rivals <= 1_400 << 10);
}
