//! The repository's files as text, and Rust code without its comments, strings and tests.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the repository's root, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Its code, with the line breaks of the text; see [`code`].
    pub code: String,
}

/// What was found where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl File {
    /// A file that is not there, to show what a check finds.
    pub fn sample(text: &str) -> Self {
        Self { path: "src/sample.rs".into(), text: text.into(), code: code(text) }
    }

    /// Something found on a line, counted from 1.
    pub fn finding(&self, line: usize, what: &str) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }

    /// The module directly under the crate that the file belongs to.
    pub fn module(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = path.split('/').next().unwrap_or(path);
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file but what is built and what git keeps.
pub fn all() -> Vec<File> {
    let mut files = Vec::new();
    walk(repository(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The Rust files of these folders.
pub fn rust(folders: &[&str]) -> Vec<File> {
    all()
        .into_iter()
        .filter(|file| {
            let rust = Path::new(&file.path).extension().is_some_and(|e| e == "rs");
            let path = Path::new(&file.path);
            rust && folders.iter().any(|folder| path.starts_with(folder))
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.strip_prefix(repository()).unwrap().to_string_lossy().into_owned();
        if matches!(&*name, ".git" | "target") || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
            let code = if is_test { String::new() } else { code(&text) };
            files.push(File { path: name, text, code });
        }
    }
}

/// Rust code without comments, the contents of literals, and what is only compiled for tests: an
/// item after `#[cfg(test)]`. Line breaks stay.
pub fn code(text: &str) -> String {
    without_tests(&without_literals(text))
}

fn without_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            1 + quoted(&rest[1..], '"')
        } else if let Some(len) = raw_string(rest, code.chars().next_back()) {
            len
        } else if let Some(len) = character(rest) {
            len
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    code
}

/// Length up to and with the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a raw string that the text begins with.
fn raw_string(text: &str, before: Option<char>) -> Option<usize> {
    let inside_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let hashes = text.strip_prefix('r')?;
    let opening = hashes.find('"').filter(|end| hashes[..*end].chars().all(|c| c == '#'))?;
    if inside_word && before != Some('b') {
        return None;
    }
    let closing = format!("\"{}", "#".repeat(opening));
    let start = 1 + opening + 1;
    Some(text[start..].find(&closing).map_or(text.len(), |end| start + end + closing.len()))
}

/// Length of a character literal that the text begins with; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let mut chars = inner.chars();
    let first = chars.next()?;
    (first == '\\' || chars.next() == Some('\'')).then(|| 1 + quoted(inner, '\''))
}

fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..start]);
        let item = &rest[start..];
        let end = item_end(item);
        kept.extend(item[..end].chars().filter(|c| *c == '\n'));
        rest = &item[end..];
    }
    kept.push_str(rest);
    kept
}

/// Length of an item: up to its closing brace, or a semicolon before any.
fn item_end(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// The words of code with their lines, counted from 1.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(n, line)| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(move |word| (n + 1, word))
    })
}

/// The modules that code names after `crate::`, in groups too, with their lines.
pub fn crate_paths(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices("crate::").flat_map(|(start, prefix)| {
        let line = code[..start].matches('\n').count() + 1;
        let path = &code[start + prefix.len()..];
        let names = match path.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![path],
        };
        names.into_iter().map(move |name| {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            (line, &name[..end])
        })
    })
}

/// The members of a `use` group, without those of the groups in it.
pub fn top_level(group: &str) -> Vec<&str> {
    let (mut members, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(group[start..at].trim());
                return members;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    members
}
