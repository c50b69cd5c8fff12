//! The demo as a user meets it: the real program over loopback, without privilege or network.

use crate::support::process::program;
use crate::support::served::Served;
use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

const PRINTER: &str = r#"multicast_device_packets_total{interface="demo",device="00:1e:8f:ab:10:08",protocol="mdns"}"#;
const STREAMER: &str = r#"multicast_device_packets_total{interface="demo",device="00:1b:21:53:00:33",protocol="other_multicast"}"#;

#[test]
fn a_lan_that_is_known_is_there_at_once_and_its_printer_locks_up_and_is_unplugged() {
    let names = ["--lan=home", "--web.external-url=https://nas.example/multicast/"];
    let when = ["demo", "--storm-after=3s", "--storm-for=3s"];
    let mut demo = Served::start(&[&when[..], &names].concat());
    demo.wait("readiness", |demo| demo.get("/-/ready").is_ok());
    let body = demo.body("/metrics");
    for wanted in [
        r#"multicast_capture_info{backend="demo",bytes="yes",capture="demo",direction="no",drops="yes",vlan="yes"} 1"#,
        r#"address="10.0.1.8",name="A1CA45000000.local",vendor="CANON INC.""#,
        r#"multicast_capture_up{capture="demo"} 1"#,
        r#"multicast_lan_info{interface="demo",lan="home"} 1"#,
        r#"multicast_exporter_web_info{external_url="https://nas.example/multicast"} 1"#,
    ] {
        assert!(body.contains(wanted), "{wanted}: {body}");
    }
    let devices = demo.value(r#"multicast_interface_devices{interface="demo"}"#);
    assert!(devices.is_some_and(|devices| devices >= 15.0), "{devices:?}");
    let before = demo.value(PRINTER).expect("the printer");
    assert!(before < 400.0, "{before}");
    demo.wait("the streamer", |demo| demo.value(STREAMER).is_some_and(|n| n > 2_000.0));
    demo.wait("the storm", |demo| demo.value(PRINTER).is_some_and(|n| n >= before + 590.0));
    thread::sleep(Duration::from_millis(300));
    let after = demo.value(PRINTER).expect("the printer");
    assert!(after < before + 620.0, "{before} to {after}");
    demo.process.signal(libc::SIGTERM);
    assert_eq!(demo.process.wait().code(), Some(0));
}

#[test]
fn the_machine_pays_for_the_storm_and_the_other_segments_have_faults_of_their_own() {
    let demo = Served::start(&["demo", "--storm-after=2s", "--storm-for=50s"]);
    demo.wait("readiness", |demo| demo.get("/-/ready").is_ok());
    let avahi = r#"multicast_host_process_syscalls_per_second{process="avahi-daemon"}"#;
    let idle = demo.value(avahi).expect("windows before the start");
    assert!(idle < 50.0, "{idle} calls a second");
    assert_eq!(demo.value(r#"multicast_exporter_sockets_info{owners="fd"}"#), Some(1.0));
    for (segment, lan) in [("demo", "home"), ("demo.20", "workshop"), ("demo.30", "guests")] {
        let named = format!(r#"multicast_lan_info{{interface="{segment}",lan="{lan}"}}"#);
        assert_eq!(demo.value(&named), Some(1.0), "{named}");
    }
    demo.wait("the cost", |demo| demo.value(avahi).is_some_and(|rate| rate > 2_900.0));
    let lost = demo.value(r#"multicast_capture_dropped_total{capture="demo"}"#);
    assert!(lost.is_some_and(|lost| (80.0..90.0).contains(&lost)), "{lost:?}");
    for (condition, devices) in [("rename_loop", 1.0), ("name_conflict", 2.0)] {
        let begun = format!(
            r#"multicast_interface_conditions_total{{interface="demo.20",condition="{condition}"}}"#
        );
        demo.wait(condition, |demo| demo.value(&begun) == Some(devices));
    }
    for is_there in [
        r#"mdns_services_wanted{interface="demo.20",service="_scanner._tcp"}"#,
        r#"mdns_questions_unanswered_total{interface="demo.20"}"#,
        r#"multicast_interface_decode_errors_total{interface="demo.20",protocol="mdns",reason="pointer_loop"}"#,
        r#"multicast_interface_reflected_packets_total{interface="demo.30"}"#,
        r#"multicast_device_provoked_packets_total{interface="demo.20",device="00:14:22:53:00:88"}"#,
        r#"multicast_querier_info{interface="demo.30",family="ipv4",address="10.0.30.1",version="3"}"#,
    ] {
        let value = demo.value(is_there);
        assert!(value.is_some_and(|value| value > 0.0), "{is_there}: {value:?}");
    }
}

#[test]
fn a_lan_without_a_storm_has_no_fight_and_loses_nothing() {
    let demo =
        Served::start(&["demo", "--storm-for=0s", "--lan=attic,eht0=cellar,demo.20=attic.20"]);
    demo.wait("readiness", |demo| demo.get("/-/ready").is_ok());
    let said = demo.process.log();
    let unknown: Vec<&str> = said.lines().filter(|line| line.contains("--lan names")).collect();
    assert!(unknown.len() == 1 && unknown[0].contains("interface=eht0"), "{said}");
    let value = |series: &str| demo.value(series);
    assert_eq!(value(r#"multicast_capture_dropped_total{capture="demo"}"#), Some(0.0));
    assert_eq!(value(r#"multicast_lan_info{interface="demo.20",lan="attic.20"}"#), Some(1.0));
    assert_eq!(
        value(
            r#"multicast_interface_conditions_total{interface="demo.20",condition="rename_loop"}"#
        ),
        Some(0.0)
    );
}

#[test]
fn the_storm_is_kept_as_evidence_and_judged_by_the_configuration_file() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (file, evidence) = (folder.path().join("m.yml"), folder.path().join("evidence"));
    fs::create_dir(&evidence).expect("room");
    let write = |name: &str| {
        let text = format!("devices:\n- device: 00:1e:8f:ab:10:08\n  name: {name}\n");
        fs::write(&file, text).expect("room");
    };
    write("Office printer");
    let demo = Served::start(&[
        "demo".to_owned(),
        "--storm-after=1s".to_owned(),
        format!("--config.file={}", file.display()),
        format!("--evidence.dir={}", evidence.display()),
    ]);
    demo.wait("readiness", |demo| demo.get("/-/ready").is_ok());
    assert_eq!(demo.value("multicast_exporter_simulated"), Some(1.0));
    let is_named =
        |name: &str| demo.body("/metrics").contains(&format!(r#"name="{name}",vendor="CANON"#));
    assert!(is_named("Office printer"));
    write("Copier");
    demo.process.signal(libc::SIGHUP);
    demo.wait("the other name", |_| is_named("Copier"));
    let active = r#"multicast_device_storm_active{interface="demo",device="00:1e:8f:ab:10:08",level="storm"}"#;
    demo.wait("the storm", |demo| demo.value(active) == Some(1.0));
    let written = r#"multicast_exporter_evidence_files_total{outcome="written"}"#;
    demo.wait("the evidence", |demo| demo.value(written) == Some(1.0));
    let files = fs::read_dir(&evidence).expect("it is there");
    let names = files.map(|file| file.expect("readable").file_name().into_string().expect("UTF-8"));
    let kept: Vec<_> = names.filter(|name| name.ends_with(".pcapng")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    // A quarter of a thousand packets last little more than a second: too short for a storm or a
    // silence to be proved by them alone, so the file says what was known when it was written.
    for output in ["table", "json"] {
        let analyze = ["analyze", &format!("--output={output}")].map(str::to_owned);
        let analyzed = program().args(analyze).arg(evidence.join(&kept[0])).output().expect("ends");
        let said = String::from_utf8_lossy(&analyzed.stdout);
        for named in [
            "storm by mdns, cause repeated_response, up to 200 packets/s",
            "rule record_interval (hard, RFC 6762 section 6) broken ",
            " times so far, last by A1CA45000000.local A, 0.005 s after the one before",
        ] {
            assert!(said.contains(named), "{output}: {named}: {said}");
        }
    }
}

#[test]
fn another_seed_is_another_lan() {
    let devices = |seed: &str| -> BTreeSet<String> {
        let demo = Served::start(&["demo", seed, "--storm-for=0s"]);
        demo.wait("readiness", |demo| demo.get("/-/ready").is_ok());
        let body = demo.body("/metrics");
        let infos = body.lines().filter(|line| line.starts_with("multicast_device_info{"));
        infos
            .filter_map(|line| Some(line.split("device=\"").nth(1)?.get(..17)?.to_owned()))
            .collect()
    };
    let (first, second) = (devices("--seed=1"), devices("--seed=2"));
    assert!(first.len() > 15 && second.len() > 15, "{first:?} {second:?}");
    assert_eq!(first.intersection(&second).count(), 0);
    assert!(first.contains("00:1e:8f:ab:10:08"));
}

#[test]
fn what_cannot_be_listened_on_is_refused() {
    let demo = Served::start(&["demo"]);
    let address = format!("--web.listen-address={}", demo.address);
    let output = program().args(["demo", &address]).output().expect("it ends");
    // It may be free in a while.
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.lines().count() == 1 && said.contains("--web.listen-address"), "{said}");
}

/// A supervisor tries again after 1, and not after 2.
#[test]
fn what_may_pass_is_told_from_what_a_person_has_to_mend() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| format!("--evidence.dir={}", folder.path().join(name).display());
    fs::write(folder.path().join("file"), "").expect("room");
    let free = "--web.listen-address=127.0.0.1:0";
    for (arguments, code) in [
        // An address that DHCP has not brought yet; a disk that is not mounted yet.
        (["--web.listen-address=192.0.2.1:10353", "--log.level=info"], 1),
        ([free, &at("missing/evidence")], 1),
        (["--web.listen-address=127.0.0.1", "--log.level=info"], 2),
        ([free, &at("file")], 2),
        ([free, &at("file/below")], 2),
        ([free, "--config.file=/nowhere/m.yml"], 2),
    ] {
        let output = program().arg("demo").args(arguments).output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn an_empty_variable_is_as_none() {
    let help = program().arg("--help").output().expect("it ends");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let names = help.split("[env: ").skip(1).filter_map(|rest| rest.split('=').next());
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 20, "{names:?}");
    let mut command = program();
    command.args(["demo", "--web.listen-address=192.0.2.1:10353"]);
    for name in names {
        command.env(name, "");
    }
    let output = command.output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("192.0.2.1"), "the flags were taken: {said}");
}
