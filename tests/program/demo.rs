//! The demo as a user meets it: the real program over loopback, without privilege or network.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// The program, killed when the test is over.
struct Demo {
    child: Child,
    address: SocketAddr,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_multicast_exporter"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MULTICAST_EXPORTER"))
        {
            command.env_remove(name);
        }
        command.arg("demo").arg("--web.listen-address=127.0.0.1:0").args(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut lines = log.lines().map_while(Result::ok);
        let listening = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening=")?;
            rest.split(' ').next()?.parse().ok()
        });
        let address = listening.expect("it says where it listens");
        // Or it would wait for somebody to read what it says.
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut body = String::new();
        stream.read_to_string(&mut body).expect("an answer");
        body
    }

    /// The value of the series of this beginning.
    fn value(&self, series: &str) -> Option<f64> {
        let body = self.get("/metrics");
        let line = body.lines().find(|line| line.starts_with(series))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until `holds`, at most a minute.
    fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if holds(self) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{what} did not come: {}", self.get("/metrics"));
    }

    fn stop(&mut self) -> Option<i32> {
        let status = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(status.expect("kill is there").success());
        self.child.wait().expect("it ends").code()
    }
}

const PRINTER: &str = r#"multicast_device_packets_total{interface="demo",device="00:1e:8f:ab:10:08",protocol="mdns"}"#;
const STREAMER: &str = r#"multicast_device_packets_total{interface="demo",device="00:1b:21:53:00:33",protocol="other_multicast"}"#;

#[test]
fn a_lan_that_is_known_is_there_at_once_and_its_printer_locks_up_and_is_unplugged() {
    let mut demo = Demo::start(&["--storm-after=3s", "--storm-for=3s"]);
    demo.wait("readiness", |demo| demo.get("/-/ready").starts_with("HTTP/1.1 200"));
    let body = demo.get("/metrics");
    for wanted in [
        r#"multicast_capture_info{backend="demo",bytes="yes",capture="demo",direction="no",drops="no",vlan="yes"} 1"#,
        r#"address="10.0.1.8",name="A1CA45000000.local",vendor="CANON INC.""#,
        r#"multicast_capture_up{capture="demo"} 1"#,
    ] {
        assert!(body.contains(wanted), "{wanted}: {body}");
    }
    let devices = demo.value(r#"multicast_interface_devices{interface="demo"}"#);
    assert!(devices.is_some_and(|devices| devices >= 15.0), "{devices:?}");
    let before = demo.value(PRINTER).expect("the printer");
    assert!(before < 400.0, "{before}");
    demo.wait("the streamer", |demo| demo.value(STREAMER).is_some_and(|n| n > 2_000.0));
    demo.wait("the storm", |demo| demo.value(PRINTER).is_some_and(|n| n >= before + 600.0));
    thread::sleep(Duration::from_millis(300));
    let after = demo.value(PRINTER).expect("the printer");
    assert!(after < before + 620.0, "{before} to {after}");
    assert_eq!(demo.stop(), Some(0));
}

#[test]
fn what_cannot_be_listened_on_is_refused() {
    let demo = Demo::start(&[]);
    let address = format!("--web.listen-address={}", demo.address);
    let output = Command::new(env!("CARGO_BIN_EXE_multicast_exporter"))
        .args(["demo", &address])
        .output()
        .expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.lines().count() == 1 && said.contains("--web.listen-address"), "{said}");
}
