//! Devices that rename themselves: names that differ only by the number at their end, one after
//! the other (RFC 6762 section 9 puts it there).
//!
//! Hears the names of probes, what is said of them later, and the conflicts about them. Finds loops
//! of new names, and devices that met 15 conflicts in 10 s and so must wait.
//!
//! A hub restarts and probes for Light 1 to Light 12, together or one after the other: none of them
//! replaces another. So a name counts once it was left behind: it is not probed for any more, and
//! not said after a later one was probed for.

use crate::decode::mdns::{Digest, HashKey, NameHash, Probed, RType};
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::time::Time;
use std::num::NonZeroU32;
use std::time::Duration;

/// A loop is more than five names of one stem in this time.
pub(crate) const WINDOW: Duration = Duration::from_mins(10);
/// The sixth name makes a loop.
const LOOP: usize = 6;
/// A name that is probed for three times, 250 ms apart, is not left behind in between.
const PAUSE: Duration = Duration::from_millis(500);
/// A name that was said again after this long was announced twice (RFC 6762 section 8.3), less 10 %.
const TAKEN: Duration = Duration::from_millis(900);
/// Such names may be a hub's that starts: it takes no longer.
const START: Duration = Duration::from_mins(1);
/// Names of loops remembered of a device: its messages about the latest are the loop's.
const LATEST: usize = 16;
/// Stems remembered of a device that probes for several names of one.
const STEMS: usize = 16;
/// This many conflicts within [`CONFLICT_WINDOW`] require a device to wait (RFC 6762 section 8.1).
const CONFLICTS: usize = 15;
/// The window. A device without a conflict for as long need no longer wait.
const CONFLICT_WINDOW: Duration = Duration::from_secs(10);

/// A series of names that one source probes for: their stem, what they have in common.
pub(crate) type Stem = (SourceId, NameHash);

/// A name that was probed for. 24 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct ProbedName {
    name: NameHash,
    /// When it was probed for last.
    probed: Time,
    /// So many milliseconds later it was said for the first time.
    said: Option<NonZeroU32>,
    /// Whether it was said again [`TAKEN`] after that.
    is_taken: bool,
}

impl ProbedName {
    fn say(&mut self, now: Time) {
        let since = u32::try_from(now.since(self.probed).as_millis()).unwrap_or(u32::MAX).max(1);
        match self.said {
            None => self.said = NonZeroU32::new(since),
            Some(first) => {
                let gap = since.saturating_sub(first.get());
                self.is_taken |= Duration::from_millis(gap.into()) >= TAKEN;
            }
        }
    }

    /// Whether another has replaced it, in a series that goes on since `began`.
    fn is_left(&self, now: Time, began: Time) -> bool {
        let since = now.since(self.probed);
        let is_of_start = self.is_taken && since <= START && now.since(began) <= START;
        since > PAUSE && since <= WINDOW && !is_of_start
    }
}

/// The names of one stem that one source has probed for.
#[derive(Clone, Debug, Default)]
struct Series {
    /// Distinct names, the last probed first: the latest, but of those that come too fast only the
    /// first.
    names: [ProbedName; LOOP],
    /// How many of them there are.
    count: usize,
    /// The last name of all, and when it was probed for.
    latest: Option<(NameHash, Time)>,
    /// Since when there was no pause of [`START`].
    began: Time,
    conflicts: Option<Box<Conflicts>>,
}

impl Series {
    fn place(&self, name: NameHash) -> Option<usize> {
        self.names[..self.count].iter().position(|there| there.name == name)
    }

    /// Whether `name` was probed for.
    fn has(&self, name: NameHash) -> bool {
        self.place(name).is_some()
    }

    fn probe(&mut self, now: Time, name: NameHash) {
        if self.latest.is_none_or(|(_, last)| now.since(last) > START) {
            self.began = now;
        }
        self.latest = Some((name, now));
        let probed = ProbedName { name, probed: now, ..ProbedName::default() };
        let place = match self.place(name) {
            Some(place) => place,
            None if self.count < LOOP => {
                self.count += 1;
                self.count - 1
            }
            // Of names that come too fast the first are kept, to see whether they are left behind.
            None if now.since(self.names[0].probed) <= PAUSE => return,
            None => LOOP - 1,
        };
        self.names[..=place].rotate_right(1);
        self.names[0] = probed;
    }

    /// The source says that it has a name: unless it is the latest, none has replaced it.
    fn say(&mut self, now: Time, name: NameHash) {
        let Some(place) = self.place(name) else { return };
        if self.latest.is_some_and(|(latest, _)| latest == name) {
            self.names[place].say(now);
        } else {
            self.names[place..self.count].rotate_left(1);
            self.count -= 1;
        }
    }

    /// Whether there is one name after the other that was left behind for the next.
    fn is_loop(&self, now: Time) -> bool {
        let Some((latest, _)) = self.latest else { return false };
        let names = self.names[..self.count].iter();
        let left = names.filter(|name| name.name != latest && name.is_left(now, self.began));
        left.count() >= LOOP - 1
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

/// The latest few of many hashes.
#[derive(Clone, Debug)]
struct Latest<const MAX: usize> {
    hashes: [NameHash; MAX],
    next: usize,
}

impl<const MAX: usize> Default for Latest<MAX> {
    fn default() -> Self {
        Self { hashes: [NameHash::default(); MAX], next: 0 }
    }
}

impl<const MAX: usize> Latest<MAX> {
    fn add(&mut self, hash: NameHash) {
        if !self.hashes.contains(&hash) {
            self.hashes[self.next] = hash;
            self.next = (self.next + 1) % MAX;
        }
    }
}

/// A source that has probed for two names of one stem.
#[derive(Clone, Debug, Default)]
struct Numbering {
    stems: Latest<STEMS>,
    /// Names of its loops.
    looping: Latest<LATEST>,
}

/// The names that sources have probed for.
#[derive(Debug)]
pub(crate) struct Rename {
    /// By source and stem; 216 KiB at most, and 264 octets for each that met conflicts.
    series: Table<Stem, Series, 128>,
    /// By source; 76 KiB at most.
    numberings: Table<SourceId, Numbering, 32>,
}

impl Rename {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { series: Table::new(key, WINDOW), numberings: Table::new(key, WINDOW) }
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
            if series.count < 2 {
                continue;
            }
            let numbering = self.numberings.entry(now, source, Numbering::default).value;
            numbering.stems.add(*stem);
            if series.is_loop(now) {
                is_loop = true;
                for there in series.names[..series.count].iter().rev() {
                    numbering.looping.add(there.name);
                }
                numbering.looping.add(*name);
            }
        }
        is_loop
    }

    /// Hears a response of `source`. Returns whether it is about a name of its loop: an announcement
    /// on the way, or a goodbye.
    pub(crate) fn response(&mut self, now: Time, source: SourceId, digest: &Digest) -> bool {
        let Some(numbering) = self.numberings.get(now, source) else { return false };
        let stems = numbering.stems.hashes.iter().filter(|stem| **stem != NameHash::default());
        for stem in stems {
            let Some(series) = self.series.get_mut(now, (source, *stem)) else { continue };
            for record in digest.records.iter().filter(|record| record.ttl > 0) {
                series.say(now, record.name);
                if record.rtype == RType::PTR {
                    series.say(now, record.data.as_name());
                }
            }
        }
        let names = &numbering.looping.hashes;
        digest.records.iter().any(|record| {
            names.contains(&record.name)
                || (record.rtype == RType::PTR && names.contains(&record.data.as_name()))
        })
    }

    /// Whether a source has no series of names.
    pub(crate) fn is_free(&self, now: Time, source: SourceId) -> bool {
        let Self { series: _, numberings } = self;
        !numberings.holds(now, source)
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
            conflicts.is_deferred(now).then(|| series.latest.map(|(_, last)| now.since(last)))?
        };
        probed.iter().filter_map(waited).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mdns::Record;
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
            steps in prop::collection::vec((0_u64..9, 1_u64..200), 1..80),
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

        #[test]
        fn a_hub_whose_lamps_are_probed_for_and_then_said_is_none(
            lamps in 2_u64..40,
            later in 1_u64..3_000,
            announcements in 1_u64..3,
            starts in 1_u64..3,
        ) {
            // It starts within a minute.
            let lamps = lamps.min(2 + 55_000 / later);
            let mut steps = Vec::new();
            for start in 0..starts {
                for lamp in 0..lamps {
                    let from = start * 200_000 + lamp * later;
                    steps.extend([0, 250, 500].map(|probe| (from + probe, lamp, true)));
                    // One that is announced once is said again when somebody asks, before long.
                    let again = if announcements == 2 { 1_000 } else { 1_500 };
                    steps.extend([0, again].map(|say| (from + 750 + say, lamp, false)));
                }
                // Somebody asks for all of them.
                steps.extend((0..lamps).map(|lamp| (start * 200_000 + 150_000, lamp, false)));
            }
            steps.sort_unstable();
            let mut rename = Rename::new(KEY);
            for (millis, lamp, is_probe) in steps {
                if is_probe {
                    let is_loop = rename.probe(at(millis), SourceId(1), &[named(lamp, 7)]);
                    prop_assert!(!is_loop, "lamp {} at {}", lamp, millis);
                } else {
                    rename.response(at(millis), SourceId(1), &said(lamp));
                }
            }
        }

        #[test]
        fn who_replaces_each_name_is_found_however_fast_and_whatever_is_said_of_it(
            step in 5_u64..90_000,
            says in 0_u64..3,
        ) {
            let mut rename = Rename::new(KEY);
            let count = (120_000 / step).clamp(6, 2_000);
            let mut found = None;
            for n in 0..=count {
                let now = n * step;
                if rename.probe(at(now), SourceId(1), &[named(n, 7)]) {
                    found = found.or(Some((n, now)));
                }
                // Announced as often as there is time for before the next.
                for say in (0..says).map(|say| 1 + say * 1_000).take_while(|say| *say < step) {
                    rename.response(at(now + say), SourceId(1), &said(n));
                }
            }
            let (_, when) = found.expect("a loop");
            let is_taken = says == 2 && step > 1_001;
            let latest = if is_taken { 62_000 + 6 * step } else { 600 + 6 * step };
            prop_assert!(when <= latest, "at {} instead of {}", when, latest);
        }
    }

    #[test]
    fn a_loop_needs_names_that_are_left_behind() {
        let mut rename = Rename::new(KEY);
        let mut probe = |millis, name| rename.probe(at(millis), SourceId(1), &[named(name, 7)]);
        // Twelve lamps at once, and again after 250 ms.
        for n in 0..12 {
            assert!(!probe(n * 10, n));
            assert!(!probe(n * 10 + 250, n));
        }
        // Nobody has them, and then come others.
        assert!(probe(1_000, 12));
    }

    fn said(name: u64) -> Digest {
        let record = Record {
            section: crate::decode::mdns::Section::Answer,
            name: NameHash(name),
            rtype: RType::SRV,
            class: crate::decode::mdns::RClass::IN,
            flush: true,
            ttl: 120,
            data: crate::decode::mdns::DataHash(1),
            traits: crate::decode::mdns::Traits::default(),
            at: 0,
        };
        Digest { records: [record].into(), ..Digest::default() }
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
        assert_eq!(rename.numberings.capacity(), 32 * 8);
        const { assert!(Table::<Stem, Series, 128>::BYTES_MAX <= 216 << 10) };
        const { assert!(Table::<SourceId, Numbering, 32>::BYTES_MAX <= 76 << 10) };
    }
}
