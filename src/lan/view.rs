//! What scrapes, pages and the API read of a LAN: copies, so that they can be tested without
//! captures.
//!
//! A [`LanView`] owns all it holds, so that every lock is released before anything is rendered.

use super::past::PastStorm;
use crate::capture::Abilities;
use crate::evidence::Totals;
use crate::host;
use crate::pipeline::SegmentView;
use crate::time::{Stamp, Time, clock};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::time::Duration;
use thiserror::Error;

/// What can be scraped.
pub trait Source: Send + Sync + 'static {
    /// Whether the captures were started; until then `/-/ready` says no.
    fn ready(&self) -> bool;

    /// Copies what there is. A lock that cannot be had before `deadline` costs the segments of
    /// its capture only; [`read_locked`] does that.
    fn read(&self, deadline: Deadline, detail: Detail) -> LanView;

    /// What multicast costs this host now; `None` where nobody looks. Takes the host's lock,
    /// waits for it until `deadline` at most.
    fn host(&self, deadline: Deadline) -> Option<host::View> {
        let _ = deadline;
        None
    }

    /// The capabilities of this process; `None` where nobody knows.
    fn privileges(&self) -> Option<Privileges> {
        None
    }

    /// Whether what is watched is simulated: a demo, or a test of alerts.
    fn is_simulated(&self) -> bool {
        false
    }

    /// A storm that may be over, with who it was; `None` if it is not among the latest.
    fn past_storm(&self, id: &str) -> Option<PastStorm> {
        let _ = id;
        None
    }

    /// The threads that should be heard of and are not: what they stand for does not go on.
    fn silent(&self) -> Vec<String> {
        Vec::new()
    }

    /// How this host is looked at, settled at the start; `None` where nobody looks.
    fn host_standing(&self) -> Option<&host::Standing> {
        None
    }
}

/// The capabilities of this process, by kernel names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Those in force when it started.
    pub at_start: BTreeSet<String>,
    /// Those that any of its threads has now; `None` if the kernel did not tell.
    pub now: Option<BTreeSet<String>>,
}

/// How much to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What can be had without a pipeline's lock: `CaptureView::segments` may be empty.
    Captures,
    /// The snapshots of all segments too.
    Segments,
}

/// All that one process watches, at one instant.
#[derive(Clone, Debug, Default)]
pub struct LanView {
    /// The captures, those that failed or ended too.
    pub captures: Vec<CaptureView>,
    /// The interfaces that are not captured, and why.
    pub passed_over: Vec<PassedOver>,
    /// Steps of the wall clock noticed since the start.
    pub clock_steps: u64,
    /// Captures forgotten since the start, of interfaces that are gone.
    pub forgotten: u64,
    /// How the configuration file was read last; `None` where there is none.
    pub reload: Option<Reload>,
    /// What happened to evidence; `None` where none is kept.
    pub evidence: Option<Totals>,
    /// Lines of the log that were dropped; `None` where nobody counts them.
    pub log_dropped: Option<u64>,
}

impl LanView {
    /// The segments that could be read.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentView> {
        self.captures.iter().flat_map(|capture| capture.segments.iter().flatten())
    }
}

/// An interface that is not captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Its name.
    pub interface: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// How the configuration file was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Whether it could be used.
    pub successful: bool,
    /// When a file that could be used was read last.
    pub last_success: Stamp,
}

/// One captured kernel interface, or capture file.
#[derive(Clone, Debug)]
pub struct CaptureView {
    /// The interface's name: the `capture` label.
    pub name: String,
    /// What its backend can tell; `None` where none was ever opened.
    pub abilities: Option<Abilities>,
    /// Whether it is being captured now.
    pub up: bool,
    /// Why it is not, in a few words, for the page.
    pub trouble: Option<String>,
    /// Whether it is over because there is no more: a file was replayed to its end.
    pub is_done: bool,
    /// Frames that the kernel dropped, where the backend knows.
    pub dropped: Option<u64>,
    /// Size of its ring in bytes, where it has one.
    pub ring_bytes: Option<u64>,
    /// What is heard on it.
    pub segments: Result<Vec<SegmentView>, LockTimeout>,
}

/// A capture's lock could not be had in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("its lock could not be taken in time")]
pub struct LockTimeout;

/// An instant after which a scrape must not wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Time);

impl Deadline {
    /// `wait` from now.
    pub fn after(wait: Duration) -> Self {
        Self(clock::now().monotonic.plus(wait))
    }

    /// How long it is until then; zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.since(clock::now().monotonic)
    }
}

/// Takes each lock once and reads what it guards. All that are free are read first; then the busy
/// ones are waited for, so that one that is held for long takes no time from the others. `None`
/// stands for a lock that could not be had before `deadline`.
pub fn read_locked<'a, T: 'a, R>(
    locks: impl IntoIterator<Item = &'a Mutex<T>>,
    deadline: Deadline,
    mut read: impl FnMut(usize, &mut T) -> R,
) -> Vec<Option<R>> {
    let mut busy = Vec::new();
    let mut results: Vec<Option<R>> = Vec::new();
    for (place, lock) in locks.into_iter().enumerate() {
        let result = lock.try_lock().map(|mut guard| read(place, &mut guard));
        if result.is_none() {
            busy.push((place, lock));
        }
        results.push(result);
    }
    for (place, lock) in busy {
        if let Some(mut guard) = lock.try_lock_for(deadline.left()) {
            results[place] = Some(read(place, &mut guard));
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_costs_only_its_own_result() {
        let locks = [Mutex::new(1), Mutex::new(2), Mutex::new(3)];
        let held = locks[0].lock();
        let deadline = Deadline::after(Duration::from_millis(5));
        let read = read_locked(&locks, deadline, |place, value| (place, *value));
        assert_eq!(read, [None, Some((1, 2)), Some((2, 3))]);
        drop(held);
        let read = read_locked(&locks, deadline, |place, value| (place, *value));
        assert_eq!(read[0], Some((0, 1)), "a free lock needs no time left");
    }

    #[test]
    fn a_deadline_runs_out() {
        assert_eq!(Deadline::after(Duration::ZERO).left(), Duration::ZERO);
        assert!(Deadline::after(Duration::from_mins(1)).left() > Duration::from_secs(50));
        assert!(Deadline::after(Duration::ZERO) < Deadline::after(Duration::from_secs(9)));
    }
}
