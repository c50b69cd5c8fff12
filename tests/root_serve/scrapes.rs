//! Scrapes, however many come at once, cost the captures nothing: not a frame is lost meanwhile.

use crate::e2e::netns::NetNs;
use crate::e2e::wire::Wire;
use crate::e2e::{Exporter, get};
use multicast_exporter::craft::{Host, Responder, Service};
use multicast_exporter::mac::Mac;
use multicast_exporter::time::clock;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const DEVICES: u16 = 1_000;
const SCRAPERS: usize = 16;
/// Frames a second: a hundredth of what the program is measured with, as tests are not optimized and
/// not alone.
const RATE: u32 = 1_000;
const LENGTH: Duration = Duration::from_secs(5);

/// What device `n` announces.
fn announcement(n: u16) -> Vec<u8> {
    let [high, low] = n.to_be_bytes();
    let host = Host::new(Mac([2, 0, 0, 1, high, low]), Ipv4Addr::new(10, 54, high, low));
    let service = Service::new(&format!("Device {n}"), "_http._tcp", 80);
    host.mdns4(Responder::new(&format!("device-{n}"), host).service(service).announcement())
}

#[test]
#[ignore = "root: make test"]
fn many_scrapes_at_once_lose_no_frame() {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    namespace.veth("a0", "b0");
    let flags = ["--capture.interface=b0", "--no-capture.join", "--devices.max=2000"];
    let exporter = Exporter::start(&namespace, &flags);
    exporter.wait_up("b0", true);
    let mut wire = Wire::open(&namespace, "a0");
    let pace = Duration::from_secs(1) / RATE;
    for n in 0..DEVICES {
        wire.send(&announcement(n));
        thread::sleep(pace);
    }
    let is_over = AtomicBool::new(false);
    let (sent, scraped) = thread::scope(|scope| {
        let scrape = || {
            let mut scraped = 0;
            while !is_over.load(Ordering::Relaxed) {
                let body = namespace.run(|| get("/metrics")).expect("the exporter answers");
                assert!(body.contains("device-1."), "{} bytes", body.len());
                scraped += 1;
            }
            scraped
        };
        let scrapers: Vec<_> = (0..SCRAPERS).map(|_| scope.spawn(scrape)).collect();
        let request = Host::numbered(1).arp_request(Ipv4Addr::new(10, 53, 0, 9));
        let start = clock::now().monotonic;
        let mut sent = 0;
        while clock::now().monotonic.since(start) < LENGTH {
            wire.send(&request);
            sent += 1;
            thread::sleep(pace);
        }
        is_over.store(true, Ordering::Relaxed);
        let scraped = scrapers.into_iter().map(|one| one.join().expect("answered")).sum::<u32>();
        (sent, scraped)
    });
    assert!(scraped >= 2 * 16, "{scraped} scrapes");
    let labels = [("interface", "b0"), ("protocol", "arp")];
    exporter.scrape_until("all is counted", |body| {
        body.value("multicast_interface_packets_total", &labels) == Some(f64::from(sent))
    });
    let dropped = exporter.scrape().value("multicast_capture_dropped_total", &[("capture", "b0")]);
    assert_eq!(dropped, Some(0.0));
}
