//! What can be wrong with a frame: a closed set, each variant a `reason` label. Which protocols
//! each can occur with is the table [`Reason::PAIRS`]; the metrics of those pairs start at 0.

use super::Protocol;
use crate::labelled::labelled;

labelled! {
    /// What was wrong. The label value is the variant in snake case.
    #[derive(PartialOrd, Ord)]
    pub enum Reason {
        /// The link type is not decoded.
        UnknownLinkType = "unknown_link_type",
        /// A BSD loopback header names an address family that is neither IPv4 nor IPv6.
        UnknownFamily = "unknown_family",
        /// More than two VLAN tags. The frame is counted by its first two.
        TooManyTags = "too_many_tags",
        /// An 802.11 frame whose payload is encrypted: only its addresses are read.
        Encrypted = "encrypted",
        /// The frame or message ends inside a header or field although nothing was cut off.
        Truncated = "truncated",
        /// Cut by the snap length of the capture: what is missing was on the wire.
        Snapped = "snapped",
        /// The first fragment of an IP packet: the message is read as far as it goes.
        FirstFragment = "first_fragment",
        /// A later fragment of an IP packet, which does not say what it is a part of.
        LaterFragment = "later_fragment",
        /// The version field of the IP header does not fit the frame.
        BadVersion = "bad_version",
        /// An IP header is shorter than the minimum, or an extension header leaves the packet.
        BadHeaderLength = "bad_header_length",
        /// A length field disagrees with what is there: IP, UDP, 802.3 or the protocol's own.
        BadLength = "bad_length",
        /// Addresses of a kind or length that the protocol does not have on this link.
        BadAddress = "bad_address",
        /// An option leaves the message, or has length 0 where that has no meaning.
        BadOption = "bad_option",
        /// A text message does not begin as one of its protocol, or is not UTF-8.
        BadText = "bad_text",
        /// The header claims more questions and records than the message has space for.
        CountsExceedLength = "counts_exceed_length",
        /// A compression pointer leads to itself or through too many others.
        PointerLoop = "pointer_loop",
        /// A compression pointer leads forward or out of the message (RFC 1035 section 4.1.4).
        ForwardPointer = "forward_pointer",
        /// A name of more than 255 octets, or one that cannot be decoded.
        BadName = "bad_name",
        /// A label of a type other than text and pointer: its length is unknown.
        BadLabel = "bad_label",
        /// A name is not UTF-8 (RFC 6762 section 16).
        BadUtf8 = "bad_utf8",
        /// A class that is not defined (RFC 1035 section 3.2.4).
        UnknownClass = "unknown_class",
        /// A question asks for a type that the strict parser does not know.
        UnknownType = "unknown_type",
        /// The reserved Z bit of the DNS header is set (RFC 1035 section 4.1.1).
        ReservedBit = "reserved_bit",
        /// A record's data does not have the form of its type.
        BadData = "bad_data",
        /// Octets follow the last record.
        TrailingBytes = "trailing_bytes",
        /// The strict DNS parser refuses it for another reason.
        Refused = "refused",
    }
}

impl Reason {
    /// Whether it means that a message could not be read to its end. Not what the capture left out,
    /// what is not known here, nor a flaw in a message that can be read.
    pub const fn is_malformed(self) -> bool {
        match self {
            Self::Truncated
            | Self::BadVersion
            | Self::BadHeaderLength
            | Self::BadLength
            | Self::BadAddress
            | Self::BadOption
            | Self::BadText
            | Self::CountsExceedLength
            | Self::PointerLoop
            | Self::BadName
            | Self::BadLabel => true,
            Self::UnknownLinkType
            | Self::UnknownFamily
            | Self::TooManyTags
            | Self::Encrypted
            | Self::Snapped
            | Self::FirstFragment
            | Self::LaterFragment
            | Self::ForwardPointer
            | Self::BadUtf8
            | Self::UnknownClass
            | Self::UnknownType
            | Self::ReservedBit
            | Self::BadData
            | Self::TrailingBytes
            | Self::Refused => false,
        }
    }

    /// What frames of a protocol can have, apart from what all protocols over IP share.
    const fn own(protocol: Option<Protocol>) -> &'static [Self] {
        match protocol {
            None => &[
                Self::UnknownLinkType,
                Self::UnknownFamily,
                Self::TooManyTags,
                Self::Encrypted,
                Self::Truncated,
                Self::Snapped,
                Self::BadVersion,
                Self::BadLength,
            ],
            Some(Protocol::Mdns | Protocol::MdnsUnicast) => &[
                Self::Truncated,
                Self::Snapped,
                Self::FirstFragment,
                Self::BadLength,
                Self::CountsExceedLength,
                Self::PointerLoop,
                Self::ForwardPointer,
                Self::BadName,
                Self::BadLabel,
                Self::BadUtf8,
                Self::UnknownClass,
                Self::UnknownType,
                Self::ReservedBit,
                Self::BadData,
                Self::TrailingBytes,
                Self::Refused,
            ],
            Some(Protocol::Ssdp | Protocol::Wsd) => &[
                Self::Truncated,
                Self::Snapped,
                Self::FirstFragment,
                Self::BadLength,
                Self::BadText,
            ],
            Some(Protocol::Llmnr | Protocol::Netbios) => &[
                Self::Truncated,
                Self::Snapped,
                Self::FirstFragment,
                Self::BadLength,
                Self::BadName,
            ],
            Some(Protocol::Igmp | Protocol::Mld) => {
                &[Self::Truncated, Self::Snapped, Self::FirstFragment, Self::BadLength]
            }
            Some(Protocol::Nd | Protocol::Dhcp) => &[
                Self::Truncated,
                Self::Snapped,
                Self::FirstFragment,
                Self::BadLength,
                Self::BadOption,
            ],
            Some(Protocol::Arp) => &[Self::Truncated, Self::Snapped, Self::BadAddress],
            Some(Protocol::OtherMulticast | Protocol::OtherBroadcast) => &[
                Self::Truncated,
                Self::Snapped,
                Self::FirstFragment,
                Self::LaterFragment,
                Self::BadVersion,
                Self::BadHeaderLength,
                Self::BadLength,
            ],
        }
    }

    /// Every combination that can occur: `None` is what was wrong before a protocol was known
    /// (label `link`).
    pub const PAIRS: [(Option<Protocol>, Self); Self::PAIR_COUNT] = Self::pairs();

    const PAIR_COUNT: usize = {
        let mut count = Self::own(None).len();
        let mut at = 0;
        while at < Protocol::COUNT {
            count += Self::own(Some(Protocol::ALL[at])).len();
            at += 1;
        }
        count
    };

    const fn pairs() -> [(Option<Protocol>, Self); Self::PAIR_COUNT] {
        let mut pairs = [(None, Self::Truncated); Self::PAIR_COUNT];
        let mut filled = 0;
        let mut at = 0;
        while at <= Protocol::COUNT {
            let protocol = if at == 0 { None } else { Some(Protocol::ALL[at - 1]) };
            let own = Self::own(protocol);
            let mut i = 0;
            while i < own.len() {
                pairs[filled] = (protocol, own[i]);
                filled += 1;
                i += 1;
            }
            at += 1;
        }
        pairs
    }
}

/// One thing that was wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Issue {
    /// What the frame is counted as; `None` if that was not known yet (label `link`).
    pub protocol: Option<Protocol>,
    /// What was wrong.
    pub reason: Reason,
}

/// The issues of one frame: at most four are kept, and the decoders here never find more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Issues {
    items: [Option<Issue>; 4],
}

impl Issues {
    /// Adds one; a duplicate is kept once.
    pub fn push(&mut self, issue: Issue) {
        for slot in &mut self.items {
            match slot {
                Some(there) if *there == issue => return,
                Some(_) => {}
                None => {
                    *slot = Some(issue);
                    return;
                }
            }
        }
    }

    /// All, in the order in which they were met.
    pub fn iter(&self) -> impl Iterator<Item = Issue> + '_ {
        self.items.iter().flatten().copied()
    }

    /// Whether nothing was wrong.
    pub const fn is_empty(&self) -> bool {
        self.items[0].is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_and_pairs_are_distinct_and_each_reason_has_a_pair() {
        let labels: HashSet<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), Reason::ALL.len());
        let pairs: HashSet<_> = Reason::PAIRS.iter().collect();
        assert_eq!(pairs.len(), Reason::PAIRS.len());
        let with_pair: HashSet<_> = Reason::PAIRS.iter().map(|(_, reason)| *reason).collect();
        assert_eq!(with_pair.len(), Reason::ALL.len());
    }

    #[test]
    fn labels_are_the_variants_in_snake_case() {
        for reason in Reason::ALL {
            let mut snake = String::new();
            for c in format!("{reason:?}").chars() {
                if c.is_ascii_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            assert_eq!(snake, reason.label());
        }
    }

    #[test]
    fn issues_keep_four_without_duplicates() {
        let mut issues = Issues::default();
        assert!(issues.is_empty());
        for reason in [Reason::Snapped, Reason::Snapped, Reason::BadLength, Reason::Truncated] {
            issues.push(Issue { protocol: None, reason });
        }
        assert_eq!(issues.iter().count(), 3);
        issues.push(Issue { protocol: None, reason: Reason::BadName });
        issues.push(Issue { protocol: None, reason: Reason::BadLabel });
        assert_eq!(issues.iter().count(), 4);
    }
}
