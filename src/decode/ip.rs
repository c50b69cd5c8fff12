//! IPv4 (RFC 791) and IPv6 (RFC 8200) with their options, extension headers and fragments. Bytes
//! may end early, or hold padding behind the packet. Knows no link; tunnels are not entered.
//! Checksums are not verified: sent frames are captured before the hardware fills them in.

use super::Reason;
use super::octets::{after, array_at, u8_at, u16_at, up_to};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// Identification (RFC 791 section 3.1), the same in all copies of a datagram; 0 in IPv6.
    pub id: u16,
}

/// An IP packet, or the part of it that a fragment holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// The fields of the header that matter.
    pub(super) header: Ip,
    /// The protocol of the payload, after any extension headers.
    pub(super) next: u8,
    /// What it carries, without padding, as far as it is there.
    pub(super) payload: &'a [u8],
    /// Which part of the packet this is.
    pub(super) part: Part,
    /// Whether the header promises more than there is.
    pub(super) cut: bool,
}

/// Which part of a packet a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// The first fragment.
    First,
    /// A later fragment.
    Later,
}

/// A packet as far as it could be read, and what was wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) packet: Option<Packet<'a>>,
    pub(super) flaw: Option<Reason>,
}

/// No protocol: what [`Packet::next`] is when the headers before it could not be read.
const NOTHING: u8 = 59;

const fn failed<'a>(flaw: Reason) -> Reading<'a> {
    Reading { packet: None, flaw: Some(flaw) }
}

/// A packet of either version, by its first four bits.
pub(super) fn read(bytes: &[u8]) -> Reading<'_> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => read_v4(bytes),
        Some(6) => read_v6(bytes),
        Some(_) => failed(Reason::BadVersion),
        None => failed(Reason::Truncated),
    }
}

/// An IPv4 packet.
pub(super) fn read_v4(bytes: &[u8]) -> Reading<'_> {
    let Some(fixed) = array_at::<20>(bytes, 0) else {
        return failed(Reason::Truncated);
    };
    if fixed[0] >> 4 != 4 {
        return failed(Reason::BadVersion);
    }
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    // 0 is what segmentation offload leaves in packets captured before it.
    let total = if total == 0 { bytes.len() } else { total };
    let fragment = u16::from_be_bytes([fixed[6], fixed[7]]);
    let part = match (fragment & 0x1fff, fragment & 0x2000 != 0) {
        (0, false) => Part::Whole,
        (0, true) => Part::First,
        (_, _) => Part::Later,
    };
    let header = Ip {
        source: IpAddr::V4(Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15])),
        destination: IpAddr::V4(Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19])),
        ttl: fixed[8],
        len: u32::try_from(total).unwrap_or(u32::MAX),
        fragment: part != Part::Whole,
        id: u16::from_be_bytes([fixed[4], fixed[5]]),
    };
    let mut packet = Packet {
        header,
        next: fixed[9],
        payload: after(up_to(bytes, total), header_len),
        part,
        cut: bytes.len() < total,
    };
    let flaw = if header_len < 20 {
        Some(Reason::BadHeaderLength)
    } else if total < header_len {
        Some(Reason::BadLength)
    } else if bytes.len() < header_len {
        Some(Reason::Truncated)
    } else {
        None
    };
    if flaw.is_some() {
        packet.next = NOTHING;
        packet.payload = &[];
    }
    Reading { packet: Some(packet), flaw }
}

/// An IPv6 packet. Jumbograms (RFC 2675) are not followed: no link here carries them.
pub(super) fn read_v6(bytes: &[u8]) -> Reading<'_> {
    let Some(fixed) = array_at::<40>(bytes, 0) else {
        return failed(Reason::Truncated);
    };
    if fixed[0] >> 4 != 6 {
        return failed(Reason::BadVersion);
    }
    let len = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let body = after(bytes, 40);
    let address =
        |at: usize| IpAddr::V6(Ipv6Addr::from(array_at::<16>(bytes, at).unwrap_or_default()));
    let mut packet = Packet {
        header: Ip {
            source: address(8),
            destination: address(24),
            ttl: fixed[7],
            len: u32::try_from(40 + len).unwrap_or(u32::MAX),
            fragment: false,
            id: 0,
        },
        next: fixed[6],
        payload: up_to(body, len),
        part: Part::Whole,
        cut: body.len() < len,
    };
    let flaw = extensions(&mut packet).err();
    if flaw.is_some() {
        packet.next = NOTHING;
        packet.payload = &[];
    }
    Reading { packet: Some(packet), flaw }
}

/// Steps over the extension headers, so that `next` and `payload` are those of the transport. As many
/// as there are: a host's socket gets the packet too, whatever their number (RFC 8200 section 4.1 has
/// no limit). Each takes eight octets or more, so the packet's length bounds them.
fn extensions(packet: &mut Packet<'_>) -> Result<(), Reason> {
    let missing = if packet.cut { Reason::Truncated } else { Reason::BadHeaderLength };
    loop {
        let bytes = packet.payload;
        let len = match packet.next {
            // Hop-by-hop, routing, destination options, mobility, host identity, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => usize::from(u8_at(bytes, 1).ok_or(missing)?) * 8 + 8,
            // Authentication (RFC 4302 section 2.2): in units of four octets, less two.
            51 => usize::from(u8_at(bytes, 1).ok_or(missing)?) * 4 + 8,
            44 => {
                let offset = u16_at(bytes, 2).ok_or(missing)?;
                packet.part = match (offset >> 3, offset & 1) {
                    // RFC 6946: an atomic fragment is whole.
                    (0, 0) => Part::Whole,
                    (0, _) => Part::First,
                    (_, _) => Part::Later,
                };
                packet.header.fragment = packet.part != Part::Whole;
                8
            }
            _ => return Ok(()),
        };
        packet.next = bytes[0];
        packet.payload = bytes.get(len..).ok_or(missing)?;
        // What a later fragment holds is not a header, whatever its first octets are.
        if packet.part == Part::Later {
            return Ok(());
        }
    }
}

/// Whether `address` is a multicast group or the limited broadcast address.
pub(super) fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || is_broadcast(address)
}

/// Whether `address` is 255.255.255.255.
pub(super) fn is_broadcast(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::BROADCAST)
}
