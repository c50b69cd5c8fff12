//! Who asks for one address after the other.

use super::heard::{Findings, Heard};

/// Who asks for one address after the other.
#[derive(Debug, Default)]
pub(super) struct Scan;

impl Scan {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
