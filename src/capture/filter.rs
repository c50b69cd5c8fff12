//! The kernel filter: compiles a classic BPF program (kernel:
//! `Documentation/networking/filter.rst`) that says for each frame how many bytes to keep, 0 to
//! skip it. Knows no socket.
//!
//! Kept are multicast and broadcast destinations, unicast UDP port 5353, and unicast frames to
//! this machine whose IP destination is multicast or 255.255.255.255 (Wi-Fi access points convert
//! them). "To this machine" is the kernel's own judgement (`PACKET_HOST`), which stays right when
//! the interface's MAC changes.
//!
//! A load beyond the end of a frame ends a program with "skip it". A multicast frame is never
//! skipped, however short: the length is checked before each load that can fail.

mod assembler;

pub use assembler::Program;
use assembler::{Assembler, Label};

use crate::frame::LinkType;

/// What keeps a whole frame: more than any frame has.
pub(crate) const WHOLE: u32 = 0x0004_0000;

/// What is kept of a frame that is counted as `other_multicast`, bytes: more than Ethernet, two
/// tags, the longest IPv4 header and UDP take.
pub(crate) const STREAM_SNAP: u32 = 128;

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const ETHERTYPE_ARP: u32 = 0x0806;
/// 802.1Q, 802.1ad and the value that vendors used before it.
const ETHERTYPES_TAG: [u32; 3] = [0x8100, 0x88a8, 0x9100];
const IGMP: u32 = 2;
const UDP: u32 = 17;
const ICMPV6: u32 = 58;
/// IPv6 extension headers (IANA): the protocol lies behind them, and BPF has no loops.
const EXTENSIONS: [u32; 8] = [0, 43, 44, 51, 60, 135, 139, 140];
/// The UDP ports whose datagrams are decoded: mDNS, SSDP, LLMNR, WS-Discovery, DHCP, `DHCPv6`,
/// NetBIOS name and datagram service.
const PORTS: [u32; 10] = [5353, 1900, 5355, 3702, 67, 68, 546, 547, 137, 138];
const MDNS_PORT: u32 = 5353;
/// The fragment offset within the IPv4 flags-and-offset field.
const FRAGMENT_OFFSET: u32 = 0x1fff;
/// Scratch cell: the offset of the IP header.
const NETWORK: u32 = 0;
/// Scratch cell: the `EtherType` behind all tags.
const ETHERTYPE: u32 = 1;

/// What the program is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// How frames begin: with an Ethernet or with an IP header.
    pub link: FilterLink,
    /// Whether this is the loopback interface, where each frame comes by twice, sent and received:
    /// only the received one is kept.
    pub loopback: bool,
    /// How many bytes of `other_multicast` to keep.
    pub stream_snap: u32,
}

/// The link types that a live interface can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterLink {
    /// Ethernet header first.
    Ethernet,
    /// IP header first.
    RawIp,
}

impl FilterLink {
    /// The link type of the frames.
    pub(crate) const fn link_type(self) -> LinkType {
        match self {
            Self::Ethernet => LinkType::Ethernet,
            Self::RawIp => LinkType::RawIp,
        }
    }
}

/// Where the parts of the program lead.
struct Exits {
    whole: Label,
    stream: Label,
    skip: Label,
    group_v4: Label,
    group_v6: Label,
}

/// Compiles the program.
pub fn compile(spec: &Spec) -> Program {
    let mut asm = Assembler::new();
    let exits = Exits {
        whole: asm.label(),
        stream: asm.label(),
        skip: asm.label(),
        group_v4: asm.label(),
        group_v6: asm.label(),
    };
    if spec.loopback {
        asm.load_packet_type();
        asm.jump_if_equal(u32::from(libc::PACKET_OUTGOING), exits.skip);
    }
    let (unicast_v4, unicast_v6) = (asm.label(), asm.label());
    match spec.link {
        FilterLink::Ethernet => ethernet(&mut asm, &exits, unicast_v4, unicast_v6),
        FilterLink::RawIp => raw_ip(&mut asm, &exits, unicast_v4, unicast_v6),
    }
    asm.place(unicast_v4);
    unicast_ipv4(&mut asm, &exits, spec.link);
    asm.place(unicast_v6);
    unicast_ipv6(&mut asm, &exits, spec.link);
    group(&mut asm, &exits);
    asm.place(exits.whole);
    asm.keep(WHOLE);
    asm.place(exits.stream);
    asm.keep(spec.stream_snap);
    asm.place(exits.skip);
    asm.keep(0);
    asm.finish()
}

/// Steps over up to two tags in the bytes (one more may have been stripped), then separates group
/// destinations from unicast ones.
fn ethernet(asm: &mut Assembler, exits: &Exits, unicast_v4: Label, unicast_v6: Label) {
    let (tag, second, untagged, unicast, not_broadcast, short) =
        (asm.label(), asm.label(), asm.label(), asm.label(), asm.label(), asm.label());
    // At most two tags in front: IP begins at 14, 18 or 22.
    asm.unless_long_enough(14, short);
    asm.set_x(14);
    asm.load_half(12);
    for tpid in ETHERTYPES_TAG {
        asm.jump_if_equal(tpid, tag);
    }
    asm.jump(untagged);
    asm.place(tag);
    asm.unless_long_enough(18, short);
    asm.set_x(18);
    asm.load_half(16);
    for tpid in ETHERTYPES_TAG {
        asm.jump_if_equal(tpid, second);
    }
    asm.jump(untagged);
    asm.place(second);
    asm.unless_long_enough(22, short);
    asm.set_x(22);
    asm.load_half(20);
    asm.place(untagged);
    asm.store_a(ETHERTYPE);
    asm.store_x(NETWORK);

    asm.load_byte(0);
    asm.jump_unless_set(1, unicast);
    asm.load_word(0);
    asm.jump_unless_equal(0xffff_ffff, not_broadcast);
    asm.load_half(4);
    asm.jump_if_equal(0xffff, exits.whole);
    asm.place(not_broadcast);
    asm.load_cell(ETHERTYPE);
    asm.jump_if_equal(ETHERTYPE_IPV4, exits.group_v4);
    asm.jump_if_equal(ETHERTYPE_IPV6, exits.group_v6);
    asm.jump_if_equal(ETHERTYPE_ARP, exits.whole);
    asm.jump(exits.stream);

    asm.place(unicast);
    asm.load_cell(ETHERTYPE);
    asm.jump_if_equal(ETHERTYPE_IPV4, unicast_v4);
    asm.jump_if_equal(ETHERTYPE_IPV6, unicast_v6);
    asm.jump(exits.skip);

    // It ends within its type or a tag: the destination alone decides.
    asm.place(short);
    asm.load_byte(0);
    asm.jump_if_set(1, exits.whole);
    asm.jump(exits.skip);
}

/// No link header: the version is the first half octet.
fn raw_ip(asm: &mut Assembler, exits: &Exits, unicast_v4: Label, unicast_v6: Label) {
    asm.set_x(0);
    asm.store_x(NETWORK);
    asm.load_byte(0);
    asm.and(0xf0);
    asm.jump_if_equal(0x40, unicast_v4);
    asm.jump_if_equal(0x60, unicast_v6);
    asm.jump(exits.skip);
}

/// X is the offset of the IPv4 header.
fn unicast_ipv4(asm: &mut Assembler, exits: &Exits, link: FilterLink) {
    let (not_mdns, fewer) = (asm.label(), asm.label());
    asm.load_byte_x(9);
    asm.jump_unless_equal(UDP, not_mdns);
    asm.load_half_x(6);
    asm.jump_if_set(FRAGMENT_OFFSET, not_mdns);
    to_udp_behind_ipv4(asm);
    asm.unless_left(4, fewer);
    asm.load_half_x(0);
    asm.jump_if_equal(MDNS_PORT, exits.whole);
    asm.load_half_x(2);
    asm.jump_if_equal(MDNS_PORT, exits.whole);
    asm.place(fewer);
    asm.load_x_cell(NETWORK);
    asm.place(not_mdns);
    skip_unless_to_this_machine(asm, exits, link);
    asm.load_word_x(16);
    asm.jump_if_equal(0xffff_ffff, exits.whole);
    asm.and(0xf000_0000);
    asm.jump_if_equal(0xe000_0000, exits.group_v4);
    asm.jump(exits.skip);
}

/// X is the offset of the IPv6 header.
fn unicast_ipv6(asm: &mut Assembler, exits: &Exits, link: FilterLink) {
    let (not_mdns, fragment, ports, fewer) = (asm.label(), asm.label(), asm.label(), asm.label());
    asm.load_byte_x(6);
    asm.jump_if_equal(44, fragment);
    asm.jump_unless_equal(UDP, not_mdns);
    asm.add_to_x(40);
    asm.jump(ports);
    // A fragment header (RFC 8200, 4.5) has a fixed size: the first fragment has the ports.
    asm.place(fragment);
    asm.unless_left(52, not_mdns);
    asm.load_byte_x(40);
    asm.jump_unless_equal(UDP, not_mdns);
    asm.load_half_x(42);
    asm.jump_if_set(0xfff8, not_mdns);
    asm.add_to_x(48);
    asm.place(ports);
    asm.unless_left(4, fewer);
    asm.load_half_x(0);
    asm.jump_if_equal(MDNS_PORT, exits.whole);
    asm.load_half_x(2);
    asm.jump_if_equal(MDNS_PORT, exits.whole);
    asm.place(fewer);
    asm.load_x_cell(NETWORK);
    asm.place(not_mdns);
    skip_unless_to_this_machine(asm, exits, link);
    asm.load_byte_x(24);
    asm.jump_if_equal(0xff, exits.group_v6);
    asm.jump(exits.skip);
}

/// On Ethernet a group address behind another machine's MAC is not for us; without a link header
/// the IP destination alone decides.
fn skip_unless_to_this_machine(asm: &mut Assembler, exits: &Exits, link: FilterLink) {
    match link {
        FilterLink::Ethernet => {
            asm.load_packet_type();
            asm.jump_unless_equal(u32::from(libc::PACKET_HOST), exits.skip);
        }
        FilterLink::RawIp => {}
    }
}

/// Separates what is decoded, and so kept whole, from streams. X is the offset of the IP header.
fn group(asm: &mut Assembler, exits: &Exits) {
    let (udp_v4, udp) = (asm.label(), asm.label());
    asm.place(exits.group_v4);
    asm.unless_left(20, exits.whole);
    asm.load_byte_x(9);
    asm.jump_if_equal(IGMP, exits.whole);
    asm.jump_if_equal(UDP, udp_v4);
    asm.jump(exits.stream);

    asm.place(exits.group_v6);
    asm.unless_left(40, exits.whole);
    asm.load_byte_x(6);
    asm.jump_if_equal(ICMPV6, exits.whole);
    for header in EXTENSIONS {
        asm.jump_if_equal(header, exits.whole);
    }
    asm.jump_unless_equal(UDP, exits.stream);
    asm.add_to_x(40);
    asm.jump(udp);

    asm.place(udp_v4);
    // A later fragment has no ports and is decoded no further than its IP header.
    asm.load_half_x(6);
    asm.jump_if_set(FRAGMENT_OFFSET, exits.stream);
    to_udp_behind_ipv4(asm);
    asm.place(udp);
    asm.unless_left(4, exits.whole);
    for offset in [2, 0] {
        asm.load_half_x(offset);
        for port in PORTS {
            asm.jump_if_equal(port, exits.whole);
        }
    }
    asm.jump(exits.stream);
}

/// Moves X from an IPv4 header to what follows it.
fn to_udp_behind_ipv4(asm: &mut Assembler) {
    asm.load_byte_x(0);
    asm.and(0x0f);
    asm.shift_left(2);
    asm.add_a_to_x();
}

#[cfg(test)]
mod tests;
