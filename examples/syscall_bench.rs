//! What counting system calls adds to each: the cheapest call there is, in a loop, while nobody
//! counts, while the program's own backend does, while bpftrace counts by command name, and while
//! `perf stat` counts. By turns, as often as the first argument says (5). Needs root, bpftrace and
//! perf; sends nothing.

use multicast_exporter::host::syscalls::ebpf;
use multicast_exporter::time::clock;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Calls of one pass.
const CALLS: u32 = 1_000_000;
/// Passes of one turn; the best counts.
const PASSES: u32 = 5;
/// How long a tool may take until it counts, and to be gone again.
const SETTLE: Duration = Duration::from_secs(2);

/// Nanoseconds a call in the best pass.
fn measure() -> f64 {
    let pass = || {
        let start = clock::now().monotonic;
        for _ in 0..CALLS {
            // SAFETY: takes nothing and changes nothing.
            let _ = unsafe { libc::syscall(libc::SYS_getppid) };
        }
        let took = clock::now().monotonic.since(start);
        took.as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..PASSES).map(|_| pass()).fold(f64::INFINITY, f64::min)
}

/// Ends its child by SIGINT, as a user would.
struct Tool(Child);

impl Drop for Tool {
    fn drop(&mut self) {
        let id = libc::pid_t::try_from(self.0.id()).expect("a process id");
        // SAFETY: takes integers only; the child is not waited for yet, so the id is its.
        let _ = unsafe { libc::kill(id, libc::SIGINT) };
        let _ = self.0.wait();
        thread::sleep(SETTLE);
    }
}

fn bpftrace() -> Tool {
    let program = "tracepoint:raw_syscalls:sys_enter { @[comm] = count() }";
    let mut command = Command::new("bpftrace");
    command.args(["-e", program]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("bpftrace is installed");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(
        lines.any(|line| line.is_ok_and(|line| line.starts_with("Attaching"))),
        "bpftrace attaches"
    );
    // Its pipe is emptied, or the end of it would wait for ever.
    thread::spawn(move || lines.count());
    thread::sleep(SETTLE);
    Tool(child)
}

fn perf() -> Tool {
    let mut command = Command::new("perf");
    command.args(["stat", "-a", "-e", "raw_syscalls:sys_enter"]);
    let child = command.stderr(Stdio::null()).spawn().expect("perf is installed");
    thread::sleep(SETTLE);
    Tool(child)
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(5, |n| n.parse().expect("a number of rounds"));
    println!("round  bare  ours  bpftrace  perf   ns a call");
    let mut sums = [0.0; 4];
    for round in 1..=rounds {
        let bare = measure();
        let ours = {
            let mut counter = match ebpf::Counter::open() {
                Ok(counter) => counter,
                Err(refusal) => panic!("{}", refusal.words),
            };
            let mut increments = multicast_exporter::host::syscalls::Increments::default();
            let ns = measure();
            counter.read(&mut increments);
            assert!(increments.total >= u64::from(CALLS * PASSES), "{}", increments.total);
            ns
        };
        let tool = bpftrace();
        let with_bpftrace = measure();
        drop(tool);
        let tool = perf();
        let with_perf = measure();
        drop(tool);
        let row = [bare, ours, with_bpftrace, with_perf];
        println!("{round:>5} {bare:>5.0} {ours:>5.0} {with_bpftrace:>9.0} {with_perf:>5.0}");
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let mean = sums.map(|sum| sum / f64::from(rounds));
    let added = [mean[1], mean[2], mean[3]].map(|value| value - mean[0]);
    println!(
        "added: ours {:.0}, bpftrace {:.0}, perf {:.0}; ours is {:.0} % of bpftrace",
        added[0],
        added[1],
        added[2],
        100.0 * added[0] / added[1]
    );
}
