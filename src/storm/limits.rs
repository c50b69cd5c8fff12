//! What is expected of a segment's devices: limits of storms, names given by hand, and what is
//! never a storm or a condition. Comes from the configuration; without one it is [`StormPolicy::default`].

use crate::decode::{Protocol, Sender};
use crate::detect::ConditionLimits;
use crate::set::Set;
use std::collections::HashMap;

/// Rates from which on it is a storm, in frames a second; `None` is off.
///
/// A storm ends when the last 30 s hold fewer than a fifth of what its limit allows: 6 times the
/// rate in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Signalling frames of a device, over 10 s.
    pub signalling: Option<u32>,
    /// Address frames of a device, over 30 s.
    pub address: Option<u32>,
    /// Other frames of a device, over 10 s: streams legitimately send thousands a second.
    pub other: Option<u32>,
    /// Signalling frames of a device that is chatty, in each of five windows of 60 s.
    pub chatty: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { signalling: Some(50), address: Some(200), other: None, chatty: Some(5) }
    }
}

/// What is expected on one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StormPolicy {
    /// Of devices that are not named in `devices`.
    pub limits: Limits,
    /// Of the segment as a whole: signalling and address frames a second, over 10 s.
    pub segment: Option<u32>,
    /// Protocols that never make a storm or a condition.
    pub ignored: ProtocolSet,
    /// From when on devices that are not named in `devices` have conditions.
    pub conditions: ConditionLimits,
    /// Of devices by name.
    pub devices: HashMap<Sender, DevicePolicy>,
}

impl Default for StormPolicy {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            segment: Some(1_000),
            ignored: ProtocolSet::default(),
            conditions: ConditionLimits::USUAL,
            devices: HashMap::new(),
        }
    }
}

impl StormPolicy {
    /// What is expected of one device.
    pub fn of(&self, sender: Sender) -> DevicePolicy {
        let mut expected = self.devices.get(&sender).cloned().unwrap_or_else(|| DevicePolicy {
            alias: None,
            ignored: ProtocolSet::default(),
            limits: self.limits,
            conditions: self.conditions,
        });
        expected.ignored = expected.ignored.union(self.ignored);
        expected
    }
}

/// What is expected of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePolicy {
    /// The name that it was given by hand.
    pub alias: Option<Box<str>>,
    /// Protocols whose frames count in no rate when it sends them.
    pub ignored: ProtocolSet,
    /// Its limits.
    pub limits: Limits,
    /// From when on it has conditions.
    pub conditions: ConditionLimits,
}

/// A set of protocols.
pub type ProtocolSet = Set<Protocol>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    #[test]
    fn what_is_ignored_for_all_is_ignored_for_each() {
        let named = Sender::Mac(Mac([1; 6]));
        let mut policy = StormPolicy::default();
        policy.ignored.insert(Protocol::Ssdp);
        let mut ignored = ProtocolSet::default();
        ignored.insert(Protocol::Mdns);
        let limits = Limits { signalling: None, ..Limits::default() };
        let alias = Some("tv".into());
        policy.devices.insert(
            named,
            DevicePolicy { alias, ignored, limits, conditions: ConditionLimits::USUAL },
        );
        let expected = policy.of(named);
        assert!(
            expected.ignored.contains(Protocol::Ssdp) && expected.ignored.contains(Protocol::Mdns)
        );
        assert!(!expected.ignored.contains(Protocol::Arp));
        assert_eq!(expected.limits.signalling, None);
        let other = policy.of(Sender::Mac(Mac([2; 6])));
        assert!(other.ignored.contains(Protocol::Ssdp) && !other.ignored.contains(Protocol::Mdns));
        assert_eq!((other.limits, other.alias), (Limits::default(), None));
        assert!(Protocol::ALL.iter().all(|protocol| ProtocolSet::ALL.contains(*protocol)));
    }
}
