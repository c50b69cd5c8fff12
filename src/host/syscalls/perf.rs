//! Counts all system calls with perf's counting events at `raw_syscalls:sys_enter`, one for each
//! CPU: the total only.
//!
//! Only root can read the event's number from tracefs. Reading the counts needs a system call a CPU
//! and no capability. A CPU that is brought up later is not counted; what one had counted before it
//! went down stays.

use super::{Backend, Increments, Reason, Refusal};
use crate::privilege::holds;
use caps::Capability;
use std::fs;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::FromRawFd as _;
use std::path::Path;

/// Where tracefs may be mounted (Documentation/trace/ftrace.rst).
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/// The event's number, below those.
const EVENT: &str = "events/raw_syscalls/sys_enter/id";
/// `PERF_TYPE_TRACEPOINT`.
const TRACEPOINT: u32 = 2;
/// `PERF_FLAG_FD_CLOEXEC`.
const CLOSE_ON_EXEC: libc::c_ulong = 8;

/// `struct perf_event_attr` as its first version has it (`PERF_ATTR_SIZE_VER0`): all zero but for
/// these three is an event that counts from now on and samples nothing.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    rest: [u64; 6],
}

/// The running events. They end when this is dropped.
pub struct Counter {
    events: Vec<(File, u64)>,
}

impl Counter {
    /// Opens an event on each CPU that is up. Needs root: the right to read tracefs, and
    /// `CAP_PERFMON`.
    ///
    /// # Errors
    /// Why that cannot be done here.
    pub fn open() -> Result<Self, Refusal> {
        let id = event_id(&TRACEFS.map(Path::new))?;
        let cpus = super::cpus("online").map_err(|error| {
            refusal(Reason::Kernel, format!("reading which CPUs are up: {error}"))
        })?;
        let events: io::Result<Vec<_>> =
            cpus.into_iter().map(|cpu| Ok((open_event(id, cpu)?, 0))).collect();
        let mut counter = Self { events: events.map_err(|error| refused(&error))? };
        // Calls made while the others were opened are not counted on all CPUs alike.
        let mut before = Increments::default();
        counter
            .read(&mut before)
            .map_err(|error| refusal(Reason::Kernel, format!("reading perf events: {error}")))?;
        Ok(counter)
    }

    /// Replaces `increments` by what was counted since the last reading.
    ///
    /// # Errors
    /// What the kernel said. What was read before it did comes with the next reading.
    pub fn read(&mut self, increments: &mut Increments) -> io::Result<()> {
        *increments = Increments::default();
        let mut counts = Vec::with_capacity(self.events.len());
        for (event, _) in &mut self.events {
            let mut count = [0; 8];
            // An event whose CPU went down for good ends: it will count no more.
            let length = event.read(&mut count)?;
            counts.push((length == count.len()).then(|| u64::from_ne_bytes(count)));
        }
        for ((_, last), count) in self.events.iter_mut().zip(counts) {
            let count = count.unwrap_or(*last);
            increments.total += count.saturating_sub(*last);
            *last = count;
        }
        Ok(())
    }
}

/// The event's number.
fn event_id(tracefs: &[&Path]) -> Result<u64, Refusal> {
    let mut denied = false;
    for mount in tracefs {
        match fs::read_to_string(mount.join(EVENT)) {
            Ok(text) => {
                return text.trim().parse().map_err(|_| {
                    refusal(Reason::Kernel, format!("tracefs says {:?} for a number", text.trim()))
                });
            }
            Err(error) => denied |= error.kind() == io::ErrorKind::PermissionDenied,
        }
    }
    Err(refusal(
        Reason::NoTracefs,
        if denied {
            "tracefs may not be read: only root can".into()
        } else {
            "tracefs is not mounted, or the kernel has no CONFIG_FTRACE_SYSCALLS: mount -t tracefs \
             tracefs /sys/kernel/tracing"
                .into()
        },
    ))
}

fn open_event(id: u64, cpu: u32) -> io::Result<File> {
    let attributes = Attributes {
        kind: TRACEPOINT,
        size: u32::try_from(size_of::<Attributes>()).unwrap_or_default(),
        config: id,
        rest: [0; 6],
    };
    let (any_process, no_group): (libc::pid_t, libc::c_int) = (-1, -1);
    // SAFETY: the structure is as long as it says and lives through the call; the rest is integers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            any_process,
            cpu,
            no_group,
            CLOSE_ON_EXEC,
        )
    };
    match libc::c_int::try_from(result) {
        // SAFETY: a descriptor that the kernel has just made, and nobody else has.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { File::from_raw_fd(descriptor) }),
        Ok(_) | Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Why the kernel opens no event, in plain words.
fn refused(error: &io::Error) -> Refusal {
    let is_denied = matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES));
    let may = holds(Capability::CAP_PERFMON) || holds(Capability::CAP_SYS_ADMIN);
    if is_denied && !may {
        let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
        let words = format!(
            "CAP_PERFMON is missing, and kernel.perf_event_paranoid is {}",
            paranoid.as_deref().map_or("unknown", str::trim)
        );
        return refusal(Reason::NoCapPerfmon, words);
    }
    refusal(Reason::Kernel, format!("perf_event_open: {error}"))
}

fn refusal(reason: Reason, words: String) -> Refusal {
    Refusal { backend: Backend::Perf, reason, words, verifier_log: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_the_kernels_first() {
        assert_eq!(size_of::<Attributes>(), 64);
        assert_eq!(std::mem::offset_of!(Attributes, config), 8);
    }

    #[test]
    fn the_number_is_where_tracefs_is_mounted() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = Path::new("/nonexistent");
        let refusal = event_id(&[nowhere, dir.path()]).unwrap_err();
        assert_eq!(refusal.reason, Reason::NoTracefs);
        assert!(refusal.words.contains("mount -t tracefs"), "{}", refusal.words);
        fs::create_dir_all(dir.path().join("events/raw_syscalls/sys_enter")).unwrap();
        fs::write(dir.path().join(EVENT), "348\n").unwrap();
        assert_eq!(event_id(&[nowhere, dir.path()]), Ok(348));
    }
}
