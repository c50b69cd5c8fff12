//! Maps time stamps to engine time. Pure: it is given what the clocks say.
//!
//! Stamps of frames, and for live captures readings of both clocks, become engine time that never
//! goes back; a step of a clock is noticed. The cost of a step does not depend on its size: a
//! Raspberry Pi without a battery leaps by years when it finds a time server.

use super::clock::Reading;
use super::{Stamp, Time};

/// Engine time at a file's first frame: well above zero, so that "a minute ago" exists.
const FILE_START: Time = Time(3_600_000_000_000);
/// In a file, frames may be out of order by this much without the clock having stepped.
const OUT_OF_ORDER: i128 = 1_000_000_000;
/// In a file, silence may last this long without the clock having stepped.
const SILENCE: i128 = 3_600_000_000_000;
/// Live, the wall clock may drift against the monotonic clock by this much between two readings
/// (time servers slew by parts per million; readings are at most seconds apart).
const DRIFT: i128 = 1_000_000_000;

/// Where a stamp lies in engine time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The engine time; never before that of the stamp placed last.
    pub time: Time,
    /// Whether the clock that made the stamps stepped just before this one.
    pub stepped: bool,
}

/// Turns the stamps of one source of frames into engine time.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    source: Source,
    /// Wall clock minus engine time, in nanoseconds.
    offset: Option<i128>,
    last: Time,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// Only stamps are known: time is what they say, and jumps are guessed from them.
    File,
    /// The monotonic clock is known as of the last reading.
    Live { now: Time },
}

impl Timeline {
    /// For frames from files: time begins with the first stamp.
    pub const fn file() -> Self {
        Self { source: Source::File, offset: None, last: FILE_START }
    }

    /// For live frames: [`Self::handle_reading`] must be called before the first frame and once
    /// a batch.
    pub const fn live() -> Self {
        Self { source: Source::Live { now: Time(0) }, offset: None, last: Time(0) }
    }

    /// Takes a reading of the clocks (live only; files ignore it). True if the wall clock has
    /// stepped against the monotonic clock since the last reading.
    pub(crate) fn handle_reading(&mut self, reading: Reading) -> bool {
        let Source::Live { now } = &mut self.source else { return false };
        *now = reading.monotonic.max(*now);
        let offset = reading.wall.0 - i128::from(reading.monotonic.0);
        let stepped = self.offset.is_some_and(|before| (offset - before).abs() > DRIFT);
        self.offset = Some(offset);
        stepped
    }

    /// Engine time of a frame with this stamp.
    pub fn place(&mut self, stamp: Stamp) -> Placed {
        let placed = match self.source {
            Source::Live { now } => {
                let offset = self.offset.unwrap_or(stamp.0 - i128::from(now.0));
                // A stamp made before a step and read after it may lie anywhere: it is kept between
                // the last frame and the reading.
                let time = to_time(stamp.0.saturating_sub(offset)).min(now).max(self.last);
                Placed { time, stepped: false }
            }
            Source::File => self.place_in_file(stamp),
        };
        self.last = placed.time;
        placed
    }

    fn place_in_file(&mut self, stamp: Stamp) -> Placed {
        let last = i128::from(self.last.0);
        let offset = *self.offset.get_or_insert(stamp.0.saturating_sub(last));
        let ahead = stamp.0.saturating_sub(offset).saturating_sub(last);
        if (-OUT_OF_ORDER..=SILENCE).contains(&ahead) {
            return Placed { time: to_time(last + ahead.max(0)), stepped: false };
        }
        self.offset = Some(stamp.0.saturating_sub(last));
        Placed { time: self.last, stepped: true }
    }

    /// The latest engine time that is known: of the last reading or the last stamp placed.
    pub fn now(&self) -> Time {
        match self.source {
            Source::File => self.last,
            Source::Live { now } => now.max(self.last),
        }
    }

    /// The engine time of the last stamp placed.
    pub const fn last(&self) -> Time {
        self.last
    }
}

fn to_time(nanoseconds: i128) -> Time {
    Time(u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i128 = 1_000_000_000;

    fn file_times(seconds: &[f64]) -> Vec<(f64, bool)> {
        let mut timeline = Timeline::file();
        seconds
            .iter()
            .map(|s| {
                #[allow(clippy::cast_possible_truncation, reason = "test input")]
                let placed = timeline.place(Stamp((s * 1e9) as i128));
                #[allow(clippy::cast_precision_loss, reason = "test output")]
                let after = (placed.time.0 - FILE_START.0) as f64 / 1e9;
                (after, placed.stepped)
            })
            .collect()
    }

    #[test]
    fn a_small_step_back_in_a_file_is_clamped_and_time_goes_on_by_the_stamps() {
        assert_eq!(
            file_times(&[100.0, 101.0, 100.5, 100.0, 102.0]),
            [(0.0, false), (1.0, false), (1.0, false), (1.0, false), (2.0, false)]
        );
    }

    #[test]
    fn a_larger_step_back_in_a_file_goes_on_from_the_last_frame() {
        assert_eq!(
            file_times(&[100.0, 101.0, 99.5, 100.0]),
            [(0.0, false), (1.0, false), (1.0, true), (1.5, false)]
        );
    }

    #[test]
    fn a_silent_hour_is_no_step_and_a_longer_one_is() {
        assert_eq!(
            file_times(&[0.0, 3600.0, 7200.5, 7201.0]),
            [(0.0, false), (3600.0, false), (3600.0, true), (3600.5, false)]
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut timeline = Timeline::file();
        for stamp in [i128::MIN, i128::MAX, 0, i128::MAX, i128::MIN] {
            timeline.place(Stamp(stamp));
        }
        assert_eq!(timeline.last(), FILE_START);
    }

    fn reading(monotonic: u64, wall: i128) -> Reading {
        Reading { monotonic: Time(monotonic * 1_000_000_000), wall: Stamp(wall * S) }
    }

    #[test]
    fn live_stamps_follow_the_monotonic_clock_through_a_step_by_years() {
        let mut timeline = Timeline::live();
        assert!(!timeline.handle_reading(reading(10, 0)));
        assert_eq!(timeline.place(Stamp(-S)).time, Time(9_000_000_000));
        assert!(timeline.handle_reading(reading(11, 1_700_000_000)));
        // Made before the step, read after it.
        assert_eq!(timeline.place(Stamp(S / 2)).time, Time(9_000_000_000));
        assert_eq!(timeline.place(Stamp(1_700_000_000 * S - S / 2)).time, Time(10_500_000_000));
        assert!(!timeline.handle_reading(reading(12, 1_700_000_001)));
    }

    #[test]
    fn a_live_stamp_from_the_future_is_now() {
        let mut timeline = Timeline::live();
        timeline.handle_reading(reading(10, 100));
        assert_eq!(timeline.now(), Time(10_000_000_000));
        assert_eq!(timeline.place(Stamp(500 * S)).time, Time(10_000_000_000));
    }

    proptest! {
        #[test]
        fn time_never_goes_back(stamps in prop::collection::vec(any::<i64>(), 1..50), live: bool) {
            let mut timeline = if live { Timeline::live() } else { Timeline::file() };
            timeline.handle_reading(reading(5, 7));
            let mut last = Time(0);
            for stamp in stamps {
                let placed = timeline.place(Stamp(i128::from(stamp)));
                prop_assert!(placed.time >= last);
                last = placed.time;
            }
        }
    }
}
