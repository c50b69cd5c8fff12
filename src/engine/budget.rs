//! The rows that the engines of one process share.
//!
//! Comes in: who wants a row, who gives one back. Goes out: yes or no. It knows nothing of what a
//! row is. The lock is taken when a row is added or removed and once a second a segment, never
//! for a frame of a device that has its row.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows that a segment is sure of, where `--devices.max` leaves that many.
const GUARANTEE: usize = 64;

/// The rows that the engines of a process share: `--devices.max` in all, and for each segment a
/// guaranteed min(64, max / segments).
///
/// The bound in all is hard. A segment that comes when everything is taken waits until those that
/// hold more than their guarantee have given back, which they do within a second.
#[derive(Debug)]
pub struct Budget {
    max: usize,
    /// The sum of the books, to be read without the lock.
    used: AtomicUsize,
    /// Rows by segment; `None` is a place to give to the next one.
    books: Mutex<Vec<Option<usize>>>,
}

impl Budget {
    /// A budget of `max` rows.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max, used: AtomicUsize::new(0), books: Mutex::new(Vec::new()) }
    }

    /// Rows that may be in use at once.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// Rows in use in all segments.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Segments that share it now.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.books.lock().iter().flatten().count()
    }

    fn guarantee(&self, books: &[Option<usize>]) -> usize {
        let segments = books.iter().flatten().count().max(1);
        GUARANTEE.min(self.max / segments)
    }

    /// What the others hold or are sure of.
    fn claimed_by_others(books: &[Option<usize>], place: usize, guarantee: usize) -> usize {
        let others = books.iter().enumerate().filter(|(other, _)| *other != place);
        others.filter_map(|(_, rows)| *rows).map(|rows| rows.max(guarantee)).sum()
    }
}

/// One segment's part of a [`Budget`]; its rows are given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    budget: Arc<Budget>,
    place: usize,
}

impl Lease {
    /// A new segment's part, empty.
    pub(super) fn open(budget: &Arc<Budget>) -> Self {
        let mut books = budget.books.lock();
        let place = books.iter().position(Option::is_none).unwrap_or_else(|| {
            books.push(None);
            books.len() - 1
        });
        books[place] = Some(0);
        drop(books);
        Self { budget: Arc::clone(budget), place }
    }

    /// Takes one row if there is one for this segment.
    pub(super) fn take(&mut self) -> bool {
        let mut books = self.budget.books.lock();
        let guarantee = self.budget.guarantee(&books);
        let own = books[self.place].unwrap_or(0);
        let used: usize = books.iter().flatten().sum();
        let others = Budget::claimed_by_others(&books, self.place, guarantee);
        let granted =
            used < self.budget.max && (own < guarantee || own + 1 + others <= self.budget.max);
        if granted {
            books[self.place] = Some(own + 1);
            self.budget.used.fetch_add(1, Ordering::Relaxed);
        }
        granted
    }

    /// Gives back `rows` of those that were taken.
    pub(super) fn give_back(&mut self, rows: usize) {
        let mut books = self.budget.books.lock();
        let own = books[self.place].unwrap_or(0);
        let rows = rows.min(own);
        books[self.place] = Some(own - rows);
        self.budget.used.fetch_sub(rows, Ordering::Relaxed);
    }

    /// Rows that this segment holds and could still take.
    pub(super) fn limit(&self) -> usize {
        let books = self.budget.books.lock();
        let guarantee = self.budget.guarantee(&books);
        let others = Budget::claimed_by_others(&books, self.place, guarantee);
        self.budget.max.saturating_sub(others)
    }

    /// Rows that this segment must give back, so that others get what they are sure of.
    pub(super) fn excess(&self) -> usize {
        let books = self.budget.books.lock();
        let guarantee = self.budget.guarantee(&books);
        let own = books[self.place].unwrap_or(0);
        let others = Budget::claimed_by_others(&books, self.place, guarantee);
        (others + own).saturating_sub(self.budget.max).min(own.saturating_sub(guarantee))
    }

    /// Whether the tables of the process are under half full together.
    pub(super) fn under_half(&self) -> bool {
        self.budget.used() * 2 < self.budget.max
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut books = self.budget.books.lock();
        if let Some(rows) = books[self.place].take() {
            self.budget.used.fetch_sub(rows, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(lease: &mut Lease) -> usize {
        std::iter::from_fn(|| lease.take().then_some(())).count()
    }

    #[test]
    fn one_segment_may_take_everything() {
        let budget = Arc::new(Budget::new(2_000));
        let mut lease = Lease::open(&budget);
        assert_eq!(take_all(&mut lease), 2_000);
        assert_eq!((budget.used(), lease.limit(), lease.excess()), (2_000, 2_000, 0));
        drop(lease);
        assert_eq!((budget.used(), budget.segments()), (0, 0));
    }

    #[test]
    fn what_others_are_sure_of_is_left_to_them() {
        let budget = Arc::new(Budget::new(2_000));
        let (mut a, mut b) = (Lease::open(&budget), Lease::open(&budget));
        assert_eq!(take_all(&mut a), 2_000 - 64);
        assert_eq!(take_all(&mut b), 64);
    }

    #[test]
    fn a_segment_that_comes_late_gets_its_guarantee_after_the_greedy_gave_back() {
        let budget = Arc::new(Budget::new(100));
        let mut a = Lease::open(&budget);
        assert_eq!(take_all(&mut a), 100);
        let mut b = Lease::open(&budget);
        assert!(!b.take(), "the bound in all is hard");
        assert_eq!((a.excess(), b.excess()), (50, 0));
        a.give_back(50);
        assert_eq!((a.excess(), take_all(&mut b)), (0, 50));
        assert!(!a.take());
    }

    #[test]
    fn more_segments_than_rows_never_exceed_the_bound() {
        let budget = Arc::new(Budget::new(3));
        let mut leases: Vec<Lease> = (0..8).map(|_| Lease::open(&budget)).collect();
        let taken: usize = leases.iter_mut().map(take_all).sum();
        assert_eq!((taken, budget.used()), (3, 3));
    }

    #[test]
    fn a_place_is_used_again() {
        let budget = Arc::new(Budget::new(10));
        let a = Lease::open(&budget);
        let _b = Lease::open(&budget);
        drop(a);
        let _c = Lease::open(&budget);
        assert_eq!(budget.books.lock().len(), 2);
    }
}
