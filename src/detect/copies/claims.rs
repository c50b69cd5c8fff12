//! Which names a device says something of its own about: whether a record that two devices send can
//! be both's.
//!
//! Takes the unique records of messages that are no copies. A host on several links announces one
//! name with an address for each; what such a host says by two cards is no reflection.

use crate::decode::mdns::{DataHash, HashKey, NameHash, RClass, RType, Record, Section};
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::view::Mdns;
use crate::time::Time;
use std::time::Duration;

/// A name is remembered for this long after somebody last said something about it: longer than
/// addresses live.
const KEPT: Duration = Duration::from_hours(1);
/// Devices remembered of a name, the latest: those that fight over it, or one by its cards.
const HOLDERS: usize = 4;
/// Data remembered of a device, the latest: a host has a few addresses.
const DATA: usize = 4;
/// Records looked at in one message: the others are about the same names.
const RECORDS: usize = 16;
/// Sets of names: at most 1,024, 208 KiB.
const NAME_SETS: usize = 128;
/// Sets of pairs of devices that are one host: at most 128, 4 KiB.
const PAIR_SETS: usize = 16;

/// What one device says of a name.
#[derive(Clone, Copy, Debug)]
struct Holder {
    sender: SenderKey,
    data: [DataHash; DATA],
}

/// Names and what devices say of them. At most 212 KiB.
#[derive(Debug)]
pub(super) struct Claims {
    names: Table<NameHash, [Option<Holder>; HOLDERS], NAME_SETS>,
    /// Devices that give one name addresses of their own.
    pairs: Table<(SenderKey, SenderKey), (), PAIR_SETS>,
}

impl Claims {
    pub(super) fn new(key: HashKey) -> Self {
        Self { names: Table::new(key, KEPT), pairs: Table::new(key, KEPT) }
    }

    /// Hears a message of `sender` that is no copy.
    pub(super) fn hear(&mut self, now: Time, sender: SenderKey, mdns: &Mdns<'_>) {
        let is_response = mdns.is_response();
        for record in unique(mdns).take(RECORDS).filter(|record| record.ttl > 0 || !is_response) {
            let holders = self.names.entry(now, record.name, || [None; HOLDERS]).value;
            let there = |holder: &Option<Holder>| holder.is_some_and(|h| h.sender == sender);
            let place = holders.iter().position(there);
            let mut holder = place.and_then(|place| holders[place]);
            let holder = holder.get_or_insert(Holder { sender, data: [DataHash(0); DATA] });
            let at = holder.data.iter().position(|data| *data == record.data);
            holder.data[..=at.unwrap_or(DATA - 1)].rotate_right(1);
            holder.data[0] = record.data;
            holders[..=place.unwrap_or(HOLDERS - 1)].rotate_right(1);
            holders[0] = Some(*holder);
            if record.rtype.is_address() {
                let others = holders[1..].iter().flatten();
                for other in others.filter(|other| !other.data.contains(&record.data)) {
                    self.pairs.entry(now, pair(sender, other.sender), || ());
                }
            }
        }
    }

    /// Whether the message has a record that only `first` can have made, and `second` not.
    pub(super) fn is_of_one(
        &self,
        now: Time,
        first: SenderKey,
        second: SenderKey,
        mdns: &Mdns<'_>,
    ) -> bool {
        self.pairs.get(now, pair(first, second)).is_none()
            && unique(mdns).take(RECORDS).any(|record| !self.has_own(now, second, record))
    }

    /// Whether the device says something else of the record's name.
    fn has_own(&self, now: Time, sender: SenderKey, record: &Record) -> bool {
        let holders = self.names.get(now, record.name);
        let mut holders = holders.into_iter().flatten().flatten();
        holders.any(|holder| holder.sender == sender && !holder.data.contains(&record.data))
    }
}

/// Records that one host owns: addresses, and services and their texts if they say so. Those of
/// probes are its proposals (RFC 6762 section 8.2), which never say so.
fn unique<'m>(mdns: &'m Mdns<'_>) -> impl Iterator<Item = &'m Record> {
    let is_response = mdns.is_response();
    mdns.digest.records.iter().filter(move |record| {
        let is_said = match record.section {
            Section::Answer | Section::Additional => is_response,
            Section::Authority => !is_response,
            Section::Question => false,
        };
        let is_service = record.rtype == RType::SRV || record.rtype == RType::TXT;
        let is_unique = record.rtype.is_address() || (is_service && (record.flush || !is_response));
        is_said && is_unique && record.class == RClass::IN
    })
}

fn pair(a: SenderKey, b: SenderKey) -> (SenderKey, SenderKey) {
    if a.is_before(b) { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        let name = size_of::<Option<(u64, Time, [Option<Holder>; HOLDERS])>>();
        assert!(NAME_SETS * 8 * name <= 208 << 10, "{name}");
        assert!(PAIR_SETS * 8 * size_of::<Option<(u64, Time)>>() <= 4 << 10);
    }
}
