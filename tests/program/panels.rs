//! The dashboards as a newcomer sees them: the demo, scraped by a real Prometheus with the shipped
//! rules through a whole storm, has something to show in every panel.

use crate::grafana::{dashboards, panels};
use crate::support::http;
use crate::support::process::{Process, is_within};
use crate::support::served::Served;
use crate::support::servers::newer;
use multicast_exporter::time::{Time, clock};
use regex::{Captures, Regex};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Panels that are rightly empty: what they count does not happen in the demo, and their `noValue`
/// says so.
const NONE: &[(&str, &str, &str)] = &[
    ("exporter", "Devices forgotten", "nobody is silent for four hours within two minutes"),
    ("exporter", "Steps of the clock", "the test does not set the clock of the machine"),
    ("sites", "Exporters that are down or blind", "it is up, and hears others"),
];

/// The page of a device is for any device. Each of its panels shows something of one of these: the
/// printer, the streamer, who fights for a name, and who asks too often.
const DEVICES: [&str; 4] =
    ["00:1e:8f:ab:10:08", "00:1b:21:53:00:33", "b8:27:eb:53:00:82", "00:14:22:53:00:88"];

/// When the printer locks up, and how long it is locked up.
const STORM: (u64, u64) = (10, 80);

/// A Prometheus that scrapes each second.
struct Prometheus {
    process: Process,
    address: SocketAddr,
}

impl Prometheus {
    fn start(folder: &Path, exporter: SocketAddr) -> Self {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
        let configuration = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{rules}/recording.rules.yml', '{rules}/alerts.rules.yml']\n\
             scrape_configs:\n\
             - job_name: multicast_exporter\n  \
               static_configs: [{{targets: ['{exporter}']}}]\n",
            rules = rules.display(),
        );
        let file = folder.join("prometheus.yml");
        fs::write(&file, configuration).expect("room");
        let mut command = Command::new(newer("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0");
        let process = Process::start(command);
        let mut address = None;
        let listens = is_within(Duration::from_secs(30), || {
            let log = process.log();
            let line = log.lines().find(|line| line.contains("\"Listening on\""));
            address = line.and_then(|line| {
                line.split("address=").last()?.split_whitespace().next()?.parse().ok()
            });
            address.is_some()
        });
        assert!(listens, "Prometheus does not say where it listens: {}", process.log());
        Self { address: address.expect("it was found"), process }
    }

    /// The series that a query finds: now, or with samples of the last minute.
    fn query(&self, expr: &str, is_instant: bool) -> Vec<Value> {
        let now = clock::now().wall.0 / 1_000_000_000;
        let expr = encoded(expr);
        let path = if is_instant {
            format!("/api/v1/query?query={expr}&time={now}")
        } else {
            format!("/api/v1/query_range?query={expr}&start={}&end={now}&step=1", now - 60)
        };
        // Whole, and not in chunks.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let answer = http::ask(self.address, &request).expect("Prometheus answers");
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        answer["data"]["result"].as_array().expect("series").clone()
    }
}

/// As it may stand in a URL.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("written to memory");
        }
        out
    })
}

/// An expression with the dashboard's variables at their defaults, and this device. Ranges are those
/// of a scrape interval of a second and two minutes on the screen.
fn filled(dashboard: &Value, expr: &str, device: &str) -> String {
    let variable = Regex::new(r"\$\{?([A-Za-z_]\w*)(?::\w+)?\}?").expect("a pattern");
    let list = dashboard["templating"]["list"].as_array().expect("variables");
    let value = |found: &Captures<'_>| match &found[1] {
        "__rate_interval" => "4s".to_owned(),
        "__interval" => "1s".to_owned(),
        "__range" => "120s".to_owned(),
        "device" => device.to_owned(),
        name => {
            let variable = list.iter().find(|variable| variable["name"] == name);
            let variable = variable.unwrap_or_else(|| panic!("no variable ${name}: {expr}"));
            assert_eq!(variable["includeAll"], true, "${name} has no default that is known here");
            variable["allValue"].as_str().unwrap_or(".*").to_owned()
        }
    };
    variable.replace_all(expr, value).into_owned()
}

/// The queries that find nothing now.
fn empty(prometheus: &Prometheus) -> BTreeSet<(String, String, String)> {
    let mut empty = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().expect("a title");
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = target["expr"].as_str().expect("an expression");
                let is_instant = target["instant"] == true;
                let of_device = expr.contains("$device") || expr.contains("${device");
                let devices = if of_device { &DEVICES[..] } else { &DEVICES[..1] };
                let finds = |device: &&str| {
                    let query = filled(&dashboard, expr, device);
                    !prometheus.query(&query, is_instant).is_empty()
                };
                if !devices.iter().any(finds) {
                    empty.insert((name.clone(), title.to_owned(), expr.to_owned()));
                }
            }
        }
    }
    empty
}

fn sleep_until(at: Time) {
    thread::sleep(at.since(clock::now().monotonic));
}

#[test]
#[ignore = "tools: make test"]
fn every_panel_of_every_dashboard_shows_something_of_the_demo() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let evidence = folder.path().join("evidence");
    let file = folder.path().join("m.yml");
    fs::create_dir(&evidence).expect("room");
    fs::write(&file, "devices:\n- device: 00:1e:8f:ab:10:08\n  name: Printer\n").expect("room");
    let (after, lasting) = STORM;
    let demo = Served::start(&[
        "demo".to_owned(),
        format!("--storm-after={after}s"),
        format!("--storm-for={lasting}s"),
        format!("--evidence.dir={}", evidence.display()),
        format!("--config.file={}", file.display()),
        "--web.external-url=http://demo.example/".to_owned(),
    ]);
    let start = clock::now().monotonic;
    let at = |seconds| start.plus(Duration::from_secs(seconds));
    let mut prometheus = Prometheus::start(folder.path(), demo.address);

    // The storm has lasted for more than a minute, then for some time it is over.
    sleep_until(at(after + lasting - 10));
    let during = empty(&prometheus);
    sleep_until(at(after + lasting + 50));
    let afterwards = empty(&prometheus);
    assert_eq!(prometheus.process.ended(), None);

    let never: BTreeSet<_> = during.intersection(&afterwards).collect();
    let is_listed = |(name, title, _): &&(String, String, String)| {
        NONE.iter().any(|(of, panel, _)| of == name && panel == title)
    };
    let unlisted: Vec<_> = never.iter().filter(|query| !is_listed(query)).collect();
    assert!(unlisted.is_empty(), "panels without data: {unlisted:#?}");
    // A list that is longer than need be hides what is empty later.
    for (name, title, reason) in NONE {
        let is_empty = never.iter().any(|(of, panel, _)| of == name && panel == title);
        let is_there = dashboards().iter().any(|(of, dashboard)| {
            of == name && panels(dashboard).iter().any(|panel| panel["title"] == *title)
        });
        assert!(is_there && is_empty, "{name}, {title} is not empty, though {reason}");
        let says = dashboards().iter().any(|(of, dashboard)| {
            let of_panel = |panel: &&Value| panel["title"] == *title;
            let panel = panels(dashboard).into_iter().find(of_panel);
            of == name
                && panel
                    .is_some_and(|panel| panel["fieldConfig"]["defaults"]["noValue"].is_string())
        });
        assert!(says, "{name}, {title} does not say what no value means");
    }
}
