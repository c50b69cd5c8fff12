//! What this machine is and how it is connected, as far as that decides what it can see: a
//! container, WSL, Wi-Fi, a VLAN filter in the driver. For each a function that reads and a pure
//! one that judges what was read.

use super::finding::{Area, Finding, shell_word};
use crate::interfaces::ethtool::VlanFilter;
use crate::interfaces::{Kind, Link, Table};
use std::fs;
use std::path::Path;

/// The release of the running kernel, such as `6.1.0-18-amd64`; empty if it cannot be read.
pub(crate) fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// What the release of the kernel says.
pub fn kernel(release: &str) -> Vec<Finding> {
    if release.is_empty() {
        let text = "its release cannot be read (/proc/sys/kernel/osrelease)";
        return vec![Finding::hint(Area::Kernel, text)];
    }
    let lower = release.to_lowercase();
    let mut findings = vec![Finding::ok(Area::Kernel, format!("Linux {release}"))];
    if lower.contains("wsl2") || lower.contains("microsoft-standard") {
        findings.push(
            Finding::hint(
                Area::Surroundings,
                "this is WSL2: by default its network is behind NAT, which the LAN's multicast \
                 does not cross",
            )
            .say(
                "write networkingMode=mirrored under [wsl2] in %USERPROFILE%\\.wslconfig \
                 (Windows 11 22H2 or later) and restart it, or capture on another machine:",
            )
            .run("wsl.exe --shutdown"),
        );
    } else if lower.contains("microsoft") {
        findings.push(Finding::hint(
            Area::Surroundings,
            "this is WSL1, which has no packet sockets and sees little multicast: capture on \
             another machine",
        ));
    }
    findings
}

/// What shows that this is a container, if anything does.
pub(crate) fn read_container() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let announced = variable("container").map(|value| format!("container={value}"));
    let kubernetes = || variable("KUBERNETES_SERVICE_HOST").map(|_| "Kubernetes".to_owned());
    container_in(Path::new("/")).or(announced).or_else(kubernetes)
}

fn container_in(root: &Path) -> Option<String> {
    // The file that Docker makes, and that of podman, CRI-O and buildah.
    let mark = ["/.dockerenv", "/run/.containerenv"]
        .into_iter()
        .find(|mark| root.join(&mark[1..]).exists());
    mark.map(str::to_owned).or_else(|| {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        // What runtimes name their groups; a cgroup namespace hides them.
        let runtimes = ["/docker", "kubepods", "libpod", "/lxc", "containerd", "crio-"];
        let named = |runtime: &&str| groups.contains(runtime);
        runtimes.into_iter().find(named).map(|runtime| {
            format!("cgroup {}", runtime.trim_matches(|c: char| !c.is_alphanumeric()))
        })
    })
}

/// Where the other end of a veth is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// In this network namespace.
    Here,
    /// In another one.
    Elsewhere,
    /// Unknown.
    Unknown,
}

/// Where the other end of `link` is, if it is a veth. Read from sysfs, which may show another
/// namespace than this one.
pub(crate) fn read_peer(table: &Table, link: &Link) -> Option<Peer> {
    peer_in(Path::new("/sys/class/net"), table, link)
}

fn peer_in(class: &Path, table: &Table, link: &Link) -> Option<Peer> {
    if link.kind != Kind::Veth {
        return None;
    }
    let number = |name: &str, file: &str| -> Option<u32> {
        fs::read_to_string(class.join(name).join(file)).ok()?.trim().parse().ok()
    };
    // A veth of that name in the namespace that sysfs shows need not be ours.
    if number(&link.name, "ifindex") != Some(link.index) {
        return Some(Peer::Unknown);
    }
    let Some(far) = number(&link.name, "iflink") else { return Some(Peer::Unknown) };
    // The index is one of the other end's namespace: in ours it may be anything, even its own.
    let here = table.link(far).is_some_and(|candidate| {
        candidate.index != link.index
            && candidate.kind == Kind::Veth
            && number(&candidate.name, "iflink") == Some(link.index)
    });
    Some(if here { Peer::Here } else { Peer::Elsewhere })
}

/// What the way to the LAN means: `marks` shows that this is a container, `peers` has the captured
/// interfaces, with where the other end is for those that are veths.
pub fn container(marks: Option<&str>, peers: &[(&str, Option<Peer>)]) -> Vec<Finding> {
    let all_elsewhere =
        !peers.is_empty() && peers.iter().all(|(_, peer)| *peer == Some(Peer::Elsewhere));
    let names: Vec<&str> = peers.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let remedy = |finding: Finding| {
        finding
            .say("share the host's network (Kubernetes: hostNetwork: true), or give it a macvlan:")
            .run("docker run --network=host ...")
    };
    match (marks, all_elsewhere) {
        (Some(marks), true) => vec![remedy(Finding::hint(
            Area::Surroundings,
            format!(
                "this is a container ({marks}) with a network of its own: {names} leads to a \
                 bridge of the host, most likely with NAT, which the LAN's multicast does not cross"
            ),
        ))],
        (None, true) => vec![remedy(Finding::hint(
            Area::Surroundings,
            format!(
                "{names} leads to another network namespace, as in a container: the LAN's \
                 multicast gets here only if that one bridges it"
            ),
        ))],
        (Some(marks), false) => vec![Finding::ok(
            Area::Surroundings,
            format!("a container ({marks}), but not shut off from the network"),
        )],
        (None, false) => Vec::new(),
    }
}

/// What capturing on Wi-Fi means.
pub fn wireless(interface: &str) -> Finding {
    Finding::hint(
        Area::Surroundings,
        format!(
            "{interface} is Wi-Fi: access points hold multicast back while stations sleep, convert \
             it to unicast, answer for others (proxy ARP and mDNS) or keep stations apart, \
             so that less is seen than the LAN carries"
        ),
    )
    .say("capture on a wired interface, or at least keep this card awake:")
    .run(format!("sudo iw dev {} set power_save off", shell_word(interface)))
}

/// What the driver of an interface does with VLANs that have no device here: `Err` is why that is
/// unknown.
pub(crate) fn vlan_filter(
    interface: &str,
    filter: &Result<VlanFilter, String>,
    promiscuous: bool,
) -> Finding {
    let area = Area::Surroundings;
    let only_trunks = "this matters on a trunk or mirror port only";
    match filter {
        Ok(VlanFilter::Off) => {
            Finding::ok(area, format!("the driver of {interface} lets all VLANs through"))
        }
        Ok(VlanFilter::On { .. }) | Err(_) if promiscuous => Finding::ok(
            area,
            format!("{interface} is promiscuous, which lifts a VLAN filter in its driver"),
        ),
        Ok(VlanFilter::On { fixed: true }) => Finding::hint(
            area,
            format!(
                "the driver of {interface} drops frames of VLANs that have no interface here \
                 (rx-vlan-filter, fixed); {only_trunks}"
            ),
        )
        .say("use --capture.promiscuous"),
        Ok(VlanFilter::On { fixed: false }) => Finding::hint(
            area,
            format!(
                "the driver of {interface} drops frames of VLANs that have no interface here \
                 (rx-vlan-filter); {only_trunks}"
            ),
        )
        .say("use --capture.promiscuous, or:")
        .run(format!("sudo ethtool -K {} rx-vlan-filter off", shell_word(interface))),
        Err(reason) => Finding::hint(
            area,
            format!(
                "whether the driver of {interface} drops frames of VLANs that have no interface \
                 here is unknown ({reason}); {only_trunks}"
            ),
        )
        .say("use --capture.promiscuous to be sure"),
    }
}

#[cfg(test)]
mod tests;
