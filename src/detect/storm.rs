//! Storms: what they are called and what is told of them.

use super::cause::{Cause, CauseSet, SegmentCause};
use crate::decode::{Protocol, Sender};
use crate::time::Stamp;

/// How bad it is: the `level` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// More than a device should send, for minutes.
    Chatty,
    /// A flood.
    Storm,
}

impl Level {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Chatty, Self::Storm];

    /// The label value.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Chatty => "chatty",
            Self::Storm => "storm",
        }
    }
}

/// Why a storm is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// It grew quiet.
    Quiet,
    /// The device lost its row.
    Evicted,
    /// Nobody listens any more: the interface is gone.
    InterfaceGone,
    /// The configuration no longer calls it a storm.
    Reconfigured,
}

impl EndReason {
    /// As reports have it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Evicted => "evicted",
            Self::InterfaceGone => "interface_gone",
            Self::Reconfigured => "reconfigured",
        }
    }
}

/// Who floods, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// One device.
    Device {
        /// Which.
        sender: Sender,
        /// The first cause that fits.
        cause: Cause,
        /// The others that fit.
        also: CauseSet,
    },
    /// The segment as a whole.
    Segment {
        /// Why.
        cause: SegmentCause,
    },
}

impl Culprit {
    /// The device, unless it is the segment as a whole.
    #[must_use]
    pub const fn sender(&self) -> Option<Sender> {
        match self {
            Self::Device { sender, .. } => Some(*sender),
            Self::Segment { .. } => None,
        }
    }

    /// The cause's label.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Device { cause, .. } => cause.label(),
            Self::Segment { cause } => cause.label(),
        }
    }

    /// The labels of the other causes that fit.
    #[must_use]
    pub fn also(&self) -> Vec<&'static str> {
        match self {
            Self::Device { also, .. } => also.iter().map(Cause::label).collect(),
            Self::Segment { .. } => Vec::new(),
        }
    }
}

/// One storm, open or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storm {
    /// Counts up from 0 on this segment: tells storms apart that begin in one second.
    pub number: u64,
    /// Who and why.
    pub culprit: Culprit,
    /// Its level now, or in the end.
    pub level: Level,
    /// The protocol with most of its frames in the 10 s before it began.
    pub protocol: Protocol,
    /// The close of the second that met the begin rule.
    pub start: Stamp,
    /// The close of the second that met the end rule, and why it ended; `None` while it lasts.
    pub end: Option<(Stamp, EndReason)>,
    /// Frames of its class between begin and end.
    pub packets: u64,
    /// The busiest second, from the 10 s before the begin on, in signalling and address frames.
    pub peak: u32,
}

/// What has happened to a storm, for whoever tells people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StormEvent {
    /// It began.
    Began(Storm),
    /// A chatty device floods now.
    Rose(Storm),
    /// What was unclassified has a cause now.
    Explained(Storm),
    /// It is over.
    Ended(Storm),
}

impl StormEvent {
    /// The storm as it was then.
    #[must_use]
    pub const fn storm(&self) -> &Storm {
        match self {
            Self::Began(storm)
            | Self::Rose(storm)
            | Self::Explained(storm)
            | Self::Ended(storm) => storm,
        }
    }
}
