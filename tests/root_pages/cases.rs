//! Cases that people met, replayed to the end and beyond, by real servers: what was told of each, to
//! whom, and what was not, until all of it was over and ten minutes had gone by.
//!
//! The captures are not in this repository: see `tests/core/cases.rs`. Without them this does not
//! run, and reports that. A capture ends soon after its fault, so the household's quiet life is before
//! and behind it. All of them are replayed at the same time, `FACTOR` times as fast, and rules run as
//! much faster ([`hastened`]).

use super::{FACTOR, SLACK, exporter, scenarios};
use crate::e2e::Process;
use crate::e2e::monitoring::Monitoring;
use crate::e2e::netns::NetNs;
use crate::e2e::prometheus::{Setup, Target};
use crate::e2e::scaled::hastened;
use crate::e2e::support::cases_dir;
use crate::e2e::support::servers::Release;
use crate::e2e::told::{Told, Way};
use multicast_exporter::capture::CaptureError;
use multicast_exporter::capture::file::{self, Replay as _};
use multicast_exporter::craft::{Captured, Pcap};
use multicast_exporter::time::{Stamp, clock};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The port of the first exporter; the others follow.
const FIRST_PORT: u16 = 10_400;
/// How long a replay is, whatever the case: longer than the test.
const LENGTH: Duration = Duration::from_hours(2);
/// How long a household is at rest before its case: until the servers run, and before each flood
/// longer than before the last, so that they do not come at once.
const REST: Duration = Duration::from_mins(2);
const STAGGER: Duration = Duration::from_mins(1);

/// A case, and all that may be told of it: by which way, which alert, and what its `who` has.
struct Case {
    name: &'static str,
    frames: fn(&Path) -> Vec<Captured>,
    told: &'static [(Way, &'static str, &'static str)],
    /// What may be told besides: it depends on which of two evaluations comes first.
    may: &'static [(Way, &'static str, &'static str)],
    /// Whether it takes much CPU.
    floods: bool,
}

/// Those of `../shared/cases/field`, unless a comment says otherwise. What must be told and what must not
/// is in the README beside them.
const CASES: &[Case] = &[
    Case {
        name: "sonosloop",
        frames: |folder| read(folder, "sonosloop"),
        told: &[(Way::Page, "MulticastLoop", "no single device")],
        may: &[],
        floods: true,
    },
    Case {
        name: "mstpd133",
        frames: |folder| read(folder, "mstpd133"),
        told: &[(Way::Page, "MulticastLoop", "no single device")],
        may: &[],
        floods: true,
    },
    Case {
        name: "castburst",
        frames: |folder| read(folder, "castburst"),
        told: &[(Way::Chat, "MulticastDeviceBurst", "ac:37:43:99:99:99")],
        may: &[],
        floods: true,
    },
    // The same burst, a quarter slower.
    Case {
        name: "burst of 10 s",
        frames: |folder| slower(read(folder, "castburst"), Duration::from_secs(30), 5, 4),
        told: &[(Way::Chat, "MulticastDeviceBurst", "ac:37:43:99:99:99")],
        may: &[],
        floods: true,
    },
    // Ours: no report has a capture of it.
    Case {
        name: "invented senders",
        frames: |_| invented(),
        told: &[(Way::Page, "MulticastInventedSenders", "new senders a second")],
        may: &[],
        floods: true,
    },
    Case {
        name: "smoltcp68",
        frames: |folder| read(folder, "smoltcp68"),
        told: &[
            (Way::Page, "MulticastDeviceFlooding", "54:10:ec:01:02:03"),
            (Way::Chat, "MulticastDeviceBurst", "54:10:ec:01:02:03"),
        ],
        // Some seconds before the storm has lasted a minute, and is what is told, the condition is
        // complete.
        may: &[(Way::Chat, "MulticastAddressRepeated", "54:10:ec:01:02:03")],
        floods: true,
    },
    Case {
        name: "jmdns135",
        frames: |folder| read(folder, "jmdns135"),
        told: &[
            (Way::Chat, "MulticastDeviceChatty", "d8:bb:c1:00:00:00"),
            (Way::Chat, "MulticastDeviceChatty", "d8:bb:c1:00:00:01"),
            (Way::Chat, "MulticastDeviceChatty", "d8:bb:c1:00:00:02"),
            (Way::Chat, "MulticastDeviceChatty", "d8:bb:c1:00:00:03"),
            (Way::Chat, "MulticastDeviceChatty", "d8:bb:c1:00:00:04"),
            (Way::Chat, "MulticastDeviceChatty", "d8:bb:c1:00:00:05"),
        ],
        may: &[],
        floods: false,
    },
    Case {
        name: "dockersamba181",
        frames: |folder| read(folder, "dockersamba181"),
        told: &[(Way::Chat, "MdnsRenameLoop", "50:65:f3:36:dc:90")],
        may: &[],
        floods: false,
    },
    Case {
        name: "ethersex303",
        frames: |folder| read(folder, "ethersex303"),
        told: &[(Way::Chat, "MulticastAddressRepeated", "ac:de:48:fd:0f:d0")],
        may: &[],
        floods: false,
    },
    Case {
        name: "talos7211",
        frames: |folder| read(folder, "talos7211"),
        told: &[(Way::Chat, "MulticastDhcpLoop", "d8:3a:dd:0f:d5:a0")],
        may: &[],
        floods: false,
    },
];

/// The frames of a case.
fn read(folder: &Path, name: &str) -> Vec<Captured> {
    let path = folder.join("field").join(format!("{name}.pcap.gz"));
    let mut capture = file::open(&path).expect("a capture that our reader knows");
    let mut frames = Vec::new();
    loop {
        match capture.advance() {
            Ok(()) => {
                let batch = capture.batch();
                frames.extend(
                    batch.iter().map(|frame| Captured::new(frame.meta.stamp, frame.bytes.to_vec())),
                );
            }
            Err(CaptureError::End) => break,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    assert!(!frames.is_empty(), "{}", path.display());
    frames
}

/// The frames after `from` as if time had gone by `times`/`of` as slowly.
fn slower(mut frames: Vec<Captured>, from: Duration, times: i128, of: i128) -> Vec<Captured> {
    let start = after(frames[0].stamp, from);
    for frame in frames.iter_mut().filter(|frame| frame.stamp > start) {
        frame.stamp = Stamp(start.0 + (frame.stamp.0 - start.0) * times / of);
    }
    frames
}

/// A healthy LAN of ours that is flooded for a minute by senders each of which is new.
fn invented() -> Vec<Captured> {
    scenarios::named("invented_senders").expect("a scenario").frames(1)
}

fn after(stamp: Stamp, time: Duration) -> Stamp {
    Stamp(stamp.0 + i128::try_from(time.as_nanos()).expect("less than ages"))
}

/// The frames, before them `quiet` for a while, and behind them until [`LENGTH`] is reached.
fn amid(quiet: &[Captured], rest: Duration, frames: &[Captured]) -> Vec<Captured> {
    let mut all = quiet.to_vec();
    let start = all[0].stamp;
    while all.last().expect("not empty").stamp < after(start, rest) {
        append(&mut all, quiet);
    }
    all.retain(|frame| frame.stamp < after(start, rest));
    append(&mut all, frames);
    while all.last().expect("not empty").stamp < after(start, LENGTH) {
        append(&mut all, quiet);
    }
    all
}

/// Two frames are a second apart where one part follows another.
fn append(all: &mut Vec<Captured>, frames: &[Captured]) {
    let shift = all.last().expect("not empty").stamp.0 + 1_000_000_000 - frames[0].stamp.0;
    let later =
        |frame: &Captured| Captured { stamp: Stamp(frame.stamp.0 + shift), ..frame.clone() };
    all.extend(frames.iter().map(later));
}

/// The frames as if the first were heard now.
fn from_now(frames: &mut [Captured]) {
    let shift = clock::now().wall.0 - frames[0].stamp.0;
    for frame in frames {
        frame.stamp = Stamp(frame.stamp.0 + shift);
    }
}

/// Starts an exporter that replays a capture. What happens on this host is no part of that.
fn replay(namespace: &NetNs, path: &Path, port: u16) -> Process {
    let file = format!("--capture.file={}", path.display());
    let speed = format!("--capture.speed={FACTOR}");
    // A household has no more devices, and 2,000 invented ones would be much to scrape so often.
    let flags = ["--no-collector.syscalls", "--no-collector.sockets", "--devices.max=200"];
    exporter(namespace, port, &[&[file.as_str(), speed.as_str()], &flags[..]].concat())
}

/// What the place in each message about a case has.
fn place(case: &Case) -> String {
    format!(" of {}", case.name)
}

/// What was told of a case.
fn of<'t>(told: &'t [Told], case: &Case) -> Vec<&'t Told> {
    let place = place(case);
    told.iter().filter(|told| told.place.contains(&place)).collect()
}

fn is_about(told: &Told, (way, alert, who): (Way, &str, &str)) -> bool {
    told.way == way && told.alert == alert && told.who.contains(who)
}

#[test]
#[ignore = "root: make test"]
fn each_case_is_told_as_it_must_be_and_not_otherwise() {
    let _machine = super::whole_machine();
    let Some(folder) = cases_dir() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let namespace = NetNs::new();
    // A household at rest: a case whose fault is over after 60 s.
    let mut quiet = read(&folder, "castburst");
    let rest = after(quiet[0].stamp, Duration::from_mins(1));
    quiet.retain(|frame| frame.stamp > rest);

    let ports = (FIRST_PORT..).take(CASES.len());
    let targets = CASES
        .iter()
        .zip(ports.clone())
        .map(|(case, port)| Target::new(format!("127.0.0.1:{port}")).label("instance", case.name));
    let setup = Setup {
        shorten: hastened,
        targets: targets.collect(),
        ..Setup::new(Release::Newer, FACTOR)
    };
    let mut floods = 0;
    let paths: Vec<_> = (CASES.iter().zip(ports.clone()))
        .map(|(case, port)| {
            let rest = REST + STAGGER * if case.floods { floods } else { 0 };
            floods += u32::from(case.floods);
            let mut frames = amid(&quiet, rest, &(case.frames)(&folder));
            from_now(&mut frames);
            let path = directory.path().join(format!("{port}.pcap"));
            fs::write(&path, Pcap::default().write(&frames)).expect("room");
            (path, port)
        })
        .collect();
    let _exporters: Vec<Process> =
        paths.iter().map(|(path, port)| replay(&namespace, path, *port)).collect();
    let monitoring = Monitoring::with(&namespace, &setup);

    // Until all is told, and is over.
    let longest = monitoring.shortened(45 * 60) + SLACK;
    monitoring.wait("all is told and over", longest, || {
        let told = monitoring.desk.told();
        let is_told = |over: bool| {
            CASES.iter().all(|case| {
                let of_it = of(&told, case);
                case.told.iter().all(|expected| {
                    of_it.iter().any(|told| told.over == over && is_about(told, *expected))
                })
            })
        };
        is_told(false) && is_told(true)
    });
    // And for ten minutes nothing else.
    thread::sleep(monitoring.shortened(600));
    let told = monitoring.desk.told();
    let mut wrong = Vec::new();
    for case in CASES {
        for told in of(&told, case) {
            if !case.told.iter().chain(case.may).any(|expected| is_about(told, *expected)) {
                wrong.push(format!("{} must not be told of: {told:#?}", case.name));
            }
        }
        let pages = |over: bool| {
            of(&told, case).iter().filter(|told| told.way == Way::Page && told.over == over).count()
        };
        let expected = case.told.iter().filter(|told| told.0 == Way::Page).count();
        if (pages(false), pages(true)) != (expected, expected) {
            wrong.push(format!("{}: {} pages, {} ends", case.name, pages(false), pages(true)));
        }
    }
    // A machine that has no time to answer a scrape is not told of here: it is no part of a case.
    let own = ["MulticastExporterDown", "MulticastExporterDegraded"];
    let is_of_none = |told: &&Told| {
        !own.contains(&told.alert.as_str())
            && !CASES.iter().any(|case| told.place.contains(&place(case)))
    };
    wrong.extend(told.iter().filter(is_of_none).map(|told| format!("of no case: {told:#?}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    monitoring.server().rules_are_healthy();
}
