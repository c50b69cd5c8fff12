//! Storms of the segment as a whole.
//!
//! Counts the signalling and address frames of all devices. Which device sends most of them, and
//! who is new, is told by the caller.

use super::class::is_over;
use super::detail::Detail;
use super::device::Closing;
use super::explain::PATIENCE;
use super::pace::Pace;
use super::storm::{Culprit, Level, Storm, StormEvent};
use super::strangers::{Lately, Strangers};
use super::what::What;
use crate::decode::Protocol;
use crate::detect::{Cause, SegmentCause};

/// Whose frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of a sender that is heard for the first time.
    New,
    /// Of one that was first heard in the last 10 s.
    Strange,
    /// Of any other.
    Known,
}

/// What is remembered of a segment's rate and its storm. 1.9 KiB at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentStorms {
    pace: Option<Box<Pace>>,
    storm: Option<Storm>,
    strangers: Strangers,
    /// The last second in which the cause of the storm covered a quarter of the frames.
    covered: u64,
}

impl SegmentStorms {
    /// Somebody listens from `second` on.
    pub(crate) const fn listen(&mut self, second: u64) {
        self.strangers.listen(second);
    }

    /// Counts one signalling or address frame that is not ignored.
    pub(crate) fn count(&mut self, second: u64, what: What, whose: Whose) {
        match whose {
            Whose::New => {
                self.strangers.meet(second);
                self.strangers.count(second);
            }
            Whose::Strange => self.strangers.count(second),
            Whose::Known => {}
        }
        let pace = self.pace.get_or_insert_with(|| Box::new(Pace::new(second)));
        pace.count(second, what);
    }

    /// Closes a second. `limit` is in frames a second; `evicted` is how many devices have lost
    /// their row to others so far; `busiest` finds how many frames the busiest device sent in the
    /// last 10 s.
    pub(crate) fn close(
        &mut self,
        at: &Closing,
        limit: Option<u32>,
        evicted: u64,
        busiest: impl FnOnce() -> u64,
    ) -> Option<StormEvent> {
        let second = at.second;
        let pace = self.pace.as_mut()?;
        let lately = self.strangers.close(second, evicted);
        pace.close(second, [None, limit.map(u64::from)]);
        let sums = pace.sums();
        let Some(rate) = limit.map(u64::from) else {
            self.pace.take_if(|pace| pace.is_forgotten(second));
            return None;
        };
        if let Some(storm) = &mut self.storm {
            storm.lasted[storm.level as usize] += 1;
            storm.packets += u64::from(pace.at(second));
            storm.peak = storm.peak.max(pace.at(second));
            if is_over(sums.thirty, rate) {
                storm.end = Some((at.stamp, at.end_reason(sums.thirty, Some(rate))));
                self.pace = None;
                return self.storm.take().map(StormEvent::Ended);
            }
            let new = weigh(pace, second, busiest(), &lately, storm, &mut self.covered);
            if let Some(new) = new {
                storm.culprit = Culprit::Segment { cause: new };
                storm.detail = Detail::default();
            }
            tell(second, &lately, storm);
            new?;
            return Some(StormEvent::Changed(storm.clone()));
        }
        if sums.ten == 0 || sums.ten < rate * 10 {
            self.pace.take_if(|pace| pace.is_forgotten(second));
            return None;
        }
        let cause = explain(pace, second, busiest(), &lately);
        let mut storm = Storm {
            number: at.number,
            culprit: Culprit::Segment { cause },
            level: Level::Storm,
            protocol: pace.protocol(second).unwrap_or(Protocol::Mdns),
            start: at.stamp,
            first_frame: at.begin_of(pace.since(Level::Storm).unwrap_or(second)),
            end: None,
            lasted: [0; Level::COUNT],
            packets: 0,
            provoked: 0,
            provoked_by: None,
            detail: Detail::default(),
            peak: pace.busiest(second),
        };
        tell(second, &lately, &mut storm);
        self.storm = Some(storm.clone());
        self.covered = second;
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
        *self = Self { strangers: std::mem::take(&mut self.strangers), ..Self::default() };
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

/// The cause of the 10 s that end with `second`, closed last, in which the busiest device sent
/// `busiest` frames.
fn explain(pace: &Pace, second: u64, busiest: u64, lately: &Lately) -> SegmentCause {
    if pace.covers(second, Cause::L2Loop, 1, 2) {
        SegmentCause::L2Loop
    } else if busiest * 2 >= pace.sums().ten {
        SegmentCause::OneDevice
    } else if lately.are_most(pace.sums().ten) {
        SegmentCause::InventedSenders
    } else {
        SegmentCause::ManyDevices
    }
}

/// Tells how many senders are invented, if they are.
fn tell(second: u64, lately: &Lately, storm: &mut Storm) {
    let Culprit::Segment { cause: SegmentCause::InventedSenders } = storm.culprit else { return };
    if storm.detail.is_due(second) {
        storm.detail.write(second, lately.in_words().into());
    }
}

/// The cause that the one of `storm` gives way to: as for devices, but that it was many devices
/// is so only while nothing else is.
fn weigh(
    pace: &Pace,
    second: u64,
    busiest: u64,
    lately: &Lately,
    storm: &Storm,
    covered: &mut u64,
) -> Option<SegmentCause> {
    let Culprit::Segment { cause: now } = storm.culprit else { return None };
    let new = explain(pace, second, busiest, lately);
    let still_covers = match now {
        SegmentCause::L2Loop => pace.covers(second, Cause::L2Loop, 1, 4),
        SegmentCause::OneDevice => busiest * 4 >= pace.sums().ten,
        SegmentCause::InventedSenders => lately.are_a_quarter(pace.sums().ten),
        SegmentCause::ManyDevices => new == now,
    };
    if still_covers {
        *covered = second;
    }
    let gives_way = new == SegmentCause::L2Loop || second - *covered >= PATIENCE;
    (new != now && gives_way).then(|| {
        *covered = second;
        new
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::CauseSet;
    use crate::time::Stamp;

    /// The cause of a storm of a segment with `marked` of `frames` frames in a loop, and a device
    /// that sent `busiest` of them.
    fn cause(frames: u64, marked: u64, busiest: u64) -> Option<SegmentCause> {
        let mut storms = SegmentStorms::default();
        let mut signatures = CauseSet::default();
        signatures.insert(Cause::L2Loop);
        for n in 0..frames {
            let signatures = if n < marked { signatures } else { CauseSet::default() };
            storms.count(10, What::of(Protocol::Mdns, signatures), Whose::Known);
        }
        let at = Closing { second: 10, stamp: Stamp::new(11, 0), number: 3, unseen: 0 };
        let event = storms.close(&at, Some(10), 0, || busiest)?;
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

    /// The causes that a segment's storm changes to, with the second, while each part of it has so
    /// many seconds of 100 frames of which so many are in a loop and so many by one device.
    fn changes(parts: &[(u64, u64, u64)]) -> Vec<(u64, SegmentCause)> {
        let mut storms = SegmentStorms::default();
        let (mut second, mut changes) = (100, Vec::new());
        for &(seconds, looping, busiest) in parts {
            for _ in 0..seconds {
                for n in 0..100 {
                    let signatures = (n < looping).then_some(Cause::L2Loop);
                    let what = What::of(Protocol::Arp, signatures.into_iter().collect());
                    storms.count(second, what, Whose::Known);
                }
                let at = Closing { second, stamp: Stamp(second.into()), number: 0, unseen: 0 };
                match storms.close(&at, Some(10), 0, || busiest * 10.min(second - 99)) {
                    Some(StormEvent::Changed(Storm {
                        culprit: Culprit::Segment { cause },
                        ..
                    })) => changes.push((second - 100, cause)),
                    Some(StormEvent::Began(_)) | None => {}
                    other => panic!("{other:?}"),
                }
                second += 1;
            }
        }
        changes
    }

    #[test]
    fn what_turns_out_to_be_a_loop_is_told_at_once_and_another_device_after_a_minute() {
        use SegmentCause::{L2Loop, ManyDevices, OneDevice};
        assert_eq!(changes(&[(90, 0, 80), (90, 60, 80)]), [(98, L2Loop)], "half of 10 s");
        assert_eq!(changes(&[(90, 0, 80), (90, 0, 26)]), []);
        assert_eq!(changes(&[(90, 0, 80), (90, 0, 24)]), [(149, ManyDevices)]);
        assert_eq!(changes(&[(90, 0, 10), (90, 0, 60)]), [(149, OneDevice)]);
        assert_eq!(changes(&[(90, 60, 90), (90, 0, 90)]), [(154, OneDevice)]);
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
                storms.count(second, What::of(Protocol::Arp, signatures), Whose::Known);
            }
            let at = Closing { second, stamp: Stamp(second.into()), number: 0, unseen: 0 };
            let event = storms.close(&at, Some(10), 0, || 1_000);
            events.extend(event.map(|event| (second, event.storm().culprit)));
        }
        let of = |cause| Culprit::Segment { cause };
        assert_eq!(events, [(10, of(SegmentCause::OneDevice)), (19, of(SegmentCause::L2Loop))]);
    }

    #[test]
    fn a_flood_of_new_senders_is_none_of_theirs() {
        use SegmentCause::{InventedSenders, L2Loop, ManyDevices, OneDevice};
        // Of 1,000 frames in a second.
        for (new, strange, looping, busiest, evicted, expected) in [
            (500, 0, 0, 0, 0, InventedSenders),
            (101, 399, 0, 0, 0, InventedSenders),
            (101, 398, 0, 0, 0, ManyDevices),
            (100, 900, 0, 0, 0, ManyDevices),
            (0, 0, 0, 0, 101, InventedSenders),
            (1_000, 0, 0, 500, 0, OneDevice),
            (1_000, 0, 500, 0, 0, L2Loop),
        ] {
            let mut storms = SegmentStorms::default();
            for n in 0..1_000 {
                let signatures = (n < looping).then_some(Cause::L2Loop).into_iter().collect();
                let whose = match n {
                    n if n < new => Whose::New,
                    n if n < new + strange => Whose::Strange,
                    _ => Whose::Known,
                };
                storms.count(1_000, What::of(Protocol::Arp, signatures), whose);
            }
            storms.strangers.close(999, 0);
            let at = Closing { second: 1_000, stamp: Stamp(0), number: 0, unseen: 0 };
            let event = storms.close(&at, Some(100), evicted, || busiest).expect("it begins");
            let culprit = event.storm().culprit;
            assert_eq!(culprit, Culprit::Segment { cause: expected }, "{new} {strange} {evicted}");
            let told = event.storm().detail.latest().map(str::to_owned);
            let is =
                format!("{} new senders a second, {} evicted a second", new / 10, evicted / 10);
            assert_eq!(told, (expected == InventedSenders).then_some(is));
        }
    }

    #[test]
    fn it_is_over_below_a_fifth_and_then_forgotten() {
        let mut storms = SegmentStorms::default();
        let mut ends = Vec::new();
        for second in 10..200 {
            let frames = if second < 20 { 100 } else { u64::from(second < 60) };
            for _ in 0..frames {
                storms.count(second, What::of(Protocol::Arp, CauseSet::default()), Whose::Known);
            }
            let at = Closing { second, stamp: Stamp(second.into()), number: 0, unseen: 0 };
            if let Some(StormEvent::Ended(storm)) = storms.close(&at, Some(10), 0, || 0) {
                ends.push((second, storm.packets, storm.peak));
            }
        }
        // 20 of the 30 s hold 1 each, so one of 100 is too many.
        assert_eq!(ends, [(49, 900 + 30, 100)]);
        assert!(!storms.is_busy());
    }
}
