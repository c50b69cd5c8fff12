//! The questions heard on a segment in the last 2 s, in either address family. They distinguish an
//! announcement from a response: was the answer asked for? Names are known as keyed hashes only.
//!
//! A set-associative table of fixed bound: it doubles while live questions crowd a set, up to
//! [`MAX_SETS`]. After that a live question is forgotten for a new one, and the caller learns of
//! it, because from then on silence proves nothing.

use super::sender::SenderKey;
use crate::decode::mdns::{NameHash, Question, RType, Record};
use crate::detect::steady::Steady;
use crate::time::Time;
use std::time::Duration;

/// How long a question is remembered, the last nanosecond included.
pub(crate) const MEMORY: Duration = Duration::from_secs(2);
/// How long a question may wait for its answer (RFC 6762 section 7.2: up to 500 ms).
const WAITING: Duration = Duration::from_millis(500);
/// How well earlier questions are known.
const MILLISECOND: Duration = Duration::from_millis(1);
/// Entries of a set.
const WAYS: usize = 8;
/// Sets at first: 64 KiB, made with the first question.
const MIN_SETS: usize = 64;
/// Sets at most: 1 MiB.
const MAX_SETS: usize = 1_024;

/// A place in the order in which questions were heard: time alone does not order a question and an
/// answer of the same instant. Wraps, so that only places of the same minute can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order(u32);

impl Order {
    /// Whether a question was heard after `other`.
    pub(crate) const fn is_after(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }

    /// How many questions were heard after `other`, if that is earlier.
    pub(crate) const fn since(self, other: Self) -> u32 {
        self.0.wrapping_sub(other.0)
    }

    /// The place that many questions earlier.
    pub(crate) const fn before(self, questions: u16) -> Self {
        Self(self.0.wrapping_sub(questions as u32))
    }
}

/// The last questions of 2 s that something answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// In a query of anybody, or beside what another device probes for.
    pub query: Option<Order>,
    /// In a probe of another device.
    pub probe: Option<Order>,
}

impl Asked {
    /// The later ones of both.
    pub(crate) fn or_later(self, other: Self) -> Self {
        let later = |a: Option<Order>, b: Option<Order>| match (a, b) {
            (Some(a), Some(b)) if b.is_after(a) => Some(b),
            (a, b) => a.or(b),
        };
        Self { query: later(self.query, other.query), probe: later(self.probe, other.probe) }
    }
}

/// When a question was heard, and after which others.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: Time,
    order: Order,
}

/// A [`Moment`] before the last one, in 8 bytes: milliseconds are enough to see that it is old.
#[derive(Clone, Copy, Debug, Default)]
struct Earlier {
    /// Wraps after 49 days.
    millis: u32,
    order: Order,
}

impl Earlier {
    fn may_wait(self, now: Time) -> bool {
        self.age(now) <= WAITING
    }

    /// How long ago it was; long, if there was none.
    fn age(self, now: Time) -> Duration {
        if self.order == Order::default() { Duration::MAX } else { age(now, self.millis) }
    }
}

/// How long ago it was at these milliseconds.
const fn age(now: Time, at: u32) -> Duration {
    Duration::from_millis(millis(now).wrapping_sub(at) as u64)
}

#[allow(clippy::cast_possible_truncation, reason = "it wraps")]
const fn millis(at: Time) -> u32 {
    (at.0 / 1_000_000) as u32
}

/// When one question was heard.
#[derive(Clone, Copy, Debug)]
struct QuestionTimes {
    name: NameHash,
    rtype: RType,
    /// Last heard in a message that was no probe.
    asked: Option<Moment>,
    /// Before that, the latest first: questions that wait for an answer together.
    earlier: [Earlier; 3],
    /// When the latest was heard that is no longer among those, in milliseconds; 0 before there
    /// is one.
    forgot: u32,
    /// The last two devices that probed: the sender's own probes are no questions to it, so the
    /// one before counts if the last was its own.
    probed: [Option<(SenderKey, Moment)>; 2],
}

impl QuestionTimes {
    fn heard_last(&self) -> Option<Time> {
        let asked = self.asked.map(|moment| moment.at);
        asked.max(self.probed[0].map(|(_, moment)| moment.at))
    }

    fn is_live(&self, now: Time) -> bool {
        self.heard_last().is_some_and(|at| is_recent(now, at))
    }

    fn answers(&self, record: &Record) -> bool {
        self.name == record.name && record.rtype.answers(self.rtype)
    }

    /// When `answerer` was asked this last.
    fn asked_of(&self, now: Time, answerer: SenderKey) -> Asked {
        let recent = |moment: Moment| is_recent(now, moment.at).then_some(moment.order);
        // The first one probed last.
        let others = self.probed.iter().flatten();
        let mut probes = others.filter(|(prober, _)| !prober.may_be(answerer));
        let query = Asked { query: self.asked.and_then(recent), probe: None };
        let probe = probes.next().and_then(|(_, moment)| recent(*moment));
        // A probe asks for any type (RFC 6762 section 8.1). What else its message asks is a
        // question like others: resolved browses and probes in one message, zeroconf asks for
        // the instances of its service.
        if self.rtype == RType::ANY {
            Asked { probe, ..query }
        } else {
            query.or_later(Asked { query: probe, probe: None })
        }
    }

    /// How many of these questions to `answerer`, within a stretch of the order, may wait.
    fn waiting(&self, now: Time, answerer: SenderKey, after: Order, until: Order) -> usize {
        let is_within = |order: &Order| order.is_after(after) && !order.is_after(until);
        let may_wait = |moment: &Moment| now.since(moment.at) <= WAITING;
        let asked = self.asked.filter(may_wait).map(|moment| moment.order);
        let earlier = self.earlier.iter().filter(|earlier| earlier.may_wait(now));
        let probed = self.probed.iter().flatten().filter(|(prober, moment)| {
            self.rtype != RType::ANY && !prober.may_be(answerer) && may_wait(moment)
        });
        let orders = asked.into_iter().chain(earlier.map(|earlier| earlier.order));
        orders.chain(probed.map(|(_, moment)| moment.order)).filter(is_within).count()
    }

    fn steady(&self, now: Time, steady: Steady) -> Steady {
        let of = |steady: Steady, at: Time| {
            steady.while_under(now, at, WAITING).while_under(now, at, MEMORY)
        };
        let probed = self.probed.iter().flatten().map(|(_, moment)| moment.at);
        let known = self.asked.map(|moment| moment.at).into_iter().chain(probed);
        // Of earlier ones the age is known in milliseconds.
        let earlier = self.earlier.iter().filter(|earlier| earlier.order != Order::default());
        let ages = earlier.map(|earlier| earlier.age(now));
        let forgot = (self.forgot != 0).then(|| age(now, self.forgot));
        let this = Time(now.0 / 1_000_000 * 1_000_000);
        known.chain(ages.chain(forgot).map(|age| this.minus(age))).fold(steady, of)
    }

    fn hear(&mut self, moment: Moment, asker: Asker) {
        match asker {
            Asker::Querier => {
                if let Some(last) = self.asked.replace(moment) {
                    self.earlier.rotate_right(1);
                    if self.earlier[0].order != Order::default() {
                        self.forgot = self.earlier[0].millis.max(1);
                    }
                    self.earlier[0] = Earlier { millis: millis(last.at), order: last.order };
                }
            }
            Asker::Prober(sender) => {
                if self.probed[0].is_some_and(|(last, _)| !last.may_be(sender)) {
                    self.probed[1] = self.probed[0];
                }
                self.probed[0] = Some((sender, moment));
            }
        }
    }
}

fn is_recent(now: Time, at: Time) -> bool {
    now.since(at) <= MEMORY
}

/// How a question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// In a query.
    Querier,
    /// In a probe, by this device.
    Prober(SenderKey),
}

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// `sets` times [`WAYS`]; empty before the first question.
    entries: Vec<Option<QuestionTimes>>,
    /// When the last question was heard: after a silence nothing needs to be looked up.
    last: Option<Time>,
    /// The last question's place.
    order: Order,
}

impl Questions {
    /// Remembers a question. Returns false if a live one had to be forgotten for it.
    pub(crate) fn hear(&mut self, now: Time, question: Question, asker: Asker) -> bool {
        self.last = Some(now);
        self.order = Order(self.order.0.wrapping_add(1));
        let moment = Moment { at: now, order: self.order };
        if self.entries.is_empty() {
            self.entries = vec![None; MIN_SETS * WAYS];
        }
        loop {
            let set = self.set(question.name);
            let entries = &mut self.entries[set..set + WAYS];
            let same = |entry: &&mut Option<QuestionTimes>| {
                entry.is_some_and(|e| e.name == question.name && e.rtype == question.rtype)
            };
            if let Some(Some(entry)) = entries.iter_mut().find(same) {
                entry.hear(moment, asker);
                return true;
            }
            let mut entry = QuestionTimes {
                name: question.name,
                rtype: question.rtype,
                asked: None,
                earlier: [Earlier::default(); 3],
                forgot: 0,
                probed: [None; 2],
            };
            entry.hear(moment, asker);
            // The one not heard for longest; empty ones first.
            let Some(oldest) = entries.iter_mut().min_by_key(|e| e.and_then(|e| e.heard_last()))
            else {
                return false;
            };
            let is_live = oldest.is_some_and(|entry| entry.is_live(now));
            if is_live && self.grow(now) {
                continue;
            }
            let oldest = self.entries[set..set + WAYS]
                .iter_mut()
                .min_by_key(|e| e.and_then(|e| e.heard_last()));
            if let Some(oldest) = oldest {
                *oldest = Some(entry);
            }
            return !is_live;
        }
    }

    /// Whether `record`, by `answerer`, answers a question of the last 2 s.
    pub(crate) fn asked_for(&self, now: Time, record: &Record, answerer: SenderKey) -> bool {
        self.asked(now, record, answerer) != Asked::default()
    }

    /// The last questions of 2 s that `record`, by `answerer`, answers. Any question counts: to
    /// the group or to one host, from port 5353 or another.
    pub(crate) fn asked(&self, now: Time, record: &Record, answerer: SenderKey) -> Asked {
        if !self.last.is_some_and(|last| is_recent(now, last)) {
            return Asked::default();
        }
        let set = self.set(record.name);
        let entries = self.entries[set..set + WAYS].iter().flatten();
        let fitting = entries.filter(|entry| entry.answers(record));
        fitting.fold(Asked::default(), |asked, entry| asked.or_later(entry.asked_of(now, answerer)))
    }

    /// Whether any question may still wait for its answer: for most answers, none does.
    pub(crate) fn may_wait(&self, now: Time) -> bool {
        // Earlier ones are known to the millisecond.
        self.last.is_some_and(|last| now.since(last) <= WAITING + Duration::from_millis(1))
    }

    /// How many questions of the last 500 ms, heard after `after` and no later than `until`,
    /// `record` by `answerer` answers. Of one question the last four are known.
    pub(crate) fn waiting(
        &self,
        now: Time,
        record: &Record,
        answerer: SenderKey,
        after: Order,
        until: Order,
    ) -> usize {
        if !self.last.is_some_and(|last| is_recent(now, last)) {
            return 0;
        }
        let set = self.set(record.name);
        let entries = self.entries[set..set + WAYS].iter().flatten();
        let fitting = entries.filter(|entry| entry.answers(record));
        fitting.map(|entry| entry.waiting(now, answerer, after, until)).sum()
    }

    /// Whether `accepts` holds for each time that somebody asked for just this name and type in
    /// the last 2 s, given how long ago it was and its place in the order. False where that was in
    /// a probe, and where it was more often than is remembered.
    pub(crate) fn all_asked(
        &self,
        now: Time,
        name: NameHash,
        rtype: RType,
        mut accepts: impl FnMut(Duration, Order) -> bool,
    ) -> bool {
        if !self.last.is_some_and(|last| is_recent(now, last)) {
            return true;
        }
        let set = self.set(name);
        let mut entries = self.entries[set..set + WAYS].iter().flatten();
        let Some(entry) = entries.find(|entry| entry.name == name && entry.rtype == rtype) else {
            return true;
        };
        let was_probed = entry.probed.iter().flatten().any(|(_, at)| is_recent(now, at.at));
        let asked = entry.asked.map(|moment| (now.since(moment.at), moment.order));
        let earlier = entry.earlier.iter().map(|earlier| (earlier.age(now), earlier.order));
        let mut recent = asked.into_iter().chain(earlier).filter(|(age, _)| *age <= MEMORY);
        let are_known = entry.forgot == 0 || age(now, entry.forgot) > MEMORY;
        !was_probed && are_known && recent.all(|(age, order)| accepts(age, order))
    }

    /// The questions of a query that was just heard are remembered, and so are those of its copies.
    pub(crate) fn steady(&self, asked: &[Question], steady: Steady) -> Option<Steady> {
        let has = |question: &Question| {
            let set = self.set(question.name);
            let mut entries = self.entries[set..set + WAYS].iter().flatten();
            entries.any(|e| e.name == question.name && e.rtype == question.rtype)
        };
        // The last four of each, and when the one before them was.
        asked.iter().all(has).then(|| steady.remembering(5))
    }

    /// Until when what was asked for `name` stays as old as it is: over half a second, over 2 s.
    pub(crate) fn steady_for(&self, now: Time, name: NameHash, steady: Steady) -> Steady {
        if self.last.is_none_or(|last| now.since(last) > MEMORY + MILLISECOND) {
            return steady;
        }
        let set = self.set(name);
        let entries = self.entries[set..set + WAYS].iter().flatten();
        let of_name = entries.filter(|entry| entry.name == name);
        of_name.fold(steady, |steady, entry| entry.steady(now, steady))
    }

    /// So many questions more were heard.
    pub(crate) fn skip(&mut self, questions: u64) {
        #[allow(clippy::cast_possible_truncation, reason = "it wraps")]
        let questions = questions as u32;
        self.order = Order(self.order.0.wrapping_add(questions));
    }

    /// The place of the last question heard: what is asked from now on is after it.
    pub(crate) const fn order(&self) -> Order {
        self.order
    }

    /// Where the set of a name begins. All types of a name are in one set, because an NSEC
    /// answers each.
    fn set(&self, name: NameHash) -> usize {
        let sets = self.entries.len() / WAYS;
        // The name's hash is keyed; its upper half picks the set.
        #[allow(clippy::cast_possible_truncation, reason = "32 bits are left")]
        let bits = (name.0 >> 32) as usize;
        (bits & (sets - 1)) * WAYS
    }

    /// Doubles the sets and keeps what is live. False at the bound.
    fn grow(&mut self, now: Time) -> bool {
        let sets = self.entries.len() / WAYS;
        if sets >= MAX_SETS {
            return false;
        }
        let old = std::mem::replace(&mut self.entries, vec![None; sets * 2 * WAYS]);
        for entry in old.into_iter().flatten().filter(|entry| entry.is_live(now)) {
            // A set is split in two: each has space for all that it held.
            let set = self.set(entry.name);
            let free = self.entries[set..set + WAYS].iter_mut().find(|e| e.is_none());
            if let Some(free) = free {
                *free = Some(entry);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Sender;
    use crate::decode::mdns::{DataHash, RClass, Section, Traits};
    use proptest::prelude::*;

    const ME: SenderKey = SenderKey(4);
    const OTHER: SenderKey = SenderKey(8);
    impl From<u16> for RType {
        fn from(number: u16) -> Self {
            Self(number)
        }
    }

    const SECOND: u64 = 1_000_000_000;

    fn question(name: u64, rtype: impl Into<RType>) -> Question {
        let (name, rtype, class) = (NameHash(name), rtype.into(), RClass::IN);
        Question { name, rtype, class, unicast: false, traits: Traits::default(), at: 0 }
    }

    fn record(name: u64, rtype: impl Into<RType>) -> Record {
        Record {
            section: Section::Answer,
            name: NameHash(name),
            rtype: rtype.into(),
            class: RClass::IN,
            flush: true,
            ttl: 120,
            data: DataHash(0),
            traits: Traits::default(),
            at: 0,
        }
    }

    #[test]
    fn remembers_for_two_seconds_inclusive() {
        let mut questions = Questions::default();
        assert!(!questions.asked_for(Time(0), &record(7, 1), ME));
        assert!(questions.hear(Time(5), question(7, 1), Asker::Querier));
        assert!(questions.asked_for(Time(5), &record(7, 1), ME));
        assert!(questions.asked_for(Time(5 + 2 * SECOND), &record(7, 1), ME));
        assert!(!questions.asked_for(Time(6 + 2 * SECOND), &record(7, 1), ME));
    }

    #[test]
    fn type_must_be_equal_or_any_but_for_nsec_and_cname() {
        let mut questions = Questions::default();
        questions.hear(Time(0), question(7, 1), Asker::Querier);
        questions.hear(Time(0), question(8, RType::ANY), Asker::Querier);
        let asked = |name, rtype| questions.asked_for(Time(1), &record(name, rtype), ME);
        assert!(
            asked(7, RType::A)
                && asked(7, RType::NSEC)
                && asked(7, RType::CNAME)
                && asked(8, RType::AAAA)
        );
        assert!(!asked(7, RType::AAAA) && !asked(9, RType::A) && !asked(9, RType::NSEC));
    }

    #[test]
    fn own_probes_are_no_questions_but_those_of_others_are() {
        let mut questions = Questions::default();
        questions.hear(Time(0), question(7, RType::ANY), Asker::Prober(ME));
        assert!(!questions.asked_for(Time(1), &record(7, 1), ME));
        assert!(questions.asked_for(Time(1), &record(7, 1), OTHER));
        questions.hear(Time(1), question(7, RType::ANY), Asker::Prober(OTHER));
        assert!(questions.asked_for(Time(2), &record(7, 1), ME));
        // My own probe after the other's does not hide it.
        questions.hear(Time(2), question(7, RType::ANY), Asker::Prober(ME));
        questions.hear(Time(3), question(7, RType::ANY), Asker::Prober(ME));
        assert!(questions.asked_for(Time(3), &record(7, 1), ME));
        // But it expires on its own.
        assert!(!questions.asked_for(Time(2 + 2 * SECOND), &record(7, 1), ME));
    }

    #[test]
    fn a_probe_asks_for_any_type() {
        let mut questions = Questions::default();
        questions.hear(Time(0), question(7, 12), Asker::Prober(OTHER));
        let asked = questions.asked(Time(1), &record(7, 12), ME);
        assert!(asked.query.is_some() && asked.probe.is_none(), "{asked:?}");
        let own = questions.asked(Time(1), &record(7, 12), OTHER);
        assert_eq!(own, Asked::default());
    }

    #[test]
    fn a_device_probes_by_both_families() {
        let hash = |n: u64| ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(n);
        let sender = |ip: &str, n| SenderKey::new(Some(Sender::Ip(ip.parse().unwrap())), hash(n));
        let (my_v4, my_v6) = (sender("10.0.0.1", 1), sender("fe80::1", 2));
        let mut questions = Questions::default();
        questions.hear(Time(0), question(7, RType::ANY), Asker::Prober(my_v4));
        questions.hear(Time(0), question(7, RType::ANY), Asker::Prober(my_v6));
        for me in [my_v4, my_v6] {
            assert!(!questions.asked_for(Time(1), &record(7, 1), me), "{me:?}");
        }
        questions.hear(Time(1), question(7, RType::ANY), Asker::Prober(sender("10.0.0.2", 3)));
        assert!(questions.asked_for(Time(2), &record(7, 1), my_v4));
    }

    #[test]
    fn the_order_tells_what_was_asked_since() {
        let mut questions = Questions::default();
        questions.hear(Time(0), question(7, 12), Asker::Querier);
        let answered = questions.order();
        let is_since = |questions: &Questions| {
            let asked = questions.asked(Time(0), &record(7, 12), ME);
            [asked.query, asked.probe].map(|order| order.is_some_and(|o| o.is_after(answered)))
        };
        assert_eq!(is_since(&questions), [false, false]);
        questions.hear(Time(0), question(8, 12), Asker::Querier);
        questions.hear(Time(0), question(7, RType::ANY), Asker::Prober(ME));
        assert_eq!(is_since(&questions), [false, false]);
        questions.hear(Time(0), question(7, RType::ANY), Asker::Prober(OTHER));
        assert_eq!(is_since(&questions), [false, true]);
        // My own probe after the other's does not hide it, nor does an old query a new one.
        questions.hear(Time(0), question(7, RType::ANY), Asker::Prober(ME));
        questions.hear(Time(0), question(7, RType::ANY), Asker::Querier);
        assert_eq!(is_since(&questions), [true, true]);
        // It wraps.
        assert!(Order(1).is_after(Order(u32::MAX)) && !Order(u32::MAX).is_after(Order(1)));
        assert!(!Order(1).is_after(Order(1)));
    }

    #[test]
    fn questions_that_wait_together_are_counted() {
        let mut questions = Questions::default();
        let start = questions.order();
        let within = |questions: &Questions, at, after, until| {
            questions.waiting(Time(at), &record(7, 12), ME, after, until)
        };
        assert_eq!(within(&questions, 0, start, start), 0);
        for _ in 0..3 {
            questions.hear(Time(0), question(7, 12), Asker::Querier);
            questions.hear(Time(0), question(8, 12), Asker::Querier);
        }
        let three = questions.order();
        let half = SECOND / 2;
        questions.hear(Time(half), question(7, 12), Asker::Prober(ME));
        assert_eq!(within(&questions, half, start, questions.order()), 3);
        questions.hear(Time(half), question(7, 12), Asker::Prober(OTHER));
        assert_eq!(within(&questions, half, start, three), 3);
        assert_eq!(within(&questions, half, three, questions.order()), 1);
        assert_eq!(within(&questions, half, start, questions.order()), 4);
        // What is older than 500 ms waits for nothing.
        assert_eq!(within(&questions, half + 1_000_000, start, questions.order()), 1);
        // Of one question the last four.
        for _ in 0..9 {
            questions.hear(Time(3 * SECOND), question(7, 12), Asker::Querier);
        }
        assert_eq!(within(&questions, 3 * SECOND + half, start, questions.order()), 4);
        // RType::A probe for a name defends it: that has a rule of its own.
        questions.hear(Time(3 * SECOND), question(7, RType::ANY), Asker::Prober(OTHER));
        assert_eq!(within(&questions, 3 * SECOND + half, start, questions.order()), 4);
    }

    #[test]
    fn all_who_asked_are_known_or_it_is_said_that_they_are_not() {
        let name = NameHash(7);
        let asked = |questions: &Questions, at| {
            let mut ages = Vec::new();
            let all = questions.all_asked(Time(at), name, RType::PTR, |age, order| {
                ages.push((age.as_millis(), order));
                true
            });
            (all, ages)
        };
        let mut questions = Questions::default();
        assert_eq!(asked(&questions, 0), (true, vec![]));
        for n in 0..4 {
            questions.hear(Time(n * SECOND / 4), question(7, 12), Asker::Querier);
            questions.hear(Time(n * SECOND / 4), question(7, 1), Asker::Querier);
        }
        let (all, ages) = asked(&questions, SECOND);
        assert!(all);
        let orders = [7, 5, 3, 1].map(Order);
        assert_eq!(ages, [250, 500, 750, 1_000].into_iter().zip(orders).collect::<Vec<_>>());
        // What is not accepted settles it; what is older than 2 s is asked about no more.
        let refuses = |questions: &Questions, at, old: Order| {
            questions.all_asked(Time(at), name, RType::PTR, |_, order| order != old)
        };
        assert!(!refuses(&questions, SECOND, Order(1)));
        assert!(refuses(&questions, 2 * SECOND + 2_000_000, Order(1)));
        // A fifth within 2 s pushes one out: from then on, for 2 s, not all are known.
        questions.hear(Time(SECOND), question(7, 12), Asker::Querier);
        assert!(!asked(&questions, SECOND).0);
        assert!(!asked(&questions, 2 * SECOND).0);
        assert!(asked(&questions, 2 * SECOND + 2_000_000).0, "the first is old by now");
        // Probes list nothing.
        questions.hear(Time(3 * SECOND), question(7, 12), Asker::Prober(OTHER));
        assert!(!asked(&questions, 3 * SECOND).0);
        assert!(asked(&questions, 5 * SECOND + 1).0);
    }

    #[test]
    fn entries_are_as_large_as_is_said() {
        assert_eq!(size_of::<Option<QuestionTimes>>() * MIN_SETS * WAYS, 64 * 1_024);
        assert_eq!(size_of::<Option<QuestionTimes>>() * MAX_SETS * WAYS, 1_024 * 1_024);
    }

    #[test]
    fn own_queries_are_questions() {
        let mut questions = Questions::default();
        questions.hear(Time(0), question(7, 12), Asker::Querier);
        questions.hear(Time(0), question(7, 12), Asker::Prober(ME));
        assert!(questions.asked_for(Time(1), &record(7, 12), ME));
    }

    #[test]
    fn tells_when_a_live_question_is_forgotten() {
        let mut questions = Questions::default();
        // Nine types of one name do not fit one set, however many sets there are.
        for rtype in 1..=8 {
            assert!(questions.hear(Time(0), question(7, rtype), Asker::Querier));
        }
        assert!(!questions.hear(Time(2 * SECOND), question(7, 9), Asker::Querier));
        assert_eq!(questions.entries.len(), MAX_SETS * WAYS);
        // Older than 2 s: nothing is lost.
        assert!(questions.hear(Time(2 * SECOND + 1), question(7, 10), Asker::Querier));
    }

    #[test]
    fn grows_only_while_questions_are_live() {
        let mut questions = Questions::default();
        let hash = |n: u64| ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(n);
        for n in 0..100_000 {
            // Ten a second: twenty are live at once.
            assert!(questions.hear(Time(n * SECOND / 10), question(hash(n), 1), Asker::Querier));
        }
        assert_eq!(questions.entries.len(), MIN_SETS * WAYS);
        for n in 0..2_000 {
            let now = Time(10_000 * SECOND);
            questions.hear(now, question(hash(n), 1), Asker::Querier);
        }
        let kept = (0..2_000)
            .filter(|n| questions.asked_for(Time(10_000 * SECOND), &record(hash(*n), 1), ME));
        assert!(kept.count() > 1_990);
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(
            steps in prop::collection::vec((0_u64..3, 0_u64..12, 0_u64..3, 0_u64..900), 1..150),
        ) {
            let mut questions = Questions::default();
            let mut model: Vec<(u64, RType, Time, Option<SenderKey>)> = Vec::new();
            let mut now = Time(0);
            for (name, rtype, sender, millis) in steps {
                let sender = sender * 4;
                // Apart from each other: the upper half picks the set.
                let name = name << 32;
                now = now.plus(Duration::from_millis(millis));
                let rtype = [RType::A, RType::PTR, RType::TXT, RType::AAAA, RType::SRV, RType::ANY]
                    [usize::try_from(rtype % 6).expect("small")];
                let asker = if sender == 0 { Asker::Querier } else { Asker::Prober(SenderKey(sender)) };
                prop_assert!(questions.hear(now, question(name, rtype), asker));
                model.push((name, rtype, now, (sender > 0).then_some(SenderKey(sender))));
                for (name, rtype, me) in
                    [(name, RType::A, ME), (name, RType::NSEC, OTHER), (0, RType::PTR, ME), (1 << 32, RType::AAAA, OTHER)]
                {
                    let expected = model.iter().any(|&(n, t, at, prober)| {
                        n == name
                            && now.since(at) <= MEMORY
                            && (t == rtype || t == RType::ANY || rtype == RType::NSEC)
                            && prober != Some(me)
                    });
                    prop_assert_eq!(questions.asked_for(now, &record(name, rtype), me), expected);
                }
            }
        }
    }
}
