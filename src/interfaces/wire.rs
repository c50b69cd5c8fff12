//! Netlink framing (RFC 3549 section 2.3, Linux `include/uapi/linux/netlink.h`): a datagram is
//! messages, a message is a header and a payload, a payload ends in attributes. What a message
//! means is not known here.
//!
//! Written out because a crate that decodes every attribute of a link loses the whole interface
//! when a newer kernel lays out one attribute differently. Here only the framing can fail; an
//! attribute that nobody asks for is never read.

use thiserror::Error;

/// Length of a message header in bytes.
const MESSAGE_HEADER: usize = 16;
/// Length of an attribute header in bytes.
const ATTRIBUTE_HEADER: usize = 4;
/// The attribute number without the flags "nested" and "network byte order".
const ATTRIBUTE_NUMBER: u16 = 0x3fff;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP_FLAGS: u16 = 0x0001 | 0x0300;

/// The bytes do not keep netlink's form, or lack something that every such message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// A message says that it is shorter than its header or longer than the datagram.
    #[error("netlink message with an impossible length")]
    MessageLength,
    /// An attribute says that it is shorter than its header or longer than the message.
    #[error("netlink attribute with an impossible length")]
    AttributeLength,
    /// The fixed part of the payload is cut.
    #[error("netlink payload shorter than its fixed part")]
    Payload,
    /// An attribute without which the message is of no use is missing or too short.
    #[error("netlink message without attribute {0}")]
    Missing(u16),
}

/// One message, borrowed from its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// Message type: `RTM_*` or `NLMSG_*`.
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// The number of the request that this answers; 0 for a notification of the kernel's own.
    pub sequence: u32,
    /// The netlink port of the asker.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// One attribute, borrowed from its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its number, without flags.
    pub number: u16,
    /// Its value, without padding.
    pub value: &'a [u8],
}

/// The messages of one datagram. Ends after the first malformed one: where the next would begin
/// is then unknown.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Result<RawMessage<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if datagram.is_empty() {
            return None;
        }
        let Some((message, length)) = message(datagram) else {
            datagram = &[];
            return Some(Err(Malformed::MessageLength));
        };
        datagram = datagram.get(align(length)..).unwrap_or(&[]);
        Some(Ok(message))
    })
}

fn message(datagram: &[u8]) -> Option<(RawMessage<'_>, usize)> {
    let length = usize::try_from(u32_at(datagram, 0)?).ok()?;
    let message = RawMessage {
        kind: u16_at(datagram, 4)?,
        flags: u16_at(datagram, 6)?,
        sequence: u32_at(datagram, 8)?,
        port: u32_at(datagram, 12)?,
        payload: datagram.get(MESSAGE_HEADER..length)?,
    };
    Some((message, length))
}

/// The attributes in `bytes`. Ends after the first malformed one.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = Result<Attribute<'_>, Malformed>> {
    std::iter::from_fn(move || {
        // Up to three bytes of padding may follow the last attribute.
        if bytes.len() < ATTRIBUTE_HEADER {
            return None;
        }
        let Some((attribute, length)) = attribute(bytes) else {
            bytes = &[];
            return Some(Err(Malformed::AttributeLength));
        };
        bytes = bytes.get(align(length)..).unwrap_or(&[]);
        Some(Ok(attribute))
    })
}

fn attribute(bytes: &[u8]) -> Option<(Attribute<'_>, usize)> {
    let length = usize::from(u16_at(bytes, 0)?);
    let number = u16_at(bytes, 2)? & ATTRIBUTE_NUMBER;
    Some((Attribute { number, value: bytes.get(ATTRIBUTE_HEADER..length)? }, length))
}

/// A request for a dump: a header, `fixed` and one attribute of 32 bits if there is one.
pub(crate) fn dump_request(
    kind: u16,
    sequence: u32,
    fixed: &[u8],
    attribute: Option<(u16, u32)>,
) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(DUMP_FLAGS.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(fixed);
    if let Some((number, value)) = attribute {
        bytes.extend(8_u16.to_ne_bytes());
        bytes.extend(number.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
    }
    // A few dozen bytes; the kernel would refuse a length that is not the true one.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes
}

/// Two bytes at `offset`, in the byte order of the host.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// Four bytes at `offset`, in the byte order of the host.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

const fn align(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let bytes = dump_request(18, 7, &[0; 16], Some((29, 8)));
        let message = messages(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.flags, message.sequence), (18, 0x301, 7));
        let found: Vec<_> = attributes(&message.payload[16..]).map(Result::unwrap).collect();
        assert_eq!(found, [Attribute { number: 29, value: &8_u32.to_ne_bytes() }]);
    }

    #[test]
    fn what_stands_before_a_malformed_message_is_kept() {
        let mut bytes = dump_request(18, 7, &[0; 16], None);
        bytes.extend([200, 0, 0, 0, 1, 2]);
        let all: Vec<_> = messages(&bytes).collect();
        assert_eq!(all.len(), 2);
        assert!(all[0].is_ok());
        assert_eq!(all[1], Err(Malformed::MessageLength));
    }

    #[test]
    fn lengths_below_the_header_end_the_walk() {
        let zero = [0; 32];
        assert_eq!(messages(&zero).collect::<Vec<_>>(), [Err(Malformed::MessageLength)]);
        assert_eq!(attributes(&zero).collect::<Vec<_>>(), [Err(Malformed::AttributeLength)]);
    }

    #[test]
    fn flags_are_no_part_of_an_attributes_number() {
        let bytes =
            [&8_u16.to_ne_bytes()[..], &(0xc000_u16 | 0x1a).to_ne_bytes(), &[1, 2, 3, 4]].concat();
        assert_eq!(attributes(&bytes).next().unwrap().unwrap().number, 0x1a);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for message in messages(&bytes).flatten() {
                prop_assert!(message.payload.len() <= bytes.len());
                prop_assert!(attributes(message.payload).count() <= bytes.len() / 4 + 1);
            }
            prop_assert!(attributes(&bytes).count() <= bytes.len() / 4 + 1);
        }
    }
}
