//! The wall clock as stamps tell it.

use super::*;

const S: u64 = 1_000_000_000;

#[test]
fn the_close_of_a_second_is_told_as_the_wall_clock_has_it() {
    // Engine second and stamp in milliseconds; what the close of engine second 99 is called.
    type Case<'a> = (&'a [(u64, i128)], i128);
    let cases: [Case<'_>; 6] = [
        (&[], 100_000),
        (&[(10, 1_010_000)], 1_100_000),
        // Late frames count as if they came now.
        (&[(10, 1_010_000), (10, 1_009_000), (11, 1_010_300)], 1_100_000),
        // A clock that stepped back by more, or ahead.
        (&[(10, 1_010_000), (10, 1_008_999)], 1_098_999),
        (&[(10, 1_010_000), (10, 5_010_000)], 5_100_000),
        (
            &[(10, i128::MAX / 2_000_000), (10, i128::MIN / 2_000_000)],
            90_000 + i128::MIN / 2_000_000,
        ),
    ];
    for (frames, close) in cases {
        let mut wall = Wall::default();
        for (second, stamp) in frames {
            wall.learn(Time(second * S), Stamp(stamp * 1_000_000));
        }
        assert_eq!(wall.close_of(99), Stamp(close * 1_000_000), "{frames:?}");
    }
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    let mut wall = Wall::default();
    for stamp in [i128::MIN, i128::MAX, i128::MIN] {
        wall.learn(Time(u64::MAX), Stamp(stamp));
        wall.close_of(u64::MAX);
    }
}
