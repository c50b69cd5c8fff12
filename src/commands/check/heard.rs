//! Findings on what was heard, and on what should have been. Pure.

use super::summary::{Asking, Summary};
use crate::capture::Backend;
use crate::commands::finding::{Area, Finding, counted};
use crate::detect::AddressFamily;
use std::fmt::Write as _;
use std::time::Duration;

/// Without a query for this long there is no querier: twice the usual interval of 125 s and the
/// time for answers (RFC 3376 section 8.5, RFC 3810 section 9.5).
const QUERIER_GONE: Duration = Duration::from_secs(255);
/// VLANs that are named one by one.
const VLANS_SHOWN: usize = 16;
/// Queriers of one family that are named one by one.
const QUERIERS_SHOWN: usize = 4;

/// What is known of the interface, apart from what was heard.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Its name.
    pub interface: &'a str,
    /// How it was listened to.
    pub backend: Backend,
    /// How long it was listened to.
    pub listened: Duration,
    /// How long frames were counted: a capture ends up to a second after it was asked to.
    pub counted: Duration,
    /// Whether this machine has an IPv6 address on it.
    pub has_v6: bool,
    /// Frames that the kernel dropped, where that is known.
    pub dropped: Option<u64>,
    /// What ended the capture before its time.
    pub error: Option<&'a str>,
}

impl Facts<'_> {
    /// What the findings are about.
    pub(crate) fn area(&self) -> Area {
        Area::Heard(self.interface.to_owned())
    }

    fn seconds(&self) -> String {
        format!("{} s", self.listened.as_secs())
    }
}

/// What was heard, and what should have been but was not.
pub fn findings(facts: &Facts<'_>, heard: &Summary) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(error) = facts.error {
        findings.push(Finding::problem(facts.area(), format!("the capture ended: {error}")));
    }
    findings.push(devices(facts, heard));
    if heard.devices > 0 {
        findings.push(mdns(facts, heard));
    }
    if facts.backend.abilities().all_protocols {
        findings.extend(queriers(facts, heard));
    }
    findings.extend(vlans(facts, heard));
    if heard.converted > 0 {
        let text = format!(
            "{} came in unicast frames: an access point converts multicast for this machine alone",
            counted(heard.converted, "multicast frame")
        );
        findings.push(Finding::hint(facts.area(), text));
    }
    if let Some(dropped) = facts.dropped.filter(|dropped| *dropped > 0) {
        let text = format!("the kernel dropped {}", counted(dropped, "frame"));
        findings.push(Finding::hint(facts.area(), text).say(match facts.backend {
            Backend::Ring => "raise --capture.ring-size",
            Backend::Pnet | Backend::Socket | Backend::File | Backend::Demo => {
                "use the ring backend"
            }
        }));
    }
    findings
}

fn devices(facts: &Facts<'_>, heard: &Summary) -> Finding {
    let area = facts.area();
    if heard.devices > 0 {
        let least = if heard.is_least { "at least " } else { "" };
        let protocols: Vec<String> = heard
            .protocols()
            .into_iter()
            .map(|(protocol, frames)| format!("{} {frames}", protocol.label()))
            .collect();
        let mut text = format!("{least}{}", counted(heard.devices as u64, "other device"));
        if !protocols.is_empty() {
            text.push_str("; frames: ");
            text.push_str(&protocols.join(", "));
        }
        return Finding::ok(area, text);
    }
    let finding = if heard.frames == 0 {
        let text = format!("nothing in {}, not even from this machine", facts.seconds());
        Finding::hint(area, text)
    } else {
        let text = format!(
            "no other device in {}: {} from this machine only",
            facts.seconds(),
            counted(heard.frames, "frame")
        );
        Finding::hint(area, text)
    };
    let finding = match facts.backend {
        Backend::Socket => finding.say(
            "the socket backend hears what the firewall lets through: UDP to ports 5353, 1900, \
             5355 and 3702 must be allowed in",
        ),
        Backend::Ring | Backend::Pnet | Backend::File | Backend::Demo => finding,
    };
    finding.say(
        "is the cable in, and the port in the right VLAN? A NAT (container, virtual machine), \
         port isolation or Wi-Fi client isolation keeps other devices out",
    )
}

fn mdns(facts: &Facts<'_>, heard: &Summary) -> Finding {
    let area = facts.area();
    match heard.mdns {
        [true, true] => Finding::ok(area, "mDNS over IPv4 and IPv6"),
        [true, false] => {
            let finding = Finding::hint(area, "mDNS over IPv4 only");
            if facts.has_v6 {
                finding.say(
                    "perhaps no device uses it over IPv6; or a switch with MLD snooping withholds \
                     ff02::fb, for lack of a querier or of a join (see Interfaces)",
                )
            } else {
                finding.say(format!(
                    "this machine has no IPv6 address on {}, so switches with MLD snooping send \
                     it none: enable IPv6 there, a link-local address is enough",
                    facts.interface
                ))
            }
        }
        [false, true] => Finding::hint(area, "mDNS over IPv6 only").say(
            "perhaps no device uses it over IPv4; or an access point or switch withholds 224.0.0.251",
        ),
        [false, false] => {
            let text = format!("no mDNS from others in {}", facts.seconds());
            Finding::hint(area, text)
                .say(
                    "devices announce when they start and answer when asked; ask from another one:",
                )
                .run("avahi-browse --all --terminate")
        }
    }
}

fn queriers(facts: &Facts<'_>, heard: &Summary) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    for family in AddressFamily::ALL {
        let name = match family {
            AddressFamily::Ipv4 => "IGMP",
            AddressFamily::Ipv6 => "MLD",
        };
        let queriers = heard.queriers(family);
        if queriers.is_empty() {
            missing.push(name);
        }
        let shown = queriers.iter().take(QUERIERS_SHOWN);
        findings.extend(shown.map(|asking| Finding::ok(facts.area(), querier_text(name, asking))));
        if let Some(more) = queriers.len().checked_sub(QUERIERS_SHOWN).filter(|more| *more > 0) {
            let text = format!("and {}", counted(more as u64, &format!("more {name} querier")));
            findings.push(Finding::ok(facts.area(), text));
        }
    }
    if missing.is_empty() {
        return findings;
    }
    let text = format!("no {} query in {}", missing.join(" or "), facts.seconds());
    let finding = if facts.listened >= QUERIER_GONE {
        let text = format!("{text}, twice the usual interval of 125 s: there is no querier");
        Finding::hint(facts.area(), text)
    } else {
        let text = format!("{text}; the usual interval is 125 s, so this is a hint, not proof");
        Finding::hint(facts.area(), text)
            .say("to be sure, listen longer:")
            .run("multicast_exporter check --check.listen=260s")
    };
    findings.push(finding.say(
        "without a querier, switches that snoop forget who is in which group, and multicast stops \
         arriving after some minutes: enable the querier on the router or a switch",
    ));
    findings
}

fn querier_text(name: &str, asking: &Asking) -> String {
    let Asking { querier, own, vlan } = asking;
    let who = match (own, querier.address.is_unspecified()) {
        (true, _) => "this machine".to_owned(),
        (false, true) => "a switch without an address".to_owned(),
        (false, false) => querier.address.to_string(),
    };
    let mut text = format!("{name} querier: {who}, version {}", querier.version);
    if let Some(interval) = querier.interval {
        // Writing to a String cannot fail, here and below.
        let _ = write!(text, ", every {} s", interval.as_secs());
    }
    if let Some(vlan) = vlan {
        let _ = write!(text, ", on {vlan}");
    }
    text
}

fn vlans(facts: &Facts<'_>, heard: &Summary) -> Option<Finding> {
    let vlans = &heard.vlans;
    if vlans.is_empty() {
        let sees = facts.backend.abilities().vlan && heard.frames > 0;
        return sees.then(|| Finding::ok(facts.area(), "no VLAN tags without an interface"));
    }
    let mut names = vlans.iter().take(VLANS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = vlans.len().checked_sub(VLANS_SHOWN).filter(|more| *more > 0) {
        let _ = write!(names, " and {more} more");
    }
    Some(Finding::ok(
        facts.area(),
        format!(
            "tags of {} without an interface here, counted as {names}",
            counted(vlans.len() as u64, "VLAN")
        ),
    ))
}

#[cfg(test)]
pub(super) mod tests;
