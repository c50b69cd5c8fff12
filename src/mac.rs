//! Hardware addresses, which name a device on links that have them.

use std::fmt;

/// A 48-bit MAC address (IEEE 802).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether the group bit is set: a multicast or broadcast destination.
    pub(crate) const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether this is 00:00:00:00:00:00, which is nobody's; the loopback device has it.
    pub(crate) const fn is_zero(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// Whether this is ff:ff:ff:ff:ff:ff.
    pub(crate) const fn is_broadcast(self) -> bool {
        matches!(self.0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    }

    /// Whether the locally-administered bit is set: not from the IEEE registry.
    pub(crate) const fn is_local(self) -> bool {
        self.0[0] & 2 == 2
    }
}

/// Lower case with colons, as the `device` label has it.
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_lower_case_with_colons() {
        assert_eq!(Mac([0, 0x1e, 0x8f, 0xAB, 1, 0xff]).to_string(), "00:1e:8f:ab:01:ff");
    }

    #[test]
    fn group_and_local_bits() {
        assert!(Mac([1, 0, 0x5e, 0, 0, 0xfb]).is_group());
        assert!(!Mac([2, 0, 0, 0, 0, 1]).is_group());
        assert!(Mac([2, 0, 0, 0, 0, 1]).is_local());
        assert!(Mac([0xff; 6]).is_broadcast());
    }
}
