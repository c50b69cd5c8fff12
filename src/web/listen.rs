//! Addresses of `--web.listen-address`, bound while the process may still have privileges and
//! before any thread exists.
//!
//! Gives listening sockets of the standard library. It must not know HTTP or an async runtime.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use thiserror::Error;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 128;

/// Why an address cannot be listened on. Each message names the address and the flag.
#[derive(Debug, Error)]
pub enum ListenError {
    /// It is not `host:port`, `:port` or `[address]:port`.
    #[error(
        "--web.listen-address: {address:?}: {reason}; write host:port, [IPv6]:port, or :port for all addresses"
    )]
    Syntax {
        /// As it was written.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The host has no address.
    #[error("--web.listen-address: {address:?}: the host name cannot be resolved: {source}")]
    Resolve {
        /// As it was written.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Somebody listens there already.
    #[error(
        "--web.listen-address: {address:?}: address in use, perhaps by another exporter; choose another with --web.listen-address"
    )]
    InUse {
        /// As it was written.
        address: String,
    },
    /// The kernel refused.
    #[error("--web.listen-address: {address:?}: cannot {operation}: {source}")]
    Io {
        /// As it was written.
        address: String,
        /// What was tried.
        operation: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ListenError {
    /// Whether it may be otherwise in a while: an address that is not there yet, a port that another
    /// process still has. What is written wrong or forbidden stays so until a person mends it.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Syntax { .. } => false,
            Self::Resolve { .. } | Self::InUse { .. } => true,
            Self::Io { source, .. } => source.kind() != io::ErrorKind::PermissionDenied,
        }
    }
}

/// Binds `address` and listens on it. `:port` stands for all addresses, IPv6 and IPv4, or IPv4
/// alone where the kernel has no IPv6.
///
/// # Errors
/// [`ListenError`], with a message that can be shown as it is.
pub fn bind(address: &str) -> Result<TcpListener, ListenError> {
    let (host, port) = split(address)?;
    let addresses: Vec<SocketAddr> = if host.is_empty() {
        let all: [IpAddr; 2] = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
        all.map(|ip| SocketAddr::new(ip, port)).to_vec()
    } else {
        (host, port)
            .to_socket_addrs()
            .map_err(|source| ListenError::Resolve { address: address.to_owned(), source })?
            .collect()
    };
    let mut failure =
        ListenError::Syntax { address: address.to_owned(), reason: "the host name has no address" };
    for candidate in addresses {
        match listen(candidate) {
            Ok(listener) => return Ok(listener),
            Err((_, source)) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(ListenError::InUse { address: address.to_owned() });
            }
            // The next may work: a kernel without IPv6, or a name with an address not of this host.
            Err((operation, source)) => {
                failure = ListenError::Io { address: address.to_owned(), operation, source };
            }
        }
    }
    Err(failure)
}

fn listen(address: SocketAddr) -> Result<TcpListener, (&'static str, io::Error)> {
    let during = |operation| move |source| (operation, source);
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
        .map_err(during("open a socket for it"))?;
    if let SocketAddr::V6(address) = address {
        // What net.ipv6.bindv6only says must not decide whether IPv4 is served.
        let alone = !address.ip().is_unspecified();
        socket.set_only_v6(alone).map_err(during("listen on IPv4 and IPv6 there"))?;
    }
    // Else a restart has to wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true).map_err(during("reuse it"))?;
    socket.bind(&address.into()).map_err(during("bind it"))?;
    socket.listen(BACKLOG).map_err(during("listen on it"))?;
    Ok(socket.into())
}

/// Host without brackets, empty for all, and port.
pub(super) fn split(address: &str) -> Result<(&str, u16), ListenError> {
    let wrong = |reason| ListenError::Syntax { address: address.to_owned(), reason };
    let (host, port) = address.rsplit_once(':').ok_or_else(|| wrong("there is no port"))?;
    let host = match host.strip_prefix('[') {
        Some(rest) => {
            let ip = rest.strip_suffix(']').ok_or_else(|| wrong("a bracket is not closed"))?;
            ip.parse::<Ipv6Addr>()
                .map_err(|_| wrong("there is no IPv6 address in the brackets"))?;
            ip
        }
        None if host.contains(':') => return Err(wrong("an IPv6 address needs brackets")),
        None => host,
    };
    if port.is_empty() {
        return Err(wrong("there is no port"));
    }
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|_| digits);
    let port = port.ok_or_else(|| wrong("the port is not a number from 0 to 65535"))?;
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn all_addresses_are_both_families() {
        let listener = bind(":0").unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn hosts_and_addresses_are_bound() {
        for address in ["127.0.0.1:0", "localhost:0"] {
            assert!(bind(address).unwrap().local_addr().unwrap().ip().is_loopback());
        }
        let explicit = bind("0.0.0.0:0").unwrap().local_addr().unwrap();
        assert!(explicit.is_ipv4());
    }

    #[test]
    fn a_port_in_use_is_said_with_the_way_out() {
        let first = bind("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap().to_string();
        let error = bind(&address).unwrap_err();
        assert!(matches!(error, ListenError::InUse { .. }));
        assert_eq!(
            error.to_string(),
            format!(
                "--web.listen-address: \"{address}\": address in use, perhaps by another \
                exporter; choose another with --web.listen-address"
            )
        );
    }

    #[test]
    fn what_is_not_an_address_is_said() {
        for (address, reason) in [
            ("", "there is no port"),
            ("localhost", "there is no port"),
            ("localhost:", "there is no port"),
            (":http", "the port is not a number"),
            (":+80", "the port is not a number"),
            (":65536", "the port is not a number"),
            ("::1:80", "needs brackets"),
            ("[::1:80", "a bracket is not closed"),
            ("[host]:80", "no IPv6 address in the brackets"),
        ] {
            let error = bind(address).unwrap_err().to_string();
            assert!(error.contains(reason), "{address}: {error}");
            assert!(error.starts_with("--web.listen-address: "));
        }
        let elsewhere = bind("192.0.2.1:0").unwrap_err().to_string();
        assert!(elsewhere.contains("cannot bind it"), "{elsewhere}");
    }
}
