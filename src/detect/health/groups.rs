//! Which groups have members, as far as their reports come by: IGMP and MLD.
//!
//! Comes in: membership reports. Goes out: how many groups had one in the last 260 s, the group
//! membership interval of the defaults (RFC 3376 section 8.4). A leave speaks for one member, and
//! others may stay without a word: only silence ends a group.

use super::queriers::Family;
use crate::decode::mdns::HashKey;
use crate::decode::{Message, igmp, mld};
use crate::detect::memory::table::Table;
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
    pub(crate) fn new(key: HashKey) -> Self {
        Self { families: [Table::new(key, MEMBERSHIP), Table::new(key, MEMBERSHIP)] }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>) {
        match &view.observation.message {
            Message::Igmp(message) => self.of_igmp(view.now, message),
            Message::Mld(message) => self.of_mld(view.now, message),
            Message::None
            | Message::Mdns(_)
            | Message::Ssdp(_)
            | Message::Llmnr(_)
            | Message::Wsd(_)
            | Message::Nd(_)
            | Message::Arp(_)
            | Message::Dhcp(_)
            | Message::Dhcpv6(_)
            | Message::Netbios(_) => {}
        }
    }

    /// Groups of `family` with a report in the last 260 s.
    pub(crate) fn count(&self, now: Time, family: Family) -> u64 {
        self.families[family as usize].values(now).count() as u64
    }

    fn of_igmp(&mut self, now: Time, message: &igmp::Message<'_>) {
        match message {
            igmp::Message::Report { group, .. } => self.report(now, (*group).into()),
            igmp::Message::ReportV3(records) => {
                for record in records.iter().filter(|r| is_member(r.kind, r.sources)) {
                    self.report(now, record.group.into());
                }
            }
            igmp::Message::Query(_) | igmp::Message::Leave { .. } | igmp::Message::Other(_) => {}
        }
    }

    fn of_mld(&mut self, now: Time, message: &mld::Message<'_>) {
        match message {
            mld::Message::Report { group } => self.report(now, (*group).into()),
            mld::Message::ReportV2(records) => {
                for record in records.iter().filter(|r| is_member(r.kind, r.sources)) {
                    self.report(now, record.group.into());
                }
            }
            mld::Message::Query(_) | mld::Message::Done { .. } => {}
        }
    }

    fn report(&mut self, now: Time, group: IpAddr) {
        if group.is_multicast() {
            let family = if group.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
            self.families[family as usize].entry(now, group, || ());
        }
    }
}

/// Whether a group record says that its sender listens, to all or to some sources. What blocks
/// sources (6) says nothing of those that are left.
const fn is_member(kind: u8, sources: u16) -> bool {
    match kind {
        1 | 3 | 5 => sources > 0,
        2 | 4 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn memory_has_a_bound() {
        let mut groups = Groups::new(HashKey([1, 2, 3, 4]));
        for n in 0..100_000_u32 {
            let [a, b, c, d] = n.to_be_bytes();
            groups.report(Time(u64::from(n)), [239, b, c, d].into());
            let low = u128::from(u32::from_be_bytes([a, b, c, d]));
            groups.report(Time(u64::from(n)), Ipv6Addr::from_bits(0xff02 << 112 | low).into());
        }
        for family in Family::ALL {
            assert_eq!(groups.families[family as usize].capacity(), 4_096);
            assert_eq!(groups.count(Time(100_000), family), 4_096);
        }
    }
}
