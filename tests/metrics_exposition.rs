//! The exposition as a whole: golden bodies, truth about what is not measured, failures that stay
//! alone, bounds.

mod metrics_fixture;

use metrics_fixture::golden::{compare_with_golden, without_durations};
use metrics_fixture::parse::{Body, parse};
use metrics_fixture::{FakeLan, body, capture, device, full_lan, lan, segment, snapshot};
use multicast_exporter::capture::Backend;
use multicast_exporter::decode::{Protocol, Reason};
use multicast_exporter::engine::{DeviceSnapshot, Identity};
use multicast_exporter::metrics::catalogue::{ALL, Bound, Family, Kind};
use multicast_exporter::metrics::{
    Deadline, Detail, Dialect, Encoding, LanView, Scraper, Selection, Source, Writer,
};
use multicast_exporter::pipeline::SegmentView;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn scraped(view: LanView) -> Body {
    parse(&body(FakeLan::new(view), Dialect::Text))
}

#[test]
fn bodies_are_the_golden_ones() {
    for (name, dialect) in [("lan.prom", Dialect::Text), ("lan.om", Dialect::OpenMetrics)] {
        compare_with_golden(name, &without_durations(&body(FakeLan::new(lan()), dialect)));
    }
}

#[test]
fn both_dialects_hold_the_same_samples() {
    let strip = |text: &str| parse(&without_durations(text));
    let text = strip(&body(FakeLan::new(lan()), Dialect::Text));
    let openmetrics = strip(&body(FakeLan::new(lan()), Dialect::OpenMetrics));
    assert_eq!(text.samples, openmetrics.samples);
    assert!(openmetrics.eof && !text.eof);
}

#[test]
fn what_is_written_is_what_the_catalogue_says() {
    let mut view = full_lan(2);
    view.captures.extend(lan().captures.into_iter().skip(1));
    let body = scraped(view);
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
            let labels: &std::collections::BTreeMap<String, String> = labels;
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
}

#[test]
fn a_capture_that_never_opened_is_down_and_says_nothing_else() {
    let body = scraped(lan());
    assert_eq!(body.value("multicast_capture_up", &[("capture", "eth9")]), Some(0.0));
    assert!(!body.label_values("multicast_capture_info", "capture").contains("eth9"));
    let told = |(_, labels): &&(String, _)| {
        std::collections::BTreeMap::get(labels, "interface")
            .is_some_and(|name: &String| name == "eth9")
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
    for collector in ["segments", "devices", "mdns"] {
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
        let body = scraped(full_lan(devices));
        let bound = Bound { devices: devices as usize, segments: 1, captures: 1 };
        assert_eq!(body.samples.len(), bound.series(), "everything that can be is there");
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
