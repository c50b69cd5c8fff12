//! A device that repeats one mDNS response without a pause, in real time.

use crate::e2e::wire::Wire;
use multicast_exporter::craft::Host;
use multicast_exporter::craft::mdns::{Responder, Service};
use multicast_exporter::time::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// It ends with its guard.
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// The device sends so many frames a second from now on.
    pub fn start(mut wire: Wire, device: Host, per_second: u32) -> Self {
        let service = Service::new("Printer", "_ipp._tcp", 631);
        let frame = device.mdns4(Responder::new("printer", device).service(service).announcement());
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let start = clock::now().monotonic;
            // Delays are caught up, as far as a second goes.
            let mut sent = 0;
            while !theirs.load(Ordering::Relaxed) {
                let due = clock::now().monotonic.since(start).as_millis() * u128::from(per_second)
                    / 1_000;
                sent = sent.max(due.saturating_sub(u128::from(per_second)));
                while sent < due {
                    wire.send(&frame);
                    sent += 1;
                }
                thread::sleep(Duration::from_millis(10));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the flood broke off");
        }
    }
}
