//! Who provoked what a device answers: the few that did most.

use crate::decode::Sender;

/// Askers kept. Six of one fleet asked at once.
const KEPT: usize = 8;

/// The askers that provoked most of a device's frames, with how many. A new one takes the place of
/// the least, with its count: none that provoked an eighth of all is ever missing. 272 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Askers([Option<(Sender, u64)>; KEPT]);

impl Askers {
    /// One more frame was provoked by `asker`.
    pub(super) fn count(&mut self, asker: Sender) {
        let same = |slot: &Option<(Sender, u64)>| slot.is_some_and(|(there, _)| there == asker);
        if let Some(Some((_, count))) = self.0.iter_mut().find(|slot| same(slot)) {
            *count += 1;
        } else if let Some(least) = self.0.iter_mut().min_by_key(|slot| slot.map(|slot| slot.1)) {
            *least = Some((asker, least.map_or(0, |(_, count)| count) + 1));
        }
    }

    /// All of them, those that provoked most first.
    pub(super) fn most_first(&self) -> Vec<Sender> {
        let mut askers: Vec<(Sender, u64)> = self.0.iter().flatten().copied().collect();
        askers.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        askers.into_iter().map(|(asker, _)| asker).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn asker(n: u8) -> Sender {
        Sender::Mac(Mac([n; 6]))
    }

    #[test]
    fn who_asks_most_is_kept_and_comes_first() {
        let mut askers = Askers::default();
        for n in 0..100 {
            askers.count(asker(100 + n));
            for _ in 0..2 {
                askers.count(asker(1));
            }
            askers.count(asker(2));
        }
        let told = askers.most_first();
        assert_eq!((told.len(), &told[..2]), (KEPT, &[asker(1), asker(2)][..]));
    }

    #[test]
    fn equals_are_in_the_order_of_their_addresses() {
        let mut askers = Askers::default();
        for n in [3, 1, 2] {
            askers.count(asker(n));
        }
        assert_eq!(askers.most_first(), [1, 2, 3].map(asker));
    }

    #[test]
    fn memory_has_a_bound() {
        assert!(size_of::<Askers>() <= 272, "{}", size_of::<Askers>());
    }
}
