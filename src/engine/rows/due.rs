//! Which rows of a table must be visited when a second closes: a set of places, one bit each. A
//! hundred thousand quiet rows cost nothing.

/// Places of rows. One bit a row of the table.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Due {
    words: Vec<u64>,
    len: usize,
}

impl Due {
    /// Adds a place.
    pub(in crate::engine) fn insert(&mut self, place: u32) {
        let (word, bit) = split(place);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.len += usize::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Takes a place out.
    pub(in crate::engine) fn remove(&mut self, place: u32) {
        let (word, bit) = split(place);
        if let Some(word) = self.words.get_mut(word) {
            self.len -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    /// The row at `last` moved to `place`, whose own row is gone.
    pub(in crate::engine) fn swap_remove(&mut self, place: u32, last: u32) {
        let moves = place != last && self.contains(last);
        self.remove(last);
        self.remove(place);
        if moves {
            self.insert(place);
        }
    }

    /// Whether there is none.
    pub(in crate::engine) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first place from `place` on.
    pub(in crate::engine) fn next(&self, place: u32) -> Option<u32> {
        let (mut word, bit) = split(place);
        let mut bits = *self.words.get(word)? & !(bit - 1);
        while bits == 0 {
            word += 1;
            bits = *self.words.get(word)?;
        }
        Some(u32::try_from(word).ok()? * u64::BITS + bits.trailing_zeros())
    }

    fn contains(&self, place: u32) -> bool {
        let (word, bit) = split(place);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}

const fn split(place: u32) -> (usize, u64) {
    ((place / u64::BITS) as usize, 1 << (place % u64::BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn all(due: &Due) -> Vec<u32> {
        let next = |place: &u32| due.next(place + 1);
        std::iter::successors(due.next(0), next).collect()
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((0_u8..3, 0_u32..200, 0_u32..200), 0..200)) {
            let (mut due, mut model) = (Due::default(), BTreeSet::new());
            for (what, a, b) in steps {
                let (place, last) = (a.min(b), a.max(b));
                match what {
                    0 => {
                        due.insert(a);
                        model.insert(a);
                    }
                    1 => {
                        due.remove(a);
                        model.remove(&a);
                    }
                    _ => {
                        due.swap_remove(place, last);
                        model.remove(&place);
                        if model.remove(&last) && place != last {
                            model.insert(place);
                        }
                    }
                }
                prop_assert_eq!(all(&due), model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(due.is_empty(), model.is_empty());
            }
        }
    }
}
