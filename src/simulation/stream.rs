//! A media streamer: RTP to one group. One buffer is all that it needs, because only the sequence
//! number and the time stamp differ from packet to packet.

use super::agenda::{Nanos, S};
use crate::craft::{Ethernet, Host, Ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Ticks of RTP's clock in a second (RFC 2250 section 2).
const CLOCK: u64 = 90_000;
/// The group it sends to: administratively scoped (RFC 2365).
pub(super) const GROUP: Ipv4Addr = Ipv4Addr::new(239, 10, 1, 7);
/// Seven MPEG transport stream packets (RFC 2250 section 2).
const MEDIA: usize = 7 * 188;
/// Where the sequence number of RTP stands: after Ethernet, IPv4 and UDP headers, and two octets.
const SEQUENCE: usize = 14 + 20 + 8 + 2;

/// When the streamer plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    /// Not at all.
    #[default]
    Off,
    /// From this instant of simulated time on.
    From(Duration),
    /// From the first instant to the second.
    Between(Duration, Duration),
}

/// The packets of one streamer.
#[derive(Debug)]
pub(super) struct Streamer {
    frame: Vec<u8>,
    next: Nanos,
    end: Nanos,
    /// Between two packets.
    gap: Nanos,
    count: u32,
}

impl Streamer {
    /// A streamer on `host` of so many packets a second, or none if it never plays.
    pub(super) fn new(host: Host, when: Stream, rate: u32) -> Option<Self> {
        let nanos = |at: Duration| Nanos::try_from(at.as_nanos()).unwrap_or(Nanos::MAX);
        let (next, end) = match when {
            Stream::Off => return None,
            Stream::From(start) => (nanos(start), Nanos::MAX),
            Stream::Between(start, end) => (nanos(start), nanos(end)),
        };
        let gap = S / u64::from(rate.max(1));
        Some(Self { frame: packet(host), next, end, gap, count: 0 })
    }

    /// When the next packet is due.
    pub(super) const fn next_at(&self) -> Option<Nanos> {
        if self.next < self.end { Some(self.next) } else { None }
    }

    /// The packet that is due.
    pub(super) fn send(&mut self) -> &[u8] {
        let [.., high, low] = self.count.to_be_bytes();
        self.frame[SEQUENCE..SEQUENCE + 2].copy_from_slice(&[high, low]);
        let [.., a, b, c, d] = (u64::from(self.count) * self.gap * CLOCK / S).to_be_bytes();
        self.frame[SEQUENCE + 2..SEQUENCE + 6].copy_from_slice(&[a, b, c, d]);
        self.count = self.count.wrapping_add(1);
        self.next += self.gap;
        &self.frame
    }
}

/// A packet whose UDP checksum is left out, as IPv4 allows (RFC 768): it would have to be made
/// anew for each.
fn packet(host: Host) -> Vec<u8> {
    let mut udp = Vec::with_capacity(8 + 12 + MEDIA);
    for field in [5004, 5004, u16::try_from(8 + 12 + MEDIA).unwrap_or(u16::MAX), 0] {
        udp.extend(field.to_be_bytes());
    }
    // RTP version 2, payload type 33, and a source identifier (RFC 3550 section 5.1).
    udp.extend([0x80, 33, 0, 0, 0, 0, 0, 0, 0x53, 0x53, 0, 7]);
    for _ in 0..7 {
        udp.extend([0x47, 0x1f, 0xff, 0x10]);
        udp.extend([0xff; 184]);
    }
    let ip = Ipv4::new(host.v4, GROUP).ttl(4).payload(17, udp);
    Ethernet::from(host.mac).to_ip(GROUP.into()).ipv4(&ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_packets_differ_and_come_at_its_rate_while_it_plays() {
        let when = Stream::Between(Duration::from_secs(1), Duration::from_secs(3));
        let mut streamer = Streamer::new(Host::numbered(7), when, 2_000).expect("it plays");
        assert_eq!(streamer.next_at(), Some(S));
        let (first, second) = (streamer.send().to_vec(), streamer.send().to_vec());
        assert_eq!(first.len(), 14 + 20 + 8 + 12 + MEDIA);
        assert_ne!(first, second);
        let rest = std::iter::from_fn(|| streamer.next_at().map(|_| streamer.send().len())).count();
        assert_eq!(rest + 2, 4_000);
        assert!(Streamer::new(Host::numbered(7), Stream::Off, 2_000).is_none());
    }
}
