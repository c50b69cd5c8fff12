//! Discovery that a relay sends to and fro: programs that pass broadcasts of UDP on to other networks
//! may pass them on to the network that they came from, and who hears its own question there asks
//! again.
//!
//! Takes the datagrams of the signalling protocols but mDNS, compared by port and payload. A relay
//! that keeps the source address is known by it; one that does not is known by the strict turns
//! that the two take. The frames of the relay show [`Cause::Reflection`]; those of the other are
//! provoked by it.
//!
//! Two devices that ask the same for themselves do not take turns for long, nor does one of them always
//! speak soon after the other, and the two cards of one host send at the same instant.

use super::returns::Returns;
use crate::decode::mdns::HashKey;
use crate::decode::{Class, Ip, Protocol, Sender, Udp};
use crate::detect::cause::Cause;
use crate::detect::condition::About;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::{Key, Table};
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use crate::time::Time;
use ahash::RandomState;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What was sent to and fro comes again within this long.
const WINDOW: Duration = Duration::from_millis(250);
/// So many turns in a row show a relay that keeps the source address.
const TURNS: u16 = 3;
/// The same of one that does not.
const TURNS_BY_ORDER: u16 = 10;
/// Frames of one turn at most: a program may send to several groups.
const TURN_MAX: u8 = 4;
/// A relay needs at least so long each time: the cards of one host send at the same instant...
const THROUGH: Duration = Duration::from_micros(100);
/// ... and at most this part of a round, which the other's program takes most of.
const PART: u32 = 3;
/// How much longer than twice the shortest time the longest may be.
const JITTER: Duration = Duration::from_millis(1);
/// Sets of payloads of the last 250 ms: at most 512, 92 KiB.
const PAYLOAD_SETS: usize = 64;

/// Keyed hash of a payload and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct MessageHash(u64);

impl Key for MessageHash {
    fn keyed(&self, _: &RandomState) -> u64 {
        self.0
    }
}

/// One of the two that send a payload.
#[derive(Clone, Copy, Debug)]
struct Party {
    key: SenderKey,
    sender: Sender,
    ip: Option<IpAddr>,
    ttl: u8,
    /// Frames of its last whole turn; 0 before the first.
    turn: u8,
}

/// A payload that two send in turns.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    /// Who was heard with it first, and who next.
    parties: [Option<Party>; 2],
    /// Whose turn it is, and how many frames came in it.
    speaker: usize,
    in_turn: u8,
    last: Time,
    /// Turns in a row.
    turns: u16,
    /// The second's turns among them, if there were any.
    replies: Option<Replies>,
    /// Whether each party's turns all had as many frames.
    is_strict: bool,
}

/// How long after the first's turns those of the second began.
#[derive(Clone, Copy, Debug)]
struct Replies {
    /// When the first of them began.
    first: Time,
    count: u32,
    min: Duration,
    max: Duration,
}

impl Replies {
    /// Whether the second speaks because the first did, as of `now`.
    fn are_passed_on(&self, now: Time) -> bool {
        let round = now.since(self.first) / self.count.saturating_sub(1).max(1);
        self.min >= THROUGH && self.max <= self.min * 2 + JITTER && self.max * PART <= round
    }
}

impl Exchange {
    const fn of(now: Time, party: Party) -> Self {
        Self {
            parties: [Some(party), None],
            speaker: 0,
            in_turn: 0,
            last: now,
            turns: 0,
            replies: None,
            is_strict: true,
        }
    }

    /// One more frame, of `party`.
    fn hear(&mut self, now: Time, party: Party) {
        let there = |known: &Option<Party>| known.is_some_and(|known| known.key == party.key);
        let place = match self.parties.iter().position(there) {
            Some(place) => place,
            None if self.parties[1].is_none() => 1,
            // A third: it begins anew, with who spoke last.
            None => {
                let last = self.parties[self.speaker].unwrap_or(party);
                *self = Self::of(self.last, Party { turn: 0, ..last });
                1
            }
        };
        let known = self.parties[place].get_or_insert(party);
        known.ttl = party.ttl;
        known.ip = party.ip;
        if place == self.speaker {
            self.in_turn = self.in_turn.saturating_add(1).min(TURN_MAX + 1);
            if self.in_turn > TURN_MAX {
                self.forget();
            }
        } else {
            self.pass(now, place);
        }
        self.last = now;
    }

    /// The turn of `speaker` begins.
    fn pass(&mut self, now: Time, speaker: usize) {
        let length = self.in_turn;
        if let Some(before) = &mut self.parties[self.speaker] {
            self.is_strict &= before.turn == 0 || before.turn == length;
            before.turn = length;
        }
        self.turns = self.turns.saturating_add(1);
        if speaker == 1 {
            let delay = now.since(self.last);
            let replies = self.replies.get_or_insert(Replies {
                first: now,
                count: 0,
                min: delay,
                max: delay,
            });
            replies.count = replies.count.saturating_add(1);
            (replies.min, replies.max) = (replies.min.min(delay), replies.max.max(delay));
        }
        self.speaker = speaker;
        self.in_turn = 1;
    }

    /// Turns begin anew.
    fn forget(&mut self) {
        for party in self.parties.iter_mut().flatten() {
            party.turn = 0;
        }
        (self.turns, self.replies) = (0, None);
        self.is_strict = true;
    }

    /// Which of the two is a relay, if one is.
    fn relay(&self) -> Option<usize> {
        let [Some(first), Some(second)] = self.parties else { return None };
        if first.ip.is_some() && first.ip == second.ip && self.turns >= TURNS {
            // Who passes a datagram on may lower its TTL.
            return Some(usize::from(second.ttl <= first.ttl));
        }
        let is_known = self.is_strict && self.turns >= TURNS_BY_ORDER;
        let are_passed_on = || self.replies.is_some_and(|replies| replies.are_passed_on(self.last));
        (is_known && are_passed_on()).then_some(1)
    }
}

/// Datagrams that a relay sends to and fro. At most 100 KiB.
#[derive(Debug)]
pub(super) struct Forwarded {
    state: RandomState,
    sent: Table<MessageHash, Exchange, PAYLOAD_SETS>,
    returns: Returns,
}

impl Forwarded {
    pub(super) fn new(key: HashKey) -> Self {
        Self { state: key.state(), sent: Table::new(key, WINDOW), returns: Returns::new(key) }
    }

    /// What is promised of copies of the frame that was just heard: of one whose sender speaks for
    /// longer than a turn.
    pub(super) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { state: _, sent, returns: _ } = self;
        let Some((hash, ..)) = self.discovery(view) else { return Some(steady) };
        let exchange = sent.get(view.now, hash)?;
        let speaker = exchange.parties[exchange.speaker]?;
        let is_alone = speaker.key == view.sender
            && exchange.in_turn > TURN_MAX
            && exchange.turns == 0
            && exchange.replies.is_none()
            && exchange.parties.iter().flatten().all(|party| party.turn == 0);
        is_alone.then(|| steady.remembering(usize::from(TURN_MAX) + 2))
    }

    /// A datagram of discovery, if the frame is one.
    fn discovery<'a>(&self, view: &View<'a>) -> Option<(MessageHash, Udp<'a>, Sender, Ip)> {
        let observation = view.observation;
        let is_discovery = observation.class(view.protocol) == Class::Signalling
            && !matches!(view.protocol, Protocol::Mdns | Protocol::Dhcp);
        let udp = observation.udp.filter(|udp| is_discovery && udp.complete)?;
        let hash = self.state.hash_one((udp.destination_port, udp.payload));
        Some((MessageHash(hash), udp, observation.sender?, observation.ip?))
    }

    /// Hears one frame.
    pub(super) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let now = view.now;
        let Some((hash, udp, sender, ip)) = self.discovery(view) else { return };
        let party = Party { key: view.sender, sender, ip: Some(ip.source), ttl: ip.ttl, turn: 0 };
        let exchange = self.sent.entry(now, hash, || Exchange::of(now, party)).value;
        exchange.hear(now, party);
        let Some(relay) = exchange.relay() else { return };
        let other = exchange.parties[1 - relay].map(|party| party.sender);
        if exchange.speaker == relay {
            let to = SocketAddr::new(ip.destination, udp.destination_port);
            findings.matched(Cause::Reflection);
            self.returns.add(now, view.sender, Some(About::Destination(to)), other, findings);
        } else if let Some(relay) = exchange.parties[relay] {
            findings.copy();
            findings.provoke_by_copy(relay.sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, Exchange)>>();
        assert!(PAYLOAD_SETS * 8 * each <= 92 << 10, "{each}");
    }
}
