//! Capture by a ring in memory that the kernel fills: `AF_PACKET` with `TPACKET_V3`. Batches borrow
//! the ring; no byte is copied. Knows nothing of what the frames mean.
//!
//! - Order: filter, ring, mapping, membership, and only then bind: nothing foreign is in the ring.
//! - Each batch is (part of) one block; the block goes back to the kernel at the read after its
//!   last frame. The kernel retires a block that has frames after [`RETIRE`] or when it is full.
//! - Outgoing frames are seen, with their direction. On loopback, where the kernel shows each frame
//!   as sent and as received, the filter keeps the received one.
//! - A length is the wire's without FCS: the kernel's `tp_len`, plus the 4 bytes of a tag that it
//!   took out.
//! - An interface that goes down is silent and goes on when it is up again; one that is deleted or
//!   moved to another namespace is [`CaptureError::InterfaceGone`].

mod block;
mod map;

use super::filter::{self, FilterLink};
use super::interface::{Interface, Options};
use super::pool::PooledSocket;
use super::wake::{Wake, Waker};
use super::{Capture, CaptureError, sys};
use crate::frame::{Backlog, Batch, InterfaceName, LinkType, Slot};
use crate::time::clock;
use block::Cursor;
use map::Map;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// After how long the kernel hands over a block that is not full.
pub(crate) const RETIRE: Duration = Duration::from_millis(50);

/// How often to look whether an interface that went down is still there.
const LOOK: Duration = Duration::from_millis(250);

/// The most frames in a batch: their places stay in the nearest cache until they are used, and a
/// lock that is taken once a batch is never held for long.
const BATCH_FRAMES: usize = 256;

/// The largest block, bytes.
const BLOCK_MAX: usize = 1 << 20;

/// The smallest block of a ring that has space for more than two, bytes. A frame cannot be longer than a
/// block: the kernel hands over up to 64 KiB of one that it has put together.
const BLOCK_MIN: usize = 128 << 10;

/// A running capture by ring.
pub struct Ring {
    // The mapping goes before the socket, which then gives its ring up and returns to its pool.
    map: Map,
    socket: PooledSocket,
    wake: Wake,
    names: [InterfaceName; 1],
    name: String,
    link: LinkType,
    slots: Vec<Slot>,
    /// The block that comes next, or is lent.
    current: usize,
    /// How far it has been read, while it is ours.
    cursor: Option<Cursor>,
    /// The interface went down and may be gone.
    suspect: bool,
    dropped: u64,
    bytes: u64,
}

impl Ring {
    /// Starts to capture on `interface`, which frames of `link` come from.
    ///
    /// # Errors
    /// [`CaptureError::InterfaceGone`] if there is no such interface; [`CaptureError::Io`] when the
    /// kernel refuses one of the steps.
    pub fn open(
        interface: &Interface,
        link: FilterLink,
        mut socket: PooledSocket,
        options: &Options,
    ) -> Result<Self, CaptureError> {
        let fail = |operation| move |source| interface.error(operation, source);
        let program = filter::compile(&filter::Spec {
            link,
            loopback: interface.is_loopback(),
            stream_snap: filter::STREAM_SNAP,
        });
        sys::attach_filter(socket.as_fd(), &program).map_err(fail("attach the filter"))?;
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        sys::set_option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_VERSION, version)
            .map_err(fail("choose TPACKET_V3"))?;
        let geometry = Geometry::new(options.ring_size, sys::page_size());
        sys::set_option(
            socket.as_fd(),
            libc::SOL_PACKET,
            libc::PACKET_RX_RING,
            geometry.request().map_err(fail("size the ring"))?,
        )
        .map_err(fail("make a ring"))?;
        let map = Map::new(socket.as_fd(), geometry.block_size, geometry.blocks)
            .map_err(fail("map the ring"))?;
        let membership =
            sys::Membership { index: interface.index, promiscuous: options.promiscuous };
        socket.join(membership).map_err(fail("ask for all multicast"))?;
        // Reset what an earlier user of the socket left in the counts.
        read_statistics(&socket).map_err(fail("read the statistics"))?;
        sys::packet_bind(socket.as_fd(), interface.index).map_err(fail("bind"))?;
        Ok(Self {
            map,
            socket,
            wake: Wake::new().map_err(fail("make a pipe"))?,
            names: [InterfaceName { name: Some(interface.name.clone()) }],
            name: interface.name.clone(),
            link: link.link_type(),
            slots: Vec::with_capacity(BATCH_FRAMES),
            current: 0,
            cursor: None,
            suspect: false,
            dropped: 0,
            bytes: geometry.bytes(),
        })
    }

    /// The memory of the ring, bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn error(&self, operation: &'static str, source: io::Error) -> CaptureError {
        CaptureError::Io { operation, object: self.name.clone(), source }
    }

    /// Waits until the current block is ours, somebody calls, or `wait` is over.
    fn wait(&mut self, wait: Duration) -> Result<(), CaptureError> {
        // The kernel says once that an interface goes down; that it is gone has to be looked for.
        let wait = if self.suspect { wait.min(LOOK) } else { wait };
        let mut entry = [sys::poll_entry(self.socket.as_fd()), self.wake.entry()];
        sys::poll(&mut entry, wait).map_err(|source| self.error("wait for frames", source))?;
        self.wake.handle(entry[1]);
        if entry[0].revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
            let error = sys::take_error(self.socket.as_fd())
                .map_err(|source| self.error("ask for the error", source))?;
            match error {
                // Reported once when the interface goes down, which comes first when it is deleted.
                Some(error)
                    if matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENXIO)) =>
                {
                    self.suspect = true;
                }
                Some(error) => return Err(self.error("wait for frames", error)),
                None => {}
            }
        }
        if self.suspect {
            let bound = sys::packet_is_bound(self.socket.as_fd())
                .map_err(|source| self.error("ask for the interface", source))?;
            // What was heard before the interface went is handed out first.
            if !bound && !self.is_last_block_ready()? {
                return Err(CaptureError::InterfaceGone { interface: self.name.clone() });
            }
            if bound && entry[0].revents & libc::POLLIN != 0 {
                self.suspect = false;
            }
        }
        Ok(())
    }

    /// Waits for as long as the kernel may hold back a block that is not full.
    fn is_last_block_ready(&self) -> Result<bool, CaptureError> {
        let deadline = clock::now().monotonic.plus(self.latency());
        while self.map.ready(self.current).is_none() {
            let left = deadline.since(clock::now().monotonic);
            if left.is_zero() {
                return Ok(false);
            }
            let mut entry = [sys::poll_entry(self.socket.as_fd())];
            sys::poll(&mut entry, left).map_err(|source| self.error("wait for frames", source))?;
            // The interface's end, reported once more: else the next poll would not wait.
            sys::take_error(self.socket.as_fd())
                .map_err(|source| self.error("ask for the error", source))?;
        }
        Ok(true)
    }
}

impl Capture for Ring {
    fn next_batch(&mut self, wait: Duration) -> Result<Batch<'_>, CaptureError> {
        if self.cursor.is_some_and(Cursor::is_at_end) {
            self.map.release(self.current);
            self.current = (self.current + 1) % self.map.blocks();
            self.cursor = None;
        }
        self.slots.clear();
        if self.cursor.is_none() && self.map.ready(self.current).is_none() {
            self.wait(wait)?;
        }
        let Some(bytes) = self.map.ready(self.current) else {
            return Ok(Batch::new(&[], &[], &self.names));
        };
        let cursor = self.cursor.get_or_insert_with(|| Cursor::new(bytes));
        let lost = cursor.read(bytes, self.link, BATCH_FRAMES, &mut self.slots);
        if lost > 0 {
            self.dropped += u64::from(lost);
            tracing::debug!(interface = %self.name, lost, "a block of the ring is inconsistent");
        }
        Ok(Batch::new(bytes, &self.slots, &self.names))
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.names
    }

    fn dropped(&mut self) -> Option<u64> {
        // The kernel starts from 0 after each read.
        if let Ok(statistics) = read_statistics(&self.socket) {
            self.dropped += u64::from(statistics.tp_drops);
        }
        Some(self.dropped)
    }

    /// The kernel fills one block after the other: those up to a full one are full too.
    fn backlog(&self) -> Backlog {
        let blocks = self.map.blocks();
        let is_full = |ahead: usize| self.map.ready((self.current + ahead) % blocks).is_some();
        if is_full(blocks * 3 / 4) {
            Backlog::Most
        } else if is_full(blocks / 2) {
            Backlog::Half
        } else {
            Backlog::Little
        }
    }

    /// A block is retired by a timer that runs every [`RETIRE`] and may just have passed.
    fn latency(&self) -> Duration {
        RETIRE * 2
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.wake.waker())
    }
}

fn read_statistics(socket: &PooledSocket) -> io::Result<libc::tpacket_stats_v3> {
    sys::get_option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS)
}

/// How a ring is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Geometry {
    block_size: usize,
    blocks: usize,
}

impl Geometry {
    /// At most `bytes`, and at least two pages, as blocks that are a power of two and a multiple of the
    /// page.
    ///
    /// Many small blocks: the kernel retires a block that has but one frame after [`RETIRE`], so that a
    /// ring of eight is full after 400 ms in which nobody reads, however little comes.
    fn new(bytes: usize, page: usize) -> Self {
        let part = (bytes / 64).max(BLOCK_MIN).min(bytes / 8).max(1);
        let power = 1_usize << part.ilog2();
        let block_size = power.clamp(page, BLOCK_MAX.max(page));
        Self { block_size, blocks: (bytes / block_size).max(2) }
    }

    const fn bytes(self) -> u64 {
        self.block_size as u64 * self.blocks as u64
    }

    fn request(self) -> io::Result<libc::tpacket_req3> {
        let number = |value: usize| {
            libc::c_uint::try_from(value).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
        };
        // Frames are packed one behind the other in version 3: the frame size serves the kernel's
        // check of the request only.
        let frame_size = 2048;
        Ok(libc::tpacket_req3 {
            tp_block_size: number(self.block_size)?,
            tp_block_nr: number(self.blocks)?,
            tp_frame_size: frame_size,
            tp_frame_nr: number(self.block_size * self.blocks)? / frame_size,
            tp_retire_blk_tov: number(RETIRE.as_millis() as usize)?,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_many_and_powers_of_two() {
        let ring = Geometry::new(4 << 20, 4096);
        assert_eq!(ring, Geometry { block_size: 128 << 10, blocks: 32 });
        assert_eq!(ring.bytes(), 4 << 20);
        assert_eq!(Geometry::new(5_000_000, 4096), Geometry { block_size: 128 << 10, blocks: 38 });
        assert_eq!(Geometry::new(16 << 20, 4096), Geometry { block_size: 256 << 10, blocks: 64 });
        assert_eq!(Geometry::new(256 << 10, 4096), Geometry { block_size: 32 << 10, blocks: 8 });
        assert_eq!(Geometry::new(1 << 30, 4096).block_size, BLOCK_MAX);
        assert_eq!(Geometry::new(0, 4096), Geometry { block_size: 4096, blocks: 2 });
        assert_eq!(Geometry::new(64 << 10, 65536), Geometry { block_size: 65536, blocks: 2 });
    }

    #[test]
    fn a_ring_beyond_what_the_kernel_can_count_is_refused() {
        assert!(Geometry::new(usize::MAX / 2, 4096).request().is_err());
        assert_eq!(Geometry::new(4 << 20, 4096).request().unwrap().tp_frame_nr, 2048);
    }
}
