//! The names that a probe asks for (RFC 6762 section 8.1): the owners of the records that it
//! proposes; of a PTR record, which is shared, the name that it points to. Kept are their hashes,
//! and the hash of the name without a number at the end of its first label, as responders that lose
//! a conflict put one there (section 9). Knows no history.

use super::digest::{Digest, Probed};
use super::names::Name;
use super::types::NameHash;
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Notes a name, unless it is there already.
pub(super) fn note(probed: &mut Vec<Probed>, name: &Name, key: &RandomState) {
    if probed.len() >= Digest::PROBED_MAX {
        return;
    }
    let labels = name.labels();
    let mut hasher = key.build_hasher();
    hasher.write(labels);
    let name = NameHash(hasher.finish());
    if probed.iter().any(|there| there.name == name) {
        return;
    }
    let (first, rest) = match labels.split_first() {
        Some((&len, rest)) => rest.split_at_checked(usize::from(len)).unwrap_or((rest, &[])),
        None => (labels, labels),
    };
    let mut hasher = key.build_hasher();
    hasher.write(stem(first));
    hasher.write_u8(0);
    hasher.write(rest);
    probed.push(Probed { name, stem: NameHash(hasher.finish()) });
}

/// A label without ` (N)`, `-N` or digits at its end.
fn stem(label: &[u8]) -> &[u8] {
    let without_digits = |label: &[u8]| {
        let digits = label.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
        label.len() - digits
    };
    if let Some(inner) = label.strip_suffix(b")") {
        let end = without_digits(inner);
        if end < inner.len()
            && let Some(stem) = inner[..end].strip_suffix(b" (")
        {
            return stem;
        }
        return label;
    }
    let end = without_digits(label);
    if end == label.len() || end == 0 {
        // No number, or nothing else: then it is the name.
        return label;
    }
    label[..end].strip_suffix(b"-").unwrap_or(&label[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_at_the_end_is_taken_off() {
        for (label, expected) in [
            ("homeassistant2752", "homeassistant"),
            ("host-2", "host"),
            ("my printer (3)", "my printer"),
            ("my printer (x)", "my printer (x)"),
            ("(3)", "(3)"),
            ("a-b", "a-b"),
            ("12", "12"),
            ("", ""),
            ("-2", ""),
        ] {
            assert_eq!(stem(label.as_bytes()), expected.as_bytes(), "{label}");
        }
    }

    #[test]
    fn names_with_one_stem_differ_and_their_stems_do_not() {
        let key = RandomState::with_seeds(1, 2, 3, 4);
        let mut probed = Vec::new();
        for label in ["host", "host-2", "HOST-2", "other-2"] {
            let mut message = vec![u8::try_from(label.len()).expect("short")];
            message.extend(label.as_bytes());
            message.extend(b"\x05local\0");
            let mut name = Name::default();
            name.read(&message, 0).expect("a name");
            note(&mut probed, &name, &key);
        }
        let [host, second, other] = probed[..] else { panic!("{probed:?}") };
        assert!(host.stem == second.stem && host.name != second.name);
        assert_ne!(host.stem, other.stem);
        let same_under_another = [host.stem, other.stem];
        assert_ne!(same_under_another[0], same_under_another[1]);
    }
}
