//! From counts to totals: each increment is booked once, to the name if it holds a place at that
//! moment, else to `other`; history never moves. Pure.

use super::{Command, Increments};
use crate::time::Time;

/// Names that have series of their own, at most.
pub const PLACES: usize = 64;

/// One process name.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// The `process` label.
    pub name: Box<str>,
    /// System calls since it got its place.
    pub calls: u64,
    /// System calls a second over the last whole window; `None` before there was one.
    pub per_second: Option<f64>,
}

/// The totals at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// System calls since the start.
    pub total: u64,
    /// System calls a second over the last whole window; `None` before there was one.
    pub per_second: Option<f64>,
    /// By process, `other` among them, each label once; `None` where the backend does not know.
    pub processes: Option<Vec<Process>>,
    /// By call, `other` among them, only those that were made; `None` where the backend does not
    /// know.
    pub calls: Option<Vec<(&'static str, u64)>>,
}

/// The totals.
pub struct Tally {}

impl Tally {
    /// Nothing counted, at `now`, when the first window begins.
    #[must_use]
    pub fn new(_now: Time) -> Self {
        Self {}
    }

    /// Books `increments`. `is_owner` says whether a name owns a watched socket.
    pub fn fold(
        &mut self,
        _now: Time,
        _increments: &Increments,
        _is_owner: impl Fn(&Command) -> bool,
    ) {
    }

    /// Ends the window at `now` and begins the next.
    pub fn close_window(&mut self, _now: Time) {}

    /// The totals.
    #[must_use]
    pub fn view(&self) -> View {
        View::default()
    }
}
