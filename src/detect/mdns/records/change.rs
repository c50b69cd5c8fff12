//! Records of one name and type that change all the time (RFC 6762 section 8.4).
//!
//! Most unique record sets have one record, and a message that carries a different one is a change.
//! A host has many addresses, and responders send some of them now and some later: there only an
//! address that was not heard before is a change.

use crate::decode::mdns::{HashKey, NameHash, RClass, RType, Record, SumHash};
use crate::detect::memory::recent::Recent;
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::View;
use crate::time::Time;
use std::time::Duration;

/// Changes of a record set at most...
const MAX: u8 = 10;
/// ... in this time.
const PERIOD: Duration = Duration::from_mins(1);

/// The records of one name, type and class by one source. 72 bytes.
#[derive(Clone, Copy, Debug)]
struct RecordSet {
    data: SumHash,
    /// One more than is allowed.
    changes: Recent<{ MAX as usize }>,
    /// The last message in which addresses were new.
    message: u32,
}

/// What a message changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// Records whose set has other data than before, by place in the digest.
    pub changed: u128,
    /// The first record whose set changed once too often.
    pub too_often: Option<u8>,
    /// The first TXT record that changes all the time, in this message or not.
    pub churning: Option<u8>,
}

/// The records of one name, type and class, by one source.
type SetKey = (SourceId, NameHash, RType, RClass);

/// The record sets of one segment's sources.
///
/// At most 8,192 sets, 88 bytes each: 704 KiB. What is forgotten at that bound has no history
/// when it comes again: fewer changes are found.
#[derive(Debug)]
pub(super) struct Rrsets(Table<SetKey, RecordSet, 1_024>);

impl Rrsets {
    pub(super) fn new(key: HashKey) -> Self {
        Self(Table::new(key, super::announce::MEMORY))
    }

    /// Hears the sets of a message, but for addresses.
    pub(super) fn hear(&mut self, view: &View<'_>) -> Changes {
        let mut changes = Changes::default();
        let Some(mdns) = view.mdns else { return changes };
        let records = &mdns.digest.records;
        let mut done = 0_u128;
        for (place, first) in (0_u8..128).zip(records) {
            if done & (1 << place) != 0 || !is_singular(first) {
                continue;
            }
            let mut data = SumHash::default();
            let mut members = 0_u128;
            for (other, record) in (place..128).zip(&records[place.into()..]) {
                if !are_together(first, record) || !is_singular(record) {
                    continue;
                }
                members |= 1 << other;
                // An answer may be there again as additional.
                let mut before = records[place.into()..other.into()].iter();
                if !before.any(|b| are_together(b, record) && b.ttl > 0 && b.data == record.data) {
                    data.add(record.data.0);
                }
            }
            done |= members;
            let now = view.now;
            let key = set_key(view.source, first);
            let make = || RecordSet { data, changes: Recent::default(), message: 0 };
            let set = self.0.entry(now, key, make).value;
            if set.data != data {
                set.data = data;
                set.changes.push(now);
                changes.changed |= members;
                if is_too_often(set, now) {
                    changes.too_often.get_or_insert(place);
                }
            }
            if first.rtype == RType::TXT && is_too_often(set, now) {
                changes.churning.get_or_insert(place);
            }
        }
        changes
    }

    /// What is promised of copies of the message that was just heard: its sets are remembered.
    pub(super) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self(sets) = self;
        let records = view.mdns.iter().flat_map(|mdns| &mdns.digest.records);
        let mut records = (0_u8..128).zip(records).filter(|(_, record)| is_singular(record));
        records.try_fold(steady, |steady, (_, record)| {
            let set = sets.get(view.now, set_key(view.source, record))?;
            Some(set.changes.steady(MAX + 1, view.now, PERIOD, steady))
        })
    }

    /// Hears an address that was not heard before. Returns whether there were too many of those.
    /// Several of one message are one change; the first of a host is none.
    pub(super) fn hear_address(&mut self, view: &View<'_>, record: &Record, message: u32) -> bool {
        let key = set_key(view.source, record);
        let make = || RecordSet { data: SumHash::default(), changes: Recent::default(), message };
        let set = self.0.entry(view.now, key, make).value;
        if set.message == message {
            return false;
        }
        set.message = message;
        set.changes.push(view.now);
        is_too_often(set, view.now)
    }
}

fn is_too_often(set: &RecordSet, now: Time) -> bool {
    set.changes.are_within(MAX + 1, now, PERIOD)
}

const fn set_key(source: SourceId, record: &Record) -> SetKey {
    (source, record.name, record.rtype, record.class)
}

fn are_together(a: &Record, b: &Record) -> bool {
    a.name == b.name && a.rtype == b.rtype && a.class == b.class
}

/// Whether its set has all its records in each message. PTR records of services are
/// shared whatever their cache-flush bit says, and NSEC records follow the changes of others. A TXT
/// record that is not a service's is shared unless its bit says otherwise: of a computer, several
/// programs may tell.
const fn is_singular(record: &Record) -> bool {
    super::is_sent(record)
        && record.ttl > 0
        && match record.rtype {
            RType::CNAME | RType::HINFO | RType::SRV => true,
            RType::TXT => {
                let is_own = record.traits.is_service_instance() && !record.traits.is_device_info();
                record.flush || is_own
            }
            RType::A | RType::AAAA | RType::NSEC => false,
            RType::PTR => record.flush && !record.traits.is_service_type(),
            _ => record.flush,
        }
}
