//! Does what serving does before it serves, in the same order: binds the addresses, opens the
//! sockets, gives all privilege up, then opens each capture. The flags come in; findings and the
//! running captures go out.

use super::captures::{self, Attempt, Groups, Running};
use super::tally::Own;
use super::{host, privileges};
use crate::capture::join::Joins;
use crate::capture::live::{self, Choice, Interface, Opened, Options};
use crate::capture::pool::{Pool, PoolEmpty};
use crate::capture::{Backend, Capture, file};
use crate::commands::finding::{Area, Finding};
use crate::commands::flags::{self, Serve};
use crate::commands::surroundings;
use crate::config::Config;
use crate::evidence::Store;
use crate::host::{Host, syscalls::ebpf::is_first_pid_namespace};
use crate::interfaces::{self, Chosen, Link, Policy, Surroundings, Table, ethtool, sysfs, watch};
use crate::privilege;
use crate::web::listen::{self, ListenError};
use crate::web::probe;
use std::net::TcpListener;
use std::path::Path;

/// What was found, and what can be listened to.
pub struct Preflight {
    /// What was found.
    pub findings: Vec<Finding>,
    /// The captures that were opened.
    pub taps: Vec<Tap>,
    /// What makes a sender this machine.
    pub own: Own,
}

/// A running capture of one interface.
pub struct Tap {
    /// The interface's name.
    pub interface: String,
    /// How it is captured.
    pub backend: Backend,
    /// Where the frames come from.
    pub capture: Box<dyn Capture>,
    /// What lies around the interface.
    pub around: Surroundings,
    /// Whether this machine has an IPv6 address on it.
    pub has_v6: bool,
    /// Memberships end when dropped.
    _joins: Option<Joins>,
}

/// Looks at everything that serving with these flags would use. Must be called before any other
/// thread exists; afterwards the process has no capabilities.
///
/// # Errors
/// A line about a flag that is wrong in itself.
pub fn examine(flags: &Serve) -> Result<Preflight, String> {
    let policy = Policy::new(&flags.capture.interface, &flags.capture.interface_exclude)
        .map_err(|error| error.to_string())?;
    let mut findings = web(&flags.web)?;
    findings.extend(configuration(flags));
    let held = privilege::held().unwrap_or_default();
    let wanted = match flags.capture.backend {
        _ if flags.replay.file.is_some() => 0,
        Choice::Socket => 0,
        Choice::Auto | Choice::Ring | Choice::Pnet => usize::from(flags.capture.sockets),
    };
    let pool = Pool::open(wanted);
    let watched = Host::open(flags.collector.settings());
    if let Err(error) = privilege::drop_all() {
        let text = format!("privileges cannot be given up: {error}");
        findings.push(Finding::problem(Area::Privileges, text));
    }
    match privilege::held() {
        Ok(now) => findings.push(privileges::in_force(&held, &now)),
        Err(error) => findings.push(Finding::problem(Area::Privileges, error.to_string())),
    }
    findings.extend(surroundings::kernel(&surroundings::kernel_release()));
    findings.extend(host::findings(&host::Facts {
        standing: watched.standing().clone(),
        program: program(),
        is_first_namespace: is_first_pid_namespace(),
    }));
    drop(watched);
    if let Some(path) = &flags.replay.file {
        findings.push(replay(path));
        return Ok(Preflight { findings, taps: Vec::new(), own: Own::default() });
    }
    let container = surroundings::read_container();
    findings.extend(privileges::findings(&privileges::Facts {
        backend: flags.capture.backend,
        wanted,
        opened: pool.size(),
        shortage: pool.shortage().cloned(),
        held,
        program: program(),
        container: container.is_some(),
    }));
    let table = match watch::list() {
        Ok(table) => table,
        Err(error) => {
            findings.push(Finding::problem(Area::Interfaces, error.to_string()));
            return Ok(Preflight { findings, taps: Vec::new(), own: Own::default() });
        }
    };
    let (found, taps) = interfaces(&flags.capture, &policy, &table, &pool, container.as_deref());
    findings.extend(found);
    Ok(Preflight { findings, taps, own: own(&table) })
}

/// Whether each address can be listened on. All are held until the last was tried, since two may
/// be the same; none is kept, since nobody would answer there.
fn web(flags: &flags::Web) -> Result<Vec<Finding>, String> {
    if flags.systemd_socket {
        let text = "the service manager hands the sockets over (--web.systemd-socket)";
        return Ok(vec![Finding::ok(Area::Web, text)]);
    }
    let mut held: Vec<TcpListener> = Vec::new();
    let mut findings = Vec::new();
    for address in &flags.listen.address {
        findings.push(match listen::bind(address) {
            Ok(listener) => {
                held.push(listener);
                Finding::ok(Area::Web, format!("{address} can be listened on"))
            }
            Err(error @ ListenError::Syntax { .. }) => return Err(error.to_string()),
            Err(ListenError::InUse { .. }) if probe::is_an_exporter_at(address) => {
                Finding::ok(Area::Web, format!("{address}: an exporter is running there"))
            }
            Err(
                error @ (ListenError::Resolve { .. }
                | ListenError::InUse { .. }
                | ListenError::Io { .. }),
            ) => Finding::problem(Area::Web, error.to_string()),
        });
    }
    Ok(findings)
}

/// Whether the configuration file can be used, and the folder of evidence.
fn configuration(flags: &Serve) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(path) = &flags.config.file {
        let name = path.display();
        findings.push(match Config::load(path) {
            Ok(config) => {
                let (devices, segments) = (config.devices(), config.segments());
                let text = format!("{name}: {devices} devices and {segments} entries for segments");
                Finding::ok(Area::Configuration, text)
            }
            Err(error) => Finding::problem(Area::Configuration, format!("{name}: {error}")),
        });
    }
    if let Some(dir) = &flags.evidence.dir {
        findings.push(match Store::open(dir, flags.evidence.max_size) {
            Ok(_) => {
                let text = format!("evidence can be kept in {}", dir.display());
                Finding::ok(Area::Configuration, text)
            }
            Err(error) => Finding::problem(Area::Configuration, format!("--evidence.dir: {error}")),
        });
    }
    findings
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

/// Opens what the policy chooses.
fn interfaces(
    flags: &flags::Capture,
    policy: &Policy,
    table: &Table,
    pool: &Pool,
    container: Option<&str>,
) -> (Vec<Finding>, Vec<Tap>) {
    let chosen = policy.choose(table);
    let captured: Vec<&Link> = chosen
        .iter()
        .filter(|chosen| chosen.choice == interfaces::Choice::Captured)
        .filter_map(|chosen| table.link(chosen.index))
        .collect();
    let mut findings = Vec::new();
    let mut taps = Vec::new();
    let mut rings = Vec::new();
    for link in &captured {
        let (attempt, tap) = open(flags, policy, table, pool, link);
        rings.extend(attempt.outcome.iter().filter_map(|running| running.ring_bytes));
        findings.extend(captures::attempt(&attempt));
        findings.extend(tap.iter().filter_map(|tap| vlan_filter(flags, link, tap)));
        taps.extend(tap);
    }
    findings.extend(captures::memory(&rings));
    findings.extend(other_interfaces(policy, table, &chosen, captured.is_empty()));
    let wireless = captured.iter().filter(|link| sysfs::is_wireless(&link.name));
    findings.extend(wireless.map(|link| surroundings::wireless(&link.name)));
    let peers: Vec<_> = captured
        .iter()
        .map(|link| (link.name.as_str(), surroundings::read_peer(table, link)))
        .collect();
    findings.extend(surroundings::container(container, &peers));
    (findings, taps)
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
    // A pattern without a match says it already.
    if nothing && unmatched.is_empty() {
        findings.push(captures::nothing(chosen));
    }
    findings.extend(unmatched);
    findings
}

/// Opens the capture of one interface as serving does.
fn open(
    flags: &flags::Capture,
    policy: &Policy,
    table: &Table,
    pool: &Pool,
    link: &Link,
) -> (Attempt, Option<Tap>) {
    let interface = Interface {
        index: link.index,
        name: link.name.clone(),
        mac: link.mac,
        arphrd: link.hardware,
    };
    let options = Options { ring_size: flags.ring_size, promiscuous: flags.promiscuous };
    let has_v6 = table.addresses(link.index).any(|address| address.ip.is_ipv6());
    let attempt = |outcome| Attempt {
        interface: link.name.clone(),
        carrier: link.flags.running(),
        has_v6,
        unprivileged: pool.shortage() == Some(&PoolEmpty::NotPermitted),
        outcome,
    };
    let opened = match live::open(flags.backend, &interface, pool, &options) {
        Ok(opened) => opened,
        Err(error) => return (attempt(Err(error.to_string())), None),
    };
    let Opened { capture, backend, fallbacks, skipped_groups, ring_bytes } = opened;
    // The groups' own sockets join them, or hear nothing.
    let joins = (flags.join() && backend != Backend::Socket).then(|| Joins::new(link.index));
    let groups = match (&joins, backend) {
        (Some(joins), _) => Groups::Asked {
            joined: joins.joined().len(),
            failed: joins
                .failures()
                .iter()
                .map(|failure| (failure.group.to_string(), failure.error.to_string()))
                .collect(),
        },
        (None, Backend::Socket) => Groups::Asked {
            joined: crate::capture::groups::LISTENED.len() - skipped_groups.len(),
            failed: skipped_groups,
        },
        (None, Backend::Ring | Backend::Pnet | Backend::File | Backend::Demo) => Groups::NotAsked,
    };
    let running = Running { backend, fallbacks, ring_bytes, groups };
    let tap = Tap {
        interface: link.name.clone(),
        backend,
        capture,
        around: policy.surroundings(table, link.index),
        has_v6,
        _joins: joins,
    };
    (attempt(Ok(running)), Some(tap))
}

/// What the driver does with VLANs, where that is Ethernet and the backend would see tags.
fn vlan_filter(flags: &flags::Capture, link: &Link, tap: &Tap) -> Option<Finding> {
    if link.hardware != libc::ARPHRD_ETHER || !tap.backend.abilities().vlan {
        return None;
    }
    let filter = ethtool::vlan_filter(&link.name).map_err(|error| error.to_string());
    Some(surroundings::vlan_filter(&link.name, &filter, flags.promiscuous))
}

fn own(table: &Table) -> Own {
    let addresses = table
        .links()
        .flat_map(|link| table.addresses(link.index).map(|address| address.ip))
        .collect();
    Own { macs: table.local_macs(), addresses }
}

/// Where this program lies, or its name.
fn program() -> String {
    std::env::current_exe()
        .map_or_else(|_| "multicast_exporter".into(), |path| path.display().to_string())
}
