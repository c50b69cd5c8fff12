//! The page of one storm, and the same in the API, without a socket.

use crate::metrics_fixture::{
    FakeLan, capture, device, flooded, held, lan, over, segment, snapshot, stuck,
};
use crate::web_pages::{Answer, Kept, app, get, of};
use axum::Router;
use axum::http::{StatusCode, header};
use multicast_exporter::capture::Backend;
use multicast_exporter::decode::{Protocol, Sender};
use multicast_exporter::detect::{Cause, CauseSet, Condition, SegmentCause};
use multicast_exporter::engine::{Address, DeviceSnapshot, Identity, Snapshot};
use multicast_exporter::lan::{Evidence, LanView, PastStorm, PastStorms};
use multicast_exporter::mac::Mac;
use multicast_exporter::metrics::Scraper;
use multicast_exporter::pipeline::SegmentView;
use multicast_exporter::storm::{Culprit, EndReason, Level, Storm};
use multicast_exporter::time::Stamp;
use multicast_exporter::web::{Settings, router};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const PRINTER: [u8; 6] = [0x00, 0x1e, 0x8f, 0xab, 0x01, 0xff];

fn path(storm: &Storm) -> String {
    format!("/storms/{}", storm.id("eth0"))
}

/// A LAN with one segment, `eth0`.
fn lan_of(snapshot: Snapshot) -> LanView {
    let segment = SegmentView { snapshot, ..segment("eth0", "") };
    LanView { captures: vec![capture("eth0", Backend::Ring, vec![segment])], ..LanView::default() }
}

fn assert_shows(page: &Answer, wanted: &[&str]) {
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    let text = page.text();
    for shown in wanted {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert_is_tame(text);
}

/// No script, no style, no link that a proxy's path would break.
fn assert_is_tame(text: &str) {
    for wild in ["<script", "style=", "<style", "href=\"/", "src=", "<b>"] {
        assert!(!text.contains(wild), "{wild} is in {text}");
    }
}

#[tokio::test]
async fn a_storm_in_progress_is_told_with_who_where_what_and_since_when() {
    let page = get(&app(lan()), &path(&stuck())).await;
    let name = "Canon &quot;Büro&quot; \\ &lt;script&gt;alert(1)&lt;/script&gt;";
    let title = format!("<h1>{name} is in a storm</h1>");
    assert_shows(
        &page,
        &[
            &title,
            "<p class=\"about\">TS6350\u{fffd}series, 10.0.1.8, Canon Inc.</p>",
            "<p class=\"down\">In progress, but quiet now.</p>",
            "<dt>What it does</dt><dd>repeats the same record, and nobody asked \
             (<code>repeated_response, unclassified</code>)</dd>",
            "<dt>About</dt><dd>&lt;b&gt;printer&lt;/b&gt;.local</dd>",
            "<dt>Segment</dt><dd><code>eth0</code></dd>",
            "<dt>LAN</dt><dd>Büro-2</dd>",
            "<dt>Since</dt><dd><time>2023-11-14T22:13:21Z</time></dd>",
            "<dt>Detected</dt><dd><time>2023-11-14T22:13:30Z</time></dd>",
            "<dt>Lasts</dt><dd>1m 30s since it was detected</dd>",
            "<dt>Frames</dt><dd>999000</dd>",
            "<dt>Frames/s</dt><dd>0 now, 200 at most</dd>",
            "<dt>Packets</dt><dd>none are kept without ",
            "<dt>MAC</dt><dd>00:1e:8f:ab:01:ff</dd>",
            "<dt>Address</dt><dd>10.0.1.8</dd>",
            "<dt>Vendor</dt><dd>Canon Inc.</dd>",
            "<dt>Category</dt><dd>printer</dd>",
            "<li>fights with another device over a name (<code>name_conflict</code>): \
             a &lt;script&gt;&quot;\\.local, with 00:11:32:00:00:01; the device defends; \
             since <time>2023-11-14T22:13:50Z</time>, 7 times</li>",
            "<a href=\"1700000020-eth0-segment-2\">the segment</a> is flooded, half of it or more by one \
             device (<code>one_device</code>), since <time>2023-11-14T22:13:32Z</time>",
            "52:54:00:00:00:01</a> repeated the same question (<code>query_flood</code>), \
             from <time>2023-11-14T22:08:20Z</time> to <time>2023-11-14T22:13:25Z</time>",
            "docs/runbooks/MulticastDeviceFlooding.md\"",
            "<a href=\"../api/v1/devices/00:1e:8f:ab:01:ff?interface=eth0\">",
            "<a href=\"../api/v1/storms/1700000010-eth0-001e8fab01ff-1\">",
            "<a href=\"../\">",
        ],
    );
    assert!(
        !page.text().contains("Until") && !page.text().contains("was in a storm"),
        "it is not over"
    );
}

#[tokio::test]
async fn a_storm_that_is_over_is_told_in_the_past() {
    let page = get(&app(lan()), &path(&over())).await;
    assert_shows(
        &page,
        &[
            "<h1>52:54:00:00:00:01 was chatty</h1>",
            "<p>Over: it grew quiet.</p>",
            "<dt>What it did</dt><dd>repeated the same question (<code>query_flood</code>)</dd>",
            "<dt>From</dt><dd><time>2023-11-14T22:08:20Z</time></dd>",
            "<dt>Until</dt><dd><time>2023-11-14T22:13:25Z</time></dd>",
            "<dt>Lasted</dt><dd>5s from its detection on</dd>",
            "<dt>Frames/s</dt><dd>9 at most</dd>",
            "<dt>Where</dt><dd>this machine</dd>",
            "docs/runbooks/MulticastDeviceChatty.md\"",
        ],
    );
    assert!(!page.text().contains("class=\"about\""), "nothing is known");
    // The storm of the printer had begun, and is told below in its own tense.
    let (itself, others) = page.text().split_once("<h2>At the same time").expect("others");
    assert!(others.contains("repeats the same record"), "{others}");
    for of_now in ["In progress", "What it does", "Since", "repeats", "class=\"down\"", " now,"] {
        assert!(!itself.contains(of_now), "{of_now}: {itself}");
    }
}

/// A storm of the printer that is in no view any more.
fn past() -> PastStorm {
    let end = Some((Stamp::new(1_700_000_500, 0), EndReason::InterfaceGone));
    let identity = Identity {
        name: Some("printer <1>.local".into()),
        address: Some(Address::Ip([10, 0, 1, 8].into())),
        ..Identity::default()
    };
    PastStorm {
        storm: Storm { end, number: 7, ..stuck() },
        label: "eth1 <b>".into(),
        lan: Some("office".into()),
        identity: Some(Arc::new(identity)),
    }
}

#[tokio::test]
async fn a_storm_outlives_its_device_and_its_segment() {
    let past = past();
    let id = past.storm.id("eth1 <b>");
    let app =
        router(Scraper::new(FakeLan::with_past(lan(), vec![past])), None, &Settings::default());
    let page = get(&app, &format!("/storms/{id}")).await;
    assert_shows(
        &page,
        &[
            "<h1>printer &lt;1&gt;.local was in a storm</h1>",
            "<p>Over: the interface is gone, so nobody knows.</p>",
            "<dt>What it did</dt><dd>repeated the same record, and nobody had asked ",
            "<dt>Segment</dt><dd><code>eth1 &lt;b&gt;</code></dd>",
            "<dt>LAN</dt><dd>office</dd>",
            "<p>It is not tracked any more. This was known of it:</p>",
            "<dt>Address</dt><dd>10.0.1.8</dd>",
        ],
    );
    assert!(!page.text().contains("api/v1/devices"), "the API has no such device");
    let told = of(&get(&app, &format!("/api/v1/storms/{id}")).await);
    assert_eq!(
        (&told["interface"], &told["end_reason"], &told["device"]),
        (&json!("eth1 <b>"), &json!("interface_gone"), &json!("00:1e:8f:ab:01:ff"))
    );
}

#[tokio::test]
async fn a_device_that_came_back_is_who_it_is_now() {
    let mut past = past();
    past.label = "eth0".into();
    let id = past.storm.id("eth0");
    let app =
        router(Scraper::new(FakeLan::with_past(lan(), vec![past])), None, &Settings::default());
    let page = get(&app, &format!("/storms/{id}")).await;
    assert_shows(&page, &["<h1>Canon &quot;Büro&quot;", "<dt>LAN</dt><dd>Büro-2</dd>"]);
}

#[tokio::test]
async fn a_storm_of_a_segment_names_the_busiest() {
    let busy = |n: u8, latest| DeviceSnapshot {
        latest,
        ..device([2, 0, 0, 0, 0, n], &[(Protocol::Arp, 9)])
    };
    let storm = flooded();
    let devices = vec![busy(1, 30), busy(2, 700), busy(3, 0)];
    let lasting = Snapshot {
        storms: vec![storm.clone()],
        segment_storm: Some(storm.clone()),
        ..snapshot(devices.clone())
    };
    let page = get(&app(lan_of(lasting)), &path(&storm)).await;
    assert_shows(
        &page,
        &[
            "<h1>Segment eth0 is in a storm</h1>",
            "<p class=\"down\">In progress.</p>",
            "<dt>What goes on</dt><dd>is flooded, half of it or more by one device",
            "<h2>Busiest devices of eth0 now</h2>",
            "docs/runbooks/MulticastSegmentFlooding.md\"",
        ],
    );
    let place = |mac: &str| page.text().find(&format!("<code>{mac}</code>"));
    assert!(place("02:00:00:00:00:02") < place("02:00:00:00:00:01"));
    assert_eq!(place("02:00:00:00:00:03"), None, "it is silent");
    assert!(!page.text().contains("<h2>Device</h2>"));
    assert_shows(&page, &["<dt>Packets</dt><dd>none are kept of a storm of a whole segment</dd>"]);
    let ended = Storm { end: Some((Stamp::new(1_700_000_099, 0), EndReason::Quiet)), ..storm };
    let quiet = Snapshot { storms: vec![ended.clone()], ..snapshot(devices) };
    let page = get(&app(lan_of(quiet)), &path(&ended)).await;
    assert_shows(&page, &["<h1>Segment eth0 was in a storm</h1>", "<dt>What went on</dt>"]);
    assert!(!page.text().contains("Busiest"), "now is not then");
}

#[tokio::test]
async fn who_asks_and_the_other_party_are_named() {
    let asker = Sender::Mac(Mac([2, 0, 0, 0, 0, 5]));
    let storm = Storm {
        culprit: Culprit::Device {
            sender: Sender::Mac(Mac(PRINTER)),
            cause: Cause::Answering,
            also: CauseSet::NONE,
        },
        provoked_by: Some(vec![asker, Sender::Mac(Mac([2, 0, 0, 0, 0, 6]))].into()),
        provoked: 12,
        ..stuck()
    };
    let named = Identity { name: Some("pc <1>".into()), ..Identity::default() };
    let pc = DeviceSnapshot {
        identity: Arc::new(named),
        ..device([2, 0, 0, 0, 0, 5], &[(Protocol::Mdns, 9)])
    };
    let mut fight = held(Condition::NameConflict);
    fight.told.other = Some(asker);
    fight.latest.other = Some(asker);
    fight.until = Some(Stamp::new(1_700_000_700, 0));
    fight.count = 1;
    let printer =
        DeviceSnapshot { conditions: vec![fight], ..device(PRINTER, &[(Protocol::Mdns, 9)]) };
    let storms = vec![storm.clone()];
    let view = lan_of(Snapshot { storms, ..snapshot(vec![pc, printer]) });
    let page = get(&app(view), &path(&storm)).await;
    assert_shows(
        &page,
        &[
            "<dt>Asked by</dt><dd>02:00:00:00:00:05 (pc &lt;1&gt;), 02:00:00:00:00:06</dd>",
            "<dt>Answers of others</dt><dd>12</dd>",
            "<li>fought with another device over a name (<code>name_conflict</code>): \
             a &lt;script&gt;&quot;\\.local, with 02:00:00:00:00:05 (pc &lt;1&gt;); the device defends; \
             from <time>2023-11-14T22:13:50Z</time> to <time>2023-11-14T22:25:00Z</time>, once</li>",
        ],
    );
}

#[tokio::test]
async fn what_is_kept_of_it_is_linked_if_it_is_given_out() {
    let with = |enable_capture_download, evidence: Option<Arc<dyn Evidence>>| {
        let settings = Settings { enable_capture_download, ..Settings::default() };
        router(Scraper::new(FakeLan::new(lan())), evidence, &settings)
    };
    let packets = async |app: Router, storm: &Storm| {
        let page = get(&app, &path(storm)).await;
        let line = page.text().lines().find(|line| line.starts_with("<dt>Packets</dt>"));
        line.expect("it is said").to_owned()
    };
    let link = "href=\"../api/v1/storms/1700000010-eth0-001e8fab01ff-1/capture\"";
    let open = packets(with(true, Some(Arc::new(Kept))), &stuck()).await;
    assert!(open.contains(link), "{open}");
    let closed = packets(with(false, Some(Arc::new(Kept))), &stuck()).await;
    assert!(!closed.contains("href") && closed.contains("--web.enable-capture-download"));
    assert!(closed.contains("<code>1700000010-eth0-001e8fab01ff-1.pcapng</code>"), "{closed}");
    let none = packets(with(true, Some(Arc::new(Kept))), &over()).await;
    assert!(none.ends_with("<dd>none are kept of it</dd>"), "{none}");
}

#[tokio::test]
async fn a_storm_that_is_not_known_is_a_page_that_says_why() {
    let app = app(lan());
    for id in [
        "1700000010-eth0-001e8fab01ff-2",
        "1700000010-eth0.30-001e8fab01ff-1",
        "1700000010-eth0-001e8fab01ff-1x",
        "x",
        "..%2f..%2fetc%2fpasswd",
        "%3Cscript%3E",
        &"1".repeat(300),
    ] {
        let page = get(&app, &format!("/storms/{id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        assert_eq!(page.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
        let text = page.text();
        let of_storms = format!("the last {} that are over", PastStorms::KEPT);
        assert!(
            text.contains("This exporter was started at <time>20") && text.contains(&of_storms)
        );
        assert!(text.contains("<a href=\"../\">"), "{text}");
        assert_is_tame(text);
        let told = get(&app, &format!("/api/v1/storms/{id}")).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{id}");
        assert_eq!(of(&told), json!({"error": "no such storm is known"}));
    }
    let at_root = Settings { telemetry_path: "/".parse().unwrap(), ..Settings::default() };
    let without = router(Scraper::new(FakeLan::new(lan())), None, &at_root);
    assert!(!get(&without, "/storms/x").await.text().contains("href=\"../\""), "metrics are there");
    assert!(!get(&without, &path(&stuck())).await.text().contains("href=\"../\""));
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "what happens then is what is tested")]
async fn a_storm_that_could_not_be_read_is_not_unknown() {
    let past = past();
    let kept = past.storm.id(&past.label);
    let lan = FakeLan::with_past(lan(), vec![past]);
    let app = router(Scraper::new(lan.clone()), None, &Settings::default());
    let _held = lan.captures[0].1.lock();
    for under in ["/storms", "/api/v1/storms"] {
        let busy = get(&app, &format!("{under}/{}", stuck().id("eth0"))).await;
        assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE, "{under}");
        assert!(busy.text().contains("could not be read in time"), "{}", busy.text());
        let known = get(&app, &format!("{under}/{kept}")).await;
        assert_eq!(known.status, StatusCode::OK, "{under}");
    }
}

#[tokio::test]
async fn the_api_has_one_storm_as_the_list_has_it() {
    let app = app(lan());
    let list = of(&get(&app, "/api/v1/storms").await);
    let storms = list["storms"].as_array().unwrap();
    assert_eq!(storms.len(), 3);
    for storm in storms {
        let id = storm["id"].as_str().unwrap();
        assert_eq!(of(&get(&app, &format!("/api/v1/storms/{id}")).await), *storm);
    }
}

/// Storms of every cause and level.
fn every() -> Vec<Storm> {
    let of_device = |level, cause| {
        let sender = Sender::Mac(Mac(PRINTER));
        let culprit = Culprit::Device { sender, cause, also: CauseSet::NONE };
        Storm { culprit, level, ..stuck() }
    };
    let of_segment = |cause| Storm { culprit: Culprit::Segment { cause }, ..flooded() };
    let levels = Level::ALL.into_iter();
    let of_devices = levels.flat_map(|level| Cause::ALL.map(|cause| of_device(level, cause)));
    of_devices.chain(SegmentCause::ALL.map(of_segment)).collect()
}

#[tokio::test]
async fn every_cause_is_told_in_both_tenses_and_has_the_runbook_of_an_alert() {
    let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/alerts.rules.yml");
    let alerts = fs::read_to_string(alerts).expect("it is shipped");
    for storm in every() {
        let end = Some((Stamp::new(1_700_000_099, 0), EndReason::Quiet));
        for (storm, words) in [
            (storm.clone(), storm.culprit.in_words()),
            (Storm { end, ..storm.clone() }, storm.culprit.in_past()),
        ] {
            let view = lan_of(Snapshot { storms: vec![storm.clone()], ..snapshot(vec![]) });
            let page = get(&app(view), &path(&storm)).await;
            assert_shows(&page, &[&format!("<dd>{words} (<code>{}", storm.culprit.cause())]);
            let link = page.text().split("<a href=\"https").nth(1).expect("a runbook");
            let url = format!("https{}", link.split('"').next().expect("an end"));
            assert!(alerts.contains(&format!("runbook_url: {url}\n")), "{url}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_name_changes_the_page_around_it(name in "[<>&\"'a-z/=]{1,63}") {
        let with_name = |name: &str| {
            let identity = Identity {
                name: Some(name.into()),
                model: Some(name.into()),
                contested: vec![name.into()],
                ..Identity::default()
            };
            let mut fight = held(Condition::NameConflict);
            fight.latest.detail = name.into();
            let device = DeviceSnapshot {
                identity: Arc::new(identity),
                conditions: vec![fight],
                ..device(PRINTER, &[(Protocol::Mdns, 1)])
            };
            let detail = multicast_exporter::storm::Detail::new(name);
            let storms = vec![Storm { detail, ..stuck() }, flooded()];
            let snapshot = Snapshot { storms, ..snapshot(vec![device]) };
            let segment = SegmentView { lan: Some(name.into()), snapshot, ..segment(name, "") };
            let capture = capture(name, Backend::Ring, vec![segment]);
            LanView { captures: vec![capture], ..LanView::default() }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let count = |name: &str| {
            let path = format!("/storms/{}", stuck().id(name));
            let page = runtime.block_on(async { get(&app(with_name(name)), &path).await });
            assert_eq!(page.status, StatusCode::OK);
            let text = page.text();
            (text.matches('<').count(), text.matches('"').count(), text.matches('>').count())
        };
        prop_assert_eq!(count(&name), count("plain"));
    }
}
