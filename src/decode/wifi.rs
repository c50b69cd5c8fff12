//! IEEE 802.11 data frames, with and without a radiotap header: source and destination address
//! wherever they stand, and the bytes after the LLC header. Knows no keys: a protected payload is
//! not read.

use super::ethertype::{Link, TagList, is_snapped, llc};
use super::octets::{after, array_at, u8_at, up_to};
use super::{Reason, octets};
use crate::frame::Frame;
use crate::mac::Mac;

/// Radiotap flags (radiotap.org, field Flags).
const FLAG_FCS: u8 = 0x10;
const FLAG_PADDED: u8 = 0x20;

/// Frame control, second octet (IEEE 802.11 section 9.2.4.1).
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// A frame with a radiotap header before and perhaps the checksum behind.
pub(super) fn radiotap<'a>(
    frame: &Frame<'a>,
    link: &mut Link<'a>,
    tags: &mut TagList,
) -> Result<(), Reason> {
    let bytes = frame.bytes;
    let len: [u8; 2] = array_at(bytes, 2).ok_or(Reason::Truncated)?;
    let len = usize::from(u16::from_le_bytes(len));
    if len < 8 {
        return Err(Reason::BadLength);
    }
    let flags = radiotap_flags(up_to(bytes, len)).unwrap_or(0);
    let inner = bytes.get(len..).ok_or(Reason::Truncated)?;
    let fcs = if flags & FLAG_FCS != 0 && !is_snapped(frame) { 4 } else { 0 };
    read(up_to(inner, inner.len().saturating_sub(fcs)), flags & FLAG_PADDED != 0, link, tags)
}

/// The Flags field: after the presence words and, if present, the 8-octet aligned TSFT.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let first = u32::from_le_bytes(array_at(header, 4)?);
    let mut at = 4;
    // Bit 31 says that another presence word follows.
    while u32::from_le_bytes(array_at(header, at)?) & 0x8000_0000 != 0 {
        at += 4;
    }
    at += 4;
    if first & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if first & 2 == 0 { None } else { u8_at(header, at) }
}

/// A frame from its frame control field on. `padded`: the header is filled up to four octets.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    padded: bool,
    link: &mut Link<'a>,
    tags: &mut TagList,
) -> Result<(), Reason> {
    let [control, flags] = array_at(bytes, 0).ok_or(Reason::Truncated)?;
    let address = |at: usize| array_at(bytes, at).map(Mac);
    if control & 0x0c != 0x08 {
        return not_data(control, bytes, link);
    }
    let (destination, source) = match (flags & TO_DS != 0, flags & FROM_DS != 0) {
        (false, false) => (4, 10),
        (false, true) => (4, 16),
        (true, false) => (16, 10),
        (true, true) => (16, 24),
    };
    link.destination = address(destination);
    link.source = address(source);
    let sequence: [u8; 2] = array_at(bytes, 22).ok_or(Reason::Truncated)?;
    let mut header = if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS { 30 } else { 24 };
    let mut aggregate = false;
    if control & 0x80 != 0 {
        let qos = u8_at(bytes, header).ok_or(Reason::Truncated)?;
        aggregate = qos & 0x80 != 0;
        // With the order bit an HT control field follows.
        header += if flags & ORDER != 0 { 6 } else { 2 };
    }
    if padded {
        header = header.next_multiple_of(4);
    }
    if bytes.len() < header {
        return Err(Reason::Truncated);
    }
    // Null frames carry nothing; a later 802.11 fragment begins in the middle.
    if control & 0x40 != 0 || sequence[0] & 0x0f != 0 {
        return Ok(());
    }
    if flags & PROTECTED != 0 {
        return Err(Reason::Encrypted);
    }
    let mut body = after(bytes, header);
    if aggregate {
        // The first subframe of an A-MSDU; its addresses are the ones that count.
        link.destination = array_at(body, 0).map(Mac).or(link.destination);
        link.source = array_at(body, 6).map(Mac).or(link.source);
        let len = octets::u16_at(body, 12).ok_or(Reason::Truncated)?;
        body = up_to(after(body, 14), usize::from(len));
    }
    llc(body, link, tags)
}

/// Management frames have addresses, control frames at most a receiver.
fn not_data(control: u8, bytes: &[u8], link: &mut Link<'_>) -> Result<(), Reason> {
    link.destination = array_at(bytes, 4).map(Mac);
    if control & 0x0c == 0 {
        link.source = array_at(bytes, 10).map(Mac);
        if link.source.is_none() {
            return Err(Reason::Truncated);
        }
    }
    if link.destination.is_none() { Err(Reason::Truncated) } else { Ok(()) }
}
