//! The way of one capture's frames: timeline, decode, segment, engine. Live captures and files go
//! through here alike. A live capture's pipeline stands behind one lock, taken once a batch.
//!
//! Gives a snapshot of each segment, and one queue of [`Output`]. It knows neither where batches
//! come from nor who reads what it gives.

mod broken;
mod news;
mod run;
mod segments;

use crate::decode::mdns::HashKey;
use crate::decode::{Class, Observation, decode};
use crate::detect::Vantage;
use crate::engine::{self, Converted, Engine, Event, Local, Snapshot};
use crate::evidence::{Recorder, Recording};
use crate::frame::{Backlog, Batch, Frame, InterfaceName, Place};
use crate::interfaces::Surroundings;
use crate::mac::Mac;
use crate::segment::{Ended, Label, Labels, LanName, Lans, Route, Router};
use crate::storm::{StormEvent, StormPolicy};
use crate::time::clock::Reading;
use crate::time::timeline::Timeline;
use crate::time::{Stamp, Time};
pub use news::StormNews;
use run::{LANES, is_same};
use segments::{Promised, Segment, Segments};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Interfaces of files, by name, that have a segment of their own. Their number is chosen by the
/// writer of the file, and each segment is a set of time series.
const FILE_INTERFACES_MAX: usize = 1024;
/// The name under which the frames of all further interfaces of files are counted.
const FURTHER_INTERFACES: &str = "other";

/// Decodes, routes and counts the frames of one capture.
pub struct Pipeline {
    settings: Settings,
    timeline: Timeline,
    /// By the capture's interface index: a place in `bases`; `None` where no frame was heard.
    interfaces: Vec<Option<usize>>,
    bases: Vec<Base>,
    /// Places in `bases`.
    by_name: HashMap<Box<str>, usize>,
    segments: Segments,
    /// The interface of a live capture.
    vantage: Arc<Vantage>,
    /// Places in `segments`.
    by_label: HashMap<Label, usize>,
    /// What waits for [`Pipeline::poll_output`].
    output: VecDeque<Output>,
    /// `None` where no evidence is kept.
    recorder: Option<Recorder>,
    /// Whether frames are no longer counted.
    ended: bool,
    /// How many frames of each file were handled.
    numbers: Vec<u64>,
    /// The earliest and the latest stamp.
    span: Option<(Stamp, Stamp)>,
}

/// What a pipeline is given when it is made.
#[derive(Clone)]
pub struct Settings {
    /// For its engines.
    pub engine: engine::Config,
    /// For its engines' tables.
    pub key: HashKey,
    /// The labels in use in this process.
    pub labels: Arc<Labels>,
    /// Which LANs segments are.
    pub lans: Arc<Lans>,
    /// What is expected of the devices of a segment, by its label.
    pub policy: PolicyOf,
    /// Packets of a device that are kept from before its storm began; `None` keeps no evidence.
    pub evidence: Option<usize>,
}

/// What is expected of the devices of a segment, by its label.
pub(crate) type PolicyOf = Arc<dyn Fn(&Label) -> Arc<StormPolicy> + Send + Sync>;

/// The same for all segments: what holds without a configuration.
pub fn usual_policy() -> PolicyOf {
    let usual = Arc::<StormPolicy>::default();
    Arc::new(move |_| Arc::clone(&usual))
}

/// What a pipeline puts out, once.
#[derive(Clone, Debug)]
pub enum Output {
    /// Something happened to a storm.
    Storm(StormNews),
    /// The evidence of a storm is complete.
    Recording(Recording),
}

/// With this much output waiting, events stay with the segments, which forget the oldest.
const OUTPUT_MAX: usize = 256;

/// An interface that frames are heard on, with its VLANs.
struct Base {
    router: Router,
    /// By the router's place: a place in `segments`.
    places: Vec<Option<usize>>,
}

/// A segment and what its engine holds.
#[derive(Clone, Debug)]
pub struct SegmentView {
    /// The `interface` label.
    pub label: Label,
    /// The VLAN ids as `multicast_segment_info` has them; empty for untagged frames.
    pub vlan: String,
    /// Which LAN it is, if that has a name.
    pub lan: Option<LanName>,
    /// What was counted.
    pub snapshot: Snapshot,
}

impl Pipeline {
    /// For live frames of the kernel interface `name`. Its segment exists from now on.
    pub fn live(settings: Settings, name: &str, around: Surroundings, now: Reading) -> Self {
        let mut pipeline = Self::new(settings, Timeline::live());
        pipeline.timeline.handle_reading(now);
        let base = pipeline.add_base(name, around);
        pipeline.segment(base, Router::UNTAGGED, now.monotonic);
        pipeline.interfaces.push(Some(base));
        pipeline
    }

    /// For frames of files, whose interfaces come with the batches. Equal names are the same
    /// segment, which begins with its first frame: an interface that no frame was heard on costs
    /// nothing. The first 1,024 names have segments of their own, all others share `other`.
    pub fn file(settings: Settings) -> Self {
        Self::new(settings, Timeline::file())
    }

    fn new(settings: Settings, timeline: Timeline) -> Self {
        let recorder = settings.evidence.map(Recorder::new);
        Self {
            settings,
            timeline,
            interfaces: Vec::new(),
            bases: Vec::new(),
            by_name: HashMap::new(),
            segments: Segments::new(),
            vantage: Arc::default(),
            by_label: HashMap::new(),
            output: VecDeque::new(),
            recorder,
            ended: false,
            numbers: Vec::new(),
            span: None,
        }
    }

    /// So many live frames wait after those that come next. What there is no time to judge is counted
    /// all the same.
    pub(crate) fn handle_backlog(&mut self, backlog: Backlog) {
        self.segments.handle_backlog(backlog);
    }

    /// Hears each copy of a frame by itself, however many there are. The state is the same, at a
    /// higher cost: for comparison.
    pub fn hear_one_by_one(&mut self) {
        self.segments.hear_one_by_one();
    }

    /// Handles live frames. `reading` is from after they were read. Without frames, seconds are
    /// closed up to `latency` before it; with frames only up to the last, because more frames from
    /// before now may be waiting.
    pub fn handle_live(&mut self, batch: &Batch<'_>, reading: Reading, latency: Duration) {
        if self.timeline.handle_reading(reading) {
            self.handle_event(reading.monotonic, Event::ClockStep);
        }
        self.handle_frames(batch, None);
        if batch.is_empty() {
            self.handle_timeout(reading.monotonic.minus(latency));
        } else {
            self.handle_timeout(self.timeline.last());
        }
    }

    /// Handles frames of files: time is what their stamps say. Returns the number of clock steps.
    pub fn handle_file(&mut self, batch: &Batch<'_>) -> u64 {
        self.handle_files(batch, &[])
    }

    /// The same for frames of several files. `files` says by interface which file it is of; the
    /// first where nothing is said.
    pub fn handle_files(&mut self, batch: &Batch<'_>, files: &[u32]) -> u64 {
        let steps = self.handle_frames(batch, Some(files));
        // Including those whose segment is silent while others speak.
        self.handle_timeout(self.timeline.last());
        steps
    }

    /// Handles frames in their order; `files` are given where they are of files. Returns the number
    /// of clock steps.
    fn handle_frames(&mut self, batch: &Batch<'_>, files: Option<&[u32]>) -> u64 {
        let mut steps = 0;
        for (at, frame) in batch.iter().enumerate() {
            let place = files.map(|files| {
                let stamp = frame.meta.stamp;
                let (first, last) = self.span.unwrap_or((stamp, stamp));
                self.span = Some((first.min(stamp), last.max(stamp)));
                self.number(frame.meta.interface, files)
            });
            let lane = self.segments.lane(&frame);
            // It may come again at once, or in turn with one or two others.
            let mut before = (at.saturating_sub(LANES)..at).filter_map(|at| batch.get(at));
            let is_copy = lane.is_none()
                && match at {
                    0 => self.segments.is_copy(&frame),
                    _ => before.any(|one| is_same(&one.meta, one.bytes, &frame)),
                };
            let heard = (lane, is_copy);
            steps += u64::from(self.handle_frame(&frame, batch.interfaces(), place, heard));
        }
        if let Some(last) = batch.len().checked_sub(1).and_then(|last| batch.get(last)) {
            self.segments.keep(&last);
        }
        steps
    }

    /// The place of the next frame of an interface.
    fn number(&mut self, interface: u32, files: &[u32]) -> Place {
        let interface = usize::try_from(interface).unwrap_or(usize::MAX);
        let file = files.get(interface).copied().unwrap_or(0);
        let index = usize::try_from(file).unwrap_or(usize::MAX);
        if index >= self.numbers.len() {
            self.numbers.resize(index.saturating_add(1), 0);
        }
        self.numbers[index] += 1;
        Place { file, number: self.numbers[index] }
    }

    /// True if the clock stepped just before this frame. `lane` if it is one of those that come in
    /// turn, `is_copy` if it was heard just before.
    fn handle_frame(
        &mut self,
        frame: &Frame<'_>,
        names: &[InterfaceName],
        place: Option<Place>,
        (lane, is_copy): (Option<usize>, bool),
    ) -> bool {
        let placed = self.timeline.place(frame.meta.stamp);
        if placed.stepped {
            self.handle_event(placed.time, Event::ClockStep);
        }
        if self.ended {
            return placed.stepped;
        }
        if let Some(lane) = lane
            && let Some(promised) = self.segments.take(lane, placed.time, frame.meta.stamp, place)
        {
            self.record_copy(promised, frame);
            return placed.stepped;
        }
        let observation = Observation { place, ..decode(frame) };
        let index = usize::try_from(frame.meta.interface).unwrap_or(usize::MAX);
        let base = match self.interfaces.get(index) {
            Some(&Some(base)) => base,
            Some(None) | None => self.find_base(index, names),
        };
        match self.bases[base].router.route(observation.tags) {
            Route::Segment(place) => {
                let slot = self.segment(base, place, placed.time);
                let heard = (placed.time, frame);
                self.segments.handle_frame(slot, heard, &observation, (lane, is_copy));
                self.record(slot, frame, &observation);
            }
            Route::Elsewhere => {}
        }
        placed.stepped
    }

    /// Keeps a copy of the last frame, which makes no storm known.
    fn record_copy(&mut self, promised: Promised, frame: &Frame<'_>) {
        if let (Some(recorder), Some((sender, is_stream))) = (&mut self.recorder, promised.evidence)
        {
            recorder.handle_frame(promised.slot, sender, frame, is_stream);
        }
    }

    /// Keeps a counted frame, in case its sender's storm begins.
    fn record(&mut self, segment: usize, frame: &Frame<'_>, observed: &Observation<'_>) {
        if self.recorder.is_none() {
            return;
        }
        // First of all: a storm that this frame's second made known begins before this frame, and
        // a batch may hold many more.
        self.take_news(segment);
        let Some(recorder) = &mut self.recorder else { return };
        let live = match self.settings.engine.converted {
            Converted::Live => true,
            Converted::Files => false,
        };
        if let Some(protocol) = observed.counted_as(live)
            && let Some(sender) = observed.sender
        {
            let is_stream = match protocol.class() {
                Class::Other => true,
                Class::Signalling | Class::Address => false,
                Class::Uncounted => return,
            };
            recorder.handle_frame(segment, sender, frame, is_stream);
        }
    }

    /// Closes seconds and expires devices in every segment. At least once a second.
    pub fn handle_timeout(&mut self, now: Time) {
        self.segments.handle_timeout(now);
    }

    /// Tells every segment what happened to the interface.
    pub fn handle_event(&mut self, now: Time, event: Event) {
        for segment in self.segments.settled().iter_mut().flatten() {
            segment.engine.handle_event(now, event);
        }
    }

    /// Tells every segment how many frames were lost since the last batch, if any were.
    pub(crate) fn handle_drops(&mut self, frames: u64) {
        if frames > 0 {
            self.handle_event(self.timeline.now(), Event::Dropped(frames));
        }
    }

    /// The exporter is about to end: so do all storms.
    pub(crate) fn stop(&mut self) {
        self.handle_event(self.timeline.now(), Event::Stopping);
    }

    /// Tells every segment which MACs addresses have: for captures that see no MACs.
    pub(crate) fn handle_neighbours(&mut self, neighbours: &[(IpAddr, Mac)]) {
        for segment in self.segments.settled().iter_mut().flatten() {
            segment.engine.handle_neighbours(neighbours);
        }
    }

    /// Tells every segment, present and future, which MACs and addresses this host has.
    pub fn handle_local(&mut self, local: &Arc<Local>) {
        self.settings.engine.local = Arc::clone(local);
        for segment in self.segments.settled().iter_mut().flatten() {
            segment.engine.handle_local(local);
        }
    }

    /// Applies other limits and names to the devices of every segment, present and future.
    pub fn handle_policy(&mut self, policy: &PolicyOf) {
        self.settings.policy = Arc::clone(policy);
        for segment in self.segments.settled().iter_mut().flatten() {
            segment.engine.handle_policy(&policy(&segment.label));
        }
    }

    /// Output, once; of one segment in the order in which it happened. Ask until there is no more,
    /// after each batch. At most 256 events wait for each segment.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        if self.output.is_empty() {
            for segment in 0..self.segments.len() {
                self.take_news(segment);
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.handle_timeout(self.timeline.now());
                while let Some(mut recording) = recorder.poll() {
                    if let Some(Some(segment)) = self.segments.settled().get(recording.segment()) {
                        recording.explain(|label, sender, since| {
                            // The place may be another segment's by now.
                            if *segment.label == *label {
                                broken::in_words(&segment.engine, sender, since)
                            } else {
                                Vec::new()
                            }
                        });
                    }
                    self.output.push_back(Output::Recording(recording));
                }
            }
        }
        self.output.pop_front()
    }

    /// Tells the recorder what has happened to the storms of a segment, and keeps it as output.
    fn take_news(&mut self, segment: usize) {
        while self.output.len() < OUTPUT_MAX
            && let Some(news) = self.segments.poll_news(segment)
        {
            self.tell_recorder(segment, &news);
            self.output.push_back(Output::Storm(news));
        }
    }

    fn tell_recorder(&mut self, segment: usize, news: &StormNews) {
        if let Some(recorder) = &mut self.recorder
            && let Some(sender) = news.event.storm().culprit.sender()
        {
            match &news.event {
                StormEvent::Began(_) => {
                    recorder.handle_begin(self.timeline.now(), segment, sender, news.heading());
                }
                StormEvent::Ended(_) => recorder.handle_end(segment, sender),
                StormEvent::Rose(_) | StormEvent::Explained(_) | StormEvent::Changed(_) => {
                    recorder.handle_change(segment, sender, news.heading());
                }
            }
        }
    }

    /// Completes the evidence so far: nothing more will come.
    pub(crate) fn end_recordings(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.end();
        }
    }

    /// Tells every segment, present and future, what the live interface is.
    ///
    /// Its addresses are those of its untagged frames: a VLAN is another network.
    pub fn handle_vantage(&mut self, vantage: &Arc<Vantage>) {
        if self.vantage == *vantage {
            return;
        }
        self.vantage = Arc::clone(vantage);
        for segment in self.segments.settled().iter_mut().flatten() {
            segment.engine.handle_vantage(&of_vlan(vantage, &segment.vlan));
        }
    }

    /// What lies around the live interface has changed: some VLANs may now be counted elsewhere,
    /// and their segments end here.
    pub(crate) fn handle_surroundings(&mut self, around: &Surroundings) {
        for base in 0..self.bases.len() {
            let base = &mut self.bases[base];
            let ended = base.router.set_surroundings(around.clone());
            let ended = ended.into_iter().filter_map(|Ended { place, label }| {
                Some((base.places.get_mut(place)?.take()?, label))
            });
            for (segment, label) in ended.collect::<Vec<_>>() {
                self.end_segment(segment);
                self.by_label.remove(&label);
            }
        }
        // The untagged segment is there from the start, even without frames.
        for base in 0..self.bases.len() {
            self.segment(base, Router::UNTAGGED, self.timeline.now());
        }
    }

    /// Ends all segments, whose labels are free from now on. Frames that still come are not
    /// counted.
    pub fn end(&mut self) {
        self.ended = true;
        self.interfaces.clear();
        self.bases.clear();
        self.by_name.clear();
        for segment in 0..self.segments.len() {
            self.end_segment(segment);
        }
        self.segments.settled().clear();
        self.by_label.clear();
    }

    /// Ends a segment and its storms, however much output waits: there is no later chance to report
    /// them.
    fn end_segment(&mut self, segment: usize) {
        let Some(mut ended) = self.segments.settled()[segment].take() else { return };
        ended.engine.handle_event(self.timeline.now(), Event::Down);
        while let Some(news) = ended.poll_news() {
            self.tell_recorder(segment, &news);
            self.output.push_back(Output::Storm(news));
        }
        let recordings = self.recorder.iter_mut().flat_map(Recorder::waiting);
        for recording in recordings.filter(|recording| recording.segment() == segment) {
            recording.explain(|_, sender, since| broken::in_words(&ended.engine, sender, since));
        }
    }

    /// A copy of what every segment holds.
    pub fn views(&mut self) -> Vec<SegmentView> {
        let view = |segment: &Segment| SegmentView {
            label: Arc::clone(&segment.label),
            vlan: segment.vlan.clone(),
            lan: segment.lan.clone(),
            snapshot: segment.engine.snapshot(),
        };
        self.segments.settled().iter().flatten().map(view).collect()
    }

    /// The earliest and the latest stamp of the frames of files.
    pub(crate) const fn span(&self) -> Option<(Stamp, Stamp)> {
        self.span
    }

    /// The base of an interface that no frame was heard on before. Captures name every interface
    /// that frames refer to; if one did not, its frames would be counted as those of an interface
    /// without a name.
    #[cold]
    fn find_base(&mut self, index: usize, names: &[InterfaceName]) -> usize {
        let unnamed = InterfaceName { name: None };
        let name = names.get(index).unwrap_or(&unnamed).label();
        let known = self.by_name.get(name).copied();
        let base = known.unwrap_or_else(|| {
            let is_full = self.bases.len() >= FILE_INTERFACES_MAX;
            let name = if is_full { FURTHER_INTERFACES } else { name };
            let known = self.by_name.get(name).copied();
            known.unwrap_or_else(|| self.add_base(name, Surroundings::default()))
        });
        if index < names.len() {
            if self.interfaces.len() <= index {
                self.interfaces.resize(index + 1, None);
            }
            self.interfaces[index] = Some(base);
        }
        base
    }

    fn add_base(&mut self, name: &str, around: Surroundings) -> usize {
        let router = Router::new(name, around, &self.settings.labels);
        let base = self.bases.len();
        self.bases.push(Base { router, places: Vec::new() });
        self.by_name.insert(name.into(), base);
        base
    }

    /// The segment at a router's place, made now if the router has just made it.
    fn segment(&mut self, base: usize, place: usize, now: Time) -> usize {
        let places = &mut self.bases[base].places;
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        match places[place] {
            Some(slot) => slot,
            None => self.begin_segment(base, place, now),
        }
    }

    /// Makes a segment's engine, unless another interface of the same label has one: two
    /// interfaces of a file may be one LAN.
    #[cold]
    fn begin_segment(&mut self, base: usize, place: usize, now: Time) -> usize {
        let base = &mut self.bases[base];
        let routed = base.router.segment(place).expect("a router leads to segments that exist");
        let known = self.by_label.get(routed.label()).copied();
        let segments = self.segments.settled();
        let slot = known.unwrap_or_else(|| {
            let mut engine = Engine::new(self.settings.engine.clone(), self.settings.key);
            engine.handle_policy(&(self.settings.policy)(routed.label()));
            engine.handle_event(now, Event::Up);
            engine.handle_vantage(&of_vlan(&self.vantage, routed.vlan()));
            let segment = Segment {
                label: Arc::clone(routed.label()),
                vlan: routed.vlan().to_owned(),
                lan: self.settings.lans.of(routed.label(), routed.vlan()),
                engine,
            };
            let is_full = self.by_label.len() == segments.len();
            let free = if is_full { None } else { segments.iter().position(Option::is_none) };
            let slot = free.unwrap_or(segments.len());
            self.by_label.insert(Arc::clone(&segment.label), slot);
            if slot == segments.len() {
                segments.push(Some(segment));
            } else {
                segments[slot] = Some(segment);
            }
            slot
        });
        base.places[place] = Some(slot);
        slot
    }
}

/// What the interface looks like to the frames of a VLAN, or to untagged ones.
fn of_vlan(vantage: &Arc<Vantage>, vlan: &str) -> Arc<Vantage> {
    if vlan.is_empty() || vantage.subnets.is_empty() {
        return Arc::clone(vantage);
    }
    Arc::new(Vantage { subnets: Vec::new(), ..(**vantage).clone() })
}

#[cfg(test)]
mod tests;
