//! Who a device is, kept so that the values of the info metric do not change all the time.
//!
//! Every [`Claim`] that comes here is already checked to be the device's own word about itself;
//! where it comes from is not known here. The shared [`Identity`] is rebuilt only when it changes.

use super::category::{Evidence, Found, decide};
use super::vendor;
use crate::decode::Sender;
use crate::engine::Local;
use crate::engine::snapshot::{Address, Category, Identity};
use crate::mac::Mac;
use crate::time::Time;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Addresses kept.
const ADDRESSES: usize = 16;
/// A device with more IPv4 addresses than this speaks for others.
const REPEATER_OVER: usize = 8;
/// An address is replaced once it was not heard for this long.
const ADDRESS_UNHEARD: Duration = Duration::from_mins(10);
/// A name or a model is replaced at most this often. Addresses not heard for as long no longer make
/// a device a repeater.
const NAME_KEPT: Duration = Duration::from_hours(1);
/// Characters of a string.
const LENGTH: usize = 64;

/// One thing that a device says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Claim<'a> {
    /// An address of its own.
    Address(IpAddr),
    /// Its host name in multicast DNS.
    HostName(&'a str),
    /// The host name that it gave a DHCP server.
    LeaseName(&'a str),
    /// The NetBIOS name of the host with this address: counts if the address is known to be its
    /// own.
    NetbiosName(IpAddr, &'a str),
    /// Its model.
    Model(&'a str),
    /// What it does, by another protocol than multicast DNS.
    Evidence(Evidence),
    /// What it offers in multicast DNS.
    Offer(Evidence),
    /// What the host with this address offers: counts if the address is known to be its own.
    EvidenceOf(IpAddr, Evidence),
    /// A model in a message that does not say whose: counts until it is known that the device
    /// passes on what others say.
    LikelyModel(&'a str),
    /// What such a message offers: counts likewise.
    LikelyEvidence(Evidence),
    /// A host name with an address, where none of the message's addresses is the sender's: it
    /// passes on what another said, unless name or address turn out to be its own.
    Other(&'a str, IpAddr),
}

/// How sure a name is. A better one replaces a worse one at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Netbios,
    Lease,
    Host,
}

#[derive(Clone, Copy, Debug)]
struct View {
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

/// A model with its history.
#[derive(Clone, Debug)]
struct Model {
    text: Box<str>,
    /// Whether the message said whose it is.
    is_sure: bool,
    set: Time,
}

/// What was heard of a device, beside what is shown.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Facts {
    /// IPv4 first, in the order in which they were heard.
    addresses: Vec<View>,
    address: Option<IpAddr>,
    name: Option<Name>,
    model: Option<Model>,
    found: Found,
    /// From its own multicast DNS.
    offered: Found,
    /// From messages that do not say whose they are.
    likely: Found,
    /// Whether it was heard to pass on what others say, as reflectors and sleep proxies do.
    passes_on: bool,
    is_repeater: bool,
    /// Whether the name stays what it is: see [`Profile::keep_name`].
    keeps_name: bool,
    /// Whether it speaks for others, so that its multicast DNS tells nothing of itself.
    is_relay: bool,
    /// From the neighbour table, where the device is named by its IP address.
    mac: Option<Mac>,
    /// The name that it was given by hand.
    alias: Option<Box<str>>,
}

/// What is known of one device.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Profile {
    identity: Arc<Identity>,
    /// Made with the first claim: an invented sender has none.
    facts: Option<Box<Facts>>,
    is_stale: bool,
    /// The payload examined last, and in which second: a repeated one is examined once a second.
    looked_into: Option<(u64, u64)>,
}

impl Profile {
    /// A device known only by its sender.
    pub(in crate::engine) fn new(sender: Sender, local: &Local) -> Self {
        let is_local = local.contains(sender, None);
        let (identity, facts) = match sender {
            Sender::Mac(mac) => {
                let vendor = vendor::lookup(mac);
                (Identity { vendor, local: is_local, ..Identity::default() }, None)
            }
            Sender::Ip(ip) => {
                let facts = Facts { address: Some(ip), ..Facts::default() };
                let address = Some(Address::Ip(ip));
                let addresses = vec![ip];
                let identity =
                    Identity { addresses, address, local: is_local, ..Identity::default() };
                (identity, Some(Box::new(facts)))
            }
        };
        Self { identity: Arc::new(identity), facts, is_stale: false, looked_into: None }
    }

    /// What is shown.
    pub(in crate::engine) const fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Whether a payload with this hash must be examined in this second.
    pub(in crate::engine) fn looks_into(&mut self, payload: u64, now: Time) -> bool {
        let this = Some((payload, now.second()));
        std::mem::replace(&mut self.looked_into, this) != this
    }

    /// Keeps the name from now on, if there is one: while the device is in a rename loop or name
    /// conflict each new name would make a new series.
    pub(in crate::engine) fn keep_name(&mut self, keeps: bool) {
        if let Some(facts) = &mut self.facts {
            facts.keeps_name = keeps;
        }
    }

    /// Hears one claim. [`Self::settle`] makes it visible.
    pub(in crate::engine) fn hear(&mut self, now: Time, claim: Claim<'_>) {
        let facts = self.facts.get_or_insert_default();
        self.is_stale |= match claim {
            Claim::Address(ip) => facts.hear_address(now, ip),
            Claim::HostName(name) => facts.hear_name(now, name, Source::Host),
            Claim::LeaseName(name) => facts.hear_name(now, name, Source::Lease),
            Claim::NetbiosName(ip, name) => {
                facts.is_own(ip) && facts.hear_name(now, name, Source::Netbios)
            }
            Claim::Model(model) => facts.hear_model(now, model, true),
            Claim::LikelyModel(model) => !facts.passes_on && facts.hear_model(now, model, false),
            Claim::Evidence(evidence) => facts.found.insert(evidence),
            Claim::Offer(evidence) => facts.offered.insert(evidence),
            Claim::EvidenceOf(ip, evidence) => facts.is_own(ip) && facts.found.insert(evidence),
            Claim::LikelyEvidence(evidence) => !facts.passes_on && facts.likely.insert(evidence),
            Claim::Other(name, ip) => facts.hear_other(name, ip),
        };
    }

    /// Learns the MAC of a device that is named by its IP address `sender`.
    pub(in crate::engine) fn learn_mac(&mut self, sender: Sender, mac: Mac, local: &Local) {
        let facts = self.facts.get_or_insert_default();
        if facts.mac == Some(mac) {
            return;
        }
        facts.mac = Some(mac);
        let identity = Arc::make_mut(&mut self.identity);
        identity.vendor = vendor::lookup(mac);
        identity.local = local.contains(sender, Some(mac));
        self.is_stale = true;
        self.settle();
    }

    /// Sets whether it is one of this machine's own, by what is known of that now.
    pub(in crate::engine) fn set_local(&mut self, sender: Sender, local: &Local) {
        let is_local = local.contains(sender, self.facts.as_ref().and_then(|facts| facts.mac));
        if self.identity.local != is_local {
            Arc::make_mut(&mut self.identity).local = is_local;
        }
    }

    /// Names it by hand, or no longer: such a name comes before all that it says itself.
    pub(in crate::engine) fn set_alias(&mut self, alias: Option<&str>) {
        let alias = alias.map(clean).filter(|alias| !alias.is_empty());
        let known = self.facts.as_ref().and_then(|facts| facts.alias.as_ref());
        if known != alias.as_ref() {
            self.facts.get_or_insert_default().alias = alias;
            self.is_stale = true;
            self.settle();
        }
    }

    /// Sets whether it speaks for others. If it does, what its multicast DNS said is dropped; the
    /// caller passes no more such claims.
    pub(in crate::engine) fn set_relay(&mut self, is_relay: bool) {
        if self.facts.as_ref().is_some_and(|facts| facts.is_relay) == is_relay {
            return;
        }
        let facts = self.facts.get_or_insert_default();
        facts.is_relay = is_relay;
        if is_relay {
            facts.name.take_if(|name| name.source == Source::Host);
            facts.model = None;
            facts.offered = Found::default();
            facts.likely = Found::default();
        }
        self.is_stale = true;
    }

    /// Rebuilds the identity if a claim changed it.
    pub(in crate::engine) fn settle(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let Some(facts) = &self.facts else { return };
        let model = facts.model.as_ref().map(|model| &model.text);
        let name = facts.name.as_ref().filter(|_| !facts.is_repeater).map(|name| &name.text);
        let category = if facts.is_relay {
            Category::Relay
        } else if facts.is_repeater {
            Category::Repeater
        } else {
            let found = facts.found.union(facts.offered).union(facts.likely);
            decide(found, model.map(AsRef::as_ref), name.map(AsRef::as_ref))
        };
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
            name: facts.alias.as_ref().or(name).cloned(),
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
        self.addresses.insert(place, View { ip, at: now });
        let lately = |heard: &&View| heard.ip.is_ipv4() && now.since(heard.at) < NAME_KEPT;
        self.is_repeater |= self.addresses.iter().filter(lately).count() > REPEATER_OVER;
        self.choose_address(now, ip);
        true
    }

    /// Drops the address not heard for longest, if that is 10 min; else an IPv6 address for an IPv4
    /// one. Returns whether there is space now.
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
            Some(_) if self.keeps_name => false,
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

    fn hear_model(&mut self, now: Time, text: &str, is_sure: bool) -> bool {
        if let Some(model) = &mut self.model {
            if *model.text == *text {
                model.is_sure |= is_sure;
                return false;
            }
            let is_less_sure = model.is_sure && !is_sure;
            let is_due = now.since(model.set) >= NAME_KEPT || (is_sure && !model.is_sure);
            if is_less_sure || !is_due {
                return false;
            }
        }
        let text = clean(text);
        if text.is_empty() {
            return false;
        }
        let is_new = self.model.as_ref().is_none_or(|model| model.text != text);
        self.model = Some(Model { text, is_sure, set: now });
        is_new
    }

    /// Whether an address is known to be its own.
    fn is_own(&self, ip: IpAddr) -> bool {
        self.address == Some(ip) || self.addresses.iter().any(|heard| heard.ip == ip)
    }

    /// Takes back what rests on messages that do not say whose they are, if the device is heard
    /// to pass on what others say.
    fn hear_other(&mut self, name: &str, ip: IpAddr) -> bool {
        let own = self.name.as_ref().filter(|own| own.source == Source::Host);
        let is_own = own.is_some_and(|own| own.text.eq_ignore_ascii_case(&clean(name)));
        if self.passes_on || is_own || self.is_own(ip) {
            return false;
        }
        self.passes_on = true;
        self.likely = Found::default();
        self.model.take_if(|model| !model.is_sure);
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

/// Directional marks and overrides, and zero-width characters.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
