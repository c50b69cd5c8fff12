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
use crate::detect::view::{Findings, Offence, Subject, View};
use crate::time::Stamp;

/// The violations of a segment.
#[derive(Debug)]
pub(crate) struct Account {
    violations: Counts,
    conditions_begun: [u64; Condition::COUNT],
}

impl Account {
    /// Nothing has been counted yet.
    pub(crate) fn new() -> Self {
        Self { violations: Counts::default(), conditions_begun: [0; Condition::COUNT] }
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
                memory.withheld.get_or_insert_default().hold(rule);
            } else {
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
