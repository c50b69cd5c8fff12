//! Live capture on veth pairs in network namespaces. Needs root: `make test`.

#[path = "support/netns.rs"]
mod netns;

use multicast_exporter::capture::join::Joins;
use multicast_exporter::capture::live::{Choice, Interface, Opened, Options, open};
use multicast_exporter::capture::pool::{Pool, PoolEmpty};
use multicast_exporter::capture::{Backend, Capture, CaptureError};
use multicast_exporter::frame::{Backlog, Direction, FrameMeta, Tag};
use multicast_exporter::privilege;
use netns::NetNs;
use pnet::datalink::{self, Channel, DataLinkSender};
use std::net::{Ipv4Addr, SocketAddrV6, UdpSocket};
use std::time::Duration;

const ETHER: u16 = 1;
const MDNS_MAC: [u8; 6] = [1, 0, 0x5e, 0, 0, 0xfb];
const STREAM_MAC: [u8; 6] = [1, 0, 0x5e, 1, 1, 1];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x77];
const MDNS: [u8; 4] = [224, 0, 0, 251];
/// Long enough for a block to be retired, under load too.
const WAIT: Duration = Duration::from_secs(2);
const SHORT: Duration = Duration::from_millis(200);

/// A captured frame, copied.
type Seen = (FrameMeta, Vec<u8>);

/// Reads until `enough` frames came or nothing more comes.
fn read(capture: &mut dyn Capture, enough: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        let wait = if seen.len() < enough { WAIT } else { SHORT };
        let batch = capture.next_batch(wait).expect("the interface is there");
        if batch.is_empty() && (seen.len() >= enough || wait == WAIT) {
            return seen;
        }
        seen.extend(batch.iter().map(|frame| (frame.meta, frame.bytes.to_vec())));
    }
}

/// Reads until the capture fails; panics if it does not.
fn read_to_error(capture: &mut dyn Capture) -> CaptureError {
    for _ in 0..20 {
        match capture.next_batch(SHORT) {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
    panic!("the capture goes on");
}

fn ethernet(to: [u8; 6], tags: &[(u16, u16)], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend([2, 0, 0, 0, 0, 9]);
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 and UDP packet of `len` bytes. Its IP checksum is right: the kernel drops it otherwise.
fn udp_v4(to: [u8; 4], ports: [u16; 2], len: u16) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(len.to_be_bytes());
    packet.extend([0, 0, 0, 0, 255, 17, 0, 0, 10, 0, 0, 9]);
    packet.extend(to);
    let sum: u32 = packet.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16));
    packet[10..12].copy_from_slice(&sum.to_be_bytes()[2..]);
    packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    packet.extend((len - 20).to_be_bytes());
    packet.resize(usize::from(len), 0);
    packet
}

fn mdns_v6(len: u16) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((len - 40).to_be_bytes());
    packet.extend([17, 255, 0xfe, 0x80]);
    packet.extend([0; 13]);
    packet.extend([9, 0xff, 2]);
    packet.extend([0; 13]);
    packet.push(0xfb);
    packet.extend([0x14, 0xe9, 0x14, 0xe9]);
    packet.extend((len - 40).to_be_bytes());
    packet.resize(usize::from(len), 0);
    packet
}

/// A namespace with a veth pair `cap` and `tx` and silence otherwise.
struct Bench {
    namespace: NetNs,
    sender: Box<dyn DataLinkSender>,
}

impl Bench {
    fn new() -> Self {
        let namespace = NetNs::new();
        namespace.disable_ipv6();
        namespace.veth("cap", "tx");
        let sender = sender(&namespace, "tx");
        Self { namespace, sender }
    }

    fn interface(&self) -> Interface {
        interface(&self.namespace, "cap")
    }

    fn open(&self, choice: Choice) -> Opened {
        self.open_with(choice, &Options::default())
    }

    fn open_with(&self, choice: Choice, options: &Options) -> Opened {
        let interface = self.interface();
        self.namespace.run(|| {
            open(choice, &interface, &Pool::open(1, usize::MAX), options).expect("root may capture")
        })
    }

    fn send(&mut self, frame: &[u8]) {
        let sent = self.sender.send_to(frame, None).expect("it fits");
        sent.expect("the interface is up");
    }
}

fn interface(namespace: &NetNs, name: &str) -> Interface {
    Interface { index: namespace.index(name), name: name.into(), mac: None, arphrd: ETHER }
}

fn sender(namespace: &NetNs, name: &str) -> Box<dyn DataLinkSender> {
    let target = datalink::NetworkInterface {
        name: name.into(),
        description: String::new(),
        index: namespace.index(name),
        mac: None,
        ips: Vec::new(),
        flags: 0,
    };
    namespace.run(|| match datalink::channel(&target, datalink::Config::default()) {
        Ok(Channel::Ethernet(sender, _)) => sender,
        Ok(_) => panic!("another kind of channel"),
        Err(error) => panic!("{error}"),
    })
}

/// What is sent, and how much of it should be kept by the ring (0: not seen).
fn samples() -> Vec<(Vec<u8>, usize)> {
    let tag = (0x8100, 0xe01e);
    let mdns = udp_v4(MDNS, [5353, 5353], 400);
    let stream = udp_v4([239, 1, 1, 1], [5004, 5004], 1000);
    vec![
        (ethernet(MDNS_MAC, &[], 0x0800, &mdns), 414),
        (ethernet([0x33, 0x33, 0, 0, 0, 0xfb], &[], 0x86dd, &mdns_v6(300)), 314),
        (ethernet(MDNS_MAC, &[tag], 0x0800, &mdns), 414),
        (ethernet(MDNS_MAC, &[(0x88a8, 7), tag], 0x0800, &mdns), 418),
        (ethernet([0xff; 6], &[], 0x0806, &[0; 46]), 60),
        (ethernet(OTHER_MAC, &[], 0x0800, &udp_v4([10, 0, 0, 2], [5353, 5353], 100)), 114),
        (ethernet(OTHER_MAC, &[], 0x0800, &udp_v4([10, 0, 0, 2], [53, 5000], 100)), 0),
        (ethernet(STREAM_MAC, &[], 0x0800, &stream), 128),
        (ethernet(OTHER_MAC, &[], 0x0800, &stream), 0),
    ]
}

#[test]
#[ignore = "root: make test"]
fn ring_sees_each_frame_with_its_tag_length_and_direction() {
    let mut bench = Bench::new();
    let mut opened = bench.open(Choice::Ring);
    assert_eq!(opened.ring_bytes, Some(4 << 20));
    let samples = samples();
    for (frame, _) in &samples {
        bench.send(frame);
    }
    let expected: Vec<&(Vec<u8>, usize)> = samples.iter().filter(|(_, kept)| *kept > 0).collect();
    let seen = read(&mut *opened.capture, expected.len());
    assert_eq!(seen.len(), expected.len());
    for ((meta, bytes), (sent, kept)) in seen.iter().zip(&expected) {
        assert_eq!(bytes.len(), *kept);
        assert_eq!(meta.wire_len as usize, sent.len(), "a stripped tag was on the wire");
        assert_eq!(meta.direction, Direction::Incoming);
        assert!(meta.stamp.0 > 1_600_000_000 * 1_000_000_000);
    }
    let tags: Vec<Option<Tag>> = seen.iter().map(|(meta, _)| meta.stripped_tag).collect();
    assert_eq!(tags[2], Some(Tag { tpid: 0x8100, tci: 0xe01e }));
    assert_eq!(tags[3], Some(Tag { tpid: 0x88a8, tci: 7 }));
    assert_eq!(tags.iter().flatten().count(), 2);
    assert_eq!(seen[3].1[12..16], [0x81, 0, 0xe0, 0x1e], "the inner tag is in the bytes");
    assert_eq!(opened.capture.dropped(), Some(0));

    // The other way round: sent by this machine, tags in the bytes.
    let mut own = sender(&bench.namespace, "cap");
    let tagged = ethernet(MDNS_MAC, &[(0x8100, 30)], 0x0800, &udp_v4(MDNS, [5353, 5353], 100));
    own.send_to(&tagged, None).expect("it fits").expect("sent");
    let seen = read(&mut *opened.capture, 1);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].0.direction, seen[0].0.stripped_tag), (Direction::Outgoing, None));
    assert_eq!((&seen[0].1, seen[0].0.wire_len as usize), (&tagged, tagged.len()));
}

#[test]
#[ignore = "root: make test"]
fn pnet_sees_each_frame_whole_without_stripped_tags() {
    let mut bench = Bench::new();
    let mut opened = bench.open(Choice::Pnet);
    let samples = samples();
    for (frame, _) in &samples {
        bench.send(frame);
    }
    let expected: Vec<&(Vec<u8>, usize)> = samples.iter().filter(|(_, kept)| *kept > 0).collect();
    let seen = read(&mut *opened.capture, expected.len());
    assert_eq!(seen.len(), expected.len());
    for (index, ((meta, bytes), (sent, _))) in seen.iter().zip(&expected).enumerate() {
        let stripped = if matches!(index, 2 | 3) { 4 } else { 0 };
        assert_eq!(bytes.len(), sent.len() - stripped);
        assert_eq!(meta.wire_len as usize, bytes.len());
        assert_eq!((meta.direction, meta.stripped_tag), (Direction::Unknown, None));
    }
    assert_eq!(opened.capture.dropped(), None);
}

#[test]
#[ignore = "root: make test"]
fn auto_takes_the_ring_and_falls_back_to_the_sockets_with_a_reason() {
    let bench = Bench::new();
    assert_eq!(bench.open(Choice::Auto).backend, Backend::Ring);
    let interface = bench.interface();
    let opened = bench.namespace.run(|| {
        // A socket that does not share.
        let _taken = UdpSocket::bind("0.0.0.0:1900").expect("free");
        open(Choice::Auto, &interface, &Pool::open(0, usize::MAX), &Options::default())
            .expect("sockets run")
    });
    assert_eq!(opened.backend, Backend::Socket);
    assert_eq!(opened.fallbacks.len(), 1, "pnet would lack the same: {:?}", opened.fallbacks);
    assert!(opened.fallbacks[0].1.contains("--capture.sockets"), "{:?}", opened.fallbacks);
    assert_eq!(opened.skipped_groups.len(), 1, "{:?}", opened.skipped_groups);
    assert_eq!(opened.skipped_groups[0].0, "239.255.255.250:1900");
}

#[test]
#[ignore = "root: make test"]
fn sockets_see_the_groups_as_raw_ip() {
    let namespace = NetNs::new();
    // Link-local addresses at once, or the first datagrams meet a tentative one.
    for scope in ["all", "default"] {
        namespace.sysctl(&format!("net.ipv6.conf.{scope}.accept_dad=0"));
    }
    namespace.veth("cap", "tx");
    namespace.veth("cap2", "tx2");
    namespace.ip(&["addr", "add", "10.0.0.1/24", "dev", "cap"]);
    let cap = interface(&namespace, "cap");
    let cap2 = interface(&namespace, "cap2");
    let none = Pool::open(0, usize::MAX);
    let options = Options::default();
    let [mut opened, mut other] = namespace
        .run(|| [&cap, &cap2].map(|i| open(Choice::Socket, i, &none, &options).expect("runs")));
    assert_eq!(opened.skipped_groups, []);

    let mut sender = sender(&namespace, "tx");
    let mdns = udp_v4(MDNS, [5353, 5353], 400);
    for frame in [
        ethernet(MDNS_MAC, &[], 0x0800, &mdns),
        ethernet(
            [1, 0, 0x5e, 0x7f, 0xff, 0xfa],
            &[],
            0x0800,
            &udp_v4([239, 255, 255, 250], [50_000, 1900], 200),
        ),
        // Not seen: a stream, and unicast to this machine.
        ethernet(STREAM_MAC, &[], 0x0800, &udp_v4([239, 1, 1, 1], [5004, 5004], 200)),
        ethernet([0xff; 6], &[], 0x0800, &udp_v4([10, 0, 0, 1], [5353, 5353], 200)),
    ] {
        sender.send_to(&frame, None).expect("it fits").expect("sent");
    }
    // Many senders: a hash of these could pick among sockets that share an address.
    for port in 40_000..40_020 {
        let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [port, 5353], 400));
        sender.send_to(&frame, None).expect("it fits").expect("sent");
    }
    // IPv6 from a real socket, which makes the checksum.
    let tx = namespace.index("tx");
    namespace.run(|| {
        let socket = UdpSocket::bind("[::]:0").expect("a port");
        for (group, port) in [("ff02::fb", 5353), ("ff02::c", 1900), ("ff02::c", 3702)] {
            let group = group.parse().expect("an address");
            let target = SocketAddrV6::new(group, port, 0, tx);
            socket.send_to(&[7; 100], target).expect("sent");
        }
    });
    let mut seen = read(&mut *opened.capture, 25);
    // Not by time: the kernel starts to stamp a moment after it was asked to.
    seen.sort_by_key(|(meta, bytes)| (meta.wire_len, bytes.clone()));
    let lengths: Vec<u32> = seen.iter().map(|(meta, _)| meta.wire_len).collect();
    assert_eq!(lengths[..4], [162, 162, 162, 214]);
    assert_eq!(lengths[4..], [414; 21], "none by the other interface's socket");
    let v6 = &seen[0].1;
    assert_eq!(v6[6..8], [17, 1], "UDP with the hop limit of the sender");
    assert_eq!(v6[24..26], [0xff, 2]);
    // Whole but for the UDP checksum, which was 0 already.
    assert!(seen.iter().any(|(_, bytes)| *bytes == mdns));
    assert_eq!(opened.capture.dropped(), Some(0));
    assert_eq!(read(&mut *other.capture, 0).len(), 0, "heard on another interface");
}

#[test]
#[ignore = "root: make test"]
fn sockets_steal_no_unicast_from_the_responder() {
    let namespace = NetNs::new();
    namespace.veth("cap", "tx");
    namespace.ip(&["addr", "add", "10.0.0.1/24", "dev", "cap"]);
    let cap = interface(&namespace, "cap");
    let received = namespace.run(|| {
        let bind = || {
            use socket2::{Domain, Socket, Type};
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
            socket.set_reuse_address(true).expect("set");
            socket.set_reuse_port(true).expect("set");
            let address = std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5353));
            socket.bind(&address.into()).expect("shared");
            UdpSocket::from(socket)
        };
        let responder = bind();
        let pool = Pool::open(0, usize::MAX);
        let mut opened =
            open(Choice::Socket, &cap, &pool, &Options::default()).expect("beside a responder");
        let _joins = Joins::new(cap.index);
        // From many ports, since the kernel would choose among sockets by address and port.
        for _ in 0..50 {
            let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
            client.send_to(b"query", "10.0.0.1:5353").expect("sent");
        }
        assert_eq!(read(&mut *opened.capture, 0).len(), 0, "unicast is not for the groups");
        responder.set_nonblocking(true).expect("set");
        let mut buffer = [0; 16];
        std::iter::from_fn(|| responder.recv(&mut buffer).ok()).count()
    });
    assert_eq!(received, 50);
}

#[test]
#[ignore = "root: make test"]
fn joins_are_told_to_the_kernel_and_end_with_the_value() {
    let namespace = NetNs::new();
    namespace.veth("cap", "tx");
    let index = namespace.index("cap");
    namespace.run(|| {
        let groups = || {
            // This thread's view: /proc/net follows the namespace of the task.
            let v4 = std::fs::read_to_string("/proc/thread-self/net/igmp").expect("readable");
            let v6 = std::fs::read_to_string("/proc/thread-self/net/igmp6").expect("readable");
            (v4.contains("FAFFFFEF"), v6.contains("ff05000000000000000000000000000c"))
        };
        assert_eq!(groups(), (false, false));
        let joins = Joins::new(index);
        assert!(joins.failures().is_empty(), "{:?}", joins.failures());
        assert_eq!(groups(), (true, true));
        drop(joins);
        assert_eq!(groups(), (false, false));
    });
}

#[test]
#[ignore = "root: make test"]
fn loopback_is_counted_once() {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    let lo = Interface { index: namespace.index("lo"), name: "lo".into(), mac: None, arphrd: 772 };
    for choice in [Choice::Ring, Choice::Pnet] {
        let pool = namespace.run(|| Pool::open(1, usize::MAX));
        let mut opened = open(choice, &lo, &pool, &Options::default()).expect("root may capture");
        let mut sender = sender(&namespace, "lo");
        let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 100));
        sender.send_to(&frame, None).expect("it fits").expect("sent");
        assert_eq!(read(&mut *opened.capture, 1).len(), 1, "{choice:?}");
    }
}

#[test]
#[ignore = "root: make test"]
fn drops_of_a_full_ring_are_told() {
    let mut bench = Bench::new();
    let tiny = Options { ring_size: 16 << 10, ..Options::default() };
    let mut opened = bench.open_with(Choice::Ring, &tiny);
    assert_eq!(opened.ring_bytes, Some(16 << 10));
    let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 1000));
    for _ in 0..100 {
        bench.send(&frame);
    }
    let seen = read(&mut *opened.capture, 1).len() as u64;
    let dropped = opened.capture.dropped().expect("the ring knows");
    assert!(dropped > 0);
    assert_eq!(seen + dropped, 100);
    assert_eq!(opened.capture.dropped(), Some(dropped), "not counted again");
    bench.send(&frame);
    assert_eq!(read(&mut *opened.capture, 1).len(), 1, "the ring goes on");
}

#[test]
#[ignore = "root: make test"]
fn a_ring_says_how_full_it_is_before_anything_is_dropped() {
    let mut bench = Bench::new();
    let small = Options { ring_size: 256 << 10, ..Options::default() };
    let mut opened = bench.open_with(Choice::Ring, &small);
    let capture = &mut *opened.capture;
    let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 1000));
    let mut changes = vec![(capture.backlog(), 0)];
    for sent in 1..=280 {
        bench.send(&frame);
        let backlog = capture.backlog();
        if changes.last().is_some_and(|(last, _)| *last != backlog) {
            changes.push((backlog, sent));
        }
        if backlog == Backlog::Most {
            break;
        }
    }
    let [(Backlog::Little, 0), (Backlog::Half, half), (Backlog::Most, most)] = changes[..] else {
        panic!("{changes:?}");
    };
    // Eight blocks of 32 KiB, each of some 36 frames. A block may be retired before it is full.
    assert!(half < most, "{changes:?}");
    assert_eq!(read(capture, 1).len(), most);
    assert_eq!((capture.backlog(), capture.dropped()), (Backlog::Little, Some(0)));
}

#[test]
#[ignore = "root: make test"]
fn a_deleted_interface_is_gone() {
    for choice in [Choice::Ring, Choice::Pnet, Choice::Socket] {
        let mut bench = Bench::new();
        let mut opened = bench.open(choice);
        bench.send(&ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 100)));
        bench.namespace.ip(&["link", "del", "dev", "tx"]);
        let error = read_to_error(&mut *opened.capture);
        let is_gone =
            matches!(&error, CaptureError::InterfaceGone { interface } if interface == "cap");
        assert!(is_gone, "{choice:?}: {error}");
    }
}

#[test]
#[ignore = "root: make test"]
fn an_interface_that_was_down_goes_on() {
    for choice in [Choice::Ring, Choice::Pnet, Choice::Socket] {
        let mut bench = Bench::new();
        let mut opened = bench.open(choice);
        let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 100));
        // Down, silent, up; twice, and the second time deleted while down.
        for _ in 0..2 {
            bench.namespace.ip(&["link", "set", "dev", "cap", "down"]);
            assert_eq!(read(&mut *opened.capture, 0).len(), 0, "{choice:?}");
            bench.namespace.ip(&["link", "set", "dev", "cap", "up"]);
            bench.namespace.wait_for_carrier("tx");
            bench.namespace.wait_for_carrier("cap");
            bench.send(&frame);
            assert_eq!(read(&mut *opened.capture, 1).len(), 1, "{choice:?}");
        }
        bench.namespace.ip(&["link", "set", "dev", "cap", "down"]);
        assert_eq!(read(&mut *opened.capture, 0).len(), 0, "{choice:?}");
        bench.namespace.ip(&["link", "del", "dev", "cap"]);
        let error = read_to_error(&mut *opened.capture);
        assert!(matches!(error, CaptureError::InterfaceGone { .. }), "{choice:?}: {error}");
    }
}

#[test]
#[ignore = "root: make test"]
fn sockets_come_back_to_the_pool_clean() {
    let mut bench = Bench::new();
    let pool = bench.namespace.run(|| Pool::open(1, usize::MAX));
    let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 100));
    for choice in [Choice::Ring, Choice::Pnet, Choice::Ring, Choice::Ring, Choice::Pnet] {
        let interface = bench.interface();
        let mut opened =
            open(choice, &interface, &pool, &Options::default()).expect("a used socket is as new");
        bench.send(&frame);
        assert_eq!(read(&mut *opened.capture, 1).len(), 1, "{choice:?}");
        let second = open(choice, &interface, &pool, &Options::default()).err();
        let text = second.expect("the only socket is in use").to_string();
        assert!(text.contains(&PoolEmpty::InUse { size: 1 }.to_string()), "{text}");
        // What nobody read is not heard by the next one, nor what comes in between.
        bench.send(&frame);
        if choice == Choice::Pnet {
            bench.namespace.ip(&["link", "del", "dev", "tx"]);
            bench.namespace.veth("cap", "tx");
            bench.sender = sender(&bench.namespace, "tx");
        }
        drop(opened);
        assert_eq!(pool.free(), 1);
        bench.send(&frame);
    }
}

#[test]
#[ignore = "root: make test"]
fn an_interface_made_after_the_capabilities_are_gone_is_captured() {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    let pool = namespace.run(|| Pool::open(3, usize::MAX));
    let (mut told, mut tell) = std::io::pipe().expect("a pipe");
    // A process of one thread, as `main` is at its start.
    let child = fork(move || {
        use std::io::Read;
        privilege::drop_all().expect("nothing stands against it");
        assert!(privilege::held().expect("readable").is_empty());
        assert_eq!(Pool::open(1, usize::MAX).take().err(), Some(PoolEmpty::NotPermitted));
        let mut index = [0; 4];
        told.read_exact(&mut index).expect("the interface was made");
        let index = u32::from_ne_bytes(index);
        let cap = Interface { index, name: "cap".into(), mac: None, arphrd: ETHER };
        // Used sockets come back without capabilities, too: more turns than sockets.
        for choice in [Choice::Auto, Choice::Pnet, Choice::Ring, Choice::Pnet, Choice::Ring] {
            let worker = std::thread::spawn({
                let (pool, cap) = (pool.clone(), cap.clone());
                move || {
                    let opened = open(choice, &cap, &pool, &Options::default()).expect("pooled");
                    assert_ne!(opened.backend, Backend::Socket);
                    let mut opened = opened;
                    assert_eq!(no_thread_has_capabilities(), 2);
                    let batch = opened.capture.next_batch(WAIT).expect("the interface is up");
                    assert!(!batch.is_empty());
                }
            });
            worker.join().expect("captured");
        }
        assert_eq!(pool.free(), 3);
    });
    namespace.veth("cap", "tx");
    let mut sender = sender(&namespace, "tx");
    std::io::Write::write_all(&mut tell, &namespace.index("cap").to_ne_bytes()).expect("it reads");
    let frame = ethernet(MDNS_MAC, &[], 0x0800, &udp_v4(MDNS, [5353, 5353], 100));
    let code = child.wait(|| {
        sender.send_to(&frame, None).expect("it fits").expect("sent");
        std::thread::sleep(Duration::from_millis(10));
    });
    assert_eq!(code, 0, "the child says why above");
}

/// Looks at every thread of this process; says how many there are.
fn no_thread_has_capabilities() -> usize {
    let mut threads = 0;
    for task in std::fs::read_dir("/proc/self/task").expect("readable") {
        let path = task.expect("readable").path().join("status");
        let status = std::fs::read_to_string(path).expect("readable");
        for line in status.lines() {
            if let Some((set @ ("CapEff" | "CapPrm" | "CapInh" | "CapAmb"), value)) =
                line.split_once(":\t")
            {
                assert_eq!(value, "0000000000000000", "{set}");
            }
            if let Some(value) = line.strip_prefix("NoNewPrivs:\t") {
                assert_eq!(value, "1");
            }
        }
        threads += 1;
    }
    threads
}

/// A child process; killed on drop.
struct Child(libc::pid_t);

/// Runs `work` in a forked process, whose exit code is 0 unless it panics.
fn fork(work: impl FnOnce()) -> Child {
    // SAFETY: the C library makes its allocator usable in the child of a process with threads; the
    // child uses nothing else of the parent's state and ends with _exit.
    match unsafe { libc::fork() } {
        0 => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            assert!(child > 0, "fork: {}", std::io::Error::last_os_error());
            Child(child)
        }
    }
}

impl Child {
    /// Does something again and again until the child ends, which it must within 2,000 turns;
    /// its exit code.
    fn wait(self, mut meanwhile: impl FnMut()) -> i32 {
        for _ in 0..2_000 {
            let mut status = 0;
            // SAFETY: writes the status of our own child.
            if unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) } == self.0 {
                std::mem::forget(self);
                return if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 };
            }
            meanwhile();
        }
        panic!("the child hangs");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: our own child, which has not been waited for.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}
