//! What the dashboards ask of a Prometheus that watches 50,000 devices, over 24 hours: measured on
//! one exporter with 2,000, and written down in docs/scaling.md.
//! `UPDATE_DOCS=1 cargo test --test shipped panel_costs -- --include-ignored` writes it anew.

use crate::support::servers::newer;
use multicast_exporter::metrics::catalogue::{ALL, Kind};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// `query.max-samples` of Prometheus, unless it is set.
const MAX_SAMPLES: u64 = 50_000_000;

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// With a unit that shows which of two numbers is the larger.
fn rounded(samples: u64) -> String {
    match samples {
        0..1_000 => samples.to_string(),
        1_000..1_000_000 => format!("{} k", (samples + 500) / 1_000),
        _ => format!("{}.{} M", samples / 1_000_000, samples % 1_000_000 / 100_000),
    }
}

#[test]
#[ignore = "tools: make test"]
fn a_day_of_fifty_thousand_devices_can_be_shown() {
    let directory = tempfile::tempdir().expect("a folder");
    let catalogue: Map<String, Value> = ALL
        .iter()
        .map(|family| {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            (family.name.to_owned(), json!([kind, family.labels]))
        })
        .collect();
    let path = directory.path().join("catalogue.json");
    fs::write(&path, Value::Object(catalogue).to_string()).expect("written");
    let output = Command::new("python3")
        .arg(root("tests/shipped/panel_costs.py"))
        .arg(&path)
        .arg(root("grafana/dashboards"))
        .arg(root("deploy/prometheus/recording.rules.yml"))
        .args([newer("prometheus"), newer("promtool")])
        .output()
        .expect("python3 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let mut table =
        String::from("| dashboard | panel | kind | reads | holds |\n|---|---|---|---:|---:|\n");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut heaviest = 0;
    for line in text.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [dashboard, panel, kind, read, held] = columns[..] else { panic!("{line}") };
        let [read, held]: [u64; 2] = [read, held].map(|number| number.parse().expect("a number"));
        // A tenth: the machine has other things to do, and other people's dashboards.
        assert!(held < MAX_SAMPLES / 10, "{dashboard}, {panel}: {held} samples at once");
        assert!(held > 0, "{dashboard}, {panel}: reads nothing");
        heaviest = heaviest.max(held);
        let (read, held) = (rounded(read), rounded(held));
        writeln!(table, "| {dashboard} | {panel} | {kind} | {read} | {held} |").unwrap();
    }
    assert!(text.lines().count() > 80 && heaviest > 1_000_000, "{text}");

    let path = root("docs/scaling.md");
    let docs = fs::read_to_string(&path).expect("it is there");
    let begin = "<!-- generated: panels -->\n";
    let (before, rest) = docs.split_once(begin).expect("a beginning");
    let (there, after) = rest.split_once("<!-- end -->").expect("an end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{table}<!-- end -->{after}")).expect("written");
    } else {
        let run = "UPDATE_DOCS=1 cargo test --test shipped panel_costs -- --include-ignored";
        assert_eq!(there, table, "{run}");
    }
}
