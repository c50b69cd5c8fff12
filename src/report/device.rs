//! One device on one segment, as reports have it: an object that owns all it holds.

use super::condition::Condition;
use super::instant::Instant;
use crate::decode::mdns::{Kind, Section};
use crate::decode::{Protocol, Sender};
use crate::detect::{LastOffence, Rule};
use crate::engine::{DeviceCounters, DeviceSnapshot};
use crate::frame::Place;
use crate::pipeline::SegmentView;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::BTreeMap;

/// One device on one segment.
#[derive(Debug, Serialize)]
pub struct Device {
    /// The segment's label.
    pub interface: String,
    /// MAC, or IP where the link has no MAC, or `other`.
    pub device: String,
    /// Who that is; `None` only for `other`, which stands for all senders without a row.
    #[serde(skip)]
    pub sender: Option<Sender>,
    /// Whether it is this machine.
    #[serde(skip)]
    pub local: bool,
    /// The address to show where only one can be.
    #[serde(skip)]
    pub address: Option<String>,
    /// All addresses heard, at most 16.
    pub addresses: Vec<String>,
    /// Addresses, and then the name, that another device claims too: they name neither.
    #[serde(skip)]
    pub contested: Vec<String>,
    /// Host name.
    pub name: Option<String>,
    /// Who made its network card.
    pub vendor: Option<String>,
    /// Model, as it says.
    pub model: Option<String>,
    /// What kind of device.
    pub category: &'static str,
    /// Frames; only protocols that it used.
    pub packets: Used,
    /// Bytes; only protocols that it used.
    pub bytes: Used,
    /// Its mDNS messages.
    pub mdns: Mdns,
    /// How often it broke a rule, by rule; only rules that it broke.
    pub violations: BTreeMap<&'static str, u64>,
    /// The last offence against each of these rules, where more than the count is known.
    pub offences: BTreeMap<&'static str, Offence>,
    /// What is wrong with it at any rate, or was, in the order in which it began.
    pub conditions: Vec<Condition>,
    /// Frames of others that answer what it asks too fast.
    pub provoked: u64,
    /// The busiest whole second of the capture: signalling and address frames.
    pub peak_packets_per_second: u32,
    /// The busiest whole second of the last 60 s.
    #[serde(skip)]
    pub peak_minute: u32,
    /// Frames a second over the last five whole seconds.
    #[serde(skip)]
    pub latest: u32,
    /// Original stamp of its first frame.
    pub first_seen: Option<Instant>,
    /// Original stamp of its last frame.
    pub last_seen: Option<Instant>,
}

impl Device {
    /// Frames of all protocols.
    pub(crate) fn total_packets(&self) -> u64 {
        self.packets.0.iter().fold(0, |sum, (_, packets)| sum.saturating_add(*packets))
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

/// The last time that a device broke a rule.
#[derive(Debug, Serialize)]
pub struct Offence {
    /// Owner of the record, or name asked for; `None` where the rule is about no record.
    pub name: Option<String>,
    /// Type of the record or question, such as `PTR`; `TYPE65` for one that mDNS does not use.
    #[serde(rename = "type")]
    pub rtype: Option<String>,
    /// How long after the last one, where the rule is about intervals.
    pub gap_seconds: Option<f64>,
    /// Original stamp.
    pub at: Option<Instant>,
    /// The number of the frame in its file, from 1, as Wireshark counts; `None` live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// Its file, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip)]
    place: Option<Place>,
}

impl From<&LastOffence> for Offence {
    fn from(last: &LastOffence) -> Self {
        Self {
            name: last.name.as_deref().map(str::to_owned),
            rtype: last.rtype.map(|rtype| rtype.to_string()),
            gap_seconds: last.gap.map(|gap| gap.as_secs_f64()),
            at: Instant::from_stamp(last.at),
            frame: last.place.map(|place| place.number),
            file: None,
            place: last.place,
        }
    }
}

impl Offence {
    /// Says which of these files it is in, if there are several.
    fn name_file(&mut self, files: &[String]) {
        let file = self.place.and_then(|place| usize::try_from(place.file).ok());
        self.file = file.filter(|_| files.len() > 1).and_then(|file| files.get(file).cloned());
    }
}

impl Device {
    /// Says of each offence which of these files it is in, if there are several.
    pub(crate) fn name_files(&mut self, files: &[String]) {
        self.offences.values_mut().for_each(|offence| offence.name_file(files));
    }
}

/// The devices of these segments, most packets first.
pub fn devices<'v>(segments: impl IntoIterator<Item = &'v SegmentView>) -> Vec<Device> {
    let mut devices = Vec::new();
    for view in segments {
        devices.extend(view.snapshot.devices.iter().map(|row| device(&view.label, row)));
        // The frames of all senders without a row: a device without identity.
        let other = view.snapshot.other.iter();
        devices.extend(other.map(|counters| counted(&view.label, "other".into(), counters)));
    }
    devices.sort_by(|a: &Device, b| {
        b.total_packets()
            .cmp(&a.total_packets())
            .then_with(|| (&a.interface, &a.device).cmp(&(&b.interface, &b.device)))
    });
    devices
}

/// The device of one row of the segment `label`.
pub(super) fn device(label: &str, row: &DeviceSnapshot) -> Device {
    let identity = &row.identity;
    let counts =
        row.violations.iter().flat_map(|counts| Rule::ALL.iter().map(|&rule| (rule, counts[rule])));
    let broken = counts.filter(|&(_, count)| count > 0);
    Device {
        sender: Some(row.sender),
        local: identity.local,
        address: identity.address.map(|address| address.to_string()),
        addresses: identity.addresses.iter().map(ToString::to_string).collect(),
        contested: identity.contested.iter().map(ToString::to_string).collect(),
        name: identity.name.as_deref().map(str::to_owned),
        vendor: identity.vendor.map(str::to_owned),
        model: identity.model.as_deref().map(str::to_owned),
        category: identity.category.label(),
        violations: broken.map(|(rule, count)| (rule.id(), count)).collect(),
        offences: row.offences.iter().map(|last| (last.rule.id(), Offence::from(last))).collect(),
        conditions: row.conditions.iter().map(Condition::from).collect(),
        provoked: row.provoked,
        peak_packets_per_second: row.peak_ever,
        peak_minute: row.peak_minute,
        latest: row.latest,
        first_seen: Instant::from_stamp(row.first_seen),
        last_seen: Instant::from_stamp(row.last_seen),
        ..counted(label, row.sender.to_string(), &row.counters)
    }
}

fn counted(label: &str, device: String, counters: &DeviceCounters) -> Device {
    Device {
        interface: label.to_owned(),
        device,
        sender: None,
        local: false,
        address: None,
        addresses: Vec::new(),
        contested: Vec::new(),
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
        offences: BTreeMap::new(),
        conditions: Vec::new(),
        provoked: 0,
        peak_packets_per_second: 0,
        peak_minute: 0,
        latest: 0,
        first_seen: None,
        last_seen: None,
    }
}
