//! An engine's memory is bounded, however many senders the network invents. A process of its own:
//! what is measured is all of its anonymous memory, as the kernel counts it.

#[path = "core/engine_wire.rs"]
mod engine_wire;

use engine_wire::Segment;
use multicast_exporter::craft::{Host, Responder, Service};
use std::fs;

/// Anonymous memory of this process in KiB (`man 5 proc_pid_status`).
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("since Linux 4.5");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Each frame from a MAC and an IPv4 address that never come again; one in ten announces a name,
/// a service and an address, all of them new.
fn invent(segment: &mut Segment, from: u32, count: u32) {
    let mut arp = Host::numbered(1).arp_announcement();
    let canon = Responder::new("nnnnnnnn", Host::numbered(1))
        .service(Service::new("nnnnnnnn", "_ipp._tcp", 631).txt("ty=Canon"));
    let mut mdns = Host::numbered(1).mdns4(canon.announcement());
    let old = Host::numbered(1).v4.octets();
    let places = |frame: &[u8], what: &[u8]| -> Vec<usize> {
        (14..=frame.len() - what.len()).filter(|at| frame[*at..].starts_with(what)).collect()
    };
    let addresses = places(&mdns, &old);
    let names = places(&mdns, b"nnnnnnnn");
    assert!(addresses.len() >= 2 && !names.is_empty(), "source and record; names");
    for n in from..from + count {
        let number = n.to_be_bytes();
        let mac = [2, 0, number[0], number[1], number[2], number[3]];
        if n % 10 == 0 {
            mdns[6..12].copy_from_slice(&mac);
            for at in &addresses {
                mdns[*at..at + 4].copy_from_slice(&[10, number[1], number[2], number[3]]);
            }
            for at in &names {
                mdns[*at..at + 8].copy_from_slice(format!("{n:08}").as_bytes());
            }
            segment.hear(&mdns);
        } else {
            arp[6..12].copy_from_slice(&mac);
            arp[22..28].copy_from_slice(&mac);
            arp[28..32].copy_from_slice(&[10, number[1], number[2], number[3]]);
            segment.hear(&arp);
        }
        // 10,000 a second.
        if n % 10 == 9 {
            segment.pass(1);
        }
    }
}

#[test]
fn a_million_invented_senders_cost_no_more_than_the_first_hundred_thousand() {
    let before = anonymous();
    let mut segment = Segment::new();
    invent(&mut segment, 0, 100_000);
    let (early, early_snapshot) = (anonymous(), segment.snapshot());
    invent(&mut segment, 100_000, 900_000);
    let (late, snapshot) = (anonymous(), segment.snapshot());
    assert_eq!((early_snapshot.tracked, snapshot.tracked), (2_000, 2_000));
    assert_eq!(snapshot.frames, 1_000_000);
    assert_eq!(snapshot.evicted_capacity + 2_000, 1_000_000 - others(&snapshot));
    let names = snapshot.devices.iter().filter(|device| device.identity.name.is_some()).count();
    assert!(names > 20, "{names}: names take memory too");
    // What allocators keep for themselves is the slack.
    assert!(early - before <= 16 * 1024, "{} KiB", early - before);
    assert!(late - early <= 2 * 1024, "{} KiB", late - early);
}

/// Frames whose sender got no row: it went to a sender with more frames.
fn others(snapshot: &multicast_exporter::engine::Snapshot) -> u64 {
    snapshot.other.as_ref().map_or(0, |other| other.packets.iter().sum())
}
