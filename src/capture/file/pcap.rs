//! pcap (draft-ietf-opsawg-pcap): one interface, 16 octets before each frame. Must not know of
//! files or readers.

use super::bounds::{BATCH_FRAMES, LARGEST_FRAME};
use super::flaw::Flaw;
use super::records::{Order, Outcome, Records, Taken, index};
use crate::frame::{Direction, FrameMeta, InterfaceName, LinkType, Slot};
use crate::time::Stamp;

/// Octets of the file's header.
pub(super) const HEADER: usize = 24;

/// Octets before each frame.
const RECORD_HEADER: usize = 16;

/// A pcap file after its header.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds that the second half of a stamp counts in: 1000 or 1.
    fraction: u32,
    lengths: Lengths,
    link: LinkType,
    /// Octets of frame check sequence at the end of each frame.
    fcs: u32,
    interface: [InterfaceName; 1],
}

/// In which order a record's two lengths stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    /// Captured, original.
    Straight,
    /// Some writers of version 2.3 swapped them; the captured length is the smaller one.
    Doubtful,
    /// Original, captured: before version 2.3, and DG/UX.
    Swapped,
}

impl Pcap {
    /// Reads the header of a file whose magic number says its byte order and the resolution of
    /// its stamps.
    ///
    /// # Errors
    /// If it is of a version that nobody wrote.
    pub(super) fn open(
        header: &[u8; HEADER],
        order: Order,
        nanoseconds: bool,
    ) -> Result<Self, Flaw> {
        let (major, minor) = (order.u16(header, 4), order.u16(header, 6));
        let lengths = match (major, minor) {
            (2, ..=2) | (543, _) => Lengths::Swapped,
            (2, 3) => Lengths::Doubtful,
            (2, _) => Lengths::Straight,
            _ => return Err(Flaw::PcapVersion { major, minor }),
        };
        let network = order.u32(header, 20);
        // The upper half tells of the frame check sequence: bit 26 that its length is given, the
        // highest four bits how long it is, in units of 16 bits. The rest is reserved.
        let fcs = if network & 0x0400_0000 == 0 { 0 } else { (network >> 28) * 2 };
        Ok(Self {
            order,
            fraction: if nanoseconds { 1 } else { 1_000 },
            lengths,
            link: LinkType::from_registry((network & 0xffff) as u16),
            fcs,
            interface: [InterfaceName { name: None }],
        })
    }

    /// Captured and original length of a record.
    #[inline]
    fn lengths(&self, header: &[u8; RECORD_HEADER]) -> (u32, u32) {
        let (first, second) = (self.order.u32(header, 8), self.order.u32(header, 12));
        match self.lengths {
            Lengths::Straight => (first, second),
            Lengths::Doubtful => (first.min(second), first.max(second)),
            Lengths::Swapped => (second, first),
        }
    }
}

impl Records for Pcap {
    fn take(&mut self, data: &[u8], base: usize, slots: &mut Vec<Slot>) -> Taken {
        let mut at = 0;
        let outcome = loop {
            if slots.len() >= BATCH_FRAMES {
                break Outcome::Full;
            }
            let Some(header) = data[at..].first_chunk::<RECORD_HEADER>() else {
                break Outcome::More;
            };
            let (captured, original) = self.lengths(header);
            if captured > LARGEST_FRAME {
                break Outcome::Broken(Flaw::LongFrame { captured });
            }
            let start = at + RECORD_HEADER;
            let end = start + index(captured);
            if end > data.len() {
                break Outcome::More;
            }
            let seconds = i128::from(self.order.u32(header, 0));
            let fraction = i128::from(self.order.u32(header, 4)) * i128::from(self.fraction);
            // More captured than there was makes no sense: like Wireshark, show what there was.
            let wire_len = original.saturating_sub(self.fcs);
            slots.push(Slot {
                meta: FrameMeta {
                    stamp: Stamp(seconds * 1_000_000_000 + fraction),
                    interface: 0,
                    link: self.link,
                    stripped_tag: None,
                    direction: Direction::Unknown,
                    wire_len,
                },
                start: base + start,
                len: index(captured.min(wire_len)),
            });
            at = end;
        };
        Taken { consumed: at, outcome }
    }

    fn cut(&self, rest: &[u8]) -> Option<Flaw> {
        if rest.is_empty() {
            return None;
        }
        Some(match rest.first_chunk() {
            None => Flaw::EndsInHeader { got: rest.len(), of: RECORD_HEADER, part: "frame" },
            Some(header) => Flaw::EndsIn {
                got: rest.len() - RECORD_HEADER,
                of: self.lengths(header).0,
                part: "frame",
            },
        })
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.interface
    }
}
