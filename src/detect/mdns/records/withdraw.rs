//! A record that goes and comes back again and again: withdrawn with TTL 0 (RFC 6762 section 10.1),
//! and then sent again as if nothing had happened.

use crate::detect::memory::recent::Recent;
use crate::detect::steady::Steady;
use crate::time::Time;
use std::time::Duration;

/// A record that goes and comes back this often...
const TRIPS: u8 = 3;
/// ... in this time, from the first goodbye on, flaps.
const PERIOD: Duration = Duration::from_mins(1);

/// When a record went that came back since. 32 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Withdrawn {
    /// The goodbyes after which it came back.
    trips: Recent<{ TRIPS as usize - 1 }>,
    is_gone: bool,
}

impl Withdrawn {
    /// A goodbye of it.
    pub(super) const fn go(&mut self) {
        self.is_gone = true;
    }

    /// It is sent; its last goodbye was at `gone`. Returns whether it was withdrawn until now.
    pub(super) fn come(&mut self, gone: Time) -> bool {
        let is_back = self.is_gone;
        if is_back {
            self.is_gone = false;
            self.trips.push(gone);
        }
        is_back
    }

    /// Until when it flaps, or does not.
    pub(super) fn steady(&self, now: Time, steady: Steady) -> Steady {
        self.trips.steady(TRIPS, now, PERIOD, steady)
    }

    /// Whether it flaps.
    pub(super) fn is_flapping(&self, now: Time) -> bool {
        self.trips.are_within(TRIPS, now, PERIOD)
    }
}
