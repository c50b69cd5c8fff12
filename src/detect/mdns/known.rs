//! Answers that the question listed as known (RFC 6762 section 7.1).
//!
//! Rule `known_answer`: an answer counts as a violation only if every question for it in the last 2
//! s, no matter who asked, lists it with at least half of its TTL, if the last of them is so near
//! that it is what was answered, and if everything in the message's answer section was asked for,
//! so that it is no announcement. Probes, legacy queries and queries to one host list nothing and
//! so excuse an answer. So does a list that went on in a second message (section 7.2).
//! At most 2,048 listed records: 160 KiB.

use crate::decode::mdns::{DataHash, HashKey, Kind, NameHash, RClass, RType, Record, Section};
use crate::detect::memory::questions::{MEMORY, Order};
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Mdns, Offence, Subject, View};
use crate::time::Time;
use std::time::Duration;

/// Answers come within 20 to 120 ms, after a list in several messages within 500 ms (RFC 6762
/// sections 6 and 7.2): what comes later may be an announcement.
const ANSWERED_WITHIN: Duration = Duration::from_millis(600);
/// Messages remembered of each listed record.
const MESSAGES: usize = 4;

/// A message that listed a record.
#[derive(Clone, Copy, Debug)]
struct Listing {
    /// The places of the message's questions: after the first and up to the second.
    questions: (Order, Order),
    ttl: u32,
}

/// The last messages that a record was listed in, the latest first.
#[derive(Clone, Copy, Debug, Default)]
struct Listings([Option<Listing>; MESSAGES]);

impl Listings {
    /// Puts it first.
    fn add(&mut self, listing: Listing) {
        self.0.rotate_right(1);
        self.0[0] = Some(listing);
    }

    /// Whether the message with the question at `asked` listed it with at least half of `ttl`.
    fn has(&self, asked: Order, ttl: u32) -> bool {
        self.0.iter().flatten().any(|listing| {
            let (before, last) = listing.questions;
            asked.is_after(before)
                && !asked.is_after(last)
                && u64::from(listing.ttl) * 2 >= u64::from(ttl)
        })
    }
}

/// What was listed as known.
#[derive(Debug)]
pub(crate) struct Known {
    listed: Table<(NameHash, RType, DataHash), Listings, 256>,
    /// When anything was listed last: before that, there is nothing to look up.
    last_listed: Option<Time>,
}

impl Known {
    /// Nothing yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { listed: Table::new(key, MEMORY), last_listed: None }
    }

    /// Hears what a query lists. A copy counts too: its questions are remembered as well.
    pub(crate) fn list(&mut self, view: &View<'_>) {
        let Some(mdns) = view.multicast_mdns().filter(|mdns| mdns.kind == Kind::Query) else {
            return;
        };
        let questions = mdns.digest.questions.len();
        let last = view.questions.order();
        let Some(before) = u16::try_from(questions).ok().map(|count| last.before(count)) else {
            return;
        };
        if questions == 0 {
            return;
        }
        for record in mdns.digest.records.iter().filter(|record| is_answer(record)) {
            let key = (record.name, record.rtype, record.data);
            let listing = Listing { questions: (before, last), ttl: record.ttl };
            self.listed.entry(view.now, key, Listings::default).value.add(listing);
            self.last_listed = Some(view.now);
        }
    }

    /// Judges one frame.
    pub(crate) fn handle(&self, view: &View<'_>, findings: &mut Findings) {
        let now = view.now;
        let was_listed = self.last_listed.is_some_and(|at| now.since(at) <= MEMORY);
        if view.is_suspended || !was_listed {
            return;
        }
        let judged = |mdns: &Mdns<'_>| mdns.kind == Kind::Response && mdns.datagram.complete;
        let Some(mdns) = view.multicast_mdns().filter(judged) else { return };
        let mut answers = mdns.digest.records.iter().filter(|r| r.section == Section::Answer);
        if !answers.all(|record| view.questions.asked_for(now, record, view.sender)) {
            return;
        }
        for (record, place) in mdns.digest.records.iter().zip(0..) {
            if is_answer(record) && self.is_known_to_all(view, record) {
                let subject = Some(Subject::Record(place));
                findings.offend(Offence { rule: Rule::KnownAnswer, subject, gap: None });
            }
        }
    }

    /// What is promised of copies of the frame that was just heard: that nothing need be looked up
    /// for them but what they list.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { listed, last_listed } = self;
        let now = view.now;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        match mdns.kind {
            Kind::Query => {
                let mut listing = mdns.digest.records.iter().filter(|record| is_answer(record));
                let is_held = mdns.digest.questions.is_empty()
                    || listing.all(|r| listed.holds(now, (r.name, r.rtype, r.data)));
                is_held.then(|| steady.remembering(MESSAGES))
            }
            Kind::Response => {
                let was_listed = last_listed.is_some_and(|at| now.since(at) <= MEMORY);
                (!was_listed || view.is_suspended).then_some(steady)
            }
            Kind::Probe
            | Kind::LegacyQuery
            | Kind::Announcement
            | Kind::Goodbye
            | Kind::Malformed => Some(steady),
        }
    }

    /// Whether somebody asked for `record` just now, and all who did in the last 2 s listed it.
    fn is_known_to_all(&self, view: &View<'_>, record: &Record) -> bool {
        let listed = (record.name, record.rtype, record.data);
        let Some(listed) = self.listed.get(view.now, listed) else { return false };
        let mut was_asked = false;
        [record.rtype, RType::ANY].into_iter().all(|rtype| {
            view.questions.all_asked(view.now, record.name, rtype, |age, order| {
                was_asked |= age <= ANSWERED_WITHIN;
                listed.has(order, record.ttl)
            })
        }) && was_asked
    }
}

fn is_answer(record: &Record) -> bool {
    record.section == Section::Answer && record.class == RClass::IN && record.ttl > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_as_large_as_is_said() {
        assert_eq!(Table::<(NameHash, RType, DataHash), Listings, 256>::BYTES_MAX, 160 << 10);
    }

    #[test]
    fn a_question_is_of_the_message_that_its_place_lies_in() {
        let mut questions = crate::detect::memory::questions::Questions::default();
        let question = |name| crate::decode::mdns::Question {
            name: NameHash(name),
            rtype: RType::PTR,
            class: RClass::IN,
            unicast: false,
            traits: crate::decode::mdns::Traits::default(),
            at: 0,
        };
        let places: Vec<Order> = (0..4)
            .map(|n| {
                let asker = crate::detect::memory::questions::Asker::Querier;
                questions.hear(Time(0), question(n), asker);
                questions.order()
            })
            .collect();
        // The message with the second and third question lists a record for 60 s.
        let mut listings = Listings::default();
        listings.add(Listing { questions: (places[0], places[2]), ttl: 60 });
        let listed = places.iter().map(|place| listings.has(*place, 120)).collect::<Vec<_>>();
        assert_eq!(listed, [false, true, true, false]);
        assert!(!listings.has(places[1], 121), "less than half of its TTL");
    }
}
