//! Finds out what is being built, for `multicast_exporter_build_info`.
//!
//! Packagers set `MULTICAST_EXPORTER_REVISION` and `MULTICAST_EXPORTER_BRANCH`. Otherwise git is
//! asked, if it is there and this directory is the top of a working tree; a source archive that
//! lies inside somebody else's repository is not taken for a part of it. Else both are
//! `unknown`. Nothing here can fail a build.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let ours = is_top_of_working_tree(&root);
    if ours {
        // HEAD changes with the branch, its log with each commit.
        for file in ["HEAD", "logs/HEAD"] {
            if let Some(path) = git(&root, &["rev-parse", "--git-path", file]) {
                let path = root.join(path);
                if path.exists() {
                    println!("cargo::rerun-if-changed={}", path.display());
                }
            }
        }
    }
    let asked = |arguments: &[&str]| if ours { git(&root, arguments) } else { None };
    set("MULTICAST_EXPORTER_REVISION", || asked(&["rev-parse", "HEAD"]));
    set("MULTICAST_EXPORTER_BRANCH", || asked(&["symbolic-ref", "--short", "-q", "HEAD"]));
    set("MULTICAST_EXPORTER_RUSTVERSION", rust_version);
    set("MULTICAST_EXPORTER_TARGET", || env::var("TARGET").ok());
}

/// Hands a value to the program: the packager's, else what `find` finds, else `unknown`.
fn set(name: &str, find: impl FnOnce() -> Option<String>) {
    println!("cargo::rerun-if-env-changed={name}");
    let given = env::var(name).ok().filter(|value| !value.trim().is_empty());
    let value = given.or_else(find).unwrap_or_else(|| String::from("unknown"));
    let line = value.lines().next().unwrap_or_default().trim();
    println!("cargo::rustc-env={name}={line}");
}

fn is_top_of_working_tree(root: &Path) -> bool {
    let Some(top) = git(root, &["rev-parse", "--show-toplevel"]) else { return false };
    match (Path::new(&top).canonicalize(), root.canonicalize()) {
        (Ok(top), Ok(root)) => top == root,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// `rustc 1.95.0 (…)` becomes `1.95.0`.
fn rust_version() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_ascii_whitespace().nth(1).map(str::to_owned)
}
