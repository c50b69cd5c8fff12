//! Looks at what multicast costs this host, while serving. Comes in: what is wanted. Goes out: the
//! [`Host`] to scrape and the thread that samples it, with no privilege left in any other thread.

use super::{Failure, failed};
use crate::host::sampler::Sampler;
use crate::host::sockets::{Owners, TO_LOOK_INTO_PROCESSES};
use crate::host::syscalls::{self, Choice};
use crate::host::{Host, Settings, Standing, sockets};
use crate::privilege;
use std::io;
use std::sync::Arc;
use tracing::{debug, info, warn};

/// Gives up all privilege and starts the sampler, whose thread keeps [`TO_LOOK_INTO_PROCESSES`] if
/// owners are found by them. `None` is no thread where nothing is looked at. Must be called before
/// any other thread exists.
pub(super) fn drop_privileges(host: &Arc<Host>) -> Result<Option<Sampler>, Failure> {
    let dropping = failed("dropping privileges");
    let start = || sample(host);
    let sampler = if host.standing().sockets.owners == Owners::Fd {
        privilege::drop_all_but_for(&TO_LOOK_INTO_PROCESSES, start)
            .map_err(|error| dropping(&error))?
    } else {
        privilege::drop_all().map_err(|error| dropping(&error))?;
        start()
    };
    sampler.map_err(|error| failed("starting a thread")(&error))
}

fn sample(host: &Arc<Host>) -> io::Result<Option<Sampler>> {
    let Standing { syscalls, sockets } = host.standing();
    if syscalls.is_on() || sockets.is_on() {
        Sampler::start(Arc::clone(host)).map(Some)
    } else {
        Ok(None)
    }
}

/// Says once how this host is looked at, and why not better.
pub(super) fn tell(wanted: Settings, standing: &Standing) {
    tell_of_syscalls(wanted.syscalls, &standing.syscalls);
    tell_of_sockets(wanted, &standing.sockets);
}

fn tell_of_syscalls(wanted: Option<Choice>, standing: &syscalls::Standing) {
    let by_name = matches!(wanted, Some(Choice::Ebpf | Choice::Perf));
    for refusal in &standing.refusals {
        let (backend, reason) = (refusal.backend.label(), refusal.words.as_str());
        if by_name {
            warn!(backend, reason, "system calls are not counted in the way asked for");
        } else {
            info!(backend, reason, "system calls are not counted in this way");
        }
        if let Some(log) = &refusal.verifier_log {
            debug!(backend, log = log.as_str(), "what the kernel's verifier wrote");
        }
    }
    let backend = standing.backend.label();
    if standing.is_on() {
        info!(backend, "counting system calls");
    } else {
        info!(backend, reason = standing.reason.label(), "no system calls are counted");
    }
}

fn tell_of_sockets(wanted: Settings, standing: &sockets::Standing) {
    if let Some(reason) = &standing.refusal {
        if wanted.sockets == Some(sockets::OwnersBy::Fd) {
            warn!(reason, "owners of sockets are not found in the way asked for");
        } else {
            info!(reason, "the sockets on the discovery ports are not looked at as they could be");
        }
    }
    let owners = standing.owners.label();
    if standing.is_on() {
        info!(owners, "looking at the sockets on the discovery ports");
    } else {
        info!(owners, "no sockets are looked at");
    }
}
