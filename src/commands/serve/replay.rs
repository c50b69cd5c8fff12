//! Replay: a capture file at its own pace, or faster, in place of an interface.

use super::super::news;
use super::super::pump::{self, Ended};
use crate::capture::file::{self, Paced, Speed};
use crate::capture::{Backend, CaptureError};
use crate::lan::{Lan, Tap};
use crate::pipeline::{Pipeline, Settings};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use tracing::{info, warn};

/// Opens the file and starts the thread that replays it `speed` times as fast as it was recorded. What it counted stays when it ends.
///
/// # Errors
/// If it cannot be opened or is no capture file, with the flag's name.
pub fn start(
    path: &Path,
    speed: f64,
    settings: Settings,
    lan: &Arc<Lan>,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<()>, String> {
    let named =
        |error: &dyn std::fmt::Display| format!("--capture.file={}: {error}", path.display());
    let speed = Speed::try_from(speed).map_err(|error| named(&error))?;
    let file = file::open(path).map_err(|error| named(&error.without_object()))?;
    let mut capture = Paced::new(file, speed);
    let name =
        path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let tap = lan.tap(&name, || Pipeline::file(settings));
    tap.update_status(|status| {
        status.up = true;
        status.backend = Some(Backend::File);
    });
    let (lan, stop) = (Arc::clone(lan), Arc::clone(stop));
    let replay = move || {
        info!(file = %tap.name(), "replaying");
        lan.set_started();
        let mut is_done = false;
        let reason = match pump::file(&lan, &tap, &mut capture, &stop, news::tell) {
            Ended::Stopped => return,
            Ended::Capture(CaptureError::End) => {
                info!(file = %tap.name(), "replayed to its end");
                is_done = true;
                "replayed to its end".to_owned()
            }
            Ended::Capture(error) => broke_off(&tap, error.to_string()),
            Ended::Panicked(text) => broke_off(&tap, format!("panicked: {text}")),
        };
        tap.update_status(|status| {
            status.up = false;
            status.reason = Some(reason);
            status.is_done = is_done;
        });
    };
    thread::Builder::new().name("replay".into()).spawn(replay).map_err(|error| named(&error))
}

/// Reports that the replay did not come to its end; the reason, for the page.
fn broke_off(tap: &Tap, reason: String) -> String {
    warn!(file = %tap.name(), reason, "the replay ended early");
    reason
}
