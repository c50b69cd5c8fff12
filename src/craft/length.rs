//! Lengths as the fields of headers hold them. In: a length. Out: the field.

/// A length as a 16-bit field, or the largest value if it does not fit.
pub(super) fn len16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// A length as a 32-bit field, or the largest value if it does not fit.
pub(super) fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
