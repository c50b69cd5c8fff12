//! The segments of a site as one port hears them that carries them all: untagged, and in VLANs.

use crate::simulation::{Segment, Simulation};
use std::time::Duration;

/// Some LANs, each in a VLAN of its own or in none.
#[derive(Debug)]
pub(super) struct Trunk(Vec<(Segment, Simulation)>);

impl Trunk {
    /// A port that carries these.
    pub(super) const fn new(lans: Vec<(Segment, Simulation)>) -> Self {
        Self(lans)
    }

    /// Gives the next frame of any of them to `take`, with the segment that it is on, if it is sent
    /// until then; false if none is. Times never go back.
    pub(super) fn take(
        &mut self,
        until: Duration,
        take: impl FnOnce(Duration, Segment, &[u8]),
    ) -> bool {
        loop {
            let next = self.0.iter_mut().filter_map(|(segment, lan)| {
                lan.next_at().filter(|at| *at <= until).map(|at| (at, *segment, lan))
            });
            let Some((at, segment, lan)) = next.min_by_key(|(at, ..)| *at) else { return false };
            // What it does then need not be a frame.
            if let Some((at, frame)) = lan.frame_until(at) {
                take(at, segment, frame);
                return true;
            }
        }
    }

    /// When the next frame may be sent, at the earliest.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.0.iter().filter_map(|(_, lan)| lan.next_at()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Options;

    #[test]
    fn it_carries_each_frame_of_each_in_the_order_of_time() {
        let until = Duration::from_mins(10);
        let of = |segment| Simulation::new(Options { segment, seed: 3, ..Options::default() });
        let mut trunk = Trunk::new(Segment::ALL.map(|segment| (segment, of(segment))).into());
        let mut heard = Vec::new();
        while trunk.take(until, |at, segment, frame| heard.push((at, segment, frame.to_vec()))) {}
        assert!(heard.is_sorted_by_key(|(at, ..)| *at));
        assert!(trunk.next_at() > Some(until));
        for segment in Segment::ALL {
            let alone: Vec<_> = of(segment).frames(until).collect();
            let carried: Vec<_> = heard
                .iter()
                .filter(|(_, on, _)| *on == segment)
                .map(|(at, _, frame)| (*at, frame.clone()))
                .collect();
            assert!(alone == carried, "{segment:?}: {} and {}", alone.len(), carried.len());
            assert!(alone.len() > 50, "{segment:?}: {}", alone.len());
        }
    }
}
