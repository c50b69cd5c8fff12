//! `/api/v1`: the objects of [`report`] as the JSON of version 1, and what was kept of a storm.
//!
//! Rendered behind the same gate as scrapes, as JSON in one line or as a capture file. Errors are
//! `{"error":"…"}`.

use super::gate::Refused;
use super::rendered::{PATIENCE, missing, rendered};
use super::{App, telemetry};
use crate::lan::{LanView, Source};
use crate::report;
use crate::storm::Storm;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracing::warn;

/// pcap's, the one media type of captures that is registered; pcapng has none, and programs that
/// read one read the other by its first four octets.
const CAPTURE_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.tcpdump.pcap");

/// What `devices` answers.
#[derive(Serialize)]
struct DeviceList {
    version: u8,
    devices: Vec<report::Device>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// What `status` answers.
#[derive(Serialize)]
struct Status {
    version: u8,
    segments: Vec<report::Segment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// What `storms` answers.
#[derive(Serialize)]
struct StormList {
    version: u8,
    storms: Vec<report::Storm>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Problem<'t> {
    error: &'t str,
}

/// What a question may add: the segment that it is about.
#[derive(Deserialize)]
pub(super) struct Where {
    interface: Option<String>,
}

impl Where {
    fn is(&self, interface: &str) -> bool {
        self.interface.as_deref().is_none_or(|wanted| wanted == interface)
    }
}

/// As a question has it.
type Asked = Result<Query<Where>, QueryRejection>;

/// `/api/v1/status`: how discovery goes on each segment.
pub(super) async fn status(State(app): State<Arc<App>>, wanted: Asked) -> Response {
    let wanted = match wanted {
        Ok(Query(wanted)) => wanted,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    answered(&app, move |_, view, out| {
        let mut segments = report::segments(view.segments());
        segments.retain(|segment| wanted.is(&segment.interface));
        let status = Status { version: report::VERSION, segments, missing: missing(view) };
        serde_json::to_writer(out, &status)?;
        Ok(StatusCode::OK)
    })
    .await
}

/// `/api/v1/devices`
pub(super) async fn devices(State(app): State<Arc<App>>, wanted: Asked) -> Response {
    let wanted = match wanted {
        Ok(Query(wanted)) => wanted,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    answered(&app, move |_, view, out| {
        let mut devices = report::devices(view.segments());
        devices.retain(|device| wanted.is(&device.interface));
        let list = DeviceList { version: report::VERSION, devices, missing: missing(view) };
        serde_json::to_writer(out, &list)?;
        Ok(StatusCode::OK)
    })
    .await
}

/// `/api/v1/devices/{device}`: on the segment that `interface` says, else on the one where it has
/// sent most.
pub(super) async fn device(
    State(app): State<Arc<App>>,
    Path(device): Path<String>,
    wanted: Asked,
) -> Response {
    let wanted = match wanted {
        Ok(Query(wanted)) => wanted,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    // A MAC as Windows and switches write it. No other device has a dash.
    let device = device.replace('-', ":");
    answered(&app, move |_, view, out| {
        // Most packets first.
        let mut devices = report::devices(view.segments()).into_iter();
        let found = devices
            .find(|row| row.device.eq_ignore_ascii_case(&device) && wanted.is(&row.interface));
        if let Some(found) = found {
            serde_json::to_writer(out, &found)?;
            return Ok(StatusCode::OK);
        }
        unknown(view, "no such device is known", out)
    })
    .await
}

/// `/api/v1/storms`
pub(super) async fn storms(State(app): State<Arc<App>>, wanted: Asked) -> Response {
    let wanted = match wanted {
        Ok(Query(wanted)) => wanted,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    answered(&app, move |_, view, out| {
        let mut storms = report::storms(view.segments());
        storms.retain(|storm| wanted.is(&storm.interface));
        let list = StormList { version: report::VERSION, storms, missing: missing(view) };
        serde_json::to_writer(out, &list)?;
        Ok(StatusCode::OK)
    })
    .await
}

/// `/api/v1/storms/{id}`: one of them, or one of the latest of the whole process.
pub(super) async fn storm(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    answered(&app, move |source, view, out| {
        let past = Storm::is_id(&id).then(|| source.past_storm(&id)).flatten();
        if let Some(found) = report::storm_context(view, past.as_ref(), &id) {
            serde_json::to_writer(out, &found.storm)?;
            return Ok(StatusCode::OK);
        }
        unknown(view, "no such storm is known", out)
    })
    .await
}

/// `/api/v1/storms/{id}/capture`: what frames hold may be private, so only if that is allowed.
pub(super) async fn capture(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    if !app.enable_capture_download {
        let why = "captures are only served with the flag --web.enable-capture-download";
        return problem(StatusCode::FORBIDDEN, why);
    }
    let nothing = || problem(StatusCode::NOT_FOUND, "nothing is kept of such a storm");
    let Some(evidence) = app.evidence.clone().filter(|_| Storm::is_id(&id)) else {
        return nothing();
    };
    let file_name = format!("attachment; filename=\"storm-{id}.pcapng\"");
    let work = move |_| match evidence.read(&id) {
        Ok(Some(bytes)) => Some(bytes),
        // An empty body is no capture, so it can say that there is none.
        Ok(None) => Some(Vec::new()),
        Err(error) => {
            warn!(%error, storm = id, "the frames kept of a storm cannot be read");
            None
        }
    };
    match app.disk.pass(PATIENCE, work).await {
        Ok(bytes) if bytes.is_empty() => nothing(),
        Ok(bytes) => {
            let mut response = bytes.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, CAPTURE_TYPE);
            if let Ok(value) = HeaderValue::try_from(file_name) {
                headers.insert(header::CONTENT_DISPOSITION, value);
            }
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(Refused::Late) => {
            let why = "the folder of evidence does not answer in time, try again later";
            problem(StatusCode::SERVICE_UNAVAILABLE, why)
        }
        Err(refused) => problem(telemetry::status(refused), &refused.to_string()),
    }
}

/// A status and the JSON that `render` makes of a view, behind the gate.
async fn answered(
    app: &App,
    render: impl FnOnce(&dyn Source, &LanView, &mut Vec<u8>) -> serde_json::Result<StatusCode>
    + Send
    + 'static,
) -> Response {
    let line = |source: &dyn Source, view: &LanView, out: &mut Vec<u8>| {
        let status = render(source, view, out).ok()?;
        out.push(b'\n');
        Some(status)
    };
    match rendered(app, line).await {
        Ok((status, body)) => json(status, body),
        Err(refused) => problem(telemetry::status(refused), &refused.to_string()),
    }
}

/// That what was asked for is not there; or that nobody knows, because a capture could not be read.
fn unknown(view: &LanView, error: &str, out: &mut Vec<u8>) -> serde_json::Result<StatusCode> {
    if let Some(capture) = missing(view).first() {
        let error = format!("capture {capture} could not be read in time, try again later");
        serde_json::to_writer(out, &Problem { error: &error })?;
        return Ok(StatusCode::SERVICE_UNAVAILABLE);
    }
    serde_json::to_writer(out, &Problem { error })?;
    Ok(StatusCode::NOT_FOUND)
}

fn json(status: StatusCode, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

/// An error of a path below `/api`: always JSON.
pub(super) fn problem(status: StatusCode, error: &str) -> Response {
    // A string always becomes JSON.
    let mut line = serde_json::to_string(&Problem { error }).unwrap_or_default();
    line.push('\n');
    json(status, line)
}
