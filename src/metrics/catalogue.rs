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
use crate::engine::SECOND_BOUNDS;
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

/// What sort of numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only grows, and starts again at 0.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Cumulative buckets, sum and count.
    Histogram,
}

impl Kind {
    /// As TYPE lines have it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The parts of a scrape, each with its own success and duration; the value of the `collector`
/// label and of the `collect[]` and `exclude[]` parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Collector {
    /// The exporter itself.
    Exporter,
    /// Its process, from `/proc/self`.
    Process,
    /// What captures frames.
    Captures,
    /// Totals of each segment.
    Segments,
    /// Each device's mDNS messages.
    Mdns,
    /// Each device's frames.
    Devices,
}

impl Collector {
    /// All, in the order in which they are run and written.
    pub const ALL: [Self; 6] =
        [Self::Exporter, Self::Process, Self::Captures, Self::Segments, Self::Mdns, Self::Devices];

    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Process => "process",
            Self::Captures => "captures",
            Self::Segments => "segments",
            Self::Mdns => "mdns",
            Self::Devices => "devices",
        }
    }

    /// Whether it reads what the engines have counted.
    #[must_use]
    pub const fn reads_engines(self) -> bool {
        match self {
            Self::Segments | Self::Mdns | Self::Devices => true,
            Self::Exporter | Self::Process | Self::Captures => false,
        }
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

/// The value of the `protocol` label of a decode error.
#[must_use]
pub const fn error_label(protocol: Option<Protocol>) -> &'static str {
    match protocol {
        Some(protocol) => protocol.label(),
        None => "link",
    }
}

/// The backends that capture live, or read files.
const BACKENDS: [Backend; 4] = [Backend::Ring, Backend::Pnet, Backend::Socket, Backend::File];

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
    let seeing: Vec<&str> = BACKENDS
        .iter()
        .filter(|backend| sight.of(&backend.abilities()))
        .map(|backend| backend.label())
        .collect();
    if seeing.len() == BACKENDS.len() { "all".to_owned() } else { seeing.join(", ") }
}

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
    /// Series of one device at most: packets and bytes of every protocol, mDNS kinds and
    /// sections, and the gauges peak, last seen and info.
    pub const PER_DEVICE: usize =
        2 * Protocol::COUNT + MessageKind::ALL.len() + Section::ALL.len() + 3;

    /// Series of one segment at most: its own, and those of the device `other`.
    pub const PER_SEGMENT: usize = {
        let packets_and_bytes = 2 * Protocol::COUNT;
        let histogram = SECOND_BOUNDS.len() + 1 + 2;
        let info_converted_devices_suspended = 4;
        let evicted = 2;
        let queriers_and_groups = 4 * IpFamily::ALL.len();
        let other = Self::PER_DEVICE - 3;
        packets_and_bytes
            + histogram
            + Reason::PAIRS.len()
            + info_converted_devices_suspended
            + evicted
            + queriers_and_groups
            + other
    };

    /// Series of one capture at most: up, drops, info and ring size.
    pub const PER_CAPTURE: usize = 4;

    /// All others: build info, clock steps, success and duration of each collector, and nine of
    /// the process.
    pub const FIXED: usize = 2 + 2 * Collector::ALL.len() + 9;

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
        for backend in [Backend::Ring, Backend::Pnet, Backend::File] {
            assert!(Protocol::ALL.into_iter().all(|p| sees(&backend.abilities(), p)));
        }
    }

    #[test]
    fn the_table_names_the_backends_that_can_see() {
        let table = markdown();
        let line = |name: &str| {
            table.lines().find(|line| line.contains(&format!("`{name}`"))).unwrap().to_owned()
        };
        assert!(line("multicast_capture_dropped_total").contains("| ring, socket |"));
        assert!(
            line("multicast_interface_converted_packets_total").contains("| ring, pnet, file |")
        );
        assert!(line("multicast_interface_packets_total").contains("| all |"));
        assert_eq!(table.lines().count(), ALL.len() + 2);
    }

    #[test]
    fn the_bound_is_within_the_contract() {
        // devices.max x (2 x 13 + 7 + 4 + rules + 10), before any rule exists.
        const { assert!(Bound::PER_DEVICE <= 2 * 13 + 7 + 4 + 10) };
        let bound = Bound { devices: 2_000, segments: 1, captures: 1 };
        assert!(bound.series() < 100_000);
    }
}
