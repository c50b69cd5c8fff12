//! The compose file: docker-compose accepts it, one exporter runs by profile, it asks for the
//! privileges listed here and no more, and the files, flags and folders that it names are there.

use clap::CommandFactory as _;
use multicast_exporter::commands::flags::Cli;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/compose")
}

fn yaml(path: &str) -> Value {
    let path = folder().join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn words(value: &Value) -> Vec<&str> {
    let list = value.as_array().expect("a list").iter();
    list.map(|word| word.as_str().expect("a word")).collect()
}

/// From and to of what a service mounts.
fn mounts(service: &Value) -> Vec<(String, String)> {
    let volumes = if service["volumes"].is_null() { vec![] } else { words(&service["volumes"]) };
    let mounts = volumes.into_iter().map(|volume| {
        let mut parts = volume.split(':').map(str::to_owned);
        (parts.next().expect("from"), parts.next().expect("to"))
    });
    mounts.collect()
}

#[test]
#[ignore = "tools: make test"]
fn docker_compose_accepts_it_and_runs_one_exporter() {
    for profile in ["lan", "demo"] {
        let mut command = Command::new("docker-compose");
        command.current_dir(folder()).args(["--profile", profile, "config", "--quiet"]);
        let output = command.output();
        let output = output.expect("docker-compose is not installed: make test installs it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let file = yaml("compose.yaml");
    let mut profiles: Vec<(&str, &Value)> = file["services"]
        .as_object()
        .expect("services")
        .iter()
        .map(|(name, service)| (name.as_str(), &service["profiles"]))
        .collect();
    profiles.sort_unstable_by_key(|(name, _)| *name);
    let (lan, demo) = (json!(["lan"]), json!(["demo"]));
    assert_eq!(
        profiles,
        [
            ("alertmanager", &Value::Null),
            ("demo", &demo),
            ("exporter", &lan),
            ("grafana", &Value::Null),
            ("prometheus", &Value::Null),
        ]
    );
    let env = fs::read_to_string(folder().join(".env")).expect("there");
    assert!(env.lines().any(|line| line == "COMPOSE_PROFILES=lan"), "{env}");
}

#[test]
fn the_exporter_asks_for_what_the_design_names() {
    let file = yaml("compose.yaml");
    let exporter = &file["services"]["exporter"];
    for (key, value) in [
        ("network_mode", json!("host")),
        ("pid", json!("host")),
        ("user", json!("0:0")),
        ("read_only", json!(true)),
        ("cap_drop", json!(["ALL"])),
        ("cap_add", json!(["NET_RAW", "BPF", "PERFMON"])),
    ] {
        assert_eq!(exporter[key], value, "{key}");
    }
    let demo = &file["services"]["demo"];
    assert_eq!(demo["cap_drop"], json!(["ALL"]));
    assert!(demo["cap_add"].is_null() && demo["user"] != "0:0", "the demo needs nothing");
}

#[test]
fn what_it_names_is_there() {
    let file = yaml("compose.yaml");
    let cli = Cli::command();
    let demo = cli.find_subcommand("demo").expect("a command");
    for (name, command) in [("exporter", &cli), ("demo", demo)] {
        let service = &file["services"][name];
        assert!(
            folder().join(service["build"].as_str().expect("a path")).join("Dockerfile").is_file()
        );
        for word in words(&service["command"]).into_iter().filter(|word| word.starts_with('-')) {
            let flag = word.split('=').next().expect("a word");
            let known = |arg: &clap::Arg| arg.get_long() == flag.strip_prefix("--");
            assert!(command.get_arguments().any(known), "{word}");
        }
    }
    let volumes = file["volumes"].as_object().expect("volumes");
    for (name, service) in file["services"].as_object().expect("services") {
        let mounts = mounts(service);
        for (from, to) in &mounts {
            let is_there = volumes.contains_key(from)
                || (from.starts_with('.') && folder().join(from).exists());
            assert!(is_there, "{name}: {from}");
            assert!(to.starts_with('/'), "{name}: {to}");
        }
        // A file that a flag names is one that is mounted, or in a folder that is.
        let command = &service["command"];
        let flags = if command.is_null() { vec![] } else { words(command) };
        for (flag, path) in flags.iter().filter_map(|word| word.split_once("=/")) {
            let path = format!("/{path}");
            assert!(
                mounts.iter().any(|(_, to)| path.starts_with(to.as_str())),
                "{name}: {flag}={path}"
            );
        }
    }
}

#[test]
fn what_the_mounted_files_name_is_mounted() {
    let file = yaml("compose.yaml");
    let of = |name: &str| mounts(&file["services"][name]);
    let mounted =
        |name: &str, path: &str| of(name).iter().any(|(_, to)| path.starts_with(to.as_str()));
    let prometheus = yaml("../prometheus/prometheus.yml");
    for rules in words(&prometheus["rule_files"]) {
        assert!(mounted("prometheus", &format!("/etc/prometheus/{rules}")), "{rules}");
    }
    let alertmanager = yaml("../alertmanager/alertmanager.yml");
    for template in words(&alertmanager["templates"]) {
        assert!(mounted("alertmanager", &format!("/etc/alertmanager/{template}")), "{template}");
    }
    let secret = alertmanager["global"]["slack_api_url_file"].as_str().expect("a path");
    assert!(mounted("alertmanager", secret), "{secret}");
    let mut entries =
        fs::read_dir(folder().join("../../grafana/provisioning/dashboards")).expect("there");
    let provider = entries.find_map(Result::ok).expect("a provider").path();
    let provider = yaml(provider.to_str().expect("UTF-8"));
    let dashboards = provider["providers"][0]["options"]["path"].as_str().expect("a path");
    let has =
        |(from, to): &(String, String)| to == dashboards && from.ends_with("/grafana/dashboards");
    assert!(of("grafana").iter().any(has), "{dashboards}");
}

#[test]
fn the_ports_are_those_that_the_files_name() {
    let file = yaml("compose.yaml");
    let listens = |name: &str| {
        let flags = words(&file["services"][name]["command"]);
        let address = flags.iter().find_map(|word| word.strip_prefix("--web.listen-address="));
        address.expect("an address").replace("127.0.0.1", "localhost")
    };
    let prometheus = yaml("../prometheus/prometheus.yml");
    let alertmanager = &prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"];
    assert_eq!(words(alertmanager), [listens("alertmanager")]);
    let mut entries =
        fs::read_dir(folder().join("../../grafana/provisioning/datasources")).expect("there");
    let source = entries.find_map(Result::ok).expect("a source").path();
    let source = yaml(source.to_str().expect("UTF-8"));
    let url = source["datasources"][0]["url"].as_str().expect("a URL");
    assert_eq!(url, format!("http://{}", listens("prometheus")));
}

#[test]
fn the_readmes_container_is_that_of_the_compose_file() {
    let readme = folder().join("../../README.md");
    let readme = fs::read_to_string(readme).expect("there");
    let line = readme.lines().find(|line| line.starts_with("docker run ")).expect("a command");
    let file = yaml("compose.yaml");
    let exporter = &file["services"]["exporter"];
    let capabilities = |key: &str, flag: &str| -> Vec<String> {
        words(&exporter[key]).into_iter().map(|name| format!("--{flag}={name}")).collect()
    };
    let mut wanted = vec!["-d".to_owned(), "--name=multicast_exporter".to_owned()];
    wanted.push(format!("--network={}", exporter["network_mode"].as_str().expect("a mode")));
    wanted.push(format!("--pid={}", exporter["pid"].as_str().expect("a mode")));
    wanted.push("--read-only".to_owned());
    wanted.extend(capabilities("cap_drop", "cap-drop"));
    wanted.extend(capabilities("cap_add", "cap-add"));
    wanted.push(exporter["image"].as_str().expect("a name").to_owned());
    let given: Vec<&str> = line.split_whitespace().skip(2).collect();
    assert_eq!(given, wanted);
}
