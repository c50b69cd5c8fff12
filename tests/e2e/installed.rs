//! The program as an ordinary user starts it.

use super::netns::NetNs;
use super::{BINARY, command_in, require};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// A copy of the program where an ordinary user can start it.
pub struct Installed {
    directory: tempfile::TempDir,
}

impl Installed {
    /// A copy in a folder that everybody may read.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), open).expect("it is ours");
        // By another process: one that another test forks while this one writes would hold the file
        // open, and the kernel runs no program that somebody may still write ("text file busy").
        let copied = Command::new("cp")
            .arg(BINARY)
            .arg(directory.path().join("multicast_exporter"))
            .status();
        assert!(copied.expect("cp is there").success(), "room for a copy");
        Self { directory }
    }

    /// The folder, which ends with this.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it as an ordinary user who has these capabilities and no others, as an ambient set
    /// gives them: `+net_raw,+bpf`, or nothing.
    pub fn command(&self, namespace: &NetNs, capabilities: &str) -> Command {
        require(&["setpriv"]);
        let mut command = command_in(namespace, "setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        let sets = ["-all", capabilities].map(str::to_owned).into_iter().filter(|s| !s.is_empty());
        let sets = sets.collect::<Vec<_>>().join(",");
        for set in ["--bounding-set", "--inh-caps", "--ambient-caps"] {
            command.arg(set).arg(&sets);
        }
        command.arg(self.directory.path().join("multicast_exporter"));
        command
    }
}
