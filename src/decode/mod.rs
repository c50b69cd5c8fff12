//! From a frame to an observation: who sent what kind of thing to whom, and what was wrong with
//! it. Pure and borrowing; never panics, whatever the bytes. Knows no socket, file or clock.

pub mod mdns;
mod protocol;
mod reason;

pub use protocol::{Class, Protocol};
pub use reason::{Issue, Issues, Reason};

use crate::capture::{Direction, Tag};
use crate::mac::Mac;
use std::net::IpAddr;

/// What one frame says.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// VLAN tags, outermost first, tags with VLAN id 0 left out.
    pub tags: Tags,
    /// Whom it was sent to.
    pub cast: Cast,
    /// The device it is counted for; `None` where no sender can be read.
    pub sender: Option<Sender>,
    /// Source MAC, where the link has one.
    pub source_mac: Option<Mac>,
    /// The IP header, if there is a readable one.
    pub ip: Option<Ip>,
    /// What it is counted as.
    pub protocol: Protocol,
    /// Length on the wire in bytes.
    pub wire_len: u32,
    /// Whether this machine received or sent it.
    pub direction: Direction,
    /// What the protocol says, as far as it could be read.
    pub message: Message<'a>,
    /// What was wrong.
    pub issues: Issues,
}

/// Up to two VLAN tags that name a VLAN (id not 0), outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags {
    /// The outer, or only, tag.
    pub outer: Option<Tag>,
    /// The inner tag; only where there is an outer one.
    pub inner: Option<Tag>,
}

/// Whom a frame was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cast {
    /// A multicast or broadcast destination: on the link, or where the link has no addresses, in IP.
    Group,
    /// A multicast or broadcast IP destination in a frame to one MAC (Wi-Fi conversion).
    Converted,
    /// Unicast to or from UDP port 5353.
    UnicastMdns,
    /// Any other unicast: counted in the total only.
    Unicast,
}

/// Who a frame is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// Source MAC.
    Mac(Mac),
    /// Source IP, where the link has no MAC.
    Ip(IpAddr),
}

/// The fields of an IP header that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Length of the IP packet in bytes, headers included, as the header says.
    pub len: u32,
    /// Whether it is a fragment.
    pub fragment: bool,
}

/// What the protocol of a frame says.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    /// Nothing that is looked into.
    None,
    /// Multicast DNS (UDP 5353).
    Mdns(mdns::Datagram<'a>),
}
