//! Records that go and come back for minutes: [`Condition::GoodbyeFlapping`], which needs no rate.
//!
//! A device whose address changes withdraws what it had and announces it anew (RFC 6762 section
//! 8.4): goodbyes about that time are not counted.
//!
//! [`Condition::GoodbyeFlapping`]: crate::detect::condition::Condition::GoodbyeFlapping

use super::key::RecordKey;
use crate::decode::mdns::HashKey;
use crate::detect::memory::recent::Recent;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::time::Time;
use std::time::Duration;

/// Gone and back this often...
const TRIPS: u8 = 6;
/// ... in this time, from the first goodbye on.
const PERIOD: Duration = Duration::from_mins(5);
/// Goodbyes within this time of a new address are its doing.
const CHANGE: Duration = Duration::from_secs(10);

/// Records that come and go. At most 512 records, 40 KiB, and 512 devices with a new address,
/// 16 KiB.
#[derive(Debug)]
pub(super) struct Flapping {
    trips: Table<RecordKey, Recent<{ TRIPS as usize - 1 }>, 64>,
    /// Devices that have announced an address for the first time.
    moved: Table<SenderKey, Time, 64>,
}

impl Flapping {
    pub(super) fn new(key: HashKey) -> Self {
        Self { trips: Table::new(key, PERIOD), moved: Table::new(key, CHANGE) }
    }

    /// A device announces an address that it did not have.
    pub(super) fn moves(&mut self, now: Time, sender: SenderKey) {
        *self.moved.entry(now, sender, || now).value = now;
    }

    /// A record is back that was withdrawn at `gone`. Returns whether it comes and goes.
    pub(super) fn trip(
        &mut self,
        now: Time,
        sender: SenderKey,
        record: RecordKey,
        gone: Time,
    ) -> bool {
        let moved = self.moved.get(now, sender);
        if moved.is_some_and(|&at| at.since(gone).max(gone.since(at)) <= CHANGE) {
            return false;
        }
        let trips = self.trips.entry(now, record, Recent::default).value;
        trips.push(gone);
        trips.are_within(TRIPS, now, PERIOD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mdns::{DataHash, NameHash, RClass, RType};
    use crate::detect::memory::sender::SourceId;

    const KEY: HashKey = HashKey([1, 2, 3, 4]);
    const RECORD: RecordKey = (SourceId(1), NameHash(2), RType::PTR, RClass::IN, DataHash(3));

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    /// How many of ten trips, so far apart, are evidence; the device has a new address each time
    /// or not.
    fn evidence(gap: u64, moves: bool) -> usize {
        let mut flapping = Flapping::new(KEY);
        let sender = SenderKey::new(None, 4);
        let trip = |n: &u64| {
            if moves {
                flapping.moves(at(n * gap + 2), sender);
            }
            flapping.trip(at(n * gap + 3), sender, RECORD, at(n * gap))
        };
        (0..10).filter(trip).count()
    }

    #[test]
    fn six_trips_in_five_minutes_are_too_many_unless_the_address_changes() {
        assert_eq!((evidence(4, false), evidence(59, false)), (5, 5));
        assert_eq!(evidence(60, false), 0, "the sixth comes back after 303 s");
        assert_eq!(evidence(20, true), 0);
    }

    #[test]
    fn memory_has_a_bound() {
        type Trips = Table<RecordKey, Recent<{ TRIPS as usize - 1 }>, 64>;
        assert_eq!(Trips::BYTES_MAX, 28 << 10);
        assert_eq!(Table::<SenderKey, Time, 64>::BYTES_MAX, 16 << 10);
    }
}
