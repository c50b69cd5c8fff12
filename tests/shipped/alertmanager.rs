//! The shipped Alertmanager files as amtool reads them: they are valid, each severity goes where it
//! should, and the messages are those that the README shows. Also what the inhibition rules match.

use crate::support::servers::amtools;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const CONFIG: &str = "deploy/alertmanager/alertmanager.yml";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs amtool, of 0.25 and newer, at the root of the repository, and hands out what it printed:
/// both the same.
fn amtool(arguments: &[&str]) -> String {
    let outputs = amtools().map(|program| {
        let output = Command::new(&program).args(arguments).current_dir(root()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?}: {said}", program.display());
        String::from_utf8(output.stdout).expect("UTF-8")
    });
    let [old, new] = outputs;
    assert_eq!(old, new, "amtool {arguments:?}");
    old
}

/// What the README shows below a command: the rest of its block.
fn shown_in_readme(command: &str) -> String {
    let readme = read("deploy/alertmanager/README.md");
    let begin = format!("$ {command}\n");
    let (_, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let end = ["\n```", "\n$ "].iter().filter_map(|end| rest.find(end)).min().expect("an end");
    rest[..end].to_owned()
}

/// Runs a command of amtool as the README has it.
fn as_in_readme(command: &str) -> String {
    let output =
        Command::new("sh").args(["-c", command]).current_dir(root()).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
#[ignore = "tools: make test"]
fn amtool_has_no_complaint() {
    let said = amtool(&["check-config", CONFIG]);
    assert_eq!(said.matches("SUCCESS").count(), 2, "the file and its template: {said}");
    assert!(!said.contains("FAILED"), "{said}");
}

#[test]
#[ignore = "tools: make test"]
fn each_severity_goes_to_its_receiver() {
    let table = [
        ("page", "alertname=MulticastDeviceFlooding severity=critical interface=eth0"),
        ("chat", "alertname=MulticastDeviceChatty severity=warning interface=eth0"),
        ("mail", "alertname=MulticastExporterDegraded severity=info"),
        ("page", "alertname=MulticastNothingCaptured severity=critical capture=eth0 site=north"),
        ("page", "alertname=MulticastDeviceFlooding severity=critical lan=home site=north"),
        ("deadmansswitch", "alertname=MulticastWatchdog severity=none"),
        ("deadmansswitch", "alertname=Watchdog severity=none"),
        ("chat", "alertname=SomebodyElses severity=unheard-of"),
        ("chat", "alertname=SomebodyElses"),
    ];
    for (receiver, labels) in table {
        let file = format!("--config.file={CONFIG}");
        let verify = format!("--verify.receivers={receiver}");
        let mut arguments = vec!["config", "routes", "test", &file, &verify];
        arguments.extend(labels.split(' '));
        assert_eq!(amtool(&arguments).trim(), receiver, "{labels}");
    }
}

#[test]
#[ignore = "tools: make test"]
fn the_readme_shows_what_amtool_prints() {
    let readme = read("deploy/alertmanager/README.md");
    let commands: Vec<&str> =
        readme.lines().filter_map(|line| line.strip_prefix("$ amtool ")).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let command = format!("amtool {command}");
        assert_eq!(as_in_readme(&command).trim_end(), shown_in_readme(&command), "{command}");
    }
}

#[test]
#[ignore = "tools: make test"]
fn every_template_can_be_rendered() {
    let templates = read("deploy/alertmanager/multicast.tmpl");
    let names: Vec<&str> = templates
        .lines()
        .filter_map(|line| line.strip_prefix("{{ define \"")?.split_once('"'))
        .map(|(name, _)| name)
        .collect();
    assert!(names.len() > 10, "{names:?}");
    // What the receivers name, and what they are given.
    let config = read(CONFIG);
    let mut used = BTreeSet::new();
    for call in config.split("{{ template \"").skip(1) {
        let (call, _) = call.split_once("}}").expect("an end");
        let (name, given) = call.split_once('"').expect("an end");
        assert!(names.contains(&name), "{name}");
        used.insert((name, given.trim()));
    }
    assert!(used.len() >= 5, "{used:?}");
    for (name, given) in used {
        let kind = if name.contains("html") { "html" } else { "text" };
        let out = amtool(&[
            "template",
            "render",
            "--template.glob=deploy/alertmanager/multicast.tmpl",
            "--template.data=deploy/alertmanager/example.json",
            &format!("--template.type={kind}"),
            &format!("--template.text={{{{ template \"{name}\" {given} }}}}"),
        ]);
        assert!(!out.contains("no value"), "{name}: {out}");
        let resolved_only = given == ".Alerts.Resolved";
        assert_eq!(out.contains("Office printer"), !resolved_only, "{name} {given}: {out}");
    }
}

#[derive(Deserialize)]
struct Config {
    inhibit_rules: Vec<InhibitRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InhibitRule {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
    equal: Vec<String>,
}

/// The alerts that name a segment, as `lan` or as job, instance and interface, and whether they name a
/// device too.
const ALERTS: [(&str, bool); 14] = [
    ("MulticastDeviceFlooding", true),
    ("MulticastLoop", false),
    ("MulticastInventedSenders", false),
    ("MulticastSegmentFlooding", false),
    ("MulticastDeviceBurst", true),
    ("MulticastDeviceChatty", true),
    ("MdnsRecordRepeated", true),
    ("MdnsRenameLoop", false),
    ("MdnsNameConflict", false),
    ("MdnsGoodbyeFlapping", false),
    ("MdnsReflectionLoop", false),
    ("MulticastAddressRepeated", true),
    ("MulticastRouterAdvertisements", true),
    ("MulticastDhcpLoop", true),
];
/// The alerts that name none. No rule may match them: they would be equal to everything.
const OTHERS: [&str; 12] = [
    "MulticastHostCost",
    "MulticastSocketDrops",
    "MulticastQuerierMissing",
    "MulticastQuerierConflict",
    "MulticastQuerierNeverSeen",
    "MulticastNothingCaptured",
    "MulticastLanSilent",
    "MulticastCaptureDropping",
    "MulticastExporterDown",
    "MulticastExporterAbsent",
    "MulticastExporterDegraded",
    "MulticastWatchdog",
];

/// What tells a segment from all others.
const SEGMENT: [&str; 5] = ["site", "lan", "job", "instance", "interface"];

/// The alerts that a rule's side matches. It has one matcher, of the alert's name.
fn matched(matchers: &[String]) -> Vec<&'static str> {
    let [matcher] = matchers else { panic!("one matcher: {matchers:?}") };
    let value = matcher.strip_prefix("alertname=").expect("of the alert's name");
    let value = value.strip_prefix('~').unwrap_or(value).trim_matches('"');
    let regex = regex::Regex::new(&format!("^(?:{value})$")).expect("a pattern");
    let names = ALERTS.iter().map(|(name, _)| *name).chain(OTHERS);
    let names: Vec<&str> = names.filter(|name| regex.is_match(name)).collect();
    assert!(!names.is_empty(), "{matcher} matches an alert");
    names
}

#[test]
fn inhibition_is_by_labels_that_both_sides_carry_and_never_mutual() {
    let config: Config = serde_saphyr::from_str(&read(CONFIG)).expect("valid");
    let mut pairs = BTreeSet::new();
    for rule in &config.inhibit_rules {
        for source in matched(&rule.source_matchers) {
            for target in matched(&rule.target_matchers) {
                for name in [source, target] {
                    let known = ALERTS.iter().find(|(alert, _)| *alert == name);
                    let (_, device) = known.unwrap_or_else(|| panic!("{name} names no segment"));
                    for label in &rule.equal {
                        // All alerts about a segment carry `site`, or none does; and so `lan`, or job,
                        // instance and interface.
                        let carried =
                            SEGMENT.contains(&label.as_str()) || (*device && label == "device");
                        assert!(carried, "{name} does not always carry {label}");
                    }
                }
                for label in SEGMENT {
                    assert!(rule.equal.iter().any(|equal| equal == label), "{source}: {label}");
                }
                let both = [source, target]
                    .iter()
                    .all(|name| ALERTS.iter().any(|(alert, device)| alert == name && *device));
                let of_device = rule.equal.iter().any(|equal| equal == "device");
                assert_eq!(of_device, both, "{source} silences {target} of the same device only");
                assert!(pairs.insert((source, target)), "{source} and {target} twice");
            }
        }
    }
    for (source, target) in &pairs {
        assert!(!pairs.contains(&(*target, *source)), "{source} and {target} silence each other");
    }
    let flooding = [
        "MdnsGoodbyeFlapping",
        "MdnsNameConflict",
        "MdnsRecordRepeated",
        "MdnsReflectionLoop",
        "MdnsRenameLoop",
        "MulticastDeviceChatty",
        "MulticastSegmentFlooding",
    ];
    let loops = flooding.into_iter().chain([
        "MulticastAddressRepeated",
        "MulticastDeviceBurst",
        "MulticastDeviceFlooding",
        "MulticastDhcpLoop",
        "MulticastInventedSenders",
        "MulticastRouterAdvertisements",
    ]);
    let wanted = (flooding.iter().map(|target| ("MulticastDeviceFlooding", *target)))
        .chain(loops.map(|target| ("MulticastLoop", target)));
    assert_eq!(pairs, wanted.collect());
}

#[test]
fn groups_and_inhibition_tell_sites_and_devices_apart() {
    let config = read(CONFIG);
    let group = config.lines().find_map(|line| line.trim().strip_prefix("group_by: "));
    assert_eq!(group, Some("[alertname, site, lan, job, instance, interface, device]"));
    let names: BTreeSet<String> = shipped_alerts().into_iter().collect();
    let known = ALERTS.iter().map(|(name, _)| *name).chain(OTHERS).map(str::to_owned);
    assert_eq!(known.collect::<BTreeSet<_>>(), names, "each alert is in one of the two lists");
}

fn shipped_alerts() -> Vec<String> {
    let rules = read("deploy/prometheus/alerts.rules.yml");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}
