//! The way of one capture's frames: timeline, decode, segment, engine. Live captures and files go
//! through here alike. A live capture's pipeline stands behind one lock, taken once a batch.
//!
//! Comes in: batches, the passing of time, events of the interface. Goes out: a snapshot of each
//! segment. It knows neither where batches come from nor who reads the snapshots.

use crate::capture::{Batch, InterfaceName};
use crate::decode::mdns::HashKey;
use crate::decode::{self, Tags};
use crate::engine::{self, Engine, Event, Snapshot};
use crate::mac::Mac;
use crate::segment::{Label, Labels, Route, Router, VlanDevices};
use crate::time::clock::Reading;
use crate::time::timeline::Timeline;
use crate::time::{Stamp, Time};
use std::net::IpAddr;
use std::sync::Arc;

/// Decodes, routes and counts the frames of one capture.
pub struct Pipeline {
    timeline: Timeline,
    settings: Settings,
    /// By the interface index of the capture: a place in `bases`.
    interfaces: Vec<usize>,
    bases: Vec<Base>,
    clock_steps: u64,
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

/// A captured interface with its VLANs.
struct Base {
    /// The interface's label.
    name: Label,
    router: Router,
    /// By the router's place; `None` once the segment has ended.
    engines: Vec<Option<Engine>>,
}

/// A segment and what its engine holds.
#[derive(Clone, Debug)]
pub struct SegmentView {
    /// The `interface` label.
    pub label: Label,
    /// The captured kernel interface, or the one that the file names.
    pub capture: Label,
    /// Its VLAN tags, none for the untagged segment.
    pub tags: Tags,
    /// What was counted.
    pub snapshot: Snapshot,
}

/// What the clocks did while a batch was handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Clock steps noticed.
    pub clock_steps: u64,
}

impl Pipeline {
    /// For frames from files.
    #[must_use]
    pub fn file(settings: Settings) -> Self {
        Self::new(settings, Timeline::file())
    }

    /// For live frames of one kernel interface.
    #[must_use]
    pub fn live(settings: Settings) -> Self {
        Self::new(settings, Timeline::live())
    }

    fn new(settings: Settings, timeline: Timeline) -> Self {
        Self { timeline, settings, interfaces: Vec::new(), bases: Vec::new(), span: None }
    }

    /// Handles live frames. `reading` is of after they were read; seconds are closed up to
    /// `latency` before it.
    pub fn handle_live(&mut self, batch: &Batch<'_>, reading: Reading, latency: Duration) -> Handled {
        let stepped = self.timeline.handle_reading(reading);
        if stepped {
            self.handle_event(Event::ClockStep);
        }
        self.add_interfaces(batch.interfaces());
        for frame in batch.iter() {
            self.handle_frame(&frame);
        }
        self.handle_timeout(reading.monotonic.minus(latency));
        Handled { clock_steps: u64::from(stepped) }
    }

    /// Handles frames of files: time is what their stamps say.
    pub fn handle_file(&mut self, batch: &Batch<'_>) -> Handled {
        self.add_interfaces(batch.interfaces());
        let clock_steps = batch.iter().map(|frame| u64::from(self.handle_frame(&frame))).sum();
        self.handle_timeout(self.timeline.last());
        Handled { clock_steps }
    }
}
