//! The follower: begins a capture for each interface that is chosen and ends it when it no longer
//! is, as interfaces come, go, change and are renamed. One plain thread, woken by netlink.
//!
//! What was counted outlives the interface: a capture that begins again goes on with the same
//! pipeline. It is forgotten after it was gone for as long as a silent device is kept, or when more
//! than [`GONE_MAX`] others have gone since: names that come and go (containers) are no limit to
//! how many series there are.

use super::super::capturing::{self, Means};
use super::super::finding::Level;
use super::super::pump::{self, Ended, Stop};
use super::super::{news, surroundings};
use super::retry::Failures;
use crate::capture::join::Joins;
use crate::capture::live::Opened;
use crate::capture::wake::Waker;
use crate::capture::{Backend, CaptureError};
use crate::interfaces::neighbours::Neighbours;
use crate::interfaces::{self, Link, Policy, Surroundings, WatchError, Watcher};
use crate::lan::{Lan, PassedOver, Tap};
use crate::pipeline::{Pipeline, Settings};
use crate::time::timeline::Timeline;
use crate::time::{Time, clock};
use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// How long to wait for news of interfaces, at most: the wall clock is looked at this often, and
/// the watchdog must hear of this thread. All that wakes up on a silent LAN does so at most twice a
/// second: a capture once, this and the watcher of the threads four times in ten seconds each.
const WAIT: Duration = Duration::from_millis(2_500);
/// The same while something is to be done every second.
const SECOND: Duration = Duration::from_secs(1);
/// How long to wait after the kernel did not tell.
const PAUSE: Duration = Duration::from_millis(250);
/// How long to wait after a panic of the follower: a repeated one must not fill the log.
const PANIC_WAIT: Duration = Duration::from_secs(5);
/// How often the MACs behind addresses are looked up for captures that see none.
const NEIGHBOURS_EVERY: Duration = Duration::from_secs(30);
/// How long captures may take to end at a stop.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Captures of interfaces that are gone which are remembered, with all their series.
const GONE_MAX: usize = 16;

/// What the follower is given.
pub struct Plan {
    /// Which interfaces.
    pub policy: Policy,
    /// How.
    pub means: Means,
    /// For the pipelines.
    pub settings: Settings,
    /// How long what is gone is remembered.
    pub expiry: Duration,
}

/// Begins and ends captures.
pub(crate) struct Follower {
    plan: Plan,
    lan: Arc<Lan>,
    watcher: Watcher,
    timeline: Timeline,
    running: BTreeMap<String, Running>,
    failing: Failures,
    /// Since when the captures that are not running are not.
    idle: BTreeMap<String, Time>,
    ended: (Sender<Notice>, Receiver<Notice>),
    generation: u64,
    neighbours_due: Time,
    /// The second in which the idle pipelines were moved on.
    idle_second: u64,
    /// Whether the kernel gave news of interfaces when last asked.
    is_following: bool,
    /// Something has changed that was not handled yet.
    is_stale: bool,
}

/// A capture thread.
struct Running {
    index: u32,
    generation: u64,
    backend: Backend,
    tap: Arc<Tap>,
    around: Surroundings,
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
    /// Memberships end when dropped.
    _joins: Option<Joins>,
}

/// A capture thread's last words.
struct Notice {
    name: String,
    generation: u64,
    ended: Ended,
}

impl Follower {
    /// Opens the netlink socket and reads what interfaces there are. Captures nothing yet.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn new(plan: Plan, lan: Arc<Lan>) -> Result<Self, WatchError> {
        Ok(Self {
            plan,
            lan,
            watcher: Watcher::open()?,
            timeline: Timeline::live(),
            running: BTreeMap::new(),
            failing: Failures::default(),
            idle: BTreeMap::new(),
            ended: mpsc::channel(),
            generation: 0,
            neighbours_due: Time(0),
            idle_second: 0,
            is_following: true,
            is_stale: true,
        })
    }

    /// Follows the interfaces until `stop` is set, then ends all captures. A panic ends one turn
    /// alone.
    pub fn run(mut self, stop: &AtomicBool) {
        self.lan.handle_beat();
        self.guarded(stop, |follower| follower.reconcile(clock::now().monotonic));
        self.lan.set_started();
        self.warn_of_nothing();
        self.warn_of_another_network();
        while !stop.load(Ordering::Acquire) {
            self.guarded(stop, Self::take_turn);
        }
        self.stop_all();
    }

    fn guarded(&mut self, stop: &AtomicBool, turn: impl FnOnce(&mut Self)) {
        // Half a turn leaves captures that the next one compares with what should be.
        let Err(reason) = pump::guarded(|| turn(self)) else { return };
        error!(reason, "following the interfaces panicked; going on");
        self.is_stale = true;
        let until = clock::now().monotonic.plus(PANIC_WAIT);
        while !stop.load(Ordering::Acquire) && clock::now().monotonic < until {
            self.lan.handle_beat();
            thread::sleep(PAUSE);
        }
    }

    /// What ends a wait for news: a stop must not take long.
    pub fn waker(&self) -> Waker {
        self.watcher.waker()
    }

    /// How long nothing has to be done if nothing happens: captures that are to be tried again are
    /// due by the second.
    fn until_due(&self) -> Duration {
        if self.idle.is_empty() && self.failing.is_empty() { WAIT } else { SECOND }
    }

    /// Waits for news for a while and does what is due.
    fn take_turn(&mut self) {
        match self.watcher.next(self.until_due()) {
            Ok(changes) => {
                if !mem::replace(&mut self.is_following, true) {
                    info!("interfaces are followed again");
                }
                for change in &changes {
                    debug!(interface = %change.name, what = ?change.what, "interface changed");
                    self.failing.handle_change(&change.name, clock::now().monotonic);
                    self.is_stale = true;
                }
            }
            Err(error) => {
                if mem::replace(&mut self.is_following, false) {
                    warn!(%error, "interfaces are not followed for now; trying again");
                } else {
                    debug!(%error, "interfaces are still not followed");
                }
                thread::sleep(PAUSE);
            }
        }
        let reading = clock::now();
        self.lan.handle_beat();
        if self.timeline.handle_reading(reading) {
            self.lan.add_clock_steps(1);
            info!("the wall clock was stepped");
        }
        self.is_stale |= self.handle_ended(reading.monotonic);
        if self.is_stale || self.failing.is_due(reading.monotonic) {
            self.reconcile(reading.monotonic);
        }
        self.forget_long_gone(reading.monotonic);
        if self.idle.len() > GONE_MAX {
            self.forget_too_many_gone();
        }
        self.move_idle_on(reading.monotonic);
        self.look_up_neighbours(reading.monotonic);
    }

    /// Makes what is captured match what should be.
    fn reconcile(&mut self, now: Time) {
        let wanted = self.wanted();
        let gone = |name: &String, running: &Running| {
            wanted.get(name).is_none_or(|(link, _)| link.index != running.index)
        };
        let gone: Vec<String> = self
            .running
            .iter()
            .filter(|(name, r)| gone(name, r))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.end(&name, now, "the interface is gone or down, or no longer chosen");
        }
        self.failing.retain(|name| wanted.contains_key(name));
        for (name, (_, around)) in &wanted {
            if let Some(running) = self.running.get_mut(name)
                && running.around != *around
            {
                running.tap.with_pipeline(|pipeline| pipeline.handle_surroundings(around));
                running.around = around.clone();
            }
        }
        let among = wanted.len();
        for (name, (link, around)) in wanted {
            let is_waiting = self.failing.is_waiting(&name, link.index, now);
            if !is_waiting && !self.running.contains_key(&name) {
                self.begin(&link, among, around, now);
            }
        }
        // Captures just begun get it here too; an interface made later may be on their LAN.
        let table = self.watcher.table();
        let local = capturing::local(table);
        for running in self.running.values() {
            let Some(link) = table.link(running.index) else { continue };
            let link = capturing::seen(table, link);
            running.tap.with_pipeline(|pipeline| {
                pipeline.handle_local(&local);
                pipeline.handle_vantage(&link);
            });
        }
        // Not before: a panic on the way leaves it to the next turn.
        self.is_stale = false;
    }

    /// The interfaces to capture, by name; notes the others for the page.
    fn wanted(&self) -> BTreeMap<String, (Link, Surroundings)> {
        let table = self.watcher.table();
        let mut wanted = BTreeMap::new();
        let mut passed_over = Vec::new();
        for chosen in self.plan.policy.choose(table) {
            match (chosen.choice, table.link(chosen.index)) {
                (interfaces::Choice::Captured, Some(link)) => {
                    let around = self.plan.policy.surroundings(table, chosen.index);
                    wanted.insert(chosen.name, (link.clone(), around));
                }
                (interfaces::Choice::Captured, None) => {}
                (interfaces::Choice::Skipped(reason), _) => {
                    let reason = reason.to_string();
                    passed_over.push(PassedOver { interface: chosen.name, reason });
                }
            }
        }
        self.lan.set_passed_over(passed_over);
        wanted
    }

    fn begin(&mut self, link: &Link, among: usize, around: Surroundings, now: Time) {
        let Self { plan, lan, .. } = self;
        let name = &link.name;
        let tap = lan.tap(name, || {
            Pipeline::live(plan.settings.clone(), name, around.clone(), clock::now())
        });
        tap.with_pipeline(|pipeline| pipeline.handle_surroundings(&around));
        match plan.means.capture(link, among) {
            Ok((opened, joins)) => self.start(link, around, tap, opened, joins),
            Err(error) => {
                let is_gone = matches!(error, CaptureError::InterfaceGone { .. });
                let first = self.failing.handle_failure(name, link.index, is_gone, now);
                self.handle_failure(name, &tap, &error.to_string(), first && !is_gone, now);
            }
        }
    }

    fn start(
        &mut self,
        link: &Link,
        around: Surroundings,
        tap: Arc<Tap>,
        opened: Opened,
        joins: Option<Joins>,
    ) {
        let Opened { mut capture, backend, fallbacks, skipped_groups, ring_bytes } = opened;
        let name = link.name.clone();
        for failure in joins.iter().flat_map(Joins::failures) {
            debug!(interface = name, group = %failure.group, error = %failure.error, "not joined");
        }
        for (group, reason) in &skipped_groups {
            debug!(interface = name, group, reason, "group not heard");
        }
        let better: Vec<String> =
            fallbacks.iter().map(|(backend, why)| format!("{}: {why}", backend.label())).collect();
        let better = better.join("; ");
        if better.is_empty() {
            info!(interface = name, backend = backend.label(), "capturing");
        } else {
            info!(interface = name, backend = backend.label(), instead_of = better, "capturing");
        }
        tap.handle_beat();
        tap.update_status(|status| {
            status.up = true;
            status.backend = Some(backend);
            status.ring_bytes = ring_bytes;
            status.reason = (!better.is_empty()).then_some(better);
        });
        self.generation += 1;
        let generation = self.generation;
        let stop = Arc::new(Stop::of(capture.as_ref()));
        let spawned = thread::Builder::new().name(format!("cap {name}")).spawn({
            let (name, stop, tap) = (name.clone(), Arc::clone(&stop), Arc::clone(&tap));
            let (notices, waker) = (self.ended.0.clone(), self.waker());
            move || {
                let ended = pump::live(&tap, capture.as_mut(), &stop, news::tell);
                // The socket must be back in the pool before this is reported.
                drop(capture);
                // The follower is gone only when the process ends.
                let _ = notices.send(Notice { name, generation, ended });
                waker.wake();
            }
        });
        match spawned {
            Ok(thread) => {
                self.idle.remove(&name);
                self.failing.handle_begin(&name, clock::now().monotonic);
                let index = link.index;
                let running = Running {
                    index,
                    generation,
                    backend,
                    tap,
                    around,
                    stop,
                    thread,
                    _joins: joins,
                };
                self.running.insert(name, running);
            }
            Err(error) => {
                let now = clock::now().monotonic;
                let first = self.failing.handle_failure(&name, link.index, false, now);
                let reason = format!("starting a thread: {error}");
                self.handle_failure(&name, &tap, &reason, first, now);
            }
        }
    }

    /// Reports a capture that could not begin or did not last; it is tried again later.
    fn handle_failure(&mut self, name: &str, tap: &Tap, reason: &str, first: bool, now: Time) {
        self.idle.entry(name.to_owned()).or_insert(now);
        if first {
            warn!(interface = name, reason, "not capturing; trying again from time to time");
        } else {
            debug!(interface = name, reason, "still not capturing");
        }
        tap.update_status(|status| {
            status.up = false;
            status.ring_bytes = None;
            status.reason = Some(reason.to_owned());
        });
    }

    /// Ends a capture, if it runs, without waiting for its thread.
    fn end(&mut self, name: &str, now: Time, reason: &str) {
        let Some(running) = self.running.remove(name) else { return };
        // An interface that is still there may be captured again before this capture has ended.
        let is_there = self.watcher.table().link(running.index).is_some();
        running.stop.set(is_there.then(|| clock::now().wall));
        info!(interface = name, reason, "no longer capturing");
        running.tap.update_status(|status| {
            status.up = false;
            status.ring_bytes = None;
            status.reason = Some(reason.to_owned());
        });
        self.idle.insert(name.to_owned(), now);
        // A VLAN that loses its device is heard on the interface underneath from now on, under
        // the same label: that has to be free.
        if !running.around.own.is_empty() {
            self.forget(name);
        }
    }

    /// Collects threads that ended by themselves. True if one did.
    fn handle_ended(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Ok(Notice { name, generation, ended }) = self.ended.1.try_recv() {
            let Some(running) = self.running.get(&name).filter(|r| r.generation == generation)
            else {
                continue;
            };
            any = true;
            let (tap, index) = (Arc::clone(&running.tap), running.index);
            let reason = match ended {
                Ended::Stopped => continue,
                Ended::Capture(error @ CaptureError::InterfaceGone { .. }) => {
                    self.failing.handle_failure(&name, index, true, now);
                    self.end(&name, now, &error.to_string());
                    continue;
                }
                Ended::Capture(error) => error.to_string(),
                Ended::Panicked(text) => format!("panicked: {text}"),
            };
            self.running.remove(&name);
            let first = self.failing.handle_failure(&name, index, false, now);
            self.handle_failure(&name, &tap, &reason, first, now);
        }
        any
    }

    fn forget_long_gone(&mut self, now: Time) {
        let expiry = self.plan.expiry;
        let long_gone = |since: &Time| now.since(*since) >= expiry;
        let names: Vec<String> = self
            .idle
            .iter()
            .filter(|(_, since)| long_gone(since))
            .map(|(n, _)| n.clone())
            .collect();
        for name in names {
            self.lan.count_forgotten();
            self.forget(&name);
        }
    }

    /// Of the interfaces that are not there, only the last to go are remembered.
    fn forget_too_many_gone(&mut self) {
        let table = self.watcher.table();
        let is_gone = |name: &str| table.link_by_name(name).is_none();
        let mut gone: Vec<(Time, String)> = self
            .idle
            .iter()
            .filter(|(name, _)| is_gone(name))
            .map(|(name, since)| (*since, name.clone()))
            .collect();
        gone.sort();
        let too_many = gone.len().saturating_sub(GONE_MAX);
        for (_, name) in gone.drain(..too_many) {
            debug!(interface = name, "forgotten: many others are gone");
            self.lan.count_forgotten();
            self.forget(&name);
        }
    }

    /// Once a second: a pipeline that no capture feeds must still forget its silent devices and
    /// give their rows back.
    fn move_idle_on(&mut self, now: Time) {
        if self.idle.is_empty() || now.second() == self.idle_second {
            return;
        }
        self.idle_second = now.second();
        for tap in self.lan.taps() {
            if self.idle.contains_key(&**tap.name()) {
                tap.handle_timeout(now);
            }
        }
    }

    fn forget(&mut self, name: &str) {
        self.idle.remove(name);
        let is_it = |tap: &Tap| &**tap.name() == name;
        // Its thread, or a reader, may have it for a while yet; its labels must be free.
        if let Some(tap) = self.lan.taps().iter().find(|tap| is_it(tap)) {
            tap.with_pipeline(Pipeline::end);
            news::tell_of(tap);
        }
        self.lan.forget(is_it);
    }

    /// Captures without MACs learn them from the kernel's neighbour table.
    fn look_up_neighbours(&mut self, now: Time) {
        if now < self.neighbours_due {
            return;
        }
        self.neighbours_due = now.plus(NEIGHBOURS_EVERY);
        let mut blind = self.running.values().filter(|r| r.backend == Backend::Socket).peekable();
        if blind.peek().is_none() {
            return;
        }
        match Neighbours::read() {
            Ok(neighbours) => {
                for running in blind {
                    let known: Vec<_> = neighbours.on(running.index).collect();
                    running.tap.with_pipeline(|pipeline| pipeline.handle_neighbours(&known));
                }
            }
            Err(error) => debug!(%error, "reading the neighbour table"),
        }
    }

    fn warn_of_nothing(&self) {
        for pattern in self.plan.policy.unmatched(self.watcher.table()) {
            warn!(pattern, "--capture.interface matches no interface; waiting for one to appear");
        }
        if self.running.is_empty() && self.failing.is_empty() {
            warn!("no interface to capture: `multicast_exporter check` says why");
        }
        let captured: Vec<&str> = self.running.keys().map(String::as_str).collect();
        for label in self.plan.settings.lans.unheard(&captured) {
            warn!(
                interface = label,
                "--lan names an interface that is not captured; waiting for it"
            );
        }
    }

    /// Says once where all that is captured leads out of this network namespace: to a bridge that
    /// the LAN's multicast does not cross, as in a container.
    fn warn_of_another_network(&self) {
        let table = self.watcher.table();
        let peer = |running: &Running| {
            table.link(running.index).and_then(|link| surroundings::read_peer(table, link))
        };
        let peers: Vec<_> = self.running.iter().map(|(name, r)| (name.as_str(), peer(r))).collect();
        let marks = surroundings::read_container();
        for finding in surroundings::container(marks.as_deref(), &peers) {
            if finding.level == Level::Hint {
                let why = finding.text;
                warn!(why, "the LAN is most likely not heard: share the network of the host");
            }
        }
    }

    fn stop_all(self) {
        for running in self.running.values() {
            running.stop.set_for_all();
        }
        let deadline = clock::now().monotonic.plus(STOP_WITHIN);
        for (name, running) in self.running {
            while !running.thread.is_finished() && clock::now().monotonic < deadline {
                thread::sleep(Duration::from_millis(10));
            }
            if !running.thread.is_finished() {
                warn!(interface = name, "capture did not end in time");
            }
        }
    }
}
