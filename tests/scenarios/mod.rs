//! Captures with a known fault, each amid the healthy LAN: one for each cause of storms, for each
//! condition of mDNS and for each rule, and beside each the nearest that is harmless. A seed gives frames with stamps, and
//! what must be found in them.
//!
//! A scenario is named as the cause or rule that it is about; the harmless one has `_harmless` or
//! `_kept` behind it. Expectations are written in labels, as a reader of the metrics sees them,
//! and know nothing of the detectors. `examples/make_capture.rs` writes them to files.

#![allow(dead_code, reason = "each program takes what it needs")]

mod causes;
mod conditions;
mod copies;
mod messages;
mod odd;
mod others;

use multicast_exporter::craft::mdns::{Responder, Service};
use multicast_exporter::craft::{Captured, Host};
use multicast_exporter::mac::Mac;
use multicast_exporter::simulation::{Member, Options, Simulation, Stream};
use multicast_exporter::time::Stamp;
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
    /// Each condition: who, and which. Those who are in a storm may have others.
    pub conditions: &'static [(Mac, &'static str)],
    /// The rule that is broken and by whom, at least once.
    pub broken: Option<(Mac, &'static str)>,
    /// The rule that no device breaks.
    pub kept: Option<&'static str>,
}

/// Nothing at all is wrong.
const NOTHING: Expected =
    Expected { storms: &[], segment: None, conditions: &[], broken: None, kept: None };

/// All scenarios: causes first, then conditions, then rules, each followed by what is harmless.
pub fn all() -> Vec<Scenario> {
    let tables = [causes::ALL, copies::ALL, conditions::ALL, messages::ALL, others::ALL, odd::ALL];
    tables.into_iter().flatten().copied().collect()
}

/// The scenario of this name.
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

    /// The same, with conditions.
    const fn having(self, conditions: &'static [(Mac, &'static str)]) -> Self {
        Self { expected: Expected { conditions, ..self.expected }, ..self }
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
const GADGET: Host = other(99);
/// Another.
const PARTNER: Host = other(98);

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
