//! Exporters that answer each scrape and hear nothing: an interface that is down, a name that matches
//! none, a LAN that has gone silent. And the watchdog beside that of kube-prometheus-stack.

use super::{SLACK, exporter};
use crate::e2e::monitoring::Monitoring;
use crate::e2e::netns::NetNs;
use crate::e2e::prometheus::{Setup, Target};
use crate::e2e::support::servers::Release;
use crate::e2e::told::Way;
use crate::e2e::wire::Wire;
use multicast_exporter::craft::Host;
use std::thread;
use std::time::Duration;

/// A LAN is silent for a quarter of an hour before anybody is told.
const FACTOR: u32 = 30;

/// As kube-prometheus-stack has it.
const WATCHDOG: &str = "
groups:
- name: general.rules
  rules:
  - alert: Watchdog
    expr: vector(1)
    labels:
      severity: none
    annotations:
      summary: An alert that should always be firing to certify that Alertmanager is working properly.
";

/// The LAN that falls silent, one interface of two that goes down, one that is down from the start, and
/// a name that matches nothing.
const SILENT: u16 = 10_353;
const GONE: u16 = 10_354;
const DOWN: u16 = 10_355;
const MISSING: u16 = 10_356;

#[test]
#[ignore = "root: make test"]
fn who_hears_nothing_is_told_of_and_both_watchdogs_arrive() {
    let _machine = super::shared_machine();
    let namespace = NetNs::new();
    namespace.veth("lan0", "wire0");
    namespace.veth("gone0", "gone1");
    namespace.veth("kept0", "kept1");
    namespace.ip(&["link", "add", "down0", "type", "veth", "peer", "name", "down1"]);
    let blind = [
        (SILENT, &["lan0"][..]),
        (GONE, &["gone0", "kept0"]),
        (DOWN, &["down0"]),
        (MISSING, &["nothing0"]),
    ];
    let _exporters = blind.map(|(port, interfaces)| {
        let flags = interfaces.iter().map(|name| format!("--capture.interface={name}"));
        let flags: Vec<String> = flags.collect();
        exporter(&namespace, port, &flags.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let targets = blind.map(|(port, _)| Target::new(format!("localhost:{port}")));
    let setup = Setup {
        targets: targets.to_vec(),
        more_rules: Some(WATCHDOG),
        ..Setup::new(Release::Newer, FACTOR)
    };
    let monitoring = Monitoring::with(&namespace, &setup);
    let desk = &monitoring.desk;
    monitoring.wait("gone0 is captured", SLACK, || {
        !monitoring.query(r#"multicast_capture_up{capture="gone0"} == 1"#).is_empty()
    });
    namespace.ip(&["link", "set", "gone0", "down"]);
    let mut wire = Wire::open(&namespace, "wire0");
    let mut talk = || wire.send(&Host::numbered(7).arp_announcement());
    // As often as once a minute and more, for as long as is then silence; meanwhile the blind are
    // told of.
    let quarter = monitoring.shortened(900);
    let is_blind = |place: &str| {
        let told = desk.told_by(Way::Page);
        told.iter().any(|told| told.alert == "MulticastNothingCaptured" && told.place == place)
    };
    let mut passed = Duration::ZERO;
    let pause = Duration::from_millis(500);
    monitoring.wait("the blind are told of", quarter + SLACK, || {
        talk();
        thread::sleep(pause);
        passed += pause;
        let places = ["gone0 of localhost:10354", "localhost:10355", "localhost:10356"];
        passed >= quarter && places.into_iter().all(is_blind)
    });
    assert!(!desk.told().iter().any(|told| told.alert == "MulticastLanSilent"));

    let watchdogs = || {
        let posts = desk.webhook.received_at("/watchdog");
        let alerts = posts.iter().flat_map(|post| post["alerts"].as_array().expect("alerts"));
        let mut names: Vec<String> =
            alerts.map(|alert| alert["labels"]["alertname"].to_string()).collect();
        names.sort();
        names.dedup();
        names
    };
    monitoring
        .wait("both watchdogs", SLACK, || watchdogs() == ["\"MulticastWatchdog\"", "\"Watchdog\""]);

    // Nobody talks any more.
    monitoring.wait("the silence is told of", quarter + SLACK, || {
        desk.told_by(Way::Chat).iter().any(|told| told.alert == "MulticastLanSilent")
    });
    for told in desk.told() {
        let is_known = match told.alert.as_str() {
            "MulticastNothingCaptured" => {
                told.way == Way::Page && !told.place.contains("localhost:10353")
            }
            "MulticastLanSilent" => {
                told.way == Way::Chat && told.place == "lan0 of localhost:10353"
            }
            _ => false,
        };
        assert!(is_known && !told.over, "{told:#?}");
    }
    // They speak again.
    monitoring.wait("the end of the silence", quarter + SLACK, || {
        talk();
        thread::sleep(pause);
        desk.told_by(Way::Chat).iter().any(|told| told.alert == "MulticastLanSilent" && told.over)
    });
}
