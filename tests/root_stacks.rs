//! Real responders get no false violations: other people's mDNS stacks announce, browse, restart
//! and fight over a name on a bridge of namespaces. Any hard rule that they are found to break is
//! in a table here, and docs/conformance.md shows the packets. What avahi's reflector repeats
//! counts against no device behind it.

mod e2e;
#[path = "stacks/mod.rs"]
mod stacks;

use e2e::Exporter;
use e2e::netns::NetNs;
use e2e::support::lan::{Lan, Member};
use multicast_exporter::detect::{Hardness, Rule};
use serde_json::Value;
use stacks::{Capture, Peer, Stack};
use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The hard rules that each stack breaks, checked by hand against RFC 6762: docs/conformance.md
/// has the packets. `always` are broken in every run, the others depend on who asks when.
struct Verdict {
    stack: Stack,
    always: &'static [&'static str],
    at_times: &'static [&'static str],
}

const VERDICTS: [Verdict; 5] = [
    Verdict { stack: Stack::Avahi, always: &["record_interval"], at_times: &[] },
    Verdict { stack: Stack::Resolved, always: &["header_bits"], at_times: &["record_interval"] },
    Verdict { stack: Stack::Zeroconf, always: &["header_bits", "record_interval"], at_times: &[] },
    Verdict {
        stack: Stack::Bonjour,
        always: &["cache_flush_unique"],
        at_times: &["record_interval"],
    },
    Verdict { stack: Stack::MdnsSd, always: &["record_interval"], at_times: &["query_interval"] },
];

fn pause(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

/// The MAC of a stack's host.
fn mac(stack: Stack, number: u8) -> String {
    format!("02:53:00:00:{:02x}:{number:02x}", stack as u8)
}

/// Gives a host that MAC.
fn name_by_mac(host: &NetNs, stack: Stack, number: u8) {
    host.ip(&["link", "set", "eth0", "address", &mac(stack, number)]);
}

fn devices(judged: &Value) -> impl Iterator<Item = &Value> {
    judged["devices"].as_array().expect("a list").iter()
}

/// The hard rules that a device is said to have broken.
fn hard(device: &Value) -> BTreeSet<&'static str> {
    let broken = device["violations"].as_object().expect("an object");
    let hard = Rule::ALL.iter().filter(|rule| rule.hardness() == Hardness::Hard);
    let counted = hard.filter(|rule| broken.get(rule.id()).is_some_and(|count| *count != 0));
    counted.map(|rule| rule.id()).collect()
}

/// What a stack's hosts, told by their MAC, are said to have broken.
fn hard_of(judged: &Value, stack: Stack) -> BTreeSet<&'static str> {
    let hosts = devices(judged).filter(|device| {
        let mac_of = |number| device["device"] == mac(stack, number);
        (1..=9).any(mac_of)
    });
    hosts.flat_map(hard).collect()
}

fn allowed(verdict: &Verdict) -> BTreeSet<&'static str> {
    verdict.always.iter().chain(verdict.at_times).copied().collect()
}

/// Counts for a reader of the log: docs/conformance.md has them from here.
fn print(judged: &Value) {
    for device in devices(judged) {
        println!("{} {} {}", device["device"], device["name"], device["violations"]);
    }
}

#[test]
#[ignore = "root: make test"]
fn stacks_are_blamed_for_what_they_do_and_nothing_else() {
    stacks::require();
    let lan = Lan::new(16);
    let (watcher, hosts) = lan.hosts.split_last().expect("sixteen");
    let three: Vec<&[Member]> = hosts.chunks(3).collect();
    let each = || Stack::ALL.into_iter().zip(&three);
    for (stack, hosts) in each() {
        for (number, host) in (1..).zip(*hosts) {
            name_by_mac(&host.namespace, stack, number);
        }
    }
    let exporter = Exporter::start(&watcher.namespace, &[]);
    exporter.wait_up("eth0", true);
    let capture = Capture::start(&lan.switch, "br0");
    // Till then silence proves nothing.
    pause(3);

    let announce = |of: usize| -> Vec<Peer> {
        each().map(|(stack, hosts)| Peer::announce(stack, &hosts[of], stack.label())).collect()
    };
    let first = announce(0);
    pause(8);
    let browsers: Vec<Peer> = each().map(|(stack, hosts)| Peer::browse(stack, &hosts[1])).collect();
    pause(9);
    for browser in &browsers {
        let found = browser.log();
        let others = Stack::ALL.into_iter().filter(|stack| {
            let name = stack.label();
            found.lines().any(|line| line.starts_with("found ") && line.contains(name))
        });
        let count = others.count();
        assert!(count >= 3, "{:?} found {count} of five:\n{found}", browser.stack);
    }
    // Restarted, with a goodbye; then another host wants the same name.
    first.into_iter().for_each(Peer::end);
    pause(2);
    let first = announce(0);
    pause(7);
    let second = announce(2);
    pause(10);
    first.into_iter().chain(second).chain(browsers).for_each(Peer::end);
    pause(1);

    let judged = capture.analyze();
    print(&judged);
    assert_eq!(judged["storms"], Value::Array(Vec::new()), "nobody storms");
    let mut wrong = Vec::new();
    for verdict in &VERDICTS {
        let is = hard_of(&judged, verdict.stack);
        let always: BTreeSet<_> = verdict.always.iter().copied().collect();
        if !is.is_subset(&allowed(verdict)) || !is.is_superset(&always) {
            wrong.push(format!("{:?}: {is:?}", verdict.stack));
        }
    }
    assert!(wrong.is_empty(), "not what docs/conformance.md says:\n{}", wrong.join("\n"));

    // Live, nothing more counts against any device.
    let body = exporter.scrape();
    for verdict in &VERDICTS {
        for number in 1..=3 {
            let device = mac(verdict.stack, number);
            for rule in Rule::ALL.iter().filter(|rule| rule.hardness() == Hardness::Hard) {
                let labels =
                    [("interface", "eth0"), ("device", device.as_str()), ("rule", rule.id())];
                let count = body.value("mdns_device_violations_total", &labels).unwrap_or(0.0);
                let known = allowed(verdict).contains(rule.id());
                assert!(known || count < 0.5, "live, {:?}: {}", verdict.stack, rule.id());
            }
        }
    }
}

/// The verdicts and the document that explains them name the same.
#[test]
fn verdicts_are_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let document = fs::read_to_string(path).expect("it is there");
    for verdict in &VERDICTS {
        for rule in allowed(verdict) {
            let heading = format!("### {}: {rule}\n", verdict.stack.label());
            assert!(document.contains(&heading), "no evidence: {heading}");
        }
    }
    let headings = document.lines().filter(|line| line.starts_with("### ")).count();
    assert_eq!(headings, VERDICTS.iter().map(|verdict| allowed(verdict).len()).sum::<usize>());
}

#[test]
#[ignore = "root: make test"]
fn avahis_reflector_is_a_relay_and_those_behind_it_are_clean() {
    stacks::require();
    let near = Lan::numbered(53, 2);
    let far = Lan::numbered(54, 4);
    let reflector = NetNs::new();
    near.plug(&reflector, "eth0", Ipv4Addr::new(10, 53, 0, 100));
    far.plug(&reflector, "eth1", Ipv4Addr::new(10, 54, 0, 100));
    reflector.ip(&["link", "set", "eth0", "address", "02:53:00:00:ff:01"]);
    reflector.ip(&["link", "set", "eth1", "address", "02:53:00:00:ff:02"]);
    let near_side = Capture::start(&near.switch, "br0");
    let far_side = Capture::start(&far.switch, "br0");
    pause(3);

    let relay = Peer::reflect(&reflector);
    let kinds = [Stack::Avahi, Stack::Resolved, Stack::Zeroconf, Stack::MdnsSd];
    let mut peers = vec![];
    for (stack, host) in kinds.into_iter().zip(&far.hosts) {
        name_by_mac(&host.namespace, stack, 1);
        peers.push(Peer::announce(stack, host, stack.label()));
    }
    for (stack, host) in [Stack::Zeroconf, Stack::MdnsSd].into_iter().zip(&near.hosts) {
        name_by_mac(&host.namespace, stack, 2);
    }
    pause(8);
    let browsers = [Stack::Zeroconf, Stack::MdnsSd].into_iter().zip(&near.hosts);
    let browsers: Vec<Peer> = browsers.map(|(stack, host)| Peer::browse(stack, host)).collect();
    pause(10);
    let found = browsers[0].log();
    assert!(found.matches("10.54.0.").count() >= 3, "nothing is reflected: {found}");
    peers.into_iter().chain(browsers).chain([relay]).for_each(Peer::end);
    pause(1);

    let (near, far) = (near_side.analyze(), far_side.analyze());
    print(&near);
    print(&far);
    for judged in [&near, &far] {
        assert_eq!(judged["storms"], Value::Array(Vec::new()), "nobody storms");
    }
    let on_near = devices(&near).find(|device| device["device"] == "02:53:00:00:ff:01");
    let on_near = on_near.expect("it reflects");
    assert_eq!(on_near["category"], "relay", "{on_near}");
    assert_eq!(hard(on_near), BTreeSet::new(), "{on_near}");
    for device in devices(&near).chain(devices(&far)) {
        let stack = Stack::ALL
            .into_iter()
            .find(|stack| (1..=2).any(|number| device["device"] == mac(*stack, number)));
        let verdict = VERDICTS.iter().find(|verdict| Some(verdict.stack) == stack);
        let mut own = verdict.map(allowed).unwrap_or_default();
        if device["device"] == "02:53:00:00:ff:02" {
            // It repeats the questions of two hosts, and is one.
            own.insert("query_interval");
        }
        assert!(hard(device).is_subset(&own), "{device}");
    }
}
