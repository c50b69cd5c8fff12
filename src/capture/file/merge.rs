//! Several captures as one: their frames by time stamp, equal stamps in the order of the files. A
//! file's own order is kept, even where its clock went back. A file that breaks ends there and the
//! others go on. Must not know of formats.

use super::bounds::BATCH_FRAMES;
use super::{FileCapture, Replay};
use crate::capture::{Capture, CaptureError};
use crate::frame::{Batch, InterfaceName, Slot};
use crate::time::Stamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::time::Duration;

/// A batch is full at this many bytes: the size of the window that a file is read through.
const BATCH_BYTES: usize = 256 * 1024;

/// Captures merged by time stamp. A single one is handed through without copying.
pub struct Merge {
    sources: Vec<Source>,
    /// The next frame of each source that has one: its stamp and the source's place.
    heads: BinaryHeap<Reverse<(Stamp, usize)>>,
    started: bool,
    names: Vec<InterfaceName>,
    /// The place of the source of each of these.
    files: Vec<u32>,
    failures: Vec<(String, CaptureError)>,
    memory: Vec<u8>,
    slots: Vec<Slot>,
}

/// One capture of several.
struct Source {
    capture: FileCapture,
    /// How many frames of its batch have been taken.
    taken: usize,
    /// The merged number of each of its interfaces.
    interfaces: Vec<u32>,
}

impl Merge {
    /// Merges `captures`. Nothing is read yet.
    pub fn new(captures: Vec<FileCapture>) -> Self {
        let sources = captures
            .into_iter()
            .map(|capture| Source { capture, taken: 0, interfaces: Vec::new() })
            .collect();
        Self {
            sources,
            heads: BinaryHeap::new(),
            started: false,
            names: Vec::new(),
            files: Vec::new(),
            failures: Vec::new(),
            memory: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// The captures that failed before their end, by label, in the order in which they did.
    pub fn failures(&self) -> &[(String, CaptureError)] {
        &self.failures
    }

    /// By the interfaces that frames name: which of the captures it is of, from 0. Empty if there is
    /// only one.
    pub(crate) fn files(&self) -> &[u32] {
        &self.files
    }

    /// The captures' labels, by their numbers.
    pub(crate) fn labels(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.capture.label().to_owned()).collect()
    }

    /// What the captures say of themselves: label and comment.
    pub(crate) fn comments(&self) -> Vec<(String, String)> {
        let of = |source: &Source| {
            let label = source.capture.label().to_owned();
            let comments = source.capture.comments().to_vec();
            comments.into_iter().map(move |comment| (label.clone(), comment))
        };
        self.sources.iter().flat_map(of).collect()
    }

    /// The same, moved out.
    pub(crate) fn take_failures(&mut self) -> Vec<(String, CaptureError)> {
        std::mem::take(&mut self.failures)
    }

    /// The only capture, if there is just one.
    fn single(&self) -> Option<&FileCapture> {
        match self.sources.as_slice() {
            [only] => Some(&only.capture),
            _ => None,
        }
    }

    /// Reads the next batch of the source at `place`; its first stamp, or `None` at its end.
    fn refill(&mut self, place: usize) -> Option<Stamp> {
        let source = &mut self.sources[place];
        source.taken = 0;
        if let Err(error) = source.capture.advance() {
            note(&mut self.failures, &source.capture, error);
            return None;
        }
        let known = source.interfaces.len();
        for name in source.capture.interfaces().iter().skip(known) {
            // More names than 32 bits can count would not fit into memory.
            source.interfaces.push(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
            self.names.push(name.clone());
            self.files.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
        source.head()
    }

    /// Copies frames, earliest first, until the batch is full or a source must be read: that one is
    /// left without a head.
    fn take(&mut self) -> Option<usize> {
        while self.slots.len() < BATCH_FRAMES && self.memory.len() < BATCH_BYTES {
            let mut top = self.heads.peek_mut()?;
            let Reverse((_, place)) = *top;
            let source = &mut self.sources[place];
            source.copy(&mut self.memory, &mut self.slots);
            let Some(stamp) = source.head() else {
                PeekMut::pop(top);
                return Some(place);
            };
            *top = Reverse((stamp, place));
        }
        None
    }
}

fn note(failures: &mut Vec<(String, CaptureError)>, capture: &FileCapture, error: CaptureError) {
    if !matches!(error, CaptureError::End) {
        failures.push((capture.label().to_owned(), error));
    }
}

impl Source {
    /// The stamp of its next frame, if its batch has one.
    fn head(&self) -> Option<Stamp> {
        self.capture.batch().get(self.taken).map(|frame| frame.meta.stamp)
    }

    /// Appends its next frame.
    fn copy(&mut self, memory: &mut Vec<u8>, slots: &mut Vec<Slot>) {
        let Some(frame) = self.capture.batch().get(self.taken) else { return };
        let mut meta = frame.meta;
        let local = meta.interface as usize;
        meta.interface = self.interfaces.get(local).copied().unwrap_or(meta.interface);
        slots.push(Slot { meta, start: memory.len(), len: frame.bytes.len() });
        memory.extend_from_slice(frame.bytes);
        self.taken += 1;
    }
}

impl Replay for Merge {
    fn advance(&mut self) -> Result<(), CaptureError> {
        if let [only] = self.sources.as_mut_slice() {
            return only.capture.advance().map_err(|error| {
                note(&mut self.failures, &only.capture, error);
                CaptureError::End
            });
        }
        self.memory.clear();
        self.slots.clear();
        if !self.started {
            self.started = true;
            for place in 0..self.sources.len() {
                if let Some(stamp) = self.refill(place) {
                    self.heads.push(Reverse((stamp, place)));
                }
            }
        }
        while let Some(place) = self.take() {
            if let Some(stamp) = self.refill(place) {
                self.heads.push(Reverse((stamp, place)));
            }
        }
        if self.slots.is_empty() { Err(CaptureError::End) } else { Ok(()) }
    }

    fn batch(&self) -> Batch<'_> {
        match self.single() {
            Some(capture) => capture.batch(),
            None => Batch::new(&self.memory, &self.slots, &self.names),
        }
    }
}

impl Capture for Merge {
    /// Does not wait. Never fails, only ends: see [`Merge::failures`].
    fn next_batch(&mut self, _wait: Duration) -> Result<Batch<'_>, CaptureError> {
        self.advance()?;
        Ok(self.batch())
    }

    fn interfaces(&self) -> &[InterfaceName] {
        match self.single() {
            Some(capture) => capture.interfaces(),
            None => &self.names,
        }
    }
}
