//! The memory a file is read into: a window on its decompressed stream. Frames of a batch point
//! into it, so bytes that were taken stay in place until the next [`Window::fill`]. Must not know
//! of formats.

use super::bounds::LARGEST_RECORD;
use std::io::{self, Read};

/// Bytes read at a time: large enough that a system call costs nothing a frame, small enough to
/// stay in a second-level cache.
const CHUNK: usize = 256 * 1024;

/// The window never grows beyond this: the largest record and a chunk to follow.
const LARGEST: usize = LARGEST_RECORD + CHUNK;

/// A window on a stream of bytes.
pub(super) struct Window {
    memory: Vec<u8>,
    /// Where in the memory the bytes begin that were not taken.
    start: usize,
    /// Where they end.
    filled: usize,
    /// Offset of `start` in the stream.
    offset: u64,
}

impl Window {
    /// An empty window.
    pub(super) fn new() -> Self {
        Self { memory: vec![0; CHUNK], start: 0, filled: 0, offset: 0 }
    }

    /// All the memory, which slots count from.
    pub(super) fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// The bytes that were read and not yet taken.
    pub(super) fn data(&self) -> &[u8] {
        &self.memory[self.start..self.filled]
    }

    /// Where in the memory they begin.
    pub(super) const fn start(&self) -> usize {
        self.start
    }

    /// Where in the stream they begin.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where in the stream they end.
    pub(super) const fn end(&self) -> u64 {
        self.offset + (self.filled - self.start) as u64
    }

    /// Takes `count` bytes, at most what there is.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.filled - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads once from `reader`, 0 bytes only at its end. Moves what was not taken to the front.
    /// Grows by doubling when full, so only as far as bytes have in fact come.
    ///
    /// # Errors
    /// The reader's, or that a record is larger than any may be, which parsers rule out before.
    pub(super) fn fill(&mut self, reader: &mut dyn Read) -> io::Result<usize> {
        if self.start > 0 {
            self.memory.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.memory.len() {
            if self.filled >= LARGEST {
                return Err(io::Error::other("a record larger than any may be"));
            }
            self.memory.resize((self.filled * 2).min(LARGEST), 0);
        }
        let count = reader.read(&mut self.memory[self.filled..])?;
        self.filled += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_not_taken_and_counts_the_stream() {
        let mut window = Window::new();
        let mut first: &[u8] = b"abcdef";
        assert_eq!(window.fill(&mut first).unwrap(), 6);
        window.consume(4);
        assert_eq!((window.data(), window.offset(), window.start()), (&b"ef"[..], 4, 4));
        let mut second: &[u8] = b"gh";
        assert_eq!(window.fill(&mut second).unwrap(), 2);
        assert_eq!((window.data(), window.offset(), window.end()), (&b"efgh"[..], 4, 8));
        assert_eq!(window.fill(&mut io::empty()).unwrap(), 0);
    }

    #[test]
    fn grows_with_what_comes_and_not_beyond_its_bound() {
        let mut window = Window::new();
        let mut zeros = io::repeat(0);
        let mut filled = 0;
        let error = loop {
            match window.fill(&mut zeros) {
                Ok(count) => filled += count,
                Err(error) => break error,
            }
            assert!(window.memory().len() <= 2 * filled.max(CHUNK));
        };
        assert_eq!(filled, LARGEST);
        assert!(error.to_string().contains("larger"));
    }
}
