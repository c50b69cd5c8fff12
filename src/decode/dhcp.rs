//! DHCP (RFC 2131) over UDP ports 67 and 68, and `DHCPv6` (RFC 8415) over 546 and 547: what tells
//! who a client is.

use super::octets::{after, array_at, u8_at, u16_at, u32_at, up_to};
use super::{Parsed, Reason};
use crate::mac::Mac;
use std::net::Ipv4Addr;

/// A DHCP or BOOTP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// 1 from a client, 2 from a server; others are kept.
    pub op: u8,
    /// Transaction id.
    pub transaction: u32,
    /// The client's hardware address, where it is a MAC.
    pub client: Option<Mac>,
    /// The address that the client has, 0.0.0.0 if none.
    pub client_ip: Ipv4Addr,
    /// The address that the server gives, 0.0.0.0 if none.
    pub your_ip: Ipv4Addr,
    /// The relay that passed it on, 0.0.0.0 if none (RFC 1542 section 4).
    pub relay: Ipv4Addr,
    /// DHCP message type (option 53): 1 discover, 3 request...; `None` in BOOTP.
    pub kind: Option<u8>,
    /// The address that the client wants (option 50).
    pub requested: Option<Ipv4Addr>,
    /// The server that it is from, or that a client has heard and means (option 54).
    pub server: Option<Ipv4Addr>,
    /// Host name (option 12), as the client sent it.
    pub host_name: Option<&'a [u8]>,
    /// Vendor class (option 60).
    pub vendor_class: Option<&'a [u8]>,
}

/// A `DHCPv6` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageV6<'a> {
    /// 1 solicit, 3 request, 11 information request...; others are kept.
    pub kind: u8,
    /// Transaction id of 24 bits; 0 in what relays send, which have none.
    pub transaction: u32,
    /// The client's DUID (option 1).
    pub client: Option<&'a [u8]>,
    /// The data of the client's FQDN option (39), from its flags on.
    pub fqdn: Option<&'a [u8]>,
}

impl MessageV6<'_> {
    /// The MAC in the client's DUID: of types 1 (link-layer address plus time) and 3
    /// (RFC 8415 section 11), where the hardware is Ethernet.
    pub fn client_mac(&self) -> Option<Mac> {
        let duid = self.client?;
        if u16_at(duid, 2)? != 1 {
            return None;
        }
        match (u16_at(duid, 0)?, duid.len()) {
            (1, 14) => array_at(duid, 8).map(Mac),
            (3, 10) => array_at(duid, 4).map(Mac),
            (_, _) => None,
        }
    }
}

/// Length of the fixed part of a DHCP message, up to the magic cookie.
const FIXED: usize = 236;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// Reads a DHCP message.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    let Some(fixed) = array_at::<44>(bytes, 0) else {
        return Parsed::failed(Reason::Truncated);
    };
    let address = |at: usize| array_at::<4>(&fixed, at).unwrap_or_default().into();
    let mut message = Message {
        op: fixed[0],
        transaction: u32_at(&fixed, 4).unwrap_or_default(),
        client: if fixed[1] == 1 && fixed[2] == 6 { array_at(&fixed, 28).map(Mac) } else { None },
        client_ip: address(12),
        your_ip: address(16),
        relay: address(24),
        kind: None,
        requested: None,
        server: None,
        host_name: None,
        vendor_class: None,
    };
    let flaw = match array_at(bytes, FIXED) {
        Some(COOKIE) => options(after(bytes, FIXED + 4), &mut message).err(),
        // BOOTP: 64 octets of the vendor's own.
        Some(_) => None,
        None => Some(Reason::Truncated),
    };
    Parsed { message: Some(message), flaw }
}

/// Options are a code, a length and data (RFC 2132 section 2).
fn options<'a>(mut bytes: &'a [u8], message: &mut Message<'a>) -> Result<(), Reason> {
    while let Some(code) = u8_at(bytes, 0) {
        match code {
            0 => {
                bytes = after(bytes, 1);
                continue;
            }
            255 => break,
            _ => {}
        }
        let len = usize::from(u8_at(bytes, 1).ok_or(Reason::BadOption)?);
        let data = bytes.get(2..2 + len).ok_or(Reason::BadOption)?;
        match code {
            12 => message.host_name = message.host_name.or(Some(data)),
            50 => message.requested = array_at::<4>(data, 0).map(Ipv4Addr::from),
            53 => message.kind = u8_at(data, 0),
            54 => message.server = array_at::<4>(data, 0).map(Ipv4Addr::from),
            60 => message.vendor_class = message.vendor_class.or(Some(data)),
            _ => {}
        }
        bytes = after(bytes, 2 + len);
    }
    Ok(())
}

/// Reads a `DHCPv6` message. What a relay wraps is not entered: it is not the sender's own.
pub(super) fn parse_v6(bytes: &[u8]) -> Parsed<MessageV6<'_>> {
    let Some(word) = u32_at(bytes, 0) else {
        return Parsed::failed(Reason::Truncated);
    };
    let kind = bytes[0];
    let mut message = MessageV6 { kind, transaction: 0, client: None, fqdn: None };
    // Relay-forward and relay-reply (RFC 8415 section 9).
    if matches!(kind, 12 | 13) {
        let flaw = (bytes.len() < 34).then_some(Reason::Truncated);
        return Parsed { message: Some(message), flaw };
    }
    message.transaction = word & 0x00ff_ffff;
    let mut rest = after(bytes, 4);
    let mut flaw = None;
    while !rest.is_empty() {
        let (Some(code), Some(len)) = (u16_at(rest, 0), u16_at(rest, 2)) else {
            flaw = Some(Reason::BadOption);
            break;
        };
        let len = usize::from(len);
        let data = up_to(after(rest, 4), len);
        if data.len() < len {
            flaw = Some(Reason::BadOption);
            break;
        }
        match code {
            1 => message.client = message.client.or(Some(data)),
            39 => message.fqdn = message.fqdn.or(Some(data)),
            _ => {}
        }
        rest = after(rest, 4 + len);
    }
    Parsed { message: Some(message), flaw }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discover(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[..8].copy_from_slice(&[1, 1, 6, 0, 0, 0, 0, 7]);
        bytes[16..20].copy_from_slice(&[10, 0, 0, 5]);
        bytes[24..28].copy_from_slice(&[10, 0, 0, 8]);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        bytes.extend(COOKIE);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn a_discover_names_its_client() {
        let options =
            b"\x35\x01\x01\0\x0c\x04host\x3c\x03MSF\x32\x04\x0a\0\0\x09\x36\x04\x0a\0\0\x01\xff junk";
        let bytes = discover(options);
        let message = parse(&bytes).message.expect("valid");
        assert_eq!(message.kind, Some(1));
        assert_eq!(message.client, Some(Mac([2, 0, 0, 0, 0, 1])));
        assert_eq!(message.host_name, Some(&b"host"[..]));
        assert_eq!(message.vendor_class, Some(&b"MSF"[..]));
        assert_eq!(message.requested, Some(Ipv4Addr::new(10, 0, 0, 9)));
        assert_eq!(message.your_ip, Ipv4Addr::new(10, 0, 0, 5));
        assert_eq!(message.relay, Ipv4Addr::new(10, 0, 0, 8));
        assert_eq!(message.server, Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(message.transaction, 7);
    }

    #[test]
    fn options_that_run_out_leave_the_rest() {
        let bytes = discover(b"\x35\x01\x03\x0c\x40ab");
        let parsed = parse(&bytes);
        assert_eq!(parsed.flaw, Some(Reason::BadOption));
        assert_eq!(parsed.message.and_then(|message| message.kind), Some(3));
        let bytes = discover(b"\x35\x01\x03");
        for len in 0..FIXED + 4 {
            let parsed = parse(&bytes[..len]);
            assert_eq!(parsed.flaw, Some(Reason::Truncated), "{len}");
            assert_eq!(parsed.message.is_some(), len >= 44, "{len}");
        }
    }

    #[test]
    fn a_solicit_names_its_client() {
        let mut bytes = vec![1, 0xaa, 0xbb, 0xcc, 0, 1, 0, 14, 0, 1, 0, 1, 9, 9, 9, 9];
        bytes.extend([2, 0, 0, 0, 0, 7]);
        bytes.extend([0, 39, 0, 3, 0, 1, b'h']);
        let Parsed { message: Some(message), flaw: None } = parse_v6(&bytes) else {
            panic!("valid")
        };
        assert_eq!((message.kind, message.transaction), (1, 0x00aa_bbcc));
        assert_eq!(message.client_mac(), Some(Mac([2, 0, 0, 0, 0, 7])));
        assert_eq!(message.fqdn, Some(&[0, 1, b'h'][..]));
        assert_eq!(parse_v6(&bytes[..20]).flaw, Some(Reason::BadOption));
        assert_eq!(parse_v6(&bytes[..3]).flaw, Some(Reason::Truncated));
        assert_eq!(parse_v6(&[12, 0, 0, 0]).flaw, Some(Reason::Truncated));
    }
}
