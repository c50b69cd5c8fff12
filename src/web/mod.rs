//! HTTP: `/metrics` and the pages around it.
//!
//! A [`Scraper`] and [`Settings`] make an axum [`Router`] that needs no socket to be tested, and a
//! [`server`] runs it. It must not know how frames are captured, decoded
//! or counted, only what a [`Source`](crate::lan::Source) copies for it. The page and `api` show
//! that copy's devices and storms as the objects of [`report`](crate::report); the page reads
//! captures and the interfaces passed over as well.
//!
//! | module | what |
//! |---|---|
//! | [`listen`] | addresses of `--web.listen-address`, bound before privileges are dropped |
//! | [`probe`] | whether an exporter answers somewhere |
//! | [`server`] | connections: bounded in number, time and memory |
//! | `host` | by which names a browser may ask |
//! | `places` | who may be connected, and who gives way |
//! | `activity` | whether a connection waits for its client |
//! | [`gate`] | one rendering at a time, a bounded queue before it |
//! | `shared` | who waits for the same shares a rendering |
//! | `telemetry` | the exposition |
//! | `negotiate` | which dialect and encoding a client asked for |
//! | `page` | the page for people |
//! | `storm` | the page of one storm |
//! | `discovery` | its section on queriers, services and names |
//! | `rendered` | a body made of a view of the LAN, behind the gate |
//! | `html` | parts of HTML, with strings made safe |
//! | `api` | `/api/v1`: segments, devices and storms as JSON, the evidence of a storm |

pub mod activation;
mod activity;
mod api;
mod discovery;
mod external_url;
pub mod gate;
mod host;
mod html;
pub mod listen;
mod negotiate;
mod page;
mod places;
pub mod probe;
mod rendered;
pub mod server;
mod shared;
mod stall;
mod storm;
mod telemetry;
mod telemetry_path;

pub use external_url::{ExternalUrl, UrlError};
pub use telemetry_path::{PathError, TelemetryPath};

use crate::lan::Evidence;
use crate::metrics::{Dialect, Encoding, Scraper, Selection};
use crate::time::{Stamp, clock};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gate::Gate;
use shared::Shared;
use std::sync::Arc;

/// What the command line says about the pages.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--web.telemetry-path`.
    pub telemetry_path: TelemetryPath,
    /// `--web.external-url`: where people reach these pages.
    pub external_url: Option<ExternalUrl>,
    /// `--web.max-requests`: requests for metrics and the page that may be under way; 0 for any
    /// number.
    pub max_requests: usize,
    /// `--web.enable-capture-download`: whether frames that were kept of storms are given out.
    pub enable_capture_download: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            telemetry_path: TelemetryPath::default(),
            external_url: None,
            max_requests: 40,
            enable_capture_download: false,
        }
    }
}

/// Requests that may wait for evidence, be read or sent at a time.
const READERS_MAX: usize = 8;

/// What the handlers share.
struct App {
    scraper: Arc<Scraper>,
    gate: Arc<Gate>,
    scrapes: Shared<(Selection, Dialect, Encoding)>,
    /// Before all that reads evidence: a disk that does not answer keeps no scrape waiting.
    disk: Gate,
    telemetry_path: TelemetryPath,
    enable_capture_download: bool,
    evidence: Option<Arc<dyn Evidence>>,
    /// When they began to be served.
    since: Stamp,
}

/// The same pages as a server gives them out: to requests that say whom they ask, and to browsers
/// only under names that are this host's.
pub fn guarded(router: Router, settings: &Settings) -> Router {
    let names = host::Names::new(settings.external_url.as_ref());
    router
        .layer(from_fn(move |request, next| host::check(names.clone(), request, next)))
        .layer(map_response(with_safe_headers))
}

/// All pages. Without `evidence` nothing is kept of storms.
pub fn router(
    scraper: Scraper,
    evidence: Option<Arc<dyn Evidence>>,
    settings: &Settings,
) -> Router {
    let url = settings.external_url.as_ref().map(|url| url.as_str().to_owned());
    let app = Arc::new(App {
        scraper: Arc::new(scraper.with_external_url(url)),
        enable_capture_download: settings.enable_capture_download,
        evidence,
        since: clock::now().wall,
        gate: Arc::new(Gate::new(settings.max_requests)),
        scrapes: Shared::default(),
        disk: Gate::new(READERS_MAX),
        telemetry_path: settings.telemetry_path.clone(),
    });
    let path = app.telemetry_path.as_str();
    let mut router = Router::new().route(path, get(telemetry::handle));
    if path != "/" {
        router = router.route("/", get(page::handle));
    }
    router
        .route("/storms/{id}", get(storm::handle))
        .route("/static/style.css", get(page::style))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/devices", get(api::devices))
        .route("/api/v1/devices/{device}", get(api::device))
        .route("/api/v1/storms", get(api::storms))
        .route("/api/v1/storms/{id}", get(api::storm))
        .route("/api/v1/storms/{id}/capture", get(api::capture))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(map_response(with_safe_headers))
        .with_state(app)
}

async fn healthy(State(app): State<Arc<App>>) -> Response {
    match app.scraper.source().silent().as_slice() {
        [] => probe::HEALTHY.into_response(),
        silent => standing_still("healthy", silent),
    }
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let source = app.scraper.source();
    match source.silent().as_slice() {
        [] if source.ready() => "The exporter is ready.\n".into_response(),
        [] => {
            let why = "The exporter is not ready: its captures are starting.\n";
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
        silent => standing_still("ready", silent),
    }
}

/// That threads do not respond.
fn standing_still(what: &str, silent: &[String]) -> Response {
    let threads = silent.join(", ");
    let why = format!("The exporter is not {what}: these threads do not respond: {threads}.\n");
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

async fn not_found(uri: Uri) -> Response {
    // Plain text, and nosniff: what is repeated here cannot run.
    let path: String = uri.path().chars().take(128).collect();
    if is_api(&uri) {
        return api::problem(StatusCode::NOT_FOUND, &format!("there is no path {path}"));
    }
    (StatusCode::NOT_FOUND, format!("There is no page {path}.\n")).into_response()
}

async fn not_allowed(method: Method, uri: Uri) -> Response {
    let method: String = method.as_str().chars().take(32).collect();
    let why = format!("{method} is not answered; use GET or HEAD");
    if is_api(&uri) {
        return api::problem(StatusCode::METHOD_NOT_ALLOWED, &why);
    }
    (StatusCode::METHOD_NOT_ALLOWED, format!("{why}.\n")).into_response()
}

/// Whether programs ask, who read JSON.
fn is_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}

async fn with_safe_headers(mut response: Response) -> Response {
    const SAFE: [(HeaderName, HeaderValue); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
        ),
        // No page from elsewhere embeds what is said here.
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    for (name, value) in SAFE {
        response.headers_mut().insert(name, value);
    }
    response
}
