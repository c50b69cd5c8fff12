//! From counts to totals: each increment is counted once, for the name if it has a place at that
//! moment, else for `other`; history never moves.
//!
//! Pure: time comes in as [`Time`].

use super::{Increments, calls};
use crate::host::Command;
use crate::host::command::OTHER;
use crate::time::Time;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Names that have series of their own, at most.
pub const PLACES: usize = 64;
/// Of these, for names that own a watched socket: the alert about the cost of multicast needs their
/// series also on a host with many busy names.
pub(crate) const FOR_OWNERS: usize = 8;
/// Calls in a window that get a name its place.
pub(crate) const EARNED: u64 = 100;
/// How long a name keeps its place without a call.
pub const KEPT: Duration = Duration::from_hours(1);
/// Names without a place whose calls are added up in one window: twice as many as the kernel counts
/// separately.
const CANDIDATES: usize = 2048;

/// One process name.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// The `process` label.
    pub name: Box<str>,
    /// System calls since it got its place.
    pub calls: u64,
    /// System calls a second over the last whole window; `None` before there was one.
    pub per_second: Option<f64>,
}

/// The totals at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// System calls since the start.
    pub total: u64,
    /// System calls a second over the last whole window; `None` before there was one.
    pub per_second: Option<f64>,
    /// By process, `other` last, each label once; `None` where the backend does not know.
    pub processes: Option<Vec<Process>>,
    /// By call, `other` among them, only those that were made, sorted; `None` where the backend
    /// does not know.
    pub calls: Option<Vec<(&'static str, u64)>>,
}

/// Command names whose label is remembered. Many may share one: a process can call itself anything.
const LABELS: usize = 4 * PLACES;

/// A count, and the part of it that falls into the window.
#[derive(Clone, Copy, Debug)]
struct Count {
    calls: u64,
    in_window: u64,
    /// Whether it was there when the window began: a part of a window gives no rate.
    is_whole: bool,
    per_second: Option<f64>,
    last_call: Time,
}

impl Count {
    const fn new(now: Time, is_whole: bool) -> Self {
        Self { calls: 0, in_window: 0, is_whole, per_second: None, last_call: now }
    }

    fn add(&mut self, calls: u64, now: Time) {
        if calls > 0 {
            self.calls += calls;
            self.in_window += calls;
            self.last_call = now;
        }
    }

    fn close(&mut self, seconds: f64) {
        if self.is_whole {
            self.per_second = Some(float(self.in_window) / seconds);
        }
        self.in_window = 0;
        self.is_whole = true;
    }
}

/// The totals.
pub struct Tally {
    began: Time,
    total: Count,
    /// Whether the backend knows whose the calls are.
    is_detailed: bool,
    other: Count,
    places: BTreeMap<Box<str>, Count>,
    /// Those of them that were got by owning a socket.
    of_owners: HashSet<Box<str>>,
    /// The labels of command names that have a place, so that they are not made anew at each fold.
    labels: HashMap<Command, Box<str>>,
    /// Calls in this window of names without a place.
    candidates: HashMap<Command, u64>,
    calls: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Nothing counted, at `now`, when the first window begins.
    pub fn new(now: Time) -> Self {
        Self {
            began: now,
            total: Count::new(now, true),
            is_detailed: false,
            other: Count::new(now, true),
            places: BTreeMap::new(),
            of_owners: HashSet::new(),
            labels: HashMap::new(),
            candidates: HashMap::new(),
            calls: BTreeMap::new(),
        }
    }

    /// Counts `increments`. `is_owner` says whether a name owns a watched socket.
    pub fn fold(
        &mut self,
        now: Time,
        increments: &Increments,
        is_owner: impl Fn(&Command) -> bool,
    ) {
        self.total.add(increments.total, now);
        let Some(detail) = &increments.detail else { return };
        self.is_detailed = true;
        self.places.retain(|_, count| now.since(count.last_call) < KEPT);
        self.of_owners.retain(|label| self.places.contains_key(label));
        self.labels.retain(|_, label| self.places.contains_key(label));

        let mut booked = 0;
        for (command, calls) in &detail.processes {
            booked += calls;
            match self.place(command, *calls, now, &is_owner) {
                Some(count) => count.add(*calls, now),
                None => self.other.add(*calls, now),
            }
        }
        self.other.add(increments.total.saturating_sub(booked), now);

        for (number, calls) in &detail.calls {
            let name = number.and_then(calls::name).unwrap_or(OTHER);
            *self.calls.entry(name).or_default() += calls;
        }
    }

    /// The place that a name holds, or gets now for its `calls`.
    fn place(
        &mut self,
        command: &Command,
        calls: u64,
        now: Time,
        is_owner: impl Fn(&Command) -> bool,
    ) -> Option<&mut Count> {
        if let Some(label) = self.labels.get(command) {
            return self.places.get_mut(label);
        }
        let label = command.label();
        // A process may call itself that.
        if &*label == OTHER {
            return None;
        }
        if !self.places.contains_key(&label) {
            let owns = is_owner(command);
            let others = self.places.len() - self.of_owners.len();
            let is_room = self.places.len() < PLACES && (owns || others < PLACES - FOR_OWNERS);
            if !(owns || self.has_earned(command, calls)) || !is_room {
                return None;
            }
            self.candidates.remove(command);
            if owns {
                self.of_owners.insert(label.clone());
            }
            self.places.insert(label.clone(), Count::new(now, false));
        }
        // Another name with the same label shares its place. A name that is forgotten is looked up
        // again.
        if self.labels.len() >= LABELS {
            self.labels.clear();
        }
        self.labels.insert(*command, label.clone());
        self.places.get_mut(&label)
    }

    /// Whether a name has made enough calls in this window, these included.
    fn has_earned(&mut self, command: &Command, calls: u64) -> bool {
        if let Some(before) = self.candidates.get_mut(command) {
            *before += calls;
            return *before >= EARNED;
        }
        if self.candidates.len() < CANDIDATES {
            self.candidates.insert(*command, calls);
        }
        calls >= EARNED
    }

    /// Ends the window at `now` and begins the next.
    pub(crate) fn close_window(&mut self, now: Time) {
        let seconds = now.since(self.began).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        self.began = now;
        self.candidates.clear();
        self.total.close(seconds);
        self.other.close(seconds);
        self.places.values_mut().for_each(|count| count.close(seconds));
    }

    /// The totals.
    pub fn view(&self) -> View {
        let process = |(name, count): (&str, &Count)| Process {
            name: name.into(),
            calls: count.calls,
            per_second: count.per_second,
        };
        let places = self.places.iter().map(|(name, count)| (&**name, count));
        let all = places.chain([(OTHER, &self.other)]);
        View {
            total: self.total.calls,
            per_second: self.total.per_second,
            processes: self.is_detailed.then(|| all.map(process).collect()),
            calls: self.is_detailed.then(|| self.calls.iter().map(|(&n, &c)| (n, c)).collect()),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "calls of one window stay far below 2^53")]
const fn float(calls: u64) -> f64 {
    calls as f64
}

#[cfg(test)]
mod tests;
