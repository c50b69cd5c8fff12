//! What is rendered of a view of the LAN, one at a time, behind the gate. It must not know what is
//! rendered.

use super::App;
use super::gate::Refused;
use crate::lan::{Deadline, Detail, LanView, Source};
use axum::body::Bytes;
use axum::http::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a person, or a program that wants no metrics, waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a capture's lock is waited for; see `telemetry`.
const MAX_LOCK_WAIT: Duration = Duration::from_secs(1);

/// The body that `render` appends to an empty buffer, and the status that it returns.
///
/// # Errors
/// As [`Gate::pass`](super::gate::Gate::pass); also if `render` returns nothing.
pub(super) async fn rendered(
    app: &App,
    render: impl FnOnce(&dyn Source, &LanView, &mut Vec<u8>) -> Option<StatusCode> + Send + 'static,
) -> Result<(StatusCode, Bytes), Refused> {
    let scraper = Arc::clone(&app.scraper);
    let (tell, told) = oneshot::channel();
    let work = move |mut out: Vec<u8>| {
        out.clear();
        let source = scraper.source();
        let view = source.read(Deadline::after(MAX_LOCK_WAIT), Detail::Segments);
        let status = render(source, &view, &mut out)?;
        // Nobody listens any more if the client has gone.
        let _ = tell.send(status);
        Some(out)
    };
    let body = app.gate.pass(PATIENCE, work).await?;
    Ok((told.await.unwrap_or(StatusCode::OK), body))
}

/// The captures whose segments could not be read in time.
pub(super) fn missing(view: &LanView) -> Vec<String> {
    let busy = view.captures.iter().filter(|capture| capture.segments.is_err());
    busy.map(|capture| capture.name.clone()).collect()
}
