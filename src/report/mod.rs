//! What is known of a LAN, as objects for programs and people: the JSON of version 1, which
//! `analyze` writes and the web serves, and what the page and the table of `analyze` show.
//!
//! Made from snapshots of segments, and of storms that are over, and nothing else. It must not know who asks.
//!
//! | file | reason |
//! |---|---|
//! | `condition` | one condition of a device |
//! | `context` | one storm with all that belongs to it: who, where, what else went on |
//! | `device` | one device on one segment, and its violations |
//! | `reference` | what causes, conditions and rules mean |
//! | `segment` | one segment: queriers, groups, services, what is missing |
//! | `storm` | one storm |
//! | `instant` | stamps and durations for people |

mod condition;
mod context;
mod device;
mod instant;
pub mod reference;
mod segment;
mod storm;

pub use condition::Condition;
pub use context::{StormContext, Who, storm_context};
pub use device::{Device, Mdns, Offence, Used, devices};
pub use instant::Instant;
pub use segment::{Asking, Segment, UnansweredName, WantedService, segments};
pub use storm::{Storm, storms};

use crate::decode::{Issue, Protocol};
use crate::engine::{History, Snapshot};
use crate::pipeline::SegmentView;
use crate::time::Stamp;
use instant::seconds_between;
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
    /// What the files say of themselves: files of evidence say what is known of their storm.
    pub comments: Vec<Comment>,
    /// Frames by protocol and time, of all segments: for people only.
    #[serde(skip)]
    pub history: History,
    /// All frames.
    pub frames: Frames,
    /// By protocol, all segments together; every protocol is there.
    pub protocols: PerProtocol<Volume>,
    /// Most packets first.
    pub devices: Vec<Device>,
    /// By label in order.
    pub segments: Vec<Segment>,
    /// The first to begin first.
    pub storms: Vec<Storm>,
}

/// A comment that a file has, such as the storm that evidence is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// The file as it was named.
    pub file: String,
    /// At most 512 characters, none of them a control character.
    pub text: String,
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

/// The report on what the segments held. `span` is the earliest and the latest original stamp.
pub fn build(files: Vec<String>, span: Option<(Stamp, Stamp)>, views: &[SegmentView]) -> Report {
    let mut frames = Frames::default();
    let mut protocols: PerProtocol<Volume> = PerProtocol::default();
    let mut history = History::default();
    for view in views {
        history.add(&view.snapshot.history);
        add_totals(&view.snapshot, &mut frames, &mut protocols);
    }
    Report {
        version: VERSION,
        files,
        comments: Vec::new(),
        history,
        start: span.and_then(|(start, _)| Instant::from_stamp(start)),
        end: span.and_then(|(_, end)| Instant::from_stamp(end)),
        duration_seconds: span.map_or(0.0, |(start, end)| seconds_between(start, end)),
        frames,
        protocols,
        devices: devices(views),
        segments: segments(views),
        storms: storms(views),
    }
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
