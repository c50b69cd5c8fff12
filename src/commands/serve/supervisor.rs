//! Tells the supervisor of this process its state, if asked to (`sd_notify(3)`): ready, reloading,
//! stopping, and by the watchdog that the captures go on. Knows nothing of captures but which are
//! up and when each last reported.

use crate::lan::Lan;
use crate::time::{Time, clock};
use sd_notify::NotifyState;
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

/// How often to look whether the first captures have begun.
const LOOK: Duration = Duration::from_millis(20);
/// How often to look at the beats of the threads, at least.
const TURN: Duration = Duration::from_secs(1);
/// A thread that was silent for as long is reported where there is no watchdog.
const PATIENCE: Duration = Duration::from_secs(10);
/// Feeds within the watchdog's time: a late one does no harm.
const FEEDS: u32 = 4;
/// The least silence of a thread that means something: threads wake four times a second.
const SILENCE: Duration = Duration::from_secs(2);
/// Interfaces named in the status; beyond this number, they are counted.
const NAMED: usize = 8;

/// Says that serving has begun once the first captures have. Looks at the beats of the threads all
/// the time, and feeds the watchdog, if there is one, as long as all are heard of. Does not end.
pub(crate) async fn attend(lan: Arc<Lan>) {
    // A look that finds the beginning late is of no use, one that comes too often does no harm.
    while !lan.started() {
        lan.handle_look(clock::now().monotonic);
        tokio::time::sleep(LOOK).await;
    }
    tell(&[NotifyState::Ready, NotifyState::Status(&status(&lan))]);
    let watchdog = watchdog();
    let within = watchdog.map_or(PATIENCE, |patience| (patience / 2).max(SILENCE));
    let feed = watchdog.map(|patience| patience / FEEDS);
    let mut ticks = tokio::time::interval(feed.map_or(TURN, |feed| feed.min(TURN)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut latest: Option<Time> = None;
    let mut was_silent = false;
    loop {
        ticks.tick().await;
        let now = clock::now().monotonic;
        lan.handle_look(now);
        let silent = lan.silent(within);
        let is_silent = !silent.is_empty();
        let is_due = |feed: Duration| latest.is_none_or(|at| now.since(at) + LOOK >= feed);
        if !is_silent && feed.is_some_and(is_due) {
            latest = Some(now);
            tell(&[NotifyState::Watchdog, NotifyState::Status(&status(&lan))]);
        }
        match (mem::replace(&mut was_silent, is_silent), is_silent) {
            (false, true) => {
                let threads = silent.join(" ");
                if watchdog.is_some() {
                    error!(threads, "threads do not respond: the watchdog is not fed");
                } else {
                    error!(threads, "threads do not respond");
                }
            }
            (true, false) => info!("all threads respond again"),
            (true, true) | (false, false) => {}
        }
    }
}

/// Says that the configuration is about to be read again.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!(%error, "reading the clock for the service manager"),
    }
}

/// Says that it was read, or could not be.
pub(crate) fn reloaded(lan: &Lan) {
    tell(&[NotifyState::Ready, NotifyState::Status(&status(lan))]);
}

/// Says that serving is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
fn status(lan: &Lan) -> String {
    let taps = lan.taps();
    let up: Vec<&str> =
        taps.iter().filter(|tap| tap.status().up).map(|tap| &**tap.name()).collect();
    let mut line = match up.len() {
        0 => "capturing nothing: multicast_exporter check says why".to_owned(),
        1..=NAMED => format!("capturing {}", up.join(", ")),
        count => format!("capturing {count} interfaces"),
    };
    if lan.reload().is_some_and(|reload| !reload.successful) {
        line.push_str("; the configuration file cannot be used, the previous one is in force");
    }
    line
}

/// How long the supervisor waits for a feed, if it has a watchdog.
fn watchdog() -> Option<Duration> {
    let mut microseconds = 0;
    sd_notify::watchdog_enabled(false, &mut microseconds)
        .then(|| Duration::from_micros(microseconds))
        .filter(|patience| !patience.is_zero())
}

/// Without a supervisor that asked, nothing happens.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        warn!(%error, "telling the service manager");
    }
}
