//! Which frames are read to the end and judged when more come than there is time for. The others are
//! counted by what their headers say: sender, protocol, bytes, kind of message.
//!
//! A capture that falls behind loses frames, whoever sent them, and what is lost cannot be counted.
//! So there is an allowance for reading and judging, for live captures alone. It is spent by device: each
//! device that is there has the same number of its frames judged in a second, so that a flood
//! cannot buy the silence of what tells it, nor that of the others. Strangers share one part, or
//! inventing senders would pay.

use crate::frame::Backlog;
use crate::storm::Whose;

/// What is read to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judging {
    /// Every frame, however long it takes: files, which can wait.
    Everything,
    /// As much as there is time for: live captures.
    InTime,
}

/// Records read in a second of one segment, from which on there is haste: some 300 ns each, so that
/// a third of a processor's time goes into them.
const RECORDS: u64 = 1_000_000;
/// Frames of known devices that are judged in a second of haste, about: 5 microseconds each.
const KNOWN: u32 = 8_000;
/// The least that each of them has: enough for 10/s, the limit of a storm, to be seen as what it is.
const EACH: u32 = 20;
/// Frames of strangers that are judged in a second of haste.
const STRANGE: u32 = 4_000;
/// The same when the ring is all but full: this machine is slower than was thought.
const STRANGE_AT_MOST: u32 = 200;

/// How many frames of a device were judged in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    second: u64,
    frames: u32,
    /// Whether it was counted among those that were heard in haste.
    is_in_haste: bool,
}

/// What may be judged of one segment.
#[derive(Debug)]
pub(super) struct Allowance {
    backlog: Backlog,
    second: u64,
    /// Read in this second, each frame counted as one too.
    records: u64,
    /// Frames of strangers judged in this second.
    strange: u32,
    /// Known devices heard in haste, in this second and in the one before.
    devices: [u32; 2],
    /// The last second with a frame that was not judged.
    gap: Option<u64>,
    unjudged: u64,
}

impl Allowance {
    /// What this kind of judging has; none has no end.
    pub(super) fn new(judging: Judging) -> Option<Box<Self>> {
        match judging {
            Judging::Everything => None,
            Judging::InTime => Some(Box::new(Self {
                backlog: Backlog::Little,
                second: 0,
                records: 0,
                strange: 0,
                devices: [0; 2],
                gap: None,
                unjudged: 0,
            })),
        }
    }

    /// So many frames wait from now on.
    pub(super) const fn set_backlog(&mut self, backlog: Backlog) {
        self.backlog = backlog;
    }

    /// Whether the next frame is judged: one of a device with this row, or of a sender without.
    pub(super) fn admits(&mut self, second: u64, row: Option<(Whose, &mut Judged)>) -> bool {
        if second != self.second {
            let before = if second == self.second + 1 { self.devices[0] } else { 0 };
            self.devices = [0, before];
            (self.second, self.records, self.strange) = (second, 0, 0);
        }
        let is_in_haste = self.backlog > Backlog::Little || self.records >= RECORDS;
        let is_admitted = match row {
            Some((Whose::Known, judged)) => {
                if judged.second != second {
                    *judged = Judged { second, frames: 0, is_in_haste: false };
                }
                if is_in_haste && !judged.is_in_haste {
                    judged.is_in_haste = true;
                    self.devices[0] += 1;
                }
                let is_admitted = !is_in_haste || judged.frames < self.share();
                judged.frames = judged.frames.saturating_add(u32::from(is_admitted));
                is_admitted
            }
            Some((Whose::New | Whose::Strange, _)) | None => {
                let is_admitted = !is_in_haste || self.strange < self.part();
                self.strange = self.strange.saturating_add(u32::from(is_admitted));
                is_admitted
            }
        };
        self.unjudged += u64::from(!is_admitted);
        is_admitted
    }

    /// A frame with so many records was judged.
    pub(super) const fn spend(&mut self, records: u64) {
        self.records += 1 + records;
    }

    /// Whether the frame that was not judged just now is the first of its second.
    pub(super) fn begins_gap(&mut self, second: u64) -> bool {
        self.gap.replace(second) != Some(second)
    }

    /// Frames that were not judged.
    pub(super) const fn unjudged(&self) -> u64 {
        self.unjudged
    }

    /// Frames that each known device has judged in this second.
    fn share(&self) -> u32 {
        let [now, before] = self.devices;
        match self.backlog {
            Backlog::Little | Backlog::Half => (KNOWN / now.max(before).max(1)).max(EACH),
            Backlog::Most => EACH,
        }
    }

    /// Frames of strangers that are judged in this second.
    const fn part(&self) -> u32 {
        match self.backlog {
            Backlog::Little | Backlog::Half => STRANGE,
            Backlog::Most => STRANGE_AT_MOST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_haste() -> Allowance {
        let mut allowance = *Allowance::new(Judging::InTime).unwrap();
        allowance.set_backlog(Backlog::Half);
        allowance
    }

    /// How many of these frames are judged, by device: a round of frames is one of each device for
    /// each time that it is named.
    fn judged(
        allowance: &mut Allowance,
        seconds: u64,
        rounds: usize,
        round: &[usize],
    ) -> Vec<Vec<u32>> {
        let mut rows = vec![Judged::default(); round.iter().max().unwrap() + 1];
        (100..100 + seconds)
            .map(|second| {
                let mut counts = vec![0; rows.len()];
                for _ in 0..rounds {
                    for &device in round {
                        let row = Some((Whose::Known, &mut rows[device]));
                        counts[device] += u32::from(allowance.admits(second, row));
                    }
                }
                counts
            })
            .collect()
    }

    #[test]
    fn without_haste_everything_is_judged() {
        let mut allowance = *Allowance::new(Judging::InTime).unwrap();
        assert_eq!(judged(&mut allowance, 1, 100_000, &[0]), [[100_000]]);
        assert_eq!(allowance.unjudged(), 0);
        assert!(Allowance::new(Judging::Everything).is_none());
    }

    #[test]
    fn a_flood_leaves_the_others_judged_and_is_judged_itself() {
        let mut allowance = in_haste();
        // A thousand frames of the flooder for each of the other.
        let round: Vec<usize> = std::iter::repeat_n(0, 1_000).chain([1]).collect();
        for counts in judged(&mut allowance, 3, 60, &round) {
            assert!((KNOWN / 2..=KNOWN).contains(&counts[0]), "{counts:?}");
            assert_eq!(counts[1], 60);
        }
        let all = 3 * 60 * 1_001;
        assert!(allowance.unjudged() > all - 3 * 2 * u64::from(KNOWN));
    }

    #[test]
    fn when_the_ring_is_all_but_full_each_has_the_least() {
        let mut allowance = in_haste();
        allowance.set_backlog(Backlog::Most);
        let counts = judged(&mut allowance, 1, 1_000, &[0, 0, 0, 1]);
        assert_eq!(counts, [[EACH, EACH]]);
        let strange = (0..1_000).filter(|_| allowance.admits(100, None)).count();
        assert_eq!(strange, STRANGE_AT_MOST as usize);
    }

    #[test]
    fn many_devices_have_a_little_each() {
        let mut allowance = in_haste();
        let round: Vec<usize> = (0..2_000).collect();
        let seconds = judged(&mut allowance, 2, 100, &round);
        assert!(seconds[1].iter().all(|count| *count == EACH), "{:?}", seconds[1].iter().max());
    }

    #[test]
    fn strangers_share_one_part_however_many_they_are() {
        let mut allowance = in_haste();
        let mut known = Judged::default();
        let mut strange = 0;
        for _ in 0..100_000 {
            let mut row = Judged::default();
            strange += u32::from(allowance.admits(100, Some((Whose::New, &mut row))));
            allowance.admits(100, None);
        }
        assert_eq!(strange, STRANGE / 2);
        assert!(allowance.admits(100, Some((Whose::Known, &mut known))));
    }

    #[test]
    fn too_many_records_make_haste_until_the_second_ends() {
        let mut allowance = *Allowance::new(Judging::InTime).unwrap();
        let mut row = Judged::default();
        let mut admitted = [0; 2];
        for (at, count) in admitted.iter_mut().enumerate() {
            for _ in 0..200_000 {
                if allowance.admits(100 + at as u64, Some((Whose::Known, &mut row))) {
                    allowance.spend(19);
                    *count += 1;
                }
            }
        }
        assert_eq!(admitted, [50_000; 2]);
    }
}
