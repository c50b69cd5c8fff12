//! What the catalogue says of one family. It must not know any value.

use super::{Collector, Sight};
use crate::labelled::labelled;

/// One family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its full name, with `_total` on counters.
    pub name: &'static str,
    /// What sort of numbers it holds.
    pub kind: Kind,
    /// Its labels, in the order in which they are written.
    pub labels: &'static [&'static str],
    /// What it means, in one sentence.
    pub help: &'static str,
    /// Who collects it.
    pub collector: Collector,
    /// What a backend must be able to do for it to be measured.
    pub sight: Sight,
}

labelled! {
    /// What sort of numbers a family holds.
    pub enum Kind {
        /// Only grows, and starts again at 0.
        Counter = "counter",
        /// Goes up and down.
        Gauge = "gauge",
        /// Cumulative buckets, sum and count.
        Histogram = "histogram",
    }
}
