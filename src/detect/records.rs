//! When each record was sent last, by each device: intervals, announcements, changes, goodbyes.

use super::heard::{Findings, Heard};

/// When each record was sent last, by each device: intervals, announcements, changes, goodbyes.
#[derive(Debug, Default)]
pub(super) struct Records;

impl Records {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
