//! Signs of life. A thread beats whenever it comes round; a watcher looks at the beats and adds up
//! how long each has been silent.
//!
//! Silence is counted in the watcher's own turns: where the whole process stood still (a stopped or
//! starved one, a sleeping machine), the watcher did so too, and nobody was silent.

use super::Time;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The most that one turn of the watcher counts.
const TURN_MAX: Duration = Duration::from_secs(3);

/// The beats of one thread, and how long it has been silent.
#[derive(Debug, Default)]
pub struct Beat {
    beats: AtomicU64,
    /// Those that the watcher has seen.
    seen: AtomicU64,
    /// Nanoseconds.
    silence: AtomicU64,
}

impl Beat {
    /// The thread goes on.
    pub(crate) fn handle_beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it ever beat.
    pub(crate) fn has_begun(&self) -> bool {
        self.beats.load(Ordering::Relaxed) > 0
    }

    /// How long it has been silent, by the watcher's turns.
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_nanos(self.silence.load(Ordering::Relaxed))
    }

    /// The watcher looks, after a turn. Where no beat is expected there is no silence.
    pub(crate) fn handle_look(&self, turn: Turn, is_expected: bool) {
        let beats = self.beats.load(Ordering::Relaxed);
        let has_beaten = self.seen.swap(beats, Ordering::Relaxed) != beats;
        if has_beaten || !is_expected {
            self.silence.store(0, Ordering::Relaxed);
        } else {
            let turn = u64::try_from(turn.0.as_nanos()).unwrap_or(u64::MAX);
            self.silence.fetch_add(turn, Ordering::Relaxed);
        }
    }
}

/// One turn of the watcher, as long as it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn(Duration);

/// When the watcher looked last.
#[derive(Debug, Default)]
pub(crate) struct Watcher(AtomicU64);

impl Watcher {
    /// It looks again. Only one thread may.
    pub(crate) fn handle_turn(&self, now: Time) -> Turn {
        let last = self.0.swap(now.0, Ordering::Relaxed);
        let since = if last == 0 { Duration::ZERO } else { now.since(Time(last)) };
        Turn(since.min(TURN_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(n: u64) -> Time {
        Time(n * 1_000_000_000)
    }

    #[test]
    fn silence_is_counted_in_turns_and_a_beat_ends_it() {
        let (watcher, beat) = (Watcher::default(), Beat::default());
        beat.handle_beat();
        for n in 1..=5 {
            beat.handle_look(watcher.handle_turn(second(n)), true);
        }
        assert_eq!(beat.silence(), Duration::from_secs(4));
        beat.handle_beat();
        beat.handle_look(watcher.handle_turn(second(6)), true);
        assert_eq!(beat.silence(), Duration::ZERO);
    }

    #[test]
    fn a_process_that_stood_still_was_not_silent() {
        let (watcher, beat) = (Watcher::default(), Beat::default());
        beat.handle_beat();
        beat.handle_look(watcher.handle_turn(second(100)), true);
        beat.handle_look(watcher.handle_turn(second(3_700)), true);
        assert!(beat.silence() <= TURN_MAX);
    }

    #[test]
    fn who_is_not_expected_is_not_silent() {
        let (watcher, beat) = (Watcher::default(), Beat::default());
        for n in 1..=5 {
            beat.handle_look(watcher.handle_turn(second(n)), n > 4);
        }
        assert_eq!(beat.silence(), Duration::from_secs(1));
        assert!(!beat.has_begun());
    }
}
