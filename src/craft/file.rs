//! Capture files of frames made by hand: pcap in both byte orders and both resolutions, pcapng
//! with named interfaces, options and sections, Sun snoop (RFC 1761).

use super::length::{len16, len32};
use crate::time::Stamp;

/// LINKTYPE_ETHERNET.
pub const ETHERNET: u16 = 1;

/// A frame and what the capturing machine noted about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When.
    pub stamp: Stamp,
    /// Its length on the wire in octets.
    pub wire_len: u32,
    /// What was captured of it.
    pub bytes: Vec<u8>,
}

impl Captured {
    /// A frame captured whole.
    pub fn new(stamp: Stamp, bytes: Vec<u8>) -> Self {
        Self { stamp, wire_len: len32(bytes.len()), bytes }
    }

    /// A frame of which the first `snaplen` octets were captured.
    pub fn cut(stamp: Stamp, mut bytes: Vec<u8>, snaplen: usize) -> Self {
        let wire_len = len32(bytes.len());
        bytes.truncate(snaplen);
        Self { stamp, wire_len, bytes }
    }
}

/// The byte order of the machine that wrote a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant octet first.
    #[default]
    Little,
    /// Most significant octet first.
    Big,
}

impl ByteOrder {
    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// The resolution of a pcap file's time stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// 10^-6 s, magic 0xa1b2c3d4.
    #[default]
    Micro,
    /// 10^-9 s, magic 0xa1b23c4d.
    Nano,
}

/// What kind of pcap file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pcap {
    /// Byte order.
    pub order: ByteOrder,
    /// Time resolution.
    pub resolution: Resolution,
    /// Link type, by the numbers of the tcpdump registry.
    pub link: u16,
}

/// Ethernet, little-endian, microseconds.
impl Default for Pcap {
    fn default() -> Self {
        Self { order: ByteOrder::Little, resolution: Resolution::Micro, link: ETHERNET }
    }
}

impl Pcap {
    /// The file. Stamps outside 1970 to 2106 are written as the nearer end.
    pub fn write<'a>(self, frames: impl IntoIterator<Item = &'a Captured>) -> Vec<u8> {
        let order = self.order;
        let (magic, per_unit) = match self.resolution {
            Resolution::Micro => (0xa1b2_c3d4, 1_000),
            Resolution::Nano => (0xa1b2_3c4d, 1),
        };
        let mut file = order.u32(magic).to_vec();
        file.extend(order.u16(2));
        file.extend(order.u16(4));
        file.extend([0; 8]);
        file.extend(order.u32(262_144));
        file.extend(order.u32(self.link.into()));
        for frame in frames {
            let (seconds, nanoseconds) = split(frame.stamp);
            let lengths = [len32(frame.bytes.len()), frame.wire_len];
            for field in [seconds, nanoseconds / per_unit].into_iter().chain(lengths) {
                file.extend(order.u32(field));
            }
            file.extend(&frame.bytes);
        }
        file
    }
}

/// A pcapng file that grows block by block (draft-ietf-opsawg-pcapng).
#[derive(Clone, Debug)]
pub struct PcapNg {
    order: ByteOrder,
    /// Power of ten of the resolution, by interface of the current section.
    resolutions: Vec<u8>,
    file: Vec<u8>,
}

impl PcapNg {
    /// A file with a section header and no interface yet.
    pub fn new(order: ByteOrder) -> Self {
        Self { order, resolutions: Vec::new(), file: Vec::new() }.section(order)
    }

    /// A new section, of any byte order, whose interfaces are counted from 0 again.
    pub fn section(mut self, order: ByteOrder) -> Self {
        self.order = order;
        self.resolutions.clear();
        // Version 1.0, length not given.
        let body = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    /// One more Ethernet interface, with microseconds.
    pub fn interface(self, name: Option<&str>) -> Self {
        self.interface_with(name, ETHERNET, 6)
    }

    /// One more interface with a link type and a resolution of 10 to the power of minus
    /// `resolution` seconds, at most 18.
    pub fn interface_with(mut self, name: Option<&str>, link: u16, resolution: u8) -> Self {
        let order = self.order;
        self.resolutions.push(resolution.min(18));
        let mut body = [&order.u16(link)[..], &[0, 0], &order.u32(0)].concat();
        if let Some(name) = name {
            self.option(&mut body, 2, name.as_bytes());
        }
        self.option(&mut body, 9, &[resolution.min(18)]);
        self.option(&mut body, 0, &[]);
        self.block(1, &body)
    }

    /// One more frame, heard by the interface of this index in an Enhanced Packet Block.
    pub fn frame(self, interface: u32, frame: &Captured) -> Self {
        self.frame_with(interface, frame, &[])
    }

    /// One more frame with options: code and value each.
    pub(crate) fn frame_with(
        self,
        interface: u32,
        frame: &Captured,
        options: &[(u16, &[u8])],
    ) -> Self {
        let order = self.order;
        let resolution = usize::try_from(interface)
            .ok()
            .and_then(|index| self.resolutions.get(index))
            .copied()
            .unwrap_or(6);
        let nanoseconds = u128::try_from(frame.stamp.0).unwrap_or(0);
        let units = match resolution {
            9.. => nanoseconds.saturating_mul(10_u128.pow(u32::from(resolution) - 9)),
            ..9 => nanoseconds / 10_u128.pow(9 - u32::from(resolution)),
        };
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        let high = u32::try_from(units >> 32).unwrap_or(u32::MAX);
        let low = u32::try_from(units & 0xffff_ffff).unwrap_or(u32::MAX);
        let mut body = Vec::new();
        for field in [interface, high, low, len32(frame.bytes.len()), frame.wire_len] {
            body.extend(order.u32(field));
        }
        body.extend(&frame.bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        for (code, value) in options {
            self.option(&mut body, *code, value);
        }
        if !options.is_empty() {
            self.option(&mut body, 0, &[]);
        }
        self.block(6, &body)
    }

    /// One more Simple Packet Block: the first interface, no time stamp.
    pub fn simple_frame(self, frame: &Captured) -> Self {
        let mut body = [&self.order.u32(frame.wire_len)[..], &frame.bytes].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        self.block(3, &body)
    }

    /// One more block of any type, its body filled up to a multiple of 4.
    pub fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let padded = body.len().next_multiple_of(4);
        let total = self.order.u32(len32(padded + 12));
        self.file.extend(self.order.u32(kind));
        self.file.extend(total);
        self.file.extend(body);
        self.file.resize(self.file.len() + padded - body.len(), 0);
        self.file.extend(total);
        self
    }

    /// The file.
    pub fn write(self) -> Vec<u8> {
        self.file
    }

    fn option(&self, body: &mut Vec<u8>, code: u16, value: &[u8]) {
        body.extend(self.order.u16(code));
        body.extend(self.order.u16(len16(value.len())));
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
}

/// A Sun snoop file (RFC 1761, version 2) of Ethernet frames.
pub fn snoop<'a>(frames: impl IntoIterator<Item = &'a Captured>) -> Vec<u8> {
    let mut file = b"snoop\0\0\0".to_vec();
    // Version 2; 4 is Ethernet.
    file.extend([2_u32, 4].iter().flat_map(|field| field.to_be_bytes()));
    for frame in frames {
        let (seconds, nanoseconds) = split(frame.stamp);
        let captured = len32(frame.bytes.len());
        let padded = captured.next_multiple_of(4);
        let fields =
            [frame.wire_len, captured, padded.saturating_add(24), 0, seconds, nanoseconds / 1_000];
        file.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
        file.extend(&frame.bytes);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

/// Seconds and nanoseconds, within what 32 bits hold.
fn split(stamp: Stamp) -> (u32, u32) {
    const SECOND: i128 = 1_000_000_000;
    if stamp.0 < 0 {
        return (0, 0);
    }
    let seconds = u32::try_from(stamp.0 / SECOND).unwrap_or(u32::MAX);
    (seconds, u32::try_from(stamp.0 % SECOND).unwrap_or(0))
}
