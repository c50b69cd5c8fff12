//! What handling a frame came to: what decides whether copies of it may be counted without being
//! handled.

use crate::decode::mdns::Kind;
use crate::detect::Booked;
use crate::storm::What;

/// What handling a frame came to, as far as the next copy may come to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is counted in the total only.
    Uncounted,
    /// It is its sender's, who has a row, and nothing further came of it.
    Plain { what: What, kind: Option<Kind>, decoded: [u32; 4], booked: Booked },
    /// It is a copy, or it provoked something, or something was told of it.
    Other,
}
