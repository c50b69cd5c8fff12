//! Copies of one frame that come in a row, counted together.
//!
//! In: a frame that was just handled, and whether copies of it may be counted instead of handled.
//! Out: a [`Promise`], and later the counts. A promise is made where every part of the engine makes
//! one, see [`crate::detect::steady`]; who keeps it, and until when, is the pipeline's business.

use super::identity::hearing;
pub(crate) use super::outcome::Outcome;
use super::{Engine, is_in_rate};
use crate::decode::mdns::Kind;
use crate::decode::{Cast, Class, Message, Observation, Sender};
use crate::detect::steady::Steady;
use crate::detect::{Came, Counted};
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

impl Engine {
    /// What the frame handled last came to.
    pub(crate) const fn outcome(&self) -> Outcome {
        self.last
    }

    /// What is promised of copies of the frame that was handled last, which is `observation`.
    pub(crate) fn steady(&self, observation: &Observation<'_>) -> Option<Promise> {
        let now = self.now?;
        let next_second = Time((now.second() + 1).saturating_mul(1_000_000_000));
        let steady = Steady::ALWAYS.until(next_second);
        let (steady, ahead, evidence) = match self.last {
            Outcome::Other => return None,
            Outcome::Uncounted => (steady, None, None),
            Outcome::Plain { what, kind, .. } => {
                let sender = observation.sender?;
                let steady = self.steady_for(now, observation, sender, (what, kind), steady)?;
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

    fn steady_for(
        &self,
        now: Time,
        observation: &Observation<'_>,
        sender: Sender,
        (what, kind): (What, Option<Kind>),
        steady: Steady,
    ) -> Option<Steady> {
        let row = self.table.get(sender)?;
        let mdns = if let Message::Mdns(datagram) = &observation.message {
            let (hash, digest) = self.payloads.kept(datagram.payload, datagram.complete)?;
            Some((datagram, hash, digest))
        } else {
            None
        };
        let steady = row.steady(now, steady)?;
        if !self.storms.is_settled(what, row) {
            return None;
        }
        let frame = Counted {
            now,
            stamp: Stamp::default(),
            observation,
            protocol: what.protocol,
            sender: self.detectors.sender(Some(sender)),
            mdns,
            came: Came::default(),
            vantage: &self.vantage,
            limits: self.storms.condition_limits(what.protocol, row.expected.as_deref()),
            wants: None,
        };
        let steady = self.detectors.steady(&frame, kind, &row.memory, steady)?;
        hearing::steady(now, (observation, &self.vantage.subnets), &row.profile, steady)
    }

    /// Counts so many copies of the frame that was handled last, which is `observation`. What was
    /// promised of them must still hold, and the last of all must then be handled.
    pub(crate) fn skip(&mut self, observation: &Observation<'_>, copies: u64) {
        let Some(now) = self.now else { return };
        self.frames += copies;
        if observation.cast == Cast::Converted {
            self.converted += copies;
        }
        observation.issues.iter().for_each(|issue| self.errors.count(issue, copies));
        let Outcome::Plain { what, kind, decoded, booked: _ } = self.last else { return };
        let Some(sender) = observation.sender else { return };
        let protocol = what.protocol;
        let few = u32::try_from(copies).unwrap_or(u32::MAX);
        let bytes = u64::from(observation.wire_len);
        self.packets[protocol.index()] += copies;
        self.bytes[protocol.index()] += bytes * copies;
        if self.keeps_history() {
            self.history.count(now.second(), protocol, few);
        }
        let is_in_rate = is_in_rate(what.class);
        if is_in_rate {
            self.tally.skip(copies);
        }
        let mut mdns = None;
        if let Message::Mdns(datagram) = &observation.message {
            self.payloads.skip(copies);
            let kept = self.payloads.kept(datagram.payload, datagram.complete);
            mdns = kept.map(|(hash, digest)| (datagram, hash, digest));
        }
        if let Some((_, _, digest)) = mdns {
            self.errors.count_flaws(protocol, digest, copies);
        }
        let Some(row) = self.table.skip(sender, copies) else { return };
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
        self.detectors.skip(&frame, kind, &mut row.memory, copies);
        row.counters.count((protocol, bytes), kind, decoded, copies);
        if is_in_rate {
            row.seconds.skip(few);
        }
    }
}
