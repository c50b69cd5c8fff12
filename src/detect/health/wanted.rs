//! Which types of service are asked for of which no instance is known here, and by how many
//! devices: the speaker that a phone looks for and does not find.
//!
//! In: the questions for types of services (RFC 6763 section 4.1) for which no answer is known,
//! neither here nor, by its list of known answers, to the asker. Out: the types with the number of
//! their askers, those of the last 10 min, of a file all. A subtype is a question about
//! some of the instances and says nothing of the type.
//!
//! The names are chosen by the network: at most 64 types have a name at a time, given back when
//! nobody asks any more; the askers of further types are counted together. At most 2,048 askers
//! are remembered, 80 KB; of more those that asked last.

use super::horizon::Horizon;
use super::types::{self, Types, label};
use crate::decode::mdns::{HashKey, Kind, NameHash, Question, RClass, RType, Section, name_at};
use crate::detect::cache::Cache;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Mdns, View};
use crate::time::Time;
use std::collections::HashSet;
use std::time::Duration;

/// Types that have a name of their own.
pub const WANTED_TYPES_MAX: usize = types::TYPES_MAX;
/// What the askers of other types are counted as.
pub const OTHER_WANTED: &str = types::OTHER;
/// A device wants a type for so long after it asked.
const WANTS: Duration = Duration::from_mins(10);

/// What is wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Who asked for which type.
    askers: Table<(NameHash, SenderKey), NameHash, 256>,
    /// With when anybody asked last.
    types: Types<Time>,
    wants: Duration,
}

impl Wanted {
    /// Nobody has asked yet.
    pub(crate) fn new(key: HashKey, horizon: Horizon) -> Self {
        let wants = horizon.lifetime(WANTS);
        Self { askers: Table::new(key, wants), types: Types::new(), wants }
    }

    /// Hears one frame. `cache` is what was heard before it.
    pub(crate) fn handle(&mut self, view: &View<'_>, cache: &Cache) {
        for (mdns, question) in unmet(view, cache) {
            let label = || label(&name_at(mdns.datagram.payload, question.at));
            self.ask(view.now, question.name, view.sender, label);
        }
    }

    /// What is promised of copies of the frame that was just heard: its sender is remembered with
    /// what it asks for.
    pub(crate) fn steady(&self, view: &View<'_>, cache: &Cache, steady: Steady) -> Option<Steady> {
        let Self { askers, types: _, wants: _ } = self;
        let is_held = unmet(view, cache)
            .all(|(_, question)| askers.holds(view.now, (question.name, view.sender)));
        is_held.then_some(steady)
    }

    /// The types that are wanted at `now` and how many devices want each, by name in order; the
    /// askers of those without a name last. `there` are the types of which there is an instance.
    pub(crate) fn count(&self, now: Time, there: &HashSet<NameHash>) -> Vec<(Box<str>, u64)> {
        let wanted = self.askers.values(now).filter(|kind| !there.contains(kind));
        self.types.count(wanted.copied())
    }

    fn ask(
        &mut self,
        now: Time,
        name: NameHash,
        asker: SenderKey,
        label: impl FnOnce() -> Option<Box<str>>,
    ) {
        self.askers.entry(now, (name, asker), || name);
        if let Some(asked) = self.types.get_mut(name) {
            *asked = now;
            return;
        }
        if self.types.len() == WANTED_TYPES_MAX {
            let wants = self.wants;
            self.types.retain(|_, asked| now.since(*asked) <= wants);
        }
        self.types.add(name, label, now);
    }
}

/// The questions of a query for types of service of which no instance is known, neither here nor,
/// by its list of known answers, to the asker.
fn unmet<'a>(view: &View<'a>, cache: &Cache) -> impl Iterator<Item = (Mdns<'a>, &'a Question)> {
    let asks = |mdns: &Mdns<'_>| match mdns.kind {
        Kind::Query | Kind::LegacyQuery => true,
        Kind::Probe | Kind::Response | Kind::Announcement | Kind::Goodbye | Kind::Malformed => {
            false
        }
    };
    let query = view.multicast_mdns().filter(asks);
    let questions = query
        .into_iter()
        .flat_map(|mdns| mdns.digest.questions.iter().map(move |question| (mdns, question)));
    questions.filter(|(mdns, question)| {
        let Question { name, rtype, class, traits, .. } = **question;
        if rtype != RType::PTR || !traits.is_browsed_type() || class != RClass::IN {
            return false;
        }
        let is_listed = mdns.digest.records.iter().any(|known| {
            known.section == Section::Answer && known.name == name && known.rtype == RType::PTR
        });
        !is_listed && cache.owned(view.now, name, RType::PTR, view.sender).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(horizon: Horizon) -> Wanted {
        Wanted::new(HashKey([1, 2, 3, 4]), horizon)
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn ask(wanted: &mut Wanted, now: u64, kind: u64, asker: u64) {
        let asker = SenderKey::new(None, asker << 2);
        let name = || label(&format!("_{kind}._tcp.local"));
        wanted.ask(at(now), NameHash(kind), asker, name);
    }

    fn count(wanted: &Wanted, now: u64, there: &[u64]) -> Vec<(String, u64)> {
        let there = there.iter().map(|kind| NameHash(*kind)).collect();
        let counts = wanted.count(at(now), &there);
        counts.into_iter().map(|(name, count)| (name.into(), count)).collect()
    }

    #[test]
    fn devices_count_once_for_ten_minutes_but_in_files_for_ever() {
        for (horizon, is_there) in [(Horizon::Now, false), (Horizon::Whole, true)] {
            let mut wanted = wanted(horizon);
            ask(&mut wanted, 0, 1, 7);
            ask(&mut wanted, 10, 1, 7);
            ask(&mut wanted, 20, 1, 8);
            assert_eq!(count(&wanted, 610, &[]), [("_1._tcp".to_owned(), 2)], "{horizon:?}");
            assert_eq!(count(&wanted, 610, &[1]), [], "{horizon:?}: there is one now");
            assert_eq!(count(&wanted, 621, &[]).is_empty(), !is_there, "{horizon:?}");
        }
    }

    #[test]
    fn memory_has_a_bound_and_names_are_given_back() {
        let mut wanted = wanted(Horizon::Now);
        for kind in 0..20_000 {
            ask(&mut wanted, 0, kind, kind);
        }
        assert_eq!((wanted.types.len(), wanted.askers.capacity()), (WANTED_TYPES_MAX, 2_048));
        let counts = count(&wanted, 0, &[]);
        assert!(counts.len() <= WANTED_TYPES_MAX + 1, "{counts:?}");
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 2_048);
        assert_eq!(counts.last().map(|(name, _)| &**name), Some(OTHER_WANTED));
        ask(&mut wanted, 601, 99_999, 1);
        assert_eq!(count(&wanted, 601, &[]), [("_99999._tcp".to_owned(), 1)]);
    }
}
