//! The collector `segments`: totals of each segment. Those that start at 0 do so only where the
//! backend can see what they count.

use super::catalogue::{self, Family, QUERIERS_NAMED_MAX, Sight, families};
use super::number::Value;
use super::rows::{Rows, SegmentRow};
use super::writer::{FamilyWriter, Writer};
use crate::decode::{Issue, Protocol, Reason};
use crate::detect::{AddressFamily, Health, Membership};
use crate::engine::{Histogram, SECOND_BOUNDS, Snapshot};

pub(super) fn collect(rows: &Rows<'_>, writer: &mut Writer) {
    let mut info = writer.family(&families::SEGMENT_INFO);
    for row in &rows.segments {
        let more = [("capture", row.capture.name.as_str()), ("vlan", row.segment.vlan.as_str())];
        info.sample(&row.labels, &more, 1);
    }
    let mut lans = writer.family(&families::LAN_INFO);
    for row in &rows.segments {
        if let Some(lan) = &row.segment.lan {
            lans.sample(&row.labels, &[("lan", &**lan)], 1);
        }
    }
    protocols(rows, writer.family(&families::PACKETS), |snapshot| &snapshot.packets);
    protocols(rows, writer.family(&families::BYTES), |snapshot| &snapshot.bytes);

    let mut per_second = writer.family(&families::PER_SECOND);
    for row in &rows.segments {
        histogram(&mut per_second, row, &row.segment.snapshot.per_second);
    }
    let mut converted = writer.family(&families::CONVERTED);
    for row in &rows.segments {
        let seen = Sight::LinkLayer.of(row.abilities);
        let count = row.segment.snapshot.converted;
        if seen || count > 0 {
            converted.sample(&row.labels, &[], count);
        }
    }
    let mut unjudged = writer.family(&families::UNJUDGED);
    for row in &rows.segments {
        unjudged.sample(&row.labels, &[], row.segment.snapshot.unjudged);
    }
    let mut errors = writer.family(&families::DECODE_ERRORS);
    for row in &rows.segments {
        decode_errors(&mut errors, row);
    }
    let mut devices = writer.family(&families::DEVICES);
    for row in &rows.segments {
        devices.sample(&row.labels, &[], row.segment.snapshot.tracked as u64);
    }
    let mut evicted = writer.family(&families::EVICTED);
    for row in &rows.segments {
        let snapshot = &row.segment.snapshot;
        evicted.sample(&row.labels, &[("reason", "expired")], snapshot.evicted_expired);
        evicted.sample(&row.labels, &[("reason", "capacity")], snapshot.evicted_capacity);
    }
    let mut suspended = writer.family(&families::SUSPENDED);
    for row in &rows.segments {
        suspended.sample(&row.labels, &[], row.segment.snapshot.health.suspended);
    }
    membership(rows, writer.family(&families::QUERIER_LAST_QUERY), |known| {
        known.last_query.map(Value::Seconds)
    });
    membership(rows, writer.family(&families::QUERIER_INTERVAL), |known| {
        known.interval.map(|interval| Value::Float(interval.as_secs_f64()))
    });
    membership(rows, writer.family(&families::QUERIERS), |known| Some(known.queriers.into()));
    queriers(rows, writer.family(&families::QUERIER_INFO));
    membership(rows, writer.family(&families::GROUPS), |known| Some(known.groups.into()));
    copies(rows, &families::REFLECTED, writer, |health| health.reflected);
    copies(rows, &families::COPIED, writer, |health| health.copied);
}

/// A counter of copies, from 0 where the backend can see them.
fn copies(
    rows: &Rows<'_>,
    family: &'static Family,
    writer: &mut Writer,
    count: fn(&Health) -> u64,
) {
    let mut counter = writer.family(family);
    for row in &rows.segments {
        let count = count(&row.segment.snapshot.health);
        if count > 0 || family.sight.of(row.abilities) {
            counter.sample(&row.labels, &[], count);
        }
    }
}

fn protocols(
    rows: &Rows<'_>,
    mut family: FamilyWriter<'_>,
    counts: fn(&Snapshot) -> &[u64; Protocol::COUNT],
) {
    for row in &rows.segments {
        let counts = counts(&row.segment.snapshot);
        for protocol in Protocol::ALL {
            let count = counts[protocol.index()];
            if count > 0 || catalogue::sees(row.abilities, protocol) {
                family.sample(&row.labels, &[("protocol", protocol.label())], count);
            }
        }
    }
}

/// A gauge by address family, where it is known.
fn membership(
    rows: &Rows<'_>,
    mut gauge: FamilyWriter<'_>,
    value: impl Fn(&Membership) -> Option<Value>,
) {
    for row in rows.segments.iter().filter(|row| Sight::Membership.of(row.abilities)) {
        for family in AddressFamily::ALL {
            let known = &row.segment.snapshot.health.membership[family as usize];
            if let Some(value) = value(known) {
                gauge.sample(&row.labels, &[("family", family.label())], value);
            }
        }
    }
}

/// Who queries: those with an address first, so that of many it is not they that are left out.
fn queriers(rows: &Rows<'_>, mut info: FamilyWriter<'_>) {
    for row in rows.segments.iter().filter(|row| Sight::Membership.of(row.abilities)) {
        for family in AddressFamily::ALL {
            let heard = row.segment.snapshot.health.queriers.iter();
            let mut named: Vec<_> = heard.filter(|querier| querier.family == family).collect();
            named.sort_unstable_by_key(|querier| {
                (querier.address.is_unspecified(), querier.address)
            });
            for querier in named.into_iter().take(QUERIERS_NAMED_MAX) {
                let (address, version) = (querier.address.to_string(), querier.version.to_string());
                let labels =
                    [("family", family.label()), ("address", &*address), ("version", &*version)];
                info.sample(&row.labels, &labels, 1);
            }
        }
    }
}

fn histogram(family: &mut FamilyWriter<'_>, row: &SegmentRow<'_>, counted: &Histogram) {
    let mut below = 0_u64;
    let bounds = SECOND_BOUNDS.iter().zip(&counted.counts);
    let buckets = bounds.map(|(&bound, &count)| {
        below = below.saturating_add(count);
        (super::small::float(bound), below)
    });
    let total = counted.counts.iter().fold(0, |sum: u64, &count| sum.saturating_add(count));
    family.histogram(&row.labels, buckets, total, Value::Integer(counted.sum));
}

/// Every pair that can occur from 0, and whatever else has occurred.
fn decode_errors(family: &mut FamilyWriter<'_>, row: &SegmentRow<'_>) {
    let counted = &row.segment.snapshot.decode_errors;
    let count_of = |issue: Issue| {
        counted.iter().filter(|(there, _)| *there == issue).map(|(_, count)| count).sum::<u64>()
    };
    let mut write = |Issue { protocol, reason }, count| {
        let protocol = protocol.map_or("link", Protocol::label);
        family.sample(&row.labels, &[("protocol", protocol), ("reason", reason.label())], count);
    };
    for &(protocol, reason) in &Reason::PAIRS {
        let issue = Issue { protocol, reason };
        let count = count_of(issue);
        if count > 0 || catalogue::sees_errors(row.abilities, protocol) {
            write(issue, count);
        }
    }
    for (place, &(issue, _)) in counted.iter().enumerate() {
        let listed = Reason::PAIRS.contains(&(issue.protocol, issue.reason));
        let first = counted[..place].iter().all(|(earlier, _)| *earlier != issue);
        if !listed && first {
            write(issue, count_of(issue));
        }
    }
}
