//! What the link layers share: the result they give, and the way from an `EtherType`, a length or
//! an LLC header to the network layer's bytes. Knows no link layer.

use super::Reason;
use super::octets::{after, u16_at, up_to};
use crate::frame::{Direction, Frame, Tag};
use crate::mac::Mac;

/// Up to two VLAN tags that name a VLAN (id not 0), outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags {
    /// The outer, or only, tag.
    pub outer: Option<Tag>,
    /// The inner tag; only where there is an outer one.
    pub inner: Option<Tag>,
}

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
    /// What was wrong, in order.
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
    /// IP whose version only its own first octet shows.
    Ip(&'a [u8]),
    Arp(&'a [u8]),
    /// Something that is not read, or nothing.
    Other,
}

/// Tag protocols: 802.1Q, 802.1ad and what vendors used before it.
const TAG_PROTOCOLS: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// Tags that are followed; the third and later ones are not kept.
const TAGS_MAX: usize = 8;
/// The largest value of the type field that is a length (IEEE 802.3 section 3.2.6).
pub(super) const LENGTH_MAX: u16 = 1500;

/// Whether the capture holds less of the frame than was on the wire.
pub(super) fn is_snapped(frame: &Frame<'_>) -> bool {
    u32::try_from(frame.bytes.len()).is_ok_and(|len| len < frame.meta.wire_len)
}

impl Link<'_> {
    pub(super) fn flaw(&mut self, reason: Reason) {
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
    pub(super) tags: Tags,
    pub(super) count: usize,
}

impl TagList {
    pub(super) fn push(&mut self, tag: Tag) {
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
/// Other LLC, such as spanning tree, is not read.
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
