//! Real captures with independent ground truth: what `analyze` reports against what tshark and a
//! second, independent reading found. Every difference must be a row of docs/captures.md, and
//! every row there must be a difference.
//!
//! The captures are other people's and not in this repository: they are read from the folder that
//! `MULTICAST_EXPORTER_CAPTURES` names, else from `../shared/captures`. Without them this part does
//! not run, and reports that.

use crate::support::captures_dir;
use multicast_exporter::commands::ExitStatus;
use multicast_exporter::commands::analyze::{Analysis, Options, analyze};
use multicast_exporter::detect::{Hardness, Rule};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Our name of a group of protocols, and tshark's names of the kinds that it holds.
const GROUPS: [(&str, &[&str]); 11] = [
    ("mdns", &["mdns"]),
    ("ssdp", &["ssdp"]),
    ("llmnr", &["llmnr"]),
    ("wsd", &["ws-discovery"]),
    ("igmp", &["igmp"]),
    ("mld", &["mld"]),
    ("nd", &["ndp"]),
    ("arp", &["arp"]),
    ("dhcp", &["dhcp", "dhcpv6"]),
    ("netbios", &["nbns", "nbdgm"]),
    ("other", &["udp-other", "ip-other", "other", "l2-control", "icmp", "icmpv6"]),
];

/// Formats that are refused on purpose.
const REFUSED: [&str; 2] =
    ["derived__fmt_k12text_zeek__dns_mdns.txt", "derived__fmt_modpcap_zeek__dns_mdns.pcap"];

/// Packets and bytes by group.
type Volumes = BTreeMap<&'static str, (u64, u64)>;

/// One figure that differs: file, what, ours, theirs.
type Difference = (String, String, u64, u64);

#[test]
fn figures_are_those_of_the_ground_truth_but_for_what_the_docs_explain() {
    let Some(dir) = captures_dir() else { return };
    let mut differences = Vec::new();
    for truth in truths(&dir, "truth_mcast") {
        compare_group_addressed(&truth, &report(&dir, &truth), &mut differences);
    }
    for truth in truths(&dir, "truth") {
        compare_mdns(&truth, &report(&dir, &truth), &mut differences);
    }
    differences.sort();
    let explained = explained();
    let missing: Vec<_> = differences.iter().filter(|d| !explained.contains(d)).collect();
    let stale: Vec<_> = explained.iter().filter(|d| !differences.contains(d)).collect();
    assert!(missing.is_empty(), "not explained in docs/captures.md: {missing:#?}");
    assert!(stale.is_empty(), "no difference any more, but in docs/captures.md: {stale:#?}");
}

#[test]
fn every_capture_is_read_and_no_zero_is_left_unexplained() {
    let Some(dir) = captures_dir() else { return };
    let index = frames_by_tshark(&dir);
    let mut count = 0;
    for entry in fs::read_dir(dir.join("files")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let analysis = run(&path);
        let frames = &analysis.report.frames;
        count += 1;
        if frames.total == 0 {
            // Nothing read: a valid capture without frames, or an error said why.
            let empty = index.get(name).is_none_or(|packets| *packets == 0);
            assert!(
                analysis.status() != ExitStatus::Success || empty,
                "{name}: no frames, no error"
            );
        } else if analysis.report.devices.is_empty() {
            let text = analysis.report.to_string();
            let said = text.contains("No multicast, broadcast or mDNS among");
            assert!(said || !frames.decode_errors.is_empty(), "{name}:\n{text}");
        }
    }
    assert!(count >= 900, "only {count} files");
}

/// No device has a storm or breaks a MUST except by a row of `captures_findings.tsv`,
/// which says why it is true.
#[test]
fn storms_and_hard_violations_are_those_that_were_reviewed() {
    let Some(dir) = captures_dir() else { return };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir.join("files")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let report = serde_json::to_value(&run(&path).report).unwrap();
        for storm in report["storms"].as_array().into_iter().flatten() {
            let device = storm["device"].as_str().unwrap_or("the segment");
            let what = format!("storm {}", storm["cause"].as_str().unwrap());
            *found.entry((name.clone(), device.to_owned(), what)).or_insert(0) += 1;
        }
        for device in report["devices"].as_array().into_iter().flatten() {
            for (rule, count) in device["violations"].as_object().into_iter().flatten() {
                let known = Rule::ALL.iter().find(|known| known.id() == rule).unwrap();
                if known.hardness() == Hardness::Hard {
                    let whose = device["device"].as_str().unwrap().to_owned();
                    found.insert((name.clone(), whose, rule.clone()), count.as_u64().unwrap());
                }
            }
        }
    }
    let row = |line: &str| {
        let [file, device, what, count, why] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five columns: {line}");
        };
        assert!(!why.is_empty(), "{line}");
        ((file.to_owned(), device.to_owned(), what.to_owned()), count.parse().unwrap())
    };
    let table = include_str!("../captures_findings.tsv");
    let reviewed: BTreeMap<_, u64> = table.lines().skip(1).map(row).collect();
    let missing: Vec<_> = found.iter().filter(|(k, n)| reviewed.get(*k) != Some(n)).collect();
    let stale: Vec<_> = reviewed.iter().filter(|(k, n)| found.get(*k) != Some(n)).collect();
    assert!(missing.is_empty(), "not reviewed in captures_findings.tsv: {missing:#?}");
    assert!(stale.is_empty(), "no longer found, but in captures_findings.tsv: {stale:#?}");
}

fn report(dir: &Path, truth: &Value) -> Value {
    let name = truth["file"].as_str().unwrap();
    serde_json::to_value(&run(&dir.join("files").join(name)).report).unwrap()
}

fn run(path: &Path) -> Analysis {
    analyze(&[path.to_owned()], &Options::default())
}

fn frames_by_tshark(dir: &Path) -> BTreeMap<String, u64> {
    let table = fs::read_to_string(dir.join("index.tsv")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        Some((cells[0].to_owned(), cells[8].parse().ok()?))
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// The truth files of a folder, those of the refused formats apart.
fn truths(dir: &Path, folder: &str) -> Vec<Value> {
    let entries = fs::read_dir(dir.join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let is_read = |truth: &Value| !REFUSED.iter().any(|refused| truth["file"] == *refused);
    paths.iter().map(read).filter(is_read).collect()
}

#[test]
fn the_refused_formats_are_refused_in_so_many_words() {
    let Some(dir) = captures_dir() else { return };
    for (name, word) in REFUSED.iter().zip(["K12", "modified"]) {
        let analysis = run(&dir.join("files").join(name));
        assert_eq!(analysis.status(), ExitStatus::BadInput, "{name}");
        let text = analysis.problems[0].error.to_string();
        assert!(text.contains(word), "{text}");
    }
}

/// Adds up tshark's kinds by our groups.
fn their_volumes(kinds: &Map<String, Value>) -> Volumes {
    let mut sums = Volumes::new();
    for (kind, volume) in kinds {
        let group = GROUPS.iter().find(|(_, theirs)| theirs.contains(&kind.as_str()));
        let (group, _) = group.unwrap_or_else(|| panic!("unknown kind {kind}"));
        add_volume(&mut sums, group, &volume["packets"], &volume["bytes"]);
    }
    sums
}

fn add_volume(sums: &mut Volumes, group: &'static str, packets: &Value, bytes: &Value) {
    let sum = sums.entry(group).or_default();
    sum.0 += packets.as_u64().unwrap();
    sum.1 += bytes.as_u64().unwrap();
}

/// The group of one of our protocols; unicast mDNS is not group-addressed and in none.
fn group(protocol: &str) -> Option<&'static str> {
    match protocol {
        "mdns_unicast" => None,
        "other_multicast" | "other_broadcast" => Some("other"),
        other => Some(GROUPS.iter().find(|(ours, _)| *ours == other).unwrap().0),
    }
}

fn compare_group_addressed(truth: &Value, report: &Value, out: &mut Vec<Difference>) {
    let file = truth["file"].as_str().unwrap();
    let mut ours = Volumes::new();
    for (protocol, volume) in report["protocols"].as_object().unwrap() {
        if let Some(group) = group(protocol) {
            add_volume(&mut ours, group, &volume["packets"], &volume["bytes"]);
        }
    }
    compare(file, "", &ours, &their_volumes(truth["group_addressed"].as_object().unwrap()), out);
    let frames = &report["frames"];
    let converted = &truth["multicast_ip_in_unicast_mac_frames"];
    compare_one(file, "multicast in unicast", &frames["multicast_in_unicast"], converted, out);
    compare_one(file, "frames", &frames["total"], &truth["packets_in_file"], out);

    let mut devices: BTreeMap<&str, Volumes> = BTreeMap::new();
    for device in report["devices"].as_array().unwrap() {
        let name = device["device"].as_str().unwrap();
        // Where the link has no MAC, tshark has no source MAC either.
        let name = if name.len() == 17 && name.matches(':').count() == 5 { name } else { "" };
        for (protocol, packets) in device["packets"].as_object().unwrap() {
            if let Some(group) = group(protocol) {
                let sums = devices.entry(name).or_default();
                add_volume(sums, group, packets, &device["bytes"][protocol]);
            }
        }
    }
    let mut theirs: BTreeMap<&str, Volumes> = BTreeMap::new();
    for (mac, kinds) in truth["by_source_mac"].as_object().unwrap() {
        // Groups and zero are nobody's: those frames are of the device `other`.
        let mac = if is_nobody(mac) { "" } else { mac };
        for (group, (packets, bytes)) in their_volumes(kinds.as_object().unwrap()) {
            let sum = theirs.entry(mac).or_default().entry(group).or_default();
            sum.0 += packets;
            sum.1 += bytes;
        }
    }
    for (mac, theirs) in theirs {
        let ours = devices.remove(mac).unwrap_or_default();
        compare(file, &format!("{mac} "), &ours, &theirs, out);
    }
    for (mac, ours) in devices {
        compare(file, &format!("{mac} "), &ours, &Volumes::new(), out);
    }
}

/// Whether a MAC is a group's or zero.
fn is_nobody(mac: &str) -> bool {
    let first = mac.get(..2).and_then(|octet| u8::from_str_radix(octet, 16).ok());
    mac == "00:00:00:00:00:00" || first.is_some_and(|octet| octet & 1 == 1)
}

fn compare(file: &str, whose: &str, ours: &Volumes, theirs: &Volumes, out: &mut Vec<Difference>) {
    for (name, _) in GROUPS {
        let ours = ours.get(name).copied().unwrap_or_default();
        let theirs = theirs.get(name).copied().unwrap_or_default();
        if ours.0 != theirs.0 {
            out.push((file.into(), format!("{whose}{name} packets"), ours.0, theirs.0));
        }
        if ours.1 != theirs.1 {
            out.push((file.into(), format!("{whose}{name} bytes"), ours.1, theirs.1));
        }
    }
}

fn compare_one(file: &str, what: &str, ours: &Value, theirs: &Value, out: &mut Vec<Difference>) {
    let (ours, theirs) = (ours.as_u64().unwrap(), theirs.as_u64().unwrap());
    if ours != theirs {
        out.push((file.into(), what.into(), ours, theirs));
    }
}

/// mDNS in detail: messages and records of the whole file, and packets by source MAC.
fn compare_mdns(truth: &Value, report: &Value, out: &mut Vec<Difference>) {
    let file = truth["file"].as_str().unwrap();
    let protocols = &report["protocols"];
    let volume = |key: &str| {
        protocols["mdns"][key].as_u64().unwrap() + protocols["mdns_unicast"][key].as_u64().unwrap()
    };
    let mut messages: BTreeMap<String, u64> = BTreeMap::new();
    let mut records: BTreeMap<String, u64> = BTreeMap::new();
    for device in report["devices"].as_array().unwrap() {
        add_counts(&mut messages, &device["mdns"]["messages"]);
        add_counts(&mut records, &device["mdns"]["records"]);
    }
    let of = |counts: &BTreeMap<String, u64>, labels: &[&str]| {
        labels.iter().map(|label| counts.get(*label).copied().unwrap_or_default()).sum::<u64>()
    };
    let figures = [
        ("5353 packets", volume("packets"), "packets"),
        ("5353 bytes", volume("bytes"), "bytes"),
        ("queries", of(&messages, &["query", "probe", "legacy_query"]), "queries"),
        ("responses", of(&messages, &["response", "announcement", "goodbye"]), "responses"),
        ("probes", of(&messages, &["probe"]), "probes"),
        ("goodbyes", of(&messages, &["goodbye"]), "goodbyes"),
        ("malformed", of(&messages, &["malformed"]), "malformed"),
        ("questions", of(&records, &["question"]), "questions_decoded"),
        ("records", of(&records, &["answer", "authority", "additional"]), "records_decoded"),
    ];
    for (what, ours, key) in figures {
        let theirs = truth["totals"][key].as_u64().unwrap();
        if ours != theirs {
            out.push((file.into(), what.into(), ours, theirs));
        }
    }
}

fn add_counts(sums: &mut BTreeMap<String, u64>, counts: &Value) {
    for (label, count) in counts.as_object().unwrap() {
        *sums.entry(label.clone()).or_default() += count.as_u64().unwrap();
    }
}

/// The rows of the table in docs/captures.md: file, figure, ours, tshark's, why.
fn explained() -> Vec<Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/captures.md");
    let text = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert!(cells.len() == 7 && !cells[5].is_empty(), "a row needs its why: {line}");
        let number = |cell: &str| cell.parse().unwrap_or_else(|_| panic!("{cell} in {line}"));
        (cells[1].trim_matches('`').into(), cells[2].into(), number(cells[3]), number(cells[4]))
    };
    text.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}
