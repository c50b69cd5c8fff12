//! Other people's responders and browsers, each in a box of its own (`box`), and what they sent
//! as the program judges it.

use super::e2e::netns::NetNs;
use super::e2e::support::lan::Member;
use super::e2e::{self, BINARY, Process, command_in};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stack {
    /// avahi-daemon.
    Avahi,
    /// systemd-resolved.
    Resolved,
    /// zeroconf, of Python.
    Zeroconf,
    /// bonjour-service on multicast-dns, of Node.js.
    Bonjour,
    /// mdns-sd, of Rust.
    MdnsSd,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Avahi, Self::Resolved, Self::Zeroconf, Self::Bonjour, Self::MdnsSd];

    /// What `box` calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Avahi => "avahi",
            Self::Resolved => "resolved",
            Self::Zeroconf => "zeroconf",
            Self::Bonjour => "bonjour",
            Self::MdnsSd => "mdns-sd",
        }
    }
}

/// Where scripts/install-test-stacks puts them.
fn folder() -> PathBuf {
    e2e::support::tools_dir().join("stacks")
}

fn source(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stacks").join(file)
}

/// Fails unless every stack and what starts it is there.
pub fn require() {
    e2e::require(&["avahi-daemon", "avahi-browse", "dbus-daemon", "node", "unshare", "tcpdump"]);
    let folder = folder();
    for what in ["zeroconf", "multicast-dns", "systemd-resolved"] {
        let there = folder.join(what).join("holds").is_file();
        assert!(there, "{what} is not in {}: scripts/install-test-stacks", folder.display());
    }
    let peer = folder.join("mdns-sd/debug/multicast_exporter-mdns-sd");
    assert!(peer.is_file(), "{} is missing: scripts/install-test-stacks", peer.display());
}

/// A running stack. It ends with its guard, and [`Peer::end`] lets it say goodbye.
pub struct Peer {
    /// Which it is.
    pub stack: Stack,
    process: Process,
    directory: TempDir,
}

impl Peer {
    /// Has it announce the service `name`, from a host called so with a port of 631.
    pub fn announce(stack: Stack, host: &Member, name: &str) -> Self {
        let address = host.address.to_string();
        Self::start(stack, &host.namespace, &["announce", name, name, "631", &address])
    }

    /// Has it look for services.
    pub fn browse(stack: Stack, host: &Member) -> Self {
        Self::start(stack, &host.namespace, &["browse", &host.address.to_string()])
    }

    /// Has avahi reflect between `eth0` and `eth1`.
    pub fn reflect(namespace: &NetNs) -> Self {
        Self::start(Stack::Avahi, namespace, &["reflect"])
    }

    fn start(stack: Stack, namespace: &NetNs, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = command_in(namespace, source("box"));
        command.arg(directory.path()).arg(folder()).arg(stack.label()).args(arguments);
        Self { stack, process: Process::start(command), directory }
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends it as its user would, and waits for that.
    pub fn end(mut self) {
        fs::write(self.directory.path().join("end"), "").expect("a file of ours");
        self.process.wait();
    }
}

/// Frames on their way to a file.
pub struct Capture {
    process: Process,
    directory: TempDir,
}

impl Capture {
    /// Captures what passes an interface.
    pub fn start(namespace: &NetNs, interface: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = command_in(namespace, "tcpdump");
        command.args(["--immediate-mode", "-U", "-Z", "root", "-s", "0", "-i", interface, "-w"]);
        command.arg(directory.path().join("stacks.pcap"));
        let process = Process::start(command);
        e2e::wait_for("tcpdump listens", || process.log().contains("listening on"));
        Self { process, directory }
    }

    /// Ends, and says how the program judges what was captured.
    pub fn analyze(mut self) -> Value {
        self.process.signal(libc::SIGTERM);
        self.process.wait();
        let file = self.directory.path().join("stacks.pcap");
        let output = Command::new(BINARY).args(["analyze", "--output=json"]).arg(file).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}
