//! Each two of the third-party mDNS stacks on a bridge of their own, which takes a quarter of an hour:
//! `make stacks` runs it, `make test` does not. As neighbours both announce a service of their own and
//! browse; as rivals both want one name. Which hard rules that breaks is in the table of
//! `stacks/verdicts.rs`; which rivals never settle it, and so have the condition `name_conflict`, is in
//! tables here.

mod e2e;
#[path = "stacks/mod.rs"]
mod stacks;

use e2e::support::lan::Lan;
use serde_json::Value;
use stacks::Stack::{Bonjour, Brutella, Ciao, Grandcat, Libmdns, MdnsSd, Zeroconf};
use stacks::verdicts::{
    ailing, allowed, conditions, devices, hard, mac, name_by_mac, print, verdict,
};
use stacks::{Capture, Peer, Stack, pause};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many bridges are at work at a time: a machine of two processors does that.
const AT_A_TIME: u8 = 11;

/// Who has a name, and who comes and wants it.
type Pair = (Stack, Stack);

/// The pairs of which neither gives in, and which answer in turns as often as they are asked: libmdns
/// never asks whether a name is free.
const NEVER_SETTLED: [Pair; 7] = [
    (Zeroconf, Libmdns),
    (Bonjour, Libmdns),
    (MdnsSd, Libmdns),
    (Grandcat, Libmdns),
    (Libmdns, Libmdns),
    (Libmdns, Grandcat),
    (Libmdns, Brutella),
];
/// Those that answer in turns too seldom, in some runs, to be told within the time of a run. grandcat
/// does not listen whether a name is free, and brutella not to what it is told by unicast.
const SELDOM_HEARD: [Pair; 12] = [
    (Zeroconf, Brutella),
    (Zeroconf, Grandcat),
    (Bonjour, Grandcat),
    (Bonjour, Brutella),
    (MdnsSd, Brutella),
    (MdnsSd, Grandcat),
    (Grandcat, Grandcat),
    (Grandcat, Zeroconf),
    (Grandcat, MdnsSd),
    (Grandcat, Brutella),
    (Grandcat, Ciao),
    (Ciao, Grandcat),
];

/// What the program judges of a pair.
struct Run {
    pair: Pair,
    judged: Value,
}

/// Runs each pair, several at a time, on a subnet of its own.
fn each(pairs: &[Pair], run: impl Fn(u8, Pair) -> Value + Sync) -> Vec<Run> {
    let (todo, done) = (Mutex::new(pairs.iter()), Mutex::new(Vec::new()));
    let next = || todo.lock().unwrap_or_else(PoisonError::into_inner).next().copied();
    let work = |subnet| {
        while let Some(pair) = next() {
            let judged = run(subnet, pair);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(Run { pair, judged });
        }
    };
    thread::scope(|scope| {
        for place in 0..AT_A_TIME {
            scope.spawn(move || work(60 + place));
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Two hosts, and a third that browses.
fn lan(subnet: u8, (one, other): Pair) -> Lan {
    let lan = Lan::numbered(subnet, 3);
    for ((number, host), kind) in (1..).zip(&lan.hosts).zip([one, other, MdnsSd]) {
        name_by_mac(&host.namespace, kind, number);
    }
    lan
}

fn neighbours(subnet: u8, (one, other): Pair) -> Value {
    let lan = lan(subnet, (one, other));
    let name = format!("{}-beside-{}", one.label(), other.label());
    let capture = Capture::start(&lan.switch, &name);
    // Till then silence proves nothing.
    pause(3);
    let first = Peer::announce(one, &lan.hosts[0], one.label());
    let second = Peer::announce(other, &lan.hosts[1], other.label());
    pause(7);
    let browser = Peer::browse(MdnsSd, &lan.hosts[2]);
    pause(9);
    [first, second, browser].into_iter().for_each(Peer::end);
    pause(1);
    capture.analyze()
}

fn rivals(subnet: u8, (one, other): Pair) -> Value {
    let lan = lan(subnet, (one, other));
    let name = format!("{}-against-{}", one.label(), other.label());
    let capture = Capture::start(&lan.switch, &name);
    pause(3);
    let first = Peer::announce_from(one, &lan.hosts[0], "wanted", "first");
    pause(6);
    let second = Peer::announce_from(other, &lan.hosts[1], "wanted", "second");
    pause(5);
    // Asked for longer than it takes to settle it.
    for _ in 0..3 {
        let browser = Peer::browse(MdnsSd, &lan.hosts[2]);
        pause(10);
        browser.end();
    }
    [first, second].into_iter().for_each(Peer::end);
    pause(1);
    capture.analyze()
}

/// The hard rules that a host broke and its stack is not known to break.
fn unknown((one, other): Pair, judged: &Value) -> Vec<String> {
    let hosts = [(one, 1), (other, 2), (MdnsSd, 3)];
    let broken = hosts.into_iter().flat_map(|(stack, number)| {
        let host = devices(judged).find(|device| device["device"] == mac(stack, number));
        let known = allowed(verdict(stack));
        let hard = host.map(hard).unwrap_or_default();
        hard.into_iter().filter(move |rule| !known.contains(rule)).map(move |rule| (stack, rule))
    });
    broken.map(|(stack, rule)| format!("{one:?} {other:?}: {stack:?} breaks {rule}")).collect()
}

#[test]
fn neighbours_are_blamed_for_what_they_do_and_nothing_else() {
    let all = stacks::available();
    let of = |(place, one): (usize, &Stack)| {
        all[place + 1..].iter().map(|other| (*one, *other)).collect()
    };
    let pairs: Vec<Pair> = all.iter().enumerate().flat_map(|at| -> Vec<Pair> { of(at) }).collect();
    let mut wrong = Vec::new();
    for Run { pair, judged } in each(&pairs, neighbours) {
        println!("{pair:?}");
        print(&judged);
        wrong.extend(unknown(pair, &judged));
        wrong.extend(ailing(&judged).into_iter().map(|what| format!("{pair:?}: {what}")));
    }
    assert!(wrong.is_empty(), "not what docs/conformance.md says:\n{}", wrong.join("\n"));
}

#[test]
fn rivals_that_settle_it_have_no_condition() {
    let mut all = stacks::available();
    // It knows no services.
    all.retain(|stack| *stack != Stack::Pion);
    let pairs: Vec<Pair> =
        all.iter().flat_map(|one| all.iter().map(move |other| (*one, *other))).collect();
    let mut wrong = Vec::new();
    for Run { pair, judged } in each(&pairs, rivals) {
        println!("{pair:?}");
        print(&judged);
        wrong.extend(unknown(pair, &judged));
        if judged["storms"] != Value::Array(vec![]) {
            wrong.push(format!("{pair:?}: {}", judged["storms"]));
        }
        let ill = devices(&judged).map(|device| (device, conditions(device)));
        let ill = ill.filter(|(_, conditions)| !conditions.is_empty());
        let ill: BTreeSet<String> =
            ill.map(|(device, c)| format!("{} {c:?}", device["device"])).collect();
        let in_conflict =
            |(stack, number)| format!("{:?} {{\"name_conflict\"}}", mac(stack, number));
        let both = BTreeSet::from([(pair.0, 1), (pair.1, 2)].map(in_conflict));
        // The one that spoke last is told first.
        let is_right = if NEVER_SETTLED.contains(&pair) {
            !ill.is_empty() && ill.is_subset(&both)
        } else {
            ill.is_empty() || SELDOM_HEARD.contains(&pair) && ill.is_subset(&both)
        };
        if !is_right {
            wrong.push(format!("{pair:?}: {ill:?}"));
        }
    }
    assert!(wrong.is_empty(), "not what docs/conformance.md says:\n{}", wrong.join("\n"));
}
