//! The system calls of live capture, as safe functions: socket options by type, packet sockets,
//! poll. Knows nothing of frames.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "constants of C that are declared wider than the fields they belong in"
)]

use super::filter::Program;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A type that setsockopt may read and getsockopt may fill: any bytes are a valid value.
///
/// # Safety
/// Only for plain C data without padding that matters, without references and without niches.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: an integer.
unsafe impl Plain for libc::c_int {}
// SAFETY: C structs of integers, as are the others below.
unsafe impl Plain for libc::packet_mreq {}
// SAFETY: see above.
unsafe impl Plain for libc::tpacket_req3 {}
// SAFETY: see above.
unsafe impl Plain for libc::tpacket_stats_v3 {}
// SAFETY: see above.
unsafe impl Plain for libc::ip_mreqn {}
// SAFETY: see above.

/// The ways in which a packet socket can ask an interface for foreign frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// The interface.
    pub index: u32,
    /// Everything, instead of all multicast.
    pub promiscuous: bool,
}

/// An `EtherType` that is never on a wire: what a socket that should hear nothing is bound to.
const NO_PROTOCOL: u16 = 0xffff;

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn length_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).expect("option values are a few bytes")
}

pub(super) fn set_option<T: Plain>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> io::Result<()> {
    let pointer = (&raw const value).cast();
    // SAFETY: `pointer` is to a live `T` and the length is that of `T`.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, pointer, length_of::<T>()) })
}

pub(super) fn get_option<T: Plain>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<T> {
    // SAFETY: all zeroes is a value of any `Plain` type.
    let mut value: T = unsafe { zeroed() };
    let mut length = length_of::<T>();
    let pointer = (&raw mut value).cast();
    // SAFETY: the kernel writes at most `length` bytes, the size of `value`.
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, pointer, &raw mut length) })?;
    Ok(value)
}

/// The pending error of a socket, which this clears.
pub(super) fn take_error(socket: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    let error = get_option::<libc::c_int>(socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
    Ok((error != 0).then(|| io::Error::from_raw_os_error(error)))
}

/// An unbound packet socket with protocol 0, which hears nothing. Needs `CAP_NET_RAW`.
pub(super) fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes integers only.
    let socket = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    check(socket)?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Binds to an interface (0: none) and starts to hear `protocol`, in host byte order.
fn packet_bind_to(socket: BorrowedFd<'_>, index: u32, protocol: u16) -> io::Result<()> {
    // SAFETY: a C struct of integers.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex =
        libc::c_int::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    let pointer = (&raw const address).cast();
    // SAFETY: `pointer` is to a live sockaddr_ll of the length given.
    check(unsafe { libc::bind(socket.as_raw_fd(), pointer, length_of::<libc::sockaddr_ll>()) })
}

/// Binds to an interface and starts to hear all of it.
pub(super) fn packet_bind(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    packet_bind_to(socket, index, libc::ETH_P_ALL as u16)
}

/// Whether the interface that a packet socket was bound to still exists: the kernel sets the
/// index to -1 when it is unregistered (`packet_notifier` in `net/packet/af_packet.c`).
pub(super) fn packet_is_bound(socket: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: a C struct of integers.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    let mut length = length_of::<libc::sockaddr_ll>();
    let pointer = (&raw mut address).cast();
    // SAFETY: the kernel writes at most `length` bytes, the size of `address`.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), pointer, &raw mut length) })?;
    Ok(address.sll_ifindex > 0)
}

pub(super) fn packet_join(socket: BorrowedFd<'_>, membership: Membership) -> io::Result<()> {
    let request = packet_mreq(membership)?;
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, request)
}

pub(super) fn packet_leave(socket: BorrowedFd<'_>, membership: Membership) -> io::Result<()> {
    let request = packet_mreq(membership)?;
    set_option(socket, libc::SOL_PACKET, libc::PACKET_DROP_MEMBERSHIP, request)
}

fn packet_mreq(membership: Membership) -> io::Result<libc::packet_mreq> {
    let kind =
        if membership.promiscuous { libc::PACKET_MR_PROMISC } else { libc::PACKET_MR_ALLMULTI };
    Ok(libc::packet_mreq {
        mr_ifindex: libc::c_int::try_from(membership.index)
            .map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?,
        mr_type: kind as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    })
}

/// Makes a used packet socket like a new one: bound to nothing, without a ring or anything unread.
/// Its ring must not be mapped any more.
pub(super) fn packet_silence(socket: BorrowedFd<'_>) -> io::Result<()> {
    // Protocol 0 would mean "as before" to bind; this filter and this protocol mean "nothing".
    attach_filter(socket, &Program::skip_all())?;
    packet_bind_to(socket, 0, NO_PROTOCOL)?;
    let version = get_option::<libc::c_int>(socket, libc::SOL_PACKET, libc::PACKET_VERSION)?;
    if version == libc::tpacket_versions::TPACKET_V3 as libc::c_int {
        // SAFETY: a C struct of integers; a ring of no blocks is "no ring".
        let none: libc::tpacket_req3 = unsafe { zeroed() };
        set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, none)?;
    }
    let mut byte = [0_u8; 1];
    loop {
        let pointer = byte.as_mut_ptr().cast();
        // SAFETY: the kernel writes at most one byte to `byte`.
        let read = unsafe { libc::recv(socket.as_raw_fd(), pointer, 1, libc::MSG_DONTWAIT) };
        if read == -1 {
            match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The interface went down; reported once.
                error if error.raw_os_error() == Some(libc::ENETDOWN) => {}
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            }
        }
    }
}

/// Has the kernel skip or cut frames before they are queued.
pub(super) fn attach_filter(socket: BorrowedFd<'_>, program: &Program) -> io::Result<()> {
    let instructions = program.instructions();
    let request = libc::sock_fprog {
        len: libc::c_ushort::try_from(instructions.len())
            .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?,
        filter: instructions.as_ptr().cast_mut(),
    };
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    let pointer = (&raw const request).cast();
    let length = length_of::<libc::sock_fprog>();
    // SAFETY: `request` names a live slice by its start and length; the kernel copies from it and
    // does not write.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, pointer, length) })
}

/// An empty slot for [`poll`].
pub(super) fn poll_entry(socket: BorrowedFd<'_>) -> libc::pollfd {
    libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 }
}

/// Waits until one of the sockets has something or `wait` is over; a signal ends the wait early.
/// Says how many have something.
pub(super) fn poll(entries: &mut [libc::pollfd], wait: Duration) -> io::Result<usize> {
    // Rounded up: a wait below a millisecond must not become a busy loop.
    let milliseconds =
        libc::c_int::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX);
    let count = libc::nfds_t::try_from(entries.len())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: `entries` is a live slice of `count` pollfd.
    let ready = unsafe { libc::poll(entries.as_mut_ptr(), count, milliseconds) };
    match check(ready) {
        Ok(()) => Ok(usize::try_from(ready).unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            for entry in entries {
                entry.revents = 0;
            }
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

/// Whether an interface has this index, in the network namespace of `socket`.
pub(super) fn interface_exists(socket: BorrowedFd<'_>, index: u32) -> io::Result<bool> {
    // SAFETY: a C struct of integers and a union of plain data.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_ifru.ifru_ifindex = match libc::c_int::try_from(index) {
        Ok(index) => index,
        Err(_) => return Ok(false),
    };
    // The request's type differs between C libraries.
    let name = libc::SIOCGIFNAME as _;
    // SAFETY: SIOCGIFNAME reads and writes one ifreq (netdevice(7)).
    match check(unsafe { libc::ioctl(socket.as_raw_fd(), name, &raw mut request) }) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The size of a memory page, bytes.
pub(super) fn page_size() -> usize {
    // SAFETY: takes an integer only.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Joins a group on an interface by its index: works without an address on it.
pub(super) fn join_v4(
    socket: BorrowedFd<'_>,
    group: std::net::Ipv4Addr,
    index: u32,
) -> io::Result<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: u32::from_ne_bytes(group.octets()) },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: libc::c_int::try_from(index)
            .map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?,
    };
    set_option(socket, libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, request)
}
