//! The services of a segment: how many instances of each type are alive (RFC 6763 section 4.1).
//!
//! Counts what caches learn, from copies too: an instance is one, however often it is named. PTR
//! records of subtypes and the list of all types name no further instance. A goodbye removes an
//! instance at once; see [`crate::detect::cache`] for why. Of a file all instances count that were
//! ever heard of.
//!
//! The names of types are chosen by the network: at most 64 have a label at a time, given back with
//! their last instance; the instances of further types are counted together. At most 8,192
//! instances are remembered, 330 KB: above some 5,000 those that were not named for longest begin
//! to be forgotten, so that the numbers stand still instead of growing.

use super::horizon::Horizon;
use super::types::{self, Types, label};
use crate::decode::mdns::{DataHash, HashKey, NameHash, RType, Record, name_at};
use crate::detect::cache::{TTL_MAX, learnable, life, teaches};
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Mdns, View};
use crate::time::Time;
use std::collections::HashSet;

/// Types that have a label of their own.
pub const SERVICE_TYPES_MAX: usize = types::TYPES_MAX;
/// What the instances of other types are counted as.
pub const OTHER_SERVICES: &str = types::OTHER;

/// One instance of a service.
#[derive(Clone, Copy, Debug)]
struct Instance {
    /// The name of its type.
    kind: NameHash,
    expires: Time,
}

/// The instances that are alive.
#[derive(Debug)]
pub(crate) struct Services {
    instances: Table<(NameHash, DataHash), Instance, 1_024>,
    types: Types<()>,
    /// When the next instance expires, at the earliest.
    next: Option<Time>,
    /// Whether a type may have lost its last instance.
    has_lost: bool,
    horizon: Horizon,
}

impl Services {
    /// None yet.
    pub(crate) fn new(key: HashKey, horizon: Horizon) -> Self {
        let instances = Table::new(key, horizon.lifetime(TTL_MAX));
        Self { instances, types: Types::new(), next: None, has_lost: false, horizon }
    }

    /// Learns a record of a message, as caches do.
    pub(crate) fn learn(&mut self, now: Time, mdns: &Mdns<'_>, record: &Record) {
        if record.rtype != RType::PTR || !record.traits.is_browsed_type() {
            return;
        }
        let key = (record.name, record.data);
        if record.ttl == 0 {
            if self.horizon == Horizon::Now {
                self.has_lost |= self.instances.remove(key).is_some();
            }
            return;
        }
        let label = || label(&name_at(mdns.datagram.payload, record.at));
        let expires = match self.horizon {
            Horizon::Now => now.plus(life(record.ttl)),
            Horizon::Whole => Time(u64::MAX),
        };
        self.add(now, key, expires, label);
    }

    /// What is promised of copies of a message that is learned again.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { instances, types: _, next: _, has_lost: _, horizon: _ } = self;
        let Some(mdns) = view.multicast_mdns().filter(teaches).filter(|_| !steady.is_alone())
        else {
            return Some(steady);
        };
        let is_one = |r: &&Record| r.rtype == RType::PTR && r.traits.is_browsed_type() && r.ttl > 0;
        let mut named = learnable(mdns.digest).filter(is_one);
        named.all(|r| instances.holds(view.now, (r.name, r.data))).then_some(steady)
    }

    /// Drops what has expired. Called once a second, or later.
    pub(crate) fn handle_second(&mut self, now: Time) {
        if self.next.is_some_and(|next| next <= now) {
            let mut next = None;
            let lost = &mut self.has_lost;
            self.instances.retain(|instance| {
                let is_alive = now < instance.expires;
                if is_alive {
                    let expires = next.get_or_insert(instance.expires);
                    *expires = instance.expires.min(*expires);
                } else {
                    *lost = true;
                }
                is_alive
            });
            self.next = next;
        }
        if std::mem::take(&mut self.has_lost) {
            let Self { types, instances, .. } = self;
            types.retain(|kind, ()| instances.values(now).any(|alive| alive.kind == kind));
        }
    }

    /// How many instances of each type are alive, by label in order; those of types without one
    /// last.
    pub(crate) fn count(&self, now: Time) -> Vec<(Box<str>, u64)> {
        let alive = self.instances.values(now).filter(|instance| now < instance.expires);
        self.types.count(alive.map(|instance| instance.kind))
    }

    /// The types of which an instance is alive.
    pub(crate) fn kinds(&self, now: Time) -> HashSet<NameHash> {
        let alive = self.instances.values(now).filter(|instance| now < instance.expires);
        alive.map(|instance| instance.kind).collect()
    }

    fn add(
        &mut self,
        now: Time,
        key: (NameHash, DataHash),
        expires: Time,
        label: impl FnOnce() -> Option<Box<str>>,
    ) {
        let (kind, _) = key;
        let place = self.instances.entry(now, key, || Instance { kind, expires });
        place.value.expires = expires;
        self.has_lost |= place.forgot;
        self.next = Some(self.next.map_or(expires, |next| next.min(expires)));
        // A type that came when there was no label may have one now.
        if self.types.get_mut(kind).is_none() {
            self.types.add(kind, label, ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn services() -> Services {
        Services::new(HashKey([1, 2, 3, 4]), Horizon::Now)
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn learn(services: &mut Services, now: u64, instance: u64, kind: u64, ttl: u64) {
        let key = (NameHash(kind), DataHash(instance));
        let name = || label(&format!("_{kind:05}._tcp.local"));
        services.add(at(now), key, at(now + ttl), name);
    }

    fn of(services: &Services, now: u64, label: &str) -> u64 {
        let counts = services.count(at(now));
        counts.iter().find(|(there, _)| **there == *label).map_or(0, |(_, count)| *count)
    }

    #[test]
    fn sixty_four_types_have_labels_and_give_them_back() {
        let mut services = services();
        for kind in 0..70 {
            learn(&mut services, 0, kind, kind, if kind < 10 { 5 } else { 100 });
        }
        assert_eq!(services.count(at(0)).len(), SERVICE_TYPES_MAX + 1);
        assert_eq!(of(&services, 0, OTHER_SERVICES), 6);
        services.handle_second(at(5));
        assert_eq!(of(&services, 5, "_00000._tcp"), 0);
        assert_eq!(services.types.len(), 54);
        // Named again, it has a label now.
        learn(&mut services, 6, 69, 69, 100);
        assert_eq!((of(&services, 6, "_00069._tcp"), of(&services, 6, OTHER_SERVICES)), (1, 5));
        services.handle_second(at(106));
        assert_eq!((services.types.len(), services.count(at(106)).len()), (0, 0));
    }

    proptest! {
        #[test]
        fn labels_and_memory_have_a_bound(
            names in prop::collection::vec((0_u64..20_000, 0_u64..200, 1_u64..100), 0..1_000),
        ) {
            let mut services = services();
            for ((instance, kind, ttl), step) in names.into_iter().zip(0..) {
                // A hundred a second.
                let now = step / 100;
                learn(&mut services, now, instance, kind, ttl);
                prop_assert!(services.types.len() <= SERVICE_TYPES_MAX);
                if step % 100 == 99 {
                    services.handle_second(at(now));
                    prop_assert!(services.count(at(now)).len() <= SERVICE_TYPES_MAX + 1);
                }
            }
            services.handle_second(at(10_000));
            prop_assert_eq!((services.types.len(), services.count(at(10_000)).len()), (0, 0));
        }
    }

    #[test]
    fn the_number_of_instances_stands_still() {
        let mut services = services();
        for instance in 0..50_000 {
            learn(&mut services, 0, instance, 1, 100);
        }
        assert_eq!(services.instances.capacity(), 8_192);
        assert_eq!(of(&services, 0, "_00001._tcp"), 8_192);
    }
}
