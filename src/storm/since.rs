//! Since when it has been going on: the first second since which no 10 s held fewer frames than a
//! fifth of what a limit allows.
//!
//! A storm is known some seconds after its first frame, a chatty device minutes after. What people
//! look for in their logs is the first frame.

/// Seconds over which the frames are summed.
const SECONDS: u64 = 10;
/// Seconds looked back on, at most.
const KEPT: u64 = 50;

/// Since when the frames have not been under a fifth of one limit. 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Since(Option<u64>);

impl Since {
    /// Closes `second`: the 10 s up to its end hold `frames`, the limit is `rate` a second. `at` is
    /// how many frames one of these seconds holds.
    pub(super) fn close(
        &mut self,
        second: u64,
        frames: u64,
        rate: Option<u64>,
        at: impl Fn(u64) -> u64,
    ) {
        let Some(rate) = rate.filter(|rate| frames > 0 && frames * 5 >= rate * SECONDS) else {
            self.0 = None;
            return;
        };
        if self.0.is_some() {
            return;
        }
        let ten_until = |last: u64| (last + 1).saturating_sub(SECONDS)..=last;
        let is_met = |last: &u64| {
            let frames: u64 = ten_until(*last).map(&at).sum();
            frames > 0 && frames * 5 >= rate * SECONDS
        };
        // Where a limit is low it was met before anybody closed these seconds.
        let earlier = (second.saturating_sub(KEPT)..second).rev().take_while(is_met);
        let first = earlier.last().unwrap_or(second);
        // What a device sends now and then may lie before it in these 10 s.
        let begins = |then: &u64| at(*then) > 0 && at(*then) * 5 >= rate;
        self.0 = Some(ten_until(first).find(begins).unwrap_or(first));
    }

    /// The second, if it is going on.
    pub(super) const fn second(self) -> Option<u64> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Since when it goes on at the end of each second, from 100 on, that holds so many frames.
    fn since(frames: &[u64], rate: u64) -> Vec<Option<u64>> {
        let at = |second: u64| {
            let place = second.checked_sub(100).and_then(|place| usize::try_from(place).ok());
            place.and_then(|place| frames.get(place)).copied().unwrap_or(0)
        };
        let mut since = Since::default();
        let close = |second: u64| {
            let ten = (second - 9..=second).map(at).sum();
            since.close(second, ten, Some(rate), at);
            since.second()
        };
        (100..100 + frames.len() as u64).map(close).collect()
    }

    #[test]
    fn the_first_second_of_a_flood_is_found_at_its_rate() {
        // 60 a second where 50 are the limit: a fifth of 500 is reached in the second of them.
        assert_eq!(
            since(&[1, 0, 0, 60, 60, 60], 50),
            [None, None, None, None, Some(103), Some(103)]
        );
        assert_eq!(since(&[0, 500, 500], 50), [None, Some(101), Some(101)]);
        // Ten a second are a fifth, and it takes ten of them.
        let slow = since(&[10; 12], 50);
        assert_eq!(slow[8..], [None, Some(100), Some(100), Some(100)]);
        assert_eq!(since(&[9; 40], 50), [None; 40]);
    }

    #[test]
    fn ten_seconds_under_a_fifth_are_the_end_of_it() {
        let mut frames = vec![100; 5];
        frames.extend([0; 9]);
        frames.push(100);
        // 9 silent seconds are less than ten, and the one before them is enough.
        assert_eq!(since(&frames, 50)[4..], [Some(100); 11]);
        frames.insert(5, 0);
        assert_eq!(since(&frames, 50)[13..], [Some(100), None, Some(115)]);
    }

    #[test]
    fn a_limit_that_is_off_begins_nothing() {
        let mut since = Since::default();
        since.close(100, 1_000, None, |_| 1_000);
        assert_eq!(since.second(), None);
        assert_eq!(self::since(&[0; 3], 0), [None; 3]);
    }

    proptest! {
        #[test]
        fn no_ten_seconds_since_then_held_fewer(
            frames in prop::collection::vec(0_u64..8, 1..200), rate in 1_u64..8,
        ) {
            let told = since(&frames, rate);
            let holds = |end: usize| {
                frames[end.saturating_sub(9)..=end].iter().sum::<u64>() * 5 >= rate * 10
            };
            for (end, told) in told.iter().enumerate() {
                prop_assert_eq!(told.is_some(), holds(end));
                let Some(from) = told else { continue };
                let from = usize::try_from(from - 100).expect("small");
                // Of the 10 s that reached it first, and reach it since.
                let run = (0..=end).rev().take_while(|end| holds(*end));
                let first = run.last().expect("one");
                prop_assert!(from <= first && first - from < 10);
                prop_assert!((from + 9..=end).all(holds), "no 10 s since then held fewer");
                prop_assert!(frames[from] > 0);
            }
        }
    }
}
