//! Tests of the writer: what the formats have in common and where they differ.

use super::*;
use crate::metrics::catalogue::{Collector, Sight};
use proptest::prelude::*;
use std::io::Read as _;

static TRICKY: Family = Family {
    name: "a_total",
    kind: Kind::Counter,
    labels: &["x"],
    help: "One \"two\" \\ three\nfour.",
    collector: Collector::Exporter,
    sight: Sight::Nothing,
};

static SECONDS: Family = Family { name: "s", kind: Kind::Histogram, help: "H.", ..TRICKY };

fn written(dialect: Dialect, write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new(dialect, Encoding::Identity, vec![b'x'; 3]);
    write(&mut writer);
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn the_text_format_names_counters_in_full_and_keeps_quotes_in_help() {
    let text = written(Dialect::Text, |writer| {
        writer.family(&TRICKY).sample(&Labels::new("x", "a\"b\\c\nd"), &[], 1);
    });
    assert_eq!(
        text,
        "# HELP a_total One \"two\" \\\\ three\\nfour.\n# TYPE a_total counter\n\
         a_total{x=\"a\\\"b\\\\c\\nd\"} 1\n"
    );
}

#[test]
fn openmetrics_names_counters_without_total_and_ends_in_eof() {
    let text = written(Dialect::OpenMetrics, |writer| {
        writer.family(&TRICKY).sample(&Labels::default(), &[("x", "")], 1);
    });
    assert_eq!(
        text,
        "# HELP a One \\\"two\\\" \\\\ three\\nfour.\n# TYPE a counter\na_total{x=\"\"} 1\n# EOF\n"
    );
}

#[test]
fn a_family_without_samples_is_absent() {
    assert_eq!(written(Dialect::Text, |writer| _ = writer.family(&TRICKY)), "");
    assert_eq!(written(Dialect::OpenMetrics, |writer| _ = writer.family(&TRICKY)), "# EOF\n");
}

#[test]
fn a_histogram_has_all_buckets_sum_and_count() {
    let text = written(Dialect::Text, |writer| {
        let buckets = [(0.0, 1), (1e6, 3), (f64::INFINITY, 4)].into_iter();
        writer.family(&SECONDS).histogram(&Labels::new("x", "y"), buckets, 4, 7.5);
    });
    assert_eq!(
        text,
        "# HELP s H.\n# TYPE s histogram\n\
         s_bucket{x=\"y\",le=\"0.0\"} 1\ns_bucket{x=\"y\",le=\"1e+06\"} 3\n\
         s_bucket{x=\"y\",le=\"+Inf\"} 4\ns_sum{x=\"y\"} 7.5\ns_count{x=\"y\"} 4\n"
    );
}

#[test]
fn registry_families_come_out_as_the_crate_writes_them() {
    use prometheus::{Encoder as _, HistogramOpts, Opts};
    let registry = prometheus::Registry::new();
    let counter = prometheus::IntCounterVec::new(Opts::new("c_total", "C \\."), &["l"]).unwrap();
    counter.with_label_values(&["a\"b\n"]).inc_by(3);
    counter.with_label_values(&["z"]).inc_by(4);
    let gauge = prometheus::Gauge::new("g", "G.").unwrap();
    gauge.set(-0.25);
    let options = HistogramOpts::new("h", "H.").buckets(vec![0.5, 2.5]);
    let histogram = prometheus::Histogram::with_opts(options).unwrap();
    histogram.observe(0.7);
    registry.register(Box::new(counter)).unwrap();
    registry.register(Box::new(gauge)).unwrap();
    registry.register(Box::new(histogram)).unwrap();
    let families = registry.gather();
    let mut theirs = Vec::new();
    prometheus::TextEncoder::new().encode(&families, &mut theirs).unwrap();
    let ours = written(Dialect::Text, |writer| writer.registry_families(&families));
    assert_eq!(ours, String::from_utf8(theirs).unwrap());
}

#[test]
fn gzip_holds_the_same_text() {
    let write = |writer: &mut Writer| {
        let mut family = writer.family(&TRICKY);
        for i in 0..20_000_u64 {
            family.sample(&Labels::new("x", &i.to_string()), &[], i);
        }
    };
    let plain = written(Dialect::OpenMetrics, write);
    assert!(plain.len() > 4 * CHUNK);
    let mut writer = Writer::new(Dialect::OpenMetrics, Encoding::Gzip, Vec::new());
    write(&mut writer);
    assert_eq!(writer.samples(), 20_000);
    let packed = writer.finish().unwrap();
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked == plain);
    assert!(packed.len() * 2 < plain.len());
}

#[test]
fn a_partial_line_can_be_dropped() {
    let text = written(Dialect::Text, |writer| {
        writer.family(&TRICKY).sample(&Labels::default(), &[], 1);
        writer.text.extend_from_slice(b"a_total{x=\"");
        writer.drop_partial_line();
    });
    assert!(text.ends_with("a_total 1\n"), "{text}");
}

/// Undoes the escapes as a reader of the formats does.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(match chars.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => panic!("ends in a backslash: {text:?}"),
            }),
            '"' | '\n' => panic!("not escaped: {text:?}"),
            other => out.push(other),
        }
    }
    out
}

proptest! {
    #[test]
    fn any_label_value_reads_back_as_itself(value in any::<String>()) {
        let labels = Labels::new("x", &value);
        let text = std::str::from_utf8(labels.as_bytes()).unwrap();
        let inner = text.strip_prefix("x=\"").unwrap().strip_suffix('"').unwrap();
        prop_assert_eq!(unescape(inner), value.replace('\0', "\u{fffd}"));
    }

    #[test]
    fn different_values_stay_different(a in "[\\\\n\n\"]{0,6}", b in "[\\\\n\n\"]{0,6}") {
        let same = Labels::new("x", &a).as_bytes() == Labels::new("x", &b).as_bytes();
        prop_assert_eq!(same, a == b);
    }
}
