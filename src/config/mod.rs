//! What people know and the network does not say: names of devices, what may legitimately be busy,
//! and other limits. Read from one YAML file.
//!
//! The file of `--config.file` says what is expected on each segment ([`StormPolicy`]). It is read
//! in two stages, typed and then validated; the second reports everything that is wrong at once,
//! with lines. It knows nothing of who asks and when.
//! | file | reason |
//! |---|---|
//! | `file` | the keys, typed |
//! | `validate` | what they mean, and what is invalid |

mod file;
mod validate;

use crate::decode::Sender;
use crate::detect::{Condition, ConditionLimits};
use crate::storm::{DevicePolicy, Limits, ProtocolSet, StormPolicy};
use regex::Regex;
use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use thiserror::Error;

/// The largest file that is read, in bytes: a name for each of 100,000 devices fits.
const FILE_MAX: u64 = 16 << 20;

/// A configuration that can be used.
#[derive(Clone, Debug, Default)]
pub struct Config {
    limits: LimitsGiven,
    ignored: ProtocolSet,
    conditions: ConditionsGiven,
    segments: Vec<Segment>,
    devices: HashMap<Sender, Device>,
}

/// What is expected on segments whose label matches.
#[derive(Clone, Debug)]
struct Segment {
    interface: Regex,
    limits: LimitsGiven,
    ignored: ProtocolSet,
    conditions: ConditionsGiven,
}

/// What is known of a device.
#[derive(Clone, Debug)]
struct Device {
    name: Option<Box<str>>,
    ignored: ProtocolSet,
    limits: LimitsGiven,
    conditions: ConditionsGiven,
}

/// Limits as far as they were given; `Some(None)` is off.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::option_option, reason = "not given and given as off are two things")]
struct LimitsGiven {
    signalling: Option<Option<u32>>,
    address: Option<Option<u32>>,
    other: Option<Option<u32>>,
    chatty: Option<Option<u32>>,
    segment: Option<Option<u32>>,
}

impl LimitsGiven {
    /// `limits` with those that were given in their places.
    fn over(&self, limits: Limits) -> Limits {
        Limits {
            signalling: self.signalling.unwrap_or(limits.signalling),
            address: self.address.unwrap_or(limits.address),
            other: self.other.unwrap_or(limits.other),
            chatty: self.chatty.unwrap_or(limits.chatty),
        }
    }
}

/// Conditions of which something is said, in the order in which it is.
#[derive(Clone, Debug, Default)]
struct ConditionsGiven(Vec<(Condition, Given)>);

/// What is said of a condition.
#[derive(Clone, Copy, Debug)]
enum Given {
    Off,
    /// As usual, or from more than so many in 60 s on.
    On(Option<u32>),
}

impl ConditionsGiven {
    /// `limits` with what was given in its place.
    fn over(&self, mut limits: ConditionLimits) -> ConditionLimits {
        for (condition, given) in &self.0 {
            match given {
                Given::Off => limits.switch_off(*condition),
                Given::On(limit) => limits.switch_on(*condition, *limit),
            }
        }
        limits
    }
}

/// Why a configuration cannot be used: every reason is one line.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is a pipe, a device or a folder.
    #[error("is not a regular file: write the configuration to a file and name that")]
    NoFile,
    /// It is not UTF-8.
    #[error("is not text in UTF-8: this cannot be a configuration")]
    NoText,
    /// It is longer than 16 MiB.
    #[error("is longer than 16 MiB: this cannot be a configuration")]
    TooLong,
    /// It is not YAML, has an unknown key, or a value of another type.
    #[error("{0}")]
    Syntax(String),
    /// Some values cannot be meant.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
}

impl Config {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// What is wrong with it, with lines, in one line of text.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        // Without waiting: a pipe would have it wait for a writer. Links are followed: Kubernetes makes
        // its files of them.
        let file = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(ConfigError::NoFile);
        }
        let mut octets = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut octets)?;
        if octets.len() as u64 > FILE_MAX {
            return Err(ConfigError::TooLong);
        }
        let text = String::from_utf8(octets).map_err(|_| ConfigError::NoText)?;
        Self::parse(&text)
    }

    /// Validates the text of a file.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        validate::validate(&validate::typed(text)?)
    }

    /// What is expected on the segment of a label: what the whole file says, then what the first
    /// entry of `segments` that matches it says, then what is said of devices.
    pub fn policy(&self, label: &str) -> StormPolicy {
        let segment = self.segments.iter().find(|segment| segment.interface.is_match(label));
        let default = StormPolicy::default();
        let mut limits = self.limits.over(default.limits);
        let mut whole = self.limits.segment.unwrap_or(default.segment);
        let mut ignored = self.ignored;
        let mut conditions = self.conditions.over(default.conditions);
        if let Some(segment) = segment {
            limits = segment.limits.over(limits);
            whole = segment.limits.segment.unwrap_or(whole);
            ignored = ignored.union(segment.ignored);
            conditions = segment.conditions.over(conditions);
        }
        let expected = |device: &Device| DevicePolicy {
            alias: device.name.clone(),
            ignored: device.ignored,
            limits: device.limits.over(limits),
            conditions: device.conditions.over(conditions),
        };
        let devices = self.devices.iter().map(|(sender, device)| (*sender, expected(device)));
        let devices = devices.collect();
        StormPolicy { limits, segment: whole, ignored, conditions, devices }
    }

    /// How many devices are named in it.
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// How many entries for segments it has.
    pub const fn segments(&self) -> usize {
        self.segments.len()
    }
}

#[cfg(test)]
mod tests;
