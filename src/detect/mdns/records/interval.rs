//! A record sent again too soon (RFC 6762 section 6): one second must pass between two sendings,
//! a quarter of it where the second one answers a probe.
//!
//! Whether it was asked for in between follows from the order in which messages were heard, not
//! from their time: a question and the answer before it may have the same time stamp. Two questions
//! that came before the first of two answers asked for both: systemd-resolved answers each. A
//! question asks for two answers within 500 ms, because two programs may be behind one MAC (section
//! 15); of the list of all types, which is nobody's alone, for as many as come.

use crate::decode::mdns::Record;
use crate::detect::memory::questions::{Asked, Order};
use crate::detect::rule::Rule;
use crate::detect::view::{Vantage, View};
use crate::time::Time;
use std::time::Duration;

/// Programs behind one MAC that each may answer a question.
const ANSWERS: usize = 2;
/// Between two sendings of a record.
const INTERVAL: Duration = Duration::from_secs(1);
/// No responder that keeps a second between the announcements of each service repeats itself sooner
/// than this: stock avahi repeats its addresses after 787 to 881 ms at each start.
const HARD: Duration = Duration::from_millis(700);
/// Between two sendings, if another device probed for its name in between.
const DEFENCE: Duration = Duration::from_millis(250);

/// When a record was sent last, and after which questions. 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sending {
    at: Time,
    order: Order,
    /// How many questions, of any name, were heard between the sending before and `order`.
    questions: u16,
    /// How often it was sent since the last of them; 0 if it was never sent.
    times: u8,
}

/// A record that was sent within the last second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    /// How long ago.
    pub gap: Duration,
    /// After which questions.
    order: Order,
    /// What was asked after this and until `order` was waiting for an answer.
    answered: Order,
    /// How many answers there were to it.
    times: u8,
}

impl Sending {
    /// Whether it was sent at all.
    pub(super) const fn was_sent(&self) -> bool {
        self.times > 0
    }

    /// When it was sent last, if it was.
    pub(super) const fn at(&self) -> Time {
        self.at
    }

    /// Whether copies of a message with `record`, which was just sent, are as much asked for as
    /// that: each answers one question more, and no question more is asked.
    pub(super) fn is_settled(&self, view: &View<'_>, record: &Record) -> bool {
        let again = Again {
            gap: Duration::ZERO,
            order: self.order,
            answered: self.order.before(self.questions),
            times: self.times,
        };
        record.traits.is_type_list() || !AskedFor::answers_another(view, record, again)
    }

    /// So many copies more were sent.
    pub(super) fn skip(&mut self, copies: u64) {
        self.times = self.times.saturating_add(u8::try_from(copies).unwrap_or(u8::MAX));
    }

    /// It is sent now. Returns how long ago it was sent before, if within a second.
    pub(super) fn send(&mut self, now: Time, order: Order) -> Option<Again> {
        let before = *self;
        let was_sent = before.was_sent();
        *self = if was_sent && order == before.order {
            Self { at: now, times: before.times.saturating_add(1), ..before }
        } else {
            let questions = if was_sent { order.since(before.order) } else { u32::MAX };
            Self { at: now, order, questions: questions.try_into().unwrap_or(u16::MAX), times: 1 }
        };
        let gap = now.since(before.at);
        (was_sent && gap < INTERVAL).then_some(Again {
            gap,
            order: before.order,
            answered: before.order.before(before.questions),
            times: before.times,
        })
    }
}

/// What a message answers: found out when one of its records was sent within the last second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AskedFor(Option<Asked>);

impl AskedFor {
    /// The last questions that one of the records answers. A message that answers a question
    /// brings along what belongs to the answer: that is asked for as well.
    fn find(&mut self, view: &View<'_>) -> Asked {
        *self.0.get_or_insert_with(|| {
            let records = view.mdns.iter().flat_map(|mdns| &mdns.digest.records);
            records
                .filter(|record| super::is_sent(record))
                .fold(Asked::default(), |asked, record| {
                    asked.or_later(view.questions.asked(view.now, record, view.sender))
                })
        })
    }

    /// Whether the questions for one record of the message that were waiting before it was sent
    /// last ask for more answers than it was sent since: this is one of those.
    fn answers_another(view: &View<'_>, record: &Record, again: Again) -> bool {
        if !view.questions.may_wait(view.now) {
            return false;
        }
        if record.traits.is_type_list() {
            let order = view.questions.order();
            let after = order.before(u16::MAX);
            return view.questions.waiting(view.now, record, view.sender, after, order) > 0;
        }
        let records = view.mdns.iter().flat_map(|mdns| &mdns.digest.records);
        let waiting = |record| {
            let (after, until) = (again.answered, again.order);
            view.questions.waiting(view.now, record, view.sender, after, until)
        };
        let mut sent = records.filter(|record| super::is_sent(record));
        sent.any(|record| waiting(record) * ANSWERS > usize::from(again.times))
    }

    /// What there is to say, if anything, of a record that is sent again: whether nobody asked, and
    /// the rule that this breaks. `is_owed` says whether somebody else withdrew it.
    pub(super) fn judge(
        &mut self,
        view: &View<'_>,
        record: &Record,
        again: Again,
        is_owed: bool,
        least: LeastGaps,
    ) -> (bool, Option<Rule>) {
        let is_since = |order: Option<Order>| order.is_some_and(|o| o.is_after(again.order));
        let (mut query, mut probe) = (is_owed, false);
        if view.questions.order().is_after(again.order) {
            let asked = self.find(view);
            query |= is_since(asked.query);
            probe = is_since(asked.probe);
        }
        let least = if probe { least.after_a_probe } else { least.otherwise };
        let is_early = again.gap < least;
        query = query || is_early && !probe && Self::answers_another(view, record, again);
        let rule = is_early.then_some(match (query, probe) {
            (true, _) => Rule::RecordIntervalAsked,
            (false, false) if again.gap >= HARD => Rule::RecordIntervalSoft,
            (false, _) => Rule::RecordInterval,
        });
        (!query && !probe, rule)
    }
}

/// The least gaps that are no violation.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeastGaps {
    otherwise: Duration,
    after_a_probe: Duration,
}

impl LeastGaps {
    /// On a link, as far as its timing can be trusted.
    pub(super) fn on(vantage: &Vantage) -> Self {
        let on = |interval: Duration| interval.saturating_sub(vantage.tolerance(interval));
        Self { otherwise: on(INTERVAL), after_a_probe: on(DEFENCE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_is_a_tenth_and_more_on_wireless() {
        let wired = LeastGaps::on(&Vantage::default());
        let millis =
            |least: LeastGaps| (least.otherwise.as_millis(), least.after_a_probe.as_millis());
        assert_eq!(millis(wired), (900, 225));
        let wireless = LeastGaps::on(&Vantage { is_wireless: true, ..Vantage::default() });
        assert_eq!(millis(wireless), (650, 0));
    }
}
