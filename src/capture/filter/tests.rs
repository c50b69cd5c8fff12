//! Runs the programs on frames of each kind, by a small machine of our own.

use super::assembler::PACKET_TYPE;
use super::*;
use proptest::prelude::*;

const HOST: u8 = libc::PACKET_HOST;
const OTHER: u8 = libc::PACKET_OTHERHOST;
const OUTGOING: u8 = libc::PACKET_OUTGOING;
const US: [u8; 6] = [2, 0, 0, 0, 0, 1];
const GROUP: [u8; 6] = [1, 0, 0x5e, 0, 0, 0xfb];
const BROADCAST: [u8; 6] = [0xff; 6];

/// Classic BPF as the kernel runs it: a load beyond the frame ends with 0.
fn run(program: &Program, frame: &[u8], packet_type: u8) -> u32 {
    let load = |at: u32, size: usize| -> Option<u32> {
        if at == PACKET_TYPE && size == 1 {
            return Some(u32::from(packet_type));
        }
        let bytes = frame.get(at as usize..)?.get(..size)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    };
    let size = |code: u16| [4, 2, 1][usize::from(code >> 3 & 3)];
    let (mut a, mut x, mut cells) = (0_u32, 0_u32, [0_u32; 16]);
    let mut at = 0;
    loop {
        let op = program.instructions()[at];
        at += 1;
        match op.code {
            0x20 | 0x28 | 0x30 => match load(op.k, size(op.code)) {
                Some(value) => a = value,
                None => return 0,
            },
            0x40 | 0x48 | 0x50 => match load(x.wrapping_add(op.k), size(op.code)) {
                Some(value) => a = value,
                None => return 0,
            },
            0x80 => a = u32::try_from(frame.len()).unwrap(),
            0x00 => a = op.k,
            0x01 => x = op.k,
            0x60 => a = cells[op.k as usize],
            0x61 => x = cells[op.k as usize],
            0x02 => cells[op.k as usize] = a,
            0x03 => cells[op.k as usize] = x,
            0x0c => a = a.wrapping_add(x),
            0x1c => a = a.wrapping_sub(x),
            0x54 => a &= op.k,
            0x64 => a <<= op.k,
            0x05 => at += op.k as usize,
            0x15 => at += usize::from(if a == op.k { op.jt } else { op.jf }),
            0x35 => at += usize::from(if a >= op.k { op.jt } else { op.jf }),
            0x3d => at += usize::from(if a >= x { op.jt } else { op.jf }),
            0x45 => at += usize::from(if a & op.k != 0 { op.jt } else { op.jf }),
            0x06 => return op.k,
            0x07 => x = a,
            code => panic!("instruction {code:#x} is not known"),
        }
    }
}

fn spec(link: FilterLink, loopback: bool) -> Spec {
    Spec { link, loopback, stream_snap: STREAM_SNAP }
}

/// What is kept of a frame on Ethernet.
fn kept(frame: &[u8], packet_type: u8) -> u32 {
    run(&compile(&spec(FilterLink::Ethernet, false)), frame, packet_type)
}

/// An Ethernet frame with tags in the bytes.
fn ethernet(to: [u8; 6], tags: &[u16], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend([2, 0, 0, 0, 0, 9]);
    for tpid in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend([0, 30]);
    }
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 packet with options (32-bit words), a fragment field and 300 bytes behind the header.
fn ipv4(to: [u8; 4], options: u8, fragment: u16, protocol: u8, ports: [u16; 2]) -> Vec<u8> {
    let mut packet = vec![0x45 + options, 0, 1, 0x40, 0, 0];
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, 1]);
    packet.extend(to);
    packet.extend(vec![1; usize::from(options) * 4]);
    packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    packet.resize(300, 0);
    packet
}

fn ipv6(to: u8, next: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 1, 0, next, 64];
    packet.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([to, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb]);
    packet.extend(rest);
    packet.resize(300, 0);
    packet
}

fn udp(ports: [u16; 2]) -> Vec<u8> {
    ports.iter().flat_map(|port| port.to_be_bytes()).collect()
}

const MDNS: [u8; 4] = [224, 0, 0, 251];
const UNICAST: [u8; 4] = [10, 0, 0, 2];
const TAGS: [&[u16]; 4] = [&[], &[0x8100], &[0x88a8, 0x8100], &[0x9100, 0x8100]];

#[test]
fn decoded_protocols_are_kept_whole_whatever_the_tags() {
    for tags in TAGS {
        for port in PORTS {
            let port = u16::try_from(port).unwrap();
            for ports in [[port, 40_000], [40_000, port]] {
                for options in [0, 10] {
                    let packet = ipv4(MDNS, options, 0, 17, ports);
                    let frame = ethernet(GROUP, tags, 0x0800, &packet);
                    assert_eq!(kept(&frame, 2), WHOLE, "{ports:?} {tags:x?} {options}");
                }
                let frame = ethernet(GROUP, tags, 0x86dd, &ipv6(0xff, 17, &udp(ports)));
                assert_eq!(kept(&frame, 2), WHOLE, "{ports:?} {tags:x?}");
            }
        }
        for (kind, packet) in [
            (0x0800, ipv4(MDNS, 1, 0, 2, [0, 0])),
            (0x86dd, ipv6(0xff, 58, &[])),
            (0x86dd, ipv6(0xff, 0, &[58, 0])),
            (0x86dd, ipv6(0xff, 44, &[17, 0, 5, 0])),
            (0x0806, vec![0; 28]),
        ] {
            assert_eq!(kept(&ethernet(GROUP, tags, kind, &packet), 2), WHOLE, "{kind:x} {tags:x?}");
        }
    }
}

#[test]
fn streams_and_foreign_protocols_are_cut() {
    for tags in TAGS {
        for (kind, packet) in [
            (0x0800, ipv4([239, 1, 1, 1], 0, 0, 17, [5004, 5004])),
            (0x0800, ipv4([239, 1, 1, 1], 5, 0, 17, [5004, 5004])),
            // A later fragment has no ports, whatever its first bytes look like.
            (0x0800, ipv4(MDNS, 0, 185, 17, [5353, 5353])),
            (0x0800, ipv4([224, 0, 0, 5], 0, 0, 89, [5353, 5353])),
            (0x86dd, ipv6(0xff, 17, &udp([5004, 5004]))),
            (0x86dd, ipv6(0xff, 89, &udp([5353, 5353]))),
            (0x88cc, vec![0; 300]),
            (0x0026, vec![0x42; 300]),
        ] {
            let frame = ethernet(GROUP, tags, kind, &packet);
            assert_eq!(kept(&frame, 2), STREAM_SNAP, "{kind:x} {tags:x?}");
        }
    }
}

#[test]
fn a_first_fragment_is_known_by_its_ports() {
    let packet = ipv4(MDNS, 0, 0x2000, 17, [5353, 5353]);
    assert_eq!(kept(&ethernet(GROUP, &[], 0x0800, &packet), 2), WHOLE);
}

#[test]
fn broadcasts_are_kept_whole() {
    for (kind, packet) in
        [(0x0806, vec![0; 28]), (0x0800, ipv4([255; 4], 0, 0, 17, [9, 9])), (0x9999, vec![0; 300])]
    {
        assert_eq!(kept(&ethernet(BROADCAST, &[], kind, &packet), 1), WHOLE);
    }
    let almost = ethernet([0xff, 0xff, 0xff, 0xff, 0xff, 0xfd], &[], 0x9999, &[0; 300]);
    assert_eq!(kept(&almost, 2), STREAM_SNAP);
}

#[test]
fn unicast_port_5353_is_kept_from_anyone_to_anyone() {
    for tags in TAGS {
        for ports in [[5353, 40_000], [40_000, 5353]] {
            for kind in [HOST, OTHER, OUTGOING] {
                let v4 = ethernet(US, tags, 0x0800, &ipv4(UNICAST, 3, 0, 17, ports));
                assert_eq!(kept(&v4, kind), WHOLE, "{ports:?} {tags:x?}");
                let v6 = ethernet(US, tags, 0x86dd, &ipv6(0xfe, 17, &udp(ports)));
                assert_eq!(kept(&v6, kind), WHOLE, "{ports:?} {tags:x?}");
                let mut fragment = vec![17, 0, 0, 1, 0, 0, 0, 7];
                fragment.extend(udp(ports));
                let first = ethernet(US, tags, 0x86dd, &ipv6(0xfe, 44, &fragment));
                assert_eq!(kept(&first, kind), WHOLE);
                fragment[3] = 0x99;
                let later = ethernet(US, tags, 0x86dd, &ipv6(0xfe, 44, &fragment));
                assert_eq!(kept(&later, kind), 0);
            }
        }
    }
}

#[test]
fn other_unicast_is_skipped() {
    for tags in TAGS {
        for (kind, packet) in [
            (0x0800, ipv4(UNICAST, 0, 0, 17, [53, 40_000])),
            (0x0800, ipv4(UNICAST, 0, 0, 6, [5353, 5353])),
            (0x0800, ipv4(UNICAST, 0, 185, 17, [5353, 5353])),
            (0x86dd, ipv6(0xfe, 17, &udp([53, 40_000]))),
            (0x86dd, ipv6(0xfe, 6, &udp([5353, 5353]))),
            (0x0806, vec![0; 28]),
        ] {
            assert_eq!(kept(&ethernet(US, tags, kind, &packet), HOST), 0, "{kind:x} {tags:x?}");
        }
    }
}

#[test]
fn multicast_in_unicast_is_kept_if_it_is_for_this_machine() {
    for tags in TAGS {
        for (kind, packet, expected) in [
            (0x0800, ipv4([239, 255, 255, 250], 0, 0, 17, [9, 1900]), WHOLE),
            (0x0800, ipv4([224, 0, 0, 1], 0, 0, 2, [0, 0]), WHOLE),
            (0x0800, ipv4([239, 1, 1, 1], 0, 0, 17, [9, 9]), STREAM_SNAP),
            (0x0800, ipv4([255; 4], 0, 0, 17, [9, 9]), WHOLE),
            (0x86dd, ipv6(0xff, 17, &udp([9, 1900])), WHOLE),
            (0x86dd, ipv6(0xff, 17, &udp([9, 9])), STREAM_SNAP),
        ] {
            let frame = ethernet(US, tags, kind, &packet);
            assert_eq!(kept(&frame, HOST), expected, "{kind:x} {tags:x?}");
            assert_eq!(kept(&frame, OTHER), 0, "for another machine");
            assert_eq!(kept(&frame, OUTGOING), 0, "by this one");
        }
    }
}

#[test]
fn loopback_keeps_the_received_copy_only() {
    let program = compile(&spec(FilterLink::Ethernet, true));
    let frame = ethernet(GROUP, &[], 0x0800, &ipv4(MDNS, 0, 0, 17, [5353, 5353]));
    assert_eq!(run(&program, &frame, OUTGOING), 0);
    assert_eq!(run(&program, &frame, libc::PACKET_MULTICAST), WHOLE);
}

#[test]
fn raw_ip_is_known_by_its_destination() {
    let program = compile(&spec(FilterLink::RawIp, false));
    for (packet, expected) in [
        (ipv4(MDNS, 0, 0, 17, [5353, 5353]), WHOLE),
        (ipv4([239, 1, 1, 1], 0, 0, 17, [9, 9]), STREAM_SNAP),
        (ipv4([255; 4], 0, 0, 17, [68, 67]), WHOLE),
        (ipv4(UNICAST, 2, 0, 17, [5353, 9]), WHOLE),
        (ipv4(UNICAST, 0, 0, 17, [9, 9]), 0),
        (ipv6(0xff, 58, &[]), WHOLE),
        (ipv6(0xff, 17, &udp([9, 9])), STREAM_SNAP),
        (ipv6(0xfe, 17, &udp([9, 5353])), WHOLE),
        (ipv6(0xfe, 17, &udp([9, 9])), 0),
        (vec![0; 300], 0),
    ] {
        for kind in [HOST, OUTGOING] {
            assert_eq!(run(&program, &packet, kind), expected, "{packet:x?}");
        }
    }
}

#[test]
fn a_cut_multicast_frame_is_never_skipped() {
    let packets = [
        (0x0800, ipv4(MDNS, 10, 0, 17, [5353, 5353])),
        (0x0800, ipv4([239, 1, 1, 1], 0, 0, 17, [9, 9])),
        (0x86dd, ipv6(0xff, 17, &udp([9, 9]))),
        (0x86dd, ipv6(0xff, 0, &[58, 0])),
    ];
    for (kind, packet) in packets {
        for tags in TAGS {
            let frame = ethernet(GROUP, tags, kind, &packet);
            for len in 6..frame.len() {
                assert_ne!(kept(&frame[..len], 2), 0, "{len} bytes, {tags:x?}");
            }
        }
    }
}

#[test]
fn every_jump_fits_and_the_kernel_would_take_the_length() {
    for link in [FilterLink::Ethernet, FilterLink::RawIp] {
        for loopback in [false, true] {
            let program = compile(&spec(link, loopback));
            assert!(program.instructions().len() < 255, "{}", program.instructions().len());
        }
    }
}

proptest! {
    #[test]
    fn any_group_frame_is_kept_and_any_frame_ends(
        mut frame in proptest::collection::vec(any::<u8>(), 14..200), kind in 0_u8..5,
    ) {
        kept(&frame, kind);
        frame[0] |= 1;
        prop_assert_ne!(kept(&frame, kind), 0);
    }
}
