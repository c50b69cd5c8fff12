//! What a frame says of its sender, brought to the sender's profile: each claim that names it is
//! held against what others claim.
//!
//! In: an observation with its row's profile. Out: the profile has heard it; what is disputed is
//! for the caller to settle, who can reach the rival's profile too.

use super::addresses::Certainty;
use super::claims;
use super::contest::{Contest, Dispute, Subject};
use super::profile::{Claim, Profile};
use crate::decode::{Message, Observation, Sender};
use crate::detect::steady::Steady;
use crate::time::Time;
use std::net::IpAddr;

/// Disputes of one frame: an address and a name or two.
const DISPUTES: usize = 4;

/// One frame's claims on their way.
pub(in crate::engine) struct Hearing<'a> {
    now: Time,
    sender: Sender,
    contest: &'a mut Contest,
    profile: &'a mut Profile,
    disputes: Disputes,
}

/// What is disputed after a frame.
pub(in crate::engine) type Disputes = [Option<Dispute>; DISPUTES];

/// What is promised of copies of a frame that was just heard in `profile`. What SSDP and multicast
/// DNS say is heard once a second.
pub(in crate::engine) fn steady(
    now: Time,
    (observation, subnets): (&Observation<'_>, &[(IpAddr, u8)]),
    profile: &Profile,
    steady: Steady,
) -> Option<Steady> {
    let mut promised = Some(steady);
    let mut hear = |claim: Claim<'_>| {
        promised = promised.and_then(|steady| profile.steady(now, claim, steady));
    };
    claims::of_sender(observation, subnets, &mut hear);
    if !matches!(observation.message, Message::Ssdp(_)) {
        claims::of_message(observation, &mut hear);
    }
    promised
}

impl<'a> Hearing<'a> {
    /// Claims of `sender`, whose profile it is.
    pub(in crate::engine) const fn new(
        now: Time,
        sender: Sender,
        contest: &'a mut Contest,
        profile: &'a mut Profile,
    ) -> Self {
        Self { now, sender, contest, profile, disputes: [None; DISPUTES] }
    }

    /// The profile.
    pub(in crate::engine) const fn profile(&mut self) -> &mut Profile {
        self.profile
    }

    /// Hears one claim.
    pub(in crate::engine) fn hear(&mut self, claim: Claim<'_>) {
        match claim {
            Claim::Address(ip) | Claim::LikelyAddress(ip) | Claim::Source(ip) => {
                let is_news = !self.profile.heard_address(self.now, ip);
                self.profile.hear(self.now, claim);
                // Once a second is enough: a device says its address with each frame.
                if is_news && let Some(certainty) = self.profile.certainty(ip) {
                    self.claim(Subject::Address(ip), certainty);
                }
            }
            Claim::HostName(name) | Claim::LeaseName(name) | Claim::NetbiosName(_, name) => {
                if let Claim::NetbiosName(ip, _) = claim
                    && !self.profile.is_own(ip)
                {
                    return;
                }
                let key = self.contest.name(name);
                self.profile.hear(self.now, claim);
                self.profile.set_name_key(key);
                self.claim(Subject::Name(key), Certainty::Sure);
            }
            Claim::Model(_)
            | Claim::HostAddress(_)
            | Claim::Leased(_)
            | Claim::Evidence(_)
            | Claim::Offer(_)
            | Claim::EvidenceOf(..)
            | Claim::LikelyModel(_)
            | Claim::LikelyEvidence(_)
            | Claim::Other(..) => self.profile.hear(self.now, claim),
        }
    }

    /// What is disputed.
    pub(in crate::engine) const fn disputes(self) -> Disputes {
        self.disputes
    }

    fn claim(&mut self, subject: Subject, certainty: Certainty) {
        match self.contest.claim(self.now, subject, self.sender, certainty) {
            None => self.profile.contest(subject, false),
            Some(dispute) => {
                if let Some(free) = self.disputes.iter_mut().find(|slot| slot.is_none()) {
                    *free = Some(dispute);
                }
            }
        }
    }
}
