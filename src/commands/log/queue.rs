//! A bounded queue of lines and the loop that writes them. Who puts a line in never waits: what does
//! not fit is dropped and counted. Knows neither what the lines say nor where they go.

use crate::time::clock;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Lines that may wait.
const LINES_MAX: usize = 1024;
/// Bytes that may wait: a line can be as long as what the kernel's verifier writes.
const BYTES_MAX: usize = 1 << 20;

/// Lines on their way.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Something was put in, or taken out.
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A line was taken out and is not written yet.
    is_writing: bool,
    /// Lines that were written or failed.
    done: u64,
    writer: Writer,
}

/// Who takes lines out.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Writer {
    /// Nobody yet.
    #[default]
    None,
    /// A thread.
    Thread,
    /// Nobody, and nobody ever will.
    Never,
}

impl Queue {
    /// A line that is put in when it is dropped.
    pub(super) const fn line(&self) -> Line<'_> {
        Line { queue: self, text: Vec::new() }
    }

    /// Puts a line in, or counts it as dropped.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut waiting = self.waiting.lock();
        let fits = waiting.lines.len() < LINES_MAX
            && waiting.bytes.saturating_add(line.len()) <= BYTES_MAX
            && waiting.writer != Writer::Never;
        if fits {
            waiting.bytes += line.len();
            waiting.lines.push_back(line);
            drop(waiting);
            self.changed.notify_all();
        } else {
            drop(waiting);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// True for the first that asks: it has to [`drain`](Self::drain).
    pub(super) fn take_over(&self) -> bool {
        mem::replace(&mut self.waiting.lock().writer, Writer::Thread) == Writer::None
    }

    /// Drops what waits, and all that comes.
    pub(super) fn give_up(&self) {
        let mut waiting = self.waiting.lock();
        waiting.writer = Writer::Never;
        waiting.bytes = 0;
        let lines = mem::take(&mut waiting.lines).len();
        drop(waiting);
        self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
    }

    /// Hands each line to `write`, for ever, and calls `idle` when none is left. A line that cannot
    /// be written is dropped.
    pub(super) fn drain(
        &self,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
        mut idle: impl FnMut(),
    ) {
        loop {
            let line = self.next(&mut idle);
            if write(&line).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            let mut waiting = self.waiting.lock();
            waiting.is_writing = false;
            waiting.done += 1;
            drop(waiting);
            self.changed.notify_all();
        }
    }

    /// Waits for a line.
    fn next(&self, idle: &mut impl FnMut()) -> Vec<u8> {
        let mut has_idled = false;
        loop {
            let mut waiting = self.waiting.lock();
            if let Some(line) = waiting.lines.pop_front() {
                waiting.bytes -= line.len();
                waiting.is_writing = true;
                return line;
            }
            if mem::replace(&mut has_idled, true) {
                self.changed.wait(&mut waiting);
            } else {
                // It may put in a line itself.
                drop(waiting);
                idle();
            }
        }
    }

    /// Waits until every line is written; at most `patience` for each, and `longest` altogether.
    pub(super) fn wait_until_empty(&self, patience: Duration, longest: Duration) {
        let now = || clock::now().monotonic;
        let end = now().plus(longest);
        let mut waiting = self.waiting.lock();
        let (mut done, mut until) = (waiting.done, now().plus(patience));
        while waiting.is_writing || !waiting.lines.is_empty() {
            if waiting.done != done {
                (done, until) = (waiting.done, now().plus(patience));
            }
            let left = until.min(end).since(now());
            if left.is_zero() {
                return;
            }
            self.changed.wait_for(&mut waiting, left);
        }
    }
}

/// A line that is being made.
pub(super) struct Line<'a> {
    queue: &'a Queue,
    text: Vec<u8>,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.queue.push(mem::take(&mut self.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::thread;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
        let queue = Queue::default();
        for _ in 0..LINES_MAX + 5 {
            queue.push(b"a line\n".to_vec());
        }
        assert_eq!(queue.dropped(), 5);
        let queue = Queue::default();
        queue.push(vec![b'x'; BYTES_MAX]);
        queue.push(b"x".to_vec());
        assert_eq!(queue.dropped(), 1);
        queue.wait_until_empty(SHORT, LONG);
        queue.give_up();
        queue.push(b"x".to_vec());
        assert_eq!(queue.dropped(), 3);
    }

    #[test]
    fn lines_are_written_whole_in_their_order_and_the_end_waits_for_them() {
        let queue = Arc::new(Queue::default());
        for n in 0..100 {
            let mut line = queue.line();
            write!(line, "line ").and_then(|()| writeln!(line, "{n}")).expect("into memory");
        }
        let (taken, lines) = mpsc::channel();
        assert!(queue.take_over() && !queue.take_over());
        let writer = Arc::clone(&queue);
        thread::spawn(move || {
            let write = |line: &[u8]| taken.send(line.to_vec()).map_err(io::Error::other);
            writer.drain(write, || {});
        });
        queue.wait_until_empty(LONG, LONG);
        let lines: Vec<_> = lines.try_iter().collect();
        assert_eq!(lines.len(), 100);
        assert_eq!((&*lines[0], &*lines[99]), (&b"line 0\n"[..], &b"line 99\n"[..]));
    }

    #[test]
    fn a_reader_that_takes_nothing_does_not_keep_the_end() {
        let queue = Arc::new(Queue::default());
        queue.push(b"x".to_vec());
        let (_never, stuck) = mpsc::channel::<()>();
        assert!(queue.take_over());
        let writer = Arc::clone(&queue);
        thread::spawn(move || writer.drain(|_| stuck.recv().map_err(io::Error::other), || {}));
        queue.wait_until_empty(SHORT, LONG);
        assert!(queue.waiting.lock().is_writing, "given up in the middle of a line");
    }
}
