//! A real Prometheus and a real Alertmanager in the exporter's namespace, with the shipped files.
//!
//! The files differ only in what is needed to run them anywhere and quickly: every duration is
//! divided by one factor ([`divided`]), the receivers' addresses are the test's, and secrets are
//! files of a temporary directory.

use super::alertmanager::Alertmanager;
use super::netns::NetNs;
use super::scaled::divided;
use super::support::http;
use super::webhook::Webhook;
use super::{Process, command_in, require, wait_for};
use multicast_exporter::time::{Time, clock};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Where Prometheus listens.
const PORT: u16 = 9090;
/// Where the shipped receivers post to.
const RECEIVER: u16 = 9095;

/// Prometheus, Alertmanager and the receiver of what it sends.
pub struct Monitoring<'a> {
    namespace: &'a NetNs,
    factor: u32,
    /// What Alertmanager has sent: `/page`, `/watchdog`, `/pagerduty` and `/slack`.
    pub webhook: Webhook,
    // Ended in this order.
    _prometheus: Process,
    _alertmanager: Alertmanager<'a>,
    _directory: TempDir,
}

/// A file of the repository.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(shipped(path)).expect("it is in the repository")
}

/// Prometheus' files, in a shorter time.
fn write_prometheus(to: &Path, factor: u32) {
    for name in ["prometheus.yml", "recording.rules.yml", "alerts.rules.yml"] {
        let text = divided(&read(&format!("deploy/prometheus/{name}")), factor);
        fs::write(to.join(name), text).expect("a file of ours");
    }
}

impl<'a> Monitoring<'a> {
    /// Starts them, with durations divided by `factor`, and waits until both answer.
    pub fn start(namespace: &'a NetNs, factor: u32) -> Self {
        require(&["prometheus"]);
        let directory = tempfile::tempdir().expect("a temporary directory");
        write_prometheus(directory.path(), factor);
        let webhook = Webhook::start(namespace, RECEIVER);
        let in_directory = |flag: &str, name: &str| {
            format!("{flag}={}", directory.path().join(name).to_str().expect("UTF-8"))
        };
        // Nothing of the incident is mail: nobody listens there.
        let alertmanager = Alertmanager::start(namespace, RECEIVER, 2525, factor);
        let mut prometheus = command_in(namespace, "prometheus");
        prometheus
            .arg(in_directory("--config.file", "prometheus.yml"))
            .arg(in_directory("--storage.tsdb.path", "prometheus"))
            .arg(format!("--web.listen-address=127.0.0.1:{PORT}"))
            // How often a firing alert is sent again: a minute is the default.
            .arg(format!("--rules.alert.resend-delay={}ms", 60_000 / factor));
        let monitoring = Self {
            namespace,
            factor,
            webhook,
            _alertmanager: alertmanager,
            _prometheus: Process::start(prometheus),
            _directory: directory,
        };
        wait_for("Prometheus is ready", || monitoring.get("/-/ready").is_some());
        monitoring
    }

    /// A duration of the shipped files, as it is here.
    pub fn shortened(&self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / self.factor
    }

    /// Asks until the answer is yes, and panics with `what` if it is not within that time.
    pub fn wait(&self, what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
        let deadline = clock::now().monotonic.plus(within);
        while !is_so() {
            assert!(
                clock::now().monotonic < deadline,
                "waited in vain: {what}\nalerts: {:#?}\nposts: {:#?}",
                self.query("ALERTS"),
                self.webhook.posts()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn get(&self, path: &str) -> Option<String> {
        self.namespace.run(|| {
            // An HTTP/1.0 answer ends with its connection, and comes without chunks.
            let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
            let answer = http::ask((Ipv4Addr::LOCALHOST, PORT), &request)?;
            let is_ok = answer.is_ok();
            assert!(is_ok || !path.starts_with("/api"), "{path}: {}", answer.text());
            is_ok.then(|| answer.text())
        })
    }

    /// What Prometheus answers to a query now: the samples of a vector.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", percent_encoded(query));
        let answer = self.get(&path).unwrap_or_else(|| panic!("no answer: {query}"));
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let result = &mut answer["data"];
        // A scalar has no list of samples.
        if result["resultType"] == "scalar" {
            return vec![result.take()];
        }
        result["result"].as_array_mut().map(std::mem::take).expect("a list")
    }

    /// The label values that a query finds, each once.
    pub fn label(&self, query: &str, label: &str) -> Vec<String> {
        let found = self.query(query);
        let values = found.iter().filter_map(|sample| sample["metric"][label].as_str());
        let mut values: Vec<String> = values.map(str::to_owned).collect();
        values.sort();
        values.dedup();
        values
    }

    /// Alerts that are firing or, with `ALERTS{...}` asked for a while, were; without the watchdog.
    pub fn names(&self, alerts: &str) -> Vec<String> {
        let mut names = self.label(alerts, "alertname");
        names.retain(|name| name != "MulticastWatchdog");
        names
    }

    /// What Alertmanager has sent to a path about an alert with that status, the first first.
    pub fn sent(&self, path: &str, alert: &str, status: &str) -> Option<(Time, Value)> {
        self.webhook.posts().into_iter().filter(|post| post.path == path).find_map(|post| {
            let alerts = post.body["alerts"].as_array()?;
            let of_it =
                |sent: &&Value| sent["labels"]["alertname"] == alert && sent["status"] == status;
            let found = alerts.iter().find(of_it)?.clone();
            Some((post.at, found))
        })
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes all");
        }
        encoded
    })
}
