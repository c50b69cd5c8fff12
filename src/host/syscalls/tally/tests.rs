//! Places and sums, by example and against a model that keeps everything.

use super::super::Detail;
use super::*;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Time {
    Time(3_600 * SECOND + seconds * SECOND)
}

fn increments(processes: &[(&str, u64)], nobodys: u64) -> Increments {
    let processes: Vec<_> =
        processes.iter().map(|(name, calls)| (Command::new(name.as_bytes()), *calls)).collect();
    let total = processes.iter().map(|(_, calls)| calls).sum::<u64>() + nobodys;
    Increments { total, detail: Some(Detail { processes, calls: vec![] }) }
}

const fn nobody(_: &Command) -> bool {
    false
}

fn calls(tally: &Tally, name: &str) -> Option<u64> {
    let processes = tally.view().processes.expect("it is detailed");
    processes.iter().find(|process| &*process.name == name).map(|process| process.calls)
}

fn sum(view: &View) -> u64 {
    view.processes.iter().flatten().map(|process| process.calls).sum()
}

#[test]
fn a_name_gets_its_place_at_the_fold_that_reaches_100_and_owns_that_fold_only() {
    let mut tally = Tally::new(at(0));
    tally.fold(at(1), &increments(&[("a", 60)], 0), nobody);
    assert_eq!((calls(&tally, "a"), calls(&tally, "other")), (None, Some(60)));
    tally.fold(at(2), &increments(&[("a", 40)], 0), nobody);
    assert_eq!((calls(&tally, "a"), calls(&tally, "other")), (Some(40), Some(60)));
    // 99 in one window and 99 in the next do not make 100.
    let mut tally = Tally::new(at(0));
    tally.fold(at(9), &increments(&[("a", 99)], 0), nobody);
    tally.close_window(at(10));
    tally.fold(at(11), &increments(&[("a", 99)], 0), nobody);
    assert_eq!((calls(&tally, "a"), calls(&tally, "other")), (None, Some(198)));
}

#[test]
fn who_owns_a_socket_has_a_place_from_its_first_call_on() {
    let mut tally = Tally::new(at(0));
    let owns = |command: &Command| &*command.label() == "avahi-daemon";
    tally.fold(at(1), &increments(&[("avahi-daemon", 1), ("sh", 1)], 0), owns);
    assert_eq!((calls(&tally, "avahi-daemon"), calls(&tally, "sh")), (Some(1), None));
    assert_eq!(calls(&tally, "other"), Some(1));
}

#[test]
fn two_hundred_competing_names_keep_the_sum_and_leave_room_for_an_owner() {
    let mut tally = Tally::new(at(0));
    let names: Vec<String> = (0..200).map(|n| format!("busy{n}")).collect();
    let all: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1_000)).collect();
    tally.fold(at(1), &increments(&all, 7), nobody);
    let view = tally.view();
    assert_eq!((view.total, sum(&view)), (200_007, 200_007));
    assert_eq!(view.processes.as_ref().unwrap().len(), PLACES - FOR_OWNERS + 1);
    let owners: Vec<String> = (0..20).map(|n| format!("owner{n}")).collect();
    let all: Vec<(&str, u64)> = owners.iter().map(|name| (name.as_str(), 1)).collect();
    tally.fold(at(2), &increments(&all, 0), |command| command.label().starts_with("owner"));
    let view = tally.view();
    assert_eq!(view.processes.as_ref().unwrap().len(), PLACES + 1);
    assert_eq!((view.total, sum(&view)), (200_027, 200_027));
}

#[test]
fn who_comes_first_makes_no_difference() {
    let names: Vec<String> = (0..200).map(|n| format!("busy{n}")).collect();
    let owners: Vec<String> = (0..8).map(|n| format!("owner{n}")).collect();
    let with = |all: Vec<&String>| {
        let mut tally = Tally::new(at(0));
        let all: Vec<(&str, u64)> = all.iter().map(|name| (name.as_str(), 1_000)).collect();
        tally.fold(at(1), &increments(&all, 0), |c| c.label().starts_with("owner"));
        let processes = tally.view().processes.unwrap();
        let of_owners = processes.iter().filter(|p| p.name.starts_with("owner")).count();
        (processes.len(), of_owners)
    };
    assert_eq!(with(owners.iter().chain(&names).collect()), (PLACES + 1, 8));
    assert_eq!(with(names.iter().chain(&owners).collect()), (PLACES + 1, 8));
}

#[test]
fn names_that_share_a_label_do_not_pile_up() {
    let mut tally = Tally::new(at(0));
    for fold in 0..60_u64 {
        // Eight bytes, none of them zero: all the same label.
        let odd = |n: u64| {
            let bytes = (fold * 500 + n).to_be_bytes().map(|byte| 0x80 | byte >> 4);
            let more = (fold * 500 + n).to_be_bytes().map(|byte| 0x80 | byte & 15);
            Command::new(&[&bytes[4..], &more[4..]].concat())
        };
        assert_ne!(odd(1), odd(2));
        let processes = (0..500).map(|n| (odd(n), 100)).collect();
        let detail = Some(Detail { processes, calls: vec![] });
        tally.fold(at(1), &Increments { total: 50_000, detail }, nobody);
    }
    assert_eq!(tally.view().processes.unwrap().len(), 2);
    assert!(tally.labels.len() <= LABELS);
    assert_eq!(tally.view().total, sum(&tally.view()));
}

#[test]
fn a_place_is_kept_for_an_hour_without_a_call() {
    let mut tally = Tally::new(at(0));
    tally.fold(at(1), &increments(&[("a", 100)], 0), nobody);
    tally.fold(at(3_600), &increments(&[], 1), nobody);
    assert_eq!(calls(&tally, "a"), Some(100));
    tally.fold(at(3_601), &increments(&[], 1), nobody);
    assert_eq!((calls(&tally, "a"), calls(&tally, "other")), (None, Some(2)));
    assert_eq!(tally.view().total, 102, "what was counted stays counted");
    tally.fold(at(3_602), &increments(&[("a", 150)], 0), nobody);
    assert_eq!(calls(&tally, "a"), Some(150), "who returns starts anew");
}

#[test]
fn labels_are_there_once() {
    let mut tally = Tally::new(at(0));
    let alike = [Command::new(b"a\x01"), Command::new(b"a\x02"), Command::new(b"other")];
    let processes = alike.map(|command| (command, 100)).to_vec();
    let detail = Some(Detail { processes, calls: vec![(None, 5), (Some(60_000), 6)] });
    tally.fold(at(1), &Increments { total: 300, detail }, nobody);
    let view = tally.view();
    let names: Vec<_> = view.processes.iter().flatten().map(|process| &*process.name).collect();
    assert_eq!(names, ["a\u{fffd}", "other"]);
    assert_eq!((calls(&tally, "a\u{fffd}"), calls(&tally, "other")), (Some(200), Some(100)));
    assert_eq!(view.calls, Some(vec![("other", 11)]));
}

#[test]
fn calls_have_the_names_of_the_kernels_table() {
    let mut tally = Tally::new(at(0));
    let number = u16::try_from(libc::SYS_getppid).unwrap();
    let detail = Some(Detail { processes: vec![], calls: vec![(Some(number), 3)] });
    for _ in 0..2 {
        tally.fold(at(1), &Increments { total: 3, detail: detail.clone() }, nobody);
    }
    assert_eq!(tally.view().calls, Some(vec![("getppid", 6)]));
}

#[test]
fn rates_are_over_whole_windows_of_their_real_length() {
    let mut tally = Tally::new(at(0));
    tally.fold(at(1), &increments(&[("a", 100)], 0), nobody);
    assert_eq!(tally.view().per_second, None);
    tally.close_window(at(20));
    let rate = |tally: &Tally, name: &str| {
        let view = tally.view();
        let mut all = view.processes.into_iter().flatten();
        all.find(|process| &*process.name == name).and_then(|process| process.per_second)
    };
    assert_eq!(tally.view().per_second, Some(5.0));
    assert_eq!((rate(&tally, "a"), rate(&tally, "other")), (None, Some(0.0)));
    tally.fold(at(25), &increments(&[("a", 30)], 0), nobody);
    tally.close_window(at(30));
    assert_eq!(rate(&tally, "a"), Some(3.0));
    tally.fold(at(31), &increments(&[("a", 999)], 0), nobody);
    assert_eq!(rate(&tally, "a"), Some(3.0), "a window that is not over says nothing");
}

#[test]
fn a_backend_that_knows_the_total_only_claims_no_more() {
    let mut tally = Tally::new(at(0));
    tally.fold(at(1), &Increments { total: 9, detail: None }, nobody);
    let view = tally.view();
    assert_eq!((view.total, view.processes, view.calls), (9, None, None));
}

proptest! {
    #[test]
    fn the_sum_is_the_total_and_no_counter_falls(
        folds in prop::collection::vec(
            (0_u64..2_000, prop::collection::vec((0_u8..90, 1_u64..300), 0..90), 0_u64..50),
            1..40,
        ),
    ) {
        let mut tally = Tally::new(at(0));
        let (mut now, mut vanished) = (0, 0);
        let mut before: BTreeMap<Box<str>, u64> = BTreeMap::new();
        let mut last: BTreeMap<Box<str>, u64> = BTreeMap::new();
        for (pause, processes, nobodys) in folds {
            now += pause;
            let named: BTreeMap<u8, u64> = processes.into_iter().collect();
            let names: Vec<_> = named.iter().map(|(n, c)| (format!("p{n}"), *c)).collect();
            let names: Vec<_> = names.iter().map(|(name, c)| (name.as_str(), *c)).collect();
            tally.fold(at(now), &increments(&names, nobodys), |c| &*c.label() == "p3");
            let view = tally.view();
            let after: BTreeMap<Box<str>, u64> =
                view.processes.iter().flatten().map(|p| (p.name.clone(), p.calls)).collect();
            prop_assert_eq!(after.len(), view.processes.as_ref().unwrap().len());
            prop_assert!(after.len() <= PLACES + 1);
            // A name silent for an hour is gone before this fold's calls are counted.
            before.retain(|name, calls| {
                let is_kept = &**name == "other" || now - last[name] < 3_600;
                vanished += if is_kept { 0 } else { *calls };
                is_kept
            });
            for (name, calls) in &before {
                prop_assert!(after.get(name) >= Some(calls), "{} fell", name);
            }
            for (name, _) in names {
                last.insert(name.into(), now);
            }
            prop_assert_eq!(sum(&view) + vanished, view.total);
            before = after;
            if now % 3 == 0 {
                tally.close_window(at(now));
            }
        }
    }
}
