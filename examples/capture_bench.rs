//! Measures the live backends against each other: packets per second, loss, CPU time and system
//! calls a packet, over a veth pair in a network namespace of its own, interleaved in one run.
//!
//! ```text
//! cargo build --release --example capture_bench
//! sudo target/release/examples/capture_bench [ROUNDS] [SECONDS]
//! ```
//!
//! The sender is one thread that sends mDNS frames of 314 bytes with `sendmmsg`; what veth does on
//! the receiving side runs in the sender's time. CPU is the reading thread's own, user and system;
//! system calls are counted by the tracepoint `raw_syscalls:sys_enter` on that thread (`-` where
//! that cannot be opened). "burn" is a run with no limit of the rate. Compare within a run only.

#[path = "../tests/support/netns.rs"]
mod netns;

use multicast_exporter::capture::Capture;
use multicast_exporter::capture::live::{Choice, Interface, Options, open};
use multicast_exporter::capture::pool::Pool;
use multicast_exporter::time::clock;
use netns::NetNs;
use std::fs::{self, File};
use std::io::{self, Read};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Frames sent by one system call.
const BURST: u32 = 64;
/// Rates of the runs, packets a second; `None`: as fast as it goes.
const RATES: [Option<u64>; 3] = [Some(10_000), Some(100_000), None];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut number = |default| arguments.next().and_then(Result::ok).unwrap_or(default);
    let (rounds, seconds) = (number(3), number(2));
    println!(
        "round backend    wanted      sent/s      read/s    lost%  CPU ns/packet  calls/packet"
    );
    for round in 1..=rounds {
        for rate in RATES {
            for choice in [Choice::Ring, Choice::Pnet] {
                run(round, choice, rate, Duration::from_secs(seconds));
            }
        }
    }
}

fn run(round: u64, choice: Choice, rate: Option<u64>, length: Duration) {
    let namespace = NetNs::new();
    namespace.disable_ipv6();
    namespace.veth("cap", "tx");
    let index = namespace.index("cap");
    let interface = Interface { index, name: "cap".into(), mac: None, arphrd: libc::ARPHRD_ETHER };
    let opened =
        namespace.run(|| open(choice, &interface, &Pool::open(1, usize::MAX), &Options::default()));
    let mut capture = opened.expect("root may capture").capture;
    let sender = packet_sender(&namespace, namespace.index("tx"));
    let done = AtomicBool::new(false);
    let (sent, read) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&mut *capture, &done));
        let sent = send(&sender, rate, length);
        done.store(true, Ordering::Release);
        (sent, reader.join().expect("the reader runs"))
    });
    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    let per = |value: u64, by: u64| value as f64 / by.max(1) as f64;
    println!(
        "{round:>5} {:<7} {:>9} {:>11.0} {:>11.0} {:>8.2} {:>14.1} {:>13}",
        format!("{choice:?}").to_lowercase(),
        rate.map_or_else(|| "burn".to_owned(), |rate| rate.to_string()),
        per(sent, length.as_secs()),
        per(read.packets, length.as_secs()),
        100.0 - 100.0 * per(read.packets, sent),
        per(read.cpu_ns, read.packets),
        read.calls
            .map_or_else(|| "-".to_owned(), |calls| format!("{:.5}", per(calls, read.packets))),
    );
}

struct Reading {
    packets: u64,
    cpu_ns: u64,
    calls: Option<u64>,
}

/// Reads until nothing more comes after the sender is done.
fn read(capture: &mut dyn Capture, done: &AtomicBool) -> Reading {
    let mut counter = syscall_counter().ok();
    let start = thread_cpu_ns();
    let (mut packets, mut bytes) = (0_u64, 0_u64);
    loop {
        let finished = done.load(Ordering::Acquire);
        let batch = capture.next_batch(Duration::from_millis(200)).expect("the interface is up");
        if batch.is_empty() && finished {
            break;
        }
        for frame in batch.iter() {
            packets += 1;
            // Each frame is looked at, as a decoder would.
            bytes += u64::from(frame.bytes[13]) + u64::from(frame.meta.wire_len);
        }
    }
    let cpu_ns = thread_cpu_ns() - start;
    std::hint::black_box(bytes);
    let calls = counter.as_mut().and_then(|counter| {
        let mut value = [0; 8];
        counter.read_exact(&mut value).ok()?;
        Some(u64::from_ne_bytes(value))
    });
    Reading { packets, cpu_ns, calls }
}

fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Counts the system calls of the calling thread from now on.
fn syscall_counter() -> io::Result<File> {
    let id = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .iter()
        .find_map(|root| {
            fs::read_to_string(format!("{root}/events/raw_syscalls/sys_enter/id")).ok()
        })
        .and_then(|text| text.trim().parse::<u64>().ok())
        .ok_or_else(|| io::Error::other("no tracefs"))?;
    // perf_event_attr, version 0: type PERF_TYPE_TRACEPOINT (2) and size (64), then the id.
    let mut attributes = [0_u64; 8];
    attributes[0] = u64::from_ne_bytes(
        [2_u32.to_ne_bytes(), 64_u32.to_ne_bytes()]
            .concat()
            .try_into()
            .expect("two words of four bytes"),
    );
    attributes[1] = id;
    // SAFETY: reads 64 bytes of `attributes`, as its size field says; the rest are integers.
    let counter =
        unsafe { libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0) };
    match i32::try_from(counter) {
        // SAFETY: a new descriptor that nothing else owns.
        Ok(counter) if counter >= 0 => Ok(unsafe { File::from_raw_fd(counter) }),
        Ok(_) | Err(_) => Err(io::Error::last_os_error()),
    }
}

/// A packet socket that sends on an interface and hears nothing.
fn packet_sender(namespace: &NetNs, index: u32) -> OwnedFd {
    namespace.run(|| {
        // SAFETY: takes integers only; a new descriptor.
        let socket = unsafe {
            OwnedFd::from_raw_fd(libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                0,
            ))
        };
        // SAFETY: a C struct of integers.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).expect("it is 17");
        address.sll_ifindex = i32::try_from(index).expect("indexes are small");
        let length = u32::try_from(size_of_val(&address)).expect("it is 20");
        // SAFETY: a live sockaddr_ll of that length.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
        assert_eq!(bound, 0, "bind: {}", io::Error::last_os_error());
        socket
    })
}

/// Sends for `length`; says how many frames.
fn send(socket: &OwnedFd, rate: Option<u64>, length: Duration) -> u64 {
    let mut frame =
        vec![1, 0, 0x5e, 0, 0, 0xfb, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 1, 44, 0, 0, 0, 0];
    frame.extend([255, 17, 0, 0, 10, 0, 0, 9, 224, 0, 0, 251, 0x14, 0xe9, 0x14, 0xe9, 1, 24, 0, 0]);
    frame.resize(314, 0);
    let mut vector = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
    // SAFETY: C structs for which all zeroes is a value.
    let mut messages: [libc::mmsghdr; BURST as usize] = unsafe { zeroed() };
    for message in &mut messages {
        message.msg_hdr.msg_iov = &raw mut vector;
        message.msg_hdr.msg_iovlen = 1;
    }
    let start = clock::now().monotonic;
    let mut sent = 0;
    loop {
        let elapsed = clock::now().monotonic.since(start);
        if elapsed >= length {
            return sent;
        }
        if let Some(rate) = rate {
            let due = elapsed.as_nanos() * u128::from(rate) / 1_000_000_000;
            if u128::from(sent) > due {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
        }
        // SAFETY: all messages point to one live vector and frame, which are only read.
        let count = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), BURST, 0) };
        sent += u64::try_from(count).unwrap_or(0);
    }
}
