//! Hand-made views for the tests of metrics and pages, and a source that hands them out.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod host;

use host::FakeHost;
use multicast_exporter::capture::Backend;
use multicast_exporter::decode::mdns::{Kind, RType, Section};
use multicast_exporter::decode::{Issue, Protocol, Reason, Sender};
use multicast_exporter::detect::{
    AddressFamily, Cause, CauseSet, Condition, Counts, Delays, DeviceCondition, Health,
    LastOffence, Membership, Particulars, Querier, Role, Rule, SERVICE_TYPES_MAX, SegmentCause,
    Unanswered, WANTED_TYPES_MAX,
};
use multicast_exporter::engine::{
    Address, Category, DeviceCounters, DeviceSnapshot, Histogram, Identity, SECOND_BOUNDS, Snapshot,
};
use multicast_exporter::evidence::Totals;
use multicast_exporter::host::{Standing, View};
use multicast_exporter::lan::{
    CaptureView, Deadline, Detail, LanView, LockTimeout, PastStorm, Privileges, Source, read_locked,
};
use multicast_exporter::lan::{PassedOver, Reload};
use multicast_exporter::mac::Mac;
use multicast_exporter::metrics::{Build, Dialect, Encoding, Scraper, Selection, Writer};
use multicast_exporter::pipeline::SegmentView;
use multicast_exporter::storm::{self, Culprit, EndReason, Level, Storm};
use multicast_exporter::time::Stamp;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io};

/// A lan whose captures' segments are behind locks, as the real one's are.
pub struct FakeLan {
    pub ready: AtomicBool,
    pub clock_steps: u64,
    pub forgotten: u64,
    pub passed_over: Vec<PassedOver>,
    pub reload: Option<Reload>,
    pub evidence: Option<Totals>,
    pub log_dropped: Option<u64>,
    pub captures: Vec<(CaptureView, Mutex<Vec<SegmentView>>)>,
    pub host: Option<FakeHost>,
    pub past: Vec<PastStorm>,
}

impl FakeLan {
    pub fn new(view: LanView) -> Arc<Self> {
        Arc::new(Self::with(view, None))
    }

    pub fn with_host(view: LanView, host: FakeHost) -> Arc<Self> {
        Arc::new(Self::with(view, Some(host)))
    }

    fn with(view: LanView, host: Option<FakeHost>) -> Self {
        let captures = view.captures.into_iter().map(|mut capture| {
            let segments = std::mem::replace(&mut capture.segments, Err(LockTimeout));
            (capture, Mutex::new(segments.unwrap_or_default()))
        });
        Self {
            ready: AtomicBool::new(true),
            clock_steps: view.clock_steps,
            forgotten: view.forgotten,
            passed_over: view.passed_over,
            reload: view.reload,
            evidence: view.evidence,
            log_dropped: view.log_dropped,
            captures: captures.collect(),
            host,
            past: Vec::new(),
        }
    }

    /// The same, with storms that are in no view any more.
    pub fn with_past(view: LanView, past: Vec<PastStorm>) -> Arc<Self> {
        Arc::new(Self { past, ..Self::with(view, None) })
    }
}

impl Source for FakeLan {
    fn ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    fn read(&self, deadline: Deadline, detail: Detail) -> LanView {
        let locks = self.captures.iter().map(|(_, segments)| segments);
        let read = match detail {
            Detail::Captures => vec![Some(Vec::new()); self.captures.len()],
            Detail::Segments => read_locked(locks, deadline, |_, segments| segments.clone()),
        };
        let captures = self.captures.iter().zip(read).map(|((capture, _), segments)| CaptureView {
            segments: segments.ok_or(LockTimeout),
            ..capture.clone()
        });
        LanView {
            captures: captures.collect(),
            clock_steps: self.clock_steps,
            forgotten: self.forgotten,
            reload: self.reload,
            evidence: self.evidence,
            log_dropped: self.log_dropped,
            passed_over: self.passed_over.clone(),
        }
    }

    fn host(&self, _: Deadline) -> Option<View> {
        self.host.as_ref().map(|host| (host.view)())
    }

    fn privileges(&self) -> Option<Privileges> {
        let at_start = ["CAP_BPF", "CAP_NET_RAW"].map(String::from).into();
        Some(Privileges { at_start, now: Some(BTreeSet::new()) })
    }

    fn past_storm(&self, id: &str) -> Option<PastStorm> {
        self.past.iter().find(|past| past.storm.id(&past.label) == id).cloned()
    }

    fn host_standing(&self) -> Option<&Standing> {
        self.host.as_ref().map(|host| &host.standing)
    }
}

/// What a scrape of everything says, with a recorded process.
pub fn body(source: Arc<dyn Source>, dialect: Dialect) -> String {
    let proc = tempfile::tempdir().expect("a temporary directory");
    write_proc(proc.path()).expect("a recorded /proc");
    let build = Build {
        version: "1.2.3",
        revision: "0123456789abcdef",
        branch: "main",
        rustversion: "1.95.0",
        target: "x86_64-unknown-linux-gnu",
    };
    let scraper = Scraper::new(source)
        .with_surroundings(build, proc.path().to_owned())
        .with_external_url(Some("https://nas.example/multicast".to_owned()));
    let mut writer = Writer::new(dialect, Encoding::Identity, Vec::new());
    scraper.scrape(Selection::ALL, Deadline::after(Duration::from_millis(20)), &mut writer);
    String::from_utf8(writer.finish().expect("written to memory")).expect("UTF-8")
}

fn write_proc(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root.join("self/fd"))?;
    for fd in 0..12 {
        fs::write(root.join(format!("self/fd/{fd}")), "")?;
    }
    let stat = "7 (m) S 1 7 7 0 -1 4194560 99 0 0 0 123 45 0 0 20 0 3 0 5050 1 1 1";
    fs::write(root.join("self/stat"), stat)?;
    let status = "VmSize: 20000 kB\nVmRSS: 9000 kB\nRssAnon: 4000 kB\nThreads: 4\n";
    fs::write(root.join("self/status"), status)?;
    let limits = "Max open files 1024 4096 files\nMax address space 1048576 unlimited bytes\n";
    fs::write(root.join("self/limits"), limits)?;
    fs::write(root.join("stat"), "btime 1700000000\n")
}

/// A querier, of `IGMPv3` or `MLDv2`, that has asked twice, 60 s apart.
pub fn querier(address: IpAddr, interval: Option<Duration>) -> Querier {
    let v4 = address.is_ipv4();
    Querier {
        family: if v4 { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 },
        address,
        sender: None,
        version: if v4 { 3 } else { 2 },
        interval,
        measured: Some(Duration::from_mins(1)),
        queries: 2,
    }
}

/// Health of a segment with one of everything.
fn health() -> Health {
    Health {
        suspended: 2,
        membership: [
            Membership {
                last_query: Some(Stamp::new(1_700_000_042, 500_000_000)),
                interval: Some(Duration::from_secs(125)),
                queriers: 1,
                groups: 7,
            },
            Membership { groups: 3, ..Membership::default() },
        ],
        services: vec![("_ipp._tcp".into(), 2), ("_x\"\\<b>._udp".into(), 1), ("other".into(), 3)],
        response_delays: Delays {
            counts: [0, 1, 4, 0, 0, 0, 1, 0, 0],
            sum: Duration::from_micros(1_890_250),
        },
        unanswered: 5,
        unanswered_names: vec![
            Unanswered {
                name: "nerves <i>.local".into(),
                device: Some(Sender::Mac(Mac(PRINTER))),
                count: 4,
            },
            Unanswered { name: "gone.local".into(), device: None, count: 1 },
        ],
        wanted: vec![("_raop._tcp".into(), 2), ("other".into(), 7)],
        queriers: vec![
            querier([10, 0, 1, 1].into(), Some(Duration::from_secs(125))),
            querier([0, 0, 0, 0].into(), None),
        ],
        reflected: 4,
        ..Health::default()
    }
}

/// A small LAN with one of everything: every backend that captures live, one that failed,
/// devices by MAC and by address, names that would break out of a label or a page.
pub fn lan() -> LanView {
    let mut repeated = LastOffence::new(Rule::RecordInterval, Stamp::new(1_700_000_060, 0));
    repeated.name = Some("Canon \"Büro\" <b>._ipp._tcp.local".into());
    repeated.rtype = Some(RType::TXT);
    repeated.gap = Some(Duration::from_millis(5));
    let printer = DeviceSnapshot {
        identity: Arc::new(Identity {
            address: Some(Address::Ip([10, 0, 1, 8].into())),
            name: Some("Canon \"Büro\" \\ <script>alert(1)</script>".into()),
            vendor: Some("Canon Inc."),
            model: Some("TS6350\nseries".into()),
            category: Category::Printer,
            ..Identity::default()
        }),
        storm: Some(stuck()),
        storms_begun: [1, 1],
        violations: Some(broken(&[(Rule::RecordInterval, 900_000), (Rule::TtlValue, 2)])),
        conditions: vec![held(Condition::NameConflict)],
        offences: vec![
            repeated,
            LastOffence::new(Rule::TtlValue, Stamp::new(1_700_000_050, 500_000_000)),
        ],
        ..device(PRINTER, &[(Protocol::Mdns, 1_000_000)])
    };
    let host = DeviceSnapshot {
        identity: Arc::new(Identity { local: true, ..Identity::default() }),
        storms_begun: [1, 0],
        last_seen: Stamp::new(1_700_000_100, 250_000_000),
        ..device([0x52, 0x54, 0, 0, 0, 1], &[(Protocol::Arp, 40), (Protocol::MdnsUnicast, 2)])
    };
    let silent =
        DeviceSnapshot { exposed: false, ..device([2, 0, 0, 0, 0, 9], &[(Protocol::Ssdp, 1)]) };
    let other = DeviceCounters { messages: [0; 7], ..counters(&[(Protocol::OtherBroadcast, 5)]) };
    let mut storms_ended = [[0; Cause::COUNT]; 2];
    storms_ended[Level::Chatty as usize][Cause::QueryFlood as usize] = 1;
    let home = SegmentView {
        snapshot: Snapshot {
            decode_errors: vec![(Issue { protocol: None, reason: Reason::Truncated }, 7)],
            converted: 3,
            evicted_capacity: 1,
            health: health(),
            other: Some(other),
            violations: *broken(&[(Rule::RecordInterval, 900_007), (Rule::TtlValue, 2)]),
            storms: vec![over(), stuck(), flooded()],
            storms_ended,
            segment_storm: Some(flooded()),
            ..snapshot(vec![host, printer, silent])
        },
        lan: Some("Büro-2".into()),
        ..segment("eth0", "")
    };
    let guests = SegmentView {
        lan: Some("Büro-2.30".into()),
        snapshot: snapshot(vec![]),
        ..segment("eth0.30", "30")
    };
    let by_address = DeviceSnapshot {
        sender: Sender::Ip("fe80::1".parse().expect("an address")),
        ..device([0; 6], &[(Protocol::Ssdp, 12), (Protocol::Wsd, 4)])
    };
    let wireless = SegmentView { snapshot: snapshot(vec![by_address]), ..segment("wlan0", "") };
    let lab = SegmentView { snapshot: snapshot(vec![]), ..segment("lab\\\"0\n", "") };
    LanView {
        clock_steps: 1,
        forgotten: 2,
        reload: Some(Reload {
            successful: false,
            last_success: Stamp::new(1_700_000_000, 5_000_000),
        }),
        evidence: Some(Totals { written: 3, failed: 1, deleted: 2 }),
        log_dropped: Some(4),
        passed_over: Vec::new(),
        captures: vec![
            CaptureView {
                dropped: Some(3),
                ring_bytes: Some(4 << 20),
                ..capture("eth0", Backend::Ring, vec![home, guests])
            },
            CaptureView { dropped: Some(0), ..capture("wlan0", Backend::Socket, vec![wireless]) },
            capture("lab\\\"0\n", Backend::Pnet, vec![lab]),
            CaptureView {
                abilities: None,
                up: false,
                trouble: Some("no free <socket>".to_owned()),
                ..capture("eth9", Backend::Ring, vec![segment("eth9", "")])
            },
        ],
    }
}

const PRINTER: [u8; 6] = [0x00, 0x1e, 0x8f, 0xab, 0x01, 0xff];

/// The storm that the printer of [`lan`] is in.
pub fn stuck() -> Storm {
    Storm {
        number: 1,
        culprit: Culprit::Device {
            sender: Sender::Mac(Mac(PRINTER)),
            cause: Cause::RepeatedResponse,
            also: CauseSet::from_iter([Cause::Unclassified]),
        },
        level: Level::Storm,
        protocol: Protocol::Mdns,
        start: Stamp::new(1_700_000_010, 250_000_000),
        first_frame: Stamp::new(1_700_000_001, 250_000_000),
        end: None,
        lasted: [0, 90],
        packets: 999_000,
        provoked: 0,
        provoked_by: None,
        detail: storm::Detail::new("<b>printer</b>.local"),
        peak: 200,
    }
}

/// The storm of the segment that the printer is on.
pub fn flooded() -> Storm {
    Storm {
        number: 2,
        culprit: Culprit::Segment { cause: SegmentCause::OneDevice },
        start: Stamp::new(1_700_000_020, 0),
        first_frame: Stamp::new(1_700_000_012, 0),
        packets: 990_000,
        detail: storm::Detail::default(),
        ..stuck()
    }
}

/// A storm of this machine that is over.
pub fn over() -> Storm {
    Storm {
        number: 0,
        culprit: Culprit::Device {
            sender: Sender::Mac(Mac([0x52, 0x54, 0, 0, 0, 1])),
            cause: Cause::QueryFlood,
            also: CauseSet::NONE,
        },
        level: Level::Chatty,
        start: Stamp::new(1_700_000_000, 0),
        first_frame: Stamp::new(1_699_999_700, 0),
        end: Some((Stamp::new(1_700_000_005, 500_000_000), EndReason::Quiet)),
        lasted: [5, 0],
        packets: 42,
        detail: storm::Detail::default(),
        peak: 9,
        ..stuck()
    }
}

/// A condition that lasts, with another party.
pub fn held(condition: Condition) -> DeviceCondition {
    let told = Particulars {
        detail: "a <script>\"\\.local".into(),
        other: Some(Sender::Mac(Mac([0, 0x11, 0x32, 0, 0, 1]))),
        role: Some(Role::Defends),
    };
    DeviceCondition {
        condition,
        since: Stamp::new(1_700_000_030, 0),
        until: None,
        count: 7,
        latest: told.clone(),
        told,
    }
}

/// An account with these violations.
pub fn broken(rules: &[(Rule, u64)]) -> Box<Counts> {
    Box::new(rules.iter().copied().collect())
}

/// A LAN with as much as a segment and its devices can have.
pub fn full_lan(devices: u32) -> LanView {
    let every = Protocol::ALL.map(|protocol| (protocol, u64::MAX / 64));
    let rows = (0..devices).map(|n| {
        let [a, b, c, d] = n.to_be_bytes();
        let name = format!("device-{n}.local");
        DeviceSnapshot {
            identity: Arc::new(Identity {
                address: Some(Address::Ip([10, b, c, d].into())),
                name: Some(name.into()),
                vendor: Some("Vendor"),
                ..Identity::default()
            }),
            storm: Some(stuck()),
            storms_begun: [1, 1],
            provoked: 1,
            conditions: Condition::ALL.into_iter().map(held).collect(),
            violations: Some(Box::new(Rule::ALL.iter().map(|&rule| (rule, 1)).collect())),
            ..device([2, 0, a, b, c, d], &every)
        }
    });
    let violations = Rule::ALL.iter().map(|&rule| (rule, 3)).collect();
    let errors = Reason::PAIRS.iter().map(|&(protocol, reason)| (Issue { protocol, reason }, 1));
    let wanted = (0..=WANTED_TYPES_MAX).map(|n| (format!("_{n}._udp").into(), 1));
    // As many as are remembered, one of each family without an address.
    let queriers = (0..17_u8).flat_map(|n| {
        let v6: IpAddr = if n == 0 {
            [0; 16].into()
        } else {
            [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n].into()
        };
        let v4: IpAddr = if n == 0 { [0; 4].into() } else { [10, 0, 0, n].into() };
        [querier(v4, None), querier(v6, None)]
    });
    let services = (0..=SERVICE_TYPES_MAX).map(|n| (format!("_{n}._tcp").into(), 1));
    let snapshot = Snapshot {
        decode_errors: errors.collect(),
        other: Some(counters(&every)),
        health: Health {
            services: services.collect(),
            wanted: wanted.collect(),
            queriers: queriers.collect(),
            membership: [Membership {
                last_query: Some(Stamp::new(1, 0)),
                interval: Some(Duration::from_secs(125)),
                queriers: 16,
                groups: 4_096,
            }; 2],
            reflected: 1,
            ..Health::default()
        },
        violations,
        segment_storm: Some(flooded()),
        storms_ended: [[1; Cause::COUNT]; 2],
        conditions_begun: [1; Condition::COUNT],
        ..snapshot(rows.collect())
    };
    let segment = SegmentView { lan: Some("office".into()), snapshot, ..segment("eth0", "") };
    let capture = CaptureView {
        dropped: Some(1),
        ring_bytes: Some(1),
        ..capture("eth0", Backend::Ring, vec![segment])
    };
    LanView {
        captures: vec![capture],
        reload: Some(Reload { successful: true, last_success: Stamp::new(1, 0) }),
        evidence: Some(Totals::default()),
        log_dropped: Some(0),
        ..LanView::default()
    }
}

pub fn capture(name: &str, backend: Backend, segments: Vec<SegmentView>) -> CaptureView {
    CaptureView {
        name: name.to_owned(),
        abilities: Some(backend.abilities()),
        up: true,
        trouble: None,
        is_done: false,
        dropped: None,
        ring_bytes: None,
        segments: Ok(segments),
    }
}

pub fn segment(label: &str, vlan: &str) -> SegmentView {
    SegmentView {
        label: label.into(),
        vlan: vlan.to_owned(),
        lan: None,
        snapshot: snapshot(vec![]),
    }
}

/// Totals that fit the devices, as if nothing had been evicted.
pub fn snapshot(devices: Vec<DeviceSnapshot>) -> Snapshot {
    let sum = |of: fn(&DeviceCounters) -> &[u64; Protocol::COUNT]| {
        let mut sum = [0_u64; Protocol::COUNT];
        for device in &devices {
            for (total, count) in sum.iter_mut().zip(of(&device.counters)) {
                *total = total.saturating_add(*count);
            }
        }
        sum
    };
    let mut per_second = Histogram { counts: [0; SECOND_BOUNDS.len() + 1], sum: 90 };
    per_second.counts[0] = 58;
    per_second.counts[3] = 1;
    per_second.counts[SECOND_BOUNDS.len()] = 1;
    Snapshot {
        packets: sum(|counters| &counters.packets),
        bytes: sum(|counters| &counters.bytes),
        per_second,
        tracked: devices.len(),
        devices,
        ..Snapshot::default()
    }
}

pub fn device(mac: [u8; 6], packets: &[(Protocol, u64)]) -> DeviceSnapshot {
    DeviceSnapshot {
        counters: counters(packets),
        peak_minute: 200,
        peak_ever: 200,
        last_seen: Stamp::new(1_700_000_060, 123_456_789),
        ..DeviceSnapshot::new(Sender::Mac(Mac(mac)), Stamp::new(1_700_000_000, 0))
    }
}

pub fn counters(packets: &[(Protocol, u64)]) -> DeviceCounters {
    let mut counters = DeviceCounters::default();
    for &(protocol, count) in packets {
        counters.packets[protocol.index()] = count;
        counters.bytes[protocol.index()] = count.saturating_mul(100);
        if protocol == Protocol::Mdns {
            counters.messages[Kind::Announcement as usize] = count;
            counters.records[Section::Answer as usize] = count;
        }
    }
    counters
}
