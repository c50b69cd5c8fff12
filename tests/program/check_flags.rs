//! `check` as a program, as far as it needs no network: faults in the flags, and what it reports on
//! a capture file.

use crate::support::process::program;
use std::fs;
use std::process::Output;

fn check(arguments: &[&str]) -> Output {
    program().arg("check").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn bad_flags_are_one_line_and_exit_code_2() {
    for (flag, line) in [
        (
            "--capture.interface=eth[",
            "multicast_exporter: --capture.interface: \"eth[\" is not a regular expression: \
             unclosed character class\n",
        ),
        (
            "--web.listen-address=here",
            "multicast_exporter: --web.listen-address: \"here\": there is no port; write \
             host:port, [IPv6]:port, or :port for all addresses\n",
        ),
        ("--lan=eth0=a,eth0=b", "multicast_exporter: --lan: eth0 is named twice\n"),
    ] {
        let output = check(&[flag]);
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert_eq!(text(&output.stderr), line);
        assert_eq!(text(&output.stdout), "");
    }
    let output = check(&["--check.listen=soon"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--check.listen"), "{output:?}");
}

#[test]
fn a_file_to_replay_is_opened_and_no_interface_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lan.pcap");
    let header =
        [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    fs::write(&file, header).unwrap();
    let replay = format!("--capture.file={}", file.display());
    let address = "--web.listen-address=127.0.0.1:0";

    let output = check(&[&replay, address]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = text(&output.stdout);
    assert!(found.contains("ok       127.0.0.1:0 can be listened on\n"), "{found}");
    assert!(found.contains("none is captured"), "{found}");
    assert!(!found.contains("Listening"), "{found}");
    assert!(found.ends_with("\nNo problems.\n"), "{found}");

    fs::write(&file, "no capture").unwrap();
    let output = check(&[&replay, address]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("PROBLEM  --capture.file="), "{output:?}");
}
