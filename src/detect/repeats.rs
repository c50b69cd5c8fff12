//! Questions that are asked again and again.

use super::heard::{Findings, Heard};

/// Questions that are asked again and again.
#[derive(Debug, Default)]
pub(super) struct Repeats;

impl Repeats {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
