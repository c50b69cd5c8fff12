//! The shipped Prometheus files: promtool accepts them, each alert is tested, and what they repeat
//! of the code (metrics, labels, words, bounds) is what the code says.

use crate::scaled;
use crate::support::servers::promtools;
use multicast_exporter::detect::{Cause, SegmentCause};
use multicast_exporter::metrics::catalogue::{ALL, Bound};
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
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Unit {
    tests: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    #[serde(default)]
    alert_rule_test: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    eval_time: String,
    alertname: String,
    exp_alerts: Vec<serde_json::Value>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("it is in the repository")
}

fn rules() -> Vec<Rule> {
    let read = |name: &str| serde_saphyr::from_str::<Rules>(&text(name)).expect("rules");
    let files = [read("recording.rules.yml"), read("alerts.rules.yml")];
    files.into_iter().flat_map(|file| file.groups).flat_map(|group| group.rules).collect()
}

fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.alert.is_some()).collect()
}

fn unit_files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join("tests")).expect("there are tests");
    let mut found: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    found.sort();
    found
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    for program in promtools() {
        let output = Command::new(&program).args(arguments).args(files).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{} {arguments:?}:\n{}{}",
            program.display(),
            said(&output.stdout),
            said(&output.stderr)
        );
    }
}

#[test]
#[ignore = "tools: make test"]
fn promtool_has_no_complaint() {
    promtool(
        &["check", "config", "--lint=all", "--lint-fatal"],
        &[folder().join("prometheus.yml")],
    );
    let files = ["recording.rules.yml", "alerts.rules.yml"].map(|name| folder().join(name));
    promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &files);
}

#[test]
#[ignore = "tools: make test"]
fn each_rule_does_what_its_tests_say() {
    let files = unit_files();
    assert!(files.len() >= 6, "{files:?}");
    promtool(&["test", "rules"], &files);
}

#[test]
fn the_alerts_are_those_that_the_script_writes() {
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("alerts.rules.yml");
    let script = folder().join("../../scripts/make-alerts");
    let status = Command::new(script).arg(&file).status().expect("python3 is installed");
    assert!(status.success());
    let made = fs::read_to_string(file).expect("it is written");
    assert!(made == text("alerts.rules.yml"), "run `make alerts`");
}

/// What names a segment or a device is one alert for all exporters of a LAN, and what does not is not.
#[test]
fn what_is_about_a_segment_is_about_its_lan() {
    let mut of_lans = 0;
    let recorded: BTreeSet<String> = rules().into_iter().filter_map(|rule| rule.record).collect();
    for alert in alerts() {
        let name = alert.alert.expect("an alert");
        let seen: Vec<&String> = recorded.iter().filter(|r| alert.expr.contains(*r)).collect();
        let is_of_lan = seen.iter().any(|record| record.ends_with(":alert"));
        if !is_of_lan {
            let is_of_host = ["_host_", "_capture", "_exporter_", "up{", "vector", "_scrape_"]
                .iter()
                .any(|of| alert.expr.contains(of));
            assert!(is_of_host && !alert.expr.contains("_device_"), "{name}: {}", alert.expr);
            continue;
        }
        of_lans += 1;
        assert!(alert.expr.starts_with("max without (job, instance, interface) ("), "{name}");
        // By all other labels, so that a site is never taken for another, nor dropped.
        assert!(!alert.expr.contains(" on ("), "{name}: {}", alert.expr);
        assert_eq!(alert.expr.matches("interface:multicast_lan_info:last1h").count(), 2, "{name}");
        let url = &alert.annotations["dashboard_url"];
        assert!(url.contains("var-lan={{ . | urlquery }}"), "{name}: {url}");
        assert!(alert.annotations["where"].contains("seen by"), "{name}");
    }
    assert_eq!(of_lans, 18);
}

/// Promtool runs the tests; that there are enough is looked at here.
#[test]
fn each_alert_is_tested_to_fire_to_end_and_to_stay_silent() {
    let units: Vec<(String, Unit)> = unit_files()
        .into_iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("readable");
            (name, serde_saphyr::from_str(&text).expect("a unit test"))
        })
        .collect();
    for alert in alerts() {
        let name = alert.alert.expect("an alert");
        let mut is_silent = false;
        let (mut fires, mut ends) = (false, false);
        for (file, unit) in &units {
            for scenario in &unit.tests {
                let checks = scenario.alert_rule_test.iter().filter(|c| c.alertname == name);
                let outcomes: Vec<bool> =
                    checks.map(|check| !check.exp_alerts.is_empty()).collect();
                is_silent |= file == "healthy.test.yml" && outcomes.contains(&false);
                fires |= outcomes.contains(&true);
                ends |= outcomes.windows(2).any(|pair| pair == [true, false]);
            }
        }
        let is_watchdog = name == "MulticastWatchdog";
        assert!(fires, "{name} is not tested to fire");
        assert!(ends || is_watchdog, "{name} is not tested to end");
        assert!(is_silent || is_watchdog, "{name} is not tested to stay silent");
    }
    // Names that no rule has would be tested in vain.
    let names: BTreeSet<String> = alerts().into_iter().filter_map(|rule| rule.alert).collect();
    let checks = units.iter().flat_map(|(_, unit)| &unit.tests).flat_map(|s| &s.alert_rule_test);
    for check in checks {
        assert!(names.contains(&check.alertname), "{} at {}", check.alertname, check.eval_time);
    }
}

#[test]
fn each_alert_says_what_a_page_needs() {
    let dashboards = ["lan", "device", "mdns", "host", "exporter"];
    let action = Regex::new(r"\{\{.*?\}\}").unwrap();
    let now = Regex::new(r"\b(is|are|has|have|does|sends|floods|fight|keep|keeps|asks)\b").unwrap();
    for alert in alerts() {
        let name = alert.alert.expect("an alert");
        let said = |annotation: &str| {
            alert.annotations.get(annotation).unwrap_or_else(|| panic!("{name}: {annotation}"))
        };
        let description = said("description").trim_end_matches("{{ end }}");
        assert!(!said("summary").is_empty() && description.ends_with('.'), "{name}");
        // What is over is told in the past, and else in the same words.
        let was = action.replace_all(said("was"), "");
        assert!(!was.is_empty() && !now.is_match(&was), "{name}: {was}");
        assert!(said("runbook_url").ends_with(&format!("/docs/runbooks/{name}.md")), "{name}");
        let url = said("dashboard_url");
        let leads =
            |uid: &&str| url.starts_with(&format!("http://localhost:3000/d/multicast-{uid}"));
        assert!(dashboards.iter().any(leads), "{name}: {url}");
        let severity = alert.labels.get("severity").expect("a severity").as_str();
        let is_known = match severity {
            "critical" | "warning" | "info" => name != "MulticastWatchdog",
            other => other == "none" && name == "MulticastWatchdog",
        };
        assert!(is_known, "{name}: {severity}");
        if severity == "critical" {
            for annotation in ["who", "where", "what", "rate", "cost", "action", "evidence_url"] {
                assert!(!said(annotation).is_empty(), "{name}: {annotation}");
            }
        }
        // A label that changes restarts an alert.
        assert_eq!(alert.labels.len(), 1, "{name}: {:?}", alert.labels);
        assert!(!alert.expr.contains("topk"), "{name}");
    }
}

/// vmalert adds labels before it expands a text, which no series of an exporter has: a query that
/// selects by them finds nothing, and the message says that nothing is known.
#[test]
fn no_text_selects_by_what_vmalert_adds() {
    let collects = Regex::new(r"range \$\w+, \$\w+ := \$").expect("a pattern");
    let mut selecting = 0;
    for alert in alerts() {
        for (name, text) in &alert.annotations {
            let leaves_out = ["alertname", "alertgroup", "severity"];
            let is_whole = leaves_out.iter().all(|label| text.contains(label));
            assert!(!collects.is_match(text) || is_whole, "{:?}, {name}: {text}", alert.alert);
            selecting += u32::from(is_whole);
        }
    }
    assert!(selecting > 50, "{selecting}");
}

/// The selectors of a text: each name of a metric with the names of the labels in its braces.
fn selectors(text: &str) -> Vec<(String, Vec<String>)> {
    let metric = Regex::new(r"\b((?:multicast|mdns|process)_[a-z0-9_]+)(?:\{([^}]*)\})?").unwrap();
    let label = Regex::new(r"([a-z_]+)(?:=~|!~|!=|=)").unwrap();
    let quoted = Regex::new("\"[^\"]*\"").unwrap();
    metric
        .captures_iter(&quoted.replace_all(text, "x"))
        .map(|found| {
            let inside = found.get(2).map_or("", |labels| labels.as_str());
            let labels = label.captures_iter(inside).map(|label| label[1].to_owned());
            (found[1].to_owned(), labels.collect())
        })
        .collect()
}

#[test]
fn rules_use_what_the_catalogue_has() {
    let mut seen = BTreeSet::new();
    let recorded: BTreeSet<String> = rules().into_iter().filter_map(|rule| rule.record).collect();
    // The name of a recording rule has the name of its metric inside.
    let strip =
        |text: &str| recorded.iter().rev().fold(text.to_owned(), |t, name| t.replace(name, ""));
    for rule in rules() {
        let what = rule.alert.or(rule.record).expect("a name");
        // Of annotations only what is asked for in backticks.
        let queries = rule.annotations.values().flat_map(|text| text.split('`').skip(1).step_by(2));
        for text in queries.map(str::to_owned).chain([rule.expr]) {
            for (name, labels) in selectors(&strip(&text)) {
                let family = ALL.iter().find(|family| family.name == name);
                let family = family.unwrap_or_else(|| panic!("{what}: there is no {name}"));
                for label in labels {
                    let is_its = family.labels.contains(&label.as_str());
                    assert!(
                        is_its || ["job", "instance"].contains(&&*label),
                        "{what}: {name}, {label}"
                    );
                }
                seen.insert(name);
            }
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
}

#[test]
fn causes_are_told_in_the_words_of_the_program() {
    let alerts = text("alerts.rules.yml");
    let says = |label: &str, words: &str| {
        let line = format!("if eq $cause \"{label}\" }}}}{words}\n");
        assert!(alerts.contains(&line), "{label}: {words}");
    };
    for cause in Cause::ALL {
        says(cause.label(), cause.in_words());
        says(cause.label(), cause.in_past());
    }
    for cause in SegmentCause::ALL {
        says(cause.label(), cause.in_words());
        says(cause.label(), cause.in_past());
    }
}

#[test]
fn the_sample_limit_is_above_what_can_be_scraped() {
    let limit = Regex::new(r"sample_limit: (\d+)").unwrap();
    let limit: usize =
        limit.captures(&text("prometheus.yml")).expect("a limit")[1].parse().unwrap();
    // The defaults, and more segments and captures than a host has.
    let bound = Bound { devices: 2_000, segments: 256, captures: 64 }.series();
    assert!(bound <= limit, "{bound} series, and {limit} are let in");
    assert!(limit < 2 * bound, "{limit} is no limit: {bound} series");
}

/// What the incident shortens, it shortens and nothing else.
#[test]
fn only_durations_differ_in_the_incident() {
    let routes = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/alertmanager/alertmanager.yml");
    let routes = fs::read_to_string(routes).expect("it is in the repository");
    let files =
        [text("prometheus.yml"), text("recording.rules.yml"), text("alerts.rules.yml"), routes];
    for (file, at_least) in files.iter().zip([3, 5, 40, 10]) {
        let differences = scaled::differences(file, &scaled::divided(file, 10)).expect("no others");
        assert!(differences.len() >= at_least, "{} durations", differences.len());
        for (is, was) in differences {
            let tenth = is / 10;
            let apart = was.abs_diff(tenth);
            assert!(apart <= Duration::from_millis(1), "{is:?} became {was:?}");
        }
    }
}
