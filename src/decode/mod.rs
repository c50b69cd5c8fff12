//! From a frame to an observation: who sent what to whom, and what was wrong with it. Pure and
//! borrowing; never panics, whatever the bytes. Knows no socket, file or clock.
//!
//! The layers are one file each: [`decode`] asks `link` (with `wifi`, both over `ethertype`) for
//! addresses and the network layer, `ip` for the transport layer, `udp` for ports, and then the
//! protocol's own file for the message. A protocol's file has five parts: a header with its
//! references, the message as a type, its accessors, `parse`, and its tests. IGMP and MLD share
//! their type, in `membership`. Unknown values are kept as they are; faults are reported beside the
//! value, not instead of it.

pub mod arp;
pub mod dhcp;
mod ethertype;
mod igmp;
mod ip;
mod link;
pub mod llmnr;
pub mod mdns;
pub mod membership;
mod mld;
pub mod nd;
pub mod netbios;
mod octets;
mod parsed;
mod protocol;
mod reason;
pub mod ssdp;
mod udp;
mod wifi;
pub mod wsd;

pub use ethertype::Tags;
pub use ip::Ip;
pub(crate) use parsed::Parsed;
pub use protocol::{Class, Protocol};
pub use reason::{Issue, Issues, Reason};
pub use udp::Udp;

use crate::frame::{Direction, Frame, Place};
use crate::mac::Mac;
use ethertype::{Link, Network, Reach};
use ip::Part;
use std::fmt;
use std::net::IpAddr;

/// What one frame says.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// VLAN tags, outermost first, tags with VLAN id 0 left out.
    pub tags: Tags,
    /// Whom it was sent to.
    pub cast: Cast,
    /// The device it is counted for; `None` where no sender can be read, and where the source is a
    /// group or zero.
    pub sender: Option<Sender>,
    /// Source MAC, where the link has one.
    pub source_mac: Option<Mac>,
    /// The IP header, if there is a readable one.
    pub ip: Option<Ip>,
    /// The UDP datagram, if it holds one; `None` in frames of [`Cast::Unicast`].
    pub udp: Option<Udp<'a>>,
    /// What it says it is, whomever it was sent to. What it is counted as, if anything, is
    /// [`Observation::counted_as`].
    pub protocol: Protocol,
    /// Length on the wire in bytes.
    pub wire_len: u32,
    /// The frame as far as it was captured.
    pub frame: &'a [u8],
    /// Where it stands in its file; `None` live. Set by who reads files.
    pub place: Option<Place>,
    /// Whether this machine received or sent it.
    pub direction: Direction,
    /// What the protocol says, as far as it could be read. [`Message::None`] in frames of
    /// [`Cast::Unicast`].
    pub message: Message<'a>,
    /// What was wrong. What is wrong within an mDNS message is in its [`mdns::Digest`]. Frames
    /// of [`Cast::Unicast`] have issues of the link layer only.
    pub issues: Issues,
}

impl Observation<'_> {
    /// The protocol that the frame is counted as; `None` if it is counted in the total only.
    ///
    /// Multicast IP in a unicast frame is multicast that an access point converted if it came to
    /// this machine (`live`). In a file nobody knows whose machine that is, so it counts in no
    /// protocol except, for UDP port 5353, as unicast mDNS.
    pub fn counted_as(&self, live: bool) -> Option<Protocol> {
        match self.cast {
            Cast::Group => Some(self.protocol),
            Cast::UnicastMdns => Some(Protocol::MdnsUnicast),
            Cast::Converted if live => Some(self.protocol),
            Cast::Converted if self.protocol == Protocol::Mdns => Some(Protocol::MdnsUnicast),
            Cast::Converted | Cast::Unicast => None,
        }
    }

    /// The rate that the frame counts in when it is counted as `protocol`.
    ///
    /// Router advertisements are signalling, as what announces a service is; the others of their
    /// protocol resolve addresses.
    pub const fn class(&self, protocol: Protocol) -> Class {
        match &self.message {
            Message::Nd(nd::Message { kind: nd::Kind::RouterAdvertisement, .. }) => {
                Class::Signalling
            }
            _ => protocol.class(),
        }
    }
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

/// As the `device` label has it: the MAC in lower case with colons, or the IP address.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// What the protocol of a frame says.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Nothing that is read, or nothing that could be read.
    None,
    /// Multicast DNS (UDP 5353).
    Mdns(mdns::Datagram<'a>),
    /// SSDP (UDP 1900).
    Ssdp(ssdp::Message<'a>),
    /// LLMNR (UDP 5355).
    Llmnr(llmnr::Message<'a>),
    /// WS-Discovery (UDP 3702).
    Wsd(wsd::Message<'a>),
    /// IGMP.
    Igmp(membership::Message<'a>),
    /// Multicast Listener Discovery.
    Mld(membership::Message<'a>),
    /// Neighbour Discovery.
    Nd(nd::Message),
    /// ARP.
    Arp(arp::Message),
    /// DHCP (UDP 67 and 68).
    Dhcp(dhcp::Message<'a>),
    /// `DHCPv6` (UDP 546 and 547).
    Dhcpv6(dhcp::MessageV6<'a>),
    /// NetBIOS over UDP (137 and 138).
    Netbios(netbios::Message),
}

impl Message<'_> {
    /// The IGMP or MLD general query in it, if it is one. Only queriers send these; a query about
    /// one group may come from any switch.
    pub(crate) fn general_query(&self) -> Option<&membership::Query> {
        let (Self::Igmp(message) | Self::Mld(message)) = self else { return None };
        let membership::Message::Query(query) = message else { return None };
        query.is_general().then_some(query)
    }
}

impl<T> Parsed<T> {
    /// The message as the variant of [`Message`] that `variant` makes.
    fn into_message<'a>(
        self,
        variant: impl FnOnce(T) -> Message<'a>,
    ) -> (Message<'a>, Option<Reason>) {
        (self.message.map_or(Message::None, variant), self.flaw)
    }
}

/// What was found above the network layer, before its message is read.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    /// What it is, if it is one of the protocols that are known by name.
    protocol: Option<Protocol>,
    /// How to read the message.
    format: Format,
    /// The message, as far as it is there.
    payload: &'a [u8],
    /// Whether that is all of it, so that any fault is its sender's.
    complete: bool,
    /// Either port is 5353.
    mdns_port: bool,
    /// UDP ports, source first; 0 where it is not UDP.
    ports: (u16, u16),
    /// Length of the UDP payload as its header says.
    udp_len: usize,
    /// What was wrong.
    flaws: [Option<Reason>; 3],
}

impl<'a> Found<'a> {
    /// The datagram, if it is one.
    fn udp(&self) -> Option<Udp<'a>> {
        let Self { payload, complete, ports: (source_port, destination_port), .. } = *self;
        let udp = Udp { source_port, destination_port, payload, complete };
        (self.format == Format::Udp).then_some(udp)
    }
}

/// How to read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Opaque,
    Arp,
    Igmp,
    Icmpv6,
    Udp,
}

/// Reads one frame. Allocates nothing and never fails: a frame that cannot be understood is classed
/// by what could be read, down to nothing at all, and the reason is among its issues.
pub fn decode<'a>(frame: &Frame<'a>) -> Observation<'a> {
    let snapped = ethertype::is_snapped(frame);
    let link = link::read(frame);
    let (packet, found) = network(&link, snapped);
    let ip = packet.map(|packet| packet.header);
    let cast = cast(&link, ip, found.mdns_port);
    let protocol = found.protocol.unwrap_or_else(|| unnamed(&link, ip));
    let mut observation = Observation {
        tags: link.tags,
        cast,
        sender: sender(&link, ip),
        source_mac: link.source,
        ip,
        udp: None,
        protocol: if cast == Cast::UnicastMdns { Protocol::MdnsUnicast } else { protocol },
        wire_len: frame.meta.wire_len,
        frame: frame.bytes,
        place: None,
        direction: link.direction,
        message: Message::None,
        issues: Issues::default(),
    };
    for reason in link.flaws.into_iter().flatten() {
        observation.issues.push(Issue { protocol: None, reason });
    }
    if cast == Cast::Unicast {
        // Where only IP could say whom it was for, unreadable IP is a fault of the link layer.
        if let Some(reason) = found.flaws[0].filter(|_| link.destination.is_none() && ip.is_none())
        {
            observation.issues.push(Issue { protocol: None, reason });
        }
        return observation;
    }
    observation.udp = found.udp();
    let named = Some(observation.protocol);
    for reason in found.flaws.into_iter().flatten() {
        observation.issues.push(Issue { protocol: named, reason });
    }
    let (message, flaw) = message(observation.protocol, &found);
    observation.message = message;
    // What is missing from a message that was cut is no fault.
    if let Some(reason) = flaw.filter(|_| found.complete) {
        observation.issues.push(Issue { protocol: named, reason });
    }
    observation
}

/// Whom a frame is counted for: its source MAC, or its source address where the link has no MAC.
/// A group, or nothing at all, sends no frame: what claims to come from there has no sender, as
/// its address says nothing of who it is either.
fn sender(link: &Link<'_>, ip: Option<Ip>) -> Option<Sender> {
    match link.source {
        Some(mac) => (!mac.is_group() && !mac.is_zero()).then_some(Sender::Mac(mac)),
        None => ip.map(|ip| Sender::Ip(ip.source)),
    }
}

/// The network layer and what it carries.
fn network<'a>(link: &Link<'a>, snapped: bool) -> (Option<ip::Packet<'a>>, Found<'a>) {
    let mut found = Found {
        protocol: None,
        format: Format::Opaque,
        payload: &[],
        complete: true,
        mdns_port: false,
        ports: (0, 0),
        udp_len: 0,
        flaws: [None; 3],
    };
    let reading = match link.network {
        Network::Ipv4(bytes) => ip::read_v4(bytes),
        Network::Ipv6(bytes) => ip::read_v6(bytes),
        Network::Ip(bytes) => ip::read(bytes),
        Network::Arp(payload) => {
            // An ARP packet of Ethernet and IPv4 has 28 octets; what follows is padding.
            let cut = snapped && payload.len() < arp::LEN;
            found.protocol = Some(Protocol::Arp);
            found.format = Format::Arp;
            found.payload = payload;
            found.complete = !cut;
            found.flaws[0] = cut.then_some(Reason::Snapped);
            return (None, found);
        }
        Network::Other => return (None, found),
    };
    found.flaws[0] = reading.flaw.map(|reason| match reason {
        Reason::Truncated if snapped => Reason::Snapped,
        other => other,
    });
    if let Some(packet) = &reading.packet {
        transport(packet, snapped, &mut found);
    }
    (reading.packet, found)
}

/// The transport layer of `packet`.
fn transport<'a>(packet: &ip::Packet<'a>, snapped: bool, found: &mut Found<'a>) {
    if packet.part == Part::Later {
        found.flaws[1] = Some(Reason::LaterFragment);
        return;
    }
    if packet.part == Part::First {
        found.flaws[1] = Some(Reason::FirstFragment);
        found.complete = false;
    }
    let mut cut = packet.cut;
    let v4 = packet.header.source.is_ipv4();
    match (packet.next, v4) {
        (17, _) => match udp::read(packet.payload) {
            Some(datagram) => {
                found.protocol = datagram.protocol();
                found.format = Format::Udp;
                found.payload = datagram.payload;
                found.mdns_port = datagram.is_mdns();
                found.ports = (datagram.source_port, datagram.destination_port);
                found.udp_len = datagram.len;
                // Behind a whole datagram, only what IP promised can be missing.
                cut = datagram.cut || (packet.cut && !snapped);
                if found.protocol.is_some() {
                    found.flaws[2] = datagram.flaw;
                }
            }
            None => cut = true,
        },
        (2, true) => {
            found.protocol = Some(Protocol::Igmp);
            found.format = Format::Igmp;
            found.payload = packet.payload;
        }
        (58, false) => {
            found.format = Format::Icmpv6;
            found.payload = packet.payload;
            found.protocol = match packet.payload.first() {
                Some(130 | 131 | 132 | 143) => Some(Protocol::Mld),
                Some(133..=137) => Some(Protocol::Nd),
                Some(_) | None => None,
            };
            if packet.payload.is_empty() {
                cut = true;
            } else if found.protocol.is_none() {
                return;
            }
        }
        // Not read, so nothing of it is missed.
        (_, _) => return,
    }
    if found.format == Format::Udp && found.protocol.is_none() {
        return;
    }
    if cut && snapped {
        found.flaws[2] = Some(Reason::Snapped);
        found.complete = false;
    } else if cut && packet.part == Part::Whole {
        found.flaws[2] = Some(Reason::BadLength);
    }
}

/// Whom the frame was sent to.
fn cast(link: &Link<'_>, ip: Option<Ip>, mdns_port: bool) -> Cast {
    let group = ip.is_some_and(|ip| ip::is_group(ip.destination));
    match link.destination {
        Some(mac) if mac.is_group() => Cast::Group,
        None if group || link.reach != Reach::Unsaid => Cast::Group,
        Some(_) if group => Cast::Converted,
        Some(_) | None if mdns_port => Cast::UnicastMdns,
        Some(_) | None => Cast::Unicast,
    }
}

/// What a frame is counted as that has no protocol known by name.
fn unnamed(link: &Link<'_>, ip: Option<Ip>) -> Protocol {
    let broadcast = match (link.destination, link.reach) {
        (Some(mac), _) if mac.is_group() => mac.is_broadcast(),
        (None, Reach::Broadcast) => true,
        (None, Reach::Multicast) => false,
        (Some(_), _) | (None, Reach::Unsaid) => {
            ip.is_some_and(|ip| ip::is_broadcast(ip.destination))
        }
    };
    if broadcast { Protocol::OtherBroadcast } else { Protocol::OtherMulticast }
}

/// Reads the message by its protocol's own file.
fn message<'a>(protocol: Protocol, found: &Found<'a>) -> (Message<'a>, Option<Reason>) {
    let payload = found.payload;
    match protocol {
        Protocol::Mdns | Protocol::MdnsUnicast => {
            let datagram = mdns::Datagram::new(payload, found.complete, found.ports);
            let len = datagram.len.max(found.udp_len);
            (Message::Mdns(mdns::Datagram { len, ..datagram }), None)
        }
        Protocol::Ssdp => ssdp::parse(payload).into_message(Message::Ssdp),
        Protocol::Llmnr => llmnr::parse(payload).into_message(Message::Llmnr),
        Protocol::Wsd => wsd::parse(payload).into_message(Message::Wsd),
        Protocol::Igmp => igmp::parse(payload).into_message(Message::Igmp),
        Protocol::Mld => mld::parse(payload).into_message(Message::Mld),
        Protocol::Nd => nd::parse(payload).into_message(Message::Nd),
        Protocol::Arp => arp::parse(payload).into_message(Message::Arp),
        Protocol::Dhcp => {
            let v6 = |port| matches!(port, 546 | 547);
            let v4 = |port| matches!(port, 67 | 68);
            let (source, destination) = found.ports;
            if v6(destination) || (v6(source) && !v4(destination)) {
                dhcp::parse_v6(payload).into_message(Message::Dhcpv6)
            } else {
                dhcp::parse(payload).into_message(Message::Dhcp)
            }
        }
        Protocol::Netbios => {
            let datagram = found.ports.1 == 138 || (found.ports.0 == 138 && found.ports.1 != 137);
            netbios::parse(payload, datagram).into_message(Message::Netbios)
        }
        Protocol::OtherMulticast | Protocol::OtherBroadcast => (Message::None, None),
    }
}
