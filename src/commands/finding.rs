//! A finding and what to do about it, and how that is written for people. Pure; knows nothing of
//! how anything was found.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Columns that lines are broken at; commands are never broken.
const WIDTH: usize = 80;
/// Columns before a text: two, the widest level, and two.
const INDENT: usize = 11;

/// How bad it is, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but may see less than there is.
    Hint,
    /// It does not work.
    Problem,
}

impl Level {
    const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hint => "hint",
            Self::Problem => "PROBLEM",
        }
    }
}

/// What a finding is about, in the order in which they are printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The flags of the web server.
    Web,
    /// The configuration file, and the folder of evidence.
    Configuration,
    /// Capabilities.
    Privileges,
    /// The kernel and what it gives.
    Kernel,
    /// What multicast costs this machine, and whether that is known.
    Host,
    /// Which interfaces, and how.
    Interfaces,
    /// What this machine is and how it is connected.
    Surroundings,
    /// What came in on the interface of this name.
    Heard(String),
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web => f.write_str("Web"),
            Self::Configuration => f.write_str("Configuration"),
            Self::Privileges => f.write_str("Privileges"),
            Self::Kernel => f.write_str("Kernel"),
            Self::Host => f.write_str("Host"),
            Self::Interfaces => f.write_str("Interfaces"),
            Self::Surroundings => f.write_str("Surroundings"),
            Self::Heard(interface) => write!(f, "Heard on {interface}"),
        }
    }
}

/// Something to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// In words.
    Say(String),
    /// A command for a shell.
    Run(String),
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub area: Area,
    /// What it is.
    pub text: String,
    /// What to do about it.
    pub steps: Vec<Step>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(area: Area, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, area, text: text.into(), steps: Vec::new() }
    }

    /// Something that works, but may see less than there is because of it.
    pub fn hint(area: Area, text: impl Into<String>) -> Self {
        Self { level: Level::Hint, ..Self::ok(area, text) }
    }

    /// Something that does not work.
    pub fn problem(area: Area, text: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::ok(area, text) }
    }

    /// The same with something to do about it.
    pub fn say(mut self, step: impl Into<String>) -> Self {
        self.steps.push(Step::Say(step.into()));
        self
    }

    /// The same with a command to run.
    pub fn run(mut self, command: impl Into<String>) -> Self {
        self.steps.push(Step::Run(command.into()));
        self
    }
}

/// The findings as text: by area, each line with its level, then what to do.
pub fn render(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by(|a, b| a.area.cmp(&b.area));
    let mut text = String::new();
    let mut area = None;
    for finding in sorted {
        if area != Some(&finding.area) {
            area = Some(&finding.area);
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "\n{}", printable(&finding.area.to_string()));
        }
        let level = format!("  {:<width$}", finding.level.label(), width = INDENT - 2);
        wrap(&mut text, &level, &finding.text);
        for step in &finding.steps {
            match step {
                Step::Say(step) => wrap(&mut text, &format!("{:INDENT$}-> ", ""), step),
                Step::Run(command) => {
                    let _ = writeln!(text, "{:INDENT$}$ {}", "", printable(command));
                }
            }
        }
    }
    text
}

/// The last line: how many problems and hints there are, and what they mean.
pub fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count() as u64;
    let hints = match count(Level::Hint) {
        0 => String::new(),
        hints => format!(", {}", counted(hints, "hint")),
    };
    match count(Level::Problem) {
        0 => format!("\nNo problems{hints}.\n"),
        problems => format!("\n{}{hints}.\n", counted(problems, "problem")),
    }
}

/// A number and what is counted, in the plural if need be.
pub fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A word of a shell command, quoted if need be.
pub(crate) fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// Writes `text` behind `lead`, broken into lines that begin where it begins.
fn wrap(out: &mut String, lead: &str, text: &str) {
    let indent = lead.chars().count();
    out.push_str(lead);
    let mut column = indent;
    let mut first = true;
    for word in printable(text).split_whitespace() {
        let width = word.chars().count();
        if !first && column + 1 + width > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if !first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
        first = false;
    }
    out.push('\n');
}

/// The text without control characters, which interfaces and files may have in their names: a
/// terminal would obey them.
fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(|c: char| c.is_control()) {
        return Cow::Owned(text.replace(|c: char| c.is_control(), "\u{fffd}"));
    }
    Cow::Borrowed(text)
}

/// The findings as text without line breaks, for tests that look for a phrase.
#[cfg(test)]
pub(crate) fn flat(findings: &[Finding]) -> String {
    render(findings).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouped_by_area_in_the_order_found() {
        let findings = [
            Finding::ok(Area::Heard("eth0".into()), "nothing special"),
            Finding::hint(Area::Interfaces, "the first").say("look again").run("ip link"),
            Finding::problem(Area::Interfaces, "the second"),
            Finding::ok(Area::Web, "fine"),
        ];
        assert_eq!(
            render(&findings),
            "
Web
  ok       fine

Interfaces
  hint     the first
           -> look again
           $ ip link
  PROBLEM  the second

Heard on eth0
  ok       nothing special
"
        );
        assert_eq!(summary(&findings), "\n1 problem, 1 hint.\n");
        assert_eq!(summary(&findings[..2]), "\nNo problems, 1 hint.\n");
        assert_eq!(summary(&[]), "\nNo problems.\n");
        assert_eq!(render(&[]), "");
    }

    #[test]
    fn long_texts_are_broken_between_words_and_commands_are_not() {
        let long = "word ".repeat(30);
        let command = format!("echo {long}");
        let finding = Finding::ok(Area::Web, long.clone()).say(long).run(command.clone());
        let text = render(&[finding]);
        let (broken, whole) = text.split_once('$').unwrap();
        assert!(broken.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(broken.lines().skip(3).take(2).all(|line| line.starts_with("           word")));
        assert!(broken.contains("\n              word"), "{text}");
        assert_eq!(whole.trim(), command.trim());
    }

    #[test]
    fn a_name_cannot_command_the_terminal_or_the_shell() {
        let finding = Finding::ok(Area::Heard("a\x1b[2J".into()), "a\x1b[2J").run("ip \x07");
        assert!(!render(&[finding]).contains(|c: char| c.is_control() && c != '\n'));
        assert_eq!(shell_word("eth0.10@x"), "eth0.10@x");
        assert_eq!(shell_word("a;reboot"), "'a;reboot'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn problems_are_worse_than_hints() {
        assert!(Level::Ok < Level::Hint && Level::Hint < Level::Problem);
    }
}
