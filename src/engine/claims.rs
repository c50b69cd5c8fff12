//! What a frame proves about its sender. Only what cannot be another's counts: frames are
//! forwarded, reflected and answered for others all the time.
//!
//! Comes in: an observation, and the digest of its message. Goes out: [`Claim`]s.

use super::category;
use super::profile::Claim;
use crate::decode::mdns::{Digest, Hint};
use crate::decode::{Ip, Observation};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Hands every claim that `observation` makes to `hear`, but those of an mDNS message.
pub(super) fn of_frame(observation: &Observation<'_>, mut hear: impl FnMut(Claim<'_>)) {
    if let Some(ip) = own_source(observation) {
        hear(Claim::Address(ip));
    }
}

/// Hands every claim that an mDNS response makes to `hear`.
///
/// A host name counts if its address is the frame's own source. A response that names addresses
/// and none of them is the source's speaks for others (a reflector, a sleep proxy): nothing in it
/// counts.
pub(super) fn of_response(
    observation: &Observation<'_>,
    digest: &Digest,
    mut hear: impl FnMut(Claim<'_>),
) {
    let source = own_source(observation);
    let (mut names_hosts, mut names_itself) = (false, false);
    for hint in &digest.hints {
        let (name, ip): (_, IpAddr) = match hint {
            Hint::A(name, ip) => (name, (*ip).into()),
            Hint::Aaaa(name, ip) => (name, (*ip).into()),
            Hint::Service(_) | Hint::Model(_) => continue,
        };
        names_hosts = true;
        if source == Some(ip) {
            names_itself = true;
            hear(Claim::HostName(name));
        }
    }
    if names_hosts && !names_itself {
        return;
    }
    for hint in &digest.hints {
        match hint {
            Hint::Service(service) => {
                if let Some(evidence) = category::of_service(service) {
                    hear(Claim::Evidence(evidence));
                }
            }
            Hint::Model(model) => hear(Claim::Model(model)),
            Hint::A(..) | Hint::Aaaa(..) => {}
        }
    }
}

/// The source address of a frame, if no router can have put the frame on this link: its
/// destination is never forwarded, or its TTL is the highest, which one hop lowers.
fn own_source(observation: &Observation<'_>) -> Option<IpAddr> {
    let Ip { source, destination, ttl, .. } = observation.ip?;
    let stays_on_link = match destination {
        IpAddr::V4(ip) => ip.is_broadcast() || matches!(ip.octets(), [224, 0, 0, _]),
        // Scopes 1 and 2 (RFC 4291 section 2.7).
        IpAddr::V6(ip) => {
            ip.segments()[0] & 0xff0f == 0xff02 || ip.segments()[0] & 0xff0f == 0xff01
        }
    };
    let is_usable = match source {
        IpAddr::V4(ip) => is_host_v4(ip),
        IpAddr::V6(ip) => is_host_v6(ip),
    };
    (is_usable && (stays_on_link || ttl == 255)).then_some(source)
}

/// Whether an address can be a host's (not 0.0.0.0/8, loopback, multicast or broadcast).
fn is_host_v4(ip: Ipv4Addr) -> bool {
    ip.octets()[0] != 0 && !ip.is_loopback() && !ip.is_multicast() && !ip.is_broadcast()
}

const fn is_host_v6(ip: Ipv6Addr) -> bool {
    !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast()
}
