//! What one frame costs an engine: `cargo run --release --example engine_bench`. Each figure is
//! the best of several rounds, because other programs run too.

use multicast_exporter::craft::{Host, Responder, Service};
use multicast_exporter::decode::mdns::HashKey;
use multicast_exporter::decode::{Observation, Sender, decode};
use multicast_exporter::detect::Horizon;
use multicast_exporter::engine::{Budget, Config, Converted, Engine, Judging};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::mac::Mac;
use multicast_exporter::simulation::{Options, Simulation};
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
        judging: Judging::Everything,
        horizon: Horizon::Now,
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

/// What a storm may be made of, 200 a second as a printer once did it, and what a healthy LAN sends.
fn by_traffic() {
    let host = Host::numbered(2);
    let services = (1..5).map(|n| Service::new("Printer", &format!("_kind{n}._tcp"), 631));
    let printer = services.fold(Responder::new("printer", host), Responder::service);
    let small = host.mdns4(Responder::new("printer", host).address_response());
    let large = host.mdns4(printer.announcement());
    let arp = host.arp_request([10, 0, 0, 9].into());
    let step = Duration::from_millis(5);
    let repeated = [("one record", small), ("an announcement", large.clone()), ("ARP", arp)];
    for (what, frame) in repeated {
        let (mut e, mut now) = (engine(2_000), Time(1));
        let observation = observe(&frame);
        measure(&format!("{what}, {} bytes, again and again", frame.len()), FRAMES, |_| {
            now = now.plus(step);
            e.handle_frame(now, Stamp(1), &observation);
        });
    }
    let (mut e, mut now, mut n, mut large) = (engine(2_000), Time(1), 0_u32, large);
    let end = large.len();
    measure("the announcement, always different", FRAMES / 4, |_| {
        now = now.plus(step);
        n += 1;
        large[end - 4..].copy_from_slice(&n.to_be_bytes());
        e.handle_frame(now, Stamp(1), &observe(&large));
    });

    let hour = Duration::from_hours(1);
    let lan: Vec<_> = Simulation::new(Options::default()).frames(hour).collect();
    let mut e = engine(2_000);
    let mut begin = Time(1);
    let mut at = 0;
    let frames = u32::try_from(lan.len()).unwrap_or(u32::MAX);
    measure(&format!("a healthy LAN, {frames} frames an hour"), frames, |_| {
        let (since, frame) = &lan[at];
        e.handle_frame(begin.plus(*since), Stamp(1), &observe(frame));
        at += 1;
        if at == lan.len() {
            at = 0;
            begin = begin.plus(hour);
        }
    });
}

/// A week of the healthy LAN, without what it takes to make its frames.
fn week() {
    let week = Duration::from_hours(7 * 24);
    let (mut e, mut frames, mut taken) = (engine(2_000), 0_u64, Duration::ZERO);
    let mut batch = Vec::new();
    let mut lan = Simulation::new(Options::default()).frames(week).peekable();
    while lan.peek().is_some() {
        batch.extend(lan.by_ref().take(10_000));
        let begin = clock::now().monotonic;
        for (at, frame) in &batch {
            e.handle_frame(Time(1).plus(*at), Stamp(1), &observe(frame));
        }
        taken += clock::now().monotonic.since(begin);
        frames += batch.len() as u64;
        batch.clear();
    }
    println!("{:<44} {:>10} ms for {frames} frames", "a week of it", taken.as_millis());
}

/// What the close of a second costs with as many rows as `analyze` may have.
fn seconds() {
    for rows in [2_000_u32, 100_000] {
        let frame = announcement();
        let mut e = engine(2 * rows as usize);
        let mut now = Time(1);
        for n in 0..rows {
            let mut observation = observe(&frame);
            observation.sender = Some(invented(n));
            for _ in 0..2 {
                e.handle_frame(now, Stamp(1), &observation);
            }
        }
        assert_eq!(e.snapshot().tracked, rows as usize);
        measure(&format!("the close of a second, {rows} rows"), 1_000, |_| {
            now = now.plus(Duration::from_secs(1));
            e.handle_timeout(now);
        });
    }
}

fn main() {
    by_traffic();
    week();
    seconds();
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
