//! Capture files: pcap, pcapng and Sun snoop, plain or compressed with gzip or Zstandard.
//!
//! Gives batches of frames that point into the memory the bytes were read into. From a file that
//! breaks off it gives every whole frame before the break, then reports once where and how it
//! breaks, then ends. Memory is bounded by what a record may hold, never by what a file claims.
//! Knows nothing of what frames mean.

mod bounds;
mod compression;
mod flaw;
mod input;
pub(crate) mod merge;
pub(crate) mod pace;
mod pcap;
mod pcapng;
mod reader;
mod records;
mod replay;
mod sniff;
mod snoop;
mod stamps;
mod window;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use flaw::{Flaw, FormatError};
pub use input::Progress;
pub use merge::Merge;
pub use pace::{Paced, Speed};
pub use reader::{FileCapture, from_reader, open};
pub use replay::Replay;
