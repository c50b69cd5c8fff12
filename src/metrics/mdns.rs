//! The collector `mdns`: what each device's mDNS messages were, which rules were broken, and how
//! well discovery works. Series by kind and section start at 0 once the device has sent a message.
//! A segment has all rules from 0, a device those that it broke. Services, those that are wanted,
//! delays and unanswered questions are by segment.

use super::catalogue::{self, families};
use super::rows::{DeviceRow, Rows, SegmentRow};
use super::writer::{FamilyWriter, Writer};
use crate::decode::Protocol;
use crate::decode::mdns::{Kind, Section};
use crate::detect::{DELAY_BOUNDS, Delays, Rule};

pub(super) fn collect(rows: &Rows<'_>, writer: &mut Writer) {
    violations(rows, writer);
    let mut messages = writer.family(&families::MDNS_MESSAGES);
    for row in rows.devices.iter().filter(|row| speaks_mdns(row)) {
        let labels = rows.labels(row);
        for kind in Kind::ALL {
            let count = row.counters.messages[kind as usize];
            messages.sample_bytes(labels, &[("kind", kind.label())], count.into());
        }
    }
    let mut records = writer.family(&families::MDNS_RECORDS);
    for row in rows.devices.iter().filter(|row| speaks_mdns(row)) {
        let labels = rows.labels(row);
        for section in Section::ALL {
            let count = row.counters.records[section as usize];
            records.sample_bytes(labels, &[("section", section.label())], count.into());
        }
    }
    discovery(rows, writer);
}

/// What services there are, and whether questions are answered.
fn discovery(rows: &Rows<'_>, writer: &mut Writer) {
    let mut services = writer.family(&families::MDNS_SERVICES);
    for row in &rows.segments {
        for (service, count) in &row.segment.snapshot.health.services {
            services.sample(&row.labels, &[("service", service)], *count);
        }
    }
    let mut wanted = writer.family(&families::MDNS_WANTED);
    for row in &rows.segments {
        for (service, count) in &row.segment.snapshot.health.wanted {
            wanted.sample(&row.labels, &[("service", service)], *count);
        }
    }
    let mut delays = writer.family(&families::MDNS_RESPONSE_DELAY);
    for row in &rows.segments {
        histogram(&mut delays, row, &row.segment.snapshot.health.response_delays);
    }
    let mut unanswered = writer.family(&families::MDNS_UNANSWERED);
    for row in &rows.segments {
        unanswered.sample(&row.labels, &[], row.segment.snapshot.health.unanswered);
    }
}

fn histogram(family: &mut FamilyWriter<'_>, row: &SegmentRow<'_>, delays: &Delays) {
    let mut below = 0_u64;
    let bounds = DELAY_BOUNDS.iter().zip(&delays.counts);
    let buckets = bounds.map(|(&millis, &count)| {
        below = below.saturating_add(count);
        (super::small::float(millis) / 1e3, below)
    });
    let total = delays.counts.iter().fold(0, |sum: u64, &count| sum.saturating_add(count));
    family.histogram(&row.labels, buckets, total, delays.sum.as_secs_f64());
}

fn violations(rows: &Rows<'_>, writer: &mut Writer) {
    let mut of_segments = writer.family(&families::VIOLATIONS);
    for row in &rows.segments {
        for &rule in Rule::ALL {
            let count = row.segment.snapshot.violations[rule];
            if count > 0 || catalogue::sees_rule(row.abilities, rule) {
                of_segments.sample(&row.labels, &[("rule", rule.id())], count);
            }
        }
    }
    let mut of_devices = writer.family(&families::DEVICE_VIOLATIONS);
    for row in &rows.devices {
        let Some(counts) = row.device.and_then(|device| device.violations.as_deref()) else {
            continue;
        };
        for &rule in Rule::ALL {
            let count = counts[rule];
            // A counter that was born at its first event, as all of a device are.
            if count > 0 {
                of_devices.sample_bytes(rows.labels(row), &[("rule", rule.id())], count.into());
            }
        }
    }
}

fn speaks_mdns(row: &DeviceRow<'_>) -> bool {
    let packets = &row.counters.packets;
    let frames =
        packets[Protocol::Mdns.index()].saturating_add(packets[Protocol::MdnsUnicast.index()]);
    frames > 0 || row.counters.messages.iter().any(|&count| count > 0)
}
