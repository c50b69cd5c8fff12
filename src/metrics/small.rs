//! Families that stay small whatever the network does: made with the `prometheus` crate's types in
//! a registry that lives for one scrape, so that nothing outlasts what it was about. Sorted and
//! without duplicates.

use super::catalogue::Family;
use prometheus::{CounterVec, Error, GaugeVec, Opts, Registry, proto};

/// The families of one collector in one scrape.
#[derive(Default)]
pub(super) struct Small {
    registry: Registry,
}

impl Small {
    /// Adds a gauge with a sample for each of `rows`: label values in the catalogue's order, and
    /// the value. Rows with the same labels are one sample, the last.
    pub(super) fn gauge<const N: usize>(
        &mut self,
        family: &Family,
        rows: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> Result<(), Error> {
        let gauge = GaugeVec::new(Opts::new(family.name, family.help), family.labels)?;
        for (labels, value) in rows {
            gauge.get_metric_with_label_values(&labels)?.set(value);
        }
        self.registry.register(Box::new(gauge))
    }

    /// The same for a counter. Rows with the same labels are one sample, their sum.
    pub(super) fn counter<const N: usize>(
        &mut self,
        family: &Family,
        rows: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> Result<(), Error> {
        let counter = CounterVec::new(Opts::new(family.name, family.help), family.labels)?;
        for (labels, value) in rows {
            // inc_by() panics in debug builds when given a negative number.
            counter.get_metric_with_label_values(&labels)?.inc_by(value.max(0.0));
        }
        self.registry.register(Box::new(counter))
    }

    /// All of them that have a sample, in the order of their names and labels.
    pub(super) fn into_families(self) -> Vec<proto::MetricFamily> {
        self.registry.gather()
    }
}

/// A count as the crate's floats hold it: exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "a sample is a float by the format")]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}
