//! The rules and causes of the other protocols: discovery beside mDNS, and address resolution.
//!
//! | file | finds |
//! |---|---|
//! | `destinations` | messages to a group that is not their protocol's, mDNS among them |
//! | `discovery` | SSDP, LLMNR, WS-Discovery and NetBIOS too often |
//! | `leases` | DHCP clients that ask again and again |
//! | `requests` | the same address asked for again and again |
//! | `routers` | router advertisements too often |
//! | `scan` | one address after the other asked for |

pub(crate) mod destinations;
pub(crate) mod discovery;
pub(crate) mod leases;
pub(crate) mod requests;
pub(crate) mod routers;
pub(crate) mod scan;

use super::cause::Cause;
use super::steady::Steady;
use super::view::{Findings, View};
use crate::decode::mdns::HashKey;
use crate::decode::{Message, nd};

/// What finds the causes and violations of the other protocols.
#[derive(Debug)]
pub(crate) struct OtherDetectors {
    discovery: discovery::Discovery,
    requests: requests::Requests,
    scan: scan::Scan,
    destinations: destinations::Destinations,
    routers: routers::Routers,
    leases: leases::Leases,
}

impl OtherDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            discovery: discovery::Discovery::new(key),
            requests: requests::Requests::new(key),
            scan: scan::Scan::new(key),
            destinations: destinations::Destinations::new(key),
            routers: routers::Routers::new(key),
            leases: leases::Leases::new(key),
        }
    }

    /// What is promised of copies of the frame that was just judged.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        findings: &Findings,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { discovery, requests, scan, destinations, routers: _, leases: _ } = self;
        // Router advertisements and DHCP: nobody has seen a flood of either that needs haste.
        match &view.observation.message {
            Message::Nd(message) if message.kind == nd::Kind::RouterAdvertisement => return None,
            Message::Dhcp(_) | Message::Dhcpv6(_) => return None,
            _ => {}
        }
        let steady = discovery.steady(view, steady)?;
        let steady = requests.steady(view, findings, steady)?;
        let steady = scan.steady(view, findings, steady)?;
        destinations.steady(view, steady)
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        self.requests.skip(view, copies);
        self.destinations.skip(view, copies);
    }

    /// Judges one frame that is no copy.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        self.discovery.handle(view, findings);
        // What is asked for again and again is no scan.
        self.requests.handle(view, findings);
        self.scan.handle(view, findings);
        self.destinations.handle(view, findings);
        self.routers.handle(view, findings);
        self.leases.handle(view, findings);
        if let Some(cause) = Cause::of_protocol(view.protocol) {
            findings.matched(cause);
        }
    }
}

#[cfg(test)]
mod tests;
