//! Storms as a user meets them: the real program replays a capture in which a printer locks up,
//! with and without a configuration and evidence, asked over loopback.

use crate::scenarios;
use crate::support::process::program;
use crate::support::served::Served;
use multicast_exporter::capture::file;
use multicast_exporter::capture::{Capture as _, CaptureError};
use multicast_exporter::craft::Pcap;
use multicast_exporter::time::Stamp;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;

const PRINTER: &str = "00:1e:8f:ab:10:08";
const ALIAS: &str = "printer in the hall";

/// A folder with the capture `stuck_printer.pcap`.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary directory"));
        let scenario = scenarios::named("stuck_printer").expect("a scenario");
        folder.write("stuck_printer.pcap", &Pcap::default().write(&scenario.frames(1)));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).expect("a file of ours");
    }

    fn configure(&self, yaml: &str) {
        self.write("m.yml", yaml.as_bytes());
    }

    /// Replays the capture with more flags; `%` in these is the folder.
    fn replay(&self, flags: &[&str]) -> Served {
        let mut all = vec!["--capture.file=%/stuck_printer.pcap"];
        all.extend(flags);
        Served::start(&self.expand(&all))
    }

    /// As [`Self::replay`], to the end of the file.
    fn replay_all(&self, flags: &[&str]) -> Served {
        let program = self.replay(&[flags, &["--capture.speed=2000"]].concat());
        program.wait("the end of the replay", |p| p.process.log().contains("replayed to its end"));
        program
    }

    fn run(&self, flags: &[&str]) -> Output {
        program().args(self.expand(flags)).output().expect("it ends")
    }

    fn expand(&self, flags: &[&str]) -> Vec<String> {
        let folder = self.0.path().display().to_string();
        flags.iter().map(|flag| flag.replace('%', &folder)).collect()
    }
}

fn storms(program: &Served) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&program.body("/api/v1/storms")).expect("JSON of the API");
    assert_eq!(list["version"], 1);
    list["storms"].as_array().expect("a list").clone()
}

fn printer(program: &Served) -> Value {
    let path = format!("/api/v1/devices/{PRINTER}");
    serde_json::from_str(&program.body(&path)).expect("JSON of the API")
}

fn series(name: &str, more: &str) -> String {
    format!("{name}{{interface=\"capture\",device=\"{PRINTER}\"{more}}}")
}

#[test]
fn a_storm_is_in_the_metrics_in_the_api_and_on_the_page() {
    let folder = Folder::new();
    // Slow enough that five minutes of storm are seen while they last.
    let program = folder.replay(&["--capture.speed=100"]);
    let active = series("multicast_device_storm_active", ",level=\"storm\"");
    program.wait("the storm", |p| p.value(&active) == Some(1.0));
    let cause = series("multicast_device_storm_cause", ",cause=\"repeated_response\"");
    assert_eq!(program.value(&cause), Some(1.0), "{}", program.body("/metrics"));
    assert!(program.value(&series("multicast_device_storm_start_timestamp_seconds", "")).is_some());
    let list = storms(&program);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0]["device"], PRINTER);
    assert_eq!(list[0]["end"], Value::Null);
    let page = program.body("/");
    assert!(page.contains("repeated_response") && page.contains(PRINTER), "{page}");
    // What an alert has to find the page of the storm.
    let metrics = program.body("/metrics");
    let info = series("multicast_device_storm_info", "");
    let info = metrics.lines().find_map(|line| line.strip_prefix(info.trim_end_matches('}')));
    let id = info.and_then(|rest| rest.split("id=\"").nth(1)?.split('"').next());
    assert_eq!(id, list[0]["id"].as_str(), "{metrics}");
    let id = id.expect("an id");
    let link = format!("href=\"storms/{id}\"");
    assert!(page.contains(&link), "{page}");
    let told = program.body(&format!("/storms/{id}"));
    for said in ["is in a storm", "What it does", "Canon MF620C", PRINTER, "In progress"] {
        assert!(told.contains(said), "{said}: {told}");
    }

    program.wait("its end", |p| p.value(&active) == Some(0.0));
    program.wait("the end of the replay", |p| p.process.log().contains("replayed to its end"));
    assert_eq!(program.value(&cause), None);
    let ended = r#"multicast_interface_storms_total{interface="capture",level="storm",cause="repeated_response"}"#;
    assert_eq!(program.value(ended), Some(1.0));
    let total = series("multicast_device_storms_total", ",level=\"storm\"");
    assert_eq!(program.value(&total), Some(1.0));
    let list = storms(&program);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!((&list[0]["level"], &list[0]["end_reason"]), (&"storm".into(), &"quiet".into()));
    assert_eq!(list[0]["cause"], "repeated_response");
    assert_eq!(list[0]["protocol"], "mdns");
    let told = program.body(&format!("/storms/{id}"));
    for said in ["was in a storm", "repeated the same record", PRINTER, "Over: it grew quiet."] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let one: Value =
        serde_json::from_str(&program.body(&format!("/api/v1/storms/{id}"))).expect("JSON");
    assert_eq!(one, list[0]);
    let log = program.process.log();
    assert_eq!(log.matches("a storm began").count(), 1, "{log}");
    assert_eq!(log.matches("a storm has ended").count(), 1, "{log}");
}

/// Sender and time of each frame of a capture.
fn senders(path: &Path) -> Vec<([u8; 6], Stamp)> {
    let mut capture = file::open(path).expect("a capture that our reader knows");
    let mut found = Vec::new();
    loop {
        match capture.next_batch(Duration::ZERO) {
            Ok(batch) => found.extend(batch.iter().map(|frame| {
                (frame.bytes[6..12].try_into().expect("six octets"), frame.meta.stamp)
            })),
            Err(CaptureError::End) => return found,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_packets_around_the_begin_are_kept_and_given_to_whom_it_is_allowed() {
    let folder = Folder::new();
    let evidence = "--evidence.dir=%/evidence";
    let program = folder.replay_all(&[evidence, "--web.enable-capture-download"]);
    let written = "multicast_exporter_evidence_files_total{outcome=\"written\"}";
    program.wait("the file", |p| p.value(written) == Some(1.0));
    let files: Vec<PathBuf> =
        fs::read_dir(folder.path("evidence")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let mode = fs::metadata(&files[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let storm = storms(&program).remove(0);
    let id = storm["id"].as_str().expect("an id");
    assert_eq!(files[0].file_name().unwrap().to_str().unwrap(), format!("{id}.pcapng"));

    let kept = senders(&files[0]);
    assert_eq!(kept.len(), 64 + 192);
    assert!(kept.iter().all(|(mac, _)| *mac == [0, 0x1e, 0x8f, 0xab, 0x10, 0x08]));
    let start: jiff::Timestamp = storm["start"].as_str().expect("a time").parse().expect("a time");
    let start = start.as_nanosecond();
    let before = kept.iter().filter(|(_, stamp)| stamp.0 < start).count();
    assert_eq!(before, 64, "{storm}");

    let bytes = fs::read(&files[0]).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for said in [PRINTER, "repeated_response", "packets/s"] {
        assert!(text.contains(said), "{said}");
    }

    let path = format!("/api/v1/storms/{id}/capture");
    let page = program.body(&format!("/storms/{id}"));
    assert!(page.contains(&format!("href=\"..{path}\"")), "{page}");
    let kept = program.get(&path);
    assert!(kept.is_ok(), "{}", kept.head);
    assert_eq!(kept.body, bytes);
    for unknown in ["1-none-001e8fab1008-9", "..%2f..%2fetc%2fpasswd", "x"] {
        let head = program.get(&format!("/api/v1/storms/{unknown}/capture")).head;
        assert!(head.starts_with("HTTP/1.1 404"), "{unknown}: {head}");
    }

    let program = folder.replay_all(&[evidence]);
    for id in [id, "1-none-001e8fab1008-9"] {
        let refused = program.get(&format!("/api/v1/storms/{id}/capture"));
        assert!(refused.head.starts_with("HTTP/1.1 403"), "{}", refused.head);
        let body = refused.text();
        assert!(body.contains("--web.enable-capture-download"), "{body}");
    }
}

#[test]
fn names_are_those_of_the_configuration() {
    let folder = Folder::new();
    folder.configure(&format!("devices:\n- device: {PRINTER}\n  name: {ALIAS}\n"));
    let program = folder.replay_all(&["--config.file=%/m.yml", "--evidence.dir=%/evidence"]);
    let metrics = program.body("/metrics");
    let info = metrics
        .lines()
        .find(|line| line.starts_with("multicast_device_info{") && line.contains(PRINTER));
    assert!(info.is_some_and(|line| line.contains(&format!("name=\"{ALIAS}\""))), "{info:?}");
    assert_eq!(printer(&program)["name"], ALIAS);
    assert!(program.body("/").contains(ALIAS));
    assert!(program.process.log().contains(ALIAS), "{}", program.process.log());
    let reloaded = "multicast_exporter_config_last_reload_successful";
    assert_eq!(program.value(reloaded), Some(1.0));
}

#[test]
fn what_is_ignored_or_under_its_limit_is_no_storm() {
    let ignored = format!("devices:\n- device: {PRINTER}\n  ignore: all\n");
    let device =
        format!("devices:\n- device: {PRINTER}\n  limits: {{signalling: 250, chatty: off}}\n");
    let segment = "segments:\n- interface: capt.*\n  limits: {signalling: off, chatty: off}\n";
    let elsewhere = "segments:\n- interface: capt\n  limits: {signalling: off, chatty: off}\n";
    let closer = format!("{segment}devices:\n- device: {PRINTER}\n  limits: {{signalling: 150}}\n");
    let whole = "limits: {segment: 150}\n";
    let whole_ignored = format!("{whole}{ignored}");
    let protocol = "ignore: [mdns]\n";
    let none: &[&str] = &[];
    let one: &[&str] = &[PRINTER];
    let both: &[&str] = &[PRINTER, "segment"];
    for (yaml, expected) in [
        (&*ignored, none),
        (&*device, none),
        (segment, none),
        (elsewhere, one),
        (&*closer, one),
        (whole, both),
        (&*whole_ignored, none),
        (protocol, none),
    ] {
        let folder = Folder::new();
        folder.configure(yaml);
        let run = folder.run(&[
            "analyze",
            "--output=json",
            "--config.file=%/m.yml",
            "%/stuck_printer.pcap",
        ]);
        let report: Value = serde_json::from_slice(&run.stdout).expect("JSON");
        let found = report["storms"].as_array().expect("a list").iter();
        let mut found: Vec<&str> =
            found.map(|s| s["device"].as_str().unwrap_or("segment")).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "analyze with {yaml}");
        let program = folder.replay_all(&["--config.file=%/m.yml"]);
        let list = storms(&program);
        let mut found: Vec<&str> =
            list.iter().map(|s| s["device"].as_str().unwrap_or("segment")).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{yaml}");
    }
}

#[test]
fn a_file_that_is_read_again_holds_at_once_and_a_bad_one_changes_nothing() {
    let folder = Folder::new();
    folder.configure("# nothing yet\n");
    let program = folder.replay_all(&["--config.file=%/m.yml"]);
    assert_ne!(printer(&program)["name"], ALIAS);
    folder.configure(&format!("devices:\n- device: {PRINTER}\n  name: {ALIAS}\n"));
    program.process.signal(libc::SIGHUP);
    program.wait("the alias", |p| printer(p)["name"] == ALIAS);
    let successful = "multicast_exporter_config_last_reload_successful";
    assert_eq!(program.value(successful), Some(1.0));
    let when = "multicast_exporter_config_last_reload_success_timestamp_seconds";
    let before = program.value(when).expect("a time");

    folder.configure("devices:\n- device: nonsense\n  name: other\n");
    program.process.signal(libc::SIGHUP);
    program.wait("the failure", |p| p.value(successful) == Some(0.0));
    assert_eq!(printer(&program)["name"], ALIAS);
    assert_eq!(program.value(when), Some(before));
    let log = program.process.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("stays as it was")).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("m.yml: line 2: ") && told[0].contains("level=warn"), "{told:?}");

    folder.configure("devices: []\n");
    program.process.signal(libc::SIGHUP);
    program.wait("the success", |p| p.value(successful) == Some(1.0));
    assert_ne!(printer(&program)["name"], ALIAS);
}

#[test]
fn a_bad_file_is_told_in_one_line_by_all_who_read_it() {
    let folder = Folder::new();
    for (yaml, line) in [
        ("limits:\n  signaling: 5\n", "line 2"),
        ("limits:\n  signalling: many\n", "line 2"),
        ("devices:\n- device: 00:1e\n  name: x\n", "line 2"),
        ("devices: [\n", "line "),
        // Contradictions.
        ("limits:\n  signalling: 10\n  chatty: 20\n", "line 3"),
        (
            "devices:\n- device: 00:1e:8f:ab:10:08\n  ignore: all\n  limits: {signalling: 5}\n",
            "line 2",
        ),
        (
            "devices:\n- device: 00:1e:8f:ab:10:08\n  name: a\n- device: 00-1E-8F-AB-10-08\n  name: b\n",
            "line 4",
        ),
    ] {
        folder.configure(yaml);
        for (arguments, status) in [
            (&["--config.file=%/m.yml", "--web.listen-address=127.0.0.1:0"][..], 2),
            (&["analyze", "--config.file=%/m.yml", "%/stuck_printer.pcap"], 2),
        ] {
            let output = folder.run(arguments);
            assert_eq!(output.status.code(), Some(status), "{arguments:?} with {yaml}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.lines().count(), 1, "{said}");
            assert!(said.contains("--config.file=") && said.contains("m.yml: "), "{said}");
            assert!(said.contains(line), "{said}");
            assert!(output.stdout.is_empty());
        }
        let checked = folder.run(&[
            "check",
            "--check.listen=0s",
            "--capture.file=%/stuck_printer.pcap",
            "--web.listen-address=127.0.0.1:0",
            "--config.file=%/m.yml",
        ]);
        let out = String::from_utf8_lossy(&checked.stdout);
        assert_eq!(checked.status.code(), Some(1), "{out}");
        let told: Vec<_> = out.lines().filter(|told| told.contains("m.yml")).collect();
        assert!(told.len() == 1 && told[0].contains(line), "{out}");
    }
    let output = folder.run(&["--config.file=%/none.yml", "--web.listen-address=127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
}
