//! A Debian 12 to install the package in, and the package: as `make deb` makes it, but with the
//! program that the tests run.

use super::netns::NetNs;
use super::support::tools_dir;
use super::{BINARY, command_in};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The package.
pub const NAME: &str = "prometheus-multicast-exporter";

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs it and hands out what it said; it has to succeed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Makes the package and says where it is. One at a time: the pages have one folder.
pub fn package(folder: &Path) -> PathBuf {
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
    let tool = tools_dir().join(format!("cargo-deb-{version}/bin/cargo-deb"));
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
pub struct Debian {
    folder: tempfile::TempDir,
    /// The network of what runs inside.
    pub namespace: NetNs,
}

impl Debian {
    /// A file system alone.
    pub fn new() -> Self {
        let tree = tools_dir().join("debian/tree");
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
        debian
    }

    /// One in which programs can be started by chroot.
    pub fn for_chroot() -> Self {
        let debian = Self::new();
        for name in ["proc", "dev"] {
            let target = debian.path(name);
            run(Command::new("mount")
                .args(["--rbind", "--make-rslave"])
                .arg(format!("/{name}"))
                .arg(target));
        }
        debian
    }

    /// A path inside, as it is named outside.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    /// A command inside.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = command_in(&self.namespace, "chroot");
        command.arg(self.path("")).arg(program).args(arguments);
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        run(&mut self.command(program, arguments))
    }

    /// What has the exporter's name in the file system.
    pub fn traces(&self) -> String {
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
                .output();
        }
    }
}
