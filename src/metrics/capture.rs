//! The collector `captures`: what captures frames, and what it can see. One series each of up,
//! drops and info.

use super::catalogue::{Sight, families};
use super::small::{Small, float};
use crate::lan::CaptureView;
use prometheus::{Error, proto};

pub(super) fn collect(captures: &[CaptureView]) -> Result<Vec<proto::MetricFamily>, Error> {
    let mut small = Small::default();
    small.gauge(
        &families::CAPTURE_UP,
        captures.iter().map(|c| ([c.name.clone()], if c.up { 1.0 } else { 0.0 })),
    )?;
    small.counter(
        &families::CAPTURE_DROPPED,
        captures.iter().filter_map(|c| {
            let known = c.abilities.is_some_and(|abilities| Sight::Drops.of(&abilities));
            c.dropped.filter(|_| known).map(|dropped| ([c.name.clone()], float(dropped)))
        }),
    )?;
    small.gauge(
        &families::CAPTURE_INFO,
        captures.iter().filter_map(|c| {
            let can = c.abilities?;
            let yes = |able| String::from(if able { "yes" } else { "no" });
            let bytes = if can.exact_bytes { "yes" } else { "estimated" };
            Some((
                [
                    c.name.clone(),
                    can.backend.label().to_owned(),
                    yes(can.vlan),
                    yes(can.direction),
                    yes(can.drops),
                    bytes.to_owned(),
                ],
                1.0,
            ))
        }),
    )?;
    Ok(small.into_families())
}
