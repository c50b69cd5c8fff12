//! Simple Service Discovery Protocol (`UPnP` Device Architecture 2.0, section 1): HTTP-like text
//! over UDP port 1900.

use super::{Parsed, Reason};

/// An SSDP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub kind: Kind,
    /// What is announced (NT) or searched for (ST).
    pub target: Option<&'a str>,
    /// Unique service name: which device says so.
    pub usn: Option<&'a str>,
    /// Product and version of the sender (SERVER, or USER-AGENT in a search).
    pub server: Option<&'a str>,
    /// Where the description is.
    pub location: Option<&'a str>,
}

/// What an SSDP message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `M-SEARCH`.
    Search,
    /// `NOTIFY` with NTS `ssdp:alive`.
    Alive,
    /// `NOTIFY` with NTS `ssdp:byebye`.
    ByeBye,
    /// `NOTIFY` with NTS `ssdp:update`.
    Update,
    /// `NOTIFY` with another NTS, or none.
    Notify,
    /// The answer to a search: an HTTP status line.
    Response,
    /// Another method.
    Other,
}

/// Header lines that are looked at: more than any real message has.
const LINES_MAX: usize = 64;

/// Reads a message as far as it goes: a line that was cut is still a line.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    let mut lines = bytes.split(|&octet| octet == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.next().unwrap_or_default();
    let Some(kind) = start_line(first) else {
        let flaw = if bytes.is_empty() { Reason::Truncated } else { Reason::BadText };
        return Parsed::failed(flaw);
    };
    let mut message = Message { kind, target: None, usn: None, server: None, location: None };
    let mut flaw = None;
    for line in lines.take(LINES_MAX).take_while(|line| !line.is_empty()) {
        let Some(colon) = line.iter().position(|&octet| octet == b':') else {
            continue;
        };
        let (name, value) = (line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii_start());
        let Some(field) = field(&mut message, name) else {
            if kind == Kind::Notify && name.eq_ignore_ascii_case(b"NTS") {
                message.kind = notification(value);
            }
            continue;
        };
        match str::from_utf8(value) {
            Ok(text) => {
                field.get_or_insert(text);
            }
            Err(_) => flaw = Some(Reason::BadText),
        }
    }
    Parsed { message: Some(message), flaw }
}

fn start_line(line: &[u8]) -> Option<Kind> {
    let method = line.split(|&octet| octet == b' ').next()?;
    if method.starts_with(b"HTTP/") {
        return Some(Kind::Response);
    }
    match method {
        b"NOTIFY" => Some(Kind::Notify),
        b"M-SEARCH" => Some(Kind::Search),
        // Any other HTTP method: a token and something behind it.
        _ => (method.len() < line.len() && !method.is_empty())
            .then_some(Kind::Other)
            .filter(|_| method.iter().all(|octet| octet.is_ascii_uppercase() || *octet == b'-')),
    }
}

fn field<'m, 'a>(message: &'m mut Message<'a>, name: &[u8]) -> Option<&'m mut Option<&'a str>> {
    let is = |header: &str| name.eq_ignore_ascii_case(header.as_bytes());
    if is("NT") || is("ST") {
        Some(&mut message.target)
    } else if is("USN") {
        Some(&mut message.usn)
    } else if is("SERVER") || is("USER-AGENT") {
        Some(&mut message.server)
    } else if is("LOCATION") {
        Some(&mut message.location)
    } else {
        None
    }
}

fn notification(value: &[u8]) -> Kind {
    if value.eq_ignore_ascii_case(b"ssdp:alive") {
        Kind::Alive
    } else if value.eq_ignore_ascii_case(b"ssdp:byebye") {
        Kind::ByeBye
    } else if value.eq_ignore_ascii_case(b"ssdp:update") {
        Kind::Update
    } else {
        Kind::Notify
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: &[u8] = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\
        location:http://10.0.0.1:80/d.xml\r\nNTS: ssdp:alive\r\nSERVER: Linux UPnP/1.0 x/1\r\n\
        NT: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\nNT: body\r\n";

    #[test]
    fn a_notification_is_read_whatever_the_case() {
        let Parsed { message: Some(message), flaw: None } = parse(ALIVE) else { panic!("valid") };
        assert_eq!(message.kind, Kind::Alive);
        assert_eq!(message.target, Some("upnp:rootdevice"));
        assert_eq!(message.usn, Some("uuid:1::upnp:rootdevice"));
        assert_eq!(message.server, Some("Linux UPnP/1.0 x/1"));
        assert_eq!(message.location, Some("http://10.0.0.1:80/d.xml"));
    }

    #[test]
    fn kinds_by_their_first_line() {
        let kind = |text: &str| parse(text.as_bytes()).message.map(|message| message.kind);
        assert_eq!(kind("M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n"), Some(Kind::Search));
        assert_eq!(kind("HTTP/1.1 200 OK\r\n"), Some(Kind::Response));
        assert_eq!(kind("NOTIFY * HTTP/1.1\nNTS:ssdp:byebye\n"), Some(Kind::ByeBye));
        assert_eq!(kind("NOTIFY * HTTP/1.1\r\n"), Some(Kind::Notify));
        assert_eq!(kind("SUBSCRIBE /x HTTP/1.1\r\n"), Some(Kind::Other));
        assert_eq!(kind("what is this\r\n"), None);
    }

    #[test]
    fn bad_text_is_said_beside_what_could_be_read() {
        let parsed = parse(b"M-SEARCH * HTTP/1.1\r\nUSER-AGENT: \xff\r\nST: ssdp:all\r\n");
        assert_eq!(parsed.flaw, Some(Reason::BadText));
        assert_eq!(parsed.message.and_then(|message| message.target), Some("ssdp:all"));
        assert_eq!(parse(b"\0\0").flaw, Some(Reason::BadText));
        assert_eq!(parse(b"").flaw, Some(Reason::Truncated));
    }

    #[test]
    fn every_cut_keeps_the_kind_once_the_method_is_there() {
        for len in 7..ALIVE.len() {
            assert!(parse(&ALIVE[..len]).message.is_some(), "{len}");
        }
    }
}
