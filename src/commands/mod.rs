//! The commands of the program: serve, analyze, check, demo, health. The parts are put together
//! here.

pub mod analyze;
mod capturing;
pub mod check;
mod configuration;
pub mod demo;
pub mod finding;
pub mod flags;
pub mod health;
mod log;
mod news;
mod opening;
mod pump;
pub mod serve;
pub mod surroundings;

use crate::decode::mdns::HashKey;
use clap::Parser as _;
use flags::{Cli, Command};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::process::ExitCode;

/// How a command ended, from best to worst; but that something was found is said only if nothing
/// went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// All is well.
    Success = 0,
    /// It worked in part, or found something missing; a start that may work a little later.
    Incomplete = 1,
    /// What was asked for cannot be done before a person mends it: wrong flags, files or privileges.
    BadInput = 2,
    /// It worked, and found what it was told to fail on.
    Found = 3,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command did not do what it was asked for.
struct Failure {
    /// What is wrong, in one line.
    line: String,
    status: ExitStatus,
}

/// What was asked for is not available.
#[allow(clippy::needless_pass_by_value, reason = "to be handed to map_err by name")]
fn refused(error: impl ToString) -> Failure {
    Failure { line: error.to_string(), status: ExitStatus::BadInput }
}

/// What was asked for is not available now, and may be in a while, so that a restart may help.
#[allow(clippy::needless_pass_by_value, reason = "as with refused")]
fn refused_for_now(error: impl ToString) -> Failure {
    Failure { line: error.to_string(), status: ExitStatus::Incomplete }
}

/// It should have worked.
fn failed(context: &str) -> impl Fn(&dyn std::error::Error) -> Failure + '_ {
    move |error| Failure { line: format!("{context}: {error}"), status: ExitStatus::Incomplete }
}

/// Runs the command line of this process. Call it before any other thread exists: capabilities
/// are dropped for the calling thread and those that it starts.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error).into(),
    };
    let _finish = log::Finish;
    let status = match &cli.command {
        None => {
            log::start_queued(&cli.serve.log);
            serve::run(&cli.serve)
        }
        Some(Command::Analyze(flags)) => {
            log::start_direct(&flags.log);
            analyze::run(flags).unwrap_or_else(|error| unwritten(&error))
        }
        Some(Command::Demo(flags)) => {
            log::start_queued(&flags.log);
            demo::run(flags)
        }
        Some(Command::Health(flags)) => health::run(flags),
        Some(Command::Check(flags)) => {
            log::start_direct(&flags.serve.log);
            check::run(flags).unwrap_or_else(|error| unwritten(&error))
        }
    };
    status.into()
}

/// Handles an error of writing to standard output.
fn unwritten(error: &std::io::Error) -> ExitStatus {
    // A reader that has seen enough (`| head`) is no failure.
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return ExitStatus::Success;
    }
    say(&format!("writing the report: {error}"));
    ExitStatus::Incomplete
}

/// Prints what was asked for instead of a run, or in one line what is wrong with the flags.
fn refuse(error: &clap::Error) -> ExitStatus {
    if !error.use_stderr() {
        // A reader that has seen enough (`| head`) is no failure.
        let _ = error.print();
        return ExitStatus::Success;
    }
    say(&one_line(&error.render().to_string()));
    ExitStatus::BadInput
}

/// The first paragraph, which says what is wrong, and what may have been meant; the others say how
/// the command line looks.
fn one_line(rendered: &str) -> String {
    let mut paragraphs = rendered.split("\n\n");
    let wrong = paragraphs.next().unwrap_or(rendered).trim_start_matches("error:");
    let meant = paragraphs.find_map(|other| other.trim_start().strip_prefix("tip:"));
    let meant = meant.filter(|meant| meant.contains("exists:"));
    let in_a_line =
        |text: &str| text.split_whitespace().map(shortened).collect::<Vec<_>>().join(" ");
    let meant = meant.map(|meant| format!("; {}", in_a_line(meant))).unwrap_or_default();
    format!("{}{meant} (see --help)", in_a_line(wrong))
}

/// A word of a message: what somebody wrote may be long, and is known to him.
fn shortened(word: &str) -> String {
    const SHOWN: usize = 60;
    let length = word.chars().count();
    if length <= 2 * SHOWN {
        return word.to_owned();
    }
    let first = word.chars().take(SHOWN);
    let last = word.chars().skip(length - SHOWN / 4);
    first.chain(['…']).chain(last).collect()
}

/// Writes one line to standard error, under the program's name.
fn say(line: &str) {
    log::say(&format!("multicast_exporter: {line}"));
}

/// Keys that the network cannot know.
fn hash_key() -> HashKey {
    // The standard library draws two keys a thread from the operating system's random numbers and
    // adds 1 to one of them for each of these: what they hash to differs, and cannot be guessed.
    HashKey(std::array::from_fn(|_| RandomState::new().build_hasher().finish()))
}

/// Settings for tests: a small table, keys that do not matter.
#[cfg(test)]
pub(crate) fn test_settings() -> crate::pipeline::Settings {
    use crate::engine::Config;
    use crate::pipeline::usual_policy;
    use crate::segment::{Labels, Sharing};
    crate::pipeline::Settings {
        engine: Config::for_tests(100),
        key: HashKey([1, 2, 3, 4]),
        labels: Labels::new(Sharing::Never, 128),
        lans: std::sync::Arc::default(),
        policy: usual_policy(),
        evidence: None,
    }
}
