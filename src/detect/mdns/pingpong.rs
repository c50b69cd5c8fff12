//! Cause `ping_pong`: the answers of one device provoke the questions of another, and the questions
//! provoke the answers, faster than any reader of answers would ask again.
//!
//! A chain goes on with an answer within 50 ms of the other device's question, or with the same
//! question again within 50 ms of an answer. A client that asks for one type after the other does
//! not ask again. A client that asks again without an answer is not provoked. When several devices
//! answer a browsing client, only the first answer belongs to the chain.

use crate::decode::mdns::{Digest, HashKey, Kind, NameHash, RType, Section};
use crate::detect::cause::Cause;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use crate::time::Time;
use std::time::Duration;

/// Messages farther apart than this are unrelated.
const LINK: Duration = Duration::from_millis(50);
/// Links from which on a chain is a loop.
const LOOP: u8 = 3;
/// Names looked at in one message.
const NAMES: usize = 16;
/// Types remembered of a chain.
const TYPES: usize = 8;
/// No type has this number.
const NO_TYPE: RType = RType(0);

/// What a message is to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Question,
    Answer,
}

/// Questions and answers of one name that follow each other.
#[derive(Clone, Debug)]
struct Chain {
    last: Time,
    turn: Turn,
    /// Who asked first.
    asker: SenderKey,
    /// Who answered first.
    answerer: Option<SenderKey>,
    /// Who sent the last message.
    by: SenderKey,
    /// The types asked for.
    types: [RType; TYPES],
    /// Which of them were asked for since the last answer, as bits.
    open: u8,
    /// Whether the last question was asked before in this chain, or is its first: only then do
    /// it and its answer make the chain longer.
    counts: bool,
    links: u8,
}

impl Chain {
    const fn new(now: Time, asker: SenderKey, rtype: RType) -> Self {
        let mut types = [NO_TYPE; TYPES];
        types[0] = rtype;
        let turn = Turn::Question;
        Self {
            last: now,
            turn,
            asker,
            answerer: None,
            by: asker,
            types,
            open: 1,
            counts: true,
            links: 0,
        }
    }

    /// Hears a question; returns whether it continues a loop.
    fn ask(&mut self, now: Time, sender: SenderKey, rtype: RType) -> bool {
        if now.since(self.last) > LINK {
            *self = Self::new(now, sender, rtype);
            return false;
        }
        let is_of_pair = sender == self.asker || Some(sender) == self.answerer;
        if !is_of_pair {
            return false;
        }
        let follows = self.turn == Turn::Answer;
        if follows {
            self.open = 0;
        }
        self.counts = false;
        let place = self.types.iter().position(|there| *there == rtype || *there == NO_TYPE);
        if let Some(place) = place {
            if self.open & 1 << place != 0 {
                // Nothing has provoked it.
                *self = Self::new(now, sender, rtype);
                return false;
            }
            self.open |= 1 << place;
            self.counts = self.types[place] == rtype;
            self.types[place] = rtype;
        }
        self.step(now, Turn::Question, sender, follows)
    }

    /// Hears an answer; returns whether it continues a loop.
    fn answer(&mut self, now: Time, sender: SenderKey) -> bool {
        if now.since(self.last) > LINK || self.turn != Turn::Question || sender == self.by {
            return false;
        }
        let is_of_pair = match self.answerer {
            None => true,
            Some(answerer) => sender == answerer || sender == self.asker,
        };
        if !is_of_pair {
            return false;
        }
        self.answerer.get_or_insert(sender);
        self.step(now, Turn::Answer, sender, true)
    }

    fn step(&mut self, now: Time, turn: Turn, by: SenderKey, follows: bool) -> bool {
        self.last = now;
        self.turn = turn;
        self.by = by;
        if follows && self.counts {
            self.links = self.links.saturating_add(1);
        }
        self.links >= LOOP && self.counts
    }
}

/// Questions and answers that provoke each other.
#[derive(Debug)]
pub(crate) struct PingPong {
    /// By name, and whether it is over IPv6: what is asked over both address families is answered
    /// over both. 80 KiB at most.
    chains: Table<(NameHash, bool), Chain, 128>,
    /// When the last question was heard: long after it no answer follows one.
    last: Option<Time>,
}

impl PingPong {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { chains: Table::new(key, LINK), last: None }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns() else { return };
        let is_loop = match mdns.kind {
            Kind::Query | Kind::LegacyQuery => self.ask(view, mdns.digest),
            Kind::Response | Kind::Announcement | Kind::Goodbye => self.answer(view, mdns.digest),
            Kind::Probe | Kind::Malformed => false,
        };
        if is_loop {
            findings.matched(Cause::PingPong);
        }
    }

    /// What is promised of copies of the frame that was just heard: of questions that nobody
    /// answers, and of answers while nobody asks.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { chains, last } = self;
        let View { now, sender, .. } = *view;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        let is_steady = match mdns.kind {
            Kind::Query | Kind::LegacyQuery => {
                let mut asked = mdns.digest.questions.iter().take(NAMES);
                asked.all(|question| {
                    let chain = chains.get(now, (question.name, view.is_v6()));
                    chain.is_some_and(|chain| chain.by == sender && chain.turn == Turn::Question)
                })
            }
            Kind::Response | Kind::Announcement | Kind::Goodbye => {
                let mut records = mdns.digest.records.iter();
                last.is_none_or(|last| now.since(last) > LINK)
                    || !records.any(|record| chains.holds(now, (record.name, view.is_v6())))
            }
            Kind::Probe | Kind::Malformed => true,
        };
        is_steady.then_some(steady)
    }

    fn ask(&mut self, view: &View<'_>, digest: &Digest) -> bool {
        self.last = Some(view.now);
        let View { now, sender, .. } = *view;
        let mut is_loop = false;
        for question in digest.questions.iter().take(NAMES) {
            let new = || Chain::new(now, sender, question.rtype);
            let place = self.chains.entry(now, (question.name, view.is_v6()), new);
            is_loop |= !place.is_new && place.value.ask(now, sender, question.rtype);
        }
        is_loop
    }

    fn answer(&mut self, view: &View<'_>, digest: &Digest) -> bool {
        let View { now, sender, .. } = *view;
        if self.last.is_none_or(|last| now.since(last) > LINK) {
            return false;
        }
        let mut is_loop = false;
        let (mut before, mut names) = (None, 0);
        for record in digest.records.iter().filter(|record| record.section == Section::Answer) {
            // Records of one name stand together.
            if before == Some(record.name) {
                continue;
            }
            before = Some(record.name);
            names += 1;
            if names > NAMES {
                break;
            }
            if let Some(chain) = self.chains.get_mut(now, (record.name, view.is_v6())) {
                is_loop |= chain.answer(now, sender);
            }
        }
        is_loop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Sender;
    use crate::mac::Mac;
    use proptest::prelude::*;

    fn sender(n: u8) -> SenderKey {
        SenderKey::new(Some(Sender::Mac(Mac([2, 0, 0, 0, 0, n]))), u64::from(n) << 8)
    }

    proptest! {
        #[test]
        fn no_chain_of_one_device_or_of_answers_alone_is_a_loop(
            steps in prop::collection::vec((0_u64..60, 0_u8..4, 1_u16..6), 1..80),
        ) {
            // Device 0 asks each type once, the others answer at will.
            let mut chain = Chain::new(Time(0), sender(0), RType(1));
            let mut asked = vec![1];
            let mut now = Time(0);
            for (millis, who, rtype) in steps {
                now = now.plus(Duration::from_millis(millis));
                if who > 0 {
                    prop_assert!(!chain.answer(now, sender(who)));
                } else if !asked.contains(&rtype) {
                    asked.push(rtype);
                    prop_assert!(!chain.ask(now, sender(0), RType(rtype)));
                }
            }
        }
    }
}
