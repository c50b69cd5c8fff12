//! pcapng (draft-ietf-opsawg-pcapng): sections, each with its byte order and interfaces, made of
//! blocks. Gives the places of frames and the names of interfaces. Must not know of files or
//! readers.

use super::bounds::{BATCH_FRAMES, LARGEST_FRAME, LARGEST_RECORD, MOST_INTERFACES};
use super::flaw::Flaw;
use super::records::{Order, Outcome, Records, Taken, index};
use super::stamps::Clock;
use crate::frame::{Direction, FrameMeta, InterfaceName, LinkType, Slot};
use crate::time::Stamp;

/// Octets of a section header that say whether it is one that is read.
pub(super) const HEADER: usize = 16;

/// The type of a section header block: the same in both byte orders.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type and length before a block, and the length again behind it.
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;
const LEAST_BLOCK: u32 = 12;

/// Longer interface names are cut, as labels must have a bound. Linux has 15 octets, Windows 50.
const LONGEST_NAME: usize = 128;

/// Option `opt_comment`.
const COMMENT: u16 = 1;
/// Longer comments are cut, and of more only the first are kept.
const LONGEST_COMMENT: usize = 512;
const MOST_COMMENTS: usize = 16;

/// Octets of a section header that give its length, behind [`HEADER`].
const SECTION_LENGTH: usize = 8;

/// A pcapng file from its first section header on.
pub(super) struct Pcapng {
    order: Order,
    /// The interfaces of this section.
    interfaces: Vec<Interface>,
    /// The number that frames of its first interface carry.
    first: u32,
    /// Those of the sections before and of this one, by the numbers that frames carry.
    names: Vec<InterfaceName>,
    /// What is left of a block that is not read.
    skipping: Option<Skip>,
    /// The stamp of the last frame: frames of simple packet blocks have none of their own.
    last: Stamp,
    /// What the sections say of themselves.
    comments: Vec<String>,
}

/// What is known of an interface apart from its name.
struct Interface {
    link: LinkType,
    /// At most this many octets of a frame are captured; 0 is no limit.
    snaplen: u32,
    clock: Clock,
    /// Octets of frame check sequence at the end of each frame.
    fcs: u32,
}

/// A block that is being skipped.
#[derive(Clone, Copy)]
struct Skip {
    /// Its type.
    kind: u32,
    /// Its length by its header.
    total: u32,
    /// Octets before its trailer.
    left: usize,
}

/// What a packet block says of its frame.
struct Packet {
    interface: u32,
    /// Ticks of the interface's clock, if it has a stamp.
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    /// Offset of the frame in the block's body.
    start: usize,
}

impl Pcapng {
    /// Looks at the first section header.
    ///
    /// # Errors
    /// If it is none that is read.
    pub(super) fn open(header: &[u8; HEADER]) -> Result<Self, Flaw> {
        Ok(Self {
            order: section(header)?,
            interfaces: Vec::new(),
            first: 0,
            names: Vec::new(),
            skipping: None,
            last: Stamp(0),
            comments: Vec::new(),
        })
    }

    /// Reads a whole block of a type that is read.
    fn block(
        &mut self,
        kind: u32,
        body: &[u8],
        at: usize,
        slots: &mut Vec<Slot>,
    ) -> Result<(), Flaw> {
        let packet = match kind {
            INTERFACE => return self.interface(body),
            ENHANCED_PACKET => {
                let header = fixed::<20>(body, "an enhanced packet block")?;
                Packet {
                    interface: self.order.u32(header, 0),
                    ticks: Some(self.ticks(header, 4)),
                    captured: self.order.u32(header, 12),
                    original: self.order.u32(header, 16),
                    start: 20,
                }
            }
            OLD_PACKET => {
                let header = fixed::<20>(body, "a packet block")?;
                Packet {
                    interface: u32::from(self.order.u16(header, 0)),
                    ticks: Some(self.ticks(header, 4)),
                    captured: self.order.u32(header, 12),
                    original: self.order.u32(header, 16),
                    start: 20,
                }
            }
            _ => {
                let header = fixed::<4>(body, "a simple packet block")?;
                let original = self.order.u32(header, 0);
                let snaplen = self.interfaces.first().map_or(0, |interface| interface.snaplen);
                let captured = if snaplen == 0 { original } else { original.min(snaplen) };
                Packet { interface: 0, ticks: None, captured, original, start: 4 }
            }
        };
        self.packet(&packet, body, at, slots)
    }

    fn ticks(&self, header: &[u8], at: usize) -> u64 {
        u64::from(self.order.u32(header, at)) << 32 | u64::from(self.order.u32(header, at + 4))
    }

    /// Hands out the frame of a packet block whose body lies at `at` of the batch's memory.
    #[inline]
    fn packet(
        &mut self,
        packet: &Packet,
        body: &[u8],
        at: usize,
        slots: &mut Vec<Slot>,
    ) -> Result<(), Flaw> {
        let &Packet { interface, ticks, captured, original, start } = packet;
        let Some(known) = self.interfaces.get(index(interface)) else {
            let declared = self.interfaces.len();
            return Err(Flaw::UndeclaredInterface { interface, declared });
        };
        if captured > LARGEST_FRAME {
            return Err(Flaw::LongFrame { captured });
        }
        let room = body.len() - start;
        if index(captured) > room {
            return Err(Flaw::FrameBeyondBlock { captured, room });
        }
        let options = body.get(start + index(captured).next_multiple_of(4)..).unwrap_or(&[]);
        let flags = match ticks {
            Some(_) if !options.is_empty() => flags(self.order, options),
            Some(_) | None => 0,
        };
        // Bits 5 to 8 are the octets of frame check sequence, where known: 0 is not known.
        let fcs = match flags >> 5 & 0xf {
            0 => known.fcs,
            given => given,
        };
        let stamp = ticks.map_or(self.last, |ticks| known.clock.stamp(ticks));
        let wire_len = original.saturating_sub(fcs);
        slots.push(Slot {
            meta: FrameMeta {
                stamp,
                interface: self.first + interface,
                link: known.link,
                stripped_tag: None,
                direction: match flags & 3 {
                    1 => Direction::Incoming,
                    2 => Direction::Outgoing,
                    _ => Direction::Unknown,
                },
                wire_len,
            },
            start: at + start,
            len: index(captured.min(wire_len)),
        });
        self.last = stamp;
        Ok(())
    }

    /// Reads an interface description block.
    fn interface(&mut self, body: &[u8]) -> Result<(), Flaw> {
        let header = fixed::<8>(body, "an interface description block")?;
        if self.names.len() >= MOST_INTERFACES {
            return Err(Flaw::ManyInterfaces);
        }
        let mut name = None;
        let mut tsresol = None;
        let mut tsoffset = None;
        let mut fcs = 0;
        for (code, value) in options(self.order, &body[8..]) {
            match (code, value.len()) {
                (2, _) => name = text(value, LONGEST_NAME),
                (9, 1) => tsresol = Some(value[0]),
                (13, 1) => fcs = fcs_octets(value[0]),
                (14, 8) => tsoffset = Some(self.order.i64(value, 0)),
                _ => {}
            }
        }
        let number = self.interfaces.len();
        self.names.push(InterfaceName {
            name: name.or_else(|| (number > 0).then(|| format!("capture{number}"))),
        });
        self.interfaces.push(Interface {
            link: LinkType::from_registry(self.order.u16(header, 0)),
            snaplen: self.order.u32(header, 4),
            clock: Clock::new(tsresol, tsoffset),
            fcs,
        });
        Ok(())
    }

    /// Keeps the comments among a section's options.
    fn note(&mut self, bytes: &[u8]) {
        for (code, value) in options(self.order, bytes) {
            if code == COMMENT && self.comments.len() < MOST_COMMENTS {
                self.comments.extend(text(value, LONGEST_COMMENT));
            }
        }
    }

    /// Goes on skipping; returns how much it took and whether the block is finished.
    fn skip(&mut self, mut skip: Skip, data: &[u8]) -> Result<(usize, bool), Flaw> {
        let taken = skip.left.min(data.len());
        skip.left -= taken;
        self.skipping = Some(skip);
        let Some(trailer) = data[taken..].first_chunk::<BLOCK_TRAILER>() else {
            return Ok((taken, false));
        };
        self.skipping = None;
        check_trailer(self.order, trailer, skip.total)?;
        Ok((taken + BLOCK_TRAILER, true))
    }

    /// Takes one block from the front of `data`; 0 octets if it is not complete.
    fn next(&mut self, data: &[u8], base: usize, slots: &mut Vec<Slot>) -> Result<usize, Flaw> {
        let Some(header) = data.first_chunk::<BLOCK_HEADER>() else { return Ok(0) };
        let is_section = header[..4] == SECTION;
        if is_section {
            let Some(header) = data.first_chunk::<HEADER>() else { return Ok(0) };
            // The section before ends here, whatever its header said about its length.
            self.order = section(header)?;
            self.interfaces.clear();
            // MOST_INTERFACES fits.
            self.first = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        }
        let kind = self.order.u32(header, 0);
        let total = self.order.u32(header, 4);
        if total < LEAST_BLOCK {
            return Err(Flaw::ShortBlock { total });
        }
        // Blocks are padded to 32 bits. Some writers leave the padding out of the length.
        let padded = index(total).next_multiple_of(4);
        let read = matches!(kind, INTERFACE | ENHANCED_PACKET | SIMPLE_PACKET | OLD_PACKET);
        if !read && !is_section {
            let left = padded - BLOCK_HEADER - BLOCK_TRAILER;
            self.skipping = Some(Skip { kind, total, left });
            return Ok(BLOCK_HEADER);
        }
        if padded > LARGEST_RECORD {
            return Err(Flaw::LongBlock { total });
        }
        let Some(block) = data.get(..padded) else { return Ok(0) };
        check_trailer(self.order, &block[padded - BLOCK_TRAILER..], total)?;
        if is_section {
            let options_at = HEADER + SECTION_LENGTH;
            self.note(block.get(options_at..padded - BLOCK_TRAILER).unwrap_or_default());
        }
        if read {
            let body = &block[BLOCK_HEADER..padded - BLOCK_TRAILER];
            self.block(kind, body, base + BLOCK_HEADER, slots)?;
        }
        Ok(padded)
    }
}

impl Records for Pcapng {
    fn take(&mut self, data: &[u8], base: usize, slots: &mut Vec<Slot>) -> Taken {
        let mut at = 0;
        let outcome = loop {
            if slots.len() >= BATCH_FRAMES {
                break Outcome::Full;
            }
            let step = match self.skipping {
                None => self.next(&data[at..], base + at, slots).map(|taken| (taken, taken > 0)),
                Some(skip) => self.skip(skip, &data[at..]),
            };
            match step {
                Ok((taken, whole)) => {
                    at += taken;
                    if !whole {
                        break Outcome::More;
                    }
                }
                Err(what) => break Outcome::Broken(what),
            }
        };
        Taken { consumed: at, outcome }
    }

    fn cut(&self, rest: &[u8]) -> Option<Flaw> {
        if let Some(Skip { kind, total, .. }) = self.skipping {
            return Some(Flaw::EndsInSkipped { total, kind });
        }
        if rest.is_empty() {
            return None;
        }
        Some(match rest.first_chunk::<BLOCK_HEADER>() {
            None => Flaw::EndsInHeader { got: rest.len(), of: BLOCK_HEADER, part: "block" },
            Some(header) => {
                Flaw::EndsIn { got: rest.len(), of: self.order.u32(header, 4), part: "block" }
            }
        })
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.names
    }

    fn comments(&self) -> &[String] {
        &self.comments
    }
}

/// The byte order of a section by the first octets of its header.
fn section(header: &[u8; HEADER]) -> Result<Order, Flaw> {
    let order = match header[8..12] {
        [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
        [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
        _ => return Err(Flaw::NoByteOrder),
    };
    // 1.2 was written by some versions of Wireshark's library and reads as 1.0 does (section 4.1).
    match (order.u16(header, 12), order.u16(header, 14)) {
        (1, 0 | 2) => Ok(order),
        (major, minor) => Err(Flaw::PcapngVersion { major, minor }),
    }
}

fn check_trailer(order: Order, trailer: &[u8], total: u32) -> Result<(), Flaw> {
    let again = order.u32(trailer, 0);
    if again == total || u64::from(again) == u64::from(total).next_multiple_of(4) {
        Ok(())
    } else {
        Err(Flaw::UnequalLengths { header: total, trailer: again })
    }
}

fn fixed<'a, const N: usize>(body: &'a [u8], block: &'static str) -> Result<&'a [u8; N], Flaw> {
    body.first_chunk().ok_or(Flaw::ShortBody { block, len: body.len() })
}

/// The options in `bytes`, up to the end-of-options mark or the first that is incomplete.
fn options(order: Order, bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.first_chunk::<4>()?;
        let (code, len) = (order.u16(header, 0), usize::from(order.u16(header, 2)));
        let value = rest.get(4..4 + len)?;
        rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        (code != 0).then_some((code, value))
    })
}

/// The value of option `epb_flags`, 0 where there is none.
fn flags(order: Order, bytes: &[u8]) -> u32 {
    options(order, bytes)
        .find(|(code, value)| *code == 2 && value.len() == 4)
        .map_or(0, |(_, value)| order.u32(value, 0))
}

/// Octets of frame check sequence by option `if_fcslen`. The draft says bits and gives 4 as an
/// example; writers mean either. No check sequence has 16 octets, none has fewer than 16 bits.
const fn fcs_octets(value: u8) -> u32 {
    if value >= 16 { value as u32 / 8 } else { value as u32 }
}

/// A name or comment as text of at most `longest` octets, `None` if nothing is left of it.
fn text(value: &[u8], longest: usize) -> Option<String> {
    let value = &value[..value.len().min(longest)];
    let text: String = String::from_utf8_lossy(value)
        .trim_end_matches('\0')
        .trim()
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Capture;
    use crate::capture::file::samples::{self, Endian, drained};

    #[test]
    fn interface_names_are_bounded_text() {
        assert_eq!(text(b"eth0\0\0", LONGEST_NAME).as_deref(), Some("eth0"));
        assert_eq!(text(b" \0", LONGEST_NAME), None);
        assert_eq!(text(b"a\nb\xff", LONGEST_NAME).as_deref(), Some("a\u{fffd}b\u{fffd}"));
        assert_eq!(text(&[b'x'; 5_000], LONGEST_NAME).map(|name| name.len()), Some(LONGEST_NAME));
    }

    #[test]
    fn the_number_of_interfaces_is_bounded() {
        let mut file = samples::Pcapng::default().section(Endian::Little);
        for _ in 0..=MOST_INTERFACES {
            file = file.interface(1, 0, &[]);
        }
        let mut capture = file.capture();
        let (_, errors) = drained(&mut capture);
        assert!(errors[0].to_string().ends_with("more than 65536 interfaces"), "{errors:?}");
        assert_eq!(capture.interfaces().len(), MOST_INTERFACES);
    }

    #[test]
    fn options_that_are_cut_end_the_list() {
        let list = [1, 0, 3, 0, b'a', b'b', b'c', 0, 2, 0, 9, 0, b'x'];
        let seen: Vec<_> = options(Order::Little, &list).collect();
        assert_eq!(seen, [(1, &b"abc"[..])]);
    }

    #[test]
    fn check_sequences_in_bits_or_octets() {
        assert_eq!([0, 4, 16, 32].map(fcs_octets), [0, 4, 2, 4]);
    }
}
