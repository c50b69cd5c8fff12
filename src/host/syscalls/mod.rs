//! Counts the system calls of this host.
//!
//! Comes in: which backend is wished for. Goes out: a [`Counter`] that says what was counted since
//! it was asked last, and a [`Standing`] that says which backend that is, and why not a better one.
//! It must not know sockets, metrics or scrapes.
//!
//! | room | what |
//! |---|---|
//! | [`ebpf`] | by process and by call, in the kernel |
//! | [`perf`] | the total only |
//! | [`tally`] | from counts to totals: who has a place of its own, and what is `other` |
//! | [`calls`] | names of system calls by number |

pub mod calls;
pub mod ebpf;
pub mod perf;
pub mod tally;

use super::Command;
use std::io;
pub use tally::{Process, Tally, View};

/// Which backend is wished for (`--collector.syscalls.backend`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Choice {
    /// The best that works.
    #[default]
    Auto,
    /// By process and by call (needs `CAP_BPF` and `CAP_PERFMON`).
    Ebpf,
    /// The total only (needs root, for tracefs).
    Perf,
}

/// How system calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// By a program in the kernel: by process and by call.
    Ebpf,
    /// By perf's counting events: the total only.
    Perf,
    /// Not at all.
    Off,
}

impl Backend {
    /// The `backend` label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ebpf => "ebpf",
            Self::Perf => "perf",
            Self::Off => "off",
        }
    }
}

/// Why no better backend runs: the `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no better one.
    None,
    /// `CAP_BPF` is missing.
    NoCapBpf,
    /// `CAP_PERFMON` is missing.
    NoCapPerfmon,
    /// tracefs is not mounted, or may not be read.
    NoTracefs,
    /// The kernel is locked down.
    Lockdown,
    /// The kernel's verifier refused the program.
    Verifier,
    /// The kernel lacks something, or a sandbox forbids it.
    Kernel,
    /// A flag says so.
    Disabled,
}

impl Reason {
    /// The `reason` label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoCapBpf => "no_cap_bpf",
            Self::NoCapPerfmon => "no_cap_perfmon",
            Self::NoTracefs => "no_tracefs",
            Self::Lockdown => "lockdown",
            Self::Verifier => "verifier",
            Self::Kernel => "kernel",
            Self::Disabled => "disabled",
        }
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
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.backend != Backend::Off
    }
}

/// What was counted since the last reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Increments {
    /// All system calls.
    pub total: u64,
    /// Whose they were and which; `None` from a backend that knows the total only.
    pub detail: Option<Detail>,
}

/// Whose system calls they were, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// By command name, each name once, none with 0. What [`Increments::total`] has more than
    /// their sum is nobody's.
    pub processes: Vec<(Command, u64)>,
    /// By number in the table of [`calls`], none with 0; `None` is a call that has no name there,
    /// or one of a 32-bit process.
    pub calls: Vec<(Option<u16>, u64)>,
}

/// What counts.
pub enum Counter {
    /// By a program in the kernel.
    Ebpf(Box<ebpf::Counter>),
    /// By perf.
    Perf(perf::Counter),
}

impl Counter {
    /// Replaces `increments` by what was counted since the last reading. A count that could not
    /// be read is there at the next.
    ///
    /// # Errors
    /// What the kernel said; `increments` is empty then.
    pub fn read(&mut self, increments: &mut Increments) -> io::Result<()> {
        match self {
            Self::Ebpf(counter) => {
                counter.read(increments);
                Ok(())
            }
            Self::Perf(counter) => counter.read(increments),
        }
    }
}

/// Opens the best backend that `choice` allows; `None` is none.
#[must_use]
pub fn open(choice: Option<Choice>) -> (Option<Counter>, Standing) {
    let Some(choice) = choice else {
        return (
            None,
            Standing { backend: Backend::Off, reason: Reason::Disabled, refusals: vec![] },
        );
    };
    let mut refusals = Vec::new();
    if choice != Choice::Perf {
        match ebpf::Counter::open() {
            Ok(counter) => {
                let standing = Standing { backend: Backend::Ebpf, reason: Reason::None, refusals };
                return (Some(Counter::Ebpf(Box::new(counter))), standing);
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    if choice != Choice::Ebpf {
        match perf::Counter::open() {
            Ok(counter) => {
                let reason = refusals.first().map_or(Reason::Disabled, |refusal| refusal.reason);
                let standing = Standing { backend: Backend::Perf, reason, refusals };
                return (Some(Counter::Perf(counter)), standing);
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    let reason = refusals.first().map_or(Reason::Disabled, |refusal| refusal.reason);
    (None, Standing { backend: Backend::Off, reason, refusals })
}
