//! Every query of the README and of the runbooks where there are two sites, whose exporters have the
//! same names, and at each two exporters on one LAN: it is answered, with series of both sites, and
//! each tells which site and exporter it is of. Both promtools evaluate it.

use crate::support::servers::promtools;
use multicast_exporter::metrics::catalogue::ALL;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const EXPORTERS: [(&str, &str); 2] = [("server:10353", "eth0"), ("shed:10353", "enp3s0")];

/// What a series must be for the query to say something.
fn values(name: &str) -> &'static str {
    match name {
        "multicast_capture_up" | "multicast_scrape_collector_success" => "0x40",
        "multicast_queriers" => "2x40",
        _ if name.ends_with("_total") || name.ends_with("_bucket") => "0+30000x40",
        _ if name.starts_with("instance") => "2000x40",
        _ => "1x40",
    }
}

/// The queries of the README and of the runbooks: the first block behind the heading.
fn queries() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let block = |text: &str| text.split("```\n").nth(1).expect("a block").to_owned();
    let readme = fs::read_to_string(root.join("README.md")).expect("it is there");
    let mut found = vec![("README".to_owned(), block(&readme).trim().to_owned())];
    for entry in fs::read_dir(root.join("docs/runbooks")).expect("there are runbooks") {
        let path = entry.expect("readable").path();
        let page = fs::read_to_string(&path).expect("readable");
        let Some((_, confirm)) = page.split_once("## How to confirm it\n") else { continue };
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        found.extend(block(confirm).lines().map(|query| (name.clone(), query.to_owned())));
    }
    found
}

/// The series of one metric of a query at both sites and of both exporters; the labels have the values
/// that the query wants.
fn series(name: &str, matchers: &str) -> Vec<Value> {
    let wanted = Regex::new(r#"([a-z_]+)=~?"([^"|]*)"#).unwrap();
    let family = ALL.iter().find(|family| family.name == name.trim_end_matches("_bucket"));
    let labels: &[&str] = match (family, name) {
        (Some(family), _) => family.labels,
        (None, "up") => &[],
        (None, "ALERTS") => &["alertname"],
        // What is recorded has the labels that its name begins with.
        (None, recorded) if recorded.starts_with("instance_process:") => &["process"],
        (None, recorded) if recorded.starts_with("interface_family:") => &["interface", "family"],
        (None, recorded) if recorded.starts_with("interface:") => &["interface"],
        (None, other) => panic!("{other} is not known"),
    };
    let mut all = Vec::new();
    for site in ["north", "south"] {
        for (instance, interface) in EXPORTERS {
            let mut text =
                format!(r#"job="multicast_exporter",instance="{instance}",site="{site}""#);
            for label in labels {
                let want = wanted.captures_iter(matchers).find(|found| &found[1] == *label);
                let value = match *label {
                    "interface" => interface.to_owned(),
                    "device" => "00:1e:8f:ab:10:08".to_owned(),
                    _ => want.map_or("x".to_owned(), |found| found[2].to_owned()),
                };
                write!(text, r#",{label}="{value}""#).expect("a string takes all");
            }
            let bounds: &[&str] =
                if name.ends_with("_bucket") { &[",le=\"1\"", ",le=\"+Inf\""] } else { &[""] };
            for bound in bounds {
                let series = format!("{name}{{{text}{bound}}}");
                all.push(json!({"series": series, "values": values(name)}));
            }
        }
    }
    all
}

#[test]
#[ignore = "tools: make test"]
fn queries_of_documents_are_answered_for_two_sites_and_exporters() {
    let metric = Regex::new(r"\b((?:[a-z_]+:)?(?:multicast|mdns|process)_[a-z0-9_]+(?::[a-z0-9_]+)?|up|ALERTS)\b(?:\{([^}]*)\})?").unwrap();
    let quoted = Regex::new(r#"="[^"]*""#).unwrap();
    let mut tests = Vec::new();
    for (page, query) in queries() {
        // What must not be there is not.
        let there = query.split(" unless ").next().expect("a part");
        let mut input = Vec::new();
        let mut seen = BTreeSet::new();
        for found in metric.captures_iter(there) {
            let inside = there[..found.get(0).expect("it").start()].matches('"').count() % 2 == 1;
            if !inside && seen.insert(found[0].to_owned()) {
                input.extend(series(&found[1], found.get(2).map_or("", |labels| labels.as_str())));
            }
        }
        assert!(!input.is_empty(), "{page}: {query}");
        // Of Prometheus itself, not of an exporter.
        let by =
            if query.starts_with("count without (instance)") { "site" } else { "site, instance" };
        let groups = if by == "site" { 2 } else { 4 };
        tests.push(json!({
            "name": format!("{page}: {}", quoted.replace_all(&query, "=...")),
            "interval": "15s", "input_series": input,
            "promql_expr_test": [{
                "expr": format!("count(count by ({by}) ({query}))"), "eval_time": "10m",
                "exp_samples": [{"labels": "{}", "value": groups}],
            }],
        }));
    }
    assert!(tests.len() > 50, "{} queries", tests.len());
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("queries.test.yml");
    let all = json!({"rule_files": [], "evaluation_interval": "15s", "tests": tests});
    fs::write(&file, all.to_string()).expect("a file of ours");
    for program in promtools() {
        let output = Command::new(&program).args(["test", "rules"]).arg(&file).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}:\n{said}", program.display());
    }
}
