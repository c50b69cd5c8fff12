//! The dashboards as JSON: each rule is a function over the text of a dashboard, and a test breaks
//! a dashboard to see that it complains. `tests/root_incident.rs` shows that their queries have
//! data.

use crate::grafana::{dashboards, panels};
use multicast_exporter::metrics::catalogue::{ALL, Family, Kind};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const TOOLS: [&str; 3] = ["up", "ALERTS", "scrape_samples_scraped"];
/// Labels that are Prometheus' own, an alert's, a scrape configuration's or a recording rule's.
const COMMON: [&str; 10] = [
    "job",
    "instance",
    "site",
    "le",
    "alertname",
    "alertstate",
    "severity",
    "lan",
    "segment",
    "device_name",
];
/// Units that say milli of what is rare, or nothing to a reader.
const UNREADABLE: [&str; 6] = ["pps", "cps", "rps", "ops", "reqps", "hertz"];

fn recorded() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/recording.rules.yml");
    let text = fs::read_to_string(path).expect("it is shipped");
    let record = Regex::new(r"record: (\S+)").unwrap();
    record.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

/// The expressions of a dashboard, with where they stand.
fn expressions(dashboard: &Value) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    for panel in panels(dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push((panel["title"].to_string(), target["expr"].as_str().unwrap_or_default()));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().into_iter().flatten() {
        if let Some(expr) = annotation["expr"].as_str() {
            found.push((annotation["name"].to_string(), expr));
        }
    }
    found
}

/// A metric that an expression asks for.
#[derive(Debug)]
struct Selector {
    name: String,
    /// What is between its braces.
    matchers: String,
    /// What is between the brackets of its range.
    range: Option<String>,
    /// The function around it, if it has a range.
    function: Option<String>,
    /// Whether it is of the end of what is shown, for a graph's choice of its lines.
    at_end: bool,
}

/// The selectors of an expression: names that `PromQL` has no other use for.
fn selectors(expr: &str) -> Vec<Selector> {
    let name = r"(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)";
    let pattern = format!(
        r"{name}(?:\{{(?<matchers>[^}}]*)\}}|(?<bare>\b))(?:\[(?<range>[^\]]*)\])?(?<end> @ end\(\))?"
    );
    let pattern = Regex::new(&pattern).unwrap();
    let known = |name: &str| {
        name.starts_with("multicast_")
            || name.starts_with("mdns_")
            || name.starts_with("process_")
            || name.contains(':')
            || TOOLS.contains(&name)
    };
    let quoted = Regex::new("\"[^\"]*\"").unwrap();
    // What is quoted stays, but for what could look like the end of a selector.
    let text = quoted.replace_all(expr, |found: &regex::Captures<'_>| {
        found[0].replace(['{', '}', '(', ')', '[', ']'], "")
    });
    pattern
        .captures_iter(&text)
        .filter(|found| known(&found["name"]))
        .map(|found| {
            let before = text[..found.get_match().start()].trim_end();
            let called = before.strip_suffix('(').and_then(|before| {
                let name = before.rsplit(|c: char| !c.is_ascii_lowercase() && c != '_').next();
                name.map(str::to_owned)
            });
            Selector {
                name: found["name"].to_owned(),
                matchers: found.name("matchers").map_or("", |m| m.as_str()).to_owned(),
                range: found.name("range").map(|range| range.as_str().to_owned()),
                function: called,
                at_end: found.name("end").is_some(),
            }
        })
        .collect()
}

fn family(name: &str) -> Option<&'static Family> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    ALL.iter()
        .find(|family| {
            family.name == name || (family.kind == Kind::Histogram && base == Some(family.name))
        })
        .copied()
}

/// What a dashboard must be before a panel is looked at.
fn frame_complaints(name: &str, dashboard: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let mut must = |is_so: bool, what: &str| {
        if !is_so {
            said.push(format!("{name}: {what}"));
        }
    };
    must(dashboard["uid"] == format!("multicast-{name}"), "uid");
    must(
        dashboard["schemaVersion"].as_u64().is_some_and(|v| (39..=42).contains(&v)),
        "schemaVersion",
    );
    must(dashboard["editable"] == false, "editable");
    must(dashboard["graphTooltip"] == 1, "a shared crosshair");
    let variables = dashboard["templating"]["list"].as_array().map_or(&[][..], Vec::as_slice);
    must(
        variables
            .first()
            .is_some_and(|first| first["type"] == "datasource" && first["label"] == "Data source"),
        "the datasource and its label",
    );
    // The first choose what the next have; not all dashboards have all.
    let order = ["datasource", "site", "job", "lan", "instance", "interface", "device", "process"];
    let names: Vec<_> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    let expected: Vec<_> = order.into_iter().filter(|name| names.contains(name)).collect();
    must(names == expected, "the variables' order");
    must(
        ["site", "job", "instance"].iter().all(|name| names.contains(name)),
        "site, job, instance",
    );
    for variable in variables.iter().skip(1) {
        let name = variable["name"].as_str().unwrap_or_default();
        // Series need not have these two.
        let all = if ["site", "lan"].contains(&name) { ".*" } else { ".+" };
        let is_one = name == "device";
        must(variable["type"] == "query" && variable["refresh"] == 2, "all, and refresh");
        must(variable["multi"] == !is_one, "multi and allValue");
        must(is_one || variable["allValue"] == all, "multi and allValue");
        must(variable["includeAll"] == !is_one, "all, and refresh");
        must(
            variable["datasource"]["uid"].as_str().is_some_and(|uid| uid.contains("datasource")),
            "its data source",
        );
    }
    for link in dashboard["links"].as_array().into_iter().flatten() {
        must(
            link["keepTime"] == true && link["includeVars"] == true,
            "links keep time and variables",
        );
    }
    must(dashboard["links"].as_array().is_some_and(|links| !links.is_empty()), "links");
    let expressions: Vec<_> = dashboard["annotations"]["list"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|annotation| annotation["expr"].as_str())
        .collect();
    must(expressions.iter().any(|e| e.contains("ALERTS")), "alerts as annotations");
    must(
        expressions.iter().any(|e| e.contains("process_start_time_seconds")),
        "restarts as annotations",
    );
    said
}

/// What each panel must have.
fn panel_complaints(name: &str, dashboard: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let mut ids = BTreeSet::new();
    let rows = dashboard["panels"].as_array().into_iter().flatten();
    for panel in panels(dashboard).into_iter().chain(rows.filter(|panel| panel["type"] == "row")) {
        let title = panel["title"].as_str().unwrap_or_default();
        let mut must = |is_so: bool, what: &str| {
            if !is_so {
                said.push(format!("{name}, {title}: {what}"));
            }
        };
        must(!title.is_empty(), "a title");
        must(panel["id"].as_u64().is_some_and(|id| ids.insert(id)), "an id of its own");
        if panel["type"] == "row" {
            continue;
        }
        must(
            panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
            "a description",
        );
        let units = units(panel);
        must(units.first().is_some_and(|unit| unit.is_string()), "a unit");
        for unit in units.iter().filter_map(|unit| unit.as_str()) {
            must(!UNREADABLE.contains(&unit), "a unit that a reader understands");
        }
        must(
            panel["type"] != "table" || columns_without_unit(panel).is_empty(),
            "units for columns of numbers, and for no label",
        );
        must(panel["pluginVersion"].is_string(), "a pluginVersion");
        must(
            panel["datasource"]["uid"].as_str().is_some_and(|uid| uid.contains("datasource")),
            "the data source that is chosen",
        );
        let targets = panel["targets"].as_array();
        must(targets.is_some_and(|targets| !targets.is_empty()), "a query");
        for target in targets.into_iter().flatten() {
            must(target["expr"].as_str().is_some_and(|expr| !expr.is_empty()), "an expression");
        }
    }
    said
}

/// The units of a panel, the default first.
fn units(panel: &Value) -> Vec<&Value> {
    let overrides = panel["fieldConfig"]["overrides"].as_array().into_iter().flatten();
    let properties = overrides.flat_map(|each| each["properties"].as_array().into_iter().flatten());
    let of_columns = properties.filter(|each| each["id"] == "unit").map(|each| &each["value"]);
    [&panel["fieldConfig"]["defaults"]["unit"]].into_iter().chain(of_columns).collect()
}

/// Of a table: what is shown as a number and has no unit of its own. A unit of the whole table would
/// make "5.35 K" of port 5353.
fn columns_without_unit(panel: &Value) -> Vec<String> {
    if panel["fieldConfig"]["defaults"]["unit"] != "string" {
        return vec!["all".to_owned()];
    }
    let organize = &panel["transformations"][1]["options"];
    let targets = panel["targets"].as_array().map_or(0, Vec::len);
    let overrides = panel["fieldConfig"]["overrides"].as_array().into_iter().flatten();
    let with_unit: Vec<&Value> = overrides
        .filter(|each| {
            let properties = each["properties"].as_array().into_iter().flatten();
            properties.into_iter().any(|property| property["id"] == "unit")
        })
        .map(|each| &each["matcher"]["options"])
        .collect();
    let fields = ["A", "B", "C", "D", "E", "F"][..targets]
        .iter()
        .map(|letter| if targets == 1 { "Value".to_owned() } else { format!("Value #{letter}") });
    fields
        .filter(|field| organize["excludeByName"][field] != true)
        .filter(|field| !with_unit.contains(&&organize["renameByName"][field]))
        .collect()
}

/// What the queries must be.
fn query_complaints(name: &str, dashboard: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let recorded = recorded();
    let label = Regex::new(r"([a-zA-Z_]+)\s*(?:=~|!~|!=|=)").unwrap();
    let list =
        Regex::new(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)").unwrap();
    // Numbers of this moment, which may sum up what is shown.
    let instant: BTreeSet<&str> = panels(dashboard)
        .into_iter()
        .filter(|panel| panel["type"] == "stat" || panel["type"] == "table")
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .filter_map(|target| target["expr"].as_str())
        .collect();
    let mut all_labels: BTreeSet<&str> =
        ALL.iter().flat_map(|family| family.labels).copied().collect();
    all_labels.extend(COMMON);
    for (title, expr) in expressions(dashboard) {
        let mut must = |is_so: bool, what: String| {
            if !is_so {
                said.push(format!("{name}, {title}: {what} in {expr}"));
            }
        };
        let selectors = selectors(expr);
        must(!selectors.is_empty(), "a metric".to_owned());
        for selector in &selectors {
            let Selector { name: metric, matchers, range, function, at_end } = selector;
            let of_catalogue = family(metric);
            let is_other = TOOLS.contains(&metric.as_str()) || recorded.contains(metric);
            must(of_catalogue.is_some() || is_other, format!("no such metric: {metric}"));
            // What is said of a site knows no exporter.
            let needed: &[&str] = if metric.starts_with("site:") {
                &["site=~\"$site\""]
            } else {
                &["site=~\"$site\"", "job=~\"$job\"", "instance=~\"$instance\""]
            };
            for needed in needed {
                must(matchers.contains(needed), format!("{needed} of {metric}"));
            }
            for found in label.captures_iter(matchers) {
                let label = found[1].to_owned();
                let is_its = of_catalogue.is_none_or(|family| family.labels.contains(&&*label));
                must(
                    (is_its && all_labels.contains(&*label)) || COMMON.contains(&&*label),
                    format!("no such label of {metric}: {label}"),
                );
            }
            let is_counter = of_catalogue.is_some_and(|family| match family.kind {
                Kind::Counter | Kind::Histogram => true,
                Kind::Gauge => false,
            });
            let is_rated = matches!(function.as_deref(), Some("rate" | "irate" | "increase"))
                && range.is_some();
            must(is_counter == is_rated, format!("{metric} under {function:?}"));
            let is_whole =
                range.as_deref() == Some("$__range") && (*at_end || instant.contains(expr));
            let is_usual = range.as_deref().is_none_or(|range| range == "$__rate_interval");
            must(is_usual || is_whole, format!("the range {range:?}"));
        }
        for found in list.captures_iter(expr) {
            for label in found[1].split(',').map(str::trim).filter(|label| !label.is_empty()) {
                must(all_labels.contains(label), format!("no such label: {label}"));
            }
        }
        // 50,000 devices are no 50,000 lines: they are summed up, or few by a choice or by nature.
        let of_devices = selectors.iter().any(|selector| {
            selector.name.starts_with("device:")
                || family(&selector.name).is_some_and(|family| family.labels.contains(&"device"))
        });
        let few = ["topk(", "$device", "count(", "device_cause:", "sum by (le"];
        must(
            !of_devices || few.iter().any(|word| expr.contains(word)),
            "a bound on devices".into(),
        );
        // Nor are they read one by one for each point of a graph.
        let is_read_whole = |selector: &Selector| {
            let is_few = selector.matchers.contains("$device") || selector.name.contains("topk10");
            let is_of_devices = selector.name.starts_with("device:")
                || family(&selector.name).is_some_and(|family| {
                    family.labels.contains(&"device") && !family.name.contains("_storm_")
                });
            is_of_devices && !is_few && !selector.at_end
        };
        must(
            instant.contains(expr) || !selectors.iter().any(is_read_whole),
            "a graph of all devices".into(),
        );
    }
    let legend = Regex::new(r"\{\{\s*(\w+)\s*\}\}").unwrap();
    for panel in panels(dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            for found in legend.captures_iter(target["legendFormat"].as_str().unwrap_or_default()) {
                if !all_labels.contains(&found[1]) {
                    said.push(format!("{name}, {}: no such label: {}", panel["title"], &found[1]));
                }
            }
        }
    }
    said
}

fn complaints(name: &str, dashboard: &Value) -> Vec<String> {
    let mut said = frame_complaints(name, dashboard);
    said.extend(panel_complaints(name, dashboard));
    said.extend(query_complaints(name, dashboard));
    said
}

#[test]
fn dashboards_keep_the_rules_of_the_house() {
    let dashboards = dashboards();
    let names: Vec<&str> = dashboards.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["device", "exporter", "host", "lan", "mdns", "sites"]);
    let said: Vec<String> =
        dashboards.iter().flat_map(|(name, dashboard)| complaints(name, dashboard)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

/// Each rule is seen to complain, by a dashboard that breaks it and no other.
#[test]
fn each_rule_complains_of_what_breaks_it() {
    let (name, whole) =
        dashboards().into_iter().find(|(name, _)| name == "lan").expect("it is there");
    let place = whole["panels"].as_array().expect("panels");
    let at = place.iter().position(|panel| panel["type"] == "timeseries").expect("a graph");
    let panel = format!("/panels/{at}");
    let at = place.iter().position(|panel| panel["type"] == "table").expect("a table");
    let table = format!("/panels/{at}");
    let target = format!("{panel}/targets/0/expr");
    let own = "site=~\"$site\", job=~\"$job\", instance=~\"$instance\"";
    let packets = "multicast_interface_packets_total";
    let breaks: Vec<(&str, String, Value)> = vec![
        ("uid", "/uid".into(), json!("other")),
        ("schemaVersion", "/schemaVersion".into(), json!(38)),
        ("editable", "/editable".into(), json!(true)),
        ("a shared crosshair", "/graphTooltip".into(), json!(0)),
        ("label", "/templating/list/0/label".into(), json!("datasource")),
        ("the variables' order", "/templating/list/1/name".into(), json!("job")),
        ("multi and allValue", "/templating/list/1/allValue".into(), json!(".+")),
        ("multi and allValue", "/templating/list/2/allValue".into(), json!(".*")),
        ("all, and refresh", "/templating/list/2/refresh".into(), json!(1)),
        ("links keep", "/links/0/keepTime".into(), json!(false)),
        ("alerts as annotations", "/annotations/list".into(), json!([])),
        ("a title", format!("{panel}/title"), json!("")),
        ("an id of its own", format!("{panel}/id"), json!(1)),
        ("a description", format!("{panel}/description"), json!("")),
        ("a unit", format!("{panel}/fieldConfig/defaults/unit"), json!(null)),
        ("a unit that", format!("{panel}/fieldConfig/defaults/unit"), json!("pps")),
        ("for no label", format!("{table}/fieldConfig/defaults/unit"), json!("short")),
        ("columns of numbers", format!("{table}/fieldConfig/overrides"), json!([])),
        ("a pluginVersion", format!("{panel}/pluginVersion"), json!(null)),
        ("the data source", format!("{panel}/datasource/uid"), json!("prometheus")),
        ("a query", format!("{panel}/targets"), json!([])),
        ("no such metric", target.clone(), json!(format!("multicast_lines{{{own}}}"))),
        (
            "no such label of",
            target.clone(),
            json!(format!("multicast_queriers{{{own}, device=\"x\"}}")),
        ),
        (
            "no such label: colour",
            target.clone(),
            json!(format!("sum by (colour) (multicast_queriers{{{own}}})")),
        ),
        ("job=~", target.clone(), json!("multicast_queriers{instance=~\"$instance\"}")),
        ("site=~", target.clone(), json!("site:multicast_storms:count{job=~\"$job\"}")),
        ("under None", target.clone(), json!(format!("{packets}{{{own}}}"))),
        (
            "under Some(\"max_over_time\")",
            target.clone(),
            json!(format!("max_over_time({packets}{{{own}}}[$__rate_interval])")),
        ),
        ("the range Some(\"5m\")", target.clone(), json!(format!("rate({packets}{{{own}}}[5m])"))),
        (
            "the range Some(\"$__range\")",
            target.clone(),
            json!(format!("rate({packets}{{{own}}}[$__range])")),
        ),
        (
            "a bound on devices",
            target.clone(),
            json!(format!(
                "sum by (device) (rate(multicast_device_packets_total{{{own}}}[$__rate_interval]))"
            )),
        ),
        (
            "a graph of all devices",
            target,
            json!(format!("topk(5, device:multicast_signalling_packets:rate1m{{{own}}})")),
        ),
    ];
    for (wanted, pointer, value) in breaks {
        let mut broken = whole.clone();
        *broken.pointer_mut(&pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        let said = complaints(&name, &broken);
        assert!(said.iter().any(|complaint| complaint.contains(wanted)), "{wanted}: {said:?}");
    }
}

/// What Grafana makes of an answer to `query_result(…)`.
#[test]
fn a_device_is_chosen_by_its_name() {
    let (_, dashboard) =
        dashboards().into_iter().find(|(name, _)| name == "device").expect("it is there");
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let device = variables.iter().find(|each| each["name"] == "device").expect("it is there");
    let regex = device["regex"].as_str().expect("a regex").trim_matches('/');
    let answer = r#"{category="printer",device="00:1e:8f:ab:10:08",device_name="Canon MF620C, 10.0.1.8",instance="h:10353",interface="eth0",job="m",segment="eth0 of h:10353",text="Canon MF620C, 10.0.1.8 (00:1e:8f:ab:10:08)"} 1 1790000000000"#;
    let found = Regex::new(regex).expect("a regex").captures(answer).expect("it fits");
    assert_eq!(&found["value"], "00:1e:8f:ab:10:08");
    assert_eq!(&found["text"], "Canon MF620C, 10.0.1.8 (00:1e:8f:ab:10:08)");
}

#[test]
#[ignore = "tools: make test"]
fn the_files_are_what_the_script_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().expect("a folder");
    let status = Command::new(root.join("scripts/make-dashboards")).arg(directory.path()).status();
    assert!(status.expect("python3 is installed").success());
    let files =
        dashboards().into_iter().map(|(name, _)| ("grafana/dashboards", format!("{name}.json")));
    for (folder, file) in files.chain([("docs", "dashboards.md".to_owned())]) {
        let read = |folder: &Path| fs::read(folder.join(&file)).expect("it is there");
        let same = read(directory.path()) == read(&root.join(folder));
        assert!(same, "scripts/make-dashboards writes another {file}");
    }
}
