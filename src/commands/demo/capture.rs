//! The simulated LAN as a capture: gives out its frames when they are due. Only
//! [`Capture::next_batch`] reads the clock and waits.

use crate::capture::{Capture, CaptureError};
use crate::frame::{Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot};
use crate::lan::Tap;
use crate::simulation::Simulation;
use crate::time::clock::Reading;
use crate::time::{Stamp, Time, clock};
use std::thread;
use std::time::Duration;

/// The `interface` and `capture` label.
pub(super) const NAME: &str = "demo";
/// A batch has at most this many frames: two seconds' worth.
const FRAMES: usize = 4_096;
/// Batches go out at most this often: a live capture hands out its blocks as seldom.
const GRAIN: Duration = Duration::from_millis(10);

/// A simulated LAN that runs with the clock.
pub(super) struct Simulated {
    lan: Simulation,
    /// For how long the LAN has been running at `start`.
    before: Duration,
    start: Reading,
    /// The next batch is not made before this.
    rest: Time,
    memory: Vec<u8>,
    slots: Vec<Slot>,
    names: [InterfaceName; 1],
}

impl Simulated {
    /// A LAN that has been running for `before` now.
    pub(super) fn new(lan: Simulation, before: Duration) -> Self {
        Self {
            lan,
            before,
            start: clock::now(),
            rest: Time(0),
            memory: Vec::new(),
            slots: Vec::with_capacity(FRAMES),
            names: [InterfaceName { name: Some(NAME.to_owned()) }],
        }
    }

    /// Hands out all that was sent before the start.
    pub(super) fn catch_up(&mut self, tap: &Tap) {
        while self.fill(self.before) > 0 {
            tap.with_pipeline(|pipeline| pipeline.handle_file(&self.batch()));
        }
    }

    /// Makes the next batch, of what is sent until then, and says how many frames it has.
    fn fill(&mut self, until: Duration) -> usize {
        self.memory.clear();
        self.slots.clear();
        let first = self.start.wall.0.saturating_sub(nanos(self.before));
        while self.slots.len() < FRAMES {
            let Some((at, bytes)) = self.lan.frame_until(until) else { break };
            let meta = FrameMeta {
                stamp: Stamp(first.saturating_add(nanos(at))),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: None,
                direction: Direction::Unknown,
                wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            };
            self.slots.push(Slot { meta, start: self.memory.len(), len: bytes.len() });
            self.memory.extend_from_slice(bytes);
        }
        self.slots.len()
    }

    fn batch(&self) -> Batch<'_> {
        Batch::new(&self.memory, &self.slots, &self.names)
    }

    /// For how long the LAN has been running.
    fn elapsed(&self, now: Time) -> Duration {
        self.before + now.since(self.start.monotonic)
    }
}

impl Capture for Simulated {
    fn next_batch(&mut self, wait: Duration) -> Result<Batch<'_>, CaptureError> {
        let now = clock::now().monotonic;
        let due = self.lan.next_at().unwrap_or(Duration::MAX);
        let until_due = due.saturating_sub(self.elapsed(now));
        thread::sleep(until_due.max(self.rest.since(now)).min(wait));
        let now = clock::now().monotonic;
        if self.fill(self.elapsed(now)) < FRAMES {
            self.rest = now.plus(GRAIN);
        }
        Ok(self.batch())
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.names
    }
}

fn nanos(at: Duration) -> i128 {
    i128::try_from(at.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Options, Stream};

    #[test]
    fn frames_are_due_by_the_clock_and_stamped_with_it() {
        let before = Duration::from_mins(2);
        let options = Options { stream: Stream::From(before), ..Options::default() };
        let mut capture = Simulated::new(Simulation::new(options), before);
        let start = capture.start.wall;
        let mut heard = Vec::new();
        while capture.fill(before) > 0 {
            heard.extend(capture.batch().iter().map(|frame| frame.meta.stamp));
        }
        assert!(heard.len() > 100 && heard.is_sorted());
        assert!(heard.iter().all(|stamp| *stamp <= start));
        let mut streamed = 0;
        while clock::now().monotonic.since(capture.start.monotonic) < Duration::from_millis(300) {
            let batch = capture.next_batch(Duration::from_millis(250)).expect("it goes on");
            let now = clock::now().wall;
            assert!(batch.iter().all(|frame| frame.meta.stamp > start && frame.meta.stamp <= now));
            assert!(batch.iter().all(|frame| frame.bytes.len() >= 60));
            streamed += batch.len();
        }
        assert!((400..2_000).contains(&streamed), "{streamed}");
    }
}
