//! The founding story by three sets of servers, which see the same exporter at the same time: what
//! they tell is the same, word by word.

use super::{FACTOR, SLACK};
use crate::e2e::household::Household;
use crate::e2e::monitoring::Monitoring;
use crate::e2e::prometheus::{self, Setup, Target};
use crate::e2e::support::lan::Lan;
use crate::e2e::support::process::is_within;
use crate::e2e::support::servers::Release;
use crate::e2e::told::Desk;
use crate::e2e::victoria::{STORE, Victoria};
use crate::e2e::{Exporter, alertmanager, avahi};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

const PRINTER: &str = "00:1e:8f:ab:10:08";

/// One set: its name, and what it tells.
struct Set<'t> {
    name: &'static str,
    desk: &'t Desk<'t>,
}

impl Set<'_> {
    /// The page about the printer, as it was sent at first with this status.
    fn page(&self, status: &str) -> Option<Value> {
        Some(self.desk.sent("/page", "MulticastDeviceFlooding", status)?.1)
    }

    /// Each alert that anybody was told of, by which way, and whether that it is over.
    fn all(&self) -> Vec<(String, String, bool, String, String)> {
        let told = self.desk.told().into_iter();
        let mut all: Vec<_> = told
            .map(|told| (format!("{:?}", told.way), told.alert, told.over, told.who, told.place))
            .collect();
        all.sort();
        all.dedup();
        all
    }
}

fn wait(sets: &[Set<'_>], what: &str, is_so: impl Fn(&Set<'_>) -> bool) {
    let came = is_within(SLACK, || sets.iter().all(&is_so));
    let told = |set: &Set<'_>| format!("{}: {:#?}", set.name, set.desk.told());
    let told: Vec<String> = sets.iter().map(told).collect();
    assert!(came, "waited in vain: {what}\n{}", told.join("\n"));
}

/// The annotations, with figures that depend on the moment left out.
fn texts(alert: &Value, but: &[&str]) -> BTreeMap<String, String> {
    let annotations = alert["annotations"].as_object().expect("annotations");
    let figure = Regex::new("[0-9]+([.][0-9]+)?").expect("a pattern");
    let said = annotations.iter().filter(|(name, _)| !but.contains(&name.as_str()));
    said.map(|(name, text)| {
        let text = text.as_str().expect("a text");
        let depends = ["rate", "description", "lasted", "cost"].contains(&name.as_str());
        let text = if depends { figure.replace_all(text, "#").into_owned() } else { text.into() };
        (name.clone(), text)
    })
    .collect()
}

#[test]
#[ignore = "root: make test"]
fn three_sets_of_servers_page_the_same() {
    let _machine = super::shared_machine();
    let lan = Lan::new(3);
    let [server, printer, others] = &lan.hosts[..] else { panic!("three hosts") };
    let namespace = &server.namespace;
    // The household's addresses are on this link.
    namespace.ip(&["route", "add", "10.0.1.0/24", "dev", "eth0"]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let _avahi = avahi::start(namespace, directory.path(), "eth0");
    let exporter = Exporter::start(namespace, &["--capture.interface=eth0"]);
    exporter.wait_up("eth0", true);
    // It boots before anybody looks: its boot does not get shorter with the rates of the rules.
    let household = Household::start(printer, others);
    thread::sleep(Duration::from_secs(30));

    let debian = Monitoring::start(namespace, FACTOR);
    let newer = Setup {
        port: prometheus::PORT + 100,
        alertmanager: alertmanager::PORT + 100,
        ..Setup::new(Release::Newer, FACTOR)
    };
    let newer = Monitoring::with(namespace, &newer);
    let store = Victoria::store(namespace);
    let write = format!("http://127.0.0.1:{STORE}/api/v1/write");
    let target = [Target::new("localhost:10353")];
    let _agent = Victoria::agent(namespace, &target, None, &write, FACTOR);
    let desk = Desk::start(namespace, Release::Newer, 200, FACTOR);
    let rules = Victoria::rules(namespace, 200, FACTOR);
    let sets = [
        Set { name: "Prometheus 2.42, Alertmanager 0.25", desk: &debian.desk },
        Set { name: "Prometheus 3, Alertmanager 0.33", desk: &newer.desk },
        Set { name: "VictoriaMetrics, Alertmanager 0.33", desk: &desk },
    ];
    wait(&sets, "the watchdog", |set| !set.desk.webhook.received_at("/watchdog").is_empty());
    // As long as the longest `for` of what a LAN at rest could bring, and its `group_wait`.
    thread::sleep(debian.shortened(150));
    for set in &sets {
        assert!(set.desk.told().is_empty(), "{}: {:#?}", set.name, set.desk.told());
    }

    household.lock_up_the_printer();
    wait(&sets, "a page", |set| set.page("firing").is_some());
    let pages: Vec<Value> = sets.iter().filter_map(|set| set.page("firing")).collect();
    println!("{:#}", pages[0]);
    assert_eq!(pages[0]["labels"]["device"], PRINTER);
    for (set, page) in sets.iter().zip(&pages) {
        let mut labels = page["labels"].clone();
        // vmalert's own.
        labels.as_object_mut().expect("labels").remove("alertgroup");
        assert_eq!(labels, pages[0]["labels"], "{}", set.name);
        assert_eq!(texts(page, &[]), texts(&pages[0], &[]), "{}", set.name);
    }
    let cost = |set: &Set<'_>, over| {
        let told = set.desk.told();
        told.iter().any(|told| told.alert == "MulticastHostCost" && told.over == over)
    };
    wait(&sets, "what it costs", |set| cost(set, false));

    // It is unplugged.
    lan.switch.ip(&["link", "set", "port2", "down"]);
    wait(&sets, "the end", |set| set.page("resolved").is_some() && cost(set, true));
    let ends: Vec<Value> = sets.iter().filter_map(|set| set.page("resolved")).collect();
    for (set, end) in sets.iter().zip(&ends) {
        assert_eq!(texts(end, &[]), texts(&ends[0], &[]), "{}", set.name);
    }
    for set in &sets {
        assert_eq!(set.all(), sets[0].all(), "{}", set.name);
        assert_eq!(set.desk.webhook.received_at("/pagerduty").len(), 2, "{}: one page", set.name);
    }
    for server in [debian.server(), newer.server(), &rules.server] {
        server.rules_are_healthy();
    }
    assert!(!store.server.query("multicast_device_info").is_empty());
}
