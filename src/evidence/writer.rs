//! The thread that writes evidence, so that no capture waits for a disk. What a full or a missing
//! disk did not take is tried again for a while.

use super::pcapng;
use super::recorder::Recording;
use super::store::Store;
use crate::time::{Time, clock};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;
use tracing::{debug, info, warn};

/// Recordings that wait for the disk: at most some 16 MiB.
const WAITING_MAX: usize = 32;
/// Recordings that are tried again: a few MiB more.
const FAILED_MAX: usize = 8;
/// How often they are.
const AGAIN_EVERY: Duration = Duration::from_secs(10);
/// For how long.
const AGAIN_FOR: Duration = Duration::from_mins(10);

/// Where recordings are handed over. Writing ends when all of these are gone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: SyncSender<Recording>,
    store: Arc<Store>,
    /// Recordings handed over and not yet tried.
    pending: Arc<AtomicUsize>,
}

impl Writer {
    /// Starts the thread. It ends when the last clone of the writer is dropped.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(store: Arc<Store>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel::<Recording>(WAITING_MAX);
        let pending = Arc::new(AtomicUsize::new(0));
        thread::Builder::new().name("evidence".into()).spawn({
            let (store, pending) = (Arc::clone(&store), Arc::clone(&pending));
            move || write_all(&store, &waiting, &pending)
        })?;
        Ok(Self { queue, store, pending })
    }

    /// Whether all that was handed over has been tried once.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Hands a recording over. Never waits: what does not fit is counted as failed.
    pub(crate) fn hand_over(&self, recording: Recording) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        match self.queue.try_send(recording) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.pending.fetch_sub(1, Ordering::Relaxed);
                self.store.count_lost(1);
            }
        }
    }

    /// The folder that it writes in.
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

fn write_all(store: &Store, waiting: &Receiver<Recording>, pending: &AtomicUsize) {
    let mut failed = Failed::default();
    loop {
        let next = match failed.due {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => waiting.recv_timeout(due.since(clock::now().monotonic)),
        };
        match next {
            Ok(recording) => {
                let id = recording.id();
                match store.attempt(id, &pcapng::file(&recording)) {
                    Ok(()) => info!(storm = id, packets = recording.len(), "evidence kept"),
                    Err(error) if may_pass(&error) => {
                        warn!(storm = id, %error, "evidence not kept; trying again for 10 minutes");
                        failed.add(store, recording);
                    }
                    Err(error) => {
                        store.count_lost(1);
                        warn!(storm = id, %error, "evidence not kept");
                    }
                }
                pending.fetch_sub(1, Ordering::Release);
            }
            Err(RecvTimeoutError::Timeout) => failed.try_again(store),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Whether what a write failed at is the disk's state rather than the recording.
fn may_pass(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge)
}

/// Recordings that are tried again.
#[derive(Default)]
struct Failed {
    recordings: VecDeque<(Time, Recording)>,
    /// When, if there are any.
    due: Option<Time>,
}

impl Failed {
    /// Keeps a recording; the oldest is given up for it.
    fn add(&mut self, store: &Store, recording: Recording) {
        let now = clock::now().monotonic;
        if self.recordings.len() >= FAILED_MAX {
            self.give_up(store);
        }
        self.recordings.push_back((now, recording));
        self.due.get_or_insert(now.plus(AGAIN_EVERY));
    }

    fn give_up(&mut self, store: &Store) {
        if let Some((_, recording)) = self.recordings.pop_front() {
            store.count_lost(1);
            warn!(storm = recording.id(), "evidence given up");
        }
    }

    /// The oldest first, to the first that fails.
    fn try_again(&mut self, store: &Store) {
        while let Some((since, recording)) = self.recordings.front() {
            let id = recording.id();
            match store.attempt(id, &pcapng::file(recording)) {
                Ok(()) => {
                    info!(storm = id, packets = recording.len(), "evidence kept after all");
                    self.recordings.pop_front();
                }
                Err(error) => {
                    debug!(storm = id, %error, "evidence still not kept");
                    if clock::now().monotonic.since(*since) < AGAIN_FOR {
                        break;
                    }
                    self.give_up(store);
                }
            }
        }
        let is_left = !self.recordings.is_empty();
        self.due = is_left.then(|| clock::now().monotonic.plus(AGAIN_EVERY));
    }
}
