//! Asks the kernel for UDP sockets by `sock_diag(7)`: no capability needed. Knows nothing of
//! owners.
//!
//! Layouts: Linux `include/uapi/linux/{inet_diag,sock_diag}.h`.

use crate::interfaces::wire::{self, RawMessage, u16_at, u32_at};
use netlink_sys::{Socket as Netlink, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use socket2::SockRef;
use std::io;
use std::time::Duration;
use thiserror::Error;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_SKMEMINFO`: the attribute, and by its place the bit that asks for it.
const MEMORY: u16 = 7;
/// `SK_MEMINFO_DROPS`: which number of that attribute.
const DROPS: usize = 8;
/// `struct inet_diag_msg`, in bytes.
const FIXED: usize = 72;
/// Space for a datagram of a dump: the kernel fills up to 32 KiB.
const BUFFER: usize = 64 << 10;
/// How long the kernel may take for the next datagram.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why sockets cannot be listed.
#[derive(Debug, Error)]
pub enum Error {
    /// The kernel refused, or did not answer.
    #[error("listing sockets by sock_diag: {0}")]
    Io(#[from] io::Error),
    /// The answer is not as it should be: a kernel that is too old to count drops, perhaps.
    #[error("listing sockets by sock_diag: the kernel's answer lacks what is needed")]
    Malformed,
}

/// A UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The port that it is bound to.
    pub port: u16,
    /// The user who made it.
    pub uid: u32,
    /// What /proc/PID/fd calls it by.
    pub inode: u32,
    /// A number that no other socket of this namespace ever has.
    pub cookie: u64,
    /// Bytes that wait in its queue.
    pub receive_queue: u32,
    /// Datagrams that the kernel threw away for it. Wraps at 32 bits.
    pub drops: u32,
}

/// Lists the sockets of one network namespace.
pub(crate) struct Diag {
    socket: Netlink,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Diag {
    /// For the namespace of the calling thread.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn open() -> io::Result<Self> {
        let mut socket = Netlink::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        SockRef::from(&socket).set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// All sockets bound to one of `ports`, IPv4 and IPv6.
    ///
    /// # Errors
    /// What the kernel said, or if it said what makes no sense.
    pub fn list(&mut self, ports: &[u16]) -> Result<Vec<Socket>, Error> {
        let mut sockets = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            for &port in ports {
                let mut found = Vec::new();
                // A table that changed meanwhile is read once more; more tries would not help.
                if self.dump(family, port, &mut found)? {
                    found.clear();
                    self.dump(family, port, &mut found)?;
                }
                sockets.append(&mut found);
            }
        }
        Ok(sockets)
    }

    /// Whether the dump was interrupted.
    fn dump(&mut self, family: i32, port: u16, found: &mut Vec<Socket>) -> Result<bool, Error> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let request = wire::dump_request(BY_FAMILY, self.sequence, &request(family, port), None);
        self.socket.send_to(&request, &SocketAddr::new(0, 0), 0)?;
        let mut interrupted = false;
        loop {
            let length = self.socket.recv(&mut &mut self.buffer[..], 0)?;
            for raw in wire::messages(&self.buffer[..length]) {
                let raw = raw.map_err(|_| Error::Malformed)?;
                // What is left of a dump that was abandoned.
                if raw.sequence != self.sequence {
                    continue;
                }
                interrupted |= i32::from(raw.flags) & libc::NLM_F_DUMP_INTR != 0;
                match i32::from(raw.kind) {
                    libc::NLMSG_DONE => return Ok(interrupted),
                    libc::NLMSG_ERROR => return Err(refusal(&raw).into()),
                    _ if raw.kind == BY_FAMILY => {
                        found.push(decode(raw.payload).ok_or(Error::Malformed)?);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// `struct inet_diag_req_v2`: UDP, all states, one local port, with the counts of memory.
fn request(family: i32, port: u16) -> [u8; 56] {
    let mut bytes = [0; 56];
    // Constants of a few bits that C declares wider.
    bytes[0] = u8::try_from(family).unwrap_or_default();
    bytes[1] = u8::try_from(libc::IPPROTO_UDP).unwrap_or_default();
    bytes[2] = 1 << (MEMORY - 1);
    bytes[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    bytes[8..10].copy_from_slice(&port.to_be_bytes());
    bytes
}

fn refusal(raw: &RawMessage<'_>) -> io::Error {
    match u32_at(raw.payload, 0).map(u32::cast_signed) {
        Some(code) if code < 0 => io::Error::from_raw_os_error(code.saturating_neg()),
        Some(_) | None => io::ErrorKind::InvalidData.into(),
    }
}

/// `struct inet_diag_msg` and its attributes.
fn decode(payload: &[u8]) -> Option<Socket> {
    let (low, high) = (u32_at(payload, 44)?, u32_at(payload, 48)?);
    let of_memory = |attributes: &[u8]| {
        let mut all = wire::attributes(attributes).flatten();
        all.find(|attribute| attribute.number == MEMORY).and_then(|a| u32_at(a.value, DROPS * 4))
    };
    Some(Socket {
        port: u16::from_be(u16_at(payload, 4)?),
        uid: u32_at(payload, 64)?,
        inode: u32_at(payload, 68)?,
        cookie: u64::from(high) << 32 | u64::from(low),
        receive_queue: u32_at(payload, 56)?,
        drops: of_memory(payload.get(FIXED..)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::UdpSocket;

    #[test]
    fn a_socket_is_found_with_what_waits_in_it() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[0; 100], address).unwrap();
        let mut diag = Diag::open().unwrap();
        let found = diag.list(&[address.port()]).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].port, found[0].drops), (address.port(), 0));
        assert!(found[0].receive_queue >= 100 && found[0].inode != 0 && found[0].cookie != 0);
        drop(socket);
        assert_eq!(diag.list(&[address.port()]).unwrap(), []);
    }

    #[test]
    fn fields_are_where_the_kernel_puts_them() {
        let mut payload = vec![0; FIXED];
        payload[4..6].copy_from_slice(&5353_u16.to_be_bytes());
        for (at, value) in [(44, 7_u32), (48, 1), (56, 900), (64, 103), (68, 4242)] {
            payload[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        assert_eq!(decode(&payload), None, "a kernel that counts no drops");
        payload.extend(40_u16.to_ne_bytes());
        payload.extend(MEMORY.to_ne_bytes());
        for number in 0..9_u32 {
            payload.extend((number * 10).to_ne_bytes());
        }
        let socket = Socket {
            port: 5353,
            uid: 103,
            inode: 4242,
            cookie: 1 << 32 | 7,
            receive_queue: 900,
            drops: 80,
        };
        assert_eq!(decode(&payload), Some(socket));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            prop_assert!(wire::attributes(&bytes).count() <= bytes.len() / 4 + 1);
        }
    }
}
