//! Writes a pcap: a busy LAN for measuring (200 hosts that announce, ask, resolve and stream, and
//! one printer that repeats itself in every fourth frame), a healthy LAN, or a scenario with one
//! known fault.
//!
//! ```text
//! cargo run --release --example make_capture -- million.pcap 1000000
//! cargo run --release --example make_capture -- day.pcap healthy 24h [SEED]
//! cargo run --release --example make_capture -- loop.pcap l2_loop [SEED]
//! cargo run --release --example make_capture -- --list
//! ```

#[path = "../tests/scenarios/mod.rs"]
mod scenarios;

use multicast_exporter::craft::discovery::ssdp_alive;
use multicast_exporter::craft::{Captured, Host, Pcap, Query, Responder, Service, Udp};
use multicast_exporter::simulation::{Options, Simulation};
use multicast_exporter::time::Stamp;
use scenarios::START;
use std::process::ExitCode;

/// Frames are this far apart, in nanoseconds: 2,000 a second.
const GAP: i128 = 500_000;
const HOSTS: u32 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (path, frames) = match words[..] {
        ["--list"] => {
            for scenario in scenarios::all() {
                println!("{:32} {}", scenario.name, scenario.about);
            }
            return ExitCode::SUCCESS;
        }
        [path, "healthy", length] => (path, healthy(length, "1")),
        [path, "healthy", length, seed] => (path, healthy(length, seed)),
        [path, what] => (path, busy(what).or_else(|| faulty(what, "1"))),
        [path, what, seed] => (path, faulty(what, seed)),
        _ => ("", None),
    };
    let Some(frames) = frames else {
        eprintln!(
            "usage: make_capture FILE FRAMES | FILE healthy DURATION [SEED] | FILE SCENARIO [SEED] \
             | --list"
        );
        return ExitCode::from(2);
    };
    if let Err(error) = std::fs::write(path, Pcap::default().write(&frames)) {
        eprintln!("{path}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A busy LAN, as many frames as the word says.
fn busy(count: &str) -> Option<Vec<Captured>> {
    let count: u32 = count.parse().ok()?;
    let captured = |n| {
        let stamp = Stamp(1_700_000_000_000_000_000 + i128::from(n) * GAP);
        Captured::new(stamp, frame(n))
    };
    Some((0..count).map(captured).collect())
}

/// The LAN on which all keep the rules, without its streamer.
fn healthy(length: &str, seed: &str) -> Option<Vec<Captured>> {
    let length = humantime::parse_duration(length).ok()?;
    let lan = Simulation::new(Options { seed: seed.parse().ok()?, ..Options::default() });
    let captured = |(at, bytes): (std::time::Duration, Vec<u8>)| {
        Captured::new(Stamp(START.0 + i128::try_from(at.as_nanos()).unwrap_or(0)), bytes)
    };
    Some(lan.frames(length).map(captured).collect())
}

fn faulty(name: &str, seed: &str) -> Option<Vec<Captured>> {
    Some(scenarios::named(name)?.frames(seed.parse().ok()?))
}

/// The frame with this number.
fn frame(n: u32) -> Vec<u8> {
    let host = Host::numbered(2 + u16::try_from(n / 16 % HOSTS).unwrap_or(0));
    let text = format!("{n}");
    let responder = || {
        let service = Service::new(&format!("Box {text}"), "_http._tcp", 80).txt(&text);
        Responder::new(&format!("host-{text}"), host).service(service)
    };
    match n % 16 {
        0 | 4 | 8 | 12 => {
            let printer = Host::numbered(1);
            let service = Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C");
            printer.mdns4(Responder::new("A1CA45000000", printer).service(service).announcement())
        }
        1 | 9 => host.mdns4(Query::browse("_http._tcp").bytes()),
        2 | 10 => host.mdns4(responder().announcement()),
        3 | 11 => host.mdns6(responder().announcement()),
        5 | 13 => host.arp_request(Host::numbered(1).v4),
        6 => host.ssdp4(ssdp_alive(
            "upnp:rootdevice",
            &format!("uuid:{text}::upnp:rootdevice"),
            "http://10.0.1.1/",
            "Linux UPnP/1.0",
        )),
        7 | 14 => host.udp4([239, 1, 2, 3].into(), 16, &Udp::new(5004, 5004, vec![0; 600])),
        _ => host.unicast4(Host::numbered(1), &Udp::new(40_000, 443, vec![0; 300])),
    }
}
