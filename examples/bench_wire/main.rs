//! The wire of `make bench`: floods a veth pair with one kind of frame, or reads it with a bare ring.
//! `scripts/bench` calls it, in a network namespace that it made. Needs root.
//!
//! ```text
//! bench_wire kinds
//! bench_wire send INTERFACE KIND FRAMES_A_SECOND SECONDS    0 frames a second: as fast as it goes
//! bench_wire devices INTERFACE COUNT                        announces so many devices, twice
//! bench_wire ring INTERFACE                                 until SIGTERM
//! ```
//!
//! `send` and `devices` say how many frames went out, and in how many seconds; `ring` how many came in and how many the
//! kernel dropped.

#[path = "../traffic/mod.rs"]
mod traffic;

use multicast_exporter::capture::CaptureError;
use multicast_exporter::capture::live::{Choice, Interface, Options, open};
use multicast_exporter::capture::pool::Pool;
use multicast_exporter::time::clock;
use std::ffi::CString;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Frames sent by one system call.
const BURST: u8 = 64;
/// Frames of a kind that are made before the first is sent, and then go round.
const READY: u32 = 65_536;
/// At what rate devices announce themselves, frames a second.
const ANNOUNCED: u64 = 20_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["kinds"] => {
            for kind in traffic::KINDS {
                println!("{}\t{}", kind.name, kind.about);
            }
            Some(())
        }
        ["send", interface, kind, rate, seconds] => flood(interface, kind, rate, seconds),
        ["devices", interface, count] => announce(interface, count),
        ["ring", interface] => read(interface),
        _ => None,
    };
    if done.is_some() {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "usage: bench_wire kinds | send INTERFACE KIND FRAMES_A_SECOND SECONDS | devices INTERFACE \
         COUNT | ring INTERFACE"
    );
    ExitCode::from(2)
}

fn flood(interface: &str, kind: &str, rate: &str, seconds: &str) -> Option<()> {
    let kind = traffic::named(kind)?;
    let (rate, seconds) = (rate.parse().ok()?, seconds.parse().ok()?);
    let first = (kind.frame)(0);
    // Of a kind that never changes, a few do; the others must not come round too soon.
    let count = if (0..8).all(|n| (kind.frame)(n) == first) { 1 } else { READY };
    let frames: Vec<Vec<u8>> = (0..count).map(kind.frame).collect();
    let length = Duration::from_secs_f64(seconds);
    send(interface, &frames, Some(rate).filter(|rate| *rate > 0), length, u64::MAX);
    Some(())
}

fn announce(interface: &str, count: &str) -> Option<()> {
    let count = count.parse().ok()?;
    let frames: Vec<Vec<u8>> = (0..count).map(traffic::device).collect();
    let twice = 2 * u64::from(count);
    send(interface, &frames, Some(ANNOUNCED), Duration::from_hours(1), twice);
    Some(())
}

fn read(interface: &str) -> Option<()> {
    static ENDS: AtomicBool = AtomicBool::new(false);
    extern "C" fn end(_: libc::c_int) {
        ENDS.store(true, Ordering::Relaxed);
    }
    let handler: extern "C" fn(libc::c_int) = end;
    // SAFETY: the handler only stores to an atomic, as a handler may.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    let name = interface.to_owned();
    let interface = Interface { index: index(interface)?, name, mac: None, arphrd: 1 };
    let opened = open(Choice::Ring, &interface, &Pool::open(1, usize::MAX), &Options::default());
    let mut capture = opened.expect("root may capture").capture;
    println!("ready");
    let (mut packets, mut looked_at) = (0, 0);
    while !ENDS.load(Ordering::Relaxed) {
        let batch = match capture.next_batch(Duration::from_millis(200)) {
            Ok(batch) => batch,
            Err(CaptureError::End) => break,
            Err(error) => panic!("{error}"),
        };
        for frame in batch.iter() {
            packets += 1;
            // As a decoder would.
            looked_at += u64::from(frame.bytes[13]) + u64::from(frame.meta.wire_len);
        }
    }
    std::hint::black_box(looked_at);
    println!("{packets}\t{}", capture.dropped().unwrap_or(0));
    Some(())
}

fn index(interface: &str) -> Option<u32> {
    let name = CString::new(interface).ok()?;
    // SAFETY: a string that ends in zero and lives through the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// A packet socket that sends on an interface and hears nothing.
fn sender(interface: &str) -> OwnedFd {
    let index = index(interface).expect("the interface exists");
    // SAFETY: takes integers only; a new descriptor.
    let socket = unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        OwnedFd::from_raw_fd(libc::socket(libc::AF_PACKET, kind, 0))
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
}

/// Sends `frames` again and again for `length`, at most `most` in all; prints how many went out, and
/// in how many seconds.
fn send(interface: &str, frames: &[Vec<u8>], rate: Option<u64>, length: Duration, most: u64) {
    let socket = sender(interface);
    let vector = |frame: &Vec<u8>| libc::iovec {
        iov_base: frame.as_ptr().cast_mut().cast(),
        iov_len: frame.len(),
    };
    let mut vectors: Vec<libc::iovec> = frames.iter().map(vector).collect();
    // SAFETY: C structs for which all zeroes is a value.
    let mut messages: [libc::mmsghdr; BURST as usize] = unsafe { zeroed() };
    let start = clock::now().monotonic;
    let (mut sent, mut next) = (0, 0);
    while sent < most {
        let elapsed = clock::now().monotonic.since(start);
        if elapsed >= length {
            break;
        }
        if let Some(rate) = rate {
            let due = elapsed.as_nanos() * u128::from(rate) / 1_000_000_000;
            if u128::from(sent) > due {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
        }
        for (place, message) in messages.iter_mut().enumerate() {
            let frame = (next + place) % vectors.len();
            message.msg_hdr.msg_iov = &raw mut vectors[frame];
            message.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: all messages point to live vectors of live frames, which are only read.
        let count =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), BURST.into(), 0) };
        let count = usize::try_from(count).unwrap_or(0);
        sent += count as u64;
        next = (next + count) % vectors.len();
    }
    let took = clock::now().monotonic.since(start).as_secs_f64();
    println!("{sent}\t{took:.6}");
}
