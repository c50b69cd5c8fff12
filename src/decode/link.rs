//! Link layers: Ethernet (with VLAN tags, 802.3 and SNAP), Linux cooked, BSD loopback, raw IP.
//! Gives addresses, tags and the network layer's bytes. Knows nothing of what IP carries.

use super::ethertype::{LENGTH_MAX, Link, Network, Reach, TagList, is_snapped, llc, typed};
use super::octets::{after, array_at, u16_at};
use super::{Reason, Tags, wifi};
use crate::frame::{Direction, Frame, LinkType};
use crate::mac::Mac;

/// Reads the link layer of `frame`.
pub(super) fn read<'a>(frame: &Frame<'a>) -> Link<'a> {
    let mut link = Link {
        tags: Tags::default(),
        destination: None,
        source: None,
        reach: Reach::Unsaid,
        direction: frame.meta.direction,
        network: Network::Other,
        flaws: [None; 2],
    };
    let mut tags = TagList::default();
    if let Some(tag) = frame.meta.stripped_tag {
        tags.push(tag);
    }
    let bytes = frame.bytes;
    let cut = if is_snapped(frame) { Reason::Snapped } else { Reason::Truncated };
    let read = match frame.meta.link {
        LinkType::Ethernet => ethernet(bytes, &mut link, &mut tags),
        LinkType::LinuxCooked => cooked(bytes, &COOKED, &mut link, &mut tags),
        LinkType::LinuxCooked2 => cooked(bytes, &COOKED2, &mut link, &mut tags),
        LinkType::Ieee80211 => wifi::read(bytes, false, &mut link, &mut tags),
        LinkType::Radiotap => wifi::radiotap(frame, &mut link, &mut tags),
        LinkType::RawIp => {
            link.network = Network::Ip(bytes);
            if bytes.is_empty() { Err(Reason::Truncated) } else { Ok(()) }
        }
        LinkType::BsdLoopback => loopback(bytes, &mut link, true),
        LinkType::OpenBsdLoopback => loopback(bytes, &mut link, false),
        LinkType::Other(_) => Err(Reason::UnknownLinkType),
    };
    if let Err(reason) = read {
        link.flaw(if reason == Reason::Truncated { cut } else { reason });
    }
    if tags.count > 2 {
        link.flaw(Reason::TooManyTags);
    }
    link.tags = tags.tags;
    link
}

/// Ethernet II and IEEE 802.3.
fn ethernet<'a>(bytes: &'a [u8], link: &mut Link<'a>, tags: &mut TagList) -> Result<(), Reason> {
    link.destination = array_at(bytes, 0).map(Mac);
    link.source = array_at(bytes, 6).map(Mac);
    let kind = u16_at(bytes, 12).ok_or(Reason::Truncated)?;
    typed(kind, after(bytes, 14), link, tags)
}

/// Where the fields of a Linux cooked header lie.
struct CookedLayout {
    protocol: usize,
    packet_type: usize,
    address_len: usize,
    address: usize,
    header: usize,
}

/// `LINKTYPE_LINUX_SLL`; packet type and address length by their low octets.
const COOKED: CookedLayout =
    CookedLayout { protocol: 14, packet_type: 1, address_len: 5, address: 6, header: 16 };
/// `LINKTYPE_LINUX_SLL2`.
const COOKED2: CookedLayout =
    CookedLayout { protocol: 0, packet_type: 10, address_len: 11, address: 12, header: 20 };

/// Linux cooked: the source's address and the packet type, no destination.
fn cooked<'a>(
    bytes: &'a [u8],
    layout: &CookedLayout,
    link: &mut Link<'a>,
    tags: &mut TagList,
) -> Result<(), Reason> {
    let field = |at: usize| bytes.get(at).copied().ok_or(Reason::Truncated);
    let packet_type = field(layout.packet_type)?;
    link.reach = match packet_type {
        1 => Reach::Broadcast,
        2 => Reach::Multicast,
        _ => Reach::Unsaid,
    };
    if link.direction == Direction::Unknown {
        link.direction = match packet_type {
            0..=3 => Direction::Incoming,
            4 => Direction::Outgoing,
            _ => Direction::Unknown,
        };
    }
    if field(layout.address_len)? == 6 {
        link.source = array_at(bytes, layout.address).map(Mac);
    }
    let kind = u16_at(bytes, layout.protocol).ok_or(Reason::Truncated)?;
    if bytes.len() < layout.header {
        return Err(Reason::Truncated);
    }
    let rest = after(bytes, layout.header);
    match kind {
        // ETH_P_802_2: an LLC header follows.
        4 => llc(rest, link, tags),
        // The kernel's other pseudo-protocols below the range of EtherTypes.
        0..=LENGTH_MAX => Ok(()),
        _ => typed(kind, rest, link, tags),
    }
}

/// Four octets of address family; in the writer's byte order, which is unknown, where `either`.
fn loopback<'a>(bytes: &'a [u8], link: &mut Link<'a>, either: bool) -> Result<(), Reason> {
    let field = array_at(bytes, 0).ok_or(Reason::Truncated)?;
    let big = u32::from_be_bytes(field);
    let family = if either && big > 0xffff { big.swap_bytes() } else { big };
    let rest = after(bytes, 4);
    link.network = match family {
        2 => Network::Ipv4(rest),
        // Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 24 | 28 | 30 => Network::Ipv6(rest),
        _ => return Err(Reason::UnknownFamily),
    };
    Ok(())
}
