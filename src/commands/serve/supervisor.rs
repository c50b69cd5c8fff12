//! Tells the supervisor of this process its state, if asked to (`sd_notify(3)`): ready, reloading,
//! stopping, and by the watchdog that the captures go on. Knows nothing of captures but which are
//! up and when each last reported.

use crate::lan::Lan;
use crate::time::clock;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;
use std::{io, mem, thread};
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

/// How often to look whether the first captures have begun.
const LOOK: Duration = Duration::from_millis(20);
/// How often to look at the beats of the threads, at least: no more often than a silent LAN can
/// bear, see `follow`.
const TURN: Duration = Duration::from_millis(2_500);
/// A thread that was silent for as long is reported where there is no watchdog.
const PATIENCE: Duration = Duration::from_secs(10);
/// Feeds within the watchdog's time: a late one does no harm.
const FEEDS: u32 = 4;
/// The least silence of a thread that means something: where nothing happens, the follower wakes
/// every 2.5 s, and captures every second.
const SILENCE: Duration = Duration::from_secs(4);
/// Interfaces named in the status; beyond this number, they are counted.
const NAMED: usize = 8;

/// Says that serving has begun once the first captures have, then feeds the watchdog, if there is
/// one, as long as all threads are heard of: that this task comes to do so says that requests are
/// answered, too.
pub(crate) async fn attend(lan: Arc<Lan>) {
    while !lan.started() {
        tokio::time::sleep(LOOK).await;
    }
    tell(&[NotifyState::Ready, NotifyState::Status(&status(&lan))]);
    let Some(patience) = watchdog() else { return };
    let within = (patience / 2).max(SILENCE);
    let mut ticks = tokio::time::interval(patience / FEEDS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if lan.silent(within).is_empty() {
            tell(&[NotifyState::Watchdog, NotifyState::Status(&status(&lan))]);
        }
    }
}

/// Starts the thread that looks at the beats of the others, as long as the process lives. A task
/// of the runtime would wake up several times for each look: its timers are sorted in stages.
///
/// # Errors
/// If no thread can be made.
pub(super) fn watch(lan: Arc<Lan>) -> io::Result<()> {
    let watchdog = watchdog();
    let within = watchdog.map_or(PATIENCE, |patience| (patience / 2).max(SILENCE));
    let turn = watchdog.map_or(TURN, |patience| (patience / FEEDS).min(TURN));
    let mut was_silent = false;
    let mut look = move || {
        lan.handle_look(clock::now().monotonic);
        let silent = lan.silent(within);
        let is_silent = !silent.is_empty();
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
    };
    let watcher = thread::Builder::new().name("watcher".into());
    let watch = move || {
        loop {
            look();
            thread::sleep(turn);
        }
    };
    watcher.spawn(watch).map(drop)
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
