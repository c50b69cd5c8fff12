//! A host's everyday datagrams, each in one call, with the addresses and hop limits that the
//! protocols ask for.

use super::{Ethernet, Ipv4, Ipv6, Udp};
use crate::mac::Mac;
use std::net::{Ipv4Addr, Ipv6Addr};

/// 224.0.0.251, mDNS (RFC 6762 section 3).
pub const MDNS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// `ff02::fb`, mDNS (RFC 6762 section 3).
pub const MDNS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// 224.0.0.252, LLMNR (RFC 4795 section 2).
pub const LLMNR_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 252);
/// `ff02::1:3`, LLMNR (RFC 4795 section 2).
pub(crate) const LLMNR_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
/// 239.255.255.250, SSDP and WS-Discovery.
pub const SSDP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// `ff02::c`, SSDP and WS-Discovery.
pub(crate) const SSDP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);
/// `ff02::1`, all nodes.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// `ff02::2`, all routers.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// A host on the LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its network card.
    pub mac: Mac,
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
}

impl Host {
    /// A host with the link-local IPv6 address that belongs to its MAC (RFC 4291 appendix A).
    pub const fn new(mac: Mac, v4: Ipv4Addr) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        let octets = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f];
        Self { mac, v4, v6: Ipv6Addr::from_octets(octets) }
    }

    /// Host `n` of a LAN of up to 65,536: 00:00:5e:00:nn:nn (a prefix that IANA holds, so that no
    /// vendor's device is meant) and 10.53.n.n.
    pub const fn numbered(n: u16) -> Self {
        let [high, low] = n.to_be_bytes();
        Self::new(Mac([0, 0, 0x5e, 0, high, low]), Ipv4Addr::new(10, 53, high, low))
    }

    /// An IPv4 datagram to a group or broadcast.
    pub fn udp4(self, group: Ipv4Addr, ttl: u8, udp: &Udp) -> Vec<u8> {
        Ethernet::from(self.mac)
            .to_ip(group.into())
            .ipv4(&Ipv4::new(self.v4, group).ttl(ttl).udp(udp))
    }

    /// An IPv6 datagram to a group.
    pub fn udp6(self, group: Ipv6Addr, hop_limit: u8, udp: &Udp) -> Vec<u8> {
        Ethernet::from(self.mac)
            .to_ip(group.into())
            .ipv6(&Ipv6::new(self.v6, group).hop_limit(hop_limit).udp(udp))
    }

    /// An IPv4 datagram to one host.
    pub fn unicast4(self, to: Self, udp: &Udp) -> Vec<u8> {
        Ethernet::from(self.mac).to(to.mac).ipv4(&Ipv4::new(self.v4, to.v4).udp(udp))
    }

    /// An IPv6 datagram to one host.
    #[cfg(test)]
    pub(crate) fn unicast6(self, to: Self, udp: &Udp) -> Vec<u8> {
        Ethernet::from(self.mac).to(to.mac).ipv6(&Ipv6::new(self.v6, to.v6).udp(udp))
    }

    /// An mDNS message to 224.0.0.251, TTL 255.
    pub fn mdns4(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(MDNS_V4, 255, &Udp::new(5353, 5353, message))
    }

    /// An mDNS message to `ff02::fb`, hop limit 255.
    pub fn mdns6(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp6(MDNS_V6, 255, &Udp::new(5353, 5353, message))
    }

    /// An mDNS message to one host, TTL 255: the answer to a question with the QU bit.
    pub fn mdns_unicast4(self, to: Self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        let udp = Udp::new(5353, 5353, message);
        let packet = Ipv4::new(self.v4, to.v4).ttl(255).udp(&udp);
        Ethernet::from(self.mac).to(to.mac).ipv4(&packet)
    }

    /// An SSDP message to 239.255.255.250, TTL 2 (UPnP Device Architecture 2.0 section 1.1).
    pub fn ssdp4(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(SSDP_V4, 2, &Udp::new(1900, 1900, message))
    }

    /// An SSDP message to `ff02::c`.
    pub fn ssdp6(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp6(SSDP_V6, 2, &Udp::new(1900, 1900, message))
    }

    /// An LLMNR query to 224.0.0.252.
    pub fn llmnr4(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(LLMNR_V4, 1, &Udp::new(54_321, 5355, message))
    }

    /// An LLMNR query to `ff02::1:3`.
    pub fn llmnr6(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp6(LLMNR_V6, 1, &Udp::new(54_321, 5355, message))
    }

    /// A WS-Discovery message to 239.255.255.250.
    pub fn wsd4(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(SSDP_V4, 1, &Udp::new(3702, 3702, message))
    }

    /// A WS-Discovery message to `ff02::c`.
    pub fn wsd6(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp6(SSDP_V6, 1, &Udp::new(3702, 3702, message))
    }

    /// A broadcast to the NetBIOS name service, port 137.
    pub fn nbns(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(Ipv4Addr::BROADCAST, 64, &Udp::new(137, 137, message))
    }

    /// A broadcast to the NetBIOS datagram service, port 138.
    pub fn nbdgm(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(Ipv4Addr::BROADCAST, 64, &Udp::new(138, 138, message))
    }

    /// A DHCP client's broadcast from 0.0.0.0, port 68 to 67.
    pub fn dhcp_client(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        Self { v4: Ipv4Addr::UNSPECIFIED, ..self }.udp4(
            Ipv4Addr::BROADCAST,
            64,
            &Udp::new(68, 67, message),
        )
    }

    /// A DHCP server's broadcast, port 67 to 68.
    pub fn dhcp_server(self, message: impl Into<Vec<u8>>) -> Vec<u8> {
        self.udp4(Ipv4Addr::BROADCAST, 64, &Udp::new(67, 68, message))
    }

    /// An ICMPv6 message with hop limit 255, as Neighbour Discovery wants it.
    pub fn nd(self, to: Ipv6Addr, (kind, body): (u8, Vec<u8>)) -> Vec<u8> {
        let packet = Ipv6::new(self.v6, to).hop_limit(255).icmp(kind, 0, &body);
        Ethernet::from(self.mac).to_ip(to.into()).ipv6(&packet)
    }

    /// An MLD message with hop limit 1 and Router Alert (RFC 3810 section 5).
    pub fn mld(self, to: Ipv6Addr, (kind, body): (u8, Vec<u8>)) -> Vec<u8> {
        let packet = Ipv6::new(self.v6, to).hop_limit(1).router_alert().icmp(kind, 0, &body);
        Ethernet::from(self.mac).to_ip(to.into()).ipv6(&packet)
    }

    /// An IGMP message with TTL 1 and Router Alert (RFC 3376 section 4).
    pub fn igmp(self, to: Ipv4Addr, message: impl Into<Vec<u8>>) -> Vec<u8> {
        let packet = Ipv4::new(self.v4, to)
            .ttl(1)
            .router_alert()
            .payload(super::ip::protocol::IGMP, message);
        Ethernet::from(self.mac).to_ip(to.into()).ipv4(&packet)
    }
}
