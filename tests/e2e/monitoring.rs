//! A real Prometheus and a real Alertmanager in the exporter's namespace, with the shipped files.
//!
//! The files differ only in what is needed to run them anywhere and quickly: every duration is
//! divided by one factor, the receivers' addresses are the test's, and secrets are files of a
//! temporary directory.

use super::alertmanager;
use super::netns::NetNs;
use super::prometheus::{Prometheus, Setup};
use super::server::Server;
use super::support::servers::Release;
use super::told::Desk;
use multicast_exporter::time::{Time, clock};
use serde_json::Value;
use std::thread;
use std::time::Duration;

/// Prometheus, Alertmanager and the receivers of what it sends.
pub struct Monitoring<'a> {
    factor: u32,
    // Ended in this order.
    pub prometheus: Prometheus<'a>,
    pub desk: Desk<'a>,
}

impl<'a> Monitoring<'a> {
    /// Starts those of Debian 12, with durations divided by `factor`, and waits until both answer.
    pub fn start(namespace: &'a NetNs, factor: u32) -> Self {
        Self::with(namespace, &Setup::new(Release::Debian12, factor))
    }

    /// Starts those that a set-up names. Each listens on its usual port, moved as far as
    /// Alertmanager's is.
    pub fn with(namespace: &'a NetNs, setup: &Setup) -> Self {
        let offset = setup.alertmanager - alertmanager::PORT;
        let desk = Desk::start(namespace, setup.release, offset, setup.factor);
        let prometheus = Prometheus::start(namespace, setup);
        Self { factor: setup.factor, prometheus, desk }
    }

    /// Prometheus.
    pub const fn server(&self) -> &Server<'a> {
        &self.prometheus.server
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
                "waited in vain: {what}\nalerts: {:#?}\ntold: {:#?}",
                self.query("ALERTS"),
                self.desk.told()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What Prometheus answers to a query now: the samples of a vector.
    pub fn query(&self, query: &str) -> Vec<Value> {
        self.server().query(query)
    }

    /// The label values that a query finds, each once.
    pub fn label(&self, query: &str, label: &str) -> Vec<String> {
        self.server().label(query, label)
    }

    /// Alerts that are firing or, with `ALERTS{...}` asked for a while, were; without the watchdog.
    pub fn names(&self, alerts: &str) -> Vec<String> {
        self.server().names(alerts)
    }

    /// What Alertmanager has sent to a path about an alert with that status, the first first.
    pub fn sent(&self, path: &str, alert: &str, status: &str) -> Option<(Time, Value)> {
        self.desk.sent(path, alert, status)
    }
}
