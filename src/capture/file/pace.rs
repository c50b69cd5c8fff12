//! Gives out the frames of a capture file at the pace at which they were heard, times a factor.
//! [`Schedule`] decides and is given the time; only [`Paced`] reads the clock and waits. Must not
//! know of formats.

use super::Replay;
use crate::capture::{Capture, CaptureError};
use crate::frame::{Batch, InterfaceName};
use crate::time::{Stamp, Time, clock};
use std::thread;
use std::time::Duration;
use thiserror::Error;

/// A longer gap between two frames is a step of the clock or a break in the capture, not a pace.
const LONGEST_GAP: i128 = 3_600 * 1_000_000_000;

/// Batches that are not full go out at most this often: a live capture gives out its blocks as
/// seldom, and waking for each frame would cost more than handling it.
const GRAIN: Duration = Duration::from_millis(10);

/// How many times faster than it was heard a capture is replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

/// A speed that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the speed must be a number above 0")]
pub struct SpeedError;

impl TryFrom<f64> for Speed {
    type Error = SpeedError;

    fn try_from(factor: f64) -> Result<Self, SpeedError> {
        if factor.is_finite() && factor > 0.0 { Ok(Self(factor)) } else { Err(SpeedError) }
    }
}

/// When which frame is due. Pure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    speed: Speed,
    /// The frame before: its stamp, and when it was due.
    last: Option<(Stamp, Time)>,
}

impl Schedule {
    /// A schedule before its first frame.
    pub const fn new(speed: Speed) -> Self {
        Self { speed, last: None }
    }

    /// When the next frame, heard at `stamp`, is due, if it is now `now`. The first is due at once.
    /// A step back and a gap of more than an hour are not waited for. Delays are caught up: due
    /// times follow from each other, not from `now`.
    pub fn due(&self, stamp: Stamp, now: Time) -> Time {
        let Some((before, due)) = self.last else { return now };
        let gap = stamp.0.saturating_sub(before.0);
        if !(0..=LONGEST_GAP).contains(&gap) {
            return due;
        }
        #[allow(clippy::cast_precision_loss, reason = "an hour in nanoseconds is below 2^53")]
        let seconds = gap as f64 / 1e9 / self.speed.0;
        due.plus(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Notes that the frame heard at `stamp`, due at `due`, was handed out.
    pub(crate) const fn handed_out(&mut self, stamp: Stamp, due: Time) {
        self.last = Some((stamp, due));
    }
}

/// A capture file replayed at a pace.
pub struct Paced<R> {
    inner: R,
    schedule: Schedule,
    /// How many frames of the inner batch were handed out.
    next: usize,
    /// A batch that is not full may not go out before this.
    rest: Time,
}

impl<R: Replay> Paced<R> {
    /// Replays `inner` at `speed`, from the first call of [`Capture::next_batch`] on.
    pub const fn new(inner: R, speed: Speed) -> Self {
        Self { inner, schedule: Schedule::new(speed), next: 0, rest: Time(0) }
    }

    /// Moves `next` beyond the frames that are due at `now`. Returns when the first of the rest is
    /// due, `None` if none is left.
    fn pass(&mut self, now: Time) -> Option<Time> {
        let Self { inner, schedule, next, .. } = self;
        while let Some(frame) = inner.batch().get(*next) {
            let stamp = frame.meta.stamp;
            let due = schedule.due(stamp, now);
            if due > now {
                return Some(due);
            }
            schedule.handed_out(stamp, due);
            *next += 1;
        }
        None
    }
}

impl<R: Replay> Capture for Paced<R> {
    fn next_batch(&mut self, wait: Duration) -> Result<Batch<'_>, CaptureError> {
        if self.next >= self.inner.batch().len() {
            self.next = 0;
            self.inner.advance()?;
        }
        let first = self.next;
        let mut now = clock::now().monotonic;
        if let Some(due) = self.pass(now) {
            let wake = if self.next == first { due.max(self.rest) } else { self.rest };
            if wake > now {
                thread::sleep(wake.since(now).min(wait));
                now = clock::now().monotonic;
                self.pass(now);
            }
        }
        self.rest = now.plus(GRAIN);
        let batch = self.inner.batch();
        Ok(batch.slice(first..self.next))
    }

    fn interfaces(&self) -> &[InterfaceName] {
        self.inner.interfaces()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::file::samples::{Frames, Pcap};

    const START: Time = Time(5_000_000_000);

    fn speed(factor: f64) -> Speed {
        Speed::try_from(factor).unwrap()
    }

    /// When the frames heard at `stamps` (seconds) are due, in seconds after the first.
    fn dues(factor: f64, stamps: &[i64]) -> Vec<u64> {
        let mut schedule = Schedule::new(speed(factor));
        stamps
            .iter()
            .map(|seconds| {
                let stamp = Stamp::new(*seconds, 0);
                let due = schedule.due(stamp, START);
                schedule.handed_out(stamp, due);
                due.since(START).as_secs()
            })
            .collect()
    }

    #[test]
    fn frames_are_due_as_they_were_heard() {
        assert_eq!(dues(1.0, &[100, 101, 101, 110]), [0, 1, 1, 10]);
        assert_eq!(dues(10.0, &[100, 110, 130]), [0, 1, 3]);
        assert_eq!(dues(0.5, &[100, 110]), [0, 20]);
    }

    #[test]
    fn steps_of_the_clock_are_not_waited_for() {
        assert_eq!(dues(1.0, &[100, 50, 51]), [0, 0, 1]);
        assert_eq!(dues(1.0, &[0, 3_600, 3_601]), [0, 3_600, 3_601]);
        assert_eq!(dues(1.0, &[0, 3_601, 3_602]), [0, 0, 1]);
    }

    #[test]
    fn absurd_stamps_and_speeds_do_not_overflow() {
        let mut schedule = Schedule::new(speed(f64::MIN_POSITIVE));
        schedule.handed_out(Stamp(i128::MIN), START);
        assert_eq!(schedule.due(Stamp(i128::MAX), START), START);
        assert_eq!(schedule.due(Stamp(i128::MIN + 1_000), START), Time(u64::MAX));
        for none in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Speed::try_from(none), Err(SpeedError));
        }
    }

    #[test]
    fn hands_out_what_is_due_and_no_more() {
        let frames = Frames::every(Duration::from_mins(10), 4);
        let capture = Pcap::default().capture(&frames);
        let mut paced = Paced::new(capture, speed(1.0));
        let counts: Vec<usize> =
            (0..3).map(|_| paced.next_batch(Duration::ZERO).unwrap().len()).collect();
        assert_eq!(counts, [1, 0, 0]);
    }

    #[test]
    fn hands_out_everything_in_order_and_ends() {
        let frames = Frames::every(Duration::from_secs(1), 5_000);
        let mut paced = Paced::new(Pcap::default().capture(&frames), speed(1e15));
        let mut seen = Vec::new();
        let end = loop {
            match paced.next_batch(Duration::from_secs(1)) {
                Ok(batch) => seen.extend(batch.iter().map(|frame| frame.meta.stamp)),
                Err(error) => break error,
            }
        };
        assert!(matches!(end, CaptureError::End));
        assert_eq!(seen, frames.stamps());
    }
}
