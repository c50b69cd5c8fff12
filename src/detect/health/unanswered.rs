//! Which names nobody answered for, and whose they are.
//!
//! In: each question that nobody answered, as `answers` counts it. Out: the names with their
//! owners and counts. A name is forgotten an hour after it last went unanswered, in a file never;
//! of more than 64 names the one that went unanswered longest ago gives way. 10 KB at most.

use super::horizon::Horizon;
use crate::decode::Sender;
use crate::decode::mdns::NameHash;
use crate::detect::memory::sender::SenderKey;
use crate::time::Time;
use std::time::Duration;

/// Names that are remembered.
pub const UNANSWERED_NAMES_MAX: usize = 64;
/// For so long after the last question.
const KEPT: Duration = Duration::from_hours(1);

/// A name that nobody answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The name, at most 64 characters, none of them a control character.
    pub name: Box<str>,
    /// The device that last sent a record of that name; `None` where it has no row any more.
    pub device: Option<Sender>,
    /// Questions that nobody answered, at most one a minute.
    pub count: u64,
}

#[derive(Clone, Debug)]
struct Silent {
    hash: NameHash,
    name: Box<str>,
    owner: SenderKey,
    count: u64,
    last: Time,
}

/// The names.
#[derive(Clone, Debug)]
pub(crate) struct UnansweredNames {
    names: Vec<Silent>,
    kept: Duration,
}

impl UnansweredNames {
    /// None yet.
    pub(crate) const fn new(horizon: Horizon) -> Self {
        Self { names: Vec::new(), kept: horizon.lifetime(KEPT) }
    }

    /// Nobody answered a question for `name`, which `owner` has.
    pub(crate) fn add(&mut self, now: Time, hash: NameHash, name: &str, owner: SenderKey) {
        if let Some(there) = self.names.iter_mut().find(|there| there.hash == hash) {
            let count = if now.since(there.last) > self.kept { 0 } else { there.count };
            *there = Silent { owner, count: count + 1, last: now, ..there.clone() };
            return;
        }
        let new = Silent { hash, name: name.into(), owner, count: 1, last: now };
        if self.names.len() < UNANSWERED_NAMES_MAX {
            self.names.push(new);
        } else if let Some(oldest) = self.names.iter_mut().min_by_key(|there| there.last) {
            *oldest = new;
        }
    }

    /// The names at `now`, most often unanswered first. `find` says who an owner is.
    pub(crate) fn list(
        &self,
        now: Time,
        find: impl Fn(SenderKey) -> Option<Sender>,
    ) -> Vec<Unanswered> {
        let current = self.names.iter().filter(|there| now.since(there.last) <= self.kept);
        let name = |there: &Silent| Unanswered {
            name: there.name.clone(),
            device: find(there.owner),
            count: there.count,
        };
        let mut names: Vec<Unanswered> = current.map(name).collect();
        names.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Time {
        Time(minutes * 60_000_000_000)
    }

    fn add(names: &mut UnansweredNames, minute: u64, name: u64) {
        let owner = SenderKey::new(None, name << 2);
        names.add(at(minute), NameHash(name), &format!("{name}.local"), owner);
    }

    fn list(names: &UnansweredNames, minute: u64) -> Vec<(String, u64)> {
        let listed = names.list(at(minute), |_| None);
        listed.into_iter().map(|there| (there.name.into(), there.count)).collect()
    }

    #[test]
    fn an_hour_later_a_name_is_forgotten_but_in_files() {
        for (horizon, expected) in [(Horizon::Now, 0), (Horizon::Whole, 1)] {
            let mut names = UnansweredNames::new(horizon);
            add(&mut names, 0, 1);
            add(&mut names, 1, 1);
            assert_eq!(list(&names, 61), [("1.local".to_owned(), 2)], "{horizon:?}");
            assert_eq!(list(&names, 62).len(), expected, "{horizon:?}");
        }
        let mut names = UnansweredNames::new(Horizon::Now);
        add(&mut names, 0, 1);
        add(&mut names, 62, 1);
        assert_eq!(list(&names, 62), [("1.local".to_owned(), 1)], "counted anew");
    }

    #[test]
    fn memory_has_a_bound() {
        let mut names = UnansweredNames::new(Horizon::Whole);
        for name in 0..100 {
            add(&mut names, name, name);
        }
        let names = list(&names, 100);
        assert_eq!(names.len(), UNANSWERED_NAMES_MAX);
        assert!(!names.contains(&("35.local".to_owned(), 1)), "the oldest went");
        assert!(names.contains(&("36.local".to_owned(), 1)));
    }
}
