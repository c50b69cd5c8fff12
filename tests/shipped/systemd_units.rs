//! The units of `deploy/systemd`: systemd's own tools accept them, they ask for the privileges
//! listed here and no more, and what they name is there.

use crate::support::process::BINARY;
use clap::CommandFactory as _;
use multicast_exporter::commands::flags::Cli;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NAME: &str = "prometheus-multicast-exporter";
/// Packet sockets, and the programs in the kernel.
const CAPABILITIES: &str = "CAP_NET_RAW CAP_BPF CAP_PERFMON";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(kind: &str) -> String {
    let path = root().join("deploy/systemd").join(format!("{NAME}.{kind}"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of a directive, in order.
fn values<'a>(unit: &'a str, directive: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(name, _)| *name == directive).map(|(_, value)| value).collect()
}

/// Where the package puts a file of the repository, and which.
fn assets() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let assets = metadata["packages"][0]["metadata"]["deb"]["assets"].as_array();
    let assets = assets.expect("assets").iter().map(|asset| {
        let word = |n: usize| asset[n].as_str().expect("a path").to_owned();
        let (from, to) = (word(0), word(1));
        let name = Path::new(&from).file_name().expect("a name").to_string_lossy().into_owned();
        let to = if to.ends_with('/') { format!("/{to}{name}") } else { format!("/{to}") };
        (from, to)
    });
    assets.collect()
}

/// The flags in a text, with their values.
fn flags(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| c.is_whitespace() || "()\",".contains(c));
    words.filter(|word| word.starts_with("--")).map(|word| word.trim_end_matches('.')).collect()
}

#[test]
fn the_service_asks_for_what_the_design_names() {
    let unit = read("service");
    for directive in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        assert_eq!(values(&unit, directive), [CAPABILITIES], "{directive}");
    }
    for (directive, value) in [
        ("Type", "notify"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK AF_PACKET"),
        ("LimitMEMLOCK", "infinity"),
        ("RestartPreventExitStatus", "2"),
    ] {
        assert_eq!(values(&unit, directive), [value], "{directive}");
    }
    // A later refusal would take away what an earlier line allows.
    let filters = ["@system-service", "~@privileged @resources", "bpf perf_event_open capset"];
    assert_eq!(values(&unit, "SystemCallFilter"), filters);
    for breaks_it in ["PrivateNetwork", "PrivateUsers", "ProtectProc", "User", "IPAddressDeny"] {
        assert!(values(&unit, breaks_it).is_empty(), "{breaks_it}");
    }
}

#[test]
fn what_the_units_name_is_in_the_package() {
    let (service, socket, defaults) = (read("service"), read("socket"), read("default"));
    let assets = assets();
    let installs = |path: &str| assets.iter().any(|(_, to)| to == path);
    for (from, _) in assets.iter().filter(|(from, _)| !from.starts_with("target/")) {
        assert!(root().join(from).is_file(), "{from}");
    }
    let program = values(&service, "ExecStart")[0].split_whitespace().next().expect("a program");
    let environment = values(&service, "EnvironmentFile")[0].trim_start_matches('-');
    for path in [program, environment] {
        assert!(installs(path), "{path} is not in the package: {assets:?}");
    }
    for unit in ["service", "socket"] {
        assert!(installs(&format!("/usr/lib/systemd/system/{NAME}.{unit}")), "{unit}");
    }
    let state = format!("/var/lib/{}", values(&service, "StateDirectory")[0]);
    let cli = Cli::command();
    let named: Vec<&str> =
        [&service, &socket, &defaults].into_iter().flat_map(|t| flags(t)).collect();
    assert!(named.len() >= 6, "{named:?}");
    for flag in named {
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        let known = |arg: &clap::Arg| arg.get_long() == name.strip_prefix("--");
        assert!(
            ["--help", "--now"].contains(&name) || cli.get_arguments().any(known),
            "{flag} is no flag"
        );
        if value.starts_with('/') {
            assert!(value == state || installs(value), "{flag} names what is not there");
        }
    }
}

#[test]
fn the_socket_is_on_the_exporters_port() {
    let cli = Cli::command();
    let mut arguments = cli.get_arguments();
    let listen =
        arguments.find(|arg| arg.get_long() == Some("web.listen-address")).expect("a flag");
    let default = listen.get_default_values()[0].to_string_lossy();
    let port = default.strip_prefix(':').expect("every address");
    assert_eq!(values(&read("socket"), "ListenStream"), [port]);
    assert!(read("default").contains(":10353"), "the example");
}

fn systemd_analyze(arguments: &[&str], files: &[PathBuf]) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).args(files).output();
    output.expect("systemd-analyze is not installed: make test installs it")
}

#[test]
#[ignore = "tools: make test"]
fn systemd_accepts_the_units() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let copies = ["service", "socket"].map(|kind| {
        let copy = folder.path().join(format!("{NAME}.{kind}"));
        // What is not installed here.
        let unit = read(kind).replace("/usr/bin/multicast_exporter", BINARY);
        fs::write(&copy, unit).expect("room");
        copy
    });
    let output = systemd_analyze(&["verify", "--man=no"], &copies);
    let said = String::from_utf8_lossy(&output.stderr);
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains(NAME)).collect();
    assert!(output.status.success() && about_ours.is_empty(), "{said}");
}

#[test]
#[ignore = "tools: make test"]
fn the_exposure_is_2_5_or_less() {
    let unit = root().join(format!("deploy/systemd/{NAME}.service"));
    // In tenths.
    let output = systemd_analyze(
        &["security", "--offline=true", "--threshold=25"],
        std::slice::from_ref(&unit),
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Overall exposure level"), "{said}");
    let stricter = systemd_analyze(&["security", "--offline=true", "--threshold=1"], &[unit]);
    assert!(!stricter.status.success(), "the tool does not judge");
}
