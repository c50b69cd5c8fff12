//! The collector `exporter`: the exporter itself. Its build, its rings, the clock's steps, and what
//! could not be had. How the collectors did is written by [`super::scrape`], which knows.

use super::catalogue::{Sight, families};
use super::small::{Small, float};
use crate::evidence::Totals;
use crate::host;
use crate::lan::Reload;
use crate::lan::{LanView, Privileges};
use crate::privilege::USED;
use crate::time::Stamp;
use prometheus::{Error, proto};

/// What was built, and from what. `build.rs` says how it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The package's version.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub revision: &'static str,
    /// The branch, or `unknown`.
    pub branch: &'static str,
    /// The compiler's version.
    pub rustversion: &'static str,
    /// The target triple.
    pub target: &'static str,
}

/// This build.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: env!("MULTICAST_EXPORTER_REVISION"),
    branch: env!("MULTICAST_EXPORTER_BRANCH"),
    rustversion: env!("MULTICAST_EXPORTER_RUSTVERSION"),
    target: env!("MULTICAST_EXPORTER_TARGET"),
};

pub(super) fn collect(
    build: &Build,
    external_url: Option<&str>,
    view: &LanView,
    host: Option<&host::Standing>,
    privileges: Option<&Privileges>,
    is_simulated: bool,
) -> Result<Vec<proto::MetricFamily>, Error> {
    let mut small = Small::default();
    let labels = [build.version, build.revision, build.branch, build.rustversion, build.target];
    small.gauge(&families::BUILD_INFO, [(labels.map(String::from), 1.0)])?;
    if let Some(url) = external_url {
        small.gauge(&families::WEB_INFO, [([url.to_owned()], 1.0)])?;
    }
    small.gauge(&families::SIMULATED, [([], float(u64::from(is_simulated)))])?;
    if let Some(privileges) = privileges {
        small.gauge(&families::CAPABILITY, capabilities(privileges))?;
    }
    small.counter(&families::CLOCK_STEPS, [([], float(view.clock_steps))])?;
    small.counter(&families::CAPTURES_FORGOTTEN, [([], float(view.forgotten))])?;
    if let Some(Reload { successful, last_success }) = view.reload {
        small.gauge(&families::CONFIG_SUCCESSFUL, [([], float(u64::from(successful)))])?;
        small.gauge(&families::CONFIG_SUCCESS_TIME, [([], seconds(last_success))])?;
    }
    if let Some(Totals { written, failed, deleted }) = view.evidence {
        let files = [("written", written), ("failed", failed), ("deleted", deleted)];
        let files = files.map(|(outcome, count)| ([outcome.to_owned()], float(count)));
        small.counter(&families::EVIDENCE_FILES, files)?;
    }
    if let Some(dropped) = view.log_dropped {
        small.counter(&families::LOG_DROPPED, [([], float(dropped))])?;
    }
    if let Some(host::Standing { syscalls, sockets }) = host {
        let labels = [syscalls.backend.label(), syscalls.reason.label()].map(String::from);
        small.gauge(&families::SYSCALLS_INFO, [(labels, 1.0)])?;
        let labels = [sockets.owners.label().to_owned()];
        small.gauge(&families::SOCKETS_INFO, [(labels, 1.0)])?;
    }
    small.gauge(
        &families::RING_BYTES,
        view.captures.iter().filter_map(|c| {
            let has_ring = c.abilities.is_some_and(|abilities| Sight::Ring.of(&abilities));
            c.ring_bytes.filter(|_| has_ring).map(|bytes| ([c.name.clone()], float(bytes)))
        }),
    )?;
    Ok(small.into_families())
}

/// A row for each capability of use and time that is known.
fn capabilities(privileges: &Privileges) -> impl Iterator<Item = ([String; 2], f64)> {
    let times = [("start", Some(&privileges.at_start)), ("now", privileges.now.as_ref())];
    times.into_iter().filter_map(|(when, set)| Some((when, set?))).flat_map(|(when, set)| {
        USED.map(|capability| {
            let name = capability.to_string();
            let held = u64::from(set.contains(&name));
            ([name, when.to_owned()], float(held))
        })
    })
}

/// Seconds since the epoch, to the millisecond.
#[allow(clippy::cast_precision_loss, reason = "53 bits hold milliseconds for 285,000 years")]
fn seconds(stamp: Stamp) -> f64 {
    (stamp.0 / 1_000_000) as f64 / 1e3
}
