//! Expected texts, in `tests/golden`; `UPDATE_GOLDEN=1` accepts what has changed.

use std::fs;
use std::path::Path;

/// Panics at the first line in which `text` differs from the golden file of this name.
pub fn compare_with_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    for (number, (is, should)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(is, should, "{name}:{}; UPDATE_GOLDEN=1 accepts it", number + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "{name}; UPDATE_GOLDEN=1 accepts it");
}

#[allow(dead_code, reason = "for bodies only")]
/// The body with all durations 0: the only numbers that differ from run to run.
pub fn without_durations(body: &str) -> String {
    let line = |line: &str| match line.split_once("} ") {
        Some((series, _)) if line.starts_with("multicast_scrape_collector_duration") => {
            format!("{series}}} 0\n")
        }
        Some(_) | None => format!("{line}\n"),
    };
    body.lines().map(line).collect()
}
