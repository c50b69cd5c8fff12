//! A segment's storms: their numbers, those that are over, and events that are still to be
//! reported.

use super::storm::{Culprit, EndReason, Level, Storm, StormEvent};
use crate::detect::Cause;
use crate::time::Stamp;
use std::collections::VecDeque;

/// Events kept until somebody asks for them; the oldest go first.
const EVENTS: usize = 256;

/// All storms of a segment. At most `kept` storms and 256 events, 248 bytes each and at most 700
/// more: what they are about and who asks.
#[derive(Clone, Debug)]
pub(crate) struct StormLog {
    next: u64,
    kept: usize,
    over: VecDeque<Storm>,
    forgotten: u64,
    ended: [[u64; Cause::COUNT]; Level::ALL.len()],
    events: VecDeque<StormEvent>,
}

impl StormLog {
    /// No storm yet. Of those that are over the latest `kept` are remembered.
    pub(crate) const fn new(kept: usize) -> Self {
        Self {
            next: 0,
            kept,
            over: VecDeque::new(),
            forgotten: 0,
            ended: [[0; Cause::COUNT]; Level::ALL.len()],
            events: VecDeque::new(),
        }
    }

    /// The number of the next storm to begin.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Records what has happened.
    pub(crate) fn book(&mut self, event: StormEvent) {
        match &event {
            StormEvent::Began(storm) => self.next = self.next.max(storm.number + 1),
            StormEvent::Rose(_) | StormEvent::Explained(_) | StormEvent::Changed(_) => {}
            StormEvent::Ended(storm) => {
                if let Culprit::Device { cause, .. } = storm.culprit {
                    self.ended[storm.level as usize][cause as usize] += 1;
                }
                self.over.push_back(storm.clone());
                if self.over.len() > self.kept {
                    self.over.pop_front();
                    self.forgotten += 1;
                }
            }
        }
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Records the end of a storm that did not grow quiet.
    pub(crate) fn break_off(&mut self, mut storm: Storm, at: Stamp, reason: EndReason) {
        storm.end = Some((at, reason));
        self.book(StormEvent::Ended(storm));
    }

    /// The oldest event that has not been reported.
    pub(crate) fn poll_event(&mut self) -> Option<StormEvent> {
        self.events.pop_front()
    }

    /// Storms that are over, in the order in which they ended.
    pub(crate) fn over(&self) -> impl Iterator<Item = &Storm> {
        self.over.iter()
    }

    /// Storms that ended after `since`, the latest first.
    pub(crate) fn lately(&self, since: Stamp) -> impl Iterator<Item = &Storm> {
        let ended = move |storm: &&Storm| storm.end.is_some_and(|(end, _)| end > since);
        self.over.iter().rev().take_while(ended)
    }

    /// Storms that are over and no longer remembered.
    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Device storms that are over, by final level and final cause.
    pub(crate) const fn ended(&self) -> &[[u64; Cause::COUNT]; Level::ALL.len()] {
        &self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Protocol, Sender};
    use crate::detect::CauseSet;
    use crate::mac::Mac;

    fn storm(number: u64) -> Storm {
        let (sender, also) = (Sender::Mac(Mac([1; 6])), CauseSet::default());
        let culprit = Culprit::Device { sender, cause: Cause::ProbeLoop, also };
        Storm::begun(number, culprit, (Level::Chatty, Protocol::Mdns), Stamp(0))
    }

    #[test]
    fn a_storm_is_as_large_as_is_said() {
        let askers = 8 * size_of::<Sender>();
        let sizes = (size_of::<Storm>(), size_of::<StormEvent>(), 2 * 63 * 4 + askers);
        assert!(sizes.0 <= 232 && sizes.1 <= 248 && sizes.2 <= 700, "{sizes:?}");
    }

    #[test]
    fn the_latest_are_kept_and_all_are_counted() {
        let mut log = StormLog::new(10);
        for number in 0..300 {
            assert_eq!(log.next(), number);
            log.book(StormEvent::Began(storm(number)));
            log.break_off(storm(number), Stamp(5), EndReason::Evicted);
        }
        let over: Vec<u64> = log.over().map(|storm| storm.number).collect();
        assert_eq!(over, (290..300).collect::<Vec<_>>());
        assert_eq!(log.forgotten(), 290);
        assert_eq!(log.ended()[Level::Chatty as usize][Cause::ProbeLoop as usize], 300);
        let first = log.poll_event().expect("an event");
        assert_eq!(first.storm().number, 300 - EVENTS as u64 / 2);
        let rest = std::iter::from_fn(|| log.poll_event()).count();
        assert_eq!(rest, EVENTS - 1);
    }
}
