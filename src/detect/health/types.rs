//! Types of service (RFC 6763 section 4.1) that have a name of their own, and how often each
//! occurs.
//!
//! The names are chosen by the network: at most 64 types have one at a time, whatever lasts longer
//! is up to the caller; the others are counted together. It must not know what is counted.

use crate::decode::mdns::NameHash;

/// Types that have a name of their own.
pub(super) const TYPES_MAX: usize = 64;
/// What the other types are counted as.
pub(super) const OTHER: &str = "other";

/// A type that has a name.
#[derive(Clone, Debug)]
struct Named<T> {
    name: NameHash,
    label: Box<str>,
    value: T,
}

/// The types that have a name, with what the caller knows of each.
#[derive(Debug)]
pub(super) struct Types<T>(Vec<Named<T>>);

impl<T> Types<T> {
    /// None has a name yet.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many have one.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// What is known of a type that has a name.
    pub(super) fn get_mut(&mut self, name: NameHash) -> Option<&mut T> {
        self.0.iter_mut().find(|there| there.name == name).map(|there| &mut there.value)
    }

    /// Gives a name to a type that has none, if there is one to give and `label` makes one.
    pub(super) fn add(
        &mut self,
        name: NameHash,
        label: impl FnOnce() -> Option<Box<str>>,
        value: T,
    ) {
        if self.len() < TYPES_MAX
            && let Some(label) = label()
        {
            self.0.push(Named { name, label, value });
        }
    }

    /// Takes their names from the types of which this does not hold.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(NameHash, &T) -> bool) {
        self.0.retain(|there| keeps(there.name, &there.value));
    }

    /// How often each occurs in `all`, by name in order; those without one last.
    pub(super) fn count(&self, all: impl Iterator<Item = NameHash>) -> Vec<(Box<str>, u64)> {
        let mut counts = vec![0; self.len()];
        let mut others = 0;
        for name in all {
            match self.0.iter().position(|there| there.name == name) {
                Some(place) => counts[place] += 1,
                None => others += 1,
            }
        }
        let labels = self.0.iter().map(|there| there.label.clone());
        let mut counts: Vec<_> = labels.zip(counts).filter(|(_, count)| *count > 0).collect();
        counts.sort_unstable();
        // Names that differ may look the same once they are clean.
        counts.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                kept.1 += later.1;
            }
            is_same
        });
        if others > 0 {
            counts.push((OTHER.into(), others));
        }
        counts
    }
}

/// The label of a type by its name, such as `_ipp._tcp`. `None` if it does not fit: types have at
/// most 15 letters (RFC 6335 section 5.1).
pub(super) fn label(name: &str) -> Option<Box<str>> {
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".local").map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_type_in_lower_case_or_none() {
        assert_eq!(label("_IPP._tcp.local").as_deref(), Some("_ipp._tcp"));
        assert_eq!(label(&"_x".repeat(32)), None);
    }

    #[test]
    fn labels_that_look_the_same_are_one_and_the_others_are_together() {
        let mut types = Types::new();
        for name in [1, 2] {
            types.add(NameHash(name), || Some("_a._tcp".into()), ());
        }
        types.add(NameHash(3), || None, ());
        let counts = types.count([1, 2, 2, 3, 4].map(NameHash).into_iter());
        assert_eq!(counts, [("_a._tcp".into(), 3), (OTHER.into(), 2)]);
    }

    #[test]
    fn names_are_given_to_sixty_four_and_given_back() {
        let mut types = Types::new();
        for name in 0..70 {
            types.add(NameHash(name), || Some(format!("_{name}._tcp").into()), name);
        }
        assert_eq!(types.len(), TYPES_MAX);
        assert_eq!(types.get_mut(NameHash(69)), None);
        types.retain(|_, value| *value > 0);
        types.add(NameHash(69), || Some("_69._tcp".into()), 69);
        assert_eq!(types.get_mut(NameHash(69)), Some(&mut 69));
    }
}
