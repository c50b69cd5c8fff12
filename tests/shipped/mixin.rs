//! The mixin, by go-jsonnet: without settings it makes the rules and dashboards that are shipped, each
//! setting changes what it is for and nothing else, and what it makes is read by those who shall read it.

use crate::support::servers::{newer, promtools};
use crate::support::tools_dir;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn jsonnet(folder: &Path, config: &str) -> Output {
    let program = tools_dir().join("jsonnet/bin/jsonnet");
    assert!(program.exists(), "{} is missing: scripts/install-test-jsonnet", program.display());
    Command::new(program)
        .args(["-S", "-c", "-m"])
        .arg(folder)
        .args(["--tla-code", &format!("config={config}")])
        .arg(root().join("mixin/files.jsonnet"))
        .output()
        .expect("jsonnet runs")
}

/// All files of a folder and of the folders in it, read as YAML, which JSON is too.
fn read(folder: &Path) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a file");
            let value = serde_saphyr::from_str(&text).expect("YAML");
            files.insert(path.strip_prefix(folder).unwrap().display().to_string(), value);
        }
    }
    files
}

/// What the mixin makes by these settings.
fn made(config: &str) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let output = jsonnet(folder.path(), config);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read(folder.path())
}

/// What the mixin says against these settings.
fn refused(config: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let output = jsonnet(folder.path(), config);
    assert!(!output.status.success(), "{config} is taken");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The rules and dashboards that are shipped, by the names that the mixin gives them.
fn shipped() -> BTreeMap<String, Value> {
    let mut files = read(&root().join("deploy/prometheus"));
    files.retain(|name, _| name.ends_with(".rules.yml"));
    let dashboards = read(&root().join("grafana/dashboards"));
    files.extend(dashboards.into_iter().map(|(name, value)| (format!("dashboards/{name}"), value)));
    files
}

/// The rules of a file that are alerts, by their names.
fn alerts(files: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let groups = files["alerts.rules.yml"]["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    rules
        .filter_map(|rule| Some((rule["alert"].as_str()?.to_owned(), rule.clone())))
        .collect::<BTreeMap<_, _>>()
}

#[test]
#[ignore = "tools: make test"]
fn without_settings_all_is_as_shipped() {
    let mut made = made("{}");
    made.retain(|name, _| !name.starts_with("grafana.com/"));
    let shipped = shipped();
    assert!(shipped.len() >= 7, "{:?}", shipped.keys());
    assert_eq!(made.keys().collect::<Vec<_>>(), shipped.keys().collect::<Vec<_>>());
    for (name, value) in &shipped {
        assert!(made[name] == *value, "{name} differs from what is shipped");
    }
}

#[test]
#[ignore = "tools: make test"]
fn a_setting_changes_what_it_is_for_and_nothing_else() {
    let made = made(
        r#"{
            jobSelector: 'job=~"lan|wlan"',
            grafanaUrl: "https://grafana.example.net/g",
            runbookUrl: "https://wiki.example.net/multicast",
            groupLabels: { team: "network" },
            alerts: {
                MulticastHostCost: { enabled: false },
                MulticastDeviceChatty: { severity: "info", "for": "1h" },
            },
            dashboardTags: ["site"],
            dashboardRefresh: "1m",
        }"#,
    );
    let shipped = shipped();
    let mut wanted = alerts(&shipped);
    assert!(wanted.remove("MulticastHostCost").is_some());
    for rule in wanted.values_mut() {
        rule["labels"]["team"] = json!("network");
    }
    let chatty = wanted.get_mut("MulticastDeviceChatty").expect("it is shipped");
    assert_ne!(chatty["for"], "1h");
    chatty["for"] = json!("1h");
    chatty["labels"]["severity"] = json!("info");
    let text = serde_json::to_string(&wanted).unwrap();
    let changes = [
        ("^(alertname|alertgroup|severity", "^(alertname|alertgroup|severity|team"),
        (r#"job=\"multicast_exporter\""#, r#"job=~\"lan|wlan\""#),
        ("http://localhost:3000", "https://grafana.example.net/g"),
        (
            "https://github.com/multicast-exporter/multicast_exporter/blob/main/docs/runbooks",
            "https://wiki.example.net/multicast",
        ),
    ];
    let text = changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old} is nowhere");
        text.replace(old, new)
    });
    let wanted: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    for (name, rule) in alerts(&made) {
        assert_eq!(Some(&rule), wanted.get(&name), "{name}");
    }
    assert_eq!(alerts(&made).len(), wanted.len());

    assert_eq!(made["recording.rules.yml"], shipped["recording.rules.yml"]);
    for (name, value) in shipped.iter().filter(|(name, _)| name.starts_with("dashboards/")) {
        let mut wanted = value.clone();
        let tags = wanted["tags"].as_array_mut().expect("tags");
        tags.push(json!("site"));
        tags.sort_by_key(Value::to_string);
        wanted["refresh"] = json!("1m");
        assert!(made[name] == wanted, "{name} differs in more");
    }
}

/// The settings that its README shows.
#[test]
#[ignore = "tools: make test"]
fn the_settings_of_the_readme_are_taken() {
    let readme = fs::read_to_string(root().join("mixin/README.md")).expect("it is shipped");
    let settings =
        readme.split("```").find(|block| block.trim_start().starts_with("{\n  jobSelector"));
    let made = alerts(&made(settings.expect("an example of settings")));
    assert!(!made.contains_key("MulticastHostCost"));
    assert_eq!(made["MulticastDeviceChatty"]["for"], "1h");
    assert_eq!(made["MulticastExporterDown"]["labels"]["team"], "network");
}

#[test]
#[ignore = "tools: make test"]
fn a_setting_that_is_not_there_is_an_error() {
    let said = refused("{ alerts: { MulticastHostCosts: { enabled: false } } }");
    assert!(said.contains("no alert is called MulticastHostCosts"), "{said}");
    let said = refused("{ alerts: { MulticastHostCost: { enable: false } } }");
    assert!(said.contains("MulticastHostCost has no setting enable"), "{said}");
    let said = refused("{ grafanaURL: 'https://grafana.example.net' }");
    assert!(said.contains("there is no setting grafanaURL"), "{said}");
}

/// The files for grafana.com ask for the data source, and name each kind of panel that they have.
#[test]
#[ignore = "tools: make test"]
fn shared_dashboards_ask_for_what_they_need() {
    let made = made("{}");
    let shared: Vec<_> = made.iter().filter(|(name, _)| name.starts_with("grafana.com/")).collect();
    assert_eq!(shared.len(), made.keys().filter(|name| name.starts_with("dashboards/")).count());
    for (name, dashboard) in shared {
        let inputs = dashboard["__inputs"].as_array().expect("inputs");
        assert_eq!(inputs.len(), 1, "{name}");
        assert_eq!(inputs[0]["pluginId"], "prometheus");
        let variables = dashboard["templating"]["list"].as_array().expect("variables");
        let source = variables.iter().find(|variable| variable["type"] == "datasource");
        let asked = format!("${{{}}}", inputs[0]["name"].as_str().expect("a name"));
        assert_eq!(source.expect("a data source")["current"]["value"], json!(asked), "{name}");
        let needed = dashboard["__requires"].as_array().expect("requirements");
        for panel in dashboard["panels"].as_array().expect("panels") {
            let is_named =
                needed.iter().any(|need| need["type"] == "panel" && need["id"] == panel["type"]);
            assert!(is_named || panel["type"] == "row", "{name}: {}", panel["type"]);
        }
        // The rest is what is shipped.
        let mut rest = dashboard.clone();
        for added in ["__inputs", "__requires", "__elements", "id"] {
            assert!(rest.as_object_mut().unwrap().remove(added).is_some(), "{name}: {added}");
        }
        let same = &made[&name.replace("grafana.com/", "dashboards/")];
        rest["templating"] = same["templating"].clone();
        assert!(rest == *same, "{name} differs in more");
    }
}

#[test]
#[ignore = "tools: make test"]
fn prometheus_and_vmalert_read_the_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = r#"{ groupLabels: { team: "network" }, jobSelector: 'job=~"a|b"' }"#;
    assert!(jsonnet(folder.path(), config).status.success());
    let files: Vec<PathBuf> = ["alerts.rules.yml", "recording.rules.yml"]
        .iter()
        .map(|name| folder.path().join(name))
        .collect();
    let run = |command: &mut Command| {
        let output = command.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
    };
    for promtool in promtools() {
        run(Command::new(promtool).args(["check", "rules"]).args(&files));
    }
    let rules = files.iter().map(|file| format!("-rule={}", file.display()));
    run(Command::new(newer("vmalert")).arg("-dryRun").args(rules));
}
