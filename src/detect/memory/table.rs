//! A set-associative table: a bound on memory that no sender can move, a cost that does not depend
//! on how full it is, and a victim that is always the entry used least lately in its set.
//!
//! Comes in: keyed 64-bit hashes. Goes out: the value of each, as long as it lives. It begins with
//! nothing, doubles while live entries crowd a set, and forgets a live one only at its bound; the
//! caller is told.

use crate::time::Time;
use std::time::Duration;

/// Entries of a set.
const WAYS: usize = 8;

#[derive(Clone, Debug)]
struct Entry<V> {
    key: u64,
    used: Time,
    value: V,
}

/// At most `MAX_SETS` times 8 values, by keyed hash.
#[derive(Clone, Debug)]
pub(crate) struct Sets<V, const MAX_SETS: usize> {
    /// Sets times [`WAYS`]; empty before the first value.
    entries: Vec<Option<Entry<V>>>,
    /// How long an unused value lives.
    lifetime: Duration,
}

/// Where a value is, and what it cost to put it there.
pub(crate) struct Place<'a, V> {
    /// The value.
    pub value: &'a mut V,
    /// Whether it was made just now.
    pub is_new: bool,
    /// Whether a live one had to be forgotten for it.
    pub forgot: bool,
}

impl<V, const MAX_SETS: usize> Sets<V, MAX_SETS> {
    /// Sets made with the first value.
    const MIN_SETS: usize = if MAX_SETS < 16 { MAX_SETS } else { 16 };

    /// An empty table whose values live for `lifetime` after they were last used.
    pub(crate) const fn new(lifetime: Duration) -> Self {
        const { assert!(MAX_SETS.is_power_of_two()) };
        Self { entries: Vec::new(), lifetime }
    }

    /// The value of `key`, if it lives. It is not used by this.
    pub(crate) fn get(&self, now: Time, key: u64) -> Option<&V> {
        if self.entries.is_empty() {
            return None;
        }
        let set = self.set(key);
        let same = self.entries[set..set + WAYS].iter().flatten().find(|entry| entry.key == key);
        same.filter(|entry| now.since(entry.used) <= self.lifetime).map(|entry| &entry.value)
    }

    /// The value of `key`, if it lives, used now.
    pub(crate) fn get_mut(&mut self, now: Time, key: u64) -> Option<&mut V> {
        if self.entries.is_empty() {
            return None;
        }
        let set = self.set(key);
        let lifetime = self.lifetime;
        let mut set = self.entries[set..set + WAYS].iter_mut().flatten();
        let entry = set.find(|entry| entry.key == key && now.since(entry.used) <= lifetime)?;
        entry.used = now;
        Some(&mut entry.value)
    }

    /// The value of `key`, made by `make` if there is none that lives; used now.
    pub(crate) fn entry(&mut self, now: Time, key: u64, make: impl FnOnce() -> V) -> Place<'_, V> {
        if self.entries.is_empty() {
            self.entries.resize_with(Self::MIN_SETS * WAYS, || None);
        }
        let lifetime = self.lifetime;
        let is_live = |entry: &Entry<V>| now.since(entry.used) <= lifetime;
        let mut at = self.victim(key);
        let mut forgot = false;
        let found = self.entries[at].as_ref().is_some_and(|e| e.key == key && is_live(e));
        if !found {
            // Another key's that lives must not go while there is room to grow.
            while self.entries[at].as_ref().is_some_and(|e| e.key != key && is_live(e)) {
                if !self.grow(now) {
                    forgot = true;
                    break;
                }
                at = self.victim(key);
            }
            self.entries[at] = None;
        }
        let entry = self.entries[at].get_or_insert_with(|| Entry { key, used: now, value: make() });
        entry.used = now;
        Place { value: &mut entry.value, is_new: !found, forgot }
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: u64) -> Option<V> {
        if self.entries.is_empty() {
            return None;
        }
        let set = self.set(key);
        let same = |entry: &&mut Option<Entry<V>>| entry.as_ref().is_some_and(|e| e.key == key);
        let entry = self.entries[set..set + WAYS].iter_mut().find(same)?;
        entry.take().map(|entry| entry.value)
    }

    /// Keeps those values that `keep` says, whether they live or not: for who has to close what
    /// is open. Visits every place.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        for place in &mut self.entries {
            if place.as_mut().is_some_and(|entry| !keep(&mut entry.value)) {
                *place = None;
            }
        }
    }

    /// All values that live, in no order.
    pub(crate) fn values(&self, now: Time) -> impl Iterator<Item = &V> {
        let live = move |entry: &&Entry<V>| now.since(entry.used) <= self.lifetime;
        self.entries.iter().flatten().filter(live).map(|entry| &entry.value)
    }

    /// Forgets everything and gives its memory back.
    pub(crate) fn clear(&mut self) {
        self.entries = Vec::new();
    }

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
            // A set is split in two: there is room in each for all that it held.
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

    fn spread(n: u64) -> u64 {
        ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(n)
    }

    #[test]
    fn values_live_as_long_as_they_are_used() {
        let mut sets = Sets::<u32, 4>::new(LIFE);
        let at = |seconds: u64| Time(seconds * 1_000_000_000);
        assert!(sets.get(at(0), 7).is_none() && sets.get_mut(at(0), 7).is_none());
        assert_eq!(sets.capacity(), 0);
        assert!(sets.entry(at(0), 7, || 1).is_new);
        assert!(!sets.entry(at(9), 7, || 2).is_new);
        assert_eq!(sets.get(at(19), 7), Some(&1));
        assert_eq!(sets.get(at(20), 7), None);
        let place = sets.entry(at(20), 7, || 3);
        assert_eq!((*place.value, place.is_new, place.forgot), (3, true, false));
        assert_eq!(sets.values(at(20)).collect::<Vec<_>>(), [&3]);
        assert_eq!(sets.remove(7), Some(3));
        assert_eq!(sets.remove(7), None);
    }

    #[test]
    fn what_is_not_kept_is_gone_and_its_place_is_free() {
        let mut sets = Sets::<u64, 4>::new(LIFE);
        for n in 0..32 {
            sets.entry(Time(0), spread(n), || n);
        }
        sets.retain(|n| {
            *n += 1;
            *n % 2 == 0
        });
        assert!(sets.values(Time(0)).all(|n| n % 2 == 0));
        assert!(sets.get(Time(0), spread(0)).is_none());
        assert_eq!(sets.get(Time(0), spread(1)), Some(&2));
    }

    #[test]
    fn memory_has_a_bound_and_what_was_forgotten_is_said() {
        let mut sets = Sets::<u64, 64>::new(LIFE);
        let forgot = (0..100_000).filter(|n| sets.entry(Time(*n), spread(*n), || *n).forgot);
        assert!(forgot.count() > 99_000);
        assert_eq!(sets.capacity(), 64 * WAYS);
        sets.clear();
        assert_eq!(sets.capacity(), 0);
    }

    #[test]
    fn what_no_longer_lives_does_not_make_it_grow() {
        let mut sets = Sets::<u64, 1024>::new(Duration::from_nanos(6));
        for n in 0..100_000 {
            assert!(!sets.entry(Time(n), spread(n), || n).forgot);
        }
        assert_eq!(sets.capacity(), 16 * WAYS);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0_u64..60, 0_u64..3_000, 0_u8..4), 1..300)) {
            let mut sets = Sets::<u32, 64>::new(LIFE);
            let mut model: HashMap<u64, (Time, u32)> = HashMap::new();
            let mut now = Time(0);
            let mut made = 0;
            for (n, millis, what) in steps {
                now = now.plus(Duration::from_millis(millis));
                let key = spread(n);
                model.retain(|_, (used, _)| now.since(*used) <= LIFE);
                match what {
                    0 => prop_assert_eq!(sets.get(now, key), model.get(&key).map(|(_, v)| v)),
                    1 => {
                        let expected = model.get_mut(&key).map(|(used, v)| { *used = now; *v });
                        prop_assert_eq!(sets.get_mut(now, key).copied(), expected);
                    }
                    2 => {
                        made += 1;
                        let is_new = !model.contains_key(&key);
                        let (used, value) = model.entry(key).or_insert((now, made));
                        *used = now;
                        let place = sets.entry(now, key, || made);
                        prop_assert_eq!((*place.value, place.is_new, place.forgot), (*value, is_new, false));
                    }
                    _ => {
                        let expected = model.remove(&key).map(|(_, v)| v);
                        let live = sets.get(now, key).copied();
                        sets.remove(key);
                        prop_assert_eq!(live, expected);
                    }
                }
                prop_assert_eq!(sets.values(now).count(), model.len());
            }
        }
    }
}
