//! Listens to the captures for a while, each in a thread of its own. Running captures come in;
//! findings go out, as early as nothing more can be learned.

use super::heard::{self, Facts};
use super::preflight::Tap;
use super::tally::{Own, Tally};
use crate::commands::finding::{Area, Finding, counted};
use crate::decode::decode;
use crate::segment::{Labels, Sharing};
use crate::time::{Time, clock};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// How long a read may wait, and how often the progress note is written.
const WAIT: Duration = Duration::from_millis(250);
/// How long no other VLAN has to appear before listening may end early: each speaks within
/// seconds, if any device is in it.
const SETTLED: Duration = Duration::from_secs(10);

/// How to listen.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// For how long at most.
    pub listen: Duration,
    /// `--capture.segments-max`.
    pub segments_max: usize,
    /// Whether to draw a progress note on standard error.
    pub progress: bool,
}

/// What all threads see.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    devices: AtomicU64,
    /// Captures for which there is more to learn.
    open: AtomicU64,
}

/// What came of listening.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was heard on each capture.
    pub findings: Vec<Finding>,
    /// After how long, if that was before its time.
    pub early: Option<Duration>,
}

/// Listens to all captures at once and says what was heard on each.
#[must_use]
pub fn listen(plan: &Plan, taps: Vec<Tap>, own: &Own) -> Heard {
    let labels = Labels::new(Sharing::Never, plan.segments_max);
    let shared = Shared { open: AtomicU64::new(taps.len() as u64), ..Shared::default() };
    let start = clock::now().monotonic;
    thread::scope(|scope| {
        let mut listeners = Vec::with_capacity(taps.len());
        for tap in taps {
            let tally = Tally::new(&tap.interface, tap.around.clone(), &labels, own.clone());
            let interface = tap.interface.clone();
            let shared = &shared;
            listeners.push((interface, scope.spawn(move || hear(tap, tally, start, shared))));
        }
        let early = wait(plan, start, &shared);
        shared.stop.store(true, Ordering::Release);
        let findings = listeners
            .into_iter()
            .flat_map(|(interface, listener)| {
                listener.join().unwrap_or_else(|_| {
                    let text = "listening broke off: please report what stands above";
                    vec![Finding::problem(Area::Heard(interface), text)]
                })
            })
            .collect();
        Heard { findings, early }
    })
}

/// Waits until the time is over, or there is nothing more to learn: after how long, in that case.
fn wait(plan: &Plan, start: Time, shared: &Shared) -> Option<Duration> {
    let bar = plan.progress.then(|| bar(plan.listen));
    let early = loop {
        let elapsed = clock::now().monotonic.since(start);
        if let Some(bar) = &bar {
            bar.set_position(elapsed.as_secs());
            let devices = shared.devices.load(Ordering::Relaxed);
            bar.set_message(counted(devices, "other device"));
        }
        let left = plan.listen.saturating_sub(elapsed);
        if left.is_zero() {
            break None;
        }
        if shared.open.load(Ordering::Acquire) == 0 {
            break Some(elapsed);
        }
        thread::sleep(WAIT.min(left));
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    early
}

/// Listens to one capture until told to stop or it ends.
fn hear(mut tap: Tap, mut tally: Tally, start: Time, shared: &Shared) -> Vec<Finding> {
    let all_protocols = tap.backend.abilities().all_protocols;
    let mut settled_since = start;
    let mut is_open = true;
    let mut error = None;
    while !shared.stop.load(Ordering::Acquire) {
        let before = tally.devices();
        match tap.capture.next_batch(WAIT) {
            Ok(batch) => {
                for frame in batch.iter() {
                    tally.handle(&decode(&frame));
                }
            }
            Err(ended) => {
                error = Some(ended.to_string());
                break;
            }
        }
        let now = clock::now().monotonic;
        shared.devices.fetch_add((tally.devices() - before) as u64, Ordering::Relaxed);
        if tally.take_new_segment() {
            settled_since = now;
        }
        let done = tally.is_complete(all_protocols) && now.since(settled_since) >= SETTLED;
        if is_open && done {
            // Others may still have something to learn; this one goes on meanwhile.
            is_open = false;
            shared.open.fetch_sub(1, Ordering::AcqRel);
        }
    }
    if is_open {
        shared.open.fetch_sub(1, Ordering::AcqRel);
    }
    let facts = Facts {
        interface: &tap.interface,
        backend: tap.backend,
        listened: clock::now().monotonic.since(start),
        has_v6: tap.has_v6,
        dropped: tap.capture.dropped(),
        error: error.as_deref(),
    };
    heard::findings(&facts, &tally)
}

fn bar(listen: Duration) -> ProgressBar {
    let bar = ProgressBar::new(listen.as_secs());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} s, {msg}") {
        bar.set_style(style);
    }
    bar
}
