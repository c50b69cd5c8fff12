//! `VictoriaMetrics` in a namespace: its store, its agent, and its evaluation of the shipped rules.

use super::alertmanager;
use super::netns::NetNs;
use super::prometheus::{Target, changed, scraping, shipped};
use super::scaled::divided;
use super::server::{Recipe, Server};
use super::support::servers::newer;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Where the store listens.
pub const STORE: u16 = 8428;
/// Where the agent listens.
const AGENT: u16 = 8429;
/// Where what evaluates the rules listens.
const RULES: u16 = 8880;

/// A program of `VictoriaMetrics`, with its files.
pub struct Victoria<'a> {
    pub server: Server<'a>,
    _directory: TempDir,
}

impl<'a> Victoria<'a> {
    fn start(
        namespace: &'a NetNs,
        program: &str,
        port: u16,
        arguments: impl FnOnce(&Path) -> Vec<String>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut arguments = arguments(directory.path());
        arguments.push(format!("-httpListenAddr=0.0.0.0:{port}"));
        let recipe = Recipe { program: newer(program), arguments, port, ready: "/health" };
        Self { server: Server::start(namespace, recipe), _directory: directory }
    }

    /// The store.
    pub fn store(namespace: &'a NetNs) -> Self {
        Self::start(namespace, "victoria-metrics", STORE, |directory| {
            vec![
                format!("-storageDataPath={}", directory.join("data").display()),
                // What was sent can be asked for at once: 30 s is the default.
                "-search.latencyOffset=0s".to_owned(),
                // A dashboard's cache would answer with what was so before.
                "-search.disableCache".to_owned(),
            ]
        })
    }

    /// An agent that scrapes as the shipped prometheus.yml says, in a shorter time, and sends to
    /// `url`. `site`, if given, is its external label.
    pub fn agent(
        namespace: &'a NetNs,
        targets: &[Target],
        site: Option<&str>,
        url: &str,
        factor: u32,
    ) -> Self {
        Self::start(namespace, "vmagent", AGENT, |directory| {
            let mut config = scraping(&shipped("deploy/prometheus/prometheus.yml"), targets);
            if let Some(site) = site {
                let labels = format!("global:\n  external_labels: {{site: {site}}}\n");
                config = changed(&config, "global:\n", &labels);
            }
            let path = directory.join("scrape.yml");
            fs::write(&path, divided(&config, factor)).expect("a file of ours");
            vec![
                format!("-promscrape.config={}", path.display()),
                // The file is Prometheus': the agent knows neither rules nor Alertmanagers, nor
                // limits on labels.
                "-promscrape.config.strictParse=false".to_owned(),
                format!("-remoteWrite.url={url}"),
                format!("-remoteWrite.tmpDataPath={}", directory.join("queue").display()),
                format!("-remoteWrite.flushInterval={}ms", 1_000 / factor.min(10)),
                format!("-remoteWrite.retryMaxTime={}ms", 60_000 / factor),
            ]
        })
    }

    /// What evaluates the shipped rules, in a shorter time, on the store of the same namespace, and
    /// tells the Alertmanager whose port is moved by `offset`.
    pub fn rules(namespace: &'a NetNs, offset: u16, factor: u32) -> Self {
        Self::start(namespace, "vmalert", RULES, |directory| {
            let mut arguments = Vec::new();
            for name in ["recording.rules.yml", "alerts.rules.yml"] {
                let text = divided(&shipped(&format!("deploy/prometheus/{name}")), factor);
                let path = directory.join(name);
                fs::write(&path, text).expect("a file of ours");
                arguments.push(format!("-rule={}", path.display()));
            }
            let interval = 15_000 / factor;
            let port = alertmanager::PORT + offset;
            arguments.extend([
                format!("-datasource.url=http://127.0.0.1:{STORE}"),
                format!("-remoteWrite.url=http://127.0.0.1:{STORE}"),
                format!("-remoteRead.url=http://127.0.0.1:{STORE}"),
                format!("-remoteWrite.flushInterval={}ms", 2_000 / factor.min(10)),
                format!("-notifier.url=http://127.0.0.1:{port}"),
                format!("-evaluationInterval={interval}ms"),
                // The newest scrape counts: half a minute is held back by default.
                "-rule.evalDelay=0s".to_owned(),
                format!("-rule.resendDelay={}ms", 60_000 / factor),
            ]);
            arguments
        })
    }
}
