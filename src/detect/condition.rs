//! What is wrong with a device at any rate: the conditions, and the evidence that a detector has
//! of one.
//!
//! A storm needs a rate; a fight over a name at one try in 20 s has none, and is what people ask
//! about most. A condition begins when its evidence is complete and lasts until 10 min without
//! evidence. The same id may be a cause, a condition and a rule: it means the same.

use crate::decode::Sender;
use crate::labelled::labelled;
use crate::mac::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

labelled! {
    /// What is wrong with a device, whatever its rate: the `condition` label.
    #[derive(PartialOrd, Ord)]
    pub enum Condition {
        /// It renames itself: more than five names of one stem in 10 min.
        RenameLoop = "rename_loop" => "renames itself again and again" / "renamed itself again and again",
        /// It and another device claim one name in turns, with different data.
        NameConflict = "name_conflict" => "fights with another device over a name" / "fought with another device over a name",
        /// It probes for a name more than 18 times in 60 s and never announces it.
        ProbeLoop = "probe_loop" => "asks again and again whether its name is free" / "asked again and again whether its name was free",
        /// A record of it goes and comes back six times in 5 min.
        GoodbyeFlapping = "goodbye_flapping" => "withdraws a record and announces it again, over and over" / "withdrew a record and announced it again, over and over",
        /// The TXT data of a name changes more than ten times a minute.
        RecordChurn = "record_churn" => "changes its TXT record all the time" / "changed its TXT record all the time",
        /// What it repeats comes back to it, or goes on to a third: five times in 60 s.
        Reflection = "reflection" => "repeats what others have sent, and it comes back" / "repeated what others had sent, and it came back",
        /// It asks for one address more than 120 times in 60 s, in at least 50 of its seconds.
        AddressRepeat = "address_repeat" => "asks for the same address again and again" / "asked for the same address again and again",
        /// It multicasts more than 30 router advertisements in 60 s.
        RouterAdvertisements = "router_advertisements" => "advertises itself as a router far too often" / "advertised itself as a router far too often",
        /// It asks for an address by DHCP more than 20 times in 60 s, or 150 times in 10 min.
        DhcpLoop = "dhcp_loop" => "asks for an address by DHCP again and again" / "asked for an address by DHCP again and again",
        /// It sends a discovery protocol to a group of another: three times in 60 s.
        WrongGroup = "wrong_group" => "sends to a group that nobody listens to" / "sent to a group that nobody listened to",
    }
}

labelled! {
    /// What a device does in a fight over a name.
    pub enum Role {
        /// It probes for the name, renames itself, or takes it without asking.
        Probes = "probes",
        /// It had the name and says so, no more.
        Defends = "defends",
    }
}

impl Condition {
    /// Whether the datagrams of the discovery protocols are enough to see it.
    pub(crate) const fn shows_in_datagrams(self) -> bool {
        match self {
            Self::RenameLoop
            | Self::NameConflict
            | Self::ProbeLoop
            | Self::GoodbyeFlapping
            | Self::RecordChurn
            | Self::Reflection => true,
            // The other protocols need a packet socket, and a socket hears its own group alone.
            Self::AddressRepeat
            | Self::RouterAdvertisements
            | Self::DhcpLoop
            | Self::WrongGroup => false,
        }
    }
}

impl Condition {
    /// What its limit counts, for those that have one: more than so many of these in 60 s are
    /// evidence. The others are a sequence of events, no number of which means anything else.
    pub const fn usual_limit(self) -> Option<u32> {
        match self {
            Self::AddressRepeat => Some(120),
            Self::RouterAdvertisements => Some(30),
            Self::DhcpLoop => Some(20),
            Self::WrongGroup => Some(2),
            Self::RenameLoop
            | Self::NameConflict
            | Self::ProbeLoop
            | Self::GoodbyeFlapping
            | Self::RecordChurn
            | Self::Reflection => None,
        }
    }
}

/// From how much on a device has each condition, or that it never has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionLimits([Option<u32>; Condition::COUNT]);

impl Default for ConditionLimits {
    fn default() -> Self {
        Self::USUAL
    }
}

impl ConditionLimits {
    /// All as they are without a configuration.
    pub const USUAL: Self = {
        let mut limits = [Some(0); Condition::COUNT];
        let mut place = 0;
        while place < Condition::COUNT {
            if let Some(limit) = Condition::ALL[place].usual_limit() {
                limits[place] = Some(limit);
            }
            place += 1;
        }
        Self(limits)
    };

    /// None at all.
    pub const OFF: Self = Self([None; Condition::COUNT]);

    /// A device never has it.
    pub const fn switch_off(&mut self, condition: Condition) {
        self.0[condition as usize] = None;
    }

    /// A device has it from more than `limit` on, or, without one, as usual.
    pub fn switch_on(&mut self, condition: Condition, limit: Option<u32>) {
        let usual = Self::USUAL.0[condition as usize];
        let has_limit = condition.usual_limit().is_some();
        self.0[condition as usize] = limit.filter(|_| has_limit).or(usual);
    }

    /// Whether a device may have it.
    pub const fn is_on(&self, condition: Condition) -> bool {
        self.0[condition as usize].is_some()
    }

    /// Whether so many in 60 s are evidence.
    pub(crate) fn is_exceeded(&self, condition: Condition, count: u32) -> bool {
        self.0[condition as usize].is_some_and(|limit| count > limit)
    }
}

/// What else frames may be that seem to go round: devices that ask for the same again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopDoubt {
    /// How many devices.
    pub devices: usize,
    /// What they ask for: one address, or two.
    pub asked: [Option<IpAddr>; 2],
    /// How many addresses there are.
    pub addresses: usize,
}

impl LoopDoubt {
    /// For people, at most 63 characters: `a loop, or 2 devices asking for 10.0.0.1`.
    pub fn in_words(&self) -> String {
        let Self { devices, addresses, .. } = self;
        if *addresses == 0 {
            return format!("a loop, or {devices} devices that send one frame again and again");
        }
        let asked: Vec<String> = self.asked.iter().flatten().map(ToString::to_string).collect();
        let told = format!("a loop, or {devices} devices asking for {}", asked.join(", "));
        if *addresses <= self.asked.len() && told.len() <= 63 {
            told
        } else {
            format!("a loop, or {devices} devices asking for {addresses} addresses")
        }
    }
}

/// What evidence is about. Written out when it is told, not for each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A name at this octet of the frame's mDNS payload.
    Name(u16),
    /// An address that is advertised from, or that a storm asks for.
    Address(IpAddr),
    /// What is asked for, in each family the address that was asked for last.
    Asked(Option<Ipv4Addr>, Option<Ipv6Addr>),
    /// A group, or a port, that is sent to.
    Destination(SocketAddr),
    /// A DHCP client.
    Client(Mac),
    /// No DHCP server answers several clients: nobody is to blame.
    NoServer,
    /// A loop, or something else.
    Loop(LoopDoubt),
}

/// Complete evidence of a condition of the frame's sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// Of what.
    pub condition: Condition,
    /// What it is about.
    pub about: Option<About>,
    /// The other party, where there is one.
    pub other: Option<Sender>,
    /// What the sender does, where two parties are.
    pub role: Option<Role>,
}

impl Evidence {
    /// Evidence that has one party.
    pub(crate) const fn of(condition: Condition, about: About) -> Self {
        Self { condition, about: Some(about), other: None, role: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_what_was_given_or_the_usual_one_and_off_is_off() {
        let mut limits = ConditionLimits::default();
        let repeats = Condition::AddressRepeat;
        let at = |limits: &ConditionLimits, count| limits.is_exceeded(repeats, count);
        assert!(at(&limits, 121) && !at(&limits, 120));
        limits.switch_on(repeats, Some(600));
        assert!(at(&limits, 601) && !at(&limits, 600));
        limits.switch_off(repeats);
        assert!(!at(&limits, u32::MAX) && !limits.is_on(repeats));
        limits.switch_on(repeats, None);
        assert_eq!(limits, ConditionLimits::USUAL);
        limits.switch_on(Condition::RenameLoop, Some(9));
        assert_eq!(limits, ConditionLimits::USUAL, "it has no number");
        assert!(Condition::ALL.iter().all(|c| limits.is_on(*c)));
        assert!(!Condition::ALL.iter().any(|c| ConditionLimits::OFF.is_on(*c)));
    }

    #[test]
    fn a_doubt_is_told_in_a_line() {
        let told = |asked: [Option<&str>; 2], addresses| {
            let asked = asked.map(|asked| asked.map(|asked| asked.parse().expect("an address")));
            let told = LoopDoubt { devices: 2, asked, addresses }.in_words();
            assert!(told.chars().count() <= 63, "{told}");
            told
        };
        let one = Some("10.0.0.1");
        assert_eq!(told([one, None], 1), "a loop, or 2 devices asking for 10.0.0.1");
        let two = "a loop, or 2 devices asking for 10.0.0.1, 10.0.0.2";
        assert_eq!(told([one, Some("10.0.0.2")], 2), two);
        assert_eq!(told([one, one], 3), "a loop, or 2 devices asking for 3 addresses");
        let long = Some("2001:db8:1111:2222:3333:4444:5555:6666");
        assert_eq!(told([long, one], 2), "a loop, or 2 devices asking for 2 addresses");
        let longest = Some("2001:db8:1111:2222:3333:4444:5555:6666");
        told([longest, None], 1);
        told([None, None], 0);
    }

    #[test]
    fn all_have_labels_and_words_of_their_own() {
        for condition in Condition::ALL {
            let same = |other: &&Condition| other.in_words() == condition.in_words();
            assert_eq!(Condition::ALL.iter().filter(same).count(), 1);
        }
    }

    #[test]
    fn a_cause_of_the_same_id_means_the_same() {
        use crate::detect::Cause;
        let shared = |condition: &Condition| {
            Cause::ALL.iter().any(|cause| cause.label() == condition.label())
        };
        let alone: Vec<_> =
            Condition::ALL.iter().filter(|c| !shared(c)).map(|c| c.label()).collect();
        assert!(alone.contains(&"dhcp_loop") && alone.contains(&"wrong_group"), "{alone:?}");
    }
}
