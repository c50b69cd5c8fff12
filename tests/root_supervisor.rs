//! The program and its supervisor: what it sends to `NOTIFY_SOCKET`, when the watchdog is fed,
//! sockets that systemd's own tool passes, `health`, and exit codes.

mod e2e;

use e2e::installed::Installed;
use e2e::netns::NetNs;
use e2e::stalled::{Stalled, thread_named};
use e2e::{BINARY, Exporter, PATIENCE, PORT, Process, command_in, require, wait_for};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// What a service manager hears.
struct Manager {
    socket: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = UnixDatagram::bind(directory.path().join("notify")).expect("a free name");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket, directory }
    }

    /// The program in the namespace, told where to say how it does.
    fn command(&self, namespace: &NetNs, flags: &[&str]) -> Command {
        let mut command = command_in(namespace, BINARY);
        command.args(flags).env("NOTIFY_SOCKET", self.directory.path().join("notify"));
        command
    }

    /// The next message.
    fn next(&self) -> Option<String> {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    /// The next message that is no feed of the watchdog.
    fn next_but_feeds(&self) -> String {
        loop {
            let message = self.next().expect("a message in time");
            if !message.contains("WATCHDOG=1") {
                return message;
            }
        }
    }

    /// Forgets what came so far, then says whether the watchdog is fed within this time.
    fn is_fed_within(&self, time: Duration) -> bool {
        self.socket.set_nonblocking(true).expect("it is ours");
        while self.next().is_some() {}
        self.socket.set_nonblocking(false).expect("it is ours");
        self.socket.set_read_timeout(Some(time)).expect("a timeout");
        let is_fed = self.next().is_some_and(|message| message.contains("WATCHDOG=1"));
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        is_fed
    }
}

#[test]
#[ignore = "root: make test"]
fn the_manager_hears_of_ready_reload_and_stop() {
    let (namespace, manager) = (NetNs::new(), Manager::new());
    namespace.veth("a0", "b0");
    let config = manager.directory.path().join("config.yml");
    fs::write(&config, "devices: []\n").expect("room");
    let file = format!("--config.file={}", config.display());
    let flags = ["--capture.interface=b.*", &file];
    let mut process = Process::start(manager.command(&namespace, &flags));
    assert_eq!(manager.next_but_feeds(), "READY=1\nSTATUS=capturing b0\n");

    process.signal(libc::SIGHUP);
    let reloading = manager.next_but_feeds();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(manager.next_but_feeds(), "READY=1\nSTATUS=capturing b0\n");

    fs::write(&config, "devices: 3\n").expect("room");
    process.signal(libc::SIGHUP);
    assert!(manager.next_but_feeds().starts_with("RELOADING=1\n"));
    assert_eq!(
        manager.next_but_feeds(),
        "READY=1\nSTATUS=capturing b0; the configuration file cannot be used, the previous one is in force\n"
    );

    process.signal(libc::SIGTERM);
    assert_eq!(manager.next_but_feeds(), "STOPPING=1\n");
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
#[ignore = "root: make test"]
fn the_watchdog_is_fed_only_while_captures_live() {
    require(&["python3"]);
    let (namespace, manager) = (NetNs::new(), Manager::new());
    namespace.veth("a0", "b0");
    // As systemd does, which names the process.
    let mut command = command_in(&namespace, "sh");
    let script = "WATCHDOG_PID=$$ exec \"$0\" '--capture.interface=b.*'";
    command.args(["-c", script, BINARY]).env("WATCHDOG_USEC", "2000000");
    command.env("NOTIFY_SOCKET", manager.directory.path().join("notify"));
    let process = Process::start(command);
    assert!(manager.next_but_feeds().starts_with("READY=1\n"));
    for thread in ["cap b0", "follower"] {
        assert!(manager.is_fed_within(PATIENCE), "all is well");
        let stalled = Stalled::new(thread_named(process.id(), thread));
        // Threads may be silent for 4 s.
        thread::sleep(Duration::from_secs(5));
        assert!(!manager.is_fed_within(Duration::from_secs(2)), "{thread} stands still");
        let log = process.log();
        assert!(log.contains("the watchdog is not fed"), "{log}");
        drop(stalled);
        assert!(manager.is_fed_within(PATIENCE), "{thread} goes on");
    }
    // One that is gone is not missed.
    namespace.ip(&["link", "del", "a0"]);
    thread::sleep(Duration::from_secs(5));
    assert!(manager.is_fed_within(PATIENCE));
}

#[test]
#[ignore = "root: make test"]
fn nobody_is_told_of_a_watchdog_that_is_not_there() {
    let (namespace, manager) = (NetNs::new(), Manager::new());
    let process = Process::start(manager.command(&namespace, &[]));
    assert_eq!(
        manager.next_but_feeds(),
        "READY=1\nSTATUS=capturing nothing: multicast_exporter check says why\n"
    );
    manager.socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    assert_eq!(manager.next(), None);
    drop(process);
}

#[test]
#[ignore = "root: make test"]
fn a_socket_of_systemds_is_served_and_no_other() {
    require(&["systemd-socket-activate"]);
    let (namespace, installed) = (NetNs::new(), Installed::new());
    let mut command = command_in(&namespace, "systemd-socket-activate");
    command.arg(format!("--listen=127.0.0.1:{PORT}"));
    command.arg(installed.directory().join("multicast_exporter"));
    command.args(["--web.systemd-socket", "--web.listen-address=127.0.0.1:1"]);
    // It starts the program at the first connection.
    let exporter = Exporter::spawn(&namespace, command);
    let log = exporter.process.log();
    assert!(log.contains(&format!("listening=127.0.0.1:{PORT}")), "{log}");
    exporter.scrape();
}

#[test]
#[ignore = "root: make test"]
fn without_the_promised_socket_the_start_ends() {
    let namespace = NetNs::new();
    let ends = |command: Command, words: &str| {
        let mut process = Process::start(command);
        assert_eq!(process.wait().code(), Some(2));
        let log = process.log();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("--web.systemd-socket: ") && log.contains(words), "{log}");
    };
    let mut nothing = command_in(&namespace, BINARY);
    nothing.arg("--web.systemd-socket");
    ends(nothing, "no socket was passed");
    // Descriptor 3 is a file.
    let mut a_file = command_in(&namespace, "sh");
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --web.systemd-socket 3</dev/null";
    a_file.args(["-c", script, BINARY]);
    ends(a_file, "descriptor 3 is not a listening TCP socket");
}

#[test]
#[ignore = "root: make test"]
fn health_is_told_by_the_exit_code() {
    let namespace = NetNs::new();
    let health = |flags: &[&str]| {
        let mut command = command_in(&namespace, BINARY);
        command.arg("health").args(flags);
        let mut process = Process::start(command);
        (process.wait().code(), process.log())
    };
    let (code, log) = health(&[]);
    assert_eq!(code, Some(1));
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("no exporter answers at :10353"), "{log}");
    let _exporter = Exporter::start(&namespace, &[]);
    assert_eq!(health(&[]), (Some(0), String::new()));
    assert_eq!(health(&["--web.listen-address=127.0.0.1:10353"]).0, Some(0));
    assert_eq!(health(&["--web.listen-address=127.0.0.1:10354"]).0, Some(1));
}

#[test]
#[ignore = "root: make test"]
fn half_of_the_capabilities_is_half_of_the_work() {
    let (namespace, installed) = (NetNs::new(), Installed::new());
    namespace.veth("a0", "b0");
    for (capabilities, backend, missing) in [
        ("+net_raw", "ring", "CAP_BPF is missing"),
        ("+net_raw,+bpf", "ring", "CAP_PERFMON is missing"),
        ("+bpf,+perfmon", "socket", "CAP_NET_RAW is missing"),
        ("", "socket", "CAP_BPF is missing"),
    ] {
        let mut command = installed.command(&namespace, capabilities);
        command.arg("--capture.interface=b.*");
        let exporter = Exporter::spawn(&namespace, command);
        wait_for("it says what is missing", || {
            let log = exporter.process.log();
            let said = log.lines().filter(|line| line.contains(missing)).count();
            assert!(said <= 1, "{log}");
            said == 1 && log.contains(&format!("backend={backend}"))
        });
    }
}
