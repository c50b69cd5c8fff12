//! What causes, conditions and rules mean, and where they are written: for the legend of `analyze`,
//! `docs/reference.md` and the man page. Made from the tables of `detect`, so that it cannot
//! disagree with them.

use crate::detect::{Cause, Condition, Rule, SegmentCause};
use std::fmt::Write as _;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Why a device floods.
    Cause,
    /// Why a segment as a whole floods.
    SegmentCause,
    /// What is wrong with a device at any rate.
    Condition,
    /// What a device should keep to.
    Rule,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Cause, Self::SegmentCause, Self::Condition, Self::Rule];

    /// One of them, as text.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::SegmentCause => "cause of a segment's storm",
            Self::Condition => "condition",
            Self::Rule => "rule",
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::Cause => "Causes of storms",
            Self::SegmentCause => "Causes of storms of a segment as a whole",
            Self::Condition => "Conditions",
            Self::Rule => "Rules",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Cause => {
                "Why a device floods: the first that covers half of its frames of the 10 s before the \
                 storm is its main cause."
            }
            Self::SegmentCause => "Why a segment floods.",
            Self::Condition => {
                "What is wrong with a device at any rate. A condition lasts until 10 min without \
                 evidence. Where a cause has the same name, it means the same."
            }
            Self::Rule => {
                "What a device should keep to. Hard rules are a MUST of their standard, or as good as \
                 one; soft ones are counted and alert nobody."
            }
        }
    }
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The label value.
    pub id: &'static str,
    /// What it means; of a rule, what holds for a device that keeps it.
    pub meaning: &'static str,
    /// Of a rule: how binding it is, and where it is written.
    pub rule: Option<(&'static str, &'static str)>,
}

/// All, in the order of their tables.
pub fn entries() -> Vec<Entry> {
    let entry = |kind, id, meaning| Entry { kind, id, meaning, rule: None };
    let causes = Cause::ALL.map(|c| entry(Kind::Cause, c.label(), c.meaning()));
    let of_segments = SegmentCause::ALL.map(|c| entry(Kind::SegmentCause, c.label(), c.meaning()));
    let conditions = Condition::ALL.map(|c| entry(Kind::Condition, c.label(), c.meaning()));
    let rules = Rule::ALL.iter().map(|rule| Entry {
        rule: Some((rule.hardness().label(), rule.source())),
        ..entry(Kind::Rule, rule.id(), rule.holds())
    });
    causes.into_iter().chain(of_segments).chain(conditions).chain(rules).collect()
}

/// The document `docs/reference.md`.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Reference: causes, conditions, rules\n\n\
         Generated from the program: `UPDATE_DOCS=1 cargo test --test shipped docs` writes it. \
         `analyze --explain` says the same of what it has found.\n",
    );
    for kind in Kind::ALL {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n## {}\n\n{}\n\n", kind.heading(), kind.about());
        out.push_str(match kind {
            Kind::Rule => "| rule | | written in | holds when |\n|---|---|---|---|\n",
            Kind::Cause | Kind::SegmentCause | Kind::Condition => "| id | meaning |\n|---|---|\n",
        });
        for entry in entries().into_iter().filter(|entry| entry.kind == kind) {
            let meaning = entry.meaning.replace('|', "\\|");
            let _ = match entry.rule {
                Some((hardness, source)) => {
                    writeln!(out, "| `{}` | {hardness} | {source} | {meaning} |", entry.id)
                }
                None => writeln!(out, "| `{}` | {meaning} |", entry.id),
            };
        }
    }
    out
}

/// The same as sections of a man page, in roff.
pub fn roff() -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        let heading = kind.heading().to_uppercase();
        let _ = write!(out, ".SH \"{heading}\"\n{}\n", escaped(kind.about()));
        for entry in entries().into_iter().filter(|entry| entry.kind == kind) {
            let _ = writeln!(out, ".TP\n\\fB{}\\fR", escaped(entry.id));
            let _ = writeln!(out, "{}", escaped(entry.meaning));
            if let Some((hardness, source)) = entry.rule {
                let _ = writeln!(out, "{}", escaped(&format!("({hardness}; {source})")));
            }
        }
    }
    out
}

/// Text of which roff takes nothing for a command.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_explained_in_a_sentence_and_in_both_forms() {
        let (markdown, roff) = (markdown(), roff());
        for entry in entries() {
            assert!(entry.meaning.ends_with('.') && !entry.meaning.starts_with(' '), "{entry:?}");
            assert!(markdown.contains(&format!("| `{}` |", entry.id)), "{entry:?}");
            assert!(roff.contains(&format!(".TP\n\\fB{}\\fR\n", entry.id)), "{entry:?}");
        }
        assert!(roff.lines().all(|line| !line.starts_with('\'')));
    }
}
