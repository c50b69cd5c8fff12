//! Who a device is, kept so that the values of the info metric do not change all the time.
//!
//! Comes in: [`Claim`]s, each already checked to be the device's own word about itself. Goes out:
//! a shared [`Identity`], rebuilt only when it changes. It does not know where a claim comes from.

use super::category::{Evidence, Found, decide};
use super::snapshot::{Address, Category, Identity};
use super::vendor;
use crate::decode::Sender;
use crate::mac::Mac;
use crate::time::Time;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Addresses kept.
const ADDRESSES: usize = 16;
/// A device with more IPv4 addresses than this speaks for others.
const REPEATER_OVER: usize = 8;
/// An address is replaced once it was unheard for this long.
const ADDRESS_UNHEARD: Duration = Duration::from_mins(10);
/// A name or a model is replaced at most this often. Addresses unheard for as long no longer make
/// a repeater.
const NAME_KEPT: Duration = Duration::from_hours(1);
/// Characters of a string.
const LENGTH: usize = 64;

/// One thing that a device says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim<'a> {
    /// An address of its own.
    Address(IpAddr),
    /// Its host name in multicast DNS.
    HostName(&'a str),
    /// The host name that it gave a DHCP server.
    LeaseName(&'a str),
    /// Its model.
    Model(&'a str),
    /// What it offers or does.
    Evidence(Evidence),
    /// What the host with this address offers: counts if the address is known to be its own.
    EvidenceOf(IpAddr, Evidence),
}

/// How sure a name is. A better one replaces a worse one at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Lease,
    Host,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    ip: IpAddr,
    at: Time,
}

/// A name with its history.
#[derive(Clone, Debug)]
struct Name {
    text: Box<str>,
    source: Source,
    set: Time,
}

/// What was heard of a device, beside what it shows.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// IPv4 first, in the order in which they were heard.
    addresses: Vec<Heard>,
    address: Option<IpAddr>,
    name: Option<Name>,
    model: Option<(Box<str>, Time)>,
    found: Found,
    is_repeater: bool,
    /// From the neighbour table, where the device is named by its IP address.
    mac: Option<Mac>,
}

/// What is known of one device.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    identity: Arc<Identity>,
    /// Made with the first claim: an invented sender has none.
    facts: Option<Box<Facts>>,
    is_stale: bool,
    /// The payload that was looked into last, and in which second: a repeated one is looked into
    /// once a second.
    looked_into: Option<(u64, u64)>,
}

impl Profile {
    /// A device of which nothing is known but its sender.
    pub(super) fn new(sender: Sender, local: &[Mac]) -> Self {
        let (identity, facts) = match sender {
            Sender::Mac(mac) => {
                let vendor = vendor::lookup(mac);
                let local = local.contains(&mac);
                (Identity { vendor, local, ..Identity::default() }, None)
            }
            Sender::Ip(ip) => {
                let facts = Facts { address: Some(ip), ..Facts::default() };
                let address = Some(Address::Ip(ip));
                let identity = Identity { addresses: vec![ip], address, ..Identity::default() };
                (identity, Some(Box::new(facts)))
            }
        };
        Self { identity: Arc::new(identity), facts, is_stale: false, looked_into: None }
    }

    /// What it shows.
    pub(super) const fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Whether a payload with this hash is to be looked into in this second.
    pub(super) fn looks_into(&mut self, payload: u64, now: Time) -> bool {
        let this = Some((payload, now.second()));
        std::mem::replace(&mut self.looked_into, this) != this
    }

    /// Hears one claim. [`Self::settle`] makes it visible.
    pub(super) fn hear(&mut self, now: Time, claim: Claim<'_>) {
        let facts = self.facts.get_or_insert_default();
        self.is_stale |= match claim {
            Claim::Address(ip) => facts.hear_address(now, ip),
            Claim::HostName(name) => facts.hear_name(now, name, Source::Host),
            Claim::LeaseName(name) => facts.hear_name(now, name, Source::Lease),
            Claim::Model(model) => facts.hear_model(now, model),
            Claim::Evidence(evidence) => facts.found.add(evidence),
            Claim::EvidenceOf(ip, evidence) => {
                facts.addresses.iter().any(|heard| heard.ip == ip) && facts.found.add(evidence)
            }
        };
    }

    /// Learns the MAC of a device that is named by its IP address.
    pub(super) fn learn_mac(&mut self, mac: Mac, local: &[Mac]) {
        let facts = self.facts.get_or_insert_default();
        if facts.mac == Some(mac) {
            return;
        }
        facts.mac = Some(mac);
        let identity = Arc::make_mut(&mut self.identity);
        identity.vendor = vendor::lookup(mac);
        identity.local = local.contains(&mac);
        self.is_stale = true;
        self.settle();
    }

    /// Rebuilds the identity if a claim changed it.
    pub(super) fn settle(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let Some(facts) = &self.facts else { return };
        let model = facts.model.as_ref().map(|(text, _)| text);
        let category = if facts.is_repeater {
            Category::Repeater
        } else {
            decide(facts.found, model.map(AsRef::as_ref))
        };
        let name = facts.name.as_ref().filter(|_| !facts.is_repeater);
        let mut addresses: Vec<IpAddr> = facts.addresses.iter().map(|heard| heard.ip).collect();
        if addresses.is_empty() {
            addresses.extend(facts.address);
        }
        let identity = Identity {
            addresses,
            address: match facts.mac {
                Some(mac) => Some(Address::Mac(mac)),
                None => facts.address.map(Address::Ip),
            },
            name: name.map(|name| name.text.clone()),
            vendor: self.identity.vendor,
            model: model.cloned(),
            category,
            local: self.identity.local,
        };
        if *self.identity != identity {
            self.identity = Arc::new(identity);
        }
    }
}

impl Facts {
    fn hear_address(&mut self, now: Time, ip: IpAddr) -> bool {
        if let Some(heard) = self.addresses.iter_mut().find(|heard| heard.ip == ip) {
            heard.at = now;
            return self.choose_address(now, ip);
        }
        if self.addresses.len() >= ADDRESSES && !self.make_room(now, ip) {
            return false;
        }
        let v4 = self.addresses.partition_point(|heard| heard.ip.is_ipv4());
        let place = if ip.is_ipv4() { v4 } else { self.addresses.len() };
        self.addresses.insert(place, Heard { ip, at: now });
        let lately = |heard: &&Heard| heard.ip.is_ipv4() && now.since(heard.at) < NAME_KEPT;
        self.is_repeater |= self.addresses.iter().filter(lately).count() > REPEATER_OVER;
        self.choose_address(now, ip);
        true
    }

    /// Drops the address unheard for longest, if that is 10 min; else an IPv6 address for an IPv4
    /// one. Whether there is room now.
    fn make_room(&mut self, now: Time, ip: IpAddr) -> bool {
        let oldest = (0..self.addresses.len()).min_by_key(|&place| self.addresses[place].at);
        let place = oldest.filter(|&place| now.since(self.addresses[place].at) >= ADDRESS_UNHEARD);
        let last = self.addresses.len() - 1;
        let is_v6 = self.addresses[last].ip.is_ipv6();
        let place = place.or_else(|| (ip.is_ipv4() && is_v6).then_some(last));
        place.map(|place| self.addresses.remove(place)).is_some()
    }

    /// The sticky address: a better one at once, an equal one after 10 min of silence.
    fn choose_address(&mut self, now: Time, ip: IpAddr) -> bool {
        let Some(current) = self.address else {
            self.address = Some(ip);
            return true;
        };
        if current == ip || rank(ip) < rank(current) {
            return false;
        }
        let heard = self.addresses.iter().find(|heard| heard.ip == current);
        let is_unheard = heard.is_none_or(|heard| now.since(heard.at) >= ADDRESS_UNHEARD);
        if rank(ip) > rank(current) || is_unheard {
            self.address = Some(ip);
            return true;
        }
        false
    }

    fn hear_name(&mut self, now: Time, text: &str, source: Source) -> bool {
        let replaces = match &self.name {
            None => true,
            Some(current) if *current.text == *text => false,
            Some(current) if source > current.source => true,
            Some(current) => source == current.source && now.since(current.set) >= NAME_KEPT,
        };
        if !replaces {
            return false;
        }
        let text = clean(text);
        if text.is_empty() || self.name.as_ref().is_some_and(|name| name.text == text) {
            return false;
        }
        self.name = Some(Name { text, source, set: now });
        true
    }

    fn hear_model(&mut self, now: Time, text: &str) -> bool {
        let replaces = match &self.model {
            None => true,
            Some((current, set)) => **current != *text && now.since(*set) >= NAME_KEPT,
        };
        if !replaces {
            return false;
        }
        let text = clean(text);
        if text.is_empty() || self.model.as_ref().is_some_and(|(model, _)| *model == text) {
            return false;
        }
        self.model = Some((text, now));
        true
    }
}

/// How good an address is to show: IPv4, then link-local ones, then the rest.
const fn rank(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if ip.is_link_local() => 1,
        IpAddr::V4(_) => 2,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 1,
        IpAddr::V6(_) => 0,
    }
}

/// At most 64 characters, none of them a control character or one that changes the direction of
/// the text around it; no blanks or dots at the end.
fn clean(text: &str) -> Box<str> {
    let is_plain = |c: &char| !c.is_control() && !is_invisible(*c);
    let text: String = text.chars().filter(is_plain).take(LENGTH).collect();
    text.trim().trim_end_matches('.').into()
}

/// Marks and overrides of direction, and characters of no width.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const MINUTE: Duration = Duration::from_mins(1);

    fn profile() -> Profile {
        Profile::new(Sender::Mac(Mac([2, 0, 0, 0, 0, 1])), &[])
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn at(minutes: u32) -> Time {
        Time(1).plus(MINUTE * minutes)
    }

    fn hear(profile: &mut Profile, now: Time, claim: Claim<'_>) -> Identity {
        profile.hear(now, claim);
        profile.settle();
        (**profile.identity()).clone()
    }

    #[test]
    fn the_first_ipv4_address_stays_until_unheard_for_ten_minutes() {
        let mut p = profile();
        let shown = |identity: Identity| identity.address.map(|address| address.to_string());
        assert_eq!(
            shown(hear(&mut p, at(0), Claim::Address(ip("2001:db8::1")))).as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(
            shown(hear(&mut p, at(0), Claim::Address(ip("fe80::1")))).as_deref(),
            Some("fe80::1")
        );
        assert_eq!(
            shown(hear(&mut p, at(0), Claim::Address(ip("169.254.1.1")))).as_deref(),
            Some("fe80::1")
        );
        assert_eq!(
            shown(hear(&mut p, at(0), Claim::Address(ip("10.0.0.1")))).as_deref(),
            Some("10.0.0.1")
        );
        assert_eq!(
            shown(hear(&mut p, at(5), Claim::Address(ip("10.0.0.2")))).as_deref(),
            Some("10.0.0.1")
        );
        hear(&mut p, at(6), Claim::Address(ip("10.0.0.1")));
        assert_eq!(
            shown(hear(&mut p, at(15), Claim::Address(ip("10.0.0.2")))).as_deref(),
            Some("10.0.0.1")
        );
        let last = hear(&mut p, at(16), Claim::Address(ip("10.0.0.2")));
        assert_eq!(shown(last.clone()).as_deref(), Some("10.0.0.2"));
        let all = ["169.254.1.1", "10.0.0.1", "10.0.0.2", "2001:db8::1", "fe80::1"].map(ip);
        assert_eq!(last.addresses, all);
    }

    #[test]
    fn a_name_is_replaced_at_most_once_an_hour() {
        let mut p = profile();
        let shown = |identity: Identity| identity.name.map(String::from);
        assert_eq!(shown(hear(&mut p, at(0), Claim::LeaseName("PC"))).as_deref(), Some("PC"));
        assert_eq!(
            shown(hear(&mut p, at(1), Claim::HostName("pc.local"))).as_deref(),
            Some("pc.local")
        );
        assert_eq!(
            shown(hear(&mut p, at(60), Claim::HostName("b.local"))).as_deref(),
            Some("pc.local")
        );
        assert_eq!(
            shown(hear(&mut p, at(61), Claim::HostName("b.local"))).as_deref(),
            Some("b.local")
        );
        assert_eq!(
            shown(hear(&mut p, at(62), Claim::HostName("c.local"))).as_deref(),
            Some("b.local")
        );
        assert_eq!(
            shown(hear(&mut p, at(900), Claim::LeaseName("PC"))).as_deref(),
            Some("b.local")
        );
    }

    #[test]
    fn more_than_eight_ipv4_addresses_make_a_repeater_without_a_name() {
        let mut p = profile();
        hear(&mut p, at(0), Claim::HostName("a.local"));
        for n in 1..=8 {
            let address = Claim::Address(Ipv4Addr::new(10, 0, 0, n).into());
            assert_eq!(hear(&mut p, at(0), address).category, Category::Unknown);
        }
        let last = hear(&mut p, at(0), Claim::Address(ip("10.0.0.9")));
        assert_eq!((last.category, last.name), (Category::Repeater, None));
        for n in 10..=100 {
            hear(&mut p, at(0), Claim::Address(Ipv4Addr::new(10, 0, 0, n).into()));
        }
        assert_eq!(p.identity().addresses.len(), ADDRESSES);
    }

    #[test]
    fn leases_that_change_over_days_make_no_repeater() {
        let mut p = profile();
        for n in 1..=30 {
            let address = Claim::Address(Ipv4Addr::new(10, 0, 0, n).into());
            let identity = hear(&mut p, at(u32::from(n) * 600), address);
            assert_eq!(identity.category, Category::Unknown);
        }
        assert_eq!(p.identity().addresses.len(), ADDRESSES);
        assert_eq!(p.identity().address, Some(Address::Ip(ip("10.0.0.30"))));
    }

    #[test]
    fn strings_are_cleaned_and_bounded() {
        let mut p = profile();
        hear(&mut p, at(0), Claim::HostName("\u{7}\r\n "));
        assert_eq!(p.identity().name, None);
        let long = format!("a\0b\u{202e}{}.", "ü".repeat(100));
        let name = hear(&mut p, at(0), Claim::HostName(&long)).name.expect("a name");
        assert_eq!(name.chars().count(), LENGTH);
        assert!(name.starts_with("abü"));
        assert_eq!(&*hear(&mut p, at(0), Claim::Model("HP. ")).model.expect("a model"), "HP");
    }

    #[test]
    fn nothing_is_rebuilt_while_nothing_changes() {
        let mut p = profile();
        let claims =
            [Claim::Address(ip("10.0.0.1")), Claim::HostName("a.local"), Claim::Model("X")];
        for claim in claims {
            hear(&mut p, at(0), claim);
        }
        let before = Arc::clone(p.identity());
        for claim in claims {
            hear(&mut p, at(3), claim);
        }
        assert!(Arc::ptr_eq(&before, p.identity()));
    }

    #[test]
    fn a_device_named_by_its_address_shows_the_mac_that_neighbours_know() {
        let own = Mac([2, 0, 0, 0, 0, 9]);
        let mut p = Profile::new(Sender::Ip(ip("10.0.0.1")), &[]);
        assert_eq!(p.identity().address, Some(Address::Ip(ip("10.0.0.1"))));
        p.learn_mac(own, &[own]);
        assert_eq!(p.identity().address, Some(Address::Mac(own)));
        assert_eq!(p.identity().addresses, [ip("10.0.0.1")]);
        assert!(p.identity().local);
    }
}
