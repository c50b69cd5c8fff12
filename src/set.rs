//! Sets of the variants of a closed enum, as bits of one word.
//!
//! Works on enums that `labelled!` makes. An enum with more variants than there are bits does not
//! compile.

use crate::labelled::Labelled;
use std::fmt;
use std::marker::PhantomData;

/// A set of the variants of `E`, at most 32 of them; 4 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Set<E>(u32, PhantomData<E>);

impl<E: Labelled> Set<E> {
    /// The empty set.
    pub const NONE: Self = Self(0, PhantomData);

    /// Every variant.
    pub const ALL: Self = Self(Self::ALL_BITS, PhantomData);

    const ALL_BITS: u32 = {
        assert!(E::VARIANTS.len() <= u32::BITS as usize, "more variants than bits: widen Set");
        if E::VARIANTS.is_empty() {
            0
        } else {
            u32::MAX >> (u32::BITS as usize - E::VARIANTS.len())
        }
    };

    /// Adds one; whether it was not there before.
    pub fn insert(&mut self, member: E) -> bool {
        let before = self.0;
        self.0 |= Self::bit(member);
        self.0 != before
    }

    /// Takes one out; whether it was there.
    pub fn remove(&mut self, member: E) -> bool {
        let before = self.0;
        self.0 &= !Self::bit(member);
        self.0 != before
    }

    /// Whether it is there.
    pub fn contains(self, member: E) -> bool {
        self.0 & Self::bit(member) != 0
    }

    /// Whether none is there.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in either.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0, PhantomData)
    }

    /// Those that are here and not in `other`.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0, PhantomData)
    }

    /// Those that are there, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = E> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let place = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            E::VARIANTS.get(place).copied()
        })
    }

    /// In terms of `ALL_BITS`, so that the bound on the variants is checked wherever a set is used.
    fn bit(member: E) -> u32 {
        (1 << member.place()) & Self::ALL_BITS
    }
}

impl<E> Default for Set<E> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<E: Labelled> FromIterator<E> for Set<E> {
    fn from_iter<I: IntoIterator<Item = E>>(members: I) -> Self {
        let mut set = Self::NONE;
        for member in members {
            set.insert(member);
        }
        set
    }
}

impl<E: Labelled> fmt::Debug for Set<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Labelled::label)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// As many variants as there are bits.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Full(usize);

    impl Labelled for Full {
        const VARIANTS: &'static [Self] = &{
            let mut all = [Self(0); 32];
            let mut place = 0;
            while place < all.len() {
                all[place] = Self(place);
                place += 1;
            }
            all
        };

        fn place(self) -> usize {
            self.0
        }

        fn label(self) -> &'static str {
            if self.0 == 0 { "first" } else { "later" }
        }
    }

    #[test]
    fn all_holds_the_last_of_thirty_two() {
        assert_eq!(Set::<Full>::ALL.iter().collect::<Vec<_>>(), Full::VARIANTS);
        assert!(Set::<Full>::ALL.contains(Full(31)) && !Set::<Full>::NONE.contains(Full(31)));
        assert_eq!(Set::<Full>::ALL.difference(Set::ALL), Set::NONE);
        assert_eq!(format!("{:?}", Set::from_iter([Full(31), Full(0)])), r#"{"first", "later"}"#);
    }

    proptest! {
        #[test]
        fn agrees_with_a_tree(
            steps in prop::collection::vec((0..32_usize, any::<bool>()), 0..80),
            other in prop::collection::vec(0..32_usize, 0..8),
        ) {
            let mut set = Set::NONE;
            let mut model = BTreeSet::new();
            for (place, adds) in steps {
                let member = Full(place);
                if adds {
                    prop_assert_eq!(set.insert(member), model.insert(member));
                } else {
                    prop_assert_eq!(set.remove(member), model.remove(&member));
                }
                prop_assert_eq!(set.is_empty(), model.is_empty());
                prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), model.clone());
            }
            let other: BTreeSet<Full> = other.into_iter().map(Full).collect();
            let others: Set<Full> = other.iter().copied().collect();
            prop_assert!(set.union(others).iter().eq(model.union(&other).copied()));
            prop_assert!(set.difference(others).iter().eq(model.difference(&other).copied()));
        }
    }
}
