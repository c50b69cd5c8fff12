//! Who sent a frame, as the detectors remember senders: by keyed hash.

use crate::decode::Sender;
use std::net::IpAddr;

/// A sender: its keyed hash, of which the last two bits are replaced by what it is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SenderKey(pub(super) u64);

impl SenderKey {
    /// A sender with its keyed hash; a placeholder if there is none.
    pub(crate) const fn new(sender: Option<Sender>, hash: u64) -> Self {
        let known_by = match sender {
            Some(Sender::Mac(_)) | None => 0,
            Some(Sender::Ip(IpAddr::V4(_))) => 1,
            Some(Sender::Ip(IpAddr::V6(_))) => 2,
        };
        Self(hash & !3 | known_by)
    }

    /// An order of two, for what is keyed by both.
    pub(crate) const fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }

    /// Whether both may be one device. Where senders are known by their IP addresses a device is
    /// two of them, and it probes by both families at once.
    pub(crate) const fn may_be(self, other: Self) -> bool {
        self.0 == other.0 || matches!((self.0 & 3, other.0 & 3), (1, 2) | (2, 1))
    }
}

/// A sender with one of its source addresses, by keyed hash: histories are kept by device, address
/// and address family, because a device says everything over each of its addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct SourceId(pub(crate) u64);
