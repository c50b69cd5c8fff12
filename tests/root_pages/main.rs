//! What is paged and what is not, with real servers: sets of them, sites, cases that people met.
//!
//! Durations of the shipped files are divided by one factor. Most tests wait: two of them run at a
//! time, and within each what can run at the same time does. The cases, which flood, run alone.

#[path = "../e2e/mod.rs"]
mod e2e;

mod blind;
mod cases;
mod flood;
#[path = "../grafana/mod.rs"]
mod grafana;
mod lans;
mod scaling;
#[path = "../scenarios/mod.rs"]
mod scenarios;
mod servers;
mod sites;

use e2e::netns::NetNs;
use e2e::support::http;
use e2e::support::process::is_within;
use e2e::{BINARY, Process, command_in};
use std::net::Ipv4Addr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// By what durations are divided.
const FACTOR: u32 = 10;
/// What else a busy machine may need, however much durations are shortened.
const SLACK: Duration = Duration::from_mins(2);

/// Who has the machine: scrapes a second apart do not come through beside floods of another test.
static MACHINE: RwLock<()> = RwLock::new(());

/// The machine, while other tests of this kind run as well.
fn shared_machine() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// The machine, while no other test of this program runs.
fn whole_machine() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// An exporter on a port of a namespace, which scrapes from elsewhere reach too.
fn exporter(namespace: &NetNs, port: u16, flags: &[&str]) -> Process {
    let mut command = command_in(namespace, BINARY);
    command.args(flags).arg(format!("--web.listen-address=0.0.0.0:{port}"));
    let mut process = Process::start(command);
    let is_ready = is_within(SLACK, || {
        let ended = process.ended();
        assert!(ended.is_none(), "it ended with {ended:?}");
        let answer = namespace.run(|| http::get((Ipv4Addr::LOCALHOST, port), "/-/healthy"));
        answer.is_some_and(|answer| answer.is_ok())
    });
    assert!(is_ready, "{flags:?} does not serve");
    process
}
