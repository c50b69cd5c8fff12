//! Internet Group Management Protocol, versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376).
//! DVMRP, PIM version 1 and others that share its IP protocol number are kept by their type.

use super::membership::{Addresses, Message, Query, Records, code8, stated};
use super::octets::u8_at;
use super::{Parsed, Reason};
use std::net::IpAddr;
use std::time::Duration;

/// Reads a message, which ends where the IP packet does: queries of versions 2 and 3 differ by
/// their length.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    let (Some(kind), Some(code)) = (u8_at(bytes, 0), u8_at(bytes, 1)) else {
        return Parsed::failed(Reason::Truncated);
    };
    let group = Addresses::V4.at(bytes, 4);
    let message = match (kind, group) {
        (0x11, Some(group)) => Message::Query(query(bytes, code, group)),
        (0x12, Some(group)) => Message::Report { version: 1, group },
        (0x16, Some(group)) => Message::Report { version: 2, group },
        (0x17, Some(group)) => Message::Leave { group },
        (0x22, Some(_)) => return Records::parse(bytes, Addresses::V4),
        (0x11 | 0x12 | 0x16 | 0x17 | 0x22, None) => return Parsed::failed(Reason::Truncated),
        (other, _) => Message::Other(other),
    };
    let short_v3 = kind == 0x11 && matches!(bytes.len(), 9..12);
    Parsed { message: Some(message), flaw: short_v3.then_some(Reason::BadLength) }
}

fn query(bytes: &[u8], code: u8, group: IpAddr) -> Query {
    let stated = stated(bytes, 8);
    let (version, max_response) = match (stated, code) {
        (Some(_), code) => (3, code8(code)),
        // Version 1 has no such field: ten seconds (RFC 2236 section 4).
        (None, 0) => (1, 100),
        (None, code) => (2, u32::from(code)),
    };
    let (robustness, interval) = stated.unwrap_or_default();
    let max_response = Duration::from_millis(u64::from(max_response) * 100);
    Query { version, group, max_response, robustness, interval }
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
        let Parsed { message: Some(Message::Records(records)), flaw: None } = parse(&bytes) else {
            panic!("v3 report")
        };
        let groups: Vec<_> = records.iter().map(|r| (r.kind, r.group, r.is_leave())).collect();
        assert_eq!(
            groups,
            [(4, [224, 0, 0, 251].into(), false), (3, [239, 255, 255, 250].into(), false)]
        );
        let cut = parse(&bytes[..24]);
        assert_eq!(cut.flaw, Some(Reason::BadLength));
        let Some(Message::Records(records)) = cut.message else { panic!("cut") };
        assert_eq!(records.iter().count(), 1);
        let v2 = parse(&[0x16, 0, 0, 0, 239, 1, 2, 3]).message;
        let group = IpAddr::from([239, 1, 2, 3]);
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
