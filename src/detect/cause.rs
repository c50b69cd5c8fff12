//! Why a storm happens: the causes in their order.

use crate::decode::Protocol;
use crate::labelled::labelled;
use crate::set::Set;

labelled! {
    /// Why a device floods: the `cause` label. In the order in which they are tried.
    #[derive(PartialOrd, Ord)]
    pub enum Cause {
        /// Frames go round in the switches.
        L2Loop = "l2_loop" => "sends frames that go round in the switches" / "sent frames that went round in the switches",
        /// It sends what another device has just sent.
        Reflection = "reflection" => "repeats what another device has just sent" / "repeated what another device had just sent",
        /// Two devices claim one name.
        NameConflict = "name_conflict" => "fights with another device over a name" / "fought with another device over a name",
        /// It renames itself again and again.
        RenameLoop = "rename_loop" => "renames itself again and again" / "renamed itself again and again",
        /// It asks again and again whether a name is free.
        ProbeLoop = "probe_loop" => "asks again and again whether its name is free" / "asked again and again whether its name was free",
        /// Its questions provoke answers that provoke its questions.
        PingPong = "ping_pong" => "provokes another device, and is provoked by it, with questions and answers" / "provoked another device, and was provoked by it, with questions and answers",
        /// It answers those who ask too fast.
        Answering = "answering" => "answers others that ask too fast" / "answered others that asked too fast",
        /// A record is withdrawn and announced again and again.
        GoodbyeFlapping = "goodbye_flapping" => "withdraws a record and announces it again, over and over" / "withdrew a record and announced it again, over and over",
        /// A TXT record changes all the time.
        RecordChurn = "record_churn" => "changes its TXT record all the time" / "changed its TXT record all the time",
        /// The same record again and again, and nobody asked.
        RepeatedResponse = "repeated_response" => "repeats the same record, and nobody asked" / "repeated the same record, and nobody had asked",
        /// The same question again and again.
        QueryFlood = "query_flood" => "repeats the same question" / "repeated the same question",
        /// SSDP, LLMNR, WS-Discovery or NetBIOS messages in numbers that their protocols forbid.
        DiscoveryFlood = "discovery_flood" => "sends more discovery messages than their protocols allow" / "sent more discovery messages than their protocols allow",
        /// It asks for one address, or two, again and again.
        AddressRepeat = "address_repeat" => "asks for the same address again and again" / "asked for the same address again and again",
        /// It asks for one address after the other.
        AddressScan = "address_scan" => "asks for one address after the other" / "asked for one address after the other",
        /// Router advertisements.
        RouterAdvertisements = "router_advertisements" => "advertises itself as a router far too often" / "advertised itself as a router far too often",
        /// DHCP messages.
        DhcpFlood = "dhcp_flood" => "floods the segment with DHCP messages" / "flooded the segment with DHCP messages",
        /// IGMP and MLD messages.
        MembershipFlood = "membership_flood" => "floods the segment with IGMP or MLD messages" / "flooded the segment with IGMP or MLD messages",
        /// Data for many receivers.
        Stream = "stream" => "sends a stream of data" / "sent a stream of data",
        /// None of these.
        Unclassified = "unclassified" => "floods the segment, and it is not clear why" / "flooded the segment, and it was not clear why",
    }
}

/// A set of causes.
pub type CauseSet = Set<Cause>;

labelled! {
    /// Why a segment as a whole floods.
    #[derive(PartialOrd, Ord)]
    pub enum SegmentCause {
        /// Frames go round in the switches.
        L2Loop = "l2_loop" => "is flooded by frames that go round in the switches" / "was flooded by frames that went round in the switches",
        /// One device sends half of the frames or more.
        OneDevice = "one_device" => "is flooded, half of it or more by one device" / "was flooded, half of it or more by one device",
        /// Half of the frames or more come from senders that were never heard before.
        InventedSenders = "invented_senders" => "is flooded by senders that nobody has heard before, ever new ones" / "was flooded by senders that nobody had heard before, ever new ones",
        /// Many devices together, and no reason for all.
        ManyDevices = "many_devices" => "is flooded by many devices together" / "was flooded by many devices together",
    }
}

impl Cause {
    /// The cause that follows from the protocol of a frame alone.
    pub(crate) const fn of_protocol(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::Dhcp => Some(Self::DhcpFlood),
            Protocol::Igmp | Protocol::Mld => Some(Self::MembershipFlood),
            Protocol::OtherMulticast => Some(Self::Stream),
            Protocol::Mdns
            | Protocol::MdnsUnicast
            | Protocol::Ssdp
            | Protocol::Llmnr
            | Protocol::Wsd
            | Protocol::Netbios
            | Protocol::Arp
            | Protocol::Nd
            | Protocol::OtherBroadcast => None,
        }
    }

    /// Whether the datagrams of the discovery protocols are enough to see it. A loop shows in the
    /// MACs of its copies, the others in protocols without a group of their own.
    pub(crate) const fn shows_in_datagrams(self) -> bool {
        match self {
            Self::L2Loop
            | Self::AddressRepeat
            | Self::AddressScan
            | Self::RouterAdvertisements
            | Self::DhcpFlood
            | Self::MembershipFlood
            | Self::Stream => false,
            Self::Reflection
            | Self::NameConflict
            | Self::RenameLoop
            | Self::ProbeLoop
            | Self::PingPong
            | Self::Answering
            | Self::GoodbyeFlapping
            | Self::RecordChurn
            | Self::RepeatedResponse
            | Self::QueryFlood
            | Self::DiscoveryFlood
            | Self::Unclassified => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_have_labels_and_words_of_their_own() {
        for cause in Cause::ALL {
            assert_eq!(Cause::ALL.iter().filter(|c| c.label() == cause.label()).count(), 1);
            assert_eq!(Cause::ALL.iter().filter(|c| c.in_words() == cause.in_words()).count(), 1);
            assert_eq!(Cause::ALL.iter().filter(|c| c.in_past() == cause.in_past()).count(), 1);
            assert_ne!(cause.in_past(), cause.in_words());
        }
    }
}
