//! Finding and giving addresses: ARP (RFC 826), Neighbour Discovery (RFC 4861), DHCP (RFC 2131)
//! and DHCPv6 (RFC 8415).

use super::length::len16;
use super::{Ethernet, Host};
use crate::mac::Mac;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An ARP packet for Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 is a request, 2 a reply.
    pub operation: u16,
    /// Who says it.
    pub sender: (Mac, Ipv4Addr),
    /// Who is meant.
    pub target: (Mac, Ipv4Addr),
}

impl Arp {
    /// The packet, without its Ethernet header.
    pub fn bytes(self) -> Vec<u8> {
        [
            &[0, 1, 8, 0, 6, 4],
            &self.operation.to_be_bytes()[..],
            &self.sender.0.0,
            &self.sender.1.octets(),
            &self.target.0.0,
            &self.target.1.octets(),
        ]
        .concat()
    }
}

impl Host {
    /// A broadcast that asks who has `target`.
    pub fn arp_request(self, target: Ipv4Addr) -> Vec<u8> {
        let arp = Arp { operation: 1, sender: (self.mac, self.v4), target: (Mac([0; 6]), target) };
        Ethernet::from(self.mac).frame(0x0806, &arp.bytes())
    }

    /// The answer to one host.
    #[cfg(test)]
    pub(crate) fn arp_reply(self, to: Self) -> Vec<u8> {
        let arp = Arp { operation: 2, sender: (self.mac, self.v4), target: (to.mac, to.v4) };
        Ethernet::from(self.mac).to(to.mac).frame(0x0806, &arp.bytes())
    }

    /// A broadcast that announces the sender's own address (RFC 5227 section 3).
    pub fn arp_announcement(self) -> Vec<u8> {
        self.arp_request(self.v4)
    }
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let octets = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c];
    Ipv6Addr::from_octets(octets)
}

/// Neighbour solicitation: type and body for [`Host::nd`].
pub fn neighbour_solicitation(target: Ipv6Addr, source: Mac) -> (u8, Vec<u8>) {
    (135, [&[0; 4], &target.octets()[..], &[1, 1], &source.0].concat())
}

/// Neighbour advertisement with the override flag: type and body for [`Host::nd`].
pub fn neighbour_advertisement(target: Ipv6Addr, owner: Mac) -> (u8, Vec<u8>) {
    (136, [&[0x20, 0, 0, 0], &target.octets()[..], &[2, 1], &owner.0].concat())
}

/// Router solicitation: type and body for [`Host::nd`].
pub(crate) fn router_solicitation(source: Mac) -> (u8, Vec<u8>) {
    (133, [&[0; 4], &[1, 1][..], &source.0].concat())
}

/// Router advertisement with a lifetime in seconds and a /64 prefix: type and body for
/// [`Host::nd`].
pub fn router_advertisement(lifetime: u16, prefix: Ipv6Addr, source: Mac) -> (u8, Vec<u8>) {
    let mut body = vec![64, 0];
    body.extend(lifetime.to_be_bytes());
    body.extend([0; 8]);
    body.extend([1, 1]);
    body.extend(source.0);
    // Prefix information: on link and autonomous, valid a day, preferred four hours.
    body.extend([3, 4, 64, 0xc0]);
    body.extend(86_400_u32.to_be_bytes());
    body.extend(14_400_u32.to_be_bytes());
    body.extend([0; 4]);
    body.extend(prefix.octets());
    (134, body)
}

/// A DHCP message (RFC 2131 section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp {
    operation: u8,
    client: Mac,
    transaction: u32,
    yours: Ipv4Addr,
    options: Vec<u8>,
}

impl Dhcp {
    /// A client's message of this type: 1 is discover, 3 request, 8 inform.
    pub fn client(kind: u8, client: Mac) -> Self {
        let yours = Ipv4Addr::UNSPECIFIED;
        Self { operation: 1, client, transaction: 0x5353, yours, options: Vec::new() }
            .option(53, &[kind])
    }

    /// A server's message of this type, 2 is offer, 5 ack, that gives the client an address.
    pub fn server(kind: u8, client: Mac, yours: Ipv4Addr) -> Self {
        Self { operation: 2, client, transaction: 0x5353, yours, options: Vec::new() }
            .option(53, &[kind])
    }

    /// One more option; what is over 255 octets is cut.
    pub fn option(mut self, code: u8, value: &[u8]) -> Self {
        let value = &value[..value.len().min(255)];
        self.options.extend([code, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
        self.options.extend(value);
        self
    }

    /// Option 12, the host's name.
    pub fn host_name(self, name: &str) -> Self {
        self.option(12, name.as_bytes())
    }

    /// The message, a UDP payload for [`Host::dhcp_client`] or [`Host::dhcp_server`].
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.operation, 1, 6, 0];
        bytes.extend(self.transaction.to_be_bytes());
        // No seconds elapsed; the broadcast flag.
        bytes.extend([0, 0, 0x80, 0]);
        bytes.extend([0; 4]);
        bytes.extend(self.yours.octets());
        bytes.extend([0; 8]);
        bytes.extend(self.client.0);
        bytes.resize(236, 0);
        bytes.extend([0x63, 0x82, 0x53, 0x63]);
        bytes.extend(&self.options);
        bytes.push(255);
        // The least that BOOTP carries (RFC 1542 section 2.1).
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }
}

/// A DHCPv6 solicit with a client identifier made of the MAC, and optionally a client's name
/// (RFC 4704): a UDP payload from port 546 to 547 at `ff02::1:2`.
pub fn dhcpv6_solicit(client: Mac, name: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0x53, 0x53];
    bytes.extend([0, 1, 0, 10, 0, 3, 0, 1]);
    bytes.extend(client.0);
    if let Some(name) = name {
        let name = &name.as_bytes()[..name.len().min(63)];
        bytes.extend([0, 39]);
        bytes.extend(len16(name.len() + 2).to_be_bytes());
        // No flags, then the name as one label without the root: a partial name.
        bytes.extend([0, u8::try_from(name.len()).unwrap_or(63)]);
        bytes.extend(name);
    }
    bytes
}
