//! Rules that one message keeps or breaks by itself.

use super::heard::{Findings, Heard};

/// Judges one message.
pub(super) const fn judge(_heard: &Heard<'_>, _findings: &mut Findings) {}
