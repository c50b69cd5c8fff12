//! Link layers: Ethernet (with VLAN tags, 802.3 and SNAP), Linux cooked, BSD loopback, raw IP.
//! In: a frame. Out: addresses, tags and the network layer's bytes. Knows nothing of what IP
//! carries.

use super::octets::{after, array_at, u16_at, up_to};
use super::{Reason, Tags, wifi};
use crate::capture::{Direction, Frame, LinkType, Tag};
use crate::mac::Mac;

/// What the link layer says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    /// VLAN tags with an id other than 0.
    pub(super) tags: Tags,
    /// Where the frame goes; `None` where the link has no such address or it is cut off.
    pub(super) destination: Option<Mac>,
    /// Where it comes from; `None` likewise.
    pub(super) source: Option<Mac>,
    /// What a link without destination addresses says of the destination.
    pub(super) reach: Reach,
    /// Whether this machine sent it.
    pub(super) direction: Direction,
    /// What it carries.
    pub(super) network: Network<'a>,
    /// What was wrong, first things first.
    pub(super) flaws: [Option<Reason>; 2],
}

/// What a Linux cooked header says of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing, or one host.
    Unsaid,
    /// Packet type 1.
    Broadcast,
    /// Packet type 2.
    Multicast,
}

/// The network layer's bytes, padding of the link included.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network<'a> {
    Ipv4(&'a [u8]),
    Ipv6(&'a [u8]),
    /// IP whose version only its own first octet tells.
    Ip(&'a [u8]),
    Arp(&'a [u8]),
    /// Something that is not looked into, or nothing.
    Other,
}

/// Tag protocols: 802.1Q, 802.1ad and what vendors used before it.
const TAG_PROTOCOLS: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// Tags that are followed; the third and later ones are not kept.
const TAGS_MAX: usize = 8;
/// The largest value of the type field that is a length (IEEE 802.3 section 3.2.6).
const LENGTH_MAX: u16 = 1500;

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

/// Whether the capture holds less of the frame than was on the wire.
pub(super) fn is_snapped(frame: &Frame<'_>) -> bool {
    u32::try_from(frame.bytes.len()).is_ok_and(|len| len < frame.meta.wire_len)
}

impl Link<'_> {
    fn flaw(&mut self, reason: Reason) {
        let [first, second] = &mut self.flaws;
        if first.is_none() {
            *first = Some(reason);
        } else {
            *second = Some(reason);
        }
    }
}

/// Tags in the order in which they are met: the outermost first.
#[derive(Default)]
pub(super) struct TagList {
    tags: Tags,
    count: usize,
}

impl TagList {
    fn push(&mut self, tag: Tag) {
        self.count += 1;
        if tag.vid() == 0 {
            return;
        }
        if self.tags.outer.is_none() {
            self.tags.outer = Some(tag);
        } else if self.tags.inner.is_none() {
            self.tags.inner = Some(tag);
        }
    }
}

/// Ethernet II and IEEE 802.3.
fn ethernet<'a>(bytes: &'a [u8], link: &mut Link<'a>, tags: &mut TagList) -> Result<(), Reason> {
    link.destination = array_at(bytes, 0).map(Mac);
    link.source = array_at(bytes, 6).map(Mac);
    let kind = u16_at(bytes, 12).ok_or(Reason::Truncated)?;
    typed(kind, after(bytes, 14), link, tags)
}

/// What follows an `EtherType` or length field: tags, then the network layer.
pub(super) fn typed<'a>(
    mut kind: u16,
    mut bytes: &'a [u8],
    link: &mut Link<'a>,
    tags: &mut TagList,
) -> Result<(), Reason> {
    while TAG_PROTOCOLS.contains(&kind) && tags.count < TAGS_MAX {
        let tci = u16_at(bytes, 0).ok_or(Reason::Truncated)?;
        tags.push(Tag { tpid: kind, tci });
        kind = u16_at(bytes, 2).ok_or(Reason::Truncated)?;
        bytes = after(bytes, 4);
    }
    match kind {
        0x0800 => link.network = Network::Ipv4(bytes),
        0x86dd => link.network = Network::Ipv6(bytes),
        0x0806 => link.network = Network::Arp(bytes),
        0..=LENGTH_MAX => return llc(up_to(bytes, usize::from(kind)), link, tags),
        _ => {}
    }
    Ok(())
}

/// IEEE 802.2 LLC, and the SNAP header of IEEE 802 section 9.2 that brings an `EtherType` back.
/// Other LLC, such as spanning tree, is not looked into.
pub(super) fn llc<'a>(
    bytes: &'a [u8],
    link: &mut Link<'a>,
    tags: &mut TagList,
) -> Result<(), Reason> {
    match bytes {
        // RFC 1042 and the bridge tunnel of IEEE 802.1H.
        [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, high, low, rest @ ..] => {
            let kind = u16::from_be_bytes([*high, *low]);
            // A length here would let lengths nest without end.
            if kind > LENGTH_MAX { typed(kind, rest, link, tags) } else { Ok(()) }
        }
        [0x06, 0x06, 3, rest @ ..] => {
            link.network = Network::Ipv4(rest);
            Ok(())
        }
        [0xaa, 0xaa, 3, ..] if bytes.len() < 8 => Err(Reason::Truncated),
        [_, _, _, ..] => Ok(()),
        _ => Err(Reason::Truncated),
    }
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

/// Four octets of address family, in the byte order of whoever wrote them where `either`.
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
