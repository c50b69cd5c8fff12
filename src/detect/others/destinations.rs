//! Messages to a group that is not their protocol's: rule and condition `wrong_group`.
//!
//! Nobody joins such a group, so nobody hears what is sent there (systemd#2366: mDNS to
//! `ff02::1:fb`). Judged by the destination port, of datagrams to a multicast address: what is
//! broadcast, or sent to one host, is another matter. Three in 60 s of one source to one group
//! are the condition: a destination that was damaged on its way differs each time.

use super::requests::is_settled;
use crate::decode::Protocol;
use crate::decode::mdns::HashKey;
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::sender::SourceId;
use crate::detect::memory::table::Table;
use crate::detect::memory::tally::Tally;
use crate::detect::rule::Rule;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Offence, View};
use crate::time::Time;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long it is remembered that something went to a wrong group.
const MEMORY: Duration = Duration::from_mins(1);

/// What one source sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    last: Time,
    tally: Tally<1>,
}

/// Who sent something to which wrong group and port, and when. At most 256 of them, 24 KiB.
#[derive(Debug)]
pub(crate) struct Destinations {
    sources: Table<(SourceId, SocketAddr), Sent, 32>,
}

impl Destinations {
    /// Nothing was heard yet. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { sources: Table::new(key, MEMORY) }
    }

    /// What is promised of copies of the frame that was just heard.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { sources } = self;
        let Some(destination) = wrong(view) else { return Some(steady) };
        let sent = sources.get(view.now, (view.source, destination))?;
        is_settled(view, Condition::WrongGroup, &sent.tally).then_some(steady)
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        let Some(destination) = wrong(view) else { return };
        if let Some(sent) = self.sources.peek_mut((view.source, destination)) {
            sent.tally.skip(copies);
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(destination) = wrong(view) else { return };
        let now = view.now;
        let new = || Sent { last: now, tally: Tally::default() };
        let place = self.sources.entry(now, (view.source, destination), new);
        let sent = place.value;
        let gap = (!place.is_new).then(|| now.since(sent.last));
        sent.last = now;
        sent.tally.count(now);
        findings.offend(Offence { rule: Rule::WrongGroup, subject: None, gap });
        if view.limits.is_exceeded(Condition::WrongGroup, sent.tally.total()) {
            findings.show(Evidence::of(Condition::WrongGroup, About::Destination(destination)));
        }
    }
}

/// The group and port that a datagram goes to, if it may not.
fn wrong(view: &View<'_>) -> Option<SocketAddr> {
    let (ip, udp) = view.observation.ip.zip(view.observation.udp)?;
    let port = udp.destination_port;
    let is_wrong = !is_right(port, view.protocol, ip.destination);
    is_wrong.then(|| SocketAddr::new(ip.destination, port))
}

/// Whether a datagram to `port` may go to `group`; whatever goes to no group may.
fn is_right(port: u16, protocol: Protocol, group: IpAddr) -> bool {
    if !group.is_multicast() {
        return true;
    }
    match (port, protocol) {
        // RFC 6762 section 3; its group has a number in every scope.
        (5353, Protocol::Mdns) => is_group(group, Ipv4Addr::new(224, 0, 0, 251), 0xfb),
        // RFC 4795 section 2 has the link's scope only.
        (5355, Protocol::Llmnr) => {
            group == IpAddr::V4(Ipv4Addr::new(224, 0, 0, 252))
                || group == IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3))
        }
        // UPnP Device Architecture 2.0 section 1, WS-Discovery 1.1 section 2.4.
        (1900, Protocol::Ssdp) | (3702, Protocol::Wsd) => {
            is_group(group, Ipv4Addr::new(239, 255, 255, 250), 0xc)
        }
        _ => true,
    }
}

/// Whether it is `v4`, or `ff0X::v6` with any scope X.
fn is_group(group: IpAddr, v4: Ipv4Addr, v6: u16) -> bool {
    match group {
        IpAddr::V4(group) => group == v4,
        IpAddr::V6(group) => {
            let [first, rest @ .., last] = group.segments();
            first & 0xfff0 == 0xff00 && rest == [0; 6] && last == v6
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_groups() {
        for (port, protocol, group, expected) in [
            (5353, Protocol::Mdns, "224.0.0.251", true),
            (5353, Protocol::Mdns, "ff02::fb", true),
            (5353, Protocol::Mdns, "ff05::fb", true),
            (5353, Protocol::Mdns, "ff02::1:fb", false),
            (5353, Protocol::Mdns, "ff12::fb", false),
            (5353, Protocol::Mdns, "224.0.0.252", false),
            (5353, Protocol::Mdns, "224.0.0.1", false),
            (5353, Protocol::Mdns, "255.255.255.255", true),
            (5353, Protocol::Mdns, "10.0.0.1", true),
            (5355, Protocol::Llmnr, "224.0.0.252", true),
            (5355, Protocol::Llmnr, "ff02::1:3", true),
            (5355, Protocol::Llmnr, "224.0.0.251", false),
            (5355, Protocol::Llmnr, "ff05::1:3", false),
            (1900, Protocol::Ssdp, "239.255.255.250", true),
            (1900, Protocol::Ssdp, "ff02::c", true),
            (1900, Protocol::Ssdp, "ff05::c", true),
            (1900, Protocol::Ssdp, "239.255.255.251", false),
            (1900, Protocol::Ssdp, "255.255.255.255", true),
            (3702, Protocol::Wsd, "239.255.255.250", true),
            (3702, Protocol::Wsd, "ff02::c", true),
            (3702, Protocol::Wsd, "ff02::fb", false),
            // The protocol is told by the source port: the other one has a group of its own.
            (7900, Protocol::Ssdp, "239.255.255.246", true),
        ] {
            let group = group.parse().expect("an address");
            assert_eq!(is_right(port, protocol, group), expected, "{port} to {group}");
        }
    }

    #[test]
    fn memory_has_a_bound() {
        assert_eq!(Table::<(SourceId, u16), Sent, 32>::BYTES_MAX, 24 << 10);
    }
}
