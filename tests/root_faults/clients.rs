//! Clients that take the server's connections and ask for nothing, or slowly.

use crate::e2e::PORT;
use crate::site::Site;
use multicast_exporter::time::clock;
use socket2::{Domain, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// More than there are places.
const CONNECTIONS: usize = 320;
/// For how long they are kept up.
const KEPT_UP: Duration = Duration::from_secs(6);

/// Silent ones, from four addresses.
pub fn idle_from_4(site: &mut Site) {
    keep_up(site, 4, b"");
}

/// Slow ones, from 157 addresses.
pub fn slow_from_157(site: &mut Site) {
    keep_up(site, 157, b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: ");
}

/// Sixteen, each of another address, ask for much and take nothing of it.
pub fn greedy_from_16(site: &mut Site) {
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(400);
    let crowd: Vec<_> = site
        .namespace
        .run(|| (0..16).map(|n| connect(n, request.as_bytes()).expect("a place")).collect());
    thread::sleep(2 * KEPT_UP);
    drop(crowd);
}

/// Connects again whenever one is closed.
fn keep_up(site: &mut Site, addresses: usize, said: &[u8]) {
    let end = clock::now().monotonic.plus(KEPT_UP);
    let opened = site.namespace.run(|| {
        let mut opened = 0;
        let mut crowd: Vec<Option<TcpStream>> = (0..CONNECTIONS).map(|_| None).collect();
        while clock::now().monotonic < end {
            for (n, place) in crowd.iter_mut().enumerate() {
                if place.as_mut().is_none_or(is_closed) {
                    *place = connect(n % addresses, said);
                    opened += 1;
                }
            }
        }
        opened
    });
    assert!(opened > CONNECTIONS, "none was closed: {opened}");
    println!("{opened} connections from {addresses} addresses");
}

fn connect(address: usize, said: &[u8]) -> Option<TcpStream> {
    let own = Ipv4Addr::new(127, 1, 0, u8::try_from(address + 1).expect("few"));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::from((own, 0)).into()).ok()?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)).into()).ok()?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(said).ok()?;
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}
