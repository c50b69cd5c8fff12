//! Alertmanager in a namespace, of either release, with the shipped routes and templates.

use super::netns::NetNs;
use super::require;
use super::scaled::divided;
use super::server::{Recipe, Server};
use super::support::servers::Release;
use multicast_exporter::time::clock;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Where it listens: every namespace has a loopback of its own.
pub const PORT: u16 = 9093;
/// What it finds in the file of `PagerDuty`'s key.
pub const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
/// What it finds in the file of the mail server's password.
pub const PASSWORD: &str = "open-sesame";

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/alertmanager");

/// The shipped alertmanager.yml.
pub fn shipped() -> String {
    fs::read_to_string(Path::new(SHIPPED).join("alertmanager.yml")).expect("it is shipped")
}

/// The shipped file for a test. Three things are replaced, each of which has to be there, and
/// nothing else but durations is changed:
/// - receivers: what would go to `PagerDuty` or to the webhooks of this host goes to `webhook`, a
///   port of loopback, each to its own path; mail goes to `mail`, another, without TLS;
/// - the folder of secrets becomes `secrets`;
/// - every duration is divided by `factor`.
pub fn adapted(shipped: &str, secrets: &Path, webhook: u16, mail: u16, factor: u32) -> String {
    let replacements = [
        (
            "https://events.pagerduty.com/v2/enqueue",
            format!("http://127.0.0.1:{webhook}/pagerduty"),
        ),
        ("http://localhost:9095/", format!("http://127.0.0.1:{webhook}/")),
        ("smtp.example.org:587", format!("127.0.0.1:{mail}")),
        ("smtp_require_tls: true", "smtp_require_tls: false".to_owned()),
        ("/etc/alertmanager/secrets", secrets.display().to_string()),
    ];
    let mut text = shipped.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "the shipped file has {from}");
        text = text.replace(from, &to);
    }
    divided(&text, factor)
}

/// Which Alertmanager, and where it listens and sends.
#[derive(Clone, Copy)]
pub struct Setup {
    pub release: Release,
    /// Its port.
    pub port: u16,
    /// The port of the receiver of webhooks.
    pub webhook: u16,
    /// The port of the mail server.
    pub mail: u16,
    /// By what every duration is divided.
    pub factor: u32,
}

/// A running Alertmanager. It ends with its guard, and so do its files.
pub struct Alertmanager<'a> {
    server: Server<'a>,
    _dir: TempDir,
}

impl<'a> Alertmanager<'a> {
    /// Starts it with the shipped files, adapted, and waits until it is ready. Chat goes to the
    /// path `/slack` of the webhook, pages to `/page` and `/pagerduty`, the watchdog to
    /// `/watchdog`.
    pub fn start(namespace: &'a NetNs, setup: Setup) -> Self {
        require(&["prometheus-alertmanager"]);
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("the folder is writable");
            path
        };
        let Setup { release, port, webhook, mail, factor } = setup;
        // Without a line feed, which Alertmanager 0.25 would take for a part of the password.
        write("slack_api_url", &format!("http://127.0.0.1:{webhook}/slack"));
        write("smtp_password", PASSWORD);
        write("pagerduty_routing_key", ROUTING_KEY);
        let template = fs::read_to_string(Path::new(SHIPPED).join("multicast.tmpl"));
        write("multicast.tmpl", &template.expect("it is shipped"));
        let text = adapted(&shipped(), dir.path(), webhook, mail, factor);
        let config = write("alertmanager.yml", &text);
        let recipe = Recipe {
            program: release.program("prometheus-alertmanager"),
            arguments: vec![
                format!("--config.file={}", config.display()),
                format!("--storage.path={}", dir.path().join("data").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--cluster.listen-address=".to_owned(),
            ],
            port,
            ready: "/-/ready",
        };
        Self { server: Server::start(namespace, recipe), _dir: dir }
    }

    /// Posts alerts: labels, annotations and, of one that has resolved, `endsAt`.
    pub fn post(&self, alerts: &[Value]) {
        let body = Value::from(alerts).to_string();
        self.server.ask("POST", "/api/v2/alerts", &body).expect("it takes the alerts");
    }

    /// All alerts that fire, as `/api/v2/alerts` has them.
    pub fn alerts(&self) -> Vec<Value> {
        let body = self.server.ask("GET", "/api/v2/alerts", "").expect("it answers");
        serde_json::from_str(&body).expect("JSON")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// Now, as alerts have it.
pub fn now() -> String {
    let nanos = clock::now().wall.0;
    jiff::Timestamp::from_nanosecond(nanos).expect("in this age").to_string()
}
