//! The service under a real systemd: a Debian 12 with the package is booted by systemd-nspawn, in
//! its own network. The unit's sandbox, readiness, reload, watchdog, socket and exit codes.

mod e2e;

use e2e::debian::{Debian, NAME, package};
use e2e::stalled::{Stalled, thread_named};
use e2e::{PORT, Process, exposition, get, of_threads, require, wait_for};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Bits 13, 38 and 39: the three capabilities of the unit.
const BOUNDING: &str = "000000c000002000";
const NOTHING: &str = "0000000000000000";
const DEFAULTS: &str = "etc/default/prometheus-multicast-exporter";

/// A control group of its own for what nspawn makes, in each hierarchy that systemd uses.
struct Group(Vec<PathBuf>);

impl Group {
    fn new() -> Self {
        let hybrid = ["unified", "systemd"].map(|name| Path::new("/sys/fs/cgroup").join(name));
        let roots =
            if hybrid[0].is_dir() { hybrid.to_vec() } else { vec!["/sys/fs/cgroup".into()] };
        let name = format!("mx-test-{}", std::process::id());
        let groups: Vec<PathBuf> = roots.iter().map(|root| root.join(&name)).collect();
        for group in &groups {
            fs::create_dir(group).unwrap_or_else(|error| panic!("{}: {error}", group.display()));
        }
        Self(groups)
    }

    /// A command in the group.
    fn command(&self, program: &str) -> Command {
        let script = "for group in $GROUPS_OF_TEST; do echo $$ >\"$group/cgroup.procs\"; done; exec \"$0\" \"$@\"";
        let groups: Vec<_> = self.0.iter().map(|group| group.display().to_string()).collect();
        let mut command = Command::new("sh");
        command.args(["-ec", script, program]).env("GROUPS_OF_TEST", groups.join(" "));
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What was killed leaves in its own time.
        for _ in 0..100 {
            let depth_first = ["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"];
            let left: Vec<_> = self.0.iter().filter(|group| group.is_dir()).collect();
            if left.is_empty() {
                return;
            }
            let _ = Command::new("find").args(left).args(depth_first).output();
            thread::sleep(Duration::from_millis(50));
        }
        eprintln!("left behind: {:?}", self.0);
    }
}

/// A booted Debian.
struct Booted {
    // In the order in which they have to end.
    nspawn: Process,
    _group: Group,
    debian: Debian,
}

impl Booted {
    fn new(debian: Debian) -> Self {
        require(&["systemd-nspawn", "nsenter"]);
        let group = Group::new();
        let mut command = group.command("systemd-nspawn");
        command.arg(format!("--directory={}", debian.path("").display()));
        let network = debian.namespace.name();
        command.arg(format!("--network-namespace-path=/run/netns/{network}"));
        command.args(["--boot", "--register=no", "--keep-unit", "--console=pipe"]);
        // What the host's systemd would have and a container's has not.
        command.args(["--capability=CAP_NET_RAW,CAP_BPF,CAP_PERFMON"]);
        command.arg("--system-call-filter=bpf perf_event_open");
        let booted = Self { nspawn: Process::start(command), _group: group, debian };
        wait_for("systemd is up", || booted.systemctl(&["is-system-running"]) == "running");
        booted
    }

    /// The first process inside, as it is known outside.
    fn init(&self) -> Option<u32> {
        let id = self.nspawn.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// What a command inside says.
    fn run(&self, arguments: &[&str]) -> String {
        let Some(init) = self.init() else { return String::new() };
        let mut command = Command::new("nsenter");
        let output =
            command.args(["--all", "--target", &init.to_string()]).args(arguments).output();
        String::from_utf8_lossy(&output.expect("nsenter starts").stdout).trim().to_owned()
    }

    fn systemctl(&self, arguments: &[&str]) -> String {
        self.run(&[&["systemctl"], arguments].concat())
    }

    /// A property of the service.
    fn property(&self, name: &str) -> String {
        self.systemctl(&["show", "--value", "--property", name, NAME])
    }

    fn log(&self) -> String {
        self.run(&["journalctl", "--no-pager", "--output=cat", "--unit", NAME])
    }

    /// The exporter's process, as it is known outside.
    fn exporter(&self) -> u32 {
        let inside = self.property("MainPID");
        let is_it = |entry: &fs::DirEntry| {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let is_named = status.starts_with("Name:\tmulticast_expor");
            let ids = status.lines().find(|line| line.starts_with("NSpid:"));
            let ids: Vec<&str> = ids.unwrap_or_default().split_whitespace().collect();
            is_named && ids.len() == 3 && ids[2] == inside
        };
        let mut found = fs::read_dir("/proc").expect("there").filter_map(Result::ok).filter(is_it);
        let entry = found.next().unwrap_or_else(|| panic!("no process {inside}: {}", self.log()));
        entry.file_name().to_str().and_then(|id| id.parse().ok()).expect("a number")
    }

    fn page(&self, path: &str) -> Option<String> {
        self.debian.namespace.run(|| get(path))
    }

    /// Restarts the service with these flags.
    fn restart_with(&self, flags: &str) {
        let defaults = format!("ARGS=\"{flags}\"\n");
        fs::write(self.debian.path(DEFAULTS), defaults).expect("room");
        self.systemctl(&["restart", NAME]);
    }

    fn wait_active(&self) {
        wait_for("the service is active", || self.property("ActiveState") == "active");
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}\n{}", self.systemctl(&["status", "--no-pager", NAME]), self.log());
        }
        // It would outlive nspawn; with it ends all that runs inside.
        if let Some(init) = self.init() {
            let _ = Command::new("kill").args(["-KILL", &init.to_string()]).status();
        }
    }
}

#[test]
#[ignore = "root: make test"]
fn the_service_runs_in_its_sandbox_and_systemd_knows_how_it_does() {
    let (folder, debian) = (tempfile::tempdir().expect("a temporary directory"), Debian::new());
    fs::copy(package(folder.path()), debian.path("srv/package.deb")).expect("room");
    debian.namespace.veth("a0", "b0");
    debian.namespace.ip(&["address", "add", "192.0.2.1/24", "dev", "b0"]);
    let booted = Booted::new(debian);

    // Installing starts it.
    booted.run(&["dpkg", "--install", "/srv/package.deb"]);
    booted.wait_active();
    it_captures_and_counts_in_its_sandbox(&booted);
    it_keeps_evidence_and_reads_its_configuration_again(&booted);
    a_thread_that_hangs_is_its_end_and_it_comes_again(&booted);
    what_a_restart_does_not_mend_is_not_restarted(&booted);
    it_takes_the_port_from_its_socket_unit(&booted);

    booted.run(&["dpkg", "--purge", NAME]);
    wait_for("it is stopped", || booted.page("/-/ready").is_none());
    assert_eq!(booted.property("LoadState"), "not-found");
}

fn it_captures_and_counts_in_its_sandbox(booted: &Booted) {
    assert_eq!(booted.property("StatusText"), "capturing b0", "{}", booted.log());
    let body = exposition::parse(&booted.page("/metrics").expect("it answers"));
    let ebpf = [("backend", "ebpf"), ("reason", "none")];
    assert_eq!(
        body.value("multicast_exporter_syscalls_info", &ebpf),
        Some(1.0),
        "{}",
        booted.log()
    );
    assert!(booted.log().contains("capturing interface=b0 backend=ring"), "{}", booted.log());
    let exporter = booted.exporter();
    for (set, wanted) in [
        ("CapEff", NOTHING),
        ("CapPrm", NOTHING),
        ("CapInh", NOTHING),
        ("CapAmb", NOTHING),
        ("CapBnd", BOUNDING),
    ] {
        for (thread, value) in of_threads(exporter, set) {
            assert_eq!(value, wanted, "{set} of the thread {thread}");
        }
    }
    for (field, wanted) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
        assert!(of_threads(exporter, field).iter().all(|(_, value)| value == wanted), "{field}");
    }
    let is_root = |(_, ids): &(String, String)| ids.split_whitespace().any(|id| id == "0");
    assert!(!of_threads(exporter, "Uid").iter().any(is_root), "a user of its own");
    // One that comes later.
    booted.debian.namespace.veth("a1", "b1");
    booted.debian.namespace.ip(&["address", "add", "192.0.2.17/28", "dev", "b1"]);
    wait_for("the later one is captured", || {
        booted.log().contains("capturing interface=b1 backend=ring")
    });
}

fn it_keeps_evidence_and_reads_its_configuration_again(booted: &Booted) {
    booted.restart_with(&format!(
        "--evidence.dir=/var/lib/{NAME} --config.file=/etc/{NAME}/multicast_exporter.yml"
    ));
    booted.wait_active();
    let successful = || {
        let body = exposition::parse(&booted.page("/metrics").expect("it answers"));
        body.value("multicast_exporter_config_last_reload_successful", &[])
    };
    assert_eq!(successful(), Some(1.0), "{}", booted.log());
    let configuration = booted.debian.path(&format!("etc/{NAME}/multicast_exporter.yml"));
    let before = fs::read_to_string(&configuration).expect("there");
    fs::write(&configuration, "limits: 3\n").expect("room");
    booted.systemctl(&["reload", NAME]);
    wait_for("the bad file is told of", || {
        booted.property("StatusText").contains("the configuration file cannot be used")
    });
    assert_eq!(successful(), Some(0.0));
    fs::write(&configuration, before).expect("room");
    booted.systemctl(&["reload", NAME]);
    wait_for("the good file is used", || successful() == Some(1.0));
    assert_eq!(booted.property("ActiveState"), "active");
}

fn a_thread_that_hangs_is_its_end_and_it_comes_again(booted: &Booted) {
    // A minute is the unit's; here it is shorter.
    let folder = booted.debian.path(&format!("etc/systemd/system/{NAME}.service.d"));
    fs::create_dir_all(&folder).expect("room");
    let shorter = "[Service]\nWatchdogSec=4s\nRestartSec=100ms\n";
    fs::write(folder.join("shorter.conf"), shorter).expect("room");
    booted.systemctl(&["daemon-reload"]);
    booted.restart_with("");
    booted.wait_active();
    let before = booted.exporter();
    // As long as all is well it stays.
    thread::sleep(Duration::from_secs(6));
    assert_eq!(booted.exporter(), before, "{}", booted.log());
    let stalled = Stalled::new(thread_named(before, "cap b0"));
    wait_for("systemd has had enough", || booted.log().contains("Watchdog timeout"));
    // What a tracer holds cannot end by SIGABRT.
    drop(stalled);
    wait_for("systemd has restarted it", || booted.property("NRestarts") == "1");
    booted.wait_active();
    assert_ne!(booted.exporter(), before);
    assert!(booted.log().contains("the watchdog is not fed"), "{}", booted.log());
    fs::remove_dir_all(folder).expect("ours");
    booted.systemctl(&["daemon-reload"]);
}

fn what_a_restart_does_not_mend_is_not_restarted(booted: &Booted) {
    booted.restart_with("--devices.max=none");
    wait_for("it has failed", || booted.property("ActiveState") == "failed");
    assert_eq!(booted.property("ExecMainStatus"), "2");
    assert_eq!(booted.property("NRestarts"), "0", "{}", booted.log());
    booted.systemctl(&["reset-failed", NAME]);
}

fn it_takes_the_port_from_its_socket_unit(booted: &Booted) {
    booted.systemctl(&["stop", NAME]);
    fs::write(booted.debian.path(DEFAULTS), "ARGS=\"--web.systemd-socket\"\n").expect("room");
    booted.systemctl(&["start", &format!("{NAME}.socket")]);
    assert_eq!(booted.property("ActiveState"), "inactive");
    // The first who asks starts it.
    wait_for("it answers", || booted.page("/-/ready").is_some());
    booted.wait_active();
    assert!(booted.log().contains(&format!("listening=[::]:{PORT}")), "{}", booted.log());
}
