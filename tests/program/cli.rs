//! The command line of the real program, without privilege and network: what it prints, errors in
//! one line, and its exit codes.

use crate::support::golden::compare_with_golden;
use crate::support::process::program;
use flate2::write::GzEncoder;
use multicast_exporter::craft::host::MDNS_V4;
use multicast_exporter::craft::mdns::{Query, Responder, Service};
use multicast_exporter::craft::{Captured, Host, Pcap, Tag, Udp, tagged};
use multicast_exporter::decode::Protocol;
use multicast_exporter::time::Stamp;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a run left behind.
struct Run {
    code: i32,
    out: String,
    err: String,
}

fn run(directory: &Path, arguments: &[&str], input: &[u8]) -> Run {
    let mut command = program();
    command.current_dir(directory).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // It may end without having read all.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    Run {
        code: output.status.code().expect("no signal"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A printer that boots and is asked, and a host in VLAN 30.
fn frames() -> Vec<Captured> {
    let (printer, phone, guest) = (Host::numbered(1), Host::numbered(2), Host::numbered(3));
    let ipp = Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C");
    let canon = Responder::new("canon", printer).service(ipp);
    let frames = [
        phone.arp_announcement(),
        printer.mdns4(canon.probe()),
        printer.mdns4(canon.announcement()),
        printer.mdns6(canon.announcement()),
        phone.mdns4(Query::browse("_ipp._tcp")),
        printer.mdns4(canon.response("_ipp._tcp")),
        printer.mdns4(canon.response("_ipp._tcp")),
        tagged(&guest.arp_announcement(), Tag { tpid: 0x8100, tci: 30 }),
        phone.unicast4(printer, &Udp::new(1, 2, [])),
    ];
    let at = |n: usize| Stamp::new(1_700_000_000 + 3 * i64::try_from(n).expect("few"), 0);
    frames.into_iter().enumerate().map(|(n, frame)| Captured::new(at(n), frame)).collect()
}

/// A folder with a good capture, and bad ones of each sort.
fn folder() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(directory.path().join(name), bytes).expect("a file of ours");
    };
    let good = Pcap::default().write(&frames());
    write("good.pcap", &good);
    write("cut.pcap", &good[..good.len() - 10]);
    write("empty.pcap", b"");
    write("foreign.pcap", b"Dear diary, nothing was captured today.\n");
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&good).expect("written to memory");
    write("good.pcap.gz", &gzip.finish().expect("written to memory"));
    write("good.pcap.zst", &zstd_stored(&good));
    fs::create_dir(directory.path().join("folder.pcap")).expect("a folder of ours");
    directory
}

/// A Zstandard frame of one raw block (RFC 8878 section 3.1.1): 4 bytes of content size.
fn zstd_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("small");
    let block = length << 3 | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0], &length.to_le_bytes()[..], &block.to_le_bytes()[..3], bytes]
        .concat()
}

/// The head of the table of `good.pcap`.
const GOOD: &str = "9 frames in 24.000 s, 2023-11-14T22:13:20Z to 2023-11-14T22:13:44Z";

#[test]
fn the_table_is_as_it_should_be() {
    let table = run(folder().path(), &["analyze", "good.pcap"], b"");
    assert_eq!((table.code, &*table.err), (0, ""));
    compare_with_golden("analyze.txt", &table.out);
    assert!(table.out.starts_with(GOOD));
}

#[test]
fn bad_files_are_told_in_a_line_each_and_the_rest_is_reported() {
    let directory = folder();
    let cut_at = fs::metadata(directory.path().join("good.pcap")).expect("there").len();
    let last = u64::from(frames().last().expect("some").wire_len);
    // A record begins with 16 bytes of its own.
    let cut = format!(
        "cut.pcap: breaks off at byte {}: the file ends after {} of {last} bytes of a frame\n",
        cut_at - last - 16,
        last - 10,
    );
    let missing = "missing.pcap: opening: No such file or directory (os error 2)\n";
    let empty = "empty.pcap: not a capture file that can be read: an empty file\n";
    let foreign = "foreign.pcap: not a capture file that can be read: text\n";
    let is_folder = "folder.pcap: reading: Is a directory (os error 21)\n";
    // Nothing but the reason.
    let none = "";
    let of_cut = "8 frames in 21.000 s";
    let cases: [(&[&str], i32, &[&str], &str); 9] = [
        (&["missing.pcap"], 2, &[missing], none),
        (&["empty.pcap"], 2, &[empty], none),
        (&["foreign.pcap"], 2, &[foreign], none),
        (&["folder.pcap"], 2, &[is_folder], none),
        (&["cut.pcap"], 1, &[&cut], of_cut),
        (&["good.pcap.gz"], 0, &[], GOOD),
        (&["good.pcap.zst"], 0, &[], GOOD),
        (&["missing.pcap", "good.pcap", "foreign.pcap"], 2, &[missing, foreign], GOOD),
        (&["good.pcap", "cut.pcap"], 1, &[&cut], "17 frames in 24.000 s"),
    ];
    for (files, code, lines, head) in cases {
        let told = run(directory.path(), &[&["analyze"], files].concat(), b"");
        let lines: String = lines.iter().flat_map(|line| ["multicast_exporter: ", *line]).collect();
        assert_eq!((told.err, told.code), (lines, code), "{files:?}");
        let is_told =
            if head.is_empty() { told.out.is_empty() } else { told.out.starts_with(head) };
        assert!(is_told, "{files:?}:\n{}", told.out);
    }
}

#[test]
fn what_it_is_told_to_fail_on_is_exit_code_3_unless_something_went_wrong() {
    let directory = folder();
    let printer = Host::numbered(1);
    let canon = Responder::new("canon", printer);
    let wrong_port = Udp::new(40_000, 5353, canon.announcement());
    let bad = [printer.udp4(MDNS_V4, 255, &wrong_port), printer.mdns4(*b"short")];
    let stamped = bad.into_iter().zip(1_700_000_000..);
    let frames: Vec<Captured> =
        stamped.map(|(frame, at)| Captured::new(Stamp::new(at, 0), frame)).collect();
    fs::write(directory.path().join("bad.pcap"), Pcap::default().write(&frames)).expect("written");
    let code = |fail_on: &str, file| run(directory.path(), &["analyze", fail_on, file], b"").code;
    for (what, of_good, of_bad) in [
        ("storm", 0, 0),
        ("condition", 0, 0),
        ("violation", 0, 3),
        ("malformed", 0, 3),
        ("storm,condition,violation,malformed", 0, 3),
    ] {
        let fail_on = format!("--fail-on={what}");
        assert_eq!(
            (code(&fail_on, "good.pcap"), code(&fail_on, "bad.pcap")),
            (of_good, of_bad),
            "{what}"
        );
    }
    assert_eq!(code("--fail-on=violation", "cut.pcap"), 1);
    let both = ["analyze", "--fail-on=violation", "bad.pcap", "empty.pcap"];
    assert_eq!(run(directory.path(), &both, b"").code, 2, "something went wrong");
    let unknown = run(directory.path(), &["analyze", "--fail-on=rain", "good.pcap"], b"");
    assert_eq!(unknown.code, 2);
    // Where it was is said as Wireshark numbers frames, and in which file if there are two.
    let told = run(directory.path(), &["analyze", "bad.pcap"], b"").out;
    assert!(
        told.lines().any(|l| l.starts_with("source_port") && l.ends_with(", frame 1")),
        "{told}"
    );
    let two = ["analyze", "--output=json", "good.pcap", "bad.pcap"];
    let report: Value = serde_json::from_str(&run(directory.path(), &two, b"").out).expect("JSON");
    let devices = report["devices"].as_array().expect("an array");
    let last =
        devices.iter().find_map(|device| device["offences"].get("source_port")).expect("one");
    assert_eq!((&last["frame"], &last["file"]), (&1.into(), &"bad.pcap".into()));
    // What it means is said below the table, and nothing that is not in it.
    let told = run(directory.path(), &["analyze", "--explain", "bad.pcap"], b"").out;
    let legend = told.split("WHAT THIS MEANS").nth(1).expect("a legend");
    let rule =
        "source_port (hard rule, RFC 6762 section 6): Multicast responses come from port 5353.";
    assert!(legend.contains(rule) && !legend.contains("ttl_value"), "{told}");
    assert!(!run(directory.path(), &["analyze", "bad.pcap"], b"").out.contains("WHAT THIS MEANS"));
}

#[test]
fn standard_input_is_a_file_too() {
    let directory = folder();
    let good = fs::read(directory.path().join("good.pcap")).expect("there");
    let read = run(directory.path(), &["analyze", "-"], &good);
    assert_eq!((read.code, &*read.err), (0, ""));
    assert!(read.out.starts_with(GOOD), "{}", read.out);
    let nothing = run(directory.path(), &["analyze", "-"], b"");
    let line = "multicast_exporter: -: not a capture file that can be read: an empty file\n";
    assert_eq!((nothing.code, &*nothing.err), (2, line));
}

#[test]
fn json_has_the_shape_that_is_promised() {
    let told = run(folder().path(), &["analyze", "--output=json", "good.pcap"], b"");
    let report: Value = serde_json::from_str(&told.out).expect("JSON");
    let keys = |value: &Value| {
        value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    // serde_json sorts them; they stand in the order of the documentation.
    assert_eq!(
        keys(&report),
        "comments devices duration_seconds end files frames protocols segments start storms version"
    );
    assert!(told.out.starts_with("{\n  \"version\": 1,\n  \"files\": ["), "{}", &told.out[..40]);
    assert_eq!(report["files"], serde_json::json!(["good.pcap"]));
    assert_eq!(report["start"], "2023-11-14T22:13:20Z");
    assert_eq!(report["end"], "2023-11-14T22:13:44Z");
    assert!((report["duration_seconds"].as_f64().expect("a number") - 24.0).abs() < 1e-9);
    let frames = serde_json::json!(
        {"total": 9, "multicast": 8, "multicast_in_unicast": 0, "decode_errors": {}}
    );
    assert_eq!(report["frames"], frames);
    assert_eq!(report["storms"], serde_json::json!([]));
    assert_eq!(report["protocols"].as_object().expect("an object").len(), Protocol::COUNT);
    for (name, volume) in report["protocols"].as_object().expect("an object") {
        assert!(volume["packets"].is_u64() && volume["bytes"].is_u64(), "{name}");
        assert_eq!(keys(volume), "bytes packets");
    }
    let devices = report["devices"].as_array().expect("an array");
    let packets = |device: &Value| {
        let packets = device["packets"].as_object().expect("an object");
        packets.values().map(|n| n.as_u64().expect("a number")).sum::<u64>()
    };
    assert_eq!(devices.iter().map(packets).collect::<Vec<_>>(), [5, 2, 1], "most packets first");
    for device in devices {
        assert_eq!(
            keys(device),
            "addresses bytes category conditions device first_seen interface last_seen mdns model name offences \
             packets peak_packets_per_second provoked vendor violations"
        );
        assert_eq!(keys(&device["bytes"]), keys(&device["packets"]));
        assert_eq!(keys(&device["mdns"]["records"]), "additional answer authority question");
        assert_eq!(
            keys(&device["mdns"]["messages"]),
            "announcement goodbye legacy_query malformed probe query response"
        );
        assert_eq!(keys(&device["violations"]), "");
    }
    let [printer, phone, guest] = &devices[..] else { panic!("three devices") };
    assert_eq!(
        (&printer["interface"], &guest["interface"]),
        (&"capture".into(), &"capture.30".into())
    );
    assert_eq!(printer["device"], "00:00:5e:00:00:01");
    assert_eq!(printer["category"], "printer");
    assert_eq!(printer["addresses"][0], "10.53.0.1");
    assert_eq!(printer["first_seen"], "2023-11-14T22:13:23Z");
    assert!(phone["name"].is_null() && phone["model"].is_null());
    assert_eq!(phone["category"], "unknown");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let directory = folder();
    let mut command = program();
    command.current_dir(directory.path()).args(["analyze", "good.pcap"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

/// Each would end before anything is opened.
#[test]
fn wrong_flags_are_told_in_a_line_that_names_them() {
    let directory = folder();
    let cases: [(&[&str], &str); 23] = [
        (&["--nosuch"], "unexpected argument '--nosuch' found"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["analyze"], "the following required arguments were not provided: <FILE>..."),
        (
            &["analyze", "--output=xml", "good.pcap"],
            "invalid value 'xml' for '--output <FORMAT>' [possible values: table, json]",
        ),
        (
            &["analyze", "--devices.max=0", "good.pcap"],
            "invalid value '0' for '--devices.max <N>': must lie between 1 and 1000000",
        ),
        (
            &["--devices.expiry=5"],
            "invalid value '5' for '--devices.expiry <DURATION>': time unit needed, for example 5sec or 5ms",
        ),
        (
            &["--devices.expiry=1m"],
            "invalid value '1m' for '--devices.expiry <DURATION>': must be at least 2m: the busiest second of the last minute is kept",
        ),
        (
            &["--capture.ring-size=4X"],
            "invalid value '4X' for '--capture.ring-size <SIZE>': unknown unit \"X\"; write 4MiB or 4194304",
        ),
        (
            &["--capture.ring-size=1"],
            "invalid value '1' for '--capture.ring-size <SIZE>': must lie between 64KiB and 1GiB",
        ),
        (
            &["--capture.sockets=0"],
            "invalid value '0' for '--capture.sockets <N>': 0 is not in 1..=4096",
        ),
        (
            &["--capture.speed=0"],
            "invalid value '0' for '--capture.speed <FACTOR>': must lie between 0.001 and 1000000",
        ),
        (
            &["--capture.backend=magic"],
            "invalid value 'magic' for '--capture.backend <BACKEND>' [possible values: auto, ring, pnet, socket]",
        ),
        (
            &["--capture.file=good.pcap", "--capture.interface=eth0"],
            "the argument '--capture.file <FILE>' cannot be used with '--capture.interface <REGEX>'",
        ),
        (
            &["--web.telemetry-path=metrics"],
            "invalid value 'metrics' for '--web.telemetry-path <PATH>': \"metrics\" does not begin with a slash",
        ),
        (
            &["--web.telemetry-path=/storms/1"],
            "invalid value '/storms/1' for '--web.telemetry-path <PATH>': \"/storms/1\" is the path of another page",
        ),
        (
            &["--web.external-url=nas:10353"],
            "invalid value 'nas:10353' for '--web.external-url <URL>': is no URL; write http://HOST:PORT or https://HOST/PATH",
        ),
        (
            &["demo", "--web.external-url=http://nas/?x"],
            "invalid value 'http://nas/?x' for '--web.external-url <URL>': a path is appended to it: it must have no query and no fragment",
        ),
        (
            &["--lan=eth0=the office"],
            "invalid value 'eth0=the office' for '--lan <[INTERFACE=]NAME>': the name \"the office\" has characters other than letters, digits and - . _",
        ),
        (&["--lan=eth0=a,eth0=b"], "--lan: eth0 is named twice"),
        (
            &["demo", "--lan=home", "--lan=office"],
            "--lan: two names without an interface: home and office",
        ),
        (
            &["--log.level=loud"],
            "invalid value 'loud' for '--log.level <LEVEL>' [possible values: error, warn, info, debug, trace]",
        ),
        (
            &["--capture.interface=eth["],
            "--capture.interface: \"eth[\" is not a regular expression: unclosed character class",
        ),
        (
            &["--web.listen-address=nonsense"],
            "--web.listen-address: \"nonsense\": there is no port; write host:port, [IPv6]:port, or :port for all addresses",
        ),
    ];
    for (arguments, line) in cases {
        let told = run(directory.path(), arguments, b"");
        let err = told.err.replace(" (see --help)", "");
        assert_eq!((told.code, &*err), (2, &*format!("multicast_exporter: {line}\n")));
        assert_eq!(told.out, "", "{arguments:?}");
    }
}

#[test]
fn what_may_have_been_meant_is_said_and_nobody_is_told_all_he_wrote() {
    let directory = folder();
    let long = format!("--web.external-url=http://{}", "a/".repeat(1_500));
    let cases: [(&[&str], &str); 5] = [
        (&["analyse"], "unrecognized subcommand 'analyse'; a similar subcommand exists: 'analyze'"),
        (
            &["--capture.inteface=x"],
            "unexpected argument '--capture.inteface' found; a similar argument exists: '--capture.interface'",
        ),
        (
            &["--lan=eth0=office."],
            "invalid value 'eth0=office.' for '--lan <[INTERFACE=]NAME>': the name \"office.\" must begin and end with a letter or digit, and have no two dots in a row",
        ),
        (
            &["--web.external-url=http://nas/a b"],
            "invalid value 'http://nas/a b' for '--web.external-url <URL>': has ' ', which must be written as %XX, or as xn-- in a host name",
        ),
        (
            &[&long],
            "invalid value 'http://a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/…a/a/a/a/a/a/a/' for '--web.external-url <URL>': it has 3007 characters; at most 512",
        ),
    ];
    for (arguments, line) in cases {
        let told = run(directory.path(), arguments, b"");
        let err = told.err.replace(" (see --help)", "");
        assert_eq!((told.code, &*err), (2, &*format!("multicast_exporter: {line}\n")));
        assert_eq!(told.out, "", "{arguments:?}");
    }
}

#[test]
fn a_replay_of_what_is_no_capture_is_refused() {
    let flags = ["--capture.file=foreign.pcap", "--web.listen-address=127.0.0.1:0"];
    let told = run(folder().path(), &flags, b"");
    let line = "--capture.file=foreign.pcap: not a capture file that can be read: text";
    assert_eq!((told.code, &*told.err), (2, &*format!("multicast_exporter: {line}\n")));
}

#[test]
fn help_and_version_go_to_standard_output() {
    let directory = folder();
    for (arguments, word) in [
        (&["--help"][..], "--capture.interface"),
        (&["-h"], "--capture.interface"),
        (&["analyze", "--help"], "--output"),
        (&["help"], "--capture.interface"),
        (&["help", "demo"], "--storm-after"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let told = run(directory.path(), arguments, b"");
        assert_eq!((told.code, &*told.err), (0, ""), "{arguments:?}");
        assert!(told.out.contains(word), "{arguments:?}: {}", told.out);
    }
}

#[test]
fn an_environment_variable_is_a_flag() {
    let directory = folder();
    let mut command = program();
    command.current_dir(directory.path()).args(["analyze", "good.pcap"]);
    command.env("MULTICAST_EXPORTER_ANALYZE_OUTPUT", "json");
    let output = command.output().expect("it runs");
    assert!(output.status.success() && output.stdout.starts_with(b"{"));
}

#[test]
fn a_configuration_that_would_never_end_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    for path in ["/dev/zero", "pipe", "."] {
        let file = format!("--config.file={path}");
        for arguments in [&[&*file][..], &["analyze", &file, "x.pcap"]] {
            let run = run(folder.path(), arguments, b"");
            assert_eq!(run.code, 2, "{}", run.err);
            assert!(run.err.contains("is not a regular file: write the"), "{}", run.err);
            assert_eq!(run.err.lines().count(), 1, "{}", run.err);
        }
    }
}
