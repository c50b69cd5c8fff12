//! Frames that are not their sender's doing: copies of loops and mirror ports, payloads that come
//! again from another device, and devices that speak for others.

pub(crate) mod loops;
pub(crate) mod reflection;
pub(crate) mod relay;

use super::view::{Findings, View};
use crate::decode::mdns::HashKey;
use loops::Loops;
use reflection::Reflection;

/// What recognises copies. Asked first: a copy never counts as a violation.
#[derive(Debug)]
pub(crate) struct CopyDetectors {
    pub loops: Loops,
    pub reflection: Reflection,
}

impl CopyDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { loops: Loops::new(key), reflection: Reflection::new(key) }
    }

    /// Hears one frame. [`Findings::is_copy`] is settled after this.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        self.loops.handle(view, findings);
        if !findings.is_copy() {
            self.reflection.handle(view, findings);
        }
    }
}
