//! A day of the healthy demo LAN through the detectors, and what they say of it: nothing, if all is
//! well. `cargo run --release --example healthy_day SEED [HOURS_OF_STREAM]`; the streamer begins
//! after an hour and sends 2,000 packets a second.

use multicast_exporter::decode::decode;
use multicast_exporter::decode::mdns::HashKey;
use multicast_exporter::detect::{Hardness, Horizon, Rule};
use multicast_exporter::engine::{Budget, Config, Converted, Engine, Judging};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::simulation::{Options, Simulation, Stream};
use multicast_exporter::time::{Stamp, Time, clock};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// When the LAN is switched on: 2026-01-01T00:00:00Z.
const START: Stamp = Stamp::new(1_767_225_600, 0);
/// Engine time when the LAN is switched on.
const ZERO: Time = Time(3_600_000_000_000);

fn number(place: usize) -> u64 {
    std::env::args().nth(place).map_or(0, |text| text.parse().expect("a number"))
}

fn main() -> ExitCode {
    let (seed, hours) = (number(1), number(2));
    let stream = match hours {
        0 => Stream::Off,
        24.. => Stream::From(Duration::ZERO),
        _ => Stream::Between(Duration::from_hours(1), Duration::from_hours(1 + hours)),
    };
    let mut lan = Simulation::new(Options { seed, stream, ..Options::default() });
    let config = Config {
        budget: Arc::new(Budget::new(2_000)),
        expiry: Some(Duration::from_hours(4)),
        local: Arc::default(),
        converted: Converted::Files,
        judging: Judging::Everything,
        horizon: Horizon::Now,
        storms_kept: Config::STORMS_LIVE,
    };
    let mut engine = Engine::new(config, HashKey([1, 2, 3, 4]));
    let begin = clock::now().monotonic;
    while let Some((at, bytes)) = lan.frame_until(DAY) {
        let stamp = Stamp(START.0 + i128::try_from(at.as_nanos()).expect("a day"));
        let meta = FrameMeta {
            stamp,
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        engine.handle_frame(ZERO.plus(at), stamp, &decode(&Frame { meta, bytes }));
    }
    engine.handle_timeout(ZERO.plus(DAY));
    let took = clock::now().monotonic.since(begin);
    let snapshot = engine.snapshot();
    println!(
        "seed {seed}, {hours} h of stream: {} frames of {} devices in {:.1} s, {} storms",
        snapshot.frames,
        snapshot.devices.len(),
        took.as_secs_f64(),
        snapshot.storms.len()
    );
    for storm in &snapshot.storms {
        println!("{storm:?}");
    }
    let mut hard = 0;
    for rule in Rule::ALL {
        let count = snapshot.violations[*rule];
        if count > 0 {
            println!("{:?} {} {count}", rule.hardness(), rule.id());
        }
        hard += match rule.hardness() {
            Hardness::Hard => count,
            Hardness::Soft => 0,
        };
    }
    if snapshot.storms.is_empty() && hard == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
