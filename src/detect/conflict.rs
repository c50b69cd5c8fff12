//! Names that two devices claim.

use super::heard::{Findings, Heard};

/// Names that two devices claim.
#[derive(Debug, Default)]
pub(super) struct Conflict;

impl Conflict {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
