//! Router advertisements that come too fast (RFC 4861 section 6.2.6): rule `ra_interval`.
//!
//! Those to a group, by MAC and source address: several routers may be behind one MAC, each with an
//! address of its own. Answers to a solicitation may go to the group too, and must wait as well.

use crate::decode::mdns::HashKey;
use crate::decode::{Message, nd};
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::rule::Rule;
use crate::detect::view::{Findings, Offence, View};
use crate::time::Time;
use std::time::Duration;

/// `MIN_DELAY_BETWEEN_RAS`.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long an advertisement is remembered.
const MEMORY: Duration = Duration::from_mins(1);

/// When each router last advertised itself to a group. At most 256 of them, 8 KiB.
#[derive(Debug)]
pub(crate) struct Routers {
    advertised: Table<SourceId, Time, 32>,
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
        if message.kind != nd::Kind::RouterAdvertisement
            || !observation.ip.is_some_and(|ip| ip.destination.is_multicast())
        {
            return;
        }
        let now = view.now;
        let place = self.advertised.entry(now, view.source, || now);
        let gap = now.since(*place.value);
        *place.value = now;
        let least = INTERVAL.saturating_sub(view.vantage.tolerance(INTERVAL));
        if !place.is_new && gap < least {
            findings.offend(Offence { rule: Rule::RaInterval, subject: None, gap: Some(gap) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        assert_eq!(Table::<SourceId, Time, 32>::BYTES_MAX, 8 << 10);
    }
}
