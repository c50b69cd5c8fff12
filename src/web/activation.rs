//! Listening sockets that the service manager opened before this process was started
//! (`sd_listen_fds(3)`): the environment names them, their descriptors begin at 3. It must not know
//! HTTP or an async runtime.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::TcpListener;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use thiserror::Error;

/// Why there is nothing to listen on.
#[derive(Debug, Error)]
pub enum ActivationError {
    /// None were handed over.
    #[error(
        "--web.systemd-socket: no socket was passed; start the program by its socket unit, or without this flag"
    )]
    None,
    /// Something else was handed over.
    #[error(
        "--web.systemd-socket: descriptor {descriptor} is not a listening TCP socket; the socket unit needs ListenStream= with a port"
    )]
    NoListener {
        /// Its number.
        descriptor: RawFd,
    },
    /// The environment is not as systemd sets it, or the kernel refused.
    #[error("--web.systemd-socket: taking the sockets that were passed: {0}")]
    Io(#[from] io::Error),
}

/// Takes the sockets over. Must be called once, before any other thread exists: the environment
/// is changed so that nobody else takes them.
///
/// # Errors
/// [`ActivationError`], with a message that can be shown as it is.
pub fn take() -> Result<Vec<TcpListener>, ActivationError> {
    let listeners: Vec<TcpListener> =
        sd_notify::listen_fds()?.map(listener).collect::<Result<_, _>>()?;
    if listeners.is_empty() { Err(ActivationError::None) } else { Ok(listeners) }
}

fn listener(descriptor: RawFd) -> Result<TcpListener, ActivationError> {
    // SAFETY: the service manager opened it for this process, which its environment names by
    // number (sd_listen_fds(3)); fcntl has found it open, and nobody else in here knows of it.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let socket = Socket::from(owned);
    let is_stream = || -> io::Result<bool> {
        let is_ip = [Domain::IPV4, Domain::IPV6].contains(&socket.domain()?);
        Ok(is_ip && socket.r#type()? == Type::STREAM && socket.is_listener()?)
    };
    // What is no socket at all gives an error here.
    if is_stream().unwrap_or(false) {
        Ok(socket.into())
    } else {
        Err(ActivationError::NoListener { descriptor })
    }
}
