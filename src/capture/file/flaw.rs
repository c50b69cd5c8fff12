//! What is wrong with a file: every reason why it is not read, or not read further. The parsers say
//! which and with which numbers, [`FormatError`] says where. Must not know of
//! files or readers.

use super::bounds::{LARGEST_FRAME, LARGEST_RECORD, MOST_INTERFACES};
use thiserror::Error;

/// Why a capture file cannot be read, or cannot be read further.
#[derive(Debug, Error)]
pub enum FormatError {
    /// Not a format that is read.
    #[error("not a capture file that can be read: {what}")]
    Unknown {
        /// What it looks like instead.
        what: Flaw,
    },
    /// It breaks off or is corrupt.
    #[error("breaks off at byte {offset}: {what}")]
    Broken {
        /// Offset in the decompressed stream: where the first record begins that cannot be read
        /// whole.
        offset: u64,
        /// What was found there.
        what: Flaw,
    },
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It is of a kind that is not read.
    #[error("{0}")]
    Kind(&'static str),
    /// It begins with these bytes, which are of no kind that is known.
    #[error("it begins with {}", hex(.0))]
    Beginning(Vec<u8>),
    /// A version of pcap that never existed.
    #[error("pcap of version {major}.{minor}")]
    PcapVersion {
        /// As the header has it.
        major: u16,
        /// As the header has it.
        minor: u16,
    },
    /// A version of pcapng other than 1.0 and 1.2.
    #[error("pcapng of version {major}.{minor}")]
    PcapngVersion {
        /// As the section has it.
        major: u16,
        /// As the section has it.
        minor: u16,
    },
    /// A version of snoop other than 2.
    #[error("snoop of version {0}")]
    SnoopVersion(u32),
    /// A pcapng section does not say its byte order.
    #[error("a pcapng section without its byte-order magic")]
    NoByteOrder,
    /// A frame is longer than any can be.
    #[error("a frame of {captured} captured bytes, more than {LARGEST_FRAME}")]
    LongFrame {
        /// Its length by its header.
        captured: u32,
    },
    /// A frame is longer than the block that holds it.
    #[error("a frame of {captured} captured bytes in a block with room for {room}")]
    FrameBeyondBlock {
        /// Its length by its header.
        captured: u32,
        /// Bytes of the block that are left for it.
        room: usize,
    },
    /// A frame and its record do not fit each other.
    #[error("a record of {record} bytes with a frame of {captured} in it")]
    FrameInRecord {
        /// The record's length by its header.
        record: u32,
        /// The frame's.
        captured: u32,
    },
    /// A frame of an interface that was not declared.
    #[error("a frame of interface {interface}, of which the section has declared {declared}")]
    UndeclaredInterface {
        /// The interface's number.
        interface: u32,
        /// How many there are.
        declared: usize,
    },
    /// More interfaces than are kept.
    #[error("more than {MOST_INTERFACES} interfaces")]
    ManyInterfaces,
    /// A block is shorter than its own header and trailer.
    #[error("a block of {total} bytes")]
    ShortBlock {
        /// Its length by its header.
        total: u32,
    },
    /// A block that has to be read whole is longer than what is read.
    #[error("a block of {total} bytes, more than {LARGEST_RECORD}")]
    LongBlock {
        /// Its length by its header.
        total: u32,
    },
    /// A block has two lengths.
    #[error("a block of {header} bytes by its header, {trailer} by its end")]
    UnequalLengths {
        /// By its header.
        header: u32,
        /// By its trailer.
        trailer: u32,
    },
    /// A block is too short for what it is.
    #[error("{block} with {len} bytes in it")]
    ShortBody {
        /// What it is.
        block: &'static str,
        /// Bytes between header and trailer.
        len: usize,
    },
    /// The file ends within its own header.
    #[error("the file ends after {got} of {of} bytes of its {format} header")]
    EndsInFileHeader {
        /// Bytes that there are.
        got: usize,
        /// Bytes that there should be.
        of: usize,
        /// The format.
        format: &'static str,
    },
    /// The file ends within the header of a frame or block.
    #[error("the file ends after {got} of {of} bytes of a {part}'s header")]
    EndsInHeader {
        /// Bytes that there are.
        got: usize,
        /// Bytes that there should be.
        of: usize,
        /// What the header is of.
        part: &'static str,
    },
    /// The file ends within a frame, record or block.
    #[error("the file ends after {got} of {of} bytes of a {part}")]
    EndsIn {
        /// Bytes that there are.
        got: usize,
        /// Bytes that there should be.
        of: u32,
        /// What it ends in.
        part: &'static str,
    },
    /// The file ends within a block that is skipped.
    #[error("the file ends within a block of {total} bytes of type {kind}")]
    EndsInSkipped {
        /// The block's length by its header.
        total: u32,
        /// Its type.
        kind: u32,
    },
    /// It cannot be decompressed further.
    #[error("{0}")]
    Compression(String),
}

/// Octets as two digits each.
fn hex(octets: &[u8]) -> String {
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(" ")
}
