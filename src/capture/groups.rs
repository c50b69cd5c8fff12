//! The well-known groups of service discovery on a link: those that the `socket` backend listens
//! to, and those that are joined. Knows no socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// mDNS, RFC 6762.
const MDNS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const MDNS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// LLMNR, RFC 4795.
const LLMNR_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 252);
const LLMNR_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
/// SSDP (`UPnP` Device Architecture) and WS-Discovery share these.
const SSDP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const SSDP_V6_LINK: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);
const SSDP_V6_SITE: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xc);

/// The groups that snooping switches withhold unless somebody joins.
pub(crate) const JOINED: [IpAddr; 7] = [
    IpAddr::V4(MDNS_V4),
    IpAddr::V4(LLMNR_V4),
    IpAddr::V4(SSDP_V4),
    IpAddr::V6(MDNS_V6),
    IpAddr::V6(SSDP_V6_LINK),
    IpAddr::V6(SSDP_V6_SITE),
    IpAddr::V6(LLMNR_V6),
];

/// A group and the UDP port that its members listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listened {
    /// The group.
    pub group: IpAddr,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Listened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&std::net::SocketAddr::new(self.group, self.port), f)
    }
}

/// What the `socket` backend listens to.
pub(crate) const LISTENED: [Listened; 9] = [
    Listened { group: IpAddr::V4(MDNS_V4), port: 5353 },
    Listened { group: IpAddr::V6(MDNS_V6), port: 5353 },
    Listened { group: IpAddr::V4(SSDP_V4), port: 1900 },
    Listened { group: IpAddr::V6(SSDP_V6_LINK), port: 1900 },
    Listened { group: IpAddr::V6(SSDP_V6_SITE), port: 1900 },
    Listened { group: IpAddr::V4(LLMNR_V4), port: 5355 },
    Listened { group: IpAddr::V6(LLMNR_V6), port: 5355 },
    Listened { group: IpAddr::V4(SSDP_V4), port: 3702 },
    Listened { group: IpAddr::V6(SSDP_V6_LINK), port: 3702 },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_multicast_and_what_is_listened_to_is_joined() {
        assert!(JOINED.iter().all(IpAddr::is_multicast));
        assert!(LISTENED.iter().all(|listened| JOINED.contains(&listened.group)));
        assert_eq!(LISTENED[1].to_string(), "[ff02::fb]:5353");
    }
}
