//! Storms of all devices and of the segment: closes the seconds, records what begins and ends.
//!
//! A closed second costs a look at each row that was busy in the last minutes; silence costs
//! nothing once these are forgotten, however long it was.

use super::rows::table::{Row, Table};
use super::snapshot::PAST;
use crate::decode::{Class, Protocol, Sender};
use crate::detect::{Cause, CauseSet, ConditionLimits, LoopDoubt};
use crate::storm::{
    Closing, DevicePolicy, EndReason, Limits, ProtocolSet, SegmentStorms, Storm, StormEvent,
    StormLog, StormPolicy, Unseen, What, Whose,
};
use crate::time::{Stamp, Time};
use std::sync::Arc;

/// Frames of files may be out of order by this much, in nanoseconds.
const OUT_OF_ORDER: i128 = 1_000_000_000;

/// How a frame is counted.
#[derive(Clone, Copy, Debug)]
struct Counting {
    /// In the rate of the segment.
    is_in_rate: bool,
    /// In that of its device, in some class.
    is_judged: bool,
}

/// The storms of one segment, but for what lives in the rows.
#[derive(Debug)]
pub(super) struct Storms {
    policy: Arc<StormPolicy>,
    segment: SegmentStorms,
    log: StormLog,
    wall: Wall,
    unseen: Unseen,
}

/// The wall clock, as far as stamps tell: nanoseconds that it is ahead of engine time.
#[derive(Clone, Copy, Debug, Default)]
struct Wall(Option<i128>);

impl Wall {
    /// Learns from a frame. One that came late but counts as of now is off by a second at most, and
    /// is ignored; a larger difference means that the clock stepped.
    fn learn(&mut self, time: Time, stamp: Stamp) {
        let ahead = stamp.0.saturating_sub(i128::from(time.0));
        let is_late = self
            .0
            .is_some_and(|known| ahead < known && known.saturating_sub(ahead) <= OUT_OF_ORDER);
        if !is_late {
            self.0 = Some(ahead);
        }
    }

    fn stamp(self, time: Time) -> Stamp {
        Stamp(i128::from(time.0).saturating_add(self.0.unwrap_or(0)))
    }

    /// The end of a whole second.
    fn close_of(self, second: u64) -> Stamp {
        self.stamp(Time(second.saturating_add(1).saturating_mul(1_000_000_000)))
    }
}

impl Storms {
    /// No storm yet. The latest `kept` that are over are remembered.
    pub(super) fn new(kept: usize) -> Self {
        Self {
            policy: Arc::default(),
            segment: SegmentStorms::default(),
            log: StormLog::new(kept),
            wall: Wall::default(),
            unseen: Unseen::default(),
        }
    }

    /// So many frames were lost before anybody read them.
    pub(super) fn lose(&mut self, now: Time, frames: u64) {
        self.unseen.lose(now.second(), frames);
    }

    /// Nothing was read from `now` until then.
    pub(super) fn miss(&mut self, now: Time, until: Time) {
        self.unseen.miss(now.second(), until.second());
    }

    /// Somebody listens from now on.
    pub(super) const fn listen(&mut self, now: Time) {
        self.segment.listen(now.second());
    }

    /// Counts one frame and its findings in its row, if it has one. Returns whether the row must be
    /// visited when this second closes.
    pub(super) fn count(
        &mut self,
        (now, stamp): (Time, Stamp),
        (what, loop_doubt): (What, Option<LoopDoubt>),
        row: Option<&mut Row>,
    ) -> bool {
        self.wall.learn(now, stamp);
        let expected = row.as_ref().and_then(|row| row.expected.as_deref());
        let Counting { is_in_rate, is_judged } = self.counting(what, expected);
        if is_in_rate {
            // Who has no row had none to spare for others: it came while the table was full.
            let whose = row.as_ref().map_or(Whose::Strange, |row| row.whose(now));
            self.segment.count(now.second(), what, whose);
            if what.signatures.contains(Cause::L2Loop) {
                self.segment.hear_loop(now.second(), loop_doubt);
            }
        }
        is_judged && row.is_some_and(|row| row.storms.count(now.second(), what))
    }

    /// How a frame is counted; `expected` is what is expected of its sender, if that differs from
    /// what is expected of all.
    fn counting(&self, what: What, expected: Option<&DevicePolicy>) -> Counting {
        let ignored = expected.map_or(self.policy.ignored, |expected| expected.ignored);
        let limits = expected.map_or(&self.policy.limits, |expected| &expected.limits);
        if ignored.contains(what.protocol) {
            return Counting { is_in_rate: false, is_judged: false };
        }
        match what.class {
            Class::Signalling | Class::Address => Counting { is_in_rate: true, is_judged: true },
            Class::Other => Counting { is_in_rate: false, is_judged: limits.other.is_some() },
            Class::Uncounted => Counting { is_in_rate: false, is_judged: false },
        }
    }

    /// Whether further frames like one of `row` that was just counted are counted alike.
    pub(super) fn is_settled(&self, what: What, row: &Row) -> bool {
        !self.counting(what, row.expected.as_deref()).is_judged || row.storms.is_settled(what)
    }

    /// Counts so many frames more like one of `row` that was just counted, as of `now`.
    pub(super) fn skip(&mut self, now: Time, what: What, row: &mut Row, frames: u32) {
        let Counting { is_in_rate, is_judged } = self.counting(what, row.expected.as_deref());
        if is_in_rate {
            self.segment.skip(what, row.whose(now), frames);
        }
        if is_judged {
            row.storms.skip(what, frames);
        }
    }

    /// By how much the wall clock is ahead of engine time, as known from the last frame.
    pub(super) fn ahead(&self) -> i128 {
        self.wall.0.unwrap_or(0)
    }

    /// From when on the sender of a frame of `protocol` has conditions; `expected` is what is
    /// expected of it, if that differs from what is expected of all.
    pub(super) fn condition_limits<'a>(
        &'a self,
        protocol: Protocol,
        expected: Option<&'a DevicePolicy>,
    ) -> &'a ConditionLimits {
        let policy = &*self.policy;
        let (ignored, limits) = expected
            .map_or((policy.ignored, &policy.conditions), |one| (one.ignored, &one.conditions));
        if ignored.contains(protocol) { &ConditionLimits::OFF } else { limits }
    }

    /// Counts a frame of whomever for the device that provoked it.
    /// `provoked_as` is what that one does, if it does not ask.
    pub(super) fn provoke(
        &mut self,
        now: Time,
        (what, provoked_as): (What, CauseSet),
        asker: Sender,
        table: &mut Table,
    ) {
        // That its frame is one answer too many is who answers' own doing.
        let own = CauseSet::from_iter([Cause::RepeatedResponse]);
        let signatures = what.signatures.difference(own).union(provoked_as);
        let policy = &self.policy;
        table.visit(asker, |row| {
            row.provoked += 1;
            let counts = !ignored_by(row, policy).contains(what.protocol);
            if counts {
                row.storms.count_provoked(now.second(), signatures);
            }
            counts
        });
    }

    /// Closes the seconds from `second` on that are before `until`. After some minutes of silence
    /// there is nothing more to close.
    pub(super) fn close(&mut self, second: u64, until: u64, table: &mut Table) {
        for second in second..until {
            if table.is_calm() && !self.segment.is_busy() {
                return;
            }
            self.close_one(second, table);
        }
    }

    fn close_one(&mut self, second: u64, table: &mut Table) {
        let Self { policy, segment, log, wall, unseen } = self;
        let stamp = wall.close_of(second);
        let unseen = unseen.until(second);
        let closing = |log: &StormLog| Closing { second, stamp, number: log.next(), unseen };
        table.look_at_due(|row| {
            let limits = *limits_of(row, policy);
            let totals = row.seconds.window();
            let event = row.storms.close(&closing(log), row.sender, &limits, totals);
            if let Some(event) = event {
                log.book(event);
            }
            row.storms.is_busy()
        });
        let rows = || table.rows().iter().map(|row| row.storms.recent(second)).max().unwrap_or(0);
        let evicted = table.evicted().capacity;
        if let Some(event) = segment.close(&closing(log), policy.segment, evicted, rows) {
            log.book(event);
        }
    }

    /// Records the end of storms whose rows are gone.
    pub(super) fn bury(&mut self, now: Time, table: &mut Table) {
        while let Some(storm) = table.take_orphan() {
            self.log.break_off(storm, self.wall.stamp(now), EndReason::Evicted);
        }
    }

    /// Ends all storms: nobody listens any more, for this reason.
    pub(super) fn end_all(&mut self, now: Time, reason: EndReason, table: &mut Table) {
        let Self { segment, log, wall, .. } = self;
        let stamp = wall.stamp(now);
        table.look_at_due(|row| {
            if let Some(storm) = row.storms.break_off(now.second(), row.seconds.window()) {
                log.break_off(storm, stamp, reason);
            }
            row.storms.is_busy()
        });
        if let Some(storm) = segment.break_off(now.second()) {
            log.break_off(storm, stamp, reason);
        }
    }

    /// Applies `policy` to all devices, present and future, from now on. Storms that it does not
    /// call so are over.
    pub(super) fn set_policy(&mut self, now: Time, policy: &Arc<StormPolicy>, table: &mut Table) {
        let before = std::mem::replace(&mut self.policy, Arc::clone(policy));
        let Self { segment, log, wall, .. } = self;
        let stamp = wall.stamp(now);
        let second = now.second();
        // Rows that are not due have a few frames at most, which are too few for any storm.
        table.look_at_due(|row| {
            let after = policy.of(row.sender);
            if row.storms.is_outdated(&after.limits, after.ignored)
                && let Some(storm) = row.storms.break_off(second, row.seconds.window())
            {
                log.break_off(storm, stamp, EndReason::Reconfigured);
            }
            if ignored_by(row, &before) != after.ignored {
                row.storms.recount();
            }
            row.storms.is_busy()
        });
        if segment.is_outdated(policy.segment)
            && let Some(storm) = segment.break_off(second)
        {
            log.break_off(storm, stamp, EndReason::Reconfigured);
        }
        if before.ignored != policy.ignored {
            segment.recount();
        }
        table.set_policy(now, stamp, Arc::clone(policy));
    }

    /// The oldest event that has not been reported.
    pub(super) fn poll_event(&mut self) -> Option<StormEvent> {
        self.log.poll_event()
    }

    /// The storm of the segment as a whole, while it lasts.
    pub(super) fn of_segment(&self, running: u64) -> Option<Storm> {
        self.segment.storm(running)
    }

    /// The storms that ended within [`PAST`] before `now`, the latest first.
    pub(super) fn lately(&self, now: Time) -> impl Iterator<Item = &Storm> {
        let past = i128::try_from(PAST.as_nanos()).unwrap_or(i128::MAX);
        self.log.lately(Stamp(self.wall.stamp(now).0.saturating_sub(past)))
    }

    /// The storms that are over.
    pub(super) const fn log(&self) -> &StormLog {
        &self.log
    }
}

fn limits_of<'a>(row: &'a Row, policy: &'a StormPolicy) -> &'a Limits {
    row.expected.as_deref().map_or(&policy.limits, |expected| &expected.limits)
}

fn ignored_by(row: &Row, policy: &StormPolicy) -> ProtocolSet {
    row.expected.as_deref().map_or(policy.ignored, |expected| expected.ignored)
}

#[cfg(test)]
mod tests;
