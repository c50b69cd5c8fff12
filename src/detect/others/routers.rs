//! Router advertisements that come too fast (RFC 4861 section 6.2.6): rule `ra_interval`, cause and
//! condition `router_advertisements`.
//!
//! The cause is on each. Rule and condition are about those to a group, by MAC and source address: several routers may be behind one MAC, each with an
//! address of its own. Answers to a solicitation may go to the group too, and must wait as well.

use crate::decode::mdns::HashKey;
use crate::decode::{Message, nd};
use crate::detect::cause::Cause;
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::memory::tally::Tally;
use crate::detect::rule::Rule;
use crate::detect::view::{Findings, Offence, View};
use crate::time::Time;
use std::time::Duration;

/// `MIN_DELAY_BETWEEN_RAS`.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long an advertisement is remembered.
const MEMORY: Duration = Duration::from_mins(1);

/// The advertisements of one router.
#[derive(Clone, Copy, Debug)]
struct Advertised {
    last: Time,
    tally: Tally<1>,
}

/// When each router advertised itself to a group. At most 256 of them, 24 KiB.
#[derive(Debug)]
pub(crate) struct Routers {
    advertised: Table<SourceId, Advertised, 32>,
}

impl Routers {
    /// Nothing was heard yet. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { advertised: Table::new(key, MEMORY) }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let observation = view.observation;
        let Message::Nd(message) = &observation.message else { return };
        if message.kind != nd::Kind::RouterAdvertisement {
            return;
        }
        findings.matched(Cause::RouterAdvertisements);
        let Some(ip) = observation.ip.filter(|ip| ip.destination.is_multicast()) else { return };
        let now = view.now;
        let new = || Advertised { last: now, tally: Tally::default() };
        let place = self.advertised.entry(now, view.source, new);
        let advertised = place.value;
        let gap = now.since(advertised.last);
        advertised.last = now;
        advertised.tally.count(now);
        let least = INTERVAL.saturating_sub(view.vantage.tolerance(INTERVAL));
        if !place.is_new && gap < least {
            findings.offend(Offence { rule: Rule::RaInterval, subject: None, gap: Some(gap) });
        }
        // At most 20 are right.
        if view.limits.is_exceeded(Condition::RouterAdvertisements, advertised.tally.total()) {
            let about = About::Address(ip.source);
            findings.show(Evidence::of(Condition::RouterAdvertisements, about));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        assert_eq!(Table::<SourceId, Advertised, 32>::BYTES_MAX, 24 << 10);
    }
}
