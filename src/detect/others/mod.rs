//! The rules and causes of the other protocols: discovery beside mDNS, and address resolution.

pub(crate) mod discovery;
pub(crate) mod scan;

use super::cause::Cause;
use super::view::{Findings, View};
use crate::decode::mdns::HashKey;

/// What finds the causes and violations of the other protocols.
#[derive(Debug)]
pub(crate) struct OtherDetectors {
    discovery: discovery::Discovery,
    scan: scan::Scan,
}

impl OtherDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { discovery: discovery::Discovery::new(key), scan: scan::Scan::new(key) }
    }

    /// Judges one frame that is no copy.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        self.discovery.handle(view, findings);
        self.scan.handle(view, findings);
        if let Some(cause) = Cause::of_protocol(view.protocol) {
            findings.matched(cause);
        }
    }
}

#[cfg(test)]
mod tests;
