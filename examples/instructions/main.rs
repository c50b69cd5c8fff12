//! Runs fixed inputs through the program's own code, for callgrind to count: `tests/instructions.rs`
//! runs it so and holds the figures to `tests/golden/instructions.tsv`. By itself it measures
//! nothing.
//!
//! What is to be counted happens within `counted`, which callgrind knows by name; the rest, such as
//! making frames, does not count. For each input, in the order in which `counted` was called, a
//! line says its name and how many units, mostly frames, it had.

#[path = "../../tests/scenarios/mod.rs"]
mod scenarios;
#[path = "../traffic/mod.rs"]
mod traffic;

use multicast_exporter::capture::{Backend, Capture, CaptureError, file};
use multicast_exporter::craft::{Captured, Pcap};
use multicast_exporter::decode::mdns::HashKey;
use multicast_exporter::detect::Horizon;
use multicast_exporter::engine::{Budget, Config, Converted, Judging};
use multicast_exporter::frame::{Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot};
use multicast_exporter::interfaces::Surroundings;
use multicast_exporter::lan::{
    CaptureView, Deadline, Detail, LanView, LockTimeout, Source, read_locked,
};
use multicast_exporter::metrics::{BUILD, Dialect, Encoding, Scraper, Selection, Writer};
use multicast_exporter::pipeline::{Pipeline, Settings, usual_policy};
use multicast_exporter::segment::{Labels, Sharing};
use multicast_exporter::simulation::{Options, Simulation};
use multicast_exporter::time::clock::Reading;
use multicast_exporter::time::{Stamp, Time};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Frames of a kind that are heard first, a millisecond apart, so that a flood is known to be one.
const KNOWN: u32 = 3_000;
/// Frames of a kind that count, at 100,000 a second.
const COUNTED: u32 = 2_000;
/// Frames that are read together, of the traffic that comes live.
const BATCH: usize = 256;
/// What a scrape tells of.
const DEVICES: u32 = 1_000;

fn main() {
    for kind in traffic::KINDS {
        live(kind);
    }
    let story = scenarios::named("stuck_printer").expect("the founding story");
    recorded("the_story", &story.frames(1));
    let lan = Simulation::new(Options::default()).frames(Duration::from_hours(1));
    let stamp = |at: Duration| Stamp(scenarios::START.0 + at.as_nanos().cast_signed());
    let healthy: Vec<_> = lan.map(|(at, bytes)| Captured::new(stamp(at), bytes)).collect();
    recorded("a_healthy_hour", &healthy);
    capture_file();
    scrapes();
}

/// Calls it: what callgrind counts.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // Without it the call is a jump, and callgrind never sees this function end.
    std::hint::black_box(());
}

fn count(name: &str, units: usize, mut work: impl FnMut()) {
    counted(&mut work);
    println!("{name}\t{units}");
}

fn settings(converted: Converted) -> Settings {
    let engine = Config {
        budget: Arc::new(Budget::new(2_000)),
        expiry: Some(Duration::from_hours(4)),
        local: Arc::default(),
        converted,
        judging: Judging::Everything,
        horizon: Horizon::Now,
        storms_kept: Config::STORMS_LIVE,
    };
    Settings {
        engine,
        key: HashKey([1, 2, 3, 4]),
        labels: Labels::new(Sharing::Same, 128),
        lans: Arc::default(),
        policy: usual_policy(),
        evidence: None,
    }
}

/// Frames in one piece of memory, as a ring has them.
#[derive(Default)]
struct Ring {
    memory: Vec<u8>,
    slots: Vec<Slot>,
}

impl Ring {
    fn push(&mut self, stamp: Stamp, bytes: &[u8]) {
        let meta = FrameMeta {
            stamp,
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Incoming,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        self.slots.push(Slot { meta, start: self.memory.len(), len: bytes.len() });
        self.memory.extend_from_slice(bytes);
    }

    fn hear(&self, pipeline: &mut Pipeline, names: &[InterfaceName]) {
        for slots in self.slots.chunks(BATCH) {
            let last = slots.last().expect("chunks are not empty").meta.stamp;
            let batch = Batch::new(&self.memory, slots, names);
            pipeline.handle_live(&batch, reading(last), Duration::ZERO);
        }
    }
}

/// The clocks at this time.
fn reading(at: Stamp) -> Reading {
    let since = Duration::from_nanos_u128(u128::try_from(at.0 - scenarios::START.0).unwrap_or(0));
    Reading { monotonic: Time(3_600_000_000_000).plus(since), wall: at }
}

fn names() -> [InterfaceName; 1] {
    [InterfaceName { name: Some("eth0".into()) }]
}

/// A kind of frame as it comes from an interface.
fn live(kind: &traffic::Kind) {
    let mut at = scenarios::START;
    let mut pipeline =
        Pipeline::live(settings(Converted::Live), "eth0", Surroundings::default(), reading(at));
    let mut ring = |numbers: std::ops::Range<u32>, gap: i128| {
        let mut ring = Ring::default();
        for n in numbers {
            at = Stamp(at.0 + gap);
            ring.push(at, &(kind.frame)(n));
        }
        ring
    };
    let known = ring(0..KNOWN, 1_000_000);
    let flood = ring(KNOWN..KNOWN + COUNTED, 10_000);
    known.hear(&mut pipeline, &names());
    count(kind.name, flood.slots.len(), || flood.hear(&mut pipeline, &names()));
}

/// Frames that were recorded, all of them, with what an engine that has heard nothing costs.
fn recorded(name: &str, frames: &[Captured]) {
    let mut ring = Ring::default();
    for frame in frames {
        ring.push(frame.stamp, &frame.bytes);
    }
    let mut pipeline = Pipeline::file(settings(Converted::Files));
    count(name, frames.len(), || {
        for slots in ring.slots.chunks(BATCH) {
            pipeline.handle_file(&Batch::new(&ring.memory, slots, &names()));
        }
    });
}

/// A file of busy traffic, with the reading of the file.
fn capture_file() {
    const FRAMES: u32 = 4_000;
    let captured = |n: u32| {
        let stamp = Stamp(scenarios::START.0 + i128::from(n) * 500_000);
        Captured::new(stamp, traffic::busy(n))
    };
    let frames: Vec<Captured> = (0..FRAMES).map(captured).collect();
    let bytes = std::io::Cursor::new(Pcap::default().write(&frames));
    let mut capture = file::from_reader("busy", Box::new(bytes)).expect("a capture");
    let mut pipeline = Pipeline::file(settings(Converted::Files));
    count("a_file", frames.len(), || {
        loop {
            match capture.next_batch(Duration::ZERO) {
                Ok(batch) => pipeline.handle_file(&batch),
                Err(CaptureError::End) => break,
                Err(error) => panic!("{error}"),
            };
        }
    });
}

/// What is scraped, behind a lock, and copied at every scrape as the program does it.
struct Lan(Mutex<Pipeline>);

impl Source for Lan {
    fn ready(&self) -> bool {
        true
    }

    fn read(&self, deadline: Deadline, _: Detail) -> LanView {
        let read = read_locked([&self.0], deadline, |_, pipeline| pipeline.views());
        let capture = |segments: Option<_>| CaptureView {
            name: "eth0".to_owned(),
            abilities: Some(Backend::Ring.abilities()),
            up: true,
            trouble: None,
            is_done: false,
            dropped: Some(0),
            ring_bytes: Some(4 << 20),
            segments: segments.ok_or(LockTimeout),
        };
        LanView { captures: read.into_iter().map(capture).collect(), ..LanView::default() }
    }
}

/// Scrapes of many devices, by the series: plain and compressed.
fn scrapes() {
    let mut at = scenarios::START;
    let mut pipeline =
        Pipeline::live(settings(Converted::Live), "eth0", Surroundings::default(), reading(at));
    let mut ring = Ring::default();
    for n in 0..2 * DEVICES {
        at = Stamp(at.0 + 20_000_000);
        ring.push(at, &traffic::device(n % DEVICES));
    }
    ring.hear(&mut pipeline, &names());
    let scraper = Scraper::new(Arc::new(Lan(Mutex::new(pipeline))));
    // What this process has used does not belong to the input.
    let scraper = scraper.with_surroundings(BUILD, "/proc/nothing".into());
    for (name, encoding) in [("scrape_text", Encoding::Identity), ("scrape_gzip", Encoding::Gzip)] {
        let mut series = 0;
        counted(&mut || {
            let mut writer = Writer::new(Dialect::Text, encoding, Vec::new());
            let deadline = Deadline::after(Duration::from_mins(1));
            scraper.scrape(Selection::ALL, deadline, &mut writer);
            series = writer.samples();
            assert!(writer.finish().is_ok_and(|body| !body.is_empty()));
        });
        println!("{name}\t{series}");
    }
}
