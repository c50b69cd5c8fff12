//! On a LAN that says nothing the program sleeps, and what it sleeps through it does on time.

use crate::e2e::netns::NetNs;
use crate::e2e::{Exporter, of_threads};
use std::thread;
use std::time::Duration;

/// How often the process is to wake up in a second, at most: a capture closes its second, the
/// follower of interfaces and the host's sampler look up less often than that. With a margin: it
/// was seven and a half when each thread looked four times a second whether it was to end.
const WAKE_UPS: u64 = 3;
const SECONDS: u64 = 10;

/// How often threads gave up the processor by themselves so far: each woke up for it.
fn wake_ups(exporter: &Exporter) -> u64 {
    let fields = of_threads(exporter.process.id(), "voluntary_ctxt_switches");
    assert!(fields.len() > 3, "{fields:?}");
    fields.iter().map(|(_, count)| count.parse::<u64>().expect("a number")).sum()
}

#[test]
#[ignore = "root: make test"]
fn a_silent_lan_lets_the_program_sleep() {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    namespace.veth("a0", "b0");
    let exporter = Exporter::start(&namespace, &["--capture.interface=b0"]);
    exporter.wait_up("b0", true);
    // The connection of the last scrape has ended, and the first seconds with it.
    thread::sleep(Duration::from_secs(2));
    let before = wake_ups(&exporter);
    thread::sleep(Duration::from_secs(SECONDS));
    let woken = wake_ups(&exporter) - before;
    assert!(woken <= WAKE_UPS * SECONDS, "woke up {woken} times in {SECONDS} s");
    assert!(woken >= SECONDS, "seconds are closed: woke up {woken} times in {SECONDS} s");
}
