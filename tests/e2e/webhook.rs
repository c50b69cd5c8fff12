//! A receiver of webhooks in a namespace: it accepts every POST and keeps it. Not a server for
//! anything else: one request a connection, with a length.

use super::PATIENCE;
use super::netns::NetNs;
use multicast_exporter::time::Time;
use multicast_exporter::time::clock;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A request that was posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// When it was read to its end.
    pub at: Time,
    /// The path that it was posted to.
    pub path: String,
    /// Its body.
    pub body: serde_json::Value,
}

/// A receiver, on every address of its namespace. It ends with its guard.
pub struct Webhook {
    listener: TcpListener,
    posts: Arc<Mutex<Vec<Post>>>,
    worker: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Listens on a port of the namespace.
    pub fn start(namespace: &NetNs, port: u16) -> Self {
        let listener = namespace.run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)));
        let listener = listener.expect("the port is free in the namespace");
        let posts = Arc::new(Mutex::new(Vec::new()));
        let (accepting, kept) = (listener.try_clone().expect("a socket"), Arc::clone(&posts));
        let worker = thread::spawn(move || {
            // Ends with an error once the socket is shut down.
            while let Ok((stream, _)) = accepting.accept() {
                let kept = Arc::clone(&kept);
                // A connection that sends nothing delays no others.
                thread::spawn(move || {
                    if let Some(post) = read(&stream) {
                        kept.lock().expect("nobody panics with it").push(post);
                        answer(&stream);
                    }
                });
            }
        });
        Self { listener, posts, worker: Some(worker) }
    }

    /// All that was posted so far, in order.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().expect("nobody panics with it").clone()
    }

    /// The bodies of all that was posted so far, in order.
    pub fn received(&self) -> Vec<serde_json::Value> {
        self.posts().into_iter().map(|post| post.body).collect()
    }

    /// The bodies of what was posted to a path so far, in order.
    pub fn received_at(&self, path: &str) -> Vec<serde_json::Value> {
        self.posts().into_iter().filter(|post| post.path == path).map(|post| post.body).collect()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = socket2::SockRef::from(&self.listener).shutdown(Shutdown::Both);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Reads a request; `None` if it ends early. A body that is no JSON is a panic in this thread, and
/// the sender gets no answer.
fn read(stream: &TcpStream) -> Option<Post> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.strip_prefix("POST ")?.split(' ').next()?.to_owned();
    let mut length = None;
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse::<usize>().ok();
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length.expect("a length: chunks are not read here")];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).expect("JSON");
    Some(Post { at: clock::now().monotonic, path, body })
}

fn answer(mut stream: &TcpStream) {
    // The body is Slack's: newer Alertmanagers take another for a refusal.
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let _ = stream.write_all(answer);
}
