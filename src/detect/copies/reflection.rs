//! Messages that another device has just sent: reflectors copy them unchanged, and two reflectors
//! can send them round in circles.
//!
//! mDNS responses and probes are compared by the hash of their payload. The frames of the device
//! that copies show [`Cause::Reflection`]; the frames of the device that was copied may turn out
//! not to be its own doing.
//!
//! Who says its own address made the message, whoever was heard with it first: a flooder does not
//! pass on what a reflector copies from it.
//!
//! Identical questions from two phones are normal, and so is whatever several hosts may say: the
//! list of types of service (RFC 6763 section 9), shared records, empty messages. A copy has a record
//! that only one host owns: `claims` knows who.

use super::claims::Claims;
use super::returns::Returns;
use crate::decode::Sender;
use crate::decode::mdns::{HashKey, Kind, PayloadHash};
use crate::detect::cause::Cause;
use crate::detect::condition::About;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use crate::time::Time;
use std::time::Duration;

/// A copy comes within this long.
const WINDOW: Duration = Duration::from_millis(250);
/// A prober legitimately repeats itself after this long: 250 ms (RFC 6762 section 8.1) less 10 %.
const PROBE_GAP: Duration = Duration::from_millis(225);
/// Sets of payloads of the last 250 ms: at most 1,024, 120 KiB.
const PAYLOAD_SETS: usize = 128;

/// A payload of the last 250 ms.
#[derive(Clone, Copy, Debug)]
struct RecentPayload {
    /// Who was heard with it first.
    origin: SenderKey,
    sender: Option<Sender>,
    /// When it was last heard from the origin over IPv4 and IPv6: it says the same over both.
    own: [Option<Time>; 2],
    /// Whether the origin repeated itself before anybody copied it.
    repeats_itself: bool,
    /// Who copied it last, and when.
    copier: Option<(SenderKey, Time)>,
    /// When the origin sent it again because of a copy.
    returned: Option<Time>,
    /// Whether only its origin can have made it.
    is_of_one: bool,
}

impl RecentPayload {
    /// Nobody else has said it.
    const fn of(origin: SenderKey, sender: Option<Sender>) -> Self {
        Self {
            origin,
            sender,
            own: [None; 2],
            repeats_itself: false,
            copier: None,
            returned: None,
            is_of_one: true,
        }
    }

    /// Whether it is the origin's, or another device has said it within the last 250 ms.
    fn is_of_others(&self, now: Time, sender: SenderKey) -> bool {
        let is_recent = |at: Time| now.since(at) <= WINDOW;
        self.origin.may_be(sender)
            || self.own.into_iter().flatten().any(is_recent)
            || self.copier.is_some_and(|(copier, at)| !copier.may_be(sender) && is_recent(at))
    }
}

/// Messages that another device has just sent. At most 340 KiB.
#[derive(Debug)]
pub(super) struct Reflection {
    sent: Table<PayloadHash, RecentPayload, PAYLOAD_SETS>,
    claims: Claims,
    returns: Returns,
    reflected: u64,
}

impl Reflection {
    pub(super) fn new(key: HashKey) -> Self {
        Self {
            sent: Table::new(key, WINDOW),
            claims: Claims::new(key),
            returns: Returns::new(key),
            reflected: 0,
        }
    }

    /// Hears one frame.
    pub(super) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns() else { return };
        let is_probe = match mdns.kind {
            Kind::Probe => true,
            Kind::Response | Kind::Announcement | Kind::Goodbye => false,
            Kind::Query | Kind::LegacyQuery | Kind::Malformed => return,
        };
        // The rest of a message that was cut may differ.
        if view.observation.sender.is_none() || !mdns.datagram.complete {
            return;
        }
        let (now, sender) = (view.now, view.sender);
        let family = usize::from(view.is_v6());
        let new = || RecentPayload::of(sender, view.observation.sender);
        let place = self.sent.entry(now, mdns.payload, new);
        let (mut is_new, sent) = (place.is_new, place.value);
        // Nobody else has said it lately: a device that goes on alone does so by itself.
        if !is_new && !sent.is_of_others(now, sender) {
            *sent = RecentPayload { repeats_itself: true, ..new() };
        }
        if !is_new && !sent.origin.may_be(sender) && view.is_about_itself(&mdns) == Some(true) {
            *sent = new();
            is_new = true;
        }
        if sent.origin.may_be(sender) {
            if is_new {
                self.claims.hear(now, sender, &mdns);
            }
            let own = sent.own[family].replace(now);
            let Some(own) = own.filter(|_| !is_new) else { return };
            let by_right = is_probe && now.since(own) >= PROBE_GAP;
            match sent.copier {
                None => sent.repeats_itself |= !by_right && now.since(own) <= WINDOW,
                // Somebody sends it the copy, and it passes it on, unless it says its own address.
                // If it says none, it has no signature: it may be the one device that only sends.
                Some((_, at))
                    if now.since(at) <= WINDOW
                        && own <= at
                        && !by_right
                        && !sent.repeats_itself
                        && sent.is_of_one =>
                {
                    let is_own = view.is_about_itself(&mdns);
                    if is_own == Some(true) {
                        return;
                    }
                    if is_own == Some(false) {
                        findings.matched(Cause::Reflection);
                    }
                    sent.returned = Some(now);
                    self.returns.note(now);
                    findings.copy();
                }
                Some(_) => {}
            }
            return;
        }
        sent.is_of_one = self.claims.is_of_one(now, sent.origin, sender, &mdns);
        let before = sent.copier.replace((sender, now));
        if !sent.is_of_one {
            return;
        }
        let is_third =
            before.is_some_and(|(copier, at)| !copier.may_be(sender) && now.since(at) <= WINDOW);
        let is_returned = sent.returned.is_some_and(|at| now.since(at) <= WINDOW);
        if is_third || is_returned {
            let name = mdns.digest.records.first().map(|record| About::Name(record.at));
            self.returns.add(now, sender, name, sent.sender, findings);
        }
        self.reflected += 1;
        findings.matched(Cause::Reflection);
    }

    /// What is promised of copies of the frame that was just heard: of what its sender repeats, and
    /// nobody has copied since.
    pub(super) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { sent, claims: _, returns: _, reflected: _ } = self;
        let Some(mdns) = view.multicast_mdns() else { return Some(steady) };
        match mdns.kind {
            Kind::Probe | Kind::Response | Kind::Announcement | Kind::Goodbye => {}
            Kind::Query | Kind::LegacyQuery | Kind::Malformed => return Some(steady),
        }
        if view.observation.sender.is_none() || !mdns.datagram.complete {
            return Some(steady);
        }
        let sent = sent.get(view.now, mdns.payload)?;
        let own = sent.own[usize::from(view.is_v6())];
        let is_alone = sent.copier.is_none_or(|(_, at)| own.is_some_and(|own| own > at));
        (sent.origin == view.sender && is_alone).then_some(steady)
    }

    /// Payloads that came again from another device.
    pub(super) const fn reflected(&self) -> u64 {
        self.reflected
    }

    /// Whether copies go round, or did in the last 10 s.
    pub(super) fn is_looping(&self, now: Time) -> bool {
        self.returns.is_on(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, RecentPayload)>>();
        assert!(PAYLOAD_SETS * 8 * each <= 120 << 10, "{each}");
    }
}
