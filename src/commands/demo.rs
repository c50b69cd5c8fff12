//! Serves a simulated LAN, for a first look and for trying alerts: needs no privilege and touches
//! no network but the port that it serves on. The frames go through the same decoder, engine and
//! detectors as live ones.
//!
//! The LAN has been running for 20 minutes when serving begins, so that names, queriers and
//! habits are known; the streamer begins with serving, to begin at once.

mod capture;

use super::flags::Demo;
use super::pump::{self, Ended};
use super::{ExitStatus, Failure, failed, hash_key, news, opening, refused, say, serve};
use crate::capture::Backend;
use crate::detect::Horizon;
use crate::engine;
use crate::lan::{Lan, Tap};
use crate::pipeline::{Pipeline, Settings, usual_policy};
use crate::privilege;
use crate::segment::{DEFAULT_SYNTHETIC_MAX, Labels, Lans, Sharing};
use crate::simulation::{Member, Options, Simulation, Stream};
use capture::{NAME, Simulated};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing::{info, warn};

/// For how long the LAN has been running when serving begins.
const BEFORE: Duration = Duration::from_mins(20);
/// The locked-up printer's rate, as in the documentation.
const STORM_PER_SECOND: u32 = 200;

/// Serves a simulated LAN until SIGTERM or SIGINT. Must be called before any other thread exists.
pub fn run(flags: &Demo) -> ExitStatus {
    match demonstrate(flags) {
        Ok(()) => ExitStatus::Success,
        Err(Failure { line, status }) => {
            say(&line);
            status
        }
    }
}

fn demonstrate(flags: &Demo) -> Result<(), Failure> {
    let lans = flags.lan.names().map_err(refused)?;
    let listeners = opening::listen(&flags.web).all()?;
    privilege::drop_all().map_err(|error| failed("dropping privileges")(&error))?;
    let lan = Arc::new(Lan::default());
    let stop = Arc::new(AtomicBool::new(false));
    let watching =
        start(flags, lans, &lan, &stop).map_err(|error| failed("starting a thread")(&error))?;
    let reload = || info!("SIGHUP: there is no --config.file to read again");
    serve::answer(&flags.web, listeners, &lan, &stop, &watching, reload)
}

/// The LAN, and what will happen on it.
fn simulation(flags: &Demo) -> Simulation {
    let stream = Stream::From(BEFORE);
    let mut lan = Simulation::new(Options { seed: flags.seed, stream, ..Options::default() });
    if !flags.storm_for.is_zero() {
        let from = BEFORE.saturating_add(flags.storm_after);
        let until = from.saturating_add(flags.storm_for);
        lan.lock_up(Member::Printer, from, until, STORM_PER_SECOND);
    }
    lan
}

/// Starts the thread that lets the LAN run.
fn start(
    flags: &Demo,
    lans: Arc<Lans>,
    lan: &Arc<Lan>,
    stop: &Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let settings = Settings {
        engine: engine::Config {
            budget: Arc::new(engine::Budget::new(flags.devices.max)),
            expiry: Some(flags.devices.expiry),
            local: Arc::default(),
            converted: engine::Converted::Files,
            horizon: Horizon::Now,
            storms_kept: engine::Config::STORMS_LIVE,
        },
        key: hash_key(),
        labels: Labels::new(Sharing::Same, DEFAULT_SYNTHETIC_MAX),
        lans,
        policy: usual_policy(),
        evidence: None,
    };
    let tap = lan.tap(NAME, || Pipeline::file(settings));
    tap.update_status(|status| {
        status.up = true;
        status.backend = Some(Backend::Demo);
    });
    let mut capture = Simulated::new(simulation(flags), BEFORE);
    let (lan, stop) = (Arc::clone(lan), Arc::clone(stop));
    let storm = humantime::format_duration(flags.storm_after).to_string();
    let seed = flags.seed;
    let run = move || {
        info!(interface = NAME, seed, storm_after = storm, "simulating");
        capture.catch_up(&tap);
        lan.set_started();
        match pump::file(&lan, &tap, &mut capture, &stop, news::tell) {
            Ended::Stopped => {}
            Ended::Capture(error) => broke_off(&tap, error.to_string()),
            Ended::Panicked(text) => broke_off(&tap, format!("panicked: {text}")),
        }
    };
    thread::Builder::new().name("simulation".into()).spawn(run)
}

fn broke_off(tap: &Tap, reason: String) {
    warn!(interface = NAME, reason, "the simulation ended early");
    tap.update_status(|status| {
        status.up = false;
        status.reason = Some(reason);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::flags::{Cli, Command};
    use clap::Parser as _;

    fn printers_frames(arguments: &[&str], from: u64, until: u64) -> usize {
        let words = ["multicast_exporter", "demo"].iter().chain(arguments);
        let Some(Command::Demo(flags)) = Cli::parse_from(words).command else {
            unreachable!("it was asked for")
        };
        let seconds = |n| BEFORE + Duration::from_secs(n);
        simulation(&flags)
            .frames(seconds(until))
            .filter(|(at, frame)| {
                (seconds(from)..seconds(until)).contains(at)
                    && frame[6..12] == Member::Printer.host().mac.0
            })
            .count()
    }

    #[test]
    fn the_printer_locks_up_after_a_minute_for_five_or_as_told() {
        assert!(printers_frames(&[], 30, 60) < 50);
        assert_eq!(printers_frames(&[], 60, 61), 200);
        assert_eq!(printers_frames(&[], 359, 400), 200);
        let told = ["--storm-after=2s", "--storm-for=3s"];
        assert_eq!(printers_frames(&told, 2, 60), 600);
        assert!(printers_frames(&["--storm-for=0s"], 0, 120) < 50);
    }
}
