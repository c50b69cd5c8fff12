//! Internet Group Management Protocol, versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376).
//! DVMRP, PIM version 1 and others that share its IP protocol number are kept by their type.

use super::octets::{after, array_at, u8_at, u16_at};
use super::{Parsed, Reason};
use std::net::Ipv4Addr;
use std::time::Duration;

/// An IGMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Who is in a group, or in any (type 0x11).
    Query(Query),
    /// "I am in this group", versions 1 (type 0x12) and 2 (0x16).
    Report {
        /// 1 or 2.
        version: u8,
        /// The group.
        group: Ipv4Addr,
    },
    /// "I leave this group" (type 0x17).
    Leave {
        /// The group.
        group: Ipv4Addr,
    },
    /// A report of version 3 (type 0x22).
    ReportV3(Records<'a>),
    /// Any other type.
    Other(u8),
}

/// A membership query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// 1, 2 or 3, by RFC 3376 section 7.1.
    pub version: u8,
    /// The group asked about; 0.0.0.0 in a general query.
    pub group: Ipv4Addr,
    /// How long members may wait with their report.
    pub max_response: Duration,
    /// Querier's robustness variable: version 3 only, 0 where it is not said.
    pub robustness: u8,
    /// Querier's query interval: version 3 only, zero where it is not said.
    pub interval: Duration,
}

impl Query {
    /// Whether it asks about all groups.
    #[must_use]
    pub const fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }
}

/// The group records of a version 3 report (RFC 3376 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'a> {
    claimed: u16,
    bytes: &'a [u8],
}

/// One group record of a version 3 report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// 1 is include, 2 exclude, 3 change to include, 4 change to exclude, 5 allow, 6 block.
    pub kind: u8,
    /// The group.
    pub group: Ipv4Addr,
    /// How many sources it lists.
    pub sources: u16,
}

impl GroupRecord {
    /// Whether it says that the sender is no longer in the group: include nothing.
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
    let group = Ipv4Addr::from(array_at::<4>(bytes, 4)?);
    let sources = u16_at(bytes, 2)?;
    let len = 8 + usize::from(sources) * 4 + usize::from(u8_at(bytes, 1)?) * 4;
    (len <= bytes.len()).then_some((GroupRecord { kind: bytes[0], group, sources }, len))
}

/// A code with a 3-bit exponent and 4-bit mantissa from 128 on (RFC 3376 section 4.1.1).
pub(super) fn code8(code: u8) -> u32 {
    let value = u32::from(code);
    if code < 128 { value } else { (value & 0x0f | 0x10) << ((value >> 4 & 7) + 3) }
}

/// Reads a message, which ends where the IP packet does: queries of versions 2 and 3 differ by
/// their length.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    let (Some(kind), Some(code)) = (u8_at(bytes, 0), u8_at(bytes, 1)) else {
        return Parsed::failed(Reason::Truncated);
    };
    let group = array_at::<4>(bytes, 4).map(Ipv4Addr::from);
    let message = match (kind, group) {
        (0x11, Some(group)) => Message::Query(query(bytes, code, group)),
        (0x12, Some(group)) => Message::Report { version: 1, group },
        (0x16, Some(group)) => Message::Report { version: 2, group },
        (0x17, Some(group)) => Message::Leave { group },
        (0x22, Some(_)) => {
            let claimed = u16_at(bytes, 6).unwrap_or(0);
            let records = Records { claimed, bytes: after(bytes, 8) };
            let short = records.iter().count() < usize::from(claimed);
            return Parsed {
                message: Some(Message::ReportV3(records)),
                flaw: short.then_some(Reason::BadLength),
            };
        }
        (0x11 | 0x12 | 0x16 | 0x17 | 0x22, None) => return Parsed::failed(Reason::Truncated),
        (other, _) => Message::Other(other),
    };
    let short_v3 = kind == 0x11 && matches!(bytes.len(), 9..12);
    Parsed { message: Some(message), flaw: short_v3.then_some(Reason::BadLength) }
}

fn query(bytes: &[u8], code: u8, group: Ipv4Addr) -> Query {
    let tenths = |tenths: u32| Duration::from_millis(u64::from(tenths) * 100);
    match (u8_at(bytes, 8), u8_at(bytes, 9)) {
        (Some(flags), Some(interval)) if bytes.len() >= 12 => Query {
            version: 3,
            group,
            max_response: tenths(code8(code)),
            robustness: flags & 7,
            interval: Duration::from_secs(u64::from(code8(interval))),
        },
        _ => Query {
            version: if code == 0 { 1 } else { 2 },
            group,
            // Version 1 has no such field: ten seconds (RFC 2236 section 4).
            max_response: tenths(if code == 0 { 100 } else { u32::from(code) }),
            robustness: 0,
            interval: Duration::ZERO,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_each_version() {
        let Some(Message::Query(v1)) = parse(&[0x11, 0, 0, 0, 0, 0, 0, 0]).message else {
            panic!("v1")
        };
        assert_eq!((v1.version, v1.is_general(), v1.max_response.as_secs()), (1, true, 10));
        let Some(Message::Query(v2)) = parse(&[0x11, 10, 0, 0, 224, 0, 0, 251]).message else {
            panic!("v2")
        };
        assert_eq!((v2.version, v2.is_general(), v2.max_response.as_secs()), (2, false, 1));
        let bytes = [0x11, 0x8f, 0, 0, 0, 0, 0, 0, 0x0a, 125, 0, 0];
        let Some(Message::Query(v3)) = parse(&bytes).message else { panic!("v3") };
        assert_eq!((v3.version, v3.robustness, v3.interval.as_secs()), (3, 2, 125));
        assert_eq!(v3.max_response, Duration::from_millis(24_800), "0x1f << 3 tenths");
    }

    #[test]
    fn reports_name_their_groups() {
        let bytes = [
            0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 224, 0, 0, 251, 3, 0, 0, 1, 239, 255, 255, 250,
            1, 2, 3, 4,
        ];
        let Parsed { message: Some(Message::ReportV3(records)), flaw: None } = parse(&bytes) else {
            panic!("v3 report")
        };
        let groups: Vec<_> = records.iter().map(|r| (r.kind, r.group, r.is_leave())).collect();
        assert_eq!(
            groups,
            [
                (4, Ipv4Addr::new(224, 0, 0, 251), false),
                (3, Ipv4Addr::new(239, 255, 255, 250), false)
            ]
        );
        let cut = parse(&bytes[..24]);
        assert_eq!(cut.flaw, Some(Reason::BadLength));
        let Some(Message::ReportV3(records)) = cut.message else { panic!("cut") };
        assert_eq!(records.iter().count(), 1);
        let v2 = parse(&[0x16, 0, 0, 0, 239, 1, 2, 3]).message;
        let group = Ipv4Addr::new(239, 1, 2, 3);
        assert_eq!(v2, Some(Message::Report { version: 2, group }));
        assert_eq!(parse(&[0x17, 0, 0, 0, 239, 1, 2, 3]).message, Some(Message::Leave { group }));
    }

    #[test]
    fn unknown_types_are_kept_and_cuts_said() {
        assert_eq!(parse(&[0x13, 1]), Parsed::clean(Message::Other(0x13)));
        for len in 0..8 {
            let bytes = &[0x16, 0, 0, 0, 239, 1, 2, 3][..len];
            assert_eq!(parse(bytes), Parsed::failed(Reason::Truncated), "{len}");
        }
    }
}
