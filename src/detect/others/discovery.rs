//! SSDP, LLMNR, WS-Discovery and NetBIOS in numbers that their protocols forbid.
//!
//! Five rules and the cause [`Cause::DiscoveryFlood`]. Histories are kept by device, source address
//! and family, so that a host that says everything over IPv4 and IPv6 says each once.
//!
//! No standard gives its limits a time. Here a set of notifications is repeated if it comes again
//! No standard gives its limits a time. Here a set of notifications is repeated if it comes again
//! within 10 s, because devices send it two or three times within a second and refresh it before
//! half of its max-age; a query is transmitted again within 5 s, because it times out after 1 s
//! (RFC 4795 section 7); a `MessageID` counts as the same within 60 s of its last copy, because it
//! never comes back.
//! A frame has the cause's signature if more than 10 of its protocol came in 200 ms, or the same
//! message more than 3 times in 1 s, or if it is NetBIOS.

use crate::decode::mdns::HashKey;
use crate::decode::{Message, Protocol, llmnr, ssdp, wsd};
use crate::detect::cause::Cause;
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Offence, View};
use crate::time::Time;
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Messages that may come in [`BURST`].
const BURST_MAX: usize = 10;
/// The time of a burst, its end not included: 50/s evenly is no burst.
const BURST: Duration = Duration::from_millis(200);
/// Within this time a repeated message counts towards the signature.
const AGAIN: Duration = Duration::from_secs(1);
/// Within this time a notification is a repeat.
const NOTIFIED: Duration = Duration::from_secs(10);
/// Within this time a query is a repeat.
const TRANSMITTED: Duration = Duration::from_secs(5);
/// How long a message is remembered: a `MessageID` is unique (WS-Discovery section 2.4).
const REMEMBERED: Duration = Duration::from_mins(1);
/// How often a notification or a query may be sent.
const SENT_MAX: usize = 3;
/// How often one `MessageID` may be sent.
const COPIES_MAX: usize = 4;

/// The last `N` times of something.
#[derive(Clone, Copy, Debug)]
struct Last<const N: usize> {
    /// The latest first.
    times: [Time; N],
    /// How many there were; saturates at `N`.
    count: u8,
}

impl<const N: usize> Default for Last<N> {
    fn default() -> Self {
        Self { times: [Time(0); N], count: 0 }
    }
}

impl<const N: usize> Last<N> {
    /// How long ago the `back`th before now was, from 1 to `N`; `None` if there were not so many.
    fn gap(&self, now: Time, back: usize) -> Option<Duration> {
        (back <= usize::from(self.count)).then(|| now.since(self.times[back - 1]))
    }

    /// Adds one.
    fn push(&mut self, now: Time) {
        self.times.rotate_right(1);
        self.times[0] = now;
        #[allow(clippy::cast_possible_truncation, reason = "N is small")]
        let n = N as u8;
        self.count = (self.count + 1).min(n);
    }

    /// Whether as many are remembered as can be: then further ones that come soon after each other
    /// are judged alike.
    fn is_full(&self) -> bool {
        usize::from(self.count) == N
    }
}

/// How fast one source sends.
#[derive(Clone, Copy, Debug, Default)]
struct SourcePace {
    /// `ssdp:alive`.
    alive: Last<BURST_MAX>,
    /// `M-SEARCH`.
    search: Last<BURST_MAX>,
    /// Everything of one protocol.
    any: Last<BURST_MAX>,
}

/// Messages of the three protocols. Remembers at most 1,024 of them (64 KiB) and the pace of 256
/// sources (80 KiB); what is forgotten for want of space is no violation.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// Hashes what distinguishes messages.
    state: RandomState,
    /// When each message came.
    messages: Table<(SourceId, Protocol, u64), Last<COPIES_MAX>, 128>,
    paces: Table<(SourceId, Protocol), SourcePace, 32>,
}

impl Discovery {
    /// No message heard yet. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            state: key.state(),
            messages: Table::new(key, REMEMBERED),
            paces: Table::new(key, AGAIN),
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        if view.protocol == Protocol::Netbios {
            findings.matched(Cause::DiscoveryFlood);
            return;
        }
        if !matches!(view.protocol, Protocol::Ssdp | Protocol::Llmnr | Protocol::Wsd) {
            return;
        }
        self.pace(view, findings);
        // What cannot be read counts only towards the pace.
        let message = &view.observation.message;
        if let Message::Ssdp(message) = message {
            self.ssdp(view, message, findings);
        } else if let Message::Llmnr(message) = message {
            self.llmnr(view, message, findings);
        } else if let Message::Wsd(message) = message {
            self.wsd(view, message, findings);
        }
    }

    /// What is promised of copies of the frame that was just heard: that they come too often.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { state: _, messages, paces } = self;
        if !matches!(view.protocol, Protocol::Ssdp | Protocol::Llmnr | Protocol::Wsd) {
            return Some(steady);
        }
        let now = view.now;
        let pace = paces.get(now, (view.source, view.protocol))?;
        let (is_full, hashes) = match &view.observation.message {
            Message::Ssdp(message) => {
                let is_full = match message.kind {
                    ssdp::Kind::Alive => pace.alive.is_full(),
                    ssdp::Kind::Search => pace.search.is_full(),
                    ssdp::Kind::ByeBye
                    | ssdp::Kind::Update
                    | ssdp::Kind::Notify
                    | ssdp::Kind::Response
                    | ssdp::Kind::Other => true,
                };
                (is_full, [Some(self.of_ssdp(message)), None])
            }
            Message::Llmnr(message) => {
                let (question, query) = self.of_llmnr(message);
                (true, [Some(question), Some(query)])
            }
            Message::Wsd(message) => (true, [Some(self.of_wsd(message)), None]),
            _ => (true, [None, None]),
        };
        let is_known = |hash: u64| {
            let last = messages.get(now, (view.source, view.protocol, hash));
            last.is_some_and(Last::is_full)
        };
        let is_steady = is_full && pace.any.is_full() && hashes.into_iter().flatten().all(is_known);
        is_steady.then(|| steady.remembering(BURST_MAX))
    }

    fn pace(&mut self, view: &View<'_>, findings: &mut Findings) {
        let now = view.now;
        let pace = self.paces.entry(now, (view.source, view.protocol), SourcePace::default).value;
        // In a flood at exactly the limit, the last message belongs to it.
        if pace.any.gap(now, BURST_MAX).is_some_and(|gap| gap <= BURST) {
            findings.matched(Cause::DiscoveryFlood);
        }
        pace.any.push(now);
        let Message::Ssdp(message) = &view.observation.message else { return };
        let last = match message.kind {
            ssdp::Kind::Alive => &mut pace.alive,
            ssdp::Kind::Search => &mut pace.search,
            ssdp::Kind::ByeBye
            | ssdp::Kind::Update
            | ssdp::Kind::Notify
            | ssdp::Kind::Response
            | ssdp::Kind::Other => return,
        };
        if last.gap(now, BURST_MAX).is_some_and(|gap| gap < BURST) {
            let gap = last.gap(now, 1);
            findings.offend(Offence { rule: Rule::SsdpBurst, subject: None, gap });
        }
        last.push(now);
    }

    fn ssdp(&mut self, view: &View<'_>, message: &ssdp::Message<'_>, findings: &mut Findings) {
        let what = self.of_ssdp(message);
        let is_notification = match message.kind {
            ssdp::Kind::Alive | ssdp::Kind::ByeBye | ssdp::Kind::Update | ssdp::Kind::Notify => {
                true
            }
            ssdp::Kind::Search | ssdp::Kind::Response | ssdp::Kind::Other => false,
        };
        let limit = is_notification.then_some((Rule::SsdpRepeat, SENT_MAX, NOTIFIED));
        self.again(view, what, limit, findings);
    }

    /// What distinguishes a message. A device with several addresses announces itself with one
    /// location for each.
    fn of_ssdp(&self, message: &ssdp::Message<'_>) -> u64 {
        let what = (message.kind as u8, message.target, message.usn, message.location);
        self.state.hash_one(what)
    }

    /// What distinguishes a question, and what the query that it is in.
    fn of_llmnr(&self, message: &llmnr::Message<'_>) -> (u64, u64) {
        let mut name = [0; 255];
        let len = message.name.len().min(name.len());
        name[..len].copy_from_slice(&message.name[..len]);
        name[..len].make_ascii_lowercase();
        let mut hasher = self.state.build_hasher();
        hasher.write_u16(message.rtype);
        hasher.write_u16(message.header.flags & 0x8000);
        hasher.write(&name[..len]);
        // A flood may have a new id in each query, but a retransmission has its query's.
        let question = hasher.finish();
        (question, self.state.hash_one((question, message.header.id)))
    }

    fn of_wsd(&self, message: &wsd::Message<'_>) -> u64 {
        let what =
            (message.message_id, message.message_id.is_none().then_some(message.action as u8));
        self.state.hash_one(what)
    }

    fn llmnr(&mut self, view: &View<'_>, message: &llmnr::Message<'_>, findings: &mut Findings) {
        if message.header.is_response() {
            // Only what is sent to a group comes here.
            findings.offend(Offence { rule: Rule::LlmnrAnswer, subject: None, gap: None });
        }
        let (question, query) = self.of_llmnr(message);
        let is_query = !message.header.is_response() && !message.name.is_empty();
        let limit = is_query.then_some((Rule::LlmnrRepeat, SENT_MAX, TRANSMITTED));
        self.again(view, query, limit, findings);
        self.again(view, question, None, findings);
    }

    fn wsd(&mut self, view: &View<'_>, message: &wsd::Message<'_>, findings: &mut Findings) {
        let what = self.of_wsd(message);
        let limit = message.message_id.map(|_| (Rule::WsdRepeat, COPIES_MAX, REMEMBERED));
        self.again(view, what, limit, findings);
    }

    /// Remembers that a message came; a hash distinguishes it from others of its source. It has the
    /// signature if it came too often in [`AGAIN`], and breaks the rule if it came more often than
    /// so many times in so long.
    fn again(
        &mut self,
        view: &View<'_>,
        what: u64,
        limit: Option<(Rule, usize, Duration)>,
        findings: &mut Findings,
    ) {
        let now = view.now;
        let key = (view.source, view.protocol, what);
        let last = self.messages.entry(now, key, Last::default).value;
        if last.gap(now, SENT_MAX).is_some_and(|gap| gap <= AGAIN) {
            findings.matched(Cause::DiscoveryFlood);
        }
        if let Some((rule, max, window)) = limit
            && last.gap(now, max).is_some_and(|gap| gap <= window)
        {
            let gap = last.gap(now, 1);
            findings.offend(Offence { rule, subject: None, gap });
        }
        last.push(now);
    }
}
