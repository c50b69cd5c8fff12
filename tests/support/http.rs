//! Asks a server as a browser does, and no more: one request a connection, read to its end. Runs in
//! the network namespace of its thread.

use super::process::PATIENCE;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};

const HEAD_ENDS: &[u8] = b"\r\n\r\n";

/// What a server answered.
pub struct Answer {
    /// The status line and the headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn is_ok(&self) -> bool {
        self.is_whole() && self.head.split(' ').nth(1) == Some("200")
    }

    /// Whether it has come to the end of its head, at least.
    fn is_whole(&self) -> bool {
        self.head.as_bytes().ends_with(HEAD_ENDS)
    }

    /// The body, which has to be text.
    pub fn text(self) -> String {
        String::from_utf8(self.body).expect("UTF-8")
    }
}

/// Fetches a page; `None` if nobody listens. An answer without a whole head is a panic.
pub fn get(address: impl ToSocketAddrs, path: &str) -> Option<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = ask(address, &request)?;
    assert!(answer.is_whole(), "{path}: {:?}", answer.head);
    Some(answer)
}

/// Sends a request and reads until the connection ends, which the request has to ask for; `None`
/// if nobody listens.
pub fn ask(address: impl ToSocketAddrs, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == HEAD_ENDS);
    let body = answer.split_off(end.map_or(answer.len(), |end| end + HEAD_ENDS.len()));
    let head = String::from_utf8(answer).expect("a head of text");
    assert!(!head.to_ascii_lowercase().contains("chunked"), "not read here: {head}");
    Some(Answer { head, body })
}
