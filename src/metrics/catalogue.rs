//! The catalogue: every family that can be exported, in one static table.
//!
//! Made from the rows of [`families`]; read by the [`writer`](super::writer) and for the README's
//! table. It must not know any value.

mod bound;
pub mod families;
mod selection;
mod sight;

pub use bound::{Bound, CALLS_MAX, SOCKET_OWNERS_MAX};
pub use families::ALL;
pub use selection::{Selection, SelectionError};
pub use sight::{Sight, sees, sees_cause, sees_errors, sees_rule};

use crate::capture::Backend;
use crate::labelled::labelled;
use std::fmt::Write as _;

/// One family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its full name, with `_total` on counters.
    pub name: &'static str,
    /// What kind of numbers it holds.
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
    /// What kind of numbers a family holds.
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
    /// The parts of a scrape, in the order in which they are run and written, each with its own
    /// success and duration; the value of the `collector` label and of the `collect[]` and
    /// `exclude[]` parameters.
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
    pub(crate) const fn reads_engines(self) -> bool {
        match self {
            Self::Segments | Self::Storms | Self::Mdns | Self::Devices => true,
            Self::Exporter | Self::Process | Self::Syscalls | Self::Sockets | Self::Captures => {
                false
            }
        }
    }

    /// Whether it reads what the captures have, or what the exporter knows of itself.
    pub(crate) const fn reads_lan(self) -> bool {
        !matches!(self, Self::Process) && !self.reads_host()
    }

    /// Whether it reads what is counted of this host.
    pub(crate) const fn reads_host(self) -> bool {
        matches!(self, Self::Syscalls | Self::Sockets)
    }
}

/// The README's table, generated so that it cannot disagree with the program.
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
}
