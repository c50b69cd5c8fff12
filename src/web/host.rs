//! By which names a browser may ask. A page from elsewhere can have its own name lead here (DNS
//! rebinding); its scripts then read all that this server says, and send its name in `Host`.
//!
//! A browser's request is known by headers that no script can keep a browser from sending, and is
//! answered only under a name that nobody on the internet can have: an address, a name without a
//! dot, a name of a local domain, this host's own, that of `--web.external-url`. Prometheus and other
//! programs send none of these headers and may use any name: no page can make them ask.

use super::ExternalUrl;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// What browsers send, whatever a script wants. `Sec-Fetch-Site` goes to trustworthy origins only.
const OF_BROWSERS: [HeaderName; 5] = [
    header::ACCEPT_LANGUAGE,
    header::ORIGIN,
    header::COOKIE,
    header::UPGRADE_INSECURE_REQUESTS,
    HeaderName::from_static("sec-fetch-site"),
];

/// Ends of names that public DNS does not have (RFC 6761, 6762, 8375, 9476; ICANN for `internal`; `lan`,
/// `home` and the others by custom).
const LOCAL: [&str; 9] =
    ["localhost", "local", "home.arpa", "internal", "lan", "home", "localdomain", "corp", "test"];

/// The names that are known to be ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<[String]>);

impl Names {
    /// The name of this host, and the one by which people reach it.
    pub(super) fn new(external_url: Option<&ExternalUrl>) -> Self {
        let external =
            external_url.and_then(ExternalUrl::host).map(|host| host.to_ascii_lowercase());
        // It changes hardly ever, and who renames a host restarts its services.
        let own = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let own = own.map(|name| name.trim().to_ascii_lowercase());
        Self(external.into_iter().chain(own).filter(|name| !name.is_empty()).collect())
    }

    /// Whether nobody else can have this name.
    fn has(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_local = |end: &str| {
            name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        !name.contains('.') || LOCAL.into_iter().any(is_local) || self.0.contains(&name)
    }
}

/// Answers requests that say whom they ask, and whose name for it is ours; refuses the others.
pub(super) async fn check(names: Names, request: Request<Body>, next: Next) -> Response {
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter();
    let said = hosts.next();
    // RFC 9112, section 3.2.
    if hosts.next().is_some() || (said.is_none() && request.version() >= Version::HTTP_11) {
        return refusal(StatusCode::BAD_REQUEST, "A request needs one Host header.\n");
    }
    let Some(said) = said else { return next.run(request).await };
    let host = said.to_str().ok().and_then(split);
    let Some(host) = host else {
        return refusal(StatusCode::BAD_REQUEST, "The Host header is not a name or an address.\n");
    };
    let is_ours = match host {
        Host::Address => true,
        Host::Name(name) => !is_browser(headers) || names.has(name),
    };
    if is_ours {
        return next.run(request).await;
    }
    let why = "This name may be anybody's, so a browser gets nothing under it (DNS rebinding). Use the \
        address of this host, or start the exporter with --web.external-url=URL under which it is reached.\n";
    refusal(StatusCode::MISDIRECTED_REQUEST, why)
}

fn refusal(status: StatusCode, why: &'static str) -> Response {
    (status, why).into_response()
}

fn is_browser(headers: &HeaderMap) -> bool {
    let is_named = || {
        let agent = headers.get(header::USER_AGENT);
        agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
    };
    OF_BROWSERS.iter().any(|name| headers.contains_key(name)) || is_named()
}

/// What a Host header holds.
#[derive(Debug, PartialEq, Eq)]
enum Host<'a> {
    Address,
    Name(&'a str),
}

/// Without the port; `None` if it is neither.
fn split(said: &str) -> Option<Host<'_>> {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = said.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').unwrap_or(port);
        return (address.parse::<Ipv6Addr>().is_ok() && is_port(port)).then_some(Host::Address);
    }
    let (name, port) = said.split_once(':').unwrap_or((said, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !is_port(port) || name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    Some(if name.parse::<IpAddr>().is_ok() { Host::Address } else { Host::Name(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_else_can_have() {
        let url: ExternalUrl = "https://Exporter.example.com/multicast".parse().unwrap();
        let names = Names::new(Some(&url));
        for ours in
            ["nas", "localhost", "nas.local", "a.b.home.arpa", "nas.lan.", "EXPORTER.example.com"]
        {
            assert!(names.has(ours), "{ours}");
        }
        for other in ["example.com", "evil.example.com", "local.example", "notlocal.com", "xlan.io"]
        {
            assert!(!names.has(other), "{other}");
        }
    }

    #[test]
    fn a_host_header_is_a_name_or_an_address_with_a_port() {
        for address in ["192.0.2.1", "192.0.2.1:10353", "[2001:db8::1]", "[::1]:10353"] {
            assert_eq!(split(address), Some(Host::Address), "{address}");
        }
        assert_eq!(split("nas.example:10353"), Some(Host::Name("nas.example")));
        for wrong in ["", ":80", "a b", "a/b", "nas:http", "[::1", "[nas]:80", "a@b", "a:1:2"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
