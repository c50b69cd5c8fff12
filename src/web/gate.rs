//! The gate before everything that copies and renders state.
//!
//! At most one piece of work runs at a time, so that scrapes queue and do not multiply memory. The
//! queue is bounded, and so is the number of bodies that slow clients have not taken yet; while
//! large ones are being taken, the next waits for a moment. Work that must wait too long is refused.

use axum::body::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Bodies that may exist at a time, being sent or rendered.
const MAX_BODIES: usize = 4;

/// While bodies of more bytes than this are being sent, the next is not rendered for [`LINGER`].
const ROOM: usize = 4 * 1024 * 1024;

/// A client that reads takes a large body in a fraction of it; one that does not must not keep the
/// others waiting.
const LINGER: Duration = Duration::from_secs(1);

/// A buffer larger than this is not kept: idle memory matters more than its pages' faults.
const MAX_SPARE: usize = 1024 * 1024;

/// Why work was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Too many are waiting already.
    #[error("limit of concurrent requests reached ({0}), try again later")]
    Full(usize),
    /// Its turn did not come in time.
    #[error("other requests took too long, try again later")]
    Late,
    /// It failed.
    #[error("the request could not be answered")]
    Broken,
}

/// Lets one piece of work through at a time.
pub(crate) struct Gate {
    limit: usize,
    entries: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    turn: Arc<Semaphore>,
    outstanding: Arc<Outstanding>,
}

/// A place in the gate of one request.
pub(super) struct Entry(OwnedSemaphorePermit);

/// What the bodies have in common that were rendered and not yet taken.
#[derive(Default)]
struct Outstanding {
    bytes: AtomicUsize,
    taken: Notify,
    spare: Mutex<Vec<u8>>,
}

impl Outstanding {
    /// Waits until few enough bytes are there.
    async fn room(&self) {
        loop {
            let mut taken = std::pin::pin!(self.taken.notified());
            taken.as_mut().enable();
            if self.bytes.load(Ordering::Acquire) <= ROOM {
                return;
            }
            taken.await;
        }
    }
}

impl Gate {
    /// A gate that lets `max_requests` wait, run or be sent at a time; 0 stands for any number.
    pub fn new(max_requests: usize) -> Self {
        let limit = match max_requests {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        Self {
            limit,
            entries: Arc::new(Semaphore::new(limit)),
            bodies: Arc::new(Semaphore::new(MAX_BODIES)),
            turn: Arc::new(Semaphore::new(1)),
            outstanding: Arc::default(),
        }
    }

    /// A place for a request that waits for work that others ask for, too.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub(super) fn enter(&self) -> Result<Entry, Refused> {
        let entry = Arc::clone(&self.entries).try_acquire_owned();
        entry.map(Entry).map_err(|_| Refused::Full(self.limit))
    }

    /// Runs `work` on a thread where it may block, with an empty buffer that it may use for the
    /// body that it returns. The bytes keep their places in the gate until they are dropped.
    ///
    /// # Errors
    /// [`Refused::Full`] at once, [`Refused::Late`] if its turn, or its end, does not come within
    /// `patience`, [`Refused::Broken`] if it panics or says so. Work that is late goes on, and keeps
    /// its turn: what may wait for a disk needs a gate of its own.
    pub async fn pass(
        &self,
        patience: Duration,
        work: impl FnOnce(Vec<u8>) -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<Bytes, Refused> {
        let entry = self.enter()?;
        let bytes = self.run(patience, work).await?;
        Ok(entry.keep(bytes))
    }

    /// The same for work that requests with an [`Entry`] wait for.
    ///
    /// # Errors
    /// As [`pass`](Self::pass), but [`Refused::Full`].
    pub(super) async fn run(
        &self,
        patience: Duration,
        work: impl FnOnce(Vec<u8>) -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<Bytes, Refused> {
        let places = async {
            let body = Arc::clone(&self.bodies).acquire_owned().await.ok()?;
            let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
            Some((body, turn))
        };
        let end = Instant::now() + patience;
        let places = timeout_at(end, places).await.map_err(|_| Refused::Late)?;
        let (place, turn) = places.ok_or(Refused::Broken)?;
        // Whether there is room then or not.
        let _ = timeout_at(end.min(Instant::now() + LINGER), self.outstanding.room()).await;

        let outstanding = Arc::clone(&self.outstanding);
        let running = tokio::task::spawn_blocking(move || {
            let buffer = std::mem::take(&mut *outstanding.spare.lock());
            let text = work(buffer);
            if let Some(text) = &text {
                outstanding.bytes.fetch_add(text.len(), Ordering::AcqRel);
            }
            // Here and not in the task that waits: that task ends when its client goes, the work
            // does not.
            drop(turn);
            text.map(|text| Body { text, outstanding, _place: place })
        });
        let done = timeout_at(end, running).await.map_err(|_| Refused::Late)?;
        done.ok().flatten().map(Bytes::from_owner).ok_or(Refused::Broken)
    }
}

impl Entry {
    /// Bytes that keep the request's place until they were sent.
    pub(super) fn keep(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Kept { bytes, _entry: self.0 })
    }
}

/// What is sent to one of those who asked.
struct Kept {
    bytes: Bytes,
    _entry: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body with its place in the gate; its memory goes back when the last byte was sent.
struct Body {
    text: Vec<u8>,
    outstanding: Arc<Outstanding>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.outstanding.bytes.fetch_sub(self.text.len(), Ordering::AcqRel);
        self.outstanding.taken.notify_waiters();
        if self.text.capacity() <= MAX_SPARE {
            self.text.clear();
            *self.outstanding.spare.lock() = std::mem::take(&mut self.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn one_at_a_time() {
        let gate = Arc::new(Gate::new(0));
        let inside = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
            tasks.spawn(async move {
                gate.pass(LONG, move |_| {
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    Some(vec![1])
                })
                .await
            });
        }
        while let Some(result) = tasks.join_next().await {
            assert_eq!(result.unwrap().unwrap().as_ref(), [1]);
        }
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_opens_again() {
        let gate = Arc::new(Gate::new(2));
        let (release, wait) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.pass(LONG, move |_| wait.recv().ok().map(|()| vec![1])).await }
        });
        while gate.turn.available_permits() == 1 {
            tokio::task::yield_now().await;
        }
        let late = gate.pass(Duration::from_millis(1), |_| Some(vec![])).await;
        assert_eq!(late.unwrap_err(), Refused::Late);
        let second = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.pass(LONG, |_| Some(vec![2])).await }
        });
        while gate.entries.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.pass(LONG, |_| Some(vec![])).await.unwrap_err(), Refused::Full(2));
        release.send(()).unwrap();
        drop((first.await.unwrap().unwrap(), second.await.unwrap().unwrap()));
        assert!(gate.pass(LONG, |_| Some(vec![])).await.is_ok());
    }

    #[tokio::test]
    async fn bodies_not_taken_yet_are_bounded() {
        let gate = Gate::new(0);
        let mut bodies = Vec::new();
        for _ in 0..MAX_BODIES {
            bodies.push(gate.pass(LONG, |_| Some(vec![0; 10])).await.unwrap());
        }
        let one_more = gate.pass(Duration::from_millis(1), |_| Some(vec![])).await;
        assert_eq!(one_more.unwrap_err(), Refused::Late);
        bodies.pop();
        assert!(gate.pass(LONG, |_| Some(vec![])).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_leaves_the_gate_open_and_buffers_come_back() {
        let gate = Gate::new(1);
        let broken = gate.pass(LONG, |_| panic!("as the test wants")).await;
        assert_eq!(broken.unwrap_err(), Refused::Broken);
        drop(gate.pass(LONG, |_| Some(Vec::with_capacity(4_000))).await.unwrap());
        let reused = gate
            .pass(LONG, |buffer| {
                assert!(buffer.capacity() >= 4_000);
                Some(Vec::with_capacity(2 * MAX_SPARE))
            })
            .await;
        drop(reused.unwrap());
        assert_eq!(
            gate.outstanding.spare.lock().capacity(),
            0,
            "large ones are given back to the system"
        );
    }

    #[tokio::test]
    async fn a_large_body_waits_for_the_one_before_it_but_not_for_ever() {
        let gate = Arc::new(Gate::new(0));
        let large = || Some(vec![0; ROOM + 1]);
        let first = gate.pass(LONG, move |_| large()).await.unwrap();
        let second = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                let start = Instant::now();
                (gate.pass(LONG, |_| Some(vec![1])).await, start.elapsed())
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!second.is_finished(), "there is no room");
        drop(first);
        assert!(second.await.unwrap().1 < LINGER, "there is room");
        let _slow = gate.pass(LONG, move |_| large()).await.unwrap();
        assert!(gate.pass(LONG, |_| Some(vec![1])).await.is_ok(), "who is slow stops nobody");
    }
}
