//! The exposition: `--web.telemetry-path`, with `collect[]` and `exclude[]`, within the scrape's
//! time-out.

use super::gate::Refused;
use super::{App, negotiate};
use crate::lan::Deadline;
use crate::metrics::{Encoding, Selection, Writer};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// How long Prometheus will wait, in seconds.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Kept from the scrape's time-out for rendering and the way back, as `blackbox_exporter` does.
const OFFSET: Duration = Duration::from_millis(500);

/// For clients that do not say how long they wait: Prometheus' default of 10 s, less the offset.
const DEFAULT_PATIENCE: Duration = Duration::from_millis(9_500);

/// A capture thread holds its lock for one batch, milliseconds. One that holds it longer than
/// this is stuck, and others queue behind the scrape that waits for it.
const MAX_LOCK_WAIT: Duration = Duration::from_secs(2);

pub(super) async fn handle(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let bad = |why: String| (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response();
    let pairs = query.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let wanted = match Selection::parse(pairs) {
        Ok(wanted) => wanted,
        Err(error) => return bad(error.to_string()),
    };
    let patience = match patience(&headers) {
        Ok(patience) => patience,
        Err(value) => {
            return bad(format!("{TIMEOUT_HEADER}: {value:?} is not a number of seconds"));
        }
    };
    let format = negotiate::format(&headers);
    let encoding = negotiate::encoding(&headers);

    let scraper = Arc::clone(&app.scraper);
    let work = move |buffer, end: Deadline| {
        let mut writer = Writer::new(format.dialect, encoding, buffer);
        scraper.scrape(wanted, end.min(Deadline::after(MAX_LOCK_WAIT)), &mut writer);
        writer.finish().ok()
    };
    let what = (wanted, format.dialect, encoding);
    match app.scrapes.pass(&app.gate, what, patience, work).await {
        Ok(body) => {
            let mut response = body.into_response();
            let headers = response.headers_mut();
            let content_type = HeaderValue::from_static(format.content_type);
            headers.insert(header::CONTENT_TYPE, content_type);
            headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if encoding == Encoding::Gzip {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
        Err(refused) => refusal(refused),
    }
}

/// Work that was refused, as an answer.
pub(super) fn refusal(refused: Refused) -> Response {
    (status(refused), format!("{refused}\n")).into_response()
}

/// The status of it.
pub(super) const fn status(refused: Refused) -> StatusCode {
    match refused {
        Refused::Full(_) | Refused::Late => StatusCode::SERVICE_UNAVAILABLE,
        Refused::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// How long a scrape may take before its client gives up.
fn patience(headers: &HeaderMap) -> Result<Duration, String> {
    let Some(value) = headers.get(TIMEOUT_HEADER) else { return Ok(DEFAULT_PATIENCE) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let timeout = text
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| text.chars().take(64).collect::<String>())?;
    Ok(timeout.checked_sub(OFFSET).filter(|rest| !rest.is_zero()).unwrap_or(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Result<Duration, String> {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT_HEADER, value.parse().unwrap());
        patience(&headers)
    }

    #[test]
    fn half_a_second_is_kept_of_the_scrape_timeout() {
        assert_eq!(patience(&HeaderMap::new()), Ok(Duration::from_millis(9_500)));
        assert_eq!(asked("10.000000"), Ok(Duration::from_millis(9_500)));
        assert_eq!(asked("0.25"), Ok(Duration::from_millis(250)), "too short to keep any");
        for bad in ["", "ten", "-1", "0", "NaN", "inf", "1e400"] {
            assert_eq!(asked(bad), Err(bad.to_owned()));
        }
    }
}
