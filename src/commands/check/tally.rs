//! What listening adds up to, for one interface. Observations come in, numbers go out. Pure and
//! bounded; knows no capture and no clock.

use crate::decode::membership::Query;
use crate::decode::{Cast, Observation, Protocol, Sender};
use crate::interfaces::Surroundings;
use crate::mac::Mac;
use crate::segment::{Labels, Route, Router};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Other devices that are told apart: who invents addresses is counted up to here.
pub const DEVICES_MAX: usize = 4096;

/// What makes a sender this machine.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// The MACs of its interfaces.
    pub macs: Vec<Mac>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl Own {
    fn has(&self, sender: Sender) -> bool {
        match sender {
            Sender::Mac(mac) => self.macs.contains(&mac) || mac == Mac([0; 6]),
            Sender::Ip(address) => self.addresses.contains(&address),
        }
    }
}

/// Who asks for group memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Querier {
    /// Where the query came from; unspecified if a switch asks in nobody's name.
    pub address: IpAddr,
    /// The version of the protocol.
    pub version: u8,
    /// How often it asks, as far as it says; zero where it does not.
    pub interval: Duration,
    /// Whether it is this machine.
    pub own: bool,
}

/// What was heard on one interface.
#[derive(Debug)]
pub struct Tally {
    own: Own,
    router: Router,
    frames: u64,
    devices: BTreeSet<Sender>,
    protocols: [u64; Protocol::COUNT],
    mdns_v4: bool,
    mdns_v6: bool,
    igmp: Option<Querier>,
    mld: Option<Querier>,
    converted: u64,
    /// How many segments there were at the last look.
    segments: usize,
}

impl Tally {
    /// Nothing has been heard on `interface`, which lies in `around`.
    #[must_use]
    pub fn new(interface: &str, around: Surroundings, labels: &Arc<Labels>, own: Own) -> Self {
        Self {
            own,
            router: Router::new(interface, around, labels),
            frames: 0,
            devices: BTreeSet::new(),
            protocols: [0; Protocol::COUNT],
            mdns_v4: false,
            mdns_v6: false,
            igmp: None,
            mld: None,
            converted: 0,
            segments: 0,
        }
    }

    /// Takes one frame.
    pub fn handle(&mut self, observation: &Observation<'_>) {
        // A kernel device for that VLAN, or the bridge above, counts it.
        if self.router.route(observation.tags) == Route::Elsewhere {
            return;
        }
        self.frames += 1;
        let own = observation.direction == crate::frame::Direction::Outgoing
            || observation.sender.is_some_and(|sender| self.own.has(sender));
        self.handle_query(observation, own);
        let Some(sender) = observation.sender.filter(|_| !own) else { return };
        if self.devices.len() < DEVICES_MAX {
            self.devices.insert(sender);
        }
        let Some(protocol) = observation.counted_as(true) else { return };
        self.protocols[protocol.index()] += 1;
        self.converted += u64::from(observation.cast == Cast::Converted);
        if protocol == Protocol::Mdns
            && let Some(ip) = observation.ip
        {
            match ip.source {
                IpAddr::V4(_) => self.mdns_v4 = true,
                IpAddr::V6(_) => self.mdns_v6 = true,
            }
        }
    }

    /// Takes note of who asks in general; questions about one group may come from anybody.
    fn handle_query(&mut self, observation: &Observation<'_>, own: bool) {
        let Some(address) = observation.ip.map(|ip| ip.source) else { return };
        let Some(query) = observation.message.general_query() else { return };
        let slot = if address.is_ipv4() { &mut self.igmp } else { &mut self.mld };
        let Query { version, interval, .. } = *query;
        // Another machine's says more about the LAN than ours.
        if slot.is_none_or(|known| known.own && !own) {
            *slot = Some(Querier { address, version, interval, own });
        }
    }

    /// Whether a segment has come up since this was last asked.
    pub fn take_new_segment(&mut self) -> bool {
        let segments = self.router.segments().count();
        std::mem::replace(&mut self.segments, segments) != segments
    }

    /// Whether all that is asked of the LAN is answered; `all_protocols` is whether queries can be
    /// heard at all.
    #[must_use]
    pub const fn is_complete(&self, all_protocols: bool) -> bool {
        let queriers = self.igmp.is_some() && self.mld.is_some();
        self.mdns_v4 && self.mdns_v6 && (queriers || !all_protocols)
    }

    /// Frames heard, our own included.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Other devices heard, [`DEVICES_MAX`] at most.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// Frames of other devices by protocol, most first, without those that there were none of.
    #[must_use]
    pub fn protocols(&self) -> Vec<(Protocol, u64)> {
        let mut all: Vec<_> = Protocol::ALL
            .into_iter()
            .map(|protocol| (protocol, self.protocols[protocol.index()]))
            .filter(|(_, frames)| *frames > 0)
            .collect();
        all.sort_by_key(|(protocol, frames)| (std::cmp::Reverse(*frames), *protocol));
        all
    }

    /// Whether another device's mDNS was heard over IPv4, and over IPv6.
    #[must_use]
    pub const fn mdns(&self) -> (bool, bool) {
        (self.mdns_v4, self.mdns_v6)
    }

    /// Who asks for IGMP memberships.
    #[must_use]
    pub const fn igmp(&self) -> Option<Querier> {
        self.igmp
    }

    /// Who asks for MLD memberships.
    #[must_use]
    pub const fn mld(&self) -> Option<Querier> {
        self.mld
    }

    /// Multicast that came in unicast frames.
    #[must_use]
    pub const fn converted(&self) -> u64 {
        self.converted
    }

    /// The labels of the segments of VLANs that have no interface of their own.
    #[must_use]
    pub fn vlans(&self) -> Vec<String> {
        self.router
            .segments()
            .filter(|(place, _)| *place != Router::UNTAGGED)
            .map(|(_, segment)| segment.label().to_string())
            .collect()
    }
}

#[cfg(test)]
mod tests;
