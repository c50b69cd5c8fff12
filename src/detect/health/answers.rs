//! Whether questions are answered, and how soon: the health of discovery.
//!
//! Measures the delay from multicast questions to multicast responses, copies too, and counts
//! questions that nobody answered. Only questions for records that somebody is known to have are
//! watched. Left out is every question where silence proves nothing: one with the QU bit, whose
//! answer goes to the asker alone; one that lists an answer as known, also in a second message
//! (RFC 6762 section 7.2); one that only its asker could answer; one within a second of the record,
//! which may not be multicast again so soon (section 6); one during which frames were lost. At
//! most 256 names wait, with four types each, and 1,024 are remembered for a minute: 90 KB.

use super::horizon::Horizon;
use super::unanswered::UnansweredNames;
use crate::decode::mdns::{
    HashKey, Header, Kind, NameHash, Question, RClass, RType, Record, Section, name_at,
};
use crate::detect::cache::{Cache, learnable, teaches};
use crate::detect::memory::sender::{SenderKey, SourceId};
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Mdns, View};
use crate::time::Time;
use std::time::Duration;

/// Upper bounds of the histogram of delays, in milliseconds; the last bucket is unbounded.
pub const DELAY_BOUNDS: [u64; 8] = [20, 50, 120, 250, 500, 1_000, 2_000, 3_000];

/// An answer counts as one within this time.
const WAIT: Duration = Duration::from_secs(3);
/// Later answers say nothing of the delay.
const DELAY_MAX: Duration = Duration::from_secs(2);
/// What was multicast need not be multicast again within a second and the tolerance.
const JUST_HEARD: Duration = Duration::from_millis(1_350);
/// A name is counted once in this time; just under it, so that a question every minute is counted
/// every minute.
const ONCE_IN: Duration = Duration::from_nanos(59_999_999_999);
/// Types of one name that can wait.
const TYPES: usize = 4;

/// A Prometheus histogram with the bounds of [`DELAY_BOUNDS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Delays at or under each bound but over the one before; the last is unbounded.
    pub counts: [u64; DELAY_BOUNDS.len() + 1],
    /// Sum of the delays.
    pub sum: Duration,
}

impl Delays {
    fn observe(&mut self, delay: Duration) {
        let bucket = DELAY_BOUNDS.partition_point(|bound| Duration::from_millis(*bound) < delay);
        self.counts[bucket] += 1;
        self.sum += delay;
    }
}

/// A question that waits.
#[derive(Clone, Copy, Debug)]
struct OpenQuestion {
    rtype: RType,
    asked: Time,
    asker: SourceId,
    /// Whether silence would prove nothing.
    is_excused: bool,
    /// Whether more known answers follow.
    is_truncated: bool,
}

/// The questions for one name.
#[derive(Clone, Debug)]
struct OpenName {
    name: NameHash,
    /// The name for people.
    text: Box<str>,
    /// Who has a record of it.
    owner: SenderKey,
    waiting: [Option<OpenQuestion>; TYPES],
}

/// The questions that wait, and what became of the others.
#[derive(Debug)]
pub(crate) struct Answers {
    names: Table<NameHash, OpenName, 32>,
    counted: Table<NameHash, (), 128>,
    /// Whether any may wait: most responses find none.
    has_waiting: bool,
    delays: Delays,
    unanswered: u64,
    silent: UnansweredNames,
}

impl Answers {
    /// Nothing asked yet.
    pub(crate) fn new(key: HashKey, horizon: Horizon) -> Self {
        Self {
            // They are closed by hand: see `handle_second`.
            names: Table::new(key, Duration::from_hours(1)),
            counted: Table::new(key, ONCE_IN),
            has_waiting: false,
            delays: Delays::default(),
            unanswered: 0,
            silent: UnansweredNames::new(horizon),
        }
    }

    /// Hears one frame. `cache` is what was heard before it.
    pub(crate) fn handle(&mut self, view: &View<'_>, cache: &Cache) {
        let Some(mdns) = view.mdns else { return };
        let is_multicast = view.multicast_mdns().is_some();
        match mdns.kind {
            Kind::Query if is_multicast => self.ask(view, mdns, cache),
            Kind::Response | Kind::Announcement | Kind::Goodbye => {
                self.answer(view.now, mdns, is_multicast);
            }
            // A malformed response may hold an answer that some caches understand.
            Kind::Malformed if mdns.is_response() => self.handle_gap(),
            Kind::Malformed | Kind::Query | Kind::Probe | Kind::LegacyQuery => {}
        }
    }

    /// What is promised of copies of the frame that was just heard: what they ask waits already, or
    /// nobody has it, and what they answer was answered.
    pub(crate) fn steady(&self, view: &View<'_>, cache: &Cache, steady: Steady) -> Option<Steady> {
        let Self { names, counted: _, has_waiting: _, delays: _, unanswered: _, silent: _ } = self;
        let asks = view.multicast_mdns().filter(|mdns| mdns.kind == Kind::Query);
        let mut asked = asks.iter().flat_map(|mdns| &mdns.digest.questions);
        let is_held = asked.all(|question| {
            let Question { name, rtype, .. } = *question;
            names.holds(view.now, name) || cache.owned(view.now, name, rtype, view.sender).is_none()
        });
        is_held.then_some(steady)
    }

    /// What waits can no longer be shown to go unanswered: frames were lost.
    pub(crate) fn handle_gap(&mut self) {
        if self.has_waiting {
            self.names.clear();
            self.has_waiting = false;
        }
    }

    /// Closes what has waited for 3 s. Called once a second, or later.
    pub(crate) fn handle_second(&mut self, now: Time) {
        if !self.has_waiting {
            return;
        }
        let Self { names, counted, has_waiting, unanswered, silent, .. } = self;
        *has_waiting = false;
        names.retain(|OpenName { name, text, owner, waiting: slots }| {
            for slot in slots.iter_mut() {
                let Some(waiting) = *slot else { continue };
                if now.since(waiting.asked) <= WAIT {
                    *has_waiting = true;
                    continue;
                }
                *slot = None;
                if !waiting.is_excused && is_first(counted, waiting.asked, *name) {
                    *unanswered += 1;
                    silent.add(now, *name, text, *owner);
                }
            }
            slots.iter().any(Option::is_some)
        });
    }

    /// How soon questions were answered.
    pub(crate) const fn delays(&self) -> &Delays {
        &self.delays
    }

    /// How many nobody answered.
    pub(crate) const fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// The names of those.
    pub(crate) const fn silent(&self) -> &UnansweredNames {
        &self.silent
    }

    fn ask(&mut self, view: &View<'_>, mdns: Mdns<'_>, cache: &Cache) {
        let now = view.now;
        if mdns.digest.questions.is_empty() {
            self.continue_list(now, view.source, mdns);
            return;
        }
        let is_whole = mdns.datagram.complete
            && mdns.digest.decoded[Section::Answer as usize] as usize
                <= mdns.digest.records.iter().filter(|r| r.section == Section::Answer).count();
        if view.is_suspended || !is_whole {
            return;
        }
        let is_truncated = mdns.datagram.header.is_some_and(Header::is_truncated);
        for question in &mdns.digest.questions {
            let Question { name, rtype, class, unicast, .. } = *question;
            let is_known = mdns.digest.records.iter().any(|r| is_for(r, name, rtype));
            if unicast || is_known || !matches!(class, RClass::IN | RClass::ANY) {
                continue;
            }
            let Some(owned) = cache.owned(now, name, rtype, view.sender) else { continue };
            let is_excused = !owned.by_another || now.since(owned.heard) <= JUST_HEARD;
            let asker = view.source;
            let open = || OpenName {
                name,
                text: name_at(mdns.datagram.payload, question.at),
                owner: owned.owner,
                waiting: [None; TYPES],
            };
            let question = OpenQuestion { rtype, asked: now, asker, is_excused, is_truncated };
            self.wait(name, question, open);
        }
    }

    /// One more question; the first of those that wait for the same stands.
    fn wait(&mut self, name: NameHash, waiting: OpenQuestion, open: impl FnOnce() -> OpenName) {
        let slots = &mut self.names.entry(waiting.asked, name, open).value.waiting;
        let is_same =
            |slot: &Option<OpenQuestion>| slot.is_some_and(|there| there.rtype == waiting.rtype);
        if slots.iter().any(is_same) {
            return;
        }
        if let Some(free) = slots.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(waiting);
            self.has_waiting = true;
        }
    }

    /// A list of known answers goes on in a message without a question (RFC 6762 section 7.2).
    fn continue_list(&mut self, now: Time, asker: SourceId, mdns: Mdns<'_>) {
        if !self.has_waiting {
            return;
        }
        for record in mdns.digest.records.iter().filter(|r| r.section == Section::Answer) {
            let Some(name) = self.names.get_mut(now, record.name) else { continue };
            for slot in &mut name.waiting {
                let is_same = |waiting: &OpenQuestion| {
                    waiting.is_truncated
                        && waiting.asker == asker
                        && (waiting.rtype == RType::ANY || waiting.rtype == record.rtype)
                };
                *slot = slot.filter(|waiting| !is_same(waiting));
            }
        }
    }

    fn answer(&mut self, now: Time, mdns: Mdns<'_>, is_multicast: bool) {
        if !self.has_waiting {
            return;
        }
        let decoded = mdns.digest.decoded.iter().skip(1).sum::<u32>() as usize;
        if !mdns.datagram.complete || decoded > mdns.digest.records.len() {
            // What was cut off may be the answer.
            self.handle_gap();
            return;
        }
        if !teaches(&mdns) {
            return;
        }
        for record in learnable(mdns.digest) {
            let Some(name) = self.names.get_mut(now, record.name) else { continue };
            for slot in &mut name.waiting {
                let Some(waiting) = slot else { continue };
                let delay = now.since(waiting.asked);
                if !record.rtype.answers(waiting.rtype) || delay > WAIT {
                    continue;
                }
                if record.section != Section::Answer || record.ttl == 0 || !is_multicast {
                    // It was said, if not as the answer or not to all.
                    waiting.is_excused = true;
                    continue;
                }
                if delay <= DELAY_MAX && !waiting.is_truncated {
                    self.delays.observe(delay);
                }
                *slot = None;
            }
        }
    }
}

/// Whether a name was not counted in the last minute; from now on it was.
fn is_first(counted: &mut Table<NameHash, (), 128>, at: Time, name: NameHash) -> bool {
    let is_first = counted.get(at, name).is_none();
    if is_first {
        counted.entry(at, name, || ());
    }
    is_first
}

/// Whether a known answer is for a question.
fn is_for(record: &Record, name: NameHash, rtype: RType) -> bool {
    record.section == Section::Answer
        && record.name == name
        && (record.rtype == rtype || rtype == RType::ANY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn waiting(asked: Time, rtype: u16) -> OpenQuestion {
        let rtype = RType(rtype);
        OpenQuestion {
            rtype,
            asked,
            asker: SourceId::default(),
            is_excused: false,
            is_truncated: false,
        }
    }

    fn open(name: NameHash) -> OpenName {
        let owner = SenderKey::new(None, 0);
        OpenName { name, text: "x.local".into(), owner, waiting: [None; TYPES] }
    }

    #[test]
    fn what_waits_is_closed_after_three_seconds_and_not_before() {
        let mut answers = Answers::new(HashKey([1, 2, 3, 4]), Horizon::Now);
        answers.wait(NameHash(1), waiting(Time(0), 1), || open(NameHash(1)));
        answers.handle_second(Time(3 * SECOND));
        assert_eq!((answers.unanswered(), answers.has_waiting), (0, true));
        answers.handle_second(Time(3 * SECOND + 1));
        assert_eq!((answers.unanswered(), answers.has_waiting), (1, false));
    }

    proptest! {
        #[test]
        fn a_name_is_counted_at_most_once_a_minute_and_memory_has_a_bound(
            steps in prop::collection::vec((0_u64..400, 1_u16..8, 0_u64..2_000), 1..600),
        ) {
            let hash = |n: u64| NameHash(HashKey([1, 2, 3, 4]).state().hash_one(n));
            let mut answers = Answers::new(HashKey([1, 2, 3, 4]), Horizon::Now);
            let mut now = Time(0);
            for (name, rtype, millis) in &steps {
                now = now.plus(Duration::from_millis(*millis));
                answers.wait(hash(*name), waiting(now, *rtype), || open(hash(*name)));
                answers.handle_second(now);
            }
            answers.handle_second(now.plus(WAIT * 2));
            let minutes = now.since(Time(0)).as_secs() / 60 + 1;
            let names: std::collections::HashSet<_> = steps.iter().map(|(name, ..)| name).collect();
            prop_assert!(answers.unanswered() >= 1);
            prop_assert!(answers.unanswered() <= names.len() as u64 * minutes);
            prop_assert!(answers.names.capacity() <= 256 && answers.counted.capacity() <= 1_024);
            prop_assert!(!answers.has_waiting);
        }
    }
}
