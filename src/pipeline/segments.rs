//! The segments of a pipeline, and a run of copies of one frame that is still owed to one of them.
//!
//! A storm is one frame again and again. Once its engine promises that further copies come to the
//! same ([`Promise`]), they are only compared and their times noted. When the promise ends, or
//! anybody looks, the engine counts all but the last few at once and handles those one by one. Then
//! its state is what it would be if it had handled each.
//!
//! Nobody reaches an engine without settling first: [`Segments::settled`].

use super::StormNews;
use crate::decode::{Observation, Sender, decode};
use crate::detect::steady::GAP;
use crate::engine::Engine;
use crate::engine::run::{Outcome, Promise};
use crate::frame::{Backlog, Frame, FrameMeta, Place};
use crate::segment::{Label, LanName};
use crate::time::{Stamp, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// After so many frames in a row that came to the same, the engine is asked for a promise.
const ALIKE: u32 = 16;
/// Who could not promise is asked again after so many more.
const PATIENCE: u32 = 64;
/// A promise says by how much stamps may be out of order, in nanoseconds: what is later is ignored.
const OUT_OF_ORDER: i128 = 1_000_000_000;

/// One segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub label: Label,
    pub vlan: String,
    pub lan: Option<LanName>,
    pub engine: Engine,
}

impl Segment {
    pub(super) fn poll_news(&mut self) -> Option<StormNews> {
        let event = self.engine.poll_storm_event()?;
        let sender = event.storm().culprit.sender();
        let identity = sender.and_then(|sender| self.engine.identity(sender));
        let (label, lan) = (Arc::clone(&self.label), self.lan.clone());
        Some(StormNews { label, lan, event, identity })
    }
}

/// The segments, and what is owed to one of them.
#[derive(Debug)]
pub(super) struct Segments {
    /// `None` where a segment ended; the place is used again.
    slots: Vec<Option<Segment>>,
    run: Run,
    owed: Option<Owed>,
}

/// A frame that came several times in a row.
#[derive(Debug)]
struct Run {
    /// Whether copies are handled one by one, whatever is promised.
    one_by_one: bool,
    /// The frame that was heard last before this batch, or that is owed.
    last: Option<(FrameMeta, Vec<u8>)>,
    /// What the last came to, and how many in a row came to that.
    outcome: Outcome,
    alike: u32,
    /// How many there must be for the next question.
    enough: u32,
    /// Whether a promise ended with the next frame, and copies were counted by it.
    goes_on: bool,
    /// How many were counted without being handled.
    #[cfg(test)]
    skipped: u64,
}

/// Copies of [`Run::last`] that were promised to come to the same, and are still to be counted.
#[derive(Debug)]
struct Owed {
    slot: usize,
    promise: Promise,
    /// How many there are beside the last few.
    skipped: u64,
    /// The last few, in the order in which they came.
    last: VecDeque<Copied>,
    /// When the last came, by engine time.
    at: Time,
}

/// One copy: all that distinguishes it from the others.
#[derive(Clone, Copy, Debug)]
struct Copied {
    time: Time,
    stamp: Stamp,
    place: Option<Place>,
}

/// Whose copy it was that was promised to come to the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promised {
    pub slot: usize,
    /// Its sender and whether it is of a stream, if it may be evidence.
    pub evidence: Option<(Sender, bool)>,
}

impl Segments {
    pub(super) const fn new() -> Self {
        let run = Run {
            one_by_one: false,
            last: None,
            outcome: Outcome::Other,
            alike: 0,
            enough: ALIKE,
            goes_on: false,
            #[cfg(test)]
            skipped: 0,
        };
        Self { slots: Vec::new(), run, owed: None }
    }

    /// From now on each copy is handled by itself.
    pub(super) fn hear_one_by_one(&mut self) {
        self.settle();
        self.run.one_by_one = true;
    }

    /// The segments, to which nothing is owed.
    pub(super) fn settled(&mut self) -> &mut Vec<Option<Segment>> {
        self.settle();
        &mut self.slots
    }

    /// How many copies were promised and are not to be handled.
    #[cfg(test)]
    pub(super) const fn skipped(&self) -> u64 {
        self.run.skipped
    }

    /// How many places there are.
    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// What has happened to the storms of a segment, once. A run makes none known.
    pub(super) fn poll_news(&mut self, slot: usize) -> Option<StormNews> {
        self.slots.get_mut(slot)?.as_mut()?.poll_news()
    }

    /// So many live frames wait. That is no matter of what is owed: it is judged.
    pub(super) fn handle_backlog(&mut self, backlog: Backlog) {
        for segment in self.slots.iter_mut().flatten() {
            segment.engine.handle_backlog(backlog);
        }
    }

    /// Closes seconds and expires devices in every segment.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        if self.owed.as_ref().is_some_and(|owed| now > owed.at) {
            self.settle();
        }
        // A segment that something is owed to is ahead of this already.
        let ahead = self.owed.as_ref().map(|owed| owed.slot);
        for (slot, segment) in self.slots.iter_mut().enumerate() {
            if let Some(segment) = segment.as_mut().filter(|_| ahead != Some(slot)) {
                segment.engine.handle_timeout(now);
            }
        }
    }

    /// Whether a frame is the same as the last of the batch before, but for its time.
    pub(super) fn is_copy(&self, frame: &Frame<'_>) -> bool {
        let same = |(meta, bytes): &(FrameMeta, Vec<u8>)| is_same(meta, bytes, frame);
        self.run.last.as_ref().is_some_and(same)
    }

    /// Takes a copy of the frame that was heard last, if that was promised to come to the same. If
    /// not, it must be handled.
    pub(super) fn take(
        &mut self,
        time: Time,
        stamp: Stamp,
        place: Option<Place>,
    ) -> Option<Promised> {
        let owed = self.owed.as_mut()?;
        let now = owed.at.max(time);
        let holds = now < owed.promise.until
            && now.since(owed.at) < GAP
            && owed.promise.ahead.is_none_or(|ahead| {
                let behind = ahead.saturating_sub(stamp.0.saturating_sub(i128::from(now.0)));
                (0..=OUT_OF_ORDER).contains(&behind)
            });
        if !holds {
            self.run.goes_on = owed.skipped > 0;
            self.settle();
            return None;
        }
        if owed.last.len() == owed.promise.tail {
            owed.last.pop_front();
            owed.skipped += 1;
            #[cfg(test)]
            {
                self.run.skipped += 1;
            }
        }
        owed.last.push_back(Copied { time, stamp, place });
        owed.at = now;
        Some(Promised { slot: owed.slot, evidence: owed.promise.evidence })
    }

    /// Handles a frame of a segment. `is_copy` if it is the same as the one that was handled last.
    pub(super) fn handle_frame(
        &mut self,
        slot: usize,
        (time, frame): (Time, &Frame<'_>),
        observation: &Observation<'_>,
        is_copy: bool,
    ) {
        self.settle();
        let segment = self.slots[slot].as_mut().expect("a place that is taken leads to a segment");
        let run = &mut self.run;
        // One frame for all that were counted with the last promise, and with the next: there is
        // time for it.
        if is_copy && std::mem::take(&mut run.goes_on) {
            segment.engine.handle_copy(time, frame.meta.stamp, observation);
        } else {
            segment.engine.handle_frame(time, frame.meta.stamp, observation);
        }
        if !is_copy {
            (run.alike, run.enough) = (0, ALIKE);
            return;
        }
        let outcome = segment.engine.outcome();
        run.alike = if outcome == run.outcome { run.alike.saturating_add(1) } else { 0 };
        run.outcome = outcome;
        if run.alike < run.enough || run.one_by_one {
            return;
        }
        let Some(promise) = segment.engine.steady(observation) else {
            run.enough = run.alike.saturating_add(PATIENCE);
            return;
        };
        self.keep(frame);
        let last = VecDeque::with_capacity(promise.tail);
        self.owed = Some(Owed { slot, promise, skipped: 0, last, at: promise.now });
    }

    /// The batch ends with this frame: the next may begin with a copy of it.
    pub(super) fn keep(&mut self, frame: &Frame<'_>) {
        if self.run.one_by_one {
            return;
        }
        let (meta, bytes) = self.run.last.get_or_insert_with(|| (frame.meta, Vec::new()));
        if !is_same(meta, bytes, frame) {
            bytes.clear();
            bytes.extend_from_slice(frame.bytes);
        }
        *meta = frame.meta;
    }

    /// Counts and handles what is owed.
    fn settle(&mut self) {
        let Some(owed) = self.owed.take() else { return };
        let Some((meta, bytes)) = &self.run.last else { return };
        let Some(Some(segment)) = self.slots.get_mut(owed.slot) else { return };
        let frame = Frame { meta: *meta, bytes };
        let observation = decode(&frame);
        segment.engine.skip(&observation, owed.skipped);
        for Copied { time, stamp, place } in owed.last {
            let observation = Observation { place, ..observation.clone() };
            segment.engine.handle_copy(time, stamp, &observation);
        }
    }
}

/// Whether two frames are the same but for their time.
pub(super) fn is_same(meta: &FrameMeta, bytes: &[u8], other: &Frame<'_>) -> bool {
    let FrameMeta { stamp: _, interface, link, stripped_tag, direction, wire_len } = *meta;
    let rest = (interface, link, stripped_tag, direction);
    wire_len == other.meta.wire_len
        && bytes == other.bytes
        && rest
            == (
                other.meta.interface,
                other.meta.link,
                other.meta.stripped_tag,
                other.meta.direction,
            )
}
