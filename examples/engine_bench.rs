//! What one frame costs an engine: `cargo run --release --example engine_bench`. Each figure is
//! the best of several rounds, because other programs run too.

use multicast_exporter::capture::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::decode::mdns::HashKey;
use multicast_exporter::decode::{Observation, Sender, decode};
use multicast_exporter::engine::{Budget, Config, Converted, Engine};
use multicast_exporter::mac::Mac;
use multicast_exporter::time::{Stamp, Time, clock};
use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, ResourceRecord};
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: usize = 5;
const FRAMES: u32 = 200_000;

fn engine(max: usize) -> Engine {
    let config = Config {
        budget: Arc::new(Budget::new(max)),
        expiry: Some(Duration::from_hours(4)),
        local: Arc::default(),
        converted: Converted::Live,
        storms_kept: Config::STORMS_LIVE,
    };
    Engine::new(config, HashKey([1, 2, 3, 4]))
}

/// A printer's announcement in an Ethernet frame.
fn announcement() -> Vec<u8> {
    let name = |text: &'static str| Name::new_unchecked(text);
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    let srv = SRV { priority: 0, weight: 0, port: 631, target: name("printer.local") };
    let record =
        |name, data| ResourceRecord::new(name, CLASS::IN, 120, data).with_cache_flush(true);
    packet.answers.push(record(name("Printer._ipp._tcp.local"), RData::SRV(srv)));
    let address = A { address: u32::from_be_bytes([10, 0, 0, 2]) };
    packet.additional_records.push(record(name("printer.local"), RData::A(address)));
    let dns = packet.build_bytes_vec_compressed().expect("a message");
    let udp_len = u16::try_from(8 + dns.len()).expect("short");
    let mut frame = vec![1, 0, 0x5e, 0, 0, 0xfb, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend((20 + udp_len).to_be_bytes());
    frame.extend([0, 0, 0, 0, 255, 17, 0, 0, 10, 0, 0, 2, 224, 0, 0, 251]);
    frame.extend([0x14, 0xe9, 0x14, 0xe9]);
    frame.extend(udp_len.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(dns);
    frame
}

fn observe(bytes: &[u8]) -> Observation<'_> {
    let meta = FrameMeta {
        stamp: Stamp(0),
        interface: 0,
        link: LinkType::Ethernet,
        stripped_tag: None,
        direction: Direction::Incoming,
        wire_len: u32::try_from(bytes.len()).expect("short"),
    };
    decode(&Frame { meta, bytes })
}

/// Nanoseconds a call, the best of the rounds.
fn measure(what: &str, calls: u32, mut round: impl FnMut(u32)) {
    let best = (0..ROUNDS).map(|_| {
        let begin = clock::now().monotonic;
        (0..calls).for_each(&mut round);
        clock::now().monotonic.since(begin).as_nanos() / u128::from(calls)
    });
    println!("{what:<44} {:>10} ns", best.min().unwrap_or_default());
}

/// Anonymous memory of this process in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn invented(n: u32) -> Sender {
    let mut octets = [2; 6];
    octets[2..].copy_from_slice(&n.to_be_bytes());
    Sender::Mac(Mac(octets))
}

fn main() {
    let frame = announcement();
    let (mut now, step) = (Time(1), Duration::from_micros(2));
    println!("payload of {} bytes", frame.len() - 42);

    let mut e = engine(2_000);
    let observation = observe(&frame);
    measure("handle_frame, repeated payload", FRAMES, |_| {
        now = now.plus(step);
        e.handle_frame(now, Stamp(1), &observation);
    });
    measure("decode and handle_frame, repeated payload", FRAMES, |_| {
        now = now.plus(step);
        e.handle_frame(now, Stamp(1), &observe(&frame));
    });
    let mut varied = frame.clone();
    let end = varied.len();
    let mut n = 0_u32;
    measure("handle_frame, every payload differs", FRAMES, |_| {
        now = now.plus(step);
        n += 1;
        varied[end - 4..].copy_from_slice(&n.to_be_bytes());
        e.handle_frame(now, Stamp(1), &observe(&varied));
    });
    drop(e);

    let before = memory();
    let mut e = engine(2_000);
    let mut n = 0_u32;
    measure("handle_frame, an invented MAC each, 100 k/s", FRAMES, |_| {
        now = now.plus(Duration::from_micros(10));
        n += 1;
        let mut observation = observe(&frame);
        observation.sender = Some(invented(n));
        e.handle_frame(now, Stamp(1), &observation);
    });
    println!("{:<44} {:>10} KiB", "memory after a million invented MACs", memory() - before);
    drop(e);

    let before = memory();
    let mut e = engine(20_000);
    for n in 0..10_000 {
        let mut observation = observe(&frame);
        observation.sender = Some(invented(n));
        for _ in 0..2 {
            e.handle_frame(now, Stamp(1), &observation);
        }
    }
    println!("{:<44} {:>10} bytes", "a row of 10,000", (memory() - before) * 1024 / 10_000);
    measure("snapshot of 10,000 devices", 10, |_| {
        assert_eq!(e.snapshot().devices.len(), 10_000);
    });
    let before = memory();
    let idle: Vec<Engine> = (0..128).map(|_| engine(2_000)).collect();
    println!("{:<44} {:>10} KiB", "128 idle engines", memory() - before);
    drop(idle);
}
