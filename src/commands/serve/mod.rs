//! Serving: opens what needs privilege, gives all privilege up, then captures and serves until
//! told to stop.
//!
//! The order is the point: listeners and the pool of sockets are opened, and capabilities dropped,
//! before the first thread exists, because threads inherit capabilities and dropping them reaches
//! the calling thread alone.

mod follow;
mod host;
mod replay;
mod retry;
mod supervisor;

use super::configuration::Configuration;
use super::flags::{self, Serve};
use super::{ExitStatus, hash_key, news, say};
use crate::capture::live::{Choice, Options};
use crate::capture::pool::{Pool, PoolEmpty};
use crate::engine;
use crate::evidence::{Store, Writer};
use crate::host::Host;
use crate::host::sampler::Sampler;
use crate::interfaces::Policy;
use crate::lan::Lan;
use crate::metrics::Scraper;
use crate::pipeline::{Pipeline, Settings};
use crate::privilege::{self, Held};
use crate::segment::{Labels, Sharing};
use crate::time::clock;
use crate::web;
use follow::{Follower, Plan};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// How long what feeds the pipelines may take to end: the follower gives its captures 2 s.
const WATCHING_WITHIN: Duration = Duration::from_secs(3);

/// Captures and serves until SIGTERM or SIGINT. Must be called before any other thread exists.
#[must_use]
pub fn run(flags: &Serve) -> ExitStatus {
    match prepare(flags).and_then(|prepared| serve(flags, prepared)) {
        Ok(()) => ExitStatus::Success,
        Err(Failure { line, status }) => {
            say(&line);
            status
        }
    }
}

/// Why serving did not begin, or ended.
pub(super) struct Failure {
    pub(super) line: String,
    pub(super) status: ExitStatus,
}

/// What was asked for cannot be had.
#[allow(clippy::needless_pass_by_value, reason = "to be handed to map_err by name")]
pub(super) fn refused(error: impl ToString) -> Failure {
    Failure { line: error.to_string(), status: ExitStatus::BadInput }
}

/// It should have worked.
pub(super) fn failed(context: &str) -> impl Fn(&dyn std::error::Error) -> Failure + '_ {
    move |error| Failure { line: format!("{context}: {error}"), status: ExitStatus::Incomplete }
}

/// All that has to be there before privileges are dropped.
struct Prepared {
    listeners: Vec<TcpListener>,
    pool: Pool,
    policy: Policy,
    configuration: Arc<Configuration>,
    host: Arc<Host>,
    /// The capabilities at the start.
    held: Held,
    /// Samples the host as long as it lives.
    sampler: Option<Sampler>,
}

fn prepare(flags: &Serve) -> Result<Prepared, Failure> {
    let policy =
        Policy::new(&flags.capture.interface, &flags.capture.interface_exclude).map_err(refused)?;
    let configuration = Configuration::load(flags.config.file.as_deref()).map_err(refused)?;
    let configuration = Arc::new(configuration);
    let listeners = listen(&flags.web)?;
    let pool = open_pool(&flags.capture, flags.replay.file.is_some())?;
    let held = privilege::held().map_err(|error| failed("reading privileges")(&error))?;
    let host = Host::open(flags.collector.settings());
    let sampler = host::drop_privileges(&host)?;
    Ok(Prepared { listeners, pool, policy, configuration, host, held, sampler })
}

/// Opens what HTTP requests come in by.
pub(super) fn listen(flags: &flags::Web) -> Result<Vec<TcpListener>, Failure> {
    if flags.systemd_socket {
        return web::activation::take().map_err(refused);
    }
    let addresses = flags.listen.address.iter();
    addresses.map(|address| web::listen::bind(address).map_err(refused)).collect()
}

/// The sockets to capture with, as far as the backend needs any.
fn open_pool(flags: &flags::Capture, is_replay: bool) -> Result<Pool, Failure> {
    let (size, by_name) = match flags.backend {
        Choice::Socket => (0, false),
        Choice::Auto => (flags.sockets, false),
        Choice::Ring | Choice::Pnet => (flags.sockets, true),
    };
    if is_replay {
        return Ok(Pool::open(0));
    }
    let pool = Pool::open(usize::from(size));
    match pool.shortage() {
        Some(reason @ (PoolEmpty::NotPermitted | PoolEmpty::Refused(_)))
            if by_name && pool.size() == 0 =>
        {
            Err(refused(format!("--capture.backend: {reason}")))
        }
        Some(_) | None => Ok(pool),
    }
}

fn serve(flags: &Serve, prepared: Prepared) -> Result<(), Failure> {
    let Prepared { listeners, pool, policy, configuration, host, held, sampler } = prepared;
    let lan = Arc::new(Lan::default());
    lan.set_host(Arc::clone(&host));
    lan.set_held(held);
    configuration.tell(&lan);
    keep_evidence(&flags.evidence, &lan)?;
    let stop = Arc::new(AtomicBool::new(false));
    let watching = match &flags.replay.file {
        Some(path) => replay::start(path, flags, &configuration, &lan, &stop).map_err(refused)?,
        None => follow(flags, &configuration, policy, pool, &lan, &stop)?,
    };
    let reload = {
        let lan = Arc::clone(&lan);
        move || configuration.reload(&lan)
    };
    // Not before: a start that fails says one line.
    host::tell(flags.collector.settings(), host.standing());
    answer(&flags.web, listeners, &lan, &stop, &watching, reload)?;
    drop(sampler);
    finish_evidence(&lan);
    Ok(())
}

/// Opens the folder of evidence and starts the thread that writes in it, if there is one.
fn keep_evidence(flags: &flags::Evidence, lan: &Lan) -> Result<(), Failure> {
    let Some(dir) = &flags.dir else { return Ok(()) };
    let store = Store::open(dir, flags.max_size)
        .map_err(|error| refused(format!("--evidence.dir: {error}")))?;
    let writer =
        Writer::start(Arc::new(store)).map_err(|error| failed("keeping evidence")(&error))?;
    lan.set_evidence(writer);
    Ok(())
}

/// Hands over the evidence that there is and waits until it is written, not for ever.
fn finish_evidence(lan: &Lan) {
    let Some(writer) = lan.evidence() else { return };
    for tap in lan.taps() {
        tap.with_pipeline(Pipeline::end_recordings);
        news::tell_of(&tap);
    }
    let deadline = clock::now().monotonic.plus(WATCHING_WITHIN);
    while !writer.is_idle() && clock::now().monotonic < deadline {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Serves what `watching` feeds until SIGTERM or SIGINT, then ends it. SIGHUP calls `reload`.
pub(super) fn answer(
    flags: &flags::Web,
    listeners: Vec<TcpListener>,
    lan: &Arc<Lan>,
    stop: &Arc<AtomicBool>,
    watching: &JoinHandle<()>,
    reload: impl Fn() + Send + Sync + 'static,
) -> Result<(), Failure> {
    let addresses: Vec<String> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| address.to_string())
        .collect();
    let state = web::Settings {
        telemetry_path: flags.telemetry_path.clone(),
        max_requests: flags.max_requests,
        enable_capture_download: flags.enable_capture_download,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("web")
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
        let watched = Arc::clone(lan);
        let reload = move || supervisor::reload(&watched, &reload);
        reload_at_hangup(reload).map_err(|error| failed("listening for signals")(&error))?;
        tokio::spawn(supervisor::attend(Arc::clone(lan)));
        // Captures end while the last requests are answered.
        let captures = Arc::clone(stop);
        let stopped = async move {
            signalled.await;
            supervisor::stopping();
            captures.store(true, Ordering::Release);
        };
        let evidence = lan.evidence().map(|writer| Arc::clone(writer.store()) as _);
        let router = web::router(Scraper::new(Arc::clone(lan) as _), evidence, &state);
        web::server::serve(listeners, router, web::server::Limits::default(), stopped)
            .await
            .map_err(|error| failed("serving")(&error))
    });
    stop.store(true, Ordering::Release);
    wait_for(watching, WATCHING_WITHIN);
    served
}

/// Waits until the thread has ended, at most `within`. Whatever it still does then, such as
/// reading a pipe that nobody writes to, ends with the process.
fn wait_for(thread: &JoinHandle<()>, within: Duration) {
    let deadline = clock::now().monotonic.plus(within);
    while !thread.is_finished() && clock::now().monotonic < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    if !thread.is_finished() {
        warn!(thread = thread.thread().name(), "did not end in time");
    }
}

/// Calls `reload`, which may wait, at each SIGHUP from now on.
fn reload_at_hangup(reload: impl Fn() + Send + Sync + 'static) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let reload = Arc::new(reload);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let reload = Arc::clone(&reload);
            // A reload that panicked leaves the old configuration, and the next may not.
            let _ = tokio::task::spawn_blocking(move || reload()).await;
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
fn follow(
    flags: &Serve,
    configuration: &Configuration,
    policy: Policy,
    pool: Pool,
    lan: &Arc<Lan>,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<()>, Failure> {
    let capture = &flags.capture;
    let plan = Plan {
        policy,
        backend: capture.backend,
        options: Options { ring_size: capture.ring_size, promiscuous: capture.promiscuous },
        join: capture.join(),
        settings: settings(flags, configuration, Sharing::Never, engine::Converted::Live),
        expiry: flags.devices.expiry,
    };
    let follower = Follower::new(plan, Arc::clone(lan), pool)
        .map_err(|error| failed("following interfaces")(&error))?;
    let stop = Arc::clone(stop);
    thread::Builder::new()
        .name("follower".into())
        .spawn(move || follower.run(&stop))
        .map_err(|error| failed("starting a thread")(&error))
}

fn settings(
    flags: &Serve,
    configuration: &Configuration,
    sharing: Sharing,
    converted: engine::Converted,
) -> Settings {
    Settings {
        engine: engine::Config {
            budget: Arc::new(engine::Budget::new(flags.devices.max)),
            expiry: Some(flags.devices.expiry),
            local: Arc::default(),
            converted,
            storms_kept: engine::Config::STORMS_LIVE,
        },
        key: hash_key(),
        labels: Labels::new(sharing, flags.capture.segments_max),
        expectations: configuration.expecting(),
        evidence: flags.evidence.dir.is_some().then(|| flags.evidence.packets.into()),
    }
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
