//! The netlink socket: asks the kernel for dumps and receives what it announces. Needs no
//! privilege. Knows no state of links.

use super::message::{self, Message};
use super::wire::{self, RawMessage, u32_at};
use crate::capture::wake::{Wake, Waker};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use socket2::SockRef;
use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

/// Space for a datagram. The kernel fills up to 32 KiB in a dump; a longer notification grows it.
const BUFFER: usize = 64 << 10;
/// How long the kernel may take for the next datagram of a dump.
const DUMP_PATIENCE: Duration = Duration::from_secs(5);
/// The shortest time-out that the kernel does not read as "for ever".
const SHORTEST: Duration = Duration::from_millis(1);

/// What to dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dump {
    /// All links.
    Links,
    /// All addresses of all links.
    Addresses,
    /// The neighbour tables of IPv4 and IPv6.
    Neighbours,
}

/// How a dump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumpEnd {
    /// All of it was read.
    Complete,
    /// Something changed while the kernel wrote it (`NLM_F_DUMP_INTR`): it may have holes.
    Interrupted,
    /// Messages were lost meanwhile.
    Overrun,
}

/// What a wait for announcements brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Messages; none if the wait ended without any.
    Messages(Vec<Message>),
    /// Messages were lost: the socket's memory was full.
    Overrun,
}

/// A netlink socket of the routing family, in the network namespace in which it was opened.
#[derive(Debug)]
pub(crate) struct RouteSocket {
    socket: Socket,
    /// Our netlink port: replies carry it.
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
    malformed: u64,
    /// Ends a wait for announcements.
    wake: Wake,
}

impl RouteSocket {
    /// Opens a socket that hears the groups `groups` (`RTNLGRP_*`); with none, only replies.
    /// `memory` is the size in bytes of what the kernel keeps for us; it caps that at
    /// `net.core.rmem_max`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open(groups: &[u32], memory: Option<usize>) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        if let Some(memory) = memory {
            SockRef::from(&socket).set_recv_buffer_size(memory)?;
        }
        let port = socket.bind_auto()?.port_number();
        for &group in groups {
            socket.add_membership(group)?;
        }
        Ok(Self {
            socket,
            port,
            sequence: 0,
            buffer: vec![0; BUFFER],
            malformed: 0,
            wake: Wake::new()?,
        })
    }

    /// Messages that could not be read, since the socket was opened.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// What ends [`hear`](Self::hear) early.
    pub fn waker(&self) -> Waker {
        self.wake.waker()
    }

    /// Waits at most `wait` for an announcement, then takes all that are there.
    ///
    /// # Errors
    /// What the kernel says, an overrun apart.
    pub fn hear(&mut self, wait: Duration) -> io::Result<Heard> {
        let mut messages = Vec::new();
        self.wake.wait_beside(self.socket.as_fd(), wait)?;
        let mut next = self.receive(None);
        loop {
            match next? {
                Received::Overrun => return Ok(Heard::Overrun),
                Received::Nothing => return Ok(Heard::Messages(messages)),
                Received::Datagram(length) => {
                    for raw in wire::messages(&self.buffer[..length]) {
                        let decoded = raw.and_then(|raw| message::decode(raw.kind, raw.payload));
                        match decoded {
                            Ok(Message::Other) => {}
                            Ok(message) => messages.push(message),
                            Err(_) => self.malformed += 1,
                        }
                    }
                }
            }
            next = self.receive(None);
        }
    }

    /// Throws away what was announced so far.
    ///
    /// # Errors
    /// What the kernel says, overruns apart.
    pub fn drain(&mut self) -> io::Result<()> {
        loop {
            match self.receive(None)? {
                Received::Datagram(_) | Received::Overrun => {}
                Received::Nothing => return Ok(()),
            }
        }
    }

    /// Reads a whole dump; each message goes to `take`, and so do announcements that come
    /// between them, in the order in which the kernel wrote both.
    ///
    /// # Errors
    /// What the kernel says; [`io::ErrorKind::TimedOut`] if it says nothing for five seconds.
    pub(crate) fn dump(
        &mut self,
        what: Dump,
        mut take: impl FnMut(Message),
    ) -> io::Result<DumpEnd> {
        self.request(what)?;
        let mut interrupted = false;
        loop {
            let length = match self.receive(Some(DUMP_PATIENCE))? {
                Received::Datagram(length) => length,
                Received::Nothing => return Err(io::ErrorKind::TimedOut.into()),
                Received::Overrun => {
                    // The kernel begins no other dump before this one has been read to its end.
                    self.drain()?;
                    return Ok(DumpEnd::Overrun);
                }
            };
            for raw in wire::messages(&self.buffer[..length]) {
                let Ok(raw) = raw else {
                    self.malformed += 1;
                    continue;
                };
                if self.is_reply(&raw) {
                    interrupted |= i32::from(raw.flags) & libc::NLM_F_DUMP_INTR != 0;
                    match i32::from(raw.kind) {
                        libc::NLMSG_DONE => {
                            return Ok(if interrupted {
                                DumpEnd::Interrupted
                            } else {
                                DumpEnd::Complete
                            });
                        }
                        libc::NLMSG_ERROR => return Err(refusal(&raw)),
                        _ => {}
                    }
                }
                match message::decode(raw.kind, raw.payload) {
                    Ok(message) => take(message),
                    Err(_) => self.malformed += 1,
                }
            }
        }
    }

    fn is_reply(&self, raw: &RawMessage<'_>) -> bool {
        raw.sequence == self.sequence && raw.port == self.port
    }

    fn request(&mut self, what: Dump) -> io::Result<()> {
        // 0 is what the kernel's own announcements carry.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        // All families: ifinfomsg of 16 bytes, ifaddrmsg of 8, ndmsg of 12, all zero.
        let bytes = match what {
            Dump::Links => {
                let mask = libc::RTEXT_FILTER_SKIP_STATS.cast_unsigned();
                let extra = Some((libc::IFLA_EXT_MASK, mask));
                wire::dump_request(libc::RTM_GETLINK, self.sequence, &[0; 16], extra)
            }
            Dump::Addresses => wire::dump_request(libc::RTM_GETADDR, self.sequence, &[0; 8], None),
            Dump::Neighbours => {
                wire::dump_request(libc::RTM_GETNEIGH, self.sequence, &[0; 12], None)
            }
        };
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map(drop)
    }

    /// One datagram of the kernel's: waits at most `wait`, or not at all.
    fn receive(&mut self, wait: Option<Duration>) -> io::Result<Received> {
        let mut flags = libc::MSG_TRUNC;
        match wait.filter(|wait| !wait.is_zero()) {
            Some(wait) => {
                SockRef::from(&self.socket).set_read_timeout(Some(wait.max(SHORTEST)))?;
            }
            None => flags |= libc::MSG_DONTWAIT,
        }
        loop {
            match self.socket.recv_from(&mut &mut self.buffer[..], flags) {
                // Truncated: what is lost must be asked for again, with enough space.
                Ok((length, _)) if length > self.buffer.len() => {
                    self.buffer.resize(length, 0);
                    return Ok(Received::Overrun);
                }
                Ok((length, from)) if from.port_number() == 0 => {
                    return Ok(Received::Datagram(length));
                }
                // Another process wrote to us: not from the kernel.
                Ok(_) => {}
                Err(error) => {
                    return match error.raw_os_error() {
                        Some(libc::ENOBUFS) => Ok(Received::Overrun),
                        Some(libc::EAGAIN | libc::EINTR) => Ok(Received::Nothing),
                        _ => Err(error),
                    };
                }
            }
        }
    }
}

enum Received {
    /// This many bytes of the buffer.
    Datagram(usize),
    Nothing,
    Overrun,
}

/// The error number of `NLMSG_ERROR`, negative in the message.
fn refusal(raw: &RawMessage<'_>) -> io::Error {
    match u32_at(raw.payload, 0).map(u32::cast_signed) {
        Some(number) if number < 0 => io::Error::from_raw_os_error(number.saturating_neg()),
        Some(_) | None => io::ErrorKind::InvalidData.into(),
    }
}
