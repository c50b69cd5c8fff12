//! Neighbour Discovery (RFC 4861): `ICMPv6` types 133 to 137.

use super::octets::{after, array_at, u8_at};
use super::{Parsed, Reason};
use crate::mac::Mac;
use std::net::Ipv6Addr;

/// A Neighbour Discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which of the five.
    pub kind: Kind,
    /// The address asked for, told or redirected; `None` in router messages.
    pub target: Option<Ipv6Addr>,
    /// Source link-layer address (option 1), where it is a MAC.
    pub source_mac: Option<Mac>,
    /// Target link-layer address (option 2), where it is a MAC.
    pub target_mac: Option<Mac>,
}

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Type 133.
    RouterSolicitation,
    /// Type 134.
    RouterAdvertisement,
    /// Type 135.
    NeighbourSolicitation,
    /// Type 136.
    NeighbourAdvertisement,
    /// Type 137.
    Redirect,
}

impl Kind {
    fn from_type(kind: u8) -> Option<Self> {
        match kind {
            133 => Some(Self::RouterSolicitation),
            134 => Some(Self::RouterAdvertisement),
            135 => Some(Self::NeighbourSolicitation),
            136 => Some(Self::NeighbourAdvertisement),
            137 => Some(Self::Redirect),
            _ => None,
        }
    }

    /// Where the options begin (RFC 4861 section 4).
    const fn options_at(self) -> usize {
        match self {
            Self::RouterSolicitation => 8,
            Self::RouterAdvertisement => 16,
            Self::NeighbourSolicitation | Self::NeighbourAdvertisement => 24,
            Self::Redirect => 40,
        }
    }

    const fn has_target(self) -> bool {
        match self {
            Self::RouterSolicitation | Self::RouterAdvertisement => false,
            Self::NeighbourSolicitation | Self::NeighbourAdvertisement | Self::Redirect => true,
        }
    }
}

/// Reads a message, `ICMPv6` header included, which ends where the IP packet does.
pub(super) fn parse(bytes: &[u8]) -> Parsed<Message> {
    let Some(kind) = bytes.first().copied().and_then(Kind::from_type) else {
        return Parsed::failed(Reason::Truncated);
    };
    let target =
        if kind.has_target() { array_at::<16>(bytes, 8).map(Ipv6Addr::from) } else { None };
    let mut message = Message { kind, target, source_mac: None, target_mac: None };
    if bytes.len() < kind.options_at() {
        return Parsed { message: Some(message), flaw: Some(Reason::Truncated) };
    }
    let flaw = options(after(bytes, kind.options_at()), &mut message).err();
    Parsed { message: Some(message), flaw }
}

/// Options are a type, a length in units of eight octets, and data (RFC 4861 section 4.6).
fn options(mut bytes: &[u8], message: &mut Message) -> Result<(), Reason> {
    while let Some(kind) = u8_at(bytes, 0) {
        let len = usize::from(u8_at(bytes, 1).ok_or(Reason::BadOption)?) * 8;
        let option = bytes.get(..len).filter(|_| len > 0).ok_or(Reason::BadOption)?;
        let mac = if len == 8 { array_at(option, 2).map(Mac) } else { None };
        match kind {
            1 => message.source_mac = message.source_mac.or(mac),
            2 => message.target_mac = message.target_mac.or(mac),
            _ => {}
        }
        bytes = after(bytes, len);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solicitation() -> Vec<u8> {
        let mut bytes = vec![135, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(Ipv6Addr::LOCALHOST.octets());
        bytes.extend([14, 1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 9]);
        bytes
    }

    #[test]
    fn a_solicitation_names_target_and_source() {
        let parsed = parse(&solicitation());
        let message = parsed.message.expect("valid");
        assert_eq!(parsed.flaw, None);
        assert_eq!(message.kind, Kind::NeighbourSolicitation);
        assert_eq!(message.target, Some(Ipv6Addr::LOCALHOST));
        assert_eq!(message.source_mac, Some(Mac([2, 0, 0, 0, 0, 9])));
        assert_eq!(message.target_mac, None);
    }

    #[test]
    fn options_that_cannot_be_do_not_hide_the_target() {
        let mut bytes = solicitation();
        bytes[25] = 0;
        let parsed = parse(&bytes);
        assert_eq!(parsed.flaw, Some(Reason::BadOption));
        assert_eq!(parsed.message.and_then(|m| m.target), Some(Ipv6Addr::LOCALHOST));
        assert_eq!(parse(&solicitation()[..30]).flaw, Some(Reason::BadOption));
        assert_eq!(parse(&solicitation()[..10]).flaw, Some(Reason::Truncated));
    }

    #[test]
    fn router_messages_have_no_target() {
        let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([1, 1, 2, 0, 0, 0, 0, 1]);
        let message = parse(&bytes).message.expect("valid");
        assert_eq!(message.target, None);
        assert_eq!(message.source_mac, Some(Mac([2, 0, 0, 0, 0, 1])));
    }
}
