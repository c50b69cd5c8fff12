//! Where the addresses in a response belong (RFC 6762 section 6.2: a host announces on a link the
//! addresses that are valid there).
//!
//! A healthy LAN may have several subnets on one link, several IPv6 prefixes, and a capture knows
//! none of them. So an address is foreign
//!
//! - always, if no host on any link can have it: unspecified, loopback, multicast, reserved, or
//!   an IPv4 address written as IPv6;
//! - live, if it is IPv4 and in none of the interface's own subnets, unless it is the sender's own
//!   or the sender itself is from outside them and the address beside it, in the same /24;
//! - where no subnet is known (in files, and on interfaces without an IPv4 address), if it is IPv4
//!   and not in the same /16 as the sender.
//!
//! Link-local addresses belong everywhere. Over IPv6 the sender is known by the IPv4 address from
//! which it last sent mDNS; without one, only what is always foreign counts as foreign.

use super::{Findings, Mdns, Offence, Rule, Subject};
use crate::decode::mdns::address_at;
use crate::detect::view::Vantage;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Foreign addresses that are looked for in a message.
const MAX: usize = 8;

/// Judges the addresses in the records at `places`. `home` is the sender's IPv4 address.
pub(super) fn judge(
    mdns: &Mdns<'_>,
    vantage: &Vantage,
    home: Option<Ipv4Addr>,
    places: u128,
    findings: &mut Findings,
) {
    let mut found = 0;
    let mut rest = places;
    while rest != 0 && found < MAX {
        let place = rest.trailing_zeros();
        rest &= rest - 1;
        let record = mdns.digest.records.get(place as usize);
        let address = record.and_then(|record| address_at(mdns.datagram.payload, record));
        let is_foreign = match address {
            Some(IpAddr::V4(address)) => is_foreign(address, vantage, home),
            Some(IpAddr::V6(address)) => is_nowhere(address),
            None => false,
        };
        if is_foreign {
            found += 1;
            let subject = u8::try_from(place).ok().map(Subject::Record);
            findings.offend(Offence { rule: Rule::ForeignAddress, subject, gap: None });
        }
    }
}

/// Whether an IPv4 address does not belong on the link.
fn is_foreign(address: Ipv4Addr, vantage: &Vantage, home: Option<Ipv4Addr>) -> bool {
    let [first, ..] = address.octets();
    // This network, loopback, multicast, reserved, broadcast (RFC 6890).
    if matches!(first, 0 | 127 | 224..) {
        return true;
    }
    if address.is_link_local() || home == Some(address) {
        return false;
    }
    // 0.0.0.0 says nothing, nor does a link-local source of what else is on the link.
    let home = home.filter(|home| !home.is_unspecified() && !home.is_link_local());
    let subnets = vantage.subnets.iter().filter_map(|&(ip, length)| match ip {
        IpAddr::V4(ip) if !ip.is_link_local() => Some((ip, length)),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    });
    let Some(home) = home else { return false };
    if subnets.clone().next().is_none() {
        return !is_in(address, home, 16);
    }
    let is_on_link = |ip| subnets.clone().any(|(own, length)| is_in(ip, own, length));
    !is_on_link(address) && (is_on_link(home) || !is_in(address, home, 24))
}

/// Whether both have the same first bits.
fn is_in(address: Ipv4Addr, subnet: Ipv4Addr, length: u8) -> bool {
    let host_bits = 32_u32.saturating_sub(length.into());
    let differ = address.to_bits() ^ subnet.to_bits();
    differ.checked_shr(host_bits).unwrap_or(0) == 0
}

/// Whether an IPv6 address belongs on no link (RFC 6890, RFC 4291 section 2.5.5).
const fn is_nowhere(address: Ipv6Addr) -> bool {
    let is_v4 = matches!(address.segments(), [0, 0, 0, 0, 0, 0 | 0xffff, _, _]);
    address.is_multicast() || is_v4
}
