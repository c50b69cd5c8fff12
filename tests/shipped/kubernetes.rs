//! The objects of `deploy/kubernetes` as kustomize builds them: they keep the schemas of Kubernetes
//! and of Prometheus' operator, ask for the privileges listed here and no more, name flags, paths
//! and ports that the program has, and carry the rules and dashboards that are shipped elsewhere.

use crate::support::process::program;
use crate::support::served::Served;
use clap::Parser as _;
use multicast_exporter::commands::flags::Cli;
use multicast_exporter::metrics::catalogue::ALL;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BASE: &str = "deploy/kubernetes";
/// The versions of Kubernetes whose schemas are kept: that of the kustomize in kubectl that is
/// asked here, and the newest.
const VERSIONS: [&str; 2] = ["1.27.0", "1.37.0"];
const OPERATOR: &str = "monitoring.coreos.com/v1";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

/// Something that `scripts/install-test-kubernetes` fetches.
fn tool(path: &str) -> PathBuf {
    let file = crate::support::tools_dir().join("kubernetes").join(path);
    assert!(file.exists(), "{} is missing: scripts/install-test-kubernetes", file.display());
    file
}

/// What kustomize makes of a folder, with its own idea of what it may read.
fn build(folder: &Path) -> Vec<Value> {
    let output = Command::new(tool("kustomize/kustomize"))
        .arg("build")
        .arg(folder)
        .output()
        .expect("kustomize runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kustomize build {}: {said}", folder.display());
    assert!(said.is_empty(), "kustomize warns: {said}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    serde_saphyr::from_multiple(&text).expect("YAML")
}

fn objects() -> Vec<Value> {
    build(&root().join(BASE))
}

/// The only object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

fn container(daemon_set: &Value) -> &Value {
    let containers = daemon_set["spec"]["template"]["spec"]["containers"].as_array().expect("some");
    assert_eq!(containers.len(), 1);
    &containers[0]
}

/// What the schemas have against the objects.
fn complaints(objects: &[Value]) -> String {
    let mut child = Command::new("/usr/bin/python3")
        .arg(root().join("tests/shipped/kubernetes/validate.py"))
        .arg(tool("operator"))
        .args(VERSIONS)
        .env("PYTHONPATH", tool("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let list = serde_json::to_vec(objects).expect("JSON");
    child.stdin.take().expect("a pipe").write_all(&list).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let wanted = i32::from(!said.is_empty());
    assert_eq!(output.status.code(), Some(wanted), "validate.py itself failed: {said}");
    said
}

/// The groups of the rule files, in the order of their names.
fn groups() -> Vec<Value> {
    let folder = fs::read_dir(root().join("deploy/prometheus")).expect("it is shipped");
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().expect("UTF-8"));
    let names: BTreeSet<String> = names.filter(|name| name.ends_with(".rules.yml")).collect();
    assert!(names.len() >= 2, "{names:?}");
    let groups = |name: &String| yaml(&read(&format!("deploy/prometheus/{name}")))["groups"].take();
    names.iter().flat_map(|name| groups(name).as_array().expect("groups").clone()).collect()
}

#[test]
fn the_rules_are_what_the_script_writes() {
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("rules.yaml");
    let status = Command::new(root().join("scripts/make-kubernetes")).arg(&file).status();
    assert!(status.expect("sh runs").success());
    let written = fs::read_to_string(&file).expect("it is there");
    assert_eq!(written, read("deploy/kubernetes/prometheusrule.yaml"), "make kubernetes");
    assert_eq!(yaml(&written)["spec"]["groups"], Value::Array(groups()));
}

#[test]
#[ignore = "tools: make test"]
fn every_object_keeps_its_schema() {
    let objects = objects();
    assert_eq!(complaints(&objects), "");
    // And a schema was asked each time.
    let breaks: [(&str, &str, Value); 6] = [
        ("Namespace", "/metadata/lables", json!({})),
        ("ConfigMap", "/data/number", json!(1)),
        ("Service", "/spec/ports/0/port", json!("10353")),
        ("DaemonSet", "/spec/template/spec/containers/0/securityContext/runAsRoot", json!(true)),
        ("ServiceMonitor", "/spec/endpoints/0/intervall", json!("15s")),
        ("PrometheusRule", "/spec/groups/0/rules/0/for", json!("a while")),
    ];
    let kinds: BTreeSet<&str> =
        objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds, breaks.iter().map(|(kind, ..)| *kind).collect());
    for (kind, at, value) in breaks {
        let mut broken = objects.iter().find(|object| object["kind"] == kind).unwrap().clone();
        let (parent, key) = at.rsplit_once('/').expect("a pointer");
        broken.pointer_mut(parent).expect(parent)[key] = value;
        let said = complaints(&[broken]);
        assert!(said.contains(kind) && said.contains(key), "{at}: {said:?}");
    }
}

#[test]
#[ignore = "tools: make test"]
fn the_pods_have_what_the_design_names_and_no_more() {
    let objects = objects();
    let daemon_set = only(&objects, "DaemonSet");
    let security = &container(daemon_set)["securityContext"];
    assert_eq!(
        *security,
        json!({
            "runAsUser": 0,
            "runAsGroup": 0,
            "readOnlyRootFilesystem": true,
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"], "add": ["NET_RAW", "BPF", "PERFMON"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    let pod = daemon_set["spec"]["template"]["spec"].as_object().expect("a pod");
    for (key, value) in [
        ("hostNetwork", json!(true)),
        ("hostPID", json!(true)),
        ("dnsPolicy", json!("ClusterFirstWithHostNet")),
        ("automountServiceAccountToken", json!(false)),
        ("tolerations", json!([{"operator": "Exists"}])),
    ] {
        assert_eq!(pod[key], value, "{key}");
    }
    for key in ["hostIPC", "volumes", "securityContext", "serviceAccountName"] {
        assert!(!pod.contains_key(key), "{key}");
    }
    let namespace = only(&objects, "Namespace");
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "privileged");
    for object in objects.iter().filter(|object| object["kind"] != "Namespace") {
        assert_eq!(object["metadata"]["namespace"], namespace["metadata"]["name"], "{object}");
    }
    let image = container(daemon_set)["image"].as_str().expect("a name");
    assert_eq!(image, concat!(env!("CARGO_PKG_NAME"), ":", env!("CARGO_PKG_VERSION")));
}

/// The first lines that the pages of the program answer with.
fn answers(paths: &[&str]) -> Vec<String> {
    // The demo has the pages of the exporter.
    let demo = Served::start(&["demo"]);
    // Ready is what it becomes.
    demo.wait("readiness", |demo| demo.get("/-/ready").is_ok());
    let first = |path: &&str| demo.get(path).head.lines().next().unwrap_or_default().to_owned();
    paths.iter().map(first).collect()
}

#[test]
#[ignore = "tools: make test"]
fn flags_paths_and_ports_are_those_of_the_program() {
    let objects = objects();
    let container = container(only(&objects, "DaemonSet"));
    let args = container["args"].as_array().expect("some").iter();
    let args: Vec<&str> = args.map(|arg| arg.as_str().expect("text")).collect();
    let parse = |args: &[&str]| Cli::try_parse_from([&["multicast_exporter"], args].concat());
    parse(&args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
    assert!(parse(&["--web.listen-adress=:10353"]).is_err());
    let listens: Vec<_> =
        args.iter().filter_map(|arg| arg.strip_prefix("--web.listen-address=:")).collect();
    // The program's own default too, which documents and firewalls go by.
    let help = program().arg("--help").output();
    let help = String::from_utf8(help.expect("the program runs").stdout).expect("UTF-8");
    let [port] = listens[..] else { panic!("{args:?}") };
    assert!(help.contains(&format!("[default: :{port}]")), "{port}");
    for arg in &args {
        let flag = arg.split('=').next().expect("a flag");
        let named = help.split_whitespace().any(|word| word.split('[').next() == Some(flag));
        assert!(named, "--help knows no {flag}");
    }

    let number: u64 = port.parse().expect("a number");
    assert_eq!(container["ports"], json!([{"name": "http", "containerPort": number}]));
    let service = only(&objects, "Service");
    let monitor = only(&objects, "ServiceMonitor");
    let scraped = json!([{"name": "http", "port": number, "targetPort": "http"}]);
    assert_eq!(service["spec"]["ports"], scraped);
    assert_eq!(service["spec"]["clusterIP"], "None");
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["port"], "http");
    let mut paths = vec![endpoint["path"].as_str().expect("a path")];
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "http", "{probe}");
        paths.push(container[probe]["httpGet"]["path"].as_str().expect("a path"));
    }
    assert_eq!(paths, ["/metrics", "/-/healthy", "/-/ready"]);
    paths.push("/-/nothing");
    let answers = answers(&paths);
    assert!(answers[..3].iter().all(|answer| answer.ends_with(" 200 OK")), "{answers:?}");
    assert!(answers[3].contains(" 404 "), "{answers:?}");
}

/// Whether each label that a selector asks for is there.
fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().expect("labels");
    !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
}

#[test]
#[ignore = "tools: make test"]
fn prometheus_finds_the_pods_as_the_job_that_the_alerts_know() {
    let objects = objects();
    let pods = &only(&objects, "DaemonSet")["spec"];
    let service = only(&objects, "Service");
    let monitor = &only(&objects, "ServiceMonitor")["spec"];
    let labels = &pods["template"]["metadata"]["labels"];
    assert!(selects(&pods["selector"]["matchLabels"], labels));
    assert!(selects(&service["spec"]["selector"], labels));
    assert!(selects(&monitor["selector"]["matchLabels"], &service["metadata"]["labels"]));
    assert!(!selects(&json!({"app.kubernetes.io/name": "other"}), labels));

    let prometheus = yaml(&read("deploy/prometheus/prometheus.yml"));
    let job = &prometheus["scrape_configs"][0];
    let endpoint = &monitor["endpoints"][0];
    let relabelings = endpoint["relabelings"].as_array().expect("some");
    assert!(relabelings.contains(&json!({"targetLabel": "job", "replacement": job["job_name"]})));
    let alerts = read("deploy/prometheus/alerts.rules.yml");
    let known = format!("up{{job={}}}", job["job_name"]);
    assert!(alerts.contains(&known), "{known}");
    for (here, there) in [
        (&endpoint["interval"], &prometheus["global"]["scrape_interval"]),
        (&endpoint["scrapeTimeout"], &prometheus["global"]["scrape_timeout"]),
        (&monitor["sampleLimit"], &job["sample_limit"]),
        (&monitor["labelLimit"], &job["label_limit"]),
        (&monitor["labelNameLengthLimit"], &job["label_name_length_limit"]),
        (&monitor["labelValueLengthLimit"], &job["label_value_length_limit"]),
    ] {
        assert!(!here.is_null() && here == there, "{here} is not {there}");
    }
    // The operator adds namespace, service, container and endpoint to job and instance; a sample
    // has its name, and a bucket its bound.
    let most = ALL.iter().map(|family| family.labels.len()).max().expect("families");
    let limit = monitor["labelLimit"].as_u64().expect("a number");
    assert!(most as u64 + 4 + 2 + 2 <= limit, "{most} labels");
}

#[test]
#[ignore = "tools: make test"]
fn rules_and_dashboards_are_those_that_are_shipped_elsewhere() {
    let objects = objects();
    let rule = only(&objects, "PrometheusRule");
    assert_eq!(rule["apiVersion"], OPERATOR);
    assert_eq!(rule["spec"]["groups"], Value::Array(groups()));

    let mut loaded = BTreeSet::new();
    for map in objects.iter().filter(|object| object["kind"] == "ConfigMap") {
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1", "{map}");
        // What kubectl apply keeps in an annotation, which may have 256 KiB.
        assert!(map.to_string().len() < 200_000, "{}", map["metadata"]["name"]);
        for (file, text) in map["data"].as_object().expect("files") {
            let name = file.strip_prefix("multicast-").expect("a name of its own");
            let same = text == read(&format!("grafana/dashboards/{name}")).as_str();
            assert!(same, "{name} is another");
            assert!(loaded.insert(name.to_owned()), "{name} twice");
        }
    }
    let folder = fs::read_dir(root().join("grafana/dashboards")).expect("it is shipped");
    let shipped = folder.map(|entry| entry.unwrap().file_name().into_string().expect("UTF-8"));
    assert_eq!(loaded, shipped.collect());
}

#[test]
#[ignore = "tools: make test"]
fn the_overlay_of_the_readme_adds_image_and_label() {
    let readme = read("deploy/kubernetes/README.md");
    let (_, rest) = readme.split_once("<!-- overlay -->\n```yaml\n").expect("an overlay");
    let (overlay, _) = rest.split_once("```").expect("an end");
    let directory = tempfile::tempdir().expect("a folder");
    let folder = directory.path().join("overlay");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("kustomization.yaml"), overlay).expect("written");
    std::os::unix::fs::symlink(root(), directory.path().join("multicast_exporter"))
        .expect("a link");
    let (objects, plain) = (build(&folder), objects());
    assert_eq!(complaints(&objects), "");
    assert_eq!(objects.len(), plain.len());
    let image = container(only(&objects, "DaemonSet"))["image"].as_str();
    assert_eq!(
        image,
        Some(concat!("registry.example.net/multicast_exporter:", env!("CARGO_PKG_VERSION")))
    );
    // What is added is taken by the program, once the kubelet has put in the node's address.
    let container = container(only(&objects, "DaemonSet"));
    let variable = json!({
        "name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}
    });
    assert_eq!(container["env"], json!([variable]));
    let args = container["args"].as_array().expect("some").iter();
    let args = args.map(|arg| arg.as_str().expect("text").replace("$(NODE_IP)", "192.0.2.7"));
    let args: Vec<String> = ["multicast_exporter".to_owned()].into_iter().chain(args).collect();
    let flags = Cli::try_parse_from(args).expect("flags of the program").serve;
    let url = flags.web.external_url.expect("a URL");
    assert_eq!((url.as_str(), flags.lan.rules.len()), ("http://192.0.2.7:10353", 1));
    for object in &objects {
        let release = &object["metadata"]["labels"]["release"];
        let custom = object["apiVersion"] == OPERATOR;
        assert_eq!(*release == "kube-prometheus-stack", custom, "{object}");
    }
    // The links that the README's sed is for.
    let links = |objects: &[Value]| {
        let rule = only(objects, "PrometheusRule").to_string();
        rule.matches("http://localhost:3000").count()
    };
    assert!(links(&objects) > 0 && readme.contains("sed 's,http://localhost:3000,"));
}
