//! Unbound `AF_PACKET` sockets, opened while the process still had the privilege.
//!
//! Opening one needs `CAP_NET_RAW`; filter, ring, bind and memberships need nothing (packet(7)).
//! So the pool is filled at the start, before capabilities are dropped, and captures that begin
//! later take from it. Protocol 0: an unused socket hears nothing. A capture that ends gives its
//! socket back, so that interfaces which come and go do not use the pool up.

use super::sys;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use thiserror::Error;

/// Why there is no socket to take.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PoolEmpty {
    /// The process may not open packet sockets.
    #[error(
        "no permission to open packet sockets (CAP_NET_RAW is missing): run as root, give the \
         program the capability (setcap cap_net_raw+ep PATH), or choose --capture.backend=socket"
    )]
    NotPermitted,
    /// The kernel refused for another reason.
    #[error("no packet socket could be opened: {0}")]
    Refused(String),
    /// All are in use.
    #[error("all {size} packet sockets are in use: raise --capture.sockets")]
    InUse {
        /// How many there are.
        size: usize,
    },
    /// The pool was asked to hold none.
    #[error("no packet sockets were opened (--capture.sockets=0)")]
    Disabled,
}

/// Unbound packet sockets. Clones share them.
#[derive(Clone, Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: Mutex<Vec<OwnedFd>>,
    size: usize,
    /// Why there are not as many as were asked for.
    shortage: Option<PoolEmpty>,
}

impl Pool {
    /// Opens up to `size` sockets, and at most `most`, in the network namespace of the calling
    /// thread. Never fails: a pool that is empty or short knows why ([`Self::shortage`]).
    pub fn open(size: usize, most: usize) -> Self {
        let mut free = Vec::with_capacity(size.min(most));
        let mut shortage = (size == 0).then_some(PoolEmpty::Disabled);
        if size > most {
            shortage = Some(PoolEmpty::Refused(format!(
                "the limit of open files leaves {most} descriptors for them"
            )));
        }
        while free.len() < size.min(most) {
            match sys::packet_socket() {
                Ok(socket) => free.push(socket),
                Err(error) => {
                    shortage = Some(match error.raw_os_error() {
                        Some(libc::EPERM | libc::EACCES) => PoolEmpty::NotPermitted,
                        Some(_) | None => PoolEmpty::Refused(error.to_string()),
                    });
                    break;
                }
            }
        }
        let size = free.len();
        Self { shared: Arc::new(Shared { free: Mutex::new(free), size, shortage }) }
    }

    /// How many sockets the pool has, in use or not.
    pub fn size(&self) -> usize {
        self.shared.size
    }

    /// How many sockets are free now.
    pub fn free(&self) -> usize {
        self.shared.free.lock().len()
    }

    /// Why there are fewer sockets than were asked for, if so.
    pub(crate) fn shortage(&self) -> Option<&PoolEmpty> {
        self.shared.shortage.as_ref()
    }

    /// Takes a socket; it comes back to the pool when dropped.
    ///
    /// # Errors
    /// Why there is none.
    pub fn take(&self) -> Result<PooledSocket, PoolEmpty> {
        match self.shared.free.lock().pop() {
            Some(socket) => Ok(PooledSocket {
                socket: Some(socket),
                pool: Arc::clone(&self.shared),
                joined: None,
            }),
            None if self.shared.size > 0 => Err(PoolEmpty::InUse { size: self.shared.size }),
            None => Err(self.shared.shortage.clone().unwrap_or(PoolEmpty::Disabled)),
        }
    }
}

/// A packet socket on loan from a [`Pool`]. Dropping it unbinds it and gives it back; a mapping of
/// its ring must be gone by then.
#[derive(Debug)]
pub struct PooledSocket {
    socket: Option<OwnedFd>,
    pool: Arc<Shared>,
    joined: Option<sys::Membership>,
}

impl PooledSocket {
    /// Asks the interface for more than its own frames, as long as the socket is on loan.
    ///
    /// # Errors
    /// What the kernel said.
    pub(super) fn join(&mut self, membership: sys::Membership) -> io::Result<()> {
        sys::packet_join(self.as_fd(), membership)?;
        self.joined = Some(membership);
        Ok(())
    }

    /// Notes a membership that other code made on this socket, to be undone with the loan.
    pub(super) fn adopt(&mut self, membership: sys::Membership) {
        self.joined = Some(membership);
    }
}

impl AsFd for PooledSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_ref().expect("taken in drop only").as_fd()
    }
}

impl Drop for PooledSocket {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        if let Some(membership) = self.joined.take() {
            // Gone with the interface, if that is gone.
            let _ = sys::packet_leave(socket.as_fd(), membership);
        }
        // One that cannot be silenced is closed: the pool is one smaller then.
        if sys::packet_silence(socket.as_fd()).is_ok() {
            self.pool.free.lock().push(socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_of_none_says_so() {
        let pool = Pool::open(0, 0);
        assert_eq!(pool.size(), 0);
        assert_eq!(pool.take().err(), Some(PoolEmpty::Disabled));
    }

    #[test]
    fn no_permission_names_the_capability_and_the_way_out() {
        let text = PoolEmpty::NotPermitted.to_string();
        assert!(text.contains("CAP_NET_RAW") && text.contains("setcap cap_net_raw+ep"), "{text}");
        assert!(text.contains("--capture.backend=socket"), "{text}");
    }
}
