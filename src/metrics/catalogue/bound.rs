//! How many series one process can have at most, from the limits on what is watched. No scrape
//! exceeds this. It must not know any value.

use super::Collector;
use crate::decode::mdns::{Kind as MessageKind, Section};
use crate::decode::{Protocol, Reason};
use crate::detect::{
    AddressFamily, Cause, Condition, DELAY_BOUNDS, Rule, SERVICE_TYPES_MAX, WANTED_TYPES_MAX,
};
use crate::engine::SECOND_BOUNDS;
use crate::host::sockets::PORTS;
use crate::host::syscalls::tally::PLACES;
use crate::privilege::USED;
use crate::storm::Level;

/// Names of system calls on one architecture, at most: the numbers end far below.
pub const CALLS_MAX: usize = 512;

/// Owners of sockets, at most, `unknown` among them.
pub const SOCKET_OWNERS_MAX: usize = 64;

/// Queriers of an address family that are named on a segment, at most.
pub const QUERIERS_NAMED_MAX: usize = 16;

/// What bounds the number of series of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `--devices.max`.
    pub devices: usize,
    /// Segments over all captures.
    pub segments: usize,
    /// Captures.
    pub captures: usize,
}

impl Bound {
    /// Series of the device `other` at most: packets and bytes of every protocol, mDNS kinds and
    /// sections.
    const PER_OTHER: usize = 2 * Protocol::COUNT + MessageKind::COUNT + Section::COUNT;

    /// Series of one device's storms at most: active, begun and how long by level, the cause, the start,
    /// the first frame, what it is about and the frames.
    const PER_DEVICE_STORMS: usize = 3 * Level::COUNT + 5;

    /// Series of one device's conditions at most: each of them, lasting and told.
    const PER_DEVICE_CONDITIONS: usize = 2 * Condition::COUNT;

    /// Series of one device at most: those of `other`, what it provoked, the gauges peak, last seen
    /// and info, its storms and conditions, and a device that breaks every rule.
    pub(crate) const PER_DEVICE: usize =
        Self::PER_OTHER + 4 + Self::PER_DEVICE_STORMS + Self::PER_DEVICE_CONDITIONS + Rule::COUNT;

    /// Series of one segment at most: its own, and those of the device `other`.
    pub(crate) const PER_SEGMENT: usize = {
        let packets_and_bytes = 2 * Protocol::COUNT;
        let histogram = SECOND_BOUNDS.len() + 1 + 2;
        let info_lan_converted_unjudged_devices_suspended = 6;
        let evicted = 2;
        let queriers_and_groups = (4 + QUERIERS_NAMED_MAX) * AddressFamily::COUNT;
        let reflected_and_copied = 2;
        let active_cause_first_frame_info_duration_packets = 6;
        let storms = active_cause_first_frame_info_duration_packets + Level::COUNT * Cause::COUNT;
        let services = SERVICE_TYPES_MAX + 1;
        let wanted = WANTED_TYPES_MAX + 1;
        let delays = DELAY_BOUNDS.len() + 1 + 2;
        let unanswered = 1;
        packets_and_bytes
            + histogram
            + Reason::PAIRS.len()
            + info_lan_converted_unjudged_devices_suspended
            + evicted
            + services
            + wanted
            + delays
            + unanswered
            + queriers_and_groups
            + reflected_and_copied
            + storms
            + Condition::COUNT
            + Rule::COUNT
            + Self::PER_OTHER
    };

    /// Series of one capture at most: up, drops, info and ring size.
    pub(crate) const PER_CAPTURE: usize = 4;

    /// Series of this host at most: system calls in all and by process, each as a total and a rate,
    /// system calls by name, and three of each owner of a socket and port. `other` is one more each.
    pub const HOST: usize = {
        let in_all = 2;
        let by_process = 2 * (PLACES + 1);
        let by_call = CALLS_MAX + 1;
        let sockets = 3 * (SOCKET_OWNERS_MAX + 1) * PORTS.len();
        in_all + by_process + by_call + sockets
    };

    /// All others: capabilities at two times, build and web info, whether it is simulated, clock
    /// steps, configuration, evidence, dropped lines of the log, captures forgotten, how system calls and sockets are looked at, success and
    /// duration of each collector, nine of the process, and this host.
    pub(crate) const FIXED: usize =
        2 * USED.len() + 4 + 2 + 3 + 2 + 2 + 2 * Collector::COUNT + 9 + Self::HOST;

    /// No scrape has more series than this.
    pub const fn series(self) -> usize {
        self.devices * Self::PER_DEVICE
            + self.segments * Self::PER_SEGMENT
            + self.captures * Self::PER_CAPTURE
            + Self::FIXED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_within_the_contract() {
        // devices.max x (2 x protocols + 7 + 4 + rules + 10), two of each condition, and what was
        // added for storms: provoked, first frame, info, how long at each level, frames.
        const BEFORE: usize = 2 * Protocol::COUNT + 7 + 4 + Rule::COUNT + 10;
        const EACH: usize = BEFORE + 2 * Condition::COUNT + 6;
        const { assert!(Bound::PER_DEVICE <= EACH) };
        let bound = Bound { devices: 2_000, segments: 1, captures: 1 };
        assert!(bound.series() < 2_000 * EACH + 2_000);
    }
}
