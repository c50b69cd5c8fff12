//! Captures with a known fault, each amid the healthy LAN: one for each cause of storms and one
//! for each rule, and beside each the nearest that is harmless. Comes in: a seed. Go out: frames
//! with stamps, and what must be said of them.
//!
//! A scenario is named as the cause or rule that it is about; the harmless one has `_harmless` or
//! `_kept` behind it. Expectations are written in labels, as a reader of the metrics sees them,
//! and know nothing of the detectors.

mod causes;
mod messages;
mod others;

use super::{Member, Options, Simulation, Stream};
use crate::craft::mdns::{Responder, Service};
use crate::craft::{Captured, Host};
use crate::mac::Mac;
use crate::time::Stamp;
use std::net::Ipv4Addr;
use std::time::Duration;

/// When the LAN of a scenario is switched on: 2026-01-01T00:00:00Z.
pub const START: Stamp = Stamp::new(1_767_225_600, 0);
/// When the fault begins: the LAN has booted and grown quiet.
pub const FAULT: Duration = Duration::from_mins(2);

/// A capture, and what must be said of it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The cause or rule, or what it is next to.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// What must be said.
    pub expected: Expected,
    /// How long it is.
    pub length: Duration,
    /// The limit that is configured for other multicast of a device, in frames a second.
    pub other_limit: Option<u32>,
    script: fn(&mut Script),
}

/// What must be said of a scenario; of anybody else, nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Each device storm: who, `level`, `cause`.
    pub storms: &'static [(Mac, &'static str, &'static str)],
    /// The segment's storm, by its `cause`.
    pub segment: Option<&'static str>,
    /// The rule that is broken and by whom, at least once.
    pub broken: Option<(Mac, &'static str)>,
    /// The rule that nobody breaks.
    pub kept: Option<&'static str>,
}

/// Nothing at all is wrong.
const NOTHING: Expected = Expected { storms: &[], segment: None, broken: None, kept: None };

/// All scenarios: causes first, then rules, each followed by what is harmless.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let tables = [causes::ALL, messages::ALL, others::ALL];
    tables.into_iter().flatten().copied().collect()
}

/// The scenario of this name.
#[must_use]
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

impl Scenario {
    const fn new(
        name: &'static str,
        about: &'static str,
        expected: Expected,
        script: fn(&mut Script),
    ) -> Self {
        let length = Duration::from_mins(5);
        Self { name, about, expected, length, other_limit: None, script }
    }

    const fn lasting(self, length: Duration) -> Self {
        Self { length, ..self }
    }

    const fn allowing_other(self, per_second: u32) -> Self {
        Self { other_limit: Some(per_second), ..self }
    }

    /// A rule that the gadget breaks.
    const fn broken(name: &'static str, about: &'static str, script: fn(&mut Script)) -> Self {
        let expected = Expected { broken: Some((GADGET.mac, name)), ..NOTHING };
        Self::new(name, about, expected, script)
    }

    /// A rule that comes close to being broken.
    const fn kept(
        name: &'static str,
        rule: &'static str,
        about: &'static str,
        script: fn(&mut Script),
    ) -> Self {
        Self::new(name, about, Expected { kept: Some(rule), ..NOTHING }, script)
    }

    /// Its frames, in the order of time.
    #[must_use]
    pub fn frames(&self, seed: u64) -> Vec<Captured> {
        let lan = Simulation::new(Options { seed, stream: Stream::Off, ..Options::default() });
        let mut script = Script { lan, start: FAULT };
        (self.script)(&mut script);
        let stamp = |at: Duration| {
            Stamp(START.0.saturating_add(i128::try_from(at.as_nanos()).unwrap_or(i128::MAX)))
        };
        script.lan.frames(self.length).map(|(at, bytes)| Captured::new(stamp(at), bytes)).collect()
    }
}

/// A device that is not of the household and does what scenarios ask of it.
pub(super) const GADGET: Host = other(99);
/// Another.
pub(super) const PARTNER: Host = other(98);

/// A device of no vendor's at 10.0.1.n.
const fn other(n: u8) -> Host {
    Host::new(Mac([0, 0, 0x5e, 0, 0x53, n]), Ipv4Addr::new(10, 0, 1, n))
}

/// What is put into the LAN by hand. Times are in milliseconds after [`FAULT`].
struct Script {
    lan: Simulation,
    start: Duration,
}

impl Script {
    fn send(&mut self, millis: u64, frame: Vec<u8>) {
        self.lan.inject(self.start + Duration::from_millis(millis), frame);
    }

    /// An mDNS message of the gadget over IPv4.
    fn say(&mut self, millis: u64, message: impl Into<Vec<u8>>) {
        self.send(millis, GADGET.mdns4(message));
    }

    /// `per_second` frames a second for so long, the n-th made by `frame`.
    fn repeat(&mut self, seconds: u64, per_second: u64, frame: impl Fn(u64) -> Vec<u8>) {
        for n in 0..seconds * per_second {
            let at = self.start + Duration::from_nanos(n * 1_000_000_000 / per_second);
            self.lan.inject(at, frame(n));
        }
    }

    /// A host comes to the LAN a minute before the fault, by the rules: it announces its address,
    /// probes and announces.
    fn boot(&mut self, host: Host, responder: &Responder) {
        let from = self.start.saturating_sub(Duration::from_mins(1));
        let at = |millis| from + Duration::from_millis(millis);
        self.lan.inject(from, host.arp_announcement());
        for probe in [500, 750, 1_000] {
            self.lan.inject(at(probe), host.mdns4(responder.probe()));
        }
        for announcement in [1_250, 2_270] {
            self.lan.inject(at(announcement), host.mdns4(responder.announcement()));
        }
    }
}

/// The gadget as a responder: it offers one service.
fn gadget() -> Responder {
    Responder::with_addresses("gadget", &[GADGET.v4.into()])
        .service(Service::new("Gadget", "_gadget._tcp", 80).txt("state=0"))
}

/// A member's MAC.
const fn mac(member: Member) -> Mac {
    member.host().mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn names_are_distinct_and_each_fault_has_a_harmless_neighbour() {
        let names: BTreeSet<&str> = all().iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all().len());
        for scenario in all() {
            let neighbour = match scenario.expected.broken {
                Some((_, rule)) => format!("{rule}_kept"),
                None => match scenario.expected.storms {
                    [(_, _, cause), ..] if *cause == scenario.name => format!("{cause}_harmless"),
                    _ => continue,
                },
            };
            assert!(named(&neighbour).is_some(), "{} without {neighbour}", scenario.name);
        }
        assert!(named("no such scenario").is_none());
    }

    #[test]
    fn they_are_the_same_for_the_same_seed() {
        for name in ["reflection", "query_flood_harmless", "fragmented", "wsd_repeat"] {
            let scenario = named(name).expect("there is one");
            let frames = scenario.frames(1);
            assert!(frames == scenario.frames(1), "{name}");
            assert!(frames != scenario.frames(2), "{name}");
        }
    }

    #[test]
    fn time_goes_on_and_floods_are_over_the_limit_and_harmless_ones_under_it() {
        for scenario in all() {
            // The founding story has a beginning of its own.
            let fault = if scenario.name == "stuck_printer" { 5 * FAULT } else { FAULT };
            let from = Stamp(START.0 + i128::try_from(fault.as_nanos()).expect("minutes"));
            let until = Stamp(from.0 + 10_000_000_000);
            let frames = scenario.frames(1);
            assert!(frames.is_sorted_by_key(|frame| frame.stamp), "{}", scenario.name);
            assert!(frames.len() > 300, "{}", scenario.name);
            let mut counts = BTreeMap::<Mac, usize>::new();
            for frame in frames {
                if frame.stamp >= from && frame.stamp < until && frame.bytes[12..14] != [8, 6] {
                    let source = frame.bytes[6..12].try_into().expect("six octets");
                    *counts.entry(Mac(source)).or_default() += 1;
                }
            }
            counts.retain(|_, count| *count >= 500);
            let mut flooding: BTreeSet<Mac> = counts.into_keys().collect();
            // Streams and scans are of classes of their own.
            if ["stream", "stream_harmless", "address_scan"].contains(&scenario.name) {
                flooding = scenario.expected.storms.iter().map(|(mac, ..)| *mac).collect();
            }
            let storms = scenario.expected.storms.iter().filter(|(_, level, _)| *level == "storm");
            let expected: BTreeSet<Mac> = storms.map(|(mac, ..)| *mac).collect();
            assert_eq!(flooding, expected, "{}", scenario.name);
        }
    }
}
