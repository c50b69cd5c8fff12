//! Storms: their names, and what is reported of them.

use super::detail::Detail;
use crate::decode::{Protocol, Sender};
use crate::detect::{Cause, CauseSet, SegmentCause};
use crate::labelled::labelled;
use crate::time::Stamp;
use std::fmt::Write as _;

labelled! {
    /// How bad it is: the `level` label.
    #[derive(PartialOrd, Ord)]
    pub enum Level {
        /// More than a device should send, for minutes.
        Chatty = "chatty",
        /// A flood.
        Storm = "storm",
    }
}

labelled! {
    /// Why a storm is over.
    pub enum EndReason {
        /// It grew quiet.
        Quiet = "quiet" => "it grew quiet",
        /// The device lost its row.
        Evicted = "evicted" => "newcomers took the device's place in the table, so nobody knows",
        /// Nobody listens any more: the interface is gone.
        InterfaceGone = "interface_gone" => "the interface is gone, so nobody knows",
        /// The configuration no longer calls it a storm.
        Reconfigured = "reconfigured" => "the configuration no longer calls it a storm",
        /// The exporter was stopped.
        Shutdown = "shutdown" => "the exporter was stopped",
        /// It seemed quiet, but frames were lost, or not read, in the 30 s that would have ended it.
        Unobserved = "unobserved" => "it seemed to grow quiet, but frames were lost or not read in the last 30 s",
    }
}

/// Who floods, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// One device.
    Device {
        /// The device that floods.
        sender: Sender,
        /// The first cause that fits.
        cause: Cause,
        /// The others that fit.
        also: CauseSet,
    },
    /// The segment as a whole.
    Segment {
        /// What the segment as a whole suffers from.
        cause: SegmentCause,
    },
}

impl Culprit {
    /// The device, unless it is the segment as a whole.
    pub const fn sender(&self) -> Option<Sender> {
        match self {
            Self::Device { sender, .. } => Some(*sender),
            Self::Segment { .. } => None,
        }
    }

    /// The cause's label.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Device { cause, .. } => cause.label(),
            Self::Segment { cause } => cause.label(),
        }
    }

    /// What the device does, or what goes on, for people: follows the name of the device, or of
    /// the segment.
    pub const fn in_words(&self) -> &'static str {
        match self {
            Self::Device { cause, .. } => cause.in_words(),
            Self::Segment { cause } => cause.in_words(),
        }
    }

    /// The same of what is over.
    pub const fn in_past(&self) -> &'static str {
        match self {
            Self::Device { cause, .. } => cause.in_past(),
            Self::Segment { cause } => cause.in_past(),
        }
    }

    /// The labels of the other causes that fit.
    pub fn also(&self) -> Vec<&'static str> {
        match self {
            Self::Device { also, .. } => also.iter().map(Cause::label).collect(),
            Self::Segment { .. } => Vec::new(),
        }
    }
}

/// One storm, open or over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storm {
    /// Counts up from 0 on this segment: distinguishes storms that begin in one second.
    pub number: u64,
    /// Who and why.
    pub culprit: Culprit,
    /// Its level now, or in the end.
    pub level: Level,
    /// The protocol with most of its frames in the 10 s before it began.
    pub protocol: Protocol,
    /// The close of the second that met the begin rule.
    pub start: Stamp,
    /// Since when it has been going on: the begin of the first second since which no 10 s held
    /// fewer than a fifth of the limit. Frames before may be of it, no silence is.
    pub first_frame: Stamp,
    /// The close of the second that met the end rule, and why it ended; `None` while it lasts.
    pub end: Option<(Stamp, EndReason)>,
    /// Seconds that it has been of each level: whole ones since `start`.
    pub lasted: [u32; Level::COUNT],
    /// Frames of its class between begin and end, its own.
    pub packets: u64,
    /// Frames of others in that time that it provoked.
    pub provoked: u64,
    /// Who provokes what it sends, at most eight, those that provoke most first; only if it
    /// does nothing but answer.
    pub provoked_by: Option<Box<[Sender]>>,
    /// What it is about.
    pub detail: Detail,
    /// The busiest second, from 10 s before the start on, in signalling and address frames.
    pub peak: u32,
}

impl Storm {
    /// One that begins at `start`, and has held nothing yet.
    pub(crate) fn begun(
        number: u64,
        culprit: Culprit,
        (level, protocol): (Level, Protocol),
        start: Stamp,
    ) -> Self {
        Self {
            number,
            culprit,
            level,
            protocol,
            start,
            first_frame: start,
            end: None,
            lasted: [0; Level::COUNT],
            packets: 0,
            provoked: 0,
            provoked_by: None,
            detail: Detail::default(),
            peak: 0,
        }
    }

    /// What it is called in reports, in URLs and on disk: the second of its start, its segment,
    /// its device, its number, such as `1700000000-eth0-001e8fab01ff-3`. It stays the same for as
    /// long as the storm is reported, and for the same capture; no two storms have the same.
    ///
    /// At most 200 of the characters that neither URLs nor file names have to escape: letters,
    /// digits and `-._~`, a digit first (`m` where the clock is before 1970).
    pub fn id(&self, interface: &str) -> String {
        let device = match self.culprit.sender() {
            Some(Sender::Mac(mac)) => mac.to_string().replace(':', ""),
            Some(Sender::Ip(address)) => address.to_string().replace(':', "_"),
            None => "segment".to_owned(),
        };
        let second = self.start.0.div_euclid(1_000_000_000);
        let sign = if second < 0 { "m" } else { "" };
        let interface = without_special(interface);
        format!("{sign}{}-{interface}-{device}-{}", second.unsigned_abs(), self.number)
    }

    /// Whether its device is not to blame: it answers those who ask too fast.
    pub fn is_answering(&self) -> bool {
        matches!(self.culprit, Culprit::Device { cause: Cause::Answering, .. })
    }

    /// Whether this could be what [`Self::id`] gave. Check this before a look-up.
    pub fn is_id(text: &str) -> bool {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        text.len() <= ID_MAX
            && text.starts_with(|c: char| c.is_ascii_digit() || c == 'm')
            && text.bytes().all(is_plain)
    }
}

/// Bytes of an id at most: 40 of a second, 82 of a segment, 39 of a device, 20 of a number, and
/// what is between them.
const ID_MAX: usize = 200;

/// A segment's label with everything but letters, digits and `-._` as `~` and two digits a byte,
/// so that no two labels become one. One that grows long ends in its hash.
fn without_special(label: &str) -> String {
    const PLAIN_MAX: usize = 64;
    let mut plain = String::new();
    for byte in label.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            plain.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(plain, "~{byte:02x}");
        }
    }
    if plain.len() > PLAIN_MAX {
        // FNV-1a, 64 bits: the same in every run, which keyed hashes are not.
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
        plain.truncate(PLAIN_MAX);
        let _ = write!(plain, "~~{hash:016x}");
    }
    plain
}

/// What has happened to a storm, to be reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StormEvent {
    /// It began.
    Began(Storm),
    /// A chatty device floods now.
    Rose(Storm),
    /// What was unclassified has a cause now.
    Explained(Storm),
    /// Another cause covers most of it now.
    Changed(Storm),
    /// It is over.
    Ended(Storm),
}

impl StormEvent {
    /// The storm as it was then.
    pub const fn storm(&self) -> &Storm {
        match self {
            Self::Began(storm)
            | Self::Rose(storm)
            | Self::Explained(storm)
            | Self::Changed(storm)
            | Self::Ended(storm) => storm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;
    use proptest::prelude::*;

    fn of(sender: Option<Sender>) -> Storm {
        let culprit = match sender {
            Some(sender) => {
                Culprit::Device { sender, cause: Cause::Stream, also: CauseSet::default() }
            }
            None => Culprit::Segment { cause: SegmentCause::ManyDevices },
        };
        let start = Stamp::new(1_700_000_000, 999_999_999);
        Storm::begun(3, culprit, (Level::Storm, Protocol::Mdns), start)
    }

    #[test]
    fn ids_say_when_where_and_who() {
        let mac = Sender::Mac(Mac([0, 0x1e, 0x8f, 0xab, 1, 0xff]));
        let v6 = Sender::Ip("fe80::1".parse().unwrap());
        for (interface, sender, id) in [
            ("eth0.30", Some(mac), "1700000000-eth0.30-001e8fab01ff-3"),
            ("br-lan", Some(v6), "1700000000-br-lan-fe80__1-3"),
            ("../a b/", None, "1700000000-..~2fa~20b~2f-segment-3"),
        ] {
            assert_eq!(of(sender).id(interface), id);
            assert!(Storm::is_id(id));
        }
        let early = Storm { start: Stamp(-1), ..of(None) };
        assert_eq!(early.id("a"), "m1-a-segment-3");
        for bad in ["", "../x", "1/2", "1%2f", "x", "-1", ".1", "~1", "1\n", "1\0"] {
            assert!(!Storm::is_id(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn ids_are_safe_and_differ_where_labels_do(
            one in "[^\0]{0,80}", other in "[^\0]{0,80}", number: u64, start: i128,
        ) {
            let address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
            let storm = Storm { number, start: Stamp(start), ..of(Some(Sender::Ip(address))) };
            prop_assert!(Storm::is_id(&storm.id(&one)), "{}", storm.id(&one));
            prop_assert_eq!(storm.id(&one) == storm.id(&other), one == other);
        }
    }
}
