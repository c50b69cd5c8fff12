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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Batch, InterfaceName};
    use crate::commands::test_settings;
    use crate::interfaces::Surroundings;
    use crate::pipeline::Pipeline;
    use std::sync::Arc;

    /// What a capture does during one read.
    type Act<'t> = Box<dyn FnMut(&Tap) + Send + 't>;

    /// A capture that does what the test says at each read, until nothing is left to do.
    struct Scripted<'t> {
        tap: Arc<Tap>,
        script: Vec<Act<'t>>,
        dropped: u64,
        names: [InterfaceName; 1],
    }

    impl Capture for Scripted<'_> {
        fn next_batch(&mut self, _wait: Duration) -> Result<Batch<'_>, CaptureError> {
            let Some(mut act) = self.script.pop() else { return Err(CaptureError::End) };
            act(&self.tap);
            self.dropped += 7;
            Ok(Batch::new(&[], &[], &self.names))
        }

        fn interfaces(&self) -> &[InterfaceName] {
            &self.names
        }

        fn dropped(&mut self) -> Option<u64> {
            Some(self.dropped)
        }
    }

    fn tap() -> Arc<Tap> {
        Lan::default().tap("eth0", || {
            let now = clock::now();
            Pipeline::live(test_settings(), "eth0", Surroundings::default(), now)
        })
    }

    fn run(tap: &Arc<Tap>, script: Vec<Act<'_>>) -> Ended {
        let names = [InterfaceName { name: Some("eth0".into()) }];
        let mut capture = Scripted { tap: Arc::clone(tap), script, dropped: 0, names };
        live(tap, &mut capture, &AtomicBool::new(false))
    }

    #[test]
    fn the_lock_is_free_while_frames_are_waited_for() {
        let mut reads = 0;
        let tap = tap();
        let act = |tap: &Tap| {
            assert!(tap.pipeline().try_lock().is_some(), "held while waiting");
            reads += 1;
        };
        let ended = run(&tap, vec![Box::new(act)]);
        assert!(matches!(ended, Ended::Capture(CaptureError::End)), "{ended:?}");
        assert_eq!(reads, 1);
    }

    #[test]
    fn a_panic_ends_one_capture_and_leaves_its_counts_to_be_read() {
        let tap = tap();
        let ended = run(&tap, vec![Box::new(|_| panic!("a fault of {}", "the backend"))]);
        assert!(matches!(&ended, Ended::Panicked(text) if text == "a fault of the backend"));
        assert_eq!(tap.with_pipeline(|pipeline| pipeline.views()).len(), 1);
    }

    #[test]
    fn drops_add_up_over_all_times_that_an_interface_was_captured() {
        let tap = tap();
        for captures in 1..=2 {
            run(&tap, vec![Box::new(|_| {})]);
            assert_eq!(tap.status().dropped, Some(7 * captures));
        }
    }
}
