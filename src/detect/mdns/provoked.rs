//! Answers that a device provokes because it asks too fast: cause `answering` of who answers, and
//! frames that who asks must answer for.
//!
//! An answer is provoked if the last question for it that it may answer, within 2 s, came from a
//! device that asks this too fast, as the rule `query_interval` has it, hard: from four copies on,
//! and for 10 s after each of them, because some ask in bursts. `query_interval_soft` provokes
//! nothing. The rule does not judge who asks from another port than 5353, but what comes of it is
//! the same. A record that one source sends answers each question once, the latest first: a
//! healthy device that asks between two questions of a flooder had its answer too. What a relay
//! passes on is not its own question and provokes nothing.
//!
//! Nothing is remembered while nobody asks too fast. Then at most 512 askers and their questions,
//! the last 64 questions each for 128 names, and 2,048 answers: 300 KiB.

use crate::decode::Sender;
use crate::decode::mdns::{DataHash, Digest, HashKey, Kind, NameHash, RType, Record, Section};
use crate::detect::cause::Cause;
use crate::detect::memory::questions::MEMORY;
use crate::detect::memory::sender::{SenderKey, SourceId};
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use crate::time::Time;
use std::time::Duration;

/// How long a device counts as one that asks too fast after it broke the rule.
const FAST: Duration = Duration::from_secs(10);
/// How long a question may matter after the last offence.
const KEPT: Duration = Duration::from_secs(12);
/// Questions remembered of a name. Six devices that each ask seven times at once are 42.
const ASKED: usize = 64;
/// Names looked at in one message.
const NAMES: usize = 16;

/// One question, heard while somebody asked too fast for its name. 24 bytes.
#[derive(Clone, Copy, Debug)]
struct Asking {
    at: Time,
    asker: SenderKey,
    rtype: RType,
    /// Whether it was asked too fast.
    is_fast: bool,
}

/// The last questions for one name.
#[derive(Clone, Debug)]
struct Askings {
    ring: [Option<Asking>; ASKED],
    /// Questions heard so far.
    count: u32,
}

impl Askings {
    const fn new() -> Self {
        Self { ring: [None; ASKED], count: 0 }
    }

    /// So many more were heard. The last of all must still be pushed.
    fn skip(&mut self, count: u32) {
        self.count = self.count.wrapping_add(count);
    }

    fn push(&mut self, asking: Asking) {
        self.ring[place(self.count)] = Some(asking);
        self.count = self.count.wrapping_add(1);
    }

    /// The latest question, of the last 2 s and not by who answers, `by`, that `record` answers and has
    /// not answered before.
    fn take(
        &self,
        now: Time,
        record: &Record,
        by: SenderKey,
        answered: &mut Answered,
    ) -> Option<Asking> {
        answered.catch_up(self.count);
        for back in 0..ASKED {
            #[allow(clippy::cast_possible_truncation, reason = "less than 64")]
            let asking = self.ring[place(self.count.wrapping_sub(1 + back as u32))]?;
            if now.since(asking.at) > MEMORY {
                return None;
            }
            let fits = !asking.asker.may_be(by) && record.rtype.answers(asking.rtype);
            if fits && answered.answer(back) {
                return Some(asking);
            }
        }
        None
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the low bits are all that is wanted")]
const fn place(count: u32) -> usize {
    count as usize % ASKED
}

/// Which of the last questions for its name a record of a source has answered.
#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    /// The questions heard when it was last sent.
    count: u32,
    /// A bit each, the latest first.
    bits: u64,
}

impl Answered {
    const fn catch_up(&mut self, count: u32) {
        let new = count.wrapping_sub(self.count);
        self.count = count;
        self.bits = if new < u64::BITS { self.bits << new } else { 0 };
    }

    /// Answers the question so far back; false if it was answered before.
    const fn answer(&mut self, back: usize) -> bool {
        let bit = 1 << back;
        let is_open = self.bits & bit == 0;
        self.bits |= bit;
        is_open
    }
}

/// A device that asks one question too fast.
#[derive(Clone, Copy, Debug)]
struct FastAsker {
    sender: Sender,
    until: Time,
}

/// Who asks too fast, and what answers that.
#[derive(Debug)]
pub(crate) struct Provoked {
    fast: Table<(SenderKey, NameHash, RType), FastAsker, 64>,
    asked: Table<NameHash, Box<Askings>, 16>,
    answered: Table<(SourceId, NameHash, RType, DataHash), Answered, 256>,
    /// Until when anybody is known to ask too fast.
    until: Option<Time>,
}

impl Provoked {
    /// Nobody asks too fast.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            fast: Table::new(key, KEPT),
            asked: Table::new(key, KEPT),
            answered: Table::new(key, MEMORY),
            until: None,
        }
    }

    /// Hears one frame that is no copy, after the rules for questions have judged it.
    pub(crate) fn handle(&mut self, view: &View<'_>, is_relay: bool, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns() else { return };
        match mdns.kind {
            Kind::Query | Kind::LegacyQuery => {
                if !is_relay {
                    self.learn(view, mdns.digest, findings);
                }
                self.ask(view, mdns.digest, !is_relay);
            }
            Kind::Probe => self.ask(view, mdns.digest, false),
            Kind::Response | Kind::Announcement | Kind::Goodbye => {
                if let Some(by) = self.answer(view, mdns.digest) {
                    findings.provoke(by);
                    findings.matched(Cause::Answering);
                }
            }
            Kind::Malformed => {}
        }
    }

    /// What is promised of copies of the frame that was just heard: of questions, as long as it is
    /// the same whether they come too fast, and of answers to nobody.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        findings: &Findings,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { fast, asked, answered: _, until } = self;
        let now = view.now;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        let Some(until) = *until else { return Some(steady) };
        match mdns.kind {
            Kind::Query | Kind::LegacyQuery | Kind::Probe => {
                let questions = &mdns.digest.questions;
                let hasty = |place: &u8| questions.get(usize::from(*place));
                let is_held = findings.hasty().iter().filter_map(hasty).all(|question| {
                    asked.holds(now, question.name)
                        && fast.holds(now, (view.sender, question.name, question.rtype))
                });
                let mut askings = questions.iter().take(NAMES);
                let is_kept = askings.any(|question| asked.holds(now, question.name));
                let steady = if now <= until { steady.until(until) } else { steady };
                let steady = if is_kept { steady.remembering(ASKED) } else { steady };
                // Whether others that it asks come too fast may end.
                let ends = questions.iter().take(NAMES).filter_map(|question| {
                    fast.get(now, (view.sender, question.name, question.rtype))
                });
                let ends = ends.map(|fast| fast.until).filter(|until| now <= *until);
                is_held.then(|| ends.fold(steady, Steady::until))
            }
            Kind::Response | Kind::Announcement | Kind::Goodbye => {
                let mut records = mdns.digest.records.iter();
                (!records.any(|record| asked.holds(now, record.name))).then_some(steady)
            }
            Kind::Malformed => Some(steady),
        }
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        let Some(mdns) = view.multicast_mdns() else { return };
        match mdns.kind {
            Kind::Query | Kind::LegacyQuery | Kind::Probe => {}
            Kind::Response | Kind::Announcement | Kind::Goodbye | Kind::Malformed => return,
        }
        if self.until.is_none_or(|until| view.now > until) {
            return;
        }
        for question in mdns.digest.questions.iter().take(NAMES) {
            if let Some(askings) = self.asked.peek_mut(question.name) {
                #[allow(clippy::cast_possible_truncation, reason = "it wraps")]
                let copies = copies as u32;
                askings.skip(copies);
            }
        }
    }

    /// Learns which questions were asked too fast.
    fn learn(&mut self, view: &View<'_>, digest: &Digest, findings: &Findings) {
        let Some(sender) = view.observation.sender else { return };
        for place in findings.hasty() {
            let Some(question) = digest.questions.get(usize::from(*place)) else { continue };
            let until = view.now.plus(FAST);
            let key = (view.sender, question.name, question.rtype);
            self.fast.entry(view.now, key, || FastAsker { sender, until }).value.until = until;
            self.asked.entry(view.now, question.name, || Box::new(Askings::new()));
            self.until = Some(until);
        }
    }

    fn ask(&mut self, view: &View<'_>, digest: &Digest, is_judged: bool) {
        let View { now, sender, .. } = *view;
        if self.until.is_none_or(|until| now > until) {
            return;
        }
        for question in digest.questions.iter().take(NAMES) {
            let Some(askings) = self.asked.get_mut(now, question.name) else { continue };
            let fast = self.fast.get(now, (sender, question.name, question.rtype));
            let is_fast = is_judged && fast.is_some_and(|fast| now <= fast.until);
            askings.push(Asking { at: now, asker: sender, rtype: question.rtype, is_fast });
        }
    }

    /// Who provoked an answer, if anybody did.
    fn answer(&mut self, view: &View<'_>, digest: &Digest) -> Option<Sender> {
        let View { now, sender, source, .. } = *view;
        if self.until.is_none_or(|until| now > until.plus(MEMORY)) {
            return None;
        }
        let is_answer = |record: &&Record| record.section == Section::Answer && record.ttl > 0;
        let mut last: Option<(Asking, NameHash)> = None;
        for record in digest.records.iter().filter(is_answer).take(NAMES) {
            let Some(askings) = self.asked.get(now, record.name) else { continue };
            let key = (source, record.name, record.rtype, record.data);
            let answered = self.answered.entry(now, key, Answered::default).value;
            if let Some(asking) = askings.take(now, record, sender, answered)
                && last.is_none_or(|(last, _)| last.at < asking.at)
            {
                last = Some((asking, record.name));
            }
        }
        let (asking, name) = last.filter(|(asking, _)| asking.is_fast)?;
        self.fast.get(now, (asking.asker, name, asking.rtype)).map(|fast| fast.sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mdns::{RClass, Traits};
    use proptest::prelude::*;

    const BOARD: SenderKey = SenderKey::new(None, 1 << 8);
    const PHONE: SenderKey = SenderKey::new(None, 2 << 8);

    fn record(rtype: RType) -> Record {
        Record {
            section: Section::Answer,
            name: NameHash(7),
            rtype,
            class: RClass::IN,
            flush: false,
            ttl: 120,
            data: DataHash(0),
            traits: Traits::default(),
            at: 0,
        }
    }

    fn asking(millis: u64, asker: SenderKey, rtype: RType) -> Asking {
        Asking { at: Time(millis * 1_000_000), asker, rtype, is_fast: true }
    }

    #[test]
    fn a_question_is_answered_once_and_the_latest_first() {
        let mut askings = Askings::new();
        let mut answered = Answered::default();
        for millis in [0, 100, 200] {
            askings.push(asking(millis, PHONE, RType::PTR));
        }
        let mut take = |askings: &Askings, millis: u64, rtype| {
            let now = Time(millis * 1_000_000);
            let asking = askings.take(now, &record(rtype), BOARD, &mut answered)?;
            Some(asking.at.0 / 1_000_000)
        };
        assert_eq!(take(&askings, 210, RType::TXT), None);
        assert_eq!(take(&askings, 210, RType::PTR), Some(200));
        assert_eq!(take(&askings, 211, RType::PTR), Some(100));
        // Its own question it does not answer.
        askings.push(asking(300, BOARD, RType::PTR));
        askings.push(asking(400, PHONE, RType::PTR));
        assert_eq!(take(&askings, 410, RType::PTR), Some(400));
        assert_eq!(take(&askings, 1_999, RType::PTR), Some(0));
        assert_eq!(take(&askings, 1_999, RType::PTR), None);
        askings.push(asking(2_000, PHONE, RType::PTR));
        assert_eq!(take(&askings, 4_001, RType::PTR), None, "too late");
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec((any::<bool>(), 0_u64..300), 1..400)) {
            let (mut askings, mut answered) = (Askings::new(), Answered::default());
            let mut open: Vec<Time> = Vec::new();
            let mut heard: Vec<Time> = Vec::new();
            let mut now = Time(0);
            for (is_question, millis) in steps {
                now = now.plus(Duration::from_millis(millis));
                if is_question {
                    askings.push(Asking { at: now, ..asking(0, PHONE, RType::PTR) });
                    open.push(now);
                    heard.push(now);
                } else {
                    let oldest = heard.len().saturating_sub(ASKED);
                    open.retain(|at| now.since(*at) <= MEMORY && *at >= heard[oldest]);
                    let taken = askings.take(now, &record(RType::PTR), BOARD, &mut answered);
                    prop_assert_eq!(taken.map(|asking| asking.at), open.pop());
                }
            }
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let fast = Table::<(SenderKey, NameHash, RType), FastAsker, 64>::BYTES_MAX;
        let asked = Table::<NameHash, Box<Askings>, 16>::BYTES_MAX;
        let answered = Table::<(SourceId, NameHash, RType, DataHash), Answered, 256>::BYTES_MAX;
        let all = fast + asked + 128 * size_of::<Askings>() + answered;
        assert!((290 << 10..=300 << 10).contains(&all), "{all}");
    }
}
