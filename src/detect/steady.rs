//! What a part of the engine promises of copies of the frame that it has heard last: for how long
//! they come to the same.
//!
//! A storm is one frame again and again. From some point on each copy finds what the one before
//! found, and leaves behind what that left behind, but for counts and for the times of the last
//! few. Then most need not be heard: they are counted, and the last few are heard one by one.
//!
//! A promise holds while nothing else is heard and nothing else happens, within one whole second,
//! and for copies that are less than [`GAP`] apart. Who cannot promise says so, and is handed each
//! frame.

use crate::time::Time;
use std::time::Duration;

/// Copies that are promised of come sooner than this after each other: far more often than the
/// shortest time for which anything is remembered, 50 ms.
pub(crate) const GAP: Duration = Duration::from_millis(10);

/// Until when copies come to the same, and how many of the last must be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steady {
    until: Time,
    tail: usize,
    is_alone: bool,
}

impl Steady {
    /// Copies change nothing but what the last one leaves behind.
    pub(crate) const ALWAYS: Self = Self { until: Time(u64::MAX), tail: 1, is_alone: true };

    /// The same while others send responses of theirs in turn, about other names: what is remembered
    /// of the last response of all is another's at times.
    pub(crate) const fn beside_others(self) -> Self {
        Self { is_alone: false, ..self }
    }

    /// Whether the last response of all is always the sender's.
    pub(crate) const fn is_alone(self) -> bool {
        self.is_alone
    }

    /// Copies from this instant on may come to something else.
    pub(crate) fn until(self, at: Time) -> Self {
        Self { until: self.until.min(at), ..self }
    }

    /// As of `now` it matters that something is `age` old, or that it is not yet: it happened
    /// `at`.
    pub(crate) fn while_under(self, now: Time, at: Time, age: Duration) -> Self {
        if now.since(at) <= age { self.until(at.plus(age)) } else { self }
    }

    /// What is left behind depends on so many of the last copies.
    pub(crate) fn remembering(self, copies: usize) -> Self {
        Self { tail: self.tail.max(copies), ..self }
    }

    /// The first instant from which on nothing is promised.
    pub(crate) const fn end(self) -> Time {
        self.until
    }

    /// How many of the last copies must be heard.
    pub(crate) const fn tail(self) -> usize {
        self.tail
    }
}

/// Copies that are counted instead of heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    /// How many.
    pub count: u64,
    /// How many of them came after a response of another.
    pub after_others: u64,
}
