//! The Debian package, as `make deb` makes it but with the program that the tests run: lintian
//! finds no error, and it is installed, run, upgraded, removed and purged in a Debian 12.

mod e2e;

use e2e::debian::{Debian, NAME, package, root, run};
use e2e::{Exporter, require};
use std::fs;
use std::process::Command;

const CONFIGURATION: &str = "etc/prometheus-multicast-exporter/multicast_exporter.yml";
const WANTS: &str =
    "etc/systemd/system/multi-user.target.wants/prometheus-multicast-exporter.service";

#[test]
#[ignore = "root: make test"]
fn lintian_finds_no_error() {
    require(&["lintian"]);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let package = package(folder.path());
    let said =
        run(Command::new("lintian").args(["--allow-root", "--fail-on", "error"]).arg(&package));
    assert!(!said.contains("E: "), "{said}");
}

#[test]
#[ignore = "root: make test"]
fn it_is_installed_run_removed_and_purged() {
    require(&["setpriv", "chroot"]);
    let (folder, debian) =
        (tempfile::tempdir().expect("a temporary directory"), Debian::for_chroot());
    fs::copy(package(folder.path()), debian.path("tmp/package.deb")).expect("room");
    assert_eq!(debian.traces(), "", "there is none yet");

    debian.run("dpkg", &["--install", "/tmp/package.deb"]);
    assert_eq!(
        debian.run("dpkg", &["--verify", NAME]),
        "",
        "what was installed is what was packed"
    );
    let version = debian.run("/usr/bin/multicast_exporter", &["--version"]);
    assert_eq!(version.trim(), concat!("multicast_exporter ", env!("CARGO_PKG_VERSION")));
    for file in [
        CONFIGURATION,
        "etc/default/prometheus-multicast-exporter",
        "usr/lib/systemd/system/prometheus-multicast-exporter.service",
        "usr/lib/systemd/system/prometheus-multicast-exporter.socket",
        "usr/share/man/man1/multicast_exporter.1.gz",
        "usr/share/man/man1/multicast_exporter-check.1.gz",
        "usr/share/bash-completion/completions/multicast_exporter",
        "usr/share/zsh/vendor-completions/_multicast_exporter",
        "usr/share/fish/vendor_completions.d/multicast_exporter.fish",
        "usr/share/doc/prometheus-multicast-exporter/copyright",
        "usr/share/doc/prometheus-multicast-exporter/changelog.Debian.gz",
    ] {
        assert!(debian.path(file).is_file(), "{file}");
    }
    assert!(debian.path(WANTS).is_symlink(), "the service is enabled");
    let socket = WANTS.replace("multi-user", "sockets").replace(".service", ".socket");
    assert!(!debian.path(&socket).is_symlink(), "the socket is not");
    debian.run("bash", &["-n", "/usr/share/bash-completion/completions/multicast_exporter"]);

    // As the unit starts it, as far as that goes without systemd.
    debian.namespace.veth("a0", "b0");
    let start = "set -e; . /etc/default/prometheus-multicast-exporter; caps=-all,+net_raw,+bpf,+perfmon; \
        exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set $caps \
        --inh-caps $caps --ambient-caps $caps /usr/bin/multicast_exporter $ARGS \
        --capture.interface=b0 --config.file=/etc/prometheus-multicast-exporter/multicast_exporter.yml";
    let exporter = Exporter::spawn(&debian.namespace, debian.command("sh", &["-c", start]));
    let body = exporter.wait_up("b0", true);
    let reloaded = body.value("multicast_exporter_config_last_reload_successful", &[]);
    assert_eq!(reloaded, Some(1.0), "the shipped configuration can be used");
    drop(exporter);

    // What the administrator changed stays.
    let changed = fs::read_to_string(debian.path(CONFIGURATION)).expect("there") + "# ours\n";
    fs::write(debian.path(CONFIGURATION), &changed).expect("room");
    debian.run("dpkg", &["--install", "/tmp/package.deb"]);
    assert_eq!(fs::read_to_string(debian.path(CONFIGURATION)).expect("there"), changed);

    debian.run("dpkg", &["--remove", NAME]);
    assert!(!debian.path("usr/bin/multicast_exporter").exists());
    assert_eq!(fs::read_to_string(debian.path(CONFIGURATION)).expect("it stays"), changed);
    let kept = debian.path("var/lib/private").join(NAME);
    fs::create_dir_all(&kept).expect("room");
    debian.run("dpkg", &["--purge", NAME]);
    assert_eq!(debian.traces(), "", "nothing is left");
}

#[test]
fn the_packages_changelog_begins_with_this_version() {
    let changelog = fs::read_to_string(root().join("deploy/debian/changelog")).expect("there");
    let begin = format!("{NAME} ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&begin), "{changelog}");
}
