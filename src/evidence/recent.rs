//! The latest frames of one capture, in memory of fixed size: what came before a storm was known to
//! be one.
//!
//! Gives the frames of one sender, oldest first. The oldest frames make space for the newest.

use crate::decode::Sender;
use crate::frame::{Frame, FrameMeta};
use std::collections::VecDeque;

/// Octets of frames that are kept.
const BYTES: usize = 512 * 1024;
/// Frames that are kept: with [`BYTES`], some 900 KiB in all.
const FRAMES: usize = 4_096;
/// Octets kept of one frame: all but what is left of a jumbo frame.
pub(super) const FRAME_MAX: usize = 2_048;

/// A frame that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub meta: FrameMeta,
    pub bytes: Box<[u8]>,
}

impl Kept {
    pub(super) fn new(frame: &Frame<'_>) -> Self {
        Self { meta: frame.meta, bytes: cut(frame).into() }
    }
}

fn cut<'a>(frame: &Frame<'a>) -> &'a [u8] {
    &frame.bytes[..frame.bytes.len().min(FRAME_MAX)]
}

/// Whose frame lies where.
#[derive(Clone, Copy, Debug)]
struct Slot {
    segment: usize,
    sender: Sender,
    meta: FrameMeta,
    start: usize,
    len: usize,
}

/// The latest frames. Allocates with the first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    memory: Vec<u8>,
    /// Oldest first.
    slots: VecDeque<Slot>,
    /// Where the next frame goes.
    next: usize,
}

impl Recent {
    /// Keeps a copy of a frame.
    pub(super) fn push(&mut self, segment: usize, sender: Sender, frame: &Frame<'_>) {
        if self.memory.is_empty() {
            self.memory = vec![0; BYTES];
            self.slots.reserve_exact(FRAMES);
        }
        let bytes = cut(frame);
        if self.next + bytes.len() > BYTES {
            // What is left at the end stays unused; frames lie in one piece.
            self.free(self.next, BYTES);
            self.next = 0;
        }
        let (start, end) = (self.next, self.next + bytes.len());
        self.free(start, end);
        if self.slots.len() == FRAMES {
            self.slots.pop_front();
        }
        self.memory[start..end].copy_from_slice(bytes);
        self.next = end;
        self.slots.push_back(Slot { segment, sender, meta: frame.meta, start, len: bytes.len() });
    }

    /// The last `count` frames of a sender on a segment, oldest first.
    pub(super) fn of(&self, segment: usize, sender: Sender, count: usize) -> Vec<Kept> {
        let own = |slot: &&Slot| slot.segment == segment && slot.sender == sender;
        let kept = |slot: &Slot| Kept {
            meta: slot.meta,
            bytes: self.memory[slot.start..slot.start + slot.len].into(),
        };
        let mut frames: Vec<Kept> =
            self.slots.iter().rev().filter(own).take(count).map(kept).collect();
        frames.reverse();
        frames
    }

    /// Forgets the oldest frames until none lies in `start..end`.
    fn free(&mut self, start: usize, end: usize) {
        // The oldest frame is the next one in the memory, if any is there.
        while let Some(oldest) = self.slots.front()
            && oldest.start < end
            && oldest.start + oldest.len.max(1) > start
        {
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Direction, LinkType};
    use crate::mac::Mac;
    use crate::time::Stamp;
    use proptest::prelude::*;

    fn sender(n: u8) -> Sender {
        Sender::Mac(Mac([2, 0, 0, 0, 0, n]))
    }

    fn meta(n: u32) -> FrameMeta {
        FrameMeta {
            stamp: Stamp::new(n.into(), 0),
            interface: 0,
            link: LinkType::Ethernet,
            stripped_tag: None,
            direction: Direction::Unknown,
            wire_len: n,
        }
    }

    #[test]
    fn a_long_frame_is_cut_and_says_how_long_it_was() {
        let mut recent = Recent::default();
        recent.push(0, sender(1), &Frame { meta: meta(9_000), bytes: &[7; 9_000] });
        let kept = recent.of(0, sender(1), 1);
        assert_eq!((kept[0].bytes.len(), kept[0].meta.wire_len), (FRAME_MAX, 9_000));
    }

    #[test]
    fn segments_and_senders_are_told_apart() {
        let mut recent = Recent::default();
        for (n, (segment, who)) in [(0, 1), (1, 1), (0, 2), (0, 1)].into_iter().enumerate() {
            let n = u32::try_from(n).unwrap();
            recent.push(segment, sender(who), &Frame { meta: meta(n), bytes: &[] });
        }
        let of = |segment, who, count| {
            recent
                .of(segment, sender(who), count)
                .iter()
                .map(|k| k.meta.wire_len)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0, 1, 9), [0, 3]);
        assert_eq!(of(0, 1, 1), [3], "the latest");
        assert_eq!(of(1, 1, 9), [1]);
        assert!(of(1, 2, 9).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_kept_is_the_latest_and_whole(
            lens in prop::collection::vec((0_usize..3_000, 0_u8..3), 1..3_000),
        ) {
            let mut recent = Recent::default();
            let mut all: Vec<(u8, u32, Vec<u8>)> = Vec::new();
            for (n, (len, who)) in lens.into_iter().enumerate() {
                let n = u32::try_from(n).unwrap();
                let bytes = vec![n.to_le_bytes()[0]; len];
                recent.push(0, sender(who), &Frame { meta: meta(n), bytes: &bytes });
                all.push((who, n, bytes[..len.min(FRAME_MAX)].to_vec()));
            }
            prop_assert!(recent.memory.len() == BYTES && recent.slots.len() <= FRAMES);
            // Nothing is forgotten before the memory is nearly full.
            let used: usize = recent.slots.iter().map(|slot| slot.len).sum();
            prop_assert!(recent.slots.len() == all.len().min(FRAMES) || used > BYTES / 2);
            let latest = &all[all.len() - recent.slots.len()..];
            for who in 0..3 {
                let expected: Vec<_> = latest.iter().filter(|(w, ..)| *w == who).collect();
                let kept = recent.of(0, sender(who), usize::MAX);
                prop_assert_eq!(kept.len(), expected.len());
                for (kept, (_, n, bytes)) in kept.iter().zip(expected) {
                    prop_assert_eq!(kept.meta.wire_len, *n);
                    prop_assert_eq!(&*kept.bytes, &bytes[..]);
                }
            }
        }
    }
}
