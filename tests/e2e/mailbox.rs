//! A mail server in a namespace that accepts every mail and keeps it: only as much of SMTP as
//! Alertmanager needs.

use super::PATIENCE;
use super::netns::NetNs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A mail, and what its sender gave for a password: user and password after a zero byte each, in
/// base 64.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// What came after `AUTH PLAIN`.
    pub credentials: String,
    /// The head as it came, and the body with quoted-printable read.
    pub text: String,
}

/// A mail server on loopback. It ends with its guard.
pub struct Mailbox {
    listener: TcpListener,
    mails: Arc<Mutex<Vec<Mail>>>,
    worker: Option<JoinHandle<()>>,
}

impl Mailbox {
    /// Listens on a port of the namespace.
    pub fn start(namespace: &NetNs, port: u16) -> Self {
        let listener = namespace.run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        let listener = listener.expect("the port is free in the namespace");
        let mails = Arc::new(Mutex::new(Vec::new()));
        let (accepting, kept) = (listener.try_clone().expect("a socket"), Arc::clone(&mails));
        let worker = thread::spawn(move || {
            // Ends with an error once the socket is shut down.
            while let Ok((stream, _)) = accepting.accept() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || take(&stream, &kept));
            }
        });
        Self { listener, mails, worker: Some(worker) }
    }

    /// All that has come so far, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = socket2::SockRef::from(&self.listener).shutdown(Shutdown::Both);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Talks to a sender until it leaves.
fn take(stream: &TcpStream, kept: &Mutex<Vec<Mail>>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut lines = BufReader::new(stream).lines();
    let say = |answer: &str| (&mut &*stream).write_all(format!("{answer}\r\n").as_bytes()).ok();
    let mut mail = Mail::default();
    say("220 mailbox")?;
    loop {
        let line = lines.next()?.ok()?;
        let verb = line.split(' ').next()?.to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say("250-mailbox\r\n250 AUTH PLAIN")?,
            "AUTH" => {
                line.strip_prefix("AUTH PLAIN ")?.clone_into(&mut mail.credentials);
                say("235 welcome")?;
            }
            "DATA" => {
                say("354 go on")?;
                let mut text = String::new();
                loop {
                    let line = lines.next()?.ok()?;
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                let (head, body) = text.split_once("\n\n")?;
                mail.text = format!("{head}\n\n{}", unquoted(body));
                kept.lock().expect("nobody panics with it").push(mail.clone());
                say("250 kept")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 yes")?,
        }
    }
}

/// Reads quoted-printable: `=3D` is an equals sign, `=` at the end of a line joins the next.
fn unquoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (byte, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'=', _) if after.first() == Some(&b'\n') => rest = &after[1..],
            (b'=', Some(decoded)) => {
                out.push(decoded);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(out).expect("UTF-8")
}
