//! The thread that writes evidence, so that no capture waits for a disk.

use super::pcapng;
use super::recorder::Recording;
use super::store::Store;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use tracing::{info, warn};

/// Recordings that wait for the disk: at most some 16 MiB.
const WAITING_MAX: usize = 32;

/// Where recordings are handed over. Writing ends when all of these are gone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: SyncSender<Recording>,
    store: Arc<Store>,
    /// Recordings handed over and not yet written.
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
            move || {
                for recording in waiting {
                    write(&store, &recording);
                    pending.fetch_sub(1, Ordering::Release);
                }
            }
        })?;
        Ok(Self { queue, store, pending })
    }

    /// Whether all that was handed over is written, or could not be.
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

/// One storm is one line in the log, written or not.
fn write(store: &Store, recording: &Recording) {
    let id = recording.id();
    match store.write(id, &pcapng::file(recording)) {
        Ok(()) => info!(storm = id, packets = recording.len(), "evidence kept"),
        Err(error) => warn!(storm = id, %error, "evidence not kept"),
    }
}
