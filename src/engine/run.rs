//! Copies of one frame that come in a row, counted together.
//!
//! In: a frame that was just handled, and whether copies of it may be counted instead of handled.
//! Out: a [`Promise`], and later the counts. A promise is made where every part of the engine makes
//! one, see [`crate::detect::steady`]; who keeps it, and until when, is the pipeline's business.

use super::identity::hearing;
pub(crate) use super::outcome::Outcome;
use super::rows::table::Row;
use super::{Engine, is_in_rate};
use crate::decode::mdns::NameHash;
use crate::decode::{Cast, Class, Message, Observation, Sender};
use crate::detect::steady::{Copies, Steady};
use crate::detect::{Came, ConditionLimits, Counted};
use crate::storm::What;
use crate::time::{Stamp, Time};

/// What is promised of copies of the frame that was handled last: until when they may be counted,
/// and what must be handled all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// When the frame was handled.
    pub now: Time,
    /// The first instant from which on nothing is promised.
    pub until: Time,
    /// So many of the last copies must be handled, after the others were counted.
    pub tail: usize,
    /// By how many nanoseconds stamps are ahead of engine time, at most, and less by a second at
    /// most; `None` if that does not matter.
    pub ahead: Option<i128>,
    /// Whose frame it is and whether it is of a stream, if it may be evidence.
    pub evidence: Option<(Sender, bool)>,
}

/// What a frame has to do with others that come in turn with it.
#[derive(Clone, Debug)]
pub(crate) struct Dealings {
    sender: Sender,
    /// The names that it asks for, or says something of.
    names: Vec<NameHash>,
    /// What its datagram says, by its hash.
    payload: Option<u64>,
    /// Whether it is a multicast DNS response.
    pub responds: bool,
}

impl Dealings {
    /// Whether neither has anything to do with the other.
    pub(crate) fn are_apart(&self, other: &Self) -> bool {
        let (Sender::Mac(one), Sender::Mac(another)) = (self.sender, other.sender) else {
            return false;
        };
        one != another
            && (self.payload.is_none() || self.payload != other.payload)
            && !self.names.iter().any(|name| other.names.contains(name))
    }
}

impl Engine {
    /// What the frame handled last came to.
    pub(crate) const fn outcome(&self) -> Outcome {
        self.last
    }

    /// What is promised of copies of the frame that was handled last, which is `observation`.
    /// `is_alone` unless another's responses come in turn with it.
    pub(crate) fn steady(&self, observation: &Observation<'_>, is_alone: bool) -> Option<Promise> {
        let now = self.now?;
        let next_second = Time((now.second() + 1).saturating_mul(1_000_000_000));
        let steady = Steady::ALWAYS.until(next_second);
        let steady = if is_alone { steady } else { steady.beside_others() };
        let (steady, ahead, evidence) = match self.last {
            Outcome::Other => return None,
            Outcome::Uncounted => (steady, None, None),
            Outcome::Plain { what, kind, .. } => {
                let sender = observation.sender?;
                let row = self.table.get(sender)?;
                let frame = self.frame(now, observation, what, row)?;
                let steady = row.steady(now, steady)?;
                if !self.storms.is_settled(what, row) {
                    return None;
                }
                let steady = self.detectors.steady(&frame, kind, &row.memory, steady)?;
                let link = (observation, &*self.vantage.subnets);
                let steady = hearing::steady(now, link, &row.profile, steady)?;
                let evidence = match what.class {
                    Class::Other => Some((sender, true)),
                    Class::Signalling | Class::Address => Some((sender, false)),
                    Class::Uncounted => None,
                };
                (steady, Some(self.storms.ahead()), evidence)
            }
        };
        Some(Promise { now, until: steady.end(), tail: steady.tail(), ahead, evidence })
    }

    /// What the frame that was handled last, which is `observation`, has to do with others; `None`
    /// if that is not known.
    pub(crate) fn dealings(&self, observation: &Observation<'_>) -> Option<Dealings> {
        let Outcome::Plain { what, kind, .. } = self.last else { return None };
        let sender = observation.sender?;
        let row = self.table.get(sender).filter(|row| !row.memory.relay.is_relay())?;
        let frame = self.frame(self.now?, observation, what, row)?;
        let mut names = Vec::new();
        if let Some((_, _, digest)) = frame.mdns {
            names.extend(digest.questions.iter().map(|question| question.name));
            for record in &digest.records {
                names.extend([record.name, record.data.as_name()]);
            }
        }
        let payload = observation.udp.map(|udp| self.hasher.hash_one(udp.payload));
        let responds = self.detectors.responds(&frame, kind)?;
        Some(Dealings { sender, names, payload, responds })
    }

    /// A frame as the detectors have it.
    fn frame<'a>(
        &'a self,
        now: Time,
        observation: &'a Observation<'a>,
        what: What,
        row: &'a Row,
    ) -> Option<Counted<'a>> {
        let mdns = if let Message::Mdns(datagram) = &observation.message {
            let (hash, digest) = self.payloads.kept(datagram.payload, datagram.complete)?;
            Some((datagram, hash, digest))
        } else {
            None
        };
        Some(Counted {
            now,
            stamp: Stamp::default(),
            observation,
            protocol: what.protocol,
            sender: self.detectors.sender(Some(row.sender)),
            mdns,
            came: Came::default(),
            vantage: &self.vantage,
            limits: self.storms.condition_limits(what.protocol, row.expected.as_deref()),
            wants: None,
        })
    }

    /// Counts so many copies of a frame, `observation`, that came to `outcome` when it was handled.
    /// What was promised of them must still hold, and the last of them must then be handled.
    pub(crate) fn skip(&mut self, observation: &Observation<'_>, outcome: Outcome, copies: Copies) {
        let Some(now) = self.now else { return };
        let count = copies.count;
        self.frames += count;
        if observation.cast == Cast::Converted {
            self.converted += count;
        }
        observation.issues.iter().for_each(|issue| self.errors.count(issue, count));
        let Outcome::Plain { what, kind, decoded, booked } = outcome else { return };
        let Some(sender) = observation.sender else { return };
        let protocol = what.protocol;
        let few = u32::try_from(count).unwrap_or(u32::MAX);
        let bytes = u64::from(observation.wire_len);
        self.packets[protocol.index()] += count;
        self.bytes[protocol.index()] += bytes * count;
        if self.keeps_history() {
            self.history.count(now.second(), protocol, few);
        }
        let is_in_rate = is_in_rate(what.class);
        if is_in_rate {
            self.tally.skip(count);
        }
        let mut mdns = None;
        if let Message::Mdns(datagram) = &observation.message {
            self.payloads.skip(count);
            let kept = self.payloads.kept(datagram.payload, datagram.complete);
            mdns = kept.map(|(hash, digest)| (datagram, hash, digest));
        }
        if let Some((_, _, digest)) = mdns {
            self.errors.count_flaws(protocol, digest, count);
        }
        let Some(row) = self.table.skip(sender, count) else { return };
        self.storms.skip(now, what, row, few);
        let frame = Counted {
            now,
            stamp: Stamp::default(),
            observation,
            protocol,
            sender: self.detectors.sender(Some(sender)),
            mdns,
            came: Came::default(),
            vantage: &self.vantage,
            limits: self.storms.condition_limits(protocol, row.expected.as_deref()),
            wants: None,
        };
        self.detectors.skip(&frame, (kind, booked), &mut row.memory, copies);
        row.counters.count((protocol, bytes), kind, decoded, count);
        if is_in_rate {
            row.seconds.skip(few);
        }
    }

    /// A copy of a frame, `observation`, that came to `outcome` when it was handled, was the last
    /// response of all, and is not to be handled.
    pub(crate) fn remember(&mut self, observation: &Observation<'_>, outcome: Outcome, at: Time) {
        let Outcome::Plain { what, kind, .. } = outcome else { return };
        let Some(sender) = observation.sender else { return };
        let Message::Mdns(datagram) = &observation.message else { return };
        let Some((hash, digest)) = self.payloads.kept(datagram.payload, datagram.complete) else {
            return;
        };
        let frame = Counted {
            now: at,
            stamp: Stamp::default(),
            observation,
            protocol: what.protocol,
            sender: self.detectors.sender(Some(sender)),
            mdns: Some((datagram, hash, digest)),
            came: Came::default(),
            vantage: &self.vantage,
            limits: &ConditionLimits::OFF,
            wants: None,
        };
        self.detectors.remember(&frame, kind, at);
    }
}
