//! What people met, as captures, and what must be reported of each: every row of `expected.tsv` holds.
//!
//! The captures are not in this repository: they are read from the folder that
//! `MULTICAST_EXPORTER_CASES` names, else from `../shared/cases`. Without them this part does not
//! run, and reports that. Beside `expected.tsv` lies what its kinds mean.

use crate::support::cases_dir;
use multicast_exporter::commands::analyze::{Options, analyze};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// An expectation: of this device, or `-`, in the report on this file.
#[derive(Clone, Copy)]
struct Row<'t> {
    file: &'t str,
    kind: &'t str,
    device: &'t str,
    value: &'t str,
}

impl<'t> Row<'t> {
    fn parse(line: &'t str) -> Self {
        let [file, kind, device, value] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns: {line}");
        };
        Self { file, kind, device, value }
    }

    fn words(&self) -> String {
        format!("{} {} {} {}", self.file, self.kind, self.device, self.value)
    }

    /// Whether `report` is as this row has it; what it is instead.
    fn check(&self, report: &Value) -> Result<(), String> {
        let Self { device, value, .. } = *self;
        let segments = || list(&report["segments"]);
        let found = match self.kind {
            "storm" => {
                let causes = storm_values(report, device, "cause");
                let is_met = causes.iter().any(|cause| value.split('|').any(|one| one == cause));
                (is_met, causes)
            }
            "nostorm_but" => {
                let causes = storm_values(report, device, "cause");
                (causes.iter().all(|cause| value != "-" && cause == value), causes)
            }
            "segment" => {
                let causes = storm_values(report, "-", "cause");
                (causes.iter().any(|cause| cause == value), causes)
            }
            "provoked_by" => {
                let askers = storm_values(report, device, "provoked_by");
                (askers.iter().any(|asker| asker == value), askers)
            }
            "condition" => {
                let conditions = condition_values(report, device, "condition");
                (conditions.iter().any(|condition| condition == value), conditions)
            }
            "role" => {
                let roles = condition_values(report, device, "role");
                (roles.iter().any(|role| role == value), roles)
            }
            "innocent" => {
                let mut wrong = condition_values(report, device, "condition");
                wrong.extend(storm_values(report, device, "cause"));
                let is_known =
                    devices(report, device).all(|device| device["conditions"].is_array());
                (is_known && devices(report, device).count() > 0 && wrong.is_empty(), wrong)
            }
            "detail" => {
                let mut details = condition_values(report, device, "detail");
                details.extend(storm_values(report, device, "detail"));
                (details.iter().any(|detail| detail.contains(value)), details)
            }
            "violation_min" | "violation_max" => {
                let (rule, limit) = value.split_once(' ').expect("a rule and a count");
                let limit: u64 = limit.parse().expect("a count");
                let is_there = devices(report, device).count() > 0;
                let counts = devices(report, device).map(|device| &device["violations"][rule]);
                let count: u64 = counts.filter_map(Value::as_u64).sum();
                let is_min = self.kind == "violation_min";
                let is_met = if is_min { count >= limit } else { count <= limit };
                (is_there && is_met, vec![count.to_string()])
            }
            "address" => {
                let addresses: Vec<String> = devices(report, device)
                    .flat_map(|device| texts(&device["addresses"]))
                    .collect();
                (addresses.iter().any(|address| address == value), addresses)
            }
            "queriers" => {
                let queriers = segments().flat_map(|segment| list(&segment["queriers"]));
                let mut addresses: Vec<String> =
                    queriers.flat_map(|querier| texts(&querier["address"])).collect();
                addresses.sort_unstable();
                addresses.dedup();
                let is_there = segments().count() > 0;
                let is = if addresses.is_empty() { "none".into() } else { addresses.join(" ") };
                (is_there && is == value, vec![is])
            }
            "groups_min" => {
                let groups = segments().filter_map(|segment| segment["groups"].as_object());
                let count: u64 = groups.flat_map(|of| of.values()).filter_map(Value::as_u64).sum();
                (count >= value.parse().expect("a count"), vec![count.to_string()])
            }
            "wanted" => {
                let wanted = segments().flat_map(|segment| list(&segment["wanted"]));
                let services: Vec<String> =
                    wanted.flat_map(|wanted| texts(&wanted["service"])).collect();
                (services.iter().any(|service| service == value), services)
            }
            "unanswered" => {
                let names = segments().flat_map(|segment| list(&segment["unanswered"]));
                let names: Vec<String> = names.flat_map(|name| texts(&name["name"])).collect();
                (names.iter().any(|name| name.eq_ignore_ascii_case(value)), names)
            }
            "copied_min" => {
                let copied: u64 = segments().filter_map(|segment| segment["copied"].as_u64()).sum();
                (copied >= value.parse().expect("a count"), vec![copied.to_string()])
            }
            unknown => panic!("unknown kind {unknown}"),
        };
        let (holds, is) = found;
        if holds { Ok(()) } else { Err(format!("{}: is {is:?}", self.words())) }
    }
}

#[test]
fn what_must_be_said_of_each_case_is_said() {
    let Some(dir) = cases_dir() else { return };
    let table = fs::read_to_string(dir.join("expected.tsv")).unwrap();
    let rows: Vec<Row<'_>> = table.lines().skip(1).map(Row::parse).collect();
    assert!(rows.len() >= 51, "only {} rows", rows.len());
    let mut reports: BTreeMap<&str, Value> = BTreeMap::new();
    let mut failed = Vec::new();
    for row in &rows {
        let report = reports.entry(row.file).or_insert_with(|| report(&dir, row.file));
        failed.extend(row.check(report).err());
    }
    assert!(failed.is_empty(), "do not hold: {failed:#?}");
}

/// What `analyze` reports on a case. Reading it has to succeed.
fn report(dir: &Path, file: &str) -> Value {
    let names = [format!("{file}.pcap"), format!("{file}.pcap.gz")];
    let mut paths = names.iter().map(|name| dir.join(name));
    let path: PathBuf = paths.find(|path| path.exists()).unwrap_or_else(|| panic!("no {file}"));
    let analysis = analyze(std::slice::from_ref(&path), &Options::default());
    assert!(analysis.problems.is_empty(), "{file}: {:?}", analysis.problems);
    serde_json::to_value(&analysis.report).unwrap()
}

/// The items of a list; none where there is no list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The text that a value is, or the texts in it.
fn texts(value: &Value) -> Vec<String> {
    let alone = value.as_str().into_iter();
    alone.chain(list(value).filter_map(Value::as_str)).map(str::to_owned).collect()
}

/// The entries of a device, one for each segment that it is on.
fn devices<'v>(report: &'v Value, device: &'v str) -> impl Iterator<Item = &'v Value> {
    list(&report["devices"]).filter(move |there| there["device"] == device)
}

/// A field of the storms of a device, or of segments where it is `-`.
fn storm_values(report: &Value, device: &str, field: &str) -> Vec<String> {
    let whose = |storm: &&Value| storm["device"].as_str().unwrap_or("-") == device;
    list(&report["storms"]).filter(whose).flat_map(|storm| texts(&storm[field])).collect()
}

/// A field of the conditions of a device.
fn condition_values(report: &Value, device: &str, field: &str) -> Vec<String> {
    let conditions = devices(report, device).flat_map(|device| list(&device["conditions"]));
    conditions.flat_map(|condition| texts(&condition[field])).collect()
}
