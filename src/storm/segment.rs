//! Storms of the segment as a whole.
//!
//! Counts the signalling and address frames of all devices. Which device sends most of them is
//! asked of the caller.

use super::class::is_over;
use super::device::Closing;
use super::pace::Pace;
use super::storm::{Culprit, EndReason, Level, Storm, StormEvent};
use super::what::What;
use crate::decode::Protocol;
use crate::detect::{Cause, CauseSet, SegmentCause};

/// What is remembered of a segment's rate and its storm. 1.7 KiB at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentStorms {
    pace: Option<Box<Pace>>,
    storm: Option<Storm>,
}

impl SegmentStorms {
    /// Counts one signalling or address frame that is not ignored.
    pub(crate) fn count(&mut self, second: u64, what: What) {
        let pace = self.pace.get_or_insert_with(|| Box::new(Pace::new(second)));
        pace.count(second, what);
    }

    /// Closes a second. `limit` is in frames a second; `busiest` finds how many frames the busiest
    /// device sent in the last 10 s.
    pub(crate) fn close(
        &mut self,
        at: &Closing,
        limit: Option<u32>,
        busiest: impl FnOnce() -> u64,
    ) -> Option<StormEvent> {
        let second = at.second;
        let pace = self.pace.as_mut()?;
        pace.close(second, None);
        let sums = pace.sums();
        let Some(rate) = limit.map(u64::from) else {
            self.pace.take_if(|pace| pace.is_forgotten(second));
            return None;
        };
        if let Some(storm) = &mut self.storm {
            storm.packets += u64::from(pace.at(second));
            storm.peak = storm.peak.max(pace.at(second));
            if !is_over(sums.thirty, rate) {
                return explain_loop(storm, pace.fitting(second));
            }
            storm.end = Some((at.stamp, EndReason::Quiet));
            self.pace = None;
            return self.storm.take().map(StormEvent::Ended);
        }
        if sums.ten == 0 || sums.ten < rate * 10 {
            self.pace.take_if(|pace| pace.is_forgotten(second));
            return None;
        }
        let cause = if pace.fitting(second).contains(Cause::L2Loop) {
            SegmentCause::L2Loop
        } else if busiest() * 2 >= sums.ten {
            SegmentCause::OneDevice
        } else {
            SegmentCause::ManyDevices
        };
        let storm = Storm {
            number: at.number,
            culprit: Culprit::Segment { cause },
            level: Level::Storm,
            protocol: pace.protocol(second).unwrap_or(Protocol::Mdns),
            start: at.stamp,
            end: None,
            packets: 0,
            provoked: 0,
            provoked_by: None,
            peak: pace.busiest(second),
        };
        self.storm = Some(storm.clone());
        Some(StormEvent::Began(storm))
    }

    /// Whether the next second must be closed too.
    pub(crate) const fn is_busy(&self) -> bool {
        self.pace.is_some()
    }

    /// The storm that lasts, up to now: the running second is part of it.
    pub(crate) fn storm(&self, running: u64) -> Option<Storm> {
        let mut storm = self.storm.clone()?;
        let count = self.pace.as_ref().map_or(0, |pace| pace.at(running));
        storm.packets += u64::from(count);
        storm.peak = storm.peak.max(count);
        Some(storm)
    }

    /// Ends the storm for another reason than silence.
    pub(crate) fn break_off(&mut self, running: u64) -> Option<Storm> {
        let storm = self.storm(running)?;
        *self = Self::default();
        Some(storm)
    }

    /// Whether `limit` no longer calls the storm one.
    pub(crate) fn is_outdated(&self, limit: Option<u32>) -> bool {
        let thirty = self.pace.as_ref().map_or(0, |pace| pace.sums().thirty);
        self.storm.is_some() && limit.is_none_or(|rate| is_over(thirty, u64::from(rate)))
    }

    /// Forgets what was counted, because other frames count from now on. A storm goes on.
    pub(crate) fn recount(&mut self) {
        if self.storm.is_none() {
            self.pace = None;
        }
    }
}

/// A storm whose frames go round is a loop, whatever it began as: a loop is known some seconds after
/// it began, and nobody should look for a device then.
fn explain_loop(storm: &mut Storm, fitting: CauseSet) -> Option<StormEvent> {
    let Culprit::Segment { cause } = &mut storm.culprit else { return None };
    if *cause == SegmentCause::L2Loop || !fitting.contains(Cause::L2Loop) {
        return None;
    }
    *cause = SegmentCause::L2Loop;
    Some(StormEvent::Explained(storm.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Stamp;

    /// The cause of a storm of a segment with `marked` of `frames` frames in a loop, and a device
    /// that sent `busiest` of them.
    fn cause(frames: u64, marked: u64, busiest: u64) -> Option<SegmentCause> {
        let mut storms = SegmentStorms::default();
        let mut signatures = CauseSet::default();
        signatures.insert(Cause::L2Loop);
        for n in 0..frames {
            let signatures = if n < marked { signatures } else { CauseSet::default() };
            storms.count(10, What::of(Protocol::Mdns, signatures));
        }
        let at = Closing { second: 10, stamp: Stamp::new(11, 0), number: 3 };
        let event = storms.close(&at, Some(10), || busiest)?;
        let Culprit::Segment { cause } = event.storm().culprit else { panic!("of a segment") };
        assert_eq!((event.storm().number, event.storm().start), (3, Stamp::new(11, 0)));
        Some(cause)
    }

    #[test]
    fn half_of_the_frames_makes_a_cause() {
        assert_eq!(cause(99, 99, 99), None);
        assert_eq!(cause(100, 50, 100), Some(SegmentCause::L2Loop));
        assert_eq!(cause(100, 49, 50), Some(SegmentCause::OneDevice));
        assert_eq!(cause(100, 49, 49), Some(SegmentCause::ManyDevices));
    }

    #[test]
    fn a_storm_becomes_a_loop_when_its_frames_show_it() {
        let mut storms = SegmentStorms::default();
        let mut looping = CauseSet::default();
        looping.insert(Cause::L2Loop);
        let mut events = Vec::new();
        for second in 10..30 {
            let signatures = if second < 15 { CauseSet::default() } else { looping };
            for _ in 0..100 {
                storms.count(second, What::of(Protocol::Arp, signatures));
            }
            let at = Closing { second, stamp: Stamp(second.into()), number: 0 };
            let event = storms.close(&at, Some(10), || 1_000);
            events.extend(event.map(|event| (second, event.storm().culprit)));
        }
        let of = |cause| Culprit::Segment { cause };
        assert_eq!(events, [(10, of(SegmentCause::OneDevice)), (19, of(SegmentCause::L2Loop))]);
    }

    #[test]
    fn it_is_over_below_a_fifth_and_then_forgotten() {
        let mut storms = SegmentStorms::default();
        let mut ends = Vec::new();
        for second in 10..200 {
            let frames = if second < 20 { 100 } else { u64::from(second < 60) };
            for _ in 0..frames {
                storms.count(second, What::of(Protocol::Arp, CauseSet::default()));
            }
            let at = Closing { second, stamp: Stamp(second.into()), number: 0 };
            if let Some(StormEvent::Ended(storm)) = storms.close(&at, Some(10), || 0) {
                ends.push((second, storm.packets, storm.peak));
            }
        }
        // 20 of the 30 s hold 1 each, so one of 100 is too many.
        assert_eq!(ends, [(49, 900 + 30, 100)]);
        assert!(!storms.is_busy());
    }
}
