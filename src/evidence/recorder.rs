//! Collects the frames of devices whose storm has begun: the last ones before, and the next ones.
//!
//! A recording is complete when enough frames came or the wait for them is over. Belongs to one
//! capture and is behind its lock: it copies and does nothing else.

use super::recent::{Kept, Recent};
use crate::decode::Sender;
use crate::frame::Frame;
use crate::time::{Stamp, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// Frames kept after the start for each one kept before it.
const AFTER_FOR_BEFORE: usize = 3;
/// How long to wait for them.
const PATIENCE: Duration = Duration::from_secs(30);
/// Storms that are recorded at once; of more that begin meanwhile only the frames before are kept.
const OPEN_MAX: usize = 8;
/// Complete recordings that wait to be taken; more are thrown away and counted.
const WAITING_MAX: usize = 32;

/// What the file says of a storm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The storm's id, which is the file's name.
    pub id: String,
    /// The segment's label.
    pub interface: String,
    /// For people: device, cause, level, rate.
    pub comment: String,
}

/// The frames of one storm's start.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) heading: Heading,
    segment: usize,
    sender: Sender,
    begun: Time,
    /// Frames that are still waited for.
    wanted: usize,
    pub(super) frames: Vec<Kept>,
    pub(super) broken: Vec<String>,
}

impl Recording {
    /// The storm's id.
    pub fn id(&self) -> &str {
        &self.heading.id
    }

    /// Frames in it.
    pub const fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether it holds no frame.
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The segment that it is of, as it was told.
    pub(crate) const fn segment(&self) -> usize {
        self.segment
    }

    /// Says which rules the device broke meanwhile, a line for each. Those who heard the whole
    /// segment know: the frames of one device do not show whether another asked for them. `of` is
    /// given the segment's label, the device and the stamp of the first frame. What was said before
    /// stands.
    pub(crate) fn explain(&mut self, of: impl FnOnce(&str, Sender, Stamp) -> Vec<String>) {
        if let Some(first) = self.frames.first().filter(|_| self.broken.is_empty()) {
            self.broken = of(&self.heading.interface, self.sender, first.meta.stamp);
        }
    }
}

/// Records the storms of one capture.
#[derive(Debug)]
pub struct Recorder {
    before: usize,
    recent: Recent,
    open: Vec<Recording>,
    complete: VecDeque<Recording>,
    lost: u64,
}

impl Recorder {
    /// Keeps `before` frames of a device from before its storm began, and three times as many
    /// from then on.
    pub fn new(before: usize) -> Self {
        Self {
            before,
            recent: Recent::default(),
            open: Vec::new(),
            complete: VecDeque::new(),
            lost: 0,
        }
    }

    /// A frame that `sender` sent on the segment `segment`. Those of streams are only wanted if
    /// they are recorded already (`is_stream`): they would push all others out.
    pub fn handle_frame(
        &mut self,
        segment: usize,
        sender: Sender,
        frame: &Frame<'_>,
        is_stream: bool,
    ) {
        if !is_stream {
            self.recent.push(segment, sender, frame);
        }
        if self.open.is_empty() {
            return;
        }
        let own = |open: &Recording| open.segment == segment && open.sender == sender;
        let Some(place) = self.open.iter().position(own) else { return };
        let open = &mut self.open[place];
        open.frames.push(Kept::new(frame));
        open.wanted = open.wanted.saturating_sub(1);
        if open.wanted == 0 {
            let complete = self.open.swap_remove(place);
            self.complete(complete);
        }
    }

    /// The storm of `sender` began.
    pub(crate) fn handle_begin(
        &mut self,
        now: Time,
        segment: usize,
        sender: Sender,
        heading: Heading,
    ) {
        let frames = self.recent.of(segment, sender, self.before);
        let wanted = self.before * AFTER_FOR_BEFORE;
        let recording =
            Recording { heading, segment, sender, begun: now, wanted, frames, broken: Vec::new() };
        if wanted == 0 || self.open.len() >= OPEN_MAX {
            self.complete(recording);
        } else {
            self.open.push(recording);
        }
    }

    /// More is known of the storm of `sender` than at its begin.
    pub(crate) fn handle_change(&mut self, segment: usize, sender: Sender, heading: Heading) {
        let own = |open: &&mut Recording| open.segment == segment && open.sender == sender;
        if let Some(open) = self.open.iter_mut().find(own) {
            open.heading = heading;
        }
    }

    /// The storm of `sender` ended.
    pub(crate) fn handle_end(&mut self, segment: usize, sender: Sender) {
        let own = |open: &Recording| open.segment == segment && open.sender == sender;
        if let Some(place) = self.open.iter().position(own) {
            let complete = self.open.swap_remove(place);
            self.complete(complete);
        }
    }

    /// Time passes: what was waited for long enough is complete.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(place) = self.open.iter().position(|open| now.since(open.begun) >= PATIENCE)
        {
            let complete = self.open.swap_remove(place);
            self.complete(complete);
        }
    }

    /// The capture ends: what is there is complete.
    pub fn end(&mut self) {
        for complete in std::mem::take(&mut self.open) {
            self.complete(complete);
        }
    }

    /// The complete recordings that were not taken yet.
    pub(crate) fn waiting(&mut self) -> impl Iterator<Item = &mut Recording> {
        self.complete.iter_mut()
    }

    /// A complete recording.
    pub fn poll(&mut self) -> Option<Recording> {
        self.complete.pop_front()
    }

    /// Recordings that were thrown away because nobody took them in time.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn complete(&mut self, recording: Recording) {
        if self.complete.len() >= WAITING_MAX {
            self.lost += 1;
        } else {
            self.complete.push_back(recording);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Direction, FrameMeta, LinkType};
    use crate::mac::Mac;

    const PRINTER: Sender = Sender::Mac(Mac([2, 0, 0, 0, 0, 1]));
    const OTHER: Sender = Sender::Mac(Mac([2, 0, 0, 0, 0, 2]));

    fn hear(recorder: &mut Recorder, sender: Sender, n: u32) {
        let meta = FrameMeta {
            stamp: Stamp::new(n.into(), 0),
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: n,
        };
        recorder.handle_frame(0, sender, &Frame { meta, bytes: &[1, 2, 3] }, false);
    }

    fn heading(id: &str) -> Heading {
        Heading { id: id.into(), interface: "eth0".into(), comment: String::new() }
    }

    fn numbers(recording: &Recording) -> Vec<u32> {
        recording.frames.iter().map(|kept| kept.meta.wire_len).collect()
    }

    #[test]
    fn the_last_before_and_the_next_after_the_begin() {
        let mut recorder = Recorder::new(4);
        for n in 0..10 {
            hear(&mut recorder, PRINTER, n);
            hear(&mut recorder, OTHER, 100 + n);
        }
        recorder.handle_begin(Time(0), 0, PRINTER, heading("one"));
        assert!(recorder.poll().is_none());
        for n in 10..50 {
            hear(&mut recorder, PRINTER, n);
            hear(&mut recorder, OTHER, 100 + n);
        }
        let recording = recorder.poll().expect("complete");
        assert_eq!(numbers(&recording), (6..22).collect::<Vec<_>>());
        assert_eq!((recording.id(), recorder.poll().is_none()), ("one", true));
    }

    #[test]
    fn it_is_headed_by_what_is_known_last() {
        let mut recorder = Recorder::new(4);
        hear(&mut recorder, PRINTER, 1);
        recorder.handle_begin(Time(0), 0, PRINTER, heading("one"));
        recorder.handle_change(0, OTHER, heading("other"));
        recorder.handle_change(1, PRINTER, heading("elsewhere"));
        let comment = "cause l2_loop".to_owned();
        recorder.handle_change(0, PRINTER, Heading { comment: comment.clone(), ..heading("one") });
        recorder.handle_end(0, PRINTER);
        let told = recorder.poll().expect("complete").heading;
        assert_eq!((told.id, told.comment), ("one".to_owned(), comment));
    }

    #[test]
    fn it_is_complete_when_the_storm_ends_or_after_half_a_minute_or_with_the_capture() {
        let begun = |recorder: &mut Recorder| {
            hear(recorder, PRINTER, 1);
            recorder.handle_begin(Time(0), 0, PRINTER, heading("id"));
            hear(recorder, PRINTER, 2);
        };
        let mut ended = Recorder::new(64);
        begun(&mut ended);
        ended.handle_end(0, OTHER);
        assert!(ended.poll().is_none());
        ended.handle_end(0, PRINTER);
        assert_eq!(numbers(&ended.poll().expect("ended")), [1, 2]);
        let mut slow = Recorder::new(64);
        begun(&mut slow);
        slow.handle_timeout(Time(29_999_999_999));
        assert!(slow.poll().is_none());
        slow.handle_timeout(Time(30_000_000_000));
        assert_eq!(numbers(&slow.poll().expect("after 30 s")), [1, 2]);
        let mut last = Recorder::new(64);
        begun(&mut last);
        last.end();
        assert_eq!(numbers(&last.poll().expect("at the end")), [1, 2]);
    }

    #[test]
    fn many_storms_at_once_cost_no_more_than_some() {
        let mut recorder = Recorder::new(2);
        for n in 0..100 {
            let sender = Sender::Mac(Mac([2, 0, 0, 0, 1, n]));
            hear(&mut recorder, sender, n.into());
            recorder.handle_begin(Time(0), 0, sender, heading("id"));
        }
        assert_eq!(recorder.open.len(), OPEN_MAX);
        assert_eq!(recorder.complete.len(), WAITING_MAX);
        assert_eq!(recorder.lost(), 100 - OPEN_MAX as u64 - WAITING_MAX as u64);
    }

    #[test]
    fn a_stream_pushes_nothing_out_but_is_recorded() {
        let mut recorder = Recorder::new(1);
        let meta = FrameMeta {
            stamp: Stamp::new(0, 0),
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: 3,
        };
        let frame = Frame { meta, bytes: &[1, 2, 3] };
        recorder.handle_frame(0, PRINTER, &frame, true);
        recorder.handle_begin(Time(0), 0, PRINTER, heading("id"));
        for _ in 0..3 {
            recorder.handle_frame(0, PRINTER, &frame, true);
        }
        assert_eq!(recorder.poll().expect("complete").len(), 3, "none from before");
    }
}
