//! Causes that the protocol of a frame is enough to tell.

use super::cause::Cause;
use super::heard::Findings;
use crate::decode::Protocol;

/// Marks a frame with the cause that its protocol stands for, if it does.
pub(super) const fn by_protocol(protocol: Protocol, findings: &mut Findings) {
    let cause = match protocol {
        Protocol::Dhcp => Cause::DhcpFlood,
        Protocol::Igmp | Protocol::Mld => Cause::MembershipFlood,
        Protocol::OtherMulticast => Cause::Stream,
        Protocol::Mdns
        | Protocol::MdnsUnicast
        | Protocol::Ssdp
        | Protocol::Llmnr
        | Protocol::Wsd
        | Protocol::Netbios
        | Protocol::Arp
        | Protocol::Nd
        | Protocol::OtherBroadcast => return,
    };
    findings.mark(cause);
}

#[cfg(test)]
mod tests;
