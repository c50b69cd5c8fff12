//! One segment, as reports have it: who queries, which groups and services there are, what is
//! wanted and not there, which names go unanswered. Live it is what is so now, of a file what was
//! heard in it: see [`Horizon`](crate::detect::Horizon).

use crate::detect::{AddressFamily, OTHER_WANTED, Querier};
use crate::pipeline::SegmentView;
use serde::Serialize;
use std::collections::BTreeMap;

/// One segment.
#[derive(Debug, Serialize)]
pub struct Segment {
    /// Its label.
    pub interface: String,
    /// Who asks for group members, IPv4 first.
    pub queriers: Vec<Asking>,
    /// Groups with a member, by address family.
    pub groups: BTreeMap<&'static str, u64>,
    /// Instances by type of service.
    pub services: BTreeMap<String, u64>,
    /// Types of service that are asked for and of which no instance is known.
    pub wanted: Vec<WantedService>,
    /// Names with a record that nobody answered for, most often unanswered first.
    pub unanswered: Vec<UnansweredName>,
    /// mDNS payloads that came again from another device.
    pub reflected: u64,
    /// Frames that are there a second time because of where it is listened: counted in `frames.total`
    /// and nowhere else.
    pub copied: u64,
}

/// A querier.
#[derive(Debug, PartialEq, Serialize)]
pub struct Asking {
    /// `ipv4` for IGMP, `ipv6` for MLD.
    pub family: &'static str,
    /// Where its queries come from; 0.0.0.0 if a switch asks in nobody's name.
    pub address: String,
    /// The version of IGMP or MLD.
    pub version: u8,
    /// Its general queries.
    pub queries: u64,
    /// How often it asks: as it says, else as measured.
    pub interval_seconds: Option<f64>,
}

/// A type of service that is asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct WantedService {
    /// Such as `_raop._tcp`; `other` for those without a name.
    pub service: String,
    /// Devices that ask.
    pub askers: u64,
}

/// A name that nobody answered for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct UnansweredName {
    /// The name.
    pub name: String,
    /// Who sent a record of it last, if that is known still.
    pub device: Option<String>,
    /// Questions, at most one a minute.
    pub count: u64,
}

impl From<&Querier> for Asking {
    fn from(querier: &Querier) -> Self {
        let interval = querier.interval.or(querier.measured);
        Self {
            family: querier.family.label(),
            address: querier.address.to_string(),
            version: querier.version,
            queries: querier.queries,
            interval_seconds: interval.map(|interval| interval.as_secs_f64()),
        }
    }
}

impl Segment {
    /// Nothing is known of how discovery goes on it.
    pub fn is_silent(&self) -> bool {
        self.queriers.is_empty()
            && self.groups.values().all(|count| *count == 0)
            && self.services.is_empty()
            && self.wanted.is_empty()
            && self.unanswered.is_empty()
            && self.reflected == 0
            && self.copied == 0
    }
}

/// The segments, by label in order.
pub fn segments<'v>(views: impl IntoIterator<Item = &'v SegmentView>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = views.into_iter().map(segment).collect();
    segments.sort_by(|a, b| a.interface.cmp(&b.interface));
    segments
}

fn segment(view: &SegmentView) -> Segment {
    let health = &view.snapshot.health;
    let groups = |family: AddressFamily| health.membership[family as usize].groups;
    let mut services = BTreeMap::new();
    for (service, count) in &health.services {
        services.insert(service.to_string(), *count);
    }
    let mut wanted: Vec<WantedService> = health
        .wanted
        .iter()
        .map(|(service, askers)| WantedService { service: service.to_string(), askers: *askers })
        .collect();
    wanted.sort_by_key(|wanted| (wanted.service == OTHER_WANTED, std::cmp::Reverse(wanted.askers)));
    let unanswered = health.unanswered_names.iter().map(|there| UnansweredName {
        name: there.name.to_string(),
        device: there.device.map(|device| device.to_string()),
        count: there.count,
    });
    Segment {
        interface: view.label.to_string(),
        queriers: health.queriers.iter().map(Asking::from).collect(),
        groups: AddressFamily::ALL.map(|family| (family.label(), groups(family))).into(),
        services,
        wanted,
        unanswered: unanswered.collect(),
        reflected: health.reflected,
        copied: health.copied,
    }
}
