//! Who claims which address and which name on a segment: what two MACs claim names neither of them,
//! or an attacker would go by the name of whom it plays.
//!
//! In: claims with their senders. Out: who else made the same one in the last 10 min. What follows
//! for a device is its profile's. A device that is known by its IP address claims nothing here: its
//! name is said from two of them.
//!
//! At most 2,048 addresses and 2,048 names are remembered, 330 KB; of more those that were claimed
//! last.

use super::addresses::Certainty;
use crate::decode::Sender;
use crate::decode::mdns::{HashKey, NameHash};
use crate::detect::Table;
use crate::time::Time;
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::time::Duration;

/// A claim stands for this long.
const STANDS: Duration = Duration::from_mins(10);

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Subject {
    /// An address.
    Address(IpAddr),
    /// A name, by its hash: see [`Contest::name`].
    Name(NameHash),
}

/// Two devices claim the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Dispute {
    /// What.
    pub subject: Subject,
    /// The other device.
    pub rival: Sender,
    /// Whether it is not the claimant's any more.
    pub costs_claimant: bool,
    /// Whether it is not the rival's any more.
    pub costs_rival: bool,
}

#[derive(Clone, Copy, Debug)]
struct Claimant {
    sender: Sender,
    at: Time,
    certainty: Certainty,
}

/// The last two that claimed something, the later first.
type Claimants = [Option<Claimant>; 2];

/// All claims of a segment.
#[derive(Debug)]
pub(in crate::engine) struct Contest {
    state: RandomState,
    addresses: Table<IpAddr, Claimants, 256>,
    names: Table<NameHash, Claimants, 256>,
}

impl Contest {
    /// Nobody has claimed anything.
    pub(in crate::engine) fn new(key: HashKey) -> Self {
        Self {
            state: key.state(),
            addresses: Table::new(key, STANDS),
            names: Table::new(key, STANDS),
        }
    }

    /// A name without case and without the domain: `NAS`, `nas` and `nas.local.` are one.
    pub(super) fn name(&self, name: &str) -> NameHash {
        let name = name.trim_end_matches('.').as_bytes();
        let stem = match name.split_last_chunk::<6>() {
            Some((stem, domain)) if domain.eq_ignore_ascii_case(b".local") => stem,
            _ => name,
        };
        let mut hasher = self.state.build_hasher();
        for octet in stem {
            hasher.write_u8(octet.to_ascii_lowercase());
        }
        NameHash(hasher.finish())
    }

    /// `sender` claims `subject`. Returns whose it is too.
    pub(super) fn claim(
        &mut self,
        now: Time,
        subject: Subject,
        sender: Sender,
        certainty: Certainty,
    ) -> Option<Dispute> {
        let Sender::Mac(_) = sender else { return None };
        let claimants = match subject {
            Subject::Address(ip) => self.addresses.entry(now, ip, || [None; 2]).value,
            Subject::Name(name) => self.names.entry(now, name, || [None; 2]).value,
        };
        let is_first = claimants[0].is_none_or(|claimant| claimant.sender == sender);
        if !is_first {
            claimants[1] = claimants[0];
        }
        claimants[0] = Some(Claimant { sender, at: now, certainty });
        let rival = claimants[1].filter(|rival| now.since(rival.at) <= STANDS)?;
        Some(Dispute {
            subject,
            rival: rival.sender,
            costs_claimant: rival.certainty >= certainty,
            costs_rival: certainty >= rival.certainty,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn contest() -> Contest {
        Contest::new(HashKey([1, 2, 3, 4]))
    }

    fn host(n: u8) -> Sender {
        Sender::Mac(Mac([0, 0, 0, 0, 0, n]))
    }

    fn at(minutes: u64) -> Time {
        Time(1 + minutes * 60_000_000_000)
    }

    fn subject(last: u8) -> Subject {
        Subject::Address([10, 0, 0, last].into())
    }

    #[test]
    fn two_that_claim_one_thing_within_ten_minutes_dispute_it() {
        let mut contest = contest();
        let mut claim = |minute, n| {
            let dispute = contest.claim(at(minute), subject(1), host(n), Certainty::Sure);
            dispute.map(|dispute| dispute.rival)
        };
        assert_eq!(claim(0, 1), None);
        assert_eq!(claim(1, 1), None);
        assert_eq!(claim(2, 2), Some(host(1)));
        assert_eq!(claim(3, 2), Some(host(1)), "still");
        assert_eq!(claim(12, 2), None, "the lease has moved");
        assert_eq!(claim(13, 1), Some(host(2)));
    }

    #[test]
    fn what_is_sure_is_not_lost_to_what_is_likely() {
        let mut contest = contest();
        let mut costs = |n, certainty| {
            let dispute = contest.claim(at(0), subject(1), host(n), certainty)?;
            Some((dispute.costs_claimant, dispute.costs_rival))
        };
        assert_eq!(costs(1, Certainty::Sure), None);
        assert_eq!(costs(2, Certainty::Likely), Some((true, false)));
        assert_eq!(costs(1, Certainty::Sure), Some((false, true)));
    }

    #[test]
    fn a_name_is_one_in_every_protocol() {
        let contest = contest();
        let name = contest.name("NAS");
        for same in ["nas", "nas.local", "Nas.LOCAL."] {
            assert_eq!(contest.name(same), name, "{same}");
        }
        assert_ne!(contest.name("nas-2.local"), name);
    }

    #[test]
    fn who_is_known_by_its_address_claims_nothing() {
        let mut contest = contest();
        for last in [1, 2] {
            let sender = Sender::Ip([10, 0, 0, last].into());
            let name = contest.name("nas");
            assert_eq!(contest.claim(at(0), Subject::Name(name), sender, Certainty::Sure), None);
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let mut contest = contest();
        for n in 0..20_000_u64 {
            let [.., a, b, c] = n.to_be_bytes();
            let address = Subject::Address([10, a, b, c].into());
            contest.claim(at(0), address, host(1), Certainty::Sure);
            let name = contest.name(&n.to_string());
            contest.claim(at(0), Subject::Name(name), host(1), Certainty::Sure);
        }
        assert_eq!((contest.addresses.capacity(), contest.names.capacity()), (2_048, 2_048));
        let bytes = 2 * 2_048 * (size_of::<Claimants>() + 24);
        assert!(bytes <= 512 << 10, "{bytes}");
    }
}
