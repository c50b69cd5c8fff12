//! `check`: preflight and first aid. Does what serving would do, short of serving, and says what
//! works, what is missing and how to get it; then listens to the LAN for a while and says why one
//! may see too little.
//!
//! | room | what |
//! |---|---|
//! | [`preflight`] | opens all that serving opens |
//! | [`privileges`] | judges the capabilities |
//! | [`captures`] | judges what became of each interface |
//! | [`host`] | judges how system calls are counted and sockets looked at |
//! | [`listen`] | listens |
//! | [`tally`] | adds up what was heard |
//! | [`heard`] | judges what was heard |

pub mod captures;
pub mod heard;
pub mod host;
pub mod listen;
pub mod preflight;
pub mod privileges;
pub mod tally;

use super::finding::{Finding, Level, render, summary};
use super::flags::Check;
use super::{ExitStatus, say};
use listen::{Heard, Plan};
use preflight::Preflight;
use std::io::{self, IsTerminal as _, Write as _};

/// Runs the command. Must be called before any other thread exists: privileges are given up.
/// What was found goes to standard output, the preflight before listening begins.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(flags: &Check) -> io::Result<ExitStatus> {
    let Preflight { mut findings, taps, own } = match preflight::examine(&flags.serve) {
        Ok(preflight) => preflight,
        Err(line) => {
            say(&line);
            return Ok(ExitStatus::BadInput);
        }
    };
    let mut out = io::stdout();
    write!(out, "multicast_exporter {}\n{}", env!("CARGO_PKG_VERSION"), render(&findings))?;
    if !taps.is_empty() && !flags.listen.is_zero() {
        writeln!(out, "\nListening for {} ...", humantime::format_duration(flags.listen))?;
        out.flush()?;
        let plan = Plan {
            listen: flags.listen,
            segments_max: flags.serve.capture.segments_max,
            progress: io::stderr().is_terminal(),
        };
        let Heard { findings: heard, early } = listen::listen(&plan, taps, &own);
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
