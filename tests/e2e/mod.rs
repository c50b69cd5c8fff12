//! The real program in a network namespace, asked over HTTP. What the tests of the program as a
//! whole share. Needs root, and fails without.

#![allow(dead_code, reason = "each test takes what it needs")]

pub mod alertmanager;
pub mod avahi;
pub mod debian;
pub mod household;
pub mod installed;
pub mod lan;
pub mod mailbox;
pub mod monitoring;
pub mod scaled;
pub mod stalled;
#[path = "../support/mod.rs"]
pub mod support;
pub mod webhook;
pub mod wire;

pub use support::{exposition, netns};

use exposition::{Body, parse};
use multicast_exporter::time::clock;
use netns::NetNs;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_multicast_exporter");
/// Its port: every namespace has a loopback of its own.
pub const PORT: u16 = 10353;
/// How long to wait for what should come at once, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Fails unless these programs are installed.
pub fn require(programs: &[&str]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in programs {
        let mut directories = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let found = directories.any(|directory: PathBuf| directory.join(program).is_file());
        assert!(found, "{program} is not installed: make test installs it");
    }
}

/// Asks until the answer is yes, and panics with `what` if it never is.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = clock::now().monotonic.plus(PATIENCE);
    while !is_so() {
        assert!(clock::now().monotonic < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A command that runs inside a namespace, in the process that is started: the process id is the
/// program's.
pub fn command_in(namespace: &NetNs, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace.name()]).arg(program);
    command
}

/// A process that ends with its guard, also when the test panics; then it says what it logged.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it with its standard error, and standard output, kept.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().expect("a pipe");
        let err = child.stderr.take().expect("a pipe");
        let pipes: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        let readers = pipes.into_iter().map(|pipe| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let mut log = log.lock().expect("nobody panics with it");
                    log.push_str(&line);
                    log.push('\n');
                }
            })
        });
        Self { child, log: Arc::clone(&log), readers: readers.collect() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        let id = libc::pid_t::try_from(self.id()).expect("a process id");
        // SAFETY: takes integers only. The child is not waited for yet, so the id is its.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end, and for all that it has written.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the process", || self.ended().is_some());
        for reader in self.readers.drain(..) {
            reader.join().expect("it only reads");
        }
        self.ended().expect("it has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of process {}:\n{}---", self.child.id(), self.log());
        }
    }
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

/// Fetches a page from this thread's namespace.
pub fn get(path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(!head.to_ascii_lowercase().contains("chunked"), "not read here: {head}");
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
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
