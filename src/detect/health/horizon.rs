//! What a report on how things stand is about: this moment, or all of a file.

use std::time::Duration;

/// How far back that reaches which counts as being there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Horizon {
    /// What is so now: what has not been heard for the time that its protocol gives is gone.
    #[default]
    Now,
    /// Everything that was heard, whenever that was: of a file.
    Whole,
}

impl Horizon {
    /// How long something counts that live counts for `lifetime`.
    pub(crate) const fn lifetime(self, lifetime: Duration) -> Duration {
        match self {
            Self::Now => lifetime,
            Self::Whole => Duration::MAX,
        }
    }
}
