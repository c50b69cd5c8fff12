//! The regular expressions of `--capture.interface` and `--capture.interface-exclude`: anchored
//! at both ends, as Prometheus anchors its own; several are alternatives.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// Upper bound of a compiled expression in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is not a regular expression.
    #[error("{flag}: {pattern:?} is not a regular expression: {reason}")]
    Syntax {
        /// The flag that gave it.
        flag: &'static str,
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it, in one line.
        reason: String,
    },
    /// It is empty, so that no name matches it.
    #[error("{flag}: an empty pattern matches no interface")]
    Empty {
        /// The flag that gave it.
        flag: &'static str,
    },
}

/// Patterns of one flag; a name matches if one of them matches the whole of it.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    patterns: Vec<(String, Regex)>,
}

impl Patterns {
    /// Compiles what the flag `flag` was given.
    ///
    /// # Errors
    /// The first pattern that is empty or no regular expression.
    pub fn new(flag: &'static str, patterns: &[String]) -> Result<Self, PatternError> {
        let compile = |pattern: &String| Ok((pattern.clone(), compile(flag, pattern)?));
        Ok(Self { patterns: patterns.iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether one of them matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|(_, regex)| regex.is_match(name))
    }

    /// The patterns as given that match none of `names`.
    pub(crate) fn without_match<'a>(&'a self, names: &[&str]) -> impl Iterator<Item = &'a str> {
        self.patterns
            .iter()
            .filter(|(_, regex)| !names.iter().any(|name| regex.is_match(name)))
            .map(|(pattern, _)| pattern.as_str())
    }
}

fn compile(flag: &'static str, pattern: &str) -> Result<Regex, PatternError> {
    if pattern.is_empty() {
        return Err(PatternError::Empty { flag });
    }
    let build = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
    // By itself first: `a)|(b` is not valid although the anchored form of it would be.
    build(pattern).and_then(|_| build(&format!("^(?s:{pattern})$"))).map_err(|error| {
        PatternError::Syntax { flag, pattern: pattern.to_owned(), reason: reason(&error) }
    })
}

/// The last line of what `regex` says: those before draw the pattern with a mark under it.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(patterns: &[&str]) -> Result<Patterns, PatternError> {
        let owned: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Patterns::new("--capture.interface", &owned)
    }

    #[test]
    fn anchored_at_both_ends() {
        let some = patterns(&["eth0|wlan.", "br-.*"]).unwrap();
        for name in ["eth0", "wlan1", "br-", "br-lan"] {
            assert!(some.matches(name), "{name}");
        }
        for name in ["eth00", "xeth0", "wlan", "wlan10", "abr-lan", ""] {
            assert!(!some.matches(name), "{name}");
        }
    }

    #[test]
    fn no_pattern_matches_nothing() {
        assert!(!patterns(&[]).unwrap().matches("eth0"));
    }

    #[test]
    fn errors_name_flag_and_pattern_in_one_line() {
        let message = patterns(&["eth0", "eth["]).unwrap_err().to_string();
        assert_eq!(
            message,
            "--capture.interface: \"eth[\" is not a regular expression: unclosed character class"
        );
        assert_eq!(
            patterns(&[""]).unwrap_err().to_string(),
            "--capture.interface: an empty pattern matches no interface"
        );
    }

    #[test]
    fn a_pattern_cannot_break_out_of_its_anchors() {
        assert!(patterns(&["a)|(b"]).is_err());
        // Swallows the anchor when wrapped: refused, because it would be only half anchored.
        assert!(patterns(&["(?x)eth0 # the first"]).is_err());
    }

    #[test]
    fn a_pattern_that_compiles_to_too_much_is_refused() {
        assert!(patterns(&["(((a{100}){100}){100})"]).is_err());
    }

    #[test]
    fn patterns_that_match_nothing_are_named() {
        let some = patterns(&["eth.", "typo0"]).unwrap();
        assert_eq!(some.without_match(&["lo", "eth1"]).collect::<Vec<_>>(), ["typo0"]);
    }
}
