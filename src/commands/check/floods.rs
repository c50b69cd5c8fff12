//! Findings on who floods the LAN while `check` listens: storms, and rates over the limits where
//! there was not time enough for a storm to show, be it that listening was short or that the flood
//! began at its end. Pure.

use super::heard::Facts;
use crate::commands::finding::{Finding, Level, counted, shell_word};
use crate::decode::{Class, Protocol, Sender};
use crate::engine::{DeviceSnapshot, Snapshot};
use crate::pipeline::{PolicyOf, SegmentView};
use crate::storm::{self, DevicePolicy, EndReason, Storm};

/// Floods that are listed one by one.
const SHOWN: usize = 8;
/// So many packets a second of all devices together are a problem, even if none of them floods: a
/// fifth of what is a storm of the segment.
const MANY: u64 = 200;
/// A second with so many times what a device may send at length is more than a burst.
const BURSTS: u32 = 4;

/// What there is to say of storms and rates on the segments of one capture.
pub fn findings(facts: &Facts<'_>, segments: &[SegmentView], expecting: &PolicyOf) -> Vec<Finding> {
    let mut floods = Vec::new();
    for view in segments {
        let policy = expecting(&view.label);
        let snapshot = &view.snapshot;
        floods.extend(snapshot.storms.iter().map(|storm| of_storm(facts, view, storm)));
        for device in &snapshot.devices {
            if snapshot.storms.iter().all(|storm| storm.culprit.sender() != Some(device.sender)) {
                floods.extend(of_rate(facts, view, device, &policy.of(device.sender)));
            }
        }
    }
    if floods.iter().all(|finding| finding.level != Level::Problem) {
        floods.extend(segments.iter().filter_map(|view| of_all(facts, view)));
    }
    floods.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    if let Some(more) = floods.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let level = floods[SHOWN].level;
        floods.truncate(SHOWN);
        let text = format!("and {} like these", counted(more as u64, "more flood"));
        floods.push(Finding { level, ..Finding::ok(facts.area(), text) });
    }
    floods
}

/// Whether a device is over its limit now and is in no storm yet: a few seconds more tell the cause.
pub fn is_rising(segments: &[SegmentView], expecting: &PolicyOf) -> bool {
    segments.iter().any(|view| {
        let policy = expecting(&view.label);
        view.snapshot.devices.iter().any(|device| {
            let expected = policy.of(device.sender);
            let limit = limit(device, &expected).map(|(_, limit)| limit);
            device.storm.is_none() && limit.is_some_and(|limit| device.latest >= limit)
        })
    })
}

/// What there is to say of all devices together, where none of them floods.
fn of_all(facts: &Facts<'_>, view: &SegmentView) -> Option<Finding> {
    let devices = &view.snapshot.devices;
    let rate: u64 = devices.iter().map(|device| u64::from(device.latest)).sum();
    (rate >= MANY).then(|| {
        let senders = devices.iter().filter(|device| device.latest > 0).count() as u64;
        let text = format!(
            "{} as a whole carries {rate} packets a second of discovery and address resolution, from \
             {} of which none is over its limit",
            view.label,
            counted(senders, "device")
        );
        Finding::problem(facts.area(), text)
    })
}

fn of_storm(facts: &Facts<'_>, view: &SegmentView, storm: &Storm) -> Finding {
    let who = match storm.culprit.sender() {
        Some(sender) => name(facts, view, sender),
        None => format!("{} as a whole", view.label),
    };
    let lasts = storm.end.is_none_or(|(_, reason)| reason == EndReason::InterfaceGone);
    let text = format!(
        "{who} {}: up to {} packets a second of {} (cause {}){}",
        storm.culprit.in_words(),
        storm.peak,
        storm.protocol.label(),
        storm.culprit.cause(),
        if lasts { "" } else { "; it has stopped since" },
    );
    let finding = match storm.level {
        storm::Level::Storm => Finding::problem(facts.area(), text),
        storm::Level::Chatty => Finding::hint(facts.area(), text),
    };
    with_remedy(finding, facts, storm.culprit.sender())
}

/// What there is to say of a device that has no storm.
fn of_rate(
    facts: &Facts<'_>,
    view: &SegmentView,
    device: &DeviceSnapshot,
    expected: &DevicePolicy,
) -> Option<Finding> {
    let seconds = facts.counted.as_secs().max(1);
    let sent = |class| packets(device, class, expected);
    let (signalling, address) = (sent(Class::Signalling), sent(Class::Address));
    let who = || name(facts, view, device.sender);
    for (class, sent, limit) in [
        (Class::Signalling, signalling, expected.limits.signalling),
        (Class::Address, address, expected.limits.address),
    ] {
        // Its own class only, if it is the one of most frames.
        let is_most = sent >= signalling.max(address);
        let latest = if is_most { u64::from(device.latest) } else { 0 };
        let rate = (sent / seconds).max(latest);
        if let Some(limit) = limit.filter(|limit| rate >= u64::from(*limit)) {
            let text = format!(
                "{} sends {rate} packets a second of {}; the limit is {limit}",
                who(),
                busiest(device, class, expected).label()
            );
            let finding = Finding::problem(facts.area(), text);
            return Some(with_remedy(finding, facts, Some(device.sender)));
        }
    }
    let (class, limit) = limit(device, expected)?;
    let is_over = device.peak_ever >= limit && signalling + address > 0;
    is_over.then(|| {
        let is_large = device.peak_ever >= limit.saturating_mul(BURSTS);
        let text = format!(
            "{} sent {} packets in one second, mostly {}: a burst, not a storm unless it goes on",
            who(),
            device.peak_ever,
            busiest(device, class, expected).label()
        );
        if is_large {
            let finding = Finding::problem(facts.area(), text);
            return with_remedy(finding, facts, Some(device.sender));
        }
        Finding::hint(facts.area(), text)
    })
}

/// The class of most of a device's frames, and its limit.
fn limit(device: &DeviceSnapshot, expected: &DevicePolicy) -> Option<(Class, u32)> {
    let sent = |class| packets(device, class, expected);
    let limits = &expected.limits;
    if sent(Class::Signalling) >= sent(Class::Address) {
        Some((Class::Signalling, limits.signalling?))
    } else {
        Some((Class::Address, limits.address?))
    }
}

/// Frames of a class that are not ignored.
fn packets(device: &DeviceSnapshot, class: Class, expected: &DevicePolicy) -> u64 {
    let packets = |protocol: Protocol| device.counters.packets[protocol.index()];
    judged(class, expected).map(packets).sum()
}

/// The protocol of most of these frames: a stream beside them is not what is over the limit.
fn busiest(device: &DeviceSnapshot, class: Class, expected: &DevicePolicy) -> Protocol {
    let packets = |protocol: &Protocol| device.counters.packets[protocol.index()];
    judged(class, expected).max_by_key(packets).unwrap_or(Protocol::OtherBroadcast)
}

fn judged(class: Class, expected: &DevicePolicy) -> impl Iterator<Item = Protocol> {
    let is_judged = move |protocol: &Protocol| {
        protocol.class() == class && !expected.ignored.contains(*protocol)
    };
    Protocol::ALL.into_iter().filter(is_judged)
}

/// A device as people know it: its address, its name and maker where they are known, its VLAN.
fn name(facts: &Facts<'_>, view: &SegmentView, sender: Sender) -> String {
    let known = find(&view.snapshot, sender).map(|device| &device.identity);
    let names = known.map(|identity| {
        let local = identity.local.then_some("this machine");
        [local, identity.name.as_deref(), identity.vendor]
    });
    let names: Vec<&str> = names.into_iter().flatten().flatten().collect();
    let mut text = sender.to_string();
    if !names.is_empty() {
        text = format!("{text} ({})", names.join(", "));
    }
    if &*view.label != facts.interface {
        text = format!("{text} on {}", view.label);
    }
    text
}

fn find(snapshot: &Snapshot, sender: Sender) -> Option<&DeviceSnapshot> {
    snapshot.devices.iter().find(|device| device.sender == sender)
}

fn with_remedy(finding: Finding, facts: &Facts<'_>, sender: Option<Sender>) -> Finding {
    let Some(sender) = sender else { return finding };
    let filter = match sender {
        Sender::Mac(mac) => format!("ether src {mac}"),
        Sender::Ip(address) => format!("src host {address}"),
    };
    finding
        .say("restart the device or take it off the network; to see what it sends:")
        .run(format!("sudo tcpdump -n -i {} {filter}", shell_word(facts.interface)))
}

#[cfg(test)]
mod tests;
