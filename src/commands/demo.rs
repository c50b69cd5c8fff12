//! Serves a simulated LAN, for a first look and for trying alerts: needs no privilege and touches
//! no network but the port that it serves on. The frames go through the same decoder, engine and
//! detectors as live ones.
//!
//! The LAN has been running for 20 minutes when serving begins, so that names, queriers and
//! habits are known; the streamer begins with serving, to begin at once.

mod capture;

use super::configuration::Configuration;
use super::flags::Demo;
use super::pump::{self, Ended};
use super::{ExitStatus, Failure, failed, hash_key, news, opening, refused, say, serve};
use crate::capture::Backend;
use crate::detect::Horizon;
use crate::engine;
use crate::lan::{Lan, Settled, Tap};
use crate::pipeline::{Pipeline, Settings};
use crate::privilege;
use crate::segment::{DEFAULT_SYNTHETIC_MAX, Labels, Lans, Sharing};
use crate::simulation::{Member, Options, Simulation, Site, Stream};
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
/// The streamer's: it drowns the printer in any sum of packets, and is harmless.
const STREAM_PER_SECOND: u32 = 4_000;

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
    let configuration = Configuration::load(flags.config.file.as_deref()).map_err(refused)?;
    let configuration = Arc::new(configuration);
    let listeners = opening::listen(&flags.web).all()?;
    privilege::drop_all().map_err(|error| failed("dropping privileges")(&error))?;
    let store = opening::store(&flags.evidence);
    let lan = Arc::new(Lan::new(Settled {
        evidence: store.map(serve::keep_evidence).transpose()?,
        is_simulated: true,
        ..Settled::default()
    }));
    configuration.tell(&lan);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = start(flags, lans, &configuration, &lan, &stop)
        .map_err(|error| failed("starting a thread")(&error))?;
    let reload = {
        let lan = Arc::clone(&lan);
        move || configuration.reload(&lan)
    };
    serve::answer(&flags.web, listeners, &lan, &stop, &watching, reload)?;
    serve::finish_evidence(&lan);
    Ok(())
}

/// The LAN, and what will happen on it.
fn simulation(flags: &Demo) -> Simulation {
    let options = Options {
        seed: flags.seed,
        stream: Stream::From(BEFORE),
        stream_rate: STREAM_PER_SECOND,
        site: site(flags.seed),
        ..Options::default()
    };
    let mut lan = Simulation::new(options);
    if !flags.storm_for.is_zero() {
        let from = BEFORE.saturating_add(flags.storm_after).saturating_add(phase(flags.seed));
        let until = from.saturating_add(flags.storm_for);
        lan.lock_up(Member::Printer, from, until, STORM_PER_SECOND);
    }
    lan
}

/// The LAN of a seed: that of the documents for the seed that is usual.
fn site(seed: u64) -> Site {
    if seed == Demo::SEED { Site::default() } else { Site::of_seed(seed) }
}

/// How much later than asked for the printer of a seed locks up, under a second: many demos that
/// are started at once have no storm in the same instant.
fn phase(seed: u64) -> Duration {
    Duration::from_millis(seed.wrapping_sub(Demo::SEED).wrapping_mul(618) % 1_000)
}

/// Starts the thread that lets the LAN run.
fn start(
    flags: &Demo,
    lans: Arc<Lans>,
    configuration: &Configuration,
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
        policy: configuration.expecting(),
        evidence: flags.evidence.dir.is_some().then(|| flags.evidence.packets.into()),
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
    use std::collections::BTreeSet;

    fn printers_frames(arguments: &[&str], from: u64, until: u64) -> usize {
        let words = ["multicast_exporter", "demo"].iter().chain(arguments);
        let Some(Command::Demo(flags)) = Cli::parse_from(words).command else {
            unreachable!("it was asked for")
        };
        let seconds = |n| BEFORE + Duration::from_secs(n);
        let printer = simulation(&flags).host(Member::Printer);
        simulation(&flags)
            .frames(seconds(until))
            .filter(|(at, frame)| {
                (seconds(from)..seconds(until)).contains(at) && frame[6..12] == printer.mac.0
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

    #[test]
    fn no_two_seeds_are_in_step_and_the_usual_one_is_on_time() {
        assert_eq!((site(1), phase(1)), (Site::default(), Duration::ZERO));
        let phases: BTreeSet<_> = (1..=50).map(phase).collect();
        assert_eq!(phases.len(), 50);
        assert!(phases.iter().all(|phase| *phase < Duration::from_secs(1)));
        assert_eq!(printers_frames(&["--seed=2"], 60, 62), 400 - 123);
    }
}
