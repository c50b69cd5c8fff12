//! Who was heard on the segment, since when, and whose frames come twice.
//!
//! Takes each frame that is its sender's own, each second of a pair, and each third copy within a
//! second. It does not know what a frame says.

use crate::decode::Protocol;
use crate::decode::mdns::HashKey;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::set::Set;
use crate::time::Time;
use std::time::Duration;

use super::frames::{LOOP_WINDOW, PAIR_WINDOW};

/// A sender is known for this long after it was last heard.
const KEPT: Duration = Duration::from_mins(10);
/// Frames whose seconds may still be on their way.
const PENDING: u8 = 4;
/// Frames of which it is known whether they came twice.
const HISTORY: u32 = u8::BITS;
/// So many of these may have lost their second, behind a mirror port that drops frames.
const LOST: u32 = 2;
/// Half of the time over which repetitions are counted.
const BUCKET: Duration = Duration::from_nanos(BUCKET_NANOS);
const BUCKET_NANOS: u64 = 500_000_000;
/// Sets of senders: at most 2,048, 192 KiB.
const SOURCE_SETS: usize = 256;

/// Pairs in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Since when every frame came twice.
    pub since: Time,
    /// How many did.
    pub pairs: u16,
    /// What they were counted as.
    pub protocols: Set<Protocol>,
}

/// Frames that came a fourth time within a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repetitions {
    /// Since when there was no second without one.
    pub since: Time,
    last: Time,
    /// How many came in the running [`BUCKET`] and in the one before.
    bucket: u64,
    counts: [u32; 2],
}

impl Repetitions {
    /// One more, at `now`.
    const fn count(&mut self, bucket: u64) {
        if bucket != self.bucket {
            let before = if bucket == self.bucket + 1 { self.counts[0] } else { 0 };
            self.counts = [0, before];
            self.bucket = bucket;
        }
        self.counts[0] = self.counts[0].saturating_add(1);
    }

    /// How many came a second, by the last half of one and what has passed of the running half.
    fn rate(&self, now: Time) -> u32 {
        let bucket = bucket(now);
        let count = match bucket - self.bucket {
            0 => self.counts[0].saturating_add(self.counts[1]),
            1 => self.counts[0],
            _ => 0,
        };
        let passed = now.since(Time(bucket * BUCKET_NANOS));
        let over = (BUCKET + passed).as_millis().max(1);
        u32::try_from(u128::from(count) * 1_000 / over).unwrap_or(u32::MAX)
    }
}

/// One sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    first: Time,
    /// When its last frame came, seconds of pairs left out.
    last: Time,
    /// How many frames of its own came.
    frames: u32,
    /// How many came within the time of a pair of each other, up to the last.
    close: u8,
    /// The last of them, the latest lowest: whether they came twice.
    doubled: u8,
    run: Run,
    repetitions: Option<Repetitions>,
}

impl Source {
    fn new(now: Time) -> Self {
        let run = Run { since: now, ..Run::default() };
        Self { first: now, last: now, frames: 0, close: 0, doubled: 0, run, repetitions: None }
    }

    /// The run of pairs that lasts.
    pub(super) const fn run(&self) -> Run {
        self.run
    }

    /// Frames that came once, of the last eight. Those whose second may still come are left out.
    fn singles(&self, now: Time) -> u32 {
        let known = self.frames.min(HISTORY);
        let pending = if now.since(self.last) <= PAIR_WINDOW {
            self.doubled.trailing_zeros().min(self.close.into()).min(known)
        } else {
            0
        };
        let of_known = !self.doubled & (u8::MAX >> (HISTORY - known).min(7));
        if known == 0 { 0 } else { (of_known >> pending.min(7)).count_ones() }
    }

    /// Whether each of its last frames came twice.
    pub(super) fn is_doubled(&self, now: Time) -> bool {
        self.singles(now) == 0
    }

    /// Whether nearly each did.
    pub(super) fn is_mostly_doubled(&self, now: Time) -> bool {
        self.singles(now) <= LOST.min(self.frames.min(HISTORY) / 3)
    }

    /// A frame of its own, at `now`: its number.
    fn count(&mut self, now: Time) -> u32 {
        if !self.is_doubled(now) {
            self.run = Run { since: now, ..Run::default() };
        }
        let is_close = self.frames > 0 && now.since(self.last) <= PAIR_WINDOW;
        self.close = if is_close { PENDING.min(self.close + 1) } else { 1 };
        self.last = now;
        self.doubled <<= 1;
        self.frames = self.frames.wrapping_add(1).max(1);
        self.frames
    }

    /// Frame `number` came a second time.
    pub(super) fn pair(&mut self, number: u32, protocol: Protocol) {
        if let Some(bit) = self.bit(number) {
            self.run.pairs = self.run.pairs.saturating_add(u16::from(self.doubled & bit == 0));
            self.doubled |= bit;
            self.run.protocols.insert(protocol);
        }
    }

    /// Frame `number` came a third time: its second was no pair's.
    pub(super) fn part(&mut self, number: u32) {
        if let Some(bit) = self.bit(number) {
            self.doubled &= !bit;
        }
    }

    fn bit(&self, number: u32) -> Option<u8> {
        let back = self.frames.wrapping_sub(number);
        (back < HISTORY).then(|| 1 << back)
    }
}

/// A source whose frames came a fourth time within a second, in the last second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeater {
    /// When it was first heard.
    pub first: Time,
    /// Since when its frames come so often.
    pub since: Time,
    /// How many do, a second.
    pub rate: u32,
}

/// All that were heard lately. At most 192 KiB.
#[derive(Debug)]
pub(super) struct Sources(Table<SenderKey, Source, SOURCE_SETS>);

impl Sources {
    pub(super) fn new(key: HashKey) -> Self {
        Self(Table::new(key, KEPT))
    }

    /// A sender that is known.
    pub(super) fn get_mut(&mut self, now: Time, sender: SenderKey) -> Option<&mut Source> {
        self.0.get_mut(now, sender)
    }

    /// A frame of a sender's own: its number among the sender's.
    pub(super) fn count(&mut self, now: Time, sender: SenderKey) -> u32 {
        self.0.entry(now, sender, || Source::new(now)).value.count(now)
    }

    /// A frame of a sender came a fourth time within a second.
    pub(super) fn repeat(&mut self, now: Time, sender: SenderKey) {
        let bucket = bucket(now);
        let new = || Repetitions { since: now, last: now, bucket, counts: [0; 2] };
        let Some(source) = self.0.get_mut(now, sender) else { return };
        source.repetitions.take_if(|repetitions| now.since(repetitions.last) > LOOP_WINDOW);
        let repetitions = source.repetitions.get_or_insert_with(new);
        repetitions.count(bucket);
        repetitions.last = now;
    }

    /// Whose frames came a fourth time within a second, in the last second. Visits every place.
    pub(super) fn repeaters(&self, now: Time) -> impl Iterator<Item = Repeater> {
        self.0.values(now).filter_map(move |source| {
            let repetitions = source.repetitions.as_ref()?;
            let Repetitions { since, last, .. } = *repetitions;
            let rate = repetitions.rate(now);
            let is_recent = now.since(last) <= LOOP_WINDOW;
            is_recent.then_some(Repeater { first: source.first, since, rate })
        })
    }

    /// What is promised of copies of a frame of `sender`, each of which comes again and again.
    pub(super) fn steady(&self, now: Time, sender: SenderKey, steady: Steady) -> Option<Steady> {
        let source = self.0.get(now, sender)?;
        // None of the last came twice.
        let is_settled = source.frames >= HISTORY && source.doubled == 0;
        source.repetitions.as_ref().filter(|_| is_settled)?;
        let next = Time((bucket(now) + 1) * BUCKET_NANOS);
        Some(steady.until(next).remembering(usize::from(PENDING) + 1))
    }

    /// So many copies more came of a frame of `sender`.
    pub(super) fn skip(&mut self, sender: SenderKey, copies: u64) {
        let Some(source) = self.0.peek_mut(sender) else { return };
        // No frame has the number 0.
        let numbers = u64::from(u32::MAX);
        let next = (u64::from(source.frames.max(1)) - 1 + copies) % numbers + 1;
        source.frames = u32::try_from(next).unwrap_or(u32::MAX);
        if let Some(repetitions) = &mut source.repetitions {
            let copies = u32::try_from(copies).unwrap_or(u32::MAX);
            repetitions.counts[0] = repetitions.counts[0].saturating_add(copies);
        }
    }

    /// All that were first heard before `until`. Visits every place.
    pub(super) fn heard_before(&self, now: Time, until: Time) -> usize {
        self.0.values(now).filter(|source| source.first < until).count()
    }
}

const fn bucket(now: Time) -> u64 {
    now.0 / BUCKET_NANOS
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Time {
        Time(micros * 1_000)
    }

    #[test]
    fn one_that_came_once_ends_a_run() {
        let mut source = Source::new(at(0));
        for n in 0..20 {
            let number = source.count(at(n * 1_000_000));
            assert!(source.is_doubled(at(n * 1_000_000)), "its second may come");
            source.pair(number, Protocol::Mdns);
        }
        assert_eq!((source.run().pairs, source.run().since), (20, at(0)));
        let alone = at(20_000_000);
        source.count(alone);
        assert!(source.is_doubled(alone) && source.is_doubled(at(20_001_000)));
        let later = at(20_001_001);
        assert!(!source.is_doubled(later) && source.is_mostly_doubled(later));
        source.count(at(21_000_000));
        assert_eq!(source.run().pairs, 0);
        // Two of the last eight may have been lost, three not.
        let later = at(21_001_001);
        assert!(source.is_mostly_doubled(later));
        source.count(at(22_000_000));
        assert!(!source.is_mostly_doubled(at(22_001_001)));
    }

    #[test]
    fn what_came_once_long_ago_came_once() {
        let mut source = Source::new(at(0));
        source.count(at(0));
        source.count(at(1_000_000));
        assert!(!source.is_doubled(at(1_000_030)));
    }

    #[test]
    fn seconds_may_come_after_the_next_frame() {
        let mut source = Source::new(at(0));
        let numbers = [0, 10, 20].map(|micros| source.count(at(micros)));
        for number in numbers {
            source.pair(number, Protocol::Arp);
        }
        source.count(at(2_000));
        assert_eq!(source.run().pairs, 3);
    }

    #[test]
    fn a_third_is_no_pair() {
        let mut source = Source::new(at(0));
        let number = source.count(at(0));
        source.pair(number, Protocol::Mdns);
        source.part(number);
        assert!(!source.is_doubled(at(5_000)));
    }

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, Source)>>();
        assert!(SOURCE_SETS * 8 * each <= 192 << 10, "{each}");
    }
}
