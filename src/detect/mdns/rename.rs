//! Devices that rename themselves: names that differ only by the number at their end, one after
//! the other (RFC 6762 section 9 puts it there).
//!
//! Hears the names of probes, and the conflicts about them. Finds loops of new names, and devices
//! that met 15 conflicts in 10 s and so must wait.

use crate::decode::mdns::{Digest, HashKey, NameHash, Probed, RType};
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::time::Time;
use std::time::Duration;

/// A loop is more than five names of one stem in this time.
pub(crate) const WINDOW: Duration = Duration::from_mins(10);
/// The sixth name makes a loop.
const LOOP: usize = 6;
/// Names of loops remembered of a device: its messages about the latest are the loop's.
const LATEST: usize = 16;
/// This many conflicts within [`CONFLICT_WINDOW`] require a device to wait (RFC 6762 section 8.1).
const CONFLICTS: usize = 15;
/// The window. A device without a conflict for as long need no longer wait.
const CONFLICT_WINDOW: Duration = Duration::from_secs(10);

/// A series of names that one source probes for: their stem, what they have in common.
pub(crate) type Stem = (SourceId, NameHash);

/// The names of one stem that one source has probed for.
#[derive(Clone, Debug, Default)]
struct Series {
    /// The latest distinct names, the last probed first.
    names: [(NameHash, Time); LOOP],
    /// How many of them there are.
    count: usize,
    conflicts: Option<Box<Conflicts>>,
}

impl Series {
    /// Whether `name` was probed for.
    fn has(&self, name: NameHash) -> bool {
        self.names[..self.count].iter().any(|&(there, _)| there == name)
    }

    fn probe(&mut self, now: Time, name: NameHash) {
        let place = self.names[..self.count].iter().position(|&(there, _)| there == name);
        let place = place.unwrap_or_else(|| {
            self.count = (self.count + 1).min(LOOP);
            self.count - 1
        });
        self.names[..=place].rotate_right(1);
        self.names[0] = (name, now);
    }

    fn last(&self) -> Option<Time> {
        (self.count > 0).then_some(self.names[0].1)
    }

    fn is_loop(&self, now: Time) -> bool {
        self.count == LOOP && now.since(self.names[LOOP - 1].1) <= WINDOW
    }
}

/// The last conflicts about names of a series.
#[derive(Clone, Debug)]
struct Conflicts {
    /// A ring.
    at: [Option<Time>; CONFLICTS],
    next: usize,
    /// The last one, once there were too many.
    deferred: Option<Time>,
}

impl Conflicts {
    fn count(&mut self, now: Time) {
        self.at[self.next] = Some(now);
        self.next = (self.next + 1) % CONFLICTS;
        // What is overwritten next is the oldest.
        let is_much = self.at[self.next].is_some_and(|at| now.since(at) <= CONFLICT_WINDOW);
        if is_much || self.is_deferred(now) {
            self.deferred = Some(now);
        }
    }

    fn is_deferred(&self, now: Time) -> bool {
        self.deferred.is_some_and(|at| now.since(at) <= CONFLICT_WINDOW)
    }
}

/// The latest names of a source's loops.
#[derive(Clone, Debug, Default)]
struct Latest {
    names: [NameHash; LATEST],
    next: usize,
}

impl Latest {
    fn add(&mut self, name: NameHash) {
        if !self.names.contains(&name) {
            self.names[self.next] = name;
            self.next = (self.next + 1) % LATEST;
        }
    }
}

/// The names that sources have probed for.
#[derive(Debug)]
pub(crate) struct Rename {
    /// By source and stem; 136 KiB at most, and 264 octets for each that met conflicts.
    series: Table<Stem, Series, 128>,
    /// By source, those in a loop; 40 KiB at most.
    loops: Table<SourceId, Latest, 32>,
}

impl Rename {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { series: Table::new(key, WINDOW), loops: Table::new(key, WINDOW) }
    }

    /// Hears a probe of `source`; returns whether it is part of a loop.
    pub(crate) fn probe(&mut self, now: Time, source: SourceId, probed: &[Probed]) -> bool {
        let mut is_loop = false;
        for (place, Probed { name, stem }) in probed.iter().enumerate() {
            // Names that are probed for at once exist side by side, as those of a hub's lamps do;
            // none of them replaces another.
            if probed[..place].iter().any(|earlier| earlier.stem == *stem) {
                continue;
            }
            let series = self.series.entry(now, (source, *stem), Series::default).value;
            let beside = || probed[place..].iter().filter(|other| other.stem == *stem);
            let known = beside().find(|other| series.has(other.name));
            series.probe(now, known.map_or(*name, |known| known.name));
            if series.is_loop(now) {
                is_loop = true;
                let latest = self.loops.entry(now, source, Latest::default).value;
                for &(name, _) in series.names.iter().rev() {
                    latest.add(name);
                }
            }
        }
        is_loop
    }

    /// Whether a response of `source` is about a name of its loop: an announcement on the way, or
    /// a goodbye.
    pub(crate) fn is_about_loop(&self, now: Time, source: SourceId, digest: &Digest) -> bool {
        let Some(latest) = self.loops.get(now, source) else { return false };
        digest.records.iter().any(|record| {
            latest.names.contains(&record.name)
                || (record.rtype == RType::PTR && latest.names.contains(&record.data.as_name()))
        })
    }

    /// Counts a conflict about a name of a series.
    pub(crate) fn conflict(&mut self, now: Time, series: Stem) {
        if let Some(series) = self.series.get_mut(now, series) {
            let new = || Box::new(Conflicts { at: [None; CONFLICTS], next: 0, deferred: None });
            series.conflicts.get_or_insert_with(new).count(now);
        }
    }

    /// How long ago `source` last probed for a name of a series with too many conflicts, so that it
    /// must wait; `None` if it need not.
    pub(crate) fn waited(
        &self,
        now: Time,
        source: SourceId,
        probed: &[Probed],
    ) -> Option<Duration> {
        let waited = |probed: &Probed| {
            let series = self.series.get(now, (source, probed.stem))?;
            let conflicts = series.conflicts.as_ref()?;
            conflicts.is_deferred(now).then(|| series.last().map(|last| now.since(last)))?
        };
        probed.iter().filter_map(waited).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: HashKey = HashKey([1, 2, 3, 4]);

    fn at(millis: u64) -> Time {
        Time(millis * 1_000_000)
    }

    const fn named(name: u64, stem: u64) -> Probed {
        Probed { name: NameHash(name), stem: NameHash(stem) }
    }

    #[test]
    fn fifteen_conflicts_in_ten_seconds_oblige_to_wait_until_there_were_none_for_ten() {
        for (gap, is_much) in [(714, true), (715, false)] {
            let mut rename = Rename::new(KEY);
            for n in 0..15 {
                rename.probe(at(n * gap), SourceId(1), &[named(n, 7)]);
                assert_eq!(rename.waited(at(n * gap), SourceId(1), &[named(n, 7)]), None);
                rename.conflict(at(n * gap), (SourceId(1), NameHash(7)));
            }
            let last = 14 * gap;
            let waited = |millis| rename.waited(at(last + millis), SourceId(1), &[named(99, 7)]);
            assert_eq!(waited(3_000), is_much.then_some(Duration::from_secs(3)), "{gap}");
            assert_eq!(waited(10_001), None);
            assert_eq!(
                rename.waited(at(last), SourceId(2), &[named(99, 7)]),
                None,
                "another device"
            );
            assert_eq!(rename.waited(at(last), SourceId(1), &[named(99, 8)]), None, "another name");
        }
    }

    proptest! {
        #[test]
        fn a_loop_is_more_than_five_names_in_ten_minutes(
            steps in prop::collection::vec((0_u64..9, 0_u64..200), 1..80),
        ) {
            let mut rename = Rename::new(KEY);
            let mut model: Vec<(u64, Time)> = Vec::new();
            let mut now = Time(0);
            for (name, seconds) in steps {
                now = now.plus(Duration::from_secs(seconds));
                model.retain(|(there, _)| *there != name);
                model.push((name, now));
                let names = model.iter().filter(|(_, at)| now.since(*at) <= WINDOW).count();
                prop_assert_eq!(rename.probe(now, SourceId(1), &[named(name, 7)]), names > 5);
            }
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let mut rename = Rename::new(KEY);
        let state = KEY.state();
        let hash = |n: u64| state.hash_one(n);
        for n in 0..20_000 {
            // Each device has its own loop at once.
            for name in (0..6).map(|m| named(hash(n * 6 + m), hash(n))) {
                rename.probe(at(n), SourceId(hash(n)), &[name]);
            }
        }
        assert_eq!(rename.series.capacity(), 128 * 8);
        assert_eq!(rename.loops.capacity(), 32 * 8);
    }
}
