//! The collector `conditions`: what is wrong with devices whatever their rate. For each segment how
//! many have begun; for each device, from its first of a kind on, whether it lasts, and while it
//! does what is known of it.

use super::catalogue::{self, families};
use super::number::Value;
use super::rows::{DeviceRow, Rows};
use super::writer::Writer;
use crate::detect::{Condition, DeviceCondition, Role};

pub(super) fn collect(rows: &Rows<'_>, writer: &mut Writer) {
    let mut begun = writer.family(&families::CONDITIONS);
    for row in &rows.segments {
        for condition in Condition::ALL {
            let count = row.segment.snapshot.conditions_begun[condition as usize];
            if count > 0 || catalogue::sees_condition(row.abilities, condition) {
                begun.sample(&row.labels, &[("condition", condition.label())], count);
            }
        }
    }
    let mut active = writer.family(&families::DEVICE_CONDITION_ACTIVE);
    for (row, held) in of_devices(rows) {
        let more = [("condition", held.condition.label())];
        let lasts = u64::from(held.until.is_none());
        active.sample_bytes(rows.labels(row), &more, lasts.into());
    }
    let mut info = writer.family(&families::DEVICE_CONDITION_INFO);
    for (row, held) in of_devices(rows).filter(|(_, held)| held.until.is_none()) {
        let other = held.told.other.map(|other| other.to_string()).unwrap_or_default();
        let more = [
            ("condition", held.condition.label()),
            ("other", &*other),
            ("role", held.told.role.map_or("", Role::label)),
            ("detail", &*held.told.detail),
        ];
        info.sample_bytes(rows.labels(row), &more, Value::Integer(1));
    }
}

/// Every condition that a device has or had.
fn of_devices<'r, 'v>(
    rows: &'r Rows<'v>,
) -> impl Iterator<Item = (&'r DeviceRow<'v>, &'v DeviceCondition)> {
    rows.devices.iter().flat_map(|row| {
        let conditions = row.device.map_or(&[][..], |device| &device.conditions);
        conditions.iter().map(move |held| (row, held))
    })
}
