//! IPv4 (RFC 791), IPv6 (RFC 8200) and UDP (RFC 768), with right checksums.

use super::length::{len16, len32};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP protocol and next-header numbers used here.
pub mod protocol {
    /// Hop-by-hop options, IPv6.
    pub(crate) const HOP_BY_HOP: u8 = 0;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// UDP.
    pub const UDP: u8 = 17;
    /// Fragment header, IPv6.
    pub(crate) const FRAGMENT: u8 = 44;
    /// ICMPv6.
    pub(crate) const ICMPV6: u8 = 58;
}

/// A UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Udp {
    /// A datagram from port to port.
    pub fn new(source: u16, destination: u16, payload: impl Into<Vec<u8>>) -> Self {
        Self { source, destination, payload: payload.into() }
    }

    /// Header and payload. The checksum covers the addresses too, hence the arguments; it is
    /// left out (zero) when they are of different families.
    pub fn bytes(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let len = len16(self.payload.len() + 8);
        let mut bytes = Vec::with_capacity(self.payload.len() + 8);
        for field in [self.source, self.destination, len, 0] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend(&self.payload);
        if let Some(pseudo) = pseudo_header(source, destination, protocol::UDP, bytes.len()) {
            // Zero would mean "no checksum" (RFC 768).
            let sum = match checksum(&[&pseudo, &bytes]) {
                0 => 0xffff,
                sum => sum,
            };
            bytes[6..8].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }
}

/// An IPv4 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    id: u16,
    /// Offset in units of 8 octets, and the three flags above it.
    fragment: u16,
    options: Vec<u8>,
    protocol: u8,
    payload: Vec<u8>,
}

impl Ipv4 {
    /// An empty packet: TTL 64, id 0, no options, not a fragment.
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr) -> Self {
        Self {
            source,
            destination,
            ttl: 64,
            id: 0,
            fragment: 0,
            options: Vec::new(),
            protocol: 0,
            payload: Vec::new(),
        }
    }

    /// Time to live.
    pub fn ttl(self, ttl: u8) -> Self {
        Self { ttl, ..self }
    }

    /// Identification, the same in all fragments of a packet.
    pub fn id(self, id: u16) -> Self {
        Self { id, ..self }
    }

    /// Header options, filled up with zeros to a multiple of 4 octets; what is over 40 octets is cut.
    pub fn options(self, options: &[u8]) -> Self {
        let mut options = options[..options.len().min(40)].to_vec();
        options.resize(options.len().next_multiple_of(4), 0);
        Self { options, ..self }
    }

    /// The Router Alert option (RFC 2113) that IGMP v2 and v3 must have.
    pub(crate) fn router_alert(self) -> Self {
        self.options(&[0x94, 4, 0, 0])
    }

    /// A UDP datagram as payload.
    pub fn udp(self, udp: &Udp) -> Self {
        let payload = udp.bytes(self.source.into(), self.destination.into());
        self.payload(protocol::UDP, payload)
    }

    /// Any payload.
    pub fn payload(self, protocol: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { protocol, payload: payload.into(), ..self }
    }

    /// The same packet in fragments of at most `size` octets of payload, `size` rounded down to a
    /// multiple of 8 but at least 8.
    pub fn fragments(&self, size: usize) -> Vec<Self> {
        let size = (size / 8 * 8).max(8);
        let chunks = self.payload.chunks(size);
        let last = chunks.len().saturating_sub(1);
        chunks
            .enumerate()
            .map(|(i, chunk)| Self {
                fragment: len16(i * size / 8) & 0x1fff | if i < last { 0x2000 } else { 0 },
                payload: chunk.to_vec(),
                ..self.clone()
            })
            .collect()
    }

    /// Header and payload.
    pub fn bytes(&self) -> Vec<u8> {
        let header = 20 + self.options.len();
        let mut bytes = Vec::with_capacity(header + self.payload.len());
        // At most 60 octets, so at most 15 words.
        bytes.extend([0x40 | u8::try_from(header / 4).unwrap_or(15), 0]);
        bytes.extend(len16(header + self.payload.len()).to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.fragment.to_be_bytes());
        bytes.extend([self.ttl, self.protocol, 0, 0]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        bytes.extend(&self.options);
        let sum = checksum(&[&bytes]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// An IPv6 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    extensions: Vec<(u8, Vec<u8>)>,
    protocol: u8,
    payload: Vec<u8>,
}

impl Ipv6 {
    /// An empty packet: hop limit 64, no extension headers.
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        Self {
            source,
            destination,
            hop_limit: 64,
            extensions: Vec::new(),
            protocol: 59,
            payload: Vec::new(),
        }
    }

    /// Hop limit.
    pub fn hop_limit(self, hop_limit: u8) -> Self {
        Self { hop_limit, ..self }
    }

    /// One more extension header, after those already there: its number and its body without the
    /// first two octets (next header and length), filled up with zeros to a multiple of 8.
    ///
    /// A fragment header's second octet is reserved, not a length, and this writes zero for it.
    pub fn extension(mut self, number: u8, body: &[u8]) -> Self {
        let mut body = body.to_vec();
        body.resize((body.len() + 2).next_multiple_of(8) - 2, 0);
        self.extensions.push((number, body));
        self
    }

    /// A hop-by-hop header with the Router Alert option for MLD (RFC 2711).
    pub(crate) fn router_alert(self) -> Self {
        self.extension(protocol::HOP_BY_HOP, &[5, 2, 0, 0, 1, 0])
    }

    /// A UDP datagram as payload.
    pub fn udp(self, udp: &Udp) -> Self {
        let payload = udp.bytes(self.source.into(), self.destination.into());
        self.payload(protocol::UDP, payload)
    }

    /// An ICMPv6 message as payload: its type, code and what follows the checksum.
    pub fn icmp(self, kind: u8, code: u8, body: &[u8]) -> Self {
        let mut message = [&[kind, code, 0, 0], body].concat();
        let (source, destination) = (self.source.into(), self.destination.into());
        if let Some(pseudo) = pseudo_header(source, destination, protocol::ICMPV6, message.len()) {
            let sum = checksum(&[&pseudo, &message]);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        self.payload(protocol::ICMPV6, message)
    }

    /// Any payload.
    pub fn payload(self, protocol: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { protocol, payload: payload.into(), ..self }
    }

    /// The same packet in fragments of at most `size` octets of payload, `size` rounded down to a
    /// multiple of 8 but at least 8. The extension headers there are come before each fragment
    /// header.
    pub fn fragments(&self, id: u32, size: usize) -> Vec<Self> {
        let size = (size / 8 * 8).max(8);
        let chunks = self.payload.chunks(size);
        let last = chunks.len().saturating_sub(1);
        chunks
            .enumerate()
            .map(|(i, chunk)| {
                let offset = len16(i * size) & 0xfff8 | u16::from(i < last);
                let body = [&offset.to_be_bytes()[..], &id.to_be_bytes()].concat();
                self.clone()
                    .extension(protocol::FRAGMENT, &body)
                    .payload(self.protocol, chunk.to_vec())
            })
            .collect()
    }

    /// Header, extension headers and payload.
    pub fn bytes(&self) -> Vec<u8> {
        let extensions: usize = self.extensions.iter().map(|(_, body)| body.len() + 2).sum();
        let mut next =
            self.extensions.iter().map(|(number, _)| *number).chain(std::iter::once(self.protocol));
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(len16(extensions + self.payload.len()).to_be_bytes());
        bytes.extend([next.next().unwrap_or(self.protocol), self.hop_limit]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        for (number, body) in &self.extensions {
            let len = match *number {
                protocol::FRAGMENT => 0,
                // Units of 8 octets, the first not counted (RFC 8200 section 4.2).
                _ => u8::try_from((body.len() + 2) / 8 - 1).unwrap_or(u8::MAX),
            };
            bytes.extend([next.next().unwrap_or(self.protocol), len]);
            bytes.extend(body);
        }
        bytes.extend(&self.payload);
        bytes
    }
}

/// The Internet checksum (RFC 1071) over parts of which all but the last have even lengths.
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
            sum += u32::from(word);
            sum = (sum & 0xffff) + (sum >> 16);
        }
    }
    // Folded after every addition, so it fits.
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// What UDP and ICMPv6 checksums cover besides the message.
fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, len: usize) -> Option<Vec<u8>> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Some(
            [
                &source.octets()[..],
                &destination.octets(),
                &[0, protocol],
                &len16(len).to_be_bytes(),
            ]
            .concat(),
        ),
        (IpAddr::V6(source), IpAddr::V6(destination)) => Some(
            [
                &source.octets()[..],
                &destination.octets(),
                &len32(len).to_be_bytes(),
                &[0, 0, 0, protocol],
            ]
            .concat(),
        ),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}
