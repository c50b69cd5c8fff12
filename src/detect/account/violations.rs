//! The violations of a device or a segment: a count for each rule, and the last offence against
//! each rule in words.
//!
//! Names are read from the message when the offence differs from the last: a storm repeats one.

use crate::decode::mdns::{self, NameHash, RType};
use crate::detect::rule::Rule;
use crate::detect::view::{Offence, Subject, View};
use crate::frame::Place;
use crate::time::Stamp;
use std::ops::{Index, IndexMut};
use std::time::Duration;

/// Violations by [`Rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts([u64; Rule::COUNT]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; Rule::COUNT])
    }
}

impl Index<Rule> for Counts {
    type Output = u64;

    fn index(&self, rule: Rule) -> &u64 {
        &self.0[rule as usize]
    }
}

impl IndexMut<Rule> for Counts {
    fn index_mut(&mut self, rule: Rule) -> &mut u64 {
        &mut self.0[rule as usize]
    }
}

/// The rules that are not there were broken 0 times.
impl FromIterator<(Rule, u64)> for Counts {
    fn from_iter<I: IntoIterator<Item = (Rule, u64)>>(rules: I) -> Self {
        let mut counts = Self::default();
        rules.into_iter().for_each(|(rule, count)| counts[rule] = count);
        counts
    }
}

/// The last offence against a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOffence {
    /// The rule.
    pub rule: Rule,
    /// Owner of the record, or name asked for; at most 64 characters, none of them a control
    /// character. `None` where the rule is about no record.
    pub name: Option<Box<str>>,
    /// Type of the record or question.
    pub rtype: Option<RType>,
    /// How long after the last one, where the rule is about intervals.
    pub gap: Option<Duration>,
    /// When, by the wall clock.
    pub at: Stamp,
    /// In which frame of a file.
    pub place: Option<Place>,
    hash: NameHash,
}

impl LastOffence {
    /// An offence at `at`, of which no more is known.
    pub const fn new(rule: Rule, at: Stamp) -> Self {
        Self { rule, name: None, rtype: None, gap: None, at, place: None, hash: NameHash(0) }
    }
}

/// The violations of one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations {
    counts: Counts,
    last: Vec<LastOffence>,
}

impl Violations {
    /// Counts one offence.
    pub(crate) fn count(&mut self, view: &View<'_>, stamp: Stamp, offence: &Offence) {
        self.counts[offence.rule] += 1;
        let subject = subject(view, offence);
        let hash = subject.as_ref().map_or(NameHash(0), |subject| subject.hash);
        let rtype = subject.as_ref().map(|subject| subject.rtype);
        let place = self.last.iter().position(|last| last.rule == offence.rule);
        if let Some(place) = place {
            let last = &mut self.last[place];
            last.gap = offence.gap;
            last.at = stamp;
            last.place = view.observation.place;
            if last.hash == hash && last.rtype == rtype {
                return;
            }
            last.hash = hash;
            last.rtype = rtype;
            last.name = subject.and_then(|subject| subject.name(view));
        } else {
            let name = subject.and_then(|subject| subject.name(view));
            let Offence { rule, gap, .. } = *offence;
            let place = view.observation.place;
            self.last.push(LastOffence { rule, name, rtype, gap, at: stamp, place, hash });
        }
    }

    /// Counts offences that were held back, of which nothing more is known.
    pub(crate) fn add(&mut self, rule: Rule, count: u64) {
        self.counts[rule] += count;
    }

    /// By rule.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The last offence of each rule that was broken.
    pub(crate) fn last(&self) -> &[LastOffence] {
        &self.last
    }
}

/// What an offence is about.
struct Named {
    hash: NameHash,
    rtype: RType,
    at: u16,
}

impl Named {
    fn name(&self, view: &View<'_>) -> Option<Box<str>> {
        let payload = view.mdns?.datagram.payload;
        Some(mdns::name_at(payload, self.at))
    }
}

fn subject(view: &View<'_>, offence: &Offence) -> Option<Named> {
    let digest = view.mdns?.digest;
    match offence.subject? {
        Subject::Question(place) => {
            let question = digest.questions.get(usize::from(place))?;
            Some(Named { hash: question.name, rtype: question.rtype, at: question.at })
        }
        Subject::Record(place) => {
            let record = digest.records.get(usize::from(place))?;
            Some(Named { hash: record.name, rtype: record.rtype, at: record.at })
        }
    }
}

/// Offences that wait until it is known whether a device is a relay: see [`crate::detect::copies::relay`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Withheld(Vec<(Rule, u64)>);

impl Withheld {
    /// Holds so many back.
    pub(crate) fn hold(&mut self, rule: Rule, offences: u64) {
        match self.0.iter_mut().find(|(held, _)| *held == rule) {
            Some((_, count)) => *count += offences,
            None => self.0.push((rule, offences)),
        }
    }

    /// How many of each.
    pub(crate) fn into_counts(self) -> impl Iterator<Item = (Rule, u64)> {
        self.0.into_iter()
    }
}
