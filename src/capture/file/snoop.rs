//! Sun snoop (RFC 1761): one interface, big-endian, 24 octets before each frame and padding behind
//! it. Must not know of files or readers.

use super::bounds::{BATCH_FRAMES, LARGEST_FRAME};
use super::flaw::Flaw;
use super::records::{Order, Outcome, Records, Taken, index};
use crate::frame::{Direction, FrameMeta, InterfaceName, LinkType, Slot};
use crate::time::Stamp;

/// Octets of the file's header.
pub(super) const HEADER: usize = 16;

/// The first eight octets of a file.
pub(super) const MAGIC: [u8; 8] = *b"snoop\0\0\0";

/// Octets before each frame.
const RECORD_HEADER: usize = 24;

/// Padding brings records to a multiple of four; more than this counts as a break.
const LARGEST_PADDING: u32 = 65_536;

/// A snoop file after its header.
pub(super) struct Snoop {
    link: LinkType,
    interface: [InterfaceName; 1],
}

impl Snoop {
    /// Reads the header.
    ///
    /// # Errors
    /// If it is of another version than RFC 1761's.
    pub(super) fn open(header: &[u8; HEADER]) -> Result<Self, Flaw> {
        let version = Order::Big.u32(header, 8);
        if version != 2 {
            return Err(Flaw::SnoopVersion(version));
        }
        Ok(Self {
            link: link(Order::Big.u32(header, 12)),
            interface: [InterfaceName { name: None }],
        })
    }
}

/// The link type by its number in RFC 1761 and in Solaris' `sys/dlpi.h`.
fn link(number: u32) -> LinkType {
    match number {
        // IEEE 802.3 and Ethernet are framed alike.
        0 | 4 => LinkType::Ethernet,
        2 => LinkType::Other(6),
        8 => LinkType::Other(10),
        26 => LinkType::Other(226),
        _ => LinkType::Other(u16::MAX),
    }
}

impl Records for Snoop {
    fn take(&mut self, data: &[u8], base: usize, slots: &mut Vec<Slot>) -> Taken {
        let mut at = 0;
        let outcome = loop {
            if slots.len() >= BATCH_FRAMES {
                break Outcome::Full;
            }
            let Some(header) = data[at..].first_chunk::<RECORD_HEADER>() else {
                break Outcome::More;
            };
            let [original, captured, record] = [0, 4, 8].map(|field| Order::Big.u32(header, field));
            if captured > LARGEST_FRAME {
                break Outcome::Broken(Flaw::LongFrame { captured });
            }
            let least = captured + 24;
            if record < least || record > least + LARGEST_PADDING {
                break Outcome::Broken(Flaw::FrameInRecord { record, captured });
            }
            let end = at + index(record);
            if end > data.len() {
                break Outcome::More;
            }
            let seconds = i128::from(Order::Big.u32(header, 16));
            let microseconds = i128::from(Order::Big.u32(header, 20));
            slots.push(Slot {
                meta: FrameMeta {
                    stamp: Stamp(seconds * 1_000_000_000 + microseconds * 1_000),
                    interface: 0,
                    link: self.link,
                    stripped_tag: None,
                    direction: Direction::Unknown,
                    wire_len: original,
                },
                start: base + at + RECORD_HEADER,
                len: index(captured.min(original)),
            });
            at = end;
        };
        Taken { consumed: at, outcome }
    }

    fn cut(&self, rest: &[u8]) -> Option<Flaw> {
        if rest.is_empty() {
            return None;
        }
        Some(match rest.first_chunk::<RECORD_HEADER>() {
            None => Flaw::EndsInHeader { got: rest.len(), of: RECORD_HEADER, part: "frame" },
            Some(header) => {
                Flaw::EndsIn { got: rest.len(), of: Order::Big.u32(header, 8), part: "record" }
            }
        })
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.interface
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types() {
        assert_eq!(link(4), LinkType::Ethernet);
        assert_eq!(link(0), LinkType::Ethernet);
        assert_eq!(link(8), LinkType::Other(10));
        assert_eq!(link(1), LinkType::Other(u16::MAX));
    }
}
