//! What the real program may do after its start: nothing. Started with one capability, as root and
//! without any.

use crate::e2e::installed::Installed;
use crate::e2e::lan::opening;
use crate::e2e::netns::NetNs;
use crate::e2e::wire::Wire;
use crate::e2e::{Exporter, Process, exposition::Body, of_threads};

fn backend(body: &Body, capture: &str) -> String {
    let of = |((name, labels), _): &(&(String, std::collections::BTreeMap<_, _>), _)| {
        name == "multicast_capture_info"
            && labels.get("capture").is_some_and(|c: &String| c == capture)
    };
    let (_, labels) = body.samples.iter().find(of).expect("it is captured").0;
    labels["backend"].clone()
}

/// Sends a frame and waits until it is counted.
fn hear(exporter: &Exporter, from: &str, to: &str) {
    let shot = opening();
    Wire::open(exporter.namespace, from).send(&shot.frame);
    let device = shot.host.mac.to_string();
    let labels = [("interface", to), ("device", &device), ("protocol", "arp")];
    exporter.scrape_until("the frame is counted", |body| {
        body.value("multicast_device_packets_total", &labels) == Some(1.0)
    });
}

const NOTHING: &str = "0000000000000000";

fn assert_powerless(process: &Process) {
    assert_powerless_but_for(process, None);
}

/// `kept`: what the thread `host` has in its effective and permitted sets.
fn assert_powerless_but_for(process: &Process, kept: Option<&str>) {
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        for (thread, value) in of_threads(process.id(), set) {
            let may_keep = thread == "host" && matches!(set, "CapEff" | "CapPrm");
            let expected = kept.filter(|_| may_keep).unwrap_or(NOTHING);
            assert_eq!(value, expected, "{set} of the thread {thread}");
        }
    }
    for (thread, value) in of_threads(process.id(), "NoNewPrivs") {
        assert_eq!(value, "1", "no_new_privs of the thread {thread}");
    }
}

/// Captures by ring, also on an interface that is made afterwards, and holds nothing meanwhile.
fn captures_and_holds_nothing(exporter: &Exporter) {
    let body = exporter.wait_up("b0", true);
    assert_eq!(backend(&body, "b0"), "ring");
    hear(exporter, "a0", "b0");
    assert_powerless(&exporter.process);

    exporter.namespace.veth("a1", "b1");
    let body = exporter.wait_up("b1", true);
    assert_eq!(backend(&body, "b1"), "ring");
    hear(exporter, "a1", "b1");
    let threads: Vec<String> =
        of_threads(exporter.process.id(), "Name").into_iter().map(|(name, _)| name).collect();
    for thread in ["follower", "cap b0", "cap b1"] {
        assert!(threads.iter().any(|name| name == thread), "{thread} is not in {threads:?}");
    }
    assert_powerless(&exporter.process);
}

fn namespace() -> NetNs {
    let namespace = NetNs::new();
    namespace.veth("a0", "b0");
    namespace
}

#[test]
#[ignore = "root: make test"]
fn an_ordinary_user_with_net_raw_captures_by_ring() {
    let (namespace, installed) = (namespace(), Installed::new());
    let mut command = installed.command(&namespace, "+net_raw");
    command.arg("--capture.interface=b.*");
    let exporter = Exporter::spawn(&namespace, command);
    for (thread, user) in of_threads(exporter.process.id(), "Uid") {
        assert!(user.split_whitespace().all(|id| id == "65534"), "{thread}: {user}");
    }
    captures_and_holds_nothing(&exporter);
}

#[test]
#[ignore = "root: make test"]
fn root_keeps_nothing_either() {
    let namespace = namespace();
    let exporter = Exporter::start(&namespace, &["--capture.interface=b.*"]);
    captures_and_holds_nothing(&exporter);
}

#[test]
#[ignore = "root: make test"]
fn an_ordinary_user_without_capabilities_gets_sockets_and_is_told_why() {
    let (namespace, installed) = (namespace(), Installed::new());
    let mut command = installed.command(&namespace, "");
    command.arg("--capture.interface=b.*");
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.wait_up("b0", true);
    assert_eq!(backend(&body, "b0"), "socket");
    assert_powerless(&exporter.process);
    let log = exporter.process.log();
    assert!(log.contains("backend=socket") && log.contains("CAP_NET_RAW is missing"), "{log}");
    let page = exporter.get("/").expect("there is a page");
    assert!(page.contains("CAP_NET_RAW is missing"), "{page}");
}

#[test]
#[ignore = "root: make test"]
fn a_backend_by_name_that_may_not_run_ends_the_start() {
    let (namespace, installed) = (namespace(), Installed::new());
    for backend in ["ring", "pnet"] {
        let mut command = installed.command(&namespace, "");
        command.arg(format!("--capture.backend={backend}"));
        let mut process = Process::start(command);
        assert_eq!(process.wait().code(), Some(2));
        let log = process.log();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("--capture.backend") && log.contains("CAP_NET_RAW"), "{log}");
    }
}

/// Bits 2 (`CAP_DAC_READ_SEARCH`) and 19 (`CAP_SYS_PTRACE`).
const TO_LOOK_INTO_PROCESSES: &str = "0000000000080004";

fn has_thread(exporter: &Exporter, wanted: &str) -> bool {
    of_threads(exporter.process.id(), "Name").iter().any(|(name, _)| name == wanted)
}

#[test]
#[ignore = "root: make test"]
fn the_thread_that_looks_into_processes_keeps_two_and_no_other_thread_any() {
    let namespace = namespace();
    let by_files = ["--capture.interface=b.*", "--collector.sockets.owners=fd"];
    let exporter = Exporter::start(&namespace, &by_files);
    exporter.wait_up("b0", true);
    assert!(has_thread(&exporter, "host"));
    assert_powerless_but_for(&exporter.process, Some(TO_LOOK_INTO_PROCESSES));
    let body = exporter.scrape();
    for (capability, held) in [("CAP_SYS_PTRACE", 1.0), ("CAP_NET_RAW", 0.0)] {
        let labels = [("capability", capability), ("when", "now")];
        assert_eq!(body.value("multicast_exporter_capability_held", &labels), Some(held));
    }
    drop(exporter);

    let by_user = ["--capture.interface=b.*", "--collector.sockets.owners=uid"];
    let exporter = Exporter::start(&namespace, &by_user);
    exporter.wait_up("b0", true);
    assert!(has_thread(&exporter, "host"));
    assert_powerless(&exporter.process);
}

#[test]
#[ignore = "root: make test"]
fn a_way_to_count_by_name_that_may_not_run_is_a_warning() {
    let (namespace, installed) = (namespace(), Installed::new());
    let mut command = installed.command(&namespace, "");
    command.args(["--capture.interface=b.*", "--collector.syscalls.backend=ebpf"]);
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.wait_up("b0", true);
    let off = [("backend", "off"), ("reason", "no_cap_bpf")];
    assert_eq!(body.value("multicast_exporter_syscalls_info", &off), Some(1.0));
    assert!(!body.samples.keys().any(|(name, _)| name.starts_with("multicast_host_syscalls")));
    let log = exporter.process.log();
    let warning = |line: &&str| line.contains("level=warn") && line.contains("backend=ebpf");
    assert!(log.lines().any(|line| warning(&line)), "{log}");
}

#[test]
#[ignore = "root: make test"]
fn nobody_samples_a_host_that_nobody_wants_looked_at() {
    let namespace = namespace();
    let neither = ["--capture.interface=b.*", "--no-collector.syscalls", "--no-collector.sockets"];
    let exporter = Exporter::start(&namespace, &neither);
    let body = exporter.wait_up("b0", true);
    assert!(!has_thread(&exporter, "host"));
    assert!(!body.samples.keys().any(|(name, _)| name.starts_with("multicast_host_")));
    let disabled = [("backend", "off"), ("reason", "disabled")];
    assert_eq!(body.value("multicast_exporter_syscalls_info", &disabled), Some(1.0));
    assert_eq!(body.value("multicast_exporter_sockets_info", &[("owners", "none")]), Some(1.0));
}

#[test]
#[ignore = "root: make test"]
fn an_ordinary_user_with_the_three_capabilities_captures_by_ring_and_counts_by_ebpf() {
    let (namespace, installed) = (namespace(), Installed::new());
    let mut command = installed.command(&namespace, "+net_raw,+bpf,+perfmon");
    command.arg("--capture.interface=b.*");
    let exporter = Exporter::spawn(&namespace, command);
    captures_and_holds_nothing(&exporter);
    let counted = exporter.scrape_until("system calls are counted", |body| {
        let total = body.value("multicast_host_syscalls_total", &[]);
        total.is_some_and(|total| total > 0.0)
    });
    let ebpf = [("backend", "ebpf"), ("reason", "none")];
    assert_eq!(counted.value("multicast_exporter_syscalls_info", &ebpf), Some(1.0));
    for capability in multicast_exporter::privilege::USED.map(|used| used.to_string()) {
        let had = ["CAP_NET_RAW", "CAP_BPF", "CAP_PERFMON"].contains(&capability.as_str());
        for (when, held) in [("start", had), ("now", false)] {
            let labels = [("capability", capability.as_str()), ("when", when)];
            let value = counted.value("multicast_exporter_capability_held", &labels);
            assert_eq!(value, Some(if held { 1.0 } else { 0.0 }), "{capability} {when}");
        }
    }
}
