//! How much of a file is read at once, and what is too much to be read: memory is bounded by these,
//! never by what a file claims.

/// At most so many frames are in one batch, so that slots stay in cache and the engine's lock is
/// let go often enough.
pub(super) const BATCH_FRAMES: usize = 2048;

/// More captured bytes than this in one frame are a break: the limit of tcpdump
/// (`MAXIMUM_SNAPLEN`) and of Wireshark (`WTAP_MAX_PACKET_SIZE_STANDARD`).
pub(super) const LARGEST_FRAME: u32 = 262_144;

/// A longer record that has to be read whole is a break: the limit of libpcap on pcapng blocks
/// (`INITIAL_MAX_BLOCKSIZE`).
pub(super) const LARGEST_RECORD: usize = 16 * 1024 * 1024;

/// More interfaces in a file are a break: their number is the file's choice, the memory is ours.
pub(super) const MOST_INTERFACES: usize = 65_536;
