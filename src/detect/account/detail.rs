//! What a frame of a storm is about, in a few words: the name, the address or the destination that
//! is told of the storm beside its cause.
//!
//! A detector that marks a frame may say what about; else it is what a condition of the same name is
//! about, else what the frame itself is about.

use super::conditions::written;
use crate::decode::{Message, Protocol};
use crate::detect::cause::Cause;
use crate::detect::condition::About;
use crate::detect::view::{Findings, View};
use std::net::SocketAddr;

/// What the frame is about, if it is one of `cause`: at most 63 characters, none of them a control
/// character.
pub(crate) fn of_frame(view: &View<'_>, findings: &Findings, cause: Cause) -> Option<Box<str>> {
    let is_any = cause == Cause::Unclassified;
    if !is_any && !findings.signatures().contains(cause) {
        return None;
    }
    let same = findings.evidence().iter().find(|e| e.condition.label() == cause.label());
    let about = findings
        .about(cause)
        .or_else(|| same.and_then(|evidence| evidence.about))
        .or_else(|| by_itself(view, cause))?;
    let text = written(view, about);
    (!text.is_empty()).then(|| text.into())
}

/// What the frame is about, whatever was found in it.
fn by_itself(view: &View<'_>, cause: Cause) -> Option<About> {
    let observation = view.observation;
    match cause {
        // Nobody's, or each is about another.
        Cause::L2Loop | Cause::AddressScan | Cause::AddressRepeat | Cause::MembershipFlood => None,
        Cause::RouterAdvertisements => observation.ip.map(|ip| About::Address(ip.source)),
        Cause::DhcpFlood => match &observation.message {
            Message::Dhcp(message) => message.client.map(About::Client),
            Message::Dhcpv6(message) => message.client_mac().map(About::Client),
            _ => None,
        },
        Cause::Reflection
        | Cause::NameConflict
        | Cause::RenameLoop
        | Cause::ProbeLoop
        | Cause::PingPong
        | Cause::Answering
        | Cause::GoodbyeFlapping
        | Cause::RecordChurn
        | Cause::RepeatedResponse
        | Cause::QueryFlood
        | Cause::DiscoveryFlood
        | Cause::Stream
        | Cause::Unclassified => match view.protocol {
            Protocol::Mdns | Protocol::MdnsUnicast => name(view),
            _ => destination(view),
        },
    }
}

/// The first name of an mDNS message: of its questions, else of its records.
fn name(view: &View<'_>) -> Option<About> {
    let digest = view.mdns?.digest;
    let question = digest.questions.first().map(|question| question.at);
    let at = question.or_else(|| digest.records.first().map(|record| record.at))?;
    Some(About::Name(at))
}

fn destination(view: &View<'_>) -> Option<About> {
    let (ip, udp) = view.observation.ip.zip(view.observation.udp)?;
    Some(About::Destination(SocketAddr::new(ip.destination, udp.destination_port)))
}
