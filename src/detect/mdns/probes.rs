//! Probes (RFC 6762 section 8.1): causes `probe_loop` and `rename_loop`, rules `probe_interval` and
//! `probe_backoff`.
//!
//! `probe_interval` is judged by two gaps together, because a packet that was held up shortens the
//! next gap. Two programs behind one MAC that probe for one name, each with records of its own, are
//! not compared with each other.
//!
//! A source is a device with one of its addresses, because a device probes over IPv4 and IPv6 at
//! once. A device that starts sends three probes, 250 ms apart, for each of its names, and then has
//! them. It is a loop if it never gets them, or if the names go on and on.

use super::contenders::Contenders;
use super::rename::{self, Rename};
use super::runs::{AT_ONCE, ENDLESS_WINDOW, Run};
use crate::decode::mdns::{Digest, HashKey, Kind, NameHash, RType, Record, Section, SumHash};
use crate::detect::cause::Cause;
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Mdns, Offence, Subject, View};
use crate::time::Time;
use std::time::Duration;

/// An attempt to take a name is this many probes.
const PROBES: usize = 3;
/// From one probe to the next but one: 500 ms, less 10 %.
const TWO_INTERVALS: Duration = Duration::from_millis(450);
/// Probes of the same names that are no farther apart belong to one attempt of three.
const ATTEMPT: Duration = Duration::from_secs(1);
/// Attempts after too many conflicts: 5 s, less 10 %.
const DEFERRED: Duration = Duration::from_millis(4_500);

/// Up to three probes of one source for the same names.
#[derive(Clone, Copy, Debug)]
struct ProbeAttempt {
    last: Time,
    /// Between the last two, if both proposed the same records.
    gap: Option<Duration>,
    /// The records that the last one proposed.
    proposed: SumHash,
    probes: u8,
}

/// Probes and renaming.
#[derive(Debug)]
pub(crate) struct Probes {
    /// When the last probe was heard, from any device: long after it there is nothing to look up.
    last: Option<Time>,
    /// By source and name; 352 KiB at most.
    runs: Table<(SourceId, NameHash), Run, 256>,
    /// By source and set of names; 56 KiB at most.
    attempts: Table<(SourceId, SumHash), ProbeAttempt, 128>,
    /// Sources that have probed lately; 12 KiB at most.
    probers: Table<SourceId, (), 64>,
    rename: Rename,
    contenders: Contenders,
}

impl Probes {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            last: None,
            runs: Table::new(key, ENDLESS_WINDOW),
            attempts: Table::new(key, ATTEMPT),
            probers: Table::new(key, ENDLESS_WINDOW),
            rename: Rename::new(key),
            contenders: Contenders::new(key),
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, is_relay: bool, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns() else { return };
        match mdns.kind {
            Kind::Probe => self.probe(view, mdns, is_relay, findings),
            Kind::Response | Kind::Announcement | Kind::Goodbye => {
                if self.last.is_some_and(|last| view.now.since(last) <= rename::WINDOW) {
                    self.response(view, mdns.digest, findings);
                }
            }
            Kind::Query | Kind::LegacyQuery | Kind::Malformed => {}
        }
    }

    /// What is promised of copies of the frame that was just heard: of responses of who has probed
    /// for nothing.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { last, runs: _, attempts: _, probers, rename, contenders } = self;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        match mdns.kind {
            Kind::Query | Kind::LegacyQuery | Kind::Malformed => return Some(steady),
            Kind::Probe => return None,
            Kind::Response | Kind::Announcement | Kind::Goodbye => {}
        }
        let View { now, source, .. } = *view;
        let Some(last) = last.filter(|last| now.since(*last) <= rename::WINDOW) else {
            return Some(steady);
        };
        let is_free = !probers.holds(now, source) && rename.is_free(now, source);
        is_free.then(|| contenders.steady(now, steady.while_under(now, last, rename::WINDOW)))?
    }

    fn probe(&mut self, view: &View<'_>, mdns: Mdns<'_>, is_relay: bool, findings: &mut Findings) {
        let View { now, source, .. } = *view;
        let digest = mdns.digest;
        self.last = Some(now);
        self.probers.entry(now, source, || ());
        for probed in &digest.probed {
            let run = self.runs.entry(now, (source, probed.name), Run::default).value;
            let part = run.probe(now, !view.vantage.is_wireless);
            if part.is_loop {
                findings.matched(Cause::ProbeLoop);
            }
            if part.is_endless {
                show(Condition::ProbeLoop, Some(probed.name), digest, findings);
            }
        }
        // What was cut may have had other names. Wi-Fi delivers multicast in bunches.
        if mdns.datagram.complete && !view.vantage.is_wireless && !digest.probed.is_empty() {
            self.judge(view, digest, findings);
        }
        // What a reflector passes on is another's name.
        let is_own = !is_relay && view.is_about_itself(&mdns) != Some(false);
        if is_own && self.rename.probe(now, source, &digest.probed) {
            findings.matched(Cause::RenameLoop);
            show(Condition::RenameLoop, None, digest, findings);
        }
        let rename = &mut self.rename;
        self.contenders.probe(view, digest, |series| rename.conflict(now, series));
    }

    /// Judges how long after the last probe this one comes.
    fn judge(&mut self, view: &View<'_>, digest: &Digest, findings: &mut Findings) {
        let View { now, source, .. } = *view;
        // The order of the names does not matter, nor does that of the records.
        let mut names = SumHash::default();
        digest.probed.iter().for_each(|probed| names.add(probed.name.0));
        let mut proposed = SumHash::default();
        let authority = digest.records.iter().filter(|r| r.section == Section::Authority);
        authority.for_each(|record| proposed.add(record.data.0));
        let new = || ProbeAttempt { last: now, gap: None, proposed, probes: 0 };
        let place = self.attempts.entry(now, (source, names), new);
        let attempt = place.value;
        let is_same = !place.is_new && attempt.proposed == proposed;
        let gap = is_same.then(|| now.since(attempt.last));
        if gap.is_some_and(|gap| gap < AT_ONCE) {
            return;
        }
        let two_gaps = attempt.gap.zip(gap);
        attempt.gap = gap;
        attempt.proposed = proposed;
        // An attempt is three probes. Who must wait must do so before it begins another.
        let begins = attempt.probes == 0 || usize::from(attempt.probes) >= PROBES;
        attempt.probes = if begins { 1 } else { attempt.probes + 1 };
        attempt.last = now;
        let waited = begins.then(|| self.rename.waited(now, source, &digest.probed)).flatten();
        let first = digest.records.iter().position(|r| r.section == Section::Authority);
        let subject = first.and_then(|at| u8::try_from(at).ok()).map(Subject::Record);
        if let Some((before, gap)) = two_gaps.filter(|(one, other)| *one + *other < TWO_INTERVALS) {
            // One of them is long enough, maybe: the other explains it.
            let gap = Some(before.min(gap));
            findings.offend(Offence { rule: Rule::ProbeInterval, subject, gap });
        }
        if waited.is_some_and(|waited| waited < DEFERRED) {
            findings.offend(Offence { rule: Rule::ProbeBackoff, subject, gap: waited });
        }
    }

    fn response(&mut self, view: &View<'_>, digest: &Digest, findings: &mut Findings) {
        let View { now, source, .. } = *view;
        if self.probers.get(now, source).is_some() {
            let (runs, mut before) = (&mut self.runs, None);
            let mut take = |name: NameHash| {
                // Records of one name stand together.
                if before != Some(name)
                    && let Some(run) = runs.get_mut(now, (source, name))
                {
                    run.take();
                }
                before = Some(name);
            };
            for record in &digest.records {
                take(record.name);
                if record.rtype == RType::PTR {
                    take(record.data.as_name());
                }
            }
        }
        if self.rename.response(now, source, digest) {
            findings.matched(Cause::RenameLoop);
        }
        let rename = &mut self.rename;
        self.contenders.response(view, digest, |series| rename.conflict(now, series));
    }
}

/// A probe is evidence of `condition`, about this name of it or the first.
fn show(condition: Condition, name: Option<NameHash>, digest: &Digest, findings: &mut Findings) {
    let mut proposed = digest.records.iter().filter(|r| r.section == Section::Authority);
    // What a PTR record proposes is the name that it points to; it is about its owner.
    let is_it = |r: &&Record| name.is_none_or(|name| r.name == name || r.data.as_name() == name);
    let about = proposed.find(is_it).map(|record| About::Name(record.at));
    findings.show(Evidence { condition, about, other: None, role: None });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        assert_eq!(Table::<(SourceId, SumHash), ProbeAttempt, 128>::BYTES_MAX, 56 << 10);
    }
}
