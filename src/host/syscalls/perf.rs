//! Counts all system calls with perf's counting events, one for each CPU: the total only.

use super::{Backend, Increments, Reason, Refusal};
use std::io;

/// The running events.
pub struct Counter {}

impl Counter {
    /// Opens an event on each CPU.
    ///
    /// # Errors
    /// Why that cannot be done here.
    pub fn open() -> Result<Self, Refusal> {
        Err(Refusal {
            backend: Backend::Perf,
            reason: Reason::Kernel,
            words: "it is being built".into(),
            verifier_log: None,
        })
    }

    /// Replaces `increments` by what was counted since the last reading.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn read(&mut self, increments: &mut Increments) -> io::Result<()> {
        *increments = Increments::default();
        Ok(())
    }
}
