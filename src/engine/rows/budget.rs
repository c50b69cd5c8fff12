//! The rows that the engines of one process share.
//!
//! It knows nothing of what a row is. The lock is taken when a row is added or removed and once a
//! second a segment, never for a frame of a device that has its row.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows guaranteed to a segment, where `--devices.max` leaves that many.
const GUARANTEE: usize = 64;

/// The rows that the engines of a process share: `--devices.max` in all, and for each segment a
/// guaranteed min(64, max / segments).
/// The total is a hard bound. A segment that comes when everything is taken waits until those that
/// hold more than their guarantee have given rows back, which they do within a second.
#[derive(Debug)]
pub struct Budget {
    max: usize,
    /// The sum of all rows held; written under the lock of `books`, read without it.
    used: AtomicUsize,
    books: Mutex<Books>,
}

/// Who holds what. The sums are kept, so that more segments do not make a question cost more.
#[derive(Debug)]
struct Books {
    /// Rows by segment; `None` is a place to give to the next one.
    rows: Vec<Option<usize>>,
    /// The places that are `None`.
    free: Vec<usize>,
    /// What each segment is guaranteed.
    guarantee: usize,
    /// What the segments hold or are guaranteed, whichever is more, in all.
    claimed: usize,
}

impl Books {
    const fn new() -> Self {
        Self { rows: Vec::new(), free: Vec::new(), guarantee: GUARANTEE, claimed: 0 }
    }

    fn own(&self, place: usize) -> usize {
        self.rows[place].unwrap_or(0)
    }

    /// What the others hold or are guaranteed.
    fn claimed_by_others(&self, place: usize) -> usize {
        self.claimed - self.own(place).max(self.guarantee)
    }

    fn set(&mut self, place: usize, rows: usize) {
        self.claimed = self.claimed_by_others(place) + rows.max(self.guarantee);
        self.rows[place] = Some(rows);
    }

    /// To be called when the number of segments has changed.
    fn share_out(&mut self, max: usize) {
        let segments = self.rows.len() - self.free.len();
        self.guarantee = GUARANTEE.min(max / segments.max(1));
        self.claimed = self.rows.iter().flatten().map(|&rows| rows.max(self.guarantee)).sum();
    }
}

impl Budget {
    /// A budget of `max` rows.
    pub const fn new(max: usize) -> Self {
        Self { max, used: AtomicUsize::new(0), books: Mutex::new(Books::new()) }
    }

    /// Rows that may be in use at once.
    pub const fn max(&self) -> usize {
        self.max
    }

    /// Rows in use in all segments.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// One segment's part of a [`Budget`]; its rows are given back when it is dropped.
#[derive(Debug)]
pub(in crate::engine) struct Lease {
    budget: Arc<Budget>,
    place: usize,
}

impl Lease {
    /// A new segment's part, empty.
    pub(in crate::engine) fn open(budget: &Arc<Budget>) -> Self {
        let mut books = budget.books.lock();
        let place = books.free.pop().unwrap_or_else(|| {
            books.rows.push(None);
            books.rows.len() - 1
        });
        books.rows[place] = Some(0);
        books.share_out(budget.max);
        drop(books);
        Self { budget: Arc::clone(budget), place }
    }

    /// Takes one row if there is one for this segment.
    pub(in crate::engine) fn take(&mut self) -> bool {
        let mut books = self.budget.books.lock();
        let own = books.own(self.place);
        let others = books.claimed_by_others(self.place);
        let max = self.budget.max;
        let granted =
            self.budget.used() < max && (own < books.guarantee || own + 1 + others <= max);
        if granted {
            books.set(self.place, own + 1);
            self.budget.used.fetch_add(1, Ordering::Relaxed);
        }
        granted
    }

    /// Gives back `rows` of those that were taken.
    pub(in crate::engine) fn give_back(&mut self, rows: usize) {
        let mut books = self.budget.books.lock();
        let own = books.own(self.place);
        let rows = rows.min(own);
        books.set(self.place, own - rows);
        self.budget.used.fetch_sub(rows, Ordering::Relaxed);
    }

    /// Rows that this segment holds and could still take.
    pub(in crate::engine) fn limit(&self) -> usize {
        let others = self.budget.books.lock().claimed_by_others(self.place);
        self.budget.max.saturating_sub(others)
    }

    /// Rows that this segment must give back, so that others get what they are guaranteed.
    pub(in crate::engine) fn excess(&self) -> usize {
        let books = self.budget.books.lock();
        let own = books.own(self.place);
        let others = books.claimed_by_others(self.place);
        let wanted = (others + own).saturating_sub(self.budget.max);
        wanted.min(own.saturating_sub(books.guarantee))
    }

    /// Whether the tables of the process together are less than half full.
    pub(in crate::engine) fn under_half(&self) -> bool {
        self.budget.used() * 2 < self.budget.max
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut books = self.budget.books.lock();
        if let Some(rows) = books.rows[self.place].take() {
            self.budget.used.fetch_sub(rows, Ordering::Relaxed);
        }
        books.free.push(self.place);
        books.share_out(self.budget.max);
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
        assert_eq!((budget.used(), budget.books.lock().claimed), (0, 0));
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
        assert_eq!(budget.books.lock().rows.len(), 2);
    }
}
