//! Multicast Listener Discovery, versions 1 (RFC 2710) and 2 (RFC 3810): `ICMPv6` types 130, 131,
//! 132 and 143.

use super::octets::{after, array_at, u8_at, u16_at};
use super::{Parsed, Reason, igmp};
use std::net::Ipv6Addr;
use std::time::Duration;

/// An MLD message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Who listens to a group, or to any (type 130).
    Query(Query),
    /// "I listen to this group" of version 1 (type 131).
    Report {
        /// The group.
        group: Ipv6Addr,
    },
    /// "I no longer listen to this group" (type 132).
    Done {
        /// The group.
        group: Ipv6Addr,
    },
    /// A report of version 2 (type 143).
    ReportV2(Records<'a>),
}

/// A listener query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// 1 or 2, by RFC 3810 section 8.1.
    pub version: u8,
    /// The group asked about; `::` in a general query.
    pub group: Ipv6Addr,
    /// How long listeners may wait with their report.
    pub max_response: Duration,
    /// Querier's robustness variable: version 2 only, 0 where it is not said.
    pub robustness: u8,
    /// Querier's query interval: version 2 only, zero where it is not said.
    pub interval: Duration,
}

impl Query {
    /// Whether it asks about all groups.
    #[must_use]
    pub const fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }
}

/// The address records of a version 2 report (RFC 3810 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'a> {
    claimed: u16,
    bytes: &'a [u8],
}

/// One address record of a version 2 report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// 1 is include, 2 exclude, 3 change to include, 4 change to exclude, 5 allow, 6 block.
    pub kind: u8,
    /// The group.
    pub group: Ipv6Addr,
    /// How many sources it lists.
    pub sources: u16,
}

impl GroupRecord {
    /// Whether it says that the sender no longer listens: include nothing.
    #[must_use]
    pub const fn is_leave(&self) -> bool {
        matches!(self.kind, 1 | 3) && self.sources == 0
    }
}

impl<'a> Records<'a> {
    /// The records that are there, at most as many as the report claims.
    pub fn iter(&self) -> impl Iterator<Item = GroupRecord> + use<'a> {
        let mut rest = self.bytes;
        (0..self.claimed).map_while(move |_| {
            let (record, len) = group_record(rest)?;
            rest = after(rest, len);
            Some(record)
        })
    }
}

fn group_record(bytes: &[u8]) -> Option<(GroupRecord, usize)> {
    let group = Ipv6Addr::from(array_at::<16>(bytes, 4)?);
    let sources = u16_at(bytes, 2)?;
    let len = 20 + usize::from(sources) * 16 + usize::from(u8_at(bytes, 1)?) * 4;
    (len <= bytes.len()).then_some((GroupRecord { kind: bytes[0], group, sources }, len))
}

/// A code with a 3-bit exponent and 12-bit mantissa from 32,768 on (RFC 3810 section 5.1.3).
fn code16(code: u16) -> u32 {
    let value = u32::from(code);
    if code < 0x8000 { value } else { (value & 0x0fff | 0x1000) << ((value >> 12 & 7) + 3) }
}

/// Reads a message, `ICMPv6` header included, which ends where the IP packet does.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    if bytes.first() == Some(&143) {
        let Some(claimed) = u16_at(bytes, 6) else {
            return Parsed::failed(Reason::Truncated);
        };
        let records = Records { claimed, bytes: after(bytes, 8) };
        let short = records.iter().count() < usize::from(claimed);
        return Parsed {
            message: Some(Message::ReportV2(records)),
            flaw: short.then_some(Reason::BadLength),
        };
    }
    let (Some(kind), Some(code), Some(group)) =
        (u8_at(bytes, 0), u16_at(bytes, 4), array_at::<16>(bytes, 8).map(Ipv6Addr::from))
    else {
        return Parsed::failed(Reason::Truncated);
    };
    match kind {
        130 => Parsed {
            message: Some(Message::Query(query(bytes, code, group))),
            flaw: matches!(bytes.len(), 25..28).then_some(Reason::BadLength),
        },
        131 => Parsed::clean(Message::Report { group }),
        132 => Parsed::clean(Message::Done { group }),
        // The caller sends nothing else here.
        _ => Parsed { message: None, flaw: None },
    }
}

fn query(bytes: &[u8], code: u16, group: Ipv6Addr) -> Query {
    let millis = |millis: u32| Duration::from_millis(u64::from(millis));
    match (u8_at(bytes, 24), u8_at(bytes, 25)) {
        (Some(flags), Some(interval)) if bytes.len() >= 28 => Query {
            version: 2,
            group,
            max_response: millis(code16(code)),
            robustness: flags & 7,
            interval: Duration::from_secs(u64::from(igmp::code8(interval))),
        },
        _ => Query {
            version: 1,
            group,
            max_response: millis(u32::from(code)),
            robustness: 0,
            interval: Duration::ZERO,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

    fn message(kind: u8, code: u16, group: Ipv6Addr, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(code.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(group.octets());
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn queries_of_each_version() {
        let bytes = message(130, 10_000, Ipv6Addr::UNSPECIFIED, &[]);
        let Some(Message::Query(v1)) = parse(&bytes).message else { panic!("v1") };
        assert_eq!((v1.version, v1.is_general(), v1.max_response.as_secs()), (1, true, 10));
        let bytes = message(130, 0x8001, GROUP, &[3, 0x88, 0, 0]);
        let Some(Message::Query(v2)) = parse(&bytes).message else { panic!("v2") };
        assert_eq!((v2.version, v2.is_general(), v2.robustness), (2, false, 3));
        assert_eq!(v2.max_response.as_millis(), 0x1001 << 3);
        assert_eq!(v2.interval.as_secs(), 0x18 << 3);
    }

    #[test]
    fn reports_name_their_groups() {
        let group = GROUP;
        assert_eq!(parse(&message(131, 0, GROUP, &[])).message, Some(Message::Report { group }));
        assert_eq!(parse(&message(132, 0, GROUP, &[])).message, Some(Message::Done { group }));
        let mut bytes = vec![143, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0];
        bytes.extend(GROUP.octets());
        let Parsed { message: Some(Message::ReportV2(records)), flaw: None } = parse(&bytes) else {
            panic!("v2 report")
        };
        let record = records.iter().next().expect("one");
        assert_eq!((record.group, record.is_leave()), (GROUP, true));
        bytes[7] = 2;
        assert_eq!(parse(&bytes).flaw, Some(Reason::BadLength));
    }

    #[test]
    fn every_cut_is_truncated() {
        let bytes = message(131, 0, GROUP, &[]);
        for len in 0..bytes.len() {
            assert_eq!(parse(&bytes[..len]), Parsed::failed(Reason::Truncated), "{len}");
        }
    }
}
