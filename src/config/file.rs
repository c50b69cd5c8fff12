//! The configuration file as it stands: YAML keys and values with the lines that they stand in.
//! The first of two stages: here only types are checked; what the values mean is not.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// What holds everywhere.
    #[serde(default)]
    pub limits: SegmentLimits,
    /// What is never a storm or a condition, no matter who sends it.
    #[serde(default)]
    pub ignore: Option<Ignore>,
    /// Which conditions devices have, and from when on.
    #[serde(default)]
    pub conditions: Conditions,
    /// What holds on some segments.
    #[serde(default)]
    pub segments: Vec<Segment>,
    /// What is known of devices.
    #[serde(default)]
    pub devices: Vec<Device>,
}

/// An entry of `segments`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Segment {
    /// A regular expression of `interface` labels, anchored at both ends.
    pub interface: Spanned<String>,
    /// Limits that differ from those of the whole file.
    #[serde(default)]
    pub limits: SegmentLimits,
    /// What is never a storm or a condition here.
    #[serde(default)]
    pub ignore: Option<Ignore>,
    /// Conditions that differ from those of the whole file.
    #[serde(default)]
    pub conditions: Conditions,
}

/// An entry of `devices`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Device {
    /// Its MAC, or its IP address where captures see no MAC.
    #[serde(rename = "device")]
    pub sender: Spanned<String>,
    /// The name that people give it.
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    /// What is never a storm or a condition when this device sends it.
    #[serde(default)]
    pub ignore: Option<Ignore>,
    /// Conditions that differ from those of its segment.
    #[serde(default)]
    pub conditions: Conditions,
    /// Limits that differ from those of its segment.
    #[serde(default)]
    pub limits: DeviceLimits,
}

/// Limits of devices, in frames a second.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceLimits {
    /// See [`crate::storm::Limits`].
    pub signalling: Option<Spanned<Limit>>,
    /// See [`crate::storm::Limits`].
    pub address: Option<Spanned<Limit>>,
    /// See [`crate::storm::Limits`].
    pub other: Option<Spanned<Limit>>,
    /// See [`crate::storm::Limits`].
    pub chatty: Option<Spanned<Limit>>,
}

/// Limits of devices and of the segment as a whole. Written out, because serde cannot refuse
/// unknown keys in what it flattens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentLimits {
    signalling: Option<Spanned<Limit>>,
    address: Option<Spanned<Limit>>,
    other: Option<Spanned<Limit>>,
    chatty: Option<Spanned<Limit>>,
    /// See [`crate::storm::StormPolicy::segment`].
    pub segment: Option<Spanned<Limit>>,
}

impl SegmentLimits {
    /// Those of devices.
    pub(super) fn of_devices(&self) -> DeviceLimits {
        let Self { signalling, address, other, chatty, .. } = self.clone();
        DeviceLimits { signalling, address, other, chatty }
    }
}

/// A rate, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Never a storm.
    Off,
    /// From so many frames a second on.
    Rate(u64),
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RateOrOff;

        impl Visitor<'_> for RateOrOff {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of frames a second, or off")
            }

            fn visit_u64<E: de::Error>(self, rate: u64) -> Result<Limit, E> {
                Ok(Limit::Rate(rate))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
                match text.parse() {
                    Ok(rate) => Ok(Limit::Rate(rate)),
                    Err(_) if text == "off" => Ok(Limit::Off),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        // The text as it stands: to YAML 1.1 `off` is a boolean.
        deserializer.deserialize_str(RateOrOff)
    }
}

/// Conditions by label, each with what is said of it, in the order in which they stand there.
#[derive(Debug, Default)]
pub(super) struct Conditions(pub Vec<(Spanned<String>, Spanned<Switch>)>);

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByLabel;

        impl<'de> Visitor<'de> for ByLabel {
            type Value = Conditions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("conditions such as {address_repeat: off}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conditions, A::Error> {
                let mut conditions = Vec::new();
                while let Some(condition) = map.next_entry()? {
                    conditions.push(condition);
                }
                Ok(Conditions(conditions))
            }
        }
        deserializer.deserialize_map(ByLabel)
    }
}

/// What is said of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    /// No device has it.
    Off,
    /// From when on is not said.
    On,
    /// From more than so many in 60 s on.
    Limit(u64),
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitOrSwitch;

        impl Visitor<'_> for LimitOrSwitch {
            type Value = Switch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("on, off, or a number in 60 s")
            }

            fn visit_u64<E: de::Error>(self, limit: u64) -> Result<Switch, E> {
                Ok(Switch::Limit(limit))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Switch, E> {
                match (text, text.parse()) {
                    ("off", _) => Ok(Switch::Off),
                    ("on", _) => Ok(Switch::On),
                    (_, Ok(limit)) => Ok(Switch::Limit(limit)),
                    (_, Err(_)) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        // As with limits: to YAML 1.1 both words are booleans.
        deserializer.deserialize_str(LimitOrSwitch)
    }
}

/// What is never a storm.
#[derive(Debug)]
pub(super) enum Ignore {
    /// All of it.
    All,
    /// These protocols, by label.
    Protocols(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Ignore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllOrList;

        impl<'de> Visitor<'de> for AllOrList {
            type Value = Ignore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("all, or a list of protocols such as [ssdp, other_broadcast]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ignore, E> {
                match text {
                    "all" => Ok(Ignore::All),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Ignore, A::Error> {
                let mut protocols = Vec::new();
                while let Some(protocol) = list.next_element()? {
                    protocols.push(protocol);
                }
                Ok(Ignore::Protocols(protocols))
            }
        }
        deserializer.deserialize_any(AllOrList)
    }
}
