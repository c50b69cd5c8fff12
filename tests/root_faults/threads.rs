//! Threads that wait, stand still or panic.

use crate::e2e::require;
use crate::e2e::stalled::{Stalled, thread_named};
use crate::e2e::support::process::is_within;
use crate::site::{Site, Start, counted, up};
use multicast_exporter::craft::Host;
use std::os::fd::AsRawFd as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

/// Standard error is a pipe of 4 KiB that nobody reads.
pub fn with_small_pipe() -> Start {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // SAFETY: takes integers only; the descriptor is open.
    let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    assert_eq!(size, 4096);
    let mut start = Start::new();
    start.flags.push("--log.level=debug".into());
    start.errors = Some(Stdio::from(writer));
    start.keep.push(Box::new(reader));
    start
}

/// The storm of the sender is told in the log, and each SIGHUP too.
pub fn fill_the_log(site: &mut Site) {
    const DROPPED: &str = "multicast_exporter_log_lines_dropped_total";
    for _ in 0..50 {
        for _ in 0..50 {
            site.process.signal(libc::SIGHUP);
            thread::sleep(Duration::from_millis(1));
        }
    }
    site.namespace.ip(&["link", "set", "dev", "lo", "mtu", "60000"]);
    site.scrape_until("lines are dropped and counted", |body| {
        body.value(DROPPED, &[]).is_some_and(|dropped| dropped > 0.0)
    });
    assert!(site.get("/-/healthy").is_some_and(|answer| answer.is_ok()));
}

/// For 14 s, which is longer than the 10 s after which it counts as deaf.
pub fn hold_the_capture(site: &mut Site) {
    require(&["python3"]);
    let held = Stalled::new(thread_named(site.process.id(), "cap b0"));
    site.scrape_until("it says that it is up", |body| up(body) == Some(1.0));
    wait_until_unwell(site, "b0");
    site.scrape_until("it says that it is deaf", |body| up(body) == Some(0.0));
    drop(held);
    site.scrape_until("it says that it is up", |body| up(body) == Some(1.0));
    assert!(site.get("/-/healthy").is_some_and(|answer| answer.is_ok()));
}

/// And the sampler of the host too. The end has to come with them.
pub fn hold_the_follower_for_good(site: &mut Site) {
    require(&["python3"]);
    let held = ["follower", "host"].map(|name| Stalled::new(thread_named(site.process.id(), name)));
    wait_until_unwell(site, "follower");
    // It beats every 10 s.
    wait_until_unwell(site, "follower, host");
    site.keep_until_the_end(held);
}

fn wait_until_unwell(site: &Site, thread: &str) {
    let said = format!("do not respond: {thread}.");
    for (path, what) in [("/-/healthy", "not healthy"), ("/-/ready", "not ready")] {
        let is_said = || {
            let answer = site.get(path).expect("it listens");
            answer.head.starts_with("HTTP/1.1 503 ") && {
                let text = answer.text();
                assert!(text.contains(what), "{text}");
                text.contains(&said)
            }
        };
        // Silence of 10 s, and turns of 2.5 s.
        assert!(is_within(Duration::from_secs(20), is_said), "{what} is not said of {thread}");
    }
}

/// Frames may ask for a panic.
pub fn that_may_panic() -> Start {
    let mut start = Start::new();
    start.variables.push(("MULTICAST_EXPORTER_TEST_PANIC", "1"));
    start
}

/// One asks for it.
pub fn panic_by_frame(site: &mut Site) {
    let body = site.scrape_until("it is up", |body| up(body) == Some(1.0));
    let before = counted(&body);
    site.send_once(Host::numbered(2).mdns4(b"panic, please".to_vec()));
    site.scrape_until("it says that it is down", |body| {
        up(body) == Some(0.0) && counted(body) >= before
    });
    let log = site.process.log();
    assert!(log.contains("as a frame asked for") && log.contains("thread=\"cap b0\""), "{log}");
    site.scrape_until("it is up again", |body| up(body) == Some(1.0));
}
