//! What the parsers of all formats share: the contract between them and the loop that feeds them,
//! and byte order. Must not know of files or readers.

use super::flaw::Flaw;
use crate::frame::{InterfaceName, Slot};

/// Reads the records of one format.
pub(super) trait Records: Send {
    /// Takes whole records from the front of `data`, which lies at `base` of the batch's memory,
    /// and appends their frames to `slots`, until the data runs out, the batch is full, or a
    /// record makes no sense. Is given what it did not take again, with more behind it.
    fn take(&mut self, data: &[u8], base: usize, slots: &mut Vec<Slot>) -> Taken;

    /// What is wrong with a stream that ends where only `rest` was not taken; `None` if that is a
    /// proper end.
    fn cut(&self, rest: &[u8]) -> Option<Flaw>;

    /// The interfaces that frames name so far.
    fn interfaces(&self) -> &[InterfaceName];

    /// What the file says of itself so far, at most 16 texts of 512 characters.
    fn comments(&self) -> &[String] {
        &[]
    }
}

/// What a parser made of the bytes that it was given.
#[derive(Debug)]
pub(super) struct Taken {
    /// This many bytes from the front are finished.
    pub(super) consumed: usize,
    /// Why it stopped.
    pub(super) outcome: Outcome,
}

/// Why a parser stopped.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The next record is incomplete.
    More,
    /// The batch is full.
    Full,
    /// The next record makes no sense, for this reason.
    Broken(Flaw),
}

/// The byte order of numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Most significant byte last.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    /// The number whose two bytes lie at `at`; 0 beyond the end.
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let raw = array::<2>(bytes, at);
        match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        }
    }

    /// The number whose four bytes lie at `at`; 0 beyond the end.
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let raw = array::<4>(bytes, at);
        match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        }
    }

    /// The number whose eight bytes lie at `at`; 0 beyond the end.
    pub(super) fn i64(self, bytes: &[u8], at: usize) -> i64 {
        let raw = array::<8>(bytes, at);
        match self {
            Self::Little => i64::from_le_bytes(raw),
            Self::Big => i64::from_be_bytes(raw),
        }
    }
}

#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// A length from a file as an index. No platform that this runs on has smaller indices.
#[inline]
pub(super) const fn index(length: u32) -> usize {
    length as usize
}
