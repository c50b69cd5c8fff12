//! Asks whether an exporter answers at an address: yes or no, soon.

use super::listen;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// What `/-/healthy` answers, by which an exporter is known.
pub(crate) const HEALTHY: &str = "The exporter is healthy.\n";

/// Whether an exporter without TLS answers at `address`. Waits half a second at most for each
/// step of the exchange.
pub(crate) fn is_an_exporter_at(address: &str) -> bool {
    const PATIENCE: Duration = Duration::from_millis(500);
    let ask = || -> io::Result<bool> {
        let (host, port) = listen::split(address).map_err(io::Error::other)?;
        // By number: an image with a single file has nothing to resolve names with.
        let candidates: Vec<SocketAddr> = if host.is_empty() {
            let own: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            own.map(|ip| SocketAddr::new(ip, port)).to_vec()
        } else {
            (host, port).to_socket_addrs()?.collect()
        };
        for candidate in candidates {
            let Ok(mut stream) = TcpStream::connect_timeout(&candidate, PATIENCE) else { continue };
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(b"GET /-/healthy HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.take(4096).read_to_string(&mut answer)?;
            return Ok(answer.ends_with(HEALTHY));
        }
        Ok(false)
    };
    ask().unwrap_or(false)
}
