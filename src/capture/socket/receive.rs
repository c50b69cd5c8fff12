//! Reads many datagrams with one system call: source, length and ancillary data of each. Knows
//! nothing of groups.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    reason = "sizes of small C structs; field types that differ between C libraries"
)]

use crate::time::Stamp;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// How many datagrams one call reads.
pub(super) const AT_ONCE: usize = 32;

/// Space for the ancillary data that is asked for: time (16), interface and address (up to 20), TTL
/// (4), drops (4), each with a header of 16 and alignment.
const CONTROL_WORDS: usize = 24;

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    /// Who sent it.
    pub source: SocketAddr,
    /// Its length, which may exceed the memory that it was read into.
    pub len: usize,
    /// When the kernel got it, if it says.
    pub stamp: Option<Stamp>,
    /// The index of the interface that it came by, if it says.
    pub interface: Option<u32>,
    /// TTL or hop limit, if it says.
    pub ttl: Option<u8>,
    /// How many datagrams the socket has dropped so far, modulo 2^32, if it says.
    pub dropped: Option<u32>,
}

/// Reads what is queued, at most one datagram for each of `buffers` and at most [`AT_ONCE`], and
/// passes each on with the number of its buffer. Returns how many there were; 0 if none is queued.
pub(super) fn receive<'a>(
    socket: BorrowedFd<'_>,
    buffers: impl Iterator<Item = &'a mut [u8]>,
    mut each: impl FnMut(usize, Datagram),
) -> io::Result<usize> {
    // SAFETY: all are C structs for which all zeroes is a value (null pointers included).
    let (mut messages, mut vectors, mut names): (
        [libc::mmsghdr; AT_ONCE],
        [libc::iovec; AT_ONCE],
        [libc::sockaddr_storage; AT_ONCE],
    ) = unsafe { zeroed() };
    // Words, so that control headers are aligned.
    let mut controls = [[0_u64; CONTROL_WORDS]; AT_ONCE];
    let mut count = 0;
    let places = messages.iter_mut().zip(&mut vectors).zip(names.iter_mut().zip(&mut controls));
    for (buffer, ((message, vector), (name, control))) in buffers.zip(places) {
        vector.iov_base = buffer.as_mut_ptr().cast();
        vector.iov_len = buffer.len();
        let header = &mut message.msg_hdr;
        header.msg_name = (&raw mut *name).cast();
        header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        header.msg_iov = &raw mut *vector;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        // The type differs between C libraries.
        header.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
        count += 1;
    }
    // TRUNC: the length is the datagram's, not the buffer's.
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: the first `count` messages point to live buffers, names and control areas of the
    // lengths given, all of which outlive the call.
    let received = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            count,
            // The type differs between C libraries.
            flags as _,
            std::ptr::null_mut(),
        )
    };
    let Ok(received) = usize::try_from(received) else {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
            _ => Err(error),
        };
    };
    for (index, (message, name)) in messages.iter().zip(&names).take(received).enumerate() {
        let Some(source) = address(name) else { continue };
        let mut datagram = Datagram {
            source,
            len: message.msg_len as usize,
            stamp: None,
            interface: None,
            ttl: None,
            dropped: None,
        };
        read_control(&message.msg_hdr, &mut datagram);
        each(index, datagram);
    }
    Ok(received)
}

fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let pointer = &raw const *name;
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says so, and a sockaddr_storage is large and aligned enough.
            let name = unsafe { &*pointer.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let name = unsafe { &*pointer.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Fills in what the ancillary data says.
fn read_control(header: &libc::msghdr, datagram: &mut Datagram) {
    // SAFETY: the kernel has filled msg_control and set its length; the CMSG functions stay inside,
    // and the data of each header is as long as `cmsg_len` says, which `value` compares.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            let (level, kind) = ((*control).cmsg_level, (*control).cmsg_type);
            match (level, kind) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    datagram.stamp = value::<libc::timespec>(control).map(|time| {
                        Stamp::new(time.tv_sec, u32::try_from(time.tv_nsec).unwrap_or(0))
                    });
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => datagram.dropped = value::<u32>(control),
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    datagram.interface = value::<libc::in_pktinfo>(control)
                        .and_then(|info| u32::try_from(info.ipi_ifindex).ok());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    datagram.interface =
                        value::<libc::in6_pktinfo>(control).map(|info| info.ipi6_ifindex as u32);
                }
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    datagram.ttl =
                        value::<libc::c_int>(control).and_then(|ttl| u8::try_from(ttl).ok());
                }
                _ => {}
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
}

/// The data of a control message, if it is long enough for a `T`.
///
/// # Safety
/// `control` is a valid header followed by as much data as its length says; any bytes are a valid
/// `T`.
unsafe fn value<T: Copy>(control: *const libc::cmsghdr) -> Option<T> {
    // SAFETY: the caller's promise; `read_unaligned` asks nothing of the alignment.
    unsafe {
        let needed = libc::CMSG_LEN(size_of::<T>() as libc::c_uint) as usize;
        ((*control).cmsg_len as usize >= needed)
            .then(|| libc::CMSG_DATA(control).cast::<T>().read_unaligned())
    }
}
