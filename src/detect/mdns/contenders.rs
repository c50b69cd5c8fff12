//! Who probes for which name just now, with which records, and who objects.
//!
//! Comes in: probes and responses. Goes out: conflicts (RFC 6762 sections 8.1 and 8.2): another
//! device has the name with other data, or wants it at the same time with other data. Each probe
//! meets at most one, however many devices object.

use super::rename;
use crate::decode::mdns::{Digest, Record, Section};
use crate::detect::heard::Heard;
use crate::detect::memory::questions::Party;
use crate::detect::memory::table::Sets;
use crate::time::Time;
use std::time::Duration;

/// How long a probe waits for objections: 250 ms, or a second after a simultaneous one.
const PENDING: Duration = Duration::from_secs(1);
/// Records remembered of what is proposed for a name.
const PROPOSALS: usize = 4;

/// PTR (RFC 1035 section 3.2.2).
const PTR: u16 = 12;

/// One probe for one name.
#[derive(Clone, Debug)]
struct Contender {
    party: Party,
    /// The series of names that it belongs to.
    series: u64,
    /// Type and data of the records proposed.
    proposals: [Option<(u16, u64)>; PROPOSALS],
    /// Whether it met its conflict.
    is_refuted: bool,
}

impl Contender {
    fn proposes(&self, rtype: u16, data: u64) -> bool {
        self.proposals.contains(&Some((rtype, data)))
    }

    /// Whether a record of another device contradicts it: the same type with none of the data.
    fn is_refuted_by(&self, rtype: u16, data: u64) -> bool {
        let has_type = self.proposals.iter().flatten().any(|(proposed, _)| *proposed == rtype);
        has_type && !self.proposes(rtype, data)
    }
}

/// The probes of the last second.
#[derive(Debug)]
pub(crate) struct Contenders {
    /// By name and address family; 136 KiB at most.
    probes: Sets<Contender, 128>,
    /// When the last one was heard.
    last: Option<Time>,
}

impl Contenders {
    /// Nothing was heard yet.
    pub(crate) const fn new() -> Self {
        Self { probes: Sets::new(PENDING), last: None }
    }

    /// Hears a probe. Hands the series of each party to a conflict to `conflict`.
    pub(crate) fn probe(
        &mut self,
        heard: &Heard<'_>,
        digest: &Digest,
        mut conflict: impl FnMut(u64),
    ) {
        self.last = Some(heard.now);
        for probed in &digest.probed {
            let of_name = |record: &&Record| {
                record.section == Section::Authority && record.name == probed.name
            };
            // What a PTR record proposes is not its data: that is the name itself.
            let records = digest.records.iter().filter(of_name).filter(|r| r.rtype != PTR);
            let mut proposals = [None; PROPOSALS];
            for (place, record) in proposals.iter_mut().zip(records) {
                *place = Some((record.rtype, record.data));
            }
            let series = rename::key(heard.source, probed.stem);
            let new = Contender { party: heard.party, series, proposals, is_refuted: false };
            let place = self.probes.entry(heard.now, key(heard, probed.name), || new.clone());
            let there = place.value;
            if there.party != heard.party
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

    /// Hears a response. Hands the series of each probe that it refutes to `conflict`.
    pub(crate) fn response(
        &mut self,
        heard: &Heard<'_>,
        digest: &Digest,
        mut conflict: impl FnMut(u64),
    ) {
        if self.last.is_none_or(|last| heard.now.since(last) > PENDING) {
            return;
        }
        for record in digest.records.iter().filter(|record| record.ttl > 0) {
            let key = key(heard, record.name);
            let Some(there) = self.probes.get(heard.now, key) else { continue };
            if there.party == heard.party
                || there.is_refuted
                || !there.is_refuted_by(record.rtype, record.data)
            {
                continue;
            }
            conflict(there.series);
            if let Some(there) = self.probes.get_mut(heard.now, key) {
                there.is_refuted = true;
            }
        }
    }
}

/// A device probes over both address families, and is answered over each.
fn key(heard: &Heard<'_>, name: u64) -> u64 {
    let is_v6 = heard.observation.ip.is_some_and(|ip| ip.source.is_ipv6());
    name ^ u64::from(is_v6)
}
