//! Group membership: what IGMP and MLD have in common. The two say the same in different octets.
//!
//! `igmp` and `mld` find the fields; one [`Message`] serves both families. It must not know message
//! types or where a family's fields are.

use super::octets::{after, array_at, u8_at, u16_at};
use super::{Parsed, Reason};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// An IGMP or MLD message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Who is in a group, or in any.
    Query(Query),
    /// "I am in this group": IGMP versions 1 and 2, MLD version 1.
    Report {
        /// The version of the protocol.
        version: u8,
        /// The group.
        group: IpAddr,
    },
    /// "I leave this group"; MLD calls it done.
    Leave {
        /// The group.
        group: IpAddr,
    },
    /// A report with group records: IGMP version 3, MLD version 2.
    Records(Records<'a>),
    /// Any other IGMP type. MLD has none: its types share a number space with the rest of
    /// `ICMPv6`.
    Other(u8),
}

/// A query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// 1, 2 or 3 of IGMP (RFC 3376 section 7.1), 1 or 2 of MLD (RFC 3810 section 8.1).
    pub version: u8,
    /// The group asked about; 0.0.0.0 or `::` in a general query.
    pub group: IpAddr,
    /// How long members may wait with their report.
    pub max_response: Duration,
    /// Querier's robustness variable: latest version only, 0 where it is not stated.
    pub robustness: u8,
    /// Querier's query interval: latest version only, zero where it is not stated.
    pub interval: Duration,
}

impl Query {
    /// Whether it asks about all groups.
    pub(crate) const fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }
}

/// The family whose addresses a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    /// IGMP's.
    V4,
    /// MLD's.
    V6,
}

impl Addresses {
    /// How many octets one has.
    const fn len(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// The address at `at`.
    pub(super) fn at(self, bytes: &[u8], at: usize) -> Option<IpAddr> {
        match self {
            Self::V4 => array_at::<4>(bytes, at).map(|octets| Ipv4Addr::from(octets).into()),
            Self::V6 => array_at::<16>(bytes, at).map(|octets| Ipv6Addr::from(octets).into()),
        }
    }
}

/// The group records of a report (RFC 3376 section 4.2, RFC 3810 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'a> {
    addresses: Addresses,
    claimed: u16,
    bytes: &'a [u8],
}

/// One group record of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// 1 is include, 2 exclude, 3 change to include, 4 change to exclude, 5 allow, 6 block.
    pub kind: u8,
    /// The group.
    pub group: IpAddr,
    /// How many sources it lists.
    pub sources: u16,
}

impl GroupRecord {
    /// Whether it says that its sender listens, to all or to some sources. A record that blocks
    /// sources (6) says nothing of those that are left.
    pub(crate) const fn is_member(&self) -> bool {
        match self.kind {
            1 | 3 | 5 => self.sources > 0,
            2 | 4 => true,
            _ => false,
        }
    }

    /// Whether it says that its sender no longer listens: include nothing.
    #[cfg(test)]
    pub(crate) const fn is_leave(&self) -> bool {
        matches!(self.kind, 1 | 3) && self.sources == 0
    }
}

impl<'a> Records<'a> {
    /// Reads a report with group records, its header of 8 octets included.
    pub(super) fn parse(bytes: &'a [u8], addresses: Addresses) -> Parsed<Message<'a>> {
        let Some(claimed) = u16_at(bytes, 6) else { return Parsed::failed(Reason::Truncated) };
        let records = Self { addresses, claimed, bytes: after(bytes, 8) };
        let is_short = records.iter().count() < usize::from(claimed);
        Parsed {
            message: Some(Message::Records(records)),
            flaw: is_short.then_some(Reason::BadLength),
        }
    }

    /// The records that are there, at most as many as the report claims.
    pub fn iter(&self) -> impl Iterator<Item = GroupRecord> + use<'a> {
        let Self { addresses, claimed, bytes: mut rest } = *self;
        (0..claimed).map_while(move |_| {
            let (record, len) = group_record(rest, addresses)?;
            rest = after(rest, len);
            Some(record)
        })
    }
}

fn group_record(bytes: &[u8], addresses: Addresses) -> Option<(GroupRecord, usize)> {
    let group = addresses.at(bytes, 4)?;
    let sources = u16_at(bytes, 2)?;
    let listed = (1 + usize::from(sources)) * addresses.len();
    let len = 4 + listed + usize::from(u8_at(bytes, 1)?) * 4;
    (len <= bytes.len()).then_some((GroupRecord { kind: bytes[0], group, sources }, len))
}

/// Robustness variable and interval of a querier, from the 4 octets that the latest version adds
/// to a query; `None` in older queries.
pub(super) fn stated(bytes: &[u8], at: usize) -> Option<(u8, Duration)> {
    let [flags, interval, _, _] = array_at(bytes, at)?;
    Some((flags & 7, Duration::from_secs(u64::from(code8(interval)))))
}

/// A code with a 3-bit exponent and 4-bit mantissa from 128 on (RFC 3376 section 4.1.1).
pub(super) fn code8(code: u8) -> u32 {
    let value = u32::from(code);
    if code < 128 { value } else { (value & 0x0f | 0x10) << ((value >> 4 & 7) + 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_a_member_of_one_who_leaves_or_of_neither() {
        let group = IpAddr::from([239, 1, 2, 3]);
        let says = |kind, sources| {
            let record = GroupRecord { kind, group, sources };
            (record.is_member(), record.is_leave())
        };
        for kind in [1, 3] {
            assert_eq!((says(kind, 0), says(kind, 1)), ((false, true), (true, false)), "{kind}");
        }
        for kind in [2, 4] {
            assert_eq!((says(kind, 0), says(kind, 1)), ((true, false), (true, false)), "{kind}");
        }
        assert_eq!((says(5, 0), says(5, 1)), ((false, false), (true, false)));
        assert_eq!((says(6, 1), says(7, 1)), ((false, false), (false, false)));
    }

    #[test]
    fn codes_are_numbers_up_to_127_and_floats_from_there() {
        assert_eq!([0, 127, 128, 0x8f, 0xff].map(code8), [0, 127, 128, 248, 31_744]);
    }
}
