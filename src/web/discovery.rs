//! The section of the page on discovery: on each segment who queries, which services there are,
//! what is wanted and not there, and which names go unanswered.
//!
//! In: a view of the LAN. Out: HTML, every string from outside through [`Text`].

use super::html::{Number, Text, open_table};
use crate::lan::LanView;
use crate::report::{self, Segment};
use std::fmt::{self, Write as _};

/// Names, types and queriers of a segment that are listed.
const LISTED: usize = 20;

/// Writes the section; nothing if nothing is known.
pub(super) fn write(out: &mut String, view: &LanView) -> fmt::Result {
    let mut segments = report::segments(view.segments());
    segments.retain(|segment| !segment.is_silent());
    if segments.is_empty() {
        return Ok(());
    }
    out.write_str("<h2>Discovery</h2>\n")?;
    let heads = [
        "Segment",
        "Queriers",
        "#Groups, IPv4",
        "#Groups, IPv6",
        "Services",
        "Wanted, but not there",
    ];
    open_table(out, &heads)?;
    for segment in &segments {
        let group = |family| Number(segment.groups.get(family).copied().unwrap_or_default());
        let queriers = segment.queriers.iter().map(|querier| {
            format!("{} ({} version {})", querier.address, querier.family, querier.version)
        });
        let services = segment.services.iter().map(|(name, count)| format!("{name} {count}"));
        let wanted = segment.wanted.iter().map(|one| format!("{} by {}", one.service, one.askers));
        writeln!(
            out,
            "<tr><td><code>{}</code></td><td>{}</td>{}{}<td>{}</td><td>{}</td></tr>",
            Text(&segment.interface),
            Text(&listed(queriers)),
            group("ipv4"),
            group("ipv6"),
            Text(&listed(services)),
            Text(&listed(wanted)),
        )?;
    }
    out.write_str("</tbody></table></div>\n")?;
    write_unanswered(out, &segments)
}

fn write_unanswered(out: &mut String, segments: &[Segment]) -> fmt::Result {
    if segments.iter().all(|segment| segment.unanswered.is_empty()) {
        return Ok(());
    }
    out.write_str("<p>Names that nobody answered for in the last hour:</p>\n")?;
    open_table(out, &["Name", "Device", "Segment", "#Times"])?;
    for segment in segments {
        for name in segment.unanswered.iter().take(LISTED) {
            writeln!(
                out,
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td>{}</tr>",
                Text(&name.name),
                Text(name.device.as_deref().unwrap_or("")),
                Text(&segment.interface),
                Number(name.count),
            )?;
        }
    }
    out.write_str("</tbody></table></div>\n")
}

/// The first few, and how many more there are; `none`, so that nobody takes a cell for forgotten.
fn listed(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    if all.is_empty() {
        return "none".to_owned();
    }
    let mut text = all[..all.len().min(LISTED)].join(", ");
    if all.len() > LISTED {
        // Writing to a String cannot fail.
        let _ = write!(text, " and {} more", all.len() - LISTED);
    }
    text
}
