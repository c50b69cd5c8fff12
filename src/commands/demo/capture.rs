//! The simulated site as a capture: gives out the frames of its segments when they are due. Only
//! [`Capture::next_batch`] reads the clock and waits.

use super::host::SimulatedHost;
use super::trunk::Trunk;
use crate::capture::{Capture, CaptureError};
use crate::frame::{Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot, Tag};
use crate::lan::Tap;
use crate::simulation::Segment;
use crate::time::clock::Reading;
use crate::time::{Stamp, Time, clock};
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The `interface` and `capture` label.
pub(super) const NAME: &str = "demo";
/// A batch has at most this many frames: a second's worth.
const FRAMES: usize = 4_096;
/// Batches go out at most this often: a live capture hands out its blocks as seldom.
const GRAIN: Duration = Duration::from_millis(10);

/// The type of an 802.1Q tag.
const TPID: u16 = 0x8100;

/// A simulated site that runs with the clock, heard on one port that carries all its segments.
pub(super) struct Simulated {
    trunk: Trunk,
    /// The machine that the port belongs to; it has an address on the untagged segment only.
    host: Arc<SimulatedHost>,
    /// What is sent within this is lost on its way to the reader.
    blind: Range<Duration>,
    lost: u64,
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
    /// A site that has been running for `before` now.
    pub(super) fn new(trunk: Trunk, host: Arc<SimulatedHost>, before: Duration) -> Self {
        Self {
            trunk,
            host,
            blind: Duration::ZERO..Duration::ZERO,
            lost: 0,
            before,
            start: clock::now(),
            rest: Time(0),
            memory: Vec::new(),
            slots: Vec::with_capacity(FRAMES),
            names: [InterfaceName { name: Some(NAME.to_owned()) }],
        }
    }

    /// The same, but frames that are sent within this are lost, as those are that find no room in a
    /// ring.
    pub(super) fn blind(self, blind: Range<Duration>) -> Self {
        Self { blind, ..self }
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
        let Self { trunk, host, blind, lost, memory, slots, .. } = self;
        // Of the frames in this batch, what the machine's own stack hears.
        let mut heard = Vec::new();
        let mut take = |at: Duration, segment: Segment, bytes: &[u8]| {
            if blind.contains(&at) {
                *lost += 1;
                return;
            }
            let meta = FrameMeta {
                stamp: Stamp(first.saturating_add(nanos(at))),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: segment.vlan().map(|vlan| Tag { tpid: TPID, tci: vlan }),
                direction: Direction::Unknown,
                wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            };
            if segment.vlan().is_none() {
                heard.push((at, slots.len()));
            }
            slots.push(Slot { meta, start: memory.len(), len: bytes.len() });
            memory.extend_from_slice(bytes);
        };
        let mut count = 0;
        while count < FRAMES && trunk.take(until, &mut take) {
            count += 1;
        }
        let frames = heard.iter().map(|(at, place)| {
            let Slot { start, len, .. } = slots[*place];
            (*at, &memory[start..start + len])
        });
        // With a full batch, more may have been sent until then.
        let last = heard.last().map_or(until, |(at, _)| *at);
        host.hear(frames, if count < FRAMES { until } else { last });
        count
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
        let due = self.trunk.next_at().unwrap_or(Duration::MAX);
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

    fn dropped(&mut self) -> Option<u64> {
        Some(self.lost)
    }
}

fn nanos(at: Duration) -> i128 {
    i128::try_from(at.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::test_settings;
    use crate::lan::Lan;
    use crate::pipeline::Pipeline;
    use crate::simulation::{Member, Options, Simulation, Stream};

    #[test]
    fn frames_are_due_by_the_clock_and_stamped_with_it() {
        let before = Duration::from_mins(2);
        let options = Options { stream: Stream::From(before), ..Options::default() };
        let host = Arc::new(SimulatedHost::new(0, Member::Linux.host()));
        let trunk = Trunk::new(vec![(Segment::Home, Simulation::new(options))]);
        let mut capture = Simulated::new(trunk, host, before);
        let start = capture.start.wall;
        let mut heard = Vec::new();
        while capture.fill(before) > 0 {
            heard.extend(capture.batch().iter().map(|frame| frame.meta.stamp));
        }
        assert!(heard.len() > 100 && heard.is_sorted());
        assert!(heard.iter().all(|stamp| *stamp <= start));
        let mut streamed = 0;
        while streamed < 600 {
            let batch = capture.next_batch(Duration::from_millis(250)).expect("it goes on");
            let now = clock::now().wall;
            assert!(batch.iter().all(|frame| frame.meta.stamp > start && frame.meta.stamp <= now));
            assert!(batch.iter().all(|frame| frame.bytes.len() >= 60));
            streamed += batch.len();
        }
        // 2,000 a second, and what the household sends.
        let most = clock::now().monotonic.since(capture.start.monotonic).as_millis() * 2 + 200;
        assert!(streamed as u128 <= most, "{streamed}, at most {most}");
    }

    #[test]
    fn what_is_lost_is_counted_and_not_handed_out() {
        let options = Options { stream: Stream::From(Duration::ZERO), ..Options::default() };
        let run = |blind: Range<Duration>| {
            let host = Arc::new(SimulatedHost::new(0, Member::Linux.host()));
            let trunk = Trunk::new(vec![(Segment::Home, Simulation::new(options))]);
            let mut capture = Simulated::new(trunk, host, Duration::from_secs(10)).blind(blind);
            let mut count = 0;
            while capture.fill(Duration::from_secs(10)) > 0 {
                count += capture.slots.len();
            }
            (count, capture.dropped())
        };
        let (all, none) = run(Duration::ZERO..Duration::ZERO);
        let (heard, lost) = run(Duration::from_secs(5)..Duration::from_millis(5_020));
        assert_eq!(none, Some(0));
        assert!(lost.is_some_and(|lost| (40..60).contains(&lost)), "{lost:?}");
        assert_eq!(u64::try_from(all - heard).ok(), lost);
    }

    #[test]
    fn the_workshop_and_the_guests_have_no_storm_and_no_condition_but_by_the_fight() {
        let before = Duration::from_hours(2);
        let fight = |until: Duration| {
            let lan = |segment| {
                let mut lan = Simulation::new(Options { segment, seed: 4, ..Options::default() });
                if segment == Segment::Workshop {
                    lan.fight_over_name(Duration::from_hours(1), until);
                }
                (segment, lan)
            };
            let trunk = Trunk::new([Segment::Workshop, Segment::Guests].map(lan).into());
            let host = Arc::new(SimulatedHost::new(0, Member::Linux.host()));
            let tap = Lan::default().tap(NAME, || Pipeline::file(test_settings()));
            Simulated::new(trunk, host, before).catch_up(&tap);
            let views = tap.with_pipeline(Pipeline::views);
            assert!(views.iter().all(|view| view.snapshot.storms.is_empty()));
            let begun = views.iter().map(|view| view.snapshot.conditions_begun.iter().sum());
            begun.collect::<Vec<u64>>()
        };
        assert_eq!(fight(Duration::ZERO), [0, 0]);
        // Two have a name conflict, and one of them renames itself without an end.
        assert_eq!(fight(Duration::from_mins(61)), [3, 0]);
    }
}
