//! A loop in the switches, as somebody makes who plugs in one cable too many: three bridges in a
//! ring, spanning tree off, with a real avahi and ping behind them. Whoever sends is innocent, so
//! that nobody is accused; the same hosts on the same bridges without the last cable are no loop.
//!
//! The ring carries 2 Mbit/s, so that the machine under it stays usable, and is opened again by a
//! guard, also when a test fails.

mod e2e;

use e2e::exposition::Body;
use e2e::netns::NetNs;
use e2e::support::lan::{Lan, Member};
use e2e::support::process::is_within;
use e2e::{Exporter, Process, avahi, command_in, require};
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

/// Three bridges with hosts at the first. The last link of the ring is down.
struct Ring {
    lan: Lan,
}

/// The ring while it is closed. It is opened when this goes.
struct Closed<'r>(&'r NetNs);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.ip(&["link", "set", "last1", "down"]);
    }
}

impl Ring {
    fn new(hosts: u8) -> Self {
        require(&["tc", "ping"]);
        let lan = Lan::new(hosts);
        let switch = &lan.switch;
        for bridge in ["br1", "br2"] {
            let no_snooping = ["mcast_snooping", "0", "stp_state", "0"];
            switch.ip(&[&["link", "add", bridge, "type", "bridge"], &no_snooping[..]].concat());
            switch.ip(&["link", "set", bridge, "up"]);
        }
        for (link, [one, other]) in
            [("one", ["br0", "br1"]), ("two", ["br1", "br2"]), ("last", ["br2", "br0"])]
        {
            let ends = [(format!("{link}1"), one), (format!("{link}2"), other)];
            switch.ip(&["link", "add", &ends[0].0, "type", "veth", "peer", "name", &ends[1].0]);
            for (end, bridge) in &ends {
                let slow = ["root", "tbf", "rate", "2mbit", "burst", "4kb", "limit", "8kb"];
                run(switch, "tc", &[&["qdisc", "add", "dev", end], &slow[..]].concat());
                switch.ip(&["link", "set", end, "master", bridge]);
                let state = if end == "last1" { "down" } else { "up" };
                switch.ip(&["link", "set", end, state]);
            }
        }
        Self { lan }
    }

    /// Plugs in the last cable.
    fn close(&self) -> Closed<'_> {
        let closed = Closed(&self.lan.switch);
        closed.0.ip(&["link", "set", "last1", "up"]);
        closed
    }
}

/// Runs a program in a namespace to its end.
fn run(namespace: &NetNs, program: &str, arguments: &[&str]) {
    let output = command_in(namespace, program).args(arguments).output().expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
}

/// Asks for an address that nobody has, by ARP, for a second or so.
fn ask(member: &Member, last: u8) {
    let [a, b, c, _] = member.address.octets();
    let nobody = Ipv4Addr::new(a, b, c, last).to_string();
    let mut ping = command_in(&member.namespace, "ping");
    // Nobody answers, and so it fails.
    let _ = ping.args(["-c", "1", "-W", "1", &nobody]).output().expect("it starts");
}

/// avahi in a host, under a name of its own.
fn responder(member: &Member, name: &str) -> (tempfile::TempDir, Process) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let process = avahi::start_as(&member.namespace, directory.path(), "eth0", name);
    (directory, process)
}

/// The causes of the storms that last: of the segment's, and of all devices'.
fn causes(body: &Body) -> [Vec<String>; 2] {
    ["multicast_interface_storm_cause", "multicast_device_storm_cause"]
        .map(|family| body.label_values(family, "cause").into_iter().collect())
}

/// Whether everything that storms does so because of a loop.
fn is_loop(body: &Body) -> bool {
    causes(body) == [["l2_loop"], ["l2_loop"]]
}

/// Waits until there is a loop and nothing else: its storms are known after some seconds, and what
/// they began as gives way to it within 10 s.
fn wait_for_loop(exporter: &Exporter<'_>) -> Body {
    let mut body = Body::default();
    let is_told = is_within(Duration::from_mins(1), || {
        body = exporter.scrape();
        is_loop(&body)
    });
    assert!(is_told, "{:?}", causes(&body));
    body
}

#[test]
#[ignore = "root: make test"]
fn a_ring_of_bridges_is_a_loop_and_no_device_is_accused() {
    let ring = Ring::new(4);
    let [observer, first, second, third] = &ring.lan.hosts[..] else { panic!("four hosts") };
    let exporter = Exporter::start(&observer.namespace, &["--capture.interface=eth0"]);
    exporter.wait_up("eth0", true);
    let _first = responder(first, "first");
    let _second = responder(second, "second");
    thread::sleep(Duration::from_secs(5));
    let _closed = ring.close();
    // What is said from now on goes round: addresses that are asked for, and a third avahi.
    ask(first, 240);
    ask(second, 241);
    let _third = responder(third, "third");
    wait_for_loop(&exporter);
    thread::sleep(Duration::from_secs(15));
    let body = exporter.scrape();
    assert!(is_loop(&body), "{:?}", causes(&body));
}

#[test]
#[ignore = "root: make test"]
fn address_requests_of_two_hosts_that_go_round_are_a_loop() {
    let ring = Ring::new(3);
    let [observer, first, second] = &ring.lan.hosts[..] else { panic!("three hosts") };
    for host in [observer, first, second] {
        host.namespace.disable_ipv6();
    }
    let exporter = Exporter::start(&observer.namespace, &["--capture.interface=eth0"]);
    exporter.wait_up("eth0", true);
    // What its groups have to say is over when the ring is closed.
    thread::sleep(Duration::from_secs(5));
    let _closed = ring.close();
    ask(first, 240);
    ask(second, 241);
    let body = wait_for_loop(&exporter);
    let of = |protocol| {
        let labels = [("interface", "eth0"), ("protocol", protocol)];
        body.value("multicast_interface_packets_total", &labels).unwrap_or(0.0)
    };
    assert!(of("arp") > 1_000.0 && of("mdns") < 100.0, "{} ARP, {} mDNS", of("arp"), of("mdns"));
}

#[test]
#[ignore = "root: make test"]
fn the_same_hosts_without_the_last_cable_are_no_loop() {
    let ring = Ring::new(3);
    let [observer, first, second] = &ring.lan.hosts[..] else { panic!("three hosts") };
    let exporter = Exporter::start(&observer.namespace, &["--capture.interface=eth0"]);
    exporter.wait_up("eth0", true);
    let _first = responder(first, "first");
    let _second = responder(second, "second");
    for _ in 0..5 {
        ask(first, 240);
        ask(second, 241);
    }
    thread::sleep(Duration::from_secs(15));
    let body = exporter.scrape();
    assert_eq!(causes(&body), [Vec::<String>::new(), Vec::new()]);
    let labels = [("interface", "eth0"), ("protocol", "arp")];
    let arp = body.value("multicast_interface_packets_total", &labels);
    assert!(arp.is_some_and(|arp| (2.0..200.0).contains(&arp)), "{arp:?}");
    // Nor is it a mirror port.
    let copied = body.value("multicast_interface_copied_packets_total", &[("interface", "eth0")]);
    assert_eq!(copied, Some(0.0));
}
