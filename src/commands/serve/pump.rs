//! One capture thread: moves batches from a capture into its pipeline until told to stop or the
//! capture ends. The pipeline's lock is taken once a batch, after the wait for it.

use crate::capture::{Capture, CaptureError};
use crate::engine::Event;
use crate::lan::{Lan, Tap};
use crate::time::clock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a read may wait: seconds are closed at least this often, and a stop is noticed.
const WAIT: Duration = Duration::from_millis(250);

/// Why a capture thread ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// The capture came to its end.
    Capture(CaptureError),
    /// Something panicked; the text is the panic's.
    Panicked(String),
}

/// Pumps live frames until `stop` is set or the capture ends. A panic ends this capture alone.
pub fn live(tap: &Tap, capture: &mut dyn Capture, stop: &AtomicBool) -> Ended {
    guarded(|| pump_live(tap, capture, stop))
}

/// Pumps the frames of a file until `stop` is set or the file ends.
pub fn file(lan: &Lan, tap: &Tap, capture: &mut dyn Capture, stop: &AtomicBool) -> Ended {
    guarded(|| pump_file(lan, tap, capture, stop))
}

fn guarded(pump: impl FnOnce() -> Ended) -> Ended {
    // What a panic leaves half counted is a frame's counters: still numbers, still monotonic.
    catch_unwind(AssertUnwindSafe(pump)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Ended::Panicked(text.unwrap_or_else(|| "of unknown cause".into()))
    })
}

fn pump_live(tap: &Tap, capture: &mut dyn Capture, stop: &AtomicBool) -> Ended {
    let latency = capture.latency();
    let before = tap.status().dropped;
    let mut last_drops = 0;
    let mut last_second = 0;
    tap.with_pipeline(|pipeline| pipeline.handle_event(clock::now().monotonic, Event::Up));
    while !stop.load(Ordering::Acquire) {
        let reading = match capture.next_batch(WAIT) {
            Ok(batch) => {
                let reading = clock::now();
                tap.with_pipeline(|pipeline| pipeline.handle_live(&batch, reading, latency));
                reading
            }
            Err(error) => return Ended::Capture(error),
        };
        if reading.monotonic.second() == last_second {
            continue;
        }
        last_second = reading.monotonic.second();
        let Some(drops) = capture.dropped() else { continue };
        tap.update_status(|status| status.dropped = Some(before.unwrap_or(0) + drops));
        if drops > last_drops {
            last_drops = drops;
            tap.with_pipeline(|pipeline| pipeline.handle_event(reading.monotonic, Event::Dropped));
        }
    }
    Ended::Stopped
}

fn pump_file(lan: &Lan, tap: &Tap, capture: &mut dyn Capture, stop: &AtomicBool) -> Ended {
    while !stop.load(Ordering::Acquire) {
        match capture.next_batch(WAIT) {
            Ok(batch) => {
                let steps = tap.with_pipeline(|pipeline| pipeline.handle_file(&batch));
                lan.add_clock_steps(steps);
            }
            Err(error) => return Ended::Capture(error),
        }
    }
    Ended::Stopped
}
