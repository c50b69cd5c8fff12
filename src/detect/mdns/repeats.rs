//! Questions that are asked again and again (RFC 6762 section 5.2).
//!
//! Rules `query_interval` and `query_interval_soft`, and the cause `query_flood`. A history belongs
//! to one question (name, type and class; the QU bit is ignored) by one MAC, source IP and
//! address family. It begins anew once the answer has expired and was not refreshed. Not judged:
//! probes, which have an interval of their own; queries to one host. No rule applies to legacy
//! queries, but the same one again and again is a flood like any other: they have histories of
//! their own. Several programs share a MAC and its port 5353, so a question may come three times at
//! once; where a device has several host names of its own, as many programs may be asking, each at
//! its own pace. At most 8,192 histories: 576 KiB.

use crate::decode::mdns::{Digest, HashKey, Kind, NameHash, Question, RClass, RType};
use crate::detect::cache::{Cache, RefreshDue};
use crate::detect::cause::Cause;
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Offence, Subject, Vantage, View};
use crate::time::Time;
use std::time::Duration;

/// The least interval between two copies.
const INTERVAL: Duration = Duration::from_secs(1);
/// Gaps double up to this.
const CAP: Duration = Duration::from_hours(1);
/// How long a history is kept: the longest gap and a tenth.
const MEMORY: Duration = Duration::from_mins(66);
/// From so many copies on, each gap too short, the hard rule is broken. Four with gaps under a
/// second always lie within 3 s.
const COPIES: u32 = 4;
/// From so many repeats on, none after a longer gap than the last, it is a flood.
const FLAT: u8 = 4;
/// Refreshes of one record: four (RFC 6762 section 5.2), by two programs.
const REFRESHES: u8 = 8;

/// When a question was asked.
#[derive(Clone, Copy, Debug)]
struct History {
    last: Time,
    /// The message that it was in: one message asks once.
    message: u64,
    /// The gap before `last`; zero before the first repeat of a series.
    gap: Duration,
    /// Copies in a row with gaps that are too short.
    copies: u32,
    /// When the first of those came.
    began: Time,
    /// Repeats in a row without a growing gap.
    flat: u8,
    /// Whether the series has a gap that is twice the one before.
    has_grown: bool,
    /// Refreshes since the record was heard at `due`.
    refreshes: u8,
    due: Time,
}

/// What one more copy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Repeat {
    gap: Duration,
    is_hard: bool,
    is_soft: bool,
    is_flood: bool,
}

impl History {
    const fn new(now: Time, message: u64) -> Self {
        Self {
            last: now,
            message,
            gap: Duration::ZERO,
            copies: 1,
            began: now,
            flat: 0,
            has_grown: false,
            refreshes: 0,
            due: Time(0),
        }
    }

    /// Whether this copy may be a refresh of `records` that were last heard at `due`.
    const fn is_refresh(&mut self, records: u8, due: Time) -> bool {
        if self.due.0 != due.0 {
            self.due = due;
            self.refreshes = 0;
        }
        if self.refreshes >= records.saturating_mul(REFRESHES) {
            return false;
        }
        self.refreshes += 1;
        true
    }

    /// Whether no further copy is a refresh of `records` that were last heard at `due`.
    const fn has_refreshed(&self, records: u8, due: Time) -> bool {
        self.due.0 == due.0 && self.refreshes >= records.saturating_mul(REFRESHES)
    }

    /// Until when copies with short gaps are certainly too many for `programs`, if they are now.
    fn hard_until(&self, programs: usize, vantage: &Vantage) -> Option<Time> {
        let pace = INTERVAL.saturating_sub(vantage.tolerance(INTERVAL));
        let programs = u32::try_from(programs).ok().filter(|programs| *programs > 0)?;
        // With so many paces passed there may be as many copies.
        let paces = self.copies.div_ceil(programs).checked_sub(1)?;
        (self.copies >= COPIES && self.gap < pace).then(|| self.began.plus(pace * paces))
    }

    /// One more copy, by one of so many `programs`.
    fn copy(&mut self, now: Time, programs: usize, vantage: &Vantage) -> Repeat {
        let at_least = |interval: Duration| interval.saturating_sub(vantage.tolerance(interval));
        let gap = now.since(self.last);
        self.last = now;
        let is_short = gap < at_least(INTERVAL);
        if is_short {
            self.copies = self.copies.saturating_add(1);
        } else {
            (self.copies, self.began) = (1, now);
        }
        // Each program begins with one copy, and has one more whenever its gap is long enough. One
        // alone has fewer than there are by then.
        let paces = now.since(self.began).as_nanos() / at_least(INTERVAL).as_nanos().max(1);
        let is_by_all = u128::from(self.copies) <= (paces + 1) * programs as u128;

        let before = self.gap;
        let is_first = before.is_zero();
        let is_early = gap < at_least((before * 2).clamp(INTERVAL, CAP));
        // A search that ends and begins again starts with short gaps. Nothing distinguishes that
        // from a repeat, so a series that has grown may begin anew. One that never grows may not.
        let begins_anew = is_early && !is_short && self.has_grown;
        let grows = !is_first && gap > before + before / 10 || gap >= at_least(CAP);
        self.flat = match (begins_anew, grows) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => self.flat.saturating_add(1).min(FLAT),
        };
        self.gap = if begins_anew { Duration::ZERO } else { gap };
        self.has_grown = !is_first && !is_early;
        Repeat {
            gap,
            is_hard: self.copies >= COPIES && !is_by_all,
            is_soft: is_early && !begins_anew,
            is_flood: is_short || self.flat >= FLAT,
        }
    }
}

/// Who asks what, and whether as a legacy query.
type QuestionKey = (SourceId, NameHash, RType, RClass, bool);

/// The histories.
#[derive(Debug)]
pub(crate) struct Repeats {
    asked: Table<QuestionKey, History, 1_024>,
    messages: u64,
}

impl Repeats {
    /// None yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { asked: Table::new(key, MEMORY), messages: 0 }
    }

    /// Hears one frame of a device on which so many `programs` may ask, one at least.
    pub(crate) fn handle(
        &mut self,
        view: &View<'_>,
        cache: &Cache,
        programs: usize,
        findings: &mut Findings,
    ) {
        let Some((digest, is_legacy)) = asking(view) else { return };
        self.messages += 1;
        for (question, place) in digest.questions.iter().zip(0..) {
            let verdict = self.hear(view, cache, programs, *question, is_legacy);
            let Some(verdict) = verdict else { continue };
            let mut offend = |rule| {
                let subject = Some(Subject::Question(place));
                findings.offend(Offence { rule, subject, gap: Some(verdict.gap) });
            };
            if verdict.is_hard && !is_legacy {
                offend(Rule::QueryInterval);
            }
            if verdict.is_soft && !is_legacy {
                offend(Rule::QueryIntervalSoft);
            }
            if verdict.is_hard {
                findings.hasten(place);
            }
            if verdict.is_flood {
                findings.matched(Cause::QueryFlood);
            }
        }
    }

    /// What is promised of copies of the frame that was just heard, on a device on which so many
    /// `programs` may ask.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        cache: &Cache,
        programs: usize,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { asked, messages: _ } = self;
        let Some((digest, is_legacy)) = asking(view) else { return Some(steady) };
        // Whether gaps grow is seen by the last few.
        let steady = steady.remembering(usize::from(FLAT) + 2);
        digest.questions.iter().try_fold(steady, |steady, question| {
            let history = asked.get(view.now, key(view, question, is_legacy))?;
            let Question { name, rtype, .. } = *question;
            let due = cache_due(view, cache, question, is_legacy);
            let is_search = due.is_none_or(|due| history.has_refreshed(due.records, due.heard))
                && !cache.was_heard_since(view.now, name, rtype, history.last);
            let until = history.hard_until(programs, view.vantage).filter(|_| is_search)?;
            Some(steady.until(until))
        })
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        let Some((digest, is_legacy)) = asking(view) else { return };
        self.messages += copies;
        for (place, question) in digest.questions.iter().enumerate() {
            let of = key(view, question, is_legacy);
            // One message asks once.
            let before = &digest.questions[..place];
            if before.iter().any(|other| key(view, other, is_legacy) == of) {
                continue;
            }
            if let Some(history) = self.asked.peek_mut(of) {
                let copies = u32::try_from(copies).unwrap_or(u32::MAX);
                history.copies = history.copies.saturating_add(copies);
            }
        }
    }

    /// What a question is, if it was asked before.
    fn hear(
        &mut self,
        view: &View<'_>,
        cache: &Cache,
        programs: usize,
        question: Question,
        is_legacy: bool,
    ) -> Option<Repeat> {
        let Question { name, rtype, .. } = question;
        let (now, message) = (view.now, self.messages);
        let key = key(view, &question, is_legacy);
        let place = self.asked.entry(now, key, || History::new(now, message));
        let history = place.value;
        if place.is_new || history.message == message {
            return None;
        }
        history.message = message;
        let due = cache_due(view, cache, &question, is_legacy);
        if due.is_some_and(|due| history.is_refresh(due.records, due.heard)) {
            return None;
        }
        // It had its answer and let it expire: this is a new search.
        if rtype != RType::ANY && cache.has_lapsed(now, name, rtype, history.last) {
            *history = History::new(now, message);
            return None;
        }
        Some(history.copy(now, programs, view.vantage))
    }
}

/// The digest of a query to the group, and whether it is a legacy query.
fn asking<'a>(view: &View<'a>) -> Option<(&'a Digest, bool)> {
    let mdns = view.multicast_mdns()?;
    match mdns.kind {
        Kind::Query => Some((mdns.digest, false)),
        Kind::LegacyQuery => Some((mdns.digest, true)),
        Kind::Probe | Kind::Response | Kind::Announcement | Kind::Goodbye | Kind::Malformed => None,
    }
}

const fn key(view: &View<'_>, question: &Question, is_legacy: bool) -> QuestionKey {
    (view.source, question.name, question.rtype, question.class, is_legacy)
}

/// The refresh that a question may be. Nobody refreshes all types at once.
fn cache_due(
    view: &View<'_>,
    cache: &Cache,
    question: &Question,
    is_legacy: bool,
) -> Option<RefreshDue> {
    let Question { name, rtype, .. } = *question;
    if rtype == RType::ANY || is_legacy { None } else { cache.due(view.now, name, rtype) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::Host;
    use crate::craft::mdns::Query;
    use crate::decode::mdns::{self, HashKey, PayloadHash};
    use crate::decode::{Message, Protocol, decode};
    use crate::detect::memory::questions::Questions;
    use crate::detect::memory::sender::SenderKey;
    use crate::detect::view::Mdns;
    use crate::frame::{Direction, Frame, FrameMeta, LinkType};
    use crate::time::Stamp;
    use proptest::prelude::*;
    use simple_dns::TYPE;

    /// The places of copies that are offences, hard and soft, and signatures of a flood, when the
    /// first copy comes at 0 and the others after these gaps in milliseconds.
    fn judged(gaps: &[u64], is_wireless: bool) -> [Vec<usize>; 3] {
        judged_of(1, gaps, is_wireless)
    }

    /// The same where so many programs may ask.
    fn judged_of(programs: usize, gaps: &[u64], is_wireless: bool) -> [Vec<usize>; 3] {
        let vantage = Vantage { is_wireless, ..Vantage::default() };
        let mut now = Time(0);
        let mut history = History::new(now, 0);
        let mut found = [const { Vec::new() }; 3];
        for (gap, place) in gaps.iter().zip(1..) {
            now = now.plus(Duration::from_millis(*gap));
            let verdict = history.copy(now, programs, &vantage);
            for (list, is) in
                found.iter_mut().zip([verdict.is_hard, verdict.is_soft, verdict.is_flood])
            {
                if is {
                    list.push(place);
                }
            }
        }
        found
    }

    #[test]
    fn copies_are_judged_by_their_gaps() {
        type Places = &'static [usize];
        let table: [(&[u64], Places, Places, Places); 14] = [
            // The RFC's own, and Apple's factor of three.
            (&[1000, 2000, 4000, 8000, 16_000], &[], &[], &[]),
            (&[1000, 3000, 9000, 27_000], &[], &[], &[]),
            // A tenth is tolerated.
            (&[920, 1850, 3700, 6700], &[], &[], &[]),
            (&[1000, 1800], &[], &[], &[]),
            (&[1000, 1799], &[], &[2], &[]),
            (&[899], &[], &[1], &[1]),
            // Three at once, by three programs; and a fourth.
            (&[10, 10], &[], &[1, 2], &[1, 2]),
            (&[10, 10, 10, 10], &[3, 4], &[1, 2, 3, 4], &[1, 2, 3, 4]),
            (&[890, 890, 890, 890], &[3, 4], &[1, 2, 3, 4], &[1, 2, 3, 4]),
            // One gap that is long enough.
            (&[890, 890, 910, 890, 890], &[], &[1, 2, 3, 4, 5], &[1, 2, 4, 5]),
            // Every ten seconds for ever.
            (&[10_000; 6], &[], &[2, 3, 4, 5, 6], &[4, 5, 6]),
            // Once an hour for ever.
            (&[1_800_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000], &[], &[], &[]),
            // A search that begins anew, but not without ever growing.
            (&[1000, 2000, 4000, 60_000, 1000, 2000, 4000], &[], &[], &[]),
            (&[1000, 2000, 1000, 1000, 1000], &[], &[5], &[]),
        ];
        for (gaps, hard, soft, flood) in table {
            let [found_hard, found_soft, found_flood] = judged(gaps, false);
            assert_eq!(found_hard, hard, "hard, {gaps:?}");
            assert_eq!(found_soft, soft, "soft, {gaps:?}");
            assert_eq!(found_flood, flood, "flood, {gaps:?}");
        }
    }

    /// The causes that a frame of the phone's has, each after so many milliseconds.
    fn signatures(frames: &[(u64, Vec<u8>)]) -> Vec<bool> {
        let key = HashKey([1, 2, 3, 4]);
        let (mut repeats, cache) = (Repeats::new(key), Cache::new(key));
        let (questions, vantage) = (Questions::default(), Vantage::default());
        let mut now = Time(0);
        let mut hear = |millis: &u64, payload: &[u8]| {
            now = now.plus(Duration::from_millis(*millis));
            let bytes = Host::numbered(2).mdns4(payload);
            let meta = FrameMeta {
                stamp: Stamp(0),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: None,
                direction: Direction::Incoming,
                wire_len: 0,
            };
            let observation = decode(&Frame { meta, bytes: &bytes });
            let Message::Mdns(datagram) = observation.message else { panic!("mDNS") };
            let digest = mdns::digest(&datagram, &key);
            let view = View {
                now,
                observation: &observation,
                protocol: Protocol::Mdns,
                sender: SenderKey::new(None, 0),
                source: SourceId(7),
                mdns: Some(Mdns {
                    datagram: &datagram,
                    digest: &digest,
                    payload: PayloadHash(0),
                    kind: Kind::Query,
                }),
                questions: &questions,
                is_suspended: false,
                vantage: &vantage,
                limits: &crate::detect::ConditionLimits::USUAL,
                hasher: &key.state(),
            };
            let mut findings = Findings::default();
            repeats.handle(&view, &cache, 1, &mut findings);
            findings.signatures().contains(Cause::QueryFlood)
        };
        frames.iter().map(|(millis, payload)| hear(millis, payload)).collect()
    }

    #[test]
    fn the_same_question_again_is_a_flood_and_different_ones_are_not() {
        let ask = |millis, name: &str| (millis, Query::new(name, TYPE::A).bytes());
        let same = [ask(0, "a.local"), ask(20, "A.local"), ask(20, "a.local")];
        assert_eq!(signatures(&same), [false, true, true]);
        let scan: Vec<_> = (0..30).map(|n| ask(20, &format!("lamp-{n}.local"))).collect();
        assert_eq!(signatures(&scan), [false; 30]);
        let steady: Vec<_> = (0..6).map(|_| ask(5_000, "a.local")).collect();
        assert_eq!(signatures(&steady), [false, false, false, false, true, true]);
        let doubling = [0, 1_000, 2_000, 4_000, 8_000, 16_000].map(|gap| ask(gap, "a.local"));
        assert_eq!(signatures(&doubling), [false; 6]);
    }

    #[test]
    fn several_programs_may_each_ask_at_their_own_pace() {
        // Two of them, half a second apart, each after 1 s and 2 s.
        let two = [500, 500, 500, 1_500, 500];
        assert_eq!(judged_of(1, &two, false)[0], [3]);
        assert!(judged_of(2, &two, false)[0].is_empty());
        // Five at once, and again a second later; and a sixth copy that none of them may send.
        let five = [20, 20, 20, 20, 920, 20, 20, 20, 20];
        assert_eq!(judged_of(1, &five, false)[0], [3, 4, 8, 9]);
        assert!(judged_of(5, &five, false)[0].is_empty());
        assert_eq!(judged_of(5, &[20; 5], false)[0], [5]);
        // One of two never stops.
        let stuck = judged_of(2, &[100; 1_000], false);
        assert_eq!((stuck[0].first(), stuck[0].len()), (Some(&3), 998));
    }

    #[test]
    fn a_history_is_as_large_as_is_said() {
        assert_eq!(Table::<QuestionKey, History, 1_024>::BYTES_MAX, 576 << 10);
    }

    #[test]
    fn wi_fi_may_bunch_them() {
        assert!(judged(&[700; 5], true)[0].is_empty());
        assert_eq!(judged(&[640; 5], true)[0], [3, 4, 5]);
        assert!(judged(&[700, 1700, 3500], true)[1].is_empty());
    }

    proptest! {
        #[test]
        fn what_doubles_breaks_nothing(first in 1_000_u64..5_000, factors in prop::collection::vec(20_u64..40, 0..40)) {
            let mut gaps = vec![first];
            for factor in factors {
                gaps.push((gaps[gaps.len() - 1] * factor / 10).min(3_600_000));
            }
            prop_assert_eq!(judged(&gaps, false), [const { Vec::<usize>::new() }; 3]);
        }

        #[test]
        fn the_hard_rule_is_four_copies_in_three_seconds(gaps in prop::collection::vec(600_u64..1_200, 0..40)) {
            let expected: Vec<usize> =
                (3..=gaps.len()).filter(|n| gaps[n - 3..*n].iter().all(|gap| *gap < 900)).collect();
            prop_assert_eq!(&judged(&gaps, false)[0], &expected);
        }
    }

    #[test]
    fn refreshes_are_not_without_end() {
        let mut history = History::new(Time(0), 0);
        let refreshes = (0..100).filter(|_| history.is_refresh(1, Time(7)));
        assert_eq!(refreshes.count(), usize::from(REFRESHES));
        assert!(history.is_refresh(1, Time(8)), "heard again");
    }
}
