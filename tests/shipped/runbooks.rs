//! Each alert has a runbook, each runbook belongs to an alert, and what the pages name is there:
//! metrics, flags, files.

use crate::support::process::program;
use multicast_exporter::craft::{Captured, Pcap};
use multicast_exporter::metrics::catalogue::{ALL, Collector};
use multicast_exporter::simulation::{Options, Simulation};
use multicast_exporter::time::Stamp;
use regex::Regex;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn rules(file: &str) -> Vec<Rule> {
    let text = fs::read_to_string(root("deploy/prometheus").join(file)).expect("it is shipped");
    let rules: Rules = serde_saphyr::from_str(&text).expect("rules");
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// The pages by name, the index apart.
fn pages() -> BTreeMap<String, String> {
    let entries = fs::read_dir(root("docs/runbooks")).expect("there are runbooks");
    let pages = entries.map(|entry| entry.expect("readable").path()).map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("readable"))
    });
    pages.filter(|(name, _)| name != "README").collect()
}

#[test]
fn each_alert_has_a_page_and_each_page_an_alert() {
    let alerts: Vec<Rule> =
        rules("alerts.rules.yml").into_iter().filter(|rule| rule.alert.is_some()).collect();
    let names: BTreeSet<&str> = alerts.iter().filter_map(|rule| rule.alert.as_deref()).collect();
    let pages = pages();
    assert_eq!(pages.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    let index = fs::read_to_string(root("docs/runbooks/README.md")).expect("an index");
    for alert in &alerts {
        let (name, severity) =
            (alert.alert.as_deref().expect("an alert"), &alert.labels["severity"]);
        assert!(index.contains(&format!("| [{name}]({name}.md) | {severity} | ")), "{name}");
        let page = &pages[name];
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        assert!(page.contains(&format!("Severity: {severity}.")), "{name}");
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
        let wanted = [
            "## What it means",
            "## How to confirm it",
            "## What people found",
            "## How to end it",
        ];
        assert_eq!(headings, wanted, "{name}");
    }
    let rows = index.lines().filter(|line| line.starts_with("| [")).count();
    assert_eq!(rows, alerts.len());
}

#[test]
fn metrics_that_pages_name_are_in_the_catalogue() {
    let recorded: Vec<String> =
        rules("recording.rules.yml").into_iter().filter_map(|rule| rule.record).collect();
    let metric = Regex::new(r"\b(?:multicast|mdns|process)_[a-z0-9_]+").unwrap();
    // The program's name is no metric.
    let not_metrics = ["multicast_exporter"];
    let mut seen = 0;
    for (name, page) in pages() {
        let page = recorded.iter().rev().fold(page, |page, record| page.replace(record, ""));
        for found in metric.find_iter(&page).map(|found| found.as_str()) {
            let family = found.trim_end_matches("_bucket");
            let is_known = ALL.iter().any(|known| known.name == family);
            assert!(is_known || not_metrics.contains(&found), "{name}: {found}");
            seen += usize::from(is_known);
        }
    }
    assert!(seen > 30, "{seen} metrics");
}

#[test]
fn flags_and_files_that_pages_name_are_there() {
    let help = |arguments: &[&str]| {
        let output = program().args(arguments).output();
        String::from_utf8(output.expect("it starts").stdout).expect("UTF-8")
    };
    let help =
        [help(&["--help"]), help(&["check", "--help"]), help(&["analyze", "--help"])].concat();
    let flag = Regex::new(
        r"--(?:no-)?(?:capture|collector|check|config|devices|evidence|log|web)\.[a-z.-]+",
    )
    .unwrap();
    let link = Regex::new(r"\]\(([^)#]+)\)").unwrap();
    let mut seen = 0;
    for (name, page) in pages() {
        for found in flag.find_iter(&page).map(|found| found.as_str().trim_end_matches(['.', '-']))
        {
            let positive = found.replace("--no-", "--");
            let negatable = found.replace("--no-", "--[no-]");
            let is_there = [found, &positive, &negatable].iter().any(|flag| help.contains(*flag));
            assert!(is_there, "{name}: {found}");
            seen += 1;
        }
        for found in link.captures_iter(&page) {
            let target = &found[1];
            let is_there =
                target.starts_with("https://") || root("docs/runbooks").join(target).exists();
            assert!(is_there, "{name}: {target}");
        }
    }
    assert!(seen > 8, "{seen} flags");
}

/// Every query of a page is one that Prometheus can read.
#[test]
#[ignore = "tools: make test"]
fn queries_of_pages_are_promql() {
    let mut rules = String::from("groups:\n- name: runbooks\n  rules:\n");
    let mut count = 0;
    for (name, page) in pages() {
        // The first block of the second section.
        let confirm = page.split("## How to confirm it\n").nth(1).expect("it is there");
        let block = confirm.split("```\n").nth(1).expect("a block");
        for query in block.lines() {
            let record = format!("runbook:{name}:q{count}");
            rules.extend(["  - record: ", &record, "\n    expr: '", query, "'\n"]);
            count += 1;
        }
    }
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("rules.yml");
    fs::write(&path, &rules).expect("a file of ours");
    let output = Command::new("promtool").args(["check", "rules"]).arg(&path).output();
    let output = output.expect("promtool is installed (Debian: prometheus)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && count > 30, "{count} queries:\n{said}\n{rules}");
}

/// Whoever follows a page looks for frames by its filters: on the simulated LAN each must compile, and
/// find what the page is about. MLD queries, behind a hop-by-hop header, are no `icmp6` to tcpdump.
#[test]
#[ignore = "tools: make test"]
fn filters_of_pages_find_what_they_are_for() {
    let lan = Simulation::new(Options::default()).frames(Duration::from_mins(10));
    let frames: Vec<Captured> = lan
        .map(|(at, frame)| {
            let nanoseconds = i128::try_from(at.as_nanos()).expect("minutes");
            Captured::new(Stamp(Stamp::new(1_700_000_000, 0).0 + nanoseconds), frame)
        })
        .collect();
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("lan.pcap");
    fs::write(&file, Pcap::default().write(&frames)).expect("a file of ours");
    let mut seen = 0;
    for (name, page) in pages() {
        for line in page.lines().filter(|line| line.starts_with("tcpdump ")) {
            let command = line.split("  #").next().expect("a part").replace(" # who", "  # who");
            let command = command.replace("-w flood.pcap", "");
            assert!(command.contains("-i eth0"), "{name}: {line}");
            let command = command.replace("-i eth0", &format!("-r {}", file.display()));
            let output = Command::new("sh").args(["-c", &command]).output().expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {line}: {said}");
            let found = String::from_utf8_lossy(&output.stdout).into_owned();
            let wanted: &[&str] = match name.as_str() {
                "MulticastQuerierConflict" | "MulticastQuerierMissing" => {
                    let others = found.lines().find(|line| !line.contains("query"));
                    assert_eq!(others, None, "{name}: {line}");
                    &["igmp query", "multicast listener query"]
                }
                "MulticastRouterAdvertisements" => &["router advertisement"],
                "MulticastDhcpLoop" => &["BOOTP/DHCP"],
                _ => &[", length "],
            };
            for wanted in wanted {
                assert!(found.contains(wanted), "{name}: {line}: {wanted}");
            }
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen} filters");
}

/// All pages of the documents, wherever they are.
fn documents() -> Vec<PathBuf> {
    let mut folders = vec![root("")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("readable"))
        {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() && !["target", ".git"].iter().any(|skipped| name == *skipped) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn collectors_that_documents_name_are_there() {
    let chosen = Regex::new(r"(?:collect|exclude)(?:\[\]|%5B%5D)=([a-z]+)").unwrap();
    let word = Regex::new(r"`([a-z]+)`").unwrap();
    let mut seen = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("readable");
        for line in text.lines().filter(|line| line.contains("collect[]")) {
            let names = chosen.captures_iter(line).chain(
                // In a sentence about the parameter.
                word.captures_iter(line).filter(|_| line.contains("leaves out `")),
            );
            for name in names {
                let name = &name[1];
                let is_there = Collector::ALL.iter().any(|collector| collector.label() == name);
                assert!(is_there, "{}: {name}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 2, "{seen} collectors");
}
