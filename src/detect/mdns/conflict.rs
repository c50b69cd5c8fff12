//! Names that two devices claim.
//!
//! Compares the unique records of multicast responses.
//! [`Cause::NameConflict`] is on the frames of both claimants, from the second change of hands on.
//!
//! What is compared is all data that one message gives a name and type (RFC 6762 section 10.2).
//! Two devices agree if either says no more than the other: a reflector may drop an address.

use crate::decode::mdns::{
    DataHash, HashKey, NameHash, PayloadHash, RClass, RType, Record, Section,
};
use crate::detect::cause::Cause;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Mdns, View};
use crate::time::Time;
use std::time::Duration;

/// Claims are remembered for this long: as long as the records of a host live (RFC 6762
/// section 10).
const MEMORY: Duration = Duration::from_mins(2);
/// Both must claim the name within this time, or it is no longer a conflict.
const BOTH_WITHIN: Duration = Duration::from_secs(10);
/// From this many changes of hands on it is a conflict.
const CHANGES: u8 = 2;
/// For so long the same message again says nothing new.
const AGAIN: Duration = Duration::from_secs(1);
/// Data kept of a set of records, in order; anything more is not compared.
const DATA: usize = 4;
/// Sets of records claimed in a message that are looked at.
const CLAIMS: usize = 32;
/// Sets of claimed names and types: at most 2,048, 352 KiB.
const NAME_SETS: usize = 256;

/// All data that a message gives a name and type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ClaimedData {
    hashes: [DataHash; DATA],
    count: usize,
}

impl ClaimedData {
    fn add(&mut self, hash: DataHash) {
        if self.count < DATA && !self.hashes[..self.count].contains(&hash) {
            self.hashes[self.count] = hash;
            self.count += 1;
        }
    }

    /// Whether one of them says no more than the other.
    fn agrees_with(&self, other: &Self) -> bool {
        let (few, many) = if self.count <= other.count { (self, other) } else { (other, self) };
        few.hashes[..few.count].iter().all(|hash| many.hashes[..many.count].contains(hash))
    }
}

/// Who said what, and when last.
#[derive(Clone, Copy, Debug)]
struct SetClaim {
    sender: SenderKey,
    data: ClaimedData,
    at: Time,
}

/// A name and type.
#[derive(Clone, Copy, Debug)]
struct ClaimedSet {
    holder: SetClaim,
    /// Who held it before, and said something else.
    rival: Option<SetClaim>,
    changes: u8,
}

/// What is claimed: the records of one name, type and class.
type SetKey = (NameHash, RType, RClass);

/// Names that two devices claim. At most 352 KiB.
#[derive(Debug)]
pub(crate) struct Conflict {
    names: Table<SetKey, ClaimedSet, NAME_SETS>,
    /// The last message, and whether it was part of a conflict: the same message again changes
    /// nothing.
    last: Option<(SenderKey, PayloadHash, Time, bool)>,
}

impl Conflict {
    pub(crate) fn new(key: HashKey) -> Self {
        Self { names: Table::new(key, MEMORY), last: None }
    }

    /// Hears one frame of a device that is no relay.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else { return };
        if view.observation.sender.is_none() {
            return;
        }
        let (now, sender) = (view.now, view.sender);
        let again = self.last.filter(|&(last, payload, at, _)| {
            last == sender && payload == mdns.payload && now.since(at) < AGAIN
        });
        let is_marked = if let Some((.., is_marked)) = again {
            is_marked
        } else {
            let mut is_marked = false;
            each_claim(&mdns.digest.records, |name, data| {
                is_marked |= self.claim(name, SetClaim { sender, data, at: now });
            });
            self.last = Some((sender, mdns.payload, now, is_marked));
            is_marked
        };
        if is_marked {
            findings.matched(Cause::NameConflict);
        }
    }

    /// What is promised of copies of the frame that was just heard: for a second nothing is looked
    /// up for them.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { names, last } = self;
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else {
            return Some(steady);
        };
        if !steady.is_alone() {
            // Names that nobody else claims.
            let mut are_own = true;
            each_claim(&mdns.digest.records, |name, _| {
                are_own &= names
                    .get(view.now, name)
                    .is_some_and(|name| name.holder.sender == view.sender && name.rival.is_none());
            });
            return are_own.then_some(steady);
        }
        let (sender, payload, at, _) = (*last)?;
        let is_same = sender == view.sender && payload == mdns.payload;
        is_same.then(|| steady.while_under(view.now, at, AGAIN))
    }

    /// A copy of the frame was the last claim, and part of no conflict.
    pub(crate) fn remember(&mut self, view: &View<'_>, at: Time) {
        if let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) {
            self.last = Some((view.sender, mdns.payload, at, false));
        }
    }

    /// Hears one claim: whether it is one side of a conflict.
    fn claim(&mut self, name: SetKey, claim: SetClaim) -> bool {
        let now = claim.at;
        let make = || ClaimedSet { holder: claim, rival: None, changes: 0 };
        let name = self.names.entry(now, name, make).value;
        if name.holder.sender.may_be(claim.sender) {
            name.holder = claim;
        } else if !name.holder.data.agrees_with(&claim.data) {
            let is_over = now.since(name.holder.at) > MEMORY;
            name.changes = if is_over { 1 } else { name.changes.saturating_add(1) };
            name.rival = Some(std::mem::replace(&mut name.holder, claim));
        } else {
            // Says the same as the holder.
            return false;
        }
        name.changes >= CHANGES
            && name.rival.is_some_and(|rival| {
                !rival.data.agrees_with(&claim.data) && now.since(rival.at) <= BOTH_WITHIN
            })
    }
}

/// Hands every name and type to `claim`, with all unique data that the message gives
/// it. Records of one name and type stand together.
fn each_claim(records: &[Record], mut claim: impl FnMut(SetKey, ClaimedData)) {
    let unique = |record: &&Record| {
        record.is_unique()
            && record.ttl > 0
            // NSEC says what there is not: two devices may know that of one name.
            && !matches!(record.rtype, RType::NSEC | RType::OPT)
            && matches!(record.section, Section::Answer | Section::Additional)
    };
    let mut records = records.iter().filter(unique).peekable();
    for _ in 0..CLAIMS {
        let Some(first) = records.next() else { return };
        let mut data = ClaimedData::default();
        data.add(first.data);
        let is_same = |record: &&Record| {
            (record.name, record.rtype, record.class) == (first.name, first.rtype, first.class)
        };
        while let Some(same) = records.next_if(is_same) {
            data.add(same.data);
        }
        claim((first.name, first.rtype, first.class), data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(hashes: &[u64]) -> ClaimedData {
        let mut data = ClaimedData::default();
        for hash in hashes {
            data.add(DataHash(*hash));
        }
        data
    }

    /// Which of these claims of one name, a second apart, are in a conflict.
    fn marked(claims: &[(u64, &[u64])]) -> Vec<bool> {
        let mut conflict = Conflict::new(HashKey([1, 2, 3, 4]));
        let claim = |(n, (sender, hashes)): (usize, &(u64, &[u64]))| {
            let at = Time(n as u64 * 1_000_000_000);
            let sender = SenderKey::new(None, sender << 2);
            conflict.claim(
                (NameHash(7), RType::A, RClass::IN),
                SetClaim { sender, data: data(hashes), at },
            )
        };
        claims.iter().enumerate().map(claim).collect()
    }

    #[test]
    fn a_conflict_goes_there_and_back() {
        let (a, b, c): (&[u64], &[u64], &[u64]) = (&[1], &[2], &[3]);
        assert_eq!(marked(&[(1, a), (2, b), (1, a), (2, b)]), [false, false, true, true]);
        assert_eq!(marked(&[(1, a), (2, b), (1, a), (1, a)]), [false, false, true, true]);
        assert_eq!(marked(&[(1, a), (2, b), (3, c)]), [false, false, true]);
        // A device whose address changes, one that takes another's place, a reflector.
        assert_eq!(marked(&[(1, a), (1, b), (1, a), (1, b)]), [false; 4]);
        assert_eq!(marked(&[(1, a), (2, b), (2, b), (2, b)]), [false; 4]);
        assert_eq!(marked(&[(1, a), (2, a), (1, a), (2, a)]), [false; 4]);
    }

    #[test]
    fn who_says_less_does_not_contradict() {
        let (both, one, other): (&[u64], &[u64], &[u64]) = (&[1, 9], &[9], &[2, 9]);
        assert_eq!(marked(&[(1, both), (2, one), (1, both), (2, one)]), [false; 4]);
        assert_eq!(marked(&[(1, both), (2, other), (1, both)]), [false, false, true]);
    }

    proptest! {
        #[test]
        fn order_does_not_matter(hashes in prop::collection::vec(1_u64..9, 1..DATA)) {
            let reversed: Vec<u64> = hashes.iter().rev().copied().collect();
            let (one, other) = (data(&hashes), data(&reversed));
            prop_assert!(one.agrees_with(&other) && other.agrees_with(&one));
            let mut apart = data(&[]);
            for hash in &hashes {
                apart.add(DataHash(hash + 10));
            }
            prop_assert!(!one.agrees_with(&apart));
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, ClaimedSet)>>();
        assert!(NAME_SETS * 8 * each <= 352 << 10, "{each}");
    }
}
