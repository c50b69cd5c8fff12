//! Questions and answers that provoke each other.

use super::heard::{Findings, Heard};

/// Questions and answers that provoke each other.
#[derive(Debug, Default)]
pub(super) struct PingPong;

impl PingPong {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
