//! NetBIOS over UDP (RFC 1001, 1002): the name service on port 137 and the datagram service on port
//! 138, up to the name that a message is about.

use super::mdns::Header;
use super::octets::{after, array_at, u8_at};
use super::{Parsed, Reason};
use std::fmt;
use std::net::Ipv4Addr;

/// A NetBIOS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The name service.
    Name {
        /// What is done with the name.
        operation: Operation,
        /// Whether it is a response.
        response: bool,
        /// The name, where it could be read.
        name: Option<Name>,
    },
    /// The datagram service.
    Datagram {
        /// Message type: 16 direct unique, 17 direct group, 18 broadcast; others are kept.
        kind: u8,
        /// Who sends, as it says.
        source_ip: Ipv4Addr,
        /// The sender's name, where it could be read.
        source: Option<Name>,
        /// The receiver's name, where it could be read.
        destination: Option<Name>,
    },
}

/// The operation of a name service message (RFC 1002 section 4.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Who has this name?
    Query,
    /// I take this name.
    Registration,
    /// I give this name up.
    Release,
    /// Wait for the response.
    Wait,
    /// I still have this name.
    Refresh,
    /// Any other.
    Other(u8),
}

/// A name of at most 15 octets, and the 16th: which service of the host it names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    octets: [u8; 15],
    /// Service: 0x00 workstation, 0x20 file server, 0x1c domain controllers...
    pub suffix: u8,
}

impl Name {
    /// The name without the padding of spaces or zeros.
    pub fn text(&self) -> &[u8] {
        let padding = |octet: &u8| matches!(octet, b' ' | 0);
        let len = self.octets.iter().rposition(|octet| !padding(octet)).map_or(0, |last| last + 1);
        &self.octets[..len]
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{:02x}>", self.text().escape_ascii(), self.suffix)
    }
}

/// Reads a message: of the datagram service if `datagram`, else of the name service.
pub(super) fn parse(bytes: &[u8], datagram: bool) -> Parsed<Message> {
    if datagram { parse_datagram(bytes) } else { parse_name(bytes) }
}

fn parse_name(bytes: &[u8]) -> Parsed<Message> {
    let Some(header) = Header::read(bytes) else {
        return Parsed::failed(Reason::Truncated);
    };
    let operation = match header.opcode() {
        0 => Operation::Query,
        5 => Operation::Registration,
        6 => Operation::Release,
        7 => Operation::Wait,
        8 | 9 => Operation::Refresh,
        other => Operation::Other(other),
    };
    // The question's name, or in a response, which repeats no question, the record's.
    let (name, flaw) = if header.claimed == [0; 4] {
        (None, None)
    } else {
        split(name_at(after(bytes, Header::LEN)).map(|(name, _)| name))
    };
    let response = header.is_response();
    Parsed { message: Some(Message::Name { operation, response, name }), flaw }
}

fn parse_datagram(bytes: &[u8]) -> Parsed<Message> {
    let (Some(kind), Some(source_ip)) = (u8_at(bytes, 0), array_at::<4>(bytes, 4)) else {
        return Parsed::failed(Reason::Truncated);
    };
    let source_ip = source_ip.into();
    let (mut source, mut destination, mut flaw) = (None, None, None);
    // Only direct and broadcast datagrams carry both names (RFC 1002 section 4.4.2).
    if matches!(kind, 16..=18) {
        match name_at(after(bytes, 14)) {
            Ok((name, rest)) => {
                source = Some(name);
                (destination, flaw) = split(name_at(rest).map(|(name, _)| name));
            }
            Err(reason) => flaw = Some(reason),
        }
    }
    Parsed { message: Some(Message::Datagram { kind, source_ip, source, destination }), flaw }
}

fn split(name: Result<Name, Reason>) -> (Option<Name>, Option<Reason>) {
    match name {
        Ok(name) => (Some(name), None),
        Err(reason) => (None, Some(reason)),
    }
}

/// A first-level encoded name (RFC 1001 section 14.1): each half octet is a letter from A on.
/// Also yields what follows the name and its scope.
fn name_at(bytes: &[u8]) -> Result<(Name, &[u8]), Reason> {
    if *bytes.first().ok_or(Reason::Truncated)? != 32 {
        return Err(Reason::BadName);
    }
    let letters: [u8; 32] = array_at(bytes, 1).ok_or(Reason::Truncated)?;
    if !letters.iter().all(|letter| matches!(letter, b'A'..=b'P')) {
        return Err(Reason::BadName);
    }
    let mut octets = [0; 16];
    for (octet, pair) in octets.iter_mut().zip(letters.chunks_exact(2)) {
        *octet = (pair[0] - b'A') << 4 | (pair[1] - b'A');
    }
    let [name @ .., suffix] = octets;
    let mut at = 33;
    loop {
        match u8_at(bytes, at).ok_or(Reason::Truncated)? {
            0 => break,
            len if len < 64 && at < 255 => at += 1 + usize::from(len),
            _ => return Err(Reason::BadName),
        }
    }
    Ok((Name { octets: name, suffix }, after(bytes, at + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &[u8], suffix: u8) -> Vec<u8> {
        let mut octets = [b' '; 16];
        octets[..name.len()].copy_from_slice(name);
        octets[15] = suffix;
        let mut bytes = vec![32];
        bytes.extend(octets.iter().flat_map(|o| [b'A' + (o >> 4), b'A' + (o & 15)]));
        bytes.push(0);
        bytes
    }

    fn registration() -> Vec<u8> {
        let mut bytes = vec![0, 1, 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1];
        bytes.extend(encoded(b"FILESRV", 0x20));
        bytes.extend([0, 32, 0, 1]);
        bytes
    }

    #[test]
    fn a_registration_names_the_host() {
        let Parsed { message: Some(Message::Name { operation, response, name }), flaw: None } =
            parse(&registration(), false)
        else {
            panic!("valid")
        };
        assert_eq!((operation, response), (Operation::Registration, false));
        let name = name.expect("readable");
        assert_eq!((name.text(), name.suffix), (&b"FILESRV"[..], 0x20));
        assert_eq!(format!("{name:?}"), "FILESRV<20>");
    }

    #[test]
    fn a_datagram_has_two_names() {
        let mut bytes = vec![17, 2, 0, 1, 10, 0, 0, 3, 0, 138, 0, 0, 0, 0];
        bytes.extend(encoded(b"PC", 0));
        bytes.extend(encoded(b"WORKGROUP", 0x1d));
        let Some(Message::Datagram { kind, source_ip, source, destination }) =
            parse(&bytes, true).message
        else {
            panic!("valid")
        };
        assert_eq!((kind, source_ip), (17, Ipv4Addr::new(10, 0, 0, 3)));
        assert_eq!(source.expect("source").text(), b"PC");
        assert_eq!(destination.expect("destination").suffix, 0x1d);
        assert_eq!(parse(&bytes[..60], true).flaw, Some(Reason::Truncated));
    }

    #[test]
    fn bad_names_and_cuts_leave_the_operation() {
        let mut bytes = registration();
        bytes[14] = b'a';
        let parsed = parse(&bytes, false);
        assert_eq!(parsed.flaw, Some(Reason::BadName));
        assert!(parsed.message.is_some());
        for len in 0..12 + 33 {
            assert_eq!(parse(&registration()[..len], false).flaw, Some(Reason::Truncated), "{len}");
        }
        assert_eq!(parse(&[17], true).flaw, Some(Reason::Truncated));
    }
}
