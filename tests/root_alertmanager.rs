//! The shipped routes, inhibition and messages in Alertmanager, Debian 12's and a newer one: what is
//! silenced by what, and who is notified of what.

mod e2e;

use e2e::alertmanager::{PASSWORD, ROUTING_KEY, adapted, now, shipped};
use e2e::netns::NetNs;
use e2e::scaled::differences;
use e2e::support::servers::Release;
use e2e::{told, wait_for};
use serde_json::{Map, Value, json};
use std::ops::Deref;
use std::path::Path;
use std::thread;

const WEBHOOK: u16 = 9095;
const MAIL: u16 = 2525;
/// Alerts are sent in fractions of a second, the slowest within three: five minutes by this.
const FACTOR: u32 = 100;

const CHATTER: &str = "02:00:00:00:00:0a";
const OTHER: &str = "02:00:00:00:00:0b";

/// An alert and what tells it from all others: its summary.
#[derive(Clone)]
struct Alert {
    mark: String,
    body: Value,
}

impl Alert {
    /// An alert of the exporter `nas:10353` with labels `name=value`, which may say otherwise; with `lan`
    /// of a LAN and of no exporter.
    fn new(name: &str, severity: &str, labels: &str) -> Self {
        let mut all = Map::new();
        let own = labels.split_whitespace().map(|label| label.split_once('=').expect("a label"));
        let common = [("job", "multicast_exporter"), ("instance", "nas:10353")];
        let is_of_lan = labels.contains("lan=");
        for (label, value) in common.into_iter().filter(|_| !is_of_lan).chain(own) {
            all.insert(label.to_owned(), value.into());
        }
        all.insert("alertname".to_owned(), name.into());
        all.insert("severity".to_owned(), severity.into());
        let mark = format!("{name} {labels}.");
        let body = json!({"labels": all, "annotations": {"summary": mark}});
        Self { mark, body }
    }

    /// The alert at its end.
    fn over(&self) -> Value {
        let mut body = self.body.clone();
        body["endsAt"] = now().into();
        body
    }
}

/// Alertmanager and all that it can tell.
struct Desk<'a>(told::Desk<'a>);

impl<'a> Deref for Desk<'a> {
    type Target = told::Desk<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Does the same with an Alertmanager of each release, at the same time.
fn with_each(work: impl Fn(&Desk<'_>) + Sync) {
    thread::scope(|scope| {
        for release in Release::ALL {
            let work = &work;
            scope.spawn(move || {
                let namespace = NetNs::new();
                println!("{release:?} is {}", namespace.name());
                work(&Desk(told::Desk::start(&namespace, release, 0, FACTOR)));
            });
        }
    });
}

impl Desk<'_> {
    fn fire(&self, alerts: &[Alert]) {
        let bodies: Vec<Value> = alerts.iter().map(|alert| alert.body.clone()).collect();
        self.alertmanager.post(&bodies);
    }

    /// The alert as Alertmanager has it.
    fn state(&self, alert: &Alert) -> Value {
        let found = self
            .alertmanager
            .alerts()
            .into_iter()
            .find(|known| known["labels"] == alert.body["labels"]);
        found.unwrap_or_else(|| panic!("{} is known", alert.mark))
    }

    /// The alerts that inhibit this one.
    fn inhibited_by(&self, alert: &Alert) -> Vec<Value> {
        let status = &self.state(alert)["status"];
        let by = status["inhibitedBy"].as_array().expect("a list").clone();
        assert_eq!(status["state"] == "suppressed", !by.is_empty(), "{status}");
        by
    }

    /// Whether an alert was sent to anybody, by any way.
    fn told(&self, alert: &Alert) -> bool {
        let posted = |body: Value| body.to_string().contains(&alert.mark);
        self.webhook.received().into_iter().any(posted)
            || self.mailbox.mails().iter().any(|mail| mail.text.contains(&alert.mark))
    }

    fn wait_told(&self, alerts: &[Alert]) {
        for alert in alerts {
            wait_for(&format!("somebody is told: {}", alert.mark), || self.told(alert));
        }
    }

    /// Lets `source` silence `silenced` and nothing of `free`.
    fn inhibits(&self, source: &Alert, silenced: &[Alert], free: &[Alert]) {
        self.fire(std::slice::from_ref(source));
        self.wait_told(std::slice::from_ref(source));
        // The silenced first: once the others are sent, their turn has passed.
        self.fire(silenced);
        self.fire(free);
        let fingerprint = self.state(source)["fingerprint"].clone();
        for alert in silenced {
            let by = self.inhibited_by(alert);
            assert_eq!(by, std::slice::from_ref(&fingerprint), "{}", alert.mark);
        }
        for alert in free.iter().chain([source]) {
            assert!(self.inhibited_by(alert).is_empty(), "{}", alert.mark);
        }
        self.wait_told(free);
        for alert in silenced {
            assert!(!self.told(alert), "{}", alert.mark);
        }
    }

    fn resolve(&self, alert: &Alert) {
        self.alertmanager.post(&[alert.over()]);
    }

    /// The bodies posted to a path that are about an alert.
    fn about(&self, path: &str, alert: &Alert) -> Vec<Value> {
        let mut bodies = self.webhook.received_at(path);
        bodies.retain(|body| body.to_string().contains(&alert.mark));
        bodies
    }
}

#[test]
fn the_shipped_file_is_changed_as_documented_and_nowhere_else() {
    let adapt = |factor| adapted(&shipped(), Path::new("/secrets"), WEBHOOK, MAIL, factor);
    let pairs = differences(&adapt(1), &adapt(FACTOR)).expect("only durations differ");
    for (whole, part) in &pairs {
        assert_eq!(*whole, *part * FACTOR);
    }
    // All but 0s, which is still 0.
    let timers = ["group_wait:", "group_interval:", "repeat_interval:"];
    let text = shipped();
    let timers = text.lines().filter(|line| timers.iter().any(|key| line.trim().starts_with(key)));
    assert_eq!(pairs.len() + 1, timers.count());

    let changed: Vec<String> = (text.lines().zip(adapt(FACTOR).lines()))
        .filter(|(before, after)| before != after)
        .map(|(before, _)| before.trim_start().trim_start_matches("- ").to_owned())
        .collect();
    let keys = [
        "pagerduty_url:",
        "slack_api_url_file:",
        "smtp_smarthost:",
        "smtp_auth_password_file:",
        "smtp_require_tls:",
        "group_wait:",
        "group_interval:",
        "repeat_interval:",
        "routing_key_file:",
        "url:",
    ];
    for line in &changed {
        assert!(keys.iter().any(|key| line.starts_with(key)), "{line}");
    }
    assert_eq!(text.lines().count(), adapt(FACTOR).lines().count());
}

#[test]
#[ignore = "root: make test"]
fn a_flooding_device_silences_what_follows_from_it_and_nothing_else() {
    with_each(|desk| {
        let here = format!("interface=eth0 device={CHATTER}");
        let neighbour = format!("interface=eth0 device={OTHER}");
        let elsewhere = format!("interface=eth1 device={CHATTER}");
        let far = format!("instance=other:10353 interface=eth0 device={CHATTER}");
        let flooding = Alert::new("MulticastDeviceFlooding", "critical", &here);
        let silenced = [
            Alert::new("MulticastSegmentFlooding", "critical", "interface=eth0"),
            Alert::new("MulticastDeviceChatty", "warning", &here),
            Alert::new("MdnsRecordRepeated", "warning", &here),
            Alert::new("MdnsRenameLoop", "warning", "interface=eth0"),
            Alert::new("MdnsNameConflict", "warning", "interface=eth0"),
            Alert::new("MdnsGoodbyeFlapping", "warning", "interface=eth0"),
            Alert::new("MdnsReflectionLoop", "warning", "interface=eth0"),
        ];
        let free = [
            Alert::new("MulticastSegmentFlooding", "critical", "interface=eth1"),
            Alert::new(
                "MulticastSegmentFlooding",
                "critical",
                "instance=other:10353 interface=eth0",
            ),
            Alert::new("MulticastSegmentFlooding", "critical", "job=other interface=eth0"),
            Alert::new("MulticastSegmentFlooding", "critical", "site=south interface=eth0"),
            Alert::new("MulticastLoop", "critical", "interface=eth2"),
            Alert::new("MulticastDeviceChatty", "warning", &neighbour),
            Alert::new("MdnsRecordRepeated", "warning", &neighbour),
            Alert::new("MulticastDeviceChatty", "warning", &elsewhere),
            Alert::new("MdnsRecordRepeated", "warning", &elsewhere),
            Alert::new("MdnsRecordRepeated", "warning", &far),
            Alert::new("MulticastDeviceChatty", "warning", &far),
            Alert::new("MdnsRenameLoop", "warning", "interface=eth1"),
            Alert::new("MdnsReflectionLoop", "warning", "instance=other:10353 interface=eth0"),
            Alert::new("MulticastDeviceBurst", "warning", &here),
            Alert::new("MulticastQuerierMissing", "warning", "interface=eth0 family=ipv4"),
            Alert::new("MulticastHostCost", "warning", "process=avahi-daemon"),
            Alert::new("MulticastCaptureDropping", "warning", "capture=eth0"),
            Alert::new("MulticastQuerierNeverSeen", "info", "interface=eth0 family=ipv6"),
            Alert::new("MulticastExporterDegraded", "info", "collector=syscalls"),
        ];
        desk.inhibits(&flooding, &silenced, &free);

        desk.resolve(&flooding);
        desk.wait_told(&silenced);
        wait_for("the end is told", || {
            desk.about("/page", &flooding).iter().any(|body| body["status"] == "resolved")
        });
        for alert in &silenced {
            assert!(desk.inhibited_by(alert).is_empty(), "{}", alert.mark);
        }
    });
}

#[test]
#[ignore = "root: make test"]
fn an_alert_of_a_lan_silences_what_is_of_that_lan() {
    with_each(|desk| {
        let here = format!("lan=home device={CHATTER}");
        let flooding = Alert::new("MulticastDeviceFlooding", "critical", &here);
        let silenced = [
            Alert::new("MulticastSegmentFlooding", "critical", "lan=home"),
            Alert::new("MulticastDeviceChatty", "warning", &here),
            Alert::new("MdnsNameConflict", "warning", "lan=home"),
        ];
        let free = [
            Alert::new("MulticastSegmentFlooding", "critical", "lan=office"),
            Alert::new("MulticastSegmentFlooding", "critical", "lan=home site=south"),
            Alert::new("MulticastSegmentFlooding", "critical", "interface=eth0"),
            Alert::new("MulticastDeviceChatty", "warning", &format!("lan=home device={OTHER}")),
            Alert::new("MdnsNameConflict", "warning", "interface=home"),
            Alert::new("MulticastHostCost", "warning", "process=avahi-daemon"),
        ];
        desk.inhibits(&flooding, &silenced, &free);
    });
}

#[test]
#[ignore = "root: make test"]
fn a_loop_silences_the_devices_of_its_segment_and_nothing_else() {
    with_each(|desk| {
        let here = format!("interface=eth0 device={CHATTER}");
        let neighbour = format!("interface=eth0 device={OTHER}");
        let loops = Alert::new("MulticastLoop", "critical", "interface=eth0");
        let silenced = [
            Alert::new("MulticastDeviceFlooding", "critical", &here),
            Alert::new("MulticastDeviceBurst", "warning", &here),
            Alert::new("MulticastDeviceBurst", "warning", &neighbour),
            Alert::new("MulticastDeviceChatty", "warning", &neighbour),
            Alert::new("MdnsRecordRepeated", "warning", &neighbour),
            Alert::new("MulticastAddressRepeated", "warning", &neighbour),
            Alert::new("MulticastInventedSenders", "critical", "interface=eth0"),
        ];
        let elsewhere = format!("interface=eth1 device={CHATTER}");
        let far = format!("instance=other:10353 interface=eth0 device={CHATTER}");
        let free = [
            Alert::new("MulticastDeviceFlooding", "critical", &elsewhere),
            Alert::new("MulticastDeviceFlooding", "critical", &far),
            Alert::new("MulticastDeviceBurst", "warning", &elsewhere),
            Alert::new("MulticastDeviceBurst", "warning", &format!("site=south {here}")),
            Alert::new("MulticastDeviceChatty", "warning", &far.replace("0a", "0b")),
            Alert::new("MulticastHostCost", "warning", "process=avahi-daemon"),
            Alert::new("MulticastQuerierConflict", "warning", "interface=eth0 family=ipv4"),
            Alert::new("MulticastCaptureDropping", "warning", "capture=eth0"),
            Alert::new("MulticastExporterDegraded", "info", "collector=syscalls"),
        ];
        desk.inhibits(&loops, &silenced, &free);

        // Silenced twice, and still once when the loop is over: by the device that floods.
        let segment = Alert::new("MulticastSegmentFlooding", "critical", "interface=eth0");
        desk.fire(std::slice::from_ref(&segment));
        assert!(!desk.inhibited_by(&segment).is_empty());
        desk.resolve(&loops);
        desk.wait_told(&silenced);
        let flooding = desk.state(&silenced[0])["fingerprint"].clone();
        assert_eq!(desk.inhibited_by(&segment), [flooding]);
        assert!(!desk.told(&segment));
        desk.resolve(&silenced[0]);
        desk.wait_told(&[segment]);
    });
}

/// By itself: a device that floods silences it too.
#[test]
#[ignore = "root: make test"]
fn a_loop_silences_a_fight_over_a_name() {
    with_each(|desk| {
        let loops = Alert::new("MulticastLoop", "critical", "interface=eth0");
        let silenced = [Alert::new("MdnsNameConflict", "warning", "interface=eth0")];
        let free = [Alert::new("MdnsNameConflict", "warning", "interface=eth1")];
        desk.inhibits(&loops, &silenced, &free);
    });
}

/// An alert that says all that a storm's alert can say, with signs that have a meaning in messages.
fn eloquent(name: &str, severity: &str) -> Alert {
    let labels = format!("interface=eth0 device={CHATTER}");
    let mut alert = Alert::new(name, severity, &labels);
    alert.body["annotations"] = json!({
        "summary": alert.mark,
        "description": "It has sent the same record 200 times a second.",
        "who": "Printer <!channel> & Sons, Brother, HL-L2350DW, 192.0.2.7",
        "where": "segment eth0, seen by nas:10353",
        "what": "repeated_response: one record again and again",
        "rate": "200 frames/s",
        "since": "2026-03-01 02:13:05 UTC",
        "cost": "avahi-daemon makes 3000 system calls/s",
        "action": "Unplug it.",
        "dashboard_url": "http://localhost:3000/d/multicast-device?var-job=a&var-interface=eth0",
        "evidence_url": "http://nas:10353/api/v1/storms",
        "runbook_url": "https://example.org/runbooks/it.md",
    });
    alert
}

/// The values of the annotations, as `escaped` writes them.
fn values(alert: &Alert, escaped: impl Fn(&str) -> String) -> Vec<String> {
    let annotations = alert.body["annotations"].as_object().expect("annotations");
    annotations.values().map(|value| escaped(value.as_str().expect("a text"))).collect()
}

/// As Slack and HTML want it.
fn marked_up(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn assert_says(text: &str, values: &[String]) {
    for value in values {
        assert!(text.contains(value), "{value:?} is missing in {text}");
    }
    assert!(!text.contains("no value"), "{text}");
}

#[test]
#[ignore = "root: make test"]
fn a_page_says_all_that_its_alert_says() {
    with_each(|desk| {
        let alert = eloquent("MulticastDeviceFlooding", "critical");
        let values = values(&alert, str::to_owned);
        desk.fire(std::slice::from_ref(&alert));
        let first = |path| {
            wait_for(&format!("a post to {path}"), || !desk.webhook.received_at(path).is_empty());
            desk.webhook.received_at(path)[0].clone()
        };

        let page = first("/page");
        assert_eq!(page["alerts"][0]["annotations"], alert.body["annotations"]);
        assert_eq!(page["alerts"][0]["labels"], alert.body["labels"]);

        let event = first("/pagerduty");
        assert_eq!(event["routing_key"], ROUTING_KEY);
        assert_eq!(event["event_action"], "trigger");
        let payload = &event["payload"];
        assert_eq!(payload["summary"], alert.mark);
        assert_eq!(payload["severity"], "critical");
        assert_eq!(payload["component"], "eth0");
        let text = payload["custom_details"]["firing"].as_str().expect("a text");
        assert_says(text, &values);
        let annotations = &alert.body["annotations"];
        let links = json!([
            {"href": annotations["dashboard_url"], "text": "Dashboard"},
            {"href": annotations["evidence_url"], "text": "Evidence"},
            {"href": annotations["runbook_url"], "text": "Runbook"},
        ]);
        assert_eq!(event["links"], links);

        desk.resolve(&alert);
        wait_for("the end of the page", || desk.webhook.received_at("/pagerduty").len() == 2);
        let end = &desk.webhook.received_at("/pagerduty")[1];
        assert_eq!(end["event_action"], "resolve");
        assert_eq!(end["dedup_key"], event["dedup_key"]);
    });
}

#[test]
#[ignore = "root: make test"]
fn chat_and_mail_say_all_that_their_alerts_say_and_that_they_are_over() {
    with_each(|desk| {
        let chat = eloquent("MulticastDeviceChatty", "warning");
        let mail = eloquent("MulticastSomething", "info");
        desk.fire(&[chat.clone(), mail.clone()]);
        desk.wait_told(&[chat.clone(), mail.clone()]);

        let message = &desk.webhook.received_at("/slack")[0];
        let attachment = &message["attachments"][0];
        assert_eq!(message["channel"], "#network");
        assert_eq!(attachment["title"], chat.mark);
        assert_eq!(attachment["color"], "warning");
        assert_eq!(attachment["title_link"], chat.body["annotations"]["dashboard_url"]);
        let text = attachment["text"].as_str().expect("a text");
        assert_says(text, &values(&chat, marked_up));
        assert!(!text.contains("<!channel>"), "{text}");

        let letter = desk.mailbox.mails()[0].clone();
        assert!(letter.text.contains(&format!("Subject: {}", mail.mark)), "{}", letter.text);
        let (text, html) = letter.text.split_once("text/html").expect("a part in HTML");
        assert_says(text, &values(&mail, str::to_owned));
        assert_says(html, &values(&mail, marked_up));
        // User and password, each after a zero byte, in base 64.
        let credentials = "AGFsZXJ0bWFuYWdlckBleGFtcGxlLm9yZwBvcGVuLXNlc2FtZQ==";
        assert_eq!((letter.credentials.as_str(), PASSWORD), (credentials, "open-sesame"));

        desk.resolve(&chat);
        desk.resolve(&mail);
        wait_for("the end in the chat", || desk.webhook.received_at("/slack").len() > 1);
        let end = desk.webhook.received_at("/slack")[1]["attachments"][0].clone();
        assert_eq!(end["title"], format!("Resolved: {}", chat.mark));
        assert_eq!(end["color"], "good");
        let text = end["text"].as_str().expect("a text");
        assert!(text.starts_with("*RESOLVED: ") && text.contains("*Ended:*"), "{text}");
        assert!(!text.contains("Do first"), "{text}");
    });
}

#[test]
#[ignore = "root: make test"]
fn an_alert_without_annotations_is_told_by_its_labels() {
    with_each(|desk| {
        let labels = format!("interface=eth0 device={CHATTER}");
        let mut page = Alert::new("MulticastDeviceFlooding", "critical", &labels);
        let mut chat = Alert::new("MulticastHostCost", "warning", "process=avahi-daemon");
        let mut mail = Alert::new("MulticastExporterDegraded", "info", "");
        for alert in [&mut page, &mut chat, &mut mail] {
            alert.body.as_object_mut().expect("an object").remove("annotations");
            alert.mark = alert.body["labels"]["alertname"].as_str().expect("a name").to_owned();
        }
        desk.fire(&[page.clone(), chat, mail]);
        wait_for("all are told", || {
            let came = |path| !desk.webhook.received_at(path).is_empty();
            came("/pagerduty") && came("/slack") && !desk.mailbox.mails().is_empty()
        });
        let event = desk.webhook.received_at("/pagerduty")[0].clone();
        assert_eq!(event["payload"]["summary"], "MulticastDeviceFlooding on eth0 of nas:10353");
        assert!(event.get("links").is_none_or(|links| links == &json!([])), "{event}");
        assert_says(&event.to_string(), &[format!("Who: {CHATTER}")]);
        let message = desk.webhook.received_at("/slack")[0].to_string();
        assert_says(&message, &["*Who:* avahi-daemon".to_owned()]);
        assert_says(&desk.mailbox.mails()[0].text, &["Where: nas:10353".to_owned()]);
    });
}

#[test]
#[ignore = "root: make test"]
fn the_watchdog_comes_again_and_again() {
    with_each(|desk| {
        let watchdog = Alert::new("MulticastWatchdog", "none", "");
        desk.fire(std::slice::from_ref(&watchdog));
        wait_for("three signs of life", || desk.webhook.received_at("/watchdog").len() >= 3);
        let elsewhere = desk.webhook.posts().into_iter().filter(|post| post.path != "/watchdog");
        assert_eq!(elsewhere.count(), 0);
        desk.resolve(&watchdog);
        wait_for("Alertmanager knows", || desk.alertmanager.alerts().is_empty());
        let signs = desk.webhook.received_at("/watchdog");
        assert!(signs.iter().all(|sign| sign["status"] == "firing"), "{signs:?}");
    });
}
