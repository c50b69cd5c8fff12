//! Recognises formats by the first bytes of the decompressed stream, and says what an unknown file
//! looks like.

use super::FormatError;
use super::flaw::Flaw;
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::records::{Order, Records};
use super::snoop::{self, Snoop};

/// This many bytes are needed to decide, or all that there are.
pub(super) const HEADER: usize = 24;

/// A parser and the length of the header that it has read.
type Identified = Result<(Box<dyn Records>, usize), FormatError>;

/// The parser for a stream that begins with `head`, and how many bytes of it are finished.
///
/// # Errors
/// [`FormatError::Unknown`] if it is no format that is read, [`FormatError::Broken`] if it is one
/// and ends within its header.
pub(super) fn identify(head: &[u8]) -> Identified {
    if let Some(opened) = pcap(head) {
        return opened;
    }
    if head.starts_with(&pcapng::SECTION) {
        let header = whole::<{ pcapng::HEADER }>(head, "pcapng")?;
        return Ok((Box::new(Pcapng::open(header).map_err(unknown)?), 0));
    }
    if head.starts_with(&snoop::MAGIC) {
        let header = whole::<{ snoop::HEADER }>(head, "snoop")?;
        return Ok((Box::new(Snoop::open(header).map_err(unknown)?), snoop::HEADER));
    }
    Err(unknown(describe(head)))
}

fn pcap(head: &[u8]) -> Option<Identified> {
    let (order, nanoseconds) = match head.first_chunk()? {
        [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, false),
        [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, true),
        [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, true),
        _ => return None,
    };
    Some(whole::<{ pcap::HEADER }>(head, "pcap").and_then(|header| {
        let parser = Pcap::open(header, order, nanoseconds).map_err(unknown)?;
        Ok((Box::new(parser) as Box<dyn Records>, pcap::HEADER))
    }))
}

const fn unknown(what: Flaw) -> FormatError {
    FormatError::Unknown { what }
}

fn whole<'a, const N: usize>(
    head: &'a [u8],
    format: &'static str,
) -> Result<&'a [u8; N], FormatError> {
    head.first_chunk().ok_or(FormatError::Broken {
        offset: 0,
        what: Flaw::EndsInFileHeader { got: head.len(), of: N, format },
    })
}

/// Beginnings of other kinds of files, and what to call them.
const OTHERS: &[(&[u8], &str)] = &[
    (&[0x34, 0xcd, 0xb2, 0xa1], "modified pcap (Kuznetsov); `editcap -F pcap` converts it"),
    (&[0xa1, 0xb2, 0xcd, 0x34], "modified pcap (Kuznetsov); `editcap -F pcap` converts it"),
    (b"+---------+---------------+----------+", "K12 text; `editcap -F pcap` converts it"),
    (&[0x00, 0x00, 0x02, 0x00, 0x12, 0x05, 0x00, 0x10], "K12; `editcap -F pcap` converts it"),
    (&[0x1c, 0x00, 0x01, 0xac], "an IXIA capture; `editcap -F pcap` converts it"),
    (b"RTSS", "a Network Monitor 1 capture; `editcap -F pcap` converts it"),
    (b"GMBU", "a Network Monitor 2 capture; `editcap -F pcap` converts it"),
    (b"XCP\0", "a NetXray capture; `editcap -F pcap` converts it"),
    (b"TRSNIFF data", "a Sniffer capture; `editcap -F pcap` converts it"),
    (b"btsnoop\0", "a Bluetooth capture"),
    (&[0x1f, 0x8b], "gzip in compressed data in compressed data"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "Zstandard in compressed data in compressed data"),
    (b"BZh", "bzip2; decompress it first"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0x00], "xz; decompress it first"),
    (&[0x04, 0x22, 0x4d, 0x18], "LZ4; decompress it first"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"\x7fELF", "an ELF program or library"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
];

/// What a file that is not read looks like.
fn describe(head: &[u8]) -> Flaw {
    if head.is_empty() {
        return Flaw::Kind("an empty file");
    }
    if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| {
        // A file may be shorter than what identifies its kind.
        let len = magic.len().min(head.len()).min(HEADER);
        len >= magic.len().min(4) && head[..len] == magic[..len]
    }) {
        return Flaw::Kind(name);
    }
    let shown = &head[..head.len().min(HEADER)];
    if shown.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return Flaw::Kind("text");
    }
    if shown.iter().all(|byte| *byte == 0) {
        return Flaw::Kind("zeros");
    }
    Flaw::Beginning(shown[..shown.len().min(4)].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_looks_like() {
        for (head, what) in [
            (&b""[..], "an empty file"),
            (b"\x7fELF\x02\x01\x01\0", "an ELF program or library"),
            (
                b"+---------+---------------+----------+\r\n",
                "K12 text; `editcap -F pcap` converts it",
            ),
            (b"hello, world\n", "text"),
            (b"+\n", "text"),
            (&[0; 100], "zeros"),
            (&[0x80, 1, 2, 3, 4], "it begins with 80 01 02 03"),
            (&[0xd4, 0xc3], "it begins with d4 c3"),
        ] {
            assert_eq!(describe(head).to_string(), what);
        }
    }

    #[test]
    fn every_kind_is_told_by_its_beginning() {
        for (magic, name) in OTHERS {
            assert_eq!(describe(magic), Flaw::Kind(name));
        }
    }
}
