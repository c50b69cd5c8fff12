//! Says in the log how this host is looked at, in a few lines.

use crate::host::syscalls::{self, Choice};
use crate::host::{Settings, Standing, sockets};
use tracing::{debug, info, warn};

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
            info!(reason, "the sockets on the discovery ports are watched with limits");
        }
    }
    let owners = standing.owners.label();
    if standing.is_on() {
        info!(owners, "watching the sockets on the discovery ports");
    } else {
        info!(owners, "no sockets are watched");
    }
}
