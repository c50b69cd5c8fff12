//! The catalogue: every family that can be exported, in one static table.
//!
//! In: a backend's [`Abilities`]. Out: names, labels and help for the [`writer`](super::writer),
//! who can see what (so that 0 never means "not measured"), the README's table and the upper
//! bound of series. It must not know any value.

pub mod families;
mod selection;

pub use families::ALL;
pub use selection::{Selection, SelectionError};

use crate::capture::{Abilities, Backend};
use crate::decode::mdns::{Kind as MessageKind, Section};
use crate::decode::{Protocol, Reason};
use crate::detect::Family as IpFamily;
use crate::detect::{Cause, Level, Rule};
use crate::detect::{DELAY_BOUNDS, SERVICE_TYPES_MAX};
use crate::engine::SECOND_BOUNDS;
use crate::host::sockets::PORTS;
use crate::host::syscalls::tally::PLACES;
use crate::labelled::labelled;
use crate::privilege::USED;
use std::fmt::Write as _;

/// One family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its full name, with `_total` on counters.
    pub name: &'static str,
    /// What sort of numbers it holds.
    pub kind: Kind,
    /// Its labels, in the order in which they are written.
    pub labels: &'static [&'static str],
    /// What it means, in one sentence.
    pub help: &'static str,
    /// Who collects it.
    pub collector: Collector,
    /// What a backend must be able to do for it to be measured.
    pub sight: Sight,
}

labelled! {
    /// What sort of numbers a family holds.
    pub enum Kind {
        /// Only grows, and starts again at 0.
        Counter = "counter",
        /// Goes up and down.
        Gauge = "gauge",
        /// Cumulative buckets, sum and count.
        Histogram = "histogram",
    }
}

labelled! {
    /// The parts of a scrape, each with its own success and duration; the value of the `collector`
    /// label and of the `collect[]` and `exclude[]` parameters.
    #[derive(PartialOrd, Ord)]
    pub enum Collector {
        /// The exporter itself.
        Exporter = "exporter",
        /// Its process, from `/proc/self`.
        Process = "process",
        /// The system calls of this host.
        Syscalls = "syscalls",
        /// The sockets of this host that wait for discovery.
        Sockets = "sockets",
        /// What captures frames.
        Captures = "captures",
        /// Totals of each segment.
        Segments = "segments",
        /// Storms of segments and of devices.
        Storms = "storms",
        /// Each device's mDNS messages, the rules that were broken, and the health of discovery.
        Mdns = "mdns",
        /// Each device's frames.
        Devices = "devices",
    }
}

impl Collector {
    /// Whether it reads what the engines have counted.
    #[must_use]
    pub const fn reads_engines(self) -> bool {
        match self {
            Self::Segments | Self::Storms | Self::Mdns | Self::Devices => true,
            Self::Exporter | Self::Process | Self::Syscalls | Self::Sockets | Self::Captures => {
                false
            }
        }
    }

    /// Whether it reads what the captures have, or what the exporter knows of itself.
    #[must_use]
    pub const fn reads_lan(self) -> bool {
        !matches!(self, Self::Process) && !self.reads_host()
    }

    /// Whether it reads what is counted of this host.
    #[must_use]
    pub const fn reads_host(self) -> bool {
        matches!(self, Self::Syscalls | Self::Sockets)
    }
}

/// What a backend must be able to do for a family to be measured. Where it cannot, the series
/// are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Nothing: it is not about captured frames.
    Nothing,
    /// To capture: every backend measures it, as far as [`sees`] lets it.
    Frames,
    /// To know what the kernel dropped.
    Drops,
    /// To have a ring.
    Ring,
    /// To see link-layer headers.
    LinkLayer,
    /// To see IGMP and MLD.
    Membership,
}

impl Sight {
    /// Whether a backend with these abilities measures it.
    #[must_use]
    pub const fn of(self, abilities: &Abilities) -> bool {
        match self {
            Self::Nothing | Self::Frames => true,
            Self::Drops => abilities.drops,
            Self::Ring => matches!(abilities.backend, Backend::Ring),
            Self::LinkLayer => abilities.all_protocols,
            Self::Membership => sees(abilities, Protocol::Igmp) && sees(abilities, Protocol::Mld),
        }
    }
}

/// Whether a backend with these abilities sees frames of a protocol. Sockets on the groups see
/// the UDP protocols that have a group of their own; answers to one host go to the host's own
/// responder and never to them.
#[must_use]
pub const fn sees(abilities: &Abilities, protocol: Protocol) -> bool {
    match protocol {
        Protocol::Mdns | Protocol::Ssdp | Protocol::Llmnr | Protocol::Wsd => true,
        Protocol::MdnsUnicast
        | Protocol::Igmp
        | Protocol::Mld
        | Protocol::Nd
        | Protocol::Arp
        | Protocol::Dhcp
        | Protocol::Netbios
        | Protocol::OtherMulticast
        | Protocol::OtherBroadcast => abilities.all_protocols,
    }
}

/// Whether a backend with these abilities can meet an error of a protocol; `None` is what is
/// wrong before a protocol is known.
#[must_use]
pub const fn sees_errors(abilities: &Abilities, protocol: Option<Protocol>) -> bool {
    match protocol {
        Some(protocol) => sees(abilities, protocol),
        None => abilities.all_protocols,
    }
}

/// Whether a backend with these abilities sees what a cause is known by. A loop is known by
/// the MACs of its copies, the others named here by protocols without a group of their own.
#[must_use]
pub const fn sees_cause(abilities: &Abilities, cause: Cause) -> bool {
    match cause {
        Cause::L2Loop
        | Cause::AddressScan
        | Cause::DhcpFlood
        | Cause::MembershipFlood
        | Cause::Stream => abilities.all_protocols,
        Cause::Reflection
        | Cause::NameConflict
        | Cause::RenameLoop
        | Cause::ProbeLoop
        | Cause::PingPong
        | Cause::GoodbyeFlapping
        | Cause::RecordChurn
        | Cause::RepeatedResponse
        | Cause::QueryFlood
        | Cause::DiscoveryFlood
        | Cause::Unclassified => true,
    }
}

/// Whether a backend with these abilities sees what a rule is about. To a socket the kernel gives
/// whole datagrams, without what they came in.
#[must_use]
pub fn sees_rule(abilities: &Abilities, rule: Rule) -> bool {
    rule != Rule::Fragmented || abilities.all_protocols
}

/// The value of the `protocol` label of a decode error.
#[must_use]
pub const fn error_label(protocol: Option<Protocol>) -> &'static str {
    match protocol {
        Some(protocol) => protocol.label(),
        None => "link",
    }
}

/// The README's table, generated so that it cannot disagree with the program.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "| metric | kind | labels | collector | backends | meaning |\n\
         |---|---|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<String> = family.labels.iter().map(|name| format!("`{name}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | `{}` | {} | {} |",
            family.name,
            family.kind.label(),
            labels.join(", "),
            family.collector.label(),
            backends(family.sight),
            family.help.replace('|', "\\|"),
        );
    }
    out
}

fn backends(sight: Sight) -> String {
    if sight == Sight::Nothing {
        return String::new();
    }
    let seeing: Vec<&str> = Backend::ALL
        .iter()
        .filter(|backend| sight.of(&backend.abilities()))
        .map(|backend| backend.label())
        .collect();
    if seeing.len() == Backend::COUNT { "all".to_owned() } else { seeing.join(", ") }
}

/// Names of system calls on one architecture, at most: the numbers end far below.
pub const CALLS_MAX: usize = 512;

/// Owners of sockets, at most, `unknown` among them.
pub const SOCKET_OWNERS_MAX: usize = 64;

/// What bounds the number of series of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `--devices.max`.
    pub devices: usize,
    /// Segments over all captures.
    pub segments: usize,
    /// Captures.
    pub captures: usize,
}

impl Bound {
    /// Series of the device `other` at most: packets and bytes of every protocol, mDNS kinds and
    /// sections.
    const PER_OTHER: usize = 2 * Protocol::COUNT + MessageKind::ALL.len() + Section::ALL.len();

    /// Series of one device's storms at most: active and begun by level, the cause and the start.
    const PER_DEVICE_STORMS: usize = 2 * Level::ALL.len() + 2;

    /// Series of one device at most: those of `other`, the gauges peak, last seen and info, its
    /// storms, and a device that breaks every rule.
    pub const PER_DEVICE: usize = Self::PER_OTHER + 3 + Self::PER_DEVICE_STORMS + Rule::COUNT;

    /// Series of one segment at most: its own, and those of the device `other`.
    pub const PER_SEGMENT: usize = {
        let packets_and_bytes = 2 * Protocol::COUNT;
        let histogram = SECOND_BOUNDS.len() + 1 + 2;
        let info_converted_devices_suspended = 4;
        let evicted = 2;
        let queriers_and_groups = 4 * IpFamily::ALL.len();
        let reflected = 1;
        let storms = 2 + Level::ALL.len() * Cause::COUNT;
        let services = SERVICE_TYPES_MAX + 1;
        let delays = DELAY_BOUNDS.len() + 1 + 2;
        let unanswered = 1;
        packets_and_bytes
            + histogram
            + Reason::PAIRS.len()
            + info_converted_devices_suspended
            + evicted
            + services
            + delays
            + unanswered
            + queriers_and_groups
            + reflected
            + storms
            + Rule::COUNT
            + Self::PER_OTHER
    };

    /// Series of one capture at most: up, drops, info and ring size.
    pub const PER_CAPTURE: usize = 4;

    /// Series of this host at most: system calls in all and by process, each as a total and a rate,
    /// system calls by name, and three of each owner of a socket and port. `other` is one more each.
    pub const HOST: usize = {
        let in_all = 2;
        let by_process = 2 * (PLACES + 1);
        let by_call = CALLS_MAX + 1;
        let sockets = 3 * (SOCKET_OWNERS_MAX + 1) * PORTS.len();
        in_all + by_process + by_call + sockets
    };

    /// All others: capabilities at two times, build info, clock steps, configuration, evidence, how system calls and sockets
    /// are looked at, success and duration of each collector, nine of the process, and this host.
    pub const FIXED: usize =
        2 * USED.len() + 2 + 2 + 3 + 2 + 2 * Collector::ALL.len() + 9 + Self::HOST;

    /// No scrape has more series than this.
    #[must_use]
    pub const fn series(self) -> usize {
        self.devices * Self::PER_DEVICE
            + self.segments * Self::PER_SEGMENT
            + self.captures * Self::PER_CAPTURE
            + Self::FIXED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_keep_the_rules() {
        let names: HashSet<_> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), ALL.len());
        for family in ALL {
            let Family { name, kind, labels, help, .. } = **family;
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert!(
                ["multicast_", "mdns_", "process_"].iter().any(|prefix| name.starts_with(prefix)),
                "{name}"
            );
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
            assert!(!labels.contains(&"type"), "{name}");
            assert_eq!(labels.iter().collect::<HashSet<_>>().len(), labels.len(), "{name}");
        }
    }

    #[test]
    fn sockets_see_the_protocols_that_have_a_group_and_a_port() {
        let socket = Backend::Socket.abilities();
        let seen: Vec<_> =
            Protocol::ALL.into_iter().filter(|&p| sees(&socket, p)).map(Protocol::label).collect();
        assert_eq!(seen, ["mdns", "ssdp", "llmnr", "wsd"]);
        assert!(!sees_errors(&socket, None));
        for backend in [Backend::Ring, Backend::Pnet, Backend::File, Backend::Demo] {
            assert!(Protocol::ALL.into_iter().all(|p| sees(&backend.abilities(), p)));
        }
    }

    #[test]
    fn sockets_see_no_macs_and_no_fragments() {
        let socket = Backend::Socket.abilities();
        let unseen: Vec<_> =
            Cause::ALL.into_iter().filter(|&c| !sees_cause(&socket, c)).map(Cause::label).collect();
        let without = ["l2_loop", "address_scan", "dhcp_flood", "membership_flood", "stream"];
        assert_eq!(unseen, without);
        let unseen = Rule::ALL.iter().filter(|&&rule| !sees_rule(&socket, rule));
        assert_eq!(unseen.collect::<Vec<_>>(), [&Rule::Fragmented]);
        for abilities in [Backend::Ring, Backend::Pnet, Backend::File].map(Backend::abilities) {
            assert!(Cause::ALL.into_iter().all(|cause| sees_cause(&abilities, cause)));
            assert!(Rule::ALL.iter().all(|&rule| sees_rule(&abilities, rule)));
        }
    }

    #[test]
    fn the_table_names_the_backends_that_can_see() {
        let table = markdown();
        let line = |name: &str| {
            table.lines().find(|line| line.contains(&format!("`{name}`"))).unwrap().to_owned()
        };
        assert!(line("multicast_capture_dropped_total").contains("| ring, socket |"));
        let converted = line("multicast_interface_converted_packets_total");
        assert!(converted.contains("| ring, pnet, file, demo |"));
        assert!(line("multicast_interface_packets_total").contains("| all |"));
        assert_eq!(table.lines().count(), ALL.len() + 2);
    }

    #[test]
    fn the_bound_is_within_the_contract() {
        // devices.max x (2 x 13 + 7 + 4 + rules + 10).
        const { assert!(Bound::PER_DEVICE <= 2 * 13 + 7 + 4 + Rule::COUNT + 10) };
        let bound = Bound { devices: 2_000, segments: 1, captures: 1 };
        assert!(bound.series() < 2_000 * (2 * 13 + 7 + 4 + Rule::COUNT + 10) + 1_000);
    }
}
