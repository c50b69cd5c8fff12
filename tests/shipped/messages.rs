//! docs/alerts.md: what people read. Of each alert the texts that the rules' tests expect, which both
//! promtools have evaluated, put into the shipped receivers' templates by amtool of 0.25 and newer, while
//! it fires and when it is over.
//!
//! `UPDATE_DOCS=1` writes the file anew.

use crate::support::servers::amtools;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const SPLIT: &str = "\n=-=-=\n";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).expect("readable")).expect("YAML")
}

/// An alert as its tests have it: what it says when they first look at it and the last time before it
/// ends, and a moment at which they know that it is over.
struct Case {
    alert: String,
    path: PathBuf,
    scenario: Value,
    labels: Value,
    firing: Moment,
    last: Moment,
    over: u64,
}

impl Case {
    fn file(&self) -> String {
        self.path.file_name().expect("a name").to_string_lossy().into_owned()
    }
}

/// When an alert begins and ends: the tests look only now and then.
struct Span {
    starts: u64,
    ends: u64,
}

#[derive(Clone)]
struct Moment {
    at: u64,
    annotations: Value,
}

/// Seconds of a duration such as `1h2m15s`.
fn seconds(text: &str) -> u64 {
    let part = Regex::new("([0-9]+)([dhms])").unwrap();
    let of = |unit: &str| match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => 1,
    };
    part.captures_iter(text).map(|p| p[1].parse::<u64>().expect("a number") * of(&p[2])).sum()
}

/// Whether a case ends, and how much it has to say.
fn eloquence(case: &Case) -> (bool, usize) {
    let texts = case.firing.annotations.as_object().expect("annotations");
    (case.over > 0, texts.values().map(|text| text.as_str().map_or(0, str::len)).sum())
}

/// Of each alert, the case that says most.
fn cases() -> BTreeMap<String, Case> {
    let mut found: BTreeMap<String, Case> = BTreeMap::new();
    let entries = fs::read_dir(root("deploy/prometheus/tests")).expect("there are tests");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        for scenario in yaml(&path)["tests"].as_array().expect("scenarios") {
            for case in of_scenario(&path, scenario) {
                let known = found.get(&case.alert);
                if known.is_none_or(|known| eloquence(known) < eloquence(&case)) {
                    found.insert(case.alert.clone(), case);
                }
            }
        }
    }
    found
}

fn of_scenario(path: &Path, scenario: &Value) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let checks = scenario["alert_rule_test"].as_array().map_or(&[][..], Vec::as_slice);
    for check in checks {
        let name = check["alertname"].as_str().expect("a name");
        let at = seconds(check["eval_time"].as_str().expect("a time"));
        let known = cases.iter().position(|case| case.alert == name);
        match (check["exp_alerts"].as_array().and_then(|alerts| alerts.first()), known) {
            (Some(alert), None) => {
                let moment = Moment { at, annotations: alert["exp_annotations"].clone() };
                cases.push(Case {
                    alert: name.to_owned(),
                    path: path.to_owned(),
                    scenario: scenario.clone(),
                    labels: alert["exp_labels"].clone(),
                    firing: moment.clone(),
                    last: moment,
                    over: 0,
                });
            }
            (Some(alert), Some(known)) if cases[known].labels == alert["exp_labels"] => {
                let moment = Moment { at, annotations: alert["exp_annotations"].clone() };
                let said = cases[known].firing.annotations["lasted"].as_str().unwrap_or_default();
                // A message is not sent before there is something to say.
                if said.starts_with("0s ") {
                    cases[known].firing = moment.clone();
                }
                cases[known].last = moment;
                cases[known].over = 0;
            }
            (None, Some(known)) if at > cases[known].last.at => cases[known].over = at,
            _ => {}
        }
    }
    cases
}

/// When the alerts of these cases really begin and end, by all evaluations of promtool: their state is
/// a series, and each evaluation a sample of it.
fn spans<'c>(cases: impl Iterator<Item = &'c Case>, folder: &Path) -> BTreeMap<String, Span> {
    let mut files: BTreeMap<&Path, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        files.entry(&case.path).or_default().push(case);
    }
    let mut found = BTreeMap::new();
    for (path, cases) in files {
        let mut tests = yaml(path);
        let step = seconds(tests["evaluation_interval"].as_str().expect("an interval"));
        for file in tests["rule_files"].as_array_mut().expect("rules") {
            let rules = path.parent().expect("a folder").join(file.as_str().expect("a path"));
            *file = json!(rules.display().to_string());
        }
        let scenarios = cases.iter().map(|case| {
            let mut scenario = case.scenario.clone();
            let object = scenario.as_object_mut().expect("a scenario");
            object.remove("alert_rule_test");
            // The watchdog never ends.
            let until = if case.over > 0 { case.over } else { case.last.at };
            let ask = |function: &str| {
                let matched = case.labels.as_object().expect("labels").iter();
                let matched: Vec<String> =
                    matched.map(|(name, value)| format!(",{name}={value}")).collect();
                let matched = matched.concat();
                json!({
                    "expr": format!(
                        "{function}(timestamp(ALERTS{{alertname=\"{}\",alertstate=\"firing\"{matched}}})[30d:{step}s])",
                        case.alert
                    ),
                    "eval_time": format!("{until}s"),
                    // Not so: promtool says what it is.
                    "exp_samples": [],
                })
            };
            let asked = ["min_over_time", "max_over_time"].map(ask);
            object.insert("promql_expr_test".to_owned(), json!(asked));
            scenario
        });
        tests["tests"] = scenarios.collect();
        let file = folder.join("spans.test.yml");
        fs::write(&file, tests.to_string()).expect("a file of ours");
        let output = Command::new("promtool").args(["test", "rules"]).arg(&file).output();
        let output = output.expect("promtool is installed (Debian: prometheus)");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        let got = |case: &Case, function: &str| {
            let asked = format!("{function}(timestamp(ALERTS{{alertname=\\\"{}\\\"", case.alert);
            let rest = said.split(&asked).nth(1).unwrap_or_else(|| panic!("{asked}: {said}"));
            let line = rest.lines().find(|line| line.contains("got: ")).expect("an answer");
            let value = line.rsplit(' ').next().expect("a value").parse::<f64>();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds")]
            value.map_or_else(|_| panic!("{}: {line}", case.alert), |value| value as u64)
        };
        for case in cases {
            let (starts, last) = (got(case, "min_over_time"), got(case, "max_over_time"));
            let span = Span { starts, ends: last + step };
            assert!(span.starts <= case.firing.at && case.last.at <= last, "{}", case.alert);
            found.insert(case.alert.clone(), span);
        }
    }
    found
}

fn time(at: u64) -> String {
    let at = jiff::Timestamp::from_second(i64::try_from(at).expect("a time of a test"));
    at.expect("a time").to_string()
}

/// The time of the tests begins in 1970, which is nobody's incident.
fn dated(text: &str) -> String {
    const BEGIN: u64 = 1_772_323_200;
    let text = text.replace("1970-01-0", "2026-03-0");
    let id = Regex::new(r"/storms/([0-9]+)-").unwrap();
    let shifted = |id: &regex::Captures<'_>| {
        format!("/storms/{}-", id[1].parse::<u64>().expect("a time of a test") + BEGIN)
    };
    id.replace_all(&text, shifted).into_owned()
}

/// What Alertmanager hands to its templates.
fn data(case: &Case, span: &Span, is_over: bool) -> Value {
    let mut labels: Map<String, Value> = case.labels.as_object().expect("labels").clone();
    labels.insert("alertname".to_owned(), json!(case.alert));
    let annotations = if is_over { &case.last.annotations } else { &case.firing.annotations };
    let (status, ends) = if is_over {
        ("resolved", time(span.ends))
    } else {
        ("firing", "0001-01-01T00:00:00Z".to_owned())
    };
    json!({
        "receiver": "it", "status": status,
        "alerts": [{
            "status": status, "labels": labels, "annotations": annotations,
            "startsAt": time(span.starts), "endsAt": ends,
            "generatorURL": "http://prometheus:9090/graph", "fingerprint": "0000000000000001",
        }],
        "groupLabels": labels, "commonLabels": labels, "commonAnnotations": annotations,
        "externalURL": "http://alertmanager:9093",
    })
}

/// Texts of the receivers, expanded by both amtools.
fn rendered(texts: &[&str], data: &Value, folder: &Path) -> Vec<String> {
    let file = folder.join("data.json");
    fs::write(&file, data.to_string()).expect("a file of ours");
    let outputs = amtools().map(|program| {
        let output = Command::new(&program)
            .args(["template", "render", "--template.type=text"])
            .arg(format!(
                "--template.glob={}",
                root("deploy/alertmanager/multicast.tmpl").display()
            ))
            .arg(format!("--template.data={}", file.display()))
            .arg(format!("--template.text={}", texts.join(SPLIT)))
            .output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", program.display());
        String::from_utf8(output.stdout).expect("UTF-8")
    });
    assert_eq!(outputs[0], outputs[1]);
    outputs[0].split(SPLIT).map(|text| text.trim_end_matches('\n').to_owned()).collect()
}

/// What is sent about an alert, in Markdown.
fn messages(case: &Case, span: &Span, is_over: bool, folder: &Path) -> String {
    let config = yaml(&root("deploy/alertmanager/alertmanager.yml"));
    let receiver = |name: &str, kind: &str| {
        let receivers = config["receivers"].as_array().expect("receivers");
        let found = receivers.iter().find(|receiver| receiver["name"] == name);
        found.expect("it is shipped")[kind][0].clone()
    };
    let (slack, mail) = (receiver("chat", "slack_configs"), receiver("mail", "email_configs"));
    let pager = receiver("page", "pagerduty_configs");
    let details = &pager["details"][if is_over { "resolved" } else { "firing" }];
    let texts = [
        &mail["headers"]["Subject"],
        &mail["text"],
        &slack["title"],
        &slack["text"],
        &pager["description"],
        &pager["component"],
        &pager["group"],
        details,
    ];
    let texts = texts.map(|text| text.as_str().expect("a text"));
    let data = data(case, span, is_over);
    let said = rendered(&texts, &data, folder);
    let [subject, mail, title, chat, page, component, group, details] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(details, mail, "PagerDuty is told what a mail says");
    assert!(!component.is_empty(), "{page} is about a part of something");
    let group = if group.is_empty() { String::new() } else { format!(", group {group}") };
    let webhook = &data["alerts"][0];
    let json = serde_json::to_string_pretty(&json!({
        "status": webhook["status"], "labels": webhook["labels"], "annotations": webhook["annotations"],
        "startsAt": webhook["startsAt"], "endsAt": webhook["endsAt"],
    }));
    let mut out = String::new();
    let heading = if is_over { "When it is over" } else { "While it fires" };
    write!(
        out,
        "### {heading}\n\nMail: {subject}\n\n```\n{mail}\n```\n\nSlack: {title}\n\n```\n{chat}\n```\n\n\
         PagerDuty: {page} (component {component}{group})\n\nWebhook, ntfy:\n\n```json\n{}\n```\n\n",
        json.expect("JSON")
    )
    .expect("a string takes all");
    out
}

fn alerts() -> Vec<String> {
    let rules = yaml(&root("deploy/prometheus/alerts.rules.yml"));
    let groups = rules["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    rules.filter_map(|rule| rule["alert"].as_str().map(str::to_owned)).collect()
}

#[test]
#[ignore = "tools: make test"]
fn docs_alerts_md_shows_what_people_read() {
    let mut text = String::from(
        "# What each alert says\n\n\
         As it arrives in a mail, in Slack, at PagerDuty (whose details are the mail's text) and, as JSON, at a webhook, while it \
         fires and when it is over. Written by `UPDATE_DOCS=1 cargo test --test shipped messages -- --include-ignored` from the \
         tests of the rules (`deploy/prometheus/tests`) and the receivers of `deploy/alertmanager`: an alert begins and ends when \
         the rules say so, its texts are those of the first and the last time that the tests look at it. The watchdog goes to a webhook \
         only.\n\n| alert | says |\n|---|---|\n",
    );
    let directory = tempfile::tempdir().expect("a folder");
    let cases = cases();
    let spans = spans(cases.values(), directory.path());
    for name in alerts() {
        let case = cases.get(&name).unwrap_or_else(|| panic!("{name} never fires"));
        let says = case.firing.annotations["summary"].as_str().expect("a summary");
        writeln!(text, "| [{name}](#{}) | {says} |", name.to_lowercase()).expect("a string");
    }
    text.push('\n');
    let now = Regex::new(r"\b(is|are|has|floods|sends|asks|fights?|keeps?|repeats?) ").unwrap();
    for name in alerts() {
        let (case, span) = (&cases[&name], &spans[&name]);
        let scenario = case.scenario["name"].as_str().expect("a name");
        writeln!(text, "## {name}\n\n{}: {scenario}.\n", case.file()).expect("a string");
        text += &messages(case, span, false, directory.path());
        if name == "MulticastWatchdog" {
            continue;
        }
        assert!(case.over > case.last.at, "{name} is not tested to end");
        let over = messages(case, span, true, directory.path());
        for line in
            over.lines().filter(|line| line.contains("RESOLVED: ") || line.starts_with("Mail: "))
        {
            assert!(!now.is_match(line), "{name}: {line}");
        }
        for nothing in ["so far", " 0/s", " 0 frames", "Since: ", "no value"] {
            let told = over.split("Webhook").next().expect("a part");
            assert!(!told.contains(nothing), "{name}: {nothing}: {told}");
        }
        text += &over;
    }
    let text = dated(&text);
    let path = root("docs/alerts.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).expect("it can be written");
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == text, "docs/alerts.md differs: UPDATE_DOCS=1");
}
