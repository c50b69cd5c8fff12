//! What several test programs share: where other people's captures are, golden files, a reader of
//! the exposition, how the program is started and asked, network namespaces and LANs made of them.
//! What concerns only one test stays with it.

#![allow(dead_code, reason = "each test takes what it needs")]

pub mod exposition;
pub mod golden;
pub mod http;
pub mod lan;
pub mod netns;
pub mod process;
pub mod served;
pub mod servers;

use std::path::{Path, PathBuf};

/// Where the scripts that `make test` calls put what they fetch: what `MULTICAST_EXPORTER_TOOLS`
/// names, else `multicast_exporter` in the user's cache.
pub fn tools_dir() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    variable("MULTICAST_EXPORTER_TOOLS").unwrap_or_else(|| {
        let home = || variable("HOME").expect("HOME is set").join(".cache");
        variable("XDG_CACHE_HOME").unwrap_or_else(home).join("multicast_exporter")
    })
}

/// The folder of other people's captures: what `MULTICAST_EXPORTER_CAPTURES` names, else
/// `../shared/captures` beside the repository. `None`, said loudly past the test runner's
/// capturing of output, where there is none; a folder that was named has to be there.
pub fn captures_dir() -> Option<PathBuf> {
    shared_dir("captures", "MULTICAST_EXPORTER_CAPTURES", "files")
}

/// The folder of cases, captures of which each says what must be found in it: what
/// `MULTICAST_EXPORTER_CASES` names, else `../shared/cases`; otherwise as [`captures_dir`].
pub fn cases_dir() -> Option<PathBuf> {
    shared_dir("cases", "MULTICAST_EXPORTER_CASES", "expected.tsv")
}

/// The folder `name` that is shared between repositories, known by the entry `mark` in it.
fn shared_dir(name: &str, variable: &str, mark: &str) -> Option<PathBuf> {
    use std::io::Write;

    if let Some(named) = std::env::var_os(variable) {
        let dir = PathBuf::from(named);
        assert!(dir.join(mark).exists(), "no {name} in {}", dir.display());
        return Some(dir);
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    if dir.join(mark).exists() {
        return Some(dir);
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Unlike eprintln, this is not captured.
    let _ = writeln!(
        std::io::stderr(),
        "\n*** {test} DID NOT RUN: no {name} in {} and {variable} is not set\n",
        dir.display()
    );
    None
}
