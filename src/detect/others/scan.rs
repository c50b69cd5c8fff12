//! Devices that ask for one address after the other.
//!
//! Counts ARP requests and neighbour solicitations: [`Cause::AddressScan`] is on those of a device
//! that asked for 16 addresses or more, in either family, within 10 s. Asking for an address before
//! taking it (RFC 5227, RFC 4862 section 5.4) counts as asking; a device that announces its own
//! address does not ask. What it asks for again and again ([`Cause::AddressRepeat`]) is no part of
//! its scan.

use crate::decode::mdns::HashKey;
use crate::decode::{Message, Sender, nd};
use crate::detect::cause::Cause;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use crate::time::Time;
use ahash::RandomState;
use std::time::Duration;

/// From this many addresses on it is a scan.
const TARGETS: usize = 16;
/// They are asked for within this time.
const WINDOW: Duration = Duration::from_secs(10);

/// The last 16 addresses that a device asked for, by keyed hash: if it asked for 16 within the
/// window, they are all here.
#[derive(Clone, Debug)]
struct Targets {
    hashes: [u32; TARGETS],
    /// When each was asked for last.
    asked: [Time; TARGETS],
    /// How many there are.
    count: u8,
}

impl Targets {
    const fn new() -> Self {
        Self { hashes: [0; TARGETS], asked: [Time(0); TARGETS], count: 0 }
    }

    /// Adds one. Returns whether so many were asked for within the window.
    fn ask(&mut self, now: Time, hash: u32) -> bool {
        let count = usize::from(self.count);
        let known = self.hashes[..count].iter().position(|other| *other == hash);
        let place = known.unwrap_or_else(|| {
            if count < TARGETS {
                self.count += 1;
                return count;
            }
            (0..TARGETS).min_by_key(|place| self.asked[*place]).unwrap_or(0)
        });
        self.hashes[place] = hash;
        self.asked[place] = now;
        usize::from(self.count) == TARGETS
            && self.asked.iter().all(|asked| now.since(*asked) <= WINDOW)
    }
}

/// Who asked for what. At most 1,024 devices, 220 KiB; devices asked 10 s ago are forgotten.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Hashes the addresses asked for.
    state: RandomState,
    devices: Table<Sender, Targets, 128>,
}

impl Scan {
    /// Nobody asked yet. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { state: key.state(), devices: Table::new(key, WINDOW) }
    }

    /// What is promised of copies of the frame that was just heard: of requests that are repeats.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        findings: &Findings,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { state: _, devices } = self;
        let (Some(_), Some(sender)) = (self.target(view), view.observation.sender) else {
            return Some(steady);
        };
        let is_repeat = findings.signatures().contains(Cause::AddressRepeat);
        (is_repeat && devices.holds(view.now, sender)).then_some(steady)
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(target) = self.target(view) else { return };
        let Some(sender) = view.observation.sender else { return };
        let targets = self.devices.entry(view.now, sender, Targets::new).value;
        #[allow(clippy::cast_possible_truncation, reason = "32 bits tell 16 addresses apart")]
        let hash = target as u32;
        let is_repeat = findings.signatures().contains(Cause::AddressRepeat);
        if targets.ask(view.now, hash) && !is_repeat {
            findings.matched(Cause::AddressScan);
        }
    }

    /// The address that the frame asks for, by its hash.
    fn target(&self, view: &View<'_>) -> Option<u64> {
        let message = &view.observation.message;
        if let Message::Arp(message) = message
            && message.is_request()
            && !message.is_gratuitous()
        {
            Some(self.state.hash_one(message.target_ip))
        } else if let Message::Nd(message) = message
            && message.kind == nd::Kind::NeighbourSolicitation
        {
            message.target.map(|target| self.state.hash_one(target))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0_u32..24, 0_u64..1_500), 1..200)) {
            let mut targets = Targets::new();
            let mut model: HashMap<u32, Time> = HashMap::new();
            let mut now = Time(0);
            for (target, millis) in steps {
                now = now.plus(Duration::from_millis(millis));
                model.insert(target, now);
                let recent = model.values().filter(|asked| now.since(**asked) <= WINDOW).count();
                prop_assert_eq!(targets.ask(now, target), recent >= TARGETS);
            }
        }
    }
}
