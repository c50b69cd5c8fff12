//! The exposition as a whole: golden bodies, nothing claimed that is not measured, failures that
//! stay isolated, bounds.

use crate::metrics_fixture::host::{self, FakeHost};
use crate::metrics_fixture::{
    FakeLan, body, capture, device, full_lan, lan, segment, snapshot, stuck,
};
use crate::support::exposition::{Body, parse};
use crate::support::golden::{compare_with_golden, without_durations};
use multicast_exporter::capture::Backend;
use multicast_exporter::decode::{Protocol, Reason};
use multicast_exporter::detect::{Cause, Rule};
use multicast_exporter::engine::{DeviceSnapshot, Identity};
use multicast_exporter::host::{Trouble, View};
use multicast_exporter::lan::{Deadline, Detail, LanView, Source};
use multicast_exporter::metrics::catalogue::{ALL, Bound, Family, Kind};
use multicast_exporter::metrics::{Dialect, Encoding, Scraper, Selection, Writer};
use multicast_exporter::pipeline::SegmentView;
use multicast_exporter::storm::{Level, Storm};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

fn scraped(view: LanView) -> Body {
    parse(&body(FakeLan::new(view), Dialect::Text))
}

#[test]
fn bodies_are_the_golden_ones() {
    for (name, dialect) in [("lan.prom", Dialect::Text), ("lan.om", Dialect::OpenMetrics)] {
        let lan = FakeLan::with_host(lan(), host::ebpf());
        compare_with_golden(name, &without_durations(&body(lan, dialect)));
    }
}

#[test]
fn both_dialects_hold_the_same_samples() {
    let strip = |text: &str| parse(&without_durations(text));
    let text = strip(&body(FakeLan::with_host(lan(), host::ebpf()), Dialect::Text));
    let openmetrics = strip(&body(FakeLan::with_host(lan(), host::ebpf()), Dialect::OpenMetrics));
    assert_eq!(text.samples, openmetrics.samples);
    assert!(openmetrics.eof && !text.eof);
}

#[test]
fn what_is_written_is_what_the_catalogue_says() {
    let mut view = full_lan(2);
    view.captures.extend(lan().captures.into_iter().skip(1));
    let body = parse(&body(FakeLan::with_host(view, host::ebpf()), Dialect::Text));
    let known: BTreeSet<&str> = ALL.iter().map(|family| family.name).collect();
    let written: BTreeSet<&str> = body.families.iter().map(String::as_str).collect();
    assert_eq!(written, known, "the catalogue and the collectors disagree");
    for Family { name, kind, labels, .. } in ALL {
        assert_eq!(body.types[*name], kind.label());
        let mut expected: BTreeSet<&str> = labels.iter().copied().collect();
        let sample =
            if *kind == Kind::Histogram { format!("{name}_bucket") } else { (*name).into() };
        if *kind == Kind::Histogram {
            expected.insert("le");
        }
        for (_, found) in body.samples.keys().filter(|(n, _)| *n == sample) {
            assert_eq!(
                found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
                expected,
                "{name}"
            );
        }
    }
}

#[test]
fn zero_is_only_said_where_it_was_measured() {
    let views = [Backend::Ring, Backend::Pnet, Backend::Socket].map(|backend| {
        let name = backend.label();
        let mut view = capture(name, backend, vec![segment(name, "")]);
        view.dropped = Some(0);
        view.ring_bytes = Some(0);
        view
    });
    let body = scraped(LanView { captures: views.into(), ..LanView::default() });
    let packets = |interface| {
        let seen = |protocol: &Protocol| {
            let labels = [("interface", interface), ("protocol", protocol.label())];
            body.value("multicast_interface_packets_total", &labels) == Some(0.0)
        };
        Protocol::ALL.iter().filter(|p| seen(p)).map(|p| p.label()).collect::<Vec<_>>()
    };
    assert_eq!(packets("ring").len(), Protocol::COUNT);
    assert_eq!(packets("pnet").len(), Protocol::COUNT);
    assert_eq!(packets("socket"), ["mdns", "ssdp", "llmnr", "wsd"]);

    let dropped = body.label_values("multicast_capture_dropped_total", "capture");
    assert_eq!(dropped.into_iter().collect::<Vec<_>>(), ["ring", "socket"]);
    let rings = body.label_values("multicast_exporter_capture_ring_bytes", "capture");
    assert_eq!(rings.into_iter().collect::<Vec<_>>(), ["ring"]);
    let converted = body.label_values("multicast_interface_converted_packets_total", "interface");
    assert_eq!(converted.into_iter().collect::<Vec<_>>(), ["pnet", "ring"]);

    // Nobody has queried yet: none are known where IGMP is seen, and no time of a last query.
    for family in ["multicast_queriers", "multicast_groups"] {
        let interfaces = body.label_values(family, "interface");
        assert_eq!(interfaces.into_iter().collect::<Vec<_>>(), ["pnet", "ring"], "{family}");
        assert_eq!(body.label_values(family, "family").len(), 2);
    }
    let asked = "multicast_querier_last_query_timestamp_seconds";
    assert!(body.label_values(asked, "interface").is_empty());

    let errors = |interface: &str| {
        let of = |(name, labels): &&(String, _)| {
            let labels: &BTreeMap<String, String> = labels;
            name == "multicast_interface_decode_errors_total" && labels["interface"] == interface
        };
        body.samples.keys().filter(of).count()
    };
    assert_eq!(errors("ring"), Reason::PAIRS.len());
    let by_socket = Reason::PAIRS.iter().filter(|(protocol, _)| {
        use Protocol::{Llmnr, Mdns, Ssdp, Wsd};
        matches!(protocol, Some(Mdns | Ssdp | Llmnr | Wsd))
    });
    assert_eq!(errors("socket"), by_socket.count());

    let reflected = body.label_values("multicast_interface_reflected_packets_total", "interface");
    assert_eq!(reflected.into_iter().collect::<Vec<_>>(), ["pnet", "ring"]);
    for (interface, causes, rules) in [
        ("ring", Cause::COUNT, Rule::COUNT),
        ("pnet", Cause::COUNT, Rule::COUNT),
        ("socket", Cause::COUNT - 7, Rule::COUNT - 3),
    ] {
        let of = [("interface", interface)];
        assert_eq!(body.value("multicast_interface_storm_active", &of), Some(0.0));
        assert_eq!(zeros(&body, "multicast_interface_storms_total", of[0]), 2 * causes);
        assert_eq!(zeros(&body, "mdns_interface_violations_total", of[0]), rules);
    }
    assert!(!body.has("multicast_interface_storm_cause"));
}

/// How many series of a name are 0 and have a label.
fn zeros(body: &Body, name: &str, (label, value): (&str, &str)) -> usize {
    let of = |((n, labels), v): &(&(String, BTreeMap<String, String>), &f64)| {
        n == name && labels.get(label).is_some_and(|l| l == value) && **v == 0.0
    };
    body.samples.iter().filter(of).count()
}

#[test]
fn a_storm_is_told_while_it_lasts_and_counted_from_the_first_on() {
    let told = |storm: Option<Storm>, begun: [u64; 2]| {
        let device = DeviceSnapshot {
            storm,
            storms_begun: begun,
            ..device([0, 0x1e, 0x8f, 0xab, 1, 0xff], &[(Protocol::Mdns, 1)])
        };
        let segment = SegmentView { snapshot: snapshot(vec![device]), ..segment("a", "") };
        let captures = vec![capture("a", Backend::Ring, vec![segment])];
        scraped(LanView { captures, ..LanView::default() })
    };
    let of = [("interface", "a"), ("device", "00:1e:8f:ab:01:ff")];
    let with = |more| [of[0], of[1], more];
    let active =
        |body: &Body, level| body.value("multicast_device_storm_active", &with(("level", level)));
    let cause = with(("cause", "repeated_response"));

    let never = told(None, [0, 0]);
    for name in [
        "multicast_device_storm_active",
        "multicast_device_storm_cause",
        "multicast_device_storm_start_timestamp_seconds",
        "multicast_device_storm_info",
        "multicast_device_storms_total",
    ] {
        assert!(!never.has(name), "{name}");
    }

    let chatty = told(Some(Storm { level: Level::Chatty, ..stuck() }), [1, 0]);
    assert_eq!((active(&chatty, "chatty"), active(&chatty, "storm")), (Some(1.0), Some(0.0)));
    let risen = told(Some(stuck()), [1, 1]);
    assert_eq!((active(&risen, "chatty"), active(&risen, "storm")), (Some(0.0), Some(1.0)));
    assert_eq!(risen.value("multicast_device_storm_cause", &cause), Some(1.0));
    let start = risen.value("multicast_device_storm_start_timestamp_seconds", &of);
    assert_eq!(start, Some(1_700_000_010.25));
    let id = stuck().id("a");
    let info = [of[0], of[1], ("id", &*id), ("asker", ""), ("detail", "<b>printer</b>.local")];
    assert_eq!(risen.value("multicast_device_storm_info", &info), Some(1.0));

    let lasted = |body: &Body, level| {
        body.value("multicast_device_storm_duration_seconds", &with(("level", level)))
    };
    assert_eq!((lasted(&risen, "chatty"), lasted(&risen, "storm")), (Some(0.0), Some(90.0)));
    assert_eq!(risen.value("multicast_device_storm_packets", &of), Some(999_000.0));

    let over = told(None, [1, 1]);
    assert!(!over.has("multicast_device_storm_duration_seconds"));
    assert_eq!((active(&over, "chatty"), active(&over, "storm")), (Some(0.0), Some(0.0)));
    assert!(!over.has("multicast_device_storm_cause"));
    assert!(!over.has("multicast_device_storm_info"));
    assert!(!over.has("multicast_device_storm_start_timestamp_seconds"));
    for (level, begun) in [("chatty", 1.0), ("storm", 1.0)] {
        let of = with(("level", level));
        assert_eq!(over.value("multicast_device_storms_total", &of), Some(begun));
    }
}

#[test]
fn a_device_has_the_rules_that_it_broke_and_a_segment_all() {
    let body = scraped(lan());
    let broken = body.label_values("mdns_device_violations_total", "rule");
    assert_eq!(broken.into_iter().collect::<Vec<_>>(), ["record_interval", "ttl_value"]);
    let of = [("interface", "eth0"), ("device", "00:1e:8f:ab:01:ff"), ("rule", "record_interval")];
    assert_eq!(body.value("mdns_device_violations_total", &of), Some(900_000.0));
    let of = [of[0], of[2]];
    assert_eq!(body.value("mdns_interface_violations_total", &of), Some(900_007.0));
    let of = ("interface", "eth0");
    assert_eq!(zeros(&body, "mdns_interface_violations_total", of), Rule::COUNT - 2);
}

#[test]
fn a_capture_that_never_opened_is_down_and_says_nothing_else() {
    let body = scraped(lan());
    assert_eq!(body.value("multicast_capture_up", &[("capture", "eth9")]), Some(0.0));
    assert!(!body.label_values("multicast_capture_info", "capture").contains("eth9"));
    let told = |(_, labels): &&(String, _)| {
        BTreeMap::get(labels, "interface").is_some_and(|name: &String| name == "eth9")
    };
    assert_eq!(body.samples.keys().find(told), None);
    let labels = [
        ("capture", "wlan0"),
        ("backend", "socket"),
        ("vlan", "no"),
        ("direction", "no"),
        ("drops", "yes"),
        ("bytes", "estimated"),
    ];
    assert_eq!(body.value("multicast_capture_info", &labels), Some(1.0));
}

#[test]
fn devices_have_series_once_they_are_exposed() {
    let body = scraped(lan());
    let devices = body.label_values("multicast_device_packets_total", "device");
    let expected = ["00:1e:8f:ab:01:ff", "52:54:00:00:00:01", "fe80::1", "other"];
    assert_eq!(devices.into_iter().collect::<Vec<_>>(), expected);
    assert!(!body.label_values("multicast_device_info", "device").contains("other"));
    assert!(!body.label_values("mdns_device_messages_total", "device").contains("fe80::1"));
    let printer = [("interface", "eth0"), ("device", "00:1e:8f:ab:01:ff")];
    let with = |label| [printer[0], printer[1], label];
    assert_eq!(
        body.value("mdns_device_messages_total", &with(("kind", "announcement"))),
        Some(1e6)
    );
    assert_eq!(body.value("mdns_device_messages_total", &with(("kind", "goodbye"))), Some(0.0));
    assert_eq!(body.value("multicast_device_packets_total", &with(("protocol", "arp"))), None);
    assert_eq!(
        body.value("multicast_device_last_seen_timestamp_seconds", &printer),
        Some(1_700_000_060.123_456)
    );
}

#[test]
fn the_histogram_is_cumulative() {
    let body = scraped(lan());
    let bucket = |le| {
        let labels = [("interface", "eth0"), ("le", le)];
        body.value("multicast_interface_packets_per_second_bucket", &labels)
    };
    assert_eq!(bucket("0.0"), Some(58.0));
    assert_eq!(bucket("5.0"), Some(58.0));
    assert_eq!(bucket("10.0"), Some(59.0));
    assert_eq!(bucket("1e+06"), Some(59.0));
    assert_eq!(bucket("+Inf"), Some(60.0));
    let of = |name| body.value(name, &[("interface", "eth0")]);
    assert_eq!(of("multicast_interface_packets_per_second_count"), Some(60.0));
    assert_eq!(of("multicast_interface_packets_per_second_sum"), Some(90.0));
}

fn success(body: &Body, collector: &str) -> Option<f64> {
    body.value("multicast_scrape_collector_success", &[("collector", collector)])
}

#[test]
fn a_capture_whose_lock_is_held_fails_alone() {
    let lan = FakeLan::new(lan());
    let held = lan.captures[0].1.lock();
    let during = parse(&body(Arc::clone(&lan) as Arc<dyn Source>, Dialect::Text));
    for collector in ["segments", "storms", "devices", "mdns"] {
        assert_eq!(success(&during, collector), Some(0.0), "{collector}");
    }
    for collector in ["exporter", "process", "captures"] {
        assert_eq!(success(&during, collector), Some(1.0), "{collector}");
    }
    let heard = during.label_values("multicast_interface_packets_total", "interface");
    assert!(heard.contains("wlan0") && !heard.contains("eth0"), "{heard:?}");
    assert_eq!(during.value("multicast_capture_up", &[("capture", "eth0")]), Some(1.0));
    drop(held);
    let after = parse(&body(lan, Dialect::Text));
    assert_eq!(success(&after, "devices"), Some(1.0));
    assert!(after.label_values("multicast_interface_packets_total", "interface").contains("eth0"));
}

#[test]
fn what_was_not_asked_for_is_neither_read_nor_written() {
    let lan = FakeLan::new(lan());
    let _held = lan.captures[0].1.lock();
    let scraper = Scraper::new(lan.clone());
    let wanted = Selection::parse([("collect[]", "captures"), ("collect[]", "process")]).unwrap();
    let mut writer = Writer::new(Dialect::Text, Encoding::Identity, Vec::new());
    scraper.scrape(wanted, Deadline::after(Duration::ZERO), &mut writer);
    let body = parse(&String::from_utf8(writer.finish().unwrap()).unwrap());
    assert!(body.has("process_threads") && body.has("multicast_capture_up"));
    assert!(!body.has("multicast_interface_packets_total"));
    assert!(!body.has("multicast_exporter_build_info"));
    assert_eq!(success(&body, "captures"), Some(1.0), "no pipeline's lock is needed for it");
    assert_eq!(success(&body, "devices"), None);
}

/// A source that breaks down when it is read.
struct Broken;

impl Source for Broken {
    fn ready(&self) -> bool {
        true
    }

    fn read(&self, _: Deadline, _: Detail) -> LanView {
        panic!("as the test wants");
    }
}

#[test]
fn a_source_that_panics_does_not_fail_the_scrape() {
    let body = parse(&body(Arc::new(Broken), Dialect::OpenMetrics));
    assert_eq!(success(&body, "process"), Some(1.0));
    assert_eq!(success(&body, "devices"), Some(0.0));
    assert!(body.has("process_resident_memory_bytes") && body.eof);
}

#[test]
fn a_process_that_cannot_be_read_fails_alone() {
    let build = multicast_exporter::metrics::BUILD;
    let scraper = Scraper::new(FakeLan::new(lan())).with_surroundings(build, "/nonexistent".into());
    let mut writer = Writer::new(Dialect::Text, Encoding::Identity, Vec::new());
    scraper.scrape(Selection::ALL, Deadline::after(Duration::from_secs(1)), &mut writer);
    let body = parse(&String::from_utf8(writer.finish().unwrap()).unwrap());
    assert_eq!(success(&body, "process"), Some(0.0));
    assert_eq!(success(&body, "devices"), Some(1.0));
}

#[test]
fn a_segment_or_device_that_comes_twice_is_left_out_and_said() {
    let twin = || device([2, 0, 0, 0, 0, 1], &[(Protocol::Mdns, 1)]);
    let twins = SegmentView { snapshot: snapshot(vec![twin(), twin()]), ..segment("a", "") };
    let again = |name| capture(name, Backend::Ring, vec![twins.clone()]);
    // parse() panics if a series comes twice.
    let body = scraped(LanView {
        captures: vec![again("a"), again("b"), again("b")],
        ..LanView::default()
    });
    assert_eq!(success(&body, "segments"), Some(0.0));
    assert!(body.has("multicast_device_info"));
}

#[test]
fn series_stay_under_the_bound() {
    for devices in [0, 1, 300] {
        let lan = FakeLan::with_host(full_lan(devices), host::full());
        let body = parse(&body(lan, Dialect::Text));
        let bound = Bound { devices: devices as usize, segments: 1, captures: 1 };
        assert_eq!(body.samples.len(), bound.series(), "everything that can be is there");
    }
}

fn scraped_host(host: FakeHost) -> Body {
    parse(&body(FakeLan::with_host(LanView::default(), host), Dialect::Text))
}

#[test]
fn names_that_local_users_choose_read_back_and_the_sum_is_the_total() {
    let body = scraped_host(host::ebpf());
    let names = body.label_values("multicast_host_process_syscalls_total", "process");
    let expected = ["\"} 1\u{fffd}\\\u{fffd}", "avahi-daemon", "other"];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    let of = |name: &&(String, BTreeMap<_, _>)| name.0 == "multicast_host_process_syscalls_total";
    let sum: f64 = body.samples.iter().filter(|(key, _)| of(key)).map(|(_, value)| value).sum();
    let total = body.value("multicast_host_syscalls_total", &[]);
    assert_eq!(Some(sum), total);
    let rates = body.label_values("multicast_host_process_syscalls_per_second", "process");
    assert_eq!(rates.into_iter().collect::<Vec<_>>(), ["avahi-daemon", "other"]);
    let avahi = [("process", "avahi-daemon"), ("port", "5353")];
    assert_eq!(body.value("multicast_host_sockets", &avahi), Some(2.0));
    assert_eq!(body.value("multicast_host_socket_drops_total", &avahi), Some(12_345.0));
    assert_eq!(body.value("multicast_host_socket_receive_queue_bytes", &avahi), Some(212_992.0));
    let info = [("backend", "ebpf"), ("reason", "none")];
    assert_eq!(body.value("multicast_exporter_syscalls_info", &info), Some(1.0));
}

#[test]
fn what_a_way_to_count_does_not_know_is_absent() {
    let total_only = scraped_host(host::perf());
    let host: Vec<&String> =
        total_only.families.iter().filter(|name| name.starts_with("multicast_host_")).collect();
    assert_eq!(host, ["multicast_host_syscalls_total"]);
    assert_eq!(total_only.value("multicast_host_syscalls_total", &[]), Some(0.0));
    let info = [("backend", "perf"), ("reason", "no_cap_bpf")];
    assert_eq!(total_only.value("multicast_exporter_syscalls_info", &info), Some(1.0));
    assert_eq!(total_only.value("multicast_exporter_sockets_info", &[("owners", "fd")]), Some(1.0));

    let nothing = scraped_host(host::off());
    assert!(!nothing.families.iter().any(|name| name.starts_with("multicast_host_")));
    let info = [("backend", "off"), ("reason", "lockdown")];
    assert_eq!(nothing.value("multicast_exporter_syscalls_info", &info), Some(1.0));
    assert_eq!(nothing.value("multicast_exporter_sockets_info", &[("owners", "none")]), Some(1.0));
    for collector in ["syscalls", "sockets"] {
        assert_eq!(success(&nothing, collector), Some(1.0), "{collector}: it has nothing to do");
    }
}

#[test]
fn system_calls_that_cannot_be_read_cost_no_sockets() {
    let broken = || View { syscalls: Some(Err(Trouble::Lock)), ..(host::ebpf().view)() };
    let body = scraped_host(FakeHost { view: broken, ..host::ebpf() });
    assert_eq!(success(&body, "syscalls"), Some(0.0));
    assert_eq!(success(&body, "sockets"), Some(1.0));
    assert!(!body.has("multicast_host_syscalls_total") && body.has("multicast_host_sockets"));

    let body = scraped_host(FakeHost { view: || panic!("as the test wants"), ..host::ebpf() });
    for (collector, expected) in [("syscalls", 0.0), ("sockets", 0.0), ("exporter", 1.0)] {
        assert_eq!(success(&body, collector), Some(expected), "{collector}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_network_calls_itself_reads_back(
        names in prop::collection::vec("[^\0]{0,64}", 1..6),
        label in "[^\0]{1,32}",
    ) {
        let devices = names.iter().zip(1..).map(|(name, n)| DeviceSnapshot {
            identity: Arc::new(Identity {
                name: Some(name.as_str().into()),
                model: Some(name.as_str().into()),
                ..Identity::default()
            }),
            ..device([2, 0, 0, 0, 0, n], &[(Protocol::Mdns, 1)])
        });
        let segment = SegmentView { snapshot: snapshot(devices.collect()), ..segment(&label, &label) };
        let view = LanView {
            captures: vec![capture(&label, Backend::Ring, vec![segment])],
            ..LanView::default()
        };
        for dialect in [Dialect::Text, Dialect::OpenMetrics] {
            let body = parse(&body(FakeLan::new(view.clone()), dialect));
            let read = body.label_values("multicast_device_info", "name");
            prop_assert_eq!(&read, &names.iter().cloned().collect());
            let read = body.label_values("multicast_segment_info", "vlan");
            prop_assert_eq!(read, BTreeSet::from([label.clone()]));
        }
    }
}
