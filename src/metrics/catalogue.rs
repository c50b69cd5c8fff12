//! The catalogue: every family that can be exported, in one static table.
//!
//! Made from the rows of [`families`]; read by the [`writer`](super::writer) and for the README's
//! table. It must not know any value.

mod bound;
mod collector;
pub mod families;
mod family;
mod selection;
mod sight;

pub use bound::{Bound, CALLS_MAX, QUERIERS_NAMED_MAX, SOCKET_OWNERS_MAX};
pub use collector::Collector;
pub use families::ALL;
pub use family::{Family, Kind};
pub use selection::{Selection, SelectionError};
pub use sight::{Sight, sees, sees_cause, sees_condition, sees_errors, sees_rule};

use crate::capture::Backend;
use std::fmt::Write as _;

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
        assert!(line("multicast_capture_dropped_total").contains("| ring, socket, demo |"));
        let converted = line("multicast_interface_converted_packets_total");
        assert!(converted.contains("| ring, pnet, file, demo |"));
        assert!(line("multicast_interface_packets_total").contains("| all |"));
        assert_eq!(table.lines().count(), ALL.len() + 2);
    }
}
