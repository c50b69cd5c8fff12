//! Reports on what serving would open: opens all of it, in the same way and order, then each
//! capture.

use super::captures::{self, Attempt, Groups, Running};
use super::{host, privileges};
use crate::capture::groups::LISTENED;
use crate::capture::join::Joins;
use crate::capture::live::Opened;
use crate::capture::pool::PoolEmpty;
use crate::capture::{Backend, Capture, file};
use crate::commands::capturing::{self, Means};
use crate::commands::configuration::Configuration;
use crate::commands::finding::{Area, Finding};
use crate::commands::flags::{self, Serve};
use crate::commands::opening::{self, Listeners};
use crate::commands::surroundings;
use crate::detect;
use crate::engine::Local;
use crate::evidence::{Store, StoreError};
use crate::host::Source as _;
use crate::host::syscalls::ebpf::is_first_pid_namespace;
use crate::interfaces::{self, Chosen, Link, Policy, Surroundings, Table, ethtool, sysfs, watch};
use crate::privilege;
use crate::segment::Lans;
use crate::web::activation::ActivationError;
use crate::web::listen::ListenError;
use crate::web::probe;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

/// What was found, and what can be listened to.
#[derive(Default)]
pub(crate) struct Preflight {
    /// What was found.
    pub findings: Vec<Finding>,
    /// The captures that were opened.
    pub captures: Vec<Live>,
    /// What this machine's own frames are known by.
    pub local: Arc<Local>,
    /// The configuration file, as far as it can be used.
    pub configuration: Configuration,
}

/// A running capture of one interface.
pub struct Live {
    /// The interface's name.
    pub interface: String,
    /// How it is captured.
    pub backend: Backend,
    /// Where the frames come from.
    pub capture: Box<dyn Capture>,
    /// What lies around the interface.
    pub around: Surroundings,
    /// What the detectors have to know of it.
    pub link: Arc<detect::Vantage>,
    /// Whether this machine has an IPv6 address on it.
    pub has_v6: bool,
    /// Memberships end when dropped.
    _joins: Option<Joins>,
}

/// Opens everything that serving with these flags would use. Must be called before any other
/// thread exists; afterwards the process has no capabilities.
///
/// # Errors
/// A line about a flag that is wrong in itself.
pub(crate) fn examine(flags: &Serve) -> Result<Preflight, String> {
    let opened = opening::open(flags)?;
    let mut findings = web(&flags.web, opened.listeners)?;
    let configuration = match opened.configuration {
        Ok(configuration) => {
            let text = configuration.summary();
            findings.extend(text.map(|text| Finding::ok(Area::Configuration, text)));
            configuration
        }
        Err(line) => {
            findings.push(Finding::problem(Area::Configuration, line));
            Configuration::default()
        }
    };
    findings.extend(opened.evidence.iter().map(|store| evidence(&flags.evidence, store)));
    let held = opened.held.unwrap_or_default();
    if let Err(failure) = &opened.sampler {
        findings.push(Finding::problem(Area::Privileges, failure.line.clone()));
    }
    match privilege::permitted_to_any_thread() {
        Ok(now) => findings.push(privileges::in_force(&held, &now)),
        Err(error) => findings.push(Finding::problem(Area::Privileges, error.to_string())),
    }
    findings.extend(surroundings::kernel(&surroundings::kernel_release()));
    findings.extend(host::findings(&host::Facts {
        standing: opened.host.standing().clone(),
        program: program(),
        is_first_namespace: is_first_pid_namespace(),
    }));
    // Nothing is counted here, and the thread that may keep two capabilities ends here.
    drop((opened.sampler, opened.host));
    if let Some(path) = &flags.replay.file {
        findings.push(replay(path));
        return Ok(Preflight { findings, configuration, ..Preflight::default() });
    }
    let container = surroundings::read_container();
    findings.extend(privileges::findings(&privileges::Facts {
        backend: flags.capture.backend,
        wanted: opened.wanted,
        opened: opened.pool.size(),
        shortage: opened.pool.shortage().cloned(),
        held,
        program: program(),
        container: container.is_some(),
    }));
    let table = match watch::list() {
        Ok(table) => table,
        Err(error) => {
            findings.push(Finding::problem(Area::Interfaces, error.to_string()));
            return Ok(Preflight { findings, configuration, ..Preflight::default() });
        }
    };
    let unprivileged = opened.pool.shortage() == Some(&PoolEmpty::NotPermitted);
    let prober = Opener {
        means: Means::new(&flags.capture, opened.pool),
        policy: &opened.policy,
        lans: &opened.lans,
        table: &table,
        unprivileged,
        promiscuous: flags.capture.promiscuous,
    };
    let (found, captures) = prober.open_all(container.as_deref());
    findings.extend(found);
    Ok(Preflight { findings, captures, local: capturing::local(&table), configuration })
}

/// Whether each address can be listened on. None is kept, since no request would be answered.
fn web(flags: &flags::Web, listeners: Listeners) -> Result<Vec<Finding>, String> {
    match listeners {
        Listeners::Bound(each) => {
            let bound = flags.listen.address.iter().zip(&each);
            bound.map(|(address, result)| bind(address, result)).collect()
        }
        // Only the service manager passes sockets, and it does not start this command.
        Listeners::HandedOver(Ok(_) | Err(ActivationError::None)) => {
            let text = "the service manager passes the sockets (--web.systemd-socket)";
            Ok(vec![Finding::ok(Area::Web, text)])
        }
        Listeners::HandedOver(Err(error)) => {
            Ok(vec![Finding::problem(Area::Web, error.to_string())])
        }
    }
}

fn bind(address: &str, result: &Result<TcpListener, ListenError>) -> Result<Finding, String> {
    Ok(match result {
        Ok(_) => Finding::ok(Area::Web, format!("{address} can be listened on")),
        Err(error @ ListenError::Syntax { .. }) => return Err(error.to_string()),
        Err(ListenError::InUse { .. }) if probe::is_an_exporter_at(address) => {
            Finding::ok(Area::Web, format!("{address}: an exporter is running there"))
        }
        Err(
            error @ (ListenError::Resolve { .. }
            | ListenError::InUse { .. }
            | ListenError::Io { .. }),
        ) => Finding::problem(Area::Web, error.to_string()),
    })
}

fn evidence(flags: &flags::Evidence, store: &Result<Store, StoreError>) -> Finding {
    match store {
        Ok(_) => {
            let dir = flags.dir.as_deref().unwrap_or(Path::new("")).display();
            Finding::ok(Area::Configuration, format!("evidence can be kept in {dir}"))
        }
        Err(error) => Finding::problem(Area::Configuration, format!("--evidence.dir: {error}")),
    }
}

fn replay(path: &Path) -> Finding {
    match file::open(path) {
        Ok(_) => Finding::ok(
            Area::Interfaces,
            format!("none is captured: {} is replayed", path.display()),
        ),
        Err(error) => Finding::problem(
            Area::Interfaces,
            format!("--capture.file={}: {error}", path.display()),
        ),
    }
}

/// Opens captures.
struct Opener<'a> {
    means: Means,
    policy: &'a Policy,
    lans: &'a Lans,
    table: &'a Table,
    /// Whether privilege for packet sockets is missing.
    unprivileged: bool,
    promiscuous: bool,
}

impl Opener<'_> {
    /// Opens what the policy chooses.
    fn open_all(&self, container: Option<&str>) -> (Vec<Finding>, Vec<Live>) {
        let Self { policy, table, .. } = *self;
        let chosen = policy.choose(table);
        let captured: Vec<&Link> = chosen
            .iter()
            .filter(|chosen| chosen.choice == interfaces::Choice::Captured)
            .filter_map(|chosen| table.link(chosen.index))
            .collect();
        let mut findings = Vec::new();
        let mut opened = Vec::new();
        let mut rings = Vec::new();
        for link in &captured {
            let (attempt, live) = self.open(link, captured.len());
            rings.extend(attempt.outcome.iter().filter_map(|running| running.ring_bytes));
            findings.extend(captures::attempt(&attempt));
            findings.extend(live.iter().filter_map(|live| self.vlan_filter(link, live)));
            opened.extend(live);
        }
        findings.extend(captures::memory(&rings));
        findings.extend(self.lans(&captured));
        findings.extend(other_interfaces(policy, table, &chosen, captured.is_empty()));
        let wireless = captured.iter().filter(|link| sysfs::is_wireless(&link.name));
        findings.extend(wireless.map(|link| surroundings::wireless(&link.name)));
        let peers: Vec<_> = captured
            .iter()
            .map(|link| (link.name.as_str(), surroundings::read_peer(table, link)))
            .collect();
        findings.extend(surroundings::container(container, &peers));
        (findings, opened)
    }

    /// Which LANs the captured interfaces are on.
    fn lans(&self, captured: &[&Link]) -> Vec<Finding> {
        let vlan = |link: &Link| {
            let own = self.policy.surroundings(self.table, link.index).own;
            own.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
        };
        let named: Vec<_> = captured.iter().map(|link| (link.name.as_str(), vlan(link))).collect();
        captures::lans(self.lans, &named)
    }

    /// Opens the capture of one interface.
    fn open(&self, link: &Link, among: usize) -> (Attempt, Option<Live>) {
        let has_v6 = self.table.addresses(link.index).any(|address| address.ip.is_ipv6());
        let attempt = |outcome| Attempt {
            interface: link.name.clone(),
            carrier: link.flags.running(),
            has_v6,
            unprivileged: self.unprivileged,
            outcome,
        };
        let (opened, joins) = match self.means.capture(link, among) {
            Ok(opened) => opened,
            Err(error) => return (attempt(Err(error.to_string())), None),
        };
        let Opened { capture, backend, fallbacks, skipped_groups, ring_bytes } = opened;
        let groups = groups(backend, joins.as_ref(), skipped_groups);
        let live = Live {
            interface: link.name.clone(),
            backend,
            capture,
            around: self.policy.surroundings(self.table, link.index),
            link: capturing::seen(self.table, link),
            has_v6,
            _joins: joins,
        };
        (attempt(Ok(Running { backend, fallbacks, ring_bytes, groups })), Some(live))
    }

    /// What the driver does with VLANs, where that is Ethernet and the backend would see tags.
    fn vlan_filter(&self, link: &Link, live: &Live) -> Option<Finding> {
        if link.hardware != libc::ARPHRD_ETHER || !live.backend.abilities().vlan {
            return None;
        }
        let filter = ethtool::vlan_filter(&link.name).map_err(|error| error.to_string());
        Some(surroundings::vlan_filter(&link.name, &filter, self.promiscuous))
    }
}

/// Which groups were joined. `skipped` are those that the socket backend cannot hear.
fn groups(backend: Backend, joins: Option<&Joins>, skipped: Vec<(String, String)>) -> Groups {
    match (joins, backend) {
        (Some(joins), _) => Groups::Asked {
            joined: joins.joined().len(),
            failed: joins
                .failures()
                .iter()
                .map(|failure| (failure.group.to_string(), failure.error.to_string()))
                .collect(),
        },
        (None, Backend::Socket) => {
            Groups::Asked { joined: LISTENED.len() - skipped.len(), failed: skipped }
        }
        (None, Backend::Ring | Backend::Pnet | Backend::File | Backend::Demo) => Groups::NotAsked,
    }
}

fn other_interfaces(
    policy: &Policy,
    table: &Table,
    chosen: &[Chosen],
    nothing: bool,
) -> Vec<Finding> {
    let mut findings = captures::passed_over(chosen);
    let names: Vec<&str> = table.links().map(|link| link.name.as_str()).collect();
    let unmatched = captures::unmatched(&policy.unmatched(table), &names);
    // A pattern without a match has been reported already.
    if nothing && unmatched.is_empty() {
        findings.push(captures::nothing(chosen));
    }
    findings.extend(unmatched);
    findings
}

/// Where this program is, or its name.
fn program() -> String {
    std::env::current_exe()
        .map_or_else(|_| "multicast_exporter".into(), |path| path.display().to_string())
}
