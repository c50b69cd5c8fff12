//! Which frames come again and again: one, or a few that take turns, and for how long each came to
//! the same.
//!
//! In: frames that were heard just before, and what each came to. Out: when it is time to ask for a
//! promise. It knows no engine.

use crate::engine::run::{Dealings, Outcome, Promise};
use crate::frame::{Frame, FrameMeta};

/// After so many frames in a row that came to the same, the engine is asked for a promise.
const ALIKE: u32 = 16;
/// Who could not promise is asked again after so many more.
const PATIENCE: u32 = 64;
/// Frames that may come in turn: of two or three that flood at once.
pub(super) const LANES: usize = 3;
/// Each of them comes at least once in so many.
pub(super) const TURN: u32 = 8;

/// One frame that comes again and again, or a few in turn.
#[derive(Debug)]
pub(super) struct Run {
    /// Whether copies are handled one by one, whatever is promised.
    pub one_by_one: bool,
    /// Each of the frames; of those that are over the memory is kept.
    pub lanes: Vec<Lane>,
    /// How many there are.
    pub count: usize,
    /// The last frame of the batch before.
    pub last: Option<(FrameMeta, Vec<u8>)>,
    /// Lanes whose next frame is the first after a promise by which others were counted.
    pub goes_on: usize,
    /// How many were counted without being handled.
    #[cfg(test)]
    pub skipped: u64,
}

/// A frame that comes again and again.
#[derive(Debug)]
pub(super) struct Lane {
    pub meta: FrameMeta,
    pub bytes: Vec<u8>,
    pub slot: usize,
    /// What the last came to, and how many in a row came to that, since others come in turn with it.
    pub outcome: Outcome,
    pub alike: u32,
    /// How many there must be for the next question.
    pub enough: u32,
    /// What is promised.
    pub promise: Option<Promise>,
    /// What it has to do with the others, if there are any.
    pub dealings: Option<Dealings>,
    /// Frames of the others since the last of it.
    pub silent: u32,
}

impl Run {
    pub(super) const fn new() -> Self {
        Self {
            one_by_one: false,
            lanes: Vec::new(),
            count: 0,
            last: None,
            goes_on: 0,
            #[cfg(test)]
            skipped: 0,
        }
    }

    /// Whether all others came lately enough when a frame of this lane comes.
    pub(super) fn is_in_turn(&self, lane: usize) -> bool {
        let lanes = self.lanes[..self.count].iter().enumerate();
        lanes.filter(|(other, _)| *other != lane).all(|(_, other)| other.silent < TURN)
    }

    /// A frame of this lane comes.
    pub(super) fn tick(&mut self, lane: usize) {
        for (other, there) in self.lanes[..self.count].iter_mut().enumerate() {
            there.silent = if other == lane { 0 } else { there.silent.saturating_add(1) };
        }
    }

    /// Forgets the lanes that no longer come in turn. Where this one is now.
    pub(super) fn drop_silent(&mut self, mut lane: usize) -> usize {
        let mut at = 0;
        while at < self.count {
            if self.lanes[at].silent > TURN {
                self.count -= 1;
                self.lanes.swap(at, self.count);
                lane = if lane == self.count { at } else { lane };
                self.begin_anew();
            } else {
                at += 1;
            }
        }
        lane
    }

    /// A frame that was heard just before comes again: a lane of its own.
    pub(super) fn begin(&mut self, slot: usize, frame: &Frame<'_>) -> usize {
        if self.lanes[..self.count].iter().any(|lane| lane.slot != slot) {
            self.count = 0;
        }
        if self.count == LANES {
            let silent = |lane: &usize| self.lanes[*lane].silent;
            let place = (0..LANES).max_by_key(silent).unwrap_or(0);
            self.count -= 1;
            self.lanes.swap(place, self.count);
        }
        if self.lanes.len() == self.count {
            let (meta, bytes) = (frame.meta, Vec::new());
            let (outcome, alike, enough) = (Outcome::Other, 0, ALIKE);
            let (promise, dealings, silent) = (None, None, 0);
            self.lanes.push(Lane {
                meta,
                bytes,
                slot,
                outcome,
                alike,
                enough,
                promise,
                dealings,
                silent,
            });
        }
        let lane = &mut self.lanes[self.count];
        (lane.meta, lane.slot) = (frame.meta, slot);
        lane.bytes.clear();
        lane.bytes.extend_from_slice(frame.bytes);
        self.count += 1;
        self.begin_anew();
        self.tick(self.count - 1);
        self.count - 1
    }

    /// Others come in turn from now on.
    pub(super) fn begin_anew(&mut self) {
        self.goes_on = 0;
        for lane in &mut self.lanes[..self.count] {
            (lane.alike, lane.enough) = (0, ALIKE);
            (lane.promise, lane.dealings) = (None, None);
        }
    }

    /// The frame of this lane came to this. Whether all come to the same for long enough.
    pub(super) fn hear(&mut self, lane: usize, outcome: Outcome) -> bool {
        let lane = &mut self.lanes[lane];
        if lane.outcome == outcome {
            lane.alike = lane.alike.saturating_add(1);
        } else {
            (lane.alike, lane.outcome) = (0, outcome);
            self.withdraw();
        }
        self.lanes[..self.count].iter().all(|lane| lane.alike >= lane.enough)
    }

    pub(super) fn withdraw(&mut self) {
        for lane in &mut self.lanes[..self.count] {
            lane.promise = None;
        }
    }

    /// One of them cannot be promised of.
    pub(super) fn wait(&mut self) {
        self.withdraw();
        for lane in &mut self.lanes[..self.count] {
            lane.enough = lane.alike.saturating_add(PATIENCE);
        }
    }

    /// Whether none has anything to do with another, as far as there are several.
    pub(super) fn are_apart(&self) -> bool {
        let lanes = &self.lanes[..self.count];
        (0..self.count).all(|one| {
            lanes[..one].iter().all(|other| {
                let both = lanes[one].dealings.as_ref().zip(other.dealings.as_ref());
                both.is_some_and(|(one, other)| one.are_apart(other))
            })
        })
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
