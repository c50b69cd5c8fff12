//! What the detectors remember of one device: it lives in the device's row and is dropped with it.

use super::conditions::Conditions;
use super::violations::{Violations, Withheld};
use crate::detect::condition::ConditionLimits;
use crate::detect::copies::relay::RelayState;
use crate::detect::steady::Steady;
use crate::detect::view::View;
use crate::time::{Stamp, Time};
use std::net::Ipv4Addr;
use std::time::Duration;

/// A name stays contested for this long: the time over which the names of a rename loop are
/// counted.
const CONTESTED: Duration = Duration::from_mins(10);

/// The detectors' state of one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceMemory {
    /// Its violations; made with the first offence.
    pub violations: Option<Box<Violations>>,
    /// What is wrong with it at any rate; made with the first evidence.
    pub conditions: Option<Box<Conditions>>,
    /// Offences that wait until it is known whether it is a relay.
    pub withheld: Option<Box<Withheld>>,
    /// Whether it speaks for others.
    pub relay: RelayState,
    /// Where it last sent mDNS over IPv4 from: says which addresses belong on the same link.
    pub v4: Option<Ipv4Addr>,
    /// When it was last heard in a rename loop or name conflict.
    contested: Option<Time>,
}

impl DeviceMemory {
    /// Ends its conditions that `limits` no longer call so.
    pub(crate) fn limit(&mut self, now: Time, stamp: Stamp, limits: &ConditionLimits) {
        if let Some(conditions) = &mut self.conditions {
            conditions.limit(now, stamp, limits);
        }
    }

    /// What is promised of copies of the frame that was just booked.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { violations: _, conditions: _, withheld: _, relay, v4: _, contested } = self;
        let now = view.now;
        let steady = contested.map_or(steady, |at| steady.while_under(now, at, CONTESTED));
        relay.steady(view, steady)
    }

    /// It renames itself, or another device claims its name.
    pub(crate) const fn contest(&mut self, now: Time) {
        self.contested = Some(now);
    }

    /// Whether what it calls itself is in dispute, so that nobody should take it for its name.
    pub(crate) fn is_contested(&self, now: Time) -> bool {
        self.contested.is_some_and(|at| now.since(at) <= CONTESTED)
    }
}
