//! Tests of what is said of storms and rates, with frames made by hand that go through a pipeline.

use super::super::heard::tests::facts;
use super::super::summary::tests::{Ear, us};
use super::*;
use crate::commands::finding::flat;
use crate::craft::{Host, Query, Udp, tagged};
use crate::frame::Tag;
use crate::interfaces::Surroundings;
use crate::pipeline::usual_policy;
use std::time::Duration;

/// `frames` a second by each of `hosts` in each of these seconds.
fn heard(hosts: &[Host], frames: usize, seconds: std::ops::Range<u64>) -> Ear {
    let mut ear = Ear::new(Surroundings::default());
    for second in seconds {
        for host in hosts {
            let question = host.mdns4(Query::browse("_ipp._tcp").bytes());
            ear.hear_at(second, &vec![question; frames]);
        }
    }
    ear
}

fn found(ear: &mut Ear, listened: u64) -> Vec<Finding> {
    let facts = facts(Duration::from_secs(listened));
    findings(&facts, &ear.views(), &usual_policy())
}

#[test]
fn a_storm_is_a_problem_with_its_rate_its_device_and_its_cause() {
    let found = found(&mut heard(&[Host::numbered(7)], 200, 1..15), 15);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].level, Level::Problem);
    let text = flat(&found);
    for part in [
        "00:00:5e:00:00:07",
        "repeats the same question: up to 200 packets a second of mdns (cause query_flood)",
        "$ sudo tcpdump -n -i eth0 ether src",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("stopped"), "{text}");
}

#[test]
fn a_storm_that_is_over_is_one_all_the_same() {
    let mut ear = heard(&[Host::numbered(7)], 200, 1..15);
    ear.hear_at(60, &[Host::numbered(8).arp_announcement()]);
    let found = found(&mut ear, 60);
    assert_eq!((found.len(), found[0].level), (1, Level::Problem), "{found:?}");
    assert!(found[0].text.ends_with("; it has stopped since"), "{found:?}");
}

#[test]
fn two_hundred_a_second_are_a_problem_however_short_the_listening() {
    for seconds in 1..=5 {
        let found = found(&mut heard(&[Host::numbered(7)], 200, 0..seconds), seconds);
        assert_eq!((found.len(), found[0].level), (1, Level::Problem), "{found:?}");
        // 500 in whole seconds are a storm.
        let rate = if seconds > 3 { "up to 200 packets a second" } else { "sends 200 packets" };
        assert!(found[0].text.contains(rate), "{found:?}");
    }
}

#[test]
fn a_flood_that_has_just_begun_is_told_though_listening_was_long() {
    let mut ear = heard(&[Host::numbered(7)], 60, 55..60);
    ear.hear_at(60, &[Host::numbered(8).arp_announcement()]);
    assert!(is_rising(&ear.views(), &usual_policy()), "a cause is a few seconds away");
    let found = found(&mut ear, 60);
    assert_eq!((found.len(), found[0].level), (1, Level::Problem), "{found:?}");
    assert!(found[0].text.contains("sends 60 packets a second of mdns; the limit is 50"));
    // Once there is a storm nothing is waited for, nor when it is over.
    let mut ear = heard(&[Host::numbered(7)], 200, 1..15);
    assert!(!is_rising(&ear.views(), &usual_policy()));
    let mut ear = heard(&[Host::numbered(7)], 60, 1..5);
    ear.hear_at(30, &[Host::numbered(8).arp_announcement()]);
    assert!(!is_rising(&ear.views(), &usual_policy()));
}

#[test]
fn many_that_send_little_each_are_a_problem_together() {
    let hosts: Vec<Host> = (7..27).map(Host::numbered).collect();
    for (frames, level) in [(10, Some(Level::Problem)), (9, None)] {
        let mut ear = heard(&hosts, frames, 1..12);
        ear.hear_at(12, &[Host::numbered(7).arp_announcement()]);
        let found = found(&mut ear, 12);
        assert_eq!(found.first().map(|finding| finding.level), level, "{found:?}");
    }
}

#[test]
fn a_stream_beside_a_flood_does_not_give_it_its_name() {
    let host = Host::numbered(7);
    let mut ear = Ear::new(Surroundings::default());
    let question = host.mdns4(Query::browse("_ipp._tcp").bytes());
    let stream = host.udp4([239, 1, 2, 3].into(), 1, &Udp::new(5_004, 5_004, [0; 100]));
    for second in 0..2 {
        ear.hear_at(second, &vec![question.clone(); 100]);
        ear.hear_at(second, &vec![stream.clone(); 300]);
    }
    let text = flat(&found(&mut ear, 2));
    assert!(text.contains("sends 100 packets a second of mdns"), "{text}");
}

#[test]
fn a_burst_is_a_hint_and_a_few_frames_are_nothing() {
    for (frames, level) in [(199, Level::Hint), (200, Level::Problem)] {
        let burst = found(&mut heard(&[Host::numbered(7)], frames, 0..1), 60);
        assert_eq!((burst.len(), burst[0].level), (1, level), "{burst:?}");
        let text = format!("sent {frames} packets in one second, mostly mdns");
        assert!(burst[0].text.contains(&text), "{burst:?}");
    }
    assert_eq!(found(&mut heard(&[Host::numbered(7)], 10, 0..10), 10), []);
    assert_eq!(found(&mut Ear::new(Surroundings::default()), 10), []);
}

#[test]
fn a_storm_of_this_machine_says_so_and_one_in_a_vlan_says_where() {
    let text = flat(&found(&mut heard(&[us()], 200, 1..15), 15));
    assert!(text.contains("(this machine"), "{text}");
    let mut ear = Ear::new(Surroundings::default());
    let question = Host::numbered(7).mdns4(Query::browse("_ipp._tcp").bytes());
    let question = tagged(&question, Tag { tpid: 0x8100, tci: 20 });
    for second in 1..15 {
        ear.hear_at(second, &vec![question.clone(); 200]);
    }
    let text = flat(&found(&mut ear, 15));
    assert!(text.contains(" on eth0.20 repeats the same question"), "{text}");
}

#[test]
fn many_floods_are_not_all_told() {
    let hosts: Vec<Host> = (7..20).map(Host::numbered).collect();
    let found = found(&mut heard(&hosts, 60, 0..1), 1);
    assert_eq!(found.len(), SHOWN + 1);
    assert_eq!(found[SHOWN].level, Level::Problem);
    assert_eq!(found[SHOWN].text, "and 5 more floods like these");
}
