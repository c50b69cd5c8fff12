//! The numbers of DNS that mDNS uses, and the keyed hashes that stand for names, data and payloads,
//! each kind a type of its own, so that none is mistaken for another.

use ahash::RandomState;
use std::fmt;

/// A record's type (RFC 1035 section 3.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RType(pub u16);

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl RType {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }

        impl fmt::Display for RType {
            /// The type's name; those without a name here as RFC 3597 section 5 has it.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => f.write_str(stringify!($name)),)*
                    other => write!(f, "TYPE{other}"),
                }
            }
        }
    };
}

types! {
    /// An IPv4 address (RFC 1035 section 3.4.1).
    A = 1,
    /// A name server (RFC 1035 section 3.3.11).
    NS = 2,
    /// Another name for it (RFC 1035 section 3.3.1).
    CNAME = 5,
    /// Another name; for a service type, its instances (RFC 1035 section 3.3.12, RFC 6763).
    PTR = 12,
    /// Hardware and system (RFC 1035 section 3.3.2).
    HINFO = 13,
    /// Text: of a service instance, its attributes (RFC 1035 section 3.3.14, RFC 6763 section 6).
    TXT = 16,
    /// An IPv6 address (RFC 3596).
    AAAA = 28,
    /// Host and port of a service instance (RFC 2782).
    SRV = 33,
    /// Not a record but options of the message (RFC 6891 section 6.1).
    OPT = 41,
    /// Which types a name has (RFC 4034 section 4, RFC 6762 section 6.1).
    NSEC = 47,
    /// In questions: any type (RFC 1035 section 3.2.3).
    ANY = 255,
}

impl RType {
    /// Whether its records say which address a host has.
    pub(crate) const fn is_address(self) -> bool {
        matches!(self, Self::A | Self::AAAA)
    }

    /// Whether a record of this type answers a question for `asked`: of the same type, of any
    /// where any is asked for, and those that say what there is instead.
    pub const fn answers(self, asked: Self) -> bool {
        self.0 == asked.0 || matches!(asked, Self::ANY) || matches!(self, Self::NSEC | Self::CNAME)
    }
}

/// A class without its top bit, which means something else in mDNS (RFC 6762 sections 5.4 and
/// 10.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RClass(pub u16);

impl RClass {
    /// The Internet (RFC 1035 section 3.2.4).
    pub const IN: Self = Self(1);
    /// In questions: any class (RFC 1035 section 3.2.5).
    pub const ANY: Self = Self(255);
}

/// The key of the hashes of names and data, four words: unknown to the network, so that nobody can
/// make two names collide on purpose.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u64; 4]);

/// It stays unknown.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

impl HashKey {
    /// What hashes the names and data of a [`Digest`](super::Digest).
    pub fn state(&self) -> RandomState {
        let [a, b, c, d] = self.0;
        RandomState::with_seeds(a, b, c, d)
    }
}

/// Keyed hash of a name in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameHash(pub u64);

/// Keyed hash of a record's data, with the names in it decompressed and in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataHash(pub u64);

impl DataHash {
    /// The data of a PTR record as the name that it is.
    pub(crate) const fn as_name(self) -> NameHash {
        NameHash(self.0)
    }
}

/// Keyed hash of a whole payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PayloadHash(pub u64);

/// The hash of a collection whose order does not matter: the sum of its members' keyed hashes, so
/// that nobody can construct a collision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SumHash(u64);

impl SumHash {
    /// One more member.
    pub const fn add(&mut self, hash: u64) {
        self.0 = self.0.wrapping_add(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_their_constants() {
        assert_eq!(RType::AAAA.to_string(), "AAAA");
        assert_eq!(RType(65).to_string(), "TYPE65");
    }

    #[test]
    fn a_record_answers_its_type_and_any_and_some_answer_all() {
        assert!(RType::A.answers(RType::A) && RType::A.answers(RType::ANY));
        assert!(RType::NSEC.answers(RType::A) && !RType::A.answers(RType::AAAA));
    }

    #[test]
    fn a_sum_does_not_know_the_order() {
        let sum = |hashes: [u64; 3]| {
            let mut sum = SumHash::default();
            for hash in hashes {
                sum.add(hash);
            }
            sum
        };
        assert_eq!(sum([1, 2, u64::MAX]), sum([u64::MAX, 1, 2]));
        assert_ne!(sum([1, 2, 3]), sum([1, 2, 4]));
    }
}
