//! Asks the kernel for UDP sockets by `sock_diag`: no capability needed.

use thiserror::Error;

/// Why sockets cannot be listed.
#[derive(Debug, Error)]
pub enum Error {
    /// The kernel refused.
    #[error("listing sockets by sock_diag: {0}")]
    Io(#[from] std::io::Error),
}
