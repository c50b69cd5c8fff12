//! The collector `storms`: who floods, and why. For each segment, whether it is in a storm and how
//! many of its devices' storms have ended. For each device, from its first storm on, whether it is
//! in one, and while one lasts its cause, its start, and what it is about; how long it lasts, and with
//! how many frames, also for some minutes after its end.

use super::catalogue::{self, families};
use super::number::Value;
use super::rows::{DeviceRow, Rows, SegmentRow};
use super::writer::Writer;
use crate::detect::Cause;
use crate::engine::DeviceSnapshot;
use crate::storm::{Level, Storm};

pub(super) fn collect(rows: &Rows<'_>, writer: &mut Writer) {
    of_segments(rows, writer);
    of_devices(rows, writer);
}

fn of_segments(rows: &Rows<'_>, writer: &mut Writer) {
    let mut active = writer.family(&families::STORM_ACTIVE);
    for row in &rows.segments {
        let is_active = row.segment.snapshot.segment_storm.is_some();
        active.sample(&row.labels, &[], u64::from(is_active));
    }
    let mut causes = writer.family(&families::STORM_CAUSE);
    for row in &rows.segments {
        if let Some(storm) = &row.segment.snapshot.segment_storm {
            causes.sample(&row.labels, &[("cause", storm.culprit.cause())], 1);
        }
    }
    let mut first_frames = writer.family(&families::STORM_FIRST_FRAME);
    for row in &rows.segments {
        if let Some(storm) = &row.segment.snapshot.segment_storm {
            first_frames.sample(&row.labels, &[], Value::Seconds(storm.first_frame));
        }
    }
    let mut infos = writer.family(&families::STORM_INFO);
    for row in &rows.segments {
        if let Some(storm) = &row.segment.snapshot.segment_storm {
            infos.sample(&row.labels, &[("id", &*storm.id(&row.segment.label))], 1);
        }
    }
    let mut durations = writer.family(&families::STORM_DURATION);
    for (row, storm) in floods(rows) {
        let lasted: u32 = storm.lasted.iter().sum();
        durations.sample(&row.labels, &[], u64::from(lasted));
    }
    let mut packets = writer.family(&families::STORM_PACKETS);
    for (row, storm) in floods(rows) {
        packets.sample(&row.labels, &[], storm.packets);
    }
    let mut ended = writer.family(&families::STORMS);
    for row in &rows.segments {
        for level in Level::ALL {
            for cause in Cause::ALL {
                let count = row.segment.snapshot.storms_ended[level as usize][cause as usize];
                if count > 0 || catalogue::sees_cause(row.abilities, cause) {
                    let more = [("level", level.label()), ("cause", cause.label())];
                    ended.sample(&row.labels, &more, count);
                }
            }
        }
    }
}

fn of_devices(rows: &Rows<'_>, writer: &mut Writer) {
    let mut active = writer.family(&families::DEVICE_STORM_ACTIVE);
    for (row, device) in stormy(rows) {
        let now = device.storm.as_ref().map(|storm| storm.level);
        for level in Level::ALL {
            let is_active = u64::from(now == Some(level));
            let more = [("level", level.label())];
            active.sample_bytes(rows.labels(row), &more, is_active.into());
        }
    }
    let mut causes = writer.family(&families::DEVICE_STORM_CAUSE);
    for (row, device) in stormy(rows) {
        if let Some(storm) = &device.storm {
            let more = [("cause", storm.culprit.cause())];
            causes.sample_bytes(rows.labels(row), &more, Value::Integer(1));
        }
    }
    let mut starts = writer.family(&families::DEVICE_STORM_START);
    for (row, device) in stormy(rows) {
        if let Some(storm) = &device.storm {
            starts.sample_bytes(rows.labels(row), &[], Value::Seconds(storm.start));
        }
    }
    let mut first_frames = writer.family(&families::DEVICE_STORM_FIRST_FRAME);
    for (row, device) in stormy(rows) {
        if let Some(storm) = &device.storm {
            first_frames.sample_bytes(rows.labels(row), &[], Value::Seconds(storm.first_frame));
        }
    }
    let mut infos = writer.family(&families::DEVICE_STORM_INFO);
    for (row, device) in stormy(rows) {
        if let Some(storm) = &device.storm {
            let id = storm.id(&row.segment.label);
            let asker = storm.detail.asker().map(|asker| asker.to_string()).unwrap_or_default();
            let detail = storm.detail.told().unwrap_or_default();
            let more = [("id", &*id), ("asker", &*asker), ("detail", detail)];
            infos.sample_bytes(rows.labels(row), &more, Value::Integer(1));
        }
    }
    let mut durations = writer.family(&families::DEVICE_STORM_DURATION);
    for (row, device) in stormy(rows) {
        let Some(storm) = device.storm.as_ref().or(device.past_storm.as_ref()) else { continue };
        for level in Level::ALL {
            let more = [("level", level.label())];
            let lasted = u64::from(storm.lasted[level as usize]);
            durations.sample_bytes(rows.labels(row), &more, lasted.into());
        }
    }
    let mut packets = writer.family(&families::DEVICE_STORM_PACKETS);
    for (row, device) in stormy(rows) {
        if let Some(storm) = device.storm.as_ref().or(device.past_storm.as_ref()) {
            packets.sample_bytes(rows.labels(row), &[], storm.packets.into());
        }
    }
    let mut begun = writer.family(&families::DEVICE_STORMS);
    for (row, device) in stormy(rows) {
        for level in Level::ALL {
            let more = [("level", level.label())];
            let count = device.storms_begun[level as usize];
            begun.sample_bytes(rows.labels(row), &more, count.into());
        }
    }
}

/// Segments that are in a storm, or were until a few minutes ago, with that storm.
fn floods<'r, 'v>(rows: &'r Rows<'v>) -> impl Iterator<Item = (&'r SegmentRow<'v>, &'v Storm)> {
    rows.segments.iter().filter_map(|row| {
        let snapshot = &row.segment.snapshot;
        let storm = snapshot.segment_storm.as_ref().or(snapshot.past_segment_storm.as_ref())?;
        Some((row, storm))
    })
}

/// Devices that were ever in a storm.
fn stormy<'r, 'v>(
    rows: &'r Rows<'v>,
) -> impl Iterator<Item = (&'r DeviceRow<'v>, &'v DeviceSnapshot)> {
    rows.devices.iter().filter_map(|row| {
        let device = row.device?;
        let was = device.storm.is_some() || device.storms_begun.iter().any(|&begun| begun > 0);
        was.then_some((row, device))
    })
}
