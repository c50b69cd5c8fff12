//! The protocols that frames are counted by. A file beside this one reads each, under the name of
//! its label; `mdns_unicast` is read as mDNS, and the two `other_…` are not read.

use crate::labelled::labelled;

labelled! {
    /// What a frame is counted as: the `protocol` label.
    #[derive(PartialOrd, Ord)]
    pub enum Protocol {
        /// Multicast DNS to a group, RFC 6762.
        Mdns = "mdns",
        /// UDP port 5353 to one host: legacy answers and QU answers.
        MdnsUnicast = "mdns_unicast",
        /// Simple Service Discovery Protocol, UDP 1900.
        Ssdp = "ssdp",
        /// Link-Local Multicast Name Resolution, RFC 4795, UDP 5355.
        Llmnr = "llmnr",
        /// WS-Discovery, UDP 3702.
        Wsd = "wsd",
        /// Internet Group Management Protocol, RFC 1112, 2236, 3376.
        Igmp = "igmp",
        /// Multicast Listener Discovery, RFC 2710, 3810.
        Mld = "mld",
        /// Neighbour Discovery, RFC 4861.
        Nd = "nd",
        /// Address Resolution Protocol, RFC 826.
        Arp = "arp",
        /// DHCP and `DHCPv6`, RFC 2131 and 8415.
        Dhcp = "dhcp",
        /// NetBIOS name and datagram service, UDP 137 and 138.
        Netbios = "netbios",
        /// Any other frame to a multicast address.
        OtherMulticast = "other_multicast",
        /// Any other frame to the broadcast address.
        OtherBroadcast = "other_broadcast",
    }
}

/// Which of a device's three rates a protocol belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Announcing, asking and joining.
    Signalling,
    /// Address resolution: a scanner or a large subnet's router is legitimately busy.
    Address,
    /// Streams: thousands a second are legitimate.
    Other,
    /// Unicast: in no rate.
    Uncounted,
}

impl Protocol {
    /// Its place in arrays of [`Self::COUNT`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The rate that it counts in; one frame may count in another: see
    /// [`Observation::class`](super::Observation::class).
    pub const fn class(self) -> Class {
        match self {
            Self::Mdns
            | Self::Ssdp
            | Self::Llmnr
            | Self::Wsd
            | Self::Netbios
            | Self::Dhcp
            | Self::Igmp
            | Self::Mld
            | Self::OtherBroadcast => Class::Signalling,
            Self::Arp | Self::Nd => Class::Address,
            Self::OtherMulticast => Class::Other,
            Self::MdnsUnicast => Class::Uncounted,
        }
    }
}
