//! Hand-made views of what multicast costs this host: one for each way to count.

use multicast_exporter::host::sockets::{Owners, PORTS, Row};
use multicast_exporter::host::syscalls::{Backend, Process, Reason, Refusal, tally::PLACES};
use multicast_exporter::host::{Command, Standing, View, sockets, syscalls};
use multicast_exporter::metrics::catalogue::{CALLS_MAX, SOCKET_OWNERS_MAX};

/// A host that can be scraped any number of times.
pub struct FakeHost {
    pub standing: Standing,
    pub view: fn() -> View,
}

fn standing(backend: Backend, reason: Reason, owners: Owners) -> Standing {
    Standing {
        syscalls: syscalls::Standing { backend, reason, refusals: Vec::<Refusal>::new() },
        sockets: sockets::Standing { owners, refusal: None },
    }
}

/// Counts by process and by call; a local user chose a name that would break out of a label.
pub fn ebpf() -> FakeHost {
    FakeHost {
        standing: standing(Backend::Ebpf, Reason::None, Owners::Uid),
        view: || View {
            syscalls: Some(Ok(syscalls::View {
                total: 9_007_199_254_740_991,
                per_second: Some(3_012.5),
                processes: Some(vec![
                    process(&Command::new(b"avahi-daemon").label(), 4_000, Some(1_200.0)),
                    process(&Command::new(b"\"} 1\n\\\xff").label(), 7, None),
                    process("other", 9_007_199_254_736_984, Some(1_812.5)),
                ]),
                calls: Some(vec![("recvmsg", 4_000), ("other", 9_007_199_254_736_991)]),
            })),
            sockets: Some(Ok(sockets::View {
                rows: vec![
                    row("avahi-daemon", 5353, [2, 12_345, 212_992]),
                    row("unknown", 1900, [0, 3, 0]),
                ],
            })),
        },
    }
}

/// Counts the total only, before the first window has ended.
pub fn perf() -> FakeHost {
    FakeHost {
        standing: standing(Backend::Perf, Reason::NoCapBpf, Owners::Fd),
        view: || View {
            syscalls: Some(Ok(syscalls::View { total: 0, ..syscalls::View::default() })),
            sockets: Some(Ok(sockets::View::default())),
        },
    }
}

/// Counts nothing, since it may not, and looks at nothing.
pub fn off() -> FakeHost {
    FakeHost {
        standing: standing(Backend::Off, Reason::Lockdown, Owners::None),
        view: || View { syscalls: None, sockets: None },
    }
}

/// All places taken.
pub fn full() -> FakeHost {
    FakeHost {
        view: || {
            let names = |others: usize| {
                let names = (0..others).map(|n| format!("process-{n}"));
                names.chain(["other".to_owned()]).collect::<Vec<_>>()
            };
            let calls = (0..CALLS_MAX).map(|n| (&*format!("call_{n}").leak(), 1));
            let owners = names(SOCKET_OWNERS_MAX);
            let rows = owners.iter().flat_map(|name| PORTS.map(|port| row(name, port, [1, 1, 1])));
            View {
                syscalls: Some(Ok(syscalls::View {
                    total: u64::MAX,
                    per_second: Some(1.0),
                    processes: Some(
                        names(PLACES).iter().map(|name| process(name, 1, Some(1.0))).collect(),
                    ),
                    calls: Some(calls.chain([("other", 1)]).collect()),
                })),
                sockets: Some(Ok(sockets::View { rows: rows.collect() })),
            }
        },
        ..ebpf()
    }
}

fn process(name: &str, calls: u64, per_second: Option<f64>) -> Process {
    Process { name: name.into(), calls, per_second }
}

fn row(process: &str, port: u16, [sockets, drops, receive_queue]: [u64; 3]) -> Row {
    Row { process: process.into(), port, sockets, drops, receive_queue }
}
