//! The data of a record: a keyed hash of it with its names decompressed and in lower case, so that
//! the same record in another compression is the same; and whether it has the form of its type.
//! Knows no sections.

use super::digest::Record;
use super::names::{self, Name};
use super::types::{DataHash, RType};
use crate::decode::Reason;
use crate::decode::octets::{array_at, u8_at, u16_at};
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::ops::Range;

/// What was made of a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Data {
    /// Keyed hash of the canonical form.
    pub(super) hash: DataHash,
    /// What was wrong.
    pub(super) flaw: Option<Reason>,
    /// Whether all of it was checked here; otherwise only the strict parser can tell.
    pub(super) checked: bool,
}

/// What a type's data is made of: octets, names, and octets again.
#[derive(Clone, Copy)]
struct Form {
    /// Octets before the names.
    before: usize,
    /// How many names.
    names: usize,
    /// What may follow them.
    behind: Behind,
    /// Whether no further check is needed.
    checked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    /// Anything, or what the caller checks.
    Anything,
}

/// The types whose data holds names that may be compressed (RFC 1035 section 3.3, RFC 6762
/// section 18.14), and those that hold names at a known place.
const fn form(rtype: RType) -> Option<Form> {
    let (before, names, behind, checked) = match rtype.0 {
        // NS, CNAME, PTR.
        2 | 5 | 12 => (0, 1, Behind::Nothing, true),
        // MD, MF, MB, MG, MR, NSAP-RType::PTR, DNAME.
        3 | 4 | 7..=9 | 23 | 39 => (0, 1, Behind::Nothing, false),
        // SOA.
        6 => (0, 2, Behind::Anything, false),
        // MINFO, RP.
        14 | 17 => (0, 2, Behind::Nothing, false),
        // MX, AFSDB, RT, KX.
        15 | 18 | 21 | 36 => (2, 1, Behind::Nothing, false),
        // SRV.
        33 => (6, 1, Behind::Nothing, true),
        // SIG, RRSIG.
        24 | 46 => (18, 1, Behind::Anything, false),
        // NSEC.
        47 => (0, 1, Behind::Anything, true),
        // SVCB, HTTPS.
        64 | 65 => (2, 1, Behind::Anything, false),
        _ => return None,
    };
    Some(Form { before, names, behind, checked })
}

/// What [`Record::data`] is of an A or AAAA record with this address. `state` is that of
/// the digest's key.
pub fn address_data(ip: IpAddr, state: &RandomState) -> DataHash {
    let mut hasher = state.build_hasher();
    match ip {
        IpAddr::V4(ip) => hasher.write(&ip.octets()),
        IpAddr::V6(ip) => hasher.write(&ip.octets()),
    }
    DataHash(hasher.finish())
}

/// Reads the data of a record of type `rtype` at `range`, which lies within `message`. The last
/// name in it stays in `name`.
pub(super) fn read(
    message: &[u8],
    range: Range<usize>,
    rtype: RType,
    key: &RandomState,
    name: &mut Name,
) -> Data {
    let raw = message.get(range.clone()).unwrap_or_default();
    let mut hasher = key.build_hasher();
    // No data, no fault: updates (RFC 2136 section 2.5) have none.
    let (result, checked) = if raw.is_empty() {
        (Ok(None), true)
    } else if let Some(form) = form(rtype) {
        (names(message, range, rtype, form, &mut hasher, name), form.checked)
    } else {
        hasher.write(raw);
        plain(raw, rtype)
    };
    let flaw = match result {
        Ok(flaw) => flaw,
        Err(reason) => {
            hasher = key.build_hasher();
            hasher.write(raw);
            Some(reason)
        }
    };
    Data { hash: DataHash(hasher.finish()), flaw, checked }
}

/// Data with names in it. An error where the names do not fit.
fn names(
    message: &[u8],
    range: Range<usize>,
    rtype: RType,
    form: Form,
    hasher: &mut impl Hasher,
    name: &mut Name,
) -> Result<Option<Reason>, Reason> {
    let mut at = range.start + form.before;
    if at >= range.end {
        return Err(Reason::BadData);
    }
    // An empty part is not hashed, so that the hash of what a PTR record points to is the name's.
    if form.before > 0 {
        hasher.write(&message[range.start..at]);
    }
    let mut flaw = None;
    for _ in 0..form.names {
        let end = name.read(message, at).map_err(|_| Reason::BadData)?;
        if end.next > range.end {
            return Err(Reason::BadData);
        }
        hasher.write(name.labels());
        flaw = flaw.or(end.flaw);
        at = end.next;
    }
    let rest = &message[at..range.end];
    if !rest.is_empty() {
        hasher.write(rest);
    }
    let fits = match (rtype, form.behind) {
        (RType::NSEC, _) => bitmaps_fit(rest),
        (_, Behind::Nothing) => rest.is_empty(),
        (_, Behind::Anything) => true,
    };
    Ok(flaw.or((!fits).then_some(Reason::BadData)))
}

/// Data without names: what was wrong, and whether all was checked.
fn plain(raw: &[u8], rtype: RType) -> (Result<Option<Reason>, Reason>, bool) {
    let fits = match rtype {
        RType::A => raw.len() == 4,
        RType::AAAA => raw.len() == 16,
        RType::TXT => strings(raw).last().is_none_or(|string| string.is_ok()),
        RType::HINFO => {
            strings(raw).filter_map(Result::ok).count() == 2 && strings(raw).count() == 2
        }
        RType::OPT => options_fit(raw),
        _ => return (Ok(None), false),
    };
    (Ok((!fits).then_some(Reason::BadData)), true)
}

/// The strings of a TXT record (RFC 1035 section 3.3.14); an error for one that is cut off.
pub(super) fn strings(mut raw: &[u8]) -> impl Iterator<Item = Result<&[u8], Reason>> {
    std::iter::from_fn(move || {
        let (&len, rest) = raw.split_first()?;
        let string = rest.get(..usize::from(len));
        raw = string.map_or(&[], |string| &rest[string.len()..]);
        Some(string.ok_or(Reason::BadData))
    })
}

/// Bitmaps of types by windows in rising order (RFC 4034 section 4.1.2).
fn bitmaps_fit(mut raw: &[u8]) -> bool {
    let mut last = None;
    while let Some(window) = u8_at(raw, 0) {
        let Some(len) = u8_at(raw, 1).map(usize::from) else {
            return false;
        };
        if len > 32 || last.is_some_and(|last| window <= last) {
            return false;
        }
        last = Some(window);
        let Some(rest) = raw.get(2 + len..) else {
            return false;
        };
        raw = rest;
    }
    true
}

/// Options of an OPT record (RFC 6891 section 6.1.2).
fn options_fit(mut raw: &[u8]) -> bool {
    while !raw.is_empty() {
        let rest = u16_at(raw, 2).and_then(|len| raw.get(4 + usize::from(len)..));
        let Some(rest) = rest else {
            return false;
        };
        raw = rest;
    }
    true
}

/// The data as an address of `N` octets.
pub(super) fn address<const N: usize>(raw: &[u8]) -> Option<[u8; N]> {
    if raw.len() == N { array_at(raw, 0) } else { None }
}

/// The address that an A or AAAA record of `message` holds; `None` of other records, and where
/// the data is no address.
pub fn address_at(message: &[u8], record: &Record) -> Option<IpAddr> {
    let field = names::follow(message, record.at.into(), |_| ()).ok()?.next;
    let len = usize::from(u16_at(message, field + 8)?);
    let raw = message.get(field + 10..field + 10 + len)?;
    match record.rtype {
        RType::A => address::<4>(raw).map(IpAddr::from),
        RType::AAAA => address::<16>(raw).map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(message: &[u8], start: usize, rtype: RType) -> Data {
        let key = RandomState::with_seeds(1, 2, 3, 4);
        read(message, start..message.len(), rtype, &key, &mut Name::default())
    }

    #[test]
    fn compression_and_case_make_no_difference() {
        let compressed = read_at(b"\x05local\0\0\0\0\0\0\x50\x01a\xc0\x00", 7, RType::SRV);
        let plain = read_at(b"\0\0\0\0\0\x50\x01A\x05LOCAL\0", 0, RType::SRV);
        let other = read_at(b"\0\0\0\0\0\x51\x01A\x05LOCAL\0", 0, RType::SRV);
        assert_eq!(compressed, plain);
        assert_ne!(plain.hash, other.hash);
        assert_eq!((plain.flaw, plain.checked), (None, true));
    }

    #[test]
    fn data_that_does_not_fit_its_type() {
        let flaw = |raw: &[u8], rtype| read_at(raw, 0, rtype).flaw;
        assert_eq!(flaw(&[1, 2, 3], RType::A), Some(Reason::BadData));
        assert_eq!(flaw(&[0; 16], RType::AAAA), None);
        assert_eq!(flaw(&[0; 17], RType::AAAA), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a\x02b", RType::TXT), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a\x00\x02bc", RType::TXT), None);
        assert_eq!(flaw(b"\x01a\x01b", RType::HINFO), None);
        assert_eq!(flaw(b"\x01a\x01b\0", RType::HINFO), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a\x02b", RType::HINFO), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a", RType::PTR), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a\0x", RType::PTR), Some(Reason::BadData));
        assert_eq!(flaw(b"\0\0\0", RType::SRV), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a\0\0\x01\x40", RType::NSEC), None);
        assert_eq!(flaw(b"\x01a\0\0\x04\x40", RType::NSEC), Some(Reason::BadData));
        assert_eq!(flaw(b"\x01a\0\0\x01\x40\0\x01\x40", RType::NSEC), Some(Reason::BadData));
        assert_eq!(flaw(b"\0\x04\0\x02ab", RType::OPT), None);
        assert_eq!(flaw(b"\0\x04\0\x03ab", RType::OPT), Some(Reason::BadData));
        assert_eq!(flaw(b"", RType::SRV), None);
        assert!(!read_at(b"anything", 0, RType(999)).checked);
    }
}
