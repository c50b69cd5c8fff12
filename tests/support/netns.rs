//! Network namespaces for tests that need root. Each has a name of its own and goes away with its
//! guard, also when the test panics. A failure to make one fails the test; it never skips.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// A network namespace, deleted on drop.
pub struct NetNs {
    name: String,
}

impl NetNs {
    /// A new namespace in which loopback is up.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mx-test-{}-{number}", std::process::id());
        command("ip", &["netns", "add", &name]);
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// Its name, for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` with these arguments inside; panics if it fails.
    pub fn ip(&self, arguments: &[&str]) {
        let mut all = vec!["-n", self.name.as_str()];
        all.extend(arguments);
        command("ip", &all);
    }

    /// Runs something in a thread that is inside, and hands out its result. Sockets opened there
    /// stay inside wherever they are used.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.name);
        thread::scope(|scope| {
            let worker = scope.spawn(move || {
                let namespace = File::open(&path).expect("the namespace was made");
                // SAFETY: takes integers only; changes this thread, which nothing else uses.
                let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
                assert_eq!(entered, 0, "setns: {}", std::io::Error::last_os_error());
                work()
            });
            match worker.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Makes a pair of connected Ethernet interfaces inside, both up.
    pub fn veth(&self, one: &str, other: &str) {
        self.ip(&["link", "add", one, "type", "veth", "peer", "name", other]);
        for end in [one, other] {
            self.ip(&["link", "set", "dev", end, "up"]);
        }
    }

    /// Waits until an interface can send and receive. The kernel works out carrier and queues in
    /// its own time, up to a second after an end of a veth pair is brought up, and until then
    /// silently drops what is sent.
    pub fn wait_for_carrier(&self, interface: &str) {
        const TRIES: u32 = 500;
        let shown = || {
            let arguments = ["-n", &self.name, "-o", "link", "show", "dev", interface];
            let output = Command::new("ip").args(arguments).output().expect("ip starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        for _ in 0..TRIES {
            if shown().contains("state UP") {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{interface} has no carrier: {}", shown());
    }

    /// Switches IPv6 off, so that the kernel sends nothing of its own accord.
    pub fn disable_ipv6(&self) {
        for scope in ["all", "default"] {
            self.sysctl(&format!("net.ipv6.conf.{scope}.disable_ipv6=1"));
        }
    }

    /// Sets `key=value` inside.
    pub fn sysctl(&self, setting: &str) {
        command("ip", &["netns", "exec", &self.name, "sysctl", "-qw", setting]);
    }

    /// The index of an interface inside.
    pub fn index(&self, interface: &str) -> u32 {
        let name = std::ffi::CString::new(interface).expect("no zero byte");
        // SAFETY: a string that ends in zero and lives through the call.
        let index = self.run(|| unsafe { libc::if_nametoindex(name.as_ptr()) });
        assert_ne!(index, 0, "{interface} does not exist");
        index
    }
}

impl Drop for NetNs {
    fn drop(&mut self) {
        // A failure here must not hide the panic that may be under way.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn command(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    assert!(
        output.status.success(),
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}
