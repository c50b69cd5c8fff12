//! The incident behind this project: a printer at 10.0.1.8 locks up and sends the address record of
//! A1CA45000000.local 200 times a second, for good. Files go in, through the program that users
//! run, and its JSON comes out.

use crate::scenarios::START;
use crate::support::process::program;
use multicast_exporter::craft::file::{ByteOrder, PcapNg};
use multicast_exporter::craft::mdns::{address, response};
use multicast_exporter::craft::{Captured, Ethernet, Host, Ipv4, Pcap, Udp};
use multicast_exporter::simulation::{Member, Options, Simulation};
use multicast_exporter::time::Stamp;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const RATE: u64 = 200;
const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 8));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0x21e, 0x8fff, 0xfeab, 0x1008));

/// One way to tell it.
struct Story {
    name: &'static str,
    /// Seconds before it begins.
    before: u64,
    /// For how many seconds it lasts.
    lasts: u64,
    /// Whether the household is there, or only the router.
    is_household: bool,
    /// The n-th frames of the printer.
    frames: fn(u64) -> Vec<Vec<u8>>,
    /// When the n-th are sent, in microseconds.
    at: fn(u64) -> u64,
    is_pcapng: bool,
}

const STORY: Story = Story {
    name: "as it was",
    before: 600,
    lasts: 120,
    is_household: true,
    frames: |_| vec![said(V4)],
    at: evenly,
    is_pcapng: false,
};

const STORIES: &[Story] = &[
    STORY,
    Story { name: "from the first packet on", before: 0, is_household: false, ..STORY },
    Story { name: "from the first packet on, in the household", before: 0, ..STORY },
    Story { name: "after a minute", before: 60, ..STORY },
    Story {
        name: "after a minute with the router alone",
        before: 60,
        is_household: false,
        ..STORY
    },
    Story { name: "AAAA over IPv4", before: 60, frames: |_| vec![said(V6)], ..STORY },
    Story {
        name: "both families",
        before: 60,
        frames: |_| vec![said(V4), host().mdns6(response([record(V4)]))],
        ..STORY
    },
    Story { name: "both addresses in one", before: 60, frames: |_| vec![both()], ..STORY },
    Story { name: "two days in ten minutes", before: 60, lasts: 600, ..STORY },
    Story { name: "identification rises", before: 60, frames: rising, ..STORY },
    Story { name: "uneven gaps", before: 60, at: unevenly, ..STORY },
    Story { name: "ten at once", before: 60, at: |n| n / 10 * 50_000 + n % 10 * 20, ..STORY },
    Story { name: "two at once", before: 60, at: |n| n / 2 * 10_000 + n % 2 * 300, ..STORY },
    Story { name: "pcapng", before: 60, is_pcapng: true, ..STORY },
];

const fn host() -> Host {
    Member::Printer.host()
}

fn record(of: IpAddr) -> simple_dns::ResourceRecord<'static> {
    address("A1CA45000000.local", of)
}

fn said(of: IpAddr) -> Vec<u8> {
    host().mdns4(response([record(of)]))
}

fn both() -> Vec<u8> {
    host().mdns4(response([record(V4), record(V6)]))
}

fn rising(n: u64) -> Vec<Vec<u8>> {
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let udp = Udp::new(5353, 5353, response([record(V4)]));
    let id = u16::try_from(n % 65_536).expect("16 bits");
    let packet = Ipv4::new(host().v4, group).ttl(255).id(id).udp(&udp);
    vec![Ethernet::from(host().mac).to_ip(group.into()).ipv4(&packet)]
}

const fn evenly(n: u64) -> u64 {
    n * 1_000_000 / RATE
}

/// Up to a fifth early or late.
const fn unevenly(n: u64) -> u64 {
    evenly(n) + 1_000 + (n * 7_919) % 2_000
}

impl Story {
    fn begin(&self) -> Duration {
        Duration::from_secs(self.before)
    }

    fn last(&self) -> Duration {
        self.begin() + Duration::from_micros((self.at)(self.lasts * RATE - 1))
    }

    fn frames(&self) -> Vec<Captured> {
        let mut lan = Simulation::new(Options { seed: 5, ..Options::default() });
        lan.unplug(Member::Printer, self.begin());
        let until = self.last() + Duration::from_mins(2);
        let stamp =
            |at: Duration| Stamp(START.0 + i128::try_from(at.as_nanos()).expect("some minutes"));
        let mut frames: Vec<Captured> = Vec::new();
        if self.is_household {
            frames.extend(lan.frames(until).map(|(at, bytes)| Captured::new(stamp(at), bytes)));
        } else {
            let router = Member::Router.host();
            for second in (3..until.as_secs()).step_by(5) {
                let bytes = router.arp_request(Ipv4Addr::new(10, 0, 1, 8));
                frames.push(Captured::new(stamp(Duration::from_secs(second)), bytes));
            }
        }
        for n in 0..self.lasts * RATE {
            let at = self.begin() + Duration::from_micros((self.at)(n));
            for bytes in (self.frames)(n) {
                frames.push(Captured::new(stamp(at), bytes));
            }
        }
        frames.sort_by_key(|frame| frame.stamp);
        frames
    }

    fn file(&self) -> Vec<u8> {
        let frames = self.frames();
        if !self.is_pcapng {
            return Pcap::default().write(&frames);
        }
        let file = PcapNg::new(ByteOrder::Little).interface(Some("en0"));
        frames.iter().fold(file, |file, frame| file.frame(0, frame)).write()
    }

    /// What is wrong in what the program says of it.
    fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let mut find = |what: String| findings.push(format!("{}: {what}", self.name));
        let report = analyzed(&self.file());
        let printer = host().mac.to_string();
        let storms = report["storms"].as_array().expect("a list");
        match &storms[..] {
            [storm] => {
                for (key, wanted) in [
                    ("device", printer.as_str()),
                    ("level", "storm"),
                    ("cause", "repeated_response"),
                    ("protocol", "mdns"),
                    ("end_reason", "quiet"),
                ] {
                    if storm[key] != wanted {
                        find(format!("{key} {}", storm[key]));
                    }
                }
                let start = seconds(&storm["start"]) - self.begin().as_secs_f64();
                let end = seconds(&storm["end"]) - self.last().as_secs_f64();
                if !(0.0..=10.0).contains(&start) || !(0.0..=40.0).contains(&end) {
                    find(format!("begins after {start} s, ends {end} s after the last packet"));
                }
            }
            _ => find(format!("storms {storms:#?}")),
        }
        for device in report["devices"].as_array().expect("a list") {
            let violations = device["violations"].as_object().expect("a map");
            let Some(row) = device["device"].as_str() else { panic!("{device}") };
            if row != printer {
                if violations.keys().any(|rule| is_hard(rule)) {
                    find(format!("{row} is accused of {violations:?}"));
                }
                continue;
            }
            let streams = (self.frames)(0).len() as u64;
            // Silence proves nothing for the first 2 s of a capture; the first packet is no
            // repetition.
            let spared = if self.before == 0 { 2 * RATE } else { 1 };
            let packets = self.lasts * RATE;
            let most = packets * streams - u64::from(self.before > 0);
            // The household asks for it now and then.
            let least = (packets - spared) * streams - if self.is_household { 20 } else { 0 };
            let counted = violations.get("record_interval").and_then(Value::as_u64).unwrap_or(0);
            if !(least..=most).contains(&counted) {
                find(format!("{counted} violations, not {least} to {most}"));
            }
            let others: Vec<&String> = violations
                .keys()
                .filter(|rule| is_hard(rule) && rule.as_str() != "record_interval")
                .collect();
            if !others.is_empty() {
                find(format!("the printer is accused of {others:?} too"));
            }
            if device["name"] != "A1CA45000000.local" {
                find(format!("it is called {}", device["name"]));
            }
        }
        findings
    }
}

fn is_hard(rule: &str) -> bool {
    use multicast_exporter::detect::{Hardness, Rule};
    let rule = Rule::ALL.iter().find(|known| known.id() == rule).expect("a rule");
    rule.hardness() == Hardness::Hard
}

/// Seconds from the beginning of the capture.
fn seconds(stamp: &Value) -> f64 {
    let stamp: jiff::Timestamp = stamp.as_str().and_then(|s| s.parse().ok()).expect("a stamp");
    Duration::from_nanos(u64::try_from(stamp.as_nanosecond() - START.0).expect("later"))
        .as_secs_f64()
}

fn analyzed(file: &[u8]) -> Value {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("capture");
    std::fs::write(&path, file).expect("written");
    let output = program().args(["analyze", "--output=json"]).arg(&path).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn however_it_is_told_the_printer_is_found_and_nobody_else() {
    let findings: Vec<String> = STORIES.iter().flat_map(Story::findings).collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn what_is_not_over_has_no_end() {
    let told = Story { before: 60, ..STORY };
    let end = Stamp(START.0 + i128::try_from(told.last().as_nanos()).expect("minutes"));
    let frames: Vec<Captured> =
        told.frames().into_iter().filter(|frame| frame.stamp <= end).collect();
    let report = analyzed(&Pcap::default().write(&frames));
    let [storm] = &report["storms"].as_array().expect("a list")[..] else { panic!("{report}") };
    assert_eq!((&storm["end"], &storm["end_reason"]), (&Value::Null, &Value::Null));
}
