//! Who a device is, kept so that the values of the info metric do not change all the time.
//!
//! Every [`Claim`] that comes here is already checked to be the device's own word about itself;
//! where it comes from is not known here. The shared [`Identity`] is rebuilt only when it changes.

use super::addresses::{Addresses, Certainty};
use super::category::{Evidence, Found, decide};
use super::contest::Subject;
use super::vendor;
use crate::decode::Sender;
use crate::decode::mdns::NameHash;
use crate::detect::steady::Steady;
use crate::engine::Local;
use crate::engine::snapshot::{Address, Category, Identity};
use crate::mac::Mac;
use crate::time::Time;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A name or a model is replaced at most this often.
const NAME_KEPT: Duration = Duration::from_hours(1);
/// Characters of a string.
const LENGTH: usize = 64;
/// Further addresses kept of the host that it says it is.
const HOST_ADDRESSES: usize = 8;
/// Who hands out addresses to so many clients does it for a network; a device that is being set up
/// does it for the one phone that sets it up.
const CLIENTS: usize = 3;

/// One thing that a device says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Claim<'a> {
    /// An address of its own.
    Address(IpAddr),
    /// An address that is its own unless the frame was routed.
    LikelyAddress(IpAddr),
    /// The source of a frame that may have been routed.
    Source(IpAddr),
    /// A further address of the host whose name it has.
    HostAddress(IpAddr),
    /// It gave a client an address.
    Leased(Mac),
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

/// A name with its history.
#[derive(Clone, Debug)]
struct Name {
    text: Box<str>,
    source: Source,
    set: Time,
    /// What it is called where claims are compared; `None` until it is known.
    key: Option<NameHash>,
    /// Whether another device claims it too.
    is_contested: bool,
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
    addresses: Addresses,
    /// What its messages say are addresses of the same host, the latest first.
    host_addresses: Vec<IpAddr>,
    /// Clients that it gave an address.
    clients: Vec<Mac>,
    name: Option<Name>,
    model: Option<Model>,
    found: Found,
    /// From its own multicast DNS.
    offered: Found,
    /// From messages that do not say whose they are.
    likely: Found,
    /// Whether it was heard to pass on what others say, as reflectors and sleep proxies do.
    passes_on: bool,
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
                let facts = Facts { addresses: Addresses::of(ip), ..Facts::default() };
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
            Claim::Address(ip) => facts.addresses.hear(now, ip),
            Claim::LikelyAddress(ip) => facts.addresses.hear_likely(now, ip),
            Claim::Source(ip) => facts.addresses.hear_source(now, ip),
            Claim::HostAddress(ip) => facts.hear_host_address(ip),
            Claim::Leased(client) => facts.lease(client),
            Claim::HostName(name) => facts.hear_name(now, name, Source::Host),
            Claim::LeaseName(name) => facts.hear_name(now, name, Source::Lease),
            Claim::NetbiosName(ip, name) => {
                facts.addresses.is_own(ip) && facts.hear_name(now, name, Source::Netbios)
            }
            Claim::Model(model) => facts.hear_model(now, model, true),
            Claim::LikelyModel(model) => !facts.passes_on && facts.hear_model(now, model, false),
            Claim::Evidence(evidence) => facts.found.insert(evidence),
            Claim::Offer(evidence) => facts.offered.insert(evidence),
            Claim::EvidenceOf(ip, evidence) => {
                facts.addresses.is_own(ip) && facts.found.insert(evidence)
            }
            Claim::LikelyEvidence(evidence) => !facts.passes_on && facts.likely.insert(evidence),
            Claim::Other(name, ip) => facts.hear_other(name, ip),
        };
    }

    /// What is promised of copies of a frame that makes `claim`, which was just heard.
    pub(super) fn steady(&self, now: Time, claim: Claim<'_>, steady: Steady) -> Option<Steady> {
        match claim {
            Claim::Address(ip) => self.facts.as_ref()?.addresses.steady(now, (ip, true), steady),
            Claim::LikelyAddress(ip) | Claim::Source(ip) => {
                self.facts.as_ref()?.addresses.steady(now, (ip, false), steady)
            }
            // What was found is found.
            Claim::Evidence(_) | Claim::EvidenceOf(..) => Some(steady),
            Claim::HostAddress(_)
            | Claim::Leased(_)
            | Claim::HostName(_)
            | Claim::LeaseName(_)
            | Claim::NetbiosName(..)
            | Claim::Model(_)
            | Claim::Offer(_)
            | Claim::LikelyModel(_)
            | Claim::LikelyEvidence(_)
            | Claim::Other(..) => None,
        }
    }

    /// Whether an address was heard in this second already.
    pub(super) fn heard_address(&self, now: Time, ip: IpAddr) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.addresses.was_heard(now, ip))
    }

    /// How well an address is known to be its own.
    pub(super) fn certainty(&self, ip: IpAddr) -> Option<Certainty> {
        self.facts.as_ref()?.addresses.certainty(ip)
    }

    /// Whether an address is known to be its own, and its alone.
    pub(super) fn is_own(&self, ip: IpAddr) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.addresses.is_own(ip))
    }

    /// Sets what the name that was heard just now is called where claims are compared, if it became
    /// the device's name.
    pub(super) fn set_name_key(&mut self, key: NameHash) {
        let facts = self.facts.as_mut();
        if let Some(name) = facts.and_then(|facts| facts.name.as_mut()) {
            name.key.get_or_insert(key);
        }
    }

    /// Sets whether another device claims `subject` too. [`Self::settle`] makes it visible.
    pub(in crate::engine) fn contest(&mut self, subject: Subject, is_contested: bool) {
        let Some(facts) = &mut self.facts else { return };
        self.is_stale |= match (subject, &mut facts.name) {
            (Subject::Address(ip), _) => facts.addresses.contest(ip, is_contested),
            (Subject::Name(key), Some(name)) if name.key == Some(key) => {
                std::mem::replace(&mut name.is_contested, is_contested) != is_contested
            }
            (Subject::Name(_), _) => false,
        };
    }

    /// Whether it says that the host that it is has an address that is `other`'s own, too.
    fn is_host_of(&self, other: &Self) -> bool {
        let Some(facts) = &self.facts else { return false };
        facts.host_addresses.iter().any(|ip| other.is_own(*ip))
    }

    /// Whether two devices are one host with two network cards, by the word of both: each says that
    /// an address of the other is the host's too. An attacker can say that, but who is attacked
    /// does not.
    pub(in crate::engine) fn is_one_host(&self, other: &Self) -> bool {
        self.is_host_of(other) && other.is_host_of(self)
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
        let is_repeater = facts.addresses.is_repeater();
        let named = facts.name.as_ref().filter(|_| !is_repeater);
        let name = named.filter(|name| !name.is_contested).map(|name| &name.text);
        let contested = facts.addresses.contested().map(|ip| ip.to_string().into());
        let contested =
            contested.chain(named.filter(|name| name.is_contested).map(|name| name.text.clone()));
        let category = if facts.is_relay {
            Category::Relay
        } else if is_repeater {
            Category::Repeater
        } else {
            let found = facts.found.union(facts.offered).union(facts.likely);
            // What it is called tells what it is, whoever else is called so.
            let called = named.map(|name| &*name.text);
            decide(found, model.map(AsRef::as_ref), called)
        };
        let identity = Identity {
            addresses: facts.addresses.all(),
            address: match facts.mac {
                Some(mac) => Some(Address::Mac(mac)),
                None => facts.addresses.shown().map(Address::Ip),
            },
            contested: contested.collect(),
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
    fn hear_host_address(&mut self, ip: IpAddr) -> bool {
        let there = self.host_addresses.iter().position(|there| *there == ip);
        if let Some(place) = there {
            self.host_addresses[..=place].rotate_right(1);
        } else {
            self.host_addresses.truncate(HOST_ADDRESSES - 1);
            self.host_addresses.insert(0, ip);
        }
        false
    }

    fn lease(&mut self, client: Mac) -> bool {
        if self.clients.len() < CLIENTS && !self.clients.contains(&client) {
            self.clients.push(client);
        }
        self.clients.len() == CLIENTS && self.found.insert(Evidence::Leases)
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
        let (key, is_contested) = (None, false);
        self.name = Some(Name { text, source, set: now, key, is_contested });
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

    /// Takes back what rests on messages that do not say whose they are, if the device is heard
    /// to pass on what others say.
    fn hear_other(&mut self, name: &str, ip: IpAddr) -> bool {
        let own = self.name.as_ref().filter(|own| own.source == Source::Host);
        let is_own = own.is_some_and(|own| own.text.eq_ignore_ascii_case(&clean(name)));
        if self.passes_on || is_own || self.addresses.is_own(ip) {
            return false;
        }
        self.passes_on = true;
        self.likely = Found::default();
        self.model.take_if(|model| !model.is_sure);
        true
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
