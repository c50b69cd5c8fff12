//! Multicast Listener Discovery, versions 1 (RFC 2710) and 2 (RFC 3810): `ICMPv6` types 130, 131,
//! 132 and 143.

use super::membership::{Addresses, Message, Query, Records, stated};
use super::octets::{u8_at, u16_at};
use super::{Parsed, Reason};
use std::net::IpAddr;
use std::time::Duration;

/// A code with a 3-bit exponent and 12-bit mantissa from 32,768 on (RFC 3810 section 5.1.3).
fn code16(code: u16) -> u32 {
    let value = u32::from(code);
    if code < 0x8000 { value } else { (value & 0x0fff | 0x1000) << ((value >> 12 & 7) + 3) }
}

/// Reads a message, `ICMPv6` header included, which ends where the IP packet does.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    if bytes.first() == Some(&143) {
        return Records::parse(bytes, Addresses::V6);
    }
    let (Some(kind), Some(code), Some(group)) =
        (u8_at(bytes, 0), u16_at(bytes, 4), Addresses::V6.at(bytes, 8))
    else {
        return Parsed::failed(Reason::Truncated);
    };
    match kind {
        130 => Parsed {
            message: Some(Message::Query(query(bytes, code, group))),
            flaw: matches!(bytes.len(), 25..28).then_some(Reason::BadLength),
        },
        131 => Parsed::clean(Message::Report { version: 1, group }),
        132 => Parsed::clean(Message::Leave { group }),
        // The caller sends nothing else here.
        _ => Parsed { message: None, flaw: None },
    }
}

fn query(bytes: &[u8], code: u16, group: IpAddr) -> Query {
    let stated = stated(bytes, 24);
    let (version, max_response) = match stated {
        Some(_) => (2, code16(code)),
        None => (1, u32::from(code)),
    };
    let (robustness, interval) = stated.unwrap_or_default();
    let max_response = Duration::from_millis(u64::from(max_response));
    Query { version, group, max_response, robustness, interval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

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
        let group = IpAddr::from(GROUP);
        let report = Message::Report { version: 1, group };
        assert_eq!(parse(&message(131, 0, GROUP, &[])).message, Some(report));
        assert_eq!(parse(&message(132, 0, GROUP, &[])).message, Some(Message::Leave { group }));
        let mut bytes = vec![143, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0];
        bytes.extend(GROUP.octets());
        let Parsed { message: Some(Message::Records(records)), flaw: None } = parse(&bytes) else {
            panic!("v2 report")
        };
        let record = records.iter().next().expect("one");
        assert_eq!((record.group, record.is_leave()), (group, true));
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
