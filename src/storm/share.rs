//! What the frames of the last 10 s were: their protocols, and the causes whose signatures they
//! had.

use super::what::What;
use crate::decode::Protocol;
use crate::detect::{Cause, CauseSet};

/// Whole seconds kept: a cause is judged by the 10 s before a storm begins.
pub(super) const SECONDS: u64 = 10;

/// The same, as a length.
const KEPT: usize = 10;

/// One second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    causes: [u32; Cause::COUNT],
    protocols: [u32; Protocol::COUNT],
}

/// Ten seconds; 1,168 bytes.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    seconds: [Second; KEPT],
    newest: u64,
}

impl Shares {
    /// Nothing was heard until `second`.
    pub(super) fn new(second: u64) -> Self {
        Self { seconds: [Second::default(); KEPT], newest: second }
    }

    /// Counts one frame. A late one is counted in the newest second.
    pub(super) fn count(&mut self, second: u64, what: What) {
        self.advance(second);
        self.skip(what, 1);
    }

    /// Counts so many frames of the newest second.
    pub(super) fn skip(&mut self, what: What, frames: u32) {
        let protocol = &mut self.seconds[place(self.newest)].protocols[what.protocol.index()];
        *protocol = protocol.saturating_add(frames);
        self.mark(what.signatures, frames);
    }

    /// Counts one frame of another device, of no protocol of this one.
    pub(super) fn count_provoked(&mut self, second: u64, signatures: CauseSet) {
        self.advance(second);
        self.mark(signatures, 1);
    }

    fn mark(&mut self, signatures: CauseSet, frames: u32) {
        if !signatures.is_empty() {
            let causes = &mut self.seconds[place(self.newest)].causes;
            for cause in signatures.iter() {
                let cause = &mut causes[cause as usize];
                *cause = cause.saturating_add(frames);
            }
        }
    }

    fn advance(&mut self, second: u64) {
        if second > self.newest {
            let passed = (second - self.newest).min(SECONDS);
            for back in 0..passed {
                self.seconds[place(second - back)] = Second::default();
            }
            self.newest = second;
        }
    }

    /// How many frames had the signature of `cause` in the 10 s that end with `last`.
    pub(super) fn marked(&self, last: u64, cause: Cause) -> u64 {
        self.until(last).map(|second| u64::from(second.causes[cause as usize])).sum()
    }

    /// The protocol with most frames in the 10 s that end with `last`, the first of equals.
    pub(super) fn protocol(&self, last: u64) -> Option<Protocol> {
        let sum = |protocol: Protocol| -> u64 {
            self.until(last).map(|s| u64::from(s.protocols[protocol.index()])).sum()
        };
        let sums = Protocol::ALL.into_iter().map(|protocol| (sum(protocol), protocol));
        let most = sums.reduce(|most, next| if next.0 > most.0 { next } else { most });
        most.filter(|(frames, _)| *frames > 0).map(|(_, protocol)| protocol)
    }

    fn until(&self, last: u64) -> impl Iterator<Item = &Second> {
        let oldest = (last + 1).saturating_sub(SECONDS);
        let kept = (self.newest + 1).saturating_sub(SECONDS);
        (oldest.max(kept)..=last.min(self.newest)).map(|second| &self.seconds[place(second)])
    }
}

#[allow(clippy::cast_possible_truncation, reason = "less than ten")]
const fn place(second: u64) -> usize {
    (second % SECONDS) as usize
}

const _: () = assert!(KEPT as u64 == SECONDS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_marked_for_ten_seconds() {
        let mut shares = Shares::new(5);
        for n in 0..10 {
            let causes: &[Cause] = if n < 5 { &[Cause::QueryFlood] } else { &[] };
            shares.count(5 + n, What::of(Protocol::Mdns, causes.iter().copied().collect()));
        }
        assert_eq!(shares.marked(14, Cause::QueryFlood), 5);
        assert_eq!(shares.marked(14, Cause::PingPong), 0);
        assert_eq!(shares.marked(15, Cause::QueryFlood), 4, "the first is 10 s back");
        assert_eq!(shares.marked(40, Cause::QueryFlood), 0);
    }

    #[test]
    fn the_protocol_is_that_of_most_frames_in_ten_seconds() {
        let mut shares = Shares::new(0);
        assert_eq!(shares.protocol(0), None);
        for (second, protocol) in
            [(0, Protocol::Ssdp), (0, Protocol::Ssdp), (9, Protocol::Llmnr), (9, Protocol::Mdns)]
        {
            shares.count(second, What::of(protocol, CauseSet::default()));
        }
        assert_eq!(shares.protocol(9), Some(Protocol::Ssdp));
        assert_eq!(shares.protocol(10), Some(Protocol::Mdns));
        shares.count(1_000, What::of(Protocol::Llmnr, CauseSet::default()));
        assert_eq!(shares.protocol(1_000), Some(Protocol::Llmnr));
        assert_eq!(shares.protocol(999), None);
    }
}
