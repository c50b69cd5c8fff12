//! The collector `mdns`: what each device's mDNS messages were. In: device rows. Out: one series
//! for each kind and section, all from 0 once the device has sent a message.

use super::catalogue::families;
use super::rows::{DeviceRow, Rows};
use super::writer::Writer;
use crate::decode::Protocol;
use crate::decode::mdns::{Kind, Section};

pub(super) fn collect(rows: &Rows<'_>, writer: &mut Writer) {
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
}

fn speaks_mdns(row: &DeviceRow<'_>) -> bool {
    let packets = &row.counters.packets;
    let frames =
        packets[Protocol::Mdns.index()].saturating_add(packets[Protocol::MdnsUnicast.index()]);
    frames > 0 || row.counters.messages.iter().any(|&count| count > 0)
}
