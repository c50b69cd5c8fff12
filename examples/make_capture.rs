//! Writes a pcap: a busy LAN for measuring (200 hosts that announce, ask, resolve and stream, and
//! one printer that repeats itself in every fourth frame), a healthy LAN, or a scenario with one
//! known fault.
//!
//! ```text
//! cargo run --release --example make_capture -- million.pcap 1000000
//! cargo run --release --example make_capture -- day.pcap healthy 24h [SEED]
//! cargo run --release --example make_capture -- loop.pcap l2_loop [SEED]
//! cargo run --release --example make_capture -- --list
//! ```

#[path = "../tests/scenarios/mod.rs"]
mod scenarios;
#[path = "traffic/mod.rs"]
mod traffic;

use multicast_exporter::craft::{Captured, Pcap};
use multicast_exporter::simulation::{Options, Simulation};
use multicast_exporter::time::Stamp;
use scenarios::START;
use std::process::ExitCode;

/// Frames are this far apart, in nanoseconds: 2,000 a second.
const GAP: i128 = 500_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (path, frames) = match words[..] {
        ["--list"] => {
            for scenario in scenarios::all() {
                println!("{:32} {}", scenario.name, scenario.about);
            }
            return ExitCode::SUCCESS;
        }
        [path, "healthy", length] => (path, healthy(length, "1")),
        [path, "healthy", length, seed] => (path, healthy(length, seed)),
        [path, what] => (path, busy(what).or_else(|| faulty(what, "1"))),
        [path, what, seed] => (path, faulty(what, seed)),
        _ => ("", None),
    };
    let Some(frames) = frames else {
        eprintln!(
            "usage: make_capture FILE FRAMES | FILE healthy DURATION [SEED] | FILE SCENARIO [SEED] \
             | --list"
        );
        return ExitCode::from(2);
    };
    if let Err(error) = std::fs::write(path, Pcap::default().write(&frames)) {
        eprintln!("{path}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A busy LAN, as many frames as the word says.
fn busy(count: &str) -> Option<Vec<Captured>> {
    let count: u32 = count.parse().ok()?;
    let captured = |n| {
        let stamp = Stamp(1_700_000_000_000_000_000 + i128::from(n) * GAP);
        Captured::new(stamp, traffic::busy(n))
    };
    Some((0..count).map(captured).collect())
}

/// The LAN on which all keep the rules, without its streamer.
fn healthy(length: &str, seed: &str) -> Option<Vec<Captured>> {
    let length = humantime::parse_duration(length).ok()?;
    let lan = Simulation::new(Options { seed: seed.parse().ok()?, ..Options::default() });
    let captured = |(at, bytes): (std::time::Duration, Vec<u8>)| {
        Captured::new(Stamp(START.0 + i128::try_from(at.as_nanos()).unwrap_or(0)), bytes)
    };
    Some(lan.frames(length).map(captured).collect())
}

fn faulty(name: &str, seed: &str) -> Option<Vec<Captured>> {
    Some(scenarios::named(name)?.frames(seed.parse().ok()?))
}
