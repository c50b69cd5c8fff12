//! Joins the groups that snooping switches would withhold. Memberships last as long as the value
//! lives; it also holds which failed. Knows nothing of frames.
//!
//! The sockets are bound to no port and so receive nothing. They join by interface index; when an
//! interface comes back with another index, make a new value. One socket for each family and
//! interface, since `net.ipv4.igmp_max_memberships` (20) counts by socket.

use super::groups::JOINED;
use super::sys;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

/// A group that could not be joined.
#[derive(Debug)]
pub struct JoinFailure {
    /// The group asked for.
    pub group: IpAddr,
    /// What the kernel answered.
    pub error: io::Error,
}

/// Memberships on one interface. They end when this is dropped.
#[derive(Debug)]
pub struct Joins {
    _sockets: [Option<Socket>; Self::SOCKETS],
    joined: Vec<IpAddr>,
    failures: Vec<JoinFailure>,
}

impl Joins {
    /// Sockets, one for each family.
    pub(crate) const SOCKETS: usize = 2;

    /// Joins the groups of [`JOINED`] on the interface with this index, as far as possible.
    pub fn new(index: u32) -> Self {
        let (mut joined, mut failures) = (Vec::new(), Vec::new());
        let (v4, v6) = (quiet_socket(Domain::IPV4), quiet_socket(Domain::IPV6));
        for group in JOINED {
            let result = match group {
                IpAddr::V4(group) => on(&v4, |socket| sys::join_v4(socket.as_fd(), group, index)),
                IpAddr::V6(group) => on(&v6, |socket| socket.join_multicast_v6(&group, index)),
            };
            match result {
                Ok(()) => joined.push(group),
                Err(error) => failures.push(JoinFailure { group, error }),
            }
        }
        Self { _sockets: [v4.ok(), v6.ok()], joined, failures }
    }

    /// The groups that were joined.
    pub fn joined(&self) -> &[IpAddr] {
        &self.joined
    }

    /// The groups that were not, and why.
    pub fn failures(&self) -> &[JoinFailure] {
        &self.failures
    }
}

/// Does something with a socket, or repeats why there is none.
fn on(socket: &io::Result<Socket>, join: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<()> {
    match socket {
        Ok(socket) => join(socket),
        Err(error) => Err(error
            .raw_os_error()
            .map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error)),
    }
}

/// A UDP socket without a port.
fn quiet_socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.cloexec(), Some(Protocol::UDP))?;
    // Even if it is ever bound, it hears nothing that others joined.
    let (level, name) = if domain == Domain::IPV4 {
        (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL)
    };
    // IPv6 has this since Linux 4.20 only.
    let _ = sys::set_option(socket.as_fd(), level, name, 0);
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_does_not_exist_fails_every_group_and_panics_nowhere() {
        let joins = Joins::new(999_999);
        assert!(joins.joined().is_empty());
        assert_eq!(joins.failures().len(), JOINED.len());
    }
}
