//! One writer for two formats: the Prometheus text format 0.0.4 and OpenMetrics 1.0.0.
//!
//! Samples come straight from a snapshot, with a family of the [`catalogue`](super::catalogue), or
//! as `MetricFamily` of the `prometheus` crate. The body is plain or gzip. It must not know what
//! the numbers mean.
//!
//! It writes neither timestamps nor `_created` series, and the header of a family only with its
//! first sample. The formats differ in HELP and TYPE of counters (OpenMetrics: without `_total`),
//! in the escapes of help texts, and in the end marker.
//!
//! Sources: Prometheus' "Exposition formats" and the OpenMetrics 1.0.0 specification.

use super::catalogue::{Family, Kind};
use super::number::{self, Value};
use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus::proto;
use std::io::{self, Write as _};

/// The text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Prometheus text format, version 0.0.4.
    Text,
    /// OpenMetrics text format, version 1.0.0.
    OpenMetrics,
}

/// How the body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Compressed while it is written, so that the plain body never exists as a whole.
    Gzip,
}

/// Compression starts whenever this much text has accumulated.
const CHUNK: usize = 64 * 1024;

/// Text of this kind shrinks to a tenth at the fastest level already; the next levels cost twice
/// the time for a few percent.
const LEVEL: u32 = 1;

/// Writes a body.
pub struct Writer {
    dialect: Dialect,
    /// The text, or the part of it that is not compressed yet. Ends in a whole line between
    /// samples.
    text: Vec<u8>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    failed: Option<io::Error>,
    samples: usize,
}

impl Writer {
    /// A writer into `buffer`, which is emptied first and kept for its capacity.
    pub fn new(dialect: Dialect, encoding: Encoding, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        let (text, gzip) = match encoding {
            Encoding::Identity => (buffer, None),
            Encoding::Gzip => (
                Vec::with_capacity(CHUNK + CHUNK / 8),
                Some(GzEncoder::new(buffer, Compression::new(LEVEL))),
            ),
        };
        Self { dialect, text, gzip, failed: None, samples: 0 }
    }

    /// How many samples were written.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// Begins a family: nothing is written before its first sample. All samples of a family must be
    /// written in one go.
    pub fn family<'w>(&'w mut self, family: &'w Family) -> FamilyWriter<'w> {
        let header = Header { name: family.name, kind: family.kind, help: family.help };
        FamilyWriter { writer: self, header, begun: false }
    }

    /// Writes families of the `prometheus` crate.
    pub(crate) fn registry_families(&mut self, families: &[proto::MetricFamily]) {
        for family in families {
            self.registry_family(family);
        }
    }

    fn registry_family(&mut self, family: &proto::MetricFamily) {
        let kind = match family.get_field_type() {
            proto::MetricType::COUNTER => Kind::Counter,
            proto::MetricType::HISTOGRAM => Kind::Histogram,
            // Summaries are not made here: they cannot be added up over instances.
            proto::MetricType::GAUGE | proto::MetricType::UNTYPED | proto::MetricType::SUMMARY => {
                Kind::Gauge
            }
        };
        let header = Header { name: family.name(), kind, help: family.help() };
        let mut writer = FamilyWriter { writer: self, header, begun: false };
        let mut labels = Labels::default();
        for metric in family.get_metric() {
            labels.clear();
            for pair in metric.get_label() {
                labels.push(pair.name(), pair.value());
            }
            match kind {
                Kind::Counter => writer.sample(&labels, &[], metric.get_counter().get_value()),
                Kind::Gauge => writer.sample(&labels, &[], metric.get_gauge().get_value()),
                Kind::Histogram => {
                    let histogram = metric.get_histogram();
                    let buckets = histogram.get_bucket().iter();
                    let buckets = buckets.map(|b| (b.upper_bound(), b.cumulative_count()));
                    let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
                    writer.histogram(&labels, buckets, count, sum);
                }
            }
        }
    }

    /// Removes an unfinished line, after a collector broke off in the middle.
    pub(super) fn drop_partial_line(&mut self) {
        let end = self.text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.text.truncate(end);
    }

    /// Ends the body and returns it.
    ///
    /// # Errors
    /// The compressor's error, which does not happen for one that writes to memory.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        if self.dialect == Dialect::OpenMetrics {
            self.text.extend_from_slice(b"# EOF\n");
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.gzip {
            None => Ok(self.text),
            Some(mut gzip) => {
                gzip.write_all(&self.text)?;
                gzip.finish()
            }
        }
    }

    fn end_line(&mut self) {
        self.text.push(b'\n');
        if self.text.len() >= CHUNK
            && let Some(gzip) = &mut self.gzip
        {
            if let Err(error) = gzip.write_all(&self.text) {
                self.failed.get_or_insert(error);
            }
            self.text.clear();
        }
    }
}

#[derive(Clone, Copy)]
struct Header<'w> {
    name: &'w str,
    kind: Kind,
    help: &'w str,
}

/// Writes the samples of one family.
pub struct FamilyWriter<'w> {
    writer: &'w mut Writer,
    header: Header<'w>,
    begun: bool,
}

impl FamilyWriter<'_> {
    /// Writes one sample with `labels` and then `more`. The caller ensures that no two samples have
    /// the same labels.
    #[inline]
    pub fn sample(&mut self, labels: &Labels, more: &[(&str, &str)], value: impl Into<Value>) {
        self.line("", labels.as_bytes(), more, None, value.into());
    }

    /// Writes one histogram: cumulative `buckets` without the unbounded one, which is `count`.
    pub(crate) fn histogram(
        &mut self,
        labels: &Labels,
        buckets: impl Iterator<Item = (f64, u64)>,
        count: u64,
        sum: impl Into<Value>,
    ) {
        let labels = labels.as_bytes();
        for (bound, below) in buckets.filter(|(bound, _)| bound.is_finite()) {
            self.line("_bucket", labels, &[], Some(bound), below.into());
        }
        self.line("_bucket", labels, &[], Some(f64::INFINITY), count.into());
        self.line("_sum", labels, &[], None, sum.into());
        self.line("_count", labels, &[], None, count.into());
    }

    pub(super) fn sample_bytes(&mut self, labels: &[u8], more: &[(&str, &str)], value: Value) {
        self.line("", labels, more, None, value);
    }

    #[inline]
    fn line(
        &mut self,
        suffix: &str,
        labels: &[u8],
        more: &[(&str, &str)],
        bound: Option<f64>,
        value: Value,
    ) {
        if !self.begun {
            self.begun = true;
            self.begin();
        }
        let out = &mut self.writer.text;
        out.extend_from_slice(self.header.name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
        if !(labels.is_empty() && more.is_empty() && bound.is_none()) {
            out.push(b'{');
            out.extend_from_slice(labels);
            let mut first = labels.is_empty();
            for (name, value) in more {
                label(out, first, name, value);
                first = false;
            }
            if let Some(bound) = bound {
                if !first {
                    out.push(b',');
                }
                out.extend_from_slice(b"le=\"");
                number::bound(out, bound);
                out.push(b'"');
            }
            out.push(b'}');
        }
        out.push(b' ');
        value.write(out);
        self.writer.samples += 1;
        self.writer.end_line();
    }

    #[cold]
    fn begin(&mut self) {
        let Header { name, kind, help } = self.header;
        let dialect = self.writer.dialect;
        let base = match (dialect, kind) {
            (Dialect::OpenMetrics, Kind::Counter) => name.strip_suffix("_total").unwrap_or(name),
            (Dialect::OpenMetrics, Kind::Gauge | Kind::Histogram) | (Dialect::Text, _) => name,
        };
        let out = &mut self.writer.text;
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(base.as_bytes());
        out.push(b' ');
        match dialect {
            Dialect::Text => escape(out, help, Quotes::Keep),
            Dialect::OpenMetrics => escape(out, help, Quotes::Escape),
        }
        out.extend_from_slice(b"\n# TYPE ");
        out.extend_from_slice(base.as_bytes());
        out.push(b' ');
        out.extend_from_slice(kind.label().as_bytes());
        out.push(b'\n');
    }
}

/// Labels and their values, escaped and joined once, written many times.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    text: Vec<u8>,
}

impl Labels {
    /// One label.
    pub fn new(name: &str, value: &str) -> Self {
        let mut labels = Self::default();
        labels.push(name, value);
        labels
    }

    /// Adds a label. Names must be valid and not repeat.
    pub fn push(&mut self, name: &str, value: &str) {
        let first = self.text.is_empty();
        label(&mut self.text, first, name, value);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

pub(super) fn label(out: &mut Vec<u8>, first: bool, name: &str, value: &str) {
    if !first {
        out.push(b',');
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(out, value, Quotes::Escape);
    out.push(b'"');
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Keep,
    Escape,
}

/// Escapes backslash, line feed and, if asked, the double quote. NUL, which ends the input for
/// Prometheus' parsers, becomes U+FFFD.
fn escape(out: &mut Vec<u8>, text: &str, quotes: Quotes) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'"' | 0)) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' if quotes == Quotes::Keep => out.push(b'"'),
            byte => out.extend_from_slice(&[b'\\', byte]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests;
