//! The tests' own tool that shortens rules and routes: it divides durations and nothing else.

use crate::scaled::{differences, divided, duration, hastened};
use std::time::Duration;

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Divides by 10, and shows that the tool and its check agree.
fn tenth(text: &str) -> String {
    let out = divided(text, 10);
    for (whole, part) in differences(text, &out).expect("only durations differ") {
        assert_eq!(whole, part * 10);
    }
    out
}

#[test]
fn literals_are_what_prometheus_takes_for_durations() {
    let known = [
        ("15s", 15_000),
        ("2m", 120_000),
        ("1h30m", 5_400_000),
        ("1d", 86_400_000),
        ("1w2d", 9 * 86_400_000),
        ("1y", 365 * 86_400_000),
        ("250ms", 250),
        ("1m500ms", 60_500),
        ("0s", 0),
    ];
    for (literal, wanted) in known {
        assert_eq!(duration(literal), Some(millis(wanted)), "{literal}");
    }
    for no in ["", "5", "s", "5 m", "5min", "30m1h", "5m5m", "1.5h", "m5", "5353", "9s_", "5M"] {
        assert_eq!(duration(no), None, "{no}");
    }
}

#[test]
fn values_ranges_and_offsets_are_divided() {
    let table = [
        ("group_wait: 15s\n", "group_wait: 1500ms\n"),
        ("    for: 2m\n", "    for: 12000ms\n"),
        ("for: 1h30m # until then\n", "for: 540000ms # until then\n"),
        ("- interval: \"45s\"\n", "- interval: \"4500ms\"\n"),
        ("    - 1d\n", "    - 8640000ms\n"),
        (
            "- {for: 10s, name: '10s is short', keep_firing_for: '2m'}",
            "- {for: 1000ms, name: '10s is short', keep_firing_for: '12000ms'}",
        ),
        ("expr: rate(x_total[25s]) > 5\n", "expr: rate(x_total[2500ms]) > 5\n"),
        (
            "expr: max_over_time(x{a=\"b\"} [1d:5m])\n",
            "expr: max_over_time(x{a=\"b\"} [8640000ms:30000ms])\n",
        ),
        ("expr: (x)[1d:]\n", "expr: (x)[8640000ms:]\n"),
        ("expr: x offset 5m\n", "expr: x offset 30000ms\n"),
        (
            "expr: x offset -5m + y[1m] offset 1m\n",
            "expr: x offset -30000ms + y[6000ms] offset 6000ms\n",
        ),
        (
            "expr: |\n  # over [1m]\n  rate(x[1m])\n    > 1\nfor: 1m\n",
            "expr: |\n  # over [1m]\n  rate(x[6000ms])\n    > 1\nfor: 6000ms\n",
        ),
        (
            "who: >-\n  for: 5m {{ query \"rate(x[1m])\" }} # 1\n\n  [2m] #2 y[2m]\n",
            "who: >-\n  for: 5m {{ query \"rate(x[6000ms])\" }} # 1\n\n  [12000ms] #2 y[12000ms]\n",
        ),
        (
            "rate: '{{ query \"rate(x[1m]) # 1\" }} isn''t it'\n",
            "rate: '{{ query \"rate(x[6000ms]) # 1\" }} isn''t it'\n",
        ),
        (
            "rate: &anchor >-\n  {{ with printf `rate(x{a=%q}[1m])` $b | query }}\n",
            "rate: &anchor >-\n  {{ with printf `rate(x{a=%q}[6000ms])` $b | query }}\n",
        ),
        ("wait: 0s\n", "wait: 0ms\n"),
        (
            "expr: |\n  max(x_storm_duration_seconds{a=\"b\"}[150s]) >= 60\n  and y >= 60\n",
            "expr: |\n  max(x_storm_duration_seconds{a=\"b\"}[15000ms]) >= 6\n  and y >= 60\n",
        ),
        (
            "expr: |\n  time() - max(x[1d]) > 900\n  unless time() - y < 600\n",
            "expr: |\n  time() - max(x[8640000ms]) > 90\n  unless time() - y < 60\n",
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(tenth(text), wanted);
    }
}

#[test]
fn a_replay_keeps_the_ages_of_its_storms_and_divides_its_rates() {
    let table = [
        (
            "expr: |\n  max(x_storm_duration_seconds[150s]) >= 60\n",
            "expr: |\n  max(x_storm_duration_seconds[15000ms]) >= 60\n",
        ),
        ("expr: time() - x > 900\n", "expr: time() - x > 90\n"),
        ("expr: rate(x[1m]) > 1\n", "expr: (rate(x[6000ms]) / 10) > 1\n"),
        (
            "expr: |\n  sum(\n    rate(x{a=\"b\"}[1m])\n    or deriv((y)[5m:1m])\n  )\n",
            "expr: |\n  sum(\n    (rate(x{a=\"b\"}[6000ms]) / 10)\n    or (deriv((y)[30000ms:6000ms]) / 10)\n  )\n",
        ),
        (
            "rate: '{{ query \"max_over_time(rate(x[1m])[5m:15s])\" }}'\n",
            "rate: '{{ query \"max_over_time((rate(x[6000ms]) / 10)[30000ms:1500ms])\" }}'\n",
        ),
        ("expr: x:rate1m > irate(y)\n", "expr: x:rate1m > irate(y)\n"),
    ];
    for (text, wanted) in table {
        assert_eq!(hastened(text, 10), wanted);
    }
}

#[test]
fn everything_else_stays() {
    let texts = [
        "port: 5353\n",
        "expr: instance:mdns_packets:rate1m > 1m_avg\n",
        "expr: job:x3s:rate1m{le=\"5m\"} > 300\n",
        "record: rate1m\n",
        "expr: x{name=~\"[5m]|[0-9]s\"}\n",
        "summary: \"for 5 min, or for 5m\"\n",
        "summary: silent for 5m and more\n",
        "summary: 'it''s 5m: # for 5m'\n",
        "# for: 5m and rate(x[5m])\n",
        "name: x # offset 5m\n",
        "description: |\n  for: 5m\n  since 5m, offset 5min\n",
        "start_time: '09:00'\n",
        "name: abc3s\n",
        "order: 30m1h\n",
        "address: 10.0.0.5:9093\n",
        "",
    ];
    for text in texts {
        assert_eq!(tenth(text), text);
    }
}

#[test]
fn parts_of_milliseconds_are_rounded_and_never_to_nothing() {
    assert_eq!(divided("a: 25s\n", 6), "a: 4167ms\n");
    assert_eq!(divided("a: 1ms\n", 60), "a: 1ms\n");
    assert_eq!(divided("a: 1d\n", 1), "a: 86400000ms\n");
}

#[test]
#[should_panic(expected = "over several lines")]
fn a_quoted_value_over_lines_is_refused() {
    divided("a: \"begins\n  and ends\"\n", 10);
}

#[test]
fn any_other_difference_is_told() {
    let text = "for: 5m\nport: 5353\n";
    assert_eq!(differences(text, text), Ok(Vec::new()));
    let fewer = differences(text, "for: 30s\nport: 5353\n");
    assert_eq!(fewer, Ok(vec![(millis(300_000), millis(30_000))]));
    let others = [
        "for: 5m\nport: 5354\n",
        "for: 5\nport: 5353\n",
        "for:  5m\nport: 5353\n",
        "for: 5m\nport: 5353",
        "for: 5m\n",
        "for: 5m\nport: 5353\nmore: 1\n",
        "fore: 5m\nport: 5353\n",
    ];
    for other in others {
        assert!(differences(text, other).is_err(), "{other}");
    }
}
