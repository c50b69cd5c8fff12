//! Content negotiation (RFC 9110 section 12), as Prometheus and its Go client do it.
//!
//! Decides on a format with its exact content type, and on an encoding. What cannot be understood
//! is ignored; if nothing fits, the answer is the text format.

use crate::metrics::{Dialect, Encoding};
use axum::http::{HeaderMap, HeaderName, header};

/// A format that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) dialect: Dialect,
    /// Prometheus 3 fails the scrape if this is anything else.
    pub(super) content_type: &'static str,
}

const TEXT: Format =
    Format { dialect: Dialect::Text, content_type: "text/plain; version=0.0.4; charset=utf-8" };
const OPENMETRICS: Format = Format {
    dialect: Dialect::OpenMetrics,
    content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};
/// What Prometheus 2.5 to 2.37 ask for. The same text: the draft differs in nothing that is written
/// here, and the Go client answers likewise.
const OPENMETRICS_DRAFT: Format = Format {
    dialect: Dialect::OpenMetrics,
    content_type: "application/openmetrics-text; version=0.0.1; charset=utf-8",
};

/// The format with the highest q; the first of equals.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let mut best = (0, TEXT);
    for element in elements(headers, &header::ACCEPT) {
        let offered = match (element.token.as_str(), element.version.as_deref()) {
            ("application/openmetrics-text", None | Some("1.0.0")) => OPENMETRICS,
            ("application/openmetrics-text", Some("0.0.1")) => OPENMETRICS_DRAFT,
            ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => TEXT,
            _ => continue,
        };
        if element.quality > best.0 {
            best = (element.quality, offered);
        }
    }
    best.1
}

/// gzip if it is asked for by name or by `*`, and not refused.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let (mut named, mut any) = (None, None);
    for element in elements(headers, &header::ACCEPT_ENCODING) {
        match element.token.as_str() {
            "gzip" | "x-gzip" => named = named.max(Some(element.quality)),
            "*" => any = any.max(Some(element.quality)),
            _ => {}
        }
    }
    match named.or(any) {
        Some(1..) => Encoding::Gzip,
        Some(0) | None => Encoding::Identity,
    }
}

/// One element of a list header.
struct Element {
    /// In lower case.
    token: String,
    /// The `version` parameter.
    version: Option<String>,
    /// Thousandths, 0 to 1000.
    quality: u16,
}

/// Elements looked at: a client that sends more is not a scraper.
const MAX_ELEMENTS: usize = 32;

fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = Element> + 'h {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).take(MAX_ELEMENTS).filter_map(element)
}

fn element(text: &str) -> Option<Element> {
    let mut parts = text.split(';').map(str::trim);
    let token = parts.next().filter(|token| !token.is_empty())?.to_ascii_lowercase();
    let mut element = Element { token, version: None, quality: 1_000 };
    for part in parts {
        let Some((key, value)) = part.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "q" => element.quality = quality(value)?,
            "version" => element.version = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(element)
}

/// `0`, `1`, or up to three digits after the point; `None` for anything else.
fn quality(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{digits:0<3}").parse::<u16>().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, value.parse().unwrap());
        format(&headers)
    }

    fn accept_encoding(value: &str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
        encoding(&headers)
    }

    #[test]
    fn prometheus_gets_what_it_prefers() {
        let three = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;\
            escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,\
            */*;q=0.1";
        assert_eq!(accept(three), OPENMETRICS);
        let two =
            "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(accept(two), OPENMETRICS_DRAFT);
        let text_only = "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4";
        assert_eq!(accept(text_only), TEXT);
    }

    #[test]
    fn everybody_else_gets_text() {
        assert_eq!(format(&HeaderMap::new()), TEXT);
        for value in [
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/json",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=-1",
            ";;;,,,=",
            "",
        ] {
            assert_eq!(accept(value), TEXT, "{value}");
        }
        assert_eq!(accept("Application/OpenMetrics-Text; Version=\"1.0.0\""), OPENMETRICS);
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "text/plain;q=0.1".parse().unwrap());
        headers.append(header::ACCEPT, "application/openmetrics-text".parse().unwrap());
        assert_eq!(format(&headers), OPENMETRICS);
    }

    #[test]
    fn gzip_only_when_asked() {
        assert_eq!(encoding(&HeaderMap::new()), Encoding::Identity);
        for yes in ["gzip", "deflate, GZIP;q=0.5", "*", "x-gzip", "identity;q=0, gzip;q=0.001"] {
            assert_eq!(accept_encoding(yes), Encoding::Gzip, "{yes}");
        }
        for no in ["", "identity", "zstd, br", "gzip;q=0", "*;q=1, gzip;q=0", "gzip;q=x", "*;q=0"] {
            assert_eq!(accept_encoding(no), Encoding::Identity, "{no}");
        }
    }
}
