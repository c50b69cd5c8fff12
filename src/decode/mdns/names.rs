//! Domain names as they stand in a message (RFC 1035 section 4.1.4): decompressed and in lower
//! case, where they end, and what was wrong with them. A name ends where its first pointer does, so
//! that no pointer, wherever it leads, hides what follows. Knows no records.

use crate::decode::Reason;
use crate::decode::octets::u8_at;

/// Pointers that are followed in one name. A name has at most 127 labels, and senders compress
/// whole tails: real ones have one or two.
const JUMPS_MAX: usize = 64;
/// The longest name in octets (RFC 1035 section 3.1), less the root's zero.
const LABELS_MAX: usize = 254;

/// Space for one name.
pub(super) struct Name {
    octets: [u8; LABELS_MAX],
    len: usize,
}

impl Default for Name {
    fn default() -> Self {
        Self { octets: [0; LABELS_MAX], len: 0 }
    }
}

/// How the reading of a name ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where what follows the name begins.
    pub(super) next: usize,
    /// What was wrong with the name.
    pub(super) flaw: Option<Reason>,
}

impl Name {
    /// The labels, each behind its length, in lower case, without the root's zero. As far as
    /// they could be read where there was a flaw.
    pub(super) fn labels(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    /// Reads the name at `at`.
    ///
    /// # Errors
    /// Where it is unknown where the name ends: [`Reason::Truncated`], [`Reason::BadLabel`].
    pub(super) fn read(&mut self, message: &[u8], at: usize) -> Result<End, Reason> {
        self.len = 0;
        let mut too_long = false;
        let end = follow(message, at, |label| {
            match self.octets.get_mut(self.len..self.len + label.len()) {
                Some(room) if !too_long => {
                    room.copy_from_slice(label);
                    self.len += label.len();
                }
                Some(_) | None => too_long = true,
            }
        })?;
        let labels = &mut self.octets[..self.len];
        let ascii = labels.is_ascii();
        // Lengths are below the letters.
        labels.make_ascii_lowercase();
        let own = if too_long {
            Some(Reason::BadName)
        } else if !ascii && !is_utf8(labels) {
            Some(Reason::BadUtf8)
        } else {
            None
        };
        Ok(End { next: end.next, flaw: end.flaw.or(own) })
    }
}

/// Whether each label is UTF-8.
fn is_utf8(mut labels: &[u8]) -> bool {
    while let Some((&len, rest)) = labels.split_first() {
        let Some((label, rest)) = rest.split_at_checked(usize::from(len)) else {
            return false;
        };
        if str::from_utf8(label).is_err() {
            return false;
        }
        labels = rest;
    }
    true
}

/// Visits the labels of the name at `at`, each with its length before it.
pub(super) fn follow<'a>(
    message: &'a [u8],
    mut at: usize,
    mut visit: impl FnMut(&'a [u8]),
) -> Result<End, Reason> {
    let mut next = None;
    let mut flaw = None;
    let mut jumps = 0;
    let fault = loop {
        let Some(octet) = u8_at(message, at) else {
            break Reason::Truncated;
        };
        match octet {
            0 => return Ok(End { next: next.unwrap_or(at + 1), flaw }),
            1..=63 => {
                let Some(label) = message.get(at..=at + usize::from(octet)) else {
                    break Reason::Truncated;
                };
                visit(label);
                at += label.len();
            }
            64..=191 => break Reason::BadLabel,
            192..=255 => {
                let Some(low) = u8_at(message, at + 1) else {
                    break Reason::Truncated;
                };
                let target = usize::from(u16::from_be_bytes([octet & 0x3f, low]));
                next = next.or(Some(at + 2));
                jumps += 1;
                if target == at || jumps > JUMPS_MAX {
                    break Reason::PointerLoop;
                }
                // Real devices point forward, and what they mean is plain: it is followed.
                if target > at {
                    flaw = flaw.or(Some(Reason::ForwardPointer));
                }
                at = target;
            }
        }
    };
    match (next, fault) {
        (None, _) => Err(fault),
        // A loop also leads forward somewhere; that it is a loop is the more useful answer.
        (Some(next), Reason::PointerLoop) => Ok(End { next, flaw: Some(fault) }),
        (Some(next), _) => Ok(End { next, flaw: flaw.or(Some(fault)) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8], at: usize) -> (Result<End, Reason>, Vec<u8>) {
        let mut name = Name::default();
        let end = name.read(message, at);
        (end, name.labels().to_vec())
    }

    #[test]
    fn names_are_decompressed_and_in_lower_case() {
        let message = b"\x05Local\0\x04HOST\xc0\x00\x07";
        let (end, labels) = read(message, 7);
        assert_eq!(end, Ok(End { next: 14, flaw: None }));
        assert_eq!(labels, b"\x04host\x05local");
    }

    #[test]
    fn a_loop_ends_and_so_does_the_name() {
        let (end, _) = read(b"\xc0\x00rest", 0);
        assert_eq!(end, Ok(End { next: 2, flaw: Some(Reason::PointerLoop) }));
        let (end, _) = read(b"\x01a\xc0\x00", 0);
        assert_eq!(end, Ok(End { next: 4, flaw: Some(Reason::PointerLoop) }));
        let (end, _) = read(b"\xc0\x02\xc0\x00", 0);
        assert_eq!(end, Ok(End { next: 2, flaw: Some(Reason::PointerLoop) }));
    }

    #[test]
    fn a_forward_pointer_is_followed_and_said() {
        let (end, labels) = read(b"\x01a\xc0\x06xx\x01B\0", 0);
        assert_eq!(end, Ok(End { next: 4, flaw: Some(Reason::ForwardPointer) }));
        assert_eq!(labels, b"\x01a\x01b");
        let (end, _) = read(b"\xc0\xff", 0);
        assert_eq!(end, Ok(End { next: 2, flaw: Some(Reason::ForwardPointer) }));
    }

    #[test]
    fn the_longest_name_is_good_and_a_longer_one_is_not() {
        let mut longest = Vec::new();
        for len in [63, 63, 63, 61] {
            longest.push(len);
            longest.extend(vec![b'x'; usize::from(len)]);
        }
        assert_eq!(longest.len(), LABELS_MAX);
        let labels = longest.clone();
        longest.push(0);
        assert_eq!(read(&longest, 0), (Ok(End { next: 255, flaw: None }), labels));
        let mut longer = b"\x01a".to_vec();
        longer.extend(longest);
        let (end, _) = read(&longer, 0);
        assert_eq!(end, Ok(End { next: 257, flaw: Some(Reason::BadName) }));
    }

    #[test]
    fn bad_utf8_is_a_flaw_and_bad_labels_and_cuts_are_the_end() {
        assert_eq!(read(b"\x01\xff\0", 0).0, Ok(End { next: 3, flaw: Some(Reason::BadUtf8) }));
        assert_eq!(read(b"\x02\xc3\xa9\0", 0).0, Ok(End { next: 4, flaw: None }));
        assert_eq!(read(b"\x41a\0", 0).0, Err(Reason::BadLabel));
        for cut in [&b""[..], b"\x01", b"\x01a", b"\xc0"] {
            assert_eq!(read(cut, 0).0, Err(Reason::Truncated), "{cut:?}");
        }
    }
}
