//! The real program in a network namespace, asked over HTTP: what the tests of the whole program
//! share. Needs root, and fails without it.

#![allow(dead_code, reason = "each test takes what it needs")]

pub mod alertmanager;
pub mod avahi;
pub mod debian;
pub mod household;
pub mod installed;
pub mod lan;
pub mod mailbox;
pub mod monitoring;
pub mod prometheus;
pub mod scaled;
pub mod server;
pub mod stalled;
#[path = "../support/mod.rs"]
pub mod support;
pub mod told;
pub mod victoria;
pub mod webhook;
pub mod wire;

pub use support::process::{BINARY, PATIENCE, Process, wait_for};
pub use support::{exposition, netns};

use exposition::{Body, parse};
use netns::NetNs;
use std::ffi::OsStr;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use support::http::{self, Answer};

/// Its port: every namespace has a loopback of its own.
pub const PORT: u16 = 10353;

/// Fails unless these programs are installed.
pub fn require(programs: &[&str]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in programs {
        let mut directories = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let found = directories.any(|directory: PathBuf| directory.join(program).is_file());
        assert!(found, "{program} is not installed: make test installs it");
    }
}

/// A command that runs inside a namespace, in the process that is started: the process id is the
/// program's. It goes before the machine's other work: most of them are held to seconds.
pub fn command_in(namespace: &NetNs, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace.name(), "nice", "-n", "-10"]).arg(program);
    command
}

/// A running exporter.
pub struct Exporter<'a> {
    /// The namespace that it runs in.
    pub namespace: &'a NetNs,
    /// Its process.
    pub process: Process,
}

impl<'a> Exporter<'a> {
    /// Starts it as root and waits until it is ready.
    pub fn start(namespace: &'a NetNs, flags: &[&str]) -> Self {
        let mut command = command_in(namespace, BINARY);
        command.args(flags);
        Self::spawn(namespace, command)
    }

    /// Starts it by a command that ends in it, and waits until it is ready.
    pub fn spawn(namespace: &'a NetNs, command: Command) -> Self {
        let mut exporter = Self { namespace, process: Process::start(command) };
        wait_for("the exporter is ready", || {
            let ended = exporter.process.ended();
            assert!(ended.is_none(), "it ended with {ended:?}");
            exporter.get("/-/ready").is_some_and(|answer| answer.starts_with("The exporter is"))
        });
        exporter
    }

    /// Fetches a page; `None` if nobody listens or it is not there.
    pub fn get(&self, path: &str) -> Option<String> {
        self.namespace.run(|| get(path))
    }

    /// Scrapes everything. A body that Prometheus would refuse is a panic.
    pub fn scrape(&self) -> Body {
        parse(&self.get("/metrics").expect("the exporter answers"))
    }

    /// Scrapes until the body is as wished, and hands it out.
    pub fn scrape_until(&self, what: &str, is_so: impl Fn(&Body) -> bool) -> Body {
        let mut body = Body::default();
        wait_for(what, || {
            body = self.scrape();
            is_so(&body)
        });
        body
    }

    /// Waits until an interface is captured, or is not.
    pub fn wait_up(&self, interface: &str, up: bool) -> Body {
        let value = Some(if up { 1.0 } else { 0.0 });
        self.scrape_until(&format!("multicast_capture_up of {interface}"), |body| {
            body.value("multicast_capture_up", &[("capture", interface)]) == value
        })
    }
}

/// Fetches a page from this thread's namespace; `None` if nobody listens or it is not there.
pub fn get(path: &str) -> Option<String> {
    http::get((Ipv4Addr::LOCALHOST, PORT), path).filter(Answer::is_ok).map(Answer::text)
}

/// A field of `/proc/PID/task/TID/status` of every thread of a process.
pub fn of_threads(id: u32, field: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{id}/task")).expect("the process runs") {
        let path = entry.expect("readable").path().join("status");
        // A thread may have just ended.
        let Ok(status) = fs::read_to_string(path) else { continue };
        let value = |field: &str| {
            let line = status.lines().find(|line| line.starts_with(&format!("{field}:")));
            line.expect("a field").split_once(':').expect("a colon").1.trim().to_owned()
        };
        found.push((value("Name"), value(field)));
    }
    assert!(!found.is_empty());
    found
}
