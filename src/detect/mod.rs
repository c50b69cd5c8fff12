//! What a segment's devices do wrong, and why: storms and their causes, relays and loops, the
//! rules of RFC 6762 and its relatives. Observations come in with their time; marks, violations
//! and what is known of the LAN's health go out. No IO and no clock; memory is fixed.
//!
//! Each detector is a file with its own state and knows no other. One frame passes them in this
//! order: what is a copy is recognised first and held against nobody; then the rules.
//!
//! | file | reason |
//! |---|---|
//! | `cause`, `rule` | the tables: causes in their order, rules by id |
//! | `expect` | limits, aliases and what is ignored, from the configuration |
//! | `heard` | one frame as detectors see it, and what they find |
//! | `sets` | the table that all of them remember in |
//! | `questions`, `suspension` | what was asked in the last 2 s, and when silence proves nothing |
//! | `loops`, `reflection`, `relay` | copies, and who speaks for others |
//! | `records`, `conflict` | records again, changed, withdrawn, claimed by two |
//! | `cache` | what a cache on this segment would hold |
//! | `repeats`, `probes`, `pingpong`, `known` | questions and probes again, and answers that provoke them |
//! | `rename`, `contenders` | what probes are about: names that go on and on, and who objects |
//! | `queriers`, `groups` | who asks for the members of groups, and which have any |
//! | `answers`, `services` | whether questions are answered, and which services there are |
//! | `form` | what a message breaks by itself |
//! | `discovery`, `scan`, `marks` | the other protocols |
//! | `deferred` | offences that may be a mirror port's doing |
//! | `violations` | the account of a device and of the segment |
//! | `storm` | what a storm is |
//! | `flood`, `surge` | the storms of a device, and of the segment as a whole |
//! | `window`, `share`, `pace` | rates by second, and what the frames of the last 10 s were |
//! | `ledger` | the account of a segment's storms |
//! | `watch` | what is remembered of one device |

mod account;
mod cache;
mod cause;
mod copies;
mod health;
mod heard;
mod mdns;
pub(crate) mod memory;
mod others;
mod rule;

pub use account::violations::{Counts, LastOffence};
pub(crate) use account::watch::Watch;
pub use cause::{Cause, CauseSet, SegmentCause};
pub use health::answers::{DELAY_BOUNDS, Delays};
pub use health::queriers::{Family, Membership, Querier};
pub use health::services::{OTHER_SERVICES, SERVICE_TYPES_MAX};
pub use heard::Link;
pub(crate) use heard::{Findings, Heard, Mdns};
pub use rule::{Hardness, Rule};

use crate::decode::Sender;
use crate::decode::mdns::HashKey;
use crate::time::{Stamp, Time};
use account::deferred;
use ahash::RandomState;
use copies::relay::{Addresses, Places};
use copies::{loops, reflection};
use health::{answers, groups, queriers, services};
use heard::{Delivery, Offence, Subject};
use mdns::{conflict, form, known, pingpong, probes, records, repeats};
use others::{discovery, scan};

/// The detectors of one segment.
pub(crate) struct Detectors {
    cache: cache::Cache,
    answers: answers::Answers,
    services: services::Services,
    loops: loops::Loops,
    reflection: reflection::Reflection,
    records: records::Records,
    conflict: conflict::Conflict,
    repeats: repeats::Repeats,
    probes: probes::Probes,
    pingpong: pingpong::PingPong,
    known: known::Known,
    form: form::Form,
    discovery: discovery::Discovery,
    scan: scan::Scan,
    queriers: queriers::Queriers,
    groups: groups::Groups,
    addresses: Addresses,
    deferred: deferred::Deferrals,
    violations: Counts,
    findings: Findings,
}

impl Detectors {
    /// Detectors that have heard nothing. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        let [a, b, c, d] = key.0;
        let hasher = RandomState::with_seeds(b, d, a, c);
        Self {
            cache: cache::Cache::new(hasher.clone()),
            answers: answers::Answers::new(),
            services: services::Services::new(hasher.clone()),
            loops: loops::Loops::new(key),
            reflection: reflection::Reflection::new(),
            records: records::Records::new(key),
            conflict: conflict::Conflict::new(),
            repeats: repeats::Repeats::new(hasher.clone()),
            probes: probes::Probes::new(),
            pingpong: pingpong::PingPong::new(),
            known: known::Known::new(hasher),
            form: form::Form::new(),
            discovery: discovery::Discovery::new(key),
            scan: scan::Scan::new(key),
            queriers: queriers::Queriers::default(),
            groups: groups::Groups::new(key),
            addresses: Addresses::new(key),
            deferred: deferred::Deferrals::default(),
            violations: [0; Rule::COUNT],
            findings: Findings::default(),
        }
    }

    /// Hears one frame of a device; `watch` is what is remembered of it, if it has a row. Returns
    /// the causes whose signature the frame has.
    pub(crate) fn handle(
        &mut self,
        heard: &Heard<'_>,
        stamp: Stamp,
        mut watch: Option<&mut Watch>,
    ) -> CauseSet {
        let findings = &mut self.findings;
        findings.clear();
        self.queriers.handle(heard, stamp);
        self.groups.handle(heard);
        // Copies are true as well: caches believe them, and they answer questions.
        self.answers.handle(heard, &self.cache);
        self.cache.handle(heard);
        self.services.handle(heard);
        self.loops.handle(heard, findings);
        if !findings.is_copy() {
            self.reflection.handle(heard, findings);
        }
        if !findings.is_copy() {
            self.records.handle(heard, findings);
            if !watch.as_ref().is_some_and(|watch| watch.relay.is_relay()) {
                self.conflict.handle(heard, findings);
            }
            self.repeats.handle(heard, &self.cache, findings);
            self.probes.handle(heard, findings);
            self.pingpong.handle(heard, findings);
            self.known.handle(heard, findings);
            let v4 = watch.as_deref_mut().map(|watch| &mut watch.v4);
            self.form.handle(heard, v4, findings);
            self.discovery.handle(heard, findings);
            self.scan.handle(heard, findings);
            if let Some(cause) = Cause::of_protocol(heard.protocol) {
                findings.mark(cause);
            }
        }
        self.book(heard, stamp, watch);
        self.findings.marks()
    }

    /// Counts what has waited for long enough. To be called once a second; `find` hands what is
    /// remembered of a sender to what it is given, if the sender has a row.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Time,
        mut find: impl FnMut(Sender, &mut dyn FnMut(&mut Watch)),
    ) {
        if self.deferred.is_empty() {
            return;
        }
        for held in self.deferred.take_due(now) {
            self.violations[held.rule as usize] += held.count;
            find(held.sender, &mut |watch| {
                watch.violations.get_or_insert_default().add(held.rule, held.count);
            });
        }
    }

    /// Payloads that came again from another device.
    pub(crate) const fn reflected(&self) -> u64 {
        self.reflection.reflected()
    }

    /// Whether reflected payloads go round, or did in the last 10 s.
    pub(crate) fn is_reflection_looping(&self, now: Time) -> bool {
        self.reflection.is_looping(now)
    }

    /// Closes what has waited long enough, and lets go what has expired. Called when a whole second,
    /// or more, has passed.
    pub(crate) fn handle_second(&mut self, now: Time) {
        self.answers.handle_second(now);
        self.services.handle_second(now);
    }

    /// Frames were lost, or nobody listens: whoever was silent may have spoken.
    pub(crate) fn handle_gap(&mut self) {
        self.answers.handle_gap();
    }

    /// How soon questions were answered.
    pub(crate) const fn delays(&self) -> &Delays {
        self.answers.delays()
    }

    /// How many questions nobody answered.
    pub(crate) const fn unanswered(&self) -> u64 {
        self.answers.unanswered()
    }

    /// How many instances of each type of service are alive.
    pub(crate) fn services(&self, now: Time) -> Vec<(Box<str>, u64)> {
        self.services.count(now)
    }

    /// Violations of all devices.
    pub(crate) const fn violations(&self) -> &Counts {
        &self.violations
    }

    /// The causes whose signature the last frame has.
    pub(crate) const fn marks(&self) -> CauseSet {
        self.findings.marks()
    }

    /// What is known of group membership in an address family.
    pub(crate) fn membership(&self, now: Time, family: Family) -> Membership {
        let groups = self.groups.count(now, family);
        Membership { groups, ..self.queriers.membership(now, family) }
    }

    /// Who asks for group members.
    pub(crate) fn queriers(&self, now: Time) -> impl Iterator<Item = Querier> {
        self.queriers.present(now)
    }

    /// Books each rule that was broken once: on the device's account and the segment's, unless
    /// it is about another host's record and the device is, or may be, a relay.
    fn book(&mut self, heard: &Heard<'_>, stamp: Stamp, watch: Option<&mut Watch>) {
        let mut nobody = Watch::default();
        let watch = watch.unwrap_or(&mut nobody);
        let marks = self.findings.marks();
        if marks.contains(Cause::RenameLoop) || marks.contains(Cause::NameConflict) {
            watch.contest(heard.now);
        }
        let others = watch.relay.handle(heard, &self.addresses);
        let is_relay = watch.relay.is_relay();
        let is_cleared = watch.relay.is_cleared();
        if (is_relay || is_cleared)
            && let Some(withheld) = watch.withheld.take()
            && !is_relay
        {
            for (rule, count) in withheld.into_counts() {
                watch.violations.get_or_insert_default().add(rule, count);
                self.violations[rule as usize] += count;
            }
        }
        if !self.deferred.is_empty() {
            self.settle_deferred(heard, watch);
        }
        let doubtful = heard.observation.sender.filter(|_| match self.findings.delivery() {
            Delivery::Doubtful => true,
            Delivery::Once | Delivery::Repeated => false,
        });
        let offences = self.findings.offences();
        for (place, offence) in offences.iter().enumerate() {
            let rule = offence.rule;
            if offences[..place].iter().any(|earlier| earlier.rule == rule) {
                continue;
            }
            if is_relay && rule.spares_relays() {
                continue;
            }
            // One of the same rule that is about an own record counts at once.
            let same = offences[place..].iter().filter(|same| same.rule == rule);
            let own = same.clone().find(|same| !is_about(same, others));
            let is_withheld = own.is_none() && rule.spares_relays() && !is_cleared;
            if !is_withheld
                && doubtful.is_some_and(|sender| self.deferred.hold(heard.now, sender, rule))
            {
                continue;
            }
            match own {
                Some(own) => {
                    watch.violations.get_or_insert_default().count(heard, stamp, own);
                    self.violations[rule as usize] += 1;
                }
                None if is_withheld => {
                    watch.withheld.get_or_insert_default().hold(rule);
                }
                None => {
                    watch.violations.get_or_insert_default().count(heard, stamp, offence);
                    self.violations[rule as usize] += 1;
                }
            }
        }
    }

    /// Counts what the sender did itself and drops what a mirror port did.
    fn settle_deferred(&mut self, heard: &Heard<'_>, watch: &mut Watch) {
        if self.loops.is_mirrored(heard.now) {
            self.deferred.clear();
        } else if self.findings.delivery() == Delivery::Repeated
            && let Some(sender) = heard.observation.sender
        {
            for held in self.deferred.take_of(sender) {
                self.violations[held.rule as usize] += held.count;
                watch.violations.get_or_insert_default().add(held.rule, held.count);
            }
        }
    }
}

/// Whether an offence is about one of these records.
const fn is_about(offence: &Offence, places: Places) -> bool {
    match offence.subject {
        Some(Subject::Record(place)) => places.has(place),
        Some(Subject::Question(_)) | None => false,
    }
}

#[cfg(test)]
mod tests;
