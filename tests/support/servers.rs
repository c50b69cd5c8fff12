//! Other people's servers and tools in the two versions that are tested: Debian 12's, which
//! `scripts/install-test-deps` installs, and the newer ones that `scripts/install-test-servers`
//! fetches. A test that finds one missing fails.

use super::tools_dir;
use std::path::PathBuf;

/// Which Prometheus and Alertmanager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Prometheus 2.42 and Alertmanager 0.25.
    Debian12,
    /// Prometheus 3 and Alertmanager 0.33.
    Newer,
}

impl Release {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Debian12, Self::Newer];

    /// A program of this release.
    pub fn program(self, name: &str) -> PathBuf {
        match self {
            Self::Debian12 => name.into(),
            Self::Newer => newer(name),
        }
    }
}

/// A program of `scripts/install-test-servers`.
pub fn newer(program: &str) -> PathBuf {
    let path = tools_dir().join("servers/bin").join(program);
    assert!(path.exists(), "{} is missing: scripts/install-test-servers", path.display());
    path
}

/// Prometheus' tool, of 2.42 and of 3.
pub fn promtools() -> [PathBuf; 2] {
    Release::ALL.map(|release| release.program("promtool"))
}

/// Alertmanager's tool, of 0.25 and newer.
pub fn amtools() -> [PathBuf; 2] {
    Release::ALL.map(|release| release.program("amtool"))
}
