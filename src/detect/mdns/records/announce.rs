//! A record announced too often (RFC 6762 section 8.3): at most eight times, not at regular
//! intervals. Counting starts anew after a probe, a goodbye, or new data.

use crate::decode::mdns::{HashKey, NameHash, Probed, RType, Record};
use crate::detect::memory::recent::Recent;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::view::Vantage;
use crate::time::Time;
use std::time::Duration;

/// Announcements of a record at most...
const MAX: u8 = 8;
/// ... in this time.
const PERIOD: Duration = Duration::from_hours(1);
/// Gaps from here on must not be equal: shorter ones are the beginning of a series that doubles.
const REGULAR: Duration = Duration::from_secs(10);
/// How long announcements and probes are remembered: what comes once an hour is regular too.
pub(super) const MEMORY: Duration = Duration::from_mins(66);

/// Announcements that are remembered of a record.
pub(super) const REMEMBERED: usize = MAX as usize + 1;

/// When a record was announced, at most nine times back. 48 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Announced(Recent<{ MAX as usize }>);

impl Announced {
    /// It is announced now.
    pub(super) fn push(&mut self, now: Time) {
        self.0.push(now);
    }

    /// Counting starts anew.
    pub(super) const fn clear(&mut self) {
        self.0.clear();
    }

    /// Counting starts anew with what came after `at`.
    pub(super) fn forget_until(&mut self, at: Time) {
        self.0.forget_until(at);
    }

    /// Whether so many are remembered that one more is one too many, all of them sent after it was
    /// `probed` for.
    pub(super) fn is_settled(&self, probed: Option<Time>) -> bool {
        self.0.nth_last(MAX + 1).is_some_and(|at| probed.is_none_or(|probed| probed < at))
    }

    /// How long before the last announcement the one before was.
    pub(super) fn gap(&self) -> Option<Duration> {
        self.0.last_gaps::<1>().map(|[gap]| gap)
    }

    /// Whether the last announcement was one too many.
    pub(super) fn is_too_many(&self, now: Time, vantage: &Vantage) -> bool {
        self.0.are_within(MAX + 1, now, PERIOD)
            || self.0.last_gaps::<3>().is_some_and(|gaps| are_regular(gaps, vantage))
    }
}

fn are_regular(gaps: [Duration; 3], vantage: &Vantage) -> bool {
    let (least, most) = (gaps[0].min(gaps[1]).min(gaps[2]), gaps[0].max(gaps[1]).max(gaps[2]));
    least >= REGULAR && most.saturating_sub(least) <= vantage.tolerance(most)
}

/// When devices probed for names last.
///
/// At most 8,192 names of devices, 32 bytes each: 256 KiB. What is forgotten at that bound counts
/// as a probe of everybody for everything: a missed violation is better than a false one.
#[derive(Debug)]
pub(super) struct ProbeTimes {
    times: Table<(SenderKey, Option<NameHash>), Time, 1_024>,
    forgot: Option<Time>,
}

impl ProbeTimes {
    pub(super) fn new(key: HashKey) -> Self {
        Self { times: Table::new(key, MEMORY), forgot: None }
    }

    /// A device probes for names.
    pub(super) fn hear(&mut self, now: Time, by: SenderKey, names: &[Probed]) {
        let each = names.iter().map(|probed| (by, Some(probed.name)));
        for key in each.chain([(by, None)]) {
            let place = self.times.entry(now, key, || now);
            *place.value = now;
            if place.forgot {
                self.forgot = Some(now);
            }
        }
    }

    /// When a device last probed for the owner of one of the records that a message announces; if
    /// there is a PTR record among them, for any name: nobody probes for the owners of those.
    ///
    /// One of them is enough, because some unique records are announced with those that were
    /// probed for but never probed for themselves (Apple's `_device-info._tcp`).
    pub(super) fn last<'a>(
        &self,
        now: Time,
        by: SenderKey,
        announced: impl Iterator<Item = &'a Record>,
    ) -> Option<Time> {
        announced.fold(self.forgot, |last, record| {
            let name = (record.rtype != RType::PTR).then_some(record.name);
            last.max(self.times.get(now, (by, name)).copied())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_gaps_are_regular_within_a_tenth() {
        for (gaps, expected) in [
            ([10_000, 10_000, 10_000], true),
            ([9_999, 9_999, 9_999], false),
            ([9_999, 10_000, 10_000], false),
            ([60_000, 54_000, 57_000], true),
            ([60_000, 53_999, 57_000], false),
            ([3_600_000, 3_600_000, 3_599_000], true),
            ([40_000, 20_000, 10_000], false),
        ] {
            let are = are_regular(gaps.map(Duration::from_millis), &Vantage::default());
            assert_eq!(are, expected, "{gaps:?}");
        }
    }
}
