//! What the documents repeat is generated or compared: the README's metrics from the catalogue, its
//! flags from the command line's definition. What they name is there: tests, files, outputs.
//! `UPDATE_DOCS=1 cargo test --test shipped docs` writes the generated parts anew.

use clap::CommandFactory as _;
use multicast_exporter::commands::flags::Cli;
use multicast_exporter::metrics::catalogue;
use multicast_exporter::report::reference;
use multicast_exporter::web::server::Limits;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> PathBuf {
    root().join("README.md")
}

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Compares what stands between the markers of `name` with `wanted`, or replaces it.
fn check(name: &str, wanted: &str) {
    let text = fs::read_to_string(readme()).unwrap();
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (there, after) = rest.split_once("<!-- end -->").expect("an end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // Other tests read the file meanwhile: it changes at once or not at all.
        let written = readme().with_extension("md.new");
        fs::write(&written, format!("{before}{begin}{wanted}<!-- end -->{after}")).unwrap();
        fs::rename(written, readme()).unwrap();
    } else {
        assert_eq!(there, wanted, "UPDATE_DOCS=1 cargo test --test shipped docs");
    }
}

#[test]
fn generated_parts_are_what_the_code_says() {
    check("metrics", &catalogue::markdown());
    check("flags", &flags());
}

#[test]
fn the_reference_is_what_the_tables_say() {
    let path = root().join("docs/reference.md");
    let wanted = reference::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, wanted).unwrap();
    } else {
        let is_there = fs::read_to_string(&path).is_ok_and(|there| there == wanted);
        assert!(is_there, "docs/reference.md: UPDATE_DOCS=1 cargo test --test shipped docs");
    }
}

/// A table of all flags: of serving, then of each command that has some of its own.
fn flags() -> String {
    let cli = Cli::command();
    let mut out = String::from("| flag | default | meaning |\n|---|---|---|\n");
    let serving: Vec<&str> = cli.get_arguments().filter_map(clap::Arg::get_long).collect();
    rows(&mut out, &cli, "", |_| true);
    for command in cli.get_subcommands() {
        let own = |long: &str| command.get_name() == "analyze" || !serving.contains(&long);
        rows(&mut out, command, &format!("{} ", command.get_name()), own);
    }
    out
}

fn rows(out: &mut String, command: &clap::Command, prefix: &str, wanted: impl Fn(&str) -> bool) {
    for arg in command.get_arguments() {
        let Some(long) = arg.get_long().filter(|long| wanted(long)) else { continue };
        let default: Vec<_> =
            arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
        let default =
            if arg.is_hide_default_value_set() { String::new() } else { default.join(",") };
        let help = arg.get_help().unwrap_or_else(|| panic!("--{long} has no help"));
        let help = help.to_string().replace('|', "\\|");
        writeln!(out, "| `{prefix}--{long}` | {default} | {help} |").unwrap();
    }
}

#[test]
fn every_flag_has_the_environment_variable_of_its_name() {
    let cli = Cli::command();
    let of = |name| cli.find_subcommand(name).expect("a command");
    for (command, prefix) in [(&cli, ""), (of("analyze"), "ANALYZE_"), (of("demo"), "DEMO_")] {
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            // A negation is the variable set to false. Logging is the same for all commands.
            if long.starts_with("no-") || ["help", "version"].contains(&long) {
                continue;
            }
            let name = long.to_uppercase().replace(['.', '-'], "_");
            let names = [
                format!("MULTICAST_EXPORTER_{prefix}{name}"),
                format!("MULTICAST_EXPORTER_{name}"),
            ];
            let env = arg.get_env().unwrap_or_else(|| panic!("--{long} has no variable"));
            assert!(names.iter().any(|name| env == name.as_str()), "--{long}: {env:?}");
        }
    }
}

#[test]
fn the_readme_names_the_rust_that_the_manifest_asks_for() {
    let msrv = env!("CARGO_PKG_RUST_VERSION");
    let text = read("README.md");
    assert!(text.contains(&format!("needs Rust {msrv} or later")), "{msrv}");
}

/// Whether the text has a function of this name that the test harness runs: `#[test]` or
/// `#[tokio::test]` among the attributes directly above.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let of_this_name = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let rest = line.strip_prefix("fn ").and_then(|line| line.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    lines.iter().enumerate().filter(|(_, line)| of_this_name(line)).any(|(n, _)| {
        lines[..n]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn the_tests_that_hold_the_invariants_exist() {
    for good in [
        "#[test]\nfn x() {",
        "#[tokio::test]\nasync fn x() {",
        "#[tokio::test(start_paused = true)]\nasync fn x() {",
        "#[test]\n#[should_panic]\nfn x() {",
        "proptest! {\n    #[test]\n    /// Says.\n    fn x(\n        y in 0..1",
    ] {
        assert!(has_test(good, "x"), "{good}");
    }
    for bad in
        ["fn x() {", "#[test]\nfn xy() {", "#[test]\nfn y() {}\n\nfn x() {", "// #[test]\nfn x()"]
    {
        assert!(!has_test(bad, "x"), "{bad}");
    }
    let text = read("ARCHITECTURE.md");
    let named: Vec<(&str, &str)> =
        text.split('`').filter_map(|code| code.split_once(".rs::")).collect();
    assert!(named.len() >= 25, "{named:?}");
    for (file, test) in named {
        assert!(has_test(&read(&format!("{file}.rs")), test), "{file}.rs has no test {test}");
    }
}

/// What failed in the field is told with the test that would have found it.
#[test]
fn what_failed_in_the_field_has_its_test() {
    let text = read("docs/testing.md");
    let (_, list) = text.split_once("## What failed in the field\n").expect("a section");
    let list = list.split("\n## ").next().expect("its end");
    let items: Vec<&str> = list.split("\n- ").skip(1).collect();
    assert!(items.len() >= 12, "{items:?}");
    for item in items {
        let code = item.split('`').skip(1).step_by(2);
        let named: Vec<_> = code.filter_map(|code| code.split_once(".rs::")).collect();
        assert!(!named.is_empty(), "{item}");
        for (file, test) in named {
            assert!(has_test(&read(&format!("{file}.rs")), test), "{file}.rs has no test {test}");
        }
    }
}

/// What the rows of a table name in `tests/`: programs, and what lies deeper.
fn tests_in_table(markdown: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let rows = markdown.lines().filter(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('`'))
        .filter_map(|code| code.strip_prefix("tests/"))
        .filter(|name| !name.contains('*'))
        .partition(|name| !name.trim_end_matches('/').contains('/'))
}

#[test]
fn the_table_of_tests_lists_each_program_and_no_other() {
    let sample =
        "`tests/x.rs`\n| y | `tests/y.rs`, `src/y/tests.rs` | `tests/z/`, `tests/z/a.rs` |";
    assert_eq!(
        tests_in_table(sample),
        (BTreeSet::from(["y.rs", "z/"]), BTreeSet::from(["z/a.rs"]))
    );
    let tests = root().join("tests");
    let programs: BTreeSet<String> = fs::read_dir(&tests)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let is_file = path.extension().is_some_and(|kind| kind == "rs");
            let is_folder = path.join("main.rs").is_file();
            is_file.then(|| name.to_owned()).or_else(|| is_folder.then(|| format!("{name}/")))
        })
        .collect();
    let document = read("docs/testing.md");
    let (listed, deeper) = tests_in_table(&document);
    assert_eq!(listed, programs.iter().map(String::as_str).collect(), "docs/testing.md and tests/");
    let missing: Vec<_> = deeper.iter().filter(|path| !tests.join(path).exists()).collect();
    assert!(missing.is_empty() && deeper.len() > 10, "docs/testing.md: {missing:?}");
    assert!(document.contains("`fuzz/`"));
}

#[test]
fn the_readme_says_how_many_connections_there_may_be() {
    let Limits { connections, connections_per_peer, .. } = Limits::default();
    let said = format!(
        "At most {connections} connections at a time, {connections_per_peer} of one address"
    );
    assert!(read("README.md").contains(&said), "README.md: {said}");
}

/// The programs' outputs that a document shows: name, and what stands between the markers.
fn outputs(markdown: &str) -> Vec<(&str, &str)> {
    let parts = markdown.split("<!-- output: ").skip(1);
    parts
        .map(|part| {
            let (name, rest) = part.split_once(" -->").expect("an end of the marker");
            let (shown, _) = rest.split_once("<!-- end -->").expect("an end of the output");
            (name, shown.trim())
        })
        .collect()
}

#[test]
fn no_output_is_promised_and_left_out() {
    let sample = "<!-- output: x -->\n\n<!-- end -->\ny\n<!-- output: z -->\nz\n<!-- end -->";
    assert_eq!(outputs(sample), [("x", ""), ("z", "z")]);
    let text = read("README.md");
    let outputs = outputs(&text);
    assert!(outputs.len() >= 4, "{outputs:?}");
    let empty: Vec<_> = outputs.iter().filter(|(_, shown)| shown.is_empty()).collect();
    assert!(empty.is_empty(), "README.md: {empty:?}");
}

/// The links to files of the repository, without what follows `#`.
fn relative_links(markdown: &str) -> Vec<&str> {
    // Every other part is code: within fences, then within backticks.
    let prose = markdown.split("```").step_by(2).flat_map(|text| text.split('`').step_by(2));
    prose
        .flat_map(|text| text.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|file| !file.is_empty())
        .collect()
}

#[test]
fn relative_links_lead_somewhere() {
    let sample = "[a](b.md#c) [d\ne](f/g.rs) `[h](i)` [j](https://k) [l](#m)\n```\n[n](o)\n```";
    assert_eq!(relative_links(sample), ["b.md", "f/g.rs"]);
    let mut documents: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root().join(name)).into();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        documents.extend(path.extension().is_some_and(|kind| kind == "md").then_some(path));
    }
    let mut dead = vec![];
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for link in relative_links(&text).into_iter().filter(|link| !folder.join(link).exists()) {
            dead.push(format!("{}: {link}", document.display()));
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}
