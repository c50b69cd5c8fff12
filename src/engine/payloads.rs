//! Digests of payloads that came before: a storm is one payload again and again, and reading it
//! once is enough.
//!
//! A hit is verified byte by byte, so that a collision, intended or not, does nothing.
//!
//! A payload is kept when it comes for the second time: a flood of payloads that all differ costs
//! one hash each, throws nothing out and allocates nothing.

use crate::decode::mdns::{self, Datagram, Digest, HashKey, PayloadHash};
use ahash::RandomState;

/// How a whole message is read. The one place where the engine calls the parser.
pub(super) type Parser = fn(&Datagram<'_>, &HashKey) -> Digest;

/// The parser of the program.
pub(super) const PARSER: Parser = mdns::digest;

/// Sets and entries of a set: 64 payloads.
const SETS: usize = 16;
const WAYS: usize = 4;
/// Longer payloads are read each time: storms are not made of them.
const MAX_LEN: usize = 1_500;
/// Hashes of payloads that came once.
const ONCE: usize = 256;

/// A kept payload.
#[derive(Debug)]
struct KeptPayload {
    hash: u64,
    /// When it was used last, by [`Payloads::uses`].
    used: u64,
    payload: Vec<u8>,
    digest: Digest,
}

/// The digests of up to 64 payloads of at most 1,500 bytes.
#[derive(Debug)]
pub(super) struct Payloads {
    hasher: RandomState,
    /// Empty before the first payload came twice.
    entries: Vec<Option<KeptPayload>>,
    /// By the low bits of the hash; empty before the first payload.
    once: Vec<u64>,
    uses: u64,
    /// Holds a digest that is not kept.
    passing: Digest,
}

impl Payloads {
    /// An empty memory. It allocates with the first payload.
    pub(super) fn new(key: HashKey) -> Self {
        let [a, b, c, d] = key.0;
        Self {
            hasher: RandomState::with_seeds(c, d, a, b),
            entries: Vec::new(),
            once: Vec::new(),
            uses: 0,
            passing: Digest::default(),
        }
    }

    /// The keyed hash of `payload` and its digest, which `read` makes unless it is kept. Nothing is
    /// kept of a payload that is not `complete`: the same bytes can be a whole message another
    /// time.
    pub(super) fn digest(
        &mut self,
        payload: &[u8],
        complete: bool,
        read: impl FnOnce() -> Digest,
    ) -> (PayloadHash, &Digest) {
        let hash = self.hasher.hash_one(payload);
        if !complete || payload.len() > MAX_LEN {
            self.passing = read();
            return (PayloadHash(hash), &self.passing);
        }
        self.uses += 1;
        let set = place(hash >> 32, SETS) * WAYS;
        let end = if self.entries.is_empty() { set } else { set + WAYS };
        let found = (set..end).find(|&place| {
            let entry = self.entries[place].as_ref();
            entry.is_some_and(|entry| entry.hash == hash && entry.payload == payload)
        });
        let place = match found {
            Some(place) => place,
            None if !self.came_before(hash) => {
                self.passing = read();
                return (PayloadHash(hash), &self.passing);
            }
            None => self.keep(set, hash, payload, read()),
        };
        match &mut self.entries[place] {
            Some(entry) => {
                entry.used = self.uses;
                (PayloadHash(hash), &entry.digest)
            }
            // Not reached: `place` was found or filled.
            None => (PayloadHash(hash), &self.passing),
        }
    }

    /// The keyed hash of a payload that is kept, and its digest. It is not used by this.
    pub(super) fn kept(&self, payload: &[u8], complete: bool) -> Option<(PayloadHash, &Digest)> {
        if !complete || payload.len() > MAX_LEN || self.entries.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(payload);
        let set = place(hash >> 32, SETS) * WAYS;
        let mut set = self.entries[set..set + WAYS].iter().flatten();
        let entry = set.find(|entry| entry.hash == hash && entry.payload == payload)?;
        Some((PayloadHash(hash), &entry.digest))
    }

    /// A payload that is kept was used so many times more. The last time of all must be told.
    pub(super) const fn skip(&mut self, times: u64) {
        self.uses += times;
    }

    /// Whether a payload with this hash came lately; it is remembered from now on.
    fn came_before(&mut self, hash: u64) -> bool {
        if self.once.is_empty() {
            self.once = vec![0; ONCE];
        }
        let place = place(hash, ONCE);
        std::mem::replace(&mut self.once[place], hash) == hash
    }

    fn keep(&mut self, set: usize, hash: u64, payload: &[u8], digest: Digest) -> usize {
        if self.entries.is_empty() {
            self.entries.resize_with(SETS * WAYS, || None);
        }
        let used = |place: &usize| self.entries[*place].as_ref().map(|entry| entry.used);
        let place = (set..set + WAYS).min_by_key(used).unwrap_or(set);
        let mut bytes = match self.entries[place].take() {
            Some(entry) => entry.payload,
            None => Vec::new(),
        };
        bytes.clear();
        bytes.extend_from_slice(payload);
        self.entries[place] = Some(KeptPayload { hash, used: self.uses, payload: bytes, digest });
        place
    }
}

/// One of `places` (a power of two) by the low bits of `hash`.
#[allow(clippy::cast_possible_truncation, reason = "the low bits are all that is wanted")]
const fn place(hash: u64, places: usize) -> usize {
    hash as usize & (places - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    /// A digest from which its payload can be told.
    fn read(payload: &[u8]) -> Digest {
        let len = u32::try_from(payload.len()).expect("short");
        let sum = payload.iter().map(|&b| u32::from(b)).sum();
        Digest { decoded: [len, sum, 0, 0], ..Digest::default() }
    }

    #[test]
    fn reads_a_payload_twice_and_never_again() {
        let mut payloads = Payloads::new(HashKey([1, 2, 3, 4]));
        let reads = Cell::new(0);
        for _ in 0..10 {
            let (_, digest) = payloads.digest(b"storm", true, || {
                reads.set(reads.get() + 1);
                read(b"storm")
            });
            assert_eq!(digest.decoded, read(b"storm").decoded);
        }
        assert_eq!(reads.get(), 2);
    }

    #[test]
    fn payloads_that_differ_are_not_kept() {
        let mut payloads = Payloads::new(HashKey([1, 2, 3, 4]));
        for n in 0..10_000_u32 {
            payloads.digest(&n.to_be_bytes(), true, Digest::default);
        }
        assert!(payloads.entries.is_empty());
    }

    #[test]
    fn long_payloads_are_read_each_time() {
        let mut payloads = Payloads::new(HashKey([1, 2, 3, 4]));
        let long = vec![0; MAX_LEN + 1];
        for _ in 0..3 {
            assert_eq!(payloads.digest(&long, true, || read(&long)).1.decoded, read(&long).decoded);
        }
        assert!(payloads.entries.is_empty());
    }

    #[test]
    fn an_equal_hash_is_not_enough() {
        let mut payloads = Payloads::new(HashKey([1, 2, 3, 4]));
        for _ in 0..2 {
            payloads.digest(b"one", true, || read(b"one"));
        }
        for entry in payloads.entries.iter_mut().flatten() {
            entry.payload = b"two".to_vec();
        }
        assert_eq!(payloads.digest(b"one", true, || read(b"one")).1.decoded, read(b"one").decoded);
    }

    proptest! {
        #[test]
        fn a_digest_is_always_that_of_the_payload(steps in prop::collection::vec(0_u16..200, 1..600)) {
            let mut payloads = Payloads::new(HashKey([5, 6, 7, 8]));
            for n in steps {
                let payload = n.to_be_bytes().repeat(usize::from(n % 7) + 1);
                let expected = read(&payload).decoded;
                prop_assert_eq!(payloads.digest(&payload, true, || read(&payload)).1.decoded, expected);
            }
        }
    }
}
