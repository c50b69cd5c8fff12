//! What must hold of the source text and of the repository: invariants that no type and no lint can
//! keep. Each check is a function from text to findings, so that every test can first show that it
//! would find something.

mod imports;
mod source;

use source::{File, Finding, crate_paths, repository, words};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the kernel is called. A file or folder that no longer needs it must leave the list.
const UNSAFE_ALLOWED: [&str; 9] = [
    "src/capture/ring/",
    "src/capture/socket/receive.rs",
    "src/capture/sys.rs",
    "src/host/syscalls/ebpf.rs",
    "src/host/syscalls/ebpf/",
    "src/host/syscalls/perf.rs",
    "src/interfaces/ethtool.rs",
    "src/privilege.rs",
    "src/web/activation.rs",
];

/// Words that code without IO and clock has no use for.
const IMPURE: [&str; 27] = [
    "File",
    "Instant",
    "OpenOptions",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
    "axum",
    "caps",
    "clock",
    "datalink",
    "eprintln",
    "fs",
    "hyper",
    "io",
    "libc",
    "netlink_sys",
    "pnet_datalink",
    "println",
    "prometheus",
    "socket2",
    "thread",
    "tokio",
];

fn impure(file: &File) -> Vec<Finding> {
    words(&file.code)
        .filter(|(_, word)| IMPURE.contains(word))
        .map(|(line, word)| file.finding(line, word))
        .collect()
}

#[test]
fn decode_detect_and_engine_know_no_socket_file_clock_or_server() {
    for bad in ["use std::{fs, net};", "let now = Instant::now();", "tokio::spawn(x)"] {
        assert_eq!(impure(&File::sample(bad)).len(), 1, "{bad}");
    }
    let good =
        "// tokio\nlet x = \"std::fs\"; let c = '\"'; /* Instant */ let io_error = r#\"fs\"#;";
    assert_eq!(impure(&File::sample(good)), []);
    let rooms = source::rust(&["src/decode", "src/detect", "src/storm", "src/engine"]);
    assert!(rooms.len() > 10, "{}", rooms.len());
    none(rooms.iter().flat_map(impure));
}

/// Modules in the order of the map in lib.rs.
fn map(lib: &str) -> Vec<&str> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]").map(|(name, _)| name))
        .collect()
}

/// Uses of modules that stand below the file's own in the map.
fn upward(file: &File, order: &[&str]) -> Vec<Finding> {
    let place = |name: &str| order.iter().position(|module| *module == name);
    let Some(own) = place(file.module()) else { return Vec::new() };
    crate_paths(&file.code)
        .filter(|(_, module)| place(module).is_some_and(|used| used > own))
        .map(|(line, module)| file.finding(line, &format!("uses {module}, further down the map")))
        .collect()
}

#[test]
fn the_map_in_lib_rs_lists_each_module_once() {
    let lib = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let order = map(&lib);
    let mapped: BTreeSet<&str> = order.iter().copied().collect();
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';')).collect();
    assert_eq!(mapped, declared);
    assert_eq!(mapped.len(), order.len(), "a module is there twice");
}

/// Modules in the order of the code map in ARCHITECTURE.md.
fn code_map(architecture: &str) -> Vec<&str> {
    let (_, map) = architecture.split_once("| module | is |").expect("a code map");
    map.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
        .collect()
}

#[test]
fn the_code_map_lists_the_modules_of_lib_rs_in_its_order() {
    let sample = "| `x` |\n| module | is | not |\n|---|---|\n| `a` | `b` |\n| `c` | |\n\n| `d` |";
    assert_eq!(code_map(sample), ["a", "c"]);
    let read = |path| fs::read_to_string(repository().join(path)).unwrap();
    assert_eq!(code_map(&read("ARCHITECTURE.md")), map(&read("src/lib.rs")));
}

#[test]
fn a_module_uses_only_those_above_it_in_the_map() {
    let lib = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let order = map(&lib);
    let sample = |text| File { path: "src/time/x.rs".into(), ..File::sample(text) };
    assert_eq!(upward(&sample("use crate::engine::Engine;"), &order).len(), 1);
    assert_eq!(upward(&sample("use crate::{time::Time, web};"), &order).len(), 1);
    assert_eq!(upward(&sample("use crate::time::Time; // crate::web"), &order), []);
    none(source::rust(&["src"]).iter().flat_map(|file| upward(file, &order)));
}

/// What circles are found among these files, given as path and code.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<File> = files
        .iter()
        .map(|(path, code)| File { path: format!("src/{path}.rs"), ..File::sample(code) })
        .collect();
    imports::circles(&files).iter().map(ToString::to_string).collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let of_two = [("a", "use crate::b::B;"), ("b", "\nuse crate::a::A;")];
    let found = "src/a.rs:1: imports in a circle: src/a.rs -> src/b.rs -> src/a.rs";
    assert_eq!(circles_of(&of_two), [found]);
    let of_three = [("a", "use crate::b;"), ("b", "use crate::c;"), ("c", "use crate::a as x;")];
    assert_eq!(circles_of(&of_three).len(), 1);
    let through_a_group =
        [("a", "use crate::{\n    c::{C, D},\n    b::{self, B},\n};"), ("b", "use crate::a::A;")];
    assert_eq!(circles_of(&through_a_group), [found]);
    let with_a_parent = [("a/mod", "pub use b::B;\nuse std::fs;"), ("a/b", "use super::A;")];
    assert_eq!(circles_of(&with_a_parent).len(), 1);
    let through_an_export = [
        ("lib", "pub(crate) use a::A as Z;"),
        ("a/mod", "pub use b::A;"),
        ("a/b", "use super::super::c::C;"),
        ("c", "use crate::Z;"),
    ];
    let found = "src/a/b.rs:1: imports in a circle: src/a/b.rs -> src/c.rs -> src/a/b.rs";
    assert_eq!(circles_of(&through_an_export), [found]);

    let tree = [
        ("a/mod", "pub use b::B;\nuse c::C;"),
        ("a/b", "use self::x::X;\nfn f() { self::y() }"),
        ("a/b/x", "use b::B;\nuse std::{fs, io};"),
        ("a/c", "use super::B;\n#[cfg(test)]\nmod tests {\n    use super::super::A;\n}"),
        ("d", "// use crate::e;\nuse crate::a::{B, C};"),
        ("e", "use crate::d;"),
    ];
    assert_eq!(circles_of(&tree), [""; 0]);
    none(imports::circles(&source::rust(&["src"])));
}

fn calls_unsafe(file: &File) -> Vec<Finding> {
    words(&file.code)
        .filter(|(_, word)| *word == "unsafe")
        .map(|(line, _)| file.finding(line, "unsafe"))
        .collect()
}

#[test]
fn unsafe_is_only_where_the_kernel_is_called() {
    assert_eq!(calls_unsafe(&File::sample("let x = unsafe { f() };")).len(), 1);
    assert_eq!(calls_unsafe(&File::sample("// unsafe\nlet unsafety = \"unsafe\";")), []);
    let files = source::rust(&["src"]);
    let allowed =
        |file: &File| UNSAFE_ALLOWED.iter().find(|prefix| file.path.starts_with(**prefix));
    none(files.iter().filter(|file| allowed(file).is_none()).flat_map(calls_unsafe));
    for prefix in UNSAFE_ALLOWED {
        let used = files.iter().any(|f| f.path.starts_with(prefix) && !calls_unsafe(f).is_empty());
        assert!(used, "{prefix} needs no unsafe any more: take it off the list");
    }
}

/// Size, header and name of a source file.
fn form(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > 800 {
        findings.push(file.finding(lines, "over 800 lines: it is two files"));
    }
    if !file.text.starts_with("//!") {
        findings.push(file.finding(1, "does not begin by saying what it is for"));
    }
    let vague = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];
    if Path::new(&file.path).components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        vague.contains(&part.strip_suffix(".rs").unwrap_or(&part))
    }) {
        findings.push(file.finding(1, "a name that says nothing"));
    }
    findings
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let long = File::sample(&"//! x\n".repeat(801));
    assert_eq!(form(&long).len(), 1);
    assert_eq!(form(&File::sample("use x;")).len(), 1);
    assert_eq!(form(&File { path: "src/utils/x.rs".into(), ..File::sample("//! x") }).len(), 1);
    none(source::rust(&["src", "tests", "examples", "build.rs"]).iter().flat_map(form));
}

/// Exceptions from lints, and tests left out, without a reason.
fn unreasoned(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (start, _) in file.text.match_indices("#[").chain(file.text.match_indices("#![")) {
        let attribute = file.text[start..].split(']').next().unwrap_or_default();
        let inner = attribute.trim_start_matches(['#', '!', '[']);
        let line = file.text[..start].matches('\n').count() + 1;
        if (inner.starts_with("allow(") || inner.starts_with("expect("))
            && !inner.contains("reason")
        {
            findings.push(file.finding(line, "an exception from a lint without a reason"));
        }
        if inner.starts_with("ignore")
            && !matches!(inner, "ignore = \"root: make test\"" | "ignore = \"tools: make test\"")
        {
            findings.push(file.finding(line, "a test that make test is not known to run"));
        }
        let clock = inner.contains("clippy::disallowed_methods");
        if clock && file.path.starts_with("src/") && file.path != "src/time/clock.rs" {
            findings.push(file.finding(line, "only time::clock reads a clock"));
        }
    }
    findings
}

#[test]
fn exceptions_have_reasons_and_ignored_tests_are_run() {
    for bad in ["[allow(x)]", "![allow(\n x\n)]", "[ignore]", "[ignore = \"slow\"]"] {
        assert_eq!(unreasoned(&File::sample(&format!("#{bad}"))).len(), 1, "{bad}");
    }
    let clock = "[allow(clippy::disallowed_methods, reason = \"\")]";
    assert_eq!(unreasoned(&File::sample(&format!("#{clock}"))).len(), 1);
    let files = source::rust(&["src", "tests", "examples", "build.rs"]);
    none(files.iter().filter(|f| f.path != "tests/shipped/repository.rs").flat_map(unreasoned));
}

#[test]
fn the_linter_knows_every_clock() {
    let clippy = fs::read_to_string(repository().join("clippy.toml")).unwrap();
    for clock in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::time::Instant::elapsed",
        "std::time::SystemTime::elapsed",
        "jiff::Timestamp::now",
    ] {
        assert!(clippy.contains(&format!("path = \"{clock}\"")), "{clock}");
    }
}

/// Things still to be done, and paths on one person's machine.
fn left_over(file: &File) -> Vec<Finding> {
    // Put together, so that this file does not find itself.
    let traces = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("art", "ifactory"),
    ];
    file.text
        .lines()
        .enumerate()
        .flat_map(|(n, line)| {
            traces.iter().filter(move |trace| line.contains(**trace)).map(move |trace| (n, trace))
        })
        .map(|(n, trace)| file.finding(n + 1, trace))
        .collect()
}

#[test]
fn nothing_is_left_undone_and_no_machine_is_named() {
    assert_eq!(left_over(&File::sample(concat!("x\n// TO", "DO: y"))).len(), 1);
    assert_eq!(left_over(&File::sample(concat!("cd /ho", "me/me"))).len(), 1);
    let files = source::all();
    assert!(files.iter().any(|file| file.path == "Makefile"), "{files:?}");
    none(files.iter().filter(|file| file.path != "Cargo.lock").flat_map(left_over));
}

/// The number after a text, such as `1.95` after `Rust `, wherever it stands.
fn versions<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(before).filter_map(move |(start, _)| {
        let rest = &text[start + before.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let version = rest[..end].trim_end_matches('.');
        version.contains('.').then_some(version)
    })
}

#[test]
fn one_minimal_rust_version_is_said_everywhere() {
    assert_eq!(
        versions("Rust 1.2. Rust is, Rust 1.3.4", "Rust ").collect::<Vec<_>>(),
        ["1.2", "1.3.4"]
    );
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let minimal = versions(&manifest, "rust-version = \"").next().unwrap();
    let mut said = 0;
    for document in ["README.md", "CONTRIBUTING.md"] {
        // The README is the one that may be missing, while it is being written.
        let Ok(text) = fs::read_to_string(repository().join(document)) else { continue };
        for version in versions(&text, "Rust ") {
            assert_eq!(version, minimal, "{document}");
            said += 1;
        }
    }
    assert!(said > 0, "no document says which Rust is needed");
}

#[test]
fn packages_are_installed_while_services_are_held_back() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    let policy = dir.path().join("policy-rc.d");
    fs::create_dir(&bin).unwrap();
    // Nothing is installed until apt-get ran; it notes what the policy answers while it does.
    let notes = dir.path().join("notes");
    let scripts = [
        ("dpkg-query", "[ -e \"$NOTES\" ] && echo -n installed"),
        ("apt-get", "\"$POLICY_RC_D\" avahi-daemon start; echo \"$? $*\" >\"$NOTES\""),
        ("id", "echo 0"),
    ];
    for (name, body) in scripts {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        let status = Command::new("chmod").arg("755").arg(&path).status().unwrap();
        assert!(status.success());
    }
    fs::write(&policy, "the machine's own\n").unwrap();
    let output = Command::new(repository().join("scripts/install-test-deps"))
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .env("POLICY_RC_D", &policy)
        .env("NOTES", &notes)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let note = fs::read_to_string(&notes).unwrap();
    assert!(note.starts_with("101 install -y"), "{note}");
    assert!(note.contains("tshark") && said.contains("tshark"), "{note}{said}");
    assert_eq!(fs::read_to_string(&policy).unwrap(), "the machine's own\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "something was left behind");
}

/// Fails with all findings, each with its file and line.
fn none(findings: impl IntoIterator<Item = Finding>) {
    let findings: Vec<String> = findings.into_iter().map(|finding| finding.to_string()).collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}
