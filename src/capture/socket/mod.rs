//! Capture without any privilege: one UDP socket for each well-known group. Datagrams become raw IP
//! packets whose headers are rebuilt. Knows nothing of what they mean.
//!
//! - Each socket is bound to the *group address*: one bound to the wildcard would take unicast
//!   datagrams away from the host's own responder.
//! - `SO_REUSEADDR`, since the responder's own sockets are on the same ports, but not
//!   `SO_REUSEPORT`: with it, what one interface heard went now and then to the socket of the same group on
//!   another interface alone, and was lost (seen on Linux 6.18; `tests/root_capture.rs` has two).
//! - `IP_MULTICAST_ALL=0`, and the interface of each datagram is compared: what was heard on
//!   another interface is not counted here.
//! - Lengths are estimates: 14 bytes of Ethernet and what the IP header would say.

mod headers;
mod receive;

use super::groups::{LISTENED, Listened};
use super::interface::Interface;
use super::wake::{Wake, Waker};
use super::{Capture, CaptureError, sys};
use crate::frame::{Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot};
use crate::time::clock;
use headers::HEADROOM;
use receive::{AT_ONCE, Datagram};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::time::Duration;

/// The longest payload that is read whole, bytes: an mDNS message has at most 9,000 (RFC 6762,
/// section 17).
const PAYLOAD: usize = 9_216;
const STRIDE: usize = HEADROOM + PAYLOAD;
/// Asked of the kernel for each socket, bytes; it gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A group that is not heard.
#[derive(Debug)]
pub struct Skipped {
    /// The group and its port.
    pub group: Listened,
    /// Why: IPv6 is disabled, a port is taken...
    pub reason: io::Error,
}

struct Member {
    socket: Socket,
    group: Listened,
    /// The socket's own count of drops when it last told.
    dropped: u32,
}

/// A running capture by UDP sockets.
pub(crate) struct GroupSockets {
    members: Vec<Member>,
    /// Of each member, and the last for who calls.
    entries: Vec<libc::pollfd>,
    wake: Wake,
    names: [InterfaceName; 1],
    name: String,
    index: u32,
    memory: Box<[u8]>,
    slots: Vec<Slot>,
    /// Which socket is read first: the next one each time, so that a flood on one does not keep
    /// the others from being read.
    first: usize,
    dropped: u64,
}

impl GroupSockets {
    /// Joins the groups of [`LISTENED`] on `interface`. Returns those that cannot be joined as
    /// well.
    ///
    /// # Errors
    /// [`CaptureError::InterfaceGone`] if there is no such interface; [`CaptureError::NoGroup`] if
    /// no group can be joined.
    pub fn open(interface: &Interface) -> Result<(Self, Vec<Skipped>), CaptureError> {
        let mut members = Vec::with_capacity(LISTENED.len());
        let mut skipped = Vec::new();
        for group in LISTENED {
            match listen(group, interface.index) {
                Ok(socket) => members.push(Member { socket, group, dropped: 0 }),
                Err(reason) => skipped.push(Skipped { group, reason }),
            }
        }
        if members.is_empty() {
            return Err(no_group(interface, &skipped));
        }
        let wake = Wake::new().map_err(|source| interface.error("make a pipe", source))?;
        let entries = members.iter().map(|member| sys::poll_entry(member.socket.as_fd()));
        let entries = entries.chain([wake.entry()]).collect();
        let capture = Self {
            members,
            entries,
            wake,
            names: [InterfaceName { name: Some(interface.name.clone()) }],
            name: interface.name.clone(),
            index: interface.index,
            memory: vec![0; STRIDE * AT_ONCE].into_boxed_slice(),
            slots: Vec::with_capacity(AT_ONCE),
            first: 0,
            dropped: 0,
        };
        Ok((capture, skipped))
    }

    fn error(&self, operation: &'static str, source: io::Error) -> CaptureError {
        CaptureError::Io { operation, object: self.name.clone(), source }
    }

    /// Reads one socket into the places that are left.
    fn read(&mut self, member: usize, used: usize) -> io::Result<usize> {
        let Self { members, memory, slots, index, dropped, .. } = self;
        let member = &mut members[member];
        let places = &mut memory[used * STRIDE..];
        // The payloads leave space in front for the headers, which are written when they are known.
        let mut datagrams = [None; AT_ONCE];
        let received = receive::receive(
            member.socket.as_fd(),
            places.chunks_exact_mut(STRIDE).map(|place| &mut place[HEADROOM..]),
            |at, datagram| datagrams[at] = Some(datagram),
        )?;
        for (at, datagram) in datagrams.iter().enumerate() {
            let Some(datagram) = datagram else { continue };
            if let Some(now) = datagram.dropped {
                *dropped += u64::from(now.wrapping_sub(member.dropped));
                member.dropped = now;
            }
            if datagram.interface.is_some_and(|heard| heard != *index) {
                continue;
            }
            let start = at * STRIDE;
            if let Some(slot) = rebuild(&mut places[start..start + STRIDE], datagram, member.group)
            {
                slots.push(Slot { start: used * STRIDE + start + slot.start, ..slot });
            }
        }
        Ok(received)
    }
}

/// Writes the headers in front of a payload and says where the packet lies in its place.
fn rebuild(place: &mut [u8], datagram: &Datagram, group: Listened) -> Option<Slot> {
    let room = place.first_chunk_mut::<HEADROOM>()?;
    let destination = SocketAddr::new(group.group, group.port);
    // Where the kernel does not give a TTL, none counts as wrong (RFC 6762, section 11).
    let ttl = datagram.ttl.unwrap_or(255);
    let (used, wire_len) = headers::write(room, datagram.source, destination, ttl, datagram.len)?;
    let meta = FrameMeta {
        stamp: datagram.stamp.unwrap_or_else(|| clock::now().wall),
        interface: 0,
        link: LinkType::RawIp,
        stripped_tag: None,
        direction: Direction::Unknown,
        wire_len,
    };
    Some(Slot { meta, start: HEADROOM - used, len: used + datagram.len.min(PAYLOAD) })
}

fn no_group(interface: &Interface, skipped: &[Skipped]) -> CaptureError {
    let gone = |skipped: &Skipped| skipped.reason.raw_os_error() == Some(libc::ENODEV);
    if !skipped.is_empty() && skipped.iter().all(gone) {
        return CaptureError::InterfaceGone { interface: interface.name.clone() };
    }
    let reasons: Vec<String> =
        skipped.iter().map(|skipped| format!("{}: {}", skipped.group, skipped.reason)).collect();
    CaptureError::NoGroup { interface: interface.name.clone(), reasons: reasons.join(", ") }
}

/// A socket that hears one group on one interface.
fn listen(listened: Listened, index: u32) -> io::Result<Socket> {
    let domain = match listened.group {
        IpAddr::V4(_) => Domain::IPV4,
        IpAddr::V6(_) => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Less is not an error: drops are counted.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let on: libc::c_int = 1;
    let fd = socket.as_fd();
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, on)?;
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, on)?;
    match listened.group {
        IpAddr::V4(group) => {
            sys::set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0)?;
            sys::set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, on)?;
            sys::set_option(fd, libc::IPPROTO_IP, libc::IP_RECVTTL, on)?;
            sys::join_v4(fd, group, index)?;
            socket.bind(&SocketAddr::new(listened.group, listened.port).into())?;
        }
        IpAddr::V6(group) => {
            socket.set_only_v6(true)?;
            // Linux 4.20 and later; before, the interface of each datagram decides alone.
            let _ = sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL, 0);
            sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, on)?;
            sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, on)?;
            socket.join_multicast_v6(&group, index)?;
            socket.bind(&SocketAddrV6::new(group, listened.port, 0, index).into())?;
        }
    }
    Ok(socket)
}

impl Capture for GroupSockets {
    fn next_batch(&mut self, wait: Duration) -> Result<Batch<'_>, CaptureError> {
        self.slots.clear();
        let ready = sys::poll(&mut self.entries, wait)
            .map_err(|source| self.error("wait for datagrams", source))?;
        let count = self.members.len();
        self.wake.handle(self.entries[count]);
        if ready == 0 {
            // A socket does not notice that the interface of its membership is gone.
            let exists = sys::interface_exists(self.members[0].socket.as_fd(), self.index)
                .map_err(|source| self.error("ask for the interface", source))?;
            if !exists {
                return Err(CaptureError::InterfaceGone { interface: self.name.clone() });
            }
            return Ok(Batch::new(&[], &[], &self.names));
        }
        let mut used = 0;
        for turn in 0..count {
            let member = (self.first + turn) % count;
            if self.entries[member].revents == 0 || used == AT_ONCE {
                continue;
            }
            used +=
                self.read(member, used).map_err(|source| self.error("read datagrams", source))?;
        }
        self.first = (self.first + 1) % count;
        self.slots.sort_unstable_by_key(|slot| (slot.meta.stamp, slot.start));
        Ok(Batch::new(&self.memory, &self.slots, &self.names))
    }

    fn interfaces(&self) -> &[InterfaceName] {
        &self.names
    }

    /// As of the last datagram that was read of each group.
    fn dropped(&mut self) -> Option<u64> {
        Some(self.dropped)
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.wake.waker())
    }
}
