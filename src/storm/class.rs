//! The three classes of frames that can make a storm, and what their limits mean in frames.

use super::limits::Limits;
use super::pace::Sums;
use super::storm::Level;
use crate::decode::{Class, Protocol};

/// A storm is over when 30 s hold fewer frames than this many seconds at the limit.
pub(super) const END_SECONDS: u64 = 6;

/// The classes that can make a storm, in the order in which they are tried.
pub(super) const CLASSES: [Class; 3] = [Class::Signalling, Class::Address, Class::Other];

/// The place of signalling among [`CLASSES`].
pub(super) const SIGNALLING: usize = 0;

/// The place of a class among [`CLASSES`].
pub(super) const fn place(class: Class) -> Option<usize> {
    match class {
        Class::Signalling => Some(SIGNALLING),
        Class::Address => Some(1),
        Class::Other => Some(2),
        Class::Uncounted => None,
    }
}

/// Frames a second from which a class is chatty.
pub(super) fn chatty(limits: &Limits, class: Class) -> Option<u64> {
    match class {
        Class::Signalling => limits.chatty.map(u64::from),
        Class::Address | Class::Other | Class::Uncounted => None,
    }
}

/// Frames a second from which a class floods.
pub(super) fn flooding(limits: &Limits, class: Class) -> Option<u64> {
    let rate = match class {
        Class::Signalling => limits.signalling,
        Class::Address => limits.address,
        Class::Other => limits.other,
        Class::Uncounted => None,
    };
    rate.map(u64::from)
}

/// The limits of a class, by level.
pub(super) fn rates(limits: &Limits, class: Class) -> [Option<u64>; Level::COUNT] {
    Level::ALL.map(|level| limit(limits, class, level))
}

/// The limit by which a storm of this level lasts.
pub(super) fn limit(limits: &Limits, class: Class, level: Level) -> Option<u64> {
    match level {
        Level::Chatty => chatty(limits, class),
        Level::Storm => flooding(limits, class),
    }
}

/// Whether a class meets the rule by which a storm begins.
pub(super) fn floods(sums: &Sums, limits: &Limits, class: Class) -> bool {
    let (frames, seconds) = match class {
        Class::Signalling | Class::Other | Class::Uncounted => (sums.ten, 10),
        Class::Address => (sums.thirty, 30),
    };
    frames > 0 && flooding(limits, class).is_some_and(|rate| frames >= rate * seconds)
}

/// Whether a storm with a limit of `rate` is over when 30 s hold `frames`.
pub(super) const fn is_over(frames: u64, rate: u64) -> bool {
    frames == 0 || frames < rate * END_SECONDS
}

/// The protocol of a storm when nothing was heard for 10 s, because the device's other storm had to
/// end first, or when it did nothing but ask.
pub(super) const fn fallback(class: Class) -> Protocol {
    match class {
        Class::Signalling | Class::Uncounted => Protocol::Mdns,
        Class::Address => Protocol::Arp,
        Class::Other => Protocol::OtherMulticast,
    }
}
