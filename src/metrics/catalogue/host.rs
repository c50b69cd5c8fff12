//! The families of this host: what multicast costs it. Rows of the same table as
//! [`families`](super::families), in a file of their own.

use super::families::row;
use super::{Collector, Family, Kind, Sight};

/// `multicast_exporter_syscalls_info`.
pub static SYSCALLS_INFO: Family = row(
    "multicast_exporter_syscalls_info",
    Kind::Gauge,
    &["backend", "reason"],
    Collector::Exporter,
    Sight::Nothing,
    "Constant 1; how system calls are counted (ebpf, perf or off), and why no better way runs. perf knows the total only.",
);

/// `multicast_exporter_sockets_info`.
pub static SOCKETS_INFO: Family = row(
    "multicast_exporter_sockets_info",
    Kind::Gauge,
    &["owners"],
    Collector::Exporter,
    Sight::Nothing,
    "Constant 1; how the owners of sockets are found: by the files that processes hold (fd), by user (uid), or no socket is looked at (none).",
);

/// `multicast_host_syscalls_total`.
pub static SYSCALLS: Family = row(
    "multicast_host_syscalls_total",
    Kind::Counter,
    &[],
    Collector::Syscalls,
    Sight::Nothing,
    "System calls entered on this host.",
);

/// `multicast_host_syscalls_per_second`.
pub static SYSCALLS_PER_SECOND: Family = row(
    "multicast_host_syscalls_per_second",
    Kind::Gauge,
    &[],
    Collector::Syscalls,
    Sight::Nothing,
    "The same per second, over the last whole 10 s window.",
);

/// `multicast_host_syscalls_by_call_total`.
pub static SYSCALLS_BY_CALL: Family = row(
    "multicast_host_syscalls_by_call_total",
    Kind::Counter,
    &["call"],
    Collector::Syscalls,
    Sight::Nothing,
    "System calls by name; other: unknown numbers and calls of 32-bit processes.",
);

/// `multicast_host_process_syscalls_total`.
pub static PROCESS_SYSCALLS: Family = row(
    "multicast_host_process_syscalls_total",
    Kind::Counter,
    &["process"],
    Collector::Syscalls,
    Sight::Nothing,
    "System calls by command name of the process; other: names without a place of their own, of which there are 64.",
);

/// `multicast_host_process_syscalls_per_second`.
pub static PROCESS_SYSCALLS_PER_SECOND: Family = row(
    "multicast_host_process_syscalls_per_second",
    Kind::Gauge,
    &["process"],
    Collector::Syscalls,
    Sight::Nothing,
    "The same per second, over the last whole 10 s window.",
);

/// `multicast_host_sockets`.
pub static SOCKETS: Family = row(
    "multicast_host_sockets",
    Kind::Gauge,
    &["process", "port"],
    Collector::Sockets,
    Sight::Nothing,
    "UDP sockets on the ports 5353, 1900, 5355 and 3702, by command name of their owner; unknown where it cannot be told.",
);

/// `multicast_host_socket_drops_total`.
pub static SOCKET_DROPS: Family = row(
    "multicast_host_socket_drops_total",
    Kind::Counter,
    &["process", "port"],
    Collector::Sockets,
    Sight::Nothing,
    "Datagrams that the kernel threw away for these sockets, those closed since included.",
);

/// `multicast_host_socket_receive_queue_bytes`.
pub static SOCKET_RECEIVE_QUEUE: Family = row(
    "multicast_host_socket_receive_queue_bytes",
    Kind::Gauge,
    &["process", "port"],
    Collector::Sockets,
    Sight::Nothing,
    "What waits in the queues of these sockets, as the kernel accounts for it.",
);
