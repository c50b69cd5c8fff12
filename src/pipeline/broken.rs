//! Which rules a device broke, in words: for the file of its evidence, whose frames alone do not show
//! what others asked.

use crate::decode::Sender;
use crate::detect::LastOffence;
use crate::engine::Engine;
use crate::time::Stamp;
use std::fmt::Write as _;

/// Rules that are named at most.
const TOLD: usize = 12;

/// A line for each rule that `sender` broke at `since` or later.
pub(super) fn in_words(engine: &Engine, sender: Sender, since: Stamp) -> Vec<String> {
    engine
        .broken(sender, since)
        .into_iter()
        .take(TOLD)
        .map(|(count, last)| line(count, last))
        .collect()
}

fn line(count: u64, last: &LastOffence) -> String {
    let LastOffence { rule, name, rtype, gap, .. } = last;
    let mut line = format!(
        "rule {} ({}, {}) broken {count} time{} so far",
        rule.id(),
        rule.hardness().label(),
        rule.source(),
        if count == 1 { "" } else { "s" },
    );
    // Writing to a String cannot fail.
    if let Some(name) = name {
        let _ = write!(line, ", last by {name}");
        if let Some(rtype) = rtype {
            let _ = write!(line, " {rtype}");
        }
    }
    if let Some(gap) = gap {
        let _ = write!(line, ", {:.3} s after the one before", gap.as_secs_f64());
    }
    line
}
