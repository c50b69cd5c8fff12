//! Numbers as exposition formats write them.

use crate::time::Stamp;
use std::io::Write as _;

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Integer(u64),
    /// Anything else.
    Float(f64),
    /// Wall-clock time, written as seconds since 1970 with microseconds: a reader's float holds
    /// no more digits.
    Seconds(Stamp),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Stamp> for Value {
    fn from(value: Stamp) -> Self {
        Self::Seconds(value)
    }
}

impl Value {
    /// Appends the text.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(value) => integer(out, value),
            Self::Float(value) => float(out, value),
            Self::Seconds(stamp) => seconds(out, stamp),
        }
    }
}

fn integer(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest text that reads back as the same number; infinities and NaN as Prometheus has
/// them.
fn float(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if size != 0.0 && !(1e-4..1e21).contains(&size) {
        append(out, format_args!("{value:e}"));
    } else {
        append(out, format_args!("{value}"));
    }
}

fn seconds(out: &mut Vec<u8>, stamp: Stamp) {
    let micros = stamp.0 / 1_000;
    if micros < 0 {
        out.push(b'-');
    }
    let micros = micros.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(micros / 1_000_000).as_bytes());
    let mut fraction = u32::try_from(micros % 1_000_000).unwrap_or(0);
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    let mut scale = 100_000;
    while fraction != 0 {
        out.push(b'0' + u8::try_from(fraction / scale).unwrap_or(0));
        fraction %= scale;
        scale /= 10;
    }
}

/// A histogram's `le` as OpenMetrics asks for it, which is also how Go writes it there: `1.0`,
/// and an exponent from a million on. The text format takes any float; one spelling in both
/// dialects makes them the same series for a Prometheus that does not normalise it (before 3.0).
pub(super) fn bound(out: &mut Vec<u8>, value: f64) {
    if value.is_infinite() {
        return float(out, value);
    }
    if value.abs() < 1e6 {
        return append(out, format_args!("{value:?}"));
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => append(out, format_args!("{mantissa}e+{exponent:0>2}")),
        None => out.extend_from_slice(text.as_bytes()),
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: impl Into<Value>) -> String {
        let mut out = Vec::new();
        value.into().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn special_floats_are_spelled_as_prometheus_has_them() {
        assert_eq!(text(f64::INFINITY), "+Inf");
        assert_eq!(text(f64::NEG_INFINITY), "-Inf");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(0.0), "0");
        assert_eq!(text(1.0), "1");
        assert_eq!(text(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(text(1e300), "1e300");
        assert_eq!(text(u64::MAX), "18446744073709551615");
    }

    #[test]
    fn stamps_are_seconds_with_microseconds() {
        assert_eq!(text(Stamp::new(1_700_000_000, 0)), "1700000000");
        assert_eq!(text(Stamp::new(1_700_000_000, 250_000_000)), "1700000000.25");
        assert_eq!(text(Stamp::new(1, 1_999)), "1.000001");
        assert_eq!(text(Stamp::new(0, 999)), "0");
        assert_eq!(text(Stamp::new(-2, 500_000_000)), "-1.5");
    }

    #[test]
    fn bounds_are_canonical() {
        for (value, expected) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.02, "0.02"),
            (100_000.0, "100000.0"),
            (1e6, "1e+06"),
            (1.5e6, "1.5e+06"),
            (f64::INFINITY, "+Inf"),
        ] {
            let mut out = Vec::new();
            bound(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn floats_read_back_as_themselves(value in any::<f64>()) {
            let read: f64 = text(value).parse().unwrap();
            prop_assert!(read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan()));
        }
    }
}
