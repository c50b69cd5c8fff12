//! Probes and renaming.

use super::heard::{Findings, Heard};

/// Probes and renaming.
#[derive(Debug, Default)]
pub(super) struct Probes;

impl Probes {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
