//! When each record was sent last, by each device: intervals, announcements, changes, goodbyes.
//!
//! Finds violations of `record_interval`, `record_interval_soft`, `record_interval_asked`,
//! `announcement_count`, `update_rate` and `goodbye_rate`, and the signatures of goodbye flapping,
//! record churn and repeated responses.
//!
//! A record belongs to a source (device and IP address): the copies over IPv4 and IPv6 are two. A
//! record that is in one message twice was sent once. While silence proves nothing, records are
//! remembered and signatures are found, but sending unasked does not count as a violation.
//!
//! Several programs may be behind one MAC and address (RFC 6762 section 15). Each of them lists the
//! types of its services, so what the list of all types names is nobody's alone: it is judged only
//! where a message has nothing else, and neither its announcements nor its goodbyes are counted.
//! An NSEC record beside another of its name says nothing of its own.
//!
//! | file | reason |
//! |---|---|
//! | `interval` | sent again too soon |
//! | `announce` | announced too often |
//! | `change` | changed too often |
//! | `key` | what a record is remembered by |
//! | `flapping` | withdrawn and sent again for minutes |
//! | `rescue` | sent again because somebody else withdrew it |
//! | `withdraw` | withdrawn and sent again too often |

mod announce;
mod change;
mod flapping;
mod interval;
mod key;
mod rescue;
#[cfg(test)]
mod tests;
mod withdraw;

use crate::decode::mdns::{HashKey, Kind, RType, Record, Section};
use crate::detect::cause::Cause;
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Mdns, Offence, Subject, View};
use crate::time::Time;
use announce::{Announced, ProbeTimes};
use change::{Changes, Rrsets};
use flapping::Flapping;
use interval::{AskedFor, LeastGaps, Sending};
use key::RecordKey;
use rescue::Rescues;
use std::cell::OnceCell;
use std::time::Duration;
use withdraw::Withdrawn;

/// Whether a record was sent: it stands among the answers or the additional records.
const fn is_sent(record: &Record) -> bool {
    match record.section {
        Section::Answer | Section::Additional => !matches!(record.rtype, RType::OPT),
        Section::Question | Section::Authority => false,
    }
}

/// What is remembered of one record. 120 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct SentRecord {
    /// With a TTL.
    alive: Sending,
    /// With TTL 0.
    gone: Sending,
    announced: Announced,
    withdrawn: Withdrawn,
    /// The last message that carried it.
    message: u32,
}

/// What is remembered of a segment's records.
///
/// At most 16,384 records that were sent within 66 minutes, 136 bytes each: 2.1 MiB. Of more, the
/// one not sent for longest loses its history: less is found, but nothing false. Sets of records,
/// probes and what is owed have bounds of their own, see `change`, `announce` and `rescue`.
#[derive(Debug)]
pub(crate) struct Records {
    sent: Table<RecordKey, SentRecord, 2_048>,
    rrsets: Rrsets,
    probes: ProbeTimes,
    flapping: Flapping,
    rescues: Rescues,
    /// Responses heard. Wraps.
    messages: u32,
    /// When a record last lost its history: for a minute from then on, an unknown record need not
    /// be new.
    forgot: Option<Time>,
}

impl Records {
    /// How long an unknown address need not be a new one.
    const DOUBT: Duration = Duration::from_mins(1);

    /// An empty memory. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            sent: Table::new(key, announce::MEMORY),
            rrsets: Rrsets::new(key),
            probes: ProbeTimes::new(key),
            flapping: Flapping::new(key),
            rescues: Rescues::new(key),
            messages: 0,
            forgot: None,
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns() else { return };
        match mdns.kind {
            Kind::Probe => {
                self.probes.hear(view.now, view.sender, &mdns.digest.probed);
            }
            Kind::Query | Kind::LegacyQuery => {}
            Kind::Response | Kind::Announcement | Kind::Goodbye | Kind::Malformed => {
                if mdns.is_response() {
                    self.hear_response(view, mdns, findings);
                }
            }
        }
    }

    fn hear_response(&mut self, view: &View<'_>, mdns: Mdns<'_>, findings: &mut Findings) {
        self.messages = self.messages.wrapping_add(1);
        let changes = self.rrsets.hear(view);
        if let Some(place) = changes.too_often {
            offend(findings, Rule::UpdateRate, place, None);
        }
        if let Some(place) = changes.churning {
            findings.matched(Cause::RecordChurn);
            if let Some(record) = mdns.digest.records.get(usize::from(place)) {
                findings.show(Evidence::of(Condition::RecordChurn, About::Name(record.at)));
            }
        }
        let sent = || mdns.digest.records.iter().filter(|record| is_sent(record));
        let mut message = CurrentResponse {
            answers: AskedFor::default(),
            least: LeastGaps::on(view.vantage),
            is_judged: mdns.is_from_mdns_port() && !view.is_suspended,
            is_announcement: mdns.kind == Kind::Announcement,
            probed: OnceCell::new(),
            changes,
            lists_types_only: sent().all(|record| record.traits.is_type_list()),
        };
        for (place, record) in (0_u8..128).zip(&mdns.digest.records) {
            if is_sent(record) {
                self.hear_record(view, &mut message, place, record, findings);
            }
        }
    }

    fn hear_record(
        &mut self,
        view: &View<'_>,
        message: &mut CurrentResponse,
        place: u8,
        record: &Record,
        findings: &mut Findings,
    ) {
        let now = view.now;
        let key = key(view, record);
        let there = self.sent.entry(now, key, SentRecord::default);
        let sent = there.value;
        if there.forgot {
            self.forgot = Some(now);
        }
        if !there.is_new && sent.message == self.messages {
            return;
        }
        let before = sent.message;
        sent.message = self.messages;

        let is_alive = record.ttl > 0;
        let is_first = is_alive && !sent.alive.was_sent();
        let order = view.questions.order();
        let sending = if is_alive { &mut sent.alive } else { &mut sent.gone };
        if let Some(again) = sending.send(now, order)
            && !message.says_nothing_of_its_own(view, record)
        {
            let is_owed = self.rescues.is_owed(now, record, before);
            if is_owed && let Some(by) = self.rescues.insists(now, record, view.sender) {
                findings.provoke_by_withdrawal(by);
            }
            let (is_unasked, rule) =
                message.answers.judge(view, record, again, is_owed, message.least);
            if is_unasked {
                findings.matched(Cause::RepeatedResponse);
            }
            // A repeated goodbye withdraws nothing further: TTL 0 is left out.
            if let Some(rule) = rule.filter(|_| message.is_judged && is_alive) {
                offend(findings, rule, place, Some(again.gap));
            }
        }

        self.rescues.hear(now, record, self.messages, (view.sender, view.observation.sender));
        if record.traits.is_type_list() {
            return;
        }

        if !is_alive {
            sent.withdrawn.go();
            sent.announced.clear();
        }
        let gone = sent.gone.at();
        let is_back = is_alive && sent.withdrawn.come(gone);
        if sent.withdrawn.is_flapping(now) {
            findings.matched(Cause::GoodbyeFlapping);
            if is_back {
                offend(findings, Rule::GoodbyeRate, place, None);
            }
        }

        if message.changes.changed & (1 << place) != 0 {
            sent.announced.clear();
        }
        if message.is_announcement && is_alive && record.section == Section::Answer {
            sent.announced.push(now);
            if sent.announced.is_too_many(now, view.vantage) {
                // Looked up only now: the effect is as if counting had started anew with the probe.
                let probed = message.probed.get_or_init(|| {
                    let records = view.mdns.iter().flat_map(|mdns| &mdns.digest.records);
                    let announced = records.filter(|record| record.section == Section::Answer);
                    self.probes.last(now, view.sender, announced)
                });
                let is_too_many = probed.is_none_or(|probed| {
                    sent.announced.forget_until(probed);
                    sent.announced.is_too_many(now, view.vantage)
                });
                if is_too_many {
                    offend(findings, Rule::AnnouncementCount, place, sent.announced.gap());
                }
            }
        }

        let is_doubtful = self.forgot.is_some_and(|at| now.since(at) <= Self::DOUBT);
        if is_first && record.rtype.is_address() {
            self.flapping.moves(now, view.sender);
        }
        if is_back
            && !self.announces_address(view)
            && self.flapping.trip(now, view.sender, key, gone)
        {
            let about = About::Name(record.at);
            findings.show(Evidence::of(Condition::GoodbyeFlapping, about));
        }
        if is_first
            && record.rtype.is_address()
            && self.rrsets.hear_address(view, record, self.messages)
            && !is_doubtful
        {
            offend(findings, Rule::UpdateRate, place, None);
        }
    }

    /// What is promised of copies of the frame that was just heard.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { sent, rrsets, probes, flapping: _, rescues, messages: _, forgot: _ } = self;
        let now = view.now;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        match mdns.kind {
            Kind::Probe => return None,
            Kind::Query | Kind::LegacyQuery => return Some(steady),
            Kind::Response | Kind::Announcement | Kind::Goodbye | Kind::Malformed => {}
        }
        if !mdns.is_response() {
            return Some(steady);
        }
        // Of announcements the last nine are remembered.
        let steady = rrsets.steady(view, steady.remembering(announce::REMEMBERED))?;
        let steady = rescues.steady(now, steady);
        let announced = || mdns.digest.records.iter().filter(|r| r.section == Section::Answer);
        let probed = probes.last(now, view.sender, announced());
        let mut records = (0_u8..128).zip(&mdns.digest.records).map(|(_, record)| record);
        records.try_fold(steady, |steady, record| {
            if !is_sent(record) {
                return Some(steady);
            }
            let sent = sent.get(now, key(view, record))?;
            let is_alive = record.ttl > 0;
            let sending = if is_alive { &sent.alive } else { &sent.gone };
            let is_announced = mdns.kind == Kind::Announcement
                && is_alive
                && record.section == Section::Answer
                && !record.traits.is_type_list();
            let is_settled = sending.is_settled(view, record)
                && (!is_announced || sent.announced.is_settled(probed))
                && rescues.is_settled(now, record);
            is_settled.then(|| sent.withdrawn.steady(now, steady))
        })
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else { return };
        #[allow(clippy::cast_possible_truncation, reason = "it wraps")]
        let messages = copies as u32;
        self.messages = self.messages.wrapping_add(messages);
        let records = &mdns.digest.records;
        for (place, record) in (0_usize..128).zip(records) {
            let of = key(view, record);
            // What is in one message twice was sent once.
            let mut before = records[..place].iter().filter(|other| is_sent(other));
            if !is_sent(record) || before.any(|other| key(view, other) == of) {
                continue;
            }
            if let Some(sent) = self.sent.peek_mut(of) {
                let sending = if record.ttl > 0 { &mut sent.alive } else { &mut sent.gone };
                sending.skip(copies);
            }
            self.rescues.skip(record, view.sender, copies);
        }
    }

    /// Whether the message has an address that was not heard before. Those before this record are
    /// known already.
    fn announces_address(&self, view: &View<'_>) -> bool {
        let records = view.mdns.iter().flat_map(|mdns| &mdns.digest.records);
        let mut addresses = records.filter(|r| r.rtype.is_address() && is_sent(r) && r.ttl > 0);
        addresses.any(|record| self.sent.get(view.now, key(view, record)).is_none())
    }
}

/// What the records of one message have in common.
struct CurrentResponse {
    answers: AskedFor,
    least: LeastGaps,
    /// Whether sending too soon counts as a violation.
    is_judged: bool,
    is_announcement: bool,
    /// When the sender last probed for what it announces, once that was asked.
    probed: OnceCell<Option<Time>>,
    changes: Changes,
    /// Whether it has nothing but the list of all types.
    lists_types_only: bool,
}

impl CurrentResponse {
    /// Whether what a record says follows from another one of the message, which is judged.
    fn says_nothing_of_its_own(&self, view: &View<'_>, record: &Record) -> bool {
        if record.rtype != RType::NSEC {
            return record.traits.is_type_list() && !self.lists_types_only;
        }
        let records = view.mdns.iter().flat_map(|mdns| &mdns.digest.records);
        let mut beside = records.filter(|other| is_sent(other) && other.rtype != RType::NSEC);
        beside.any(|other| other.name == record.name)
    }
}

const fn key(view: &View<'_>, record: &Record) -> RecordKey {
    (view.source, record.name, record.rtype, record.class, record.data)
}

fn offend(findings: &mut Findings, rule: Rule, place: u8, gap: Option<Duration>) {
    findings.offend(Offence { rule, subject: Some(Subject::Record(place)), gap });
}
