//! The pages without a socket: requests and their answers.

use crate::metrics_fixture::{
    FakeLan, capture, device, flooded, lan, over, segment, snapshot, stuck,
};
use crate::support::exposition::parse;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use flate2::read::GzDecoder;
use multicast_exporter::capture::Backend;
use multicast_exporter::decode::Protocol;
use multicast_exporter::detect::{Cause, CauseSet};
use multicast_exporter::engine::{DeviceSnapshot, Identity, Snapshot};
use multicast_exporter::lan::LanView;
use multicast_exporter::lan::{Evidence, PassedOver};
use multicast_exporter::metrics::Scraper;
use multicast_exporter::pipeline::SegmentView;
use multicast_exporter::storm::{Culprit, Level, Storm};
use multicast_exporter::web::{Settings, router};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tower::ServiceExt as _;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

pub(crate) fn app(view: LanView) -> Router {
    router(Scraper::new(FakeLan::new(view)), None, &Settings::default())
}

pub(crate) async fn ask(
    app: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

pub(crate) async fn get(app: &Router, path: &str) -> Answer {
    ask(app, "GET", path, &[]).await
}

#[tokio::test]
async fn content_types_are_exact() {
    let app = app(lan());
    let plain = get(&app, "/metrics").await;
    assert_eq!(plain.status, StatusCode::OK);
    assert_eq!(plain.header(header::CONTENT_TYPE), TEXT);
    assert_eq!(plain.header(header::VARY), "Accept, Accept-Encoding");
    assert!(plain.headers.get(header::CONTENT_ENCODING).is_none());
    assert!(!parse(plain.text()).eof);
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2";
    let openmetrics = ask(&app, "GET", "/metrics", &[("accept", accept)]).await;
    assert_eq!(openmetrics.header(header::CONTENT_TYPE), OPENMETRICS);
    assert!(openmetrics.text().ends_with("# EOF\n"));
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    let browser = ask(&app, "GET", "/metrics", &[("accept", accept)]).await;
    assert_eq!(browser.header(header::CONTENT_TYPE), TEXT);
}

#[tokio::test]
async fn where_people_reach_it_is_told_if_that_was_said() {
    let of = async |external_url: Option<&str>| {
        let external_url = external_url.map(|url| url.parse().unwrap());
        let settings = Settings { external_url, ..Settings::default() };
        let app = router(Scraper::new(FakeLan::new(lan())), None, &settings);
        let answer = get(&app, "/metrics?collect[]=exporter").await;
        let lines = answer.text().lines();
        lines.filter(|line| line.contains("web_info")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(None).await, Vec::<String>::new());
    let told = of(Some("https://nas.example:8443/multicast/")).await;
    let line = "multicast_exporter_web_info{external_url=\"https://nas.example:8443/multicast\"} 1";
    assert_eq!(told.last().map(String::as_str), Some(line), "{told:?}");
}

#[tokio::test]
async fn gzip_holds_what_plain_holds() {
    let app = app(lan());
    let path = "/metrics?exclude[]=process";
    let plain = get(&app, path).await;
    let packed = ask(&app, "GET", path, &[("accept-encoding", "deflate, gzip")]).await;
    assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
    assert_eq!(packed.header(header::CONTENT_LENGTH), packed.bytes.len().to_string());
    let mut text = String::new();
    GzDecoder::new(&*packed.bytes).read_to_string(&mut text).unwrap();
    let stable = |text: &str| {
        let line = |line: &&str| !line.starts_with("multicast_scrape_collector_duration_seconds{");
        text.lines().filter(line).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(stable(&text), stable(plain.text()));
    assert!(packed.bytes.len() * 4 < text.len());
}

#[tokio::test]
async fn collectors_are_chosen_and_excluded() {
    let app = app(lan());
    let some = get(&app, "/metrics?collect[]=mdns&collect%5B%5D=exporter").await;
    let some = parse(some.text());
    assert!(some.has("mdns_device_messages_total") && some.has("multicast_exporter_build_info"));
    assert!(!some.has("multicast_device_info") && !some.has("process_threads"));
    let rest = get(&app, "/metrics?exclude[]=devices").await;
    let rest = parse(rest.text());
    assert!(!rest.has("multicast_device_info") && rest.has("multicast_interface_packets_total"));
    for (query, why) in [
        ("collect[]=cpu", "unknown collector \"cpu\""),
        ("collect[]=mdns&exclude[]=devices", "cannot be used together"),
        ("exclude[]=", "unknown collector \"\""),
    ] {
        let bad = get(&app, &format!("/metrics?{query}")).await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(bad.text().contains(why), "{query}: {}", bad.text());
    }
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "what happens then is what is tested")]
async fn the_scrape_timeout_bounds_the_wait_for_a_lock() {
    let lan = FakeLan::new(lan());
    let app = router(Scraper::new(lan.clone()), None, &Settings::default());
    let held = lan.captures[0].1.lock();
    let header = ("x-prometheus-scrape-timeout-seconds", "0.05");
    // Without the bound this would wait for as long as the lock is held: forever.
    let answer = ask(&app, "GET", "/metrics", &[header]).await;
    drop(held);
    let body = parse(answer.text());
    let success =
        |collector| body.value("multicast_scrape_collector_success", &[("collector", collector)]);
    assert_eq!((success("devices"), success("captures")), (Some(0.0), Some(1.0)));
    assert!(body.label_values("multicast_device_info", "interface").contains("wlan0"));
    let bad = ask(&app, "GET", "/metrics", &[(header.0, "soon")]).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "what happens then is what is tested")]
async fn a_flood_of_requests_is_refused_beyond_the_limit() {
    let lan = FakeLan::new(lan());
    let settings = Settings { max_requests: 3, ..Settings::default() };
    let app = router(Scraper::new(lan.clone()), None, &settings);
    let flood: Vec<_> = {
        let _held = lan.captures[0].1.lock();
        let asked: Vec<_> = (0..10)
            .map(|_| {
                let app = app.clone();
                tokio::spawn(async move { ask(&app, "GET", "/metrics", &[]).await.status })
            })
            .collect();
        // Seven are refused while the lock is held; only then can the others go on.
        let mut refused = 0;
        while refused < 7 {
            tokio::task::yield_now().await;
            refused = asked.iter().filter(|task| task.is_finished()).count();
        }
        asked
    };
    let mut statuses = Vec::new();
    for task in flood {
        statuses.push(task.await.unwrap());
    }
    let of = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((of(StatusCode::OK), of(StatusCode::SERVICE_UNAVAILABLE)), (3, 7));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = app(lan());
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/static/style.css",
        "/api/v1/status",
        "/api/v1/devices",
        "/api/v1/devices/00:1e:8f:ab:01:ff",
        "/api/v1/storms",
        "/api/v1/storms/1700000010-eth0-001e8fab01ff-1",
        "/storms/1700000010-eth0-001e8fab01ff-1",
    ] {
        let head = ask(&app, "HEAD", path, &[]).await;
        assert_eq!(head.status, StatusCode::OK, "{path}");
        assert!(head.bytes.is_empty(), "{path}");
        let got = get(&app, path).await;
        assert_eq!(head.header(header::CONTENT_TYPE), got.header(header::CONTENT_TYPE));
    }
}

#[tokio::test]
async fn health_and_readiness() {
    let lan = FakeLan::new(lan());
    lan.ready.store(false, Ordering::SeqCst);
    let app = router(Scraper::new(lan.clone()), None, &Settings::default());
    assert_eq!(get(&app, "/-/healthy").await.status, StatusCode::OK);
    assert_eq!(get(&app, "/-/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(get(&app, "/").await.text().contains("The captures are starting."));
    lan.ready.store(true, Ordering::SeqCst);
    assert_eq!(get(&app, "/-/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn whatever_is_not_there_is_said_in_plain_text() {
    let app = app(lan());
    let missing = get(&app, "/nothing/%3Cscript%3E").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    for path in [
        "/metrics",
        "/",
        "/-/healthy",
        "/api/v1/status",
        "/api/v1/devices",
        "/api/v1/devices/x",
        "/api/v1/storms",
        "/api/v1/storms/x",
        "/api/v1/storms/x/capture",
        "/storms/x",
    ] {
        let posted = ask(&app, "POST", path, &[]).await;
        assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(posted.header(header::ALLOW), "GET,HEAD");
        let kind = if path.starts_with("/api/") {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        assert_eq!(posted.header(header::CONTENT_TYPE), kind, "{path}");
    }
}

#[tokio::test]
async fn errors_below_api_are_json_whatever_they_are() {
    let app = app(lan());
    let storm = "/api/v1/storms/1700000010-eth0-001e8fab01ff-1/capture";
    for (method, path, status) in [
        ("GET", "/api", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/api/v1/nosuch", 404),
        ("GET", "/api/v1/devices/x", 404),
        ("GET", "/api/v1/storms/x", 404),
        ("GET", storm, 403),
        ("POST", "/api/v1/devices", 405),
        ("GET", "/api/v1/devices?interface=a&interface=b", 400),
        ("GET", "/api/v1/status?interface=a&interface=b", 400),
        ("GET", "/api/v1/storms?interface=a&interface=b", 400),
    ] {
        let answer = ask(&app, method, path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/json", "{path}");
        assert_eq!(keys(&of(&answer)), "error", "{path}");
    }
}

#[tokio::test]
async fn lists_are_of_the_segment_that_is_asked_for() {
    let app = app(lan());
    for list in ["devices", "storms"] {
        let all = of(&get(&app, &format!("/api/v1/{list}")).await);
        let all = all[list].as_array().unwrap();
        for interface in ["eth0", "wlan0", "nosuch"] {
            let some = of(&get(&app, &format!("/api/v1/{list}?interface={interface}")).await);
            let wanted: Vec<_> = all.iter().filter(|one| one["interface"] == interface).collect();
            assert_eq!(some[list].as_array().unwrap().iter().collect::<Vec<_>>(), wanted);
        }
    }
    let status = of(&get(&app, "/api/v1/status?interface=wlan0").await);
    let segments = status["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 1);
    assert_eq!(segments[0]["interface"], "wlan0");
}

#[tokio::test]
async fn every_answer_has_the_safe_headers() {
    let app = app(lan());
    for path in [
        "/",
        "/metrics",
        "/metrics?collect[]=x",
        "/-/ready",
        "/static/style.css",
        "/no",
        "/api/v1/status",
        "/api/v1/devices",
        "/api/v1/devices/x",
        "/api/v1/storms/x",
        "/api/v1/storms/x/capture",
        "/storms/x",
        "/storms/1700000010-eth0-001e8fab01ff-1",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'self'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
    }
}

#[tokio::test]
async fn the_page_shows_what_is_captured_and_by_whom_it_is_used() {
    let page = get(&app(lan()), "/").await;
    assert_eq!(page.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    let text = page.text();
    for shown in [
        "href=\"metrics\"",
        "<a href=\"storms/1700000010-eth0-001e8fab01ff-1\"><code>00:1e:8f:ab:01:ff</code></a>",
        "<a href=\"storms/1700000020-eth0-segment-2\">the segment</a>",
        "Canon &quot;Büro&quot; \\ &lt;script&gt;alert(1)&lt;/script&gt;",
        "no free &lt;socket&gt;",
        "00:1e:8f:ab:01:ff",
        "Canon Inc.",
        "printer",
        "fe80::1",
        "(this machine)",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    let first = text.find("<h2 class=\"down\">Storms</h2>").unwrap();
    assert!(first < text.find("<h2>Interfaces</h2>").unwrap(), "storms come first");
    for shown in [
        "2 in progress.",
        "repeats the same record, and nobody asked (repeated_response)",
        "is flooded, half of it or more by one device (one_device)",
        "<td>2023-11-14T22:13:21Z</td>",
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert!(!text.contains("query_flood"), "what is over is not going on");
    // The policy forbids them, so they would not work.
    assert!(text.contains("fights with another device over a name (name_conflict)"));
    assert!(text.contains("a &lt;script&gt;"), "what it is about is shown, and escaped");
    assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("<style"));
}

#[tokio::test]
async fn the_page_lists_the_busiest_first_and_not_all() {
    let devices = (0..=255).map(|n| DeviceSnapshot {
        peak_minute: u32::from(n),
        ..device([2, 0, 0, 0, 0, n], &[(Protocol::Mdns, 1)])
    });
    let segment = SegmentView { snapshot: snapshot(devices.collect()), ..segment("eth0", "") };
    let view = LanView {
        captures: vec![capture("eth0", Backend::Ring, vec![segment])],
        ..LanView::default()
    };
    let page = get(&app(view), "/").await;
    let first = page.text().find("02:00:00:00:00:ff").unwrap();
    assert!(first < page.text().find("02:00:00:00:00:fe").unwrap());
    assert!(page.text().contains("50 of 256"));
    assert_eq!(page.text().matches("<td><code>02:00:").count(), 50);
}

#[tokio::test]
async fn the_telemetry_path_can_be_another() {
    let scraper = || Scraper::new(FakeLan::new(lan()));
    let at = |path: &str| Settings { telemetry_path: path.parse().unwrap(), ..Settings::default() };
    let elsewhere = router(scraper(), None, &at("/a/b"));
    assert_eq!(get(&elsewhere, "/a/b").await.header(header::CONTENT_TYPE), TEXT);
    assert_eq!(get(&elsewhere, "/metrics").await.status, StatusCode::NOT_FOUND);
    assert!(get(&elsewhere, "/").await.text().contains("href=\"a/b\""));
    let at_root = router(scraper(), None, &at("/"));
    assert_eq!(get(&at_root, "/").await.header(header::CONTENT_TYPE), TEXT);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_name_changes_the_page_around_it(name in "[<>&\"'a-z/=]{1,64}") {
        let with_name = |name: &str| {
            let identity = Identity {
                name: Some(name.into()),
                model: Some(name.into()),
                ..Identity::default()
            };
            let device = DeviceSnapshot {
                identity: Arc::new(identity),
                ..device([2, 0, 0, 0, 0, 1], &[(Protocol::Mdns, 1)])
            };
            let segment = SegmentView { snapshot: snapshot(vec![device]), ..segment(name, name) };
            let capture = capture(name, Backend::Ring, vec![segment]);
            LanView { captures: vec![capture], ..LanView::default() }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let count = |view| {
            let page = runtime.block_on(async { get(&app(view), "/").await });
            let text = page.text();
            (text.matches('<').count(), text.matches('"').count(), text.matches('>').count())
        };
        prop_assert_eq!(count(with_name(&name)), count(with_name("plain")));
    }
}

#[tokio::test]
async fn the_page_says_why_interfaces_are_not_captured() {
    let passed_over = PassedOver { interface: "<veth>".into(), reason: "is <small>".into() };
    let view = LanView { passed_over: vec![passed_over], ..LanView::default() };
    let page = get(&app(view), "/").await;
    assert!(page.text().contains("<li><code>&lt;veth&gt;</code> is &lt;small&gt;</li>"));
}

/// The JSON of an answer, which must be one line.
pub(crate) fn of(answer: &Answer) -> Value {
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.text().lines().count(), 1, "{}", answer.text());
    assert!(answer.text().ends_with('\n'));
    serde_json::from_str(answer.text()).unwrap()
}

/// The keys of an object, sorted.
fn keys(value: &Value) -> String {
    value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}

const PRINTER: &str = "/api/v1/devices/00:1e:8f:ab:01:ff";

#[tokio::test]
async fn the_api_serves_devices_most_packets_first() {
    let answer = get(&app(lan()), "/api/v1/devices").await;
    assert_eq!(answer.status, StatusCode::OK);
    let list = of(&answer);
    assert_eq!(keys(&list), "devices version");
    assert_eq!(list["version"], 1);
    let devices = list["devices"].as_array().unwrap();
    let labels: Vec<_> = devices.iter().map(|device| device["device"].as_str().unwrap()).collect();
    let all = ["00:1e:8f:ab:01:ff", "52:54:00:00:00:01", "fe80::1", "other", "02:00:00:00:00:09"];
    assert_eq!(labels, all);
    let printer = &devices[0];
    assert_eq!(printer["name"], "Canon \"Büro\" \\ <script>alert(1)</script>");
    assert_eq!(printer["peak_packets_per_second"], 200);
    assert_eq!(printer["first_seen"], "2023-11-14T22:13:20Z");
    assert_eq!(printer["violations"], json!({"record_interval": 900_000, "ttl_value": 2}));
    let repeated = json!({
        "name": "Canon \"Büro\" <b>._ipp._tcp.local",
        "type": "TXT",
        "gap_seconds": 0.005,
        "at": "2023-11-14T22:14:20Z",
    });
    assert_eq!(printer["offences"]["record_interval"], repeated);
    let unknown = json!({
        "name": null, "type": null, "gap_seconds": null, "at": "2023-11-14T22:14:10.5Z",
    });
    assert_eq!(printer["offences"]["ttl_value"], unknown);
    assert_eq!((&devices[1]["violations"], &devices[3]["violations"]), (&json!({}), &json!({})));
}

#[tokio::test]
async fn the_api_says_how_discovery_goes_on_each_segment() {
    let status = of(&get(&app(lan()), "/api/v1/status").await);
    assert_eq!(keys(&status), "segments version");
    let segments = status["segments"].as_array().unwrap();
    let eth0 = segments.iter().find(|segment| segment["interface"] == "eth0").unwrap();
    let queriers = json!([
        {"family": "ipv4", "address": "10.0.1.1", "version": 3, "queries": 2, "interval_seconds": 125.0},
        {"family": "ipv4", "address": "0.0.0.0", "version": 3, "queries": 2, "interval_seconds": 60.0},
    ]);
    assert_eq!(eth0["queriers"], queriers);
    assert_eq!(eth0["groups"], json!({"ipv4": 7, "ipv6": 3}));
    assert_eq!(eth0["services"]["_ipp._tcp"], 2);
    let wanted = json!([{"service": "_raop._tcp", "askers": 2}, {"service": "other", "askers": 7}]);
    assert_eq!(eth0["wanted"], wanted);
    let unanswered = json!([
        {"name": "nerves <i>.local", "device": "00:1e:8f:ab:01:ff", "count": 4},
        {"name": "gone.local", "device": null, "count": 1},
    ]);
    assert_eq!(eth0["unanswered"], unanswered);
    assert_eq!((&eth0["reflected"], &eth0["copied"]), (&json!(4), &json!(0)));
}

#[tokio::test]
async fn the_page_says_who_queries_and_what_is_missing() {
    let page = get(&app(lan()), "/").await;
    let text = page.text();
    for part in ["10.0.1.1 (ipv4 version 3)", "_raop._tcp by 2", "nerves &lt;i&gt;.local"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let nothing = get(&app(LanView::default()), "/").await;
    assert!(!nothing.text().contains("Discovery"));
}

#[tokio::test]
async fn the_api_serves_storms_the_first_to_begin_first() {
    let list = of(&get(&app(lan()), "/api/v1/storms").await);
    assert_eq!(keys(&list), "storms version");
    let over = json!({
        "id": "1700000000-eth0-525400000001-0",
        "interface": "eth0",
        "device": "52:54:00:00:00:01",
        "level": "chatty",
        "cause": "query_flood",
        "also": [],
        "protocol": "mdns",
        "start": "2023-11-14T22:13:20Z",
        "first_frame": "2023-11-14T22:08:20Z",
        "end": "2023-11-14T22:13:25.5Z",
        "end_reason": "quiet",
        "packets": 42,
        "provoked": 0,
        "provoked_by": [],
        "detail": null,
        "peak_packets_per_second": 9,
    });
    let stuck = json!({
        "id": "1700000010-eth0-001e8fab01ff-1",
        "interface": "eth0",
        "device": "00:1e:8f:ab:01:ff",
        "level": "storm",
        "cause": "repeated_response",
        "also": ["unclassified"],
        "protocol": "mdns",
        "start": "2023-11-14T22:13:30.25Z",
        "first_frame": "2023-11-14T22:13:21.25Z",
        "end": null,
        "end_reason": null,
        "packets": 999_000,
        "provoked": 0,
        "provoked_by": [],
        "detail": "<b>printer</b>.local",
        "peak_packets_per_second": 200,
    });
    let flooded = json!({
        "id": "1700000020-eth0-segment-2",
        "interface": "eth0",
        "device": null,
        "level": "storm",
        "cause": "one_device",
        "also": [],
        "protocol": "mdns",
        "start": "2023-11-14T22:13:40Z",
        "first_frame": "2023-11-14T22:13:32Z",
        "end": null,
        "end_reason": null,
        "packets": 990_000,
        "provoked": 0,
        "provoked_by": [],
        "detail": null,
        "peak_packets_per_second": 200,
    });
    assert_eq!(list, json!({"version": 1, "storms": [over, stuck, flooded]}));
    let quiet = of(&get(&app(LanView::default()), "/api/v1/storms").await);
    assert_eq!(quiet, json!({"version": 1, "storms": []}));
}

#[tokio::test]
async fn a_device_is_found_by_its_label_on_the_segment_that_was_asked_for() {
    let on = |label: &str, count| {
        let device = device([0, 0x1e, 0x8f, 0xab, 1, 0xff], &[(Protocol::Mdns, count)]);
        SegmentView { snapshot: snapshot(vec![device]), ..segment(label, "") }
    };
    let segments = vec![on("a", 5), on("b/?", 9), on("c", 7)];
    let view =
        LanView { captures: vec![capture("a", Backend::Ring, segments)], ..LanView::default() };
    let app = app(view);
    for (path, interface) in [
        (PRINTER.to_owned(), "b/?"),
        (format!("{PRINTER}?interface=a"), "a"),
        (format!("{PRINTER}?interface=b%2F%3F"), "b/?"),
        (PRINTER.replace(':', "%3A"), "b/?"),
        (PRINTER.replace("ab", "AB"), "b/?"),
        (PRINTER.replace(':', "-"), "b/?"),
    ] {
        let answer = get(&app, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(of(&answer)["interface"], interface, "{path}");
    }
    for path in [format!("{PRINTER}?interface=d"), PRINTER.replace("ff", "fe")] {
        let answer = get(&app, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(of(&answer), json!({"error": "no such device is known"}));
    }
    let twice = get(&app, &format!("{PRINTER}?interface=a&interface=b")).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    assert!(of(&twice)["error"].is_string());
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "what happens then is what is tested")]
async fn what_could_not_be_read_is_missing_and_not_unknown() {
    let lan = FakeLan::new(lan());
    let app = router(Scraper::new(lan.clone()), None, &Settings::default());
    let _held = lan.captures[0].1.lock();
    let list = of(&get(&app, "/api/v1/devices").await);
    assert_eq!(list["missing"], json!(["eth0"]));
    assert_eq!(list["devices"].as_array().unwrap().len(), 1, "those of wlan0");
    assert_eq!(of(&get(&app, "/api/v1/storms").await)["missing"], json!(["eth0"]));
    assert_eq!(get(&app, PRINTER).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&app, "/api/v1/devices/fe80::1").await.status, StatusCode::OK);
}

/// Keeps one storm, breaks down at another, and panics at what is no id.
pub(crate) struct Kept;

impl Evidence for Kept {
    fn read(&self, id: &str) -> io::Result<Option<Vec<u8>>> {
        match id {
            "1700000010-eth0-001e8fab01ff-1" => Ok(Some(vec![0x0a, 0x0d, 0x0d, 0x0a])),
            "1-broken-segment-1" => Err(io::Error::other("as the test wants")),
            id if Storm::is_id(id) => Ok(None),
            id => panic!("{id:?} was looked up"),
        }
    }

    fn has(&self, id: &str) -> bool {
        id == "1700000010-eth0-001e8fab01ff-1"
    }
}

#[tokio::test]
async fn captures_of_storms_are_given_out_only_if_that_was_allowed() {
    let path = format!("/api/v1/storms/{}/capture", stuck().id("eth0"));
    let with = |enable_capture_download, evidence| {
        let settings = Settings { enable_capture_download, ..Settings::default() };
        router(Scraper::new(FakeLan::new(lan())), evidence, &settings)
    };
    let closed = get(&with(false, Some(Arc::new(Kept))), &path).await;
    assert_eq!(closed.status, StatusCode::FORBIDDEN);
    assert!(of(&closed)["error"].as_str().unwrap().contains("--web.enable-capture-download"));

    let open = with(true, Some(Arc::new(Kept)));
    for method in ["GET", "HEAD"] {
        let kept = ask(&open, method, &path, &[]).await;
        assert_eq!(kept.status, StatusCode::OK);
        assert_eq!(kept.header(header::CONTENT_TYPE), "application/vnd.tcpdump.pcap");
        assert_eq!(
            kept.header(header::CONTENT_DISPOSITION),
            "attachment; filename=\"storm-1700000010-eth0-001e8fab01ff-1.pcapng\""
        );
        assert_eq!(kept.header(header::CACHE_CONTROL), "no-store");
        assert_eq!(kept.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(kept.bytes.is_empty(), method == "HEAD");
    }
    for id in [
        over().id("eth0"),
        flooded().id("eth0"),
        "..%2f..%2fetc%2fpasswd".to_owned(),
        "%2e%2e".to_owned(),
        "1%00".to_owned(),
        "1%0d%0aSet-Cookie:%20x".to_owned(),
        "1".repeat(300),
    ] {
        let missing = get(&open, &format!("/api/v1/storms/{id}/capture")).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{id}");
        assert!(of(&missing)["error"].is_string());
    }
    let broken = get(&open, "/api/v1/storms/1-broken-segment-1/capture").await;
    assert_eq!(broken.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!broken.text().contains("as the test wants"), "what is on disk is nobody's business");
    assert_eq!(get(&with(true, None), &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_cause_is_said_in_words_on_the_page() {
    for cause in Cause::ALL {
        let sender = Culprit::sender(&stuck().culprit).unwrap();
        let culprit = Culprit::Device { sender, cause, also: CauseSet::default() };
        let storm = Storm { culprit, level: Level::Chatty, ..stuck() };
        let device = DeviceSnapshot {
            storm: Some(storm.clone()),
            ..device([0, 0x1e, 0x8f, 0xab, 1, 0xff], &[(Protocol::Mdns, 1)])
        };
        let snapshot = Snapshot { storms: vec![storm], ..snapshot(vec![device]) };
        let segment = SegmentView { snapshot, ..segment("eth0", "") };
        let view = LanView {
            captures: vec![capture("eth0", Backend::Ring, vec![segment])],
            ..LanView::default()
        };
        let page = get(&app(view), "/").await;
        let words = format!(
            "<td>{} ({}): &lt;b&gt;printer&lt;/b&gt;.local</td>",
            cause.in_words(),
            cause.label()
        );
        assert!(page.text().contains(&words), "{words}");
    }
}
