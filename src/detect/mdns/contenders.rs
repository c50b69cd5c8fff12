//! Who probes for which name just now, with which records, and who objects.
//!
//! A conflict (RFC 6762 sections 8.1 and 8.2): another device has the name with other data, or
//! wants it at the same time with other data. Each probe meets at most one, however many devices
//! object.

use super::rename::Stem;
use crate::decode::mdns::{DataHash, Digest, HashKey, NameHash, RType, Record, Section};
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::View;
use crate::time::Time;
use std::time::Duration;

/// How long a probe waits for objections: 250 ms, or a second after a simultaneous one.
const PENDING: Duration = Duration::from_secs(1);
/// Records remembered of what is proposed for a name.
const PROPOSALS: usize = 4;

/// One probe for one name.
#[derive(Clone, Debug)]
struct Contender {
    sender: SenderKey,
    /// The series of names that it belongs to.
    series: Stem,
    /// Type and data of the records proposed.
    proposals: [Option<(RType, DataHash)>; PROPOSALS],
    /// Whether it met its conflict.
    is_refuted: bool,
}

impl Contender {
    fn proposes(&self, rtype: RType, data: DataHash) -> bool {
        self.proposals.contains(&Some((rtype, data)))
    }

    /// Whether a record of another device contradicts it: the same type with none of the data.
    fn is_refuted_by(&self, rtype: RType, data: DataHash) -> bool {
        let has_type = self.proposals.iter().flatten().any(|(proposed, _)| *proposed == rtype);
        has_type && !self.proposes(rtype, data)
    }
}

/// The probes of the last second.
#[derive(Debug)]
pub(crate) struct Contenders {
    /// By name, and whether it is over IPv6: a device probes over both address families, and is
    /// answered over each. 144 KiB at most.
    probes: Table<(NameHash, bool), Contender, 128>,
    /// When the last one was heard.
    last: Option<Time>,
}

impl Contenders {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { probes: Table::new(key, PENDING), last: None }
    }

    /// Hears a probe. Passes the series of each sender in a conflict to `conflict`.
    pub(crate) fn probe(
        &mut self,
        view: &View<'_>,
        digest: &Digest,
        mut conflict: impl FnMut(Stem),
    ) {
        self.last = Some(view.now);
        for probed in &digest.probed {
            let of_name = |record: &&Record| {
                record.section == Section::Authority && record.name == probed.name
            };
            // What a PTR record proposes is not its data: that is the name itself.
            let records = digest.records.iter().filter(of_name).filter(|r| r.rtype != RType::PTR);
            let mut proposals = [None; PROPOSALS];
            for (place, record) in proposals.iter_mut().zip(records) {
                *place = Some((record.rtype, record.data));
            }
            let series = (view.source, probed.stem);
            let new = Contender { sender: view.sender, series, proposals, is_refuted: false };
            let place = self.probes.entry(view.now, (probed.name, view.is_v6()), || new.clone());
            let there = place.value;
            if there.sender != view.sender
                && proposals.iter().flatten().any(|&(rtype, data)| there.is_refuted_by(rtype, data))
            {
                if !there.is_refuted {
                    conflict(there.series);
                }
                conflict(series);
            }
            *there = new;
        }
    }

    /// What is promised of copies of a response: that no probe waits for an objection.
    pub(crate) fn steady(&self, now: Time, steady: Steady) -> Option<Steady> {
        let Self { probes: _, last } = self;
        last.is_none_or(|last| now.since(last) > PENDING).then_some(steady)
    }

    /// Hears a response. Passes the series of each probe that it refutes to `conflict`.
    pub(crate) fn response(
        &mut self,
        view: &View<'_>,
        digest: &Digest,
        mut conflict: impl FnMut(Stem),
    ) {
        if self.last.is_none_or(|last| view.now.since(last) > PENDING) {
            return;
        }
        for record in digest.records.iter().filter(|record| record.ttl > 0) {
            let key = (record.name, view.is_v6());
            let Some(there) = self.probes.get(view.now, key) else { continue };
            if there.sender == view.sender
                || there.is_refuted
                || !there.is_refuted_by(record.rtype, record.data)
            {
                continue;
            }
            conflict(there.series);
            if let Some(there) = self.probes.get_mut(view.now, key) {
                there.is_refuted = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_as_large_as_is_said() {
        assert_eq!(Table::<(NameHash, bool), Contender, 128>::BYTES_MAX, 144 << 10);
    }
}
