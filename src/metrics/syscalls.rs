//! The collector `syscalls`: system calls of this host. What the backend does not know is absent,
//! never 0.

use super::catalogue::families;
use super::small::{Small, float};
use crate::host::syscalls::View;
use prometheus::{Error, proto};

pub(super) fn collect(view: &View) -> Result<Vec<proto::MetricFamily>, Error> {
    let mut small = Small::default();
    small.counter(&families::SYSCALLS, [([], float(view.total))])?;
    small.gauge(&families::SYSCALLS_PER_SECOND, view.per_second.map(|rate| ([], rate)))?;
    if let Some(calls) = &view.calls {
        let rows = calls.iter().map(|&(call, count)| ([call.to_owned()], float(count)));
        small.counter(&families::SYSCALLS_BY_CALL, rows)?;
    }
    if let Some(processes) = &view.processes {
        let name = |name: &str| [name.to_owned()];
        let counts = processes.iter().map(|p| (name(&p.name), float(p.calls)));
        small.counter(&families::PROCESS_SYSCALLS, counts)?;
        let rates = processes.iter().filter_map(|p| Some((name(&p.name), p.per_second?)));
        small.gauge(&families::PROCESS_SYSCALLS_PER_SECOND, rates)?;
    }
    Ok(small.into_families())
}
