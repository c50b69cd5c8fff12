//! Ethernet frames and VLAN tags.

use super::length::len16;
use super::{Ipv4, Ipv6, Tag};
use crate::mac::Mac;
use std::net::IpAddr;

/// The two addresses of an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Who sends.
    pub source: Mac,
    /// Who is meant; broadcast unless said otherwise.
    pub destination: Mac,
}

/// A broadcast from this address.
impl From<Mac> for Ethernet {
    fn from(source: Mac) -> Self {
        Self { source, destination: Mac([0xff; 6]) }
    }
}

impl Ethernet {
    /// The same to one address.
    pub const fn to(self, destination: Mac) -> Self {
        Self { destination, ..self }
    }

    /// The same to the address that belongs to a multicast or broadcast IP address.
    pub const fn to_ip(self, group: IpAddr) -> Self {
        self.to(group_mac(group))
    }

    /// A frame with this EtherType and payload, not padded.
    pub fn frame(self, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        [&self.destination.0[..], &self.source.0, &ethertype.to_be_bytes(), payload].concat()
    }

    /// A frame with an IPv4 packet.
    pub fn ipv4(self, packet: &Ipv4) -> Vec<u8> {
        self.frame(0x0800, &packet.bytes())
    }

    /// A frame with an IPv6 packet.
    pub fn ipv6(self, packet: &Ipv6) -> Vec<u8> {
        self.frame(0x86dd, &packet.bytes())
    }

    /// An IEEE 802.3 frame: a length where the EtherType stands, then an LLC header and payload.
    pub fn llc(self, dsap: u8, ssap: u8, control: u8, payload: &[u8]) -> Vec<u8> {
        self.frame(len16(payload.len() + 3), &[&[dsap, ssap, control], payload].concat())
    }
}

/// The MAC address of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7), or broadcast
/// for any other IPv4 address. The last 32 bits of any IPv6 address are used.
pub const fn group_mac(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V4(_) => Mac([0xff; 6]),
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
    }
}

/// The Ethernet frame with one more VLAN tag, outside those that it has.
///
/// Too short a frame for the two addresses gets its tag at the end.
pub fn tagged(frame: &[u8], tag: Tag) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(frame.len().min(12));
    [addresses, &tag.tpid.to_be_bytes(), &tag.tci.to_be_bytes(), rest].concat()
}

/// The frame filled up with zeros to 60 octets, the least that Ethernet carries (FCS not counted).
pub fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().max(60), 0);
    frame
}
