//! What an input costs, in instructions, which no other work of the machine disturbs: callgrind
//! counts the inputs of `examples/instructions`, and each figure is within 5 % of the one in
//! `tests/golden/instructions.tsv`. More is a program that became slower; less is a file that
//! would let it become slower again.
//!
//! Figures hold for one compiler, target, valgrind and kind of CPU, which the file names. Where
//! another is, nothing is compared, and the test says so past the runner's capturing of output.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of a figure, in percent.
const TOLERANCE: f64 = 5.0;
/// What writes the file anew.
const RENEW: &str = "UPDATE_GOLDEN=1 cargo test --locked --test instructions -- --include-ignored";
/// What is counted is within this function, of the example.
const COUNTED: &str = "instructions::counted";

/// Packages that are optimized: the inputs spend their time in them. Other code that is not ours
/// is as in all tests, and was built for them.
const OPTIMIZED: [&str; 3] = ["multicast_exporter", "simple-dns", "zlib-rs"];

/// What the figures hold for, and the figures: instructions a unit, by input.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    conditions: BTreeMap<String, String>,
    inputs: Vec<(String, f64)>,
}

impl Figures {
    fn parse(text: &str) -> Self {
        let mut figures = Self::default();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let condition = comment.split_once(": ");
                let condition = condition.map(|(name, is)| (name.to_owned(), is.to_owned()));
                figures.conditions.extend(condition);
            } else {
                let (name, figure) = line.split_once('\t').expect("a name, a tab, a figure");
                figures.inputs.push((name.to_owned(), figure.parse().expect("a number")));
            }
        }
        figures
    }

    fn write(&self) -> String {
        let mut text = String::from("# Instructions a frame, and a series of a scrape\n");
        for (name, is) in &self.conditions {
            let _ = writeln!(text, "# {name}: {is}");
        }
        for (name, figure) in &self.inputs {
            let _ = writeln!(text, "{name}\t{figure:.0}");
        }
        text
    }

    /// What is not as in `baseline`, a line each.
    fn faults(&self, baseline: &Self) -> Vec<String> {
        let mut faults = Vec::new();
        let names = |figures: &Self| -> Vec<String> {
            figures.inputs.iter().map(|(name, _)| name.clone()).collect()
        };
        if names(self) != names(baseline) {
            faults.push(format!("inputs are {:?}, not {:?}", names(self), names(baseline)));
            return faults;
        }
        for ((name, is), (_, was)) in self.inputs.iter().zip(&baseline.inputs) {
            let percent = 100.0 * (is - was) / was;
            let what = match percent {
                _ if percent > TOLERANCE => "it became slower",
                _ if percent < -TOLERANCE => "it became faster, and the file is stale",
                _ => continue,
            };
            faults.push(format!("{name}: {is:.0} instead of {was:.0}, {percent:+.1} %: {what}"));
        }
        faults
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {err}");
    String::from_utf8(output.stdout).expect("text")
}

/// What this machine's figures hold for.
fn conditions() -> BTreeMap<String, String> {
    let rustc = output(Command::new("rustc").arg("-vV"));
    let field = |name: &str| {
        let line = rustc.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(": ").to_owned()).unwrap_or_default()
    };
    // valgrind shows the program what the CPU has, and memcpy and gzip choose by it.
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has_avx2 = cpu.split_ascii_whitespace().any(|flag| flag == "avx2");
    let valgrind = output(Command::new("valgrind").arg("--version"));
    [
        ("rustc", field("release")),
        ("target", field("host")),
        ("valgrind", valgrind.trim().to_owned()),
        ("avx2", (if has_avx2 { "yes" } else { "no" }).to_owned()),
    ]
    .map(|(name, is)| (name.to_owned(), is))
    .into()
}

/// The example, optimized; built in the folder of the tests, so that what they share is built once.
fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--offline", "--quiet", "--example", "instructions"]);
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    for package in OPTIMIZED {
        // In one unit: of many, which functions are inlined depends on the file they are in.
        for setting in ["opt-level=3", "codegen-units=1", "debug=0", "debug-assertions=false"] {
            cargo.arg("--config").arg(format!("profile.dev.package.{package}.{setting}"));
        }
        cargo.arg("--config").arg(format!("profile.dev.package.{package}.overflow-checks=false"));
    }
    output(cargo.env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS"));
    target.join("debug/examples/instructions")
}

/// The figures of a run.
fn count() -> Vec<(String, f64)> {
    let program = build();
    let folder = tempfile::tempdir().expect("a folder");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg("--collect-atstart=no")
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(program);
    let said = output(&mut valgrind);
    let figure = |(index, line): (usize, &str)| {
        let (name, units) = line.split_once('\t').expect("a name, a tab, a number");
        let dump = fs::read_to_string(folder.path().join(format!("out.{}", index + 1)));
        let dump = dump.unwrap_or_else(|error| panic!("{name}: {error}"));
        let total = dump.lines().find_map(|line| line.strip_prefix("summary: "));
        let total: f64 = total.and_then(|text| text.parse().ok()).expect("a summary");
        let units: f64 = units.parse().expect("a number");
        assert!(total > 100.0 * units.min(1.0), "{name}: nothing was counted");
        (name.to_owned(), total / units)
    };
    said.lines().enumerate().map(figure).collect()
}

#[test]
#[ignore = "tools: make test"]
fn instructions_are_those_of_the_baseline() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/instructions.tsv");
    let baseline = Figures::parse(&fs::read_to_string(&path).unwrap_or_default());
    let conditions = conditions();
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if !is_update && baseline.conditions != conditions {
        // Unlike eprintln, this is not captured.
        let _ = writeln!(
            std::io::stderr(),
            "\n*** INSTRUCTIONS WERE NOT COMPARED: tests/golden/instructions.tsv holds for \
             {:?}, and this is {conditions:?}. If the file is to hold for this: {RENEW}\n",
            baseline.conditions
        );
        return;
    }
    let figures = Figures { conditions, inputs: count() };
    if is_update {
        fs::write(&path, figures.write()).expect("it can be written");
        return;
    }
    let faults = figures.faults(&baseline);
    assert!(
        faults.is_empty(),
        "instructions are not within {TOLERANCE} % of tests/golden/instructions.tsv:\n{}\n\
         If that is as it should be, say so in the commit and renew the file: {RENEW}\n\n{}",
        faults.join("\n"),
        figures.write()
    );
}

#[test]
fn slower_and_stale_are_faults_and_a_little_is_none() {
    let baseline = Figures::parse("# rustc: 1.95.0\none\t1000\ntwo\t200\n");
    assert_eq!(Figures::parse(&baseline.write()), baseline);
    assert_eq!(baseline.conditions["rustc"], "1.95.0");
    let with = |one, two| Figures {
        inputs: vec![("one".to_owned(), one), ("two".to_owned(), two)],
        ..Figures::default()
    };
    assert!(with(1_049.0, 191.0).faults(&baseline).is_empty());
    let faults = with(1_051.0, 189.0).faults(&baseline);
    assert!(faults[0].ends_with("+5.1 %: it became slower"), "{faults:?}");
    assert!(faults[1].ends_with("-5.5 %: it became faster, and the file is stale"), "{faults:?}");
    let other = Figures { inputs: vec![("one".to_owned(), 1_000.0)], ..Figures::default() };
    assert_eq!(other.faults(&baseline).len(), 1);
}
