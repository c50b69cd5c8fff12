//! Faults that were done to the program, one row each: a sender of 1,000 frames a second and a scrape
//! a second go on while the fault is there, and at the end it is accounted for what was sent.
//! docs/reliability.md has the promises. Needs root; each row has a namespace and a process of its
//! own, so that they run beside each other.

mod captures;
mod clients;
#[path = "../e2e/mod.rs"]
mod e2e;
mod files;
mod site;
mod threads;

use site::{Promise, Site, Start};
use std::time::Duration;

/// A fault: what the program is started with, what is done, and what is promised.
struct Row {
    start: fn() -> Start,
    fault: fn(&mut Site),
    promise: Promise,
}

/// Nothing is lost, each scrape is answered, the program ends at SIGTERM.
const NOTHING: Promise = Promise {
    lost: 0,
    scrapes_failed: 0,
    scraped_within: Duration::from_secs(5),
    back_within: Duration::from_secs(2),
    ends_within: Duration::from_secs(4),
};

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident: $row:expr;)*) => {
        $(
            $(#[$doc])*
            #[test]
            #[ignore = "root: make test"]
            fn $name() {
                let row: Row = $row;
                site::account(stringify!($name), &row);
            }
        )*
    };
}

rows! {
    /// So that it is known what the others are held against.
    no_fault: Row { start: Start::new, fault: site::pause, promise: NOTHING };
    /// A log driver that stalls: 4 KiB, then every write would wait.
    log_pipe_that_nobody_reads: Row {
        start: threads::with_small_pipe,
        fault: threads::fill_the_log,
        promise: NOTHING,
    };
    /// What the kernel's ring holds meanwhile is counted later.
    capture_thread_that_stands_still: Row {
        start: Start::new,
        fault: threads::hold_the_capture,
        promise: Promise { lost: 4_000, ..NOTHING },
    };
    /// It is held for good: a stop is a stop.
    follower_that_stands_still_at_the_end: Row {
        start: Start::new,
        fault: threads::hold_the_follower_for_good,
        promise: Promise { ends_within: Duration::from_secs(6), ..NOTHING },
    };
    /// It begins anew after a second; what came meanwhile is lost.
    capture_thread_that_panics: Row {
        start: threads::that_may_panic,
        fault: threads::panic_by_frame,
        promise: Promise { lost: 2_500, ..NOTHING },
    };
    /// As a file server that is gone: who asks for evidence is told, nobody else waits.
    evidence_on_a_disk_that_does_not_answer: Row {
        start: files::with_evidence,
        fault: files::hang_the_evidence,
        promise: Promise { ends_within: Duration::from_secs(8), ..NOTHING },
    };
    /// What it did not take is written later.
    evidence_on_a_disk_that_is_full: Row {
        start: files::with_evidence_on_a_small_disk,
        fault: files::make_room_for_evidence,
        promise: NOTHING,
    };
    /// Who asks is answered: of the crowd one gives way for each that comes.
    idle_connections_from_4_addresses: Row {
        start: Start::new,
        fault: clients::idle_from_4,
        promise: Promise { scraped_within: Duration::from_secs(2), ..NOTHING },
    };
    /// The same where each has few.
    slow_connections_from_157_addresses: Row {
        start: Start::new,
        fault: clients::slow_from_157,
        promise: Promise { scraped_within: Duration::from_secs(2), ..NOTHING },
    };
    /// Their answers stay with the kernel and with them.
    greedy_clients_that_take_nothing: Row {
        start: Start::new,
        fault: clients::greedy_from_16,
        promise: NOTHING,
    };
    /// Those for which there are no descriptors are told of, and scrapes go on.
    two_hundred_interfaces_with_1024_descriptors: Row {
        start: captures::with_few_descriptors,
        fault: captures::make_many,
        promise: NOTHING,
    };
    /// Their series are bounded.
    names_that_come_and_go: Row {
        start: captures::that_captures_all,
        fault: captures::make_names_come_and_go,
        promise: NOTHING,
    };
    /// The old one holds.
    configuration_that_is_a_pipe_or_does_not_answer: Row {
        start: files::with_configuration,
        fault: files::spoil_the_configuration,
        promise: NOTHING,
    };
}
