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
use crate::detect::{Cause, LoopDoubt, SegmentCause};

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

/// For how long what was heard of a loop counts, in seconds.
const LOOP_HEARD: u64 = 10;

/// What was heard of a loop: the last frame that goes round for certain, and the last that may be
/// something else.
#[derive(Clone, Copy, Debug, Default)]
struct LoopHeard {
    certain: Option<u64>,
    doubt: Option<(u64, LoopDoubt)>,
}

impl LoopHeard {
    /// What else it may be, if nothing is certain.
    fn doubt(&self, second: u64) -> Option<&LoopDoubt> {
        let is_recent = |at: u64| second.saturating_sub(at) < LOOP_HEARD;
        let is_certain = self.certain.is_some_and(is_recent);
        self.doubt.as_ref().filter(|(at, _)| !is_certain && is_recent(*at)).map(|(_, doubt)| doubt)
    }
}

/// What is remembered of a segment's rate and its storm. 2.1 KiB at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentStorms {
    pace: Option<Box<Pace>>,
    storm: Option<Storm>,
    strangers: Strangers,
    looping: LoopHeard,
    /// The most that strangers did in the storm.
    most: Lately,
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

    /// Counts so many frames more like one that was just counted.
    pub(crate) fn skip(&mut self, what: What, whose: Whose, frames: u32) {
        match whose {
            // It has a row, and this is not the first of its frames.
            Whose::New | Whose::Known => {}
            Whose::Strange => self.strangers.skip(frames),
        }
        if let Some(pace) = &mut self.pace {
            pace.skip(what, frames);
        }
    }

    /// Hears a frame that goes round, or that may be something else.
    pub(crate) const fn hear_loop(&mut self, second: u64, doubt: Option<LoopDoubt>) {
        match doubt {
            Some(doubt) => self.looping.doubt = Some((second, doubt)),
            None => self.looping.certain = Some(second),
        }
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
                self.most = Lately::default();
            }
            self.most = self.most.max(&lately);
            tell(second, &self.most, &self.looping, storm);
            new?;
            return Some(StormEvent::Changed(storm.clone()));
        }
        if sums.ten == 0 || sums.ten < rate * 10 {
            self.pace.take_if(|pace| pace.is_forgotten(second));
            return None;
        }
        let cause = explain(pace, second, busiest(), &lately);
        let protocol = pace.protocol(second).unwrap_or(Protocol::Mdns);
        let culprit = Culprit::Segment { cause };
        let mut storm = Storm {
            first_frame: at.begin_of(pace.since(Level::Storm).unwrap_or(second)),
            peak: pace.busiest(second),
            ..Storm::begun(at.number, culprit, (Level::Storm, protocol), at.stamp)
        };
        self.most = lately;
        tell(second, &self.most, &self.looping, &mut storm);
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

/// Tells how many senders are invented, if they are, at most: at the end there are none. And what
/// a loop may be instead.
fn tell(second: u64, most: &Lately, looping: &LoopHeard, storm: &mut Storm) {
    let Culprit::Segment { cause } = storm.culprit else { return };
    match cause {
        SegmentCause::InventedSenders if storm.detail.is_due(second) => {
            storm.detail.write(second, most.in_words().into());
        }
        SegmentCause::L2Loop => match looping.doubt(second) {
            Some(doubt) if storm.detail.is_due(second) => {
                storm.detail.write(second, doubt.in_words().into());
            }
            None if looping.certain.is_some_and(|at| at + 1 >= second) => {
                storm.detail = Detail::default();
            }
            Some(_) | None => {}
        },
        SegmentCause::InventedSenders | SegmentCause::OneDevice | SegmentCause::ManyDevices => {}
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

    /// Whether frames go round.
    #[derive(Clone, Copy, PartialEq)]
    enum Looping {
        No,
        Certainly,
        Perhaps(LoopDoubt),
    }

    /// What the storm says it is about, at its begin and at its end, while each part of it has so
    /// many seconds of 1,000 frames, of so many new senders and with these findings.
    fn told(parts: &[(u64, u64, Looping)]) -> (Option<String>, Option<String>) {
        let mut storms = SegmentStorms::default();
        let (mut second, mut first, mut last) = (1_000, None, None);
        storms.strangers.close(999, 0);
        for &(seconds, new, looping) in parts.iter().chain([&(40, 0, Looping::No)]) {
            for _ in 0..seconds {
                let is_end = new == 0 && looping == Looping::No;
                for n in 0..if is_end { 0 } else { 1_000 } {
                    let whose = if n < new { Whose::New } else { Whose::Known };
                    let cause = (looping != Looping::No).then_some(Cause::L2Loop);
                    let signatures = cause.into_iter().collect();
                    storms.count(second, What::of(Protocol::Arp, signatures), whose);
                    match looping {
                        Looping::No => {}
                        Looping::Certainly => storms.hear_loop(second, None),
                        Looping::Perhaps(doubt) => storms.hear_loop(second, Some(doubt)),
                    }
                }
                let at = Closing { second, stamp: Stamp(0), number: 0, unseen: 0 };
                let event = storms.close(&at, Some(100), 0, || 0);
                let about = |storm: &Storm| storm.detail.latest().map(str::to_owned);
                match event {
                    Some(StormEvent::Began(storm)) => first = about(&storm),
                    Some(StormEvent::Ended(storm)) => last = about(&storm),
                    _ => {}
                }
                second += 1;
            }
        }
        (first, last)
    }

    #[test]
    fn at_its_end_it_tells_the_most_new_senders_that_there_were() {
        let (first, last) =
            told(&[(5, 600, Looping::No), (20, 900, Looping::No), (5, 700, Looping::No)]);
        assert_eq!(first.as_deref(), Some("60 new senders a second, 0 evicted a second"));
        assert_eq!(last.as_deref(), Some("900 new senders a second, 0 evicted a second"));
    }

    #[test]
    fn a_loop_says_what_else_it_may_be_while_nothing_is_certain() {
        let asked = [Some([10, 0, 0, 1].into()), None];
        let doubt = Looping::Perhaps(LoopDoubt { devices: 2, asked, addresses: 1 });
        let words = Some("a loop, or 2 devices asking for 10.0.0.1".to_owned());
        assert_eq!(told(&[(20, 0, doubt)]), (words.clone(), words.clone()));
        assert_eq!(told(&[(20, 0, Looping::Certainly)]), (None, None));
        assert_eq!(told(&[(20, 0, doubt), (5, 0, Looping::Certainly)]), (words, None));
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
