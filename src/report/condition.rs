//! One condition of a device, as reports have it: an object that owns all it holds.

use super::instant::Instant;
use crate::detect::{DeviceCondition, Role};
use serde::Serialize;

/// What is wrong with a device at any rate, or was.
#[derive(Clone, Debug, Serialize)]
pub struct Condition {
    /// Which.
    pub condition: &'static str,
    /// What the device does, for people.
    #[serde(skip)]
    pub in_words: &'static str,
    /// The same of a condition that is over.
    #[serde(skip)]
    pub in_past: &'static str,
    /// When its evidence was complete.
    pub since: Option<Instant>,
    /// When it ended; `None` while it lasts.
    pub until: Option<Instant>,
    /// Whether it lasts. An end that no calendar can express is an end too.
    #[serde(skip)]
    pub lasts: bool,
    /// How often evidence was found since it began.
    pub count: u64,
    /// The name, the address or the group that it is about.
    pub detail: String,
    /// The other party, where there is one.
    pub other: Option<String>,
    /// What the device does, where two parties are.
    pub role: Option<&'static str>,
}

impl From<&DeviceCondition> for Condition {
    fn from(held: &DeviceCondition) -> Self {
        let latest = &held.latest;
        Self {
            condition: held.condition.label(),
            in_words: held.condition.in_words(),
            in_past: held.condition.in_past(),
            since: Instant::from_stamp(held.since),
            until: held.until.and_then(Instant::from_stamp),
            lasts: held.until.is_none(),
            count: held.count,
            detail: latest.detail.to_string(),
            other: latest.other.map(|other| other.to_string()),
            role: latest.role.map(Role::label),
        }
    }
}

impl Condition {
    /// What it is about and with whom, in a line: `nas.local, with 00:11:32:00:00:01, defends`.
    pub fn particulars(&self) -> String {
        let with = self.other.as_ref().map(|other| format!("with {other}"));
        let detail = (!self.detail.is_empty()).then(|| self.detail.clone());
        let role = self.role.map(str::to_owned);
        [detail, with, role].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
