//! The thread that closes a window every 10 s, so that rates and places do not depend on who
//! scrapes, and how often.

use super::{Host, WINDOW};
use crate::time::beat::Beat;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

/// Ends its thread when dropped.
pub(crate) struct Sampler {
    _alive: mpsc::Sender<()>,
    beat: Arc<Beat>,
}

impl Sampler {
    /// Starts the thread. It keeps the capabilities that the calling thread has.
    ///
    /// # Errors
    /// If no thread can be made.
    pub fn start(host: Arc<Host>) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel();
        let beat = Arc::<Beat>::default();
        let beats = Arc::clone(&beat);
        thread::Builder::new().name("host".into()).spawn(move || {
            while ended.recv_timeout(WINDOW) == Err(RecvTimeoutError::Timeout) {
                host.close_window();
                beats.handle_beat();
            }
        })?;
        Ok(Self { _alive: alive, beat })
    }

    /// Beats once a [`WINDOW`].
    pub const fn beat(&self) -> &Arc<Beat> {
        &self.beat
    }
}
