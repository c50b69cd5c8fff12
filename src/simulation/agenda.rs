//! What happens when: actions in the order of simulated time, and in the order of their making
//! where the time is the same.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Simulated time: nanoseconds since the LAN was switched on.
pub(super) type Nanos = u64;

/// A millisecond.
pub(super) const MS: Nanos = 1_000_000;
/// A second.
pub(super) const S: Nanos = 1_000 * MS;
/// A minute.
pub(super) const MIN: Nanos = 60 * S;

/// A duration since then.
pub(super) fn nanos(at: Duration) -> Nanos {
    Nanos::try_from(at.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Things to come.
#[derive(Debug)]
pub(super) struct Agenda<A> {
    heap: BinaryHeap<Entry<A>>,
    made: u64,
}

#[derive(Debug)]
struct Entry<A> {
    at: Nanos,
    number: u64,
    action: A,
}

impl<A> Default for Agenda<A> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), made: 0 }
    }
}

impl<A> Agenda<A> {
    /// Adds an action.
    pub(super) fn add(&mut self, at: Nanos, action: A) {
        self.heap.push(Entry { at, number: self.made, action });
        self.made += 1;
    }

    /// When the next action is due.
    pub(super) fn next_at(&self) -> Option<Nanos> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next action.
    pub(super) fn take(&mut self) -> Option<(Nanos, A)> {
        self.heap.pop().map(|entry| (entry.at, entry.action))
    }
}

/// The heap hands out its greatest entry: that is the earliest here.
impl<A> Ord for Entry<A> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<A> PartialOrd for Entry<A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<A> PartialEq for Entry<A> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<A> Eq for Entry<A> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_what_was_made_first_of_two() {
        let mut agenda = Agenda::default();
        for (at, action) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            agenda.add(at, action);
        }
        assert_eq!(agenda.next_at(), Some(1));
        let order: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(order, [(1, 'a'), (3, 'b'), (5, 'c'), (5, 'd')]);
    }
}
