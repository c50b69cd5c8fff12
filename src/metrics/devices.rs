//! The collector `devices`: what each device has sent, and who it is. The device `other` stands for
//! many senders and has the counters only.

use super::catalogue::families;
use super::number::Value;
use super::rows::{DeviceRow, Rows};
use super::writer::{FamilyWriter, Writer};
use crate::decode::Protocol;
use crate::engine::DeviceCounters;
use std::fmt::Write as _;

pub(super) fn collect(rows: &Rows<'_>, writer: &mut Writer) {
    protocols(rows, writer.family(&families::DEVICE_PACKETS), |counters| &counters.packets);
    protocols(rows, writer.family(&families::DEVICE_BYTES), |counters| &counters.bytes);

    let mut provoked = writer.family(&families::DEVICE_PROVOKED);
    for (row, device) in known(rows).filter(|(_, device)| device.provoked > 0) {
        provoked.sample_bytes(rows.labels(row), &[], device.provoked.into());
    }
    let mut peak = writer.family(&families::DEVICE_PEAK);
    for (row, device) in known(rows) {
        peak.sample_bytes(rows.labels(row), &[], u64::from(device.peak_minute).into());
    }
    let mut last_seen = writer.family(&families::DEVICE_LAST_SEEN);
    for (row, device) in known(rows) {
        last_seen.sample_bytes(rows.labels(row), &[], Value::Seconds(device.last_seen));
    }
    let mut info = writer.family(&families::DEVICE_INFO);
    let mut address = String::new();
    for (row, device) in known(rows) {
        let identity = &*device.identity;
        address.clear();
        if let Some(ip) = identity.address {
            // Writing to a String cannot fail.
            let _ = write!(address, "{ip}");
        }
        let more = [
            ("address", address.as_str()),
            ("name", identity.name.as_deref().unwrap_or("")),
            ("vendor", identity.vendor.unwrap_or("")),
            ("model", identity.model.as_deref().unwrap_or("")),
            ("category", identity.category.label()),
            ("local", if identity.local { "true" } else { "false" }),
        ];
        info.sample_bytes(rows.labels(row), &more, Value::Integer(1));
    }
}

fn protocols(
    rows: &Rows<'_>,
    mut family: FamilyWriter<'_>,
    counts: fn(&DeviceCounters) -> &[u64; Protocol::COUNT],
) {
    for row in &rows.devices {
        let labels = rows.labels(row);
        let counts = counts(row.counters);
        for protocol in Protocol::ALL {
            // A protocol was used if a frame of it was counted, even if no byte was.
            if row.counters.packets[protocol.index()] > 0 {
                let more = [("protocol", protocol.label())];
                family.sample_bytes(labels, &more, counts[protocol.index()].into());
            }
        }
    }
}

fn known<'r, 'v>(
    rows: &'r Rows<'v>,
) -> impl Iterator<Item = (&'r DeviceRow<'v>, &'v crate::engine::DeviceSnapshot)> {
    rows.devices.iter().filter_map(|row| row.device.map(|device| (row, device)))
}
