//! The way of one capture's frames: timeline, decode, segment, engine. Live captures and files go
//! through here alike. A live capture's pipeline stands behind one lock, taken once a batch.
//!
//! Comes in: batches, the passing of time, what happens to the interface. Goes out: a snapshot of
//! each segment. It knows neither where batches come from nor who reads the snapshots.

use crate::capture::{Batch, Frame, InterfaceName};
use crate::decode::decode;
use crate::decode::mdns::HashKey;
use crate::engine::{self, Engine, Event, Snapshot};
use crate::interfaces::Surroundings;
use crate::mac::Mac;
use crate::segment::{Ended, Label, Labels, Route, Router};
use crate::time::clock::Reading;
use crate::time::timeline::Timeline;
use crate::time::{Stamp, Time};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Decodes, routes and counts the frames of one capture.
pub struct Pipeline {
    settings: Settings,
    timeline: Timeline,
    /// By the capture's interface index: a place in `bases`.
    interfaces: Vec<usize>,
    bases: Vec<Base>,
    /// `None` where a segment ended; the place is taken again.
    segments: Vec<Option<Segment>>,
    /// The earliest and the latest stamp.
    span: Option<(Stamp, Stamp)>,
}

/// What a pipeline is told at its making.
#[derive(Clone)]
pub struct Settings {
    /// For its engines.
    pub engine: engine::Config,
    /// For its engines' tables.
    pub key: HashKey,
    /// The labels in use in this process.
    pub labels: Arc<Labels>,
}

/// An interface that frames are heard on, with its VLANs.
struct Base {
    name: String,
    router: Router,
    /// By the router's place: a place in `segments`.
    places: Vec<Option<usize>>,
}

struct Segment {
    label: Label,
    vlan: String,
    engine: Engine,
}

/// A segment and what its engine holds.
#[derive(Clone, Debug)]
pub struct SegmentView {
    /// The `interface` label.
    pub label: Label,
    /// The VLAN ids as `multicast_segment_info` has them; empty for untagged frames.
    pub vlan: String,
    /// What was counted.
    pub snapshot: Snapshot,
}

impl Pipeline {
    /// For live frames of the kernel interface `name`. Its segment exists from now on.
    #[must_use]
    pub fn live(settings: Settings, name: &str, around: Surroundings, now: Reading) -> Self {
        let mut pipeline = Self::new(settings, Timeline::live());
        pipeline.timeline.handle_reading(now);
        let base = pipeline.add_base(name, around, now.monotonic);
        pipeline.interfaces.push(base);
        pipeline
    }

    /// For frames of files, whose interfaces come with the batches. Equal names are the same
    /// segment.
    #[must_use]
    pub fn file(settings: Settings) -> Self {
        Self::new(settings, Timeline::file())
    }

    fn new(settings: Settings, timeline: Timeline) -> Self {
        Self {
            settings,
            timeline,
            interfaces: Vec::new(),
            bases: Vec::new(),
            segments: Vec::new(),
            span: None,
        }
    }

    /// Handles live frames. `reading` is of after they were read. Without frames, seconds are
    /// closed up to `latency` before it; with frames only up to the last, because more that are
    /// older than now may be waiting. True if the clock stepped.
    pub fn handle_live(&mut self, batch: &Batch<'_>, reading: Reading, latency: Duration) -> bool {
        let stepped = self.timeline.handle_reading(reading);
        if stepped {
            self.handle_event(reading.monotonic, Event::ClockStep);
        }
        for frame in batch.iter() {
            self.handle_frame(&frame);
        }
        if batch.is_empty() {
            self.handle_timeout(reading.monotonic.minus(latency));
        } else {
            self.handle_timeout(self.timeline.last());
        }
        stepped
    }

    /// Handles frames of files: time is what their stamps say. The number of clock steps.
    pub fn handle_file(&mut self, batch: &Batch<'_>) -> u64 {
        self.add_interfaces(batch.interfaces());
        let mut steps = 0;
        for frame in batch.iter() {
            let stamp = frame.meta.stamp;
            let (first, last) = self.span.unwrap_or((stamp, stamp));
            self.span = Some((first.min(stamp), last.max(stamp)));
            steps += u64::from(self.handle_frame(&frame));
        }
        steps
    }

    /// True if the clock stepped just before this frame.
    fn handle_frame(&mut self, frame: &Frame<'_>) -> bool {
        let placed = self.timeline.place(frame.meta.stamp);
        if placed.stepped {
            self.handle_event(placed.time, Event::ClockStep);
        }
        let observation = decode(frame);
        let index = usize::try_from(frame.meta.interface).unwrap_or(usize::MAX);
        let Some(base) = self.interfaces.get(index).copied() else { return placed.stepped };
        match self.bases[base].router.route(observation.tags) {
            Route::Segment(place) => {
                let segment = self.segment(base, place, placed.time);
                segment.engine.handle_frame(placed.time, frame.meta.stamp, &observation);
            }
            Route::Elsewhere => {}
        }
        placed.stepped
    }

    /// Closes seconds and expires devices in every segment. At least once a second.
    pub fn handle_timeout(&mut self, now: Time) {
        for segment in self.segments.iter_mut().flatten() {
            segment.engine.handle_timeout(now);
        }
    }

    /// Tells every segment what happened to the interface.
    pub fn handle_event(&mut self, now: Time, event: Event) {
        for segment in self.segments.iter_mut().flatten() {
            segment.engine.handle_event(now, event);
        }
    }

    /// Tells every segment which MACs addresses have: for captures that see no MACs.
    pub fn handle_neighbours(&mut self, neighbours: &[(IpAddr, Mac)]) {
        for segment in self.segments.iter_mut().flatten() {
            segment.engine.handle_neighbours(neighbours);
        }
    }

    /// Tells every segment, those to come too, which MACs this host has.
    pub fn handle_local_macs(&mut self, local: &Arc<[Mac]>) {
        self.settings.engine.local = Arc::clone(local);
        for segment in self.segments.iter_mut().flatten() {
            segment.engine.handle_local_macs(Arc::clone(local));
        }
    }

    /// What lies around the live interface has changed: some VLANs may be counted elsewhere from
    /// now on, and their segments end here.
    pub fn handle_surroundings(&mut self, around: &Surroundings) {
        for base in &mut self.bases {
            for Ended { place, .. } in base.router.set_surroundings(around.clone()) {
                if let Some(slot) = base.places.get_mut(place).and_then(Option::take) {
                    self.segments[slot] = None;
                }
            }
        }
    }

    /// Ends all segments, whose labels are free from now on. Frames that still come are not
    /// counted.
    pub fn end(&mut self) {
        self.interfaces.clear();
        self.bases.clear();
        self.segments.clear();
    }

    /// A copy of what every segment holds.
    #[must_use]
    pub fn views(&self) -> Vec<SegmentView> {
        let view = |segment: &Segment| SegmentView {
            label: Arc::clone(&segment.label),
            vlan: segment.vlan.clone(),
            snapshot: segment.engine.snapshot(),
        };
        self.segments.iter().flatten().map(view).collect()
    }

    /// The earliest and the latest stamp of the frames of files.
    #[must_use]
    pub const fn span(&self) -> Option<(Stamp, Stamp)> {
        self.span
    }

    /// The segments of interfaces that a file has declared since the last batch.
    fn add_interfaces(&mut self, names: &[InterfaceName]) {
        for name in names.iter().skip(self.interfaces.len()) {
            let known = self.bases.iter().position(|base| base.name == name.label());
            let base = known.unwrap_or_else(|| {
                self.add_base(name.label(), Surroundings::default(), self.timeline.last())
            });
            self.interfaces.push(base);
        }
    }

    fn add_base(&mut self, name: &str, around: Surroundings, now: Time) -> usize {
        let router = Router::new(name, around, &self.settings.labels);
        self.bases.push(Base { name: name.to_owned(), router, places: Vec::new() });
        let base = self.bases.len() - 1;
        self.segment(base, Router::UNTAGGED, now);
        base
    }

    /// The segment at a router's place, made now if the router has just made it.
    fn segment(&mut self, base: usize, place: usize, now: Time) -> &mut Segment {
        let places = &mut self.bases[base].places;
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        let slot = match places[place] {
            Some(slot) => slot,
            None => self.begin_segment(base, place, now),
        };
        self.segments[slot].as_mut().expect("a place that is taken leads to a segment")
    }

    /// Makes a segment's engine, unless another interface of the same label has one: two
    /// interfaces of a file may be one LAN.
    #[cold]
    fn begin_segment(&mut self, base: usize, place: usize, now: Time) -> usize {
        let base = &mut self.bases[base];
        let routed = base.router.segment(place).expect("a router leads to segments that exist");
        let same = |segment: &Option<Segment>| {
            segment.as_ref().is_some_and(|segment| segment.label == *routed.label())
        };
        let slot = self.segments.iter().position(same).unwrap_or_else(|| {
            let mut engine = Engine::new(self.settings.engine.clone(), self.settings.key);
            engine.handle_event(now, Event::Up);
            let segment = Segment {
                label: Arc::clone(routed.label()),
                vlan: routed.vlan().to_owned(),
                engine,
            };
            let free = self.segments.iter().position(Option::is_none);
            let slot = free.unwrap_or(self.segments.len());
            if slot == self.segments.len() {
                self.segments.push(Some(segment));
            } else {
                self.segments[slot] = Some(segment);
            }
            slot
        });
        base.places[place] = Some(slot);
        slot
    }
}
