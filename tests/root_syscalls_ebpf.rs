//! What the program in the kernel counts, call by call, of programs whose calls are known: small
//! ones in C, linked statically, that make only the calls that they are asked for.

use multicast_exporter::host::Command as Name;
use multicast_exporter::host::syscalls::{Increments, calls, ebpf::Counter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Threads wait without a call: the count has to be exact.
const CALLER: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static long each;
static atomic_int done;
static void call(long n) { for (long i = 0; i < n; i++) syscall(SYS_getppid); }
static void *thread(void *name) {
    prctl(PR_SET_NAME, name);
    call(each);
    atomic_fetch_add(&done, 1);
    for (;;) ;
}
int main(int argc, char **argv) {
    long n = atol(argv[2]);
    if (!strcmp(argv[1], "calls")) call(n);
    if (!strcmp(argv[1], "threads")) {
        static char *names[] = {"other-a", "other-b", "other-c", "other-d"};
        pthread_t id;
        each = n / 4;
        for (int i = 0; i < 4; i++) if (pthread_create(&id, 0, thread, names[i])) return 1;
        while (atomic_load(&done) < 4) ;
    }
    if (!strcmp(argv[1], "forks"))
        for (long i = 0; i < n; i++) {
            pid_t child = fork();
            int status;
            if (!child) { execl(argv[3], argv[3], "calls", "100", (char *)0); _exit(1); }
            if (waitpid(child, &status, 0) != child || status) return 1;
        }
    if (!strcmp(argv[1], "renames"))
        for (long i = 0; i < n; i++) {
            char name[16];
            snprintf(name, sizeof name, "%s-%ld", argv[3], i);
            prctl(PR_SET_NAME, name);
            call(100);
        }
    _exit(0);
}
"#;

/// A folder with the program under a name of its own.
struct Caller {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Caller {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        fs::write(folder.path().join("caller.c"), CALLER).expect("it is ours");
        let path = folder.path().join(name);
        let flags = ["-O1", "-static", "-pthread", "caller.c", "-o", name];
        compile(folder.path(), &flags);
        Self { folder, path }
    }

    /// The same under another name.
    fn named(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        fs::hard_link(&self.path, &path).expect("a name of ours");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn run(&self, arguments: &[&str]) {
        let status = Command::new(&self.path).args(arguments).status().expect("it starts");
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

fn compile(folder: &Path, flags: &[&str]) {
    let output = Command::new("gcc").args(flags).current_dir(folder).output();
    let output = output.expect("make test installs gcc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn open() -> Counter {
    Counter::open().unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

/// What was counted while `work` ran.
fn counted(counter: &mut Counter, work: impl FnOnce()) -> Increments {
    let mut increments = Increments::default();
    counter.read(&mut increments);
    work();
    counter.read(&mut increments);
    let detail = increments.detail.as_ref().expect("it knows whose they are");
    let named: u64 = detail.processes.iter().map(|(_, calls)| calls).sum();
    assert!(named <= increments.total, "{named} of {}", increments.total);
    increments
}

fn of(increments: &Increments, name: &str) -> u64 {
    let detail = increments.detail.as_ref().expect("it knows whose they are");
    let name = Name::new(name.as_bytes());
    let mut found = detail.processes.iter().filter(|(command, _)| *command == name);
    let calls = found.next().map_or(0, |(_, calls)| *calls);
    assert!(found.next().is_none(), "a name twice");
    calls
}

fn of_call(increments: &Increments, wanted: Option<&str>) -> u64 {
    let detail = increments.detail.as_ref().expect("it knows which they are");
    let is_wanted = |number: &Option<u16>| number.and_then(calls::name) == wanted;
    detail.calls.iter().filter(|(number, _)| is_wanted(number)).map(|(_, calls)| calls).sum()
}

#[test]
#[ignore = "root: make test"]
fn a_million_calls_of_four_threads_are_their_process_s() {
    let (mut counter, caller) = (open(), Caller::new("mx-million"));
    let none = counted(&mut counter, || caller.run(&["threads", "0"]));
    let all = counted(&mut counter, || caller.run(&["threads", "1000000"]));
    assert_eq!(of(&all, "mx-million") - of(&none, "mx-million"), 1_000_000);
    for thread in ["other-a", "other-b", "other-c", "other-d"] {
        assert_eq!(of(&all, thread), 0);
    }
    assert!(of_call(&all, Some("getppid")) >= 1_000_000);
    assert!(all.total >= 1_000_000);
}

#[test]
#[ignore = "root: make test"]
fn a_thousand_short_lives_lose_no_call() {
    let (mut counter, caller) = (open(), Caller::new("mx-parent"));
    let child = caller.named("mx-child");
    let one = counted(&mut counter, || caller.run(&["forks", "1", &child]));
    let calls = of(&one, "mx-child");
    assert!((100..200).contains(&calls), "{calls}");
    let thousand = counted(&mut counter, || caller.run(&["forks", "1000", &child]));
    assert_eq!(of(&thousand, "mx-child"), 1_000 * calls);
    assert!(of(&thousand, "mx-parent") > 2_000, "fork and wait are the parent's");
}

#[test]
#[ignore = "root: make test"]
fn lives_that_begin_and_end_at_once_on_all_cpus_lose_no_call() {
    let (mut counter, caller) = (open(), Caller::new("mx-crowd"));
    let child = caller.named("mx-crowd-child");
    let one = counted(&mut counter, || caller.run(&["forks", "1", &child]));
    let crowd = counted(&mut counter, || {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| caller.run(&["forks", "300", &child]));
            }
        });
    });
    assert_eq!(of(&crowd, "mx-crowd-child"), 1_200 * of(&one, "mx-crowd-child"));
}

#[test]
#[ignore = "root: make test"]
fn a_process_that_renames_itself_counts_under_the_name_that_it_has() {
    let (mut counter, caller) = (open(), Caller::new("mx-rename"));
    let renamed = counted(&mut counter, || caller.run(&["renames", "3", "mx-r"]));
    for name in ["mx-r-0", "mx-r-1", "mx-r-2"] {
        // And the call that ends the name: prctl, or exit_group.
        assert_eq!(of(&renamed, name), 101, "{name}");
    }
    assert!(of(&renamed, "mx-rename") < 100);
}

#[test]
#[ignore = "root: make test"]
fn more_names_than_slots_keep_the_sum_and_slots_are_used_anew() {
    let (mut counter, caller) = (open(), Caller::new("mx-names"));
    let many = counted(&mut counter, || caller.run(&["renames", "1200", "mx-m"]));
    let names = (0..1_200).map(|n| of(&many, &format!("mx-m-{n}"))).collect::<Vec<_>>();
    assert!(names.iter().all(|calls| [0, 101].contains(calls)), "{names:?}");
    let with_calls = names.iter().filter(|calls| **calls > 0).count();
    assert!((500..1_023).contains(&with_calls), "{with_calls} names");
    assert!(of_call(&many, Some("getppid")) >= 120_000);
    assert!(many.total >= 1_200 * 101);
    // Until all was read twice, no slot is another's.
    counted(&mut counter, || ());
    let more = counted(&mut counter, || caller.run(&["renames", "900", "mx-n"]));
    let names = (0..900).map(|n| of(&more, &format!("mx-n-{n}"))).collect::<Vec<_>>();
    assert!(names.iter().all(|calls| [0, 101].contains(calls)), "{names:?}");
    let with_calls = names.iter().filter(|calls| **calls > 0).count();
    assert!(with_calls > 400, "{with_calls} names");
    assert_eq!(of(&more, "mx-m-0"), 0);
}

#[test]
#[ignore = "root: make test"]
fn a_process_that_was_there_before_is_known_by_its_name() {
    let caller = Caller::new("mx-before");
    let mut child =
        Command::new(&caller.path).args(["calls", "1000000000"]).spawn().expect("it starts");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let mut counter = open();
    let increments =
        counted(&mut counter, || std::thread::sleep(std::time::Duration::from_millis(300)));
    child.kill().expect("it runs");
    child.wait().expect("it is ours");
    assert!(of(&increments, "mx-before") > 10_000, "{increments:?}");
}

#[test]
#[cfg(target_arch = "x86_64")]
#[ignore = "root: make test"]
fn calls_of_a_32_bit_process_have_no_name() {
    let mut counter = open();
    let folder = tempfile::tempdir().expect("a temporary directory");
    // getppid, 64 here and semget in the other table, a hundred thousand times; then exit, 1.
    let source = "
        .globl _start
        _start: mov $100000, %esi
        again:  mov $64, %eax
                int $0x80
                dec %esi
                jnz again
                mov $1, %eax
                xor %ebx, %ebx
                int $0x80
        .section .note.GNU-stack,\"\",@progbits
    ";
    fs::write(folder.path().join("old.s"), source).expect("it is ours");
    compile(folder.path(), &["-m32", "-nostdlib", "-static", "old.s", "-o", "mx-old"]);
    let increments = counted(&mut counter, || {
        let status = Command::new(folder.path().join("mx-old")).status();
        assert!(status.expect("a kernel with IA32_EMULATION").success());
    });
    assert_eq!(of(&increments, "mx-old"), 100_001);
    assert!(of_call(&increments, None) >= 100_001);
    assert!(of_call(&increments, Some("semget")) < 1_000);
}

#[test]
#[ignore = "root: make test"]
fn counts_are_read_without_any_capability() {
    let (mut counter, caller) = (open(), Caller::new("mx-powerless"));
    let increments = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for set in [caps::CapSet::Effective, caps::CapSet::Permitted] {
                caps::clear(None, set).expect("less is always allowed");
            }
            counted(&mut counter, || caller.run(&["calls", "1000"]))
        });
        reader.join().expect("no panic")
    });
    assert!(of(&increments, "mx-powerless") >= 1_000);
}

#[test]
#[ignore = "root: make test"]
fn perf_counts_the_same() {
    let (mut counter, caller) = (open(), Caller::new("mx-perf"));
    let report = caller.folder.path().join("report");
    let line = "mountpoint -q /sys/kernel/tracing || mount -t tracefs none /sys/kernel/tracing
                exec perf stat -a -x , -o \"$0\" -e raw_syscalls:sys_enter \"$1\" calls 3000000";
    let increments = counted(&mut counter, || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-ec", line]);
        let output = command.arg(&report).arg(&caller.path).output().expect("unshare is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    let report = fs::read_to_string(report).expect("perf has written it");
    let count = report.lines().find_map(|line| line.split_once(",,raw_syscalls:sys_enter"));
    let perfs: f64 = count.expect("a count").0.parse().expect("a number");
    let ours = f64::from(u32::try_from(increments.total).expect("a few millions"));
    assert!((ours / perfs - 1.0).abs() < 0.02, "{ours} and {perfs}");
}
