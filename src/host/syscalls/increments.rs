//! What a backend has counted since it was asked last. It must not know how.

use crate::host::Command;

/// What was counted since the last reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Increments {
    /// All system calls.
    pub total: u64,
    /// Whose they were and which; `None` from a backend that knows the total only.
    pub detail: Option<Detail>,
}

/// Whose system calls they were, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// By command name, each name once, none with 0. What [`Increments::total`] has more than
    /// their sum is nobody's.
    pub processes: Vec<(Command, u64)>,
    /// By number in the table of [`calls`](super::calls), none with 0; `None` is a call that has no name there,
    /// or one of a 32-bit process.
    pub calls: Vec<(Option<u16>, u64)>,
}
