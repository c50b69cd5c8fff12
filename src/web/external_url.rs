//! `--web.external-url`: where people reach this exporter, for the links in alerts. It changes no
//! path that is served.

use axum::http::Uri;
use std::str::FromStr;
use thiserror::Error;

/// Longest URL in characters: it is the value of a label.
const MAX: usize = 512;

/// Where the exporter is reached, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalUrl(String);

/// Why a URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It is too long.
    #[error("it has {0} characters; at most 512")]
    Long(usize),
    /// A character that no URL has.
    #[error("has {0:?}, which must be written as %XX, or as xn-- in a host name")]
    Character(char),
    /// A percent sign without two digits.
    #[error("has a % without two hexadecimal digits after it")]
    Percent,
    /// Links would lead elsewhere.
    #[error("the path has . or .. as a part: links would lead elsewhere")]
    Dots,
    /// A host that no name server knows.
    #[error("the host {0:?} is no host name: its parts begin and end with a letter or digit")]
    Host(String),
    /// It is no URL.
    #[error("is no URL; write http://HOST:PORT or https://HOST/PATH")]
    Syntax,
    /// Browsers follow other schemes elsewhere.
    #[error("the scheme must be http or https")]
    Scheme,
    /// What comes after it could not be appended.
    #[error("a path is appended to it: it must have no query and no fragment")]
    Tail,
    /// It would be seen by all who see the metrics.
    #[error("it must have no user and no password: everybody sees it")]
    Credentials,
}

impl ExternalUrl {
    /// The URL; a path that begins with a slash can be appended.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, without the port.
    pub(super) fn host(&self) -> Option<String> {
        self.0.parse::<Uri>().ok()?.host().map(str::to_owned)
    }
}

impl FromStr for ExternalUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let length = text.chars().count();
        if length > MAX {
            return Err(UrlError::Long(length));
        }
        // The parser drops fragments in silence.
        if text.contains(['?', '#']) {
            return Err(UrlError::Tail);
        }
        let is_good = |c: char| c.is_ascii_graphic() && !"\"'<>\\^`{|}".contains(c);
        if let Some(bad) = text.chars().find(|c| !is_good(*c)) {
            return Err(UrlError::Character(bad));
        }
        let mut escapes = text.split('%').skip(1);
        if !escapes.all(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2) {
            return Err(UrlError::Percent);
        }
        let uri = text.parse::<Uri>().map_err(|_| UrlError::Syntax)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(UrlError::Syntax);
        };
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(UrlError::Scheme);
        }
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials);
        }
        let has_bad_port = match authority.as_str().rsplit_once(':') {
            // What follows the last colon of an address in brackets is no port.
            Some((_, rest)) if rest.ends_with(']') => false,
            Some(_) => authority.port_u16().is_none_or(|port| port == 0),
            None => false,
        };
        if authority.host().is_empty() || has_bad_port {
            return Err(UrlError::Syntax);
        }
        let host = authority.host();
        let is_part = |part: &str| {
            let ends = [part.chars().next(), part.chars().next_back()];
            ends.iter().all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric()))
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        // A dot at the end is the root of all names.
        let parts = host.strip_suffix('.').unwrap_or(host);
        if !host.starts_with('[') && !parts.split('.').all(is_part) {
            return Err(UrlError::Host(host.to_owned()));
        }
        let is_dots = |part: &str| [".", ".."].contains(&&*part.to_lowercase().replace("%2e", "."));
        if uri.path().split('/').any(is_dots) {
            return Err(UrlError::Dots);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_linked_to_is_refused() {
        for (good, kept) in [
            ("http://nas:10353", "http://nas:10353"),
            ("https://prometheus.example/multicast/", "https://prometheus.example/multicast"),
            ("http://[fe80::1]:10353/", "http://[fe80::1]:10353"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]"),
            ("HTTPS://10.0.1.2//", "HTTPS://10.0.1.2"),
            ("http://nas_1.example.org./a%20b/..x", "http://nas_1.example.org./a%20b/..x"),
        ] {
            assert_eq!(good.parse::<ExternalUrl>().map(|url| url.0).as_deref(), Ok(kept));
        }
        let long = format!("http://{}", "a".repeat(506));
        for (bad, why) in [
            ("", UrlError::Syntax),
            ("nas:10353", UrlError::Syntax),
            ("/multicast", UrlError::Syntax),
            ("http://", UrlError::Syntax),
            ("http:///x", UrlError::Syntax),
            ("http://:10353", UrlError::Syntax),
            ("http://nas:", UrlError::Syntax),
            ("http://nas:0", UrlError::Syntax),
            ("http://nas:99999", UrlError::Syntax),
            ("http://na s", UrlError::Character(' ')),
            ("http://nas/\"x", UrlError::Character('"')),
            ("http://nas/{{x}}", UrlError::Character('{')),
            ("http://büro/", UrlError::Character('ü')),
            ("http://nas/%zz", UrlError::Percent),
            ("http://nas/%4", UrlError::Percent),
            ("http://nas/../../x", UrlError::Dots),
            ("http://nas/a/.", UrlError::Dots),
            ("http://nas/%2E%2e/x", UrlError::Dots),
            ("http://-", UrlError::Host("-".to_owned())),
            ("http://-nas:10353", UrlError::Host("-nas".to_owned())),
            ("http://nas..lan", UrlError::Host("nas..lan".to_owned())),
            ("ftp://nas", UrlError::Scheme),
            ("javascript://nas", UrlError::Scheme),
            ("http://nas/?a=b", UrlError::Tail),
            ("http://nas/#top", UrlError::Tail),
            ("http://me:secret@nas", UrlError::Credentials),
            (&*long, UrlError::Long(513)),
        ] {
            assert_eq!(bad.parse::<ExternalUrl>(), Err(why), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_a_plain_prefix(text in "(http://)?\\PC{0,40}") {
            if let Ok(url) = text.parse::<ExternalUrl>() {
                let linked = format!("{}/storms/1", url.as_str()).parse::<Uri>();
                prop_assert_eq!(linked.map(|uri| uri.path().ends_with("/storms/1")).ok(), Some(true));
                prop_assert!(!url.as_str().ends_with('/') && url.as_str().is_ascii());
            }
        }
    }
}
