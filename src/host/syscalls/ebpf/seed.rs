//! The processes that were there before the program in the kernel: takes their names from `/proc`
//! and puts them where the program would have put them.

use super::super::super::Command;
use super::layout::{SLOTS, Slot};
use aya::maps::{HashMap, MapData, MapError, Queue};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Do not replace what is there (`BPF_NOEXIST`, `include/uapi/linux/bpf.h`).
const NO_EXIST: u64 = 1;
/// The inode of the first PID namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const FIRST_NAMESPACE: &str = "pid:[4026531836]";
/// A thread of the kernel's (`PF_KTHREAD`, `include/linux/sched.h`): it makes no system calls.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// The maps that name processes.
pub struct Names<'a> {
    /// Thread group to slot.
    pub slot_by_group: HashMap<&'a mut MapData, u32, u32>,
    /// Name to slot.
    pub slot_by_name: HashMap<&'a mut MapData, [u8; 16], u32>,
    /// Slots without a name.
    pub unused: Queue<&'a mut MapData, u32>,
    /// The slots in that queue.
    pub waiting: HashMap<&'a mut MapData, u32, u8>,
    /// All slots.
    pub slots: &'a [Slot],
}

/// Whether the numbers in this `/proc` are those that the kernel's programs see. In a container
/// with PIDs of its own they are not, and processes that are there already have no name until their
/// leader makes a call.
pub fn is_first_pid_namespace() -> bool {
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link == Path::new(FIRST_NAMESPACE))
}

impl Names<'_> {
    /// Makes all slots but 0 ready to be taken.
    ///
    /// # Errors
    /// What the kernel said.
    pub(crate) fn fill(&mut self) -> Result<(), MapError> {
        (1..u32::try_from(SLOTS).unwrap_or(u32::MAX)).try_for_each(|slot| self.offer(slot))
    }

    /// Queues a slot that nobody uses, unless it is queued.
    fn offer(&mut self, slot: u32) -> Result<(), MapError> {
        match self.waiting.insert(slot, 1, NO_EXIST) {
            Ok(()) => self.unused.push(slot, 0),
            Err(_) => Ok(()),
        }
    }

    /// Names all processes that are there. The programs that follow starts and ends run already:
    /// what they have said of a process is newer and stays.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn seed(&mut self) -> Result<(), MapError> {
        let Ok(entries) = fs::read_dir("/proc") else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(tgid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let path = entry.path();
            if is_kernel_thread(&path) {
                continue;
            }
            // Gone already: the kernel has reported it, or never knew it.
            let Ok(comm) = fs::read(path.join("comm")) else { continue };
            let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
            let Some(slot) = self.take(&Command::new(comm))? else { continue };
            match self.slot_by_group.insert(tgid, slot, NO_EXIST) {
                Ok(()) if path.exists() => {}
                Ok(()) => {
                    // It ended meanwhile, perhaps before it was there to be removed.
                    if self.slot_by_group.remove(&tgid).is_ok() {
                        self.let_go(slot);
                    }
                }
                Err(_) => self.let_go(slot),
            }
        }
        Ok(())
    }

    /// The slot of a name, with one user more.
    fn take(&mut self, command: &Command) -> Result<Option<u32>, MapError> {
        let name = command.as_bytes();
        if let Ok(slot) = self.slot_by_name.get(name, 0) {
            self.slot(slot).users.fetch_add(1, Ordering::SeqCst);
            return Ok(Some(slot));
        }
        // A queue that is empty returns an error.
        let Ok(slot) = self.unused.pop(0) else { return Ok(None) };
        for (place, byte) in self.slot(slot).name.iter().zip(name) {
            place.store(*byte, Ordering::SeqCst);
        }
        self.slot(slot).users.fetch_add(1, Ordering::SeqCst);
        self.waiting.remove(&slot)?;
        if self.slot_by_name.insert(name, slot, NO_EXIST).is_ok() {
            return Ok(Some(slot));
        }
        // The kernel has just named one so.
        self.slot(slot).name[0].store(0, Ordering::SeqCst);
        self.let_go(slot);
        let slot = self.slot_by_name.get(name, 0)?;
        self.slot(slot).users.fetch_add(1, Ordering::SeqCst);
        Ok(Some(slot))
    }

    /// Takes a user from a slot; the last one queues it.
    fn let_go(&mut self, slot: u32) {
        if self.slot(slot).users.fetch_sub(1, Ordering::SeqCst) == 1 {
            // The queue has space: no slot is there twice.
            let _ = self.offer(slot);
        }
    }

    fn slot(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize % SLOTS]
    }
}

/// Whether `/proc/PID` is a thread of the kernel's: by its flags, the ninth field of `stat`
/// (proc(5)); the second is a name in parentheses and may hold anything.
fn is_kernel_thread(path: &Path) -> bool {
    let Ok(stat) = fs::read(path.join("stat")) else { return false };
    let Some(end) = stat.iter().rposition(|&byte| byte == b')') else { return false };
    let fields = String::from_utf8_lossy(&stat[end + 1..]);
    let flags = fields.split_whitespace().nth(6).and_then(|flags| flags.parse::<u32>().ok());
    flags.is_some_and(|flags| flags & KERNEL_THREAD != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_thread_is_known_by_its_flags() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(dir.path().join("stat"), text).unwrap();
        write("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0");
        assert!(is_kernel_thread(dir.path()));
        write("3 (a) b) R) S 1 3 3 0 -1 4194560 0 0");
        assert!(!is_kernel_thread(dir.path()));
        write("");
        assert!(!is_kernel_thread(dir.path()));
    }
}
