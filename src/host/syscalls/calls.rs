//! Names of system calls by number, for the architecture that this is built for.
//!
//! `scripts/make-syscalls` made the tables from the kernel's own. A number that they lack, of a
//! newer kernel, has no name.

#[cfg(any(test, target_arch = "aarch64"))]
mod aarch64;
#[cfg(any(test, target_arch = "x86_64"))]
mod x86_64;

/// Numbers and names, by number.
type Table = &'static [(u16, &'static str)];

/// Those of this processor.
#[cfg(target_arch = "aarch64")]
const NATIVE: Table = &aarch64::CALLS;
/// Those of this processor.
#[cfg(target_arch = "x86_64")]
const NATIVE: Table = &x86_64::CALLS;
/// No table for this processor.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NATIVE: Table = &[];

/// The name of a call, as the kernel's table has it.
pub fn name(number: u16) -> Option<&'static str> {
    find(NATIVE, number)
}

/// The number of a call with this name.
pub(crate) fn number(name: &str) -> Option<u16> {
    NATIVE.iter().find(|(_, call)| *call == name).map(|(number, _)| *number)
}

fn find(calls: Table, number: u16) -> Option<&'static str> {
    let place = calls.binary_search_by_key(&number, |(number, _)| *number).ok()?;
    Some(calls[place].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn the_c_library_has_the_same_numbers() {
        for (number, call) in [
            (libc::SYS_read, "read"),
            (libc::SYS_close, "close"),
            (libc::SYS_mmap, "mmap"),
            (libc::SYS_rt_sigaction, "rt_sigaction"),
            (libc::SYS_ioctl, "ioctl"),
            (libc::SYS_getpid, "getpid"),
            (libc::SYS_getppid, "getppid"),
            (libc::SYS_recvfrom, "recvfrom"),
            (libc::SYS_recvmsg, "recvmsg"),
            (libc::SYS_sendmmsg, "sendmmsg"),
            (libc::SYS_clone, "clone"),
            (libc::SYS_execve, "execve"),
            (libc::SYS_prctl, "prctl"),
            (libc::SYS_futex, "futex"),
            (libc::SYS_clock_gettime, "clock_gettime"),
            (libc::SYS_clock_nanosleep, "clock_nanosleep"),
            (libc::SYS_exit_group, "exit_group"),
            (libc::SYS_openat, "openat"),
            (libc::SYS_newfstatat, "newfstatat"),
            (libc::SYS_ppoll, "ppoll"),
            (libc::SYS_epoll_pwait, "epoll_pwait"),
            (libc::SYS_accept4, "accept4"),
            (libc::SYS_perf_event_open, "perf_event_open"),
            (libc::SYS_getrandom, "getrandom"),
            (libc::SYS_bpf, "bpf"),
            (libc::SYS_statx, "statx"),
            (libc::SYS_io_uring_enter, "io_uring_enter"),
            (libc::SYS_clone3, "clone3"),
            (libc::SYS_close_range, "close_range"),
            (libc::SYS_mseal, "mseal"),
        ] {
            assert_eq!(name(u16::try_from(number).unwrap()), Some(call));
        }
    }

    #[test]
    fn tables_are_in_order_without_a_name_twice() {
        for calls in [&x86_64::CALLS[..], &aarch64::CALLS[..]] {
            assert!(calls.is_sorted_by(|a, b| a.0 < b.0));
            let mut names: Vec<_> = calls.iter().map(|(_, name)| name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), calls.len());
        }
        // The same call has another number on the other architecture.
        assert_eq!(find(&x86_64::CALLS, 110), Some("getppid"));
        assert_eq!(find(&aarch64::CALLS, 173), Some("getppid"));
        // Since 424 all architectures number alike.
        assert_eq!(find(&x86_64::CALLS, 462), find(&aarch64::CALLS, 462));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    #[ignore = "tools: make test"]
    fn the_kernels_header_says_the_same() {
        let header = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
        let header = std::fs::read_to_string(header).expect("make test installs linux-libc-dev");
        let mut calls = 0;
        for line in header.lines().filter_map(|line| line.strip_prefix("#define __NR_")) {
            let (call, number) = line.split_once(' ').unwrap();
            assert_eq!(name(number.trim().parse().unwrap()), Some(call));
            calls += 1;
        }
        assert!(calls > 300, "{calls}");
    }

    #[test]
    fn what_no_table_has_has_no_name() {
        assert_eq!((name(511), name(400), name(u16::MAX)), (None, None, None));
    }
}
