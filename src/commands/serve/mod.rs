//! Serving: captures, and answers HTTP requests, until asked to stop. Everything was opened by
//! `opening`, and all privilege is given up by then.

mod follow;
mod host;
mod replay;
mod retry;
mod supervisor;

use super::capturing::{self, Means};
use super::flags::{self, Serve};
use super::{ExitStatus, Failure, failed, log, news, opening, pump, refused, refused_for_now, say};
use crate::capture::wake::Waker;
use crate::engine::Converted;
use crate::evidence::{Store, StoreError, Writer};
use crate::host::sampler::Sampler;
use crate::host::{self as host_of, Source as _};
use crate::lan::{Lan, Settled, Watched};
use crate::metrics::Scraper;
use crate::privilege;
use crate::segment::Sharing;
use crate::time::clock;
use crate::web;
use follow::{Follower, Plan};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tracing::{info, warn};

/// How long what feeds the pipelines may take to end: the follower gives its captures 2 s.
const WATCHING_WITHIN: Duration = Duration::from_secs(3);

/// How long a stop may take, before the process ends without what it waits for. Docker kills after
/// 10 s.
const STOPPED_WITHIN: Duration = Duration::from_secs(9);

/// Threads that render and read files, at most. They end when they were idle for 10 s.
const BLOCKING_MAX: usize = 16;

/// How long reading the configuration again may take before it counts as failed.
const RELOADED_WITHIN: Duration = Duration::from_secs(10);

/// How long what is being rendered or read may take to end.
const RENDERING_WITHIN: Duration = Duration::from_millis(500);

/// Captures and serves until SIGTERM or SIGINT. Must be called before any other thread exists.
pub fn run(flags: &Serve) -> ExitStatus {
    match serve(flags) {
        Ok(()) => ExitStatus::Success,
        Err(Failure { line, status }) => {
            say(&line);
            status
        }
    }
}

fn serve(flags: &Serve) -> Result<(), Failure> {
    let opened = opening::open(flags).map_err(refused)?;
    let configuration = Arc::new(opened.configuration.map_err(refused)?);
    let listeners = opened.listeners.all()?;
    let pool = opening::enough(opened.pool, flags.capture.backend)?;
    let held = opened.held.map_err(|error| failed("reading privileges")(&error))?;
    let sampler = opened.sampler?;
    let host = opened.host;
    let lan = Arc::new(Lan::new(Settled {
        evidence: opened.evidence.map(keep_evidence).transpose()?,
        host: Some(Arc::clone(&host) as _),
        held: Some(held),
        is_simulated: false,
        watched: sampler.iter().map(watched).collect(),
        log_dropped: Some(log::dropped),
    }));
    configuration.tell(&lan);
    let settings = |sharing, converted| {
        capturing::settings(flags, &configuration, &opened.lans, sharing, converted)
    };
    let watching = if let Some(path) = &flags.replay.file {
        let settings = settings(Sharing::Same, Converted::Files);
        let start = |stop: &_| replay::start(path, flags.replay.speed, settings, &lan, stop);
        Watching::start(start).map_err(refused)?
    } else {
        let means = Means::new(&flags.capture, pool);
        let settings = settings(Sharing::Never, Converted::Live);
        let expiry = flags.devices.expiry;
        follow(Plan { policy: opened.policy, means, settings, expiry }, &lan)?
    };
    let reload = {
        let lan = Arc::clone(&lan);
        move || configuration.reload(&lan)
    };
    // Not before: a failed start logs only one line.
    host::tell(flags.collector.settings(), host.standing());
    answer(&flags.web, listeners, &lan, &watching, reload)?;
    drop(sampler);
    finish_evidence(&lan);
    Ok(())
}

fn watched(sampler: &Sampler) -> Watched {
    Watched { name: "host", beat: Arc::clone(sampler.beat()), every: host_of::WINDOW }
}

/// Starts the thread that writes evidence.
pub(super) fn keep_evidence(store: Result<Store, StoreError>) -> Result<Writer, Failure> {
    let store = store.map_err(|error| {
        let line = format!("--evidence.dir: {error}");
        if error.may_pass() { refused_for_now(line) } else { refused(line) }
    })?;
    Writer::start(Arc::new(store)).map_err(|error| failed("keeping evidence")(&error))
}

/// Completes the evidence so far and waits for it to be written, for a limited time.
pub(super) fn finish_evidence(lan: &Lan) {
    let Some(writer) = lan.evidence() else { return };
    let deadline = clock::now().monotonic.plus(WATCHING_WITHIN);
    for tap in lan.taps() {
        let left = deadline.since(clock::now().monotonic);
        let output = tap.try_with_pipeline(left, |pipeline| {
            pipeline.end_recordings();
            pump::take_output(pipeline)
        });
        match output {
            Some(output) => news::tell(&tap, output),
            None => {
                warn!(interface = %tap.name(), "its thread does not respond: the last evidence is lost");
            }
        }
    }
    while !writer.is_idle() && clock::now().monotonic < deadline {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Serves what `watching` feeds until SIGTERM or SIGINT, then ends it. SIGHUP calls `reload`.
pub(super) fn answer(
    flags: &flags::Web,
    listeners: Vec<TcpListener>,
    lan: &Arc<Lan>,
    watching: &Watching,
    reload: impl Fn() + Send + Sync + 'static,
) -> Result<(), Failure> {
    let addresses: Vec<String> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| address.to_string())
        .collect();
    let state = web::Settings {
        telemetry_path: flags.telemetry_path.clone(),
        external_url: flags.external_url.clone(),
        max_requests: flags.max_requests,
        enable_capture_download: flags.enable_capture_download,
    };
    privilege::return_large_memory();
    supervisor::watch(Arc::clone(lan)).map_err(|error| failed("starting a thread")(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // One renders, one reads evidence, one the configuration; the rest is for those that are late.
        .max_blocking_threads(BLOCKING_MAX)
        .thread_name("web")
        .on_thread_start(privilege::yield_to_captures)
        .enable_all()
        .build()
        .map_err(|error| failed("starting the web server")(&error))?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        listening = addresses.join(" "),
        telemetry_path = flags.telemetry_path.as_str(),
        "serving"
    );
    let served = runtime.block_on(async {
        let signalled = stop_signal().map_err(|error| failed("listening for signals")(&error))?;
        reload_at_hangup(lan, reload).map_err(|error| failed("listening for signals")(&error))?;
        tokio::spawn(supervisor::attend(Arc::clone(lan)));
        // Captures end while the last requests are answered.
        let stopped = async {
            signalled.await;
            supervisor::stopping();
            end_at_last();
            watching.end();
        };
        let evidence = lan.evidence().map(|writer| Arc::clone(writer.store()) as _);
        let router = web::router(Scraper::new(Arc::clone(lan) as _), evidence, &state);
        let router = web::guarded(router, &state);
        web::server::serve(listeners, router, web::server::Limits::default(), stopped)
            .await
            .map_err(|error| failed("serving")(&error))
    });
    watching.end();
    // Not when it is dropped: that would wait for work that never ends, such as reading from a file
    // server that is gone.
    runtime.shutdown_timeout(RENDERING_WITHIN);
    wait_for(&watching.thread, WATCHING_WITHIN);
    served
}

/// Ends the process if it does not end by itself: whatever stands still, a stop is a stop.
fn end_at_last() {
    let end = || {
        thread::sleep(STOPPED_WITHIN);
        say("did not end in time, so something stands still; ending without it");
        drop(log::Finish);
        std::process::exit(ExitStatus::Incomplete as i32);
    };
    // Without it the end is as bounded as all that is waited for.
    let _ = thread::Builder::new().name("end".into()).spawn(end);
}

/// What feeds the pipelines: a thread that ends when it is asked to.
pub(super) struct Watching {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    /// Ends its wait, if it waits for long.
    waker: Option<Waker>,
}

impl Watching {
    /// Starts it. It looks at the flag now and then.
    ///
    /// # Errors
    /// As `start`.
    pub fn start<E>(
        start: impl FnOnce(&Arc<AtomicBool>) -> Result<JoinHandle<()>, E>,
    ) -> Result<Self, E> {
        let stop = Arc::new(AtomicBool::new(false));
        Ok(Self { thread: start(&stop)?, stop, waker: None })
    }

    /// Asks it to end.
    fn end(&self) {
        self.stop.store(true, Ordering::Release);
        self.waker.iter().for_each(Waker::wake);
    }
}

/// Waits until the thread has ended, at most `within`. What it still does then, such as reading a
/// pipe that nobody writes to, ends with the process.
fn wait_for(thread: &JoinHandle<()>, within: Duration) {
    let deadline = clock::now().monotonic.plus(within);
    while !thread.is_finished() && clock::now().monotonic < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    if !thread.is_finished() {
        warn!(thread = thread.thread().name(), "did not end in time");
    }
}

/// Calls `reload`, which may wait, at each SIGHUP from now on, and says so to the supervisor. One
/// that a disk keeps waiting is reported as failed; the next begins when it has ended.
fn reload_at_hangup(
    lan: &Arc<Lan>,
    reload: impl Fn() + Send + Sync + 'static,
) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (lan, reload) = (Arc::clone(lan), Arc::new(reload));
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            supervisor::reloading();
            let reload = Arc::clone(&reload);
            let mut reading = tokio::task::spawn_blocking(move || reload());
            // A reload that panicked leaves the old configuration, and the next may not.
            if timeout(RELOADED_WITHIN, &mut reading).await.is_err() {
                lan.set_reload_failed();
                warn!(
                    "the file of --config.file is not read within 10 s: is its disk there? the configuration stays as it was"
                );
                supervisor::reloaded(&lan);
                let _ = reading.await;
            }
            supervisor::reloaded(&lan);
        }
    });
    Ok(())
}

/// Becomes ready at SIGTERM or SIGINT. The handlers are in place from now on.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(signal = name, "stopping");
    })
}

/// Starts the thread that follows the interfaces.
fn follow(plan: Plan, lan: &Arc<Lan>) -> Result<Watching, Failure> {
    let follower = Follower::new(plan, Arc::clone(lan))
        .map_err(|error| failed("following interfaces")(&error))?;
    let waker = Some(follower.waker());
    let watching = Watching::start(|stop| {
        let stop = Arc::clone(stop);
        thread::Builder::new().name("follower".into()).spawn(move || follower.run(&stop))
    });
    let watching = watching.map_err(|error| failed("starting a thread")(&error))?;
    Ok(Watching { waker, ..watching })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_waits_for_ever_does_not_keep_the_process() {
        let (writer, pipe) = mpsc::channel::<()>();
        let thread = thread::spawn(move || assert!(pipe.recv().is_err()));
        wait_for(&thread, Duration::from_millis(20));
        assert!(!thread.is_finished());
        drop(writer);
        wait_for(&thread, Duration::from_mins(1));
        assert!(thread.is_finished());
    }
}
