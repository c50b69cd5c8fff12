//! Decode errors by protocol and reason.

use crate::decode::mdns::Digest;
use crate::decode::{Issue, Protocol, Reason};

/// The protocols, and one more for frames that could not be assigned to one.
const PLACES: usize = Protocol::COUNT + 1;

/// Counters of a closed set; those still at 0 take no memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors {
    /// By the number of the reason.
    reasons: Vec<Option<(Reason, [u64; PLACES])>>,
}

impl Errors {
    /// Counts so many.
    pub(super) fn count(&mut self, issue: Issue, times: u64) {
        let number = issue.reason as usize;
        if number >= self.reasons.len() {
            self.reasons.resize(number + 1, None);
        }
        let (_, counts) = self.reasons[number].get_or_insert((issue.reason, [0; PLACES]));
        counts[issue.protocol.map_or(Protocol::COUNT, Protocol::index)] += times;
    }

    /// Counts what is wrong with so many copies of a message.
    pub(super) fn count_flaws(&mut self, protocol: Protocol, digest: &Digest, times: u64) {
        for reason in [digest.malformed, digest.flaw].into_iter().flatten() {
            self.count(Issue { protocol: Some(protocol), reason }, times);
        }
    }

    /// All that are not zero.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Issue, u64)> + '_ {
        self.reasons.iter().flatten().flat_map(|(reason, counts)| {
            let protocols = Protocol::ALL.into_iter().map(Some).chain([None]);
            protocols
                .zip(counts)
                .filter(|(_, count)| **count > 0)
                .map(|(protocol, count)| (Issue { protocol, reason: *reason }, *count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_pair() {
        let mut errors = Errors::default();
        let link = Issue { protocol: None, reason: Reason::UnknownLinkType };
        let arp = Issue { protocol: Some(Protocol::Arp), reason: Reason::Truncated };
        for issue in [arp, link, arp] {
            errors.count(issue, 1);
        }
        assert_eq!(errors.iter().collect::<Vec<_>>(), [(link, 1), (arp, 2)]);
    }
}
