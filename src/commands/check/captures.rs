//! Findings on which interfaces are captured and how, and why the others are not. Pure.

use crate::capture::Backend;
use crate::commands::finding::{Area, Finding, counted, shell_word};
use crate::interfaces::{Choice, Chosen, Reason};
use crate::segment::{LanName, Lans};
use std::collections::BTreeMap;

/// How the capture of one interface went.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The interface.
    pub interface: String,
    /// Whether it can carry frames: the cable is in.
    pub carrier: bool,
    /// Whether this machine has an IPv6 address on it.
    pub has_v6: bool,
    /// Whether privilege for packet sockets is missing, which is said elsewhere.
    pub unprivileged: bool,
    /// The result; `Err` is why there is none.
    pub outcome: Result<Running, String>,
}

/// A capture that was opened.
#[derive(Clone, Debug)]
pub struct Running {
    /// By which backend.
    pub backend: Backend,
    /// Better ones that did not work, and why.
    pub fallbacks: Vec<(Backend, String)>,
    /// Memory of the ring, bytes.
    pub ring_bytes: Option<u64>,
    /// The groups that were joined so that switches forward them.
    pub groups: Groups,
}

/// Memberships that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// None: `--no-capture.join`.
    NotAsked,
    /// Asked for: how many were joined, and the others with the reason.
    Asked {
        /// How many were joined.
        joined: usize,
        /// The others, and why.
        failed: Vec<(String, String)>,
    },
}

/// Why links are passed over, the same reasons in one line.
pub fn passed_over(chosen: &[Chosen]) -> Vec<Finding> {
    let mut groups: Vec<(&Reason, Vec<&str>)> = Vec::new();
    for chosen in chosen {
        let Choice::Skipped(reason) = &chosen.choice else { continue };
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(&chosen.name),
            None => groups.push((reason, vec![&chosen.name])),
        }
    }
    groups.into_iter().map(|(reason, names)| not_captured(reason, &names)).collect()
}

fn not_captured(reason: &Reason, names: &[&str]) -> Finding {
    let each = if names.len() == 1 { "" } else { ": each" };
    let text = format!("{}{each} {reason}: not captured", names.join(", "));
    match reason {
        Reason::Down => {
            names.iter().fold(Finding::hint(Area::Interfaces, text), |finding, name| {
                finding.run(format!("sudo ip link set {} up", shell_word(name)))
            })
        }
        Reason::Excluded
        | Reason::NotIncluded
        | Reason::Loopback
        | Reason::Port { .. }
        | Reason::NoMulticast
        | Reason::Child { .. }
        | Reason::Veth => Finding::ok(Area::Interfaces, text),
    }
}

/// The patterns of `--capture.interface` that match nothing, given the names that there are.
pub fn unmatched(patterns: &[&str], names: &[&str]) -> Vec<Finding> {
    let problem = |pattern: &&str| {
        let text = format!("--capture.interface={pattern} matches no interface");
        Finding::problem(Area::Interfaces, text).say(format!("available: {}", names.join(", ")))
    };
    patterns.iter().map(problem).collect()
}

/// That there is nothing to capture, and what could be.
pub fn nothing(chosen: &[Chosen]) -> Finding {
    let finding = Finding::problem(Area::Interfaces, "no interface is captured");
    let candidate = chosen.iter().find(|chosen| match &chosen.choice {
        Choice::Captured => false,
        Choice::Skipped(reason) => match reason {
            Reason::Port { .. } | Reason::Child { .. } | Reason::Veth => true,
            Reason::Excluded
            | Reason::NotIncluded
            | Reason::Down
            | Reason::Loopback
            | Reason::NoMulticast => false,
        },
    });
    match candidate {
        Some(chosen) => finding
            .say("one that is skipped by default is captured if it is named:")
            .run(format!("multicast_exporter --capture.interface={}", shell_word(&chosen.name))),
        None => finding.say("one that comes up later is captured from then on"),
    }
}

/// Which LAN each captured interface is on, and what is named but not captured. An interface comes
/// with its VLAN ids, empty if it is no VLAN.
pub fn lans(lans: &Lans, captured: &[(&str, String)]) -> Vec<Finding> {
    let on = captured.iter().filter_map(|(interface, vlan)| {
        let lan = lans.of(&(*interface).into(), vlan)?;
        Some(Finding::ok(Area::Interfaces, format!("{interface} is on the LAN {lan}")))
    });
    let mut of_lan: BTreeMap<LanName, Vec<&str>> = BTreeMap::new();
    for (interface, vlan) in captured {
        if let Some(lan) = lans.of(&(*interface).into(), vlan) {
            of_lan.entry(lan).or_default().push(interface);
        }
    }
    // Two network cards on one LAN are no fault.
    let shared = of_lan.into_iter().filter(|(_, interfaces)| interfaces.len() > 1);
    let shared = shared.map(|(lan, interfaces)| {
        let text =
            format!("{} are one LAN, {lan}: alerts take them for one", interfaces.join(", "));
        Finding::ok(Area::Interfaces, text)
    });
    let interfaces: Vec<&str> = captured.iter().map(|(interface, _)| *interface).collect();
    let missing = lans.unheard(&interfaces).map(|label| {
        let text = format!("--lan names {label}, which is not captured");
        Finding::hint(Area::Interfaces, text)
    });
    on.chain(shared).chain(missing).collect()
}

/// The result of one capture.
pub fn attempt(attempt: &Attempt) -> Vec<Finding> {
    let Attempt { interface, carrier, has_v6, unprivileged, outcome } = attempt;
    let mut findings = match outcome {
        Err(_) if *unprivileged => {
            let text = format!("{interface} cannot be captured: see Privileges");
            return vec![Finding::problem(Area::Interfaces, text)];
        }
        Err(error) => {
            let text = format!("{interface} cannot be captured: {error}");
            return vec![Finding::problem(Area::Interfaces, text)];
        }
        Ok(running) => {
            vec![backend(interface, running, *unprivileged), groups(interface, running)]
        }
    };
    let joins = outcome.as_ref().is_ok_and(|running| running.groups != Groups::NotAsked);
    if joins && !has_v6 {
        findings.push(no_v6(interface));
    }
    if !carrier {
        let text = format!("{interface} is up but has no carrier: is the cable in?");
        findings.push(Finding::hint(Area::Interfaces, text));
    }
    findings
}

fn backend(interface: &str, running: &Running, unprivileged: bool) -> Finding {
    let how = match (running.backend, running.ring_bytes) {
        (Backend::Ring, Some(bytes)) => format!("by ring, with {} of memory", size(bytes)),
        (backend, _) => format!("by {}, {}", backend.label(), limits(backend)),
    };
    let text = format!("{interface} is captured {how}");
    if running.fallbacks.is_empty() {
        return Finding::ok(Area::Interfaces, text);
    }
    let finding = Finding::hint(Area::Interfaces, text);
    if unprivileged {
        return finding.say("for more, see Privileges");
    }
    running.fallbacks.iter().fold(finding, |finding, (backend, reason)| {
        finding.say(format!("not by {}: {reason}", backend.label()))
    })
}

/// The memory of all rings together, where there are several.
pub fn memory(rings: &[u64]) -> Option<Finding> {
    (rings.len() > 1).then(|| {
        let text = format!("{} rings have {} of memory", rings.len(), size(rings.iter().sum()));
        Finding::ok(Area::Kernel, text)
    })
}

/// What a backend does not see.
const fn limits(backend: Backend) -> &'static str {
    match backend {
        Backend::Ring | Backend::File | Backend::Demo => "which sees everything",
        Backend::Pnet => "which is promiscuous and sees no VLAN tags, direction or drops",
        Backend::Socket => {
            "which hears mDNS, SSDP, LLMNR and WS-Discovery only and sees no MAC addresses, VLAN \
             tags or queriers"
        }
    }
}

fn groups(interface: &str, running: &Running) -> Finding {
    let area = Area::Interfaces;
    let (joined, failed) = match &running.groups {
        Groups::NotAsked => {
            let text = format!(
                "{interface}: no group is joined (--no-capture.join): switches that snoop may \
                 withhold SSDP and all IPv6 discovery"
            );
            return Finding::hint(area, text);
        }
        Groups::Asked { joined, failed } => (*joined, failed),
    };
    let all = joined + failed.len();
    if failed.is_empty() {
        let text = format!("{interface}: all {} joined", counted(all as u64, "discovery group"));
        return Finding::ok(area, text);
    }
    let text =
        format!("{interface}: {joined} of {} joined", counted(all as u64, "discovery group"));
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (group, reason) in failed {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, groups)) => groups.push(group),
            None => reasons.push((reason, vec![group])),
        }
    }
    let finding = Finding::hint(area, text);
    reasons.iter().fold(finding, |finding, (reason, groups)| {
        finding.say(format!("not {}: {reason}", groups.join(", ")))
    })
}

/// A switch hardly counts a machine without an IPv6 address as a listener.
fn no_v6(interface: &str) -> Finding {
    let text = format!(
        "{interface} has no IPv6 address: switches with MLD snooping may send it no discovery over \
         IPv6"
    );
    Finding::hint(Area::Interfaces, text)
        .say("a link-local address is enough; it needs an MTU of 1280 or more, and IPv6 enabled:")
        .run(format!(
            "sudo sysctl -w {}",
            shell_word(&format!("net/ipv6/conf/{interface}/disable_ipv6=0"))
        ))
}

/// Bytes in the largest unit that divides them.
fn size(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".into(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests;
