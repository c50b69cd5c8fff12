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
use crate::detect::steady::Steady;
use crate::time::Time;
use questions::Questions;
use sender::SenderKey;
use suspension::Suspension;

fn is_query(datagram: &Datagram<'_>) -> bool {
    datagram.header.is_some_and(|header| !header.is_response())
}

/// What was asked lately, and whether silence proves anything.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub questions: Questions,
    pub suspension: Suspension,
}

impl Memory {
    /// What is promised of copies of a message that was just classified.
    pub(crate) fn steady(
        &self,
        now: Time,
        datagram: &Datagram<'_>,
        digest: &Digest,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { questions, suspension } = self;
        let steady = suspension.steady(now, steady);
        if is_query(datagram) {
            return questions.steady(&digest.questions, steady);
        }
        let records = digest.records.iter();
        Some(records.fold(steady, |steady, record| questions.steady_for(now, record.name, steady)))
    }

    /// So many copies more of a message were heard.
    pub(crate) fn skip(&mut self, datagram: &Datagram<'_>, digest: &Digest, copies: u64) {
        if is_query(datagram) {
            self.questions.skip(copies * digest.questions.len() as u64);
        }
    }

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
