//! The bodies as other people's programs read them: promtool and the Python client library. They
//! fail where these are missing; `make test` installs them.

use crate::metrics_fixture::{FakeLan, body, full_lan, lan};
use multicast_exporter::lan::LanView;
use multicast_exporter::metrics::Dialect;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn views() -> [LanView; 2] {
    [lan(), full_lan(20)]
}

#[test]
#[ignore = "tools: make test"]
fn promtool_has_no_complaint() {
    for view in views() {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics", "--extended"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool is installed (Debian: prometheus)");
        let mut input = promtool.stdin.take().unwrap();
        input.write_all(body(FakeLan::new(view), Dialect::Text).as_bytes()).unwrap();
        drop(input);
        let output = promtool.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        let table = String::from_utf8_lossy(&output.stdout);
        assert!(table.contains("multicast_device_info"), "it read the body: {table}");
    }
}

#[test]
#[ignore = "tools: make test"]
fn the_python_client_finds_the_same_samples_in_both_dialects() {
    let dir = tempfile::tempdir().unwrap();
    for view in views() {
        let write = |name: &str, dialect| {
            let path = dir.path().join(name);
            fs::write(&path, body(FakeLan::new(view.clone()), dialect)).unwrap();
            path
        };
        let (text, openmetrics) =
            (write("text", Dialect::Text), write("openmetrics", Dialect::OpenMetrics));
        // Debian's: the one that its package python3-prometheus-client belongs to.
        let output = Command::new("/usr/bin/python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/core/metrics/openmetrics.py"))
            .args([&text, &openmetrics])
            .output()
            .expect("python3 is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let count: usize = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        let samples =
            crate::support::exposition::parse(&fs::read_to_string(&text).unwrap()).samples;
        assert_eq!(count, samples.len());
    }
}
