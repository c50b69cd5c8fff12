//! The interface that a backend captures on, and how to capture: how its frames begin and what its
//! errors mean. Knows no backend.

use super::CaptureError;
use super::filter::FilterLink;
use crate::mac::Mac;
use std::io;

/// Raw IP, as modems have it (`linux/if_arp.h`).
const ARPHRD_RAWIP: u16 = 519;

/// An interface of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address, if it has one.
    pub mac: Option<Mac>,
    /// Its hardware type: an `ARPHRD_` number (`linux/if_arp.h`).
    pub arphrd: u16,
}

impl Interface {
    pub(super) const fn is_loopback(&self) -> bool {
        self.arphrd == libc::ARPHRD_LOOPBACK
    }

    /// How frames begin, for those hardware types that are decoded.
    pub(super) fn link(&self) -> Result<FilterLink, CaptureError> {
        match self.arphrd {
            libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Ok(FilterLink::Ethernet),
            // tun, WireGuard and others without a link header.
            libc::ARPHRD_NONE | ARPHRD_RAWIP => Ok(FilterLink::RawIp),
            arphrd => Err(CaptureError::HardwareType { interface: self.name.clone(), arphrd }),
        }
    }

    /// What a failed system call means for a capture of this interface.
    pub(super) fn error(&self, operation: &'static str, source: io::Error) -> CaptureError {
        match source.raw_os_error() {
            Some(libc::ENODEV | libc::ENXIO) => {
                CaptureError::InterfaceGone { interface: self.name.clone() }
            }
            Some(_) | None => CaptureError::Io { operation, object: self.name.clone(), source },
        }
    }
}

/// How to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory of the ring, bytes (`--capture.ring-size`); rounded down to whole blocks.
    pub ring_size: usize,
    /// Promiscuous instead of all-multicast (`--capture.promiscuous`).
    pub promiscuous: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { ring_size: 4 << 20, promiscuous: false }
    }
}
