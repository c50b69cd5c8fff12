//! The storms of one device: when one begins, what causes it, when it is over.
//!
//! It counts frames and closes each whole second. It knows neither other devices nor which device
//! it belongs to.
//!
//! A device that sends little keeps its latest frames in a short list and costs nothing each
//! second. One that sends more than that in a minute has a [`Pace`] for each class that it uses,
//! until that class is silent again.

use super::limits::{Limits, ProtocolSet};
use super::pace::{Pace, Sums};
use super::storm::{Culprit, EndReason, Level, Storm, StormEvent};
use super::what::What;
use super::window::Window;
use crate::decode::{Class, Protocol, Sender};
use crate::detect::{Cause, CauseSet};
use crate::time::Stamp;

/// Frames of a device that is not busy: fewer than the lowest limit, 1/s over 10 s, so that what
/// could begin a storm has a [`Pace`].
const FEW: usize = 8;
/// Seconds for which one of these frames matters.
const MATTERS: u64 = 60;
/// Seconds in which a storm of unknown cause may still be explained.
const EXPLAINED_WITHIN: u64 = 30;
/// A storm is over when 30 s hold fewer frames than this many seconds at the limit.
pub(super) const END_SECONDS: u64 = 6;

/// The classes that can make a storm, in the order in which they are tried.
const CLASSES: [Class; 3] = [Class::Signalling, Class::Address, Class::Other];

/// The place of a class among [`CLASSES`].
const fn place(class: Class) -> Option<usize> {
    match class {
        Class::Signalling => Some(0),
        Class::Address => Some(1),
        Class::Other => Some(2),
        Class::Uncounted => None,
    }
}

/// What is remembered of a device's rates and its storm. 160 bytes, while it is busy at most
/// three times 1.5 KiB, and 150 bytes while a storm lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceStorms {
    few: RecentFrames,
    /// By class.
    paces: [Option<Box<Pace>>; CLASSES.len()],
    storm: Option<Box<OpenStorm>>,
    begun: [u64; Level::ALL.len()],
}

/// A storm that lasts.
#[derive(Clone, Debug)]
struct OpenStorm {
    storm: Storm,
    /// The place of its class.
    class: usize,
    /// The last second in which it may be explained.
    explained_until: u64,
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
        for (then, what) in self.few.take() {
            if let Some(class) = place(what.class) {
                let pace = &mut self.paces[class];
                let pace = pace.get_or_insert_with(|| Box::new(Pace::new(then)));
                pace.count_past(then, what, second);
            }
        }
        let pace = self.paces[class].get_or_insert_with(|| Box::new(Pace::new(second)));
        pace.count(second, what);
        true
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
                pace.close(second, chatty(limits, class).map(|rate| rate * 60));
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
        event
    }

    /// Whether the next second must be closed too.
    pub(crate) fn is_busy(&self) -> bool {
        self.storm.is_some() || self.paces.iter().any(Option::is_some)
    }

    /// The storm that lasts, up to now: the running second is part of it.
    pub(crate) fn storm(&self, running: u64, totals: &Window) -> Option<Storm> {
        let open = self.storm.as_ref()?;
        let mut storm = open.storm;
        let pace = self.paces[open.class].as_ref();
        storm.packets += pace.map_or(0, |pace| u64::from(pace.at(running)));
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
            let limit = limit(limits, CLASSES[open.class], open.storm.level);
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

    /// Storms begun, by level.
    pub(crate) const fn begun(&self) -> [u64; Level::ALL.len()] {
        self.begun
    }

    /// Frames of signalling and address protocols in the 10 s that end with `second`, which was
    /// closed last.
    pub(crate) fn recent(&self, second: u64) -> u64 {
        let few = self.few.in_rate(second);
        few + self.paces[..2].iter().flatten().map(|pace| pace.sums().ten).sum::<u64>()
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
        let (cause, also) = explain(pace.fitting(at.second));
        let storm = Storm {
            number: at.number,
            culprit: Culprit::Device { sender, cause, also },
            level,
            protocol: pace.protocol(at.second).unwrap_or(fallback(CLASSES[class])),
            start: at.stamp,
            end: None,
            packets: 0,
            peak: totals.busiest(at.second, 10),
        };
        self.begun[level as usize] += 1;
        let explained_until = at.second + EXPLAINED_WITHIN;
        self.storm = Some(Box::new(OpenStorm { storm, class, explained_until }));
        Some(StormEvent::Began(storm))
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
        storm.packets += u64::from(pace.at(at.second));
        storm.peak = storm.peak.max(totals.at(at.second));
        // A limit that is off has ended its storms when it was switched off.
        let limit = limit(limits, class, storm.level);
        if limit.is_none_or(|rate| is_over(pace.sums().thirty, rate)) {
            storm.end = Some((at.stamp, EndReason::Quiet));
            let storm = *storm;
            self.end();
            return Some(StormEvent::Ended(storm));
        }
        let rises = storm.level == Level::Chatty && floods(&pace.sums(), limits, class);
        if rises {
            storm.level = Level::Storm;
            self.begun[Level::Storm as usize] += 1;
            open.explained_until = at.second + EXPLAINED_WITHIN;
        }
        let mut is_explained = false;
        if let Culprit::Device { cause: cause @ Cause::Unclassified, also, .. } = &mut storm.culprit
            && at.second <= open.explained_until
        {
            (*cause, *also) = explain(pace.fitting(at.second));
            is_explained = *cause != Cause::Unclassified;
        }
        match (rises, is_explained) {
            (true, _) => Some(StormEvent::Rose(*storm)),
            (false, true) => Some(StormEvent::Explained(*storm)),
            (false, false) => None,
        }
    }

    /// The storm is over: the windows of its class start empty, so that the tail of what ended does
    /// not begin a new one.
    fn end(&mut self) {
        if let Some(open) = self.storm.take() {
            self.paces[open.class] = None;
        }
    }
}

/// The first cause of a set, and the others.
fn explain(fitting: CauseSet) -> (Cause, CauseSet) {
    let mut causes = fitting.iter();
    let Some(first) = causes.next() else { return (Cause::Unclassified, CauseSet::default()) };
    let mut also = CauseSet::default();
    for cause in causes {
        also.insert(cause);
    }
    (first, also)
}

/// Frames a second from which a class is chatty.
fn chatty(limits: &Limits, class: Class) -> Option<u64> {
    match class {
        Class::Signalling => limits.chatty.map(u64::from),
        Class::Address | Class::Other | Class::Uncounted => None,
    }
}

/// Frames a second from which a class floods.
fn flooding(limits: &Limits, class: Class) -> Option<u64> {
    let rate = match class {
        Class::Signalling => limits.signalling,
        Class::Address => limits.address,
        Class::Other => limits.other,
        Class::Uncounted => None,
    };
    rate.map(u64::from)
}

fn limit(limits: &Limits, class: Class, level: Level) -> Option<u64> {
    match level {
        Level::Chatty => chatty(limits, class),
        Level::Storm => flooding(limits, class),
    }
}

/// Whether a class meets the rule by which a storm begins.
fn floods(sums: &Sums, limits: &Limits, class: Class) -> bool {
    let (frames, seconds) = match class {
        Class::Signalling | Class::Other | Class::Uncounted => (sums.ten, 10),
        Class::Address => (sums.thirty, 30),
    };
    frames > 0 && flooding(limits, class).is_some_and(|rate| frames >= rate * seconds)
}

/// Whether a storm with a limit of `rate` is over when 30 s hold `frames`.
pub(super) const fn is_over(frames: u64, rate: u64) -> bool {
    frames == 0 || frames < rate * END_SECONDS
}

/// The protocol of a storm when nothing was heard for 10 s, because the device's other storm had to
/// end first.
const fn fallback(class: Class) -> Protocol {
    match class {
        Class::Signalling | Class::Uncounted => Protocol::Mdns,
        Class::Address => Protocol::Arp,
        Class::Other => Protocol::OtherMulticast,
    }
}

/// The latest frames of a device that is not busy, without those of classes with a [`Pace`]. In the
/// order in which they came.
#[derive(Clone, Debug, Default)]
struct RecentFrames {
    seconds: [u64; FEW],
    whats: [Option<What>; FEW],
    len: u8,
}

impl RecentFrames {
    /// Adds one if there is space; those that no longer matter are removed first.
    fn push(&mut self, second: u64, what: What) -> bool {
        if usize::from(self.len) == FEW {
            let matters = |then: &u64| second.saturating_sub(*then) <= MATTERS;
            let old = self.seconds.iter().take_while(|then| !matters(then)).count();
            if old == 0 {
                return false;
            }
            self.seconds.rotate_left(old);
            self.whats.rotate_left(old);
            self.whats[FEW - old..].fill(None);
            #[allow(clippy::cast_possible_truncation, reason = "at most eight")]
            let left = (FEW - old) as u8;
            self.len = left;
        }
        let place = usize::from(self.len);
        self.seconds[place] = second;
        self.whats[place] = Some(what);
        self.len += 1;
        true
    }

    /// Takes all of them, each with its second; none are left.
    fn take(&mut self) -> impl Iterator<Item = (u64, What)> + use<> {
        let Self { seconds, whats, .. } = std::mem::take(self);
        seconds.into_iter().zip(whats).filter_map(|(second, what)| Some((second, what?)))
    }

    /// Signalling and address frames in the 10 s that end with `second`.
    fn in_rate(&self, second: u64) -> u64 {
        let frames = self.seconds.iter().zip(&self.whats);
        let counts = frames.filter(|(then, what)| {
            let is_recent = **then <= second && second - **then < 10;
            is_recent
                && what.is_some_and(|what| match what.class {
                    Class::Signalling | Class::Address => true,
                    Class::Other | Class::Uncounted => false,
                })
        });
        counts.count() as u64
    }
}

#[cfg(test)]
mod tests;
