//! What a reader of an engine sees: plain numbers and strings, bounded in size, owning all it
//! holds, so that the engine's lock is released before anything is rendered.

use super::History;
use crate::decode::mdns::{Kind, Section};
use crate::decode::{Issue, Observation, Protocol, Sender};
use crate::detect::{
    AddressFamily, Cause, Condition, Counts, DeviceCondition, Health, LastOffence,
};
use crate::frame::Direction;
use crate::labelled::labelled;
use crate::mac::Mac;
use crate::storm::{Level, Storm};
use crate::time::{Stamp, Time};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Upper bounds of the per-second histogram, in frames; the last bucket is unbounded.
pub const SECOND_BOUNDS: [u64; 12] =
    [0, 1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000];

/// How long the end of a storm is told: whoever looks every minute, and misses a look, has seen how
/// long it lasted.
pub const PAST: Duration = Duration::from_mins(5);

/// One segment at one instant.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Engine time of the copy.
    pub time: Time,
    /// Frames whose destination is multicast or broadcast, and unicast mDNS, by protocol.
    pub packets: [u64; Protocol::COUNT],
    /// Their bytes on the wire.
    pub bytes: [u64; Protocol::COUNT],
    /// Frames of any kind that were handed to the engine, unicast ones too.
    pub frames: u64,
    /// Multicast IP in unicast frames.
    pub converted: u64,
    /// Frames that were counted but not judged.
    pub unjudged: u64,
    /// What was wrong, most of them zero and so left out.
    pub decode_errors: Vec<(Issue, u64)>,
    /// Frames over the whole of a file; empty live.
    pub history: History,
    /// How many frames each whole second held.
    pub per_second: Histogram,
    /// Rows in use.
    pub tracked: usize,
    /// Rows taken from devices that were idle too long.
    pub evicted_expired: u64,
    /// Rows taken from newcomers for other newcomers.
    pub evicted_capacity: u64,
    /// How well discovery works.
    pub health: Health,
    /// The devices.
    pub devices: Vec<DeviceSnapshot>,
    /// Frames of senders without a row; `None` until there is one.
    pub other: Option<DeviceCounters>,
    /// Violations of all devices, by rule.
    pub violations: Counts,
    /// Conditions of all devices that have begun.
    pub conditions_begun: [u64; Condition::COUNT],
    /// Storms that last and the latest that are over, in the order in which they began.
    pub storms: Vec<Storm>,
    /// The storm of the segment as a whole, while it lasts; it is among `storms` too.
    pub segment_storm: Option<Storm>,
    /// The latest that ended within the last [`PAST`].
    pub past_segment_storm: Option<Storm>,
    /// Storms that are over and no longer among `storms`.
    pub storms_forgotten: u64,
    /// Device storms that are over, by final level and final cause.
    pub storms_ended: [[u64; Cause::COUNT]; Level::ALL.len()],
}

/// A Prometheus histogram with the bounds of [`SECOND_BOUNDS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Observations at or under each bound but over the one before; the last is unbounded.
    pub counts: [u64; SECOND_BOUNDS.len() + 1],
    /// Sum of the observations.
    pub sum: u64,
}

/// What is counted for a sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceCounters {
    /// Frames by protocol.
    pub packets: [u64; Protocol::COUNT],
    /// Bytes on the wire by protocol.
    pub bytes: [u64; Protocol::COUNT],
    /// mDNS messages by kind.
    pub messages: [u64; Kind::ALL.len()],
    /// Decoded mDNS records by section.
    pub records: [u64; Section::ALL.len()],
}

impl DeviceCounters {
    /// Counts so many frames of `bytes` each, with the kind and the decoded records of their
    /// message.
    pub(super) fn count(
        &mut self,
        (protocol, bytes): (Protocol, u64),
        kind: Option<Kind>,
        decoded: [u32; Section::ALL.len()],
        frames: u64,
    ) {
        self.packets[protocol.index()] += frames;
        self.bytes[protocol.index()] += bytes * frames;
        if let Some(kind) = kind {
            self.messages[kind as usize] += frames;
            for (records, decoded) in self.records.iter_mut().zip(decoded) {
                *records += u64::from(decoded) * frames;
            }
        }
    }
}

/// What this machine received of a device. Empty where this machine sent all the frames itself, in
/// its own name or for a virtual machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Any frame.
    pub any: bool,
    /// Multicast mDNS, by [`AddressFamily`].
    pub mdns: [bool; AddressFamily::ALL.len()],
}

impl Received {
    /// Takes note of one frame.
    pub(super) fn handle(&mut self, observation: &Observation<'_>, protocol: Protocol) {
        if observation.direction == Direction::Outgoing {
            return;
        }
        self.any = true;
        if protocol == Protocol::Mdns
            && let Some(ip) = observation.ip
        {
            let family =
                if ip.source.is_ipv4() { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 };
            self.mdns[family as usize] = true;
        }
    }
}

/// One device.
#[derive(Clone, Debug)]
pub struct DeviceSnapshot {
    /// Who it is.
    pub sender: Sender,
    /// What it sent.
    pub counters: DeviceCounters,
    /// Frames of others that answer what it asks too fast.
    pub provoked: u64,
    /// What this machine received of it.
    pub received: Received,
    /// The busiest whole second of the last 60 s: signalling and address frames.
    pub peak_minute: u32,
    /// Frames a second over the last five whole seconds: signalling and address frames.
    pub latest: u32,
    /// The busiest whole second ever.
    pub peak_ever: u32,
    /// Wall-clock time of its first frame.
    pub first_seen: Stamp,
    /// Wall-clock time of its last frame.
    pub last_seen: Stamp,
    /// Engine time of its last frame.
    pub last_active: Time,
    /// Whether it has series yet: from its first frame while the table is under half full, above
    /// that once it was seen in two windows of 10 s.
    pub exposed: bool,
    /// Name, addresses and so on. Shared, because it seldom changes.
    pub identity: Arc<Identity>,
    /// Its violations; `None` if there are none.
    pub violations: Option<Box<Counts>>,
    /// The last offence against each rule that it broke.
    pub offences: Vec<LastOffence>,
    /// What is wrong with it at any rate, or was: at most one of each kind.
    pub conditions: Vec<DeviceCondition>,
    /// Its storm, while it lasts.
    pub storm: Option<Storm>,
    /// Its latest storm that ended within the last [`PAST`].
    pub past_storm: Option<Storm>,
    /// Storms begun, by level.
    pub storms_begun: [u64; Level::ALL.len()],
}

impl DeviceSnapshot {
    /// A device that has its row and nothing else yet, first heard at `seen`.
    pub fn new(sender: Sender, seen: Stamp) -> Self {
        Self {
            sender,
            counters: DeviceCounters::default(),
            provoked: 0,
            received: Received::default(),
            peak_minute: 0,
            latest: 0,
            peak_ever: 0,
            first_seen: seen,
            last_seen: seen,
            last_active: Time(0),
            exposed: true,
            identity: Arc::default(),
            violations: None,
            offences: Vec::new(),
            conditions: Vec::new(),
            storm: None,
            past_storm: None,
            storms_begun: [0; Level::ALL.len()],
        }
    }
}

/// Who a device says it is; bounded and cleaned: every string at most 64 characters without
/// control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// All addresses heard, at most 16, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The sticky one, for the info metric: the first IPv4, else link-local, replaced only after
    /// 10 min unheard. Of a device that is named by its IP address, its MAC once that is known.
    pub address: Option<Address>,
    /// Addresses, and then the name, that another device claims too: they are in none of the other
    /// fields, and name nobody.
    pub contested: Vec<Box<str>>,
    /// The sticky host name.
    pub name: Option<Box<str>>,
    /// Who made its network card.
    pub vendor: Option<&'static str>,
    /// Model, as it says.
    pub model: Option<Box<str>>,
    /// What kind of device.
    pub category: Category,
    /// Sent by this machine.
    pub local: bool,
}

/// What the info metric shows beside the `device` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address of a device that is named by its MAC.
    Ip(IpAddr),
    /// The MAC of a device that is named by its IP address.
    Mac(Mac),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => fmt::Display::fmt(ip, f),
            Self::Mac(mac) => fmt::Display::fmt(mac, f),
        }
    }
}

labelled! {
    /// What sort of device it is: the `category` label.
    #[derive(Default)]
    #[allow(missing_docs, reason = "the names say it")]
    pub enum Category {
        Printer = "printer",
        Media = "media",
        Speaker = "speaker",
        Tv = "tv",
        Camera = "camera",
        Hub = "hub",
        Phone = "phone",
        Computer = "computer",
        Router = "router",
        Nas = "nas",
        Relay = "relay",
        Repeater = "repeater",
        #[default]
        Unknown = "unknown",
    }
}
