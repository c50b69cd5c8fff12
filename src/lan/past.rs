//! The latest storms of the process, each with who it was: a page about a storm that is over can be
//! asked for when the device has lost its row and the interface is gone.
//!
//! In: what pipelines tell of storms. Out: one storm, by its id. It must not know what pages say.

use crate::engine::Identity;
use crate::pipeline::StormNews;
use crate::segment::{Label, LanName};
use crate::storm::Storm;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// A storm as it was when something happened to it last.
#[derive(Clone, Debug)]
pub struct PastStorm {
    /// The storm.
    pub storm: Storm,
    /// The segment it is on.
    pub label: Label,
    /// Which LAN that is, if it has a name.
    pub lan: Option<LanName>,
    /// Who the device is, as far as that was ever known; `None` of a segment as a whole.
    pub identity: Option<Arc<Identity>>,
}

/// The latest storms. Each takes 280 bytes, at most 700 for what it is about and who asks, 165 for
/// its id, and who it was.
#[derive(Debug, Default)]
pub struct PastStorms(Mutex<VecDeque<(String, PastStorm)>>);

impl PastStorms {
    /// How many are kept: those that ended last, and those that began since. One that lasts while
    /// as many end is kept again when it ends.
    pub const KEPT: usize = 256;

    /// Takes note of what has happened to a storm.
    pub fn handle(&self, news: &StormNews) {
        let storm = news.event.storm();
        let id = storm.id(&news.label);
        let mut kept = self.0.lock();
        let before = kept.iter().rposition(|(known, _)| *known == id);
        let before = before.and_then(|place| kept.remove(place));
        // A device that has lost its row is who it was.
        let known = before.and_then(|(_, past)| past.identity);
        let (label, lan) = (Arc::clone(&news.label), news.lan.clone());
        let identity = news.identity.clone().or(known);
        if kept.len() >= Self::KEPT {
            kept.pop_front();
        }
        kept.push_back((id, PastStorm { storm: storm.clone(), label, lan, identity }));
    }

    /// The storm with this id.
    pub fn get(&self, id: &str) -> Option<PastStorm> {
        let kept = self.0.lock();
        kept.iter().rfind(|(known, _)| known == id).map(|(_, past)| past.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Protocol;
    use crate::detect::SegmentCause;
    use crate::storm::{Culprit, EndReason, Level, StormEvent};
    use crate::time::Stamp;

    fn storm(number: u64) -> Storm {
        let culprit = Culprit::Segment { cause: SegmentCause::ManyDevices };
        let start = Stamp::new(1_700_000_000, 0);
        Storm::begun(number, culprit, (Level::Storm, Protocol::Mdns), start)
    }

    fn ended(number: u64) -> StormEvent {
        let end = Some((Stamp::new(1_700_000_060, 0), EndReason::Quiet));
        StormEvent::Ended(Storm { end, ..storm(number) })
    }

    fn tell(past: &PastStorms, event: StormEvent, identity: Option<&Arc<Identity>>) {
        let identity = identity.cloned();
        let (label, lan) = ("eth0".into(), Some("office".into()));
        past.handle(&StormNews { label, lan, event, identity });
    }

    #[test]
    fn the_latest_are_kept_and_a_long_one_comes_back_with_its_end() {
        let past = PastStorms::default();
        let id = |number: u64| storm(number).id("eth0");
        tell(&past, StormEvent::Began(storm(0)), None);
        assert!(past.get(&id(0)).is_some_and(|past| past.storm.end.is_none()));
        for number in 1..=1_000 {
            tell(&past, StormEvent::Began(storm(number)), None);
            tell(&past, ended(number), None);
        }
        assert_eq!(past.0.lock().len(), PastStorms::KEPT);
        let is_kept = |number: &u64| past.get(&id(*number)).is_some();
        assert_eq!(
            (0..=1_000).filter(is_kept).collect::<Vec<_>>(),
            (745..=1_000).collect::<Vec<_>>()
        );
        tell(&past, ended(0), None);
        assert!(past.get(&id(0)).is_some_and(|past| past.storm.end.is_some()));
        assert_eq!(past.0.lock().len(), PastStorms::KEPT);
        assert!(past.get(&id(745)).is_none() && past.get(&id(746)).is_some());
    }

    #[test]
    fn a_device_without_a_row_is_who_it_was() {
        let past = PastStorms::default();
        let of = |name: &str| Arc::new(Identity { name: Some(name.into()), ..Identity::default() });
        let name = || past.get(&storm(3).id("eth0")).and_then(|past| past.identity?.name.clone());
        tell(&past, StormEvent::Began(storm(3)), Some(&of("a")));
        tell(&past, StormEvent::Rose(storm(3)), Some(&of("b")));
        assert_eq!(name().as_deref(), Some("b"));
        tell(&past, ended(3), None);
        assert_eq!(name().as_deref(), Some("b"));
    }

    #[test]
    fn a_past_storm_is_as_large_as_is_said() {
        assert!(size_of::<(String, PastStorm)>() <= 304, "{}", size_of::<(String, PastStorm)>());
    }
}
