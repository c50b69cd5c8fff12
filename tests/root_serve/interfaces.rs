//! Interfaces that go, come back, change their name or come late, under the real program: what was
//! counted stays, and only what is sent while nothing can hear it is lost.

use crate::e2e::exposition::Body;
use crate::e2e::lan::opening;
use crate::e2e::netns::NetNs;
use crate::e2e::wire::Wire;
use crate::e2e::{BINARY, Exporter, Process, command_in};
use multicast_exporter::craft::Query;
use std::thread;
use std::time::Duration;

/// Frames of one sender that were counted on an interface.
fn counted(exporter: &Exporter, interface: &str) -> f64 {
    let device = opening().host.mac.to_string();
    let labels = [("interface", interface), ("device", &*device), ("protocol", "arp")];
    exporter.scrape().value("multicast_device_packets_total", &labels).unwrap_or(0.0)
}

/// Waits until so many are counted, and a moment longer: it is exactly so many.
fn expect(exporter: &Exporter, interface: &str, count: u32) {
    crate::e2e::wait_for(&format!("{count} frames on {interface}"), || {
        counted(exporter, interface) >= f64::from(count)
    });
    thread::sleep(Duration::from_millis(200));
    assert_eq!(Some(counted(exporter, interface)), Some(f64::from(count)), "on {interface}");
}

fn send(namespace: &NetNs, interface: &str, count: u32) {
    let mut wire = Wire::open(namespace, interface);
    for _ in 0..count {
        wire.send(&opening().frame);
    }
}

fn pair() -> NetNs {
    let namespace = NetNs::new();
    namespace.veth("a0", "b0");
    namespace
}

fn remade(flags: &[&str]) {
    let namespace = pair();
    let exporter = Exporter::start(&namespace, &[&["--capture.interface=b0"], flags].concat());
    exporter.wait_up("b0", true);
    for round in 1..=3 {
        send(&namespace, "a0", 100);
        // At once: what has been heard counts, read or not.
        namespace.ip(&["link", "delete", "b0"]);
        exporter.wait_up("b0", false);
        expect(&exporter, "b0", 100 * round);
        namespace.veth("a0", "b0");
        exporter.wait_up("b0", true);
    }
    send(&namespace, "a0", 7);
    expect(&exporter, "b0", 307);
}

#[test]
#[ignore = "root: make test"]
fn a_veth_that_is_made_anew_goes_on_counting_by_ring() {
    remade(&["--capture.backend=ring"]);
}

#[test]
#[ignore = "root: make test"]
fn a_veth_that_is_made_anew_goes_on_counting_by_pnet() {
    remade(&["--capture.backend=pnet"]);
}

/// A bridge can be taken away while its ports go on hearing: that much is lost and nothing else.
#[test]
#[ignore = "root: make test"]
fn only_what_is_sent_while_the_bridge_is_away_is_lost() {
    let namespace = pair();
    let make = || {
        namespace.ip(&["link", "add", "br0", "type", "bridge"]);
        namespace.ip(&["link", "set", "b0", "master", "br0"]);
        namespace.ip(&["link", "set", "br0", "up"]);
    };
    make();
    // A bridge is captured, its ports are not, by themselves.
    let exporter = Exporter::start(&namespace, &[]);
    exporter.wait_up("br0", true);
    let captures = exporter.scrape().label_values("multicast_capture_up", "capture");
    assert_eq!(captures.into_iter().collect::<Vec<_>>(), ["br0"]);
    // A port forwards once the bridge has made up its mind.
    crate::e2e::wait_for("the port forwards", || {
        send(&namespace, "a0", 1);
        thread::sleep(Duration::from_millis(150));
        counted(&exporter, "br0") > 0.0
    });
    thread::sleep(Duration::from_millis(300));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few frames")]
    let before = counted(&exporter, "br0") as u32;

    send(&namespace, "a0", 50);
    namespace.ip(&["link", "delete", "br0"]);
    exporter.wait_up("br0", false);
    send(&namespace, "a0", 1000);
    expect(&exporter, "br0", before + 50);
    make();
    exporter.wait_up("br0", true);
    send(&namespace, "a0", 25);
    expect(&exporter, "br0", before + 75);
}

#[test]
#[ignore = "root: make test"]
fn an_interface_goes_down_and_up_and_changes_its_name() {
    let namespace = pair();
    let exporter = Exporter::start(&namespace, &["--capture.interface=b.*|lan.*"]);
    exporter.wait_up("b0", true);
    send(&namespace, "a0", 10);
    namespace.ip(&["link", "set", "b0", "down"]);
    exporter.wait_up("b0", false);
    expect(&exporter, "b0", 10);
    namespace.ip(&["link", "set", "b0", "up"]);
    exporter.wait_up("b0", true);
    send(&namespace, "a0", 10);
    expect(&exporter, "b0", 20);

    namespace.ip(&["link", "set", "b0", "down"]);
    namespace.ip(&["link", "set", "b0", "name", "lan0"]);
    namespace.ip(&["link", "set", "lan0", "up"]);
    exporter.wait_up("lan0", true);
    exporter.wait_up("b0", false);
    send(&namespace, "a0", 5);
    expect(&exporter, "lan0", 5);
    expect(&exporter, "b0", 20);
}

/// The next capture begins while the last one ends: no frame is counted by both.
#[test]
#[ignore = "root: make test"]
fn nothing_is_counted_twice_when_an_interface_is_down_for_a_moment() {
    let namespace = pair();
    namespace.ip(&["address", "add", "10.53.255.254/16", "dev", "b0"]);
    let flags = ["--capture.interface=b0", "--capture.backend=socket"];
    let exporter = Exporter::start(&namespace, &flags);
    exporter.wait_up("b0", true);
    let query = opening().host.mdns4(Query::browse("_ipp._tcp"));
    let send = || {
        let mut wire = Wire::open(&namespace, "a0");
        (0..20).for_each(|_| wire.send(&query));
    };
    let labels = [("interface", "b0"), ("protocol", "mdns")];
    let reached = |count: u32| {
        let body = exporter.scrape_until(&format!("{count} frames"), |body| {
            body.value("multicast_interface_packets_total", &labels) >= Some(count.into())
        });
        body.value("multicast_interface_packets_total", &labels)
    };
    for round in 0..10 {
        send();
        reached(40 * round + 20);
        namespace.ip(&["link", "set", "b0", "down"]);
        exporter.wait_up("b0", false);
        namespace.ip(&["link", "set", "b0", "up"]);
        exporter.wait_up("b0", true);
        send();
    }
    reached(400);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(reached(400), Some(400.0));
}

#[test]
#[ignore = "root: make test"]
fn a_name_that_matches_nothing_is_waited_for() {
    let namespace = NetNs::new();
    let mut check = command_in(&namespace, BINARY);
    check.args(["check", "--capture.interface=nosuch0", "--check.listen=0s"]);
    let mut check = Process::start(check);
    assert_eq!(check.wait().code(), Some(1));
    let said = check.log();
    assert!(said.contains("PROBLEM  --capture.interface=nosuch0 matches no interface"), "{said}");

    let exporter = Exporter::start(&namespace, &["--capture.interface=nosuch0"]);
    let log = exporter.process.log();
    let warned = |line: &str| line.contains("level=warn") && line.contains("nosuch0");
    assert!(log.lines().any(warned) && log.contains("--capture.interface"), "{log}");
    assert!(!exporter.scrape().has("multicast_capture_up"));
    namespace.veth("a0", "nosuch0");
    exporter.wait_up("nosuch0", true);
    send(&namespace, "a0", 3);
    expect(&exporter, "nosuch0", 3);
}

/// Each capture gives its socket back: more interfaces than sockets may come and go.
#[test]
#[ignore = "root: make test"]
fn seventy_interfaces_after_each_other_need_no_seventy_sockets() {
    let namespace = pair();
    let exporter = Exporter::start(&namespace, &["--capture.interface=b0"]);
    let open = |up| exporter.wait_up("b0", up).value("process_open_fds", &[]).expect("counted");
    let before = open(true);
    for _ in 0..70 {
        namespace.ip(&["link", "delete", "b0"]);
        open(false);
        namespace.veth("a0", "b0");
        open(true);
    }
    send(&namespace, "a0", 10);
    expect(&exporter, "b0", 10);
    assert!(open(true) < before + 10.0, "{before} descriptors have become {}", open(true));
}

/// What an alert links to is there while a storm lasts, and when its interface is gone.
#[test]
#[ignore = "root: make test"]
fn the_page_of_a_storm_stays_when_its_interface_is_gone() {
    let namespace = pair();
    let exporter =
        Exporter::start(&namespace, &["--capture.interface=b0", "--lan=b0=office,nosuch=x"]);
    let body = exporter.wait_up("b0", true);
    let lan = [("interface", "b0"), ("lan", "office")];
    assert_eq!(body.value("multicast_lan_info", &lan), Some(1.0));
    let said = exporter.process.log();
    let unknown: Vec<&str> = said.lines().filter(|line| line.contains("--lan names")).collect();
    assert!(unknown.len() == 1 && unknown[0].contains("interface=nosuch"), "{said}");
    let query = opening().host.mdns4(Query::browse("_ipp._tcp"));
    let mut wire = Wire::open(&namespace, "a0");
    for _ in 0..1_000 {
        wire.send(&query);
    }
    let infos = |body: &Body| body.label_values("multicast_device_storm_info", "id");
    let body = exporter.scrape_until("a storm", |body| !infos(body).is_empty());
    let path = format!("/storms/{}", infos(&body).first().expect("an id"));
    let page = exporter.get(&path).expect("a page");
    for said in ["is in a storm", "<dt>LAN</dt><dd>office</dd>", "query_flood"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    namespace.ip(&["link", "delete", "b0"]);
    exporter.wait_up("b0", false);
    // The capture ends a moment later, and the storm with it.
    let mut page = String::new();
    crate::e2e::wait_for("the end of the storm", || {
        page = exporter.get(&path).expect("a page");
        page.contains("was in a storm")
    });
    for said in ["<dt>What it did</dt>", "the interface is gone", "<dt>LAN</dt><dd>office</dd>"] {
        assert!(page.contains(said), "{said}: {page}");
    }
}
