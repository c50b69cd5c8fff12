//! Senders that were never heard before: how many there are, and how much of a segment's traffic is
//! theirs. Anybody can invent senders; a segment full of them has no culprit.
//!
//! Counts by second. Who is a stranger is told by the caller; this knows no device.

/// Whole seconds that are looked back on.
const SECONDS: usize = 10;
/// Nobody can be told to be a stranger until somebody listened for so long before the window.
const SETTLED: u64 = 2 * SECONDS as u64;
/// New senders in the window from which on they are invented: 10/s, as evictions.
const MANY: u64 = 10 * SECONDS as u64;
/// The same before anybody is a stranger: no LAN has so many devices that it hears at once.
const TOO_MANY: u64 = 100 * SECONDS as u64;

/// What strangers did in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Senders heard for the first time.
    met: u32,
    /// Signalling and address frames of senders heard for the first time in the last 10 s.
    frames: u32,
    /// Devices that lost their row to another.
    evicted: u32,
}

/// The last ten seconds of a segment's strangers. 150 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Strangers {
    seconds: [Second; SECONDS],
    newest: u64,
    /// When somebody began to listen.
    since: u64,
    /// Evictions up to the second closed last, and which that was.
    evicted: u64,
    closed: u64,
}

/// What they did in the ten seconds that end with the one closed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lately {
    /// Senders heard for the first time.
    pub met: u64,
    /// Their frames.
    pub frames: u64,
    /// Devices that lost their row to another.
    pub evicted: u64,
    /// Whether it is known who was heard before.
    is_settled: bool,
}

impl Strangers {
    /// Somebody listens from `second` on: who is heard now may have been there before.
    pub(super) const fn listen(&mut self, second: u64) {
        self.since = second;
    }

    /// A sender is heard for the first time.
    pub(super) fn meet(&mut self, second: u64) {
        let met = &mut self.at(second).met;
        *met = met.saturating_add(1);
    }

    /// Counts a frame of a sender that was first heard in the last 10 s.
    pub(super) fn count(&mut self, second: u64) {
        let frames = &mut self.at(second).frames;
        *frames = frames.saturating_add(1);
    }

    /// Counts so many frames more of such a sender, in the second that was counted last.
    pub(super) fn skip(&mut self, frames: u32) {
        let counted = &mut self.seconds[place(self.newest)].frames;
        *counted = counted.saturating_add(frames);
    }

    /// Closes a second, in which so many devices had been evicted since the beginning.
    pub(super) fn close(&mut self, second: u64, evicted: u64) -> Lately {
        // What happened while nothing was closed is not of this second.
        let is_next = second == self.closed + 1;
        let new = if is_next { evicted.saturating_sub(self.evicted) } else { 0 };
        self.evicted = evicted;
        self.closed = second;
        let of_second = &mut self.at(second).evicted;
        *of_second = of_second.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
        let is_settled = second.saturating_sub(self.since) >= SETTLED;
        self.seconds.iter().fold(Lately { is_settled, ..Lately::default() }, |sum, one| Lately {
            met: sum.met + u64::from(one.met),
            frames: sum.frames + u64::from(one.frames),
            evicted: sum.evicted + u64::from(one.evicted),
            ..sum
        })
    }

    /// The counts of a second; those of seconds that are too old are forgotten. What comes late
    /// counts in the newest.
    fn at(&mut self, second: u64) -> &mut Second {
        let newest = second.max(self.newest);
        for passed in (self.newest + 1..=newest).rev().take(SECONDS) {
            self.seconds[place(passed)] = Second::default();
        }
        self.newest = newest;
        &mut self.seconds[place(newest)]
    }
}

impl Lately {
    /// The greater of each.
    pub(super) fn max(&self, other: &Self) -> Self {
        Self {
            met: self.met.max(other.met),
            frames: self.frames.max(other.frames),
            evicted: self.evicted.max(other.evicted),
            is_settled: other.is_settled,
        }
    }

    /// How many there are, for people.
    pub(super) fn in_words(&self) -> String {
        let seconds = SECONDS as u64;
        let (met, evicted) = (self.met / seconds, self.evicted / seconds);
        format!("{met} new senders a second, {evicted} evicted a second")
    }

    /// Whether most of `all` frames come from senders that somebody invents.
    pub(super) const fn are_most(&self, all: u64) -> bool {
        let many = if self.is_settled { MANY } else { TOO_MANY };
        self.evicted > MANY || self.met > many && self.frames * 2 >= all
    }

    /// Whether they still are a quarter.
    pub(super) const fn are_a_quarter(&self, all: u64) -> bool {
        self.evicted > MANY || self.frames * 4 >= all
    }
}

#[allow(clippy::cast_possible_truncation, reason = "less than ten")]
const fn place(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after ten seconds of so many new senders a second, each with so many frames
    /// a second, by somebody who listened for so many seconds before.
    fn lately(before: u64, met: u64, frames: u64, evicted: u64) -> Lately {
        let mut strangers = Strangers::default();
        strangers.listen(1_000 - before);
        let mut lately = strangers.close(999, 0);
        for second in 1_000..1_010 {
            (0..met).for_each(|_| strangers.meet(second));
            (0..frames).for_each(|_| strangers.count(second));
            lately = strangers.close(second, (second - 999) * evicted);
        }
        lately
    }

    #[test]
    fn many_that_are_new_are_invented_and_a_few_are_devices() {
        for (what, before, met, frames, evicted, expected) in [
            ("a new sender in each frame", 60, 1_000, 1_000, 0, true),
            ("half of the frames", 60, 400, 500, 0, true),
            ("less", 60, 400, 499, 0, false),
            ("eleven a second", 60, 11, 1_000, 0, true),
            ("ten a second: devices that are switched on", 60, 10, 1_000, 0, false),
            ("eleven evicted a second", 60, 0, 0, 11, true),
            ("ten", 60, 0, 0, 10, false),
            ("just begun to listen: all are new", 0, 100, 1_000, 0, false),
            ("but not so many", 0, 101, 1_000, 0, true),
            ("ten seconds ago", 10, 100, 1_000, 0, false),
            ("eleven", 11, 100, 1_000, 0, true),
        ] {
            let lately = lately(before, met, frames, evicted);
            assert_eq!(lately.are_most(10_000), expected, "{what}: {lately:?}");
        }
    }

    #[test]
    fn what_is_ten_seconds_old_is_forgotten() {
        let mut strangers = Strangers::default();
        strangers.meet(100);
        strangers.count(100);
        let mut lately = |second, evicted| {
            let lately = strangers.close(second, evicted);
            (lately.met, lately.frames, lately.evicted)
        };
        assert_eq!(lately(108, 900), (1, 1, 0), "evicted in the hours before");
        assert_eq!(lately(109, 907), (1, 1, 7));
        assert_eq!(lately(110, 907), (0, 0, 7));
        assert_eq!(lately(118, 907), (0, 0, 7));
        assert_eq!(lately(119, 907), (0, 0, 0));
        assert_eq!(lately(1_000_000, 950), (0, 0, 0));
    }
}
