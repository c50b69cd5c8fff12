//! How discovery went on each segment, as `analyze` prints it: queriers, groups, services, what is
//! wanted and not there, names that nobody answered for.
//!
//! In: segments as reports have them. Out: a line or a few of each; nothing of a segment of which
//! nothing is known.

use super::columns::{SHOWN, row, write_columns, write_rest};
use crate::report::{Asking, Segment};
use std::fmt;

/// Writes the sections.
pub(super) fn write(segments: &[Segment], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for segment in segments.iter().filter(|segment| !segment.is_silent()) {
        writeln!(f, "\nSEGMENT {}", segment.interface)?;
        if segment.queriers.is_empty() && segment.groups.values().any(|count| *count > 0) {
            writeln!(f, "queriers: none")?;
        }
        for querier in &segment.queriers {
            writeln!(f, "querier: {}", asking(querier))?;
        }
        let groups = segment.groups.iter().map(|(family, count)| format!("{count} {family}"));
        list(f, "groups", groups)?;
        let services = segment.services.iter();
        list(f, "services", services.map(|(service, count)| format!("{service} {count}")))?;
        let wanted = segment.wanted.iter();
        let wanted = wanted.map(|wanted| format!("{} by {}", wanted.service, wanted.askers));
        list(f, "wanted, but not there", wanted)?;
        if segment.reflected > 0 {
            writeln!(f, "reflected: {}", segment.reflected)?;
        }
        if segment.copied > 0 {
            writeln!(f, "copies made where it was listened: {}", segment.copied)?;
        }
        if !segment.unanswered.is_empty() {
            let mut rows = vec![row(["UNANSWERED", "OF", "TIMES"])];
            rows.extend(segment.unanswered.iter().take(SHOWN).map(|name| {
                let device = name.device.clone().unwrap_or_default();
                vec![name.name.clone(), device, name.count.to_string()]
            }));
            write_columns(f, &rows, &[false, false, true])?;
            write_rest(f, segment.unanswered.len())?;
        }
    }
    Ok(())
}

fn asking(querier: &Asking) -> String {
    let protocol = if querier.family == "ipv4" { "IGMP" } else { "MLD" };
    let Asking { address, version, queries, .. } = querier;
    let interval = querier.interval_seconds;
    let interval = interval.map(|seconds| format!(", every {seconds:.0} s")).unwrap_or_default();
    format!("{address}, {protocol}v{version}, {queries} queries{interval}")
}

/// One line, if there is anything to list.
fn list(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    items: impl Iterator<Item = String>,
) -> fmt::Result {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "{what}: {}", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{UnansweredName, WantedService};

    struct Written(Vec<Segment>);

    impl fmt::Display for Written {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(&self.0, f)
        }
    }

    fn silent() -> Segment {
        Segment {
            interface: "eth0".into(),
            queriers: Vec::new(),
            groups: [("ipv4", 0), ("ipv6", 0)].into(),
            services: [].into(),
            wanted: Vec::new(),
            unanswered: Vec::new(),
            reflected: 0,
            copied: 0,
        }
    }

    #[test]
    fn what_is_known_is_told_and_a_silent_segment_is_not() {
        let querier = Asking {
            family: "ipv4",
            address: "10.0.0.1".into(),
            version: 3,
            queries: 4,
            interval_seconds: Some(125.0),
        };
        let wanted = WantedService { service: "_raop._tcp".into(), askers: 2 };
        let unanswered =
            UnansweredName { name: "a.local".into(), device: Some("x".into()), count: 12 };
        let full = Segment {
            queriers: vec![querier],
            groups: [("ipv4", 7), ("ipv6", 0)].into(),
            services: [("_ipp._tcp".to_owned(), 1)].into(),
            wanted: vec![wanted],
            unanswered: vec![unanswered],
            reflected: 3,
            copied: 9,
            ..silent()
        };
        let is = [
            "",
            "SEGMENT eth0",
            "querier: 10.0.0.1, IGMPv3, 4 queries, every 125 s",
            "groups: 7 ipv4, 0 ipv6",
            "services: _ipp._tcp 1",
            "wanted, but not there: _raop._tcp by 2",
            "reflected: 3",
            "copies made where it was listened: 9",
            "UNANSWERED  OF  TIMES",
            "a.local     x      12",
        ];
        assert_eq!(Written(vec![silent(), full]).to_string().lines().collect::<Vec<_>>(), is);
        let lonely = Segment { groups: [("ipv4", 1), ("ipv6", 0)].into(), ..silent() };
        assert!(Written(vec![lonely]).to_string().contains("queriers: none"));
    }
}
