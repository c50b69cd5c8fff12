//! Interfaces: more than there are descriptors for, and names that come and go.

use crate::e2e::{BINARY, command_in};
use crate::site::{Site, Start};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// As a router with that many VLANs.
const INTERFACES: usize = 200;
/// Names that come and go.
const NAMES: usize = 24;

/// With 1,024 descriptors and no more.
pub fn with_few_descriptors() -> Start {
    let mut start = Start::new();
    start.before = vec!["prlimit", "--nofile=1024:1024"];
    start.flags[0] = "--capture.interface=b0|v[0-9]+".into();
    start
}

/// All interfaces of this kind.
pub fn that_captures_all() -> Start {
    let mut start = Start::new();
    start.flags[0] = "--capture.interface=b.*".into();
    start
}

/// They are made at once.
pub fn make_many(site: &mut Site) {
    let mut script = String::new();
    for n in 0..INTERFACES / 2 {
        let (one, other) = (2 * n, 2 * n + 1);
        writeln!(script, "link add v{one} type veth peer name v{other}").expect("memory");
        writeln!(script, "link set v{one} up\nlink set v{other} up").expect("memory");
    }
    batch(site, &script);
    let up = |body: &crate::e2e::exposition::Body| {
        let of = |key: &&(String, _)| key.0 == "multicast_capture_up";
        let values: Vec<f64> =
            body.samples.iter().filter(|(k, _)| of(k)).map(|(_, v)| *v).collect();
        let up = values.iter().filter(|value| **value > 0.5).count();
        (values.len(), up)
    };
    site.scrape_until("all are known", |body| up(body).0 > INTERFACES);
    let body = site.scrape_until("it answers", |_| true);
    let (all, up) = up(&body);
    println!("{up} of {all} are captured");
    assert!(up >= 64 && up < all, "{up} of {all}");
    let open = body.value("process_open_fds", &[]).expect("known");
    assert!(open < 1024.0 - 256.0, "{open} are open: too few are left for clients");
    let log = site.process.log();
    assert!(log.contains("no file descriptors are left for it: 1024 may be open"), "{log}");
    let mut check = command_in(&site.namespace, "prlimit");
    check.args(["--nofile=1024:1024", BINARY, "check", "--check.listen=0s"]);
    check.args(["--web.listen-address=127.0.0.1:0", "--capture.interface=v[0-9]+"]);
    let output = check.output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be captured") && said.contains("no file descriptors"), "{said}");
    // Gone, so that the account compares what is the same.
    let script: String = (0..INTERFACES / 2).fold(String::new(), |mut script, n| {
        writeln!(script, "link del v{}", 2 * n).expect("memory");
        script
    });
    batch(site, &script);
    thread::sleep(Duration::from_secs(2));
}

/// One after the other.
pub fn make_names_come_and_go(site: &mut Site) {
    for n in 0..NAMES {
        let name = format!("b{}", n + 1);
        site.namespace.veth(&name, &format!("x{n}"));
        site.scrape_until("it is captured", |body| {
            body.value("multicast_capture_up", &[("capture", &name)]) == Some(1.0)
        });
        site.namespace.ip(&["link", "del", &name]);
        site.scrape_until("it is not any more", |body| {
            body.value("multicast_capture_up", &[("capture", &name)]) != Some(1.0)
        });
    }
    let body = site.scrape_until("the first are forgotten", |body| {
        body.label_values("multicast_capture_up", "capture").len() <= 17
    });
    let forgotten = body.value("multicast_exporter_captures_forgotten_total", &[]);
    assert!(forgotten >= Some(8.0), "{forgotten:?}");
    assert!(
        body.label_values("multicast_capture_up", "capture").contains("b24"),
        "the latest is not"
    );
}

fn batch(site: &Site, script: &str) {
    let mut ip = Command::new("ip")
        .args(["-n", site.namespace.name(), "-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("ip starts");
    let mut input = ip.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut input, script.as_bytes()).expect("it reads");
    drop(input);
    assert!(ip.wait().expect("it ends").success());
}
