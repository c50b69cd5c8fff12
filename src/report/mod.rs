//! What is known of a LAN, as objects for programs and people: the JSON of version 1, which
//! `analyze` writes and the web serves, and what the page and the table of `analyze` show.
//!
//! Made from snapshots of segments and nothing else. It must not know who asks.
//!
//! | file | reason |
//! |---|---|
//! | `device` | one device on one segment, and its violations |
//! | `storm` | one storm |

mod device;
mod storm;

pub use device::{Device, Mdns, Offence, Used, devices};
pub use storm::{Storm, storms};

use crate::decode::{Issue, Protocol};
use crate::engine::Snapshot;
use crate::pipeline::SegmentView;
use crate::time::Stamp;
use serde::Serialize;
use serde::ser::Serializer;
use std::collections::BTreeMap;

/// The version of the objects: keys may be added, but none is removed or changed.
pub const VERSION: u8 = 1;

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
    /// The first to begin first.
    pub storms: Vec<Storm>,
}

/// A stamp that prints as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(jiff::Timestamp);

impl Instant {
    /// `None` beyond the years that RFC 3339 can write.
    pub(crate) fn from_stamp(stamp: Stamp) -> Option<Self> {
        let earliest = jiff::Timestamp::from_nanosecond(-62_167_219_200 * 1_000_000_000).ok()?;
        let timestamp = jiff::Timestamp::from_nanosecond(stamp.0).ok()?;
        (timestamp >= earliest).then_some(Self(timestamp))
    }

    /// The second that it is in: enough for people.
    pub(crate) fn whole_seconds(self) -> Self {
        let second = self.0.as_nanosecond().div_euclid(1_000_000_000);
        Self::from_stamp(Stamp(second * 1_000_000_000)).unwrap_or(self)
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

/// How frames were counted.
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

/// The report on what the segments held. `span` is the earliest and the latest original stamp.
pub fn build(files: Vec<String>, span: Option<(Stamp, Stamp)>, segments: &[SegmentView]) -> Report {
    let mut frames = Frames::default();
    let mut protocols: PerProtocol<Volume> = PerProtocol::default();
    for view in segments {
        add_totals(&view.snapshot, &mut frames, &mut protocols);
    }
    Report {
        version: VERSION,
        files,
        start: span.and_then(|(start, _)| Instant::from_stamp(start)),
        end: span.and_then(|(_, end)| Instant::from_stamp(end)),
        duration_seconds: span.map_or(0.0, |(start, end)| seconds_between(start, end)),
        frames,
        protocols,
        devices: devices(segments),
        storms: storms(segments),
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
