//! What each stack is found to break: a table that docs/conformance.md explains with packets, and
//! how the program's report is held against it. Runs nothing.

use super::super::e2e::netns::NetNs;
use super::Stack;
use multicast_exporter::detect::{Hardness, Rule};
use serde_json::Value;
use std::collections::BTreeSet;

/// The hard rules that a stack breaks, checked by hand against RFC 6762. `always` are broken in
/// every run, the others depend on who asks when.
pub struct Verdict {
    /// Whose.
    pub stack: Stack,
    /// Rules broken in every run.
    pub always: &'static [&'static str],
    /// Rules broken in some.
    pub at_times: &'static [&'static str],
}

/// A row for each stack.
pub static VERDICTS: [Verdict; 12] = [
    Verdict { stack: Stack::Avahi, always: &[], at_times: &["record_interval"] },
    Verdict { stack: Stack::Resolved, always: &[], at_times: &["header_bits", "record_interval"] },
    Verdict { stack: Stack::Zeroconf, always: &["header_bits", "record_interval"], at_times: &[] },
    Verdict {
        stack: Stack::Bonjour,
        always: &["cache_flush_unique"],
        at_times: &["record_interval"],
    },
    Verdict { stack: Stack::MdnsSd, always: &[], at_times: &["record_interval", "query_interval"] },
    Verdict {
        stack: Stack::Grandcat,
        always: &["cache_flush_unique", "header_bits"],
        at_times: &[],
    },
    Verdict {
        stack: Stack::Brutella,
        always: &["cache_flush_unique"],
        at_times: &["record_interval"],
    },
    Verdict { stack: Stack::Hashicorp, always: &[], at_times: &[] },
    Verdict { stack: Stack::Pion, always: &[], at_times: &[] },
    Verdict { stack: Stack::JmDns, always: &[], at_times: &["record_interval"] },
    Verdict { stack: Stack::Ciao, always: &[], at_times: &["record_interval"] },
    Verdict {
        stack: Stack::Libmdns,
        always: &["cache_flush_unique"],
        at_times: &["record_interval"],
    },
];

/// A stack's row.
pub fn verdict(stack: Stack) -> &'static Verdict {
    VERDICTS.iter().find(|verdict| verdict.stack == stack).expect("a row for each")
}

/// The MAC of a stack's host.
pub fn mac(stack: Stack, number: u8) -> String {
    format!("02:53:00:00:{:02x}:{number:02x}", stack as u8)
}

/// Gives a host that MAC.
pub fn name_by_mac(host: &NetNs, stack: Stack, number: u8) {
    host.ip(&["link", "set", "eth0", "address", &mac(stack, number)]);
}

/// The devices of a report.
pub fn devices(judged: &Value) -> impl Iterator<Item = &Value> {
    judged["devices"].as_array().expect("a list").iter()
}

/// The devices that are a stack's hosts, told by their MAC.
pub fn hosts_of(judged: &Value, stack: Stack) -> impl Iterator<Item = &Value> {
    devices(judged).filter(move |device| (1..=9).any(|n| device["device"] == mac(stack, n)))
}

/// The hard rules that a device is said to have broken.
pub fn hard(device: &Value) -> BTreeSet<&'static str> {
    let broken = device["violations"].as_object().expect("an object");
    let hard = Rule::ALL.iter().filter(|rule| rule.hardness() == Hardness::Hard);
    let counted = hard.filter(|rule| broken.get(rule.id()).is_some_and(|count| *count != 0));
    counted.map(|rule| rule.id()).collect()
}

/// What a stack's hosts are said to have broken.
pub fn hard_of(judged: &Value, stack: Stack) -> BTreeSet<&'static str> {
    hosts_of(judged, stack).flat_map(hard).collect()
}

/// The conditions that a device is said to have or to have had.
pub fn conditions(device: &Value) -> BTreeSet<&str> {
    let list = device["conditions"].as_array().expect("a list");
    list.iter().map(|held| held["condition"].as_str().expect("an id")).collect()
}

/// The hard rules that may be said of a stack.
pub fn allowed(verdict: &Verdict) -> BTreeSet<&'static str> {
    verdict.always.iter().chain(verdict.at_times).copied().collect()
}

/// What a stack's hosts are said to have broken, if that is not what its row says.
pub fn not_as_written(judged: &Value, verdict: &Verdict) -> Option<String> {
    let is = hard_of(judged, verdict.stack);
    let always: BTreeSet<_> = verdict.always.iter().copied().collect();
    let as_written = is.is_subset(&allowed(verdict)) && is.is_superset(&always);
    (!as_written).then(|| format!("{:?}: {is:?}", verdict.stack))
}

/// Devices with a condition, or the storms: of healthy stacks there are none.
pub fn ailing(judged: &Value) -> Vec<String> {
    let conditions = devices(judged).filter(|device| !conditions(device).is_empty());
    let conditions = conditions.map(|d| format!("{} has {}", d["device"], d["conditions"]));
    let storms = judged["storms"].as_array().expect("a list").iter().map(Value::to_string);
    conditions.chain(storms).collect()
}

/// Counts for a reader of the log: docs/conformance.md has them from here.
pub fn print(judged: &Value) {
    for device in devices(judged) {
        let (mac, name, violations) = (&device["device"], &device["name"], &device["violations"]);
        println!("{mac} {name} {violations} {}", device["conditions"]);
    }
}
