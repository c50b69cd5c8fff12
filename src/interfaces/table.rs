//! The links of this namespace as they are, and what changed. Messages come one by one, or as a
//! dump. No IO and no clock: the same messages make the same table.
//!
//! Method families: `handle_message`, `begin_dump`, `end_dump`, `abandon_dump` take input; the
//! others read.

use super::message::{Address, Kind, Link, MasterKind, Message, Vlan};
use crate::mac::Mac;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// How far the links below or above a link are followed. Deeper stacks exist only as attacks on
/// the reader: the kernel allows 8 (`MAX_NEST_DEV`).
pub(super) const MAX_DEPTH: usize = 8;

/// Something that happened to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The link's index.
    pub index: u32,
    /// Its name, after the change.
    pub name: String,
    /// What happened.
    pub what: What,
}

/// What happened to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is there now. If it is up, [`What::Up`] follows. A link that was deleted and made
    /// again has another index: it vanishes and appears.
    Appeared,
    /// It is gone.
    Vanished,
    /// It is up now.
    Up,
    /// It is no longer up.
    Down,
    /// It can carry frames now (`true`), or no longer while it is up (`false`): the cable.
    Carrier(bool),
    /// It has another name.
    Renamed {
        /// The name until now.
        from: String,
    },
    /// It became, or is no longer, a port or member of another link.
    Master {
        /// Index of the master until now.
        from: Option<u32>,
        /// Index of the master from now on.
        to: Option<u32>,
    },
    /// It has another MAC.
    Mac {
        /// The MAC until now.
        from: Option<Mac>,
        /// The MAC from now on.
        to: Option<Mac>,
    },
    /// It has other IP addresses.
    Addresses,
    /// Something else that affects the choice of interfaces: its multicast flag, or the link
    /// underneath.
    Attributes,
}

/// A link and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    link: Link,
    addresses: BTreeSet<Address>,
}

/// The links of this namespace.
#[derive(Clone, Debug, Default)]
pub struct Table {
    entries: BTreeMap<u32, Entry>,
    /// What a dump in progress has said so far.
    fresh: Option<BTreeMap<u32, Entry>>,
}

impl Table {
    /// A table without links.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one message. Changes are in the order in which to act on them: what
    /// vanishes first, so that its name is free. While a dump is read, notifications belong to
    /// the dump too, and nothing is reported before it ends.
    pub fn handle_message(&mut self, message: Message) -> Vec<Change> {
        if let Some(fresh) = &mut self.fresh {
            apply(fresh, message);
            return Vec::new();
        }
        match message {
            Message::Link(link) => {
                let mut changes = Vec::new();
                match self.entries.get_mut(&link.index) {
                    Some(entry) if same_device(&entry.link, &link) => {
                        compare(&entry.link, &link, &mut changes);
                        entry.link = *link;
                    }
                    Some(entry) => {
                        changes.push(change(&entry.link, What::Vanished));
                        appear(&link, &mut changes);
                        *entry = Entry { link: *link, addresses: BTreeSet::new() };
                    }
                    None => {
                        appear(&link, &mut changes);
                        apply(&mut self.entries, Message::Link(link));
                    }
                }
                changes
            }
            Message::LinkGone(index) => self
                .entries
                .remove(&index)
                .map(|entry| change(&entry.link, What::Vanished))
                .into_iter()
                .collect(),
            Message::Address(address) | Message::AddressGone(address) => {
                let changed = apply(&mut self.entries, message);
                self.entries
                    .get(&address.index)
                    .filter(|_| changed)
                    .map(|entry| change(&entry.link, What::Addresses))
                    .into_iter()
                    .collect()
            }
            Message::Neighbour(_) | Message::Other => Vec::new(),
        }
    }

    /// A dump of all links and then of all addresses begins. A dump that was not ended is
    /// forgotten.
    pub(crate) fn begin_dump(&mut self) {
        self.fresh = Some(BTreeMap::new());
    }

    /// The dump is complete: it is the table from now on. Reports how it differs from the one
    /// before: first what vanished, then what changed, then what appeared. A link that took the
    /// name of another that is still there vanishes and appears, so that acting upon the changes
    /// in their order never meets a name twice.
    pub(crate) fn end_dump(&mut self) -> Vec<Change> {
        let Some(fresh) = self.fresh.take() else { return Vec::new() };
        let before = std::mem::replace(&mut self.entries, fresh);
        let names: BTreeMap<&str, u32> =
            before.values().map(|entry| (entry.link.name.as_str(), entry.link.index)).collect();
        let stayed = |old: &Entry| {
            self.entries.get(&old.link.index).filter(|new| {
                let name = new.link.name.as_str();
                let taken = names.get(name).is_some_and(|&owner| {
                    owner != new.link.index && self.entries.contains_key(&owner)
                });
                same_device(&old.link, &new.link) && !taken
            })
        };
        let (mut vanished, mut changed, mut appeared) = (Vec::new(), Vec::new(), Vec::new());
        for old in before.values() {
            match stayed(old) {
                Some(new) => {
                    compare(&old.link, &new.link, &mut changed);
                    if old.addresses != new.addresses {
                        changed.push(change(&new.link, What::Addresses));
                    }
                }
                None => vanished.push(change(&old.link, What::Vanished)),
            }
        }
        for (index, new) in &self.entries {
            if before.get(index).and_then(stayed).is_none() {
                appear(&new.link, &mut appeared);
            }
        }
        vanished.extend(changed);
        vanished.extend(appeared);
        vanished
    }

    /// The dump came to nothing: the table stays as it was.
    pub(crate) fn abandon_dump(&mut self) {
        self.fresh = None;
    }

    /// All links, by index.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.entries.values().map(|entry| &entry.link)
    }

    /// The link with this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.entries.get(&index).map(|entry| &entry.link)
    }

    /// The link with this name.
    pub fn link_by_name(&self, name: &str) -> Option<&Link> {
        self.links().find(|link| link.name == name)
    }

    /// The addresses of a link, IPv4 first.
    pub fn addresses(&self, index: u32) -> impl Iterator<Item = &Address> {
        self.entries.get(&index).into_iter().flat_map(|entry| &entry.addresses)
    }

    /// The link and, one above the other, those that it is a port of, VRFs left out: a listener
    /// there hears its frames too. At most nine links.
    pub(crate) fn with_masters(&self, index: u32) -> impl Iterator<Item = &Link> {
        let above = |link: &&Link| {
            let master = link.master.as_ref()?;
            match master.kind {
                MasterKind::Vrf => None,
                MasterKind::Bridge | MasterKind::Bond | MasterKind::Team | MasterKind::Other(_) => {
                    self.link(master.index)
                }
            }
        };
        std::iter::successors(self.link(index), above).take(MAX_DEPTH + 1)
    }

    /// The VLAN devices over a link that are up.
    pub(crate) fn vlans_over(&self, index: u32) -> impl Iterator<Item = Vlan> {
        self.links().filter_map(move |link| match link.kind {
            Kind::Vlan(vlan) if link.lower == Some(index) && link.flags.up() => Some(vlan),
            Kind::Vlan(_)
            | Kind::Physical
            | Kind::Bridge
            | Kind::Bond
            | Kind::Team
            | Kind::Vrf
            | Kind::Macvlan
            | Kind::Ipvlan
            | Kind::Veth
            | Kind::Tun
            | Kind::Other(_) => None,
        })
    }

    /// The MACs of this host, sorted, each once: those of all its links, up or not.
    pub fn local_macs(&self) -> Vec<Mac> {
        let all: BTreeSet<Mac> = self.links().filter_map(|link| link.mac).collect();
        all.into_iter().collect()
    }

    /// The IP addresses of a link with the length of their prefix, sorted.
    pub fn subnets(&self, index: u32) -> Vec<(IpAddr, u8)> {
        let addresses = self.entries.get(&index).into_iter().flat_map(|entry| &entry.addresses);
        addresses.map(|address| (address.ip, address.prefix)).collect()
    }

    /// The IP addresses of this host, sorted, each once.
    pub(crate) fn local_addresses(&self) -> Vec<IpAddr> {
        let all = self.entries.values().flat_map(|entry| &entry.addresses);
        let all: BTreeSet<IpAddr> = all.map(|address| address.ip).collect();
        all.into_iter().collect()
    }
}

/// Writes one message into `entries`; whether that changed the addresses of a link.
fn apply(entries: &mut BTreeMap<u32, Entry>, message: Message) -> bool {
    match message {
        Message::Link(link) => {
            let addresses = match entries.remove(&link.index) {
                Some(old) if same_device(&old.link, &link) => old.addresses,
                Some(_) | None => BTreeSet::new(),
            };
            entries.insert(link.index, Entry { link: *link, addresses });
            false
        }
        Message::LinkGone(index) => {
            entries.remove(&index);
            false
        }
        Message::Address(address) => {
            entries.get_mut(&address.index).is_some_and(|entry| entry.addresses.insert(address))
        }
        Message::AddressGone(address) => {
            entries.get_mut(&address.index).is_some_and(|entry| entry.addresses.remove(&address))
        }
        Message::Neighbour(_) | Message::Other => false,
    }
}

/// Whether a link can be what another with the same index became. The kind of a device never
/// changes, and a capture of another hardware type has to be opened anew.
fn same_device(old: &Link, new: &Link) -> bool {
    old.kind == new.kind && old.hardware == new.hardware
}

fn change(link: &Link, what: What) -> Change {
    Change { index: link.index, name: link.name.clone(), what }
}

fn appear(link: &Link, changes: &mut Vec<Change>) {
    changes.push(change(link, What::Appeared));
    if link.flags.up() {
        changes.push(change(link, What::Up));
    }
}

/// What distinguishes `new` from `old`, the same link before.
fn compare(old: &Link, new: &Link, changes: &mut Vec<Change>) {
    let mut push = |what| changes.push(change(new, what));
    if old.name != new.name {
        push(What::Renamed { from: old.name.clone() });
    }
    if old.mac != new.mac {
        push(What::Mac { from: old.mac, to: new.mac });
    }
    if old.master != new.master {
        let index = |link: &Link| link.master.as_ref().map(|master| master.index);
        push(What::Master { from: index(old), to: index(new) });
    }
    match (old.flags.up(), new.flags.up()) {
        (false, true) => push(What::Up),
        (true, false) => push(What::Down),
        (true, true) if old.flags.running() != new.flags.running() => {
            push(What::Carrier(new.flags.running()));
        }
        (true, true) | (false, false) => {}
    }
    if old.flags.multicast() != new.flags.multicast()
        || old.flags.loopback() != new.flags.loopback()
        || old.lower != new.lower
    {
        push(What::Attributes);
    }
}

#[cfg(test)]
mod tests;
