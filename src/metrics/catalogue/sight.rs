//! What a backend can see, so that 0 never means "not measured": whether a backend with these
//! [`Abilities`] measures a family, a protocol, a cause, a condition or a rule. It must not know any value.

use crate::capture::{Abilities, Backend};
use crate::decode::Protocol;
use crate::detect::{Cause, Condition, Rule};

/// What a backend must be able to do for a family to be measured. Where it cannot, the series
/// are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Nothing: it is not about captured frames.
    Nothing,
    /// To capture: every backend measures it, as far as [`sees`] lets it.
    Frames,
    /// To know what the kernel dropped.
    Drops,
    /// To have a ring.
    Ring,
    /// To see link-layer headers.
    LinkLayer,
    /// To see IGMP and MLD.
    Membership,
}

impl Sight {
    /// Whether a backend with these abilities measures it.
    pub const fn of(self, abilities: &Abilities) -> bool {
        match self {
            Self::Nothing | Self::Frames => true,
            Self::Drops => abilities.drops,
            Self::Ring => matches!(abilities.backend, Backend::Ring),
            Self::LinkLayer => abilities.all_protocols,
            Self::Membership => sees(abilities, Protocol::Igmp) && sees(abilities, Protocol::Mld),
        }
    }
}

/// Whether a backend with these abilities sees frames of a protocol. Sockets on the groups see
/// the UDP protocols that have a group of their own; answers to one host go to the host's own
/// responder and never to them.
pub const fn sees(abilities: &Abilities, protocol: Protocol) -> bool {
    abilities.all_protocols
        || matches!(protocol, Protocol::Mdns | Protocol::Ssdp | Protocol::Llmnr | Protocol::Wsd)
}

/// Whether a backend with these abilities can meet an error of a protocol; `None` stands for errors
/// before a protocol is known.
pub const fn sees_errors(abilities: &Abilities, protocol: Option<Protocol>) -> bool {
    match protocol {
        Some(protocol) => sees(abilities, protocol),
        None => abilities.all_protocols,
    }
}

/// Whether a backend with these abilities sees what identifies a cause.
pub const fn sees_cause(abilities: &Abilities, cause: Cause) -> bool {
    abilities.all_protocols || cause.shows_in_datagrams()
}

/// Whether a backend with these abilities sees the evidence of a condition.
pub const fn sees_condition(abilities: &Abilities, condition: Condition) -> bool {
    abilities.all_protocols || condition.shows_in_datagrams()
}

/// Whether a backend with these abilities sees what a rule is about. The kernel gives a socket
/// whole datagrams, without the packets that carried them, those of the groups that it joined, and
/// no router advertisements.
pub const fn sees_rule(abilities: &Abilities, rule: Rule) -> bool {
    abilities.all_protocols
        || !matches!(rule, Rule::Fragmented | Rule::WrongGroup | Rule::RaInterval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_see_the_protocols_that_have_a_group_and_a_port() {
        let socket = Backend::Socket.abilities();
        let seen: Vec<_> =
            Protocol::ALL.into_iter().filter(|&p| sees(&socket, p)).map(Protocol::label).collect();
        assert_eq!(seen, ["mdns", "ssdp", "llmnr", "wsd"]);
        assert!(!sees_errors(&socket, None));
        for backend in [Backend::Ring, Backend::Pnet, Backend::File, Backend::Demo] {
            assert!(Protocol::ALL.into_iter().all(|p| sees(&backend.abilities(), p)));
        }
    }

    #[test]
    fn sockets_see_no_macs_no_fragments_and_no_other_groups() {
        let socket = Backend::Socket.abilities();
        let unseen: Vec<_> =
            Cause::ALL.into_iter().filter(|&c| !sees_cause(&socket, c)).map(Cause::label).collect();
        let without = [
            "l2_loop",
            "address_repeat",
            "address_scan",
            "router_advertisements",
            "dhcp_flood",
            "membership_flood",
            "stream",
        ];
        assert_eq!(unseen, without);
        let unseen = Condition::ALL.into_iter().filter(|&c| !sees_condition(&socket, c));
        let without = ["address_repeat", "router_advertisements", "dhcp_loop", "wrong_group"];
        assert_eq!(unseen.map(Condition::label).collect::<Vec<_>>(), without);
        let unseen = Rule::ALL.iter().filter(|&&rule| !sees_rule(&socket, rule));
        let without = [Rule::Fragmented, Rule::WrongGroup, Rule::RaInterval];
        assert_eq!(unseen.copied().collect::<Vec<_>>(), without);
        for abilities in [Backend::Ring, Backend::Pnet, Backend::File].map(Backend::abilities) {
            assert!(Cause::ALL.into_iter().all(|cause| sees_cause(&abilities, cause)));
            assert!(Rule::ALL.iter().all(|&rule| sees_rule(&abilities, rule)));
        }
    }
}
