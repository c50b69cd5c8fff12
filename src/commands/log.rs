//! Where the program's own messages go: standard error, as logfmt or JSON. What serves logs by a
//! queue and a thread of their own (`queue`), so that no thread that logs waits for whoever reads.

mod queue;

use super::flags::{Log, LogFormat, LogLevel};
use queue::Queue;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{error, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How long the end waits for whoever reads the log, since something was last taken.
const PATIENCE: Duration = Duration::from_millis(500);
/// And altogether: a reader that takes a little now and then cannot delay the end.
const LONGEST: Duration = Duration::from_secs(2);

/// The process has one standard error.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Starts logging for what runs until it is stopped. `main` must call it once. Messages wait until
/// [`write()`] is called.
pub(super) fn start_queued(flags: &Log) {
    let queue = QUEUE.get_or_init(Queue::default);
    start(flags, || queue.line());
    // The usual hook writes to standard error, and so waits for whoever reads it.
    panic::set_hook(Box::new(tell_of_panic));
}

/// Starts logging for what ends by itself: nothing is dropped, and each message stands where it
/// belongs in what is printed. `main` must call it once.
pub(super) fn start_direct(flags: &Log) {
    start(flags, io::stderr);
}

fn start<W: io::Write + 'static>(flags: &Log, writer: impl Fn() -> W + Send + Sync + 'static) {
    let level = match flags.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let registry = tracing_subscriber::registry().with(level);
    match flags.format {
        LogFormat::Logfmt => registry
            .with(tracing_logfmt::builder().with_target(false).layer().with_writer(writer))
            .init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_target(false)
                    .with_writer(writer),
            )
            .init(),
    }
}

/// Starts the thread that writes, unless it runs. It has the capabilities of the calling thread:
/// call this when they are gone.
pub(super) fn write() {
    let Some(queue) = QUEUE.get() else { return };
    if !queue.take_over() {
        return;
    }
    let spawned = thread::Builder::new().name("log".into()).spawn(|| {
        let mut told = 0;
        queue.drain(
            |line| io::stderr().write_all(line),
            || {
                let dropped = queue.dropped();
                if dropped > told {
                    let lines = dropped - told;
                    told = dropped;
                    warn!(lines, "messages were dropped: nobody read standard error in time");
                }
            },
        );
    });
    if spawned.is_err() {
        // Without a thread there is no log; what is dropped is counted.
        queue.give_up();
    }
}

/// A line that is no message, such as why the start failed. Where logging has not been started it
/// is written at once.
pub(super) fn say(line: &str) {
    match QUEUE.get() {
        Some(queue) => queue.push(format!("{line}\n").into_bytes()),
        None => eprintln!("{line}"),
    }
}

/// Lines that nobody read in time, so far.
pub(super) fn dropped() -> u64 {
    QUEUE.get().map_or(0, Queue::dropped)
}

/// Writes what waits, when it lives no more: to the last line if it is read, and for two seconds at
/// most if not.
pub(super) struct Finish;

impl Drop for Finish {
    fn drop(&mut self) {
        write();
        if let Some(queue) = QUEUE.get() {
            queue.wait_until_empty(PATIENCE, LONGEST);
        }
    }
}

fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let at = panic.location().map(ToString::to_string);
    let reason = panic.payload_as_str().unwrap_or("of unknown cause");
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => Some(backtrace.to_string()),
        _ => None,
    };
    error!(thread, at, reason, backtrace, "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_logging_nothing_waits_and_nothing_is_dropped() {
        drop(Finish);
        assert_eq!(dropped(), 0);
    }
}
