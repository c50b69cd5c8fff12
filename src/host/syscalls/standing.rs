//! Which backend counts system calls, and why not a better one: the words and labels for it. It must
//! not know what is counted.

use crate::labelled::labelled;

labelled! {
    /// How system calls are counted.
    pub enum Backend {
        /// By a program in the kernel: by process and by call.
        Ebpf = "ebpf",
        /// By perf's counting events: the total only.
        Perf = "perf",
        /// Not at all.
        Off = "off",
    }
}

labelled! {
    /// Why no better backend runs: the `reason` label.
    pub enum Reason {
        /// There is no better one.
        None = "none",
        /// `CAP_BPF` is missing.
        NoCapBpf = "no_cap_bpf",
        /// `CAP_PERFMON` is missing.
        NoCapPerfmon = "no_cap_perfmon",
        /// tracefs is not mounted, or may not be read.
        NoTracefs = "no_tracefs",
        /// The kernel is locked down.
        Lockdown = "lockdown",
        /// The kernel's verifier refused the program.
        Verifier = "verifier",
        /// The kernel lacks something, or a sandbox forbids it.
        Kernel = "kernel",
        /// A flag says so.
        Disabled = "disabled",
    }
}

/// Why a backend did not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which one.
    pub backend: Backend,
    /// Why, as a label.
    pub reason: Reason,
    /// Why, in plain words, and what to do: one sentence without a full stop.
    pub words: String,
    /// What the kernel's verifier wrote, where it did.
    pub verifier_log: Option<String>,
}

/// Which backend runs, and why the better ones do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The one that runs.
    pub backend: Backend,
    /// Why no better one does: of the best that does not.
    pub reason: Reason,
    /// What was tried before, best first.
    pub refusals: Vec<Refusal>,
}

impl Standing {
    /// Whether anything is counted.
    pub(crate) fn is_on(&self) -> bool {
        self.backend != Backend::Off
    }
}
