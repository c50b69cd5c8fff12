//! Messages that another device has just sent: reflectors copy them unchanged, and two reflectors
//! can send them round in circles.
//!
//! mDNS responses and probes are compared by the hash of their payload. The frames of the device
//! that copies show [`Cause::Reflection`]; the frames of the device that was copied may turn out
//! not to be its own doing.
//!
//! Identical questions from two phones are normal, and so are identical answers to "which types of
//! service are there" (RFC 6763 section 9): they name no host and no instance.

use crate::decode::mdns::{self, HashKey, Kind, PayloadHash, RType};
use crate::detect::cause::Cause;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::view::{Findings, Mdns, View};
use crate::time::Time;
use std::time::Duration;

/// A copy comes within this long.
const WINDOW: Duration = Duration::from_millis(250);
/// A prober legitimately repeats itself after this long: 250 ms (RFC 6762 section 8.1) less 10 %.
const PROBE_GAP: Duration = Duration::from_millis(225);
/// A loop is on for this long after it was last seen.
const LOOP_KEPT: Duration = Duration::from_secs(10);
/// Sets of payloads of the last 250 ms: at most 1,024, 96 KiB.
const PAYLOAD_SETS: usize = 128;
/// The name under which the types of service are listed.
const SERVICE_TYPES: &str = "_services._dns-sd._udp.local";

/// A payload of the last 250 ms.
#[derive(Clone, Copy, Debug)]
struct RecentPayload {
    /// Who was heard with it first.
    origin: SenderKey,
    /// When it was last heard from the origin over IPv4 and IPv6: it says the same over both.
    own: [Option<Time>; 2],
    /// Whether the origin repeated itself before anybody copied it.
    repeats_itself: bool,
    /// Who copied it last, and when.
    copier: Option<(SenderKey, Time)>,
    /// Whether two devices may legitimately say it.
    is_common: bool,
}

impl RecentPayload {
    /// Whether it is the origin's, or another device has said it within the last 250 ms.
    fn is_of_others(&self, now: Time, sender: SenderKey) -> bool {
        let is_recent = |at: Time| now.since(at) <= WINDOW;
        self.origin.may_be(sender)
            || self.own.into_iter().flatten().any(is_recent)
            || self.copier.is_some_and(|(copier, at)| !copier.may_be(sender) && is_recent(at))
    }
}

/// Messages that another device has just sent. At most 96 KiB.
#[derive(Debug)]
pub(crate) struct Reflection {
    sent: Table<PayloadHash, RecentPayload, PAYLOAD_SETS>,
    reflected: u64,
    looped: Option<Time>,
}

impl Reflection {
    pub(crate) fn new(key: HashKey) -> Self {
        Self { sent: Table::new(key, WINDOW), reflected: 0, looped: None }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
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
        let family = usize::from(view.observation.ip.is_some_and(|ip| ip.source.is_ipv6()));
        let place = self.sent.entry(now, mdns.payload, || RecentPayload {
            origin: sender,
            own: [None; 2],
            repeats_itself: false,
            copier: None,
            is_common: false,
        });
        let (is_new, sent) = (place.is_new, place.value);
        // Nobody else has said it lately: a device that goes on alone does so by itself.
        if !is_new && !sent.is_of_others(now, sender) {
            *sent = RecentPayload {
                origin: sender,
                own: [None; 2],
                repeats_itself: true,
                copier: None,
                ..*sent
            };
        }
        if sent.origin.may_be(sender) {
            let own = sent.own[family].replace(now);
            let Some(own) = own.filter(|_| !is_new) else { return };
            let by_right = is_probe && now.since(own) >= PROBE_GAP;
            match sent.copier {
                None => sent.repeats_itself |= !by_right && now.since(own) <= WINDOW,
                // Somebody sends it the copy, and it passes it on. No signature for it: it may be
                // the one device that only sends.
                Some((_, at))
                    if now.since(at) <= WINDOW
                        && own <= at
                        && !by_right
                        && !sent.repeats_itself
                        && !sent.is_common =>
                {
                    self.looped = Some(now);
                    findings.copy();
                }
                Some(_) => {}
            }
            return;
        }
        if sent.copier.is_none() {
            sent.is_common = is_common(&mdns);
        }
        let before = sent.copier.replace((sender, now));
        if sent.is_common {
            return;
        }
        let is_third =
            before.is_some_and(|(copier, at)| !copier.may_be(sender) && now.since(at) <= WINDOW);
        if is_third {
            self.looped = Some(now);
        }
        self.reflected += 1;
        findings.matched(Cause::Reflection);
    }

    /// Payloads that came again from another device.
    pub(crate) const fn reflected(&self) -> u64 {
        self.reflected
    }

    /// Whether copies go round, or did in the last 10 s.
    pub(crate) fn is_looping(&self, now: Time) -> bool {
        self.looped.is_some_and(|at| now.since(at) <= LOOP_KEPT)
    }
}

/// Whether a message says only which types of service there are.
fn is_common(mdns: &Mdns<'_>) -> bool {
    mdns.digest.records.iter().all(|record| {
        record.rtype == RType::PTR
            && record.traits.is_service_type()
            && mdns::name_at(mdns.datagram.payload, record.at).eq_ignore_ascii_case(SERVICE_TYPES)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        let each = size_of::<Option<(u64, Time, RecentPayload)>>();
        assert!(PAYLOAD_SETS * 8 * each <= 128 << 10, "{each}");
    }
}
