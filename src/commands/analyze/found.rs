//! Whether a report has what `--fail-on` names.

use crate::commands::flags::FailOn;
use crate::decode::Reason;
use crate::decode::mdns::Kind;
use crate::detect::{Cause, Hardness, Rule};
use crate::report::Report;

/// Whether it was found. A device that answers others that ask too fast has no storm of its own
/// making: they have theirs.
pub(super) fn has(report: &Report, what: FailOn) -> bool {
    let devices = || report.devices.iter();
    match what {
        FailOn::Storm => report.storms.iter().any(|s| s.cause != Cause::Answering.label()),
        FailOn::Condition => devices().any(|device| !device.conditions.is_empty()),
        FailOn::Violation => Rule::ALL
            .iter()
            .filter(|rule| rule.hardness() == Hardness::Hard)
            .any(|rule| devices().any(|device| device.violations.contains_key(rule.id()))),
        FailOn::Malformed => {
            let malformed = |device: &crate::report::Device| {
                device.mdns.messages.get(Kind::Malformed.label()).is_some_and(|count| *count > 0)
            };
            let errors = &report.frames.decode_errors;
            let is_error = |reason: &Reason| {
                reason.is_malformed() && errors.get(reason.label()).is_some_and(|count| *count > 0)
            };
            devices().any(malformed) || Reason::ALL.iter().any(is_error)
        }
    }
}
