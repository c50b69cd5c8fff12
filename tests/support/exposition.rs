//! A small, strict reader of both formats, written from their specifications and independent of the
//! writer.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a body holds.
#[derive(Debug, Default, PartialEq)]
pub struct Body {
    /// Name and labels of each sample, with its value.
    pub samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
    /// Names in HELP lines, in their order.
    pub families: Vec<String>,
    /// How each TYPE line has it, by the name there.
    pub types: BTreeMap<String, String>,
    /// Whether it ends in `# EOF`.
    pub eof: bool,
}

impl Body {
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }

    /// The values of a label over all samples of a name.
    pub fn label_values(&self, name: &str, label: &str) -> BTreeSet<String> {
        let of_name = self.samples.keys().filter(|(n, _)| n == name);
        of_name.filter_map(|(_, labels)| labels.get(label).cloned()).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.samples.keys().any(|(n, _)| n == name)
    }
}

/// Reads a body, and panics at whatever a scraper would refuse.
pub fn parse(text: &str) -> Body {
    let mut body = Body::default();
    let mut begun = HashSet::new();
    let mut current = String::new();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is not ended");
    for line in text.split_terminator('\n') {
        assert!(!body.eof, "there is text after # EOF: {line}");
        if line == "# EOF" {
            body.eof = true;
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("help text");
            assert!(!help.is_empty());
            assert!(begun.insert(name.to_owned()), "{name} comes twice");
            name.clone_into(&mut current);
            body.families.push(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, current, "TYPE does not follow its HELP");
            body.types.insert(name.to_owned(), kind.to_owned());
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let (name, labels, value) = sample(line);
            assert!(name.starts_with(&current), "{name} stands in {current}");
            let before = body.samples.insert((name, labels), value);
            assert!(before.is_none(), "a series comes twice: {line}");
        }
    }
    body
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).expect("a name");
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect("a label");
            let (value, after) = quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{label} twice: {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect("a space before the value");
    assert!(!value.contains(' '), "there is a timestamp: {line}");
    let number = match value {
        "+Inf" => f64::INFINITY,
        value => value.parse().expect("a number"),
    };
    (name.to_owned(), labels, number)
}

/// A quoted string to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().expect("an escaped character").1 {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                c => panic!("unknown escape {c:?}"),
            }),
            c => value.push(c),
        }
    }
    panic!("a quote is not closed: {text}");
}
