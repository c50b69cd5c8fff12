//! The scenarios themselves, before any verdict: their names, their neighbours, and that each
//! floods or stays under the limit as it says. The verdicts on them are in `verdicts.rs`.

use crate::scenarios::{FAULT, START, all, named};
use multicast_exporter::mac::Mac;
use multicast_exporter::time::Stamp;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn names_are_distinct_and_each_fault_has_a_harmless_neighbour() {
    let names: BTreeSet<&str> = all().iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), all().len());
    for scenario in all() {
        let neighbour = match scenario.expected.broken {
            Some((_, rule)) => format!("{rule}_kept"),
            None => match scenario.expected.storms {
                [(_, _, cause), ..] if *cause == scenario.name => format!("{cause}_harmless"),
                _ => continue,
            },
        };
        assert!(named(&neighbour).is_some(), "{} without {neighbour}", scenario.name);
    }
    assert!(named("no such scenario").is_none());
}

#[test]
fn they_are_the_same_for_the_same_seed() {
    for name in ["reflection", "query_flood_harmless", "fragmented", "wsd_repeat"] {
        let scenario = named(name).expect("there is one");
        let frames = scenario.frames(1);
        assert!(frames == scenario.frames(1), "{name}");
        assert!(frames != scenario.frames(2), "{name}");
    }
}

#[test]
fn time_goes_on_and_floods_are_over_the_limit_and_harmless_ones_under_it() {
    for scenario in all() {
        // The printer that locks up has a beginning of its own.
        let fault = if scenario.name == "stuck_printer" { 5 * FAULT } else { FAULT };
        let from = Stamp(START.0 + i128::try_from(fault.as_nanos()).expect("minutes"));
        let until = Stamp(from.0 + 10_000_000_000);
        let frames = scenario.frames(1);
        assert!(frames.is_sorted_by_key(|frame| frame.stamp), "{}", scenario.name);
        assert!(frames.len() > 300, "{}", scenario.name);
        let mut counts = BTreeMap::<Mac, usize>::new();
        for frame in frames {
            if frame.stamp >= from && frame.stamp < until && frame.bytes[12..14] != [8, 6] {
                let source = frame.bytes[6..12].try_into().expect("six octets");
                *counts.entry(Mac(source)).or_default() += 1;
            }
        }
        counts.retain(|_, count| *count >= 500);
        let mut flooding: BTreeSet<Mac> = counts.into_keys().collect();
        // Streams and requests for addresses are of classes of their own.
        let apart = ["stream", "stream_harmless", "address_repeat", "address_scan", "l2_loop_arp"];
        if apart.contains(&scenario.name) {
            flooding = scenario.expected.storms.iter().map(|(mac, ..)| *mac).collect();
        }
        // Who answers a flood sends as much.
        let storms = scenario.expected.storms.iter().filter(|(_, level, cause)| {
            let answers = ["answering", "reflection_relay"].contains(&scenario.name);
            *level == "storm" || (*cause == "answering" && answers)
        });
        let expected: BTreeSet<Mac> = storms.map(|(mac, ..)| *mac).collect();
        assert_eq!(flooding, expected, "{}", scenario.name);
    }
}
