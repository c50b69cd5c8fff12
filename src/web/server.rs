//! Serves the pages over TCP: HTTP/1, bounded in connections, time and memory.
//!
//! A client that sends its request slowly, takes its answer slowly or opens many connections costs
//! a bounded share. It must not know what is served.

use super::stall::Stall;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
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
    /// Connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections at a time of one address; more get an error and are closed.
    pub connections_per_peer: usize,
    /// From the first wait for a request to the end of its header. It ends idle connections too.
    pub header: Duration,
    /// For a client to take what was written.
    pub write: Duration,
    /// For requests under way when the process ends.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_per_peer: 64,
            // Longer than the usual scrape interval of 15 s, so that Prometheus' connection lasts.
            header: Duration::from_secs(30),
            write: Duration::from_secs(30),
            // A whole scrape takes a small part of it; more would only wait for clients that do not
            // read.
            stop: Duration::from_secs(1),
        }
    }
}

/// A request's header may have this many bytes, its first line included.
const MAX_HEADER: usize = 16 * 1024;

/// Wait after `accept()` fails, as it does when there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The answer to an address that has its share of connections.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 39\r\n\r\n\
    Too many connections from this address\n";

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
        free: Arc::new(Semaphore::new(limits.connections)),
        peers: Mutex::default(),
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
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let done = timeout(limits.stop, shared.free.acquire_many(all)).await;
    if done.is_err() {
        tracing::debug!("closing connections that did not end in time");
    }
    Ok(())
}

struct Shared {
    router: Router,
    limits: Limits,
    free: Arc<Semaphore>,
    peers: Mutex<HashMap<IpAddr, usize>>,
    stopping: watch::Receiver<()>,
}

/// Accepts on one socket until it is aborted.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let (mut failing, mut refusing) = (false, false);
    loop {
        // A free place first, then the connection: what cannot be served waits in the kernel.
        let Ok(place) = Arc::clone(&shared.free).acquire_owned().await else { return };
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
        let Some(peer) = Peer::admit(&shared, peer.ip()) else {
            if !std::mem::replace(&mut refusing, true) {
                tracing::warn!(%peer, "too many connections of one address; refusing more");
            }
            // What does not fit into an empty socket buffer is not worth waiting for.
            let _ = stream.try_write(TOO_MANY);
            continue;
        };
        refusing = false;
        tokio::spawn(connection(stream, place, peer));
    }
}

/// A peer's share of the connections, given back when it is dropped.
struct Peer {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Peer {
    /// `None` if it has its share already.
    fn admit(shared: &Arc<Shared>, address: IpAddr) -> Option<Self> {
        let mut peers = shared.peers.lock();
        let count = peers.entry(address.to_canonical()).or_default();
        if *count >= shared.limits.connections_per_peer {
            return None;
        }
        *count += 1;
        drop(peers);
        Some(Self { shared: Arc::clone(shared), address: address.to_canonical() })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut peers = self.shared.peers.lock();
        if let Some(count) = peers.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.address);
            }
        }
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, place: OwnedSemaphorePermit, peer: Peer) {
    let Limits { header, write, stop, .. } = peer.shared.limits;
    let mut stopping = peer.shared.stopping.clone();
    // Answers are written whole: waiting for more to send only delays their last segment.
    let _ = stream.set_nodelay(true);
    let router = peer.shared.router.clone();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header)
        .max_buf_size(MAX_HEADER)
        .serve_connection(
            TokioIo::new(Stall::new(stream, write)),
            TowerToHyperService::new(router),
        );
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            timeout(stop, connection.as_mut()).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
    drop((place, peer));
}
