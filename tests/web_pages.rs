//! The pages without a socket: what is asked for, what comes back.

mod metrics_fixture;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use flate2::read::GzDecoder;
use metrics_fixture::parse::parse;
use metrics_fixture::{FakeLan, capture, device, lan, segment, snapshot};
use multicast_exporter::capture::Backend;
use multicast_exporter::decode::Protocol;
use multicast_exporter::engine::{DeviceSnapshot, Identity};
use multicast_exporter::lan::PassedOver;
use multicast_exporter::metrics::{LanView, Scraper};
use multicast_exporter::pipeline::SegmentView;
use multicast_exporter::web::{Settings, router};
use proptest::prelude::*;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tower::ServiceExt as _;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

fn app(view: LanView) -> Router {
    router(Scraper::new(FakeLan::new(view)), &Settings::default())
}

async fn ask(app: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

async fn get(app: &Router, path: &str) -> Answer {
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
    let app = router(Scraper::new(lan.clone()), &Settings::default());
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
    let app = router(Scraper::new(lan.clone()), &settings);
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
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/static/style.css"] {
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
    let app = router(Scraper::new(lan.clone()), &Settings::default());
    assert_eq!(get(&app, "/-/healthy").await.status, StatusCode::OK);
    assert_eq!(get(&app, "/-/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(get(&app, "/").await.text().contains("The captures are being started."));
    lan.ready.store(true, Ordering::SeqCst);
    assert_eq!(get(&app, "/-/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn whatever_is_not_there_is_said_in_plain_text() {
    let app = app(lan());
    let missing = get(&app, "/nothing/%3Cscript%3E").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    for path in ["/metrics", "/", "/-/healthy"] {
        let posted = ask(&app, "POST", path, &[]).await;
        assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(posted.header(header::ALLOW), "GET,HEAD");
    }
}

#[tokio::test]
async fn every_answer_has_the_safe_headers() {
    let app = app(lan());
    for path in ["/", "/metrics", "/metrics?collect[]=x", "/-/ready", "/static/style.css", "/no"] {
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
        "href=\"/metrics\"",
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
    // The policy forbids them, so they would not work.
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
    let elsewhere = router(scraper(), &at("/a/b"));
    assert_eq!(get(&elsewhere, "/a/b").await.header(header::CONTENT_TYPE), TEXT);
    assert_eq!(get(&elsewhere, "/metrics").await.status, StatusCode::NOT_FOUND);
    assert!(get(&elsewhere, "/").await.text().contains("href=\"/a/b\""));
    let at_root = router(scraper(), &at("/"));
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
