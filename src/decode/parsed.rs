//! What every protocol's `parse` returns: the message as far as it could be read, and what was
//! wrong with it. It must not know any protocol.

use super::Reason;

/// What a protocol's `parse` makes of a payload: a value as far as it goes, and what was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parsed<T> {
    /// The message; `None` where not even its kind could be read.
    pub(crate) message: Option<T>,
    /// What was wrong.
    pub(crate) flaw: Option<Reason>,
}

impl<T> Parsed<T> {
    /// A message with nothing wrong.
    pub(super) const fn clean(message: T) -> Self {
        Self { message: Some(message), flaw: None }
    }

    /// No message.
    pub(super) const fn failed(flaw: Reason) -> Self {
        Self { message: None, flaw: Some(flaw) }
    }
}
