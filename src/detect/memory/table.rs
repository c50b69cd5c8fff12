//! A set-associative table: a bound on memory that no sender can move, a cost that does not depend
//! on how full it is, and a victim that is always the entry used least lately in its set.
//!
//! The table hashes its keys with a key that the network does not know. It begins empty, doubles
//! while live entries crowd a set, and forgets a live entry only at its bound; the caller learns of
//! that. Only the 64 bits of a key's hash are kept: two keys with one hash are one.

use super::sender::{SenderKey, SourceId};
use crate::decode::mdns::{HashKey, NameHash, PayloadHash};
use crate::time::Time;
use ahash::RandomState;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

/// Entries of a set.
const WAYS: usize = 8;

/// What a table can be keyed by.
pub(crate) trait Key: Copy + Hash {
    /// Its keyed hash.
    fn keyed(&self, state: &RandomState) -> u64 {
        state.hash_one(self)
    }
}

/// Keys that are keyed hashes already are used as they are.
macro_rules! hashed {
    ($($name:ty),*) => {
        $(impl Key for $name {
            fn keyed(&self, _: &RandomState) -> u64 {
                self.0
            }
        })*
    };
}

hashed!(NameHash, PayloadHash, SenderKey, SourceId);

impl<A: Copy + Hash, B: Copy + Hash> Key for (A, B) {}
impl<A: Copy + Hash, B: Copy + Hash, C: Copy + Hash> Key for (A, B, C) {}
impl<A: Copy + Hash, B: Copy + Hash, C: Copy + Hash, D: Copy + Hash> Key for (A, B, C, D) {}
impl<A: Copy + Hash, B: Copy + Hash, C: Copy + Hash, D: Copy + Hash, E: Copy + Hash> Key
    for (A, B, C, D, E)
{
}
impl Key for std::net::IpAddr {}
impl Key for crate::decode::Sender {}

#[derive(Clone, Debug)]
struct Kept<V> {
    key: u64,
    used: Time,
    value: V,
}

/// At most `MAX_SETS` times 8 values, by key.
pub(crate) struct Table<K, V, const MAX_SETS: usize> {
    state: RandomState,
    /// Sets times [`WAYS`]; empty before the first value.
    entries: Vec<Option<Kept<V>>>,
    /// How long an unused value lives.
    lifetime: Duration,
    key: PhantomData<fn(K)>,
}

/// Where a value is, and what it cost to put it there.
pub(crate) struct Access<'a, V> {
    /// The value.
    pub value: &'a mut V,
    /// Whether it was made just now.
    pub is_new: bool,
    /// Whether a live one had to be forgotten for it.
    pub forgot: bool,
}

impl<K, V: fmt::Debug, const MAX_SETS: usize> fmt::Debug for Table<K, V, MAX_SETS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.entries).finish()
    }
}

impl<K: Key, V, const MAX_SETS: usize> Table<K, V, MAX_SETS> {
    /// Sets made with the first value.
    const MIN_SETS: usize = if MAX_SETS < 16 { MAX_SETS } else { 16 };

    /// An empty table whose values live for `lifetime` after they were last used. `key` keeps the
    /// network from choosing what collides.
    pub(crate) fn new(key: HashKey, lifetime: Duration) -> Self {
        const { assert!(MAX_SETS.is_power_of_two()) };
        Self { state: key.state(), entries: Vec::new(), lifetime, key: PhantomData }
    }

    /// The value of `key`, if it lives. It is not used by this.
    pub(crate) fn get(&self, now: Time, key: K) -> Option<&V> {
        if self.entries.is_empty() {
            return None;
        }
        let key = key.keyed(&self.state);
        let set = self.set(key);
        let same = self.entries[set..set + WAYS].iter().flatten().find(|entry| entry.key == key);
        same.filter(|entry| now.since(entry.used) <= self.lifetime).map(|entry| &entry.value)
    }

    /// The value of `key`, if it lives, used now.
    pub(crate) fn get_mut(&mut self, now: Time, key: K) -> Option<&mut V> {
        if self.entries.is_empty() {
            return None;
        }
        let key = key.keyed(&self.state);
        let set = self.set(key);
        let lifetime = self.lifetime;
        let mut set = self.entries[set..set + WAYS].iter_mut().flatten();
        let entry = set.find(|entry| entry.key == key && now.since(entry.used) <= lifetime)?;
        entry.used = now;
        Some(&mut entry.value)
    }

    /// Whether there is a value of `key` that lives.
    pub(crate) fn holds(&self, now: Time, key: K) -> bool {
        self.get(now, key).is_some()
    }

    /// The value of `key`, alive or not. It is not used by this.
    pub(crate) fn peek_mut(&mut self, key: K) -> Option<&mut V> {
        if self.entries.is_empty() {
            return None;
        }
        let key = key.keyed(&self.state);
        let set = self.set(key);
        let mut set = self.entries[set..set + WAYS].iter_mut().flatten();
        set.find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }

    /// The value of `key`, made by `make` if there is none that lives; used now.
    pub(crate) fn entry(&mut self, now: Time, key: K, make: impl FnOnce() -> V) -> Access<'_, V> {
        let key = key.keyed(&self.state);
        if self.entries.is_empty() {
            self.entries.resize_with(Self::MIN_SETS * WAYS, || None);
        }
        let lifetime = self.lifetime;
        let is_live = |entry: &Kept<V>| now.since(entry.used) <= lifetime;
        let mut at = self.victim(key);
        let mut forgot = false;
        let found = self.entries[at].as_ref().is_some_and(|e| e.key == key && is_live(e));
        if !found {
            // Another live key's value must not go while the table can still grow.
            while self.entries[at].as_ref().is_some_and(|e| e.key != key && is_live(e)) {
                if !self.grow(now) {
                    forgot = true;
                    break;
                }
                at = self.victim(key);
            }
            self.entries[at] = None;
        }
        let entry = self.entries[at].get_or_insert_with(|| Kept { key, used: now, value: make() });
        entry.used = now;
        Access { value: &mut entry.value, is_new: !found, forgot }
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        if self.entries.is_empty() {
            return None;
        }
        let key = key.keyed(&self.state);
        let set = self.set(key);
        let same = |entry: &&mut Option<Kept<V>>| entry.as_ref().is_some_and(|e| e.key == key);
        let entry = self.entries[set..set + WAYS].iter_mut().find(same)?;
        entry.take().map(|entry| entry.value)
    }

    /// Keeps the values that `keep` accepts, alive or not, so that a caller can close what is open.
    /// Visits every place.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        for place in &mut self.entries {
            if place.as_mut().is_some_and(|entry| !keep(&mut entry.value)) {
                *place = None;
            }
        }
    }

    /// All values that live, in no particular order.
    pub(crate) fn values(&self, now: Time) -> impl Iterator<Item = &V> {
        let live = move |entry: &&Kept<V>| now.since(entry.used) <= self.lifetime;
        self.entries.iter().flatten().filter(live).map(|entry| &entry.value)
    }

    /// Forgets everything and gives its memory back.
    pub(crate) fn clear(&mut self) {
        self.entries = Vec::new();
    }

    /// Bytes of a full table.
    #[cfg(test)]
    pub(crate) const BYTES_MAX: usize = size_of::<Option<Kept<V>>>() * WAYS * MAX_SETS;

    /// Values that there is memory for now.
    #[cfg(test)]
    pub(crate) const fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Where `key` is, else a free place in its set, else the one used least lately.
    fn victim(&self, key: u64) -> usize {
        let set = self.set(key);
        let entries = &self.entries[set..set + WAYS];
        let same = entries.iter().position(|e| e.as_ref().is_some_and(|e| e.key == key));
        let victim = same.unwrap_or_else(|| {
            let used = |way: &usize| entries[*way].as_ref().map(|entry| entry.used);
            (0..WAYS).min_by_key(used).unwrap_or(0)
        });
        set + victim
    }

    /// Where the set of a key begins. The hash is keyed; its upper half picks the set.
    const fn set(&self, key: u64) -> usize {
        #[allow(clippy::cast_possible_truncation, reason = "32 bits are left")]
        let bits = (key >> 32) as usize;
        (bits & (self.entries.len() / WAYS - 1)) * WAYS
    }

    /// Doubles the sets and keeps what lives. False at the bound.
    fn grow(&mut self, now: Time) -> bool {
        let sets = self.entries.len() / WAYS;
        if sets >= MAX_SETS {
            return false;
        }
        let mut entries = Vec::new();
        entries.resize_with(sets * 2 * WAYS, || None);
        let old = std::mem::replace(&mut self.entries, entries);
        for entry in old.into_iter().flatten() {
            if now.since(entry.used) > self.lifetime {
                continue;
            }
            // A set is split in two: each has space for all that it held.
            let set = self.set(entry.key);
            if let Some(free) = self.entries[set..set + WAYS].iter_mut().find(|e| e.is_none()) {
                *free = Some(entry);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const LIFE: Duration = Duration::from_secs(10);

    const KEY: HashKey = HashKey([1, 2, 3, 4]);

    fn spread(n: u64) -> NameHash {
        NameHash(KEY.state().hash_one(n))
    }

    #[test]
    fn values_live_as_long_as_they_are_used() {
        let mut table = Table::<NameHash, u32, 4>::new(KEY, LIFE);
        let at = |seconds: u64| Time(seconds * 1_000_000_000);
        assert!(
            table.get(at(0), NameHash(7)).is_none() && table.get_mut(at(0), NameHash(7)).is_none()
        );
        assert_eq!(table.capacity(), 0);
        assert!(table.entry(at(0), NameHash(7), || 1).is_new);
        assert!(!table.entry(at(9), NameHash(7), || 2).is_new);
        assert_eq!(table.get(at(19), NameHash(7)), Some(&1));
        assert_eq!(table.get(at(20), NameHash(7)), None);
        let place = table.entry(at(20), NameHash(7), || 3);
        assert_eq!((*place.value, place.is_new, place.forgot), (3, true, false));
        assert_eq!(table.values(at(20)).collect::<Vec<_>>(), [&3]);
        assert_eq!(table.remove(NameHash(7)), Some(3));
        assert_eq!(table.remove(NameHash(7)), None);
    }

    #[test]
    fn what_is_not_kept_is_gone_and_its_place_is_free() {
        let mut table = Table::<NameHash, u64, 4>::new(KEY, LIFE);
        for n in 0..32 {
            table.entry(Time(0), spread(n), || n);
        }
        table.retain(|n| {
            *n += 1;
            *n % 2 == 0
        });
        assert!(table.values(Time(0)).all(|n| n % 2 == 0));
        assert!(table.get(Time(0), spread(0)).is_none());
        assert_eq!(table.get(Time(0), spread(1)), Some(&2));
    }

    #[test]
    fn memory_has_a_bound_and_what_was_forgotten_is_said() {
        let mut table = Table::<NameHash, u64, 64>::new(KEY, LIFE);
        let forgot = (0..100_000).filter(|n| table.entry(Time(*n), spread(*n), || *n).forgot);
        assert!(forgot.count() > 99_000);
        assert_eq!(table.capacity(), 64 * WAYS);
        table.clear();
        assert_eq!(table.capacity(), 0);
    }

    #[test]
    fn what_no_longer_lives_does_not_make_it_grow() {
        let mut table = Table::<NameHash, u64, 1024>::new(KEY, Duration::from_nanos(6));
        for n in 0..100_000 {
            assert!(!table.entry(Time(n), spread(n), || n).forgot);
        }
        assert_eq!(table.capacity(), 16 * WAYS);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0_u64..60, 0_u64..3_000, 0_u8..4), 1..300)) {
            let mut table = Table::<NameHash, u32, 64>::new(KEY, LIFE);
            let mut model: HashMap<NameHash, (Time, u32)> = HashMap::new();
            let mut now = Time(0);
            let mut made = 0;
            for (n, millis, what) in steps {
                now = now.plus(Duration::from_millis(millis));
                let key = spread(n);
                model.retain(|_, (used, _)| now.since(*used) <= LIFE);
                match what {
                    0 => prop_assert_eq!(table.get(now, key), model.get(&key).map(|(_, v)| v)),
                    1 => {
                        let expected = model.get_mut(&key).map(|(used, v)| { *used = now; *v });
                        prop_assert_eq!(table.get_mut(now, key).copied(), expected);
                    }
                    2 => {
                        made += 1;
                        let is_new = !model.contains_key(&key);
                        let (used, value) = model.entry(key).or_insert((now, made));
                        *used = now;
                        let place = table.entry(now, key, || made);
                        prop_assert_eq!((*place.value, place.is_new, place.forgot), (*value, is_new, false));
                    }
                    _ => {
                        let expected = model.remove(&key).map(|(_, v)| v);
                        let live = table.get(now, key).copied();
                        table.remove(key);
                        prop_assert_eq!(live, expected);
                    }
                }
                prop_assert_eq!(table.values(now).count(), model.len());
            }
        }
    }
}
