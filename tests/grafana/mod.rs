//! The queries of the dashboards' panels, read from the JSON.

#![allow(dead_code, reason = "each test takes what it needs")]

use serde_json::Value;
use std::fs;
use std::path::Path;

/// One query of one panel.
pub struct Query {
    /// The dashboard's and the panel's titles.
    pub title: String,
    /// As it is written, with variables.
    pub expr: String,
    /// Whether the panel says in words what no data means.
    pub says_none: bool,
}

impl Query {
    /// With its variables filled in: all sites, LANs, jobs, instances and processes, this interface
    /// and device.
    /// Intervals are those of a scrape interval of 15 s divided by `factor`.
    pub fn filled(&self, factor: u32, interface: &str, device: &str) -> String {
        let milliseconds = |seconds: u32| format!("{}ms", seconds * 1_000 / factor);
        let rate_interval = milliseconds(60);
        let range = milliseconds(300);
        let mut text = self.expr.clone();
        // Longer names first.
        for (name, value) in [
            ("__rate_interval", rate_interval.as_str()),
            ("__interval", &milliseconds(15)),
            ("__range", &range),
            ("interface", interface),
            ("instance", ".+"),
            ("process", ".+"),
            ("site", ".*"),
            ("lan", ".*"),
            ("device", device),
            ("job", ".+"),
        ] {
            text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
        // What label_replace found is no variable of Grafana's.
        let rest = text.replace("\"$1\"", "");
        assert!(!rest.contains('$'), "a variable is not filled: {text}");
        text
    }
}

/// The dashboards, by the name of their file.
pub fn dashboards() -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    let mut found: Vec<(String, Value)> = fs::read_dir(directory)
        .expect("there are dashboards")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("readable");
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The panels of a dashboard, those in closed rows too, and no rows.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let list = |value: &'static str, of: &Value| of[value].as_array().map_or(0, Vec::len);
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        if list("panels", panel) > 0 {
            found.extend(panel["panels"].as_array().into_iter().flatten());
        }
        if panel["type"] != "row" {
            found.push(panel);
        }
    }
    found
}

/// Every query of every panel.
pub fn queries() -> Vec<Query> {
    let mut found = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let title = format!("{name}, {}", panel["title"].as_str().unwrap_or("no title"));
                let expr = target["expr"].as_str().expect("an expression").to_owned();
                let says_none = panel["fieldConfig"]["defaults"]["noValue"].is_string();
                found.push(Query { title, expr, says_none });
            }
        }
    }
    found
}
