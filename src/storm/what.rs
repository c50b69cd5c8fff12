//! What is counted of one frame: everything that storms know of frames.

use crate::decode::{Class, Protocol};
use crate::detect::CauseSet;

/// One frame, as storms count it. 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct What {
    /// What it was counted as.
    pub protocol: Protocol,
    /// The rate that it counts in: that of its protocol, or that of what it says.
    pub class: Class,
    /// The causes whose signature it has.
    pub signatures: CauseSet,
    /// Whether it was looked for causes: not if there was no time.
    pub is_judged: bool,
}

#[cfg(test)]
impl What {
    /// A frame of `protocol`, in that protocol's class.
    pub(crate) const fn of(protocol: Protocol, signatures: CauseSet) -> Self {
        Self { protocol, class: protocol.class(), signatures, is_judged: true }
    }
}

const _: () = assert!(size_of::<Option<What>>() == 8);
