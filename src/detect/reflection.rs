//! Messages that another device has just sent.

use super::heard::{Findings, Heard};

/// Messages that another device has just sent.
#[derive(Debug, Default)]
pub(super) struct Reflection;

impl Reflection {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
