//! Frames that go round in the switches, and copies that a mirror port makes.

use super::heard::{Findings, Heard};

/// Frames that go round in the switches, and copies that a mirror port makes.
#[derive(Debug, Default)]
pub(super) struct Loops;

impl Loops {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
