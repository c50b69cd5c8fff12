//! Where frames come from. A capture gives out batches of frames, each bytes with a time, and knows
//! nothing of what they mean. [`Capture`] is all that the rest of the program sees of it.

pub mod descriptors;
pub mod file;
pub mod filter;
pub mod groups;
mod interface;
pub mod join;
pub mod live;
pub mod pnet;
pub mod pool;
pub mod ring;
pub mod socket;
mod sys;
pub(crate) mod wake;

use crate::frame::{Backlog, Batch, InterfaceName};
use crate::labelled::labelled;
use std::io;
use std::time::Duration;
use thiserror::Error;
use wake::Waker;

/// A source of frames.
pub trait Capture: Send {
    /// Waits at most `wait` for frames and returns what came; an empty batch if nothing did.
    ///
    /// # Errors
    /// [`CaptureError::End`] after the last frame of a source that ends; anything else is a
    /// failure of the source after which it is not read again.
    fn next_batch(&mut self, wait: Duration) -> Result<Batch<'_>, CaptureError>;

    /// The interfaces that frames name by index. May grow while a file is read, never shrinks.
    fn interfaces(&self) -> &[InterfaceName];

    /// Frames that the kernel dropped before they were read, since the capture began; `None`
    /// where the backend cannot know.
    fn dropped(&mut self) -> Option<u64> {
        None
    }

    /// How many frames wait to be read after the last batch.
    fn backlog(&self) -> Backlog {
        Backlog::Little
    }

    /// How long after its arrival a frame may still be given out: a second is closed this much
    /// later. Zero for files.
    fn latency(&self) -> Duration {
        Duration::ZERO
    }

    /// What ends a wait for frames from another thread; `None` where nothing can.
    fn waker(&self) -> Option<Waker> {
        None
    }
}

/// What a backend can tell, as `multicast_capture_info` exports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a table of independent yes and no")]
pub struct Abilities {
    /// Which backend.
    pub backend: Backend,
    /// Whether VLAN tags are seen.
    pub vlan: bool,
    /// Whether direction is known.
    pub direction: bool,
    /// Whether kernel drops are known.
    pub drops: bool,
    /// Whether byte counts are the wire's; otherwise they are estimated.
    pub exact_bytes: bool,
    /// Whether all multicast is seen; otherwise only UDP to the well-known groups.
    pub all_protocols: bool,
}

labelled! {
    /// The ways to capture.
    pub enum Backend {
        /// `AF_PACKET` with a `TPACKET_V3` ring.
        Ring = "ring",
        /// The `pnet` crate's portable capture.
        Pnet = "pnet",
        /// Plain UDP sockets on the groups.
        Socket = "socket",
        /// A capture file.
        File = "file",
        /// A simulated LAN.
        Demo = "demo",
    }
}

impl Backend {
    /// Whether frames come from an interface as they are heard.
    pub(crate) const fn is_live(self) -> bool {
        match self {
            Self::Ring | Self::Pnet | Self::Socket => true,
            Self::File | Self::Demo => false,
        }
    }

    /// What it can tell.
    pub const fn abilities(self) -> Abilities {
        let exact = Abilities {
            backend: self,
            vlan: true,
            direction: true,
            drops: true,
            exact_bytes: true,
            all_protocols: true,
        };
        match self {
            Self::Ring => exact,
            Self::Pnet => Abilities { vlan: false, direction: false, drops: false, ..exact },
            Self::Socket => Abilities {
                vlan: false,
                direction: false,
                drops: true,
                exact_bytes: false,
                all_protocols: false,
                ..exact
            },
            Self::File => Abilities { direction: false, drops: false, ..exact },
            Self::Demo => Abilities { direction: false, ..exact },
        }
    }
}

/// Why a capture could not be opened or came to an end.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The source has no more frames.
    #[error("end of capture")]
    End,
    /// The interface is gone.
    #[error("interface {interface} is gone")]
    InterfaceGone {
        /// Its name.
        interface: String,
    },
    /// A system call failed.
    #[error("{operation} on {object}: {source}")]
    Io {
        /// What was tried, in words.
        operation: &'static str,
        /// On which interface, group or file.
        object: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// There is no packet socket for it.
    #[error("capture on {interface}: {source}")]
    NoPacketSocket {
        /// The interface.
        interface: String,
        /// Why there is none, and what to do.
        source: pool::PoolEmpty,
    },
    /// It would take descriptors that others need.
    #[error(
        "capture on {interface}: no file descriptors are left for it: {limit} may be open, of which {reserved} \
         are kept for the web server and files; raise the limit (systemd: LimitNOFILE; else ulimit \
         -n), or capture fewer interfaces"
    )]
    NoDescriptors {
        /// The interface.
        interface: String,
        /// How many the process may have.
        limit: u64,
        /// How many captures do not get.
        reserved: u64,
    },
    /// The frames of the interface are of a kind that is not decoded.
    #[error(
        "interface {interface} has hardware type {arphrd}, neither Ethernet nor raw IP: only \
         --capture.backend=socket can hear it"
    )]
    HardwareType {
        /// The interface.
        interface: String,
        /// Its `ARPHRD_` number (`linux/if_arp.h`).
        arphrd: u16,
    },
    /// No group could be joined.
    #[error("no multicast group could be joined on {interface}: {reasons}")]
    NoGroup {
        /// The interface.
        interface: String,
        /// What was said of each group.
        reasons: String,
    },
    /// `auto` found no backend that runs.
    #[error("no way to capture on {interface}: {reasons}")]
    NoBackend {
        /// The interface.
        interface: String,
        /// What was said of each backend.
        reasons: String,
    },
    /// The file is not, or no longer, a capture that can be read.
    #[error(transparent)]
    Format(#[from] file::FormatError),
}

impl CaptureError {
    /// What is wrong, for a line that begins with the file's name.
    pub(crate) fn without_object(&self) -> String {
        match self {
            Self::Io { operation, source, .. } => format!("{operation}: {source}"),
            other => other.to_string(),
        }
    }
}
