//! What multicast costs this host: system calls by process, and the sockets that wait for
//! discovery.
//!
//! The kernel counts (a BPF program's maps, perf events, `sock_diag`), and `/proc` names the
//! processes. It knows nothing of frames, captures and devices.
//!
//! [`Host::open`] needs privilege and comes before any thread; [`Host::read`] needs none. Both the
//! [`sampler`] and every scrape fold what the kernel has counted into totals, under one lock, so
//! that two scrapers see the same.
//!
//! | module | what |
//! |---|---|
//! | [`command`] | a command name, as the kernel keeps it and as a label |
//! | [`syscalls`] | counts system calls: by eBPF, else by perf, else not at all |
//! | [`sockets`] | the UDP sockets of the discovery ports, and whose they are |
//! | [`sampler`] | the thread that closes a window every 10 s |

pub mod command;
pub mod sampler;
pub mod sockets;
pub mod syscalls;

pub use command::Command;
use parking_lot::Mutex;
use sockets::{Lookup, OwnersBy, Sockets};
use std::sync::Arc;
use std::time::Duration;
use syscalls::{Choice, Counter, Increments, Tally};
use thiserror::Error;

/// How long a window is: rates are over the last whole one.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How to count system calls; `None` is not at all.
    pub syscalls: Option<Choice>,
    /// How to find the owners of sockets; `None` looks at no sockets.
    pub sockets: Option<OwnersBy>,
}

/// How both parts work, settled at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How system calls are counted, and why not better.
    pub syscalls: syscalls::Standing,
    /// How the owners of sockets are found, and why not better.
    pub sockets: sockets::Standing,
}

/// What a part could not do this time.
#[derive(Debug, Error)]
pub enum Trouble {
    /// The lock could not be had in time.
    #[error("its lock could not be taken in time")]
    Lock,
    /// The kernel's count of system calls could not be read.
    #[error("reading the count of system calls: {0}")]
    Syscalls(std::io::Error),
    /// The sockets could not be listed.
    #[error(transparent)]
    Sockets(sockets::Error),
}

/// What is known at one instant. `None` is a part that is off.
#[derive(Debug)]
pub struct View {
    /// System calls.
    pub syscalls: Option<Result<syscalls::View, Trouble>>,
    /// Sockets.
    pub sockets: Option<Result<sockets::View, Trouble>>,
}

/// Who knows what multicast costs a host: the kernel of this one, or a simulation.
pub trait Source: Send + Sync {
    /// How both parts work.
    fn standing(&self) -> &Standing;

    /// What is known now. Waits at most `wait` for another caller.
    fn read(&self, wait: Duration) -> View;
}

/// This host, as far as multicast has a cost for it.
pub struct Host {
    standing: Standing,
    state: Mutex<State>,
}

struct State {
    syscalls: Option<(Counter, Tally)>,
    sockets: Option<Sockets>,
    increments: Increments,
}

impl Host {
    /// Opens what `settings` want, as far as the kernel lets it: what it refuses is in
    /// [`Host::standing`]. Must be called with the privileges that the start has, before any other
    /// thread exists.
    pub fn open(settings: Settings) -> Arc<Self> {
        let (sockets, owners) = Sockets::open(settings.sockets);
        let (counter, syscalls) = syscalls::open(settings.syscalls);
        let host = Self {
            standing: Standing { syscalls, sockets: owners },
            state: Mutex::new(State {
                syscalls: counter.map(|counter| (counter, Tally::new(now()))),
                sockets,
                increments: Increments::default(),
            }),
        };
        // The owners of today's sockets have their places from the first fold on.
        let _ = host.state.lock().refresh(Lookup::Allowed);
        Arc::new(host)
    }

    /// The same, and ends the window. For the sampler, which may look into other processes if
    /// anybody may.
    pub(crate) fn close_window(&self) {
        let mut state = self.state.lock();
        let _ = state.refresh(Lookup::Allowed);
        if let Some((_, tally)) = &mut state.syscalls {
            tally.close_window(now());
        }
    }
}

impl Source for Host {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Folds what the kernel has counted and looks at the sockets.
    fn read(&self, wait: Duration) -> View {
        match self.state.try_lock_for(wait) {
            Some(mut state) => state.refresh(Lookup::Cached),
            None => View::locked(&self.standing),
        }
    }
}

impl View {
    /// What is said where another caller takes too long.
    pub(crate) fn locked(standing: &Standing) -> Self {
        Self {
            syscalls: standing.syscalls.is_on().then_some(Err(Trouble::Lock)),
            sockets: standing.sockets.is_on().then_some(Err(Trouble::Lock)),
        }
    }
}

impl State {
    fn refresh(&mut self, lookup: Lookup) -> View {
        let now = now();
        // Sockets first: an owner of one has a place in the fold that follows.
        let sockets = self
            .sockets
            .as_mut()
            .map(|sockets| sockets.refresh(now, lookup).map_err(Trouble::Sockets));
        let owners = self.sockets.as_ref();
        let increments = &mut self.increments;
        let syscalls = self.syscalls.as_mut().map(|(counter, tally)| {
            counter.read(increments).map_err(Trouble::Syscalls)?;
            tally.fold(now, increments, |command| {
                owners.is_some_and(|sockets| sockets.is_owner(command))
            });
            Ok(tally.view())
        });
        View { syscalls, sockets }
    }
}

fn now() -> crate::time::Time {
    crate::time::clock::now().monotonic
}
