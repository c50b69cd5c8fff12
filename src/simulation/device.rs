//! A device: its profile, and what it remembers. Its behaviour in [`super::mdns`] and
//! [`super::habit`] reads and changes this state.

use super::agenda::Nanos;
use super::record::{Offer, RecordId};
use crate::craft::Host;
use simple_dns::TYPE;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A device, by its place in the household.
pub(super) type Place = usize;

/// An address family: each has its own groups, and answers stay in the family of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a device is.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    /// Its host name, without `.local`.
    pub(super) name: String,
    /// Its addresses; a visitor has others each time.
    pub(super) host: Host,
    /// Whether it speaks IPv6.
    pub(super) has_v6: bool,
    /// Whether it answers over mDNS.
    pub(super) responds: bool,
    /// The services that it offers.
    pub(super) offers: Vec<Offer>,
    /// The service types that it looks for all the time.
    pub(super) browses: &'static [&'static str],
    /// What it is to UPnP.
    pub(super) upnp: Option<Upnp>,
    /// Groups that it joins besides those of its protocols.
    pub(super) groups: &'static [Ipv4Addr],
    /// What else it does.
    pub(super) habits: &'static [Habit],
    /// When it is there.
    pub(super) presence: Presence,
}

/// When a device is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// From its boot on.
    Resident,
    /// It comes and goes, with another MAC each time.
    Visitor,
    /// It loses its power now and then, and says nothing.
    Flaky,
}

impl Profile {
    /// Whether it comes and goes.
    pub(super) fn is_visitor(&self) -> bool {
        self.presence == Presence::Visitor
    }

    /// Whether it loses its power.
    pub(super) fn is_flaky(&self) -> bool {
        self.presence == Presence::Flaky
    }
}

/// A UPnP root device: its set of notifications has one for each of these and two for itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upnp {
    /// Device and service types.
    pub(super) kinds: &'static [&'static str],
    /// The `SERVER` header.
    pub(super) server: &'static str,
}

/// What a device does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Asks for its neighbours' hardware addresses.
    Neighbours,
    /// Asks IGMP and MLD who is in which group, every 125 s (RFC 3376 section 8.2).
    Querier,
    /// Sends router advertisements (RFC 4861 section 6.2.1).
    Advertises,
    /// Notifies of its UPnP services every 15 min.
    Notifies,
    /// Looks for cast devices over SSDP as a browser on a desktop does.
    Searches,
    /// LLMNR, NetBIOS and WS-Discovery of a Windows machine.
    Windows,
    /// Asks for every address of its /24 once an hour.
    Scans,
    /// Uses one of the services that it knows of, for some minutes.
    Uses,
    /// Asks each minute for an instance that is gone at times.
    Polls,
    /// Looks for services that nobody has, every four minutes.
    Wants,
    /// Opens the list of cast devices anew, some three times a minute.
    Casts,
    /// Asks the same question eight times in two seconds, every three minutes.
    Nags,
    /// Sends a message that nobody can read, every five minutes.
    Garbles,
    /// Names itself to its neighbour on the cable (LLDP), every 30 s.
    Names,
    /// Sends what others say over mDNS once more from its own addresses.
    Repeats,
}

/// What a device wants to know over mDNS.
#[derive(Clone, Debug)]
pub(super) struct Interest {
    /// The name.
    pub(super) owner: String,
    /// The type.
    pub(super) rtype: TYPE,
    /// Until when.
    pub(super) until: Nanos,
    /// Whether it is done once there is an answer; a browser goes on.
    pub(super) is_single: bool,
}

/// A record that a device heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    /// When.
    pub(super) received: Nanos,
    /// When it is forgotten.
    pub(super) expires: Nanos,
}

/// A device and what it remembers.
#[derive(Debug)]
pub(super) struct Device {
    /// What it is.
    pub(super) profile: Profile,
    /// Its addresses now.
    pub(super) host: Host,
    /// Whether it is there.
    pub(super) is_on: bool,
    /// Counts up when it comes or goes: its earlier plans are then void.
    pub(super) life: u32,
    /// Its own records: of each service, then of its host.
    pub(super) owned: Vec<Vec<RecordId>>,
    /// When it multicast a record last.
    pub(super) sent: BTreeMap<(Family, RecordId), Nanos>,
    /// What it is about to answer.
    pub(super) pending: [BTreeSet<RecordId>; 2],
    /// What it knows of others.
    pub(super) cache: BTreeMap<RecordId, Cached>,
    /// What it wants to know.
    pub(super) interests: BTreeMap<u32, Interest>,
    /// When it asked a question last.
    pub(super) asked: BTreeMap<(String, u16), Nanos>,
}

impl Device {
    /// A device that is not there yet.
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            host: profile.host,
            profile,
            is_on: false,
            life: 0,
            owned: Vec::new(),
            sent: BTreeMap::new(),
            pending: Default::default(),
            cache: BTreeMap::new(),
            interests: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// The families that it speaks.
    pub(super) const fn families(&self) -> &'static [Family] {
        if self.profile.has_v6 { &[Family::V4, Family::V6] } else { &[Family::V4] }
    }

    /// Whether it speaks mDNS at all.
    pub(super) const fn has_mdns(&self) -> bool {
        self.profile.responds || !self.profile.browses.is_empty()
    }

    /// Its name with `.local`.
    pub(super) fn host_name(&self) -> String {
        format!("{}.local", self.profile.name)
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.life += 1;
        self.owned.clear();
        self.sent.clear();
        self.pending = Default::default();
        self.cache.clear();
        self.interests.clear();
        self.asked.clear();
    }
}
