//! A locked-up printer, from the host's side: it repeats one announcement 200 times a second, an
//! avahi-daemon in the exporter's namespace pays for it in system calls, and the exporter shows
//! that, with no more than the three capabilities of its service.

mod e2e;

use e2e::Exporter;
use e2e::avahi;
use e2e::exposition::Body;
use e2e::installed::Installed;
use e2e::netns::NetNs;
use e2e::wire::Wire;
use multicast_exporter::craft::Host;
use multicast_exporter::craft::mdns::{address, response};
use multicast_exporter::mac::Mac;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const PRINTER: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 8);
const MAC: Mac = Mac([0x00, 0x1e, 0x8f, 0xab, 0x10, 0x08]);

/// Sends the same announcement 200 times a second until it is dropped.
struct Storm {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Storm {
    fn start(namespace: &NetNs, interface: &str) -> Self {
        let record = address("A1CA45000000.local", IpAddr::V4(PRINTER));
        let frame = Host::new(MAC, PRINTER).mdns4(response([record]));
        let mut wire = Wire::open(namespace, interface);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                wire.send(&frame);
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the storm broke off");
        }
    }
}

fn of_avahi(body: &Body, name: &str) -> Option<f64> {
    let labels = [("process", "avahi-daemon")];
    body.value(name, &labels)
        .or_else(|| body.value(name, &[("port", "5353"), ("process", "avahi-daemon")]))
}

fn announcements(body: &Body) -> f64 {
    let labels = [("interface", "b0"), ("device", "00:1e:8f:ab:10:08"), ("protocol", "mdns")];
    body.value("multicast_device_packets_total", &labels).unwrap_or(0.0)
}

fn calls(body: &Body) -> f64 {
    of_avahi(body, "multicast_host_process_syscalls_total").unwrap_or(0.0)
}

#[test]
#[ignore = "root: make test"]
fn avahi_pays_for_a_storm_and_the_exporter_says_how_much() {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    namespace.veth("a0", "b0");
    namespace.ip(&["address", "add", "10.53.0.1/24", "dev", "b0"]);
    namespace.ip(&["route", "add", "224.0.0.0/4", "dev", "b0"]);
    // With exactly the capabilities that its service gives it.
    let installed = Installed::new();
    let mut command = installed.command(&namespace, "+net_raw,+bpf,+perfmon");
    command.arg("--capture.interface=b0");

    let avahi = avahi::start(&namespace, installed.directory(), "b0");
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.wait_up("b0", true);
    let backend = [("backend", "ebpf"), ("reason", "none")];
    assert_eq!(body.value("multicast_exporter_syscalls_info", &backend), Some(1.0));
    let owners = [("owners", "uid")];
    assert_eq!(body.value("multicast_exporter_sockets_info", &owners), Some(1.0));
    assert!(of_avahi(&body, "multicast_host_sockets") >= Some(1.0), "{:?}", body.samples);
    assert_eq!(of_avahi(&body, "multicast_host_socket_drops_total"), Some(0.0));

    let storm = Storm::start(&namespace, "a0");
    let before = exporter.scrape_until("the storm is heard", |body| announcements(body) > 100.0);
    let after = exporter
        .scrape_until("it goes on", |body| announcements(body) > announcements(&before) + 600.0);
    // Its main loop: a poll or two, the reading of one datagram, its timers. About 6 in all.
    let ratio = (calls(&after) - calls(&before)) / (announcements(&after) - announcements(&before));
    assert!((3.0..=12.0).contains(&ratio), "{ratio} calls a packet");
    let sum: f64 = after
        .samples
        .iter()
        .filter(|((name, _), _)| name == "multicast_host_process_syscalls_total")
        .map(|(_, value)| *value)
        .sum();
    let total = after.value("multicast_host_syscalls_total", &[]).expect("it is counted");
    assert!((sum - total).abs() < 0.5, "{sum} is not {total}");

    avahi.signal(libc::SIGSTOP);
    let stopped = exporter.scrape_until("what avahi does not read is thrown away", |body| {
        of_avahi(body, "multicast_host_socket_drops_total") > Some(50.0)
    });
    let queue = of_avahi(&stopped, "multicast_host_socket_receive_queue_bytes");
    assert!(queue > Some(50_000.0), "{queue:?} bytes wait");
    avahi.signal(libc::SIGCONT);
    drop(storm);
    let emptied = exporter.scrape_until("avahi reads what has waited", |body| {
        of_avahi(body, "multicast_host_socket_receive_queue_bytes") == Some(0.0)
    });
    let drops = of_avahi(&emptied, "multicast_host_socket_drops_total");
    assert!(drops >= of_avahi(&stopped, "multicast_host_socket_drops_total"));
}
