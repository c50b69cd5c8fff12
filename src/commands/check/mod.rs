//! `check`: preflight and first aid. Does everything that serving does first, without serving, and
//! says what works, what is missing and how to get it. Then it listens to the LAN for a while and
//! says why too little may arrive, and who sends too much.
//!
//! | file | reason |
//! |---|---|
//! | [`preflight`] | opens what serving opens, and reports on it |
//! | [`privileges`] | judges the capabilities |
//! | [`captures`] | judges how the capture of each interface went |
//! | [`host`] | judges how system calls are counted and sockets looked at |
//! | [`listen`] | listens, through the pipelines and engines that serving uses |
//! | `summary` | adds up what was heard |
//! | [`heard`] | judges what was heard |
//! | [`floods`] | judges who sends too much |

pub mod captures;
pub mod floods;
pub mod heard;
pub mod host;
pub mod listen;
pub(crate) mod preflight;
pub mod privileges;
pub mod summary;

use super::finding::{Finding, Level, render, summary};
use super::flags::Check;
use super::{ExitStatus, say};
use listen::{Heard, Plan};
use std::io::{self, IsTerminal as _, Write as _};

/// Runs the command. Must be called before any other thread exists: privileges are given up.
/// What was found goes to standard output, the preflight before listening begins.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(flags: &Check) -> io::Result<ExitStatus> {
    let preflight = match preflight::examine(&flags.serve) {
        Ok(preflight) => preflight,
        Err(line) => {
            say(&line);
            return Ok(ExitStatus::BadInput);
        }
    };
    let mut findings = preflight.findings;
    let mut out = io::stdout();
    write!(out, "multicast_exporter {}\n{}", env!("CARGO_PKG_VERSION"), render(&findings))?;
    if !preflight.captures.is_empty() && !flags.listen.is_zero() {
        writeln!(out, "\nListening for {} ...", humantime::format_duration(flags.listen))?;
        out.flush()?;
        let plan = Plan {
            listen: flags.listen,
            settings: listen::settings(&flags.serve, &preflight.configuration),
            local: preflight.local,
            progress: io::stderr().is_terminal(),
        };
        let Heard { findings: heard, early } = listen::listen(&plan, preflight.captures);
        if let Some(after) = early {
            writeln!(out, "Nothing more to learn after {} s.", after.as_secs())?;
        }
        write!(out, "{}", render(&heard))?;
        findings.extend(heard);
    }
    write!(out, "{}", summary(&findings))?;
    out.flush()?;
    Ok(status(&findings))
}

/// The exit code: hints are no failure.
fn status(findings: &[Finding]) -> ExitStatus {
    match findings.iter().map(|finding| finding.level).max() {
        Some(Level::Problem) => ExitStatus::Incomplete,
        Some(Level::Hint | Level::Ok) | None => ExitStatus::Success,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::finding::Area;

    #[test]
    fn hints_are_no_failure() {
        let findings = [Finding::ok(Area::Web, "a"), Finding::hint(Area::Web, "b")];
        assert_eq!(status(&findings), ExitStatus::Success);
        let problem = [Finding::problem(Area::Web, "c"), Finding::ok(Area::Web, "a")];
        assert_eq!(status(&problem), ExitStatus::Incomplete);
        assert_eq!(status(&[]), ExitStatus::Success);
    }
}
