//! Where the host cannot be watched as wished: no capability, no tracefs, a kernel that refuses, a
//! `/proc` that hides others. The program serves, says what is not measured and why, and never
//! shows 0 for it.

mod e2e;

use e2e::exposition::Body;
use e2e::installed::Installed;
use e2e::netns::NetNs;
use e2e::{BINARY, Exporter, command_in, require};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const TOTAL: &str = "multicast_host_syscalls_total";
const PROCESSES: &str = "multicast_host_process_syscalls_total";
const CALLS: &str = "multicast_host_syscalls_by_call_total";

/// The labels of an info metric, of which there has to be one sample.
fn info(body: &Body, name: &str) -> Vec<(String, String)> {
    let mut found = body.samples.keys().filter(|(n, _)| n == name);
    let (_, labels) = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    labels.clone().into_iter().collect()
}

fn stands(body: &Body, backend: &str, reason: &str) {
    let labels = [("backend", backend), ("reason", reason)];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(info(body, "multicast_exporter_syscalls_info"), labels);
}

fn owners(body: &Body, owners: &str) {
    let labels = [("owners".to_owned(), owners.to_owned())];
    assert_eq!(info(body, "multicast_exporter_sockets_info"), labels);
}

/// No family about system calls has any sample.
fn nothing_is_counted(body: &Body) {
    let counted: Vec<_> = body
        .samples
        .keys()
        .filter(|(name, _)| name.starts_with("multicast_host_") && name.contains("syscalls"))
        .collect();
    assert!(counted.is_empty(), "{counted:?}");
}

/// Every collector succeeded: being degraded is no failure.
fn all_succeed(body: &Body) {
    for ((name, labels), value) in &body.samples {
        if name == "multicast_scrape_collector_success" {
            assert!((value - 1.0).abs() < 0.1, "{labels:?}");
        }
    }
    for collector in ["syscalls", "sockets"] {
        let labels = [("collector", collector)];
        assert!(body.value("multicast_scrape_collector_success", &labels).is_some());
    }
}

/// The program as root behind a shell line that changes its mounts, in a mount namespace of its
/// own.
fn behind(namespace: &NetNs, line: &str) -> Command {
    require(&["unshare", "sh", "mount"]);
    let mut command = command_in(namespace, "unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec"]);
    command.arg(format!("{line}; exec \"$0\" \"$@\"")).arg(BINARY);
    command
}

#[test]
#[ignore = "root: make test"]
fn without_capabilities_nothing_is_counted_and_the_reason_is_said_once() {
    let namespace = NetNs::new();
    let installed = Installed::new();
    let exporter = Exporter::spawn(&namespace, installed.command(&namespace, ""));
    let body = exporter.scrape();
    stands(&body, "off", "no_cap_bpf");
    owners(&body, "uid");
    nothing_is_counted(&body);
    all_succeed(&body);
    all_succeed(&exporter.scrape());
    let log = exporter.process.log();
    assert_eq!(log.lines().filter(|line| line.contains("CAP_BPF")).count(), 1, "{log}");
}

#[test]
#[ignore = "root: make test"]
fn bpf_without_perfmon_is_not_enough_and_the_one_that_is_missing_is_named() {
    let namespace = NetNs::new();
    let installed = Installed::new();
    let command = installed.command(&namespace, "+net_raw,+bpf");
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.scrape();
    stands(&body, "off", "no_cap_perfmon");
    nothing_is_counted(&body);
    all_succeed(&body);
    assert!(exporter.process.log().contains("CAP_PERFMON"), "{}", exporter.process.log());
}

#[test]
#[ignore = "root: make test"]
fn what_a_flag_switches_off_is_absent_and_said_to_be() {
    let namespace = NetNs::new();
    let flags = ["--no-collector.syscalls", "--no-collector.sockets"];
    let exporter = Exporter::start(&namespace, &flags);
    let body = exporter.scrape();
    stands(&body, "off", "disabled");
    owners(&body, "none");
    assert!(!body.samples.keys().any(|(name, _)| name.starts_with("multicast_host_")));
}

#[test]
#[ignore = "root: make test"]
fn perf_knows_the_total_and_claims_no_more() {
    let namespace = NetNs::new();
    // `ip netns exec` gives a /sys of its own, without what was mounted there.
    let mut command = behind(&namespace, "mount -t tracefs none /sys/kernel/tracing");
    command.arg("--collector.syscalls.backend=perf");
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.scrape();
    stands(&body, "perf", "disabled");
    let before = body.value(TOTAL, &[]).expect("the total is counted");
    exporter.scrape_until("calls are made", |body| body.value(TOTAL, &[]) > Some(before));
    assert!(!body.has(PROCESSES) && !body.has(CALLS));
    all_succeed(&body);
}

#[test]
#[ignore = "root: make test"]
fn without_tracefs_perf_is_off() {
    let namespace = NetNs::new();
    let line = "for d in /sys/kernel/tracing /sys/kernel/debug; do mount -t tmpfs none $d; done";
    let mut command = behind(&namespace, line);
    command.arg("--collector.syscalls.backend=perf");
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.scrape();
    stands(&body, "off", "no_tracefs");
    nothing_is_counted(&body);
    all_succeed(&body);
    assert!(exporter.process.log().contains("tracefs"), "{}", exporter.process.log());
    drop(exporter);

    // The program in the kernel needs none.
    let exporter = Exporter::spawn(&namespace, behind(&namespace, line));
    stands(&exporter.scrape(), "ebpf", "none");
}

/// Makes the kernel refuse bpf(2) to this process and its children, as a sandbox does.
fn refuse_bpf() -> std::io::Result<()> {
    const fn filter(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code, jt, jf, k }
    }
    let number = u32::try_from(libc::SYS_bpf).expect("a small number");
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    // The number is the first word of struct seccomp_data (include/uapi/linux/seccomp.h):
    // BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K.
    let mut program = [
        filter(0x20, 0, 0, 0),
        filter(0x15, 0, 1, number),
        filter(0x06, 0, 0, refuse),
        filter(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let length = u16::try_from(program.len()).expect("four");
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    let on: libc::c_ulong = 1;
    let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
    // SAFETY: integers, and a program that lives through both calls.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, on, 0_u64, 0_u64, 0_u64) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program, 0_u64, 0_u64) != 0
    };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

#[test]
#[ignore = "root: make test"]
fn a_kernel_that_refuses_bpf_leaves_the_total() {
    let namespace = NetNs::new();
    let mut command = behind(&namespace, "mount -t tracefs none /sys/kernel/tracing");
    // SAFETY: two system calls between fork and exec, no allocation and no lock.
    unsafe { command.pre_exec(refuse_bpf) };
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.scrape();
    stands(&body, "perf", "kernel");
    assert!(body.value(TOTAL, &[]).is_some());
    assert!(!body.has(PROCESSES) && !body.has(CALLS));
    all_succeed(&body);
}

#[test]
#[ignore = "root: make test"]
fn a_proc_that_hides_others_leaves_sockets_without_owners() {
    let namespace = NetNs::new();
    let installed = Installed::new();
    // A socket of root's: in a /proc without others its owner cannot be told.
    let socket = namespace.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).expect("free"));
    let plain = installed.command(&namespace, "+net_raw,+bpf,+perfmon");
    let mut command = command_in(&namespace, "unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec"]);
    command.arg("mount -t proc -o hidepid=2 proc /proc; exec \"$0\" \"$@\"");
    // What follows `ip netns exec NAME`.
    command.args(plain.get_args().skip(3));
    let exporter = Exporter::spawn(&namespace, command);
    let body = exporter.scrape();
    stands(&body, "ebpf", "none");
    owners(&body, "uid");
    all_succeed(&body);
    let labels = [("port", "5353"), ("process", "unknown")];
    assert_eq!(body.value("multicast_host_sockets", &labels), Some(1.0), "{:?}", body.samples);
    let total = body.value(TOTAL, &[]).expect("it is counted");
    exporter.scrape_until("it goes on", |body| body.value(TOTAL, &[]) > Some(total));
    drop(socket);
}
