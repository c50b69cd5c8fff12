//! Counts system calls by process and by call, with a BPF program at `raw_syscalls:sys_enter`.

use super::{Backend, Increments, Reason, Refusal};

/// The running programs.
pub struct Counter {}

impl Counter {
    /// Loads and attaches the programs.
    ///
    /// # Errors
    /// Why that cannot be done here.
    pub fn open() -> Result<Self, Refusal> {
        Err(Refusal {
            backend: Backend::Ebpf,
            reason: Reason::Kernel,
            words: "it is being built".into(),
            verifier_log: None,
        })
    }

    /// Replaces `increments` by what was counted since the last reading.
    pub fn read(&mut self, increments: &mut Increments) {
        *increments = Increments::default();
    }
}
