//! One segment's state: which devices were heard, how much they sent, and who they are.
//! Observations come in with their time, a bounded [`Snapshot`] goes out. No IO and no clock: a
//! week of capture replays in seconds through the very code that runs live.
//!
//! Method families: `handle_*` take input, `snapshot` reads, `poll_*` gives what has happened, once.
//!
//! | file | reason |
//! |---|---|
//! | `rows` | one row a sender: who gets one, who gives it up |
//! | `seconds` | frames by whole second |
//! | `storms` | when a second closes: the storms of all devices and of the segment |
//! | `history` | frames over the whole of a file |
//! | `outcome` | what handling a frame came to |
//! | `payloads` | digests of payloads that came before |
//! | `judging` | what is judged when there is no time for all |
//! | `run` | copies of one frame in a row, counted together |
//! | `identity` | who a device is |
//! | `local` | which senders are this host |
//! | `errors` | what could not be decoded |
//! | `snapshot` | what a reader sees |

mod errors;
mod history;
mod identity;
mod judging;
mod local;
mod outcome;
mod payloads;
mod rows;
pub(crate) mod run;
mod seconds;
mod snapshot;
mod storms;

pub use history::History;
pub use judging::Judging;
pub use local::Local;
pub use rows::budget::Budget;
pub use snapshot::{
    Address, Category, DeviceCounters, DeviceSnapshot, Histogram, Identity, Received,
    SECOND_BOUNDS, Snapshot,
};

use crate::decode::mdns::{Datagram, Digest, HashKey, Header, Kind, PayloadHash};
use crate::decode::{Cast, Class, Message, Observation, Protocol, Sender};
use crate::detect::{
    Arrival, Came, CauseSet, Counted, Detectors, Hardness, Horizon, LastOffence, SenderKey,
    Vantage, Verdict,
};
use crate::frame::Backlog;
use crate::mac::Mac;
use crate::storm::{EndReason, Storm, StormEvent, StormPolicy, What};
use crate::time::{Stamp, Time};
use ahash::RandomState;
use errors::Errors;
use identity::claims;
use identity::contest::{Contest, Dispute, Subject};
use identity::hearing::{Disputes, Hearing};
use outcome::Outcome;
use payloads::{PARSER, Parser, Payloads};
use rows::table::{self, Table};
use seconds::SegmentSeconds;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use storms::Storms;

/// What an engine is given when it is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// Rows of the device table, shared by all engines of the process.
    pub budget: Arc<Budget>,
    /// Idle time after which a device is forgotten; `None` never forgets (analyze).
    pub expiry: Option<Duration>,
    /// This host's own MACs and addresses: marked local.
    pub local: Arc<Local>,
    /// What multicast IP in unicast frames is counted as.
    pub converted: Converted,
    /// What is read to the end.
    pub judging: Judging,
    /// What counts as being there: queriers, groups, services and what is asked for.
    pub horizon: Horizon,
    /// Storms that are over and still reported, the latest; 232 bytes each and at most 700 more:
    /// what they are about and who asks.
    pub storms_kept: usize,
}

impl Config {
    /// Storms that are over and remembered while the exporter runs.
    pub const STORMS_LIVE: usize = 256;
    /// Storms that are over and reported of files.
    pub(crate) const STORMS_OF_FILES: usize = 10_000;

    /// For unit tests: a live engine that never forgets, for this many devices.
    #[cfg(test)]
    pub(crate) fn for_tests(devices: usize) -> Self {
        Self {
            budget: Arc::new(Budget::new(devices)),
            expiry: None,
            local: Arc::default(),
            converted: Converted::Live,
            judging: Judging::Everything,
            horizon: Horizon::Now,
            storms_kept: Self::STORMS_LIVE,
        }
    }
}

/// What a multicast IP packet in a unicast frame is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Converted {
    /// In a file nobody knows whose machine it was sent to: it counts in no protocol and for no
    /// device, except for UDP port 5353, which is unicast mDNS.
    Files,
    /// It was sent to this machine, by a Wi-Fi access point that converts multicast: its protocol.
    Live,
}

/// The state of one segment.
///
/// Time never goes back: what comes late counts as if it came now. Memory is fixed by
/// [`Config::budget`] and by the bounds of the tables.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    key: HashKey,
    hasher: RandomState,
    parser: Parser,
    /// When it last heard of anything; `None` before the first time.
    now: Option<Time>,
    frames: u64,
    converted: u64,
    packets: [u64; Protocol::COUNT],
    bytes: [u64; Protocol::COUNT],
    errors: Errors,
    tally: SegmentSeconds,
    /// Empty but for files.
    history: History,
    table: Table,
    /// Frames whose sender has no row; boxed because most segments never have one.
    other: Option<Box<DeviceCounters>>,
    payloads: Payloads,
    contest: Contest,
    detectors: Detectors,
    storms: Storms,
    /// `None` where everything is judged.
    allowance: Option<Box<judging::Allowance>>,
    vantage: Arc<Vantage>,
    /// What the last frame came to.
    last: Outcome,
}

/// Whether a frame may be left unjudged for want of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    Some,
    None,
}

/// What happened to the interface under a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody listens from now on: the interface came up, or was there at start.
    Up,
    /// Nobody listens from now on, until [`Event::Up`]: seconds are not counted as silent ones.
    Down,
    /// The kernel dropped so many frames before they were read.
    Dropped(u64),
    /// Nothing was read from now on until then: this process was stopped, or had no time. What
    /// the kernel kept meanwhile is still to come.
    Unread {
        /// When reading went on.
        until: Time,
    },
    /// The exporter is about to end.
    Stopping,
    /// The clock stepped.
    ClockStep,
}

impl Engine {
    /// An empty engine. `key` keeps the network from choosing what collides in its tables.
    pub fn new(config: Config, key: HashKey) -> Self {
        Self::with_parser(config, key, PARSER)
    }

    fn with_parser(config: Config, key: HashKey, parser: Parser) -> Self {
        let [a, b, c, d] = key.0;
        Self {
            hasher: RandomState::with_seeds(d, a, b, c),
            parser,
            now: None,
            frames: 0,
            converted: 0,
            packets: [0; Protocol::COUNT],
            bytes: [0; Protocol::COUNT],
            errors: Errors::default(),
            tally: SegmentSeconds::default(),
            history: History::default(),
            table: Table::new(&config.budget, config.expiry, Arc::clone(&config.local), key),
            other: None,
            payloads: Payloads::new(key),
            contest: Contest::new(key),
            detectors: Detectors::new(key, config.horizon),
            storms: Storms::new(config.storms_kept),
            allowance: judging::Allowance::new(config.judging),
            vantage: Arc::default(),
            last: Outcome::Other,
            config,
            key,
        }
    }

    /// Counts one frame of this segment. `time` should not be before the last one (it is clamped
    /// if it is); `stamp` is the wall clock's time of the same instant.
    pub fn handle_frame(&mut self, time: Time, stamp: Stamp, observation: &Observation<'_>) {
        self.hear((time, stamp), observation, Haste::Some);
    }

    /// The same for one of the last few copies of a run, which must be judged.
    pub(crate) fn handle_copy(&mut self, time: Time, stamp: Stamp, observation: &Observation<'_>) {
        self.hear((time, stamp), observation, Haste::None);
    }

    fn hear(&mut self, (time, stamp): (Time, Stamp), observation: &Observation<'_>, haste: Haste) {
        let now = self.advance(time);
        let Some((protocol, sender, came)) = self.receive(now, observation) else { return };
        self.packets[protocol.index()] += 1;
        self.bytes[protocol.index()] += u64::from(observation.wire_len);
        if self.keeps_history() {
            self.history.count(now.second(), protocol, 1);
        }
        if is_in_rate(observation.class(protocol)) {
            self.tally.count();
        }
        let row = observation.sender.and_then(|sender| self.table.touch(now, stamp, sender));
        if haste == Haste::Some
            && let Some(allowance) = &mut self.allowance
        {
            let whose = row.map(|row| (row.whose(now), &mut row.judged));
            if !allowance.admits(now.second(), whose) {
                self.count_unjudged((now, stamp), observation, protocol);
                return;
            }
        }
        self.judge((now, stamp), (observation, sender), protocol, came);
    }

    /// Reads a frame to its end, judges it, and counts it in the row that it was given.
    fn judge(
        &mut self,
        (now, stamp): (Time, Stamp),
        (observation, sender): (&Observation<'_>, SenderKey),
        protocol: Protocol,
        came: Came,
    ) {
        let message = if let Message::Mdns(datagram) = &observation.message {
            let read = || (self.parser)(datagram, &self.key);
            Some((datagram, self.payloads.digest(datagram.payload, datagram.complete, read)))
        } else {
            None
        };
        let mdns = message.map(|(datagram, (payload, digest))| (datagram, payload, digest));
        let decoded = mdns.map_or([0; 4], |(_, _, digest)| {
            self.errors.count_flaws(protocol, digest, 1);
            digest.decoded
        });
        if let Some(allowance) = &mut self.allowance {
            allowance.spend(decoded.iter().map(|records| u64::from(*records)).sum());
        }
        let mut row = self.table.touched(observation.sender);
        let wants = row.as_ref().and_then(|row| row.storms.wants_detail(now.second()));
        let parts = row.as_mut().map(|row| (&mut row.memory, row.expected.as_deref()));
        let (memory, expected) = parts.unzip();
        let limits = self.storms.condition_limits(protocol, expected.flatten());
        let vantage = &*self.vantage;
        let frame = Counted {
            now,
            stamp,
            observation,
            protocol,
            sender,
            mdns,
            came,
            vantage,
            limits,
            wants,
        };
        let Verdict { kind, signatures, provoked_by, provoked_as, loop_doubt, detail } =
            self.detectors.handle(&frame, memory);
        let class = observation.class(protocol);
        let what = What { protocol, class, signatures, is_judged: true };
        let is_due = self.storms.count((now, stamp), (what, loop_doubt), row.as_deref_mut());
        let bytes = u64::from(observation.wire_len);
        let mut disputes = Disputes::default();
        let is_plain =
            row.is_some() && provoked_by.is_none() && loop_doubt.is_none() && detail.is_none();
        if let Some(row) = row {
            row.counters.count((protocol, bytes), kind, decoded, 1);
            row.received.handle(observation, protocol);
            if is_in_rate(class) {
                row.seconds.count(now.second());
            }
            if let Some(asker) = provoked_by {
                row.storms.answer(asker);
            }
            if let Some(detail) = detail {
                row.storms.tell(now.second(), detail);
            }
            disputes = identify(
                now,
                (&self.hasher, &self.vantage),
                &mut self.contest,
                observation,
                mdns,
                row,
            );
            if is_due {
                self.table.set_due();
            }
        } else {
            let other = self.other.get_or_insert_default();
            other.count((protocol, bytes), kind, decoded, 1);
        }
        if let Some(asker) = provoked_by {
            self.storms.provoke(now, (what, provoked_as), asker, &mut self.table);
        }
        // The device that lost a row to this sender may have had a storm.
        self.storms.bury(now, &mut self.table);
        if is_plain && disputes.iter().all(Option::is_none) {
            let booked = self.detectors.booked();
            self.last = Outcome::Plain { what, kind, decoded, booked };
        }
        if let Some(sender) = observation.sender {
            for dispute in disputes.into_iter().flatten() {
                self.settle(sender, dispute);
            }
        }
    }

    /// Counts a frame in the row that it was given, by what its header says.
    ///
    /// What it asks or says is not known, so nothing can be told from the silence of others.
    fn count_unjudged(
        &mut self,
        (now, stamp): (Time, Stamp),
        observation: &Observation<'_>,
        protocol: Protocol,
    ) {
        let begins_gap =
            |allowance: &mut Box<judging::Allowance>| allowance.begins_gap(now.second());
        if self.allowance.as_mut().is_some_and(begins_gap) {
            self.detectors.handle_gap(now);
        }
        let kind = if let Message::Mdns(datagram) = &observation.message {
            Some(Kind::by_header(datagram))
        } else {
            None
        };
        let class = observation.class(protocol);
        let what = What { protocol, class, signatures: CauseSet::default(), is_judged: false };
        let bytes = u64::from(observation.wire_len);
        let mut row = self.table.touched(observation.sender);
        let is_due = self.storms.count((now, stamp), (what, None), row.as_deref_mut());
        if let Some(row) = row {
            row.counters.count((protocol, bytes), kind, [0; 4], 1);
            row.received.handle(observation, protocol);
            if is_in_rate(class) {
                row.seconds.count(now.second());
            }
            if is_due {
                self.table.set_due();
            }
        } else {
            self.other.get_or_insert_default().count((protocol, bytes), kind, [0; 4], 1);
        }
        self.storms.bury(now, &mut self.table);
    }

    /// So many frames wait after those that come next.
    pub fn handle_backlog(&mut self, backlog: Backlog) {
        if let Some(allowance) = &mut self.allowance {
            allowance.set_backlog(backlog);
        }
    }

    /// What a frame is counted as, and how it came; `None` if it is counted no further.
    fn receive(
        &mut self,
        now: Time,
        observation: &Observation<'_>,
    ) -> Option<(Protocol, SenderKey, Came)> {
        self.last = Outcome::Other;
        self.frames += 1;
        self.converted += u64::from(observation.cast == Cast::Converted);
        let live = match self.config.converted {
            Converted::Live => true,
            Converted::Files => false,
        };
        let protocol = observation.counted_as(live);
        let sender = self.detectors.sender(observation.sender);
        let arrival = protocol.map(|protocol| {
            self.detectors.receive(now, (observation, sender), protocol, &self.vantage)
        });
        if arrival == Some(Arrival::Copy) {
            return None;
        }
        observation.issues.iter().for_each(|issue| self.errors.count(issue, 1));
        let (Some(protocol), Some(Arrival::Counts(came))) = (protocol, arrival) else {
            self.last = Outcome::Uncounted;
            return None;
        };
        Some((protocol, sender, came))
    }

    /// What two devices claim names neither, unless it is the name of one host that they both are.
    fn settle(&mut self, claimant: Sender, dispute: Dispute) {
        let Dispute { subject, rival, costs_claimant, costs_rival } = dispute;
        let is_one_host = matches!(subject, Subject::Name(_))
            && self
                .table
                .get(claimant)
                .zip(self.table.get(rival))
                .is_some_and(|(one, other)| one.profile.is_one_host(&other.profile));
        for (sender, costs) in [(claimant, costs_claimant), (rival, costs_rival)] {
            if let Some(row) = self.table.get_mut(sender) {
                row.profile.contest(subject, costs && !is_one_host);
                row.profile.settle();
            }
        }
    }

    /// Closes whole seconds, expires devices. Called at least once a second, without frames too.
    pub fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
    }

    /// Suspends the rules that rest on silence for 2 s, unless nobody listens any more.
    pub fn handle_event(&mut self, now: Time, event: Event) {
        let now = self.advance(now);
        match event {
            Event::Up => {
                self.tally.resume(now.second());
                self.storms.listen(now);
                self.detectors.handle_gap(now);
            }
            Event::Down => {
                self.tally.pause();
                self.detectors.handle_down();
                self.storms.end_all(now, EndReason::InterfaceGone, &mut self.table);
            }
            Event::Stopping => self.storms.end_all(now, EndReason::Shutdown, &mut self.table),
            Event::Dropped(frames) => {
                self.storms.lose(now, frames);
                self.detectors.handle_gap(now);
            }
            Event::Unread { until } => {
                self.storms.miss(now, until);
                self.detectors.handle_gap(until);
            }
            Event::ClockStep => self.detectors.handle_gap(now),
        }
    }

    /// Learns this host's own MACs and addresses, which change as interfaces come and go: devices
    /// are marked local by these from now on.
    pub fn handle_local(&mut self, local: &Arc<Local>) {
        if self.config.local == *local {
            return;
        }
        self.table.set_local(Arc::clone(local));
        self.config.local = Arc::clone(local);
    }

    /// Learns what the interface under the segment is.
    pub fn handle_vantage(&mut self, vantage: &Arc<Vantage>) {
        self.vantage = Arc::clone(vantage);
    }

    /// Applies other limits and names to all devices from now on.
    pub fn handle_policy(&mut self, policy: &Arc<StormPolicy>) {
        let now = self.now.unwrap_or_default();
        self.storms.set_policy(now, policy, &mut self.table);
    }

    /// What has happened to a storm, once, in the order in which it happened. At most 256 wait
    /// here; the oldest are lost.
    pub fn poll_storm_event(&mut self) -> Option<StormEvent> {
        self.storms.poll_event()
    }

    /// Who a device is, if it has a row.
    pub fn identity(&self, sender: Sender) -> Option<Arc<Identity>> {
        self.table.get(sender).map(|row| Arc::clone(row.profile.identity()))
    }

    /// Which rules a device broke at `since` or later, by the wall clock: how often so far, and the
    /// last time. Hard ones first.
    pub(crate) fn broken(&self, sender: Sender, since: Stamp) -> Vec<(u64, &LastOffence)> {
        let violations = self.table.get(sender).and_then(|row| row.memory.violations.as_ref());
        let offences = violations.into_iter().flat_map(|violations| {
            let recent = violations.last().iter().filter(move |last| last.at >= since);
            recent.map(|last| (violations.counts()[last.rule], last))
        });
        let mut broken: Vec<_> = offences.collect();
        broken.sort_by_key(|(count, last)| {
            (last.rule.hardness() == Hardness::Soft, Reverse(*count), last.rule)
        });
        broken
    }

    /// Learns the MACs of devices that are named by their IP address, from the neighbour table of
    /// the kernel. Must be repeated from time to time: devices without a row are not remembered.
    pub(crate) fn handle_neighbours(&mut self, neighbours: &[(IpAddr, Mac)]) {
        for &(ip, mac) in neighbours {
            let sender = Sender::Ip(ip);
            if let Some(row) = self.table.get_mut(sender) {
                row.profile.learn_mac(sender, mac, &self.config.local);
            }
        }
    }

    /// The causes whose signature the last frame has that was counted.
    pub const fn signatures(&self) -> CauseSet {
        self.detectors.signatures()
    }

    /// A copy of all that is known, bounded by the budget. To be rendered after the engine's lock
    /// is released. Reads only: two readers see the same.
    pub fn snapshot(&self) -> Snapshot {
        let time = self.now.unwrap_or_default();
        let rows = self.table.rows();
        let evicted = self.table.evicted();
        let running = time.second();
        let storm = |row: &table::Row| row.storms.storm(running, row.seconds.window());
        let segment_storm = self.storms.of_segment(running);
        let log = self.storms.log();
        let open = rows.iter().filter_map(storm).chain(segment_storm.clone());
        let mut storms: Vec<Storm> = open.chain(log.over().cloned()).collect();
        storms.sort_unstable_by_key(|storm| storm.number);
        let lately = || self.storms.lately(time);
        // Of each device the latest: it comes first.
        let mut past = HashMap::new();
        for storm in lately() {
            if let Some(sender) = storm.culprit.sender() {
                past.entry(sender).or_insert(storm);
            }
        }
        let past_segment_storm = lately().find(|storm| storm.culprit.sender().is_none());
        let device = |row: &table::Row| DeviceSnapshot {
            sender: row.sender,
            counters: row.counters.clone(),
            received: row.received,
            peak_minute: row.seconds.peak_minute(time.second()),
            latest: row.seconds.latest(time.second()),
            peak_ever: row.seconds.peak_ever(),
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            last_active: row.last_active,
            provoked: row.provoked,
            exposed: row.exposed,
            identity: Arc::clone(row.profile.identity()),
            violations: row.memory.violations.as_ref().map(|v| Box::new(*v.counts())),
            offences: row.memory.violations.as_ref().map_or_else(Vec::new, |v| v.last().to_vec()),
            conditions: row.memory.conditions.as_ref().map_or_else(Vec::new, |c| c.all(time)),
            storm: storm(row),
            past_storm: past.get(&row.sender).map(|storm| (*storm).clone()),
            storms_begun: row.storms.begun(),
        };
        Snapshot {
            time,
            packets: self.packets,
            bytes: self.bytes,
            frames: self.frames,
            converted: self.converted,
            unjudged: self.allowance.as_ref().map_or(0, |allowance| allowance.unjudged()),
            decode_errors: self.errors.iter().collect(),
            per_second: self.tally.closed().clone(),
            history: self.history.clone(),
            tracked: rows.len(),
            evicted_expired: evicted.expired,
            evicted_capacity: evicted.capacity,
            health: self.detectors.health(time, &rows.iter().map(|row| row.sender)),
            devices: rows.iter().map(device).collect(),
            other: self.other.as_deref().cloned(),
            violations: *self.detectors.violations(),
            conditions_begun: *self.detectors.conditions_begun(),
            storms,
            segment_storm,
            past_segment_storm: past_segment_storm.cloned(),
            storms_forgotten: log.forgotten(),
            storms_ended: *log.ended(),
        }
    }

    /// Whether frames are counted over the whole of a file.
    fn keeps_history(&self) -> bool {
        self.config.horizon == Horizon::Whole
    }

    /// Moves the time on, never back, and closes what has passed. A new engine begins suspended.
    fn advance(&mut self, time: Time) -> Time {
        let Some(before) = self.now else {
            self.now = Some(time);
            self.detectors.handle_gap(time);
            self.tally.advance(time.second());
            self.storms.listen(time);
            return time;
        };
        let now = before.max(time);
        self.now = Some(now);
        if before.second() < now.second() {
            self.storms.close(before.second(), now.second(), &mut self.table);
            self.tally.advance(now.second());
            self.table.tick(now);
            self.detectors.handle_second(now);
            self.storms.bury(now, &mut self.table);
        }
        now
    }
}

/// Learns what a frame says of its sender. `message` is its mDNS message with the payload's hash.
/// Returns what others claim too.
fn identify(
    now: Time,
    (hasher, vantage): (&RandomState, &Vantage),
    contest: &mut Contest,
    observation: &Observation<'_>,
    message: Option<(&Datagram<'_>, PayloadHash, &Digest)>,
    row: &mut table::Row,
) -> Disputes {
    let is_relay = row.memory.relay.is_relay();
    row.profile.keep_name(row.memory.is_contested(now));
    row.profile.set_relay(is_relay);
    let mut hearing = Hearing::new(now, row.sender, contest, &mut row.profile);
    claims::of_sender(observation, &vantage.subnets, |claim| hearing.hear(claim));
    let is_news = if let Message::Ssdp(message) = &observation.message {
        // There are many strings to search; a storm says the same again and again.
        hearing.profile().looks_into(hasher.hash_one((message.target, message.server)), now)
    } else {
        true
    };
    if is_news {
        claims::of_message(observation, |claim| hearing.hear(claim));
    }
    if let Some((datagram, hash, digest)) = message
        && !is_relay
        && datagram.header.is_some_and(Header::is_response)
        && !digest.hints.is_empty()
    {
        // The same payload comes over IPv4 and IPv6, and proves another address each time.
        let is_v6 = observation.ip.is_some_and(|ip| ip.source.is_ipv6());
        if hearing.profile().looks_into(hash.0 ^ u64::from(is_v6), now) {
            claims::of_response(observation, digest, |claim| hearing.hear(claim));
        }
    }
    hearing.profile().settle();
    hearing.disputes()
}

/// Whether the segment's rate counts frames of the class.
const fn is_in_rate(class: Class) -> bool {
    match class {
        Class::Signalling | Class::Address => true,
        Class::Other | Class::Uncounted => false,
    }
}

#[cfg(test)]
mod tests;
