//! Big-endian fields at an offset of an untrusted byte slice; `None` where the slice ends first.
//! Knows no protocol.

/// The octet at `at`.
pub(super) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The 16 bits at `at`, in network byte order.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

/// The 32 bits at `at`, in network byte order.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

/// The `N` octets at `at`.
pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// What follows the first `count` octets: empty where there are no more.
pub(super) fn after(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}

/// At most the first `count` octets.
pub(super) fn up_to(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_with_the_slice() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(u16_at(&bytes, 3), Some(0x0405));
        assert_eq!(u16_at(&bytes, 4), None);
        assert_eq!(u32_at(&bytes, 1), Some(0x0203_0405));
        assert_eq!(u32_at(&bytes, usize::MAX), None);
        assert_eq!(u8_at(&bytes, 5), None);
        assert_eq!(after(&bytes, 9), b"");
        assert_eq!(up_to(&bytes, 9), bytes);
    }
}
