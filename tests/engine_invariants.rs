//! The engine has all state and no IO: it imports no socket, file, clock or framework.

use std::path::{Path, PathBuf};
use std::{fs, io};

const FORBIDDEN: [&str; 13] = [
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "std::io",
    "std::thread",
    "std::process",
    "Instant",
    "SystemTime",
    "time::clock",
    "tokio",
    "prometheus",
    "axum",
    "unsafe ",
];

fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn the_engine_imports_no_io_and_no_clock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let sources = sources(&folder).expect("the engine's sources");
    assert!(sources.len() > 10);
    for path in sources {
        let text = fs::read_to_string(&path).expect("a source");
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{}:{}: {line}", path.display(), number + 1);
            }
        }
    }
}
