//! The UDP sockets on the discovery ports, in this network namespace: how many, whose, what waits
//! in them and what the kernel threw away.
//!
//! It asks `sock_diag` and `/proc`. It must not know system calls, metrics or scrapes.
//!
//! | module | what |
//! |---|---|
//! | [`diag`] | asks the kernel for the sockets |
//! | [`owners`] | whose they are |
//! | [`totals`] | sums that never go down while sockets come and go |

pub(crate) mod diag;
pub mod owners;
pub mod totals;

use super::Command;
use crate::labelled::labelled;
use crate::privilege::holds;
use crate::time::Time;
use caps::Capability;
pub use diag::Error;
use diag::{Diag, Socket};
pub use owners::OwnersBy;
use owners::{Finder, Owner};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use totals::SocketTotals;
pub use totals::{Row, View};

/// mDNS, SSDP, LLMNR, WS-Discovery.
pub const PORTS: [u16; 4] = [5353, 1900, 5355, 3702];

/// The capabilities needed to see the files of other users' processes (proc(5)).
pub const TO_LOOK_INTO_PROCESSES: [Capability; 2] =
    [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];

labelled! {
    /// How the owners of sockets are found: the `owners` label.
    pub enum Owners {
        /// By the files that processes hold.
        Fd = "fd",
        /// By user.
        Uid = "uid",
        /// No socket is looked at.
        None = "none",
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
    pub(crate) fn is_on(&self) -> bool {
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

/// The label of sockets whose owner is unknown.
pub const UNKNOWN: &str = "unknown";

/// How long to wait after a failed look before the next.
const AGAIN: Duration = Duration::from_mins(1);

/// The watched sockets.
pub struct Sockets {
    diag: Diag,
    finder: Finder,
    totals: SocketTotals,
    /// What is known of the sockets that there are, by cookie.
    known: HashMap<u64, Known>,
}

struct Known {
    owner: Option<Owner>,
    looked: Time,
}

impl Sockets {
    /// Opens what lists sockets, in the network namespace of the calling thread.
    pub fn open(wanted: Option<OwnersBy>) -> (Option<Self>, Standing) {
        let none = |refusal| (None, Standing { owners: Owners::None, refusal });
        let Some(wanted) = wanted else { return none(None) };
        let mut diag = match Diag::open() {
            Ok(diag) => diag,
            Err(error) => return none(Some(refusal(&error.into()))),
        };
        if let Err(error) = diag.list(&PORTS) {
            return none(Some(refusal(&error)));
        }
        let lacking = TO_LOOK_INTO_PROCESSES
            .into_iter()
            .filter(|capability| !holds(*capability))
            .map(|capability| capability.to_string());
        let lacking: Vec<String> = match wanted {
            OwnersBy::Uid => Vec::new(),
            OwnersBy::Fd => lacking.collect(),
        };
        let (by, standing) = if lacking.is_empty() {
            let owners = match wanted {
                OwnersBy::Fd => Owners::Fd,
                OwnersBy::Uid => Owners::Uid,
            };
            (wanted, Standing { owners, refusal: None })
        } else {
            let words = format!(
                "{} missing, without which other processes' files cannot be seen: owners are \
                 found by user instead; run it as root, or give it the capability",
                lacking.join(" and ") + if lacking.len() == 1 { " is" } else { " are" }
            );
            (OwnersBy::Uid, Standing { owners: Owners::Uid, refusal: Some(words) })
        };
        let finder = Finder::new("/proc".into(), by);
        let sockets = Self { diag, finder, totals: SocketTotals::default(), known: HashMap::new() };
        (Some(sockets), standing)
    }

    /// Lists the sockets anew.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn refresh(&mut self, now: Time, lookup: Lookup) -> Result<View, Error> {
        let sockets = self.diag.list(&PORTS)?;
        let cookies: HashSet<u64> = sockets.iter().map(|socket| socket.cookie).collect();
        self.known.retain(|cookie, _| cookies.contains(cookie));
        if self.finder.by() == OwnersBy::Uid || lookup == Lookup::Allowed {
            self.find_owners(now, &sockets);
        }
        // Without the capability, a new socket's owner is left open: the sampler looks.
        let known = sockets.iter().filter_map(|socket| {
            let label = match &self.known.get(&socket.cookie)?.owner {
                Some(owner) => owner.command.label(),
                None => UNKNOWN.into(),
            };
            Some((socket, label))
        });
        self.totals.book(now, known);
        Ok(self.totals.view())
    }

    fn find_owners(&mut self, now: Time, sockets: &[Socket]) {
        let is_sought = |socket: &&Socket| match self.known.get(&socket.cookie) {
            Some(Known { owner: Some(owner), .. }) => !self.finder.is_still(owner, socket),
            Some(Known { owner: None, looked }) => now.since(*looked) >= AGAIN,
            None => true,
        };
        let sought: Vec<Socket> = sockets.iter().filter(is_sought).copied().collect();
        if sought.is_empty() {
            return;
        }
        let mut found = self.finder.find(&sought);
        for Socket { cookie, .. } in sought {
            self.known.insert(cookie, Known { owner: found.remove(&cookie), looked: now });
        }
    }

    /// Whether processes of this name own a watched socket, as of the last refresh.
    pub(crate) fn is_owner(&self, command: &Command) -> bool {
        let mut owners = self.known.values().filter_map(|known| known.owner.as_ref());
        owners.any(|owner| owner.command == *command)
    }
}

/// Why sockets cannot be listed, and what to do.
fn refusal(error: &Error) -> String {
    format!(
        "{error}: the kernel needs CONFIG_INET_UDP_DIAG (modprobe udp_diag), a sandbox has to allow \
         AF_NETLINK (systemd: RestrictAddressFamilies)"
    )
}
