//! SSDP, LLMNR, WS-Discovery and NetBIOS in numbers that their protocols forbid.

use super::heard::{Findings, Heard};

/// SSDP, LLMNR, WS-Discovery and NetBIOS in numbers that their protocols forbid.
#[derive(Debug, Default)]
pub(super) struct Discovery;

impl Discovery {
    /// Hears one frame.
    #[allow(clippy::unused_self, reason = "not there yet")]
    pub(super) const fn handle(&mut self, _heard: &Heard<'_>, _findings: &mut Findings) {}
}
