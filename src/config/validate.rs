//! What the values in the file mean. The second of two stages: everything that is wrong is reported
//! at once, each with its line.

use super::file::{self, File, Ignore, Limit, Switch};
use super::{ConditionsGiven, Config, ConfigError, Device, Given, LimitsGiven, Segment};
use crate::decode::{Protocol, Sender};
use crate::detect::Condition;
use crate::mac::Mac;
use crate::storm::{Limits, ProtocolSet};
use regex::Regex;
use serde_saphyr::Spanned;
use std::collections::HashMap;
use std::net::IpAddr;

/// The highest limit: more frames than 100 Gbit/s Ethernet can carry in a second.
const RATE_MAX: u64 = 200_000_000;
/// The highest limit of a condition, in 60 s: its detector counts up to 255 a second.
const COUNT_MAX: u32 = 10_000;
/// The longest name of a device in characters.
const NAME_MAX: usize = 64;

/// The typed file.
///
/// # Errors
/// What is wrong, in one line, with line and column.
pub(super) fn typed(text: &str) -> Result<File, ConfigError> {
    // A file of comments alone is a configuration that says nothing.
    let says_something = text
        .lines()
        .map(str::trim)
        .any(|line| !line.is_empty() && !line.starts_with('#') && line != "---");
    if !says_something {
        return Ok(File::default());
    }
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ConfigError::Syntax(one_line(&error.to_string())))
}

/// The line first, as with everything else that is wrong, and no advice for programmers.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((what, place)) = text.rsplit_once(" at line ") else { return text };
    let what = what.split(", set DuplicateKeyPolicy").next().unwrap_or(what);
    format!("line {place}: {what}")
}

/// What was found to be wrong so far.
#[derive(Default)]
struct Faults(Vec<(u64, String)>);

impl Faults {
    fn add<T>(&mut self, at: &Spanned<T>, what: impl Into<String>) {
        self.0.push((at.referenced.line(), what.into()));
    }

    fn into_error(mut self) -> Option<ConfigError> {
        self.0.sort();
        let lines = self.0.into_iter().map(|(line, what)| format!("line {line}: {what}"));
        let lines: Vec<String> = lines.collect();
        (!lines.is_empty()).then_some(ConfigError::Invalid(lines))
    }
}

/// The configuration that a file means.
pub(super) fn validate(file: &File) -> Result<Config, ConfigError> {
    let mut faults = Faults::default();
    let mut config = Config {
        limits: segment_limits(&file.limits, Limits::default(), &mut faults),
        ignored: ignored(file.ignore.as_ref(), &mut faults),
        conditions: conditions(&file.conditions, &mut faults),
        ..Config::default()
    };
    let everywhere = config.limits.over(Limits::default());
    let mut seen: HashMap<&str, u64> = HashMap::new();
    for entry in &file.segments {
        let pattern = entry.interface.value.as_str();
        if let Some(line) = seen.insert(pattern, entry.interface.referenced.line()) {
            let what = format!("segments: interface {pattern:?} is there already, in line {line}");
            faults.add(&entry.interface, what);
        }
        let limits = segment_limits(&entry.limits, everywhere, &mut faults);
        let ignored = ignored(entry.ignore.as_ref(), &mut faults);
        let conditions = conditions(&entry.conditions, &mut faults);
        match anchored(pattern) {
            Ok(interface) => {
                config.segments.push(Segment { interface, limits, ignored, conditions });
            }
            Err(why) => faults.add(&entry.interface, format!("interface {pattern:?} {why}")),
        }
    }
    let mut lines: HashMap<Sender, u64> = HashMap::new();
    let mut names: HashMap<String, u64> = HashMap::new();
    for entry in &file.devices {
        let device = device(entry, everywhere, &mut names, &mut faults);
        let Some(sender) = sender(&entry.sender.value) else {
            let what =
                format!("device {:?} is neither a MAC nor an IP address", entry.sender.value);
            faults.add(&entry.sender, what);
            continue;
        };
        let line = entry.sender.referenced.line();
        if let Some(before) = lines.insert(sender, line) {
            let what = format!("device {sender} is there already, in line {before}");
            faults.add(&entry.sender, what);
        }
        config.devices.insert(sender, device);
    }
    match faults.into_error() {
        Some(error) => Err(error),
        None => Ok(config),
    }
}

fn device(
    entry: &file::Device,
    above: Limits,
    names: &mut HashMap<String, u64>,
    faults: &mut Faults,
) -> Device {
    let limits = device_limits(&entry.limits, above, faults);
    let ignored = ignored(entry.ignore.as_ref(), faults);
    let conditions = conditions(&entry.conditions, faults);
    let has_conditions = !entry.conditions.0.is_empty();
    let given = [limits.signalling, limits.address, limits.other, limits.chatty];
    if ignored == ProtocolSet::ALL && given.iter().any(Option::is_some) {
        faults.add(&entry.sender, "has limits, but ignore: all leaves nothing for them to limit");
    }
    if ignored == ProtocolSet::ALL && has_conditions {
        faults.add(&entry.sender, "has conditions, but ignore: all leaves none that it could have");
    }
    let has_limits = given.iter().any(Option::is_some);
    if entry.name.is_none() && entry.ignore.is_none() && !has_limits && !has_conditions {
        let what = "says nothing of the device: give name, ignore, limits or conditions";
        faults.add(&entry.sender, what);
    }
    let name = entry.name.as_ref().and_then(|name| {
        let text = name.value.trim();
        if text.is_empty() || text.chars().count() > NAME_MAX || text.chars().any(char::is_control)
        {
            let what = format!("name must have 1 to {NAME_MAX} characters that can be printed");
            faults.add(name, what);
            return None;
        }
        if let Some(line) = names.insert(text.to_lowercase(), name.referenced.line()) {
            let what = format!("name {text:?} is another device's already, in line {line}");
            faults.add(name, what);
        }
        Some(text.into())
    });
    Device { name, ignored, limits, conditions }
}

fn sender(text: &str) -> Option<Sender> {
    let text = text.trim();
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Sender::Ip(ip));
    }
    let mut octets = [0; 6];
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut parts = text.split(separator);
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *octet = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(Sender::Mac(Mac(octets)))
}

fn anchored(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() {
        return Err("is empty and matches no segment".to_owned());
    }
    // By itself first: `a)|(b` is not valid although the anchored form of it would be.
    Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?s:{pattern})$"))).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        format!("is not a regular expression: {}", last.trim_start_matches("error: "))
    })
}

fn segment_limits(limits: &file::SegmentLimits, above: Limits, faults: &mut Faults) -> LimitsGiven {
    let segment = limit(limits.segment.as_ref(), "segment", faults);
    LimitsGiven { segment, ..device_limits(&limits.of_devices(), above, faults) }
}

/// Limits that stand in a block; what it does not say is as `above`.
fn device_limits(limits: &file::DeviceLimits, above: Limits, faults: &mut Faults) -> LimitsGiven {
    let given = LimitsGiven {
        signalling: limit(limits.signalling.as_ref(), "signalling", faults),
        address: limit(limits.address.as_ref(), "address", faults),
        other: limit(limits.other.as_ref(), "other", faults),
        chatty: limit(limits.chatty.as_ref(), "chatty", faults),
        segment: None,
    };
    // A `chatty` limit that is not given here is dropped silently: what is a storm is no longer
    // chatty.
    if let (Some(Some(chatty)), Some(storm), Some(at)) =
        (given.chatty, given.over(above).signalling, limits.chatty.as_ref())
        && chatty > storm
    {
        let what =
            format!("chatty: {chatty} is above signalling: {storm}, which is a storm already");
        faults.add(at, what);
    }
    given
}

#[allow(clippy::option_option, reason = "not given and given as off are two things")]
fn limit(limit: Option<&Spanned<Limit>>, key: &str, faults: &mut Faults) -> Option<Option<u32>> {
    let given = limit?;
    match given.value {
        Limit::Off => Some(None),
        Limit::Rate(rate) => match u32::try_from(rate) {
            Ok(frames) if (1..=RATE_MAX).contains(&rate) => Some(Some(frames)),
            Ok(_) | Err(_) => {
                let what = format!("{key}: {rate} must lie between 1 and {RATE_MAX}, or be off");
                faults.add(given, what);
                None
            }
        },
    }
}

fn conditions(said: &file::Conditions, faults: &mut Faults) -> ConditionsGiven {
    let mut given = Vec::new();
    for (label, switch) in &said.0 {
        let known = Condition::ALL.iter().find(|condition| condition.label() == label.value);
        let Some(condition) = known else {
            let all: Vec<_> = Condition::ALL.iter().map(|condition| condition.label()).collect();
            let what = format!("{:?} is no condition; these are: {}", label.value, all.join(", "));
            faults.add(label, what);
            continue;
        };
        let key = condition.label();
        match (switch.value, condition.usual_limit()) {
            (Switch::Off, _) => given.push((*condition, Given::Off)),
            (Switch::On, _) => given.push((*condition, Given::On(None))),
            (Switch::Limit(limit), Some(_)) => match u32::try_from(limit) {
                Ok(count) if (1..=COUNT_MAX).contains(&count) => {
                    given.push((*condition, Given::On(Some(count))));
                }
                Ok(_) | Err(_) => {
                    let range = format!("must lie between 1 and {COUNT_MAX}, or be on or off");
                    faults.add(switch, format!("{key}: {limit} {range}"));
                }
            },
            (Switch::Limit(limit), None) => {
                faults.add(switch, format!("{key}: {limit} is no limit of it, it is on or off"));
            }
        }
    }
    ConditionsGiven(given)
}

fn ignored(ignore: Option<&Ignore>, faults: &mut Faults) -> ProtocolSet {
    let mut set = ProtocolSet::default();
    match ignore {
        None => {}
        Some(Ignore::All) => set = ProtocolSet::ALL,
        Some(Ignore::Protocols(labels)) => {
            for label in labels {
                let known = Protocol::ALL.iter().find(|protocol| protocol.label() == label.value);
                if let Some(protocol) = known {
                    set.insert(*protocol);
                } else {
                    let known: Vec<_> = Protocol::ALL.iter().map(|p| p.label()).collect();
                    let known = known.join(", ");
                    let what = format!("{:?} is no protocol; these are: {known}", label.value);
                    faults.add(label, what);
                }
            }
        }
    }
    set
}
