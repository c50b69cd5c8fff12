//! Other people's responders and browsers, each in a box of its own (`box`), and what they sent
//! as the program judges it.

#![allow(dead_code, reason = "each test takes what it needs")]

pub mod verdicts;

use super::e2e::netns::NetNs;
use super::e2e::support::lan::Member;
use super::e2e::{self, BINARY, Process, command_in};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;
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
    /// grandcat/zeroconf, of Go.
    Grandcat,
    /// brutella/dnssd, of Go.
    Brutella,
    /// hashicorp/mdns, of Go.
    Hashicorp,
    /// pion/mdns, of Go: it knows addresses only.
    Pion,
    /// jmdns, of Java.
    JmDns,
    /// ciao, of Node.js: a responder only.
    Ciao,
    /// libmdns, of Rust: a responder only.
    Libmdns,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Avahi,
        Self::Resolved,
        Self::Zeroconf,
        Self::Bonjour,
        Self::MdnsSd,
        Self::Grandcat,
        Self::Brutella,
        Self::Hashicorp,
        Self::Pion,
        Self::JmDns,
        Self::Ciao,
        Self::Libmdns,
    ];

    /// What `box` calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Avahi => "avahi",
            Self::Resolved => "resolved",
            Self::Zeroconf => "zeroconf",
            Self::Bonjour => "bonjour",
            Self::MdnsSd => "mdns-sd",
            Self::Grandcat => "grandcat",
            Self::Brutella => "brutella",
            Self::Hashicorp => "hashicorp",
            Self::Pion => "pion",
            Self::JmDns => "jmdns",
            Self::Ciao => "ciao",
            Self::Libmdns => "libmdns",
        }
    }

    /// The stack that looks for what this one announces: its own, where it has a browser.
    pub fn browser(self) -> Self {
        match self {
            Self::Ciao | Self::Libmdns => Self::MdnsSd,
            own => own,
        }
    }

    /// The folder that scripts/install-test-stacks fetches it into, if it goes on without it where
    /// its registry cannot be reached.
    fn may_be_missing(self) -> Option<&'static str> {
        match self {
            Self::Avahi | Self::Resolved | Self::Zeroconf | Self::Bonjour | Self::MdnsSd => None,
            Self::Grandcat | Self::Brutella | Self::Hashicorp | Self::Pion => Some("go"),
            Self::JmDns => Some("jmdns"),
            Self::Ciao => Some("ciao"),
            Self::Libmdns => Some("libmdns"),
        }
    }
}

/// Lets the stacks go on for so long: what they do takes its time, and no event says that they
/// will do no more.
pub fn pause(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
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

/// The stacks that are there. Of each whose registry could not be reached it says so, past the test
/// runner's capturing of output; any other that is missing fails the test.
pub fn available() -> Vec<Stack> {
    require();
    e2e::require(&["java"]);
    Stack::ALL.into_iter().filter(|stack| is_available(*stack)).collect()
}

fn is_available(stack: Stack) -> bool {
    let Some(folder) = stack.may_be_missing().map(|name| folder().join(name)) else { return true };
    if folder.join("unreachable").is_file() {
        let thread = thread::current();
        let test = thread.name().unwrap_or("a test");
        let _ = writeln!(
            std::io::stderr(),
            "\n*** {test} DID NOT RUN for {}: its packages could not be fetched\n",
            stack.label()
        );
        return false;
    }
    let is_there =
        folder.join("holds").is_file() || folder.join("debug/multicast_exporter-libmdns").is_file();
    assert!(is_there, "{} is not finished: scripts/install-test-stacks", folder.display());
    true
}

/// A running stack. It ends with its guard, and [`Peer::end`] lets it say goodbye.
pub struct Peer {
    /// Which it is.
    pub stack: Stack,
    process: Process,
    directory: TempDir,
}

impl Peer {
    /// Has it announce the service `name`, from a host called so with a port of 631. The service
    /// says in its TXT record whose it is.
    pub fn announce(stack: Stack, host: &Member, name: &str) -> Self {
        Self::announce_from(stack, host, name, name)
    }

    /// The same from a host of another name.
    pub fn announce_from(stack: Stack, host: &Member, instance: &str, name: &str) -> Self {
        let address = host.address.to_string();
        Self::start(stack, &host.namespace, &["announce", instance, name, "631", &address])
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
    name: String,
    process: Process,
    directory: TempDir,
}

impl Capture {
    /// Captures what passes the bridge of a LAN; it is called so where captures are kept.
    pub fn start(namespace: &NetNs, name: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = command_in(namespace, "tcpdump");
        command.args(["--immediate-mode", "-U", "-Z", "root", "-s", "0", "-i", "br0", "-w"]);
        command.arg(directory.path().join("stacks.pcap"));
        let process = Process::start(command);
        e2e::wait_for("tcpdump listens", || process.log().contains("listening on"));
        Self { name: name.to_owned(), process, directory }
    }

    /// Ends, and says how the program judges what was captured.
    pub fn analyze(mut self) -> Value {
        self.process.signal(libc::SIGTERM);
        self.process.wait();
        let file = self.directory.path().join("stacks.pcap");
        let output = Command::new(BINARY).args(["analyze", "--output=json"]).arg(&file).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // For whoever wants to see the packets.
        if let Some(folder) = std::env::var_os("MULTICAST_EXPORTER_KEEP_CAPTURES") {
            fs::copy(&file, PathBuf::from(folder).join(format!("{}.pcap", self.name)))
                .expect("room");
        }
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}
