//! Ends a wait in the kernel from another thread: a pipe that is polled beside what is waited for.
//! So nobody has to wake up only to look whether something is wanted of him.

use super::sys;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

/// The end that is waited on.
#[derive(Debug)]
pub(crate) struct Wake {
    reader: PipeReader,
    waker: Waker,
}

/// Ends the wait, or the next one.
#[derive(Clone, Debug)]
pub struct Waker(Arc<PipeWriter>);

impl Wake {
    /// A pipe has two ends.
    pub const DESCRIPTORS: usize = 2;

    /// # Errors
    /// If the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader, waker: Waker(Arc::new(writer)) })
    }

    /// What wakes who waits here.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// An entry for [`sys::poll`].
    pub(super) fn entry(&self) -> libc::pollfd {
        sys::poll_entry(self.reader.as_fd())
    }

    /// Takes note of it, if the entry says that there was a call: the next wait waits again.
    pub(super) fn handle(&self, entry: libc::pollfd) {
        if entry.revents & libc::POLLIN != 0 {
            // What is left over ends one more wait.
            let _ = (&self.reader).read(&mut [0; 64]);
        }
    }

    /// Waits until `socket` can be read or has an error, until it is called, or until `wait` is
    /// over.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait_beside(&self, socket: BorrowedFd<'_>, wait: Duration) -> io::Result<()> {
        let mut entries = [sys::poll_entry(socket), self.entry()];
        sys::poll(&mut entries, wait)?;
        self.handle(entries[1]);
        Ok(())
    }
}

impl Waker {
    /// Ends the wait.
    pub fn wake(&self) {
        // It fails only when nobody waits any more.
        let _ = (&*self.0).write(&[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock;

    #[test]
    fn a_call_ends_one_wait_whether_it_has_begun_or_not() {
        const LONG: Duration = Duration::from_secs(20);
        let (silent, _writer) = io::pipe().unwrap();
        let wake = Wake::new().unwrap();
        let waited = |wait| {
            let start = clock::now().monotonic;
            wake.wait_beside(silent.as_fd(), wait).unwrap();
            clock::now().monotonic.since(start)
        };
        wake.waker().wake();
        assert!(waited(LONG) < LONG);
        let short = Duration::from_millis(20);
        assert!(waited(short) >= short, "it was taken note of");
        let caller = wake.waker();
        let call = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            caller.wake();
        });
        assert!(waited(LONG) < LONG);
        call.join().unwrap();
    }
}
