//! What decoding costs, as a ratio: `cargo run --release --example decode_bench`. Prints; asserts
//! nothing, because clocks differ.

use multicast_exporter::decode::mdns::{self, HashKey};
use multicast_exporter::decode::{self, Message};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::time::Stamp;
use simple_dns::rdata::{A, AAAA, NSEC, NsecTypeBitMap, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, ResourceRecord};
use std::hint::black_box;

const ROUNDS: u32 = 400_000;

/// A printer's announcement of three services, and how long its data in TXT records is.
fn announcement(padding: &str) -> Vec<u8> {
    let name = Name::new_unchecked;
    let host = name("A1CA45000000.local");
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    let mut unique = |owner: &'static str, data| {
        let record = ResourceRecord::new(name(owner), CLASS::IN, 120, data);
        packet.answers.push(record.with_cache_flush(true));
    };
    for (instance, port) in [
        ("Canon MX920 series._ipp._tcp.local", 631),
        ("Canon MX920 series._scanner._tcp.local", 8610),
        ("Canon MX920 series._http._tcp.local", 80),
    ] {
        let srv = SRV { priority: 0, weight: 0, port, target: host.clone() };
        unique(instance, RData::SRV(srv));
        let txt = TXT::new().with_string("ty=Canon MX920 series").expect("short");
        unique(instance, RData::TXT(txt.with_string("txtvers=1").expect("short")));
        let service = &instance["Canon MX920 series.".len()..];
        unique(service, RData::PTR(PTR(name(instance))));
    }
    unique("A1CA45000000.local", RData::A(A { address: 0x0a00_0108 }));
    unique("A1CA45000000.local", RData::AAAA(AAAA { address: 0xfe80 << 112 | 7 }));
    let bitmap = NsecTypeBitMap { window_block: 0, bitmap: b"\x40\0\0\x08"[..].into() };
    let nsec = NSEC { next_name: host.clone(), type_bit_maps: vec![bitmap] };
    unique("A1CA45000000.local", RData::NSEC(nsec));
    let text = TXT::new().with_string(padding).expect("short").into_owned();
    unique("Canon MX920 series._http._tcp.local", RData::TXT(text));
    packet.build_bytes_vec_compressed().expect("valid")
}

fn ethernet(payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x01\0\x5e\0\0\xfb\x02\0\0\0\0\x01\x08\0\x45\0".to_vec();
    bytes.extend(u16::try_from(payload.len() + 28).expect("short").to_be_bytes());
    bytes.extend(b"\0\0\0\0\xff\x11\0\0\x0a\0\0\x01\xe0\0\0\xfb\x14\xe9\x14\xe9");
    bytes.extend(u16::try_from(payload.len() + 8).expect("short").to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// Nanoseconds that this thread has run: other work on the machine does not count.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds")
}

fn measure(what: &str, mut work: impl FnMut(u32)) -> f64 {
    work(0);
    let start = cpu();
    (0..ROUNDS).for_each(&mut work);
    let spent = std::time::Duration::from_nanos(cpu() - start);
    let each = spent.as_secs_f64() * 1e9 / f64::from(ROUNDS);
    println!("{what:40} {each:8.1} ns");
    each
}

fn main() {
    let mut payload = announcement("");
    payload = announcement(&"x".repeat(471_usize.saturating_sub(payload.len())));
    println!("message of {} bytes, {} records", payload.len(), payload[7]);
    let mut bytes = ethernet(&payload);
    let meta = FrameMeta {
        stamp: Stamp::default(),
        interface: 0,
        link: LinkType::Ethernet,
        stripped_tag: None,
        direction: Direction::Incoming,
        wire_len: u32::try_from(bytes.len()).expect("short"),
    };
    let key = HashKey([1, 2, 3, 4]);
    let last = bytes.len() - 4;
    let mut vary = |round: u32| {
        // The last octets are text: every payload differs.
        let text = round.to_be_bytes().map(|octet| octet & 0x7f);
        bytes[last..].copy_from_slice(&text);
        bytes.clone()
    };
    let copy = measure("copying the frame", |round| drop(black_box(vary(round))));
    let still = vary(0);
    let decoded = measure("decode", |_| {
        let frame = Frame { meta, bytes: black_box(&still) };
        black_box(decode::decode(&frame));
    });
    let digested = measure("copy, decode, digest", |round| {
        let bytes = vary(round);
        let frame = Frame { meta, bytes: &bytes };
        let observation = decode::decode(&frame);
        let Message::Mdns(datagram) = &observation.message else { panic!("not mDNS") };
        black_box(mdns::digest(datagram, &key));
    });
    if std::env::var_os("DIGEST_ONLY").is_some() {
        return;
    }
    let parsed = measure("copy, simple-dns", |round| {
        let bytes = vary(round);
        black_box(Packet::parse(&bytes[42..]).is_ok());
    });
    println!("decode + digest                          {:8.1} ns", digested - copy);
    println!("simple-dns                               {:8.1} ns", parsed - copy);
    println!("decode                                   {decoded:8.1} ns");
}
