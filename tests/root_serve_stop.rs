//! The start and the end of the real program, and what it does with more VLANs than it may name. In
//! a test program of its own: the tests of `root_serve` beside it would lengthen the times it
//! measures.

mod e2e;

use e2e::lan::{opening, with_tags};
use e2e::netns::NetNs;
use e2e::support::process::is_within;
use e2e::wire::Wire;
use e2e::{BINARY, Exporter, PORT, Process, command_in};
use multicast_exporter::craft::mdns::{address, response};
use multicast_exporter::craft::{Host, Tag, tagged};
use multicast_exporter::time::clock;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

/// For a debug build on a machine that is busy with other tests. What a release build needs when
/// it is alone is measured in docs/performance.md.
const STARTS_WITHIN: Duration = Duration::from_secs(2);
const STOPS_WITHIN: Duration = Duration::from_secs(2);

fn pair() -> NetNs {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    namespace.veth("a0", "b0");
    namespace
}

fn stop(exporter: &mut Exporter, signal: libc::c_int) {
    let before = clock::now().monotonic;
    exporter.process.signal(signal);
    let status = exporter.process.wait();
    let took = clock::now().monotonic.since(before);
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(took < STOPS_WITHIN, "it took {took:?}");
    assert!(exporter.process.log().contains("stopping"));
}

#[test]
#[ignore = "root: make test"]
fn starts_soon_and_stops_at_sigterm_and_sigint() {
    let namespace = pair();
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let before = clock::now().monotonic;
        let mut exporter = Exporter::start(&namespace, &["--capture.interface=b0"]);
        let body = exporter.scrape();
        let took = clock::now().monotonic.since(before);
        assert!(took < STARTS_WITHIN, "it took {took:?}");
        assert!(body.has("multicast_exporter_build_info"));
        exporter.wait_up("b0", true);
        stop(&mut exporter, signal);
    }
}

/// Clients in every state: one idle after an answer, one in the middle of its request, one that
/// asked for much and takes none of it, one that scrapes over and over.
#[test]
#[ignore = "root: make test"]
fn stops_in_time_whatever_clients_are_doing() {
    let namespace = pair();
    let mut exporter = Exporter::start(&namespace, &["--capture.interface=b0"]);
    exporter.wait_up("b0", true);
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).expect("it listens");
    let clients = namespace.run(|| {
        let (mut idle, mut half, mut greedy) = (connect(), connect(), connect());
        idle.write_all(request.as_bytes()).expect("sent");
        assert!(idle.read(&mut [0; 64]).expect("an answer") > 0);
        half.write_all(&request.as_bytes()[..20]).expect("sent");
        greedy.write_all(request.repeat(200).as_bytes()).expect("sent");
        (idle, half, greedy)
    });
    let scraping = || {
        let mut whole = 0;
        while let Some(body) = e2e::get("/metrics") {
            assert!(body.contains("multicast_scrape_collector_success"));
            whole += 1;
        }
        whole
    };
    thread::scope(|scope| {
        let scrapes = scope.spawn(|| namespace.run(scraping));
        thread::sleep(Duration::from_millis(300));
        stop(&mut exporter, libc::SIGTERM);
        assert!(scrapes.join().expect("each answer was whole") > 0);
    });
    drop(clients);
}

#[test]
#[ignore = "root: make test"]
fn a_port_in_use_ends_the_start() {
    let namespace = pair();
    let _first = Exporter::start(&namespace, &["--capture.interface=b0"]);
    let mut second = Process::start(command_in(&namespace, BINARY));
    // It may be free in a while: a supervisor should try again.
    assert_eq!(second.wait().code(), Some(1));
    let log = second.log();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("--web.listen-address") && log.contains(&PORT.to_string()), "{log}");
}

#[test]
#[ignore = "root: make test"]
fn invented_vlans_are_bounded_and_no_frame_is_lost() {
    const VLANS: u16 = 4094;
    let namespace = pair();
    let flags = ["--capture.interface=b0", "--no-capture.join"];
    let exporter = Exporter::start(&namespace, &flags);
    exporter.wait_up("b0", true);
    let mut wire = Wire::open(&namespace, "a0");
    let frame = opening().frame;
    for id in 1..=VLANS {
        wire.send(&tagged(&frame, Tag { tpid: 0x8100, tci: id }));
    }
    // Pairs of tags could be sixteen million.
    for inner in 1..=VLANS {
        wire.send(&with_tags(&tagged(&frame, Tag { tpid: 0x8100, tci: inner }), &[(0x88a8, 9)]));
    }
    let sum = |body: &e2e::exposition::Body| {
        let of_name = |name: &str| name == "multicast_interface_packets_total";
        let samples = body.samples.iter().filter(|((name, _), _)| of_name(name));
        samples.map(|(_, value)| value).sum::<f64>()
    };
    let all = 2.0 * f64::from(VLANS);
    exporter.scrape_until("all frames are counted", |body| sum(body) >= all);
    let body = exporter.scrape();
    assert!((sum(&body) - all).abs() < 0.5, "{}", sum(&body));
    let segments = body.label_values("multicast_segment_info", "interface");
    assert!(segments.contains("b0") && segments.contains("b0.other"), "{segments:?}");
    assert_eq!(segments.len(), 1 + 128 + 1, "{segments:?}");
    let dropped = body.value("multicast_capture_dropped_total", &[("capture", "b0")]);
    assert_eq!(dropped, Some(0.0));
}

/// Sends one record over and over, so many times a second, until `is_enough`.
fn flood(wire: &mut Wire, per_second: u32, mut is_enough: impl FnMut() -> bool) {
    let printer = Host::numbered(1);
    let frame = printer.mdns4(response([address("printer.local", printer.v4.into())]));
    while !is_enough() {
        for _ in 0..per_second / 10 {
            wire.send(&frame);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The storms as the API has them.
fn storms(exporter: &Exporter) -> Vec<Value> {
    let body = exporter.get("/api/v1/storms").unwrap_or_default();
    let storms = serde_json::from_str::<Value>(&body).unwrap_or_default();
    storms["storms"].as_array().cloned().unwrap_or_default()
}

#[test]
#[ignore = "root: make test"]
fn a_storm_that_the_stop_cuts_off_ends_by_shutdown() {
    let namespace = pair();
    let flags = ["--capture.interface=b0", "--no-capture.join"];
    let mut exporter = Exporter::start(&namespace, &flags);
    exporter.wait_up("b0", true);
    let mut wire = Wire::open(&namespace, "a0");
    flood(&mut wire, 200, || !storms(&exporter).is_empty());
    stop(&mut exporter, libc::SIGTERM);
    let log = exporter.process.log();
    let ends: Vec<&str> = log.lines().filter(|line| line.contains("a storm has ended")).collect();
    let [end] = ends[..] else { panic!("one end: {log}") };
    assert!(end.contains("reason=shutdown") || end.contains(r#"reason="shutdown""#), "{end}");
}

/// A stopped process reads nothing, and what does not fit into the ring is lost. Whoever flooded
/// until then may have gone on, or not: nobody knows.
#[test]
#[ignore = "root: make test"]
fn a_storm_whose_end_was_not_heard_ends_unobserved() {
    const STOPPED: Duration = Duration::from_secs(36);
    let namespace = pair();
    let flags = ["--capture.interface=b0", "--no-capture.join", "--capture.ring-size=4MiB"];
    let exporter = Exporter::start(&namespace, &flags);
    exporter.wait_up("b0", true);
    let mut wire = Wire::open(&namespace, "a0");
    flood(&mut wire, 200, || !storms(&exporter).is_empty());
    exporter.process.signal(libc::SIGSTOP);
    // More than the ring holds; then silence.
    let until = clock::now().monotonic.plus(STOPPED);
    let mut rounds = 0;
    flood(&mut wire, 40_000, || {
        rounds += 1;
        rounds > 20
    });
    thread::sleep(until.since(clock::now().monotonic));
    exporter.process.signal(libc::SIGCONT);
    let dropped = |body: &e2e::exposition::Body| {
        body.value("multicast_capture_dropped_total", &[("capture", "b0")]).unwrap_or(0.0)
    };
    let body = exporter.scrape_until("frames were lost", |body| dropped(body) > 0.0);
    assert!(dropped(&body) > 1_000.0, "{}", dropped(&body));
    let is_over = || storms(&exporter).iter().all(|storm| !storm["end_reason"].is_null());
    assert!(is_within(Duration::from_secs(45), is_over), "{:#?}", storms(&exporter));
    let storms = storms(&exporter);
    assert!(!storms.is_empty());
    for storm in &storms {
        assert_eq!(storm["end_reason"], "unobserved", "{storms:#?}");
    }
}
