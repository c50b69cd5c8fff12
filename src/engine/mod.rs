//! One segment's state: who was heard, how much, and who they are. Observations come in with
//! their time, a bounded [`Snapshot`] goes out. No IO and no clock: a week of capture replays in
//! seconds through the very code that runs live.
//!
//! Method families: `handle_*` take input, `snapshot` reads, nothing else.

mod snapshot;

pub use snapshot::{
    Category, DeviceCounters, DeviceSnapshot, Histogram, Identity, SECOND_BOUNDS, Snapshot,
};

use crate::decode::Observation;
use crate::decode::mdns::HashKey;
use crate::mac::Mac;
use crate::time::{Stamp, Time};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// What an engine is told at its making.
#[derive(Clone)]
pub struct Config {
    /// Rows of the device table, shared by all engines of the process.
    pub budget: Arc<Budget>,
    /// Idle time after which a device is forgotten; `None` never forgets (analyze).
    pub expiry: Option<Duration>,
    /// This host's own MACs: marked local.
    pub local: Arc<[Mac]>,
}

/// The rows that the engines of a process share: `--devices.max` in all, and for each segment a
/// guaranteed min(64, max / segments).
#[derive(Debug)]
pub struct Budget {
    max: usize,
    segments: AtomicUsize,
    used: AtomicUsize,
}

/// The state of one segment.
pub struct Engine {
    config: Config,
    key: HashKey,
}

/// What happened to the interface under a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The interface came up (or was there at start).
    Up,
    /// The kernel dropped frames before they were read.
    Dropped,
    /// The clock stepped.
    ClockStep,
}

impl Engine {
    /// An empty engine. `key` keeps the network from choosing what collides in its tables.
    #[must_use]
    pub fn new(config: Config, key: HashKey) -> Self {
        Self { config, key }
    }

    /// Counts one frame of this segment. `time` must not be before the last one (it is clamped
    /// if it is); `stamp` is the wall clock's time of the same instant.
    pub fn handle_frame(&mut self, time: Time, stamp: Stamp, observation: &Observation<'_>) {
        let _ = (time, stamp, observation, &self.config, &self.key);
    }

    /// Closes whole seconds, expires devices. Called at least once a second, without frames too.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
    }

    /// Suspends, for 2 s, what rests on silence.
    pub fn handle_event(&mut self, now: Time, event: Event) {
        let _ = (now, event);
    }
}
