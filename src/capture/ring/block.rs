//! Reads one block of a `TPACKET_V3` ring: where its frames lie and what the kernel knows of them.
//! Pure: never reads outside the block, whatever it says.
//!
//! Layout (`linux/if_packet.h`), all in host byte order: `tpacket_block_desc` with the number of
//! frames at 12 and the offset of the first at 16; then for each frame a `tpacket3_hdr` of 48
//! bytes and a `sockaddr_ll`, whose packet type lies at 10; the frame's bytes at `tp_mac`.

use crate::frame::{Direction, FrameMeta, LinkType, Slot, Tag};
use crate::time::Stamp;

/// `tpacket_block_desc`: where the number of frames lies.
const BLOCK_FRAMES: usize = 12;
/// `tpacket_block_desc`: where the offset of the first frame's header lies.
const BLOCK_FIRST: usize = 16;
/// `tpacket3_hdr` and the part of the `sockaddr_ll` behind it that is read.
const HEADER: usize = 48 + 11;
/// An 802.1Q tag, bytes.
const TAG_LEN: u32 = 4;
/// How many frames ahead [`prefetch`] looks.
const AHEAD: usize = 6;
/// Bytes that come from memory together.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;
/// 802.1Q, where the kernel does not say which.
const DEFAULT_TPID: u16 = 0x8100;

/// How far a block has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Where the next header is.
    at: usize,
    /// How many frames are left.
    left: u32,
}

impl Cursor {
    /// At the first frame of `block`.
    pub(super) fn new(block: &[u8]) -> Self {
        match (word(block, BLOCK_FRAMES), word(block, BLOCK_FIRST)) {
            (Some(left), Some(at)) => Self { at: at as usize, left },
            (Some(_) | None, _) => Self { at: 0, left: 0 },
        }
    }

    /// Whether all frames were read.
    pub(super) const fn is_at_end(self) -> bool {
        self.left == 0
    }

    /// Appends the next frames of `block`, at most `limit`, to `slots`. Returns how many frames are
    /// lost because the block contradicts itself: then the cursor is at the end.
    pub(super) fn read(
        &mut self,
        block: &[u8],
        link: LinkType,
        limit: usize,
        slots: &mut Vec<Slot>,
    ) -> u32 {
        for _ in 0..limit {
            if self.left == 0 {
                break;
            }
            let header = block.get(self.at..).and_then(<[u8]>::first_chunk::<HEADER>);
            let Some((next, slot)) = header.map(|header| read_header(header, self.at, link)) else {
                return std::mem::take(&mut self.left);
            };
            if slot.start.checked_add(slot.len).is_none_or(|end| end > block.len()) {
                return std::mem::take(&mut self.left);
            }
            slots.push(slot);
            self.left -= 1;
            prefetch(block, self.at.saturating_add(next.saturating_mul(AHEAD)));
            // Zero after the last frame; anywhere else it would lead nowhere.
            match self.at.checked_add(next) {
                Some(beyond) if beyond > self.at => self.at = beyond,
                Some(_) | None if self.left > 0 => {
                    return std::mem::take(&mut self.left);
                }
                Some(_) | None => {}
            }
        }
        0
    }
}

/// Asks for the header and the first bytes of a frame some way ahead. The kernel wrote them on
/// another core, and the misses are most of what reading a ring costs. Where it lies is a guess,
/// that all frames on the way are as long as this one: right in a storm.
#[inline]
fn prefetch(block: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(ahead) = block.get(at..) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for line in ahead.chunks(CACHE_LINE).take(3) {
            // SAFETY: a hint that reads nothing; the address lies in the block all the same.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (block, at);
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// The distance to the next header, and where and what this frame is.
#[inline]
fn read_header(header: &[u8; HEADER], at: usize, link: LinkType) -> (usize, Slot) {
    let word = |at: usize| {
        u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let (next, seconds, nanoseconds) = (word(0), word(4), word(8));
    let (captured, length, status) = (word(12), word(16), word(20));
    let mac = half(24);
    // The kernel counts what it has in hand: the tag that was taken out was on the wire, too.
    let stripped_tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| Tag {
        tpid: if status & libc::TP_STATUS_VLAN_TPID_VALID == 0 { DEFAULT_TPID } else { half(36) },
        tci: (word(32) & 0xffff) as u16,
    });
    let direction = if header[48 + 10] == libc::PACKET_OUTGOING {
        Direction::Outgoing
    } else {
        Direction::Incoming
    };
    let tag_len = if stripped_tag.is_some() { TAG_LEN } else { 0 };
    let meta = FrameMeta {
        stamp: Stamp::new(i64::from(seconds), nanoseconds),
        interface: 0,
        link,
        stripped_tag,
        direction,
        wire_len: length.saturating_add(tag_len),
    };
    let slot = Slot { meta, start: at + usize::from(mac), len: captured as usize };
    (next as usize, slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes, length on the wire, tag control and protocol (0: not told), packet type.
    type Sample<'a> = (&'a [u8], u32, Option<(u32, u16)>, u8);

    /// A block as the kernel would write it.
    fn block(frames: &[Sample<'_>]) -> Vec<u8> {
        let mut bytes = vec![0_u8; 48];
        bytes[12..16].copy_from_slice(&u32::try_from(frames.len()).unwrap().to_ne_bytes());
        bytes[16..20].copy_from_slice(&48_u32.to_ne_bytes());
        for (index, (data, length, tag, kind)) in frames.iter().enumerate() {
            let size = (80 + data.len()).next_multiple_of(16);
            let mut frame = vec![0_u8; size];
            let next = if index + 1 == frames.len() { 0 } else { u32::try_from(size).unwrap() };
            let mut status = libc::TP_STATUS_USER;
            if let Some((tci, tpid)) = tag {
                status |= libc::TP_STATUS_VLAN_VALID;
                frame[32..36].copy_from_slice(&tci.to_ne_bytes());
                if *tpid != 0 {
                    status |= libc::TP_STATUS_VLAN_TPID_VALID;
                    frame[36..38].copy_from_slice(&tpid.to_ne_bytes());
                }
            }
            let captured = u32::try_from(data.len()).unwrap();
            for (word, value) in
                [next, 1_700_000_000, 5, captured, *length, status].iter().enumerate()
            {
                frame[word * 4..word * 4 + 4].copy_from_slice(&value.to_ne_bytes());
            }
            frame[24..26].copy_from_slice(&80_u16.to_ne_bytes());
            frame[58] = *kind;
            frame[80..80 + data.len()].copy_from_slice(data);
            bytes.extend(frame);
        }
        bytes
    }

    fn frames(block: &[u8]) -> (u32, Vec<Slot>) {
        let mut slots = Vec::new();
        // In pieces, as a ring does.
        let mut cursor = Cursor::new(block);
        let mut lost = 0;
        while !cursor.is_at_end() {
            lost += cursor.read(block, LinkType::Ethernet, 3, &mut slots);
        }
        (lost, slots)
    }

    #[test]
    fn frames_lie_where_the_headers_say() {
        let block = block(&[(b"first", 5, None, 2), (b"cut", 1500, None, libc::PACKET_OUTGOING)]);
        let (lost, slots) = frames(&block);
        assert_eq!(lost, 0);
        let bytes: Vec<&[u8]> = slots.iter().map(|s| &block[s.start..s.start + s.len]).collect();
        assert_eq!(bytes, [&b"first"[..], b"cut"]);
        assert_eq!(slots[0].meta.stamp, Stamp::new(1_700_000_000, 5));
        assert_eq!(slots[0].meta.direction, Direction::Incoming);
        assert_eq!(slots[1].meta.direction, Direction::Outgoing);
        assert_eq!((slots[0].meta.wire_len, slots[1].meta.wire_len), (5, 1500));
    }

    #[test]
    fn a_stripped_tag_is_told_and_counted_in_the_length() {
        let block = block(&[(b"x", 60, Some((0xe01e, 0x88a8)), 2), (b"y", 60, Some((7, 0)), 2)]);
        let (_, slots) = frames(&block);
        assert_eq!(slots[0].meta.stripped_tag, Some(Tag { tpid: 0x88a8, tci: 0xe01e }));
        assert_eq!(slots[1].meta.stripped_tag, Some(Tag { tpid: 0x8100, tci: 7 }));
        assert_eq!(slots[0].meta.wire_len, 64);
    }

    #[test]
    fn a_block_that_claims_more_frames_than_it_has_room_for_yields_what_there_is() {
        let mut block = block(&[(b"first", 5, None, 2), (b"second", 6, None, 2)]);
        block[12..16].copy_from_slice(&u32::MAX.to_ne_bytes());
        let end = block.len();
        // The last header now leads on to the end of the block.
        let last = end - 96;
        block[last..last + 4].copy_from_slice(&96_u32.to_ne_bytes());
        let (missing, slots) = frames(&block);
        assert_eq!(missing, u32::MAX - 2);
        assert_eq!(slots.len(), 2);
    }

    proptest! {
        #[test]
        fn nothing_outside_the_block_is_ever_named(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..512),
            count in 0_u32..64, first in 0_u32..600, mac in any::<u16>(), length in 0_u32..700,
        ) {
            for (at, value) in [(12, count), (16, first), (first as usize + 12, length)] {
                if let Some(word) = bytes.get_mut(at..at + 4) {
                    word.copy_from_slice(&value.to_ne_bytes());
                }
            }
            if let Some(half) = bytes.get_mut(first as usize + 24..first as usize + 26) {
                half.copy_from_slice(&(mac % 700).to_ne_bytes());
            }
            let (_, slots) = frames(&bytes);
            prop_assert!(slots.len() <= count as usize);
            for slot in slots {
                prop_assert!(slot.start + slot.len <= bytes.len());
            }
        }
    }
}
