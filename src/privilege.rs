//! Gives up what the process has and does not need: the capabilities that the start needed, except
//! for one thread that may keep those it needs; a thread's place before others; freed memory.
//!
//! Capabilities belong to a thread, and a new thread inherits those of the one that makes it, so
//! all is given up while there is one thread only. Knows nothing of what they were used for.

use caps::{CapSet, Capability, CapsHashSet};
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};
use thiserror::Error;

/// The capabilities that the program can use; the README's table of privileges says for what.
pub const USED: [Capability; 5] = [
    Capability::CAP_NET_RAW,
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_DAC_READ_SEARCH,
];

/// Why capabilities could not be read or given up.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// Other threads would keep theirs.
    #[error("capabilities must be dropped before any thread exists: there are {threads} threads")]
    Threads {
        /// How many threads there are, this one included.
        threads: usize,
    },
    /// The kernel refused.
    #[error("{operation} the {set} capabilities: {source}")]
    Set {
        /// What was tried, in words.
        operation: &'static str,
        /// Which set.
        set: &'static str,
        /// What the kernel said.
        source: caps::errors::CapsError,
    },
    /// The kernel took the change but the set is not empty.
    #[error("the {set} capabilities are not empty after being cleared: {left:?}")]
    Kept {
        /// Which set.
        set: &'static str,
        /// What is left in it.
        left: BTreeSet<String>,
    },
    /// `no_new_privs` could not be set.
    #[error("set no_new_privs: {0}")]
    NoNewPrivileges(io::Error),
    /// /proc could not be read.
    #[error("read /proc/self/task: {0}")]
    Tasks(io::Error),
}

/// The capabilities of the calling thread, by their kernel names (`CAP_NET_RAW`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Those in force.
    pub effective: BTreeSet<String>,
    /// Those that can be put in force.
    pub permitted: BTreeSet<String>,
}

impl Held {
    /// Whether packet sockets can be opened.
    pub fn net_raw(&self) -> bool {
        self.effective.contains("CAP_NET_RAW")
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.effective.is_empty() && self.permitted.is_empty()
    }
}

/// The order matters: effective before permitted, since the first may not exceed the second.
const SETS: [(CapSet, &str); 4] = [
    (CapSet::Ambient, "ambient"),
    (CapSet::Effective, "effective"),
    (CapSet::Permitted, "permitted"),
    (CapSet::Inheritable, "inheritable"),
];

/// What the calling thread holds.
///
/// # Errors
/// When the kernel does not tell.
pub fn held() -> Result<Held, PrivilegeError> {
    Ok(Held {
        effective: read(CapSet::Effective, "effective")?,
        permitted: read(CapSet::Permitted, "permitted")?,
    })
}

/// What any thread of this process could put in force now: the permitted sets of all of them, by
/// kernel names. One system call a thread.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn permitted_to_any_thread() -> Result<BTreeSet<String>, PrivilegeError> {
    let mut permitted = BTreeSet::new();
    for task in fs::read_dir("/proc/self/task").map_err(PrivilegeError::Tasks)? {
        let name = task.map_err(PrivilegeError::Tasks)?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        match caps::read(Some(id), CapSet::Permitted) {
            Ok(of_thread) => permitted.extend(of_thread.iter().map(Capability::to_string)),
            // It has ended meanwhile, and its capabilities with it.
            Err(_) if !Path::new("/proc/self/task").join(&name).exists() => {}
            Err(source) => {
                return Err(PrivilegeError::Set { operation: "read", set: "permitted", source });
            }
        }
    }
    Ok(permitted)
}

/// Clears the effective, permitted, inheritable and ambient sets and sets `no_new_privs`, for this
/// thread and all that it will make. The bounding set stays: with `no_new_privs` it gives nothing.
///
/// # Errors
/// [`PrivilegeError::Threads`] if other threads exist already, and nothing is changed then; any
/// other when the kernel refuses. The caller must not go on to serve after an error.
pub fn drop_all() -> Result<(), PrivilegeError> {
    only_one_thread()?;
    keep(&CapsHashSet::new())?;
    set_no_new_privileges().map_err(PrivilegeError::NoNewPrivileges)?;
    verify_none()
}

/// As [`drop_all`], but `start` is called while those of `kept` that this thread has are still in
/// force: a thread that it starts keeps them, in its effective and permitted sets alone. Returns
/// what `start` returned. `start` must start no other thread.
///
/// # Errors
/// As [`drop_all`]. After any but [`PrivilegeError::Threads`] a thread may have been started: the
/// caller must end the process.
pub(crate) fn drop_all_but_for<T>(
    kept: &[Capability],
    start: impl FnOnce() -> T,
) -> Result<T, PrivilegeError> {
    only_one_thread()?;
    let permitted = read_set(CapSet::Permitted, "permitted")?;
    keep(&kept.iter().copied().filter(|capability| permitted.contains(capability)).collect())?;
    set_no_new_privileges().map_err(PrivilegeError::NoNewPrivileges)?;
    let started = start();
    keep(&CapsHashSet::new())?;
    verify_none()?;
    Ok(started)
}

/// Whether this thread has a capability in force.
pub(crate) fn holds(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

fn only_one_thread() -> Result<(), PrivilegeError> {
    let threads = fs::read_dir("/proc/self/task").map_err(PrivilegeError::Tasks)?.count();
    if threads == 1 { Ok(()) } else { Err(PrivilegeError::Threads { threads }) }
}

/// Leaves this thread `kept` in its effective and permitted sets, and nothing in the others.
fn keep(kept: &CapsHashSet) -> Result<(), PrivilegeError> {
    let none = CapsHashSet::new();
    for (set, name) in SETS {
        let left = if matches!(set, CapSet::Effective | CapSet::Permitted) { kept } else { &none };
        let done =
            if left.is_empty() { caps::clear(None, set) } else { caps::set(None, set, left) };
        done.map_err(|source| PrivilegeError::Set {
            operation: if left.is_empty() { "clear" } else { "cut down" },
            set: name,
            source,
        })?;
    }
    Ok(())
}

fn verify_none() -> Result<(), PrivilegeError> {
    for (set, name) in SETS {
        let left = read(set, name)?;
        if !left.is_empty() {
            return Err(PrivilegeError::Kept { set: name, left });
        }
    }
    Ok(())
}

fn read(set: CapSet, name: &'static str) -> Result<BTreeSet<String>, PrivilegeError> {
    Ok(read_set(set, name)?.iter().map(Capability::to_string).collect())
}

fn read_set(set: CapSet, name: &'static str) -> Result<CapsHashSet, PrivilegeError> {
    caps::read(None, set).map_err(|source| PrivilegeError::Set {
        operation: "read",
        set: name,
        source,
    })
}

/// Lets all threads that are not as lax go before this one; needs no privilege. The threads that
/// serve do so: a scrape may come later, a frame that is not read in time is lost.
pub(crate) fn yield_to_captures() {
    /// A third of the weight of a thread of ordinary niceness (`sched(7)`): on a machine that is busy
    /// otherwise, too, a scrape has to come within its time-out.
    const LAXNESS: libc::c_int = 5;
    // SAFETY: takes an integer only, and on Linux changes the calling thread alone. It cannot fail
    // when it lowers.
    let _ = unsafe { libc::nice(LAXNESS) };
}

/// Has the C library give large pieces of memory back to the system when they are freed. glibc would
/// do so only until the first of them is freed, and then keep 20 MB between two scrapes.
pub(crate) fn return_large_memory() {
    #[cfg(target_env = "gnu")]
    {
        /// Bytes; `MMAP_THRESHOLD` of mallopt(3). Fixed by this call, whatever is freed.
        const LARGE: libc::c_int = 1 << 20;
        // SAFETY: takes integers only; where it fails, memory is kept as before.
        let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
    }
}

fn set_no_new_privileges() -> io::Result<()> {
    let (on, unused): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: PR_SET_NO_NEW_PRIVS takes integers only, all of them unsigned long (prctl(2)).
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, on, unused, unused, unused) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_while_other_threads_exist_and_changes_nothing() {
        // The test runner's own thread is the other one.
        let (before, outcome, after) = std::thread::scope(|scope| {
            scope
                .spawn(|| (held().expect("readable"), drop_all(), held().expect("readable")))
                .join()
                .expect("no panic")
        });
        assert!(matches!(outcome, Err(PrivilegeError::Threads { threads }) if threads > 1));
        assert_eq!(before, after);
    }

    #[test]
    fn a_threads_capabilities_are_those_of_the_process() {
        let all = permitted_to_any_thread().expect("readable");
        assert!(held().expect("readable").permitted.is_subset(&all));
    }

    #[test]
    fn names_are_the_kernels() {
        let held = Held { effective: BTreeSet::from(["CAP_NET_RAW".into()]), ..Held::default() };
        assert!(held.net_raw());
        assert_eq!(Capability::CAP_NET_RAW.to_string(), "CAP_NET_RAW");
        assert!(!held.is_empty());
        assert!(Held::default().is_empty());
    }
}
