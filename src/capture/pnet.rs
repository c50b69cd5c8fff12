//! Capture by the `pnet` crate's portable datalink channel, in batches of copied frames. Knows
//! nothing of what the frames mean.
//!
//! The crate is given a duplicate of a pooled socket (`Config::socket_fd`), so it works after the
//! privileges are gone, with the kernel filter already attached. It is promiscuous, since the crate
//! has no other way to hear foreign groups. It costs a poll and a recvfrom for each frame and does
//! not report all it could: no drops, no direction, and no tag that the kernel took out of the
//! bytes, neither its VLAN nor its 4 bytes of length. (A tag in the bytes, as in outgoing frames,
//! is seen.)

use super::filter::{self, FilterLink};
use super::interface::Interface;
use super::pool::PooledSocket;
use super::wake::{Wake, Waker};
use super::{Capture, CaptureError, sys};
use crate::frame::{Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot};
use crate::time::clock;
use ::pnet::datalink::{self, Channel, DataLinkReceiver, NetworkInterface};
use std::io;
use std::os::fd::{AsFd, IntoRawFd};
use std::time::Duration;

/// The longest frame that is read whole, bytes.
const READ_BUFFER: usize = 65_536;
/// How often to look whether an interface that went down is still there.
const LOOK: Duration = Duration::from_millis(250);
/// A batch ends after this many bytes or frames.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_FRAMES: usize = 512;

/// A running capture by `pnet`.
pub struct Pnet {
    // The crate's duplicate is closed before the socket returns to its pool.
    receiver: Box<dyn DataLinkReceiver>,
    socket: PooledSocket,
    wake: Wake,
    names: [InterfaceName; 1],
    name: String,
    link: LinkType,
    memory: Vec<u8>,
    slots: Vec<Slot>,
    /// The interface went down and may be gone.
    suspect: bool,
}

impl Pnet {
    /// Starts to capture on `interface`, which frames of `link` come from.
    ///
    /// # Errors
    /// [`CaptureError::InterfaceGone`] if there is no such interface; [`CaptureError::Io`] when the
    /// kernel refuses one of the steps.
    pub fn open(
        interface: &Interface,
        link: FilterLink,
        mut socket: PooledSocket,
    ) -> Result<Self, CaptureError> {
        let fail = |operation| move |source| interface.error(operation, source);
        let program = filter::compile(&filter::Spec {
            link,
            loopback: interface.is_loopback(),
            // The crate gives the length that was copied, not the wire's: nothing is cut.
            stream_snap: filter::WHOLE,
        });
        sys::attach_filter(socket.as_fd(), &program).map_err(fail("attach the filter"))?;
        let duplicate =
            socket.as_fd().try_clone_to_owned().map_err(fail("duplicate the packet socket"))?;
        let config = datalink::Config {
            read_buffer_size: READ_BUFFER,
            // Waiting is done here, with the caller's time-out.
            read_timeout: Some(Duration::ZERO),
            promiscuous: true,
            // The crate closes it, also when it fails.
            socket_fd: Some(duplicate.into_raw_fd()),
            ..datalink::Config::default()
        };
        let target = NetworkInterface {
            name: interface.name.clone(),
            description: String::new(),
            index: interface.index,
            mac: None,
            ips: Vec::new(),
            flags: 0,
        };
        let receiver = match datalink::channel(&target, config) {
            Ok(Channel::Ethernet(_, receiver)) => receiver,
            Ok(_) => {
                let error = io::Error::other("the pnet crate opened another kind of channel");
                return Err(interface.error("open the pnet channel", error));
            }
            Err(source) => return Err(interface.error("open the pnet channel", source)),
        };
        // The crate joined on our socket; the pool undoes it.
        socket.adopt(sys::Membership { index: interface.index, promiscuous: true });
        Ok(Self {
            receiver,
            socket,
            wake: Wake::new().map_err(fail("make a pipe"))?,
            names: [InterfaceName { name: Some(interface.name.clone()) }],
            name: interface.name.clone(),
            link: link.link_type(),
            memory: Vec::with_capacity(BATCH_BYTES + READ_BUFFER),
            slots: Vec::with_capacity(BATCH_FRAMES),
            suspect: false,
        })
    }

    fn error(&self, operation: &'static str, source: io::Error) -> CaptureError {
        CaptureError::Io { operation, object: self.name.clone(), source }
    }

    /// Waits until there is a frame: `false` if there is none in time, or somebody called.
    fn wait(&mut self, wait: Duration) -> Result<bool, CaptureError> {
        // The kernel says once that an interface goes down; that it is gone has to be looked for.
        let wait = if self.suspect { wait.min(LOOK) } else { wait };
        let mut entry = [sys::poll_entry(self.socket.as_fd()), self.wake.entry()];
        sys::poll(&mut entry, wait).map_err(|source| self.error("wait for frames", source))?;
        self.wake.handle(entry[1]);
        if entry[0].revents & libc::POLLERR != 0 {
            let error = sys::take_error(self.socket.as_fd())
                .map_err(|source| self.error("ask for the error", source))?;
            match error {
                Some(error) if is_down(&error) => self.suspect = true,
                Some(error) => return Err(self.error("wait for frames", error)),
                None => {}
            }
        }
        let readable = entry[0].revents & libc::POLLIN != 0;
        if self.suspect && !readable {
            let bound = sys::packet_is_bound(self.socket.as_fd())
                .map_err(|source| self.error("ask for the interface", source))?;
            if !bound {
                return Err(CaptureError::InterfaceGone { interface: self.name.clone() });
            }
        }
        Ok(readable)
    }

    /// Copies what is queued, up to a batch.
    fn drain(&mut self) -> Result<(), CaptureError> {
        while self.slots.len() < BATCH_FRAMES && self.memory.len() < BATCH_BYTES {
            match self.receiver.next() {
                Ok(frame) => {
                    let meta = FrameMeta {
                        stamp: clock::now().wall,
                        interface: 0,
                        link: self.link,
                        stripped_tag: None,
                        direction: Direction::Unknown,
                        wire_len: u32::try_from(frame.len()).unwrap_or(u32::MAX),
                    };
                    self.slots.push(Slot { meta, start: self.memory.len(), len: frame.len() });
                    self.memory.extend_from_slice(frame);
                }
                Err(error) if is_down(&error) => {
                    self.suspect = true;
                    break;
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::TimedOut
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::Interrupted
                    // Its word for POLLERR, which the next wait asks about.
                    | io::ErrorKind::Other => break,
                    _ => return Err(self.error("read a frame", error)),
                },
            }
        }
        Ok(())
    }
}

fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENXIO))
}

impl Capture for Pnet {
    fn next_batch(&mut self, wait: Duration) -> Result<Batch<'_>, CaptureError> {
        self.memory.clear();
        self.slots.clear();
        if self.wait(wait)? {
            self.drain()?;
        }
        Ok(Batch::new(&self.memory, &self.slots, &self.names))
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.names
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.wake.waker())
    }
}
