//! Answers that the question listed as known (RFC 6762 section 7.1).
//!
//! Comes in: queries with what they list, and multicast answers. Goes out: the rule `known_answer`.
//! An answer is held against its sender only if every question for it in the last 2 s, by whomever,
//! lists it with at least half of its TTL, if the last of them is so near that it is what was
//! answered, and if everything in the message's answer section was
//! asked for, so that it is no announcement. Probes, legacy queries and queries to one host list
//! nothing and so excuse an answer. So does a list that went on in a second message (section 7.2).
//! At most 1,024 questions and 2,048 listed records: 400 KB.

use crate::decode::mdns::{DataHash, HashKey, Kind, NameHash, RClass, RType, Record, Section};
use crate::detect::heard::{Findings, Heard, Mdns, Offence, Subject};
use crate::detect::memory::questions::MEMORY;
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::time::Time;
use std::time::Duration;

/// Answers come within 20 to 120 ms, after a list in several messages within 500 ms (RFC 6762
/// sections 6 and 7.2): what comes later may be an announcement.
const ANSWERED_WITHIN: Duration = Duration::from_millis(600);
/// Messages remembered of each question and each listed record.
const MESSAGES: usize = 4;

/// The last messages that a question or a record was in, with the TTL of the record.
#[derive(Clone, Copy, Debug, Default)]
struct Messages {
    last: [Option<(Time, u32, u32)>; MESSAGES],
    /// When one had to be forgotten for another.
    forgot: Option<Time>,
}

impl Messages {
    fn add(&mut self, now: Time, message: u32, ttl: u32) {
        let oldest = self.last.iter_mut().min_by_key(|slot| slot.map(|(at, ..)| at));
        let Some(oldest) = oldest else { return };
        if oldest.is_some_and(|(at, ..)| is_recent(now, at)) {
            self.forgot = Some(now);
        }
        *oldest = Some((now, message, ttl));
    }

    /// The messages of the last 2 s; `None` where some of them were forgotten.
    fn recent(&self, now: Time) -> Option<impl Iterator<Item = (Time, u32)>> {
        let is_whole = !self.forgot.is_some_and(|at| is_recent(now, at));
        let recent = self.last.iter().flatten().filter(move |(at, ..)| is_recent(now, *at));
        is_whole.then(|| recent.map(|&(at, message, _)| (at, message)))
    }
}

fn is_recent(now: Time, at: Time) -> bool {
    now.since(at) <= MEMORY
}

/// What was asked and what was listed.
#[derive(Debug)]
pub(crate) struct Known {
    /// By name and type.
    asked: Table<(NameHash, RType), Messages, 128>,
    /// By name, type and data.
    listed: Table<(NameHash, RType, DataHash), Messages, 256>,
    messages: u32,
    /// When anything was listed last: without, there is nothing to look up.
    last_listed: Option<Time>,
}

impl Known {
    /// Nothing yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            asked: Table::new(key, MEMORY),
            listed: Table::new(key, MEMORY),
            messages: 0,
            last_listed: None,
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, heard: &Heard<'_>, findings: &mut Findings) {
        let Some(mdns) = heard.mdns else { return };
        match mdns.kind {
            Kind::Query | Kind::Probe | Kind::LegacyQuery => self.ask(heard, mdns),
            Kind::Malformed if !mdns.is_response() => self.ask(heard, mdns),
            Kind::Response => self.answer(heard, findings),
            Kind::Announcement | Kind::Goodbye | Kind::Malformed => {}
        }
    }

    fn ask(&mut self, heard: &Heard<'_>, mdns: Mdns<'_>) {
        let now = heard.now;
        self.messages = self.messages.wrapping_add(1);
        for question in &mdns.digest.questions {
            let key = (question.name, question.rtype);
            self.asked.entry(now, key, Messages::default).value.add(now, self.messages, 0);
        }
        let lists = mdns.kind == Kind::Query && heard.multicast_mdns().is_some();
        if !lists || mdns.digest.questions.is_empty() {
            return;
        }
        for record in mdns.digest.records.iter().filter(|record| is_answer(record)) {
            let key = (record.name, record.rtype, record.data);
            let listed = self.listed.entry(now, key, Messages::default).value;
            listed.add(now, self.messages, record.ttl);
            self.last_listed = Some(now);
        }
    }

    fn answer(&self, heard: &Heard<'_>, findings: &mut Findings) {
        let now = heard.now;
        let was_listed = self.last_listed.is_some_and(|at| is_recent(now, at));
        if heard.is_suspended || !was_listed {
            return;
        }
        let Some(mdns) = heard.multicast_mdns().filter(|mdns| mdns.datagram.complete) else {
            return;
        };
        let mut answers = mdns.digest.records.iter().filter(|r| r.section == Section::Answer);
        if !answers.all(|record| heard.questions.asked_for(now, record, heard.party)) {
            return;
        }
        for (record, place) in mdns.digest.records.iter().zip(0..) {
            if is_answer(record) && self.is_known_to_all(now, record) {
                let subject = Some(Subject::Record(place));
                findings.offend(Offence { rule: Rule::KnownAnswer, subject, gap: None });
            }
        }
    }

    /// Whether somebody asked for `record` just now, and whoever did in the last 2 s listed it.
    fn is_known_to_all(&self, now: Time, record: &Record) -> bool {
        let listed = (record.name, record.rtype, record.data);
        let Some(listed) = self.listed.get(now, listed) else { return false };
        let mut was_asked = false;
        for rtype in [record.rtype, RType::ANY] {
            let Some(asked) = self.asked.get(now, (record.name, rtype)) else { continue };
            let Some(mut messages) = asked.recent(now) else { return false };
            let lists = |message| {
                let mut listed = listed.last.iter().flatten();
                listed.any(|&(_, by, ttl)| {
                    by == message && u64::from(ttl) * 2 >= u64::from(record.ttl)
                })
            };
            let all = messages.all(|(at, message)| {
                was_asked |= now.since(at) <= ANSWERED_WITHIN;
                lists(message)
            });
            if !all {
                return false;
            }
        }
        was_asked
    }
}

fn is_answer(record: &Record) -> bool {
    record.section == Section::Answer && record.class == RClass::IN && record.ttl > 0
}
