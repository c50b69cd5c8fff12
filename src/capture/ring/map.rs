//! The memory that the kernel and this process share: block after block of a ring, each borrowed
//! while it is ours. All of the ring's `unsafe` that touches memory is here.
//!
//! A block belongs to the kernel or to the process, as its status word says
//! (`TPACKET_V3`; kernel: `Documentation/networking/packet_mmap.rst`). The kernel never writes to a
//! block that it has handed over, so a shared slice of it is sound until it is given back.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where `block_status` lies in a block: behind `version` and `offset_to_priv`.
const STATUS_OFFSET: usize = 8;

/// A mapped ring of `blocks` blocks of `block_size` bytes.
pub(super) struct Map {
    start: NonNull<u8>,
    block_size: usize,
    blocks: usize,
}

// SAFETY: the memory belongs to the mapping, not to a thread; all access goes through `&self` or
// `&mut self`.
unsafe impl Send for Map {}

impl Map {
    /// Maps the ring of `socket`, which must have been set up with these sizes.
    pub(super) fn new(
        socket: BorrowedFd<'_>,
        block_size: usize,
        blocks: usize,
    ) -> io::Result<Self> {
        let length = block_size
            .checked_mul(blocks)
            .filter(|_| block_size >= STATUS_OFFSET + 4 && block_size.is_multiple_of(4))
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: asks for a new mapping at an address of the kernel's choice; the kernel refuses
        // a length that is not the ring's.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), length, access, flags, socket.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, block_size, blocks })
    }

    pub(super) const fn blocks(&self) -> usize {
        self.blocks
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        assert!(block < self.blocks, "block {block} of {}", self.blocks);
        // SAFETY: the block is inside the mapping by the assertion, and the status word inside the
        // block by the check in `new`; page-aligned blocks of a multiple of 4 bytes make it
        // aligned. The kernel and this process access the word concurrently, both atomically.
        unsafe {
            let word = self.start.add(block * self.block_size + STATUS_OFFSET);
            AtomicU32::from_ptr(word.cast().as_ptr())
        }
    }

    /// The bytes of a block, if the kernel has handed it over.
    pub(super) fn ready(&self, block: usize) -> Option<&[u8]> {
        // Acquire: what the kernel wrote before it set the status is seen after this.
        if self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: inside the mapping (`status` asserts it). The kernel does not write to the block
        // until `release`, which takes `&mut self` and so ends this borrow first.
        Some(unsafe {
            slice::from_raw_parts(self.start.add(block * self.block_size).as_ptr(), self.block_size)
        })
    }

    /// Gives a block back to the kernel.
    pub(super) fn release(&mut self, block: usize) {
        // Release: all reads of the block happen before the kernel may write to it.
        self.status(block).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made, with its length; no slice of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.block_size * self.blocks) };
    }
}
