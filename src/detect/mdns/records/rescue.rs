//! Answers that a responder owes because somebody else withdrew its record, or gave it a short life
//! (RFC 6762 section 6.6): whoever hears a record of theirs, with the same data and a TTL of 0 or
//! under half of the true one, must send it again.
//!
//! Who said that does not matter: another host, or another program of the same one, over either
//! address family. A device that does so to another's record again and again must answer for what
//! that one sends.

use crate::decode::Sender;
use crate::decode::mdns::{DataHash, HashKey, NameHash, RClass, RType, Record};
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::time::Time;
use std::time::Duration;

/// How long a short life is remembered: what is sent again later is not too soon.
const MEMORY: Duration = Duration::from_secs(1);
/// Half of the longest TTL in use, in seconds (RFC 6762 section 10).
const HALF_OTHER: u32 = 4_500 / 2;
/// Half of the TTL of what names a host.
const HALF_HOST: u32 = 120 / 2;

/// So often, each within [`MEMORY`] after the last, is again and again.
const INSISTS: u8 = 4;

/// A record, whoever sends it.
type Data = (NameHash, RType, RClass, DataHash);

/// A record was sent with a TTL that is short for it, or may be.
#[derive(Clone, Copy, Debug)]
struct Shortened {
    ttl: u32,
    /// By which response.
    message: u32,
    /// By whom, and how often in a row.
    by: (SenderKey, Option<Sender>),
    times: u8,
}

/// What was given a short life in the last second.
///
/// At most 512 records, 32 KiB. What is forgotten at that bound counts as asked for, for a second:
/// a missed violation is better than a false one.
#[derive(Debug)]
pub(super) struct Rescues {
    shortened: Table<Data, Shortened, 64>,
    /// When the last one was heard: long after it there is nothing to look up.
    last: Option<Time>,
    forgot: Option<Time>,
}

impl Rescues {
    pub(super) fn new(key: HashKey) -> Self {
        Self { shortened: Table::new(key, MEMORY), last: None, forgot: None }
    }

    /// Hears a record of the response that is counted as `message`. Of what names a host, 120 s is
    /// the life that it should have; of shared records another host may ask for more.
    pub(super) fn hear(
        &mut self,
        now: Time,
        record: &Record,
        message: u32,
        by: (SenderKey, Option<Sender>),
    ) {
        if !is_short(record) {
            return;
        }
        self.last = Some(now);
        let shortened = Shortened { ttl: record.ttl, message, by, times: 0 };
        let place = self.shortened.entry(now, data(record), || shortened);
        let times = if place.value.by.0 == by.0 { place.value.times } else { 0 };
        *place.value = Shortened { times: times.saturating_add(1), ..shortened };
        if place.forgot {
            self.forgot = Some(now);
        }
    }

    /// Who makes `sender` send the record, which is owed, again and again.
    pub(super) fn insists(&self, now: Time, record: &Record, sender: SenderKey) -> Option<Sender> {
        let shortened = self.shortened.get(now, data(record))?;
        let (by, who) = shortened.by;
        who.filter(|_| shortened.times >= INSISTS && !by.may_be(sender))
    }

    /// Until when it stays what is owed.
    pub(super) fn steady(&self, now: Time, steady: Steady) -> Steady {
        let Self { shortened: _, last, forgot } = self;
        let ends = last.iter().chain(forgot);
        ends.fold(steady, |steady, at| steady.while_under(now, *at, MEMORY))
    }

    /// Whether what was remembered of a record that was just sent is remembered of its copies too.
    pub(super) fn is_settled(&self, now: Time, record: &Record) -> bool {
        !is_short(record) || self.shortened.holds(now, data(record))
    }

    /// So many copies more of a record were sent by `sender`.
    pub(super) fn skip(&mut self, record: &Record, sender: SenderKey, copies: u64) {
        let shortened = self.shortened.peek_mut(data(record)).filter(|_| is_short(record));
        if let Some(there) = shortened.filter(|there| there.by.0 == sender) {
            there.times = there.times.saturating_add(u8::try_from(copies).unwrap_or(u8::MAX));
        }
    }

    /// Whether the record, which is sent now and was sent by the same source in the response
    /// `before`, is owed since then.
    pub(super) fn is_owed(&self, now: Time, record: &Record, before: u32) -> bool {
        let is_recent = |at: Time| now.since(at) <= MEMORY;
        if !self.last.is_some_and(is_recent) {
            return false;
        }
        self.forgot.is_some_and(is_recent)
            || self.shortened.get(now, data(record)).is_some_and(|shortened| {
                // The number of a response wraps.
                let is_since = shortened.message.wrapping_sub(before).cast_signed() >= 0;
                is_since && u64::from(shortened.ttl) * 2 < record.ttl.into()
            })
    }
}

/// Whether a record has a TTL that is short for it, or may be.
fn is_short(record: &Record) -> bool {
    let half = if record.rtype == RType::PTR { HALF_OTHER } else { HALF_HOST };
    record.ttl < half
}

const fn data(record: &Record) -> Data {
    (record.name, record.rtype, record.class, record.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mdns::{Section, Traits};

    const KEY: HashKey = HashKey([1, 2, 3, 4]);
    const WHO: Sender = Sender::Mac(crate::mac::Mac([2; 6]));
    const BY: (SenderKey, Option<Sender>) = (SenderKey::new(Some(WHO), 8), Some(WHO));

    fn record(name: u64, rtype: RType, ttl: u32) -> Record {
        Record {
            section: Section::Answer,
            name: NameHash(name),
            rtype,
            class: RClass::IN,
            flush: true,
            ttl,
            data: DataHash(7),
            traits: Traits::default(),
            at: 0,
        }
    }

    #[test]
    fn a_record_is_owed_after_less_than_half_of_its_life() {
        for (rtype, shortened, own, expected) in [
            (RType::A, 0, 120, true),
            (RType::A, 59, 120, true),
            (RType::A, 60, 120, false),
            (RType::A, 30, 60, false),
            (RType::A, 29, 60, true),
            (RType::PTR, 0, 4_500, true),
            (RType::PTR, 120, 4_500, true),
            (RType::PTR, 2_249, 4_500, true),
            (RType::PTR, 2_250, 4_500, false),
            (RType::PTR, 120, 120, false),
            (RType::PTR, 0, 0, false),
        ] {
            let mut rescues = Rescues::new(KEY);
            rescues.hear(Time(0), &record(1, rtype, shortened), 9, BY);
            let is_owed = rescues.is_owed(Time(1), &record(1, rtype, own), 8);
            assert_eq!(is_owed, expected, "{rtype:?} {shortened} {own}");
        }
    }

    #[test]
    fn who_withdraws_a_record_of_another_four_times_in_a_row_insists() {
        let (owner, other) = (SenderKey::new(None, 16), SenderKey::new(None, 24));
        let mut rescues = Rescues::new(KEY);
        let mut insists = |millis: u64, by, sender| {
            let now = Time(millis * 1_000_000);
            rescues.hear(now, &record(1, RType::A, 0), 9, by);
            rescues.insists(now, &record(1, RType::A, 120), sender)
        };
        let told = [0, 900, 1_800].map(|at| insists(at, BY, owner));
        assert_eq!(told, [None; 3]);
        assert_eq!(insists(2_700, BY, owner), Some(WHO));
        assert_eq!(insists(2_800, BY, BY.0), None, "it is its own");
        assert_eq!(insists(2_900, (other, None), owner), None, "another");
        assert_eq!(insists(3_000, BY, owner), None, "it begins anew");
        assert_eq!(insists(9_000, BY, owner), None, "long after");
    }

    #[test]
    fn only_the_same_record_within_a_second_and_since_it_was_sent() {
        let mut rescues = Rescues::new(KEY);
        let second = Time(0).plus(MEMORY).0;
        rescues.hear(Time(0), &record(1, RType::A, 0), 9, BY);
        let is_owed =
            |at, name, before| rescues.is_owed(Time(at), &record(name, RType::A, 120), before);
        assert!(is_owed(second, 1, 9) && !is_owed(second + 1, 1, 9));
        assert!(!is_owed(0, 2, 9));
        assert!(!is_owed(0, 1, 10), "it was sent since");
        assert!(is_owed(0, 1, u32::MAX), "the number wraps");
    }

    #[test]
    fn memory_has_a_bound_and_beyond_it_everything_is_owed() {
        let mut rescues = Rescues::new(KEY);
        let hash = KEY.state();
        for n in 0..100_000_u64 {
            rescues.hear(Time(n), &record(hash.hash_one(n), RType::A, 0), 1, BY);
        }
        assert_eq!(rescues.shortened.capacity(), 64 * 8);
        assert_eq!(Table::<Data, Shortened, 64>::BYTES_MAX, 32 << 10);
        assert!(rescues.is_owed(Time(100_000), &record(1, RType::A, 120), 5));
    }
}
