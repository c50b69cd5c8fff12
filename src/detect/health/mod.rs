//! How well discovery works on the segment. Nothing here breaks a rule or names a cause.
//!
//! | file | what |
//! |---|---|
//! | `queriers` | who asks for the members of groups |
//! | `groups` | which groups have members |
//! | `answers` | whether questions are answered, and how soon |
//! | `unanswered` | which names nobody answered for |
//! | `services` | which services there are |
//! | `types` | the types that have a name, for both |
//! | `wanted` | which services are asked for and are not there |
//! | `horizon` | how far back that reaches which counts as being there |

pub(crate) mod answers;
pub(crate) mod groups;
pub(crate) mod horizon;
pub(crate) mod queriers;
pub(crate) mod services;
mod types;
pub(crate) mod unanswered;
pub(crate) mod wanted;

use super::cache::Cache;
use super::memory::sender::SenderKey;
use super::steady::Steady;
use super::view::View;
use crate::decode::Sender;
use crate::decode::mdns::HashKey;
use crate::time::{Stamp, Time};
use answers::{Answers, Delays};
use groups::Groups;
use horizon::Horizon;
use queriers::{AddressFamily, Membership, Querier, Queriers};
use services::Services;
use unanswered::Unanswered;
use wanted::Wanted;

/// How well discovery works, as a snapshot has it: what is so now, or of a file what was so in it.
/// See [`Horizon`].
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Queriers and groups, by [`AddressFamily`].
    pub membership: [Membership; AddressFamily::ALL.len()],
    /// Who asks for group members, at most 17 of a family, IPv4 first.
    pub queriers: Vec<Querier>,
    /// Frames that are there a second time because of where we listen: behind a mirror port, or on
    /// an access point. They are counted here and nowhere else.
    pub copied: u64,
    /// mDNS payloads that came again from another device.
    pub reflected: u64,
    /// Whether such payloads go round between devices, or did in the last 10 s.
    pub reflection_loop: bool,
    /// Live instances by type of service, such as `_ipp._tcp`, each type once, in order; those of
    /// types beyond [`SERVICE_TYPES_MAX`](crate::detect::SERVICE_TYPES_MAX) last, as `other`.
    pub services: Vec<(Box<str>, u64)>,
    /// From a multicast question to its first multicast answer.
    pub response_delays: Delays,
    /// Devices that asked in the last 10 min by type of service of which no instance is known, each
    /// type once, in order; those of types beyond
    /// [`WANTED_TYPES_MAX`](crate::detect::WANTED_TYPES_MAX) last, as `other`.
    pub wanted: Vec<(Box<str>, u64)>,
    /// Multicast questions that nobody answered within 3 s.
    pub unanswered: u64,
    /// The names in these, at most
    /// [`UNANSWERED_NAMES_MAX`](crate::detect::UNANSWERED_NAMES_MAX), most often unanswered first.
    pub unanswered_names: Vec<Unanswered>,
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
    wanted: Wanted,
    horizon: Horizon,
}

impl HealthDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey, horizon: Horizon) -> Self {
        Self {
            queriers: Queriers::default(),
            groups: Groups::new(key, horizon),
            answers: Answers::new(key, horizon),
            services: Services::new(key, horizon),
            wanted: Wanted::new(key, horizon),
            horizon,
        }
    }

    /// Hears one frame, and teaches `cache` what it says. Copies are true as well: caches believe
    /// them, and they answer questions.
    pub(crate) fn handle(&mut self, view: &View<'_>, stamp: Stamp, cache: &mut Cache) {
        self.queriers.handle(view, stamp);
        self.groups.handle(view);
        self.answers.handle(view, cache);
        self.wanted.handle(view, cache);
        let services = &mut self.services;
        cache.handle(view, |mdns, record| services.learn(view.now, mdns, record));
    }

    /// What is promised of copies of the frame that was just heard.
    pub(crate) fn steady(&self, view: &View<'_>, cache: &Cache, steady: Steady) -> Option<Steady> {
        let Self { queriers: _, groups, answers, services, wanted, horizon: _ } = self;
        // Each general query is counted, and its gap is measured.
        if view.observation.message.general_query().is_some() {
            return None;
        }
        let steady = groups.steady(view, steady)?;
        let steady = answers.steady(view, cache, steady)?;
        let steady = wanted.steady(view, cache, steady)?;
        services.steady(view, cache.steady(view, steady)?)
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

    /// How well discovery works; what is not seen here is left empty. `find` says who a sender is.
    pub(crate) fn snapshot(&self, now: Time, find: impl Fn(SenderKey) -> Option<Sender>) -> Health {
        let membership = |family| Membership {
            groups: self.groups.count(now, family),
            ..self.queriers.membership(now, family)
        };
        Health {
            membership: AddressFamily::ALL.map(membership),
            queriers: self.queriers.list(now, self.horizon).collect(),
            services: self.services.count(now),
            wanted: self.wanted.count(now, &self.services.kinds(now)),
            response_delays: self.answers.delays().clone(),
            unanswered: self.answers.unanswered(),
            unanswered_names: self.answers.silent().list(now, find),
            ..Health::default()
        }
    }
}
