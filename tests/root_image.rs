//! The image: built by buildah from the Dockerfile, without a network and without a daemon, on a
//! base image made of the Debian 12 that the tests have; started by podman with the compose file's
//! options, and scraped.

mod e2e;

use e2e::debian::{root, run};
use e2e::netns::NetNs;
use e2e::support::tools_dir;
use e2e::{Exporter, Process, of_threads, require, wait_for};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const IMAGE: &str = "multicast_exporter";

/// What the base image is made of.
fn debian() -> PathBuf {
    let tree = tools_dir().join("debian/tree");
    assert!(tree.join("usr/bin/gcc").is_file(), "no {}: make test makes it", tree.display());
    tree
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Images and containers of this test alone.
struct Engine {
    folder: tempfile::TempDir,
    namespace: NetNs,
}

impl Engine {
    fn new() -> Self {
        require(&["buildah", "podman", "runc", "nsenter"]);
        Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
            namespace: NetNs::new(),
        }
    }

    fn storage(&self) -> [String; 6] {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let words = ["--root", &at("root"), "--runroot", &at("run"), "--storage-driver", "overlay"];
        words.map(str::to_owned)
    }

    fn buildah(&self, arguments: &[&str]) -> String {
        run(Command::new("buildah").args(self.storage()).args(arguments))
    }

    /// Runs a container. The limits that the engine would set may be above what this machine
    /// allows, and there is no systemd whose timers could ask after its health.
    fn container(&self, options: &[&str]) -> Command {
        let limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
        let mut command = self.podman(&["run", "--health-interval=disable"]);
        command.args(limits).args(options);
        command
    }

    fn podman(&self, arguments: &[&str]) -> Command {
        // Not by ip netns exec, which takes the control groups out of sight.
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.namespace.name())).arg("podman");
        command.args(self.storage()).args(["--cgroup-manager=cgroupfs", "--runtime=runc"]);
        let state = self.folder.path().join("state").display().to_string();
        command.args(["--tmpdir", &state, "--events-backend=file"]).args(arguments);
        command
    }

    /// The image that the Dockerfile begins with, but for the toolchain, which is mounted.
    fn make_base(&self, name: &str) {
        self.buildah(&["from", "--name=base", "scratch"]);
        self.buildah(&["add", "--quiet", "base", &debian().display().to_string(), "/"]);
        for variable in [
            "PATH=/usr/local/cargo/bin:/usr/bin:/bin",
            "CARGO_HOME=/cargo",
            "CARGO_NET_OFFLINE=true",
        ] {
            self.buildah(&["config", "--env", variable, "base"]);
        }
        self.buildah(&["commit", "--quiet", "base", &format!("localhost/{name}")]);
        self.buildah(&["rm", "base"]);
    }

    fn build(&self) {
        let sysroot = run(Command::new("rustc").args(["--print", "sysroot"]));
        let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cargo");
        let cargo = std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from);
        let registry = cargo.join("registry");
        let mount = |from: &str, to: &str| format!("--volume={from}:{to}:ro");
        self.buildah(&[
            "build",
            "--format=docker",
            "--isolation=chroot",
            "--pull=never",
            "--layers",
            "--build-arg=PROFILE=dev",
            "--build-arg=REVISION=0123abc",
            &mount(sysroot.trim(), "/usr/local/cargo"),
            &mount(&registry.display().to_string(), "/cargo/registry"),
            "--tag",
            IMAGE,
            &root().display().to_string(),
        ]);
    }

    fn inspect(&self, what: &str) -> Value {
        let said = run(&mut self.podman(&["inspect", what]));
        serde_json::from_str::<Value>(&said).expect("JSON")[0].take()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.podman(&["rm", "--all", "--force", "--time=0"]).output();
        let _ = Command::new("buildah").args(self.storage()).args(["rm", "--all"]).output();
        let _ = Command::new("umount").arg(self.folder.path().join("root/overlay")).output();
    }
}

/// The options of the compose file's service, as podman has them. A key that is not known here is a
/// panic: nothing is left out in silence.
fn options(service: &str) -> (Vec<String>, Vec<String>) {
    let folder = root().join("deploy/compose");
    let file = fs::read_to_string(folder.join("compose.yaml")).expect("a compose file");
    let file: Value = serde_saphyr::from_str(&file).expect("YAML");
    let words = |value: &Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let (mut options, mut command) = (vec![], vec![]);
    for (key, value) in file["services"][service].as_object().expect("a service") {
        match (key.as_str(), value) {
            ("image" | "build" | "profiles" | "restart", _) => {}
            ("network_mode", Value::String(mode)) => options.push(format!("--network={mode}")),
            ("pid", Value::String(mode)) => options.push(format!("--pid={mode}")),
            ("user", Value::String(user)) => options.push(format!("--user={user}")),
            ("read_only", Value::Bool(true)) => options.push("--read-only".into()),
            ("cap_drop", list) => {
                options.extend(words(list).iter().map(|w| format!("--cap-drop={w}")));
            }
            ("cap_add", list) => {
                options.extend(words(list).iter().map(|w| format!("--cap-add={w}")));
            }
            ("security_opt", list) => {
                options.extend(
                    words(list)
                        .iter()
                        .map(|w| format!("--security-opt={}", w.replace(":true", ""))),
                );
            }
            ("volumes", list) => options.extend(words(list).iter().map(|volume| {
                let (from, to) = volume.split_once(':').expect("a mount");
                let from = folder.join(from).canonicalize().expect("what is mounted is there");
                format!("--volume={}:{to}", from.display())
            })),
            ("command", list) => command = words(list),
            (key, value) => panic!("{service}: {key}: {value}: how does podman say this?"),
        }
    }
    (options, command)
}

fn base_name() -> String {
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).expect("a Dockerfile");
    let base = dockerfile.lines().find_map(|line| line.strip_prefix("FROM ")).expect("a base");
    base.split_whitespace().next().expect("a name").to_owned()
}

#[test]
#[ignore = "root: make test"]
fn it_is_built_and_started_as_the_compose_file_says_and_scraped() {
    let engine = Engine::new();
    engine.make_base(&base_name());
    engine.build();
    the_image_says_what_it_is(&engine);
    the_engines_sandbox_is_named(&engine);
    the_lan_is_captured(&engine);
    the_demo_needs_nothing(&engine);
    without_capabilities_it_says_so(&engine);
    without_the_hosts_network_it_says_so(&engine);
    nobody_is_healthy_where_nobody_runs(&engine);
}

fn the_image_says_what_it_is(engine: &Engine) {
    let image = engine.inspect(IMAGE);
    let labels = &image["Labels"];
    let label = |name: &str| labels[format!("org.opencontainers.image.{name}")].as_str();
    assert_eq!(label("version"), Some(env!("CARGO_PKG_VERSION")), "{labels}");
    assert_eq!(label("licenses"), Some(env!("CARGO_PKG_LICENSE")));
    assert_eq!(label("description"), Some(env!("CARGO_PKG_DESCRIPTION")));
    assert_eq!(label("revision"), Some("0123abc"));
    assert_eq!(label("title"), Some("multicast_exporter"));
    let health = &image["Healthcheck"]["Test"];
    assert_eq!(*health, serde_json::json!(["CMD", "/multicast_exporter", "health"]), "{image}");
    let msrv = format!("rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(base_name().starts_with(&msrv), "the Rust that the manifest asks for");
}

/// The engine's seccomp profile, as newer engines have it: a process with the capabilities may make
/// the calls. Debian 12's podman has them for `CAP_SYS_ADMIN` alone.
fn profile(engine: &Engine) -> String {
    let text = fs::read_to_string("/usr/share/containers/seccomp.json").expect("podman's profile");
    let mut profile: Value = serde_json::from_str(&text).expect("JSON");
    for (name, capability) in [("bpf", "CAP_BPF"), ("perf_event_open", "CAP_PERFMON")] {
        let includes = serde_json::json!({"caps": [capability]});
        let rule = serde_json::json!({"names": [name], "action": "SCMP_ACT_ALLOW", "args": [], "includes": includes});
        let rules = profile["syscalls"].as_array_mut().expect("rules");
        // What refuses them for the lack of CAP_SYS_ADMIN.
        for other in rules.iter_mut() {
            let names = other["names"].as_array_mut().expect("names");
            names.retain(|other| other != name);
        }
        rules.retain(|rule| !rule["names"].as_array().expect("names").is_empty());
        rules.push(rule);
    }
    let path = engine.folder.path().join("seccomp.json");
    fs::write(&path, profile.to_string()).expect("room");
    format!("--security-opt=seccomp={}", path.display())
}

fn the_engines_sandbox_is_named(engine: &Engine) {
    engine.namespace.veth("a0", "b0");
    let (options, command) = options("exporter");
    let mut podman = engine.container(&["--name=sandbox"]);
    podman.args(options).arg(IMAGE).args(command).arg("--capture.interface=b0");
    let exporter = Exporter::spawn(&engine.namespace, podman);
    exporter.wait_up("b0", true);
    let log = exporter.process.log();
    assert!(log.contains("the kernel refuses bpf(2): a sandbox (seccomp)"), "{log}");
    assert!(log.contains("capturing interface=b0 backend=ring"), "{log}");
    run(&mut engine.podman(&["stop", "--time=5", "sandbox"]));
}

fn the_lan_is_captured(engine: &Engine) {
    let (options, command) = options("exporter");
    let mut podman = engine.container(&["--name=lan", &profile(engine)]);
    podman.args(options).arg(IMAGE).args(command).arg("--capture.interface=b0");
    let exporter = Exporter::spawn(&engine.namespace, podman);
    let body = exporter.wait_up("b0", true);
    let is_ring = |((name, labels), _): (&(String, std::collections::BTreeMap<_, _>), _)| {
        name == "multicast_capture_info"
            && labels.get("backend").is_some_and(|b: &String| b == "ring")
    };
    assert!(body.samples.iter().any(is_ring), "{}", exporter.process.log());
    let ebpf = [("backend", "ebpf"), ("reason", "none")];
    let log = || exporter.process.log();
    assert_eq!(body.value("multicast_exporter_syscalls_info", &ebpf), Some(1.0), "{}", log());
    assert_eq!(body.value("multicast_exporter_config_last_reload_successful", &[]), Some(1.0));
    exporter.scrape_until("processes of the host are seen", |body| {
        let of_podman = [("process", "podman")];
        body.value("multicast_host_process_syscalls_total", &of_podman).is_some()
    });
    let id = engine.inspect("lan")["State"]["Pid"].as_u64().expect("a process");
    let id = u32::try_from(id).expect("a process id");
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        for (thread, value) in of_threads(id, set) {
            assert_eq!(value, "0000000000000000", "{set} of the thread {thread}");
        }
    }
    run(&mut engine.podman(&["healthcheck", "run", "lan"]));
    run(&mut engine.podman(&["stop", "--time=5", "lan"]));
    assert_eq!(engine.inspect("lan")["State"]["ExitCode"], 0);
}

fn the_demo_needs_nothing(engine: &Engine) {
    let (options, command) = options("demo");
    let mut podman = engine.container(&["--name=demo"]);
    podman.args(options).arg(IMAGE).args(command);
    let exporter = Exporter::spawn(&engine.namespace, podman);
    let body = exporter.scrape();
    assert_eq!(body.value("multicast_capture_up", &[("capture", "demo")]), Some(1.0));
    run(&mut engine.podman(&["stop", "--time=5", "demo"]));
}

fn without_capabilities_it_says_so(engine: &Engine) {
    let (options, command) = options("exporter");
    let without = options.into_iter().filter(|option| !option.starts_with("--cap-add"));
    let mut podman = engine.container(&["--name=without"]);
    podman.args(without).arg(IMAGE).args(command).arg("--capture.interface=b0");
    let exporter = Exporter::spawn(&engine.namespace, podman);
    for missing in ["CAP_NET_RAW is missing", "CAP_BPF is missing"] {
        wait_for(missing, || exporter.process.log().contains(missing));
    }
    run(&mut engine.podman(&["stop", "--time=5", "without"]));
}

fn without_the_hosts_network_it_says_so(engine: &Engine) {
    // As an engine makes them: an interface in the container whose other end is on the host.
    let container = NetNs::new();
    engine.namespace.ip(&["link", "add", "veth9", "type", "veth", "peer", "name", "eth0"]);
    engine.namespace.ip(&["link", "set", "eth0", "netns", container.name()]);
    engine.namespace.ip(&["link", "set", "veth9", "up"]);
    container.ip(&["link", "set", "eth0", "up"]);
    container.ip(&["address", "add", "192.0.2.2/24", "dev", "eth0"]);
    let (options, _) = options("exporter");
    let others = options.iter().filter(|option| !option.starts_with("--network"));
    let mut podman = engine.container(&["--rm"]);
    podman.arg(format!("--network=ns:/run/netns/{}", container.name())).args(others.clone());
    let output =
        podman.arg(IMAGE).args(["check", "--check.listen=0s"]).output().expect("it starts");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("--network=host"), "{said}");
    let mut podman = engine.container(&["--name=apart"]);
    podman.arg(format!("--network=ns:/run/netns/{}", container.name())).args(others).arg(IMAGE);
    let exporter = Exporter::spawn(&container, podman);
    wait_for("it says that the LAN is not heard", || {
        exporter.process.log().contains("the LAN is most likely not heard")
    });
    run(&mut engine.podman(&["stop", "--time=5", "apart"]));
}

fn nobody_is_healthy_where_nobody_runs(engine: &Engine) {
    let mut process =
        Process::start(engine.container(&["--rm", "--network=host", IMAGE, "health"]));
    assert_eq!(process.wait().code(), Some(1), "{}", process.log());
    assert!(process.log().contains("no exporter answers"), "{}", process.log());
}
