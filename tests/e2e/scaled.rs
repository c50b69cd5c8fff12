//! Rules and routes in a shorter time: the shipped files with every duration divided by one factor,
//! and a check that nothing else differs. `tests/shipped/scaling.rs` tests it.
//!
//! A duration literal is what Prometheus accepts as one, such as `45s` or `1h30m`, where Prometheus
//! reads one: as a whole value of YAML, in the brackets of a range (`[25s]`, `[1d:5m]`), or after
//! `offset`; and so is the number of seconds that the age of a storm, or the time since something, is
//! compared with. Everything else stays: names, prose, other numbers of seconds, comments.
//!
//! A replay that runs as much faster needs [`hastened`].

use regex::{Captures, Regex};
use std::sync::LazyLock;
use std::time::Duration;

/// Units and their milliseconds, in the order in which a literal has them.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// What looks like a duration; `duration` decides.
const LITERAL: &str = r"(?:[0-9]+(?:ms|[ywdhms]))+";

/// A pattern in which `DURATION` stands for a literal.
fn pattern(text: &str) -> Regex {
    Regex::new(&text.replace("DURATION", LITERAL)).expect("a pattern")
}

/// The value of a key, or an item of a list, and nothing after it.
static WHOLE_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^(?<before>\s*(?:- +)*(?:[\w.-]+:\s+)?["']?)(?<at>DURATION)(?<after>["']?\s*)$"#)
});
/// A value in a mapping between braces.
static FLOW_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?<before>[{,]\s*[\w.-]+:\s+["']?)(?<at>DURATION)(?<after>["']?\s*[,}])"#)
});
/// A mapping between braces as a value.
static FLOW_MAPPING: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:- +)*(?:[\w.-]+:\s+)?\{"));
/// A range, or the range of a subquery: behind a selector or an expression, not in a quoted text.
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?<before>[\w:})]\s*\[\s*|^\s*\[\s*)(?<at>DURATION)(?<after>\s*[\]:])")
});
/// The step of a subquery.
static STEP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?<before>\[\s*DURATION\s*:\s*)(?<at>DURATION)(?<after>\s*\])"));
/// An offset.
static OFFSET: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?<before>\boffset\s+-?\s*)(?<at>DURATION)(?<after>\b)"));
/// What `…_storm_duration_seconds` is compared with, in whole seconds.
static AGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?<before>_storm_duration_seconds\b[^>]*>= )(?<at>[0-9]+)(?<after>\s*)$")
});
/// What the time since something is compared with, in whole seconds.
static SINCE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?<before>\btime\(\) - [^<>]*[<>] )(?<at>[0-9]+)(?<after>\s*)$"));
/// A value that goes on in the lines below, which are indented more.
static BLOCK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:- +)*(?:[\w.-]+:\s+)?(?:&\w+\s+)?[|>][0-9+-]*\s*$"));

/// Divides every duration literal of a YAML text by `factor`, to the nearest millisecond and to one
/// at least. Panics at a quoted value that does not end in its line: it is not read here.
pub fn divided(text: &str, factor: u32) -> String {
    assert_ne!(factor, 0, "a factor");
    let mut out = String::with_capacity(text.len());
    // The indentation of the line whose value goes on below.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if !bare.is_empty() && block.is_some_and(|outer| indent <= outer) {
            block = None;
        }
        if bare.starts_with('#') {
            out.push_str(line);
        } else if block.is_some() {
            out.push_str(&expression(line, factor));
        } else {
            let (code, comment) = line.split_at(end_of_code(line));
            if BLOCK.is_match(code) {
                block = Some(indent);
            }
            out.push_str(&value(code, factor));
            out.push_str(comment);
        }
        out.push_str(end);
    }
    out
}

/// A line of YAML without its comment.
fn value(code: &str, factor: u32) -> String {
    if WHOLE_VALUE.is_match(code) {
        replaced(&WHOLE_VALUE, code, factor)
    } else if FLOW_MAPPING.is_match(code) {
        replaced(&FLOW_VALUE, code, factor)
    } else {
        expression(code, factor)
    }
}

/// A line of text in which there may be an expression. The step comes first: it is known by its range.
fn expression(line: &str, factor: u32) -> String {
    let line = replaced(&STEP, line, factor);
    let line = replaced(&RANGE, &line, factor);
    let line = younger(&line, factor);
    replaced(&OFFSET, &line, factor)
}

/// The age of a storm and the time since something, in whole seconds and one at least.
fn younger(line: &str, factor: u32) -> String {
    let replace = |found: &Captures<'_>| {
        let seconds: u32 = found["at"].parse().expect("a number");
        format!("{}{}{}", &found["before"], (seconds / factor).max(1), &found["after"])
    };
    let line = AGE.replace_all(line, replace);
    SINCE.replace_all(&line, replace).into_owned()
}

/// The rules for a capture that is replayed `factor` times as fast. As [`divided`], but for two
/// things. The exporter reads the time in the capture: how long a storm lasted is in seconds of then.
/// And `factor` times as much comes in a second: each rate is divided.
pub fn hastened(text: &str, factor: u32) -> String {
    let shortened = divided(text, factor);
    let ages = |line: &str| AGE.captures(line).map(|found| found["at"].to_owned());
    let lines = text.split_inclusive('\n').zip(shortened.split_inclusive('\n'));
    let kept: String = lines
        .map(|(before, after)| match ages(before.trim_end_matches('\n')) {
            None => after.to_owned(),
            Some(age) => {
                let replace =
                    |found: &Captures<'_>| format!("{}{age}{}", &found["before"], &found["after"]);
                let end = if after.ends_with('\n') { "\n" } else { "" };
                format!("{}{end}", AGE.replace(after.trim_end_matches('\n'), replace))
            }
        })
        .collect();
    slower(&kept, factor)
}

/// Each call of `rate` and `deriv` divided by `factor`.
fn slower(text: &str, factor: u32) -> String {
    static CALL: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:rate|deriv)\("));
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(call) = CALL.find(rest) {
        let mut depth = 0_usize;
        let closes = rest[call.end() - 1..].find(|character| {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = call.end() + closes.expect("a parenthesis that closes the call");
        let inner = slower(&rest[call.end()..end - 1], factor);
        out += &rest[..call.start()];
        for part in ["(", call.as_str(), &inner, ") / ", &factor.to_string(), ")"] {
            out.push_str(part);
        }
        rest = &rest[end..];
    }
    out + rest
}

fn replaced(pattern: &Regex, line: &str, factor: u32) -> String {
    let replace = |found: &Captures<'_>| match duration(&found["at"]) {
        None => found[0].to_owned(),
        Some(whole) => {
            let whole = u64::try_from(whole.as_millis()).expect("less than ages");
            let factor = u64::from(factor);
            let part = ((whole + factor / 2) / factor).max(u64::from(whole > 0));
            format!("{}{part}ms{}", &found["before"], &found["after"])
        }
    };
    pattern.replace_all(line, replace).into_owned()
}

/// Where the comment of a line of YAML begins, else its length.
fn end_of_code(line: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    let mut characters = line.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (Some('"'), '\\') => _ = characters.next(),
            (Some('\''), '\'') if characters.peek().is_some_and(|next| next.1 == '\'') => {
                characters.next();
            }
            (Some(open), _) if character == open => quote = None,
            // Elsewhere it is an apostrophe, or part of an expression.
            (None, '"' | '\'') if begins_a_value(&line[..at]) => quote = Some(character),
            (None, '#') if before.is_whitespace() => return at,
            _ => {}
        }
        before = character;
    }
    assert_eq!(quote, None, "a quoted value over several lines is not read here: {line}");
    line.len()
}

/// Whether a value of YAML begins after this.
fn begins_a_value(before: &str) -> bool {
    let bare = before.trim_end();
    let flow = FLOW_MAPPING.is_match(before) || bare.ends_with(": [");
    bare.is_empty()
        || (before.len() > bare.len() && (bare.ends_with(':') || bare.trim_start() == "-"))
        || (flow && bare.ends_with(['{', '[', ',', ':']))
}

/// What a duration literal says; `None` if it is none.
pub fn duration(literal: &str) -> Option<Duration> {
    let (mut rest, mut units, mut total) = (literal, UNITS.iter(), 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        // Each unit at most once, the larger first.
        let (_, millis) = units.by_ref().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        rest = after;
    }
    (!literal.is_empty()).then(|| Duration::from_millis(total))
}

/// The durations that differ between two texts, in their order, which differ in nothing else. The
/// error says where they do. Knows nothing of where durations are looked for.
pub fn differences(a: &str, b: &str) -> Result<Vec<(Duration, Duration)>, String> {
    let mut found = Vec::new();
    for (number, (one, other)) in a.lines().zip(b.lines()).enumerate() {
        let (words, others) = (words(one), words(other));
        let differ = || format!("line {}: {one:?} is {other:?}", number + 1);
        if words.len() != others.len() {
            return Err(differ());
        }
        for (word, other) in words.into_iter().zip(others).filter(|(one, other)| one != other) {
            let is_age = one.contains("_storm_duration_seconds") || one.contains("time() - ");
            let read = |word: &str| match word.parse() {
                Ok(seconds) if is_age => Some(Duration::from_secs(seconds)),
                Ok(_) | Err(_) => duration(word),
            };
            found.push(read(word).zip(read(other)).ok_or_else(differ)?);
        }
    }
    if a.lines().count() != b.lines().count() || a.ends_with('\n') != b.ends_with('\n') {
        return Err("one is longer".to_owned());
    }
    Ok(found)
}

/// Words, and each other character by itself.
fn words(line: &str) -> Vec<&str> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\w+|[^\w]"));
    WORD.find_iter(line).map(|word| word.as_str()).collect()
}
