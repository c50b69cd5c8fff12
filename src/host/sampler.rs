//! The thread that closes a window every 10 s, so that rates and places do not depend on who
//! scrapes, and how often.

use super::{Host, WINDOW};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

/// Ends its thread when dropped.
pub(crate) struct Sampler {
    _alive: mpsc::Sender<()>,
}

impl Sampler {
    /// Starts the thread. It keeps the capabilities that the calling thread has.
    ///
    /// # Errors
    /// If no thread can be made.
    pub fn start(host: Arc<Host>) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel();
        thread::Builder::new().name("host".into()).spawn(move || {
            while ended.recv_timeout(WINDOW) == Err(RecvTimeoutError::Timeout) {
                host.close_window();
            }
        })?;
        Ok(Self { _alive: alive })
    }
}
