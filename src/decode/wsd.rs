//! WS-Discovery (OASIS, version 1.1): SOAP over UDP port 3702. The XML is not parsed: the two
//! header elements that distinguish messages are looked up by their local names.

use super::octets::up_to;
use super::{Parsed, Reason};

/// A WS-Discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub action: Action,
    /// Its `MessageID`: the same in all copies of one message.
    pub message_id: Option<&'a str>,
    /// The types of device that a [`Action::Hello`] announces, such as `wsdp:Device pub:Computer`;
    /// ignored in other messages, where they are somebody else's.
    pub types: Option<&'a str>,
}

/// What a message is: the last part of its `Action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A service comes.
    Hello,
    /// A service goes.
    Bye,
    /// Who offers such a service?
    Probe,
    /// The answer to a probe.
    ProbeMatches,
    /// Where is the service of this name?
    Resolve,
    /// The answer to that.
    ResolveMatches,
    /// Another action, or none that could be read.
    Other,
}

/// How far into a message its header elements are looked for.
const SEARCHED: usize = 4096;

/// Reads a message as far as it goes.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message<'_>> {
    if bytes.is_empty() {
        return Parsed::failed(Reason::Truncated);
    }
    let head = up_to(bytes, SEARCHED);
    if !looks_like_xml(head) {
        return Parsed::failed(Reason::BadText);
    }
    let (mut action, mut id, mut types) = (None, None, None);
    let mut rest = head;
    while let Some(open) = rest.iter().position(|&octet| octet == b'<') {
        rest = &rest[open + 1..];
        if action.is_none() {
            action = text_of(rest, b"Action").map(action_of);
        }
        if id.is_none() {
            id = text_of(rest, b"MessageID");
        }
        let is_hello = action == Some(Action::Hello);
        if is_hello && types.is_none() {
            types = text_of(rest, b"Types");
        }
        if action.is_some() && id.is_some() && (types.is_some() || !is_hello) {
            break;
        }
    }
    let message = Message {
        action: action.unwrap_or(Action::Other),
        message_id: id.and_then(|id| str::from_utf8(id).ok()),
        types: types.and_then(|types| str::from_utf8(types).ok()),
    };
    let flaw = (id.is_some() && message.message_id.is_none()).then_some(Reason::BadText);
    Parsed { message: Some(message), flaw }
}

/// `<` behind white space or a byte order mark.
fn looks_like_xml(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

/// The text of the element that begins here, its `<` taken off, if `local` is its local name.
fn text_of<'a>(bytes: &'a [u8], local: &[u8]) -> Option<&'a [u8]> {
    let end =
        bytes.iter().position(|octet| matches!(octet, b'>' | b' ' | b'\t' | b'\r' | b'\n'))?;
    let name = bytes[..end].rsplit(|&octet| octet == b':').next()?;
    if name != local {
        return None;
    }
    let open = end + bytes[end..].iter().position(|&octet| octet == b'>')? + 1;
    let close = open + bytes[open..].iter().position(|&octet| octet == b'<')?;
    Some(bytes[open..close].trim_ascii())
}

fn action_of(text: &[u8]) -> Action {
    match text.rsplit(|&octet| octet == b'/').next() {
        Some(b"Hello") => Action::Hello,
        Some(b"Bye") => Action::Bye,
        Some(b"Probe") => Action::Probe,
        Some(b"ProbeMatches") => Action::ProbeMatches,
        Some(b"Resolve") => Action::Resolve,
        Some(b"ResolveMatches") => Action::ResolveMatches,
        Some(_) | None => Action::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: &[u8] = b"<?xml version=\"1.0\"?><soap:Envelope xmlns:wsa=\"x\"><soap:Header>\
        <wsa:To>urn:y</wsa:To><wsa:Action mustUnderstand=\"1\">\
        http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action>\
        <wsa:MessageID> urn:uuid:17 </wsa:MessageID></soap:Header></soap:Envelope>";

    #[test]
    fn action_and_id_are_found() {
        let message_id = Some("urn:uuid:17");
        let message = Message { action: Action::Probe, message_id, types: None };
        assert_eq!(parse(PROBE), Parsed::clean(message));
    }

    #[test]
    fn only_a_hello_has_types_of_its_own() {
        let types = |action: &str| {
            let text = format!(
                "<e><Action>urn:x/{action}</Action><MessageID>1</MessageID>\
                 <d:Types> wsdp:Device pub:Computer </d:Types></e>"
            );
            parse(text.as_bytes()).message.and_then(|m| m.types.map(str::to_owned))
        };
        assert_eq!(types("Hello").as_deref(), Some("wsdp:Device pub:Computer"));
        assert_eq!(types("Probe"), None, "what it looks for");
    }

    #[test]
    fn all_actions_and_others() {
        let action = |name: &str| {
            let text = format!("<a><Action>urn:x/{name}</Action></a>");
            parse(text.as_bytes()).message.map(|message| message.action)
        };
        assert_eq!(action("Hello"), Some(Action::Hello));
        assert_eq!(action("Bye"), Some(Action::Bye));
        assert_eq!(action("Resolve"), Some(Action::Resolve));
        assert_eq!(action("ResolveMatches"), Some(Action::ResolveMatches));
        assert_eq!(action("ProbeMatches"), Some(Action::ProbeMatches));
        assert_eq!(action("Dance"), Some(Action::Other));
    }

    #[test]
    fn what_is_not_xml_is_bad_text() {
        assert_eq!(parse(b"hello").flaw, Some(Reason::BadText));
        assert_eq!(parse(b"").flaw, Some(Reason::Truncated));
        assert_eq!(parse(b"<a><MessageID>\xff</MessageID>").flaw, Some(Reason::BadText));
        for len in 1..PROBE.len() {
            assert!(parse(&PROBE[..len]).message.is_some(), "{len}");
        }
    }
}
