//! How well discovery works on the segment. Nothing here breaks a rule or names a cause.
//!
//! | file | what |
//! |---|---|
//! | `queriers` | who asks for the members of groups |
//! | `groups` | which groups have members |
//! | `answers` | whether questions are answered, and how soon |
//! | `services` | which services there are |

pub(crate) mod answers;
pub(crate) mod groups;
pub(crate) mod queriers;
pub(crate) mod services;

use super::cache::Cache;
use super::view::View;
use crate::decode::mdns::HashKey;
use crate::time::{Stamp, Time};
use answers::{Answers, Delays};
use groups::Groups;
use queriers::{AddressFamily, Membership, Querier, Queriers};
use services::Services;

/// How well discovery works, as a snapshot has it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Queriers and groups, by [`AddressFamily`].
    pub membership: [Membership; AddressFamily::ALL.len()],
    /// Who asks for group members now, at most 17 of a family, IPv4 first.
    pub queriers: Vec<Querier>,
    /// mDNS payloads that came again from another device.
    pub reflected: u64,
    /// Whether such payloads go round between devices, or did in the last 10 s.
    pub reflection_loop: bool,
    /// Live instances by type of service, such as `_ipp._tcp`, each type once, in order; those of
    /// types beyond [`SERVICE_TYPES_MAX`](crate::detect::SERVICE_TYPES_MAX) last, as `other`.
    pub services: Vec<(Box<str>, u64)>,
    /// From a multicast question to its first multicast answer.
    pub response_delays: Delays,
    /// Multicast questions that nobody answered within 3 s.
    pub unanswered: u64,
    /// How often the rules that rest on silence were suspended, the start included. A suspension
    /// that is extended while it lasts is counted once.
    pub suspended: u64,
}

/// What observes the health of discovery.
#[derive(Debug)]
pub(crate) struct HealthDetectors {
    queriers: Queriers,
    groups: Groups,
    answers: Answers,
    services: Services,
}

impl HealthDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            queriers: Queriers::default(),
            groups: Groups::new(key),
            answers: Answers::new(key),
            services: Services::new(key),
        }
    }

    /// Hears one frame, and teaches `cache` what it says. Copies are true as well: caches believe
    /// them, and they answer questions.
    pub(crate) fn handle(&mut self, view: &View<'_>, stamp: Stamp, cache: &mut Cache) {
        self.queriers.handle(view, stamp);
        self.groups.handle(view);
        self.answers.handle(view, cache);
        let services = &mut self.services;
        cache.handle(view, |mdns, record| services.learn(view.now, mdns, record));
    }

    /// Closes what has waited long enough, and drops what has expired.
    pub(crate) fn handle_second(&mut self, now: Time) {
        self.answers.handle_second(now);
        self.services.handle_second(now);
    }

    /// Frames were lost, or nobody listens: a device that seems silent may have spoken.
    pub(crate) fn handle_gap(&mut self) {
        self.answers.handle_gap();
    }

    /// How well discovery works; what is not seen here is left empty.
    pub(crate) fn snapshot(&self, now: Time) -> Health {
        let membership = |family| Membership {
            groups: self.groups.count(now, family),
            ..self.queriers.membership(now, family)
        };
        Health {
            membership: AddressFamily::ALL.map(membership),
            queriers: self.queriers.present(now).collect(),
            services: self.services.count(now),
            response_delays: self.answers.delays().clone(),
            unanswered: self.answers.unanswered(),
            ..Health::default()
        }
    }
}
