//! Counts what a frame was found to break, for the device and for its segment.
//!
//! Each rule counts once a frame. What is about another host's record does not count against a
//! relay, and waits while it is not known whether the device is one; so does what a device asks that
//! names another host, because it may pass on that host's questions.

use super::device::DeviceMemory;
use super::violations::Counts;
use crate::detect::cause::Cause;
use crate::detect::condition::{Condition, Evidence};
use crate::detect::copies::relay::Places;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Offence, Subject, View};
use crate::set::Set;
use crate::time::Stamp;

/// The violations of a segment.
#[derive(Debug)]
pub(crate) struct Account {
    violations: Counts,
    conditions_begun: [u64; Condition::COUNT],
    /// What the last frame was found to break.
    last: Booked,
}

/// What one frame was found to break: rules by their bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Booked {
    counted: u64,
    withheld: u64,
    /// Conditions that it is evidence of.
    shown: Set<Condition>,
}

const _: () = assert!(Rule::COUNT <= u64::BITS as usize);

fn rules(bits: u64) -> impl Iterator<Item = Rule> {
    Rule::ALL.iter().copied().filter(move |rule| bits & (1 << *rule as u64) != 0)
}

impl Account {
    /// Nothing has been counted yet.
    pub(crate) fn new() -> Self {
        Self {
            violations: Counts::default(),
            conditions_begun: [0; Condition::COUNT],
            last: Booked::default(),
        }
    }

    /// What the last frame was found to break.
    pub(crate) const fn last(&self) -> Booked {
        self.last
    }

    /// What is promised of copies of the frame that was booked last, with these findings.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        findings: &Findings,
        memory: &DeviceMemory,
        steady: Steady,
    ) -> Option<Steady> {
        // They only count.
        let Self { violations: _, conditions_begun: _, last: _ } = self;
        // What was held back is let go with the next frame.
        let lets_go = memory.relay.is_relay() || memory.relay.is_cleared();
        if lets_go && memory.withheld.is_some() {
            return None;
        }
        let mut shown = findings.evidence().iter().filter(|e| view.limits.is_on(e.condition));
        let steady = shown.try_fold(steady, |steady, evidence| {
            memory.conditions.as_ref()?.steady(view.now, evidence.condition, steady)
        })?;
        memory.steady(view, steady)
    }

    /// So many copies more of a frame that was booked so.
    pub(crate) fn skip(&mut self, booked: Booked, memory: &mut DeviceMemory, copies: u64) {
        if let Some(conditions) = &mut memory.conditions {
            booked.shown.iter().for_each(|condition| conditions.skip(condition, copies));
        }
        for rule in rules(booked.counted) {
            self.add(memory, rule, copies);
        }
        for rule in rules(booked.withheld) {
            memory.withheld.get_or_insert_default().hold(rule, copies);
        }
    }

    /// Violations of all devices.
    pub(crate) const fn violations(&self) -> &Counts {
        &self.violations
    }

    /// Conditions of all devices that have begun. Those of senders without a row are not known.
    pub(crate) const fn conditions_begun(&self) -> &[u64; Condition::COUNT] {
        &self.conditions_begun
    }

    /// Counts the findings of one frame. `memory` is that of the sender, if it has a row.
    pub(crate) fn book(
        &mut self,
        view: &View<'_>,
        stamp: Stamp,
        findings: &Findings,
        mut memory: Option<&mut DeviceMemory>,
    ) {
        self.last = Booked::default();
        if let Some(memory) = memory.as_deref_mut() {
            self.book_evidence(view, stamp, findings, memory);
        }
        let mut nobody = DeviceMemory::default();
        let memory = memory.unwrap_or(&mut nobody);
        let signatures = findings.signatures();
        if signatures.contains(Cause::RenameLoop) || signatures.contains(Cause::NameConflict) {
            memory.contest(view.now);
        }
        let others = memory.relay.handle(view);
        let is_relay = memory.relay.is_relay();
        let is_cleared = memory.relay.is_cleared();
        let passes_on = memory.relay.speaks_for_another();
        if (is_relay || is_cleared)
            && let Some(withheld) = memory.withheld.take()
            && !is_relay
        {
            // Of questions nobody will know whose they were.
            let counts = withheld.into_counts().filter(|(rule, _)| !passes_on || !rule.is_asking());
            for (rule, count) in counts {
                self.add(memory, rule, count);
            }
        }
        let offences = findings.offences();
        for (place, offence) in offences.iter().enumerate() {
            let rule = offence.rule;
            if offences[..place].iter().any(|earlier| earlier.rule == rule) {
                continue;
            }
            if is_relay && rule.spares_relays() {
                continue;
            }
            // Another offence against the same rule, about a record of the device's own, counts at
            // once.
            let mut same = offences[place..].iter().filter(|same| same.rule == rule);
            let is_passed_on = passes_on && rule.is_asking();
            let own = same.find(|same| !is_passed_on && !is_about(same, others));
            let is_withheld =
                own.is_none() && rule.spares_relays() && (!is_cleared || is_passed_on);
            if is_withheld {
                memory.withheld.get_or_insert_default().hold(rule, 1);
                self.last.withheld |= 1 << rule as u64;
            } else {
                self.last.counted |= 1 << rule as u64;
                let offence = own.unwrap_or(offence);
                memory.violations.get_or_insert_default().count(view, stamp, offence);
                self.violations[rule] += 1;
                if findings.unbooked() > 0 {
                    self.add(memory, rule, findings.unbooked());
                }
            }
        }
    }

    fn book_evidence(
        &mut self,
        view: &View<'_>,
        stamp: Stamp,
        findings: &Findings,
        memory: &mut DeviceMemory,
    ) {
        let is_on = |evidence: &&Evidence| view.limits.is_on(evidence.condition);
        for evidence in findings.evidence().iter().filter(is_on) {
            self.last.shown.insert(evidence.condition);
            if memory.conditions.get_or_insert_default().show(view, stamp, evidence) {
                self.conditions_begun[evidence.condition as usize] += 1;
            }
        }
    }

    fn add(&mut self, memory: &mut DeviceMemory, rule: Rule, count: u64) {
        memory.violations.get_or_insert_default().add(rule, count);
        self.violations[rule] += count;
    }
}

/// Whether an offence is about one of these records.
const fn is_about(offence: &Offence, places: Places) -> bool {
    match offence.subject {
        Some(Subject::Record(place)) => places.has(place),
        Some(Subject::Question(_)) | None => false,
    }
}
