//! docs/performance.md and its charts say what the newest run of `make bench` measured, and nothing
//! of another day.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The files of a folder, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable"));
    let paths = entries.map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    paths.sort();
    paths
}

#[test]
#[ignore = "tools: make test"]
fn the_page_is_of_the_newest_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = files(&docs().join("performance/history"), "json");
    let newest = history.last().expect("make bench was run once");
    fs::copy(docs().join("performance.md"), folder.path().join("performance.md")).expect("copied");
    let output = Command::new("python3")
        .arg(docs().join("../scripts/make-bench"))
        .arg(format!("--from={}", newest.display()))
        .arg(format!("--docs={}", folder.path().display()))
        .output()
        .expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = |path: PathBuf| fs::read_to_string(path).expect("text");
    let is = text(docs().join("performance.md"));
    let should = text(folder.path().join("performance.md"));
    let name = newest.display();
    for (number, (is, should)) in is.lines().zip(should.lines()).enumerate() {
        assert_eq!(is, should, "docs/performance.md:{}, by {name}", number + 1);
    }
    assert_eq!(is, should, "docs/performance.md, by {name}");
    let charts = |folder: &Path| -> Vec<(String, String)> {
        let name =
            |path: &PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
        files(&folder.join("performance"), "svg")
            .iter()
            .map(|p| (name(p), text(p.clone())))
            .collect()
    };
    assert!(charts(&docs()) == charts(folder.path()), "the charts are not those of {name}");
}
