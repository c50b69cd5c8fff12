//! Prometheus in a namespace, of either release, with the shipped rules: as a server, as an agent
//! that only sends on, or as the store that agents send to.

use super::netns::NetNs;
use super::require;
use super::scaled::divided;
use super::server::{Recipe, Server};
use super::support::servers::Release;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where it listens by default.
pub const PORT: u16 = 9090;

/// What is done with the text of a file to make its durations shorter.
pub type Shorten = fn(&str, u32) -> String;

/// What a Prometheus does.
#[derive(Clone)]
pub struct Setup {
    pub release: Release,
    /// Its port.
    pub port: u16,
    /// The port of its Alertmanager.
    pub alertmanager: u16,
    /// By what every duration is divided, and how.
    pub factor: u32,
    pub shorten: Shorten,
    /// What it scrapes: addresses, and labels of their own.
    pub targets: Vec<Target>,
    /// Rules beside the shipped ones: a file's text.
    pub more_rules: Option<&'static str>,
    /// External labels.
    pub external: Vec<(&'static str, &'static str)>,
    /// Where it sends all samples on to; then it has no rules.
    pub sends_to: Option<String>,
    /// Whether it takes samples from others.
    pub receives: bool,
}

impl Setup {
    /// A server of a release that scrapes the shipped target and has the shipped rules.
    pub fn new(release: Release, factor: u32) -> Self {
        Self {
            release,
            port: PORT,
            alertmanager: super::alertmanager::PORT,
            factor,
            shorten: divided,
            targets: vec![Target::new("localhost:10353")],
            more_rules: None,
            external: Vec::new(),
            sends_to: None,
            receives: false,
        }
    }
}

/// What is scraped.
#[derive(Clone)]
pub struct Target {
    pub address: String,
    /// Labels of its series.
    pub labels: Vec<(&'static str, String)>,
}

impl Target {
    /// One without labels of its own.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), labels: Vec::new() }
    }

    /// The same with one more label.
    pub fn label(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }
}

/// A running Prometheus. It ends with its guard, and so do its files.
pub struct Prometheus<'a> {
    pub server: Server<'a>,
    _directory: TempDir,
}

impl<'a> Prometheus<'a> {
    /// Starts it and waits until it is ready.
    pub fn start(namespace: &'a NetNs, setup: &Setup) -> Self {
        require(&["prometheus"]);
        let directory = tempfile::tempdir().expect("a temporary directory");
        write(directory.path(), setup);
        let at = |flag: &str, name: &str| {
            format!("{flag}={}", directory.path().join(name).to_str().expect("UTF-8"))
        };
        let is_agent = setup.sends_to.is_some();
        let mut arguments = vec![
            at("--config.file", "prometheus.yml"),
            format!("--web.listen-address=0.0.0.0:{}", setup.port),
        ];
        if is_agent {
            arguments.push("--agent".to_owned());
            arguments.push(at("--storage.agent.path", "agent"));
            arguments.push("--storage.remote.flush-deadline=1s".to_owned());
        } else {
            arguments.push(at("--storage.tsdb.path", "prometheus"));
            // How often a firing alert is sent again: a minute is the default.
            let delay = 60_000 / setup.factor;
            arguments.push(format!("--rules.alert.resend-delay={delay}ms"));
        }
        if setup.receives {
            arguments.push("--web.enable-remote-write-receiver".to_owned());
        }
        let recipe = Recipe {
            program: setup.release.program("prometheus"),
            arguments,
            port: setup.port,
            ready: "/-/ready",
        };
        Self { server: Server::start(namespace, recipe), _directory: directory }
    }
}

/// A file of the repository.
pub fn shipped(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(path).expect("it is in the repository")
}

/// Its files, in a shorter time.
fn write(to: &Path, setup: &Setup) {
    let write = |name: &str, text: &str| {
        let text = (setup.shorten)(text, setup.factor);
        fs::write(to.join(name), text).expect("a file of ours");
    };
    let mut config = scraping(&shipped("deploy/prometheus/prometheus.yml"), &setup.targets);
    if !setup.external.is_empty() {
        let labels = mapping(setup.external.iter().map(|(name, value)| (*name, *value)));
        config = changed(&config, "global:\n", &format!("global:\n  external_labels: {labels}\n"));
    }
    if let Some(url) = &setup.sends_to {
        config = sending(&config, url);
    } else {
        let address = format!("localhost:{}", setup.alertmanager);
        config = changed(&config, "localhost:9093", &address);
        for name in ["recording.rules.yml", "alerts.rules.yml"] {
            write(name, &shipped(&format!("deploy/prometheus/{name}")));
        }
    }
    if let Some(rules) = setup.more_rules {
        config = changed(&config, "- alerts.rules.yml\n", "- alerts.rules.yml\n- more.rules.yml\n");
        write("more.rules.yml", rules);
    }
    write("prometheus.yml", &config);
}

/// The shipped prometheus.yml with these targets.
pub fn scraping(config: &str, targets: &[Target]) -> String {
    let mut list = String::from("static_configs:");
    list.push_str(if targets.is_empty() { " []\n" } else { "\n" });
    for target in targets {
        writeln!(list, "  - targets: ['{}']", target.address).expect("a string takes all");
        if !target.labels.is_empty() {
            let labels = target.labels.iter().map(|(name, value)| (*name, value.as_str()));
            writeln!(list, "    labels: {}", mapping(labels)).expect("a string takes all");
        }
    }
    changed(config, "static_configs:\n  - targets: [localhost:10353]\n", &list)
}

/// The same as the configuration of one that only sends on: without rules and Alertmanager.
pub fn sending(config: &str, url: &str) -> String {
    let (before, rest) = config.split_once("rule_files:").expect("rule files");
    let (_, scrapes) = rest.split_once("scrape_configs:").expect("what is scraped");
    // What waits is sent after five seconds by default, and what was refused is sent again soon.
    format!(
        "{before}remote_write:\n- url: {url}\n  queue_config:\n    batch_send_deadline: 5s\n    \
         max_backoff: 5s\n\nscrape_configs:{scrapes}"
    )
}

fn mapping<'t>(labels: impl Iterator<Item = (&'t str, &'t str)>) -> String {
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}: \"{value}\"")).collect();
    format!("{{{}}}", labels.join(", "))
}

/// The text with one part replaced, which has to be there once.
pub fn changed(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "the shipped file has {from:?} once");
    text.replace(from, to)
}
