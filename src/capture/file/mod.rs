//! Capture files: pcap, pcapng and Sun snoop, plain or compressed.

use thiserror::Error;

/// Why a capture file cannot be read, or cannot be read further.
#[derive(Debug, Error)]
pub enum FormatError {
    /// Not a format that is read.
    #[error("not a capture file that can be read: {what}")]
    Unknown {
        /// What it looks like instead.
        what: String,
    },
    /// It breaks off or is corrupt.
    #[error("breaks off at byte {offset}: {what}")]
    Broken {
        /// Offset in the decompressed stream.
        offset: u64,
        /// What was found there.
        what: String,
    },
}
