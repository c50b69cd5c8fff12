//! The DNS header (RFC 1035 section 4.1.1): the first 12 octets of a message as numbers. Knows
//! nothing of what follows them.

use crate::decode::octets::{array_at, u16_at};

/// The 12 octets of a DNS header (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message id.
    pub id: u16,
    /// QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode as they stand.
    pub flags: u16,
    /// Claimed entries: question, answer, authority, additional.
    pub claimed: [u16; 4],
}

impl Header {
    /// Its length in octets.
    pub(crate) const LEN: usize = 12;

    /// Reads the header of a message; `None` where it is shorter than that.
    pub fn read(message: &[u8]) -> Option<Self> {
        let octets: [u8; Self::LEN] = array_at(message, 0)?;
        let field = |at: usize| u16_at(&octets, at);
        Some(Self {
            id: field(0)?,
            flags: field(2)?,
            claimed: [field(4)?, field(6)?, field(8)?, field(10)?],
        })
    }

    /// The QR bit: a response.
    pub const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The opcode: 0 is a standard query.
    pub const fn opcode(self) -> u8 {
        (self.flags >> 11 & 0x0f) as u8
    }

    /// The TC bit: more known answers follow (RFC 6762 section 7.2).
    pub(crate) const fn is_truncated(self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// The reserved Z bit.
    pub(super) const fn has_reserved_bit(self) -> bool {
        self.flags & 0x0040 != 0
    }

    /// The fewest octets that a message with so many questions and records can have: a question
    /// is a root name, type and class, a record has TTL and data length besides.
    pub(super) fn least_len(self) -> usize {
        let [questions, records @ ..] = self.claimed.map(usize::from);
        Self::LEN + questions * 5 + records.iter().sum::<usize>() * 11
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_rfc_says() {
        let header = Header::read(b"\x12\x34\xaa\x45\0\x01\0\x02\0\x03\0\x04").expect("12 octets");
        assert_eq!((header.id, header.claimed), (0x1234, [1, 2, 3, 4]));
        assert!(header.is_response() && header.is_truncated() && header.has_reserved_bit());
        assert_eq!(header.opcode(), 5);
        assert_eq!(header.least_len(), 12 + 5 + 9 * 11);
        assert_eq!(Header::read(&[0; 11]), None);
    }
}
