//! The storms of one device: when one begins, what causes it, when it is over.
//!
//! It counts frames and closes each whole second. It knows neither other devices nor which device
//! it belongs to.
//!
//! A device that sends little keeps its latest frames in a short list and costs nothing each
//! second. One that sends more than that in a minute has a [`Pace`] for each class that it uses,
//! until that class is silent again.

use super::askers::Askers;
use super::class::{
    CLASSES, SIGNALLING, chatty, fallback, flooding, floods, is_over, limit, place, rates,
};
use super::detail::Detail;
use super::explain::{Weight, explain};
use super::few::RecentFrames;
use super::limits::{Limits, ProtocolSet};
use super::pace::Pace;
use super::storm::{Culprit, EndReason, Level, Storm, StormEvent};
use super::what::What;
use super::window::Window;
use crate::decode::{Class, Sender};
use crate::detect::{Cause, CauseSet};
use crate::time::Stamp;

/// What is remembered of a device's rates and its storm. 200 bytes, while it is busy at most
/// three times 1.8 KiB and 270 bytes, and 170 bytes while a storm lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceStorms {
    few: RecentFrames,
    /// By class.
    paces: [Option<Box<Pace>>; CLASSES.len()],
    storm: Option<Box<OpenStorm>>,
    /// Who provoked its frames; made with the first that was, and kept while it is busy.
    askers: Option<Box<Askers>>,
    begun: [u64; Level::ALL.len()],
}

/// A storm that lasts.
#[derive(Clone, Debug)]
struct OpenStorm {
    storm: Storm,
    /// The place of its class.
    class: usize,
    weight: Weight,
}

/// The second that is closed, as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    /// The second.
    pub second: u64,
    /// Its end, on the wall clock.
    pub stamp: Stamp,
    /// The number of a storm that begins.
    pub number: u64,
    /// Frames that may have been missed in the 30 s that end with it.
    pub unseen: u64,
}

impl Closing {
    /// Why a storm ends with this second, whose last 30 s held so many frames: with those that may
    /// have been missed it might go on.
    pub(super) fn end_reason(&self, frames: u64, limit: Option<u64>) -> EndReason {
        let is_seen = limit.is_none_or(|rate| is_over(frames.saturating_add(self.unseen), rate));
        if self.unseen == 0 || is_seen { EndReason::Quiet } else { EndReason::Unobserved }
    }

    /// The begin of an earlier second, or of this one, on the wall clock as it is now.
    pub(super) fn begin_of(&self, second: u64) -> Stamp {
        let seconds = i128::from((self.second + 1).saturating_sub(second));
        Stamp(self.stamp.0.saturating_sub(seconds * 1_000_000_000))
    }
}

impl DeviceStorms {
    /// Counts one frame that is not ignored. Returns whether [`Self::close`] must be called at the
    /// end of this second, and of those that follow as long as that returns true.
    pub(crate) fn count(&mut self, second: u64, what: What) -> bool {
        let Some(class) = place(what.class) else { return false };
        if let Some(pace) = &mut self.paces[class] {
            pace.count(second, what);
            return true;
        }
        if self.few.push(second, what) {
            return self.is_busy();
        }
        self.grow(second, class).count(second, what);
        true
    }

    /// Whether frames like one that was just counted have a [`Pace`], if they are counted at all.
    pub(crate) fn is_settled(&self, what: What) -> bool {
        place(what.class).is_none_or(|class| self.paces[class].is_some())
    }

    /// Counts so many frames more like one that was just counted.
    pub(crate) fn skip(&mut self, what: What, frames: u32) {
        if let Some(pace) = place(what.class).and_then(|class| self.paces[class].as_mut()) {
            pace.skip(what, frames);
        }
    }

    /// Counts a frame of another device, with its signatures, that this one provoked: in signalling. Then
    /// [`Self::close`] must be called at the end of this second.
    pub(crate) fn count_provoked(&mut self, second: u64, signatures: CauseSet) {
        let pace = match &mut self.paces[SIGNALLING] {
            Some(pace) => pace,
            None => self.grow(second, SIGNALLING),
        };
        pace.count_provoked(second, signatures);
    }

    /// The frame counted last was provoked by `asker`.
    pub(crate) fn answer(&mut self, asker: Sender) {
        if self.is_busy() {
            self.askers.get_or_insert_default().count(asker);
        }
    }

    /// Makes a [`Pace`] for `class` and for those of the few frames so far.
    fn grow(&mut self, second: u64, class: usize) -> &mut Pace {
        for (then, what) in self.few.take() {
            if let Some(class) = place(what.class) {
                let pace = &mut self.paces[class];
                let pace = pace.get_or_insert_with(|| Box::new(Pace::new(then)));
                pace.count_past(then, what, second);
            }
        }
        self.paces[class].get_or_insert_with(|| Box::new(Pace::new(second)))
    }

    /// Closes a second. `totals` are all signalling and address frames of the device, ignored
    /// ones too: the peak is read from them.
    pub(crate) fn close(
        &mut self,
        at: &Closing,
        sender: Sender,
        limits: &Limits,
        totals: &Window,
    ) -> Option<StormEvent> {
        let second = at.second;
        for (pace, class) in self.paces.iter_mut().zip(CLASSES) {
            if let Some(pace) = pace {
                pace.close(second, rates(limits, class));
            }
        }
        let event = if self.storm.is_some() {
            self.go_on(at, limits, totals)
        } else {
            self.begin(at, sender, limits, totals)
        };
        let open = self.storm.as_ref().map(|open| open.class);
        for (class, pace) in self.paces.iter_mut().enumerate() {
            pace.take_if(|pace| open != Some(class) && pace.is_forgotten(second));
        }
        if !self.is_busy() {
            self.askers = None;
        }
        event
    }

    /// Whether the next second must be closed too.
    pub(crate) fn is_busy(&self) -> bool {
        self.storm.is_some() || self.paces.iter().any(Option::is_some)
    }

    /// The storm that lasts, up to now: the running second is part of it.
    pub(crate) fn storm(&self, running: u64, totals: &Window) -> Option<Storm> {
        let open = self.storm.as_ref()?;
        let mut storm = open.storm.clone();
        if let Some(pace) = &self.paces[open.class] {
            storm.packets += u64::from(pace.at(running));
            storm.provoked += u64::from(pace.provoked_at(running));
        }
        storm.provoked_by = self.asked_by(&storm);
        storm.peak = storm.peak.max(totals.at(running));
        Some(storm)
    }

    /// Ends the storm for another reason than silence. What was counted so far begins none.
    pub(crate) fn break_off(&mut self, running: u64, totals: &Window) -> Option<Storm> {
        let storm = self.storm(running, totals)?;
        self.end();
        Some(storm)
    }

    /// Whether its limits no longer call its storm one.
    pub(crate) fn is_outdated(&self, limits: &Limits, ignored: ProtocolSet) -> bool {
        self.storm.as_ref().is_some_and(|open| {
            let limit = lasts_by(&open.storm, limits, CLASSES[open.class]);
            let pace = self.paces[open.class].as_ref();
            let thirty = pace.map_or(0, |pace| pace.sums().thirty);
            ignored.contains(open.storm.protocol) || limit.is_none_or(|rate| is_over(thirty, rate))
        })
    }

    /// Forgets what was counted, because other frames count from now on. A storm goes on.
    pub(crate) fn recount(&mut self) {
        self.few = RecentFrames::default();
        let open = self.storm.as_ref().map(|open| open.class);
        for (class, pace) in self.paces.iter_mut().enumerate() {
            pace.take_if(|_| open != Some(class));
        }
    }

    /// The cause of the storm that lasts, if what it is about should be told anew in `second`.
    pub(crate) fn wants_detail(&self, second: u64) -> Option<Cause> {
        let storm = &self.storm.as_ref()?.storm;
        match storm.culprit {
            Culprit::Device { cause, .. } => storm.detail.is_due(second).then_some(cause),
            Culprit::Segment { .. } => None,
        }
    }

    /// What the storm that lasts is about.
    pub(crate) fn tell(&mut self, second: u64, detail: Box<str>) {
        if let Some(open) = &mut self.storm {
            open.storm.detail.write(second, detail);
        }
    }

    /// Storms begun, by level.
    pub(crate) const fn begun(&self) -> [u64; Level::ALL.len()] {
        self.begun
    }

    /// Frames of signalling and address protocols in the 10 s that end with `second`, which was
    /// closed last. What it provoked others have sent.
    pub(crate) fn recent(&self, second: u64) -> u64 {
        let few = self.few.in_rate(second);
        few + self.paces[..2].iter().flatten().map(|pace| pace.own_ten()).sum::<u64>()
    }

    fn begin(
        &mut self,
        at: &Closing,
        sender: Sender,
        limits: &Limits,
        totals: &Window,
    ) -> Option<StormEvent> {
        let (class, level) = self.due(at.second, limits)?;
        let pace = self.paces[class].as_ref()?;
        let (cause, also) = explain(pace, at.second);
        // Who only answers is not to blame, however much that is.
        let due = pace.since(level);
        let level = if cause == Cause::Answering { Level::Chatty } else { level };
        let culprit = Culprit::Device { sender, cause, also };
        let protocol = pace.protocol(at.second).unwrap_or(fallback(CLASSES[class]));
        let mut storm = Storm {
            first_frame: at.begin_of(pace.since(level).or(due).unwrap_or(at.second)),
            peak: totals.busiest(at.second, 10),
            ..Storm::begun(at.number, culprit, (level, protocol), at.stamp)
        };
        storm.provoked_by = self.asked_by(&storm);
        storm.detail.ask(at.second, storm.provoked_by.iter().flatten().next().copied());
        self.begun[level as usize] += 1;
        let event = StormEvent::Began(storm.clone());
        let weight = Weight::new(at.second);
        self.storm = Some(Box::new(OpenStorm { storm, class, weight }));
        Some(event)
    }

    /// The first class, at the higher level, that met its begin rule.
    fn due(&self, second: u64, limits: &Limits) -> Option<(usize, Level)> {
        let paces = || self.paces.iter().zip(CLASSES).enumerate();
        let storm = paces().find_map(|(place, (pace, class))| {
            let is_met = floods(&pace.as_ref()?.sums(), limits, class);
            is_met.then_some((place, Level::Storm))
        });
        storm.or_else(|| {
            paces().find_map(|(place, (pace, class))| {
                let (pace, rate) = (pace.as_ref()?, chatty(limits, class)?);
                // A storm that would be over at once does not begin.
                let is_met = pace.is_chatty(second) && !is_over(pace.sums().thirty, rate);
                is_met.then_some((place, Level::Chatty))
            })
        })
    }

    fn go_on(&mut self, at: &Closing, limits: &Limits, totals: &Window) -> Option<StormEvent> {
        let open = self.storm.as_mut()?;
        let pace = self.paces[open.class].as_ref()?;
        let class = CLASSES[open.class];
        let storm = &mut open.storm;
        storm.lasted[storm.level as usize] += 1;
        storm.packets += u64::from(pace.at(at.second));
        storm.provoked += u64::from(pace.provoked_at(at.second));
        storm.peak = storm.peak.max(totals.at(at.second));
        // A limit that is off has ended its storms when it was switched off.
        let (frames, limit) = (pace.sums().thirty, lasts_by(storm, limits, class));
        if limit.is_none_or(|rate| is_over(frames, rate)) {
            let end = Some((at.stamp, at.end_reason(frames, limit)));
            let storm = Storm { end, ..self.told()? };
            self.end();
            return Some(StormEvent::Ended(storm));
        }
        let mut was = None;
        if let Culprit::Device { cause, also, .. } = &mut storm.culprit
            && let Some((new, others)) = open.weight.weigh(pace, at.second, *cause)
        {
            was = Some(std::mem::replace(cause, new));
            storm.detail = Detail::default();
            *also = others;
        }
        let rises = match storm.level {
            Level::Chatty => !storm.is_answering() && floods(&pace.sums(), limits, class),
            Level::Storm => false,
        };
        if rises {
            storm.level = Level::Storm;
            self.begun[Level::Storm as usize] += 1;
        } else if storm.is_answering() {
            // It turned out that it only answers.
            storm.level = Level::Chatty;
        }
        let asker = self.askers.as_ref().filter(|_| storm.is_answering());
        storm.detail.ask(at.second, asker.and_then(|askers| askers.most_first().first().copied()));
        let event = match (rises, was) {
            (true, _) => StormEvent::Rose,
            (false, Some(Cause::Unclassified)) => StormEvent::Explained,
            (false, Some(_)) => StormEvent::Changed,
            (false, None) => return None,
        };
        self.told().map(event)
    }

    /// The storm as of the second that was closed last.
    fn told(&self) -> Option<Storm> {
        let storm = &self.storm.as_ref()?.storm;
        Some(Storm { provoked_by: self.asked_by(storm), ..storm.clone() })
    }

    /// Who asks, if it does nothing but answer.
    fn asked_by(&self, storm: &Storm) -> Option<Box<[Sender]>> {
        let askers = self.askers.as_ref().filter(|_| storm.is_answering())?;
        Some(askers.most_first().into())
    }

    /// The storm is over: the windows of its class start empty, so that the tail of what ended does
    /// not begin a new one.
    fn end(&mut self) {
        if let Some(open) = self.storm.take() {
            self.paces[open.class] = None;
        }
    }
}

/// The limit by which a storm lasts. One that only answers is chatty whatever its rate, where
/// nothing is chatty by its rate too.
fn lasts_by(storm: &Storm, limits: &Limits, class: Class) -> Option<u64> {
    let limit = limit(limits, class, storm.level);
    // Only signalling is chatty by its rate: what answered in another class lasts by its own limit.
    let is_signalling = class == Class::Signalling;
    if storm.is_answering() || !is_signalling { limit.or(flooding(limits, class)) } else { limit }
}

#[cfg(test)]
mod tests;
