//! What a storm is about, in a few words: a name, an address, a destination; and for metrics who
//! asks, if its device does nothing but answer.
//!
//! The words come from frames of the storm, at most once a second; what metrics tell changes at
//! most once a minute.

use crate::decode::Sender;

/// For how long what metrics tell stays the same, in seconds.
const TOLD: u64 = 60;

/// What a storm is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    latest: Option<Box<str>>,
    /// In which second that was written.
    written: u64,
    told: Option<Box<str>>,
    told_at: u64,
    asker: Option<Sender>,
    asker_at: u64,
}

impl Detail {
    /// It is about this, and always was.
    pub fn new(text: &str) -> Self {
        let latest = Some(text.into());
        Self { told: latest.clone(), latest, ..Self::default() }
    }

    /// As known last: at most 63 characters, none of them a control character.
    pub fn latest(&self) -> Option<&str> {
        self.latest.as_deref()
    }

    /// The same for metrics.
    pub fn told(&self) -> Option<&str> {
        self.told.as_deref()
    }

    /// Who asks most, for metrics.
    pub const fn asker(&self) -> Option<Sender> {
        self.asker
    }

    /// Who asks most. Several may do so in turns.
    pub(super) fn ask(&mut self, second: u64, asker: Option<Sender>) {
        if self.asker.is_none() || asker.is_none() || second - self.asker_at >= TOLD {
            self.asker = asker;
            self.asker_at = second;
        }
    }

    /// Whether it may be written anew in `second`.
    pub(super) const fn is_due(&self, second: u64) -> bool {
        self.latest.is_none() || second > self.written
    }

    /// It is about this.
    pub(super) fn write(&mut self, second: u64, text: Box<str>) {
        self.written = second;
        if self.latest.as_ref() != Some(&text) {
            self.latest = Some(text);
        }
        if self.told.is_none() || second - self.told_at >= TOLD && self.told != self.latest {
            self.told.clone_from(&self.latest);
            self.told_at = second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_changes_each_minute_though_two_take_turns() {
        let sender = |n| Sender::Ip([10, 0, 0, n].into());
        let mut detail = Detail::default();
        let mut told = Vec::new();
        for second in 100..250_u64 {
            let asker = if second % 7 < 3 { 1 } else { 2 };
            detail.ask(second, Some(sender(asker)));
            told.extend(detail.asker());
        }
        told.dedup();
        assert!(told.len() <= 3 && told[0] == sender(1), "{told:?}");
        detail.ask(251, None);
        assert_eq!(detail.asker(), None);
    }

    #[test]
    fn it_changes_each_second_and_for_metrics_each_minute() {
        let mut detail = Detail::default();
        assert!(detail.is_due(0));
        let mut told = Vec::new();
        for second in 100..300 {
            assert!(detail.is_due(second));
            detail.write(second, format!("box-{second}").into());
            assert!(!detail.is_due(second));
            assert_eq!(detail.latest(), Some(&*format!("box-{second}")));
            told.extend(detail.told().map(str::to_owned));
        }
        told.dedup();
        assert_eq!(told, ["box-100", "box-160", "box-220", "box-280"]);
    }
}
