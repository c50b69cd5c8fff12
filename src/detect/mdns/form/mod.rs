//! Rules that one mDNS message keeps or breaks by itself.
//!
//! Which rules apply to a message depends on its [`Sort`]. A message is not judged if it is neither
//! clearly mDNS nor sent between two ports 5353.
//!
//! | file | judges |
//! |---|---|
//! | `packet` | ports, TTL, size: how the message came |
//! | `header` | the header's bits and counts |
//! | `records` | each record |
//! | `addresses` | where the addresses in records belong |
//!
//! If a message was cut, only the header and the records that are there are judged. If it could not
//! be walked to its end, only the header is.

mod addresses;
mod header;
mod packet;
mod records;

use crate::decode::mdns::{Header, PayloadHash};
use crate::detect::rule::Rule;
use crate::detect::view::{Findings, Mdns, Offence, Subject, View};
use std::net::{IpAddr, Ipv4Addr};

/// The port of mDNS.
const PORT: u16 = 5353;

/// Which rules apply to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// To a group, from any port.
    MulticastResponse,
    /// To one host, from port 5353 to 5353: the answer to a question with the QU bit, or to one
    /// that came by unicast.
    UnicastResponse,
    /// To a group from port 5353.
    MulticastQuery,
    /// To one host, from port 5353 to 5353.
    UnicastQuery,
}

impl Sort {
    /// The sort of a message; `None` if it is not judged. Legacy queries come from another port
    /// and their answers go there (RFC 6762 section 6.7). Port 5353 is also one that a resolver
    /// may choose at random, so what was not sent to a group has to look like mDNS.
    fn of(view: &View<'_>, mdns: &Mdns<'_>, header: Header) -> Option<Self> {
        if mdns.datagram.destination_port != PORT {
            return None;
        }
        let is_from_port = mdns.is_from_mdns_port();
        if view.multicast_mdns().is_some() {
            return match (header.is_response(), is_from_port) {
                (true, _) => Some(Self::MulticastResponse),
                (false, true) => Some(Self::MulticastQuery),
                (false, false) => None,
            };
        }
        // A device that goes to sleep registers with a sleep proxy by DNS updates to port 5353.
        if !is_from_port || mdns.digest.malformed.is_some() || header.opcode() == UPDATE {
            return None;
        }
        Some(if header.is_response() { Self::UnicastResponse } else { Self::UnicastQuery })
    }

    const fn is_response(self) -> bool {
        match self {
            Self::MulticastResponse | Self::UnicastResponse => true,
            Self::MulticastQuery | Self::UnicastQuery => false,
        }
    }
}

/// DNS UPDATE (RFC 2136 section 1.3).
const UPDATE: u8 = 5;

/// Payloads whose verdict is kept.
const KEPT: usize = 16;

/// What one payload breaks, wherever it comes from.
#[derive(Clone, Debug, Default)]
struct PayloadVerdict {
    /// The payload and its sort: `None` before the first.
    of: Option<(PayloadHash, Sort)>,
    /// Some 50 at most: records keep a few of each rule.
    offences: Vec<(Rule, Option<Subject>)>,
    /// Records whose address is to be looked at, by their place.
    addresses: u128,
}

/// Judges messages. Remembers its verdicts on the last 16 payloads, about 200 bytes each: a storm
/// is one payload again and again.
#[derive(Debug)]
pub(crate) struct MessageForm {
    /// By the low bits of the payload's hash.
    kept: [PayloadVerdict; KEPT],
    /// On the last payload that was cut.
    passing: PayloadVerdict,
}

impl MessageForm {
    /// A judge without a memory yet.
    pub(crate) fn new() -> Self {
        Self { kept: Default::default(), passing: PayloadVerdict::default() }
    }

    /// Judges one frame. `v4` is the address from which the device last sent mDNS over IPv4.
    pub(crate) fn handle(
        &mut self,
        view: &View<'_>,
        v4: Option<&mut Option<Ipv4Addr>>,
        findings: &mut Findings,
    ) {
        let Some(mdns) = &view.mdns else { return };
        let Some(header) = mdns.datagram.header else { return };
        let Some(sort) = Sort::of(view, mdns, header) else {
            packet::judge_stranger(view, mdns, header, findings);
            return;
        };
        packet::judge(view, mdns, sort, findings);
        // The same octets are not the same message where some were cut off.
        let verdict = if mdns.datagram.complete {
            #[allow(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
            let place = mdns.payload.0 as usize % KEPT;
            &mut self.kept[place]
        } else {
            &mut self.passing
        };
        if verdict.of != Some((mdns.payload, sort)) {
            verdict.of = Some((mdns.payload, sort));
            verdict.offences.clear();
            header::judge(mdns, header, sort, &mut verdict.offences);
            verdict.addresses = records::judge(mdns, sort, &mut verdict.offences);
        }
        for &(rule, subject) in &verdict.offences {
            findings.offend(Offence { rule, subject, gap: None });
        }
        let source = view.observation.ip.map(|ip| ip.source);
        let home = match (source, v4) {
            (Some(IpAddr::V4(source)), Some(v4)) => {
                *v4 = Some(source);
                Some(source)
            }
            (Some(IpAddr::V4(source)), None) => Some(source),
            (_, Some(v4)) => *v4,
            (_, None) => None,
        };
        if verdict.addresses != 0 {
            addresses::judge(mdns, view.vantage, home, verdict.addresses, findings);
        }
    }
}

/// A rule that is broken by the message, not by one of its questions or records.
const fn plain(rule: Rule) -> Offence {
    Offence { rule, subject: None, gap: None }
}
