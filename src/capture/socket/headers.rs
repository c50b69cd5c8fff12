//! Rebuilds the IP and UDP headers that a UDP socket takes away, to stand in front of the payload.
//! Pure.

use std::net::SocketAddr;

/// Space for the longer of the two header pairs: IPv6 and UDP.
pub(super) const HEADROOM: usize = 48;
/// Ethernet header without a tag, for the estimate of a length on the wire.
const ETHERNET: u32 = 14;
const UDP: u8 = 17;
/// An IPv4 header without options, bytes.
const V4_LEN: u16 = 20;
/// An IPv6 header, bytes.
const V6_LEN: u16 = 40;

/// Writes both headers at the end of `room`, so that the payload can follow. Returns how many bytes
/// of `room` are used, and the estimated length on Ethernet: 14 and what IP says.
///
/// The UDP checksum is 0, "none": the kernel has checked it and thrown it away. A datagram that
/// came in fragments looks as if it had come whole.
pub(super) fn write(
    room: &mut [u8; HEADROOM],
    source: SocketAddr,
    destination: SocketAddr,
    ttl: u8,
    payload: usize,
) -> Option<(usize, u32)> {
    let udp_len = u16::try_from(payload).ok()?.checked_add(8)?;
    let ip_len = match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            let total = udp_len.checked_add(V4_LEN)?;
            let ip = &mut room[HEADROOM - 28..HEADROOM - 8];
            ip.fill(0);
            ip[0] = 0x45;
            ip[2..4].copy_from_slice(&total.to_be_bytes());
            ip[8] = ttl;
            ip[9] = UDP;
            ip[12..16].copy_from_slice(&source.ip().octets());
            ip[16..20].copy_from_slice(&destination.ip().octets());
            let checksum = checksum(ip);
            ip[10..12].copy_from_slice(&checksum.to_be_bytes());
            V4_LEN
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            let ip = &mut room[..40];
            ip.fill(0);
            ip[0] = 0x60;
            ip[4..6].copy_from_slice(&udp_len.to_be_bytes());
            ip[6] = UDP;
            ip[7] = ttl;
            ip[8..24].copy_from_slice(&source.ip().octets());
            ip[24..40].copy_from_slice(&destination.ip().octets());
            V6_LEN
        }
        (SocketAddr::V4(_), SocketAddr::V6(_)) | (SocketAddr::V6(_), SocketAddr::V4(_)) => {
            return None;
        }
    };
    let udp = &mut room[HEADROOM - 8..];
    udp[0..2].copy_from_slice(&source.port().to_be_bytes());
    udp[2..4].copy_from_slice(&destination.port().to_be_bytes());
    udp[4..6].copy_from_slice(&udp_len.to_be_bytes());
    udp[6..8].fill(0);
    let used = usize::from(ip_len) + 8;
    Some((used, ETHERNET + u32::from(ip_len) + u32::from(udp_len)))
}

/// RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    // One's complement: a carry comes back in at the other end.
    !words.fold(0_u16, |sum, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn ipv4_headers_stand_right_before_the_payload() {
        let mut room = [0xaa; HEADROOM];
        let written =
            write(&mut room, socket("10.0.0.1:5353"), socket("224.0.0.251:5353"), 255, 100);
        assert_eq!(written, Some((28, 14 + 20 + 8 + 100)));
        let packet = &room[HEADROOM - 28..];
        assert_eq!(packet[..4], [0x45, 0, 0, 128]);
        assert_eq!((packet[8], packet[9]), (255, 17));
        assert_eq!(packet[12..20], [10, 0, 0, 1, 224, 0, 0, 251]);
        assert_eq!(checksum(&packet[..20]), 0, "the checksum covers itself");
        assert_eq!(packet[20..], [0x14, 0xe9, 0x14, 0xe9, 0, 108, 0, 0]);
    }

    #[test]
    fn ipv6_headers_fill_the_room() {
        let mut room = [0xaa; HEADROOM];
        let written = write(&mut room, socket("[fe80::1]:1234"), socket("[ff02::fb]:5353"), 1, 12);
        assert_eq!(written, Some((48, 14 + 40 + 8 + 12)));
        assert_eq!(room[..8], [0x60, 0, 0, 0, 0, 20, 17, 1]);
        assert_eq!(room[24..26], [0xff, 0x02]);
        assert_eq!(room[40..], [0x04, 0xd2, 0x14, 0xe9, 0, 20, 0, 0]);
    }

    #[test]
    fn families_do_not_mix_and_lengths_fit() {
        let mut room = [0; HEADROOM];
        let (v4, v6) = (socket("10.0.0.1:1"), socket("[ff02::c]:1900"));
        assert_eq!(write(&mut room, v4, v6, 1, 0), None);
        assert_eq!(write(&mut room, v4, v4, 1, 65_508), None);
        assert_eq!(write(&mut room, v4, v4, 1, 65_507), Some((28, 14 + 65_535)));
    }
}
