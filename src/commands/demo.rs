//! Serves a simulated LAN, for a first look and for trying alerts: needs no privilege and touches
//! no network but the port that it serves on. The frames go through the same decoder, engine and
//! detectors as live ones; what the machine counts that hears them, through the same sums.
//!
//! The LAN has been running for 20 minutes when serving begins, so that names, queriers and
//! habits are known; the streamer begins with serving, to begin at once.
//!
//! | module | is |
//! |---|---|
//! | `capture` | the segments of the site, as a capture |
//! | `trunk` | these segments, as one port carries them |
//! | `host` | the machine that hears them, as a host |

mod capture;
mod host;
mod trunk;

use super::configuration::Configuration;
use super::flags::Demo;
use super::pump::{self, Ended};
use super::serve::Watching;
use super::{ExitStatus, Failure, failed, hash_key, log, news, opening, refused, say, serve};
use crate::capture::Backend;
use crate::craft::Host;
use crate::detect::Horizon;
use crate::engine::{self, Local};
use crate::lan::{Lan, Settled, Tap};
use crate::pipeline::{Pipeline, Settings};
use crate::privilege;
use crate::segment::{DEFAULT_SYNTHETIC_MAX, Labels, LanError, Lans, Sharing};
use crate::simulation::{Member, Options, Segment, Simulation, Site, Stream};
use capture::{NAME, Simulated};
use host::SimulatedHost;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing::{info, warn};
use trunk::Trunk;

/// For how long the LAN has been running when serving begins.
const BEFORE: Duration = Duration::from_mins(20);
/// The locked-up printer's rate, as in the documentation.
const STORM_PER_SECOND: u32 = 200;
/// The streamer's: it drowns the printer in any sum of packets, and is harmless.
const STREAM_PER_SECOND: u32 = 4_000;
/// For so long frames are lost as the storm begins.
const BLIND: Duration = Duration::from_millis(20);
/// The machine that the exporter runs on.
const MACHINE: Member = Member::Linux;

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
    let lans = Arc::new(names(flags).map_err(refused)?);
    for label in lans.unheard(&[NAME]) {
        warn!(interface = label, "--lan names an interface that the demo does not have");
    }
    let configuration = Configuration::load(flags.config.file.as_deref()).map_err(refused)?;
    let configuration = Arc::new(configuration);
    let listeners = opening::listen(&flags.web).all()?;
    let held = privilege::held().map_err(|error| failed("reading privileges")(&error))?;
    privilege::drop_all().map_err(|error| failed("dropping privileges")(&error))?;
    log::write();
    let store = opening::store(&flags.evidence);
    let host = Arc::new(SimulatedHost::new(flags.seed, machine(flags)));
    let lan = Arc::new(Lan::new(Settled {
        evidence: store.map(serve::keep_evidence).transpose()?,
        host: Some(Arc::clone(&host) as _),
        held: Some(held),
        is_simulated: true,
        watched: Vec::new(),
        log_dropped: Some(log::dropped),
    }));
    configuration.tell(&lan);
    let begin = |stop: &_| start(flags, lans, &configuration, host, &lan, stop);
    let watching = Watching::start(begin).map_err(|error| failed("starting a thread")(&error))?;
    let reload = {
        let lan = Arc::clone(&lan);
        move || configuration.reload(&lan)
    };
    serve::answer(&flags.web, listeners, &lan, &watching, reload)?;
    serve::finish_evidence(&lan);
    Ok(())
}

/// The segments of the site, and what will happen on them.
fn segments(flags: &Demo) -> Vec<(Segment, Simulation)> {
    let lan = |segment| {
        let stream = if segment == Segment::Home { Stream::From(BEFORE) } else { Stream::Off };
        let options = Options {
            seed: flags.seed,
            stream,
            stream_rate: STREAM_PER_SECOND,
            site: site(flags.seed),
            segment,
            ..Options::default()
        };
        let mut lan = Simulation::new(options);
        let Range { start, end } = storm(flags);
        match segment {
            Segment::Home if start < end => {
                lan.lock_up(Member::Printer, start, end, STORM_PER_SECOND);
            }
            Segment::Workshop if start < end => lan.fight_over_name(start, end),
            Segment::Home | Segment::Workshop | Segment::Guests => {}
        }
        (segment, lan)
    };
    Segment::ALL.map(lan).into()
}

/// From when until when the printer is locked up.
fn storm(flags: &Demo) -> Range<Duration> {
    let from = BEFORE.saturating_add(flags.storm_after).saturating_add(phase(flags.seed));
    from..from.saturating_add(flags.storm_for)
}

/// What the segments are called: as the flags say or, if they say nothing, by what they are, and
/// from other seeds than the usual one with its number.
fn names(flags: &Demo) -> Result<Lans, LanError> {
    if !flags.lan.rules.is_empty() {
        return Lans::new(&flags.lan.rules);
    }
    let number = if flags.seed == Demo::SEED { String::new() } else { format!("-{}", flags.seed) };
    let rule = |segment: Segment| {
        let vlan = segment.vlan().map(|vlan| format!(".{vlan}")).unwrap_or_default();
        format!("{NAME}{vlan}={}{number}", segment.name()).parse().expect("a label and a name")
    };
    Lans::new(&Segment::ALL.map(rule))
}

/// The LAN of a seed: that of the documents for the seed that is usual.
fn site(seed: u64) -> Site {
    if seed == Demo::SEED { Site::default() } else { Site::of_seed(seed) }
}

/// The machine that the exporter runs on.
fn machine(flags: &Demo) -> Host {
    site(flags.seed).host(MACHINE.host())
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
    host: Arc<SimulatedHost>,
    lan: &Arc<Lan>,
    stop: &Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let settings = Settings {
        engine: engine::Config {
            budget: Arc::new(engine::Budget::new(flags.devices.max)),
            expiry: Some(flags.devices.expiry),
            local: Arc::new(Local { macs: vec![machine(flags).mac], addresses: Vec::new() }),
            converted: engine::Converted::Files,
            judging: engine::Judging::Everything,
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
    let Range { start, end } = storm(flags);
    let mut capture = Simulated::new(Trunk::new(segments(flags)), host, BEFORE)
        .blind(start..end.min(start + BLIND));
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
        let (_, lan) = segments(&flags).swap_remove(0);
        let printer = lan.host(Member::Printer);
        lan.frames(seconds(until))
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
