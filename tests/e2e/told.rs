//! Who was told what: what Alertmanager sent to pages, chat and mail, read as a person reads it.

use super::alertmanager::{self, Alertmanager};
use super::mailbox::Mailbox;
use super::netns::NetNs;
use super::support::servers::Release;
use super::webhook::Webhook;
use multicast_exporter::time::Time;
use serde_json::Value;

/// Where the shipped receivers post to.
const RECEIVER: u16 = 9095;
/// Where mail goes.
const MAIL: u16 = 2525;

/// Alertmanager and the receivers of what it sends.
pub struct Desk<'a> {
    /// What Alertmanager has sent: `/page`, `/watchdog`, `/pagerduty` and `/slack`.
    pub webhook: Webhook,
    pub mailbox: Mailbox,
    pub alertmanager: Alertmanager<'a>,
}

/// By which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Page,
    Chat,
    Mail,
}

/// One alert in one message.
#[derive(Clone, Debug)]
pub struct Told {
    pub way: Way,
    /// Whether it says that the alert is over.
    pub over: bool,
    pub alert: String,
    pub severity: String,
    pub summary: String,
    pub who: String,
    /// Segment, exporter and site.
    pub place: String,
    /// The alert as it was sent.
    pub text: String,
}

impl<'a> Desk<'a> {
    /// Starts them on the usual ports, each moved by `offset`.
    pub fn start(namespace: &'a NetNs, release: Release, offset: u16, factor: u32) -> Self {
        let setup = alertmanager::Setup {
            release,
            port: alertmanager::PORT + offset,
            webhook: RECEIVER + offset,
            mail: MAIL + offset,
            factor,
        };
        Self {
            webhook: Webhook::start(namespace, setup.webhook),
            mailbox: Mailbox::start(namespace, setup.mail),
            alertmanager: Alertmanager::start(namespace, setup),
        }
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

    /// All that anybody was told so far, in the order of each way; without the watchdogs.
    pub fn told(&self) -> Vec<Told> {
        let pages = self.webhook.received_at("/page");
        let pages = pages.iter().flat_map(|post| post["alerts"].as_array().expect("alerts"));
        let mut told: Vec<Told> = pages.map(of_page).collect();
        for post in self.webhook.received_at("/slack") {
            let text = post["attachments"][0]["text"].as_str().expect("a text").to_owned();
            told.extend(of_text(&text, Way::Chat));
        }
        for mail in self.mailbox.mails() {
            let (text, _) = mail.text.split_once("text/html").expect("a part in HTML");
            let (_, text) = text.split_once("\n\n").expect("a body");
            told.extend(of_text(text, Way::Mail));
        }
        told
    }

    /// What was told by one way, each alert and its end; more than once if it was told again.
    pub fn told_by(&self, way: Way) -> Vec<Told> {
        let mut told = self.told();
        told.retain(|told| told.way == way);
        told
    }
}

/// An alert of the generic webhook.
fn of_page(alert: &Value) -> Told {
    let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
    let says = |name: &str| alert["annotations"][name].as_str().unwrap_or_default().to_owned();
    Told {
        way: Way::Page,
        over: alert["status"] == "resolved",
        alert: label("alertname"),
        severity: label("severity"),
        summary: says("summary"),
        who: says("who"),
        place: says("where"),
        text: format!("{alert:#}"),
    }
}

/// The alerts of a text, of Slack's markup or plain: each has a line that names it.
fn of_text(text: &str, way: Way) -> Vec<Told> {
    let mut found = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.replace('*', "");
        let Some(named) = line.strip_prefix("Alert: ") else {
            lines.push(line);
            continue;
        };
        let says = |key: &str| {
            let line = lines.iter().rev().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().to_owned()
        };
        let (alert, severity) = named.split_once(", ").unwrap_or((named, ""));
        let start = lines
            .iter()
            .rposition(|line| line.starts_with("Since: ") || line.starts_with("Began: "))
            .unwrap_or(0);
        let first = lines[..start].iter().rposition(|line| {
            !["Who: ", "Where: ", "What: ", "Rate: "].iter().any(|key| line.starts_with(key))
        });
        let summary = first.map_or("", |first| lines[first].as_str());
        found.push(Told {
            way,
            over: summary.starts_with("RESOLVED: "),
            alert: alert.to_owned(),
            severity: severity.to_owned(),
            summary: summary.to_owned(),
            who: says("Who: "),
            place: says("Where: "),
            text: lines.join("\n"),
        });
        lines.clear();
    }
    found
}
