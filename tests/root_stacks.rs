//! Real responders are not slandered: other people's mDNS stacks announce, browse, restart and
//! fight over a name on a bridge of namespaces, and whatever rule they are said to break is in a
//! table here, with the packets that show it in docs/conformance.md.

mod e2e;
#[path = "stacks/mod.rs"]
mod stacks;

use e2e::Exporter;
use e2e::netns::NetNs;
use e2e::support::lan::{Lan, Member};
use stacks::{Capture, Peer, Stack};
use std::thread;
use std::time::Duration;

fn pause(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

/// A MAC that tells the stack and the host: 02:53:00:00:STACK:NUMBER.
fn name_by_mac(host: &NetNs, stack: Stack, number: u8) -> String {
    let mac = format!("02:53:00:00:{:02x}:{number:02x}", stack as u8);
    host.ip(&["link", "set", "eth0", "address", &mac]);
    mac
}

#[test]
#[ignore = "root: make test"]
fn stacks_are_blamed_for_what_they_do_and_nothing_else() {
    stacks::require();
    let lan = Lan::new(16);
    let (watcher, hosts) = lan.hosts.split_last().expect("sixteen");
    let three: Vec<&[Member]> = hosts.chunks(3).collect();
    for (stack, hosts) in Stack::ALL.into_iter().zip(&three) {
        for (number, host) in (1..).zip(*hosts) {
            name_by_mac(&host.namespace, stack, number);
        }
    }
    // The bridge's port learns the new addresses' link-locals meanwhile.
    let exporter = Exporter::start(&watcher.namespace, &[]);
    exporter.wait_up("eth0", true);
    let capture = Capture::start(&lan.switch, "br0");
    pause(3);

    let each = || Stack::ALL.into_iter().zip(&three);
    let announce = |of: usize| {
        each().map(|(stack, hosts)| Peer::announce(stack, &hosts[of], stack.label())).collect()
    };
    let first: Vec<Peer> = announce(0);
    pause(8);
    let browsers: Vec<Peer> = each().map(|(stack, hosts)| Peer::browse(stack, &hosts[1])).collect();
    pause(9);
    for browser in &browsers {
        eprintln!("{} found:\n{}", browser.stack.label(), browser.log());
    }
    first.into_iter().for_each(Peer::end);
    pause(2);
    let first: Vec<Peer> = announce(0);
    pause(7);
    // Another host wants the same name.
    let second: Vec<Peer> = announce(2);
    pause(10);
    for peer in first.into_iter().chain(second).chain(browsers) {
        eprintln!("--- {}:\n{}", peer.stack.label(), peer.log());
        peer.end();
    }
    pause(1);
    let judged = capture.analyze();
    println!("{}", serde_json::to_string_pretty(&judged).unwrap());
}
