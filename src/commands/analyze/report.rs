//! What `analyze` reports, as the JSON of version 1 has it. Built from snapshots alone, so that
//! whoever holds snapshots can serve the same objects.

use crate::decode::mdns::{Kind, Section};
use crate::decode::{Issue, Protocol};
use crate::engine::{DeviceCounters, DeviceSnapshot, Snapshot};
use crate::pipeline::SegmentView;
use crate::time::Stamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::BTreeMap;

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u8,
    /// The files that were asked for, as they were named.
    pub files: Vec<String>,
    /// The earliest original stamp.
    pub start: Option<Instant>,
    /// The latest original stamp.
    pub end: Option<Instant>,
    /// From `start` to `end`; 0 without frames.
    pub duration_seconds: f64,
    /// All frames.
    pub frames: Frames,
    /// By protocol, all segments together; every protocol is there.
    pub protocols: PerProtocol<Volume>,
    /// Most packets first.
    pub devices: Vec<Device>,
    /// Storms are not detected yet: always empty.
    pub storms: [(); 0],
}

/// A stamp that prints as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(jiff::Timestamp);

impl Instant {
    /// `None` beyond the years that RFC 3339 can write.
    #[must_use]
    pub fn from_stamp(stamp: Stamp) -> Option<Self> {
        let earliest = jiff::Timestamp::from_nanosecond(-62_167_219_200 * 1_000_000_000).ok()?;
        let timestamp = jiff::Timestamp::from_nanosecond(stamp.0).ok()?;
        (timestamp >= earliest).then_some(Self(timestamp))
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What became of the frames.
#[derive(Debug, Default, Serialize)]
pub struct Frames {
    /// All that were read.
    pub total: u64,
    /// To a multicast or broadcast destination.
    pub multicast: u64,
    /// Multicast IP in frames to one host.
    pub multicast_in_unicast: u64,
    /// What was wrong, by reason; a frame may have several.
    pub decode_errors: BTreeMap<&'static str, u64>,
}

/// Frames and their length on the wire.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Frames.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A value for each protocol, in the order of the documentation.
#[derive(Debug, Default)]
pub struct PerProtocol<T>(pub [T; Protocol::COUNT]);

impl<T: Serialize> Serialize for PerProtocol<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Protocol::ALL.iter().map(|p| (p.label(), &self.0[p.index()])))
    }
}

/// One device on one segment.
#[derive(Debug, Serialize)]
pub struct Device {
    /// The segment's label.
    pub interface: String,
    /// MAC, or IP where the link has no MAC, or `other`.
    pub device: String,
    /// Whether this is no device but `other`: the segment's frames of all who have no row.
    #[serde(skip)]
    pub is_other: bool,
    /// All addresses heard, at most 16.
    pub addresses: Vec<String>,
    /// Host name.
    pub name: Option<String>,
    /// Who made its network card.
    pub vendor: Option<String>,
    /// Model, as it says.
    pub model: Option<String>,
    /// What sort of device.
    pub category: &'static str,
    /// Frames; only protocols that it used.
    pub packets: Used,
    /// Bytes; only protocols that it used.
    pub bytes: Used,
    /// Its mDNS messages.
    pub mdns: Mdns,
    /// Violations are not judged yet: always empty.
    pub violations: BTreeMap<&'static str, u64>,
    /// The busiest whole second of the capture: signalling and address frames.
    pub peak_packets_per_second: u32,
    /// Original stamp of its first frame.
    pub first_seen: Option<Instant>,
    /// Original stamp of its last frame.
    pub last_seen: Option<Instant>,
}

impl Device {
    /// Frames of all protocols.
    #[must_use]
    pub fn total_packets(&self) -> u64 {
        self.packets.0.iter().map(|(_, n)| n).sum()
    }
}

/// Counts by label, zeros left out.
#[derive(Debug)]
pub struct Used(pub Vec<(&'static str, u64)>);

impl Used {
    fn by_protocol(packets: &[u64; Protocol::COUNT], values: &[u64; Protocol::COUNT]) -> Self {
        let used = Protocol::ALL.iter().filter(|p| packets[p.index()] > 0);
        Self(used.map(|p| (p.label(), values[p.index()])).collect())
    }
}

impl Serialize for Used {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, value) in &self.0 {
            map.serialize_entry(label, value)?;
        }
        map.end()
    }
}

/// A device's mDNS messages and records.
#[derive(Debug, Serialize)]
pub struct Mdns {
    /// By kind; every kind is there.
    pub messages: BTreeMap<&'static str, u64>,
    /// Decoded records by section; every section is there.
    pub records: BTreeMap<&'static str, u64>,
}

/// The report on what the segments held. `span` is the earliest and the latest original stamp.
#[must_use]
pub fn build(files: Vec<String>, span: Option<(Stamp, Stamp)>, segments: &[SegmentView]) -> Report {
    let mut frames = Frames::default();
    let mut protocols: PerProtocol<Volume> = PerProtocol::default();
    let mut devices = Vec::new();
    for view in segments {
        add_totals(&view.snapshot, &mut frames, &mut protocols);
        let rows = view.snapshot.devices.iter();
        devices.extend(rows.map(|row| device(&view.label, row)));
        if let Some(counters) = &view.snapshot.other {
            devices.push(other(&view.label, counters));
        }
    }
    devices.sort_by(|a, b| {
        b.total_packets()
            .cmp(&a.total_packets())
            .then_with(|| (&a.interface, &a.device).cmp(&(&b.interface, &b.device)))
    });
    Report {
        version: 1,
        files,
        start: span.and_then(|(start, _)| Instant::from_stamp(start)),
        end: span.and_then(|(_, end)| Instant::from_stamp(end)),
        duration_seconds: span.map_or(0.0, |(start, end)| seconds_between(start, end)),
        frames,
        protocols,
        devices,
        storms: [],
    }
}

#[allow(clippy::cast_precision_loss, reason = "a duration for people: 53 bits are plenty")]
fn seconds_between(start: Stamp, end: Stamp) -> f64 {
    end.0.saturating_sub(start.0) as f64 / 1e9
}

fn add_totals(snapshot: &Snapshot, frames: &mut Frames, protocols: &mut PerProtocol<Volume>) {
    frames.total += snapshot.frames;
    frames.multicast_in_unicast += snapshot.converted;
    for protocol in Protocol::ALL {
        let volume = &mut protocols.0[protocol.index()];
        volume.packets += snapshot.packets[protocol.index()];
        volume.bytes += snapshot.bytes[protocol.index()];
        if protocol != Protocol::MdnsUnicast {
            frames.multicast += snapshot.packets[protocol.index()];
        }
    }
    for (Issue { reason, .. }, count) in &snapshot.decode_errors {
        *frames.decode_errors.entry(reason.label()).or_default() += count;
    }
}

fn device(label: &str, row: &DeviceSnapshot) -> Device {
    let identity = &row.identity;
    Device {
        addresses: identity.addresses.iter().map(ToString::to_string).collect(),
        name: identity.name.as_deref().map(str::to_owned),
        vendor: identity.vendor.map(str::to_owned),
        model: identity.model.as_deref().map(str::to_owned),
        category: identity.category.label(),
        peak_packets_per_second: row.peak_ever,
        first_seen: Instant::from_stamp(row.first_seen),
        last_seen: Instant::from_stamp(row.last_seen),
        ..counted(label, row.sender.to_string(), &row.counters)
    }
}

/// The frames of all who have no row: a device without identity.
fn other(label: &str, counters: &DeviceCounters) -> Device {
    Device { is_other: true, ..counted(label, "other".into(), counters) }
}

fn counted(label: &str, device: String, counters: &DeviceCounters) -> Device {
    Device {
        interface: label.to_owned(),
        device,
        is_other: false,
        addresses: Vec::new(),
        name: None,
        vendor: None,
        model: None,
        category: "unknown",
        packets: Used::by_protocol(&counters.packets, &counters.packets),
        bytes: Used::by_protocol(&counters.packets, &counters.bytes),
        mdns: Mdns {
            messages: Kind::ALL
                .iter()
                .map(|k| (k.label(), counters.messages[*k as usize]))
                .collect(),
            records: Section::ALL
                .iter()
                .map(|s| (s.label(), counters.records[*s as usize]))
                .collect(),
        },
        violations: BTreeMap::new(),
        peak_packets_per_second: 0,
        first_seen: None,
        last_seen: None,
    }
}
