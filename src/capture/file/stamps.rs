//! Time stamps of pcapng interfaces: ticks of a resolution that the file chooses, and an offset.

use crate::time::Stamp;

/// How the ticks of one interface turn into time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    resolution: Resolution,
    /// Seconds to add: option `if_tsoffset`.
    offset: i64,
}

/// One tick in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// A tick is this many nanoseconds.
    Times(u32),
    /// A nanosecond is this many ticks.
    Over(u64),
    /// A second is 2 to the power of this many ticks.
    Binary(u8),
    /// A tick is so short that 64 bits of them make less than a nanosecond.
    Nothing,
}

impl Default for Clock {
    /// Microseconds since 1970, which hold where an interface does not say otherwise.
    fn default() -> Self {
        Self { resolution: Resolution::Times(1_000), offset: 0 }
    }
}

impl Clock {
    /// A clock by the values of the options `if_tsresol` and `if_tsoffset`, where given
    /// (draft-ietf-opsawg-pcapng section 4.2). The high bit of the resolution says that it is a
    /// negative power of 2, else of 10.
    pub(super) fn new(tsresol: Option<u8>, tsoffset: Option<i64>) -> Self {
        let offset = tsoffset.unwrap_or(0);
        let resolution = match tsresol {
            None => Resolution::Times(1_000),
            Some(binary @ 0x80..) => Resolution::Binary(binary & 0x7f),
            Some(decimal @ 0..=9) => Resolution::Times(10u32.pow(9 - u32::from(decimal))),
            Some(fine) => match 10u64.checked_pow(u32::from(fine) - 9) {
                Some(ticks) => Resolution::Over(ticks),
                None => Resolution::Nothing,
            },
        };
        Self { resolution, offset }
    }

    /// The time that `ticks` stand for.
    #[inline]
    pub(super) fn stamp(&self, ticks: u64) -> Stamp {
        let nanoseconds = match self.resolution {
            Resolution::Times(factor) => i128::from(ticks) * i128::from(factor),
            Resolution::Over(divisor) => i128::from(ticks / divisor),
            // 64 bits times 10^9 are less than 2^94: no overflow.
            Resolution::Binary(bits) => (i128::from(ticks) * 1_000_000_000) >> bits,
            Resolution::Nothing => 0,
        };
        Stamp(nanoseconds + i128::from(self.offset) * 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_of_both_kinds() {
        let second = Stamp::new(1, 0);
        let half = Stamp::new(1, 500_000_000);
        assert_eq!(Clock::default().stamp(1_500_000), half);
        assert_eq!(Clock::new(None, None), Clock::default());
        assert_eq!(Clock::new(Some(0), None).stamp(1), second);
        assert_eq!(Clock::new(Some(3), None).stamp(1_500), half);
        assert_eq!(Clock::new(Some(9), None).stamp(1_500_000_000), half);
        assert_eq!(Clock::new(Some(12), None).stamp(1_500_000_000_000), half);
        assert_eq!(Clock::new(Some(0x80), None).stamp(1), second);
        assert_eq!(Clock::new(Some(0x81), None).stamp(3), half);
        assert_eq!(Clock::new(Some(0x94), None).stamp(3 << 19), half);
    }

    #[test]
    fn absurd_values_do_not_overflow() {
        for resolution in 0..=u8::MAX {
            let clock = Clock::new(Some(resolution), Some(i64::MIN));
            assert!(clock.stamp(u64::MAX) >= clock.stamp(0));
            let clock = Clock::new(Some(resolution), Some(i64::MAX));
            assert!(clock.stamp(u64::MAX) >= clock.stamp(0));
        }
        assert_eq!(Clock::new(Some(127), None).stamp(u64::MAX), Stamp(0));
    }

    #[test]
    fn offsets_add_seconds() {
        assert_eq!(Clock::new(Some(6), Some(10)).stamp(1_000_000), Stamp::new(11, 0));
        assert_eq!(Clock::new(Some(6), Some(-10)).stamp(1_000_000), Stamp::new(-9, 0));
    }
}
