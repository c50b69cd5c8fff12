//! A frame and what is known of it, and frames that were read together. Backends make them;
//! everything after only borrows. They know neither sockets nor files, nor what a frame means.

use crate::time::Stamp;
use std::ops::Range;

/// One frame, borrowed from the capture's memory.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Everything about it but its bytes.
    pub meta: FrameMeta,
    /// What was captured, link-layer header first; shorter than `meta.wire_len` if cut.
    pub bytes: &'a [u8],
}

/// What a capture knows of a frame apart from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMeta {
    /// When it was heard, by the wall clock of the capturing machine.
    pub stamp: Stamp,
    /// Which of the capture's interfaces heard it: an index into [`Batch::interfaces`].
    pub interface: u32,
    /// How to read its first bytes.
    pub link: LinkType,
    /// The tag that the network card or kernel took out of the bytes, if any.
    pub stripped_tag: Option<Tag>,
    /// Whether this machine received or sent it.
    pub direction: Direction,
    /// Its length on the wire in bytes, link-layer header included, checksum (FCS) not.
    pub wire_len: u32,
}

/// Where a frame stands in the files that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the files, from 0.
    pub file: u32,
    /// Its number in the file, from 1, as Wireshark counts.
    pub number: u64,
}

/// An 802.1Q or 802.1ad tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Tag protocol: 0x8100, 0x88a8 or an older vendor's value.
    pub tpid: u16,
    /// Priority, drop eligibility and VLAN id as they stand in the tag.
    pub tci: u16,
}

impl Tag {
    /// The VLAN id, 0 to 4095; 0 means that the tag carries a priority only.
    pub const fn vid(self) -> u16 {
        self.tci & 0x0fff
    }
}

/// Link types that are decoded, by the numbers of the tcpdump registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// `LINKTYPE_ETHERNET`, 1.
    Ethernet,
    /// `LINKTYPE_LINUX_SLL`, 113.
    LinuxCooked,
    /// `LINKTYPE_LINUX_SLL2`, 276.
    LinuxCooked2,
    /// `LINKTYPE_IEEE802_11`, 105.
    Ieee80211,
    /// `LINKTYPE_IEEE802_11_RADIOTAP`, 127.
    Radiotap,
    /// `LINKTYPE_RAW`, 101 (and `DLT_RAW` 12 and 14, `LINKTYPE_IPV4` 228, `LINKTYPE_IPV6` 229).
    RawIp,
    /// `LINKTYPE_NULL`, 0: four octets of address family in the byte order of the writer.
    BsdLoopback,
    /// `LINKTYPE_LOOP`, 108: the same in network byte order.
    OpenBsdLoopback,
    /// Anything else: counted, not decoded.
    Other(u16),
}

impl LinkType {
    /// The link type with this number in the tcpdump registry
    /// (<https://www.tcpdump.org/linktypes.html>). Takes 12 and 14 as well, which are numbers of
    /// raw IP on BSD and which files carry all the same.
    pub(crate) const fn from_registry(number: u16) -> Self {
        match number {
            0 => Self::BsdLoopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            105 => Self::Ieee80211,
            108 => Self::OpenBsdLoopback,
            113 => Self::LinuxCooked,
            127 => Self::Radiotap,
            276 => Self::LinuxCooked2,
            other => Self::Other(other),
        }
    }
}

/// Whether this machine received or sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The backend cannot tell.
    #[default]
    Unknown,
    /// Received.
    Incoming,
    /// Sent by this machine.
    Outgoing,
}

/// Frames that were read together, borrowed from the capture until the next read.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    memory: &'a [u8],
    frames: &'a [Slot],
    interfaces: &'a [InterfaceName],
}

/// Where in a batch's memory one frame lies.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Everything about the frame but its bytes.
    pub meta: FrameMeta,
    /// Offset of the first byte.
    pub start: usize,
    /// Number of bytes captured.
    pub len: usize,
}

impl<'a> Batch<'a> {
    /// Frames at the given places of `memory`, heard on `interfaces`. A slot that reaches beyond
    /// the memory yields what there is.
    pub const fn new(
        memory: &'a [u8],
        frames: &'a [Slot],
        interfaces: &'a [InterfaceName],
    ) -> Self {
        Self { memory, frames, interfaces }
    }

    /// The interfaces that frames name by index: all that the capture has heard of so far.
    pub const fn interfaces(&self) -> &'a [InterfaceName] {
        self.interfaces
    }

    /// How many frames there are.
    pub const fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether the wait ended without a frame.
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frame at a place in the order in which they were heard.
    pub fn get(&self, place: usize) -> Option<Frame<'a>> {
        self.frames.get(place).map(|slot| slot.of(self.memory))
    }

    /// Those frames that lie at `places`; none where there is no such range.
    pub fn slice(self, places: Range<usize>) -> Self {
        Self { frames: self.frames.get(places).unwrap_or_default(), ..self }
    }

    /// The frames up to the first that was heard after `stamp`.
    pub fn until(self, stamp: Stamp) -> Self {
        let end = self.frames.iter().position(|slot| slot.meta.stamp > stamp);
        self.slice(0..end.unwrap_or(self.frames.len()))
    }

    /// The frames in the order in which they were heard.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'a>> + use<'a> {
        let memory = self.memory;
        self.frames.iter().map(move |slot| slot.of(memory))
    }
}

impl Slot {
    /// The frame, as far as `memory` holds it.
    fn of<'a>(&self, memory: &'a [u8]) -> Frame<'a> {
        let start = self.start.min(memory.len());
        let end = start.saturating_add(self.len).min(memory.len());
        Frame { meta: self.meta, bytes: &memory[start..end] }
    }
}

/// How many more frames wait, of those that the kernel can keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backlog {
    /// Fewer than half, or nobody knows.
    #[default]
    Little,
    /// Half or more.
    Half,
    /// Three quarters or more: what is not read now will be lost.
    Most,
}

/// The name of one interface of a capture, as the capture file or the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName {
    /// The name, if it has one. Interface N > 0 of a pcapng section that gives it no name is
    /// named `captureN`.
    pub name: Option<String>,
}

impl InterfaceName {
    /// The name, or `capture`. Equal labels are the same segment, within a file and among files.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("capture")
    }
}
