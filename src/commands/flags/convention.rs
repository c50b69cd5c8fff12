//! What a flag gets from its name and its type, so that its field need not say it: an environment
//! variable, and for a `bool` the forms `--x`, `--x=true` and `--x=false`.
//!
//! Completes arguments that were derived from their fields. It must not know any single flag.

use clap::builder::{ArgAction, Resettable};
use clap::{Arg, Command};
use std::ffi::{OsStr, OsString};

/// Completes a flag of serving.
pub(super) fn of_serving(arg: Arg) -> Arg {
    complete(arg, "")
}

/// Completes the flags of a command.
pub(super) fn of_command(command: Command) -> Command {
    let name = command.get_name().to_owned();
    command.mut_args(|arg| complete(arg, &name))
}

fn complete(arg: Arg, command: &str) -> Arg {
    let variable = match arg.get_long() {
        // A negation needs no variable: it is the other flag's variable, set to false.
        Some(long) if !is_negation(long) => variable(command, long),
        _ => return arg,
    };
    // The field may name another variable.
    let arg = if arg.get_env().is_none() { arg.env(variable) } else { arg };
    let arg = without_empty_variable(arg);
    // What clap derives from a `bool`.
    if matches!(arg.get_action(), ArgAction::SetTrue) { switch(arg) } else { arg }
}

/// An empty variable is as one that is not set: `docker run -e` and unit files leave such.
fn without_empty_variable(arg: Arg) -> Arg {
    let is_empty = |variable: &OsStr| std::env::var_os(variable).is_some_and(|it| it.is_empty());
    if arg.get_env().is_some_and(is_empty) { arg.env(Resettable::Reset) } else { arg }
}

fn is_negation(long: &str) -> bool {
    long.starts_with("no-")
}

/// The environment variable of a flag. A name with a dot means the same in every command; a name
/// without one belongs to its command, whose name goes in front.
fn variable(command: &str, long: &str) -> OsString {
    let of_command = if long.contains('.') { String::new() } else { format!("{command}_") };
    format!("multicast_exporter_{of_command}{long}").to_uppercase().replace(['.', '-'], "_").into()
}

/// A flag that is on, off, or on without a value.
fn switch(arg: Arg) -> Arg {
    let arg = if arg.get_default_values().is_empty() { arg.default_value("false") } else { arg };
    arg.action(ArgAction::Set)
        .value_name("BOOL")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
}

#[cfg(test)]
mod tests {
    use super::is_negation;
    use crate::commands::flags::Cli;
    use clap::parser::ValueSource;
    use clap::{Arg, Command, CommandFactory as _};

    /// The program itself, then its commands.
    fn commands() -> Vec<Command> {
        let cli = Cli::command();
        let mut all: Vec<Command> = cli.get_subcommands().cloned().collect();
        all.insert(0, cli);
        all
    }

    /// The arguments with a long name, by that name.
    fn flags(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
        command.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)))
    }

    #[test]
    fn every_flag_has_the_variable_of_its_name() {
        // The two flags of serving that have another default when files are analyzed.
        let own = ["devices.max", "config.file"];
        for command in commands() {
            let name = command.get_name();
            for (long, arg) in flags(&command) {
                let is_own = match name {
                    "analyze" => !long.contains('.') || own.contains(&long),
                    // Which LAN it is means the same wherever it is asked.
                    _ => !long.contains('.') && long != "lan",
                };
                let prefix = if is_own { format!("{name}.") } else { String::new() };
                let variable = format!("MULTICAST_EXPORTER_{prefix}{long}").to_uppercase();
                let wanted = (!is_negation(long)).then(|| variable.replace(['.', '-'], "_").into());
                assert_eq!(arg.get_env().map(ToOwned::to_owned), wanted, "{name} --{long}");
            }
        }
    }

    #[test]
    fn every_negation_has_its_flag_and_the_last_of_the_two_holds() {
        let mut negations = 0;
        for command in commands() {
            for (long, arg) in flags(&command).filter(|(long, _)| is_negation(long)) {
                negations += 1;
                let other = long.trim_start_matches("no-");
                let positive = flags(&command).find(|(long, _)| *long == other);
                let (_, positive) = positive.unwrap_or_else(|| panic!("--{other}"));
                assert_eq!(positive.get_default_values(), ["true"], "--{other}");
                let said = |words: [&str; 2]| {
                    let words = words.map(|word| format!("--{word}"));
                    let matches = command.clone().no_binary_name(true).get_matches_from(words);
                    [positive, arg].map(|arg| {
                        let source = matches.value_source(arg.get_id().as_str());
                        source == Some(ValueSource::CommandLine)
                    })
                };
                assert_eq!(said([other, long]), [false, true], "--{long}");
                assert_eq!(said([long, other]), [true, false], "--{other}");
            }
        }
        assert_eq!(negations, 6, "three of serving, and of check");
    }
}
