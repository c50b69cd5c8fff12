//! A locked-up printer from its first packet to the page and to the end. Everything but the
//! household is real: the program, an avahi-daemon beside it, Prometheus and Alertmanager with the
//! shipped files, and a printer that locks up in a namespace of its own.
//!
//! Durations of the shipped files are divided by `INCIDENT_FACTOR`, 10 if that is not set. With 1
//! it takes 20 minutes, and what it prints is what docs/incident.md says.

mod e2e;
#[path = "grafana/mod.rs"]
mod grafana;

use e2e::household::Household;
use e2e::monitoring::Monitoring;
use e2e::support::lan::Lan;
use e2e::{Exporter, avahi};
use multicast_exporter::time::clock;
use std::time::Duration;
use std::{env, thread};

const PRINTER: &str = "00:1e:8f:ab:10:08";
const NAME: &str = "A1CA45000000.local";
/// What else a busy machine may need, however much durations are shortened.
const SLACK: Duration = Duration::from_mins(1);

/// Panels of what does not happen here, or of which one query is about the opposite.
const NOT_IN_THIS_INCIDENT: [&str; 21] = [
    "device, Answers that it provokes",
    "device, Conditions",
    "device, Storm",
    "device, Streams",
    "device, Streams over time",
    "device, What it is about",
    "exporter, Devices forgotten",
    "exporter, Frames dropped over time",
    "exporter, Frames in which something was wrong",
    "exporter, Steps of the clock",
    "host, Datagrams lost over time",
    "host, Waiting in queues",
    "lan, Conditions now",
    "lan, Storms ended, by cause",
    "lan, Streams",
    "lan, Streams over time",
    "mdns, Answers, and slow ones",
    "mdns, Copies, and rules suspended",
    "mdns, Services that are missed",
    "sites, Exporters that are down or blind",
    "sites, Sites",
];

fn factor() -> u32 {
    env::var("INCIDENT_FACTOR").map_or(10, |factor| factor.parse().expect("a whole number"))
}

/// Fails if anything but the watchdog has fired, or reached anybody.
fn nothing_has_fired(monitoring: &Monitoring<'_>, when: &str) {
    let fired = monitoring.names(r#"last_over_time(ALERTS{alertstate="firing"}[1h])"#);
    assert_eq!(fired, Vec::<String>::new(), "{when}");
    for post in monitoring.desk.webhook.posts() {
        assert_eq!(post.path, "/watchdog", "{when}: {:#}", post.body);
    }
}

/// The exporter is restarted: counters begin at 0 again, and no rate shows it.
fn restart<'a>(monitoring: &Monitoring<'_>, exporter: Exporter<'a>) -> Exporter<'a> {
    let namespace = exporter.namespace;
    drop(exporter);
    let exporter = Exporter::start(namespace, &["--capture.interface=eth0"]);
    let total = r#"sum(multicast_interface_packets_total{interface="eth0"})"#;
    let seconds = monitoring.shortened(120).as_secs();
    monitoring.wait("the counters' reset", SLACK, || {
        let resets = format!(
            r#"resets(multicast_interface_packets_total{{interface="eth0",protocol="arp"}}[{seconds}s]) > 0"#
        );
        !monitoring.query(&resets).is_empty() && !monitoring.query(total).is_empty()
    });
    thread::sleep(monitoring.shortened(60));
    let rate = format!(
        r#"max(max_over_time(rate(multicast_interface_packets_total{{interface="eth0"}}[{seconds}s])[{seconds}s:1s]))"#
    );
    let samples = monitoring.query(&rate);
    let rate: f64 = samples[0]["value"][1].as_str().expect("text").parse().expect("a number");
    assert!((0.0..100.0).contains(&rate), "{rate} packets a second by a restart");
    exporter
}

#[test]
#[ignore = "root: make test"]
fn a_page_names_the_printer() {
    let factor = factor();
    let lan = Lan::new(3);
    let [server, printer, others] = &lan.hosts[..] else { panic!("three hosts") };
    // The household's addresses are on this link.
    server.namespace.ip(&["route", "add", "10.0.1.0/24", "dev", "eth0"]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let _avahi = avahi::start(&server.namespace, directory.path(), "eth0");
    let exporter = Exporter::start(&server.namespace, &["--capture.interface=eth0"]);
    exporter.wait_up("eth0", true);

    // A household has booted, and lives for a while. Its boot does not get shorter with the rates
    // of the rules: what a boot looks like to them, promtool tests.
    let household = Household::start(printer, others);
    thread::sleep(Duration::from_secs(30));
    let monitoring = Monitoring::start(&server.namespace, factor);
    thread::sleep(Duration::from_secs(20).max(monitoring.shortened(300)));
    nothing_has_fired(&monitoring, "on a healthy LAN");
    let watchdog = monitoring.sent("/watchdog", "MulticastWatchdog", "firing");
    assert!(watchdog.is_some(), "the dead-man's switch hears the watchdog");

    // The printer locks up.
    let first_packet = household.lock_up_the_printer();
    let within = SLACK + monitoring.shortened(180);
    let mut page = None;
    monitoring.wait("a page", within, || {
        page = monitoring.sent("/page", "MulticastDeviceFlooding", "firing");
        page.is_some()
    });
    let (at, page) = page.expect("it was waited for");
    println!("from the first packet to the page: {:.1?}\n{page:#}", at.since(first_packet));
    assert_eq!(page["labels"]["device"], PRINTER);
    assert_eq!(page["labels"]["interface"], "eth0");
    let says = |annotation: &str| page["annotations"][annotation].as_str().unwrap_or_default();
    assert!(says("who").contains(NAME) && says("who").contains("10.0.1.8"), "{page:#}");
    assert!(says("what").contains("(cause repeated_response)"), "{page:#}");
    assert!(says("rate").contains("mdns"), "{page:#}");
    assert!(says("cost").contains("system calls a second"), "{page:#}");
    assert!(says("runbook_url").ends_with("MulticastDeviceFlooding.md"), "{page:#}");

    // What it costs this host.
    let cost = r#"ALERTS{alertname="MulticastHostCost",alertstate="firing"}"#;
    monitoring.wait("the cost", within, || !monitoring.query(cost).is_empty());
    assert_eq!(monitoring.label(cost, "process"), ["avahi-daemon"]);
    let in_chat = |word: &str| {
        let posts = monitoring.desk.webhook.received_at("/slack");
        posts.iter().map(ToString::to_string).find(|post| {
            post.contains("MulticastHostCost")
                && post.contains("avahi-daemon")
                && post.contains(word)
        })
    };
    monitoring.wait("the cost in the chat", within, || in_chat("").is_some());
    assert!(monitoring.desk.webhook.received_at("/pagerduty").len() == 1, "one page");

    // Every panel of the dashboards now shows something, but those that say in words why not.
    thread::sleep(monitoring.shortened(60));
    let panels = grafana::queries();
    assert!(panels.len() > 50, "{} queries", panels.len());
    let mut empty = Vec::new();
    for panel in &panels {
        let query = panel.filled(factor, "eth0", PRINTER);
        let may_be = NOT_IN_THIS_INCIDENT.contains(&panel.title.as_str()) && panel.says_none;
        if monitoring.query(&query).is_empty() && !may_be {
            empty.push(format!("{}: {query}", panel.title));
        }
    }
    assert!(empty.is_empty(), "panels without data:\n{}", empty.join("\n"));

    // It is unplugged.
    lan.switch.ip(&["link", "set", "port2", "down"]);
    let unplugged = clock::now().monotonic;
    monitoring.wait("the end of both", within + Duration::from_mins(1), || {
        monitoring.sent("/page", "MulticastDeviceFlooding", "resolved").is_some()
            && monitoring.query(cost).is_empty()
    });
    println!("from the plug to the end: {:?}", clock::now().monotonic.since(unplugged));
    // Alertmanager tells the end of what it told at the next group_interval.
    let interval = monitoring.shortened(300);
    monitoring.wait("the end in the chat", within + interval, || {
        monitoring.desk.webhook.received_at("/slack").iter().any(|post| {
            let post = post.to_string();
            post.contains("MulticastHostCost") && post.to_lowercase().contains("resolved")
        })
    });
    // By both ways of paging, one of which may be the slower.
    let events = || monitoring.desk.webhook.received_at("/pagerduty").len();
    monitoring.wait("the end at PagerDuty", SLACK, || events() == 2);
    // These two and no others, and the page was one.
    let page_alerts = monitoring.desk.webhook.received_at("/page");
    for post in &page_alerts {
        assert_eq!(post["groupLabels"]["alertname"], "MulticastDeviceFlooding", "{post:#}");
    }
    let chat = monitoring.desk.webhook.received_at("/slack");
    for post in chat.iter().map(ToString::to_string) {
        assert!(post.contains("MulticastHostCost"), "{post}");
    }

    // The exporter is restarted, and no alert is sent.
    let posts =
        || monitoring.desk.webhook.posts().into_iter().filter(|post| post.path != "/watchdog");
    let before = posts().count();
    let _exporter = restart(&monitoring, exporter);
    assert_eq!(posts().count(), before, "{:#?}", posts().next_back());
}
