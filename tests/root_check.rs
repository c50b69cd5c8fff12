//! `check` against the kernel: the program runs in network namespaces of the test's own, on one
//! end of a veth pair whose other end the test speaks on.

#![cfg(target_os = "linux")]

mod support;

use multicast_exporter::craft::host::ALL_NODES;
use multicast_exporter::craft::membership::{igmp3_query, mld2_query};
use multicast_exporter::craft::{Host, Query, Tag, tagged};
use multicast_exporter::interfaces::Watcher;
use pnet::datalink::{self, Channel, DataLinkSender};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::process::{BINARY, Process, program, wait_for};

/// Runs `test` in a thread that has a fresh network namespace, with what it starts. The kernel
/// deletes the namespace and all in it when the thread ends.
fn in_fresh_namespace(test: impl FnOnce() + Send + 'static) {
    let run = move || {
        // SAFETY: unshare takes no pointer; CLONE_NEWNET concerns the calling thread only.
        let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(result, 0, "unshare: {} (needs root)", std::io::Error::last_os_error());
        ip("link set lo up");
        test();
    };
    if let Err(panic) = std::thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` in the namespace of this thread.
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {arguments}: {status}");
}

/// A pair of which a0 has an address and is captured, and b0 is the rest of the LAN.
fn lan() {
    ip("link add a0 type veth peer name b0");
    ip("address add 192.0.2.1/24 dev a0");
    ip("address add fe80::1/64 dev a0 nodad");
    ip("link set b0 up");
    ip("link set a0 up");
    // The kernel's link watch finds the carrier in its own time: at most a second.
    let mut watcher = Watcher::open().unwrap();
    while !watcher.table().link_by_name("a0").unwrap().flags.running() {
        watcher.next(Duration::from_secs(2)).unwrap();
    }
}

/// Sends on b0.
fn speaker() -> Box<dyn DataLinkSender> {
    let interface = datalink::interfaces().into_iter().find(|i| i.name == "b0").unwrap();
    match datalink::channel(&interface, datalink::Config::default()).unwrap() {
        Channel::Ethernet(sender, _) => sender,
        _ => panic!("b0 is Ethernet"),
    }
}

fn say(frames: &[Vec<u8>]) {
    let mut speaker = speaker();
    for frame in frames {
        speaker.send_to(frame, None).unwrap().unwrap();
    }
}

/// A program that was started, and how to hear it out.
struct Check {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    text: String,
}

impl Check {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, text: String::new() }
    }

    /// Reads on until the program listens: whatever is said from now on is heard.
    fn wait_until_listening(&mut self) {
        while !self.text.contains("\nListening for ") {
            let read = self.out.read_line(&mut self.text).unwrap();
            assert!(read > 0, "it does not listen: {}", self.text);
        }
    }

    /// The exit code and all that was said.
    fn finish(mut self) -> (i32, String) {
        self.out.read_to_string(&mut self.text).unwrap();
        (self.child.wait().unwrap().code().unwrap(), self.text)
    }
}

fn check(arguments: &[&str]) -> Check {
    Check::start(program().arg("check").args(arguments))
}

/// The same as an ordinary user, with the program where that user can reach it.
fn check_as_nobody(arguments: &[&str]) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = directory.path().join("exporter");
    // By another process, as in `e2e/installed.rs`: or it may be busy when it is started.
    assert!(Command::new("cp").arg(BINARY).arg(&program).status().unwrap().success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args(["--inh-caps=-all", "--bounding-set=-all"]);
    let (status, text) = Check::start(command.arg(&program).arg("check").args(arguments)).finish();
    (status, text.replace(program.to_str().unwrap(), "/opt/exporter"))
}

/// The part of the output under this heading.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading}: {text}"));
    let body = &text[start + heading.len() + 2..];
    &body[..body.find("\n\n").map_or(body.len(), |end| end + 1)]
}

#[test]
#[ignore = "root: make test"]
fn a_lan_that_speaks() {
    in_fresh_namespace(|| {
        lan();
        let mut check = check(&["--check.listen=3s"]);
        check.wait_until_listening();
        let browse = || Query::browse("_ipp._tcp").bytes();
        let (printer, router) = (Host::numbered(7), Host::numbered(8));
        say(&[
            printer.mdns4(browse()),
            printer.mdns6(browse()),
            router.igmp(Ipv4Addr::new(224, 0, 0, 1), igmp3_query(Ipv4Addr::UNSPECIFIED, 100)),
            router.mld(ALL_NODES, mld2_query(Ipv6Addr::UNSPECIFIED, 10_000)),
            tagged(&printer.mdns4(browse()), Tag { tpid: 0x8100, tci: 20 }),
        ]);
        let (status, text) = check.finish();
        assert_eq!(status, 0, "{text}");
        assert_eq!(
            part(&text, "Interfaces"),
            "  ok       a0 is captured by ring, with 16 MiB of memory
  ok       a0: all 7 discovery groups joined
  ok       lo is the loopback device: not captured
  ok       b0 is a veth with only link-local addresses, most likely the host's
           end of a container's: not captured
"
        );
        assert_eq!(
            part(&text, "Heard on a0"),
            "  ok       2 other devices; frames: mdns 3, igmp 1, mld 1
  ok       mDNS over IPv4 and IPv6
  ok       IGMP querier: 10.53.0.8, version 3, every 125 s
  ok       MLD querier: fe80::200:5eff:fe00:8, version 2, every 125 s
  ok       tags of 1 VLAN without an interface here, counted as a0.20
"
        );
        assert!(part(&text, "Surroundings").contains("the driver of a0 lets all VLANs through"));
        assert!(text.contains("\nNo problems"), "{text}");
    });
}

#[test]
#[ignore = "root: make test"]
fn listening_ends_when_nothing_more_can_be_learned() {
    in_fresh_namespace(|| {
        lan();
        let mut check = check(&["--check.listen=2m", "--capture.backend=socket"]);
        check.wait_until_listening();
        let other = Host::numbered(7);
        let browse = || Query::browse("_ipp._tcp").bytes();
        say(&[other.mdns4(browse()), other.mdns6(browse())]);
        let (status, text) = check.finish();
        assert_eq!(status, 0, "{text}");
        assert!(text.contains("\nNothing more to learn after 1"), "{text}");
        assert!(part(&text, "Heard on a0").contains("mDNS over IPv4 and IPv6"), "{text}");
    });
}

#[test]
#[ignore = "root: make test"]
fn no_privilege_is_left_while_listening() {
    in_fresh_namespace(|| {
        lan();
        let mut check = check(&["--check.listen=1s"]);
        check.wait_until_listening();
        let tasks = format!("/proc/{}/task", check.child.id());
        let mut threads = 0;
        for task in std::fs::read_dir(tasks).unwrap() {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                let line = status.lines().find(|line| line.starts_with(set)).unwrap();
                assert!(line.ends_with("\t0000000000000000"), "{line}");
            }
            threads += 1;
        }
        assert!(threads > 0);
        assert_eq!(check.finish().0, 0);
    });
}

#[test]
#[ignore = "root: make test"]
fn a_silent_lan() {
    in_fresh_namespace(|| {
        lan();
        let (status, text) = check(&["--check.listen=1s"]).finish();
        assert_eq!(status, 0, "{text}");
        let heard = part(&text, "Heard on a0");
        // The kernel's own frames for IPv6 may have been heard, or not.
        assert!(
            heard.contains("no other device in 1 s: ") || heard.contains("nothing in 1 s, "),
            "{heard}"
        );
        assert!(heard.contains("no IGMP or MLD query in 1 s"), "{heard}");
    });
}

#[test]
#[ignore = "root: make test"]
fn an_ordinary_user_gets_sockets_and_is_told_how_to_get_the_ring() {
    in_fresh_namespace(|| {
        lan();
        let (status, text) = check_as_nobody(&["--check.listen=0s"]);
        assert_eq!(status, 0, "{text}");
        let privileges = part(&text, "Privileges");
        assert!(
            privileges.starts_with(
                "  ok       useful capabilities at the start: none; now: none
  hint     CAP_NET_RAW is missing: only the socket backend works
           -> give it to the program:
           $ sudo setcap cap_net_raw,cap_bpf,cap_perfmon+ep /opt/exporter
           -> or run it as root, which drops all privileges once the sockets are
              open:
           $ sudo /opt/exporter
"
            ),
            "{privileges}"
        );
        assert!(text.contains("  hint     a0 is captured by socket, which hears"), "{text}");
        assert!(text.contains("  ok       a0: all 9 discovery groups joined\n"), "{text}");
        assert!(!text.contains("Listening"), "{text}");
    });
}

#[test]
#[ignore = "root: make test"]
fn a_backend_by_name_without_its_privilege() {
    in_fresh_namespace(|| {
        lan();
        for backend in ["ring", "pnet"] {
            let flag = format!("--capture.backend={backend}");
            let (status, text) = check_as_nobody(&["--check.listen=0s", &flag]);
            assert_eq!(status, 1, "{text}");
            let problem = format!("PROBLEM  CAP_NET_RAW is missing: {flag} does not work\n");
            assert!(text.contains(&problem), "{text}");
            assert!(text.contains("PROBLEM  a0 cannot be captured: see Privileges\n"), "{text}");
        }
    });
}

#[test]
#[ignore = "root: make test"]
fn what_serving_could_not_do_is_exit_code_1() {
    in_fresh_namespace(|| {
        lan();
        let _taken = TcpListener::bind("127.0.0.1:10353").unwrap();
        let (status, text) =
            check(&["--check.listen=0s", "--web.listen-address=127.0.0.1:10353"]).finish();
        assert_eq!(status, 1, "{text}");
        assert!(part(&text, "Web").contains("PROBLEM  --web.listen-address:"), "{text}");
        assert!(part(&text, "Web").contains("address in use"), "{text}");
        assert!(text.ends_with("\n1 problem.\n") || text.contains("\n1 problem, "), "{text}");

        let address = "--web.listen-address=:0";
        let (status, text) =
            check(&["--check.listen=60s", address, "--capture.interface=nope0"]).finish();
        assert_eq!(status, 1, "{text}");
        assert!(
            part(&text, "Interfaces").ends_with(
                "  PROBLEM  --capture.interface=nope0 matches no interface
           -> available: lo, b0, a0
"
            ),
            "{text}"
        );
        assert!(!text.contains("Listening"), "there is nothing to listen to: {text}");

        ip("address del 192.0.2.1/24 dev a0");
        let (status, text) = check(&["--check.listen=60s", address]).finish();
        assert_eq!(status, 1, "{text}");
        assert!(text.contains("PROBLEM  no interface is captured\n"), "{text}");
    });
}

#[test]
#[ignore = "root: make test"]
fn an_interface_without_ipv6_is_found() {
    in_fresh_namespace(|| {
        lan();
        // Below the least MTU of IPv6 the kernel takes IPv6 from the interface.
        ip("link set a0 mtu 1200");
        let (status, text) = check(&["--check.listen=0s"]).finish();
        assert_eq!(status, 0, "{text}");
        let interfaces = part(&text, "Interfaces");
        assert!(interfaces.contains("hint     a0: 3 of 7 discovery groups joined\n"), "{text}");
        assert!(interfaces.contains("-> not ff02::fb, ff02::c, ff05::c, ff02::1:3: "), "{text}");
        assert!(interfaces.contains("hint     a0 has no IPv6 address"), "{text}");
    });
}

/// Two namespaces joined by a veth: what a container on a bridge of its host looks like.
#[test]
#[ignore = "root: make test"]
fn a_veth_into_another_namespace_looks_like_a_container() {
    let names =
        [format!("check-in-{}", std::process::id()), format!("check-out-{}", std::process::id())];
    let outcome = std::panic::catch_unwind(|| {
        let [inside, outside] = &names;
        ip(&format!("netns add {inside}"));
        ip(&format!("netns add {outside}"));
        ip(&format!("link add eth0 netns {inside} type veth peer name far0 netns {outside}"));
        ip(&format!("-n {inside} address add 192.0.2.1/24 dev eth0"));
        ip(&format!("-n {inside} link set eth0 up"));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", inside, BINARY]);
        Check::start(command.args(["check", "--check.listen=0s"])).finish()
    });
    for name in &names {
        let _ = Command::new("ip").args(["netns", "del", name]).status();
    }
    let (status, text) = outcome.unwrap();
    assert_eq!(status, 0, "{text}");
    let found = part(&text, "Surroundings").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        found.contains("eth0 leads to a bridge of the host")
            || found.contains("eth0 leads to another network namespace"),
        "{text}"
    );
    assert!(found.contains("$ docker run --network=host"), "{text}");
    assert!(part(&text, "Interfaces").contains("eth0 is up but has no carrier"), "{text}");
}

#[test]
#[ignore = "root: make test"]
fn a_running_exporter_is_no_problem() {
    in_fresh_namespace(|| {
        lan();
        let mut command = program();
        command.arg("--web.listen-address=127.0.0.1:10353");
        let exporter = Process::start(command);
        wait_for("it captures", || exporter.log().contains("message=capturing"));
        let (status, text) =
            check(&["--check.listen=0s", "--web.listen-address=127.0.0.1:10353"]).finish();
        assert_eq!(status, 0, "{text}");
        assert!(part(&text, "Web").contains("an exporter is running there"), "{text}");
    });
}
