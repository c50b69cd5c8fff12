//! Link-Local Multicast Name Resolution (RFC 4795): DNS messages over UDP port 5355.

use super::mdns::Header;
use super::octets::{u8_at, u16_at};
use super::{Parsed, Reason};

/// An LLMNR message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header; its flags have other names in LLMNR, the QR bit is the same.
    pub header: Header,
    /// The first question's name as on the wire: labels, without the root's zero octet. Empty
    /// where there is none.
    pub name: &'a [u8],
    /// The first question's type; 0 where there is none.
    pub rtype: u16,
}

/// Reads a message up to its first question: there is exactly one (RFC 4795 section 2.1.1).
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    let Some(header) = Header::read(bytes) else {
        return Parsed::failed(Reason::Truncated);
    };
    let mut message = Message { header, name: &[], rtype: 0 };
    if header.claimed[0] == 0 {
        return Parsed::clean(message);
    }
    let flaw = match question(bytes) {
        Ok((name, rtype)) => {
            message.name = name;
            message.rtype = rtype;
            None
        }
        Err(reason) => Some(reason),
    };
    Parsed { message: Some(message), flaw }
}

/// The first name cannot be compressed: nothing but the header is before it.
fn question(bytes: &[u8]) -> Result<(&[u8], u16), Reason> {
    let mut at = Header::LEN;
    loop {
        match u8_at(bytes, at).ok_or(Reason::Truncated)? {
            0 => break,
            len if len < 64 => at += 1 + usize::from(len),
            _ => return Err(Reason::BadName),
        }
        if at - Header::LEN > 254 {
            return Err(Reason::BadName);
        }
    }
    let rtype = u16_at(bytes, at + 1).ok_or(Reason::Truncated)?;
    let name = bytes.get(Header::LEN..at).ok_or(Reason::Truncated)?;
    Ok((name, rtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x04wpad\0\0\x1c\0\x01";

    #[test]
    fn a_query_has_a_name_and_a_type() {
        let Parsed { message: Some(message), flaw: None } = parse(QUERY) else { panic!("valid") };
        assert!(!message.header.is_response());
        assert_eq!((message.name, message.rtype), (&b"\x04wpad"[..], 28));
    }

    #[test]
    fn cuts_and_bad_names_leave_the_header() {
        for len in 0..QUERY.len() - 2 {
            let parsed = parse(&QUERY[..len]);
            assert_eq!(parsed.flaw, Some(Reason::Truncated), "{len}");
            assert_eq!(parsed.message.is_some(), len >= 12, "{len}");
        }
        let mut pointer = QUERY.to_vec();
        pointer[12] = 0xc0;
        assert_eq!(parse(&pointer).flaw, Some(Reason::BadName));
        let mut long = QUERY[..12].to_vec();
        for _ in 0..5 {
            long.push(63);
            long.extend([b'a'; 63]);
        }
        long.extend([0, 0, 1, 0, 1]);
        assert_eq!(parse(&long).flaw, Some(Reason::BadName));
    }
}
