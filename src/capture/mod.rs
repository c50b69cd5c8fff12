//! Where frames come from. A capture hands out batches of frames, each bytes with a time, and
//! knows nothing of what they mean. [`Capture`] is all that the rest of the program sees of it.

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

use crate::labelled::labelled;
use crate::time::Stamp;
use std::io;
use std::time::Duration;
use thiserror::Error;

/// One frame, borrowed from the capture's memory.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Everything about it but its bytes.
    pub meta: FrameMeta,
    /// What was captured, link-layer header first; shorter than `meta.wire_len` if cut.
    pub bytes: &'a [u8],
}

/// What a capture knows of a frame apart from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMeta {
    /// When it was heard, by the wall clock of whoever heard it.
    pub stamp: Stamp,
    /// Which of the capture's interfaces heard it: an index into [`Capture::interfaces`].
    pub interface: u32,
    /// How to read its first bytes.
    pub link: LinkType,
    /// The tag that the network card or kernel took out of the bytes, if any.
    pub stripped_tag: Option<Tag>,
    /// Whether this machine received or sent it.
    pub direction: Direction,
    /// Its length on the wire in bytes, link-layer header included, checksum (FCS) not.
    pub wire_len: u32,
}

/// An 802.1Q or 802.1ad tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Tag protocol: 0x8100, 0x88a8 or an older vendor's value.
    pub tpid: u16,
    /// Priority, drop eligibility and VLAN id as they stand in the tag.
    pub tci: u16,
}

impl Tag {
    /// The VLAN id, 0 to 4095; 0 means that the tag carries a priority only.
    #[must_use]
    pub const fn vid(self) -> u16 {
        self.tci & 0x0fff
    }
}

/// Link types that are decoded, by the numbers of the tcpdump registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// `LINKTYPE_ETHERNET`, 1.
    Ethernet,
    /// `LINKTYPE_LINUX_SLL`, 113.
    LinuxCooked,
    /// `LINKTYPE_LINUX_SLL2`, 276.
    LinuxCooked2,
    /// `LINKTYPE_IEEE802_11`, 105.
    Ieee80211,
    /// `LINKTYPE_IEEE802_11_RADIOTAP`, 127.
    Radiotap,
    /// `LINKTYPE_RAW`, 101 (and `DLT_RAW` 12 and 14, `LINKTYPE_IPV4` 228, `LINKTYPE_IPV6` 229).
    RawIp,
    /// `LINKTYPE_NULL`, 0: four octets of address family in the byte order of the writer.
    BsdLoopback,
    /// `LINKTYPE_LOOP`, 108: the same in network byte order.
    OpenBsdLoopback,
    /// Anything else: counted, not decoded.
    Other(u16),
}

impl LinkType {
    /// The link type with this number in the tcpdump registry
    /// (<https://www.tcpdump.org/linktypes.html>). Takes 12 and 14 as well, which are numbers of
    /// raw IP on BSD and which files carry all the same.
    #[must_use]
    pub const fn from_registry(number: u16) -> Self {
        match number {
            0 => Self::BsdLoopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            105 => Self::Ieee80211,
            108 => Self::OpenBsdLoopback,
            113 => Self::LinuxCooked,
            127 => Self::Radiotap,
            276 => Self::LinuxCooked2,
            other => Self::Other(other),
        }
    }
}

/// Whether this machine received or sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The backend cannot tell.
    #[default]
    Unknown,
    /// Received.
    Incoming,
    /// Sent by this machine.
    Outgoing,
}

/// Frames that were read together, borrowed from the capture until the next read.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    memory: &'a [u8],
    frames: &'a [Slot],
    interfaces: &'a [InterfaceName],
}

/// Where in a batch's memory one frame lies.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Everything about the frame but its bytes.
    pub meta: FrameMeta,
    /// Offset of the first byte.
    pub start: usize,
    /// Number of bytes captured.
    pub len: usize,
}

impl<'a> Batch<'a> {
    /// Frames at the given places of `memory`, heard on `interfaces`. A slot that reaches beyond
    /// the memory yields what there is.
    #[must_use]
    pub const fn new(
        memory: &'a [u8],
        frames: &'a [Slot],
        interfaces: &'a [InterfaceName],
    ) -> Self {
        Self { memory, frames, interfaces }
    }

    /// The interfaces that frames name by index: all that the capture has heard of so far.
    #[must_use]
    pub const fn interfaces(&self) -> &'a [InterfaceName] {
        self.interfaces
    }

    /// How many frames there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether the wait ended without a frame.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames up to the first that was heard after `stamp`.
    #[must_use]
    pub fn until(self, stamp: Stamp) -> Self {
        let end = self.frames.iter().position(|slot| slot.meta.stamp > stamp);
        Self { frames: &self.frames[..end.unwrap_or(self.frames.len())], ..self }
    }

    /// The frames in the order in which they were heard.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'a>> + use<'a> {
        let memory = self.memory;
        self.frames.iter().map(move |slot| {
            let start = slot.start.min(memory.len());
            let end = start.saturating_add(slot.len).min(memory.len());
            Frame { meta: slot.meta, bytes: &memory[start..end] }
        })
    }
}

/// A source of frames.
pub trait Capture: Send {
    /// Waits at most `wait` for frames and hands out what came; an empty batch if nothing did.
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

    /// How long after its arrival a frame may still be handed out: a second is closed this much
    /// later. Zero for files.
    fn latency(&self) -> Duration {
        Duration::ZERO
    }
}

/// The name of one interface of a capture, as the capture file or the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName {
    /// The name, if it has one. Interface N > 0 of a pcapng section that gives it no name is
    /// named `captureN`.
    pub name: Option<String>,
}

impl InterfaceName {
    /// The name, or `capture`. Equal labels are the same segment, within a file and among files.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("capture")
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
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Ring | Self::Pnet | Self::Socket => true,
            Self::File | Self::Demo => false,
        }
    }

    /// What it can tell.
    #[must_use]
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
            Self::File | Self::Demo => Abilities { direction: false, drops: false, ..exact },
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
    #[must_use]
    pub fn without_object(&self) -> String {
        match self {
            Self::Io { operation, source, .. } => format!("{operation}: {source}"),
            other => other.to_string(),
        }
    }
}
