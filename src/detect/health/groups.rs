//! Which groups have members, according to the reports that are heard: IGMP and MLD.
//!
//! A group counts for 260 s after its last membership report, the group membership interval of the
//! defaults (RFC 3376 section 8.4). A leave speaks for one member, and others may stay without a
//! word: only silence ends a group. Of a file all groups count that were ever reported.

use super::horizon::Horizon;
use super::queriers::AddressFamily;
use crate::decode::Message;
use crate::decode::mdns::HashKey;
use crate::decode::membership::{self, GroupRecord};
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::View;
use crate::time::Time;
use std::net::IpAddr;
use std::time::Duration;

/// A group is believed to have members for this long after the last report.
const MEMBERSHIP: Duration = Duration::from_secs(260);

/// The groups of a segment.
#[derive(Debug)]
pub(crate) struct Groups {
    /// By group: 4,096 of each address family, in 96 KiB each at most.
    families: [Table<IpAddr, (), 512>; 2],
}

impl Groups {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey, horizon: Horizon) -> Self {
        let table = || Table::new(key, horizon.lifetime(MEMBERSHIP));
        Self { families: [table(), table()] }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>) {
        let (Message::Igmp(message) | Message::Mld(message)) = &view.observation.message else {
            return;
        };
        match message {
            membership::Message::Report { group, .. } => self.report(view.now, *group),
            membership::Message::Records(records) => {
                for record in records.iter().filter(GroupRecord::is_member) {
                    self.report(view.now, record.group);
                }
            }
            membership::Message::Query(_)
            | membership::Message::Leave { .. }
            | membership::Message::Other(_) => {}
        }
    }

    /// What is promised of copies of the frame that was just heard: its groups are remembered.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let holds = |group: IpAddr| {
            let family = &self.families[AddressFamily::of(group) as usize];
            !group.is_multicast() || family.holds(view.now, group)
        };
        let (Message::Igmp(message) | Message::Mld(message)) = &view.observation.message else {
            return Some(steady);
        };
        let is_held = match message {
            membership::Message::Report { group, .. } => holds(*group),
            membership::Message::Records(records) => {
                records.iter().filter(GroupRecord::is_member).all(|record| holds(record.group))
            }
            membership::Message::Query(_)
            | membership::Message::Leave { .. }
            | membership::Message::Other(_) => true,
        };
        is_held.then_some(steady)
    }

    /// Groups of `family` with a report in the last 260 s, or ever in a file.
    pub(crate) fn count(&self, now: Time, family: AddressFamily) -> u64 {
        self.families[family as usize].values(now).count() as u64
    }

    fn report(&mut self, now: Time, group: IpAddr) {
        if group.is_multicast() {
            self.families[AddressFamily::of(group) as usize].entry(now, group, || ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn memory_has_a_bound() {
        let mut groups = Groups::new(HashKey([1, 2, 3, 4]), Horizon::Now);
        for n in 0..100_000_u32 {
            let [a, b, c, d] = n.to_be_bytes();
            groups.report(Time(u64::from(n)), [239, b, c, d].into());
            let low = u128::from(u32::from_be_bytes([a, b, c, d]));
            groups.report(Time(u64::from(n)), Ipv6Addr::from_bits(0xff02 << 112 | low).into());
        }
        for family in AddressFamily::ALL {
            assert_eq!(groups.families[family as usize].capacity(), 4_096);
            assert_eq!(groups.count(Time(100_000), family), 4_096);
        }
    }
}
