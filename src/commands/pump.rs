//! One capture thread: moves batches from a capture into its pipeline until asked to stop or the
//! capture ends. The pipeline's lock is taken once a batch, after the wait for it.
//!
//! Gives the reason why it ended, and passes the pipeline's output to a function of the caller's.
//! It must not know what the output is used for.

use crate::capture::wake::Waker;
use crate::capture::{Capture, CaptureError};
use crate::engine::Event;
use crate::lan::{Lan, Tap};
use crate::pipeline::{Output, Pipeline};
use crate::time::{Stamp, Time, clock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a read may wait where nothing can end it early: a stop is noticed.
const WAIT: Duration = Duration::from_millis(250);

/// How long frames are read after a stop, at most: a flood must not delay the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A read that comes so much later than the last says that nobody read in between: the process was
/// stopped, or starved.
const UNREAD: Duration = Duration::from_secs(5);

/// Takes what a pipeline has put out, without its lock.
pub(crate) type Tell = fn(&Tap, Vec<Output>);

/// Asks live captures' threads to end, and says which of the frames they still find count.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    last: OnceLock<LastFrame>,
    /// What ends a wait for frames, where something can.
    waker: Option<Waker>,
}

/// The last frame that counts.
#[derive(Clone, Copy, Debug)]
enum LastFrame {
    /// The last one found.
    Any,
    /// The last one heard up to this moment.
    At(Stamp),
    /// The last one found; the exporter ends.
    OfAll,
}

impl Stop {
    /// For this capture, whose wait it ends.
    pub fn of(capture: &dyn Capture) -> Self {
        Self { last: OnceLock::new(), waker: capture.waker() }
    }

    /// Ends the capture. What was heard before this moment counts, read already or not. With
    /// `until`, frames that were heard later do not: the interface is still there, and the capture
    /// that follows counts them.
    pub fn set(&self, until: Option<Stamp>) {
        // The first call counts.
        self.tell(until.map_or(LastFrame::Any, LastFrame::At));
    }

    /// Ends the capture because the exporter ends: so do the storms.
    pub(crate) fn set_for_all(&self) {
        self.tell(LastFrame::OfAll);
    }

    fn tell(&self, last: LastFrame) {
        let _ = self.last.set(last);
        self.waker.iter().for_each(Waker::wake);
    }

    fn is_for_all(&self) -> bool {
        matches!(self.last.get(), Some(LastFrame::OfAll))
    }

    fn is_set(&self) -> bool {
        self.last.get().is_some()
    }

    fn until(&self) -> Option<Stamp> {
        match self.last.get() {
            Some(LastFrame::At(stamp)) => Some(*stamp),
            Some(LastFrame::Any | LastFrame::OfAll) | None => None,
        }
    }
}

/// Why a capture thread ended.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// The capture came to its end.
    Capture(CaptureError),
    /// Something panicked; the text is the panic's.
    Panicked(String),
}

/// Pumps live frames until `stop` is set or the capture ends. A panic ends this capture alone.
pub fn live(tap: &Tap, capture: &mut dyn Capture, stop: &Stop, tell: Tell) -> Ended {
    let mut drops = Drops::default();
    let ended = guarded(|| pump_live(tap, capture, stop, tell, &mut drops));
    // The last second's. What panicked once may do so again.
    let _ = guarded(|| drops.publish(tap, capture));
    // The storms that end with the capture.
    tell(tap, tap.with_pipeline(take_output));
    ended.unwrap_or_else(Ended::Panicked)
}

/// Pumps the frames of a file until `stop` is set or the file ends.
pub fn file(
    lan: &Lan,
    tap: &Tap,
    capture: &mut dyn Capture,
    stop: &AtomicBool,
    tell: Tell,
) -> Ended {
    guarded(|| pump_file(lan, tap, capture, stop, tell)).unwrap_or_else(Ended::Panicked)
}

/// All that a pipeline has put out. Nothing is allocated if that is nothing.
pub(super) fn take_output(pipeline: &mut Pipeline) -> Vec<Output> {
    std::iter::from_fn(|| pipeline.poll_output()).collect()
}

/// Does `work`; the text of its panic if it panics.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What a panic leaves half counted is a frame's counters: still numbers, still monotonic.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "of unknown cause".into())
    })
}

/// How many of a capture's drops are in the tap's status. That adds up the drops of all captures
/// of the interface, and two of them may overlap.
#[derive(Debug, Default)]
struct Drops(u64);

impl Drops {
    /// Adds those since the last time; how many they are.
    fn publish(&mut self, tap: &Tap, capture: &mut dyn Capture) -> u64 {
        let Some(drops) = capture.dropped() else { return 0 };
        let more = drops.saturating_sub(self.0);
        self.0 = self.0.max(drops);
        tap.update_status(|status| {
            status.dropped = Some(status.dropped.unwrap_or(0).saturating_add(more));
        });
        more
    }
}

/// Since when nobody has read.
#[derive(Debug, Default)]
struct LastRead(Option<Time>);

impl LastRead {
    /// A read returned at `now`. When the one before did, if that is far too long ago.
    fn handle(&mut self, now: Time) -> Option<Time> {
        self.0.replace(now).filter(|last| now.since(*last) >= UNREAD)
    }
}

/// How long nothing has to be done if nothing is heard: until the next second can be closed.
fn until_close(now: Time, latency: Duration) -> Duration {
    // Not a moment too early, which would cost one more wait.
    const AFTER: Duration = Duration::from_millis(1);
    let heard = now.minus(latency);
    Time(0).plus(Duration::from_secs(heard.second() + 1)).since(heard) + AFTER
}

fn pump_live(
    tap: &Tap,
    capture: &mut dyn Capture,
    stop: &Stop,
    tell: Tell,
    drops: &mut Drops,
) -> Ended {
    let latency = capture.latency();
    let mut last_second = 0;
    let _listening = tap.listen();
    // When the stop was noticed.
    let mut stopped_at = None;
    // Drops that the pipeline does not know of yet, and when they were noticed.
    let mut dropped: Option<(Time, u64)> = None;
    let mut last_read = LastRead::default();
    let mut now = clock::now().monotonic;
    loop {
        let backlog = capture.backlog();
        let wait = match stopped_at {
            _ if !stop.is_set() && stop.waker.is_none() => WAIT,
            _ if !stop.is_set() => until_close(now, latency),
            None => {
                stopped_at = Some(clock::now().monotonic);
                latency
            }
            Some(at) => latency.saturating_sub(clock::now().monotonic.since(at)),
        };
        let (reading, is_empty) = match capture.next_batch(wait) {
            Ok(batch) => {
                // The stop may have come during the wait.
                let until = stop.until();
                let batch = until.map_or(batch, |stamp| batch.until(stamp));
                let reading = clock::now();
                #[cfg(debug_assertions)]
                panic_if_asked(&batch);
                now = reading.monotonic;
                tap.handle_beat();
                let unread = last_read.handle(reading.monotonic);
                let output = tap.with_pipeline(|pipeline| {
                    if let Some((at, frames)) = dropped.take() {
                        pipeline.handle_event(at, Event::Dropped(frames));
                    }
                    if let Some(since) = unread {
                        let until = reading.monotonic;
                        pipeline.handle_event(since, Event::Unread { until });
                    }
                    pipeline.handle_backlog(backlog);
                    pipeline.handle_live(&batch, reading, latency);
                    take_output(pipeline)
                });
                tell(tap, output);
                (reading, batch.is_empty())
            }
            Err(error) => return Ended::Capture(error),
        };
        if let Some(stopped_at) = stopped_at {
            // What the backend held back when the stop came has been handed out by now.
            let spent = reading.monotonic.since(stopped_at);
            if (is_empty && spent >= latency) || spent >= LAST_WORDS {
                if stop.is_for_all() {
                    tap.with_pipeline(Pipeline::stop);
                }
                return Ended::Stopped;
            }
        }
        if reading.monotonic.second() == last_second {
            continue;
        }
        last_second = reading.monotonic.second();
        // The pipeline hears of it with the next batch, so that its lock is taken once a batch.
        let frames = drops.publish(tap, capture);
        dropped = (frames > 0).then_some((reading.monotonic, frames));
    }
}

/// In builds for tests alone, and where the environment asks for it, a frame with these octets makes
/// its capture thread panic: no frame is known that does so of its own accord.
#[cfg(debug_assertions)]
fn panic_if_asked(batch: &crate::frame::Batch<'_>) {
    static IS_ASKED: std::sync::LazyLock<bool> =
        std::sync::LazyLock::new(|| std::env::var_os("MULTICAST_EXPORTER_TEST_PANIC").is_some());
    const WORD: &[u8] = b"panic, please";
    let asks = |bytes: &[u8]| bytes.windows(WORD.len()).any(|word| word == WORD);
    assert!(!*IS_ASKED || !batch.iter().any(|frame| asks(frame.bytes)), "as a frame asked for");
}

fn pump_file(
    lan: &Lan,
    tap: &Tap,
    capture: &mut dyn Capture,
    stop: &AtomicBool,
    tell: Tell,
) -> Ended {
    let mut drops = Drops::default();
    // Those that the pipeline does not know of yet.
    let mut dropped = drops.publish(tap, capture);
    while !stop.load(Ordering::Acquire) {
        match capture.next_batch(WAIT) {
            Ok(batch) => {
                let (steps, output) = tap.with_pipeline(|pipeline| {
                    pipeline.handle_drops(dropped);
                    let steps = pipeline.handle_file(&batch);
                    (steps, take_output(pipeline))
                });
                lan.add_clock_steps(steps);
                tell(tap, output);
            }
            Err(error) => return Ended::Capture(error),
        }
        dropped = drops.publish(tap, capture);
    }
    let output = tap.with_pipeline(|pipeline| {
        pipeline.stop();
        take_output(pipeline)
    });
    tell(tap, output);
    Ended::Stopped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::test_settings;
    use crate::craft::{Host, Query};
    use crate::decode::Protocol;
    use crate::engine::Judging;
    use crate::frame::{Backlog, Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot};
    use crate::interfaces::Surroundings;
    use std::sync::Arc;

    /// What a capture does during one read.
    type Act<'t> = Box<dyn FnMut(&Tap) + Send + 't>;

    /// A capture that does what the test says at each read, until nothing is left to do.
    struct Scripted<'t> {
        tap: Arc<Tap>,
        script: Vec<Act<'t>>,
        dropped: u64,
        names: [InterfaceName; 1],
    }

    impl Capture for Scripted<'_> {
        fn next_batch(&mut self, _wait: Duration) -> Result<Batch<'_>, CaptureError> {
            let Some(mut act) = self.script.pop() else { return Err(CaptureError::End) };
            act(&self.tap);
            self.dropped += 7;
            Ok(Batch::new(&[], &[], &self.names))
        }

        fn interfaces(&self) -> &[InterfaceName] {
            &self.names
        }

        fn dropped(&mut self) -> Option<u64> {
            Some(self.dropped)
        }
    }

    fn tap() -> Arc<Tap> {
        Lan::default().tap("eth0", || {
            let now = clock::now();
            Pipeline::live(test_settings(), "eth0", Surroundings::default(), now)
        })
    }

    fn run(tap: &Arc<Tap>, script: Vec<Act<'_>>) -> Ended {
        let names = [InterfaceName { name: Some("eth0".into()) }];
        let mut capture = Scripted { tap: Arc::clone(tap), script, dropped: 0, names };
        live(tap, &mut capture, &Stop::default(), |_, _| {})
    }

    #[test]
    fn the_lock_is_free_while_frames_are_waited_for() {
        let mut reads = 0;
        let tap = tap();
        let act = |tap: &Tap| {
            assert!(tap.pipeline().try_lock().is_some(), "held while waiting");
            reads += 1;
        };
        let ended = run(&tap, vec![Box::new(act)]);
        assert!(matches!(ended, Ended::Capture(CaptureError::End)), "{ended:?}");
        assert_eq!(reads, 1);
    }

    #[test]
    fn a_panic_ends_one_capture_and_leaves_its_counts_to_be_read() {
        let tap = tap();
        let ended = run(&tap, vec![Box::new(|_| panic!("a fault of {}", "the backend"))]);
        assert!(matches!(&ended, Ended::Panicked(text) if text == "a fault of the backend"));
        assert_eq!(tap.with_pipeline(Pipeline::views).len(), 1);
    }

    #[test]
    fn drops_add_up_over_all_times_that_an_interface_was_captured() {
        let tap = tap();
        for captures in 1..=2 {
            run(&tap, vec![Box::new(|_| {})]);
            assert_eq!(tap.status().dropped, Some(7 * captures));
        }
    }

    #[test]
    fn drops_of_captures_that_overlap_add_up() {
        let tap = tap();
        let inner = |_: &Tap| {
            let names = [InterfaceName { name: Some("eth0".into()) }];
            let mut other = Scripted { tap: Arc::clone(&tap), script: vec![], dropped: 100, names };
            live(&tap, &mut other, &Stop::default(), |_, _| {});
        };
        run(&tap, vec![Box::new(|_| {}), Box::new(inner), Box::new(|_| {})]);
        assert_eq!(tap.status().dropped, Some(100 + 3 * 7));
    }

    #[test]
    fn drops_of_the_last_second_count_after_a_panic_too() {
        let tap = tap();
        run(&tap, vec![Box::new(|_| panic!("later")), Box::new(|_| {})]);
        assert_eq!(tap.status().dropped, Some(7));
    }

    #[test]
    fn seconds_without_a_capture_are_not_silent_ones() {
        let tap = tap();
        let closed = || {
            let views = tap.with_pipeline(Pipeline::views);
            views[0].snapshot.per_second.counts.iter().sum::<u64>()
        };
        let later = |seconds| clock::now().monotonic.plus(Duration::from_secs(seconds));
        run(&tap, vec![Box::new(|_| {})]);
        tap.handle_timeout(later(100));
        assert!((1..10).contains(&closed()), "{} seconds for one read", closed());
        let before = closed();
        let act = |tap: &Tap| tap.handle_timeout(later(500));
        run(&tap, vec![Box::new(act)]);
        assert_eq!(closed(), before, "whoever listens keeps the time");
        tap.handle_timeout(later(1000));
        assert_eq!(closed(), before + 1);
    }

    #[test]
    fn a_pipeline_that_ended_gives_its_labels_back_while_a_thread_has_it() {
        let settings = test_settings();
        let labels = Arc::clone(&settings.labels);
        let tap = Lan::default().tap("eth0.30", || {
            let around = Surroundings { own: vec![30], ..Surroundings::default() };
            Pipeline::live(settings, "eth0.30", around, clock::now())
        });
        let names = [InterfaceName { name: Some("eth0.30".into()) }];
        let mut queue = Queue { seconds: vec![11, 12], slots: Vec::new(), names };
        let stop = Stop::default();
        stop.set(None);
        tap.with_pipeline(Pipeline::end);
        let claim = labels.claim("eth0.30");
        assert!(matches!(live(&tap, &mut queue, &stop, |_, _| {}), Ended::Stopped));
        assert_eq!(&**claim.label(), "eth0.30");
        assert_eq!(tap.with_pipeline(Pipeline::views).len(), 0);
    }

    /// Hands out one frame a batch, heard at these seconds, and nothing after.
    struct Queue {
        seconds: Vec<i64>,
        slots: Vec<Slot>,
        names: [InterfaceName; 1],
    }

    impl Capture for Queue {
        fn next_batch(&mut self, _wait: Duration) -> Result<Batch<'_>, CaptureError> {
            let meta = |second| FrameMeta {
                stamp: Stamp::new(second, 0),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: None,
                direction: Direction::Unknown,
                wire_len: 60,
            };
            let heard = (!self.seconds.is_empty()).then(|| self.seconds.remove(0));
            self.slots =
                heard.map(|s| Slot { meta: meta(s), start: 0, len: 0 }).into_iter().collect();
            Ok(Batch::new(&[], &self.slots, &self.names))
        }

        fn interfaces(&self) -> &[InterfaceName] {
            &self.names
        }
    }

    /// Hands out frames while more of them wait than the kernel can keep for long.
    struct Flooded {
        memory: Vec<u8>,
        slots: Vec<Slot>,
        handed: Vec<Slot>,
        names: [InterfaceName; 1],
    }

    impl Capture for Flooded {
        fn next_batch(&mut self, _wait: Duration) -> Result<Batch<'_>, CaptureError> {
            if self.slots.is_empty() {
                return Err(CaptureError::End);
            }
            self.handed = std::mem::take(&mut self.slots);
            Ok(Batch::new(&self.memory, &self.handed, &self.names))
        }

        fn interfaces(&self) -> &[InterfaceName] {
            &self.names
        }

        fn backlog(&self) -> Backlog {
            Backlog::Most
        }
    }

    #[test]
    fn a_capture_that_is_far_behind_is_counted_and_judged_in_part() {
        // All differ, so that none is counted with another.
        let frame = |id| Host::numbered(7).mdns4(Query::browse("_ipp._tcp").id(id).bytes());
        let (memory, len): (Vec<u8>, _) = ((0..1_000).flat_map(frame).collect(), frame(0).len());
        let stamp = clock::now().wall;
        let meta = FrameMeta {
            stamp,
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Incoming,
            wire_len: 80,
        };
        let slots = (0..1_000).map(|n| Slot { meta, start: n * len, len }).collect();
        let mut settings = test_settings();
        settings.engine.judging = Judging::InTime;
        let tap = Lan::default().tap("eth0", || {
            Pipeline::live(settings, "eth0", Surroundings::default(), clock::now())
        });
        let names = [InterfaceName { name: Some("eth0".into()) }];
        let mut capture = Flooded { memory, slots, handed: Vec::new(), names };
        let ended = live(&tap, &mut capture, &Stop::default(), |_, _| {});
        assert!(matches!(ended, Ended::Capture(CaptureError::End)), "{ended:?}");
        let snapshot = tap.with_pipeline(Pipeline::views).remove(0).snapshot;
        let counted = snapshot.packets[Protocol::Mdns.index()];
        assert_eq!((counted, snapshot.unjudged), (1_000, 800), "strangers have 200");
    }

    #[test]
    fn who_hears_nothing_wakes_when_a_second_can_be_closed_and_not_before() {
        let ms = |n| Time(0).plus(Duration::from_millis(n));
        let latency = Duration::from_millis(100);
        let waits = [5_000, 5_099, 5_100, 5_101, 5_600, 6_099];
        let until = waits.map(|n| ms(n).plus(until_close(ms(n), latency)));
        assert_eq!(until, [5_101, 5_101, 6_101, 6_101, 6_101, 6_101].map(ms));
    }

    #[test]
    fn a_read_that_comes_far_too_late_says_since_when_nothing_was_read() {
        let mut last = LastRead::default();
        let reads = [100, 101, 105, 110, 170].map(|second| {
            let at = Time(0).plus(Duration::from_secs(second));
            last.handle(at).map(Time::second)
        });
        assert_eq!(reads, [None, None, None, Some(105), Some(110)]);
    }

    #[test]
    fn what_was_heard_before_the_stop_counts_and_what_came_after_is_anothers() {
        for (until, expected) in [(None, 4), (Some(Stamp::new(12, 0)), 2)] {
            let tap = tap();
            let names = [InterfaceName { name: Some("eth0".into()) }];
            let mut queue = Queue { seconds: vec![11, 12, 13, 14], slots: Vec::new(), names };
            let stop = Stop::default();
            stop.set(until);
            stop.set(Some(Stamp::new(0, 0)));
            assert!(matches!(live(&tap, &mut queue, &stop, |_, _| {}), Ended::Stopped));
            let views = tap.with_pipeline(Pipeline::views);
            assert_eq!(views[0].snapshot.frames, expected, "{until:?}");
        }
    }
}
