//! Address Resolution Protocol (RFC 826) for Ethernet and IPv4. RARP, of another `EtherType`, is
//! not it.

use super::octets::{array_at, u16_at};
use super::{Parsed, Reason};
use crate::mac::Mac;
use std::net::Ipv4Addr;

/// Length of a packet of Ethernet and IPv4 in octets.
pub(super) const LEN: usize = 28;

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is: 1 request, 2 reply; others are kept.
    pub operation: u16,
    /// Hardware address of the sender.
    pub sender_mac: Mac,
    /// Protocol address of the sender; 0.0.0.0 in a probe (RFC 5227).
    pub sender_ip: Ipv4Addr,
    /// Hardware address of the target; meaningless in a request.
    pub target_mac: Mac,
    /// Protocol address of the target.
    pub target_ip: Ipv4Addr,
}

impl Message {
    /// Whether it asks for an address.
    pub(crate) const fn is_request(&self) -> bool {
        self.operation == 1
    }

    /// Whether it announces or defends the sender's own address (RFC 5227 section 3).
    pub(crate) fn is_gratuitous(&self) -> bool {
        self.sender_ip == self.target_ip
    }
}

/// Reads a packet, padding behind it allowed.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message> {
    let (Some(hardware), Some(protocol), Some(lengths), Some(operation)) =
        (u16_at(bytes, 0), u16_at(bytes, 2), array_at(bytes, 4), u16_at(bytes, 6))
    else {
        return Parsed::failed(Reason::Truncated);
    };
    // Hardware type 6 is IEEE 802, which some stacks say for Ethernet.
    if !matches!(hardware, 1 | 6) || protocol != 0x0800 || lengths != [6, 4] {
        return Parsed::failed(Reason::BadAddress);
    }
    let Some(fields) = bytes.get(8..LEN) else {
        return Parsed::failed(Reason::Truncated);
    };
    Parsed::clean(Message {
        operation,
        sender_mac: Mac(array_at(fields, 0).unwrap_or_default()),
        sender_ip: array_at::<4>(fields, 6).unwrap_or_default().into(),
        target_mac: Mac(array_at(fields, 10).unwrap_or_default()),
        target_ip: array_at::<4>(fields, 16).unwrap_or_default().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 28] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

    #[test]
    fn a_request_names_sender_and_target() {
        let message = parse(&REQUEST).message.expect("valid");
        assert!(message.is_request() && !message.is_gratuitous());
        assert_eq!(message.sender_mac, Mac([2, 0, 0, 0, 0, 1]));
        assert_eq!(message.sender_ip, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(message.target_ip, Ipv4Addr::new(10, 0, 0, 2));
    }

    #[test]
    fn other_hardware_is_bad_address() {
        let mut infiniband = REQUEST;
        infiniband[1] = 32;
        infiniband[4] = 20;
        assert_eq!(parse(&infiniband), Parsed::failed(Reason::BadAddress));
    }

    #[test]
    fn every_cut_is_truncated() {
        for len in 0..REQUEST.len() {
            assert_eq!(parse(&REQUEST[..len]), Parsed::failed(Reason::Truncated), "{len}");
        }
    }
}
