//! What detectors keep their memory in, and what it takes to read a frame in the light of earlier
//! ones.
//!
//! | file | reason |
//! |---|---|
//! | `table` | the bounded table that every detector remembers in |
//! | `recent` | when something happened last, a fixed number of times |
//! | `tally` | how often it happened in the last minute, or ten |
//! | `sender` | who sent a frame, as the tables are keyed by it |
//! | `questions` | what was asked on the segment in the last 2 s |
//! | `suspension` | when silence proves nothing |
//! | `kinds` | which kind a message is: announcement or response |

pub(crate) mod kinds;
pub(crate) mod questions;
pub(crate) mod recent;
pub(crate) mod sender;
pub(crate) mod suspension;
pub(crate) mod table;
pub(crate) mod tally;

use crate::decode::mdns::{Datagram, Digest, Kind};
use crate::time::Time;
use questions::Questions;
use sender::SenderKey;
use suspension::Suspension;

/// What was asked lately, and whether silence proves anything.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub questions: Questions,
    pub suspension: Suspension,
}

impl Memory {
    /// The kind of a message from `sender`, whose questions are remembered from now on.
    pub(crate) fn classify(
        &mut self,
        now: Time,
        sender: SenderKey,
        datagram: &Datagram<'_>,
        digest: &Digest,
    ) -> Kind {
        kinds::classify(now, sender, datagram, digest, &mut self.questions, &mut self.suspension)
    }
}
