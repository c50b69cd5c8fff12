//! Counts system calls by process and by call, with a program in the kernel at
//! `raw_syscalls:sys_enter` (`bpf/syscalls.bpf.c`).
//!
//! The names of processes that are there already come from `/proc`. After [`Counter::open`] nothing
//! is asked of the kernel any more: its counts are memory of this process too, read without a
//! system call and without a capability.
//!
//! Threads count for their process, under the name of its leader: the name that it got by
//! execve(2), or has given itself by prctl(2) since. A thread that outlives its leader has no name.
//! Calls of 32-bit processes have no name. A 64-bit process that makes a 32-bit call by `int 0x80`
//! cannot be recognised: its number is read in the wrong table.

mod layout;
mod mapping;
mod seed;

use super::{Backend, Detail, Increments, Reason, Refusal};
use crate::host::Command;
use crate::privilege::holds;
use aya::maps::{HashMap, Map, MapError, Queue};
use aya::programs::raw_trace_point::RawTracePointLink;
use aya::programs::{ProgramError, RawTracePoint};
use aya::{Ebpf, EbpfError, EbpfLoader};
use caps::Capability;
use layout::{CALL_OTHER, CALLS, Control, Counts, SLOTS, Slot};
use mapping::{Mapping, Shared};
use seed::Names;
pub use seed::is_first_pid_namespace;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::{fs, io};
use thiserror::Error;

/// The compiled program, aligned as the loader wants it.
#[cfg(all(target_arch = "x86_64", target_endian = "little"))]
const PROGRAM: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/bpf/syscalls.x86_64.o"
)));
/// The compiled program, aligned as the loader wants it.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
const PROGRAM: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/bpf/syscalls.aarch64.o"
)));
/// The compiled program: none for this processor.
#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_endian = "little")))]
const PROGRAM: Option<&[u8]> = None;

/// The running programs. They end when this is dropped.
pub struct Counter {
    _links: [RawTracePointLink; 3],
    counts: Mapping<Counts>,
    slots: Mapping<Slot>,
    control: Mapping<Control>,
    /// What was read last, by slot and by call.
    by_slot: Box<[u64; SLOTS]>,
    by_call: Box<[u64; CALLS]>,
}

/// What went wrong.
#[derive(Debug, Error)]
enum Error {
    #[error("no program was built for this processor")]
    Processor,
    #[error("{0}")]
    Load(#[from] EbpfError),
    #[error("{0}")]
    Program(#[from] ProgramError),
    #[error("{0}")]
    Map(#[from] MapError),
    #[error("mapping an array of the kernel's: {0}")]
    Mapping(io::Error),
    #[error("the program has no {0}")]
    Missing(&'static str),
    #[error("reading the number of processors: {0}")]
    Processors(io::Error),
}

impl Counter {
    /// Loads and attaches the programs, and names the processes that are there. Needs `CAP_BPF`
    /// and `CAP_PERFMON`, or `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// Why that cannot be done here.
    pub fn open() -> Result<Self, Refusal> {
        // Before Linux 5.8, CAP_SYS_ADMIN was needed for all of this.
        let held = |capability| holds(capability) || holds(Capability::CAP_SYS_ADMIN);
        let lacking = |reason, name: &str| Refusal {
            backend: Backend::Ebpf,
            reason,
            words: format!(
                "{name} is missing: run it as root, which drops all privileges after setup, or give \
                 the program cap_net_raw,cap_bpf,cap_perfmon+ep by setcap"
            ),
            verifier_log: None,
        };
        if !held(Capability::CAP_BPF) {
            return Err(lacking(Reason::NoCapBpf, "CAP_BPF"));
        }
        if !held(Capability::CAP_PERFMON) {
            return Err(lacking(Reason::NoCapPerfmon, "CAP_PERFMON"));
        }
        let counter = load().map_err(|error| refusal(&error));
        // The loader reads the types of the whole kernel, whether it needs them or not: 21 MB.
        release_memory();
        counter
    }

    /// Replaces `increments` by what was counted since the last reading.
    pub fn read(&mut self, increments: &mut Increments) {
        increments.total = 0;
        let Detail { processes, calls } = increments.detail.get_or_insert_default();
        processes.clear();
        calls.clear();
        for (number, (slot, last)) in
            self.slots.elements().iter().zip(self.by_slot.iter_mut()).enumerate()
        {
            if number != 0 && is_unused(slot) {
                continue;
            }
            let delta = advance(last, self.counts.elements(), |counts| &counts.by_slot[number]);
            increments.total += delta;
            if number != 0 && delta != 0 {
                // The name after the counts: a slot gets another only while its counts stand
                // still, so the calls seen are those of the name read afterwards.
                fence(Ordering::Acquire);
                processes.push((name(slot), delta));
            }
        }
        for (number, last) in self.by_call.iter_mut().enumerate() {
            let delta = advance(last, self.counts.elements(), |counts| &counts.by_call[number]);
            if delta != 0 {
                let known = u16::try_from(number).ok().filter(|_| number != CALL_OTHER);
                calls.push((known, delta));
            }
        }
        self.control.elements()[0].folds.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a count that all CPUs share has grown by since `last`, which is updated.
fn advance(last: &mut u64, counts: &[Counts], of: impl Fn(&Counts) -> &AtomicU64) -> u64 {
    let sum = counts.iter().map(|counts| of(counts).load(Ordering::Relaxed)).sum();
    // Counts only grow.
    let delta = u64::wrapping_sub(sum, *last);
    *last = sum;
    delta
}

/// Whether no process ever had this slot.
fn is_unused(slot: &Slot) -> bool {
    slot.name[0].load(Ordering::Relaxed) == 0
        && slot.users.load(Ordering::Relaxed) == 0
        && slot.freed.load(Ordering::Relaxed) == 0
}

fn name(slot: &Slot) -> Command {
    Command::new(&slot.name.each_ref().map(|byte| byte.load(Ordering::Relaxed)))
}

fn load() -> Result<Counter, Error> {
    let program = PROGRAM.ok_or(Error::Processor)?;
    let cpus = possible_cpus().map_err(Error::Processors)?;
    let mut ebpf = EbpfLoader::new()
        .btf(None)
        .map_max_entries("counts", u32::try_from(cpus).unwrap_or(u32::MAX))
        .load(program)?;
    let counts = mapping(&ebpf, "counts", cpus)?;
    let slots: Mapping<Slot> = mapping(&ebpf, "slots", SLOTS)?;
    let control: Mapping<Control> = mapping(&ebpf, "control", 1)?;
    // The cache of the last process starts out wrong on purpose: generation 0 is never valid.
    control.elements()[0].generation.store(1, Ordering::SeqCst);

    names(&mut ebpf, &slots)?.fill()?;
    // Ends and new names first: what they say is newer than what /proc says afterwards.
    let exit = attach(&mut ebpf, "sched_process_exit")?;
    let exec = attach(&mut ebpf, "sched_process_exec")?;
    if is_first_pid_namespace() {
        names(&mut ebpf, &slots)?.seed()?;
    }
    let enter = attach(&mut ebpf, "sys_enter")?;
    Ok(Counter {
        _links: [exit, exec, enter],
        counts,
        slots,
        control,
        by_slot: Box::new([0; SLOTS]),
        by_call: Box::new([0; CALLS]),
    })
}

fn mapping<T: Shared>(
    ebpf: &Ebpf,
    name: &'static str,
    elements: usize,
) -> Result<Mapping<T>, Error> {
    match ebpf.map(name) {
        Some(Map::Array(data)) => {
            use std::os::fd::AsFd as _;
            Mapping::new(data.fd().as_fd(), elements).map_err(Error::Mapping)
        }
        Some(_) | None => Err(Error::Missing(name)),
    }
}

fn names<'a>(ebpf: &'a mut Ebpf, slots: &'a Mapping<Slot>) -> Result<Names<'a>, Error> {
    let names = ["groups", "names", "unused", "waiting"];
    let [groups, names, unused, waiting] = ebpf.maps_disjoint_mut(names);
    Ok(Names {
        slot_by_group: HashMap::try_from(groups.ok_or(Error::Missing("groups"))?)?,
        slot_by_name: HashMap::try_from(names.ok_or(Error::Missing("names"))?)?,
        unused: Queue::try_from(unused.ok_or(Error::Missing("unused"))?)?,
        waiting: HashMap::try_from(waiting.ok_or(Error::Missing("waiting"))?)?,
        slots: slots.elements(),
    })
}

fn attach(ebpf: &mut Ebpf, name: &'static str) -> Result<RawTracePointLink, Error> {
    let program = ebpf.program_mut(name).ok_or(Error::Missing(name))?;
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    let link = program.attach(name)?;
    Ok(program.take_link(link)?)
}

/// CPUs that this machine can have: one more than the highest number.
fn possible_cpus() -> io::Result<usize> {
    let cpus = super::cpus("possible")?;
    Ok(cpus.into_iter().max().map_or(0, |highest| highest as usize + 1))
}

/// Why the kernel does not take the program, in plain words.
fn refusal(error: &Error) -> Refusal {
    let with = |reason, words: String, verifier_log| Refusal {
        backend: Backend::Ebpf,
        reason,
        words,
        verifier_log,
    };
    let (code, log) = match error {
        Error::Load(EbpfError::ProgramError(ProgramError::LoadError {
            io_error,
            verifier_log,
        }))
        | Error::Program(ProgramError::LoadError { io_error, verifier_log }) => {
            (io_error.raw_os_error(), Some(verifier_log.to_string()).filter(|log| !log.is_empty()))
        }
        Error::Load(EbpfError::MapError(MapError::CreateError { io_error, .. }))
        | Error::Map(MapError::CreateError { io_error, .. }) => (io_error.raw_os_error(), None),
        Error::Processor
        | Error::Load(_)
        | Error::Program(_)
        | Error::Map(_)
        | Error::Mapping(_)
        | Error::Missing(_)
        | Error::Processors(_) => (None, None),
    };
    if locked_down() {
        let words = "the kernel is locked down (confidentiality), which forbids programs that read \
                     its memory: start it without lockdown=confidentiality";
        return with(Reason::Lockdown, words.into(), log);
    }
    match code {
        Some(libc::EPERM) => {
            let words = "CAP_BPF and CAP_PERFMON are held, yet the kernel refuses bpf(2): a \
                         sandbox (seccomp) or a user namespace forbids it, or before Linux 5.11 \
                         the limit of locked memory (systemd: LimitMEMLOCK=infinity)";
            with(Reason::Kernel, words.into(), log)
        }
        Some(libc::ENOSYS) => {
            with(Reason::Kernel, "this kernel was built without bpf(2)".into(), log)
        }
        Some(_) | None if log.is_some() => {
            let words =
                "the kernel's verifier refuses the program: its log is at --log.level=debug";
            with(Reason::Verifier, words.into(), log)
        }
        Some(_) | None => with(Reason::Kernel, error.to_string(), None),
    }
}

/// Whether the kernel protects its memory even from root (`kernel_lockdown(7)`).
fn locked_down() -> bool {
    fs::read_to_string("/sys/kernel/security/lockdown")
        .is_ok_and(|modes| modes.contains("[confidentiality]"))
}

/// Gives memory that is not in use any more back to the kernel.
fn release_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes an integer; the allocator's own lock makes it safe with other threads.
    let _ = unsafe { libc::malloc_trim(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sandbox_refuses_is_the_kernels_doing() {
        let io_error = io::Error::from_raw_os_error(libc::EPERM);
        let error = MapError::CreateError { name: "counts".into(), io_error };
        let refusal = refusal(&error.into());
        assert_eq!((refusal.backend, refusal.reason), (Backend::Ebpf, Reason::Kernel));
        assert!(refusal.words.contains("LimitMEMLOCK"), "{}", refusal.words);
    }
}
