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
        if !text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b)) {
            return Err(UrlError::Syntax);
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
            ("http://na s", UrlError::Syntax),
            ("http://nas/\"x", UrlError::Syntax),
            ("http://nas/{{x}}", UrlError::Syntax),
            ("http://büro/", UrlError::Syntax),
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
