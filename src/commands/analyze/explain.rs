//! The legend of `analyze --explain`: what each cause, condition and rule that a report has means,
//! and where it is written.

use crate::report::Report;
use crate::report::reference::{Entry, Kind, entries};
use std::fmt::{self, Display};

/// The legend of a report; nothing where it has nothing to explain.
pub(super) struct Legend<'r>(pub(super) &'r Report);

impl Display for Legend<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = entries();
        shown.retain(|entry| is_in(entry, self.0));
        if shown.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nWHAT THIS MEANS")?;
        for Entry { kind, id, meaning, rule } in shown {
            match rule {
                Some((hardness, source)) => {
                    writeln!(f, "{id} ({hardness} {}, {source}): {meaning}", kind.noun())?;
                }
                None => writeln!(f, "{id} ({}): {meaning}", kind.noun())?,
            }
        }
        Ok(())
    }
}

/// Whether a report has it.
fn is_in(entry: &Entry, report: &Report) -> bool {
    let Entry { kind, id, .. } = *entry;
    let devices = || report.devices.iter();
    let mut storms =
        report.storms.iter().filter(|storm| storm.device.is_some() == (kind == Kind::Cause));
    match kind {
        Kind::Cause | Kind::SegmentCause => {
            storms.any(|storm| storm.cause == id || storm.also.contains(&id))
        }
        Kind::Condition => devices().flat_map(|d| &d.conditions).any(|held| held.condition == id),
        Kind::Rule => devices().any(|device| device.violations.contains_key(id)),
    }
}
