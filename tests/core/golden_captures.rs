//! Captures of our own making through the whole program: the `/metrics` and `analyze` output that
//! they give is in `tests/golden/captures`. Of the reasons for decode errors, causes of storms and
//! rules only those that occurred are kept there.

mod made;
use crate::engine_wire::{KEY, config};
use crate::metrics_fixture::FakeLan;
use crate::support::exposition::parse;
use crate::support::golden::compare_with_golden;
use multicast_exporter::capture::file::{FileCapture, from_reader};
use multicast_exporter::capture::{Backend, Capture as _, CaptureError};
use multicast_exporter::commands::ExitStatus;
use multicast_exporter::commands::analyze::{Options, analyze};
use multicast_exporter::engine::Converted;
use multicast_exporter::lan::{CaptureView, Deadline, LanView};
use multicast_exporter::metrics::{Dialect, Encoding, Scraper, Selection, Writer};
use multicast_exporter::pipeline::{Pipeline, Settings, usual_policy};
use multicast_exporter::segment::{DEFAULT_SYNTHETIC_MAX, Labels, Sharing};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Makes a capture file.
type Make = fn() -> Vec<u8>;

const CAPTURES: [(&str, Make); 3] =
    [("home", made::home), ("trunk", made::trunk), ("nasty", made::nasty)];

fn read(name: &str, file: Vec<u8>) -> Pipeline {
    let mut capture: FileCapture =
        from_reader(name, Box::new(Cursor::new(file))).expect("a capture");
    let mut pipeline = Pipeline::file(Settings {
        engine: config(Converted::Files),
        key: KEY,
        labels: Labels::new(Sharing::Same, DEFAULT_SYNTHETIC_MAX),
        lans: std::sync::Arc::default(),
        policy: usual_policy(),
        evidence: None,
    });
    loop {
        match capture.next_batch(Duration::ZERO) {
            Ok(batch) => assert_eq!(pipeline.handle_file(&batch), 0, "the clock steps"),
            Err(CaptureError::End) => return pipeline,
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

/// What a scrape of all but the exporter itself says.
fn body(name: &str, file: Vec<u8>, dialect: Dialect) -> String {
    let capture = CaptureView {
        name: format!("{name}.pcap"),
        abilities: Some(Backend::File.abilities()),
        up: true,
        trouble: None,
        is_done: false,
        dropped: None,
        ring_bytes: None,
        segments: Ok(read(name, file).views()),
    };
    let lan = FakeLan::new(LanView { captures: vec![capture], ..LanView::default() });
    let wanted =
        ["captures", "segments", "storms", "devices", "mdns"].map(|name| ("collect[]", name));
    let wanted = Selection::parse(wanted).expect("collectors");
    let mut writer = Writer::new(dialect, Encoding::Identity, Vec::new());
    Scraper::new(lan).scrape(wanted, Deadline::after(Duration::from_secs(5)), &mut writer);
    String::from_utf8(writer.finish().expect("written to memory")).expect("UTF-8")
}

/// Without the reasons that were not met, and without what the exporter says of itself.
fn reviewable(body: &str) -> String {
    let is_kept = |line: &&str| {
        // Of what has a series for each of many things that may happen, what happened.
        let listed = ["_decode_errors", "_interface_storms_total", "_interface_violations"];
        let unmet = listed.iter().any(|name| line.contains(name)) && line.ends_with(" 0");
        !unmet && !line.contains("multicast_scrape_collector")
    };
    body.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn metrics_are_the_golden_ones() {
    for (name, make) in CAPTURES {
        let text = body(name, make(), Dialect::Text);
        compare_with_golden(&format!("captures/{name}.prom"), &reviewable(&text));
        let openmetrics = body(name, make(), Dialect::OpenMetrics);
        compare_with_golden(&format!("captures/{name}.om"), &reviewable(&openmetrics));
        let samples = |body: &str| parse(&reviewable(body)).samples;
        assert_eq!(samples(&text), samples(&openmetrics), "{name}");
        let collectors = parse(&text);
        for collector in ["captures", "segments", "storms", "devices", "mdns"] {
            let of = [("collector", collector)];
            let success = collectors.value("multicast_scrape_collector_success", &of);
            assert_eq!(success, Some(1.0), "{name}: {collector}");
        }
    }
}

#[test]
fn reports_are_the_golden_ones() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, make) in CAPTURES {
        let path = directory.path().join(name);
        fs::write(&path, make()).expect("a file of ours");
        let mut analysis = analyze(&[path], &Options::default());
        assert_eq!(analysis.status(), ExitStatus::Success, "{name}: {:?}", analysis.problems);
        analysis.report.files = vec![format!("{name}.pcap")];
        let json = serde_json::to_string_pretty(&analysis.report).expect("JSON") + "\n";
        compare_with_golden(&format!("captures/{name}.json"), &json);
    }
}

/// The engine counts, it does not lose: every frame of a capture is somewhere.
#[test]
fn every_frame_is_accounted_for() {
    for (name, make) in CAPTURES {
        let mut pipeline = read(name, make());
        for view in pipeline.views() {
            let snapshot = view.snapshot;
            let devices = snapshot.devices.iter().map(|row| &row.counters);
            let rows: u64 =
                devices.chain(&snapshot.other).flat_map(|counters| counters.packets).sum();
            assert_eq!(rows, snapshot.packets.iter().sum::<u64>(), "{name}, {}", view.label);
        }
    }
}

#[test]
#[ignore = "tools: make test"]
fn promtool_has_no_complaint_about_the_golden_bodies() {
    for (name, _) in CAPTURES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/golden/captures/{name}.prom"));
        let output = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(fs::File::open(&path).expect("a golden file"))
            .stdout(Stdio::piped())
            .output()
            .expect("promtool is installed (Debian: prometheus)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    }
}
