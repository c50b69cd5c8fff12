//! The memory that the programs in the kernel and this process share: `bpf/syscalls.h` in Rust.
//! Knows no kernel call.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

/// Slots of names; 0 belongs to none.
pub(crate) const SLOTS: usize = 1024;
/// Numbers of system calls that are counted separately.
pub const CALLS: usize = 512;
/// The number of all calls that have no name.
pub(crate) const CALL_OTHER: usize = CALLS - 1;
/// Bytes of a name.
pub(crate) const NAME_LEN: usize = 16;

/// What one CPU counts. Only that CPU writes it.
#[repr(C)]
pub struct Counts {
    /// Calls by slot.
    pub by_slot: [AtomicU64; SLOTS],
    /// Calls by number.
    pub by_call: [AtomicU64; CALLS],
    /// The program's own: whose the last call was.
    _private: [AtomicU64; 512],
}

/// A name and who has it.
#[repr(C)]
pub struct Slot {
    /// The name, padded with zeros.
    pub name: [AtomicU8; NAME_LEN],
    /// Thread groups of this name.
    pub users: AtomicU32,
    _padding: AtomicU32,
    /// The value of `folds` when the last user went, plus 1; 0 if none ever did.
    pub freed: AtomicU64,
}

/// What both sides tell each other.
#[repr(C)]
pub(crate) struct Control {
    /// Changes when any thread group changes its slot.
    pub generation: AtomicU64,
    /// How often all counts were read.
    pub folds: AtomicU64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    /// The number that the header defines.
    fn defined(name: &str) -> usize {
        const HEADER: &str = include_str!("../../../../bpf/syscalls.h");
        let line = HEADER.lines().find(|line| line.starts_with(&format!("#define {name} ")));
        let value = line.and_then(|line| line.split(' ').nth(2)).expect("it is defined");
        value.parse().expect("a number")
    }

    #[test]
    fn both_sides_have_the_same_sizes() {
        assert_eq!(defined("SLOTS"), SLOTS);
        assert_eq!(defined("CALLS"), CALLS);
        assert_eq!(defined("NAME_LEN"), NAME_LEN);
        assert_eq!(size_of::<Counts>(), 16 * 1024);
        assert_eq!(offset_of!(Counts, by_call), SLOTS * 8);
        assert_eq!(size_of::<Slot>(), 32);
        assert_eq!(offset_of!(Slot, freed), 24);
        assert_eq!(size_of::<Control>(), 16);
    }
}
