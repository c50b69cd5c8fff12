//! The server over loopback: several listeners, slow and greedy clients, a graceful stop.

use axum::Router;
use axum::routing::get;
use multicast_exporter::web::listen;
use multicast_exporter::web::server::{Limits, serve};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(30);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct Running {
    addresses: Vec<SocketAddr>,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

fn start(router: Router, limits: Limits, addresses: &[&str]) -> Running {
    let listeners: Vec<_> = addresses.iter().map(|a| listen::bind(a).unwrap()).collect();
    let addresses = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    let (stop, stopped) = oneshot::channel();
    let done = tokio::spawn(async move {
        serve(listeners, router, limits, async { drop(stopped.await) }).await.unwrap();
    });
    Running { addresses, stop, done }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn to_end(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset has ended too.
    let _ = timeout(LONG, stream.read_to_end(&mut text)).await.expect("it ends");
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads until `end` has come.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains(end) {
        let n = timeout(LONG, stream.read(&mut buffer)).await.expect("in time").unwrap();
        assert!(n > 0, "it ended before {end:?}: {text}");
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
    text
}

#[tokio::test]
async fn several_addresses_are_served() {
    let running = start(hello(), Limits::default(), &["127.0.0.1:0", "localhost:0"]);
    for address in &running.addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        assert!(until(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_idle_connections_are_closed() {
    let (entered, mut entries) = mpsc::channel(1);
    let (release, gate) = tokio::sync::watch::channel(false);
    let router = Router::new().route(
        "/",
        get(async move || {
            entered.send(()).await.unwrap();
            let mut gate = gate.clone();
            gate.wait_for(|open| *open).await.unwrap();
            "finished"
        }),
    );
    let running = start(router, Limits::default(), &["127.0.0.1:0"]);
    let address = running.addresses[0];
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(REQUEST).await.unwrap();
    entries.recv().await.unwrap();
    running.stop.send(()).unwrap();
    assert_eq!(to_end(&mut idle).await, "");
    release.send(true).unwrap();
    assert!(to_end(&mut busy).await.contains("finished"));
    timeout(LONG, running.done).await.expect("it stops").unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_process() {
    let (entered, mut entries) = mpsc::channel(1);
    let router = Router::new().route(
        "/",
        get(async move || {
            entered.send(()).await.unwrap();
            std::future::pending::<()>().await;
        }),
    );
    let limits = Limits { stop: Duration::from_millis(50), ..Limits::default() };
    let running = start(router, limits, &["127.0.0.1:0"]);
    let mut stuck = TcpStream::connect(running.addresses[0]).await.unwrap();
    stuck.write_all(REQUEST).await.unwrap();
    entries.recv().await.unwrap();
    running.stop.send(()).unwrap();
    timeout(LONG, running.done).await.expect("it stops").unwrap();
    assert_eq!(to_end(&mut stuck).await, "");
}

#[tokio::test]
async fn a_header_that_dribbles_in_is_given_up() {
    let limits = Limits { header: Duration::from_millis(50), ..Limits::default() };
    let running = start(hello(), limits, &["127.0.0.1:0"]);
    let mut slow = TcpStream::connect(running.addresses[0]).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-").await.unwrap();
    assert!(!to_end(&mut slow).await.contains("200"));
    let mut silent = TcpStream::connect(running.addresses[0]).await.unwrap();
    assert!(!to_end(&mut silent).await.contains("200"));
}

#[tokio::test]
async fn a_header_without_end_is_refused() {
    let running = start(hello(), Limits::default(), &["127.0.0.1:0"]);
    let mut greedy = TcpStream::connect(running.addresses[0]).await.unwrap();
    greedy.write_all(b"GET / HTTP/1.1\r\nX-Long: ").await.unwrap();
    // It may be closed while this is still being sent.
    let _ = greedy.write_all(&vec![b'a'; 64 * 1024]).await;
    let answer = to_end(&mut greedy).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_not_taken_is_given_up() {
    struct Told(mpsc::Sender<()>, Vec<u8>);
    impl AsRef<[u8]> for Told {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.try_send(());
        }
    }
    let (dropped, mut drops) = mpsc::channel(1);
    let router = Router::new().route(
        "/",
        get(async move || axum::body::Bytes::from_owner(Told(dropped.clone(), vec![0; 64 << 20]))),
    );
    let limits = Limits { write: Duration::from_millis(50), ..Limits::default() };
    let running = start(router, limits, &["127.0.0.1:0"]);
    let mut stalled = TcpStream::connect(running.addresses[0]).await.unwrap();
    stalled.write_all(REQUEST).await.unwrap();
    let freed = timeout(LONG, drops.recv()).await;
    assert_eq!(freed, Ok(Some(())), "its memory is given back while the client still hangs on");
    drop(stalled);
}

#[tokio::test]
async fn for_one_more_the_one_that_has_waited_longest_gives_way() {
    let limits = Limits { connections: 8, connections_per_peer: 2, ..Limits::default() };
    let running = start(hello(), limits, &["127.0.0.1:0"]);
    let connect = async || {
        let mut stream = TcpStream::connect(running.addresses[0]).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        until(&mut stream, "hello").await;
        // Until the server knows that its answer has been taken.
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream
    };
    let (mut first, mut second) = (connect().await, connect().await);
    let mut third = connect().await;
    assert_eq!(to_end(&mut first).await, "", "it gave way");
    for stream in [&mut second, &mut third] {
        stream.write_all(REQUEST).await.unwrap();
        until(stream, "hello").await;
    }
}

#[tokio::test]
async fn who_is_being_answered_does_not_give_way() {
    let (entered, mut entries) = mpsc::channel(1);
    let router = Router::new().route(
        "/",
        get(async move || {
            entered.send(()).await.unwrap();
            std::future::pending::<()>().await;
        }),
    );
    let limits = Limits { connections: 2, connections_per_peer: 2, ..Limits::default() };
    let running = start(router, limits, &["127.0.0.1:0"]);
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.addresses[0]).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        entries.recv().await.unwrap();
        streams.push(stream);
    }
    let mut third = TcpStream::connect(running.addresses[0]).await.unwrap();
    let refusal = to_end(&mut third).await;
    assert!(refusal.starts_with("HTTP/1.1 503 ") && refusal.contains("Too many"), "{refusal}");
    drop(streams);
}

#[tokio::test]
async fn who_asks_nothing_at_first_is_given_up_soon_and_who_asked_may_wait() {
    let limits = Limits { first_header: Duration::from_millis(100), ..Limits::default() };
    let running = start(hello(), limits, &["127.0.0.1:0"]);
    let mut asked = TcpStream::connect(running.addresses[0]).await.unwrap();
    asked.write_all(REQUEST).await.unwrap();
    until(&mut asked, "hello").await;
    let mut silent = TcpStream::connect(running.addresses[0]).await.unwrap();
    assert_eq!(to_end(&mut silent).await, "");
    asked.write_all(REQUEST).await.unwrap();
    until(&mut asked, "hello").await;
}

#[tokio::test]
async fn who_has_nothing_more_to_say_is_answered() {
    let later = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        "hello"
    };
    let router = Router::new().route("/", get(later));
    let running = start(router, Limits::default(), &["127.0.0.1:0"]);
    let mut half = TcpStream::connect(running.addresses[0]).await.unwrap();
    half.write_all(REQUEST).await.unwrap();
    half.shutdown().await.unwrap();
    assert!(to_end(&mut half).await.contains("hello"));
}
