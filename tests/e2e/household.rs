//! The simulated household on a real bridge: its printer sends from a namespace of its own, the
//! others from another. It runs in real time.

use super::netns::NetNs;
use super::support::lan::Member as Port;
use super::wire::Wire;
use multicast_exporter::simulation::{Member, Options, Simulation};
use multicast_exporter::time::{Time, clock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What is to happen, and what has happened.
#[derive(Default)]
struct Orders {
    stop: AtomicBool,
    lock_up: AtomicBool,
    /// When the storm's first packet was sent; 0 before.
    first: AtomicU64,
}

/// A household that lives until it is dropped.
pub struct Household {
    orders: Arc<Orders>,
    thread: Option<JoinHandle<()>>,
}

impl Household {
    /// All devices boot within twenty seconds.
    pub fn start(printer: &Port, others: &Port) -> Self {
        let open = |namespace: &NetNs| Wire::open(namespace, "eth0");
        let mut wires = [open(&printer.namespace), open(&others.namespace)];
        let orders = Arc::new(Orders::default());
        let theirs = Arc::clone(&orders);
        let thread = thread::spawn(move || {
            let mut lan = Simulation::new(Options { seed: 1, ..Options::default() });
            let mac = Member::Printer.host().mac.0;
            let start = clock::now().monotonic;
            let mut is_locked_up = false;
            while !theirs.stop.load(Ordering::Relaxed) {
                let now = clock::now().monotonic.since(start);
                if theirs.lock_up.load(Ordering::Relaxed) && !is_locked_up {
                    is_locked_up = true;
                    theirs.first.store(clock::now().monotonic.0, Ordering::Relaxed);
                    lan.lock_up(Member::Printer, now, Duration::MAX, 200);
                }
                while let Some((_, frame)) = lan.frame_until(now) {
                    wires[usize::from(frame[6..12] != mac)].send(frame);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { orders, thread: Some(thread) }
    }

    /// The printer repeats one announcement 200 times a second from now on. Returns when it began.
    pub fn lock_up_the_printer(&self) -> Time {
        self.orders.lock_up.store(true, Ordering::Relaxed);
        super::wait_for("the printer locks up", || self.first() != Time(0));
        self.first()
    }

    fn first(&self) -> Time {
        Time(self.orders.first.load(Ordering::Relaxed))
    }
}

impl Drop for Household {
    fn drop(&mut self) {
        self.orders.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the household broke off");
        }
    }
}
