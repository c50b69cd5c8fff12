//! One storm, as reports have it: an object that owns all it holds.

use super::instant::{Instant, seconds_between};
use crate::decode::Sender;
use crate::pipeline::SegmentView;
use crate::storm::{self, Level};
use serde::Serialize;
use serde::ser::Serializer;
use std::collections::HashMap;

/// A storm of a device, or of a segment as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct Storm {
    /// What it is called: see [`storm::Storm::id`].
    pub id: String,
    /// Counts up on its segment: see [`storm::Storm::number`].
    #[serde(skip)]
    pub number: u64,
    /// The segment's label.
    pub interface: String,
    /// The device; `None` where it is the segment as a whole.
    pub device: Option<String>,
    /// The device's host name, if it has one and is still known.
    #[serde(skip)]
    pub name: Option<String>,
    /// `storm` or `chatty`.
    #[serde(serialize_with = "by_label")]
    pub level: Level,
    /// The first cause that fits.
    pub cause: &'static str,
    /// What the device does, or what goes on, for people.
    #[serde(skip)]
    pub in_words: &'static str,
    /// The same of a storm that is over.
    #[serde(skip)]
    pub in_past: &'static str,
    /// The other causes that fit.
    pub also: Vec<&'static str>,
    /// The protocol with most of its frames in the 10 s before it began.
    pub protocol: &'static str,
    /// When it began.
    pub start: Option<Instant>,
    /// Since when it has been going on: the begin of the first second since which no 10 s held
    /// fewer frames than a fifth of the limit. `start` is when that was enough for a storm.
    pub first_frame: Option<Instant>,
    /// When it ended; `None` while it lasts.
    pub end: Option<Instant>,
    /// Why it ended.
    pub end_reason: Option<&'static str>,
    /// The same in words.
    #[serde(skip)]
    pub end_in_words: Option<&'static str>,
    /// How long it lasted; `None` while it does.
    #[serde(skip)]
    pub seconds: Option<f64>,
    /// Whole seconds since it began, or until it ended.
    #[serde(skip)]
    pub lasted: u64,
    /// Frames between begin and end.
    pub packets: u64,
    /// Frames of others in that time that answer what it asks too fast.
    pub provoked: u64,
    /// Who asks it too fast, at most eight, those that provoke most first; only where it does
    /// nothing but answer.
    pub provoked_by: Vec<String>,
    /// What it is about: a name, an address, a destination; `None` where there is nothing to say.
    pub detail: Option<String>,
    /// The busiest second.
    pub peak_packets_per_second: u32,
}

impl Storm {
    /// The storm `told` of the segment `interface`, of a device called `name`.
    pub(super) fn new(interface: &str, told: &storm::Storm, name: Option<&str>) -> Self {
        Self {
            id: told.id(interface),
            number: told.number,
            interface: interface.to_owned(),
            device: told.culprit.sender().map(|sender| sender.to_string()),
            name: name.map(str::to_owned),
            level: told.level,
            cause: told.culprit.cause(),
            in_words: told.culprit.in_words(),
            in_past: told.culprit.in_past(),
            also: told.culprit.also(),
            protocol: told.protocol.label(),
            start: Instant::from_stamp(told.start),
            first_frame: Instant::from_stamp(told.first_frame),
            end: told.end.and_then(|(stamp, _)| Instant::from_stamp(stamp)),
            end_reason: told.end.map(|(_, reason)| reason.label()),
            end_in_words: told.end.map(|(_, reason)| reason.in_words()),
            lasted: told.lasted.iter().map(|seconds| u64::from(*seconds)).sum(),
            seconds: told.end.map(|(end, _)| seconds_between(told.start, end)),
            packets: told.packets,
            provoked: told.provoked,
            provoked_by: told.provoked_by.iter().flatten().map(ToString::to_string).collect(),
            detail: told.detail.latest().map(str::to_owned),
            peak_packets_per_second: told.peak,
        }
    }

    /// What it is about and who asks for it, in a line:
    /// `nas.local, asked by d8:bb:c1:00:00:00`.
    pub fn particulars(&self) -> String {
        let asked = (!self.provoked_by.is_empty())
            .then(|| format!("asked by {}", self.provoked_by.join(", ")));
        [self.detail.clone(), asked].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// What the device does, or did if it is over, or what goes on, for people.
    pub const fn what(&self) -> &'static str {
        if self.lasts() { self.in_words } else { self.in_past }
    }

    /// Whether it still lasts. An end that no calendar can express is an end too.
    pub const fn lasts(&self) -> bool {
        self.end_reason.is_none()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn by_label<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.label())
}

/// The storms of these segments, those of devices and of segments, the first to begin first.
pub fn storms<'v>(segments: impl IntoIterator<Item = &'v SegmentView>) -> Vec<Storm> {
    let mut storms = Vec::new();
    for view in segments {
        let told = &view.snapshot.storms;
        let names = if told.is_empty() { HashMap::new() } else { names(view) };
        storms.extend(told.iter().map(|told| {
            let name = told.culprit.sender().and_then(|sender| names.get(&sender).copied());
            (told.start, Storm::new(&view.label, told, name))
        }));
    }
    storms.sort_by(|(start, storm), (later, other)| {
        start.cmp(later).then_with(|| storm.id.cmp(&other.id))
    });
    storms.into_iter().map(|(_, storm)| storm).collect()
}

/// The host names of a segment's devices.
pub(super) fn names(view: &SegmentView) -> HashMap<Sender, &str> {
    let devices = view.snapshot.devices.iter();
    devices.filter_map(|device| Some((device.sender, device.identity.name.as_deref()?))).collect()
}
