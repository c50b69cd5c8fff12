//! The Debian package, as `make deb` makes it but with the program that the tests run: lintian
//! finds no error, and it is installed, run, upgraded, removed and purged in a Debian 12.

mod e2e;

use e2e::netns::NetNs;
use e2e::{BINARY, Exporter, command_in, require};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

const NAME: &str = "prometheus-multicast-exporter";
const CONFIGURATION: &str = "etc/prometheus-multicast-exporter/multicast_exporter.yml";
const WANTS: &str =
    "etc/systemd/system/multi-user.target.wants/prometheus-multicast-exporter.service";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What `make test` has fetched.
fn tools() -> PathBuf {
    let tools = std::env::var_os("MULTICAST_EXPORTER_TOOLS").map(PathBuf::from);
    let cache = || {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache");
        cache.unwrap_or_else(home).join("multicast_exporter")
    };
    tools.unwrap_or_else(cache)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Makes the package and says where it is. One at a time: the pages have one folder.
fn package(folder: &Path) -> PathBuf {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let cargo = env!("CARGO");
    let pages = ["run", "--quiet", "--locked", "--offline", "--example", "make_pages", "--"];
    run(Command::new(cargo).current_dir(root()).args(pages).arg("target/pages"));
    // cargo-deb takes what was built for release from the target folder.
    let target = folder.join("target");
    fs::create_dir_all(target.join("release")).expect("room");
    fs::copy(BINARY, target.join("release/multicast_exporter")).expect("room");
    let makefile = fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    let version = makefile.lines().find_map(|line| line.strip_prefix("DEB_VERSION = "));
    let version = version.expect("the version of cargo-deb");
    let tool = tools().join(format!("cargo-deb-{version}/bin/cargo-deb"));
    assert!(tool.is_file(), "{} is not there: make test builds it", tool.display());
    let mut command = Command::new(tool);
    command.current_dir(root()).args(["--locked", "--offline", "--no-build", "--output"]);
    run(command.arg(folder).env("CARGO_TARGET_DIR", &target));
    let entries = fs::read_dir(folder).expect("readable").filter_map(Result::ok);
    let mut packages =
        entries.map(|entry| entry.path()).filter(|p| p.extension() == Some("deb".as_ref()));
    packages.next().expect("a package")
}

/// A Debian 12 of its own: a layer over the one that was fetched.
struct Debian {
    folder: tempfile::TempDir,
    namespace: NetNs,
}

impl Debian {
    fn new() -> Self {
        let tree = tools().join("debian/tree");
        assert!(tree.join("usr/bin/dpkg").is_file(), "no {}: make test makes it", tree.display());
        let folder = tempfile::tempdir().expect("a temporary directory");
        let debian = Self { folder, namespace: NetNs::new() };
        for name in ["upper", "work", "root"] {
            fs::create_dir(debian.folder.path().join(name)).expect("room");
        }
        let at = |name: &str| debian.folder.path().join(name).display().to_string();
        let (upper, work) = (at("upper"), at("work"));
        let options = format!("lowerdir={},upperdir={upper},workdir={work}", tree.display());
        run(Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(at("root")));
        for name in ["proc", "dev"] {
            let target = debian.path(name);
            run(Command::new("mount")
                .args(["--rbind", "--make-rslave"])
                .arg(format!("/{name}"))
                .arg(target));
        }
        debian
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    /// A command inside.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = command_in(&self.namespace, "chroot");
        command.arg(self.path("")).arg(program).args(arguments);
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        run(&mut self.command(program, arguments))
    }

    /// What has the exporter's name in the file system.
    fn traces(&self) -> String {
        let names = ["-xdev", "-iname", "*multicast*exporter*", "-not", "-path", "/tmp/*"];
        self.run("find", &[&["/"], names.as_slice()].concat())
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        for name in ["dev", "proc", ""] {
            let _ = Command::new("umount")
                .args(["--recursive", "--lazy"])
                .arg(self.path(name))
                .status();
        }
    }
}

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
    let (folder, debian) = (tempfile::tempdir().expect("a temporary directory"), Debian::new());
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
