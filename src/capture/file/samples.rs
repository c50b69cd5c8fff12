//! Capture files made by hand, for the tests: writers of every format and variant that is read,
//! written from the specifications and sharing nothing with the parsers.

use super::{FileCapture, from_reader};
use crate::capture::{Capture, CaptureError};
use crate::frame::{FrameMeta, LinkType};
use crate::time::Stamp;
use std::io::{Cursor, Write};
use std::time::Duration;

/// A frame to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) seconds: u32,
    /// Below one second; formats of microseconds drop the last three digits.
    pub(super) nanoseconds: u32,
    pub(super) bytes: Vec<u8>,
    /// What was cut off by the snap length.
    pub(super) missing: u32,
}

impl Sample {
    pub(super) fn wire_len(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap() + self.missing
    }

    pub(super) fn stamp(&self, unit: u32) -> Stamp {
        Stamp::new(i64::from(self.seconds), self.nanoseconds / unit * unit)
    }
}

/// Frames to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frames(pub(super) Vec<Sample>);

impl Frames {
    /// `count` frames of differing lengths, `gap` apart.
    pub(super) fn every(gap: Duration, count: u32) -> Self {
        Self::at((0..count).map(|number| Duration::from_secs(1_000) + gap * number))
    }

    /// Frames at these times after 1970.
    pub(super) fn at(times: impl Iterator<Item = Duration>) -> Self {
        let sample = |(number, time): (usize, Duration)| Sample {
            seconds: u32::try_from(time.as_secs()).unwrap(),
            nanoseconds: time.subsec_nanos(),
            bytes: (0..number % 97).map(|at| u8::try_from((at + number) % 251).unwrap()).collect(),
            missing: 0,
        };
        Self(times.enumerate().map(sample).collect())
    }

    pub(super) fn stamps(&self) -> Vec<Stamp> {
        self.0.iter().map(|sample| sample.stamp(1_000)).collect()
    }
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Endian {
    #[default]
    Little,
    Big,
}

impl Endian {
    pub(super) fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    pub(super) fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    pub(super) fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }
}

/// A writer of pcap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    pub(super) endian: Endian,
    pub(super) nanoseconds: bool,
    pub(super) version: (u16, u16),
    pub(super) network: u32,
    pub(super) swapped: bool,
}

impl Default for Pcap {
    fn default() -> Self {
        let endian = Endian::Little;
        Self { endian, nanoseconds: false, version: (2, 4), network: 1, swapped: false }
    }
}

impl Pcap {
    pub(super) fn header(self) -> Vec<u8> {
        let Self { endian, nanoseconds, version, network, .. } = self;
        let mut file = endian.u32(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
        file.extend(endian.u16(version.0));
        file.extend(endian.u16(version.1));
        file.extend(endian.words(&[0, 0, 65_535, network]));
        file
    }

    /// The file, and where each frame's record ends in it.
    pub(super) fn marked(self, frames: &Frames) -> (Vec<u8>, Vec<usize>) {
        let mut file = self.header();
        let mut ends = Vec::new();
        for sample in &frames.0 {
            let unit = if self.nanoseconds { 1 } else { 1_000 };
            let captured = u32::try_from(sample.bytes.len()).unwrap();
            let mut lengths = [captured, sample.wire_len()];
            if self.swapped {
                lengths.reverse();
            }
            let fields = [sample.seconds, sample.nanoseconds / unit, lengths[0], lengths[1]];
            file.extend(self.endian.words(&fields));
            file.extend(&sample.bytes);
            ends.push(file.len());
        }
        (file, ends)
    }

    pub(super) fn write(self, frames: &Frames) -> Vec<u8> {
        self.marked(frames).0
    }

    pub(super) fn capture(self, frames: &Frames) -> FileCapture {
        opened(self.write(frames))
    }
}

/// A writer of pcapng: blocks one after the other, in one byte order at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    pub(super) file: Vec<u8>,
    endian: Endian,
}

/// Options of a block.
pub(super) type Options<'a> = &'a [(u16, &'a [u8])];

impl Pcapng {
    pub(super) fn section(mut self, endian: Endian) -> Self {
        self.endian = endian;
        let mut body = endian.u32(0x1a2b_3c4d).to_vec();
        body.extend(endian.u16(1));
        body.extend(endian.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body, &[])
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: Options<'_>) -> Self {
        let mut body = self.endian.u16(link).to_vec();
        body.extend([0, 0]);
        body.extend(self.endian.u32(snaplen));
        self.block(1, &body, options)
    }

    pub(super) fn enhanced(
        self,
        interface: u32,
        ticks: u64,
        sample: &Sample,
        options: Options<'_>,
    ) -> Self {
        let captured = u32::try_from(sample.bytes.len()).unwrap();
        let (high, low) = halves(ticks);
        let fields = [interface, high, low, captured, sample.wire_len()];
        let mut body = self.endian.words(&fields);
        body.extend(&sample.bytes);
        self.block(6, &body, options)
    }

    pub(super) fn obsolete(self, interface: u16, ticks: u64, sample: &Sample) -> Self {
        let captured = u32::try_from(sample.bytes.len()).unwrap();
        let (high, low) = halves(ticks);
        let mut body = self.endian.u16(interface).to_vec();
        body.extend(self.endian.u16(0));
        body.extend(self.endian.words(&[high, low, captured, sample.wire_len()]));
        body.extend(&sample.bytes);
        self.block(2, &body, &[])
    }

    pub(super) fn simple(self, sample: &Sample) -> Self {
        let mut body = self.endian.u32(sample.wire_len()).to_vec();
        body.extend(&sample.bytes);
        self.block(3, &body, &[])
    }

    pub(super) fn block(mut self, kind: u32, body: &[u8], options: Options<'_>) -> Self {
        let mut inner = padded(body.to_vec());
        for (code, value) in options {
            inner.extend(self.endian.u16(*code));
            inner.extend(self.endian.u16(u16::try_from(value.len()).unwrap()));
            inner.extend(padded(value.to_vec()));
        }
        if !options.is_empty() {
            inner.extend([0; 4]);
        }
        let total = u32::try_from(inner.len() + 12).unwrap();
        self.file.extend(self.endian.words(&[kind, total]));
        self.file.extend(inner);
        self.file.extend(self.endian.u32(total));
        self
    }

    /// One section with one interface and its frames in microseconds, and where their blocks end.
    pub(super) fn marked(endian: Endian, frames: &Frames) -> (Vec<u8>, Vec<usize>) {
        let mut pcapng = Self::default().section(endian).interface(1, 0, &[]);
        let mut ends = Vec::new();
        for sample in &frames.0 {
            let ticks =
                u64::from(sample.seconds) * 1_000_000 + u64::from(sample.nanoseconds / 1_000);
            pcapng = pcapng.enhanced(0, ticks, sample, &[]);
            ends.push(pcapng.file.len());
        }
        (pcapng.file, ends)
    }

    pub(super) fn capture(self) -> FileCapture {
        opened(self.file)
    }
}

fn halves(ticks: u64) -> (u32, u32) {
    (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap())
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A snoop file with Ethernet frames, and where their records end.
pub(super) fn snoop(frames: &Frames) -> (Vec<u8>, Vec<usize>) {
    let mut file = b"snoop\0\0\0".to_vec();
    file.extend(Endian::Big.words(&[2, 4]));
    let mut ends = Vec::new();
    for sample in &frames.0 {
        let captured = u32::try_from(sample.bytes.len()).unwrap();
        let data = padded(sample.bytes.clone());
        let record = u32::try_from(24 + data.len()).unwrap();
        let microseconds = sample.nanoseconds / 1_000;
        let fields = [sample.wire_len(), captured, record, 0, sample.seconds, microseconds];
        file.extend(Endian::Big.words(&fields));
        file.extend(data);
        ends.push(file.len());
    }
    (file, ends)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

pub(super) fn opened(file: Vec<u8>) -> FileCapture {
    from_reader("sample", Box::new(Cursor::new(file))).unwrap()
}

/// All frames of a capture, and the errors with which it stopped before saying that it ended.
pub(super) fn drained(capture: &mut dyn Capture) -> (Vec<(FrameMeta, Vec<u8>)>, Vec<CaptureError>) {
    let mut frames = Vec::new();
    let mut errors = Vec::new();
    loop {
        match capture.next_batch(Duration::ZERO) {
            Ok(batch) => {
                assert!(!batch.is_empty(), "a file has a frame or it ends");
                frames.extend(batch.iter().map(|frame| (frame.meta, frame.bytes.to_vec())));
            }
            Err(CaptureError::End) => return (frames, errors),
            Err(error) => errors.push(error),
        }
        assert!(errors.len() < 2, "a break is told once: {errors:?}");
    }
}

/// Asserts that `seen` are the Ethernet frames of interface 0 in `expected`, with stamps of `unit`
/// nanoseconds.
pub(super) fn assert_same(seen: &[(FrameMeta, Vec<u8>)], expected: &[Sample], unit: u32) {
    assert_eq!(seen.len(), expected.len());
    for ((meta, bytes), sample) in seen.iter().zip(expected) {
        assert_eq!((bytes, meta.wire_len), (&sample.bytes, sample.wire_len()));
        assert_eq!((meta.interface, meta.link), (0, LinkType::Ethernet));
        assert_eq!(meta.stamp, sample.stamp(unit));
    }
}
