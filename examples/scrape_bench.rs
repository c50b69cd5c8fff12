//! How long a scrape takes, and how much memory: `cargo run --release --example scrape_bench`.
//!
//! It makes a segment of 10,000 devices with 19 series each (or as many as the first argument
//! says) and writes it plain, gzip, and for comparison the usual way: the same series in the
//! `prometheus` crate's registry, through `gather` and `TextEncoder`. Each way runs in a process
//! of its own, so that its peak memory is its own.

use multicast_exporter::capture::Backend;
use multicast_exporter::decode::mdns::{Kind, Section};
use multicast_exporter::decode::{Protocol, Sender};
use multicast_exporter::engine::{
    Address, DeviceCounters, DeviceSnapshot, Histogram, Identity, SECOND_BOUNDS, Snapshot,
};
use multicast_exporter::lan::{
    CaptureView, Deadline, Detail, LanView, LockTimeout, Source, read_locked,
};
use multicast_exporter::mac::Mac;
use multicast_exporter::metrics::{Dialect, Encoding, Scraper, Selection, Writer};
use multicast_exporter::pipeline::SegmentView;
use multicast_exporter::time::{Stamp, Time, clock};
use parking_lot::Mutex;
use prometheus::{Encoder as _, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

const ROUNDS: usize = 31;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |text: &String| text.parse::<u32>().ok();
    let devices = arguments.first().and_then(number).unwrap_or(10_000);
    if let Some(way) = arguments.get(1) {
        return measure(way, devices);
    }
    println!("{devices} devices, median of {ROUNDS}; memory: the peak beyond the state itself");
    for way in ["plain", "gzip", "openmetrics", "registry"] {
        let program = env::current_exe().expect("the program's own path");
        let status = Command::new(program).args([&devices.to_string(), way]).status();
        assert!(status.expect("it runs").success());
    }
}

fn measure(way: &str, devices: u32) {
    let lan = Lan::new(devices);
    let (mut times, mut size, mut peak) = (Vec::new(), 0, 0);
    let mut run = |scrape: &mut dyn FnMut() -> usize| {
        let before = peak_kib();
        for _ in 0..ROUNDS {
            let start = clock::now().monotonic;
            size = scrape();
            times.push(clock::now().monotonic.since(start));
        }
        peak = peak_kib().saturating_sub(before);
    };
    let series = if way == "registry" {
        let (registry, series) = registry(&lan.snapshot.lock());
        run(&mut || {
            let mut body = Vec::new();
            TextEncoder::new().encode(&registry.gather(), &mut body).expect("it can be written");
            body.len()
        });
        series
    } else {
        let scraper = Scraper::new(Arc::new(lan));
        let (dialect, encoding) = match way {
            "gzip" => (Dialect::Text, Encoding::Gzip),
            "openmetrics" => (Dialect::OpenMetrics, Encoding::Identity),
            _ => (Dialect::Text, Encoding::Identity),
        };
        let mut series = 0;
        run(&mut || {
            let mut writer = Writer::new(dialect, encoding, Vec::new());
            let deadline = Deadline::after(Duration::from_secs(1));
            scraper.scrape(Selection::ALL, deadline, &mut writer);
            series = writer.samples();
            writer.finish().expect("it can be written").len()
        });
        series
    };
    times.sort();
    println!(
        "{way:12} {series:7} series {size:9} bytes {:6.1} ms (fastest {:.1}) {:6.1} MiB",
        times[ROUNDS / 2].as_secs_f64() * 1e3,
        times[0].as_secs_f64() * 1e3,
        Duration::from_micros(peak).as_secs_f64() * 1e6 / 1024.0,
    );
}

/// KiB that were resident at most.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The state behind a lock, copied at every scrape as the real one is.
struct Lan {
    snapshot: Mutex<Snapshot>,
}

impl Source for Lan {
    fn ready(&self) -> bool {
        true
    }

    fn read(&self, deadline: Deadline, _: Detail) -> LanView {
        let read = read_locked([&self.snapshot], deadline, |_, snapshot| snapshot.clone());
        let segment = |snapshot| SegmentView {
            label: "eth0".into(),
            vlan: String::new(),
            lan: None,
            snapshot,
        };
        let segments = read.into_iter().map(|s| s.map(segment).ok_or(LockTimeout));
        let capture = CaptureView {
            name: "eth0".to_owned(),
            abilities: Some(Backend::Ring.abilities()),
            up: true,
            trouble: None,
            is_done: false,
            dropped: Some(0),
            ring_bytes: Some(4 << 20),
            segments: segments.collect(),
        };
        LanView { captures: vec![capture], ..LanView::default() }
    }
}

impl Lan {
    fn new(devices: u32) -> Self {
        let snapshot = Snapshot {
            time: Time(0),
            packets: [1; Protocol::COUNT],
            bytes: [1; Protocol::COUNT],
            frames: 1,
            converted: 0,
            decode_errors: Vec::new(),
            per_second: Histogram { counts: [1; SECOND_BOUNDS.len() + 1], sum: 1 },
            tracked: devices as usize,
            evicted_expired: 0,
            evicted_capacity: 0,
            devices: (0..devices).map(device).collect(),
            other: None,
            ..Snapshot::default()
        };
        Self { snapshot: Mutex::new(snapshot) }
    }
}

/// mDNS (11 series), the three gauges, and two or three protocols by turns: 19 on average.
fn device(n: u32) -> DeviceSnapshot {
    let id = n.to_be_bytes();
    let random = u64::from(n.wrapping_mul(2_654_435_761));
    let mut counters = DeviceCounters {
        messages: std::array::from_fn(|kind| random >> (kind * 4)),
        records: std::array::from_fn(|section| random >> (section * 6)),
        ..DeviceCounters::default()
    };
    let used = [Protocol::Mdns, Protocol::Arp, Protocol::Ssdp];
    for protocol in &used[..2 + (n % 2) as usize] {
        counters.packets[protocol.index()] = 1 + random % 1_000_003;
        counters.bytes[protocol.index()] = 60 + random % 90_000_017;
    }
    DeviceSnapshot {
        counters,
        peak_minute: n % 200,
        peak_ever: n % 200,
        last_seen: Stamp::new(1_700_000_000 + i64::from(n), n.wrapping_mul(7_919) % 1_000_000_000),
        identity: Arc::new(Identity {
            address: Some(Address::Ip([10, id[1], id[2], id[3]].into())),
            name: Some(format!("device-{n}.local").into()),
            vendor: Some("Hewlett Packard"),
            model: Some(format!("Model {}", n % 37).into()),
            ..Identity::default()
        }),
        ..DeviceSnapshot::new(
            Sender::Mac(Mac([2, 0x1e, id[0], id[1], id[2], id[3]])),
            Stamp::new(1_700_000_000, n),
        )
    }
}

/// The same series in the crate's own types.
fn registry(snapshot: &Snapshot) -> (Registry, usize) {
    let registry = Registry::new();
    let counter = |name: &str, last: &str| {
        let options = Opts::new(name, "Help.");
        let counter = IntCounterVec::new(options, &["interface", "device", last]).expect("valid");
        registry.register(Box::new(counter.clone())).expect("new");
        counter
    };
    let gauge = |name: &str, more: &[&str]| {
        let labels = [&["interface", "device"], more].concat();
        let gauge = GaugeVec::new(Opts::new(name, "Help."), &labels).expect("valid");
        registry.register(Box::new(gauge.clone())).expect("new");
        gauge
    };
    let packets = counter("multicast_device_packets_total", "protocol");
    let bytes = counter("multicast_device_bytes_total", "protocol");
    let messages = counter("mdns_device_messages_total", "kind");
    let records = counter("mdns_device_records_total", "section");
    let peak = gauge("multicast_device_peak_packets_per_second", &[]);
    let last_seen = gauge("multicast_device_last_seen_timestamp_seconds", &[]);
    let more = ["address", "name", "vendor", "model", "category", "local"];
    let info = gauge("multicast_device_info", &more);
    let mut series = 0;
    for device in &snapshot.devices {
        series += Kind::ALL.len() + Section::ALL.len() + 3;
        let label = device.sender.to_string();
        let with = |value| ["eth0", label.as_str(), value];
        for protocol in Protocol::ALL {
            let count = device.counters.packets[protocol.index()];
            if count > 0 {
                series += 2;
                packets.with_label_values(&with(protocol.label())).inc_by(count);
                let count = device.counters.bytes[protocol.index()];
                bytes.with_label_values(&with(protocol.label())).inc_by(count);
            }
        }
        for kind in Kind::ALL {
            let count = device.counters.messages[kind as usize];
            messages.with_label_values(&with(kind.label())).inc_by(count);
        }
        for section in Section::ALL {
            let count = device.counters.records[section as usize];
            records.with_label_values(&with(section.label())).inc_by(count);
        }
        let own = ["eth0", label.as_str()];
        peak.with_label_values(&own).set(f64::from(device.peak_minute));
        last_seen.with_label_values(&own).set(1_700_000_000.123);
        let identity = &*device.identity;
        let address = identity.address.map(|a| a.to_string()).unwrap_or_default();
        let name = identity.name.as_deref().unwrap_or("");
        let model = identity.model.as_deref().unwrap_or("");
        let (vendor, category) = (identity.vendor.unwrap_or(""), identity.category.label());
        let labels = ["eth0", &label, &address, name, vendor, model, category, "false"];
        info.with_label_values(&labels).set(1.0);
    }
    (registry, series)
}
