//! What a multicast DNS cache on this segment would hold (RFC 6762 section 10): which records are
//! alive, since when, and by whom.
//!
//! It says whether a question is for a record that somebody has, and whether it is a refresh. It
//! hears copies too, because caches believe them as well. Names and data are keyed hashes. At most
//! 4,096 names with a type, four records each: 740 KB.
//!
//! A goodbye removes its record at once. RFC 6762 section 10.1 lets caches wait a second, so that
//! another host that has the record may say so; it is learned again from that.

use super::memory::sender::SenderKey;
use super::memory::table::Table;
use super::steady::Steady;
use super::view::{Mdns, View};
use crate::decode::mdns::{
    DataHash, Digest, HashKey, Kind, NameHash, PayloadHash, RClass, RType, Record, Section,
};
use crate::time::Time;
use std::time::Duration;

/// Records kept of one name and type; of more, those that were heard last.
const RECORDS: usize = 4;
/// No record lives longer than this without being heard again, whatever its TTL says.
pub(crate) const TTL_MAX: Duration = Duration::from_hours(24);
/// A message learned once teaches nothing new for this long, so that copies of it are ignored.
pub(crate) const LEARNED: Duration = Duration::from_millis(250);
/// Caches count in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// What a question for any type asks for: the types that hosts and services have.
const OWNED: [RType; 5] = [RType::A, RType::AAAA, RType::PTR, RType::SRV, RType::TXT];

/// One record.
#[derive(Clone, Copy, Debug)]
struct CachedRecord {
    data: DataHash,
    ttl: Duration,
    heard: Time,
    by: SenderKey,
}

impl CachedRecord {
    fn is_alive(&self, now: Time) -> bool {
        now.since(self.heard) < self.ttl
    }

    /// Whether a cache asks for it again about now: from 80 % of its TTL on (RFC 6762 section
    /// 5.2).
    fn is_due(&self, now: Time) -> bool {
        let age = now.since(self.heard);
        (age + SECOND) * 5 >= self.ttl * 4 && age <= self.ttl + SECOND
    }
}

/// The records of one name and type.
#[derive(Clone, Debug, Default)]
struct CachedSet([Option<CachedRecord>; RECORDS]);

/// A refresh that may be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshDue {
    /// Records that are old enough.
    pub records: u8,
    /// When the youngest of them was heard: distinguishes this refresh from the next.
    pub heard: Time,
}

/// What a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnedBy {
    /// When one of the records was heard last.
    pub heard: Time,
    /// Whether anybody but the asker has one.
    pub by_another: bool,
    /// Who said it last.
    pub owner: SenderKey,
}

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    names: Table<(NameHash, RType), CachedSet, 512>,
    /// The payload that was learned last, and when.
    learned: Option<(PayloadHash, Time)>,
}

impl Cache {
    /// An empty cache.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { names: Table::new(key, TTL_MAX), learned: None }
    }

    /// Hears one frame. Hands each record that caches learn from it to `learned`.
    pub(crate) fn handle(&mut self, view: &View<'_>, mut learned: impl FnMut(&Mdns<'_>, &Record)) {
        let Some(mdns) = view.multicast_mdns().filter(teaches) else { return };
        let now = view.now;
        let is_copy = |(payload, at)| payload == mdns.payload && now.since(at) < LEARNED;
        if self.learned.is_some_and(is_copy) {
            return;
        }
        self.learned = Some((mdns.payload, now));
        for record in learnable(mdns.digest) {
            self.learn(now, record, view.sender);
            learned(&mdns, record);
        }
    }

    /// What is promised of copies of the frame that was just heard.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { names: _, learned } = self;
        let now = view.now;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        if teaches(&mdns) && !steady.is_alone() {
            return self.steady_again(view, &mdns, steady);
        }
        if teaches(&mdns) {
            let (payload, at) = (*learned)?;
            let is_copy = payload == mdns.payload && now.since(at) < LEARNED;
            return is_copy.then(|| steady.while_under(now, at, LEARNED));
        }
        // What others ask of the cache.
        let asked = mdns.digest.questions.iter();
        Some(asked.fold(steady, |steady, question| {
            let own = [question.rtype];
            let types = if question.rtype == RType::ANY { &OWNED[..] } else { &own };
            types
                .iter()
                .fold(steady, |steady, rtype| self.steady_for(now, question.name, *rtype, steady))
        }))
    }

    /// What is promised of copies that are learned again.
    fn steady_again(&self, view: &View<'_>, mdns: &Mdns<'_>, steady: Steady) -> Option<Steady> {
        let now = view.now;
        let mut records = learnable(mdns.digest).filter(|record| record.ttl > 0);
        records.try_fold(steady, |steady, record| {
            let set = self.names.get(now, (record.name, record.rtype))?;
            let mut held = set.0.iter().flatten();
            held.clone()
                .any(|held| held.data == record.data && held.by == view.sender)
                .then_some(())?;
            let others = held.by_ref().filter(|held| held.data != record.data);
            Some(others.fold(steady, |steady, held| steady.while_under(now, held.heard, SECOND)))
        })
    }

    /// A copy of the frame was the last that taught something.
    pub(crate) fn remember(&mut self, view: &View<'_>, at: Time) {
        if let Some(mdns) = view.multicast_mdns().filter(teaches) {
            self.learned = Some((mdns.payload, at));
        }
    }

    /// Until when the records of a name and type stay alive, or dead, or due.
    fn steady_for(&self, now: Time, name: NameHash, rtype: RType, steady: Steady) -> Steady {
        let Some(records) = self.names.get(now, (name, rtype)) else { return steady };
        records.0.iter().flatten().fold(steady, |steady, held| {
            let CachedRecord { ttl, heard, .. } = *held;
            let due = (ttl * 4 / 5).saturating_sub(SECOND);
            [due, ttl, ttl + SECOND]
                .into_iter()
                .fold(steady, |steady, age| steady.while_under(now, heard, age))
        })
    }

    /// Whether a record that was asked for was heard since.
    pub(crate) fn was_heard_since(
        &self,
        now: Time,
        name: NameHash,
        rtype: RType,
        at: Time,
    ) -> bool {
        let records = self.names.get(now, (name, rtype));
        records.is_some_and(|records| records.0.iter().flatten().any(|held| held.heard >= at))
    }

    fn learn(&mut self, now: Time, record: &Record, by: SenderKey) {
        let key = (record.name, record.rtype);
        if record.ttl == 0 {
            if let Some(names) = self.names.get_mut(now, key) {
                for held in &mut names.0 {
                    *held = held.filter(|held| held.data != record.data);
                }
            }
            return;
        }
        let held = CachedRecord { data: record.data, ttl: life(record.ttl), heard: now, by };
        let records = &mut self.names.entry(now, key, CachedSet::default).value.0;
        if record.flush {
            // All that is older than a second and not repeated is gone (RFC 6762 section 10.2).
            for other in records.iter_mut() {
                *other = other.filter(|other| now.since(other.heard) <= SECOND);
            }
        }
        let place =
            records.iter().position(|held| held.is_some_and(|held| held.data == record.data));
        let place = place.or_else(|| {
            let heard = |place: &usize| records[*place].map(|held| held.heard);
            (0..RECORDS).min_by_key(heard)
        });
        if let Some(place) = place {
            records[place] = Some(held);
        }
    }

    /// The records that a question of `asker` is for, unless none is alive.
    pub(crate) fn owned(
        &self,
        now: Time,
        name: NameHash,
        rtype: RType,
        asker: SenderKey,
    ) -> Option<OwnedBy> {
        if rtype == RType::ANY {
            let types = OWNED.iter();
            return types.filter_map(|rtype| self.owned(now, name, *rtype, asker)).reduce(
                |a, b| {
                    let last = if b.heard > a.heard { b } else { a };
                    OwnedBy { by_another: a.by_another || b.by_another, ..last }
                },
            );
        }
        let records = self.names.get(now, (name, rtype))?;
        let alive = || records.0.iter().flatten().filter(|held| held.is_alive(now));
        let last = alive().max_by_key(|held| held.heard)?;
        let by_another = alive().any(|held| held.by != asker);
        Some(OwnedBy { heard: last.heard, by_another, owner: last.by })
    }

    /// The records of which caches ask again about now.
    pub(crate) fn due(&self, now: Time, name: NameHash, rtype: RType) -> Option<RefreshDue> {
        let records = self.names.get(now, (name, rtype))?;
        let due = records.0.iter().flatten().filter(|held| held.is_due(now));
        due.fold(None, |sum: Option<RefreshDue>, held| {
            let RefreshDue { records, heard } =
                sum.unwrap_or(RefreshDue { records: 0, heard: held.heard });
            Some(RefreshDue { records: records + 1, heard: heard.max(held.heard) })
        })
    }

    /// Whether an answer came after `asked`, and is has expired by now: a client that still wanted
    /// it would have refreshed it (RFC 6762 section 5.2).
    pub(crate) fn has_lapsed(&self, now: Time, name: NameHash, rtype: RType, asked: Time) -> bool {
        let Some(records) = self.names.get(now, (name, rtype)) else { return false };
        let mut answers = records.0.iter().flatten().filter(|held| held.heard >= asked).peekable();
        answers.peek().is_some() && answers.all(|held| !held.is_alive(now))
    }
}

/// Whether caches believe a message: responses from port 5353 without an error (RFC 6762 sections
/// 6, 18.3 and 18.11) that can be read.
pub(crate) fn teaches(mdns: &Mdns<'_>) -> bool {
    /// Opcode and rcode.
    const ERRORS: u16 = 0x780f;
    match mdns.kind {
        Kind::Response | Kind::Announcement | Kind::Goodbye => {
            mdns.is_from_mdns_port()
                && mdns.datagram.header.is_some_and(|header| header.flags & ERRORS == 0)
        }
        Kind::Query | Kind::Probe | Kind::LegacyQuery | Kind::Malformed => false,
    }
}

/// The records of a response that a cache keeps.
pub(crate) fn learnable(digest: &Digest) -> impl Iterator<Item = &Record> {
    digest.records.iter().filter(|record| {
        let is_data = match record.section {
            Section::Answer | Section::Additional => true,
            Section::Question | Section::Authority => false,
        };
        is_data && record.class == RClass::IN && record.rtype != RType::OPT
    })
}

/// How long a record with this TTL in seconds lives.
pub(crate) fn life(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into()).min(TTL_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mdns::Traits;
    use proptest::prelude::*;

    const ME: u64 = 4;
    const PRINTER: u64 = 8;

    fn sender(hash: u64) -> SenderKey {
        SenderKey::new(None, hash)
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn cache() -> Cache {
        Cache::new(HashKey([1, 2, 3, 4]))
    }

    fn record(name: u64, data: u64, ttl: u32, flush: bool) -> Record {
        let (rtype, class, traits) = (RType::PTR, RClass::IN, Traits::default());
        let (name, data) = (NameHash(name), DataHash(data));
        Record { section: Section::Answer, name, rtype, class, flush, ttl, data, traits, at: 0 }
    }

    fn owns(cache: &Cache, now: Time, name: u64) -> Option<bool> {
        cache.owned(now, NameHash(name), RType::PTR, sender(ME)).map(|owned| owned.by_another)
    }

    #[test]
    fn a_record_lives_for_its_ttl_and_until_its_goodbye() {
        let mut cache = cache();
        cache.learn(at(0), &record(1, 1, 120, false), sender(PRINTER));
        assert_eq!(owns(&cache, at(119), 1), Some(true));
        assert_eq!(owns(&cache, at(120), 1), None);
        cache.learn(at(200), &record(1, 1, 120, false), sender(ME));
        assert_eq!(owns(&cache, at(201), 1), Some(false), "nobody else has it");
        assert_eq!(cache.owned(at(201), NameHash(1), RType::A, sender(ME)), None);
        assert!(cache.owned(at(201), NameHash(1), RType::ANY, sender(ME)).is_some());
        cache.learn(at(202), &record(1, 2, 120, false), sender(PRINTER));
        cache.learn(at(203), &record(1, 1, 0, false), sender(ME));
        assert_eq!(owns(&cache, at(204), 1), Some(true), "another's of that name is still there");
        cache.learn(at(205), &record(1, 2, 0, false), sender(PRINTER));
        assert_eq!(owns(&cache, at(206), 1), None);
    }

    #[test]
    fn a_flush_takes_what_is_older_than_a_second() {
        let mut cache = cache();
        cache.learn(at(0), &record(1, 1, 120, true), sender(PRINTER));
        cache.learn(at(1), &record(1, 2, 120, true), sender(ME));
        assert_eq!(owns(&cache, at(1), 1), Some(true), "both are of one announcement");
        cache.learn(at(9), &record(1, 2, 120, true), sender(ME));
        assert_eq!(owns(&cache, at(9), 1), Some(false));
    }

    #[test]
    fn a_refresh_is_due_from_four_fifths_of_the_ttl_on() {
        let mut cache = cache();
        cache.learn(at(0), &record(1, 1, 100, false), sender(PRINTER));
        let due = |now| cache.due(at(now), NameHash(1), RType::PTR);
        assert_eq!(due(78), None);
        assert_eq!(due(80), Some(RefreshDue { records: 1, heard: at(0) }));
        assert_eq!(due(101), Some(RefreshDue { records: 1, heard: at(0) }));
        assert_eq!(due(102), None);
        assert_eq!(cache.due(at(80), NameHash(2), RType::PTR), None);
    }

    #[test]
    fn of_many_records_the_latest_are_kept() {
        let mut cache = cache();
        for data in 0..9 {
            cache.learn(at(data), &record(1, data, 10, false), sender(PRINTER));
        }
        assert_eq!(owns(&cache, at(15), 1), Some(true));
        assert_eq!(cache.due(at(15), NameHash(1), RType::PTR).map(|due| due.records), Some(4));
    }

    proptest! {
        #[test]
        fn memory_has_a_bound(names in prop::collection::vec(any::<u64>(), 0..3_000), ttl: u32) {
            let mut cache = cache();
            for (name, second) in names.into_iter().zip(0..) {
                cache.learn(at(second), &record(name, name, ttl, name % 2 == 0), sender(PRINTER));
            }
            prop_assert!(cache.names.capacity() <= 4_096);
            prop_assert!((size_of::<CachedSet>() + 24) * 4_096 <= 760_000);
        }
    }
}
