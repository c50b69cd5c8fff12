//! Serves the pages over TCP: HTTP/1, bounded in connections, time and memory.
//!
//! A client that sends its request slowly, takes its answer slowly or opens many connections costs
//! a bounded share. It must not know what is served.

use super::activity::{Activity, Attended};
use super::places::{Peer, Place, Places};
use super::stall::Stall;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How much clients may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. For one more, one that waits for its client gives way.
    pub connections: usize,
    /// The same of one IPv4 address, or of 64 bits of IPv6 addresses.
    pub connections_per_peer: usize,
    /// From the beginning of a connection to the end of its first header.
    pub first_header: Duration,
    /// From the first wait for a request to the end of its header. It ends idle connections too.
    pub header: Duration,
    /// For a client to take anything of what was written.
    pub idle_write: Duration,
    /// For a client to take all of it.
    pub write: Duration,
    /// For requests under way when the process ends.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Self::CONNECTIONS,
            connections_per_peer: 64,
            // A scraper sends its header with the connection.
            first_header: Duration::from_secs(5),
            // Longer than the usual scrape interval of 15 s, so that Prometheus' connection lasts.
            header: Duration::from_secs(30),
            // Others may wait for the place of its body, and for no longer than a scrape's 10 s.
            idle_write: Duration::from_secs(3),
            write: Duration::from_secs(30),
            // A whole scrape takes a small part of it; more would only wait for clients that do not
            // read.
            stop: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Connections at a time, as a rule.
    pub(crate) const CONNECTIONS: usize = 256;

    /// Descriptors that they may take: those that gave way may take a moment to close.
    pub(crate) const DESCRIPTORS: usize = Self::CONNECTIONS + LEAVING;
}

/// Connections that gave way and are not closed yet, at most.
const LEAVING: usize = 16;

/// A request's header may have this many bytes, its first line included.
const MAX_HEADER: usize = 16 * 1024;

/// Wait after `accept()` fails, as it does when there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The answer where every place is taken by one who is being answered.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\n\
    Too many connections\n";

/// Why serving could not begin.
#[derive(Debug, Error)]
#[error("cannot hand the listening socket to the runtime: {0}")]
pub struct ServeError(#[from] io::Error);

/// Serves until `shutdown` ends; then stops accepting at once, lets requests under way finish for
/// [`Limits::stop`], and closes what is left.
///
/// # Errors
/// If a listener cannot be made non-blocking or registered with the runtime.
pub async fn serve(
    listeners: Vec<std::net::TcpListener>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (stop, stopping) = watch::channel(());
    let shared = Arc::new(Shared {
        router,
        limits,
        open: Arc::new(Semaphore::new(limits.connections + LEAVING)),
        places: Places::new(limits.connections, limits.connections_per_peer),
        stopping,
    });
    let mut accepting = JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        accepting.spawn(accept(listener, Arc::clone(&shared)));
    }
    shutdown.await;
    accepting.shutdown().await;
    // Every connection notices when the sender is dropped.
    drop(stop);
    let all = u32::try_from(limits.connections + LEAVING).unwrap_or(u32::MAX);
    let done = timeout(limits.stop, shared.open.acquire_many(all)).await;
    if done.is_err() {
        tracing::debug!("closing connections that did not end in time");
    }
    Ok(())
}

struct Shared {
    router: Router,
    limits: Limits,
    open: Arc<Semaphore>,
    places: Arc<Places>,
    stopping: watch::Receiver<()>,
}

/// Accepts on one socket until it is aborted.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let (mut failing, mut refusing) = (false, false);
    loop {
        // Those that gave way close first: descriptors are not without end.
        let Ok(open) = Arc::clone(&shared.open).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept connections");
                }
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        failing = false;
        let Some(place) = shared.places.take(Peer::of(peer.ip())) else {
            if !std::mem::replace(&mut refusing, true) {
                tracing::warn!(%peer, "too many connections that are all being answered; refusing more");
            }
            // What does not fit into an empty socket buffer is not worth waiting for.
            let _ = stream.try_write(TOO_MANY);
            continue;
        };
        refusing = false;
        tokio::spawn(connection(stream, open, place, Arc::clone(&shared)));
    }
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    open: OwnedSemaphorePermit,
    place: Place,
    shared: Arc<Shared>,
) {
    let Limits { first_header, header, idle_write, write, stop, .. } = shared.limits;
    let mut stopping = shared.stopping.clone();
    // Answers are written whole: waiting for more to send only delays their last segment.
    let _ = stream.set_nodelay(true);
    let activity = Activity::new(place);
    let service = TowerToHyperService::new(shared.router.clone());
    let flushed = {
        let activity = Arc::clone(&activity);
        move || activity.handle_flush()
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header)
        .max_buf_size(MAX_HEADER)
        // Who has said all that it has to say is answered.
        .half_close(true)
        .serve_connection(
            TokioIo::new(Stall::new(stream, idle_write, write, flushed)),
            Attended::new(service, &activity),
        );
    let mut connection = std::pin::pin!(connection);
    let too_late = async {
        sleep(first_header).await;
        if activity.has_asked() {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = activity.dismissed() => Ok(()),
        () = too_late => Ok(()),
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            timeout(stop, connection.as_mut()).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
    drop(open);
}
