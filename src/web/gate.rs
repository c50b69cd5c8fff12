//! The gate before everything that copies and renders state.
//!
//! At most one piece of work runs at a time, so that scrapes queue and do not multiply memory. The
//! queue is bounded, and so is the number of bodies that slow clients have not taken yet. Work that
//! must wait too long is refused.

use axum::body::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Bodies that may exist at a time, being sent or rendered.
const MAX_BODIES: usize = 4;

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
    spare: Arc<Mutex<Vec<u8>>>,
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
            spare: Arc::default(),
        }
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
        let entry = Arc::clone(&self.entries).try_acquire_owned();
        let entry = entry.map_err(|_| Refused::Full(self.limit))?;
        let places = async {
            let body = Arc::clone(&self.bodies).acquire_owned().await.ok()?;
            let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
            Some((body, turn))
        };
        let end = Instant::now() + patience;
        let places = timeout_at(end, places).await.map_err(|_| Refused::Late)?;
        let (body, turn) = places.ok_or(Refused::Broken)?;

        let spare = Arc::clone(&self.spare);
        let running = tokio::task::spawn_blocking(move || {
            let buffer = std::mem::take(&mut *spare.lock());
            let text = work(buffer);
            // Here and not in the task that waits: that task ends when its client goes, the work
            // does not.
            drop(turn);
            text.map(|text| Body { text, spare, _places: [entry, body] })
        });
        let done = timeout_at(end, running).await.map_err(|_| Refused::Late)?;
        done.ok().flatten().map(Bytes::from_owner).ok_or(Refused::Broken)
    }
}

/// A body with its places in the gate; its memory goes back when the last byte was sent.
struct Body {
    text: Vec<u8>,
    spare: Arc<Mutex<Vec<u8>>>,
    _places: [OwnedSemaphorePermit; 2],
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.text.capacity() <= MAX_SPARE {
            self.text.clear();
            *self.spare.lock() = std::mem::take(&mut self.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
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
        assert_eq!(gate.spare.lock().capacity(), 0, "large ones are given back to the system");
    }
}
