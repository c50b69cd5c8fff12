//! A frame before it is counted, and how it arrived.

use super::frames::FrameId;
use crate::decode::{Observation, Protocol};
use crate::detect::memory::sender::SenderKey;
use crate::detect::view::Vantage;
use crate::time::Time;

/// A frame before it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    /// When.
    pub now: Time,
    /// What it says.
    pub observation: &'a Observation<'a>,
    /// What it would be counted as.
    pub protocol: Protocol,
    /// Who sent it.
    pub sender: SenderKey,
    /// The interface.
    pub vantage: &'a Vantage,
}

/// How a frame arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// As a copy that is there because of where we listen: it counts as a copy and as nothing else.
    Copy,
    /// As a frame of its sender's.
    Counts(Came),
}

/// How a frame that counts has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Came {
    /// What makes it the same as another; `None` if that was not looked for.
    pub(super) id: Option<FrameId>,
    /// Whether the same came within the last second.
    pub(super) is_repeated: bool,
    /// Whether it is the third copy within a second.
    pub(super) is_third_copy: bool,
    /// Whether it may be a copy that is there because of where we listen: nothing is held against
    /// anybody as long as that is not known.
    pub(super) is_doubtful: bool,
    /// Frames before it that were doubtful, and that it shows to have been the sender's own.
    pub(super) missed: u16,
}
