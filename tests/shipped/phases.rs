//! Each alert with a range or a wait, at scrapes and evaluations every 5 to 60 s and in any phase of
//! one against the other: it fires for what lasts as long as it should, within the time that is
//! promised, and stays silent for the nearest case that it should not tell of.
//!
//! The same where two exporters hear one LAN, each scraped at its own times: one alert. And a loop's
//! alert, which silences those of devices, is there whenever one of those is.
//!
//! Files of promtool are generated: samples of one second, of which only those at scrapes are
//! there, as many series as there are phases. Both promtools run them.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "times and counts of minutes"
)]
#![allow(clippy::unnecessary_wraps, reason = "they are values of one type of function")]

use crate::support::servers::promtools;
use crate::textless;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// Seconds between scrapes and between evaluations.
const SETTINGS: [(u64, u64); 6] = [(5, 5), (15, 15), (15, 60), (30, 15), (60, 15), (60, 60)];
/// Phases of scrapes against evaluations that are tried in each setting, at most.
const PHASES: u64 = 4;
/// When the event begins.
const START: u64 = 300;

/// The value of a series so many seconds after the event began, which lasts so long; `None` where
/// it is not there.
type Value = fn(i64, i64) -> Option<f64>;

/// What is scraped: the name, its labels but for `job` and `instance`, and its values.
struct Series(&'static str, &'static str, Value);

/// An event that must fire an alert, and one that must not.
struct Case {
    alert: &'static str,
    /// How long the event lasts of which the alert must tell.
    long: i64,
    /// Within how many seconds of its begin it must be firing, with scrapes and evaluations at
    /// those intervals.
    within: fn(u64, u64) -> u64,
    /// How long the event lasts of which it must not tell; 0 is none at all.
    short: i64,
    series: &'static [Series],
}

/// Until when is looked.
const UNTIL: u64 = START + 1_200;

const DEVICE: &str = r#"device="00:1e:8f:ab:10:08""#;

fn lasts(t: i64, long: i64) -> bool {
    (0..long).contains(&t)
}

fn flag(t: i64, long: i64) -> Option<f64> {
    Some(f64::from(u8::from(lasts(t, long))))
}

fn info(t: i64, long: i64) -> Option<f64> {
    lasts(t, long).then_some(1.0)
}

fn always(_: i64, _: i64) -> Option<f64> {
    Some(1.0)
}

fn start(t: i64, long: i64) -> Option<f64> {
    lasts(t, long).then_some(START as f64)
}

/// 200 a second while it lasts, on top of two a minute.
fn counter(t: i64, long: i64) -> Option<f64> {
    Some(1_000.0 + ((t + START as i64) / 30) as f64 + 200.0 * t.clamp(0, long) as f64)
}

/// Twelve thousand in the busiest second of the last minute.
fn peak(t: i64, long: i64) -> Option<f64> {
    Some(if lasts(t, long + 60) && long > 0 { 12_500.0 } else { 2.0 })
}

/// Whole seconds of a storm; also for five minutes after its end.
fn duration(t: i64, long: i64) -> Option<f64> {
    (long > 0 && (0..long + 300).contains(&t)).then(|| t.min(long) as f64)
}

/// A storm of a device as exporters tell it.
const DEVICE_STORM: [Series; 6] = [
    Series("multicast_device_storm_duration_seconds", r#"level="storm""#, duration),
    Series("multicast_device_storm_active", r#"level="storm""#, flag),
    Series("multicast_device_storm_active", r#"level="chatty""#, |_, _| Some(0.0)),
    Series("multicast_device_storm_cause", r#"cause="repeated_response""#, info),
    Series("multicast_device_storm_start_timestamp_seconds", "", start),
    Series("multicast_device_packets_total", r#"protocol="mdns""#, counter),
];
/// The same by one that does not say how long it lasts.
const DEVICE_STORM_BY_ITS_START: &[Series] = DEVICE_STORM.split_at(1).1;

const LOOP: [Series; 3] = [
    Series("multicast_interface_storm_duration_seconds", "", duration),
    Series("multicast_interface_storm_active", "", flag),
    Series("multicast_interface_storm_cause", r#"cause="l2_loop""#, info),
];
const INVENTED: [Series; 3] = [
    Series("multicast_interface_storm_duration_seconds", "", duration),
    Series("multicast_interface_storm_active", "", flag),
    Series("multicast_interface_storm_cause", r#"cause="invented_senders""#, info),
];
const CROWD: [Series; 3] = [
    Series("multicast_interface_storm_duration_seconds", "", duration),
    Series("multicast_interface_storm_active", "", flag),
    Series("multicast_interface_storm_cause", r#"cause="many_devices""#, info),
];

/// A page comes at the first scrape that knows a minute of the storm and the evaluation after that.
const fn paged(scrape: u64, evaluation: u64) -> u64 {
    62 + scrape + evaluation
}

/// Where nothing but the storm itself is told: 70 s after the first scrape that saw it.
const fn paged_late(scrape: u64, evaluation: u64) -> u64 {
    76 + scrape + evaluation
}

/// A storm of the segment that pages by itself, and so whether the exporter says how long it lasts or
/// not.
fn of_segment(alert: &'static str, series: &'static [Series]) -> [Case; 2] {
    [
        Case { alert, long: 75, within: paged, short: 45, series },
        Case { alert, long: 900, within: paged_late, short: 45, series: &series[1..] },
    ]
}

fn cases() -> Vec<Case> {
    let segments = [
        of_segment("MulticastLoop", &LOOP),
        of_segment("MulticastInventedSenders", &INVENTED),
        of_segment("MulticastSegmentFlooding", &CROWD),
    ];
    segments.into_iter().flatten().chain(others()).collect()
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn others() -> Vec<Case> {
    vec![
        Case {
            alert: "MulticastDeviceFlooding",
            long: 75,
            within: paged,
            short: 45,
            series: &DEVICE_STORM,
        },
        Case {
            alert: "MulticastDeviceFlooding",
            long: 900,
            within: paged,
            short: 45,
            series: DEVICE_STORM_BY_ITS_START,
        },
        Case {
            alert: "MulticastDeviceChatty",
            long: 60,
            within: |scrape, evaluation| scrape + evaluation,
            short: 0,
            series: &[Series("multicast_device_storm_active", r#"level="chatty""#, flag)],
        },
        Case {
            alert: "MulticastDeviceBurst",
            long: 8,
            within: |scrape, evaluation| 61 + scrape + 2 * evaluation,
            short: 0,
            series: &[Series("multicast_device_peak_packets_per_second", "", peak)],
        },
        Case {
            alert: "MdnsRecordRepeated",
            long: 540,
            within: |scrape, evaluation| 301 + 2 * scrape + 2 * evaluation,
            short: 120,
            series: &[Series("mdns_device_violations_total", r#"rule="record_interval""#, counter)],
        },
        Case {
            alert: "MdnsRenameLoop",
            long: 600,
            within: |scrape, evaluation| 121 + scrape + 2 * evaluation,
            short: 0,
            series: &[Series(
                "multicast_device_condition_active",
                r#"condition="rename_loop""#,
                flag,
            )],
        },
        Case {
            alert: "MulticastAddressRepeated",
            long: 600,
            within: |scrape, evaluation| 61 + scrape + 2 * evaluation,
            short: 0,
            series: &[Series(
                "multicast_device_condition_active",
                r#"condition="address_repeat""#,
                flag,
            )],
        },
        Case {
            alert: "MulticastHostCost",
            long: 300,
            within: |scrape, evaluation| 151 + scrape + evaluation,
            short: 0,
            series: &[
                Series("multicast_interface_packets_total", r#"protocol="mdns""#, counter),
                Series("multicast_host_sockets", r#"process="avahi-daemon",port="5353""#, always),
                Series(
                    "multicast_host_process_syscalls_total",
                    r#"process="avahi-daemon""#,
                    |t, long| counter(t, long).map(|value| 15.0 * value),
                ),
            ],
        },
        Case {
            alert: "MulticastSocketDrops",
            long: 540,
            within: |scrape, evaluation| 301 + 2 * scrape + 2 * evaluation,
            short: 20,
            series: &[Series(
                "multicast_host_socket_drops_total",
                r#"process="avahi-daemon",port="5353""#,
                |t, long| Some(t.clamp(0, long) as f64),
            )],
        },
        Case {
            alert: "MulticastQuerierConflict",
            long: 780,
            within: |scrape, evaluation| 601 + scrape + 2 * evaluation,
            short: 255,
            series: &[Series("multicast_queriers", r#"family="ipv4""#, |t, long| {
                Some(if lasts(t, long) { 2.0 } else { 1.0 })
            })],
        },
        Case {
            alert: "MulticastNothingCaptured",
            long: 420,
            within: |scrape, evaluation| 271 + scrape + 2 * evaluation,
            short: 120,
            series: &[
                Series("up", "", always),
                Series("multicast_capture_up", r#"capture="eth0""#, |t, long| {
                    Some(f64::from(u8::from(!lasts(t, long))))
                }),
            ],
        },
        Case {
            alert: "MulticastCaptureDropping",
            long: 1,
            within: |scrape, evaluation| scrape + evaluation,
            short: 0,
            series: &[Series("multicast_capture_dropped_total", r#"capture="eth0""#, |t, long| {
                Some(100.0 * t.clamp(0, long) as f64)
            })],
        },
        Case {
            alert: "MulticastExporterDown",
            long: 420,
            within: |scrape, evaluation| 211 + scrape + 2 * evaluation,
            short: 59,
            series: &[Series("up", "", |t, long| Some(f64::from(u8::from(!lasts(t, long)))))],
        },
        Case {
            alert: "MulticastExporterAbsent",
            long: 720,
            within: |scrape, evaluation| 301 + scrape + 2 * evaluation,
            short: 120,
            series: &[Series("up", "", |t, long| (!lasts(t, long)).then_some(1.0))],
        },
        Case {
            alert: "MulticastExporterDegraded",
            long: 480,
            within: |scrape, evaluation| 301 + scrape + evaluation,
            short: 120,
            series: &[Series(
                "multicast_scrape_collector_success",
                r#"collector="sockets""#,
                |t, long| Some(f64::from(u8::from(!lasts(t, long)))),
            )],
        },
    ]
}

/// The series' values at scrapes every `scrape` seconds from `phase` on: one that is no longer
/// there is stale at the first scrape without it.
fn samples(value: Value, long: i64, scrape: u64, phase: u64, until: u64) -> String {
    let at = |second: u64| value(second as i64 - START as i64, long);
    let mut text = String::new();
    let mut was_there = false;
    for second in 0..until {
        let is_scrape = second % scrape == phase;
        let sample = if is_scrape { at(second) } else { None };
        match sample {
            Some(sample) => write!(text, "{sample} "),
            None if is_scrape && was_there => write!(text, "stale "),
            None => write!(text, "_ "),
        }
        .expect("a string takes all");
        if is_scrape {
            was_there = sample.is_some();
        }
    }
    text
}

/// A file of promtool: one test of these series and expressions.
fn file(evaluation: u64, series: &str, expressions: &str) -> String {
    format!(
        "rule_files: [recording.rules.yml, alerts.rules.yml]\n\
         evaluation_interval: {evaluation}s\n\
         group_eval_order: [multicast_exporter_recording]\ntests:\n\
         - interval: 1s\n  input_series:\n{series}  promql_expr_test:\n{expressions}"
    )
}

/// The series of an event as exporters tell it that are scraped one third of an interval apart: one, or
/// several on a LAN.
fn scraped(series: &[Series], long: i64, scrape: u64, phase: u64, of: &Exporters) -> String {
    let mut yaml = String::new();
    let lan = format!(r#"lan="{}""#, of.name);
    for (at, place) in (0..).zip(of.places) {
        let phase = (phase + at * scrape / 3) % scrape;
        let own = format!(r#"job="multicast_exporter",instance="{}{place}:10353""#, of.name);
        let interface = format!(r#"interface="eth{at}""#);
        let mut tell = |name: &str, labels: &str, value: Value| {
            let is_host = ["_host_", "_capture_", "_scrape_"].iter().any(|of| name.contains(of));
            let mut all = vec![&*own];
            all.extend((!is_host && name != "up").then_some(&*interface));
            all.extend(name.contains("_device_").then_some(DEVICE));
            all.extend((!labels.is_empty()).then_some(labels));
            let values = samples(value, long, scrape, phase, UNTIL);
            writeln!(yaml, "  - series: '{name}{{{}}}'\n    values: '{values}'", all.join(","))
                .expect("a string takes all");
        };
        for Series(name, labels, value) in series {
            tell(name, labels, *value);
        }
        if of.places.len() > 1 {
            tell("multicast_lan_info", &lan, always);
        }
    }
    yaml
}

/// Who hears an event: one exporter, or several on a LAN.
struct Exporters {
    /// What they are called, and their LAN.
    name: String,
    places: &'static [&'static str],
}

impl Exporters {
    /// What the labels of their alerts have.
    fn matcher(&self) -> String {
        match self.places {
            [place] => format!(r#"instance="{}{place}:10353""#, self.name),
            _ => format!(r#"lan="{}""#, self.name),
        }
    }
}

/// An expression and what it must give at a time: nothing, or one.
fn expects(expression: &str, at: u64, is_one: bool) -> String {
    let expected = if is_one { "[{labels: '{}', value: 1}]" } else { "[]" };
    format!("  - expr: {expression}\n    eval_time: {at}s\n    exp_samples: {expected}\n")
}

/// A case that is tried with scrapes in a phase, at its length for which it must fire or at the other.
#[derive(Clone, Copy)]
struct Trial<'a> {
    case: &'a Case,
    must_fire: bool,
    step: u64,
}

impl Trial<'_> {
    /// That there is no exporter is told of a job, not of one of several.
    fn is_of_job(&self) -> bool {
        self.case.alert == "MulticastExporterAbsent"
    }

    /// The series, and what is expected.
    fn write(
        &self,
        number: usize,
        (scrape, evaluation): (u64, u64),
        places: &'static [&'static str],
    ) -> (String, String) {
        let Self { case, must_fire, step } = *self;
        let exporters = Exporters { name: format!("of{number}-"), places };
        let long = if must_fire { case.long } else { case.short };
        let phase = step * scrape / PHASES.min(scrape);
        let series = scraped(case.series, long, scrape, phase, &exporters);
        // From then on it has fired, or it never has.
        let by = if must_fire { START + (case.within)(scrape, evaluation) } else { UNTIL };
        let of = if self.is_of_job() { String::new() } else { exporters.matcher() };
        let fired = format!(
            r#"count(last_over_time(ALERTS{{alertname="{}",alertstate="firing",{of}}}[1h]))"#,
            case.alert,
        );
        (series, expects(&fired, by.next_multiple_of(evaluation), must_fire))
    }
}

/// Files of promtool for each setting. All cases, both lengths and all phases are in one, each with
/// exporters of its own: promtool's time goes into rules, and little of it into series.
fn files(folder: &Path, cases: &[Case], places: &'static [&'static str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (scrape, evaluation) in SETTINGS {
        let both = |case| [true, false].map(|must_fire| (case, must_fire));
        let trials = cases.iter().flat_map(both).flat_map(|(case, must_fire)| {
            (0..PHASES.min(scrape)).map(move |step| Trial { case, must_fire, step })
        });
        let (alone, together): (Vec<_>, Vec<_>) = trials.partition(Trial::is_of_job);
        let groups = alone.into_iter().map(|trial| vec![trial]).chain([together]);
        for (group, trials) in groups.enumerate() {
            let (series, expected): (Vec<String>, Vec<String>) = (0..)
                .zip(&trials)
                .map(|(number, trial)| trial.write(number, (scrape, evaluation), places))
                .unzip();
            let path = folder.join(format!("{scrape}-{evaluation}-{group}.yml"));
            let text = file(evaluation, &series.concat(), &expected.concat());
            fs::write(&path, text).expect("a file of ours");
            files.push(path);
        }
    }
    files
}

/// Runs files of both promtools, and hands out what they complain of.
fn complaints(files: &[PathBuf]) -> Vec<String> {
    let run = |program: PathBuf| {
        let files = files.to_vec();
        thread::spawn(move || {
            let mut complaints = Vec::new();
            for file in files {
                let output = Command::new(&program).args(["test", "rules"]).arg(&file).output();
                let output = output.unwrap_or_else(|e| panic!("{}: {e}", program.display()));
                if !output.status.success() {
                    let said = String::from_utf8_lossy(&output.stderr).into_owned()
                        + &String::from_utf8_lossy(&output.stdout);
                    let wrong: Vec<&str> = said
                        .lines()
                        .map(str::trim)
                        .filter(|line| line.starts_with("expr:"))
                        .collect();
                    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
                    let all = if wrong.is_empty() { said } else { wrong.join("\n") };
                    complaints.push(format!("{} {name}: {all}", program.display()));
                }
            }
            complaints
        })
    };
    promtools().map(run).map(|run| run.join().expect("it ran")).concat()
}

#[test]
#[ignore = "tools: make test"]
fn alerts_hold_at_any_interval_and_in_any_phase() {
    let directory = tempfile::tempdir().expect("a folder");
    textless::rules(directory.path());
    let files = files(directory.path(), &cases(), &["nas"]);
    assert_eq!(complaints(&files), Vec::<String>::new());
}

#[test]
#[ignore = "tools: make test"]
fn two_exporters_have_one_alert_at_any_interval_and_in_any_phase() {
    let directory = tempfile::tempdir().expect("a folder");
    textless::rules(directory.path());
    let of_segments = |case: &Case| {
        let of = ["_device_", "_interface_", "_queriers"];
        case.series.iter().all(|Series(name, _, _)| of.iter().any(|part| name.contains(part)))
    };
    let cases: Vec<Case> = cases().into_iter().filter(of_segments).collect();
    assert!(cases.len() > 6, "{} cases", cases.len());
    let files = files(directory.path(), &cases, &["nas", "shed"]);
    assert_eq!(complaints(&files), Vec::<String>::new());
}

/// A loop, which is known for one after a quarter of a minute, and a device that its frames seem to be
/// of: its storm ends half a minute after the loop, and a condition of it goes on for ten minutes.
const LOOP_AND_DEVICE: [Series; 7] = [
    Series("multicast_interface_storm_duration_seconds", "", duration),
    Series("multicast_interface_storm_active", "", flag),
    Series("multicast_interface_storm_cause", r#"cause="l2_loop""#, |t, long| {
        (15..long).contains(&t).then_some(1.0)
    }),
    Series("multicast_device_storm_duration_seconds", r#"level="storm""#, |t, long| {
        duration(t, long + 30)
    }),
    Series("multicast_device_storm_active", r#"level="storm""#, |t, long| flag(t, long + 30)),
    Series("multicast_device_peak_packets_per_second", "", peak),
    Series("multicast_device_condition_active", r#"condition="address_repeat""#, |t, long| {
        (t >= 40).then(|| f64::from(u8::from(t < long + 630)))
    }),
];

#[test]
#[ignore = "tools: make test"]
fn a_loop_outlasts_what_it_silences() {
    const FIRING: &str = r#"alertstate="firing""#;
    let directory = tempfile::tempdir().expect("a folder");
    textless::rules(directory.path());
    let mut files = Vec::new();
    for (scrape, evaluation) in SETTINGS {
        let steps = PHASES.min(scrape);
        let (mut series, mut expressions) = (String::new(), String::new());
        // A minute of it, from when it is known.
        for (long, step) in
            [75, 200].into_iter().flat_map(|long| (0..steps).map(move |s| (long, s)))
        {
            let exporters = Exporters { name: format!("of{long}-{step}"), places: &["nas"] };
            let of = exporters.matcher();
            series += &scraped(&LOOP_AND_DEVICE, long, scrape, step * scrape / steps, &exporters);
            let end = (START + 600).next_multiple_of(evaluation);
            let silenced =
                "MulticastDeviceFlooding|MulticastAddressRepeated|MulticastSegmentFlooding";
            let heard = format!(
                "count(ALERTS{{alertname=~\"{silenced}\",{FIRING},{of}}} unless ignoring (alertname, device, severity) \
                 ALERTS{{alertname=\"MulticastLoop\",{FIRING},{of}}})"
            );
            let evaluations = (START..=end).step_by(usize::try_from(evaluation).expect("few"));
            for at in evaluations.map(|at| at.next_multiple_of(evaluation)) {
                expressions += &expects(&heard, at, false);
            }
            // Its frames were nobody's burst, and the loop itself has been told.
            for (alert, is_told) in [("MulticastDeviceBurst", false), ("MulticastLoop", true)] {
                let told = format!(
                    "count(last_over_time(ALERTS{{alertname=\"{alert}\",{FIRING},{of}}}[1h]))"
                );
                expressions += &expects(&told, end, is_told);
            }
        }
        let path = directory.path().join(format!("loop-{scrape}-{evaluation}.yml"));
        fs::write(&path, file(evaluation, &series, &expressions)).expect("a file of ours");
        files.push(path);
    }
    assert_eq!(complaints(&files), Vec::<String>::new());
}
