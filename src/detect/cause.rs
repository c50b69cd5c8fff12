//! Why a storm happens: the causes in their order, and sets of them.

/// Why a device floods: the `cause` label. In the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Cause {
    /// Frames go round in the switches.
    L2Loop,
    /// It sends what another device has just sent.
    Reflection,
    /// Two devices claim one name.
    NameConflict,
    /// It renames itself again and again.
    RenameLoop,
    /// It asks again and again whether a name is free.
    ProbeLoop,
    /// Its questions provoke answers that provoke its questions.
    PingPong,
    /// A record is withdrawn and announced again and again.
    GoodbyeFlapping,
    /// A TXT record changes all the time.
    RecordChurn,
    /// The same record again and again, and nobody asked.
    RepeatedResponse,
    /// The same question again and again.
    QueryFlood,
    /// SSDP, LLMNR, WS-Discovery or NetBIOS messages in numbers that their protocols forbid.
    DiscoveryFlood,
    /// It asks for one address after the other.
    AddressScan,
    /// DHCP messages.
    DhcpFlood,
    /// IGMP and MLD messages.
    MembershipFlood,
    /// Data for many receivers.
    Stream,
    /// None of these.
    Unclassified,
}

impl Cause {
    /// How many there are.
    pub const COUNT: usize = 16;

    /// All, in the order in which they are tried.
    pub const ALL: [Self; Self::COUNT] = [
        Self::L2Loop,
        Self::Reflection,
        Self::NameConflict,
        Self::RenameLoop,
        Self::ProbeLoop,
        Self::PingPong,
        Self::GoodbyeFlapping,
        Self::RecordChurn,
        Self::RepeatedResponse,
        Self::QueryFlood,
        Self::DiscoveryFlood,
        Self::AddressScan,
        Self::DhcpFlood,
        Self::MembershipFlood,
        Self::Stream,
        Self::Unclassified,
    ];

    /// The label value.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::L2Loop => "l2_loop",
            Self::Reflection => "reflection",
            Self::NameConflict => "name_conflict",
            Self::RenameLoop => "rename_loop",
            Self::ProbeLoop => "probe_loop",
            Self::PingPong => "ping_pong",
            Self::GoodbyeFlapping => "goodbye_flapping",
            Self::RecordChurn => "record_churn",
            Self::RepeatedResponse => "repeated_response",
            Self::QueryFlood => "query_flood",
            Self::DiscoveryFlood => "discovery_flood",
            Self::AddressScan => "address_scan",
            Self::DhcpFlood => "dhcp_flood",
            Self::MembershipFlood => "membership_flood",
            Self::Stream => "stream",
            Self::Unclassified => "unclassified",
        }
    }

    /// What the device does, for people: follows its name.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::L2Loop => "sends frames that go round in the switches",
            Self::Reflection => "repeats what another device has just sent",
            Self::NameConflict => "fights with another device over a name",
            Self::RenameLoop => "renames itself again and again",
            Self::ProbeLoop => "asks again and again whether its name is free",
            Self::PingPong => {
                "provokes another device, and is provoked by it, with questions and answers"
            }
            Self::GoodbyeFlapping => "withdraws a record and announces it again, over and over",
            Self::RecordChurn => "changes its TXT record all the time",
            Self::RepeatedResponse => "repeats the same record, and nobody asked",
            Self::QueryFlood => "repeats the same question",
            Self::DiscoveryFlood => "sends more discovery messages than their protocols allow",
            Self::AddressScan => "asks for one address after the other",
            Self::DhcpFlood => "floods the segment with DHCP messages",
            Self::MembershipFlood => "floods the segment with IGMP or MLD messages",
            Self::Stream => "sends a stream of data",
            Self::Unclassified => "floods the segment, and it is not clear why",
        }
    }
}

/// Why a segment as a whole floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SegmentCause {
    /// Frames go round in the switches.
    L2Loop,
    /// One device sends half of the frames or more.
    OneDevice,
    /// Neither.
    ManyDevices,
}

impl SegmentCause {
    /// All.
    pub const ALL: [Self; 3] = [Self::L2Loop, Self::OneDevice, Self::ManyDevices];

    /// The label value.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::L2Loop => "l2_loop",
            Self::OneDevice => "one_device",
            Self::ManyDevices => "many_devices",
        }
    }

    /// What goes on, for people: follows the segment's name.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::L2Loop => "is flooded by frames that go round in the switches",
            Self::OneDevice => "is flooded, half of it or more by one device",
            Self::ManyDevices => "is flooded by many devices together",
        }
    }
}

/// A set of causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CauseSet(u16);

impl CauseSet {
    /// The set of these.
    #[must_use]
    pub const fn of(causes: &[Cause]) -> Self {
        let mut set = Self(0);
        let mut place = 0;
        while place < causes.len() {
            set.add(causes[place]);
            place += 1;
        }
        set
    }

    /// Adds one.
    pub const fn add(&mut self, cause: Cause) {
        self.0 |= 1 << cause as u16;
    }

    /// Whether it is there.
    #[must_use]
    pub const fn has(self, cause: Cause) -> bool {
        self.0 & (1 << cause as u16) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are there, in order.
    pub fn iter(self) -> impl Iterator<Item = Cause> {
        Cause::ALL.into_iter().filter(move |cause| self.has(*cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_their_places_and_have_labels_of_their_own() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place);
            assert_eq!(Cause::ALL.iter().filter(|c| c.label() == cause.label()).count(), 1);
            assert_eq!(Cause::ALL.iter().filter(|c| c.in_words() == cause.in_words()).count(), 1);
        }
    }

    #[test]
    fn a_set_holds_what_was_added_in_order() {
        let mut set = CauseSet::default();
        assert!(set.is_empty());
        set.add(Cause::Unclassified);
        set.add(Cause::L2Loop);
        set.add(Cause::L2Loop);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Cause::L2Loop, Cause::Unclassified]);
        assert!(!set.has(Cause::Stream));
    }
}
