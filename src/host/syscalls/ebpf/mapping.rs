//! An array of the kernel's, mapped into this process (`BPF_F_MMAPABLE`): read and written without
//! a system call and without a capability.

use super::layout::{Control, Counts, Slot};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr::{NonNull, null_mut};

/// A type that the kernel may change while it is read.
///
/// # Safety
/// Only for `repr(C)` structs of atomics, for which any bytes are a valid value.
pub(crate) unsafe trait Shared {}

// SAFETY: atomics only, in C's layout.
unsafe impl Shared for Counts {}
// SAFETY: see above.
unsafe impl Shared for Slot {}
// SAFETY: see above.
unsafe impl Shared for Control {}

/// A mapped array. Keeps the map alive, not its descriptor.
pub(crate) struct Mapping<T> {
    start: NonNull<T>,
    elements: usize,
    _shared: PhantomData<T>,
}

// SAFETY: the memory belongs to no thread, and all of it is atomics.
unsafe impl<T: Shared> Send for Mapping<T> {}

impl<T: Shared> Mapping<T> {
    /// Maps the `elements` of an array map whose value is a `T`.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn new(map: BorrowedFd<'_>, elements: usize) -> io::Result<Self> {
        let (access, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        let length = elements * size_of::<T>();
        // SAFETY: asks for new memory at a place of the kernel's choice; nothing else is touched.
        let start = unsafe { libc::mmap(null_mut(), length, access, shared, map.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, elements, _shared: PhantomData })
    }

    /// The elements.
    pub(crate) fn elements(&self) -> &[T] {
        // SAFETY: the mapping is that long, aligned to a page, and lives as long as `self`. `T` is
        // valid whatever its bytes are, and changes through its atomics only.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.elements) }
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: exactly what new() mapped; no reference outlives `self`. There is nothing to do
        // about an error.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.elements * size_of::<T>()) };
    }
}
