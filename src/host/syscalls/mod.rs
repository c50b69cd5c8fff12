//! Counts the system calls of this host.
//!
//! A [`Counter`] gives what was counted since the last time, and a [`Standing`] says which backend
//! runs, and why not a better one. It must not know sockets, metrics or scrapes.
//!
//! | module | what |
//! |---|---|
//! | [`ebpf`] | by process and by call, in the kernel |
//! | [`perf`] | the total only |
//! | `increments` | what either has counted |
//! | `standing` | which of them runs, and why not a better one |
//! | [`tally`] | from counts to totals: who has a place of its own, and what is `other` |
//! | [`calls`] | names of system calls by number |

pub mod calls;
pub mod ebpf;
mod increments;
pub mod perf;
mod standing;
pub mod tally;

use std::{fs, io};

pub use increments::{Detail, Increments};
pub use standing::{Backend, Reason, Refusal, Standing};
pub use tally::{Process, Tally, View};

/// Which backend is wished for (`--collector.syscalls.backend`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The best that works.
    #[default]
    Auto,
    /// By process and by call (needs `CAP_BPF` and `CAP_PERFMON`).
    Ebpf,
    /// The total only (needs root, for tracefs).
    Perf,
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
pub fn open(choice: Option<Choice>) -> (Option<Counter>, Standing) {
    choose(
        choice,
        || ebpf::Counter::open().map(|counter| Counter::Ebpf(Box::new(counter))),
        || perf::Counter::open().map(Counter::Perf),
    )
}

/// The first that opens of those that `choice` allows.
fn choose<T>(
    choice: Option<Choice>,
    ebpf: impl FnOnce() -> Result<T, Refusal>,
    perf: impl FnOnce() -> Result<T, Refusal>,
) -> (Option<T>, Standing) {
    let mut refusals = Vec::new();
    let mut attempt = |opened: Result<T, Refusal>| match opened {
        Ok(counter) => Some(counter),
        Err(refusal) => {
            refusals.push(refusal);
            None
        }
    };
    let (backend, counter) = match choice {
        None => (Backend::Off, None),
        Some(Choice::Ebpf) => (Backend::Ebpf, attempt(ebpf())),
        Some(Choice::Perf) => (Backend::Perf, attempt(perf())),
        Some(Choice::Auto) => match attempt(ebpf()) {
            Some(counter) => (Backend::Ebpf, Some(counter)),
            None => (Backend::Perf, attempt(perf())),
        },
    };
    let backend = if counter.is_some() { backend } else { Backend::Off };
    let reason = match (refusals.first(), backend) {
        (_, Backend::Ebpf) => Reason::None,
        // Of the best that was tried.
        (Some(refusal), Backend::Perf | Backend::Off) => refusal.reason,
        (None, Backend::Perf | Backend::Off) => Reason::Disabled,
    };
    (counter, Standing { backend, reason, refusals })
}

/// The numbers of the CPUs that are `possible` or `online`.
fn cpus(which: &str) -> io::Result<Vec<u32>> {
    let text = fs::read_to_string(format!("/sys/devices/system/cpu/{which}"))?;
    cpu_list(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The numbers in a list such as `0-3,8`.
fn cpu_list(list: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for range in list.trim().split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        all.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus() {
        assert_eq!(cpu_list("0\n"), Some(vec![0]));
        assert_eq!(cpu_list("0-2,5,7-8\n"), Some(vec![0, 1, 2, 5, 7, 8]));
        assert_eq!(cpu_list(""), None);
    }

    fn refused(backend: Backend, reason: Reason) -> Result<(), Refusal> {
        Err(Refusal { backend, reason, words: "no".into(), verifier_log: None })
    }

    fn chosen(
        choice: Option<Choice>,
        ebpf: Result<(), Refusal>,
        perf: Result<(), Refusal>,
    ) -> (bool, Backend, Reason, usize) {
        let (counter, standing) = choose(choice, || ebpf, || perf);
        assert_eq!(counter.is_some(), standing.is_on());
        (standing.is_on(), standing.backend, standing.reason, standing.refusals.len())
    }

    #[test]
    fn the_best_that_opens_is_taken_and_the_reason_is_that_of_the_best_that_does_not() {
        let auto = Some(Choice::Auto);
        let no_ebpf = || refused(Backend::Ebpf, Reason::Verifier);
        let no_perf = || refused(Backend::Perf, Reason::NoTracefs);
        assert_eq!(chosen(auto, Ok(()), no_perf()), (true, Backend::Ebpf, Reason::None, 0));
        assert_eq!(chosen(auto, no_ebpf(), Ok(())), (true, Backend::Perf, Reason::Verifier, 1));
        assert_eq!(chosen(auto, no_ebpf(), no_perf()), (false, Backend::Off, Reason::Verifier, 2));
    }

    #[test]
    fn what_was_not_asked_for_is_not_tried() {
        let no_ebpf = || refused(Backend::Ebpf, Reason::NoCapBpf);
        let no_perf = || refused(Backend::Perf, Reason::NoTracefs);
        let (ebpf, perf) = (Some(Choice::Ebpf), Some(Choice::Perf));
        assert_eq!(chosen(ebpf, no_ebpf(), Ok(())), (false, Backend::Off, Reason::NoCapBpf, 1));
        assert_eq!(chosen(perf, Ok(()), Ok(())), (true, Backend::Perf, Reason::Disabled, 0));
        assert_eq!(chosen(perf, Ok(()), no_perf()), (false, Backend::Off, Reason::NoTracefs, 1));
        assert_eq!(chosen(None, Ok(()), Ok(())), (false, Backend::Off, Reason::Disabled, 0));
    }
}
