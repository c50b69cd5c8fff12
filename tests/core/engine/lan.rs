//! Frames as bytes, through the decoder, into an engine: a printer and its clients.

use crate::engine_wire::{KEY, config};
use multicast_exporter::decode::mdns::Kind;
use multicast_exporter::decode::{Protocol, Sender, decode};
use multicast_exporter::engine::{Category, Converted, DeviceSnapshot, Engine, Snapshot};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::mac::Mac;
use multicast_exporter::time::{Stamp, Time};
use simple_dns::rdata::{A, PTR, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE};

const PRINTER: u8 = 2;
const PHONE: u8 = 3;

fn engine() -> Engine {
    Engine::new(config(Converted::Live), KEY)
}

fn name(text: &'static str) -> Name<'static> {
    Name::new_unchecked(text)
}

fn record(owner: &'static str, ttl: u32, data: RData<'static>) -> ResourceRecord<'static> {
    ResourceRecord::new(name(owner), CLASS::IN, ttl, data)
}

fn address(ttl: u32) -> ResourceRecord<'static> {
    let data = A { address: u32::from_be_bytes([10, 0, 0, PRINTER]) };
    record("printer.local", ttl, RData::A(data))
}

fn service(ttl: u32) -> ResourceRecord<'static> {
    record("_ipp._tcp.local", ttl, RData::PTR(PTR(name("Canon._ipp._tcp.local"))))
}

fn answer(records: &[ResourceRecord<'static>]) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.answers.extend_from_slice(records);
    packet.build_bytes_vec_compressed().expect("a message")
}

fn query(owner: &'static str, qtype: QTYPE, proposed: Option<ResourceRecord<'static>>) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    packet.questions.push(Question::new(name(owner), qtype, QCLASS::CLASS(CLASS::IN), false));
    packet.name_servers.extend(proposed);
    packet.build_bytes_vec_compressed().expect("a message")
}

/// Sends `dns` from 10.0.0.n to the mDNS group over Ethernet.
fn send(engine: &mut Engine, millis: u64, n: u8, dns: &[u8]) {
    let udp_len = u16::try_from(8 + dns.len()).expect("short");
    let mut bytes = vec![1, 0, 0x5e, 0, 0, 0xfb, 2, 0, 0, 0, 0, n, 8, 0, 0x45, 0];
    bytes.extend((20 + udp_len).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 255, 17, 0, 0, 10, 0, 0, n, 224, 0, 0, 251]);
    bytes.extend([0x14, 0xe9, 0x14, 0xe9]);
    bytes.extend(udp_len.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(dns);
    let stamp = Stamp(i128::from(millis) * 1_000_000);
    let meta = FrameMeta {
        stamp,
        interface: 0,
        link: LinkType::Ethernet,
        stripped_tag: None,
        direction: Direction::Incoming,
        wire_len: u32::try_from(bytes.len()).expect("short"),
    };
    let frame = Frame { meta, bytes: &bytes };
    engine.handle_frame(Time(millis * 1_000_000), stamp, &decode(&frame));
}

fn device(snapshot: &Snapshot, n: u8) -> &DeviceSnapshot {
    let sender = Sender::Mac(Mac([2, 0, 0, 0, 0, n]));
    snapshot.devices.iter().find(|device| device.sender == sender).expect("a row")
}

fn messages(device: &DeviceSnapshot) -> Vec<(Kind, u64)> {
    let counted = Kind::ALL.into_iter().zip(device.counters.messages);
    counted.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_printer_starts_is_found_and_leaves() {
    let mut e = engine();
    e.handle_timeout(Time(0));
    let any = QTYPE::ANY;
    for probe in 0..3 {
        let proposed = Some(address(120));
        send(&mut e, 10_000 + probe * 250, PRINTER, &query("printer.local", any, proposed));
    }
    let started = answer(&[service(4_500), address(120)]);
    send(&mut e, 10_750, PRINTER, &started);
    send(&mut e, 11_750, PRINTER, &started);
    send(&mut e, 20_000, PHONE, &query("_ipp._tcp.local", QTYPE::TYPE(TYPE::PTR), None));
    send(&mut e, 20_050, PRINTER, &started);
    send(&mut e, 30_000, PRINTER, &answer(&[service(0), address(0)]));
    e.handle_timeout(Time(31_000_000_000));
    let snapshot = e.snapshot();
    let printer = device(&snapshot, PRINTER);
    let kinds =
        [(Kind::Probe, 3), (Kind::Response, 1), (Kind::Announcement, 2), (Kind::Goodbye, 1)];
    assert_eq!(messages(printer), kinds);
    assert_eq!(printer.counters.records, [3, 8, 3, 0]);
    assert_eq!(printer.identity.name.as_deref(), Some("printer.local"));
    assert_eq!(printer.identity.category, Category::Printer);
    assert_eq!(printer.identity.address.map(|a| a.to_string()).as_deref(), Some("10.0.0.2"));
    assert_eq!((printer.peak_minute, printer.exposed), (4, true));
    assert_eq!(messages(device(&snapshot, PHONE)), [(Kind::Query, 1)]);
    assert_eq!(snapshot.packets[Protocol::Mdns.index()], 8);
    assert_eq!(snapshot.decode_errors, []);
}

#[test]
fn a_locked_up_printer_is_counted_frame_by_frame() {
    let mut e = engine();
    let srv = SRV { priority: 0, weight: 0, port: 631, target: name("printer.local") };
    let stuck = answer(&[record("Canon._ipp._tcp.local", 120, RData::SRV(srv)), address(120)]);
    // 200 a second for a minute and a half, from a whole second on.
    for n in 0..18_000 {
        send(&mut e, 5_000 + n * 5, PRINTER, &stuck);
    }
    e.handle_timeout(Time(95_000_000_000));
    let snapshot = e.snapshot();
    let printer = device(&snapshot, PRINTER);
    assert_eq!((printer.peak_minute, printer.peak_ever), (200, 200));
    assert_eq!(printer.counters.packets[Protocol::Mdns.index()], 18_000);
    assert_eq!(messages(printer), [(Kind::Response, 400), (Kind::Announcement, 17_600)]);
    assert_eq!((snapshot.per_second.sum, snapshot.per_second.counts[6]), (18_000, 90));
}
