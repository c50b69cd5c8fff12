//! The protocols that frames are counted by. The label is the name of the file that decodes it.

/// What a frame is counted as: the `protocol` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Protocol {
    /// Multicast DNS to a group, RFC 6762.
    Mdns,
    /// UDP port 5353 to one host: legacy answers and QU answers.
    MdnsUnicast,
    /// Simple Service Discovery Protocol, UDP 1900.
    Ssdp,
    /// Link-Local Multicast Name Resolution, RFC 4795, UDP 5355.
    Llmnr,
    /// WS-Discovery, UDP 3702.
    Wsd,
    /// Internet Group Management Protocol, RFC 1112, 2236, 3376.
    Igmp,
    /// Multicast Listener Discovery, RFC 2710, 3810.
    Mld,
    /// Neighbour Discovery, RFC 4861.
    Nd,
    /// Address Resolution Protocol, RFC 826.
    Arp,
    /// DHCP and `DHCPv6`, RFC 2131 and 8415.
    Dhcp,
    /// NetBIOS name and datagram service, UDP 137 and 138.
    Netbios,
    /// Any other frame to a multicast address.
    OtherMulticast,
    /// Any other frame to the broadcast address.
    OtherBroadcast,
}

/// Which of a device's three rates a protocol belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Announcing, asking and joining.
    Signalling,
    /// Address resolution: a scanner or a large subnet's router is busy by right.
    Address,
    /// Streams: thousands a second are legitimate.
    Other,
    /// Unicast: in no rate.
    Uncounted,
}

impl Protocol {
    /// How many there are.
    pub const COUNT: usize = 13;

    /// All, in the order of the documentation.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Mdns,
        Self::MdnsUnicast,
        Self::Ssdp,
        Self::Llmnr,
        Self::Wsd,
        Self::Igmp,
        Self::Mld,
        Self::Nd,
        Self::Arp,
        Self::Dhcp,
        Self::Netbios,
        Self::OtherMulticast,
        Self::OtherBroadcast,
    ];

    /// Its place in arrays of [`Self::COUNT`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label value.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mdns => "mdns",
            Self::MdnsUnicast => "mdns_unicast",
            Self::Ssdp => "ssdp",
            Self::Llmnr => "llmnr",
            Self::Wsd => "wsd",
            Self::Igmp => "igmp",
            Self::Mld => "mld",
            Self::Nd => "nd",
            Self::Arp => "arp",
            Self::Dhcp => "dhcp",
            Self::Netbios => "netbios",
            Self::OtherMulticast => "other_multicast",
            Self::OtherBroadcast => "other_broadcast",
        }
    }

    /// The rate that it counts in.
    #[must_use]
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
