//! Frames made by hand, for the tests and the demo, right down to the checksums. The same input
//! always makes the same octets: no clock, no randomness, no network.
//!
//! A frame is built from the outside in or from a [`Host`] in one line:
//!
//! ```
//! use multicast_exporter::craft::{Ethernet, Host, Ipv4, Responder, Service, Tag, Udp, tagged};
//! use multicast_exporter::craft::host::MDNS_V4;
//!
//! let printer = Host::numbered(7);
//! let canon = Responder::new("canon", printer)
//!     .service(Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C"));
//! let announcement = printer.mdns4(canon.announcement());
//!
//! // The same datagram, layer by layer, behind an 802.1Q tag:
//! let by_hand = Ethernet::from(printer.mac).to_ip(MDNS_V4.into()).ipv4(
//!     &Ipv4::new(printer.v4, MDNS_V4).ttl(255).udp(&Udp::new(5353, 5353, canon.announcement())),
//! );
//! assert_eq!(announcement, by_hand);
//! assert_eq!(tagged(&by_hand, Tag { tpid: 0x8100, tci: 30 }).len(), by_hand.len() + 4);
//! ```
//!
//! | module | makes |
//! |---|---|
//! | [`ethernet`] | Ethernet frames, VLAN tags |
//! | [`ip`] | IPv4 with options and fragments, IPv6 with extension headers, UDP |
//! | [`host`] | a host's everyday datagrams in one call |
//! | [`mdns`] | queries, probes, announcements, goodbyes, answers, and broken messages |
//! | [`discovery`] | SSDP, LLMNR, WS-Discovery, NetBIOS payloads |
//! | [`membership`] | IGMP v1 to v3, MLD v1 and v2 |
//! | [`address`] | ARP, Neighbour Discovery, DHCP and DHCPv6 |
//! | `length` | lengths as fields of headers |
//! | [`file`](mod@file) | pcap, pcapng and snoop files of such frames |
//!
//! Lengths that do not fit their field are written as its largest value.

pub mod address;
pub mod discovery;
pub mod ethernet;
pub mod file;
pub mod host;
pub mod ip;
mod length;
pub mod mdns;
pub mod membership;

pub use crate::frame::Tag;
pub use ethernet::{Ethernet, group_mac, padded, tagged};
pub use file::{ByteOrder, Captured, Pcap, PcapNg, Resolution, snoop};
pub use host::Host;
pub use ip::{Ipv4, Ipv6, Udp};
pub use mdns::{Query, Responder, Service};

#[cfg(test)]
mod tests;
