//! UDP (RFC 768), and which protocol a port stands for. Knows no protocol's format. Checksums are
//! not verified, because offload leaves them unfinished in what this machine sends.

use super::octets::{after, u16_at, up_to};
use super::{Protocol, Reason};

/// The port of Multicast DNS.
pub(super) const MDNS: u16 = 5353;

/// A datagram of a frame: its ports and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The payload, as far as it is there.
    pub payload: &'a [u8],
    /// Whether that is all of it.
    pub complete: bool,
}

/// A datagram, or as much of it as is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Datagram<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    /// The payload without what lies behind the datagram, as far as it is there.
    pub(super) payload: &'a [u8],
    /// Length of the payload as the header says.
    pub(super) len: usize,
    /// Whether the datagram promises more than there is.
    pub(super) cut: bool,
    /// An impossible length field.
    pub(super) flaw: Option<Reason>,
}

/// Reads a datagram; `None` where not even the ports are there.
pub(super) fn read(bytes: &[u8]) -> Option<Datagram<'_>> {
    let source_port = u16_at(bytes, 0)?;
    let destination_port = u16_at(bytes, 2)?;
    let datagram = Datagram { source_port, destination_port, ..Datagram::default() };
    let Some(len) = u16_at(bytes, 4) else {
        return Some(Datagram { cut: true, ..datagram });
    };
    let len = usize::from(len);
    if len < 8 {
        return Some(Datagram { flaw: Some(Reason::BadLength), ..datagram });
    }
    let payload = after(up_to(bytes, len), 8);
    Some(Datagram { payload, len: len - 8, cut: bytes.len() < len, ..datagram })
}

impl Datagram<'_> {
    /// What it is counted as: by the destination port, else by the source port.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        by_port(self.destination_port).or_else(|| by_port(self.source_port))
    }

    /// Whether either port is that of Multicast DNS.
    pub(super) fn is_mdns(&self) -> bool {
        self.source_port == MDNS || self.destination_port == MDNS
    }
}

fn by_port(port: u16) -> Option<Protocol> {
    match port {
        MDNS => Some(Protocol::Mdns),
        1900 => Some(Protocol::Ssdp),
        5355 => Some(Protocol::Llmnr),
        3702 => Some(Protocol::Wsd),
        137 | 138 => Some(Protocol::Netbios),
        67 | 68 | 546 | 547 => Some(Protocol::Dhcp),
        _ => None,
    }
}
