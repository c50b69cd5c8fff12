//! Every scenario of the rules' tests twice over: at two sites with the same job and instance, and
//! heard by two exporters on one LAN. Of two sites each has its own alerts; two
//! exporters have one alert together for a segment or a device, and one each for themselves. Both
//! promtools evaluate it. The texts are those of `lans.test.yml`.

use crate::support::servers::{newer, promtools};
use crate::textless;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus")
}

/// The files of the rules' tests by name, but for the one that has LANs already.
fn units() -> BTreeMap<String, Value> {
    let entries = fs::read_dir(folder().join("tests")).expect("there are tests");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let units = paths.map(|path| {
        let text = fs::read_to_string(&path).expect("readable");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, serde_saphyr::from_str(&text).expect("a unit test"))
    });
    units.filter(|(name, _)| name != "lans.test.yml").collect()
}

/// A series with another label.
fn with(series: &str, label: &str) -> String {
    series.replacen('{', &format!("{{{label},"), 1)
}

/// The value of a label in a series.
fn label<'s>(series: &'s str, name: &str) -> Option<&'s str> {
    let (_, rest) = series.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Every series of a scenario, and what they become.
fn input(scenario: &Value, become_: impl Fn(&str) -> Vec<String>) -> Vec<Value> {
    let series = scenario["input_series"].as_array().map_or(&[][..], Vec::as_slice);
    let all = series.iter().flat_map(|one| {
        let name = one["series"].as_str().expect("a series");
        become_(name).into_iter().map(|name| json!({"series": name, "values": one["values"]}))
    });
    all.collect()
}

/// That so many alerts fire, of those that a selector finds.
fn firing(check: &Value, selector: &str, count: usize) -> Value {
    let alert = check["alertname"].as_str().expect("a name");
    let samples = if count == 0 { json!([]) } else { json!([{"labels": "{}", "value": count}]) };
    json!({
        "expr": format!(r#"count(ALERTS{{alertname="{alert}",alertstate="firing",{selector}}})"#),
        "eval_time": check["eval_time"],
        "exp_samples": samples,
    })
}

/// How many alerts a check expects.
fn expected(check: &Value) -> usize {
    check["exp_alerts"].as_array().map_or(0, Vec::len)
}

/// Whether the alert of a check is about Prometheus itself, and so the same for all sites.
fn is_of_nobody(check: &Value) -> bool {
    ["MulticastExporterAbsent", "MulticastWatchdog"].contains(&check["alertname"].as_str().unwrap())
}

fn checks(scenario: &Value) -> &[Value] {
    scenario["alert_rule_test"].as_array().map_or(&[], Vec::as_slice)
}

/// The scenario at two sites whose exporters have the same names.
fn at_two_sites(scenario: &Value) -> (Value, usize) {
    let series = input(scenario, |series| {
        ["north", "south"].map(|site| with(series, &format!(r#"site="{site}""#))).to_vec()
    });
    let mut tests = Vec::new();
    for check in checks(scenario) {
        if is_of_nobody(check) {
            tests.push(firing(check, "", expected(check)));
        } else {
            for site in ["north", "south"] {
                tests.push(firing(check, &format!(r#"site="{site}""#), expected(check)));
            }
            tests.push(firing(check, r#"site="""#, 0));
        }
    }
    let count = tests.len();
    let all = json!({
        "name": scenario["name"], "interval": scenario["interval"], "input_series": series,
        "promql_expr_test": tests,
    });
    (all, count)
}

/// The scenario as two exporters hear it, whose interfaces are called otherwise.
fn by_two_exporters(scenario: &Value) -> (Value, usize) {
    let other = |series: &str| {
        series.replace("server:10353", "shed:10353").replace("interface=\"eth", "interface=\"enp")
    };
    let mut series = input(scenario, |series| vec![series.to_owned(), other(series)]);
    let mut segments: Vec<String> = Vec::new();
    for one in &series {
        let name = one["series"].as_str().expect("a series");
        let at = [label(name, "job"), label(name, "instance"), label(name, "interface")];
        if let [Some(job), Some(instance), Some(interface)] = at {
            let lan = interface.trim_start_matches("eth").trim_start_matches("enp");
            segments.push(format!(
                r#"multicast_lan_info{{job="{job}",instance="{instance}",interface="{interface}",lan="home{lan}"}}"#
            ));
        }
    }
    segments.sort();
    segments.dedup();
    series.extend(segments.iter().map(|name| json!({"series": name, "values": "1x2000"})));
    let mut tests = Vec::new();
    for check in checks(scenario) {
        let alerts = check["exp_alerts"].as_array().map_or(&[][..], Vec::as_slice);
        let is_of_lan = |alert: &&Value| !alert["exp_labels"]["interface"].is_null();
        let of_lan = alerts.iter().filter(is_of_lan).count();
        let of_exporter = alerts.len() - of_lan;
        tests.push(firing(check, r#"lan=~".+",instance="",interface="",job="""#, of_lan));
        let each = if is_of_nobody(check) { 1 } else { 2 };
        tests.push(firing(check, r#"lan="""#, each * of_exporter));
    }
    let count = tests.len();
    let all = json!({
        "name": scenario["name"], "interval": scenario["interval"], "input_series": series,
        "promql_expr_test": tests,
    });
    (all, count)
}

/// Runs all scenarios, each changed, and hands out how many things were expected.
fn run(change: impl Fn(&Value) -> (Value, usize)) -> usize {
    let directory = tempfile::tempdir().expect("a folder");
    let rules = textless::rules(directory.path());
    let mut count = 0;
    let mut files = Vec::new();
    for (name, unit) in units() {
        let mut tests = Vec::new();
        let scenarios = unit["tests"].as_array().expect("scenarios").iter();
        // Some are of recording rules alone.
        for scenario in scenarios.filter(|scenario| !checks(scenario).is_empty()) {
            let (scenario, expected) = change(scenario);
            tests.push(scenario);
            count += expected;
        }
        let all = json!({
            "rule_files": rules, "evaluation_interval": unit["evaluation_interval"],
            "group_eval_order": unit["group_eval_order"], "tests": tests,
        });
        let path = directory.path().join(name);
        fs::write(&path, all.to_string()).expect("a file of ours");
        files.push(path);
    }
    for program in promtools() {
        let output = Command::new(&program).args(["test", "rules"]).args(&files).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}:\n{said}", program.display());
    }
    count
}

#[test]
#[ignore = "tools: make test"]
fn each_site_has_its_own_alerts() {
    let count = run(at_two_sites);
    assert!(count > 400, "{count} expectations");
}

#[test]
#[ignore = "tools: make test"]
fn two_exporters_on_a_lan_have_one_alert() {
    let count = run(by_two_exporters);
    assert!(count > 300, "{count} expectations");
}

/// Another program, another dialect, and what it records it sees one evaluation later.
#[test]
#[ignore = "tools: make test"]
fn vmalert_says_the_same_about_a_lan() {
    let text = fs::read_to_string(folder().join("tests/lans.test.yml")).expect("readable");
    let mut unit: Value = serde_saphyr::from_str(&text).expect("a unit test");
    unit["rule_files"] =
        json!(["recording.rules.yml", "alerts.rules.yml"].map(|f| folder().join(f)));
    for scenario in unit["tests"].as_array_mut().expect("scenarios") {
        // It calls them otherwise.
        scenario.as_object_mut().expect("a scenario").remove("promql_expr_test");
        assert!(!checks(scenario).is_empty());
    }
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("lans.test.yml");
    fs::write(&file, unit.to_string()).expect("a file of ours");
    let output = Command::new(newer("vmalert-tool"))
        .args(["unittest", "--disableAlertgroupLabel"])
        .arg(format!("--files={}", file.display()))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("SUCCESS"), "{said}");
}

/// A query that fails leaves its error in the text.
#[test]
fn no_text_of_an_alert_is_an_error() {
    let missing = Regex::new("<error|<no value>|%!|NaN").unwrap();
    for entry in fs::read_dir(folder().join("tests")).expect("there are tests") {
        let path = entry.expect("readable").path();
        let text = fs::read_to_string(&path).expect("readable");
        let wrong: Vec<&str> = text.lines().filter(|line| missing.is_match(line)).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
    }
}
