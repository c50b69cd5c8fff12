//! Real responders get no false violations: five of other people's mDNS stacks announce, browse,
//! restart and fight over a name on one bridge of namespaces. Any hard rule that they are found to
//! break is in the table of `stacks/verdicts.rs`, and docs/conformance.md shows the packets. What
//! avahi's reflector repeats counts against no device behind it.

mod e2e;
#[path = "stacks/mod.rs"]
mod stacks;

use e2e::Exporter;
use e2e::netns::NetNs;
use e2e::support::lan::{Lan, Member};
use multicast_exporter::detect::{Hardness, Rule};
use stacks::verdicts::{
    VERDICTS, ailing, allowed, devices, hard, mac, name_by_mac, not_as_written, print,
};
use stacks::{Capture, Peer, Stack, pause};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Those that are on every machine that the tests are run on.
const FIVE: [Stack; 5] =
    [Stack::Avahi, Stack::Resolved, Stack::Zeroconf, Stack::Bonjour, Stack::MdnsSd];

#[test]
#[ignore = "root: make test"]
fn stacks_are_blamed_for_what_they_do_and_nothing_else() {
    stacks::require();
    let lan = Lan::new(16);
    let (watcher, hosts) = lan.hosts.split_last().expect("sixteen");
    let three: Vec<&[Member]> = hosts.chunks(3).collect();
    let each = || FIVE.into_iter().zip(&three);
    for (stack, hosts) in each() {
        for (number, host) in (1..).zip(*hosts) {
            name_by_mac(&host.namespace, stack, number);
        }
    }
    let exporter = Exporter::start(&watcher.namespace, &[]);
    exporter.wait_up("eth0", true);
    let capture = Capture::start(&lan.switch, "five");
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
        let others = FIVE.into_iter().filter(|stack| {
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
    assert_eq!(ailing(&judged), [""; 0], "nobody storms");
    let five = || VERDICTS.iter().filter(|verdict| FIVE.contains(&verdict.stack));
    let wrong: Vec<String> = five().filter_map(|row| not_as_written(&judged, row)).collect();
    assert!(wrong.is_empty(), "not what docs/conformance.md says:\n{}", wrong.join("\n"));

    // Live, nothing more counts against any device.
    let body = exporter.scrape();
    for verdict in five() {
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
    let near_side = Capture::start(&near.switch, "near");
    let far_side = Capture::start(&far.switch, "far");
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
        assert_eq!(ailing(judged), [""; 0], "nobody storms");
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
