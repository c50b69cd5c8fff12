//! The conditions of one device: since when, how often, about what, with whom.
//!
//! Evidence comes in with its time; what lasts, and what is over, goes out. It must not know how
//! evidence is found, nor other devices.

use crate::decode::Sender;
use crate::decode::mdns;
use crate::detect::condition::{About, Condition, ConditionLimits, Evidence, Role};
use crate::detect::steady::Steady;
use crate::detect::view::View;
use crate::time::{Stamp, Time};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A condition lasts until this long after its last evidence.
pub(crate) const LASTS: Duration = Duration::from_mins(10);
/// What it is about is written out at most this often: a loop of renaming has a new name each time.
const WRITTEN: Duration = Duration::from_secs(1);
/// What metrics tell of it changes at most this often.
const TOLD: Duration = Duration::from_mins(1);
/// Characters of a detail at most.
const DETAIL_MAX: usize = 63;

/// A condition of a device, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCondition {
    /// Which.
    pub condition: Condition,
    /// When its evidence was complete.
    pub since: Stamp,
    /// When it ended, 10 min after its last evidence, or by a configuration; `None` while it lasts.
    pub until: Option<Stamp>,
    /// How often evidence was found since it began.
    pub count: u64,
    /// The latest that is known of it.
    pub latest: Particulars,
    /// The same for metrics: changes at most once a minute.
    pub told: Particulars,
}

/// What is known of a condition beside its times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Particulars {
    /// The name, the address or the group: at most 63 characters, none of them a control
    /// character. Empty where there is nothing to say.
    pub detail: Box<str>,
    /// The other party, where there is one.
    pub other: Option<Sender>,
    /// What the device does, where two parties are.
    pub role: Option<Role>,
}

/// The conditions that a device has or had. At most one of each kind: ten, 160 bytes each, and
/// their details.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions(Vec<Held>);

#[derive(Clone, Debug)]
struct Held {
    state: DeviceCondition,
    /// The last evidence, by both clocks.
    last: Time,
    last_stamp: Stamp,
    /// When the latest particulars were written.
    written: Time,
    about: Option<About>,
    /// When those for metrics were.
    told_at: Time,
}

impl Conditions {
    /// Hears of evidence; returns whether the condition begins with it.
    pub(crate) fn show(&mut self, view: &View<'_>, stamp: Stamp, evidence: &Evidence) -> bool {
        let now = view.now;
        let same = |held: &&mut Held| held.state.condition == evidence.condition;
        let Some(held) = self.0.iter_mut().find(same) else {
            self.0.push(Held::begin(view, stamp, evidence));
            return true;
        };
        if held.state.until.is_some() || now.since(held.last) > LASTS {
            *held = Held::begin(view, stamp, evidence);
            return true;
        }
        held.last = now;
        held.last_stamp = stamp;
        held.state.count = held.state.count.saturating_add(1);
        held.update(view, evidence);
        false
    }

    /// Until when the same evidence again changes nothing of what is told.
    pub(crate) fn steady(&self, now: Time, condition: Condition, steady: Steady) -> Option<Steady> {
        let held = self.0.iter().find(|held| held.state.condition == condition)?;
        let steady = steady.while_under(now, held.written, WRITTEN);
        Some(steady.while_under(now, held.told_at, TOLD))
    }

    /// So much evidence more of a condition that lasts.
    pub(crate) fn skip(&mut self, condition: Condition, evidence: u64) {
        if let Some(held) = self.0.iter_mut().find(|held| held.state.condition == condition) {
            held.state.count = held.state.count.saturating_add(evidence);
        }
    }

    /// Ends what `limits` no longer call a condition.
    pub(crate) fn limit(&mut self, now: Time, stamp: Stamp, limits: &ConditionLimits) {
        for held in &mut self.0 {
            let lasts = held.state.until.is_none() && now.since(held.last) <= LASTS;
            if lasts && !limits.is_on(held.state.condition) {
                held.state.until = Some(stamp);
            }
        }
    }

    /// All that it has or had, in the order in which they first began.
    pub(crate) fn all(&self, now: Time) -> Vec<DeviceCondition> {
        let state = |held: &Held| DeviceCondition {
            until: held
                .state
                .until
                .or_else(|| (now.since(held.last) > LASTS).then(|| held.last_stamp.plus(LASTS))),
            ..held.state.clone()
        };
        self.0.iter().map(state).collect()
    }
}

impl Held {
    fn begin(view: &View<'_>, stamp: Stamp, evidence: &Evidence) -> Self {
        let latest = particulars(view, evidence);
        let state = DeviceCondition {
            condition: evidence.condition,
            since: stamp,
            until: None,
            count: 1,
            told: latest.clone(),
            latest,
        };
        let now = view.now;
        let about = evidence.about;
        Self { state, last: now, last_stamp: stamp, written: now, about, told_at: now }
    }

    fn update(&mut self, view: &View<'_>, evidence: &Evidence) {
        let now = view.now;
        let latest = &mut self.state.latest;
        let same_parties = (latest.other, latest.role) == (evidence.other, evidence.role);
        // The place of a name in its message does not say whether it is the same name.
        let is_same = self.about == evidence.about && !matches!(self.about, Some(About::Name(_)));
        if !(same_parties && is_same) && now.since(self.written) >= WRITTEN {
            *latest = particulars(view, evidence);
            self.about = evidence.about;
            self.written = now;
        }
        if *latest != self.state.told && now.since(self.told_at) >= TOLD {
            self.state.told = latest.clone();
            self.told_at = now;
        }
    }
}

fn particulars(view: &View<'_>, evidence: &Evidence) -> Particulars {
    let detail = evidence.about.map(|about| written(view, about)).unwrap_or_default();
    Particulars { detail: detail.into(), other: evidence.other, role: evidence.role }
}

/// Addresses that are asked for and, if there is space, who does that on purpose.
fn asked(v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) -> String {
    let both = [v4.map(|address| address.to_string()), v6.map(|address| address.to_string())];
    let addresses = both.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let excuses = [" (a bond's monitor asks so on purpose)", " (a bond's monitor may)"];
    let fits = |excuse: &&&str| addresses.len() + excuse.len() <= DETAIL_MAX;
    let excuse = excuses.iter().find(fits).unwrap_or(&"");
    format!("{addresses}{excuse}")
}

/// What evidence is about, in words: at most 63 characters, none of them a control character.
pub(crate) fn written(view: &View<'_>, about: About) -> String {
    let text = match about {
        About::Name(at) => view
            .mdns
            .map(|mdns| mdns::name_at(mdns.datagram.payload, at).into_string())
            .unwrap_or_default(),
        About::Address(address) => address.to_string(),
        About::Asked(v4, v6) => asked(v4, v6),
        About::Destination(destination) => destination.to_string(),
        About::Client(client) => format!("client {client}"),
        About::NoServer => String::from("no DHCP server answers"),
        About::Loop(doubt) => doubt.in_words(),
    };
    if text.chars().count() <= DETAIL_MAX { text } else { text.chars().take(DETAIL_MAX).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_asked_for_fit_whichever_they_are() {
        let (v4, v6) =
            (Some([192, 168, 100, 199].into()), "2001:db8:1111:2222:3333:4444:5555:6666");
        let long = Some(v6.parse().expect("an address"));
        for (told, detail) in [
            (asked(v4, None), "192.168.100.199 (a bond's monitor asks so on purpose)"),
            (asked(None, long), "2001:db8:1111:2222:3333:4444:5555:6666 (a bond's monitor may)"),
            (asked(v4, long), "192.168.100.199, 2001:db8:1111:2222:3333:4444:5555:6666"),
        ] {
            assert_eq!(told, detail);
            assert!(detail.len() <= DETAIL_MAX);
        }
    }
}
