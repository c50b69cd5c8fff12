//! Other people's servers and tools in the two versions that are tested: Debian 12's, which
//! `scripts/install-test-deps` installs, and the newer ones that `scripts/install-test-servers`
//! fetches. A test that finds one missing fails.

use super::tools_dir;
use std::path::PathBuf;

/// A program of `scripts/install-test-servers`.
pub fn newer(program: &str) -> PathBuf {
    let path = tools_dir().join("servers/bin").join(program);
    assert!(path.exists(), "{} is missing: scripts/install-test-servers", path.display());
    path
}

/// Prometheus' tool, of 2.42 and of 3.
pub fn promtools() -> [PathBuf; 2] {
    ["promtool".into(), newer("promtool")]
}

/// Alertmanager's tool, of 0.25 and newer.
pub fn amtools() -> [PathBuf; 2] {
    ["amtool".into(), newer("amtool")]
}
