//! What the collectors of the engines' counts write about: segments and devices in a fixed order,
//! each once, with their labels escaped and joined once.
//!
//! A segment or device that comes twice would fail the whole scrape in Prometheus, so only the
//! first is kept; [`Rows::trouble`] says that one was left out.

use super::writer::{Labels, label};
use crate::capture::Abilities;
use crate::decode::Sender;
use crate::engine::{DeviceCounters, DeviceSnapshot};
use crate::lan::{CaptureView, LanView, LockTimeout};
use crate::pipeline::SegmentView;
use std::fmt::Write as _;
use std::ops::Range;
use thiserror::Error;

/// The device label of frames whose sender has no row.
const OTHER: &str = "other";

/// Why the rows are not complete.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Trouble {
    #[error("capture {capture}: {source}")]
    Busy { capture: String, source: LockTimeout },
    #[error("two segments are called {label:?}, one was left out")]
    DuplicateSegment { label: String },
    #[error("segment {label:?} has two devices {device}, one was left out")]
    DuplicateDevice { label: String, device: String },
}

/// Segments and devices of captures that were opened, in the order of their labels.
#[derive(Default)]
pub(super) struct Rows<'v> {
    pub(super) segments: Vec<SegmentRow<'v>>,
    pub(super) devices: Vec<DeviceRow<'v>>,
    /// The first thing that was wrong.
    pub(super) trouble: Option<Trouble>,
    /// The label text of all devices; one buffer instead of one for each.
    text: Vec<u8>,
}

/// A segment.
pub(super) struct SegmentRow<'v> {
    pub(super) capture: &'v CaptureView,
    pub(super) segment: &'v SegmentView,
    pub(super) abilities: &'v Abilities,
    /// `interface="…"`.
    pub(super) labels: Labels,
}

/// A device, or the device `other` of a segment.
pub(super) struct DeviceRow<'v> {
    /// `None` for `other`.
    pub(super) device: Option<&'v DeviceSnapshot>,
    pub(super) counters: &'v DeviceCounters,
    /// The segment that it is on.
    pub(super) segment: &'v SegmentView,
    labels: Range<usize>,
}

impl<'v> Rows<'v> {
    pub(super) fn new(view: &'v LanView) -> Self {
        let mut rows = Self::default();
        // Where nothing was ever heard, zeros would claim that all is quiet.
        let opened = view.captures.iter().filter_map(|c| Some((c, c.abilities.as_ref()?)));
        for (capture, abilities) in opened {
            match &capture.segments {
                Ok(segments) => rows.segments.extend(segments.iter().map(|segment| SegmentRow {
                    capture,
                    segment,
                    abilities,
                    labels: Labels::new("interface", &segment.label),
                })),
                Err(source) => {
                    let capture = capture.name.clone();
                    rows.trouble.get_or_insert(Trouble::Busy { capture, source: *source });
                }
            }
        }
        rows.segments.sort_by(|a, b| a.segment.label.cmp(&b.segment.label));
        let trouble = &mut rows.trouble;
        rows.segments.dedup_by(|later, kept| {
            let same = later.segment.label == kept.segment.label;
            if same {
                let label = kept.segment.label.to_string();
                trouble.get_or_insert(Trouble::DuplicateSegment { label });
            }
            same
        });
        rows.add_devices();
        rows
    }

    fn add_devices(&mut self) {
        let count = self.segments.iter().map(|row| row.segment.snapshot.devices.len() + 1).sum();
        self.devices = Vec::with_capacity(count);
        self.text = Vec::with_capacity(count * 48);
        let mut sorted: Vec<&DeviceSnapshot> = Vec::new();
        let mut name = String::new();
        for row in &self.segments {
            let segment = row.segment;
            sorted.clear();
            sorted.extend(row.segment.snapshot.devices.iter().filter(|device| device.exposed));
            sorted.sort_by_key(|device| device.sender);
            let mut before: Option<Sender> = None;
            for device in &sorted {
                name.clear();
                write_sender(&mut name, device.sender);
                if before == Some(device.sender) {
                    self.trouble.get_or_insert_with(|| Trouble::DuplicateDevice {
                        label: row.segment.label.to_string(),
                        device: name.clone(),
                    });
                    continue;
                }
                before = Some(device.sender);
                let labels = device_labels(&mut self.text, &row.labels, &name);
                let counters = &device.counters;
                self.devices.push(DeviceRow { device: Some(device), counters, segment, labels });
            }
            if let Some(counters) = &row.segment.snapshot.other {
                let labels = device_labels(&mut self.text, &row.labels, OTHER);
                self.devices.push(DeviceRow { device: None, counters, segment, labels });
            }
        }
    }

    /// `interface="…",device="…"` of a row.
    pub(super) fn labels(&self, row: &DeviceRow<'_>) -> &[u8] {
        &self.text[row.labels.clone()]
    }
}

fn device_labels(text: &mut Vec<u8>, segment: &Labels, name: &str) -> Range<usize> {
    let start = text.len();
    text.extend_from_slice(segment.as_bytes());
    label(text, false, "device", name);
    start..text.len()
}

/// What [`Sender`] displays, without the cost of formatting a MAC for each device of a scrape.
fn write_sender(out: &mut String, sender: Sender) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match sender {
        Sender::Mac(mac) => {
            for (place, octet) in mac.0.into_iter().enumerate() {
                if place > 0 {
                    out.push(':');
                }
                out.push(char::from(DIGITS[usize::from(octet >> 4)]));
                out.push(char::from(DIGITS[usize::from(octet & 15)]));
            }
        }
        Sender::Ip(address) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{address}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    #[test]
    fn a_device_is_called_by_its_mac_or_else_its_address() {
        for (sender, name) in [
            (Sender::Mac(Mac([0, 0x1e, 0x8f, 0xab, 1, 0xff])), "00:1e:8f:ab:01:ff"),
            (Sender::Ip("FE80::1".parse().unwrap()), "fe80::1"),
        ] {
            let mut written = String::new();
            write_sender(&mut written, sender);
            assert_eq!((&*written, &*sender.to_string()), (name, name));
        }
    }
}
