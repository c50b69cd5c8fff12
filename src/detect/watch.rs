//! What the detectors remember of one device: it lives in the device's row and goes with it.

use super::relay::Source;
use super::violations::{Violations, Withheld};

/// The detectors' state of one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// What it did against the rules; made with the first offence.
    pub violations: Option<Box<Violations>>,
    /// Offences that wait until it is known whether it is a relay.
    pub withheld: Option<Box<Withheld>>,
    /// Whether it speaks for others.
    pub relay: Source,
}
