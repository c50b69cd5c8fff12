//! All that one process watches: its captures, each with its pipeline behind a lock. Capture
//! threads write here; scrapes and pages read. A capture outlives its interface: one that is
//! deleted and made again goes on counting where it stopped.
//!
//! The latest storms are kept with who it was ([`PastStorms`]): they outlast devices and captures.
//!
//! What the start has settled is made once ([`Settled`]); captures, interfaces passed over, clock
//! steps and reloads follow as they happen. It must not know what a pipeline counts.

mod past;
mod view;

pub use past::{PastStorm, PastStorms};
pub use view::{
    CaptureView, Deadline, Detail, LanView, LockTimeout, PassedOver, Privileges, Reload, Source,
    read_locked,
};

use crate::capture::Backend;
use crate::engine::Event;
use crate::evidence::{Store, Writer};
use crate::host;
use crate::pipeline::{Pipeline, SegmentView};
use crate::privilege::{self, Held};
use crate::segment::Label;
use crate::time::beat::{Beat, Watcher};
use crate::time::{Stamp, Time, clock};
use parking_lot::{Mutex, RwLock};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What one process watches. The default is a LAN of which only captures are watched: no evidence
/// is kept, and nothing is known of the host.
#[derive(Default)]
pub struct Lan {
    settled: Settled,
    taps: RwLock<Vec<Arc<Tap>>>,
    past_storms: Arc<PastStorms>,
    passed_over: RwLock<Vec<PassedOver>>,
    clock_steps: AtomicU64,
    forgotten: AtomicU64,
    started: AtomicBool,
    reload: Mutex<Option<Reload>>,
    follower: Beat,
    watcher: Watcher,
}

/// What the start has settled before the first capture and nothing changes later.
#[derive(Default)]
pub struct Settled {
    /// Writes evidence of storms; `None` keeps none.
    pub evidence: Option<Writer>,
    /// What multicast costs this host; `None` where nobody looks.
    pub host: Option<Arc<dyn host::Source>>,
    /// The capabilities that the start had; `None` where that is not known.
    pub held: Option<Held>,
    /// Whether the LAN is a simulated one.
    pub is_simulated: bool,
    /// Other threads that have to go on.
    pub watched: Vec<Watched>,
    /// Tells how many lines of the log were dropped; `None` where nobody counts them.
    pub log_dropped: Option<fn() -> u64>,
}

/// A thread that has to go on, though it captures nothing.
#[derive(Debug)]
pub struct Watched {
    /// Its name.
    pub name: &'static str,
    /// Its beats.
    pub beat: Arc<Beat>,
    /// How often it beats.
    pub every: Duration,
}

/// Silence of a capture thread that means it is deaf: they wake four times a second.
const DEAF_AFTER: Duration = Duration::from_secs(10);

/// What was kept of storms: their first frames, as capture files.
pub trait Evidence: Send + Sync + 'static {
    /// The pcapng file of the storm with this id, of bounded size; `None` if nothing is kept of it. The id is looked up, never made into a path.
    ///
    /// # Errors
    /// If what is kept cannot be read.
    fn read(&self, id: &str) -> io::Result<Option<Vec<u8>>>;

    /// Whether anything is kept of the storm with this id.
    fn has(&self, id: &str) -> bool;
}

impl Evidence for Store {
    fn read(&self, id: &str) -> io::Result<Option<Vec<u8>>> {
        self.read(id)
    }

    fn has(&self, id: &str) -> bool {
        self.has(id)
    }
}

/// Where the LAN is tapped, as by a network tap: one capture, by the name of its interface or file.
/// Not the kernel's TAP device.
pub struct Tap {
    name: Label,
    pipeline: Mutex<Pipeline>,
    status: Mutex<Status>,
    /// Where its evidence goes.
    evidence: Option<Writer>,
    /// Where what is told of its storms is kept.
    past_storms: Arc<PastStorms>,
    /// Threads that feed the pipeline. Changed under the pipeline's lock, so that events are in
    /// the same order.
    listeners: AtomicUsize,
    beat: Beat,
}

/// A feeder of a tap's pipeline, as long as this lives.
pub struct Listening<'a>(&'a Tap);

/// How a capture is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether frames are being read now.
    pub up: bool,
    /// How, while up and after.
    pub backend: Option<Backend>,
    /// Frames that the kernel dropped before they were read, over all times that the interface
    /// was captured; `None` while no backend could tell.
    pub dropped: Option<u64>,
    /// Memory of the ring.
    pub ring_bytes: Option<u64>,
    /// Why a better backend, or none, is in use.
    pub reason: Option<String>,
    /// Whether it is over because there is no more: a file was replayed to its end.
    pub is_done: bool,
}

impl Lan {
    /// Without captures yet.
    pub fn new(settled: Settled) -> Self {
        Self { settled, ..Self::default() }
    }

    /// The captures, in the order in which they were first seen.
    pub(crate) fn taps(&self) -> Vec<Arc<Tap>> {
        self.taps.read().clone()
    }

    /// The capture named `name`, made by `make` if there is none. Scrapes do not wait for `make`.
    /// Only one thread may call this: two could make the same one.
    pub(crate) fn tap(&self, name: &str, make: impl FnOnce() -> Pipeline) -> Arc<Tap> {
        if let Some(tap) = self.taps.read().iter().find(|tap| &*tap.name == name) {
            return Arc::clone(tap);
        }
        let tap = Arc::new(Tap {
            name: Label::from(name),
            pipeline: Mutex::new(make()),
            status: Mutex::default(),
            evidence: self.settled.evidence.clone(),
            past_storms: Arc::clone(&self.past_storms),
            listeners: AtomicUsize::new(0),
            beat: Beat::default(),
        });
        self.taps.write().push(Arc::clone(&tap));
        tap
    }

    /// Counts a capture that is forgotten.
    pub(crate) fn count_forgotten(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets the captures for which `gone` holds, with all their series.
    pub fn forget(&self, gone: impl Fn(&Tap) -> bool) {
        self.taps.write().retain(|tap| !gone(tap));
    }

    /// The interfaces that are not captured, and why.
    pub fn passed_over(&self) -> Vec<PassedOver> {
        self.passed_over.read().clone()
    }

    /// Replaces the list of interfaces that are not captured.
    pub(crate) fn set_passed_over(&self, list: Vec<PassedOver>) {
        *self.passed_over.write() = list;
    }

    /// Steps of the wall clock that were noticed.
    pub fn clock_steps(&self) -> u64 {
        self.clock_steps.load(Ordering::Relaxed)
    }

    /// Counts steps of the wall clock.
    pub(crate) fn add_clock_steps(&self, steps: u64) {
        self.clock_steps.fetch_add(steps, Ordering::Relaxed);
    }

    /// How the configuration file was read last; `None` where there is none.
    pub fn reload(&self) -> Option<Reload> {
        *self.reload.lock()
    }

    /// The configuration file was read at `now` and could be used.
    pub(crate) fn set_configured(&self, now: Stamp) {
        *self.reload.lock() = Some(Reload { successful: true, last_success: now });
    }

    /// The configuration file was read again and cannot be used: the old one holds.
    pub(crate) fn set_reload_failed(&self) {
        if let Some(reload) = self.reload.lock().as_mut() {
            reload.successful = false;
        }
    }

    /// What writes evidence, if any is kept.
    pub const fn evidence(&self) -> Option<&Writer> {
        self.settled.evidence.as_ref()
    }

    /// What multicast costs this host, if anybody looks.
    pub fn host(&self) -> Option<&dyn host::Source> {
        self.settled.host.as_deref()
    }

    /// The capabilities that the start had, where that is known.
    pub const fn held(&self) -> Option<&Held> {
        self.settled.held.as_ref()
    }

    /// Says that the thread that follows the interfaces goes on.
    pub(crate) fn handle_beat(&self) {
        self.follower.handle_beat();
    }

    /// Looks who has beaten since it was called last. Only one thread may call this, at least every
    /// three seconds.
    pub(crate) fn handle_look(&self, now: Time) {
        let turn = self.watcher.handle_turn(now);
        self.follower.handle_look(turn, self.follower.has_begun());
        for watched in &self.settled.watched {
            watched.beat.handle_look(turn, true);
        }
        for tap in self.taps() {
            let is_expected = tap.is_expected();
            tap.beat.handle_look(turn, is_expected);
        }
    }

    /// The threads that have been silent for longer than `within`: captures that are up, by their
    /// interface, the follower of interfaces where there is one, and the others that are watched.
    /// Replays are not among them: a pipe may keep them waiting.
    pub fn silent(&self, within: Duration) -> Vec<String> {
        let mut silent = Vec::new();
        if self.follower.silence() > within {
            silent.push("follower".to_owned());
        }
        let is_late = |watched: &&Watched| watched.beat.silence() > within + watched.every;
        silent.extend(self.settled.watched.iter().filter(is_late).map(|w| w.name.to_owned()));
        let taps = self.taps();
        let late = taps.iter().filter(|tap| tap.is_expected() && tap.beat.silence() > within);
        silent.extend(late.map(|tap| tap.name.to_string()));
        silent
    }

    /// Whether the interfaces have been looked through once and their captures begun.
    pub fn started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Says that the interfaces have been looked through.
    pub(crate) fn set_started(&self) {
        self.started.store(true, Ordering::Release);
    }
}

impl Source for Lan {
    fn ready(&self) -> bool {
        self.started()
    }

    fn read(&self, deadline: Deadline, detail: Detail) -> LanView {
        let taps = self.taps();
        let segments: Vec<_> = match detail {
            Detail::Captures => taps.iter().map(|_| Some(Vec::new())).collect(),
            Detail::Segments => {
                let locks = taps.iter().map(|tap| tap.pipeline());
                read_locked(locks, deadline, |_, pipeline| pipeline.views())
            }
        };
        let view = |(tap, segments): (&Arc<Tap>, Option<Vec<SegmentView>>)| {
            let status = tap.heard_status();
            CaptureView {
                name: tap.name().to_string(),
                abilities: status.backend.map(Backend::abilities),
                up: status.up,
                trouble: status.reason,
                is_done: status.is_done,
                dropped: status.dropped,
                ring_bytes: status.ring_bytes,
                segments: segments.ok_or(LockTimeout),
            }
        };
        LanView {
            captures: taps.iter().zip(segments).map(view).collect(),
            passed_over: self.passed_over(),
            clock_steps: self.clock_steps(),
            forgotten: self.forgotten.load(Ordering::Relaxed),
            reload: self.reload(),
            evidence: self.evidence().map(|writer| writer.store().totals()),
            log_dropped: self.settled.log_dropped.map(|tell| tell()),
        }
    }

    fn silent(&self) -> Vec<String> {
        self.silent(DEAF_AFTER)
    }

    fn host(&self, deadline: Deadline) -> Option<host::View> {
        self.host().map(|host| host.read(deadline.left()))
    }

    fn privileges(&self) -> Option<Privileges> {
        let at_start = self.held()?.effective.clone();
        Some(Privileges { at_start, now: privilege::permitted_to_any_thread().ok() })
    }

    fn is_simulated(&self) -> bool {
        self.settled.is_simulated
    }

    fn host_standing(&self) -> Option<&host::Standing> {
        self.host().map(host::Source::standing)
    }

    fn past_storm(&self, id: &str) -> Option<PastStorm> {
        self.past_storms.get(id)
    }
}

impl Tap {
    /// The name of the interface or file.
    pub const fn name(&self) -> &Label {
        &self.name
    }

    /// What writes its evidence, if any is kept.
    pub const fn evidence(&self) -> Option<&Writer> {
        self.evidence.as_ref()
    }

    /// What is kept of the storms of all captures.
    pub(crate) fn past_storms(&self) -> &PastStorms {
        &self.past_storms
    }

    /// How the capture is doing.
    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    /// The same, as far as its thread is heard of: one that is silent captures nothing.
    fn heard_status(&self) -> Status {
        let status = self.status();
        let silence = self.beat.silence();
        if !self.is_expected() || silence <= DEAF_AFTER {
            return status;
        }
        let reason = format!("its thread has not responded for {} s", silence.as_secs());
        Status { up: false, reason: Some(reason), ..status }
    }

    /// Whether a thread should be heard of.
    fn is_expected(&self) -> bool {
        let status = self.status.lock();
        status.up && status.backend.is_some_and(Backend::is_live)
    }

    /// Changes what [`Self::status`] says.
    pub(crate) fn update_status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock());
    }

    /// Runs `work` on the pipeline, whose lock is held meanwhile: once a batch, never longer.
    pub(crate) fn with_pipeline<T>(&self, work: impl FnOnce(&mut Pipeline) -> T) -> T {
        work(&mut self.pipeline.lock())
    }

    /// Says that the thread that captures goes on.
    pub(crate) fn handle_beat(&self) {
        self.beat.handle_beat();
    }

    /// As [`Self::with_pipeline`], unless its lock cannot be had within `wait`: then a thread that
    /// stands still has it.
    pub(crate) fn try_with_pipeline<T>(
        &self,
        wait: Duration,
        work: impl FnOnce(&mut Pipeline) -> T,
    ) -> Option<T> {
        self.pipeline.try_lock_for(wait).map(|mut pipeline| work(&mut pipeline))
    }

    /// Tells the pipeline that its interface is listened to, until the returned value is dropped.
    /// Two captures may overlap where one ends slowly.
    pub fn listen(&self) -> Listening<'_> {
        self.with_pipeline(|pipeline| {
            self.listeners.fetch_add(1, Ordering::Relaxed);
            pipeline.handle_event(clock::now().monotonic, Event::Up);
        });
        Listening(self)
    }

    /// Moves the pipeline on to `now` if no capture feeds it. Must be called once a second.
    pub fn handle_timeout(&self, now: Time) {
        self.with_pipeline(|pipeline| {
            if self.listeners.load(Ordering::Relaxed) == 0 {
                // One that never began has reported nothing.
                pipeline.handle_event(now, Event::Down);
                pipeline.handle_timeout(now);
            }
        });
    }

    /// The pipeline, for callers that must not wait for long.
    pub const fn pipeline(&self) -> &Mutex<Pipeline> {
        &self.pipeline
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.with_pipeline(|pipeline| {
            if self.0.listeners.fetch_sub(1, Ordering::Relaxed) == 1 {
                pipeline.handle_event(clock::now().monotonic, Event::Down);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::test_settings;

    #[test]
    fn who_is_up_and_live_must_be_heard_of() {
        let lan = Lan::default();
        let mut now = 1_000;
        let mut after = |seconds| {
            for _ in 0..seconds {
                now += 1;
                lan.handle_look(Time(0).plus(Duration::from_secs(now)));
            }
            lan.silent(Duration::from_secs(5))
        };
        assert!(after(10).is_empty(), "nobody follows");
        lan.handle_beat();
        assert!(after(6).is_empty());
        assert_eq!(after(1), ["follower"]);
        lan.handle_beat();
        for (name, backend) in [("eth0", Backend::Ring), ("file", Backend::File)] {
            let tap = lan.tap(name, || Pipeline::file(test_settings()));
            tap.handle_beat();
            tap.update_status(|status| {
                status.up = true;
                status.backend = Some(backend);
            });
        }
        assert!(after(1).is_empty());
        assert_eq!(after(6), ["follower", "eth0"]);
        let is_up = || lan.read(Deadline::after(Duration::ZERO), Detail::Captures).captures[0].up;
        assert!(is_up(), "not for long yet");
        after(5);
        assert!(!is_up(), "who does not respond captures nothing");
        lan.handle_beat();
        lan.taps()[0].handle_beat();
        assert!(after(1).is_empty() && is_up());
        lan.taps()[0].update_status(|status| status.up = false);
        assert_eq!(after(60), ["follower"], "nobody expects a capture that has ended");
    }

    #[test]
    fn readers_do_not_wait_while_a_pipeline_is_made() {
        let lan = Lan::default();
        let make = || {
            assert!(lan.taps.try_read().is_some(), "locked");
            Pipeline::file(test_settings())
        };
        let first = lan.tap("eth0", make);
        let found = lan.tap("eth0", || unreachable!("there is one"));
        assert!(Arc::ptr_eq(&first, &found));
        assert_eq!(lan.taps().len(), 1);
    }
}
