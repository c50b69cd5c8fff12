//! The full parse by simple-dns, of a message that the walk could read. It decides conformance,
//! never visibility.

use crate::decode::Reason;
use simple_dns::{Packet, SimpleDnsError};

/// What simple-dns objects to, if anything. Only for messages whose counts fit their length: it
/// reserves memory by what the header claims.
pub(super) fn objection(message: &[u8]) -> Option<Reason> {
    match Packet::parse(message) {
        Ok(_) => None,
        Err(SimpleDnsError::InvalidClass(_) | SimpleDnsError::InvalidQClass(_)) => {
            Some(Reason::UnknownClass)
        }
        Err(SimpleDnsError::InvalidQType(_)) => Some(Reason::UnknownType),
        Err(SimpleDnsError::InvalidHeaderData) => Some(Reason::ReservedBit),
        Err(SimpleDnsError::InsufficientData) => Some(Reason::BadData),
        Err(_) => Some(Reason::Refused),
    }
}
