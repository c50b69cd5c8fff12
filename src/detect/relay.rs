//! Who speaks for others: reflectors, mDNS gateways, sleep proxies, Thread border routers.
//!
//! Comes in: the address records of a device's responses. Goes out: whether it is a relay, and
//! which records of a message are about other hosts.

use super::heard::Heard;

/// What is known of one source of answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source;

/// Records of one message, by their place in the digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(u128);

impl Places {
    /// Whether the record at `place` is among them.
    pub(super) const fn has(self, place: u8) -> bool {
        place < 128 && self.0 & (1 << place) != 0
    }
}

impl Source {
    /// Hears one frame. Returns the records in it that are about other hosts.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>) -> Places {
        Places(0)
    }

    /// Whether it is a relay.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(crate) const fn is_relay(&self) -> bool {
        false
    }

    /// Whether it is known to be none, so that nothing is held back any longer.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn is_cleared(&self) -> bool {
        false
    }
}
