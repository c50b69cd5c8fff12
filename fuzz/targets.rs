//! What is fuzzed, as plain functions: any bytes come in, a panic is a fault found. The ordinary
//! test run (`tests/core/fuzz_corpus.rs`) calls them with the corpus and its mutations, `cargo fuzz` with
//! whatever it thinks of.

use multicast_exporter::capture::file::from_reader;
use multicast_exporter::capture::{Capture, CaptureError};
use multicast_exporter::decode::mdns::{Datagram, Digest, HashKey, Shape, digest};
use multicast_exporter::decode::{Message, Observation, Protocol, decode};
use multicast_exporter::detect::Horizon;
use multicast_exporter::engine::{Budget, Config, Converted, Engine, Judging};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType, Tag};
use multicast_exporter::interfaces::message::decode as decode_netlink;
use multicast_exporter::interfaces::{Table, wire};
use multicast_exporter::time::{Stamp, Time};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

/// The link types, by the first byte of a frame's input.
pub const LINKS: [LinkType; 9] = [
    LinkType::Ethernet,
    LinkType::LinuxCooked,
    LinkType::LinuxCooked2,
    LinkType::Ieee80211,
    LinkType::Radiotap,
    LinkType::RawIp,
    LinkType::BsdLoopback,
    LinkType::OpenBsdLoopback,
    LinkType::Other(9),
];

const KEY: HashKey = HashKey([1, 2, 3, 4]);

/// A frame through the decoder into two engines. Input: the link type, a byte of which bit 0 says
/// that the frame was longer on the wire and bit 1 that a tag was taken off, then the frame.
///
/// # Panics
/// If the frame is counted other than exactly once, or something is read out of nothing.
pub fn frame(data: &[u8]) {
    let [link, how, bytes @ ..] = data else { return };
    let link = LINKS[usize::from(*link) % LINKS.len()];
    let len = u32::try_from(bytes.len()).expect("inputs are short");
    let meta = FrameMeta {
        stamp: Stamp(0),
        interface: 0,
        link,
        stripped_tag: (how & 2 != 0).then_some(Tag { tpid: 0x8100, tci: 30 }),
        direction: Direction::Unknown,
        wire_len: if how & 1 == 0 { len } else { len.saturating_add(1) },
    };
    let observation = decode(&Frame { meta, bytes });
    let again = decode(&Frame { meta, bytes });
    assert_eq!(format!("{observation:?}"), format!("{again:?}"), "nothing but the frame counts");
    visit(&observation);
    for converted in [Converted::Live, Converted::Files] {
        let config = Config {
            budget: Arc::new(Budget::new(4)),
            expiry: None,
            local: Arc::default(),
            converted,
            judging: Judging::Everything,
            horizon: Horizon::default(),
            storms_kept: Config::STORMS_LIVE,
        };
        let mut engine = Engine::new(config, KEY);
        // Three times: a payload is kept when it comes again.
        for second in 0..3 {
            engine.handle_frame(Time(second * 1_000_000_000), Stamp(0), &observation);
        }
        let snapshot = engine.snapshot();
        let counted = u64::from(observation.counted_as(converted == Converted::Live).is_some()) * 3;
        assert_eq!(snapshot.frames, 3);
        assert_eq!(snapshot.packets.iter().sum::<u64>(), counted);
        let counters =
            snapshot.devices.iter().map(|device| &device.counters).chain(&snapshot.other);
        let (mut packets, mut messages) = (0, 0);
        for counters in counters {
            packets += counters.packets.iter().sum::<u64>();
            messages += counters.messages.iter().sum::<u64>();
        }
        let mdns = [Protocol::Mdns, Protocol::MdnsUnicast].map(|p| snapshot.packets[p.index()]);
        assert_eq!((packets, messages), (counted, mdns.iter().sum()));
    }
}

/// Goes through what is read only when somebody asks for it.
fn visit(observation: &Observation<'_>) {
    use multicast_exporter::decode::membership;
    let message = &observation.message;
    if let Message::Igmp(membership::Message::Records(records))
    | Message::Mld(membership::Message::Records(records)) = message
    {
        assert!(u16::try_from(records.iter().count()).is_ok());
    }
    if let Message::Dhcpv6(message) = message {
        let _ = message.client_mac();
    }
}

/// A multicast DNS message. Input: a byte of which bit 0 says that the message was cut, then the
/// message.
///
/// # Panics
/// If more is kept or counted than there is room for.
pub fn mdns(data: &[u8]) {
    let [how, payload @ ..] = data else { return };
    let complete = how & 1 == 0;
    let datagram = Datagram::new(payload, complete, (5353, 5353));
    let read = digest(&datagram, &KEY);
    assert!(read.questions.len() <= Digest::MAX);
    assert!(read.records.len() <= Digest::MAX);
    assert!(read.hints.len() <= Digest::MAX);
    assert!(complete || read.malformed.is_none(), "what is missing was on the wire");
    let [questions, records @ ..] = read.decoded.map(|count| count as usize);
    let least = questions * 5 + records.iter().sum::<usize>() * 11;
    assert!(least <= payload.len(), "{least} octets out of {}", payload.len());
    if let Some(header) = datagram.header {
        for (decoded, claimed) in read.decoded.iter().zip(header.claimed) {
            assert!(*decoded <= u32::from(claimed));
        }
    }
    let malformed = read.malformed.is_some() || datagram.header.is_none();
    assert_eq!(Shape::of(&datagram, &read) == Shape::Malformed, malformed);
}

/// Batches of a capture file that are read.
const BATCHES: usize = 64;

/// A capture file of any format, compressed or not.
///
/// # Panics
/// If a frame is heard on an interface that was not declared, or reading goes on after its end.
pub fn capture(data: &[u8]) {
    let Ok(mut file) = from_reader("fuzz", Box::new(Cursor::new(data.to_vec()))) else { return };
    for _ in 0..BATCHES {
        let Ok(batch) = file.next_batch(Duration::ZERO) else {
            let after = file.next_batch(Duration::ZERO).map(|_| ());
            assert!(matches!(after, Err(CaptureError::End)));
            break;
        };
        let interfaces = batch.interfaces().len();
        for frame in batch.iter() {
            assert!((frame.meta.interface as usize) < interfaces);
            let _ = decode(&frame);
        }
    }
}

/// One datagram of netlink messages, into a table of interfaces.
///
/// # Panics
/// If a message is longer than the datagram.
pub fn netlink(data: &[u8]) {
    let mut table = Table::new();
    for message in wire::messages(data).flatten() {
        assert!(message.payload.len() < data.len());
        for attribute in wire::attributes(message.payload).flatten() {
            assert!(attribute.value.len() < message.payload.len());
        }
        if let Ok(message) = decode_netlink(message.kind, message.payload) {
            let _ = table.handle_message(message);
        }
    }
    assert!(table.links().count() <= data.len() / 32, "a link takes 32 octets");
    let _ = table.local_macs();
}
