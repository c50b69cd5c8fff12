//! A command name: what the kernel calls a process (`comm`), and the label made of it.
//!
//! Local users choose it, so nothing is trusted but its length.

/// Bytes that the kernel keeps of a name, the zero at the end included (`TASK_COMM_LEN`).
pub(crate) const LEN: usize = 16;

/// The label of a process without a name of its own.
pub const OTHER: &str = "other";

/// A command name, padded with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command([u8; LEN]);

impl Command {
    /// From what the kernel wrote: the bytes up to the first zero, at most 15.
    pub fn new(bytes: &[u8]) -> Self {
        let mut name = [0; LEN];
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        for (place, byte) in name[..LEN - 1].iter_mut().zip(text) {
            *place = *byte;
        }
        Self(name)
    }

    /// The bytes, padded with zeros: the key of a kernel map.
    pub const fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// The value of the `process` label: what is not UTF-8, and control characters, are U+FFFD;
    /// an empty name is `other`. Two names may have one label.
    pub fn label(&self) -> Box<str> {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(LEN);
        let text = String::from_utf8_lossy(&self.0[..end]);
        if text.is_empty() {
            return OTHER.into();
        }
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_zero_and_after_15_bytes() {
        assert_eq!(&*Command::new(b"avahi-daemon\0junk").label(), "avahi-daemon");
        assert_eq!(&*Command::new(b"0123456789abcdefgh").label(), "0123456789abcde");
        assert_eq!(Command::new(b"a\0b"), Command::new(b"a"));
    }

    #[test]
    fn nothing_breaks_a_label() {
        assert_eq!(&*Command::new(b"").label(), "other");
        assert_eq!(&*Command::new(b"a\nb\x1b").label(), "a\u{fffd}b\u{fffd}");
        assert_eq!(&*Command::new(b"\xff\xfe").label(), "\u{fffd}\u{fffd}");
    }
}
