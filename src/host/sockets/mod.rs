//! The UDP sockets on the discovery ports, in this network namespace: how many, whose, what waits
//! in them and what the kernel threw away.
//!
//! Comes in: `sock_diag` and `/proc`. Goes out: a [`View`]. It must not know system calls, metrics
//! or scrapes.
//!
//! | room | what |
//! |---|---|
//! | [`diag`] | asks the kernel for the sockets |
//! | [`owners`] | whose they are |
//! | [`ledger`] | sums that never go down while sockets come and go |

pub mod diag;
pub mod ledger;
pub mod owners;

use super::Command;
use crate::time::Time;
pub use diag::Error;
pub use ledger::{Row, View};

/// mDNS, SSDP, LLMNR, WS-Discovery.
pub const PORTS: [u16; 4] = [5353, 1900, 5355, 3702];

/// How to find the owners of sockets (`--collector.sockets.owners`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum OwnersBy {
    /// The only command name among the processes of the socket's user: no privilege.
    #[default]
    Uid,
    /// The process that holds the socket (needs `CAP_SYS_PTRACE` and `CAP_DAC_READ_SEARCH`, which
    /// one thread keeps).
    Fd,
}

/// How the owners of sockets are found: the `owners` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owners {
    /// By the files that processes hold.
    Fd,
    /// By user.
    Uid,
    /// No socket is looked at.
    None,
}

impl Owners {
    /// The `owners` label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fd => "fd",
            Self::Uid => "uid",
            Self::None => "none",
        }
    }
}

/// How sockets are looked at, and why not better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How their owners are found.
    pub owners: Owners,
    /// Why not in the way that was asked for, in plain words: one sentence without a full stop.
    pub refusal: Option<String>,
}

impl Standing {
    /// Whether sockets are looked at.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.owners != Owners::None
    }
}

/// Whether other processes may be looked into now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This thread has the capabilities for it, if any has.
    Allowed,
    /// It has none: with [`Owners::Fd`] a socket not seen before waits for the sampler.
    Cached,
}

/// The watched sockets.
pub struct Sockets {}

impl Sockets {
    /// Opens what lists sockets, in the network namespace of the calling thread.
    #[must_use]
    pub fn open(_wanted: Option<OwnersBy>) -> (Option<Self>, Standing) {
        (None, Standing { owners: Owners::None, refusal: None })
    }

    /// Lists the sockets anew.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn refresh(&mut self, _now: Time, _lookup: Lookup) -> Result<View, Error> {
        Ok(View::default())
    }

    /// Whether processes of this name own a watched socket, as of the last refresh.
    #[must_use]
    pub fn is_owner(&self, _command: &Command) -> bool {
        false
    }
}
