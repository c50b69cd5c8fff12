//! The segments of a pipeline, and a run of copies of one frame that is still owed to one of them.
//!
//! A storm is one frame again and again. Once its engine promises that further copies come to the
//! same ([`Promise`](crate::engine::run::Promise)), they are only compared and their times noted. When the promise ends, or
//! anybody looks, the engine counts all but the last few at once and handles those one by one. Then
//! its state is what it would be if it had handled each.
//!
//! Nobody reaches an engine without settling first: [`Segments::settled`].

use super::news::StormNews;
use super::run::{LANES, Run, TURN, is_same};
use crate::decode::{Observation, Sender, decode};
use crate::detect::steady::{Copies, GAP};
use crate::engine::Engine;
use crate::frame::{Backlog, Frame, FrameMeta, Place};
use crate::segment::{Label, LanName};
use crate::time::{Stamp, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// What is remembered of the last response of all is left behind by so many of each.
const TAIL_IN_TURN: usize = 2 * TURN as usize + 2;
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

/// Copies that were promised to come to the same, and are still to be counted.
#[derive(Debug)]
struct Owed {
    slot: usize,
    /// The first instant from which on nothing is promised.
    until: Time,
    ahead: [Option<i128>; LANES],
    evidence: [Option<(Sender, bool)>; LANES],
    /// How many of the last of each must be heard, and how many are in `last`.
    tail: [usize; LANES],
    in_last: [usize; LANES],
    responds: [bool; LANES],
    /// How many there are beside the last few.
    skipped: [Copies; LANES],
    /// Whose the last response was, and when, if it was one of those.
    responded: Option<(usize, Option<Time>)>,
    /// The last few, in the order in which they came.
    last: VecDeque<Copied>,
    /// When the last came, by engine time.
    at: Time,
}

/// One copy: all that distinguishes it from the others.
#[derive(Clone, Copy, Debug)]
struct Copied {
    lane: usize,
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
        Self { slots: Vec::new(), run: Run::new(), owed: None }
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

    /// Which of the frames that come in turn it is a copy of.
    pub(super) fn lane(&self, frame: &Frame<'_>) -> Option<usize> {
        let lanes = &self.run.lanes[..self.run.count];
        lanes.iter().position(|lane| is_same(&lane.meta, &lane.bytes, frame))
    }

    /// Takes a copy of one of the frames that come in turn, if that was promised to come to the
    /// same. If not, it must be handled.
    pub(super) fn take(
        &mut self,
        lane: usize,
        time: Time,
        stamp: Stamp,
        place: Option<Place>,
    ) -> Option<Promised> {
        let owed = self.owed.as_mut()?;
        let now = owed.at.max(time);
        let holds = now < owed.until
            && now.since(owed.at) < GAP
            && owed.ahead[lane].is_none_or(|ahead| {
                let behind = ahead.saturating_sub(stamp.0.saturating_sub(i128::from(now.0)));
                (0..=OUT_OF_ORDER).contains(&behind)
            });
        let is_in_turn = self.run.is_in_turn(lane);
        if !holds || !is_in_turn {
            let has_skipped = owed.skipped.iter().any(|copies| copies.count > 0);
            self.run.goes_on = if has_skipped && is_in_turn { self.run.count } else { 0 };
            self.settle();
            return None;
        }
        self.run.tick(lane);
        owed.last.push_back(Copied { lane, time, stamp, place });
        owed.in_last[lane] += 1;
        owed.at = now;
        while let Some(first) = owed.last.front().copied()
            && owed.in_last[first.lane] > owed.tail[first.lane]
        {
            owed.last.pop_front();
            owed.in_last[first.lane] -= 1;
            owed.count(first);
            #[cfg(test)]
            {
                self.run.skipped += 1;
            }
        }
        Some(Promised { slot: owed.slot, evidence: owed.evidence[lane] })
    }

    /// Handles a frame of a segment. `lane` if it is one of those that come in turn, `is_copy` if
    /// it was heard just before.
    pub(super) fn handle_frame(
        &mut self,
        slot: usize,
        (time, frame): (Time, &Frame<'_>),
        observation: &Observation<'_>,
        (lane, is_copy): (Option<usize>, bool),
    ) {
        self.settle();
        let segment = self.slots[slot].as_mut().expect("a place that is taken leads to a segment");
        let run = &mut self.run;
        // One frame for all that were counted with the last promise, and with the next: there is
        // time for it.
        if lane.is_some() && run.goes_on > 0 {
            run.goes_on -= 1;
            segment.engine.handle_copy(time, frame.meta.stamp, observation);
        } else {
            segment.engine.handle_frame(time, frame.meta.stamp, observation);
        }
        if run.one_by_one {
            return;
        }
        let lane = match lane.filter(|lane| run.lanes[*lane].slot == slot) {
            Some(lane) => {
                run.tick(lane);
                run.drop_silent(lane)
            }
            None if is_copy => run.begin(slot, frame),
            None => {
                run.count = 0;
                return;
            }
        };
        let is_steady = run.hear(lane, segment.engine.outcome());
        if is_steady {
            self.ask(lane, slot, observation);
        }
    }

    /// Asks for a promise for the lane whose frame was just handled. With that of the last lane,
    /// copies are owed from now on.
    fn ask(&mut self, lane: usize, slot: usize, observation: &Observation<'_>) {
        let Some(segment) = self.slots[slot].as_ref() else { return };
        let engine = &segment.engine;
        let run = &mut self.run;
        if run.count > 1 {
            if run.lanes[lane].dealings.is_none() {
                run.lanes[lane].dealings = engine.dealings(observation);
                if run.lanes[lane].dealings.is_none() {
                    run.wait();
                    return;
                }
            }
            if run.lanes[..run.count].iter().any(|lane| lane.dealings.is_none()) {
                return;
            }
            if !run.are_apart() {
                run.wait();
                return;
            }
        }
        let responds: [bool; LANES] = std::array::from_fn(|place| {
            let lane = run.lanes[..run.count].get(place);
            lane.and_then(|lane| lane.dealings.as_ref()).is_some_and(|dealings| dealings.responds)
        });
        let is_alone = responds.iter().filter(|responds| **responds).count() < 2;
        let Some(promise) = engine.steady(observation, is_alone) else {
            run.wait();
            return;
        };
        run.lanes[lane].promise = Some(promise);
        let lanes = &run.lanes[..run.count];
        let Some(promises) = lanes.iter().map(|lane| lane.promise).collect::<Option<Vec<_>>>()
        else {
            return;
        };
        let in_turn = if run.count > 1 { TAIL_IN_TURN } else { 1 };
        let of = |place: usize| promises.get(place);
        let tail: [usize; LANES] =
            std::array::from_fn(|n| of(n).map_or(0, |promise| promise.tail.max(in_turn)));
        let responding = (0..run.count).filter(|n| responds[*n]);
        self.owed = Some(Owed {
            slot,
            until: promises.iter().map(|promise| promise.until).min().unwrap_or(promise.now),
            ahead: std::array::from_fn(|n| of(n).and_then(|promise| promise.ahead)),
            evidence: std::array::from_fn(|n| of(n).and_then(|promise| promise.evidence)),
            tail,
            in_last: [0; LANES],
            responds,
            skipped: [Copies::default(); LANES],
            responded: responding.min_by_key(|n| lanes[*n].silent).map(|n| (n, None)),
            last: VecDeque::with_capacity(tail.iter().sum::<usize>() + 1),
            at: promise.now,
        });
    }

    /// The batch ends with this frame: the next may begin with a copy of it.
    pub(super) fn keep(&mut self, frame: &Frame<'_>) {
        if self.run.one_by_one || self.owed.is_some() {
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
        let lanes = &mut self.run.lanes[..self.run.count];
        for lane in lanes.iter_mut() {
            lane.promise = None;
        }
        let Some(Some(segment)) = self.slots.get_mut(owed.slot) else { return };
        let frames: Vec<_> =
            lanes.iter().map(|lane| Frame { meta: lane.meta, bytes: &lane.bytes }).collect();
        let observations: Vec<_> = frames.iter().map(decode).collect();
        for ((observation, lane), copies) in observations.iter().zip(&*lanes).zip(owed.skipped) {
            if copies.count > 0 {
                segment.engine.skip(observation, lane.outcome, copies);
            }
        }
        let responding = owed.responds.iter().filter(|responds| **responds).count();
        if responding > 1
            && let Some((lane, Some(at))) = owed.responded
        {
            segment.engine.remember(&observations[lane], lanes[lane].outcome, at);
        }
        for Copied { lane, time, stamp, place } in owed.last {
            let observation = Observation { place, ..observations[lane].clone() };
            segment.engine.handle_copy(time, stamp, &observation);
        }
    }
}

impl Owed {
    /// Counts a copy that need not be handled.
    fn count(&mut self, copy: Copied) {
        let Copied { lane, time, .. } = copy;
        self.skipped[lane].count += 1;
        if self.responds[lane] {
            let is_after_another = self.responded.is_some_and(|(last, _)| last != lane);
            self.skipped[lane].after_others += u64::from(is_after_another);
            self.responded = Some((lane, Some(time)));
        }
    }
}
