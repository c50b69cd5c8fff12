//! Listens to the captures for a while, each in a thread of its own, through the pipeline and the
//! engine that serving uses. Ends as soon as nothing more can be learned.

use super::floods;
use super::heard::{self, Facts};
use super::preflight::Live;
use super::summary::Summary;
use crate::capture::Backend;
use crate::commands::capturing;
use crate::commands::configuration::Configuration;
use crate::commands::finding::{Area, Finding, counted};
use crate::commands::flags::Serve;
use crate::commands::pump::{self, Ended, Stop};
use crate::engine::{Converted, Local};
use crate::lan::{Lan, Tap};
use crate::pipeline::{Pipeline, SegmentView, Settings};
use crate::segment::Sharing;
use crate::time::{Time, clock};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

/// How often to look at what was heard.
const LOOK: Duration = Duration::from_millis(250);
/// For how long no further VLAN may appear before listening may end early: each speaks within
/// seconds, if any device is in it.
const SETTLED: Duration = Duration::from_secs(10);

/// How to listen.
#[derive(Clone)]
pub struct Plan {
    /// How long at most.
    pub listen: Duration,
    /// For the pipelines.
    pub settings: Settings,
    /// What this machine's own frames are known by.
    pub local: Arc<Local>,
    /// Whether to draw a progress note on standard error.
    pub progress: bool,
}

/// The result of listening.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was heard on each capture.
    pub findings: Vec<Finding>,
    /// After how long it ended, if early.
    pub early: Option<Duration>,
}

/// What the pipelines are given: the same as while serving, except that no evidence is kept and
/// no LAN has a name.
pub fn settings(flags: &Serve, configuration: &Configuration) -> Settings {
    let lans = Arc::default();
    let settings =
        capturing::settings(flags, configuration, &lans, Sharing::Never, Converted::Live);
    Settings { evidence: None, ..settings }
}

/// Listens to all captures at once and says what was heard on each.
pub fn listen(plan: &Plan, captures: Vec<Live>) -> Heard {
    let (lan, stop) = (Lan::default(), Stop::default());
    let start = clock::now().monotonic;
    thread::scope(|scope| {
        let mut listeners = Vec::with_capacity(captures.len());
        for mut live in captures {
            let tap = tap(plan, &lan, &live);
            let (facts, stop, fed) = (facts(&live), &stop, Arc::clone(&tap));
            let thread =
                scope.spawn(move || pump::live(&fed, live.capture.as_mut(), stop, |_, _| {}));
            listeners.push(Listener {
                facts,
                tap,
                thread,
                segments: 0,
                changed: start,
                done: false,
            });
        }
        let early = wait(plan, start, &mut listeners);
        let listened = clock::now().monotonic.since(start);
        stop.set(None);
        let findings =
            listeners.into_iter().flat_map(|listener| listener.judge(plan, start, listened));
        Heard { findings: findings.collect(), early }
    })
}

/// A capture that is listened to.
struct Listener<'scope> {
    facts: OfCapture,
    tap: Arc<Tap>,
    thread: ScopedJoinHandle<'scope, Ended>,
    /// How many segments there were at the last look.
    segments: usize,
    /// When another one appeared last.
    changed: Time,
    /// There is nothing more to learn here. Other captures may still have something; this one goes
    /// on meanwhile.
    done: bool,
}

/// What is known of a capture, apart from what it hears, while its thread has it.
struct OfCapture {
    interface: String,
    backend: Backend,
    has_v6: bool,
}

fn facts(live: &Live) -> OfCapture {
    let Live { interface, backend, has_v6, .. } = live;
    OfCapture { interface: interface.clone(), backend: *backend, has_v6: *has_v6 }
}

/// A pipeline for a capture, which gets what the follower would give it while serving.
fn tap(plan: &Plan, lan: &Lan, live: &Live) -> Arc<Tap> {
    let Live { interface, around, link, .. } = live;
    let tap = lan.tap(interface, || {
        Pipeline::live(plan.settings.clone(), interface, around.clone(), clock::now())
    });
    tap.with_pipeline(|pipeline| {
        pipeline.handle_local(&plan.local);
        pipeline.handle_vantage(link);
    });
    tap
}

/// Waits until the time is over, or there is nothing more to learn; returns after how long, in that
/// case.
fn wait(plan: &Plan, start: Time, listeners: &mut [Listener<'_>]) -> Option<Duration> {
    let bar = plan.progress.then(|| bar(plan.listen));
    let early = loop {
        let now = clock::now().monotonic;
        let elapsed = now.since(start);
        let devices: usize = listeners.iter_mut().map(|one| one.look(plan, now)).sum();
        if let Some(bar) = &bar {
            bar.set_position(elapsed.as_secs());
            bar.set_message(counted(devices as u64, "other device"));
        }
        let left = plan.listen.saturating_sub(elapsed);
        if left.is_zero() {
            break None;
        }
        if listeners.iter().all(|listener| listener.done) {
            break Some(elapsed);
        }
        thread::sleep(LOOK.min(left));
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    early
}

impl Listener<'_> {
    /// Checks what was heard so far: how many other devices.
    fn look(&mut self, plan: &Plan, now: Time) -> usize {
        let views = views(&self.tap);
        if std::mem::replace(&mut self.segments, views.len()) != views.len() {
            self.changed = now;
        }
        let heard = Summary::new(&views, &plan.local);
        let is_complete = heard.is_complete(self.facts.backend.abilities().all_protocols)
            && !floods::is_rising(&views, &plan.settings.policy);
        self.done |=
            self.thread.is_finished() || (is_complete && now.since(self.changed) >= SETTLED);
        heard.devices
    }

    /// Waits until the capture has ended as requested, and returns what was heard on it.
    fn judge(self, plan: &Plan, start: Time, listened: Duration) -> Vec<Finding> {
        let Self { facts: OfCapture { interface, backend, has_v6 }, tap, thread, .. } = self;
        let error = match thread.join() {
            Ok(Ended::Stopped) => None,
            Ok(Ended::Capture(error)) => Some(error.to_string()),
            Ok(Ended::Panicked(_)) | Err(_) => {
                let text = "listening failed: please report the message above";
                return vec![Finding::problem(Area::Heard(interface), text)];
            }
        };
        let facts = Facts {
            interface: &interface,
            backend,
            listened,
            counted: clock::now().monotonic.since(start),
            has_v6,
            dropped: tap.status().dropped,
            error: error.as_deref(),
        };
        let views = views(&tap);
        let mut findings = floods::findings(&facts, &views, &plan.settings.policy);
        findings.extend(heard::findings(&facts, &Summary::new(&views, &plan.local)));
        findings
    }
}

fn views(tap: &Tap) -> Vec<SegmentView> {
    tap.with_pipeline(Pipeline::views)
}

fn bar(listen: Duration) -> ProgressBar {
    let bar = ProgressBar::new(listen.as_secs());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} s, {msg}") {
        bar.set_style(style);
    }
    bar
}
