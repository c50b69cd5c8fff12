//! What was heard on one interface, over all its segments, as numbers. Pure; knows no capture and
//! no clock.

use crate::decode::Protocol;
use crate::detect::{AddressFamily, Querier};
use crate::engine::{DeviceSnapshot, Local};
use crate::pipeline::SegmentView;
use std::collections::BTreeSet;

/// What was heard on one interface.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Frames heard, our own included.
    pub frames: u64,
    /// Other devices that sent multicast or broadcast.
    pub devices: usize,
    /// Whether there were more devices than could be tracked.
    pub is_least: bool,
    /// Frames of other devices.
    packets: [u64; Protocol::COUNT],
    /// Whether mDNS of another device was heard, by [`AddressFamily`].
    pub mdns: [bool; AddressFamily::ALL.len()],
    /// Who asks for group members, each once.
    queriers: Vec<Asking>,
    /// Multicast that came in unicast frames.
    pub converted: u64,
    /// The labels of the VLANs that have no interface of their own.
    pub vlans: Vec<String>,
}

/// A host that asks for group members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The querier as it was heard.
    pub querier: Querier,
    /// Whether it is this machine.
    pub own: bool,
    /// The label of the VLAN, if it has no interface of its own.
    pub vlan: Option<String>,
}

impl Summary {
    /// Adds up the segments of one capture, of which the first is that of untagged frames. `local`
    /// is what this machine's own frames are known by.
    pub fn new(segments: &[SegmentView], local: &Local) -> Self {
        let mut summary = Self::default();
        let mut devices = BTreeSet::new();
        for (place, SegmentView { label, snapshot, .. }) in segments.iter().enumerate() {
            let vlan = (place > 0).then(|| label.to_string());
            summary.vlans.extend(vlan.clone());
            summary.frames += snapshot.frames;
            summary.converted += snapshot.converted;
            summary.is_least |= snapshot.other.is_some() || snapshot.evicted_capacity > 0;
            let others = || snapshot.devices.iter().filter(|device| is_another(device));
            devices.extend(others().map(|device| device.sender));
            let counters = others().map(|device| &device.counters).chain(&snapshot.other);
            for counters in counters {
                for (sum, packets) in summary.packets.iter_mut().zip(counters.packets) {
                    *sum += packets;
                }
            }
            for family in AddressFamily::ALL {
                let place = family as usize;
                summary.mdns[place] |= others().any(|device| device.received.mdns[place]);
            }
            for &querier in &snapshot.health.queriers {
                // Each segment counts its own queries and gaps.
                let same = |other: &Querier| Querier { queries: 0, measured: None, ..*other };
                let is_known = |known: &Asking| same(&known.querier) == same(&querier);
                if !summary.queriers.iter().any(is_known) {
                    let own = local.addresses.contains(&querier.address)
                        || querier.sender.is_some_and(|sender| local.contains(sender, None));
                    summary.queriers.push(Asking { querier, own, vlan: vlan.clone() });
                }
            }
        }
        summary.devices = devices.len();
        summary
    }

    /// Whether mDNS was heard over both families, and queriers of both if `all_protocols` says that
    /// queries can be heard at all.
    pub(crate) fn is_complete(&self, all_protocols: bool) -> bool {
        let asks = |family| self.queriers.iter().any(|asking| asking.querier.family == family);
        self.mdns == [true; 2] && (!all_protocols || AddressFamily::ALL.into_iter().all(asks))
    }

    /// Frames of other devices by protocol, most first, without those that there were none of.
    pub fn protocols(&self) -> Vec<(Protocol, u64)> {
        let mut all: Vec<_> = Protocol::ALL
            .into_iter()
            .map(|protocol| (protocol, self.packets[protocol.index()]))
            .filter(|(_, frames)| *frames > 0)
            .collect();
        all.sort_by_key(|(protocol, frames)| (std::cmp::Reverse(*frames), *protocol));
        all
    }

    /// Who asks for group members: other machines, which say more about the LAN than this one, or
    /// this one if no other does.
    pub fn queriers(&self, family: AddressFamily) -> Vec<&Asking> {
        let of_family = |asking: &&Asking| asking.querier.family == family;
        let (own, others): (Vec<&Asking>, Vec<&Asking>) =
            self.queriers.iter().filter(of_family).partition(|asking| asking.own);
        if others.is_empty() { own } else { others }
    }
}

/// Whether it is another device that was heard, not this machine or a virtual one on it.
fn is_another(device: &DeviceSnapshot) -> bool {
    device.received.any && !device.identity.local
}

#[cfg(test)]
pub(super) mod tests;
